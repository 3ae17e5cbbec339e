import itertools
import tracemalloc
from collections.abc import Iterator
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.lsh import BandRecords, band_hashes, bucket_edges
from pipeline.dedup.params import NearParams
from tests.dedup.reference import AllEdges, all_edges

SMALL = NearParams(num_permutations=7, bands=3, rows=2, min_similarity=0.4, max_bucket=3, verify="sketch")


@st.composite
def small_records(draw: st.DrawFn) -> BandRecords:
    """Up to 14 nodes with sketches of seven values, mostly alike; a bucket holds any of them, records may come twice."""
    nodes = draw(st.lists(st.integers(0, 2**63), min_size=1, max_size=14, unique=True))
    values = draw(st.lists(st.lists(st.sampled_from([0, 0, 0, 1, 3]), min_size=7, max_size=7), min_size=len(nodes), max_size=len(nodes)))
    record = st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, len(nodes) - 1))
    records = draw(st.lists(record, max_size=40))
    words = np.array([sum(value << 2 * k for k, value in enumerate(row)) for row in values], np.uint64)
    band, band_hash, place = np.array(records, np.int64).reshape(-1, 3).T
    return BandRecords(band.astype(np.uint16), band_hash.astype(np.uint64), np.array(nodes, np.uint64)[place], words[place][:, None])


def _values(record: BandRecords, row: int, num_permutations: int) -> tuple[int, ...]:
    word = int(record.sketch[row, 0])
    return tuple(word >> 2 * k & 3 for k in range(num_permutations))


def _pairs_to_compare(bucket: list[int], band: int, values: dict, params: NearParams, steps: int = 1) -> Iterator[tuple[int, int]]:
    """The rule of splitting, word for word."""
    if len(bucket) <= params.max_bucket:
        yield from itertools.combinations(bucket, 2)
    elif steps == params.bands:
        yield from ((bucket[0], other) for other in bucket[1:])
    else:
        start = (band + steps) % params.bands * params.rows
        pieces: dict = {}
        for node in bucket:
            pieces.setdefault(values[node][start : start + params.rows], []).append(node)
        for piece in pieces.values():
            yield from _pairs_to_compare(piece, band, values, params, steps + 1)


def _slow_edges(records: BandRecords, params: NearParams) -> tuple[dict[tuple[int, int], float], int]:
    buckets: dict = {}
    values = {}
    for row in range(len(records.node)):
        buckets.setdefault((int(records.band[row]), int(records.band_hash[row])), set()).add(int(records.node[row]))
        values[int(records.node[row])] = _values(records, row, params.num_permutations)
    compared = [pair for (band, _), nodes in buckets.items() for pair in _pairs_to_compare(sorted(nodes), band, values, params)]
    edges = {}
    for high, low in compared:
        agreeing = sum(a == b for a, b in zip(values[high], values[low], strict=True)) / params.num_permutations
        if (agreeing - 1 / 4) / (3 / 4) >= params.min_similarity:
            edges[high, low] = (agreeing - 1 / 4) / (3 / 4)
    return edges, len(compared)


