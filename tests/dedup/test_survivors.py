import numpy as np
import pyarrow as pa

from pipeline import schema
from pipeline.dedup.pairs import make_pairs
from pipeline.dedup.params import NearParams
from pipeline.dedup.representatives import decide
from pipeline.dedup.survivors import similar_enough, survivors

NEAR = NearParams()
NO_FORKS = np.zeros(5, np.uint64)
NONE = make_pairs(*(np.empty(0, np.int64),) * 2, np.empty(0))


def _nodes(rank: list[int], node: list[int], is_copy: list[bool], copies: list[int]) -> pa.Table:
    values = (rank, node, is_copy, copies)
    return pa.table([pa.array(value, field.type) for value, field in zip(values, schema.NODES, strict=True)], schema=schema.NODES)


def test_an_exact_similarity_takes_the_place_of_the_estimate_and_an_estimate_alone_must_be_sure() -> None:
    estimates = {(0, 1): 0.80, (0, 2): 0.66, (1, 2): 0.80, (1, 3): 0.90, (2, 3): 0.66}
    candidates = make_pairs(*np.array(list(estimates)).T, np.array(list(estimates.values())))
    exact = make_pairs(np.array([0, 0]), np.array([1, 2]), np.array([0.69, 0.71]))
    (edges,) = similar_enough([candidates], exact, near=NEAR)
    assert list(zip(edges.high.tolist(), edges.low.tolist(), strict=True)) == [(0, 2), (1, 3)]
    assert edges.similarity.tolist() == [np.float32(0.71), np.float32(0.9)]


def test_a_survivor_names_its_keeper_and_says_whether_the_similarity_is_exact() -> None:
    exact = make_pairs(np.array([0]), np.array([1]), np.array([0.75]))
    edges = make_pairs(np.array([0, 0]), np.array([1, 2]), np.array([0.75, 0.9]))
    decision = decide(5, [edges], cluster="representative")
    # Rows in another order than ranks; the document of rank 4 has the signature, but not the text, of the one of rank 2.
    ids = np.array([12, 10, 11, 14, 13], np.uint64)
    nodes = _nodes([2, 0, 1, 4, 3], [2, 0, 1, 2, 3], [False] * 5, [1] * 5)
    batch = survivors(ids, nodes, decision, id_of=np.arange(10, 15, dtype=np.uint64), exact=exact, fork_of=NO_FORKS)
    rows = {row["id"]: row for row in batch.to_pylist()}
    assert [rows[id]["kept"] for id in (10, 11, 12, 13, 14)] == [True, False, False, True, False]
    assert [rows[id]["duplicate_of"] for id in (11, 12, 14)] == [10, 10, 10]
    assert [rows[id]["is_exact"] for id in (11, 12, 14)] == [True, False, False]
    assert rows[11]["similarity"] == 0.75
    assert {rows[id]["component"] for id in (10, 11, 12, 14)} == {10}


def test_texts_whose_hashes_collide_stay_both_if_their_signatures_differ() -> None:
    """The one of rank 1 is taken for a copy of rank 0; it is another node, and nothing like it."""
    decision = decide(2, [], cluster="representative")
    nodes = _nodes([0, 1], [0, 1], [False, True], [2, 2])
    ids = np.array([5, 6], np.uint64)
    batch = survivors(ids, nodes, decision, id_of=ids, exact=NONE, fork_of=NO_FORKS[:2])
    assert batch["kept"].to_pylist() == [True, True]
    assert batch["duplicate_of"].to_pylist() == [None, None]


def test_a_pair_that_was_checked_and_found_unlike_has_no_similarity_where_others_join_it() -> None:
    exact = make_pairs(np.array([0]), np.array([2]), np.array([0.65]))
    edges = make_pairs(np.array([0, 1]), np.array([1, 2]), np.array([0.9, 0.9]))
    decision = decide(3, [edges], cluster="component")
    ids = np.arange(3, dtype=np.uint64)
    nodes = _nodes([0, 1, 2], [0, 1, 2], [False] * 3, [1] * 3)
    last = survivors(ids, nodes, decision, id_of=ids, exact=exact, fork_of=NO_FORKS[:3]).to_pylist()[2]
    assert (last["duplicate_of"], last["similarity"], last["is_exact"]) == (0, None, False)
