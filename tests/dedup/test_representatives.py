import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.pairs import Pairs, make_pairs
from pipeline.dedup.representatives import KEPT, components, decide
from tests.dedup.reference import first_independent_set

# num_nodes, edges with their similarities, the lengths of the batches in which they come.
Graph = tuple[int, dict[tuple[int, int], float], list[int]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Nodes, edges with similarities of which many tie."""
    n = draw(st.integers(1, 12))
    node = st.integers(0, n - 1)
    pair = st.tuples(node, node).filter(lambda p: p[0] < p[1])
    edges = draw(st.dictionaries(pair, st.sampled_from([0.75, 0.875, 1.0]), max_size=25)) if n > 1 else {}
    return n, edges, draw(st.lists(st.integers(0, 25), max_size=3))


def _batches(edges: dict[tuple[int, int], float], sizes: list[int]) -> list[Pairs]:
    """Ascending, every third edge twice, in batches of which some are empty."""
    order = sorted([*edges, *list(edges)[::3]])
    high, low = np.array(order, np.int64).reshape(-1, 2).T
    pairs = make_pairs(high, low, np.array([edges[pair] for pair in order]))
    ends = np.minimum(np.cumsum([0, *sizes]), len(pairs)).tolist() + [len(pairs)]
    return [pairs[i:j] for i, j in itertools.pairwise(ends)]


def _slow_components(n: int, edges: dict[tuple[int, int], float]) -> list[int]:
    component = list(range(n))
    for _ in range(n):
        for high, low in edges:
            component[high] = component[low] = min(component[high], component[low])
    return component


@given(graphs())
@settings(deadline=None, max_examples=300)
def test_decisions_are_those_of_walking_down_the_priorities(graph: Graph) -> None:
    n, edges, sizes = graph
    decision = decide(n, _batches(edges, sizes), cluster="representative")
    for node, (keeper, similarity) in enumerate(first_independent_set(n, edges)):
        assert decision.keeper[node] == (KEPT if keeper is None else keeper)
        assert decision.similarity[node] == pytest.approx(similarity, nan_ok=True)


@given(graphs())
@settings(deadline=None, max_examples=300)
def test_every_fallen_node_has_an_edge_to_a_kept_one_and_no_two_kept_share_an_edge(graph: Graph) -> None:
    n, edges, sizes = graph
    keeper = decide(n, _batches(edges, sizes), cluster="representative").keeper.tolist()
    for node in range(n):
        if keeper[node] != KEPT:
            assert (keeper[node], node) in edges
            assert keeper[keeper[node]] == KEPT
    assert not any(keeper[high] == keeper[low] == KEPT for high, low in edges)


@given(graphs(), st.sampled_from(["representative", "component"]))
@settings(deadline=None, max_examples=300)
def test_components_are_the_lowest_rank_that_can_be_reached(graph: Graph, cluster: str) -> None:
    n, edges, sizes = graph
    expected = _slow_components(n, edges)
    assert components(n, _batches(edges, sizes)).tolist() == expected
    assert decide(n, _batches(edges, sizes), cluster=cluster).component.tolist() == expected  # type: ignore[arg-type]


@given(graphs())
@settings(deadline=None, max_examples=300)
def test_by_component_only_its_best_node_stays(graph: Graph) -> None:
    n, edges, sizes = graph
    decision = decide(n, _batches(edges, sizes), cluster="component")
    for node, best in enumerate(_slow_components(n, edges)):
        assert decision.keeper[node] == (KEPT if best == node else best)
        similarity = edges.get((best, node), np.nan)
        assert decision.similarity[node] == pytest.approx(similarity, nan_ok=True)


def test_a_chain_keeps_every_other_node_where_a_component_keeps_one() -> None:
    chain = [make_pairs(np.arange(6), np.arange(1, 7), np.full(6, 0.75))]
    assert decide(7, chain, cluster="representative").keeper.tolist() == [KEPT, 0, KEPT, 2, KEPT, 4, KEPT]
    assert decide(7, chain, cluster="component").keeper.tolist() == [KEPT, 0, 0, 0, 0, 0, 0]


def test_nodes_without_edges_all_stay() -> None:
    assert decide(3, [], cluster="representative").keeper.tolist() == [KEPT] * 3
    assert len(decide(0, [], cluster="component").keeper) == 0


def test_edges_out_of_the_graph_and_edges_that_descend_are_refused() -> None:
    edge = make_pairs(np.array([0]), np.array([5]), np.ones(1))
    with pytest.raises(ValueError, match=r"pair 0 joins 0 and 5.*num_nodes=5"):
        decide(5, [edge], cluster="representative")
    with pytest.raises(ValueError, match="must ascend"):
        decide(7, [make_pairs(np.array([1]), np.array([2]), np.ones(1)), edge], cluster="representative")