def _as_dict(edges: AllEdges) -> dict[tuple[int, int], float]:
    pairs = list(zip(edges.high.tolist(), edges.low.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    return dict(zip(pairs, edges.similarity.tolist(), strict=True))


@given(small_records(), st.sampled_from([2, 3, 20]))
@settings(deadline=None, max_examples=300)
def test_edges_are_those_of_the_slow_way_whether_buckets_are_split_or_not(records: BandRecords, max_bucket: int) -> None:
    params = SMALL.model_copy(update={"max_bucket": max_bucket})
    edges = all_edges(records, params=params)
    expected, num_pairs = _slow_edges(records, params)
    assert _as_dict(edges) == pytest.approx(expected)
    assert edges.statistics.num_pairs == num_pairs
    assert (edges.statistics.num_split_buckets > 0) or edges.statistics.num_parted == 0


@given(small_records(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_records_has_no_effect(records: BandRecords, random: Random) -> None:
    order = list(range(len(records.node)))
    random.shuffle(order)
    shuffled = BandRecords(records.band[order], records.band_hash[order], records.node[order], records.sketch[order])
    first, second = all_edges(records, params=SMALL), all_edges(shuffled, params=SMALL)
    assert _as_dict(first) == _as_dict(second)
    assert first.statistics == second.statistics


def _one_bucket(sketch: np.ndarray) -> BandRecords:
    n = len(sketch)
    return BandRecords(np.zeros(n, np.uint16), np.zeros(n, np.uint64), np.arange(n, dtype=np.uint32), sketch)


@pytest.mark.parametrize("num_distinct", [1, 10, 100_000])
def test_100_000_nodes_with_one_header_take_linear_time_and_memory(num_distinct: int) -> None:
    n, params = 100_000, NearParams(max_bucket=100)
    rng = np.random.default_rng(5)
    distinct = rng.integers(0, 2**64, (num_distinct, 8), dtype=np.uint64)
    records = _one_bucket(distinct[rng.integers(0, num_distinct, n)])
    all_edges(_one_bucket(records.sketch[:500]), params=params)  # compiled before memory is watched
    tracemalloc.start()
    edges = all_edges(records, params=params)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert edges.statistics.num_candidates == n * (n - 1) // 2
    assert edges.statistics.num_pairs < n * params.max_bucket / 2
    assert peak_bytes < 600 * n


def test_nodes_that_no_split_can_part_are_all_linked_to_the_first() -> None:
    edges = all_edges(_one_bucket(np.full((5000, 8), 7, np.uint64)), params=NearParams())
    assert edges.high.tolist() == [0] * 4999
    assert edges.low.tolist() == list(range(1, 5000))
    assert set(edges.similarity.tolist()) == {1.0}
    assert edges.statistics.num_parted == 0


def test_pairs_that_meet_in_many_bands_come_once_even_past_the_buffer() -> None:
    bands, n = 36, 400  # 36 x 79,800 pairs: more than the buffer holds
    records = BandRecords(
        np.repeat(np.arange(bands, dtype=np.uint16), n),
        np.zeros(bands * n, np.uint64),
        np.tile(np.arange(n, dtype=np.uint32), bands),
        np.zeros((bands * n, 8), np.uint64),
    )
    edges = all_edges(records, params=NearParams())
    assert edges.statistics.num_pairs == bands * n * (n - 1) // 2
    assert list(_as_dict(edges)) == list(itertools.combinations(range(n), 2))


def test_a_partition_without_records_has_no_edges() -> None:
    edges = all_edges(_one_bucket(np.empty((0, 8), np.uint64)), params=NearParams())
    assert len(edges.high) == edges.statistics.num_buckets == 0


def test_a_band_hash_tells_its_values_and_its_band() -> None:
    params = NearParams(num_permutations=7, bands=2, rows=3)
    signatures = np.array([[1, 2, 3, 1, 2, 3, 9], [1, 2, 3, 1, 2, 4, 9], [1, 2, 3, 1, 2, 3, 8], [2, 1, 3, 3, 2, 1, 9]], np.uint32)
    hashes = band_hashes(signatures, params)
    assert hashes.shape == (4, 2)
    assert hashes[0].tolist() == hashes[2].tolist()  # the last value is in no band
    assert hashes[0, 0] == hashes[1, 0]
    assert len(np.unique(hashes)) == 5


def test_a_collision_of_band_hashes_joins_nothing() -> None:
    """Documents that have nothing in common meet in a bucket by the hash alone; their sketches tell them apart."""
    sketch = np.random.default_rng(9).integers(0, 2**64, (50, 8), dtype=np.uint64)
    edges = all_edges(_one_bucket(sketch), params=NearParams())
    assert edges.statistics.num_pairs == 50 * 49 // 2
    assert len(edges.high) == 0


def test_a_cluster_of_similar_documents_comes_in_batches_of_a_bounded_size() -> None:
    n = 1800
    records = BandRecords(np.repeat([0, 1], n), np.zeros(2 * n, np.uint64), np.tile(np.arange(n), 2), np.zeros((2 * n, 8), np.uint64))
    statistics, batches = bucket_edges(records, params=NearParams(), max_pairs=1000)
    sizes, found = [], set()
    for batch in batches:
        keys = batch.high * n + batch.low
        assert np.all(keys[1:] > keys[:-1])
        sizes.append(len(keys))
        found.update(keys.tolist())
    assert len(sizes) > 2
    assert max(sizes) < 3 * 2**20
    assert len(found) == n * (n - 1) // 2
    assert statistics.num_pairs == n * (n - 1)
