"""Who stays: a document falls only if it is similar to one that is kept.

Of nodes 1 to 4, the first the best, with edges 1-2, 2-3 and 3-4:

    representative    1 stays, 2 falls to 1, 3 stays since 2 fell, 4 falls to 3
    component         1 stays, 2, 3 and 4 fall to 1, however little 4 has in common with it
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.dedup.pairs import Pairs, check_ascending
from pipeline.kernels import inlined, kernel

KEPT = np.uint32(2**32 - 1)


@dataclass(frozen=True)
class Decision:
    """Of each node, 12 bytes.

    keeper uint32 [num_nodes]: the kept node that this one duplicates; KEPT: kept itself.
    similarity float32 [num_nodes]: to the keeper; NaN: kept, or no edge to the keeper.
    component uint32 [num_nodes]: the lowest node that edges join to this one, over any number of steps.
    """

    keeper: np.ndarray
    similarity: np.ndarray
    component: np.ndarray


def decide(num_nodes: int, edges: Iterable[Pairs], *, cluster: Literal["representative", "component"]) -> Decision:
    """One pass over the edges, a batch at a time.

    representative: the lexicographically first maximal independent set: in order of priority a node stays if no neighbour before
    it did. A fallen node's keeper is the most similar of the kept nodes before it, the first of these if they tie.
    component: everything falls but each component's best node, which is the keeper of the others.

    Args:
        num_nodes: nodes are ranks 0 .. num_nodes - 1, 0 the highest priority; fewer than 2^32.
        edges: ascending by key; a pair may come more than once.
    Raises:
        ValueError: edges that do not ascend, or lie outside of the graph; too many nodes.
    """
    keeper, best, parent = _nobody_fell(num_nodes)
    for batch in check_ascending(edges, num_nodes):
        _join(batch.key, parent)
        if cluster == "representative":
            _fell_some(batch.key, batch.similarity, keeper, best)
        else:
            _note_first(batch.key, batch.similarity, keeper, best)
    _flatten(parent)
    if cluster == "component":
        best[keeper != parent] = np.nan
        keeper = np.where(parent == np.arange(num_nodes, dtype=np.uint32), KEPT, parent)
    return Decision(keeper, best, parent)


def components(num_nodes: int, edges: Iterable[Pairs]) -> np.ndarray:
    """As of a Decision. Args and errors as `decide`."""
    _, _, parent = _nobody_fell(num_nodes)
    for batch in check_ascending(edges, num_nodes):
        _join(batch.key, parent)
    _flatten(parent)
    return parent


def _nobody_fell(num_nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if num_nodes >= 2**32:
        raise ValueError(f"{num_nodes} nodes: ranks have 32 bits here; decide fewer at a time")
    return np.full(num_nodes, KEPT), np.full(num_nodes, np.nan, np.float32), np.arange(num_nodes, dtype=np.uint32)


@kernel
def _fell_some(key: np.ndarray, similarity: np.ndarray, keeper: np.ndarray, best: np.ndarray) -> None:
    """By (high, low), all edges to a node's betters come before the first from it: when that comes, its own fate is known."""
    for i in range(len(key)):
        high, low = key[i] >> np.uint64(32), key[i] & np.uint64(0xFFFFFFFF)
        if keeper[high] == KEPT and not best[low] >= similarity[i]:
            keeper[low], best[low] = high, similarity[i]


@kernel
def _note_first(key: np.ndarray, similarity: np.ndarray, first: np.ndarray, best: np.ndarray) -> None:
    """Each node's best neighbour: if it has an edge to its component's best, this is it."""
    for i in range(len(key)):
        low = key[i] & np.uint64(0xFFFFFFFF)
        if first[low] == KEPT:
            first[low], best[low] = key[i] >> np.uint64(32), similarity[i]


@kernel
def _join(key: np.ndarray, parent: np.ndarray) -> None:
    for i in range(len(key)):
        a, b = root_of(parent, key[i] >> np.uint64(32)), root_of(parent, key[i] & np.uint64(0xFFFFFFFF))
        parent[max(a, b)] = min(a, b)


@kernel
def _flatten(parent: np.ndarray) -> None:
    for node in range(len(parent)):
        parent[node] = parent[parent[node]]  # a parent is never behind its node, so it already has its root


@inlined
def root_of(parent: np.ndarray, node: np.uint64) -> np.uint64:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = np.uint64(parent[node])
    return node
