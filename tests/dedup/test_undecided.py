"""The pairs that are checked are enough to decide as if all were."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.pairs import Pairs, make_pairs
from pipeline.dedup.params import NearParams
from pipeline.dedup.representatives import KEPT, decide
from pipeline.dedup.survivors import similar_enough
from pipeline.dedup.undecided import deal, pairs_to_check

NEAR = NearParams()
SURE, HIGH, LOW = 0.875, 0.75, 0.65625  # estimates: sure; near the threshold, above and below it
Graph = tuple[int, dict[tuple[int, int], tuple[float, bool]]]  # nodes; pairs with their estimate, and whether they are similar


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    n = draw(st.integers(2, 12))
    node = st.integers(0, n - 1)
    pair = st.tuples(node, node).filter(lambda p: p[0] < p[1])
    return n, draw(st.dictionaries(pair, st.tuples(st.sampled_from([SURE, HIGH, LOW]), st.booleans()), max_size=30))


def _pairs(values: dict[tuple[int, int], float]) -> Pairs:
    order = sorted(values)
    high, low = np.array(order, np.int64).reshape(-1, 2).T
    return make_pairs(high, low, np.array([values[pair] for pair in order]))


def _truth(graph: Graph) -> Pairs:
    """Every pair near the threshold with its exact similarity."""
    return _pairs({pair: 0.8 if similar else 0.5 for pair, (estimate, similar) in graph[1].items() if estimate < SURE})


@given(graphs(), st.sampled_from(["representative", "component"]))
@settings(deadline=None, max_examples=500)
def test_fates_are_those_of_checking_every_pair(graph: Graph, cluster: str) -> None:
    n, edges = graph
    candidates, truth = _pairs({pair: estimate for pair, (estimate, _) in edges.items()}), _truth(graph)
    chosen = pairs_to_check(n, lambda: [candidates[:3], candidates[3:]], near=NEAR, cluster=cluster)  # type: ignore[arg-type]
    checked = truth[np.isin(truth.key, chosen.pairs.key)]
    assert len(checked) == len(chosen.pairs)
    assert chosen.num_near == len(truth)
    assert chosen.num_over == 0
    some, all_ = (
        decide(n, similar_enough([candidates], exact, near=NEAR), cluster=cluster)  # type: ignore[arg-type]
        for exact in (checked, truth)
    )
    assert (some.keeper == KEPT).tolist() == (all_.keeper == KEPT).tolist()
    if cluster == "component":
        assert some.keeper.tolist() == all_.keeper.tolist()


def test_a_pair_that_decides_nothing_is_not_checked() -> None:
    candidates = _pairs({(1, 2): SURE, (3, 4): SURE, (1, 3): HIGH, (2, 3): HIGH})
    chosen = pairs_to_check(5, lambda: [candidates], near=NEAR, cluster="representative")
    assert list(zip(chosen.pairs.high.tolist(), chosen.pairs.low.tolist(), strict=True)) == [(1, 3)]
    joined = _pairs({(0, 1): SURE, (1, 2): SURE, (0, 2): LOW, (2, 3): LOW})
    chosen = pairs_to_check(4, lambda: [joined], near=NEAR, cluster="component")
    assert list(zip(chosen.pairs.high.tolist(), chosen.pairs.low.tolist(), strict=True)) == [(2, 3)]


def test_a_cluster_of_any_size_asks_for_a_bounded_number_of_checks_a_document() -> None:
    n = 300
    high, low = np.triu_indices(n, 1)
    everything = make_pairs(high, low, np.full(len(high), HIGH))
    chosen = pairs_to_check(n, lambda: [everything], near=NEAR, cluster="representative", max_checks=10)
    assert np.bincount(chosen.pairs.low, minlength=n).tolist() == [min(node, 10) for node in range(n)]
    assert chosen.num_over == len(everything) - len(chosen.pairs)
    assert np.all(np.bincount(chosen.pairs.high)[:10] >= n - 11)  # the best documents are what they are checked against


def test_without_exact_checks_no_pair_is_near() -> None:
    near = NearParams(verify="sketch")
    assert near.candidate_similarity == near.sure_similarity == near.min_similarity
    candidates = _pairs({(0, 1): 0.7})
    assert len(pairs_to_check(2, lambda: [candidates], near=near, cluster="representative").pairs) == 0


@given(graphs(), st.lists(st.integers(0, 20), min_size=12, max_size=12), st.integers(1, 5))
@settings(deadline=None, max_examples=200)
def test_every_pair_has_a_partition_and_none_gets_far_more_than_its_share(graph: Graph, sizes: list[int], num_partitions: int) -> None:
    pairs = _pairs({pair: estimate for pair, (estimate, _) in graph[1].items()})
    nodes = np.unique(np.concatenate([pairs.high, pairs.low]))
    text_sizes = np.array(sizes, np.int64)[nodes]
    partition = deal(pairs, nodes=nodes, text_sizes=text_sizes, num_partitions=num_partitions)
    assert len(partition) == len(pairs)
    assert set(partition.tolist()) <= set(range(num_partitions))


@pytest.mark.parametrize("num_partitions", [1, 4, 50])
def test_each_document_goes_to_one_partition_where_no_component_is_too_large(num_partitions: int) -> None:
    high = np.arange(0, 3000, 3)
    triples = [(high, high + 1), (high, high + 2), (high + 1, high + 2)]
    pairs = make_pairs(*(np.concatenate(side) for side in zip(*triples, strict=True)), np.full(3000, HIGH))
    pairs = pairs[np.argsort(pairs.key)]
    partition = deal(pairs, nodes=np.arange(3000, dtype=np.uint32), text_sizes=np.full(3000, 100), num_partitions=num_partitions)
    sent = set(zip([*pairs.high.tolist(), *pairs.low.tolist()], [*partition.tolist()] * 2, strict=True))
    assert len(sent) <= 3000 + 2 * num_partitions  # a cut through a component sends at most two of it twice
    assert np.bincount(partition).max() <= 2 * 3000 / num_partitions + 3
