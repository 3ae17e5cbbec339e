"""Buckets: the nodes that share a band's hash, and how a bucket that is too large to compare all with all is split."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.dedup.params import NearParams
from pipeline.kernels import kernel

_HALF = np.uint64(32)
_TWO_BITS = np.uint64(3)
_ODD = np.uint64(0x9DDFEA08EB382D69)


@dataclass(frozen=True)
class Buckets:
    """Runs of one list of members: bucket i is members[begin[i] : end[i]], at least two, ascending.

    members uint32: places in the ascending list of distinct nodes; begin, end int64 and band uint16 [num_buckets]; is_chain
    bool [num_buckets]: its members are compared with the first only, not all with all.
    """

    members: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    band: np.ndarray
    is_chain: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        return self.end - self.begin


def collect_buckets(band: np.ndarray, band_hash: np.ndarray, node: np.ndarray) -> tuple[Buckets, np.ndarray]:
    """Groups records by (band, band_hash), and forgets those that are alone.

    Returns:
        the buckets, and for each distinct node in them one of its records, int64, nodes ascending.
    """
    order = np.argsort(band_hash)
    order = order[np.argsort(band[order], kind="stable")]
    starts = _starts(band[order], band_hash[order])
    shared = ~(starts & np.append(starts[1:], True)) if len(starts) else starts
    order = order[shared]  # most documents have no duplicate: what follows sees the few that may
    bucket = np.cumsum(starts[shared], dtype=np.uint64)

    distinct, member = np.unique(node[order], return_inverse=True)
    record = np.empty(len(distinct), np.int64)
    record[member] = order
    keys = distinct_values((bucket << _HALF) | member.astype(np.uint64))  # a record that came twice counts once
    first = _starts(keys >> _HALF)
    begin = np.flatnonzero(first)
    end = np.append(begin[1:], len(keys))
    band = band[order[np.flatnonzero(starts[shared])]]
    several = end - begin > 1
    members = (keys & np.uint64(2**32 - 1)).astype(np.uint32)
    return Buckets(members, begin[several], end[several], band[several], np.zeros(several.sum(), bool)), record


def split_large(buckets: Buckets, sketches: np.ndarray, *, params: NearParams) -> Buckets:
    """The same buckets, those over `max_bucket` replaced by the pieces that hold two nodes or more.

    Args:
        sketches: uint64 [num_nodes, words].
    """
    fits = buckets.sizes <= params.max_bucket
    parts = [Buckets(buckets.members, buckets.begin[fits], buckets.end[fits], buckets.band[fits], buckets.is_chain[fits])]
    for i in np.flatnonzero(~fits):
        members = buckets.members[buckets.begin[i] : buckets.end[i]]
        parts.extend(_split(members, int(buckets.band[i]), sketches, params=params))
    shifts = np.cumsum([0, *(len(part.members) for part in parts[:-1])])
    return Buckets(
        members=np.concatenate([part.members for part in parts]),
        begin=np.concatenate([part.begin + shift for part, shift in zip(parts, shifts, strict=True)]),
        end=np.concatenate([part.end + shift for part, shift in zip(parts, shifts, strict=True)]),
        band=np.concatenate([part.band for part in parts]),
        is_chain=np.concatenate([part.is_chain for part in parts]),
    )


def _split(members: np.ndarray, band: int, sketches: np.ndarray, *, params: NearParams) -> Iterator[Buckets]:
    """By the values in the rows of the next band, what is still too large by the band after that, and so on round the bands."""
    todo = [(members, 1)]
    while todo:
        members, num_steps = todo.pop()
        if num_steps == params.bands:  # they agree on every band's rows
            yield _pieces(members, np.array([0]), np.array([len(members)]), band=band, is_chain=True)
            continue
        rows_start = (band + num_steps) % params.bands * params.rows
        keys = _hash_rows(sketches, members, rows_start, rows_start + params.rows)
        if np.all(keys == keys[0]):
            todo.append((members, num_steps + 1))
            continue
        order = np.argsort(keys, kind="stable")
        members = members[order]
        begin = np.flatnonzero(_starts(keys[order]))
        end = np.append(begin[1:], len(members))
        sizes = end - begin
        large = sizes > params.max_bucket
        todo.extend((members[i:j], num_steps + 1) for i, j in zip(begin[large], end[large], strict=True))
        fits = ~large & (sizes > 1)
        yield _pieces(members, begin[fits], end[fits], band=band, is_chain=False)


def _pieces(members: np.ndarray, begin: np.ndarray, end: np.ndarray, *, band: int, is_chain: bool) -> Buckets:
    return Buckets(members, begin, end, np.full(len(begin), band, np.uint16), np.full(len(begin), is_chain))


@kernel
def _hash_rows(sketches: np.ndarray, members: np.ndarray, rows_start: int, rows_end: int) -> np.ndarray:
    """A hash of each member's two-bit values from one row to another."""
    keys = np.zeros(len(members), np.uint64)
    for i in range(len(members)):
        for row in range(rows_start, rows_end):
            value = (sketches[members[i], row // 32] >> np.uint64(2 * (row % 32))) & _TWO_BITS
            keys[i] = (keys[i] + value) * _ODD
    return keys


def distinct_values(values: np.ndarray) -> np.ndarray:
    """Ascending, each once."""
    values = np.sort(values)
    return values[_starts(values)]


def _starts(*columns: np.ndarray) -> np.ndarray:
    """Where a row differs from the one before it, the first included: bool [n]."""
    starts = np.ones(len(columns[0]), bool)
    starts[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return starts
