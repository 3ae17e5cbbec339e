"""Which of several duplicates stays: a total order of all documents, and who shares a text or a signature.

Ranks are uint32: a place in the order, 0 is the best. What one worker does for all documents at once takes some 40 bytes of each.
"""

import numpy as np

from pipeline.hashing import luck

# Equal values lie in one slice of their range, so groups are found a slice at a time, in a fraction of the memory.
_SLICE_BITS = 4


def ranks_in_source(ids: np.ndarray, *, stars: np.ndarray, num_chars: np.ndarray, seed: int) -> np.ndarray:
    """More stars first, then the longer document, then hash(id): uint32 [n].

    Args:
        ids: uint64 [n], distinct; stars, num_chars: int64 [n].
    """
    # A bijection of ids, so nothing is left to tie.
    order = np.lexsort((luck(seed, "priority", ids), -num_chars, -stars))
    rank = np.empty(len(order), np.uint32)
    rank[order] = np.arange(len(order), dtype=np.uint32)
    return rank


def put_last(rank: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The ranks after some documents were moved behind all others, both in their order: uint32 [n].

    Args:
        rank: a permutation of 0 .. n - 1; last: bool [n].
    """
    by_rank = np.empty(len(rank), bool)
    by_rank[rank] = last
    num_first = np.cumsum(~by_rank)
    moved = np.where(by_rank, np.arange(len(rank)) + num_first[-1:] - num_first, num_first - 1)
    return moved.astype(np.uint32)[rank]


def best_of_equal(keys: tuple[np.ndarray, ...], rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row the lowest rank among the rows with equal keys, and how many they are: uint32 [n] both.

    Args:
        keys: uint64 [n] each, hashes.
    """
    best, size = np.empty_like(rank), np.empty_like(rank)
    slices = (keys[0] >> np.uint64(64 - _SLICE_BITS)).astype(np.uint8)
    for part in range(1 << _SLICE_BITS):
        rows = np.flatnonzero(slices == part)
        if not len(rows):
            continue
        rows = rows[np.lexsort(tuple(key[rows] for key in keys))]
        starts = np.ones(len(rows), bool)
        starts[1:] = np.logical_or.reduce([key[rows[1:]] != key[rows[:-1]] for key in keys])
        begin = np.flatnonzero(starts)
        sizes = np.diff(np.append(begin, len(rows)))
        best[rows] = np.repeat(np.minimum.reduceat(rank[rows], begin), sizes)
        size[rows] = np.repeat(sizes, sizes)
    return best, size
