"""Locality-sensitive hashing: documents that agree on a band of their signatures meet in a bucket and are compared there.

    signature  | 7 values | 7 values | ...        bucket (band 0, hash 9f..):  nodes 3, 17, 20
    bands      |  hash 0  |  hash 1  | ...        compared: (3, 17) (3, 20) (17, 20); edge: those similar enough by their sketches

Nodes are ranks: a lower number is a document of higher priority.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.dedup.buckets import Buckets, collect_buckets, distinct_values, split_large
from pipeline.dedup.murmur import mix64
from pipeline.dedup.params import NearParams
from pipeline.dedup.sketch import count_mismatches, similarity_of, sketch_similarity
from pipeline.kernels import kernel

_HALF, _LOW_BITS = np.uint64(32), np.uint64(2**32 - 1)
_BUFFER = 2**20  # pairs
MAX_PAIRS = 16 << 20  # distinct ones that are held at a time, some 40 bytes each


@dataclass(frozen=True)
class BandRecords:
    """What a document sends for each of its bands; m records, in any order.

    band uint16 [m]; band_hash uint64 [m]; node, any integers [m]; sketch uint64 [m, words], one node's always the same.
    """

    band: np.ndarray
    band_hash: np.ndarray
    node: np.ndarray
    sketch: np.ndarray


@dataclass(frozen=True)
class BucketStatistics:
    num_buckets: int  # with two nodes or more
    num_split_buckets: int
    num_candidates: int  # pairs of nodes that share a bucket; a pair that shares two counts twice
    num_parted: int  # candidates that a split set apart: not compared here, and lost if no other bucket holds both
    num_pairs: int  # candidates that were compared


@dataclass(frozen=True)
class Edges:
    """Some pairs of similar nodes, each once, ascending by (high, low).

    high, low [e], of the records' dtype: the node of the higher priority (the lower number), the other; similarity float32 [e].
    """

    high: np.ndarray
    low: np.ndarray
    similarity: np.ndarray


def band_hashes(signatures: np.ndarray, params: NearParams) -> np.ndarray:
    """A hash of each band's number and values; equal values in two bands have different hashes.

    Args:
        signatures: uint32 [n, params.num_permutations].
    Returns:
        uint64 [n, params.bands].
    """
    return _hash_bands(signatures, params.bands, params.rows)


@kernel
def _hash_bands(signatures: np.ndarray, bands: int, rows: int) -> np.ndarray:
    hashes = np.empty((len(signatures), bands), np.uint64)
    for i in range(len(signatures)):
        for band in range(bands):
            h = mix64(np.uint64(band + 1))
            for k in range(band * rows, (band + 1) * rows):
                h = mix64(h ^ np.uint64(signatures[i, k]))
            hashes[i, band] = h
    return hashes


def bucket_edges(records: BandRecords, *, params: NearParams, max_pairs: int = MAX_PAIRS) -> tuple[BucketStatistics, Iterator[Edges]]:
    """The pairs of nodes that share a bucket and whose sketches put them at `params.candidate_similarity` or above.

    A bucket of at most `params.max_bucket` nodes is compared all with all. A larger one is split by the sketches' values in the
    next band's rows, then the next's, until its pieces fit; nodes that agree on all of these are compared with the first of them
    only. So time and memory grow with the number of records, at most `max_bucket` times, however many share a header.

    Args:
        records: of whole buckets: those of one (band, band_hash) must not be spread over two calls. Their order has no effect.
        max_pairs: if there are more, they come in several batches, and a pair may be in more than one of them.
    """
    buckets, record = collect_buckets(records.band, records.band_hash, records.node)
    nodes, sketches = records.node[record], records.sketch[record]
    pieces = split_large(buckets, sketches, params=params)
    batches = _similar_pairs(pieces, sketches, params=params, max_pairs=max_pairs)
    edges = (_edges(keys, nodes, sketches, num_permutations=params.num_permutations) for keys in batches)
    return _statistics(buckets, pieces, params=params), edges


def _edges(keys: np.ndarray, nodes: np.ndarray, sketches: np.ndarray, *, num_permutations: int) -> Edges:
    high, low = keys >> _HALF, keys & _LOW_BITS
    return Edges(nodes[high], nodes[low], sketch_similarity(sketches, left=high, right=low, num_permutations=num_permutations))


def _similar_pairs(buckets: Buckets, sketches: np.ndarray, *, params: NearParams, max_pairs: int) -> Iterator[np.ndarray]:
    """Batches of the pairs found, in each ascending and once: uint64, the higher node's place << 32 | the lower's."""
    if not len(buckets.begin):
        return
    similarities = similarity_of(np.arange(params.num_permutations + 1), num_permutations=params.num_permutations)
    max_mismatches = int(np.count_nonzero(similarities >= params.candidate_similarity)) - 1
    buffer = np.empty(max(_BUFFER, int(buckets.sizes.max())), np.uint64)
    distinct = np.empty(0, np.uint64)
    found: list[np.ndarray] = []
    bucket, row = 0, 0
    while bucket < len(buckets.begin):
        num_found, bucket, row = _compare(
            buckets.members, buckets.begin, buckets.end, buckets.is_chain, sketches, max_mismatches, bucket, row, buffer
        )
        found.append(buffer[:num_found].copy())
        # True duplicates meet in most bands. To drop repeats when they outnumber the rest bounds memory by what is distinct,
        # and sorts a pair a logarithmic number of times.
        if sum(map(len, found)) > max(_BUFFER, len(distinct)):
            distinct, found = distinct_values(np.concatenate([distinct, *found])), []
            if len(distinct) > max_pairs:
                yield distinct
                distinct = np.empty(0, np.uint64)
    yield distinct_values(np.concatenate([distinct, *found]))


@kernel
def _compare(
    members: np.ndarray,
    begin: np.ndarray,
    end: np.ndarray,
    is_chain: np.ndarray,
    sketches: np.ndarray,
    max_mismatches: int,
    bucket: int,
    row: int,
    found: np.ndarray,
) -> tuple[int, int, int]:
    """Compares from this bucket's row on, until what a row may find could overflow; returns the number found and where to go on."""
    num_found = 0
    for b in range(bucket, len(begin)):
        num_rows = 1 if is_chain[b] else end[b] - begin[b] - 1
        for i in range(begin[b] + row, begin[b] + num_rows):
            if num_found + end[b] - i > len(found):
                return num_found, b, i - begin[b]
            for j in range(i + 1, end[b]):
                if count_mismatches(sketches[members[i]], sketches[members[j]]) <= max_mismatches:
                    found[num_found] = (np.uint64(members[i]) << _HALF) | np.uint64(members[j])
                    num_found += 1
        row = 0
    return num_found, len(begin), 0


def _statistics(buckets: Buckets, pieces: Buckets, *, params: NearParams) -> BucketStatistics:
    num_candidates, num_together = _num_pairs(buckets.sizes), _num_pairs(pieces.sizes)
    chains = pieces.sizes[pieces.is_chain]
    return BucketStatistics(
        num_buckets=len(buckets.begin),
        num_split_buckets=int(np.count_nonzero(buckets.sizes > params.max_bucket)),
        num_candidates=num_candidates,
        num_parted=num_candidates - num_together,
        num_pairs=num_together - _num_pairs(chains) + int(np.sum(chains - 1)),
    )


def _num_pairs(sizes: np.ndarray) -> int:
    return int(np.sum(sizes * (sizes - 1) // 2))
