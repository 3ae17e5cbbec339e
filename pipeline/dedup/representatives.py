"""Who stays: a document falls only if it is similar to one that is kept.

Of nodes 1 to 4, the first the best, with edges 1-2, 2-3 and 3-4:

    representative    1 stays, 2 falls to 1, 3 stays since 2 fell, 4 falls to 3
    component         1 stays, 2, 3 and 4 fall to 1, however little 4 has in common with it
"""

from dataclasses import dataclass

import numpy as np

from pipeline.kernels import inlined, kernel

_HALF = np.uint64(32)


@dataclass(frozen=True)
class Decision:
    """keeper int64 [num_nodes]: the kept node that this one duplicates; -1: kept itself.

    similarity float32 [num_nodes]: to the keeper; NaN: kept, or no edge to the keeper.
    """

    keeper: np.ndarray
    similarity: np.ndarray


def decide(num_nodes: int, *, high: np.ndarray, low: np.ndarray, similarity: np.ndarray) -> Decision:
    """The lexicographically first maximal independent set: in order of priority a node stays if no neighbour before it did.

    A fallen node's keeper is the most similar of the kept nodes before it, the first of these if they tie.

    Args:
        num_nodes: nodes are ranks 0 .. num_nodes - 1, 0 the highest priority; at most 2^32.
        high, low: integers [e], high < low; in any order, a pair may come more than once.
        similarity: float [e].
    Raises:
        ValueError: an edge that is not high < low < num_nodes, or too many nodes.
    """
    high, low, similarity = _ordered(num_nodes, high=high, low=low, similarity=similarity)
    keeper, best = _decide(num_nodes, high, low, similarity)
    return Decision(keeper, best)


def decide_by_component(num_nodes: int, *, high: np.ndarray, low: np.ndarray, similarity: np.ndarray) -> Decision:
    """Everything falls but each component's best node, which is the keeper of the others. Args and errors as `decide`."""
    high, low, similarity = _ordered(num_nodes, high=high, low=low, similarity=similarity)
    component = _components(num_nodes, high, low)
    keeper = np.where(component == np.arange(num_nodes), -1, component)
    best = np.full(num_nodes, np.nan, np.float32)
    direct = component[low] == high
    best[low[direct]] = similarity[direct]
    return Decision(keeper, best)


def components(num_nodes: int, high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """The lowest rank that edges join to each node, over any number of steps: int64 [num_nodes]. Args and errors as `decide`."""
    _check(num_nodes, high=high, low=low)
    return _components(num_nodes, high.astype(np.int64), low.astype(np.int64))


def _check(num_nodes: int, *, high: np.ndarray, low: np.ndarray) -> None:
    if num_nodes > 2**32:
        raise ValueError(f"{num_nodes} nodes: ranks have 32 bits here; decide fewer at a time")
    wrong = np.flatnonzero((high >= low) | (low >= num_nodes) | (high < 0))
    if len(wrong):
        edge = wrong[0]
        raise ValueError(f"edge {edge} joins {high[edge]} and {low[edge]}: edges are 0 <= high < low < num_nodes={num_nodes}")


def _ordered(num_nodes: int, *, high: np.ndarray, low: np.ndarray, similarity: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The edges ascending by (high, low), as int64, int64 and float32; edges that come in order cost no sort."""
    _check(num_nodes, high=high, low=low)
    keys = (high.astype(np.uint64) << _HALF) | low.astype(np.uint64)
    similarity = similarity.astype(np.float32)
    if np.any(keys[1:] < keys[:-1]):
        order = np.argsort(keys)
        keys, similarity = keys[order], similarity[order]
    return (keys >> _HALF).astype(np.int64), (keys & np.uint64(2**32 - 1)).astype(np.int64), similarity


@kernel
def _decide(num_nodes: int, high: np.ndarray, low: np.ndarray, similarity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By (high, low), all edges to a node's betters come before the first from it: when that comes, its own fate is known."""
    keeper = np.full(num_nodes, -1, np.int64)
    best = np.full(num_nodes, np.nan, np.float32)
    for i in range(len(high)):
        if keeper[high[i]] < 0 and not best[low[i]] >= similarity[i]:
            keeper[low[i]], best[low[i]] = high[i], similarity[i]
    return keeper, best


@kernel
def _components(num_nodes: int, high: np.ndarray, low: np.ndarray) -> np.ndarray:
    parent = np.arange(num_nodes)
    for i in range(len(high)):
        a, b = _root(parent, high[i]), _root(parent, low[i])
        parent[max(a, b)] = min(a, b)
    for node in range(num_nodes):
        parent[node] = parent[parent[node]]  # a parent is never behind its node, so it already has its root
    return parent


@inlined
def _root(parent: np.ndarray, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node
