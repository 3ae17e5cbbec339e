"""Which pairs near the threshold have to be checked exactly, and who checks them.

A pair is *sure* if its estimate is so far above the threshold that it needs no check. Most pairs near the threshold decide nothing:
the lower document falls to another one anyhow, or the higher one falls itself. Of nodes 1 to 4, 1-2 and 3-4 sure, 2-3 and 1-3 not:

    1 stays. 2 falls to it, so 2-3 decides nothing. 3 stays or falls as 1-3 does: that is checked. 4 waits for 3.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.dedup.pairs import Pairs, check_ascending, join
from pipeline.dedup.params import NearParams
from pipeline.dedup.representatives import components, root_of
from pipeline.kernels import kernel

# Checks of one document, against the best that it is near to; what it has beyond does not count as similar. So a cluster of any size
# costs linear time.
MAX_CHECKS = 128  # in a byte
_STAYS, _UNKNOWN, _FALLS = np.uint8(0), np.uint8(1), np.uint8(2)


@dataclass(frozen=True)
class Undecided:
    """pairs: to be checked, ascending by key; num_near: all pairs near the threshold; num_over: those over MAX_CHECKS."""

    pairs: Pairs
    num_near: int
    num_over: int


def pairs_to_check(
    num_nodes: int,
    candidates: Callable[[], Iterable[Pairs]],
    *,
    near: NearParams,
    cluster: Literal["representative", "component"],
    max_checks: int = MAX_CHECKS,
) -> Undecided:
    """The pairs without which `representatives.decide` can't know what it would decide if every pair near the threshold were checked.

    Memory: 2 bytes a node (component: 5), and the pairs returned.

    Args:
        candidates: called twice; ascending by key, each pair once.
    Raises:
        ValueError: as `representatives.decide`.
    """
    sure = np.float32(near.sure_similarity)
    fate, parent = np.zeros(num_nodes, np.uint8), np.arange(num_nodes if cluster == "component" else 0, dtype=np.uint32)
    for batch in check_ascending(candidates(), num_nodes):
        if cluster == "component":
            _join_sure(batch.key, batch.similarity, sure, parent)
        else:
            _fates(batch.key, batch.similarity, sure, fate)
    num_checks = np.zeros(num_nodes, np.uint8)
    found, num_near, num_over = [], 0, 0
    for batch in check_ascending(candidates(), num_nodes):
        if cluster == "component":
            chosen, over = _choose_apart(batch.key, batch.similarity, sure, parent, num_checks, max_checks)
        else:
            chosen, over = _choose(batch.key, batch.similarity, sure, fate, num_checks, max_checks)
        found.append(batch[chosen])
        num_near += int(np.count_nonzero(batch.similarity < sure))
        num_over += over
    return Undecided(join(found), num_near, num_over)


def deal(pairs: Pairs, *, nodes: np.ndarray, text_sizes: np.ndarray, num_partitions: int) -> np.ndarray:
    """Who checks a pair, so that each document's shingles go to as few partitions as can be and no partition gets too many.

    Pairs go by the component that they form, one after another, cut where a partition is full: so a document goes to several only
    in the components that are cut.

    Args:
        nodes: uint32, the distinct nodes of the pairs, ascending; text_sizes: int64, of each.
    Returns:
        int64 [len(pairs)], from 0 to num_partitions - 1.
    """
    left, right = np.searchsorted(nodes, pairs.high), np.searchsorted(nodes, pairs.low)
    own = Pairs((left.astype(np.uint64) << np.uint64(32)) | right.astype(np.uint64), pairs.similarity)
    order = np.argsort(components(len(nodes), [own])[left], kind="stable")
    limit = int(text_sizes.sum()) // num_partitions + 1
    while len(pairs):
        partition = _cut(left[order], right[order], text_sizes, limit)
        if partition[-1] < num_partitions:
            back = np.empty_like(partition)
            back[order] = partition
            return back
        limit += limit // 4 + 1
    return np.empty(0, np.int64)


@kernel
def _fates(key: np.ndarray, similarity: np.ndarray, sure: np.float32, fate: np.ndarray) -> None:
    for i in range(len(key)):
        high, low = key[i] >> np.uint64(32), key[i] & np.uint64(0xFFFFFFFF)
        if fate[high] == _FALLS:
            continue
        falls = fate[high] == _STAYS and similarity[i] >= sure
        fate[low] = max(fate[low], _FALLS if falls else _UNKNOWN)


@kernel
def _choose(
    key: np.ndarray, similarity: np.ndarray, sure: np.float32, fate: np.ndarray, num_checks: np.ndarray, max_checks: int
) -> tuple[np.ndarray, int]:
    chosen = np.zeros(len(key), np.bool_)
    num_over = 0
    for i in range(len(key)):
        high, low = key[i] >> np.uint64(32), key[i] & np.uint64(0xFFFFFFFF)
        if similarity[i] < sure and fate[high] != _FALLS and fate[low] == _UNKNOWN:
            chosen[i] = num_checks[low] < max_checks
            num_checks[low] += chosen[i]
            num_over += not chosen[i]
    return chosen, num_over


@kernel
def _join_sure(key: np.ndarray, similarity: np.ndarray, sure: np.float32, parent: np.ndarray) -> None:
    for i in range(len(key)):
        if similarity[i] >= sure:
            a, b = root_of(parent, key[i] >> np.uint64(32)), root_of(parent, key[i] & np.uint64(0xFFFFFFFF))
            parent[max(a, b)] = min(a, b)


@kernel
def _choose_apart(
    key: np.ndarray, similarity: np.ndarray, sure: np.float32, parent: np.ndarray, num_checks: np.ndarray, max_checks: int
) -> tuple[np.ndarray, int]:
    """Pairs that sure ones do not join already."""
    chosen = np.zeros(len(key), np.bool_)
    num_over = 0
    for i in range(len(key)):
        high, low = key[i] >> np.uint64(32), key[i] & np.uint64(0xFFFFFFFF)
        if similarity[i] < sure and root_of(parent, high) != root_of(parent, low):
            chosen[i] = num_checks[low] < max_checks
            num_checks[low] += chosen[i]
            num_over += not chosen[i]
    return chosen, num_over


@kernel
def _cut(left: np.ndarray, right: np.ndarray, sizes: np.ndarray, limit: int) -> np.ndarray:
    partition = np.empty(len(left), np.int64)
    last = np.full(len(sizes), -1, np.int64)
    current, used = 0, 0
    for i in range(len(left)):
        l, r = left[i], right[i]
        add = (sizes[l] if last[l] != current else 0) + (sizes[r] if last[r] != current else 0)
        if used and used + add > limit:
            current, used, add = current + 1, 0, sizes[l] + sizes[r]
        used += add
        last[l] = last[r] = current
        partition[i] = current
    return partition
