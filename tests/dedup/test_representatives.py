import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.representatives import components, decide, decide_by_component

Graph = tuple[int, dict[tuple[int, int], float], list[tuple[int, int]]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Nodes, edges with similarities of which many tie, and the order in which edges come, some of them twice."""
    n = draw(st.integers(1, 12))
    node = st.integers(0, n - 1)
    pair = st.tuples(node, node).filter(lambda p: p[0] < p[1])
    edges = draw(st.dictionaries(pair, st.sampled_from([0.75, 0.875, 1.0]), max_size=25)) if n > 1 else {}
    order = draw(st.permutations(list(edges) + list(edges)[:3]))
    return n, edges, order


def _arrays(edges: dict[tuple[int, int], float], order: list[tuple[int, int]]) -> dict[str, np.ndarray]:
    high, low = np.array(order, np.uint32).reshape(-1, 2).T
    return {"high": high, "low": low, "similarity": np.array([edges[pair] for pair in order], np.float32)}


def _slow_components(n: int, edges: dict[tuple[int, int], float]) -> list[int]:
    component = list(range(n))
    for _ in range(n):
        for high, low in edges:
            component[high] = component[low] = min(component[high], component[low])
    return component


@given(graphs())
@settings(deadline=None, max_examples=300)
def test_decisions_are_those_of_walking_down_the_priorities(graph: Graph) -> None:
    n, edges, order = graph
    decision = decide(n, **_arrays(edges, order))
    kept: list[int] = []
    for node in range(n):
        similar = [(-edges[other, node], other) for other in kept if (other, node) in edges]
        if similar:
            best_similarity, best = min(similar)
            assert decision.keeper[node] == best
            assert decision.similarity[node] == -best_similarity
        else:
            assert decision.keeper[node] == -1
            assert np.isnan(decision.similarity[node])
            kept.append(node)


@given(graphs())
@settings(deadline=None, max_examples=300)
def test_every_fallen_node_has_an_edge_to_a_kept_one_and_no_two_kept_share_an_edge(graph: Graph) -> None:
    n, edges, order = graph
    keeper = decide(n, **_arrays(edges, order)).keeper.tolist()
    for node in range(n):
        if keeper[node] >= 0:
            assert (keeper[node], node) in edges
            assert keeper[keeper[node]] == -1
    assert not any(keeper[high] == keeper[low] == -1 for high, low in edges)


@given(graphs())
@settings(deadline=None, max_examples=300)
def test_components_are_the_lowest_rank_that_can_be_reached(graph: Graph) -> None:
    n, edges, order = graph
    arrays = _arrays(edges, order)
    assert components(n, arrays["high"], arrays["low"]).tolist() == _slow_components(n, edges)


@given(graphs())
@settings(deadline=None, max_examples=300)
def test_by_component_only_its_best_node_stays(graph: Graph) -> None:
    n, edges, order = graph
    decision = decide_by_component(n, **_arrays(edges, order))
    for node, best in enumerate(_slow_components(n, edges)):
        assert decision.keeper[node] == (-1 if best == node else best)
        similarity = edges.get((best, node), np.nan)
        assert decision.similarity[node] == pytest.approx(similarity, nan_ok=True)


def test_a_chain_keeps_every_other_node_where_a_component_keeps_one() -> None:
    chain = {"high": np.arange(6), "low": np.arange(1, 7), "similarity": np.full(6, 0.75)}
    assert decide(7, **chain).keeper.tolist() == [-1, 0, -1, 2, -1, 4, -1]
    assert decide_by_component(7, **chain).keeper.tolist() == [-1, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(("high", "low"), [(2, 2), (3, 1), (0, 5)])
def test_edges_that_point_the_wrong_way_or_out_of_the_graph_are_refused(high: int, low: int) -> None:
    with pytest.raises(ValueError, match=rf"edge 0 joins {high} and {low}.*num_nodes=5"):
        decide(5, high=np.array([high]), low=np.array([low]), similarity=np.ones(1))
