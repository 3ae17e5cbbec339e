"""Who has priority, and who shares a text or a signature."""

from collections import Counter
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.priority import best_of_equal, put_last, ranks_in_source

DOCUMENTS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=40)  # stars, num_chars
KEYS = st.lists(st.tuples(*[st.sampled_from([0, 1, 2**60, 2**63, 2**64 - 1])] * 2), max_size=40)


def _ranks(rows: list[tuple[int, int]], order: list[int]) -> np.ndarray:
    stars, num_chars = np.array([rows[i] for i in order], np.int64).reshape(-1, 2).T
    return ranks_in_source(np.array(order, np.uint64) + np.uint64(1000), stars=stars, num_chars=num_chars, seed=1)


@given(DOCUMENTS)
@settings(deadline=None)
def test_ranks_follow_stars_then_length_and_no_two_are_the_same(rows: list[tuple[int, int]]) -> None:
    rank = _ranks(rows, list(range(len(rows))))
    assert sorted(rank.tolist()) == list(range(len(rows)))
    best_first = [rows[i] for i in np.argsort(rank)]
    assert best_first == sorted(best_first, key=lambda row: (-row[0], -row[1]))


@given(DOCUMENTS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_documents_changes_no_rank(rows: list[tuple[int, int]], random: Random) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)
    assert np.array_equal(_ranks(rows, list(range(len(rows))))[order], _ranks(rows, order))


@given(KEYS, st.randoms(use_true_random=False), st.sampled_from([1, 2]))
@settings(deadline=None)
def test_the_best_of_equal_keys_is_their_lowest_rank_and_they_are_counted(
    keys: list[tuple[int, int]], random: Random, num_columns: int
) -> None:
    keys = [key[:num_columns] for key in keys]
    rank = list(range(len(keys)))
    random.shuffle(rank)
    columns = tuple(np.array(keys, np.uint64).reshape(-1, num_columns).T.copy())
    best, size = best_of_equal(columns, np.array(rank, np.uint32))
    counted = Counter(keys)
    for i, key in enumerate(keys):
        assert best[i] == min(rank for rank, other in zip(rank, keys, strict=True) if other == key)
        assert size[i] == counted[key]


def test_a_million_copies_of_one_document_are_one_group() -> None:
    rank = np.random.default_rng(3).permutation(10**6).astype(np.uint32)
    best, size = best_of_equal((np.full(10**6, 5, np.uint64), np.full(10**6, 7, np.uint64)), rank)
    assert set(best.tolist()) == {0}
    assert set(size.tolist()) == {10**6}


@given(st.lists(st.booleans(), max_size=30), st.randoms())
def test_documents_that_are_put_last_keep_their_order_and_so_do_the_others(last: list[bool], random: Random) -> None:
    order = random.sample(range(len(last)), len(last))
    rank = np.empty(len(last), np.uint32)
    rank[order] = np.arange(len(last))
    moved = put_last(rank, np.array(last, bool))
    wanted = sorted(range(len(last)), key=lambda place: (last[place], rank[place]))
    assert [int(np.flatnonzero(moved == place)[0]) for place in range(len(last))] == wanted
