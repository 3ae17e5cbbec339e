"""Pairs of similar nodes in the order in which they decide, however many they are: an external sort.

partitions' edges ──join, sort, drop repeats──► runs on disk, each ascending ──merge, block by block──► pairs, each once
"""

import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

_HALF, _LOW_HALF = np.uint64(32), np.uint64(2**32 - 1)


@dataclass(frozen=True)
class Pairs:
    """key uint64 [n]: the node of the higher priority << 32 | the other one; similarity float32 [n]."""

    key: np.ndarray
    similarity: np.ndarray

    def __len__(self) -> int:
        return len(self.key)

    def __getitem__(self, rows: slice | np.ndarray) -> "Pairs":
        return Pairs(self.key[rows], self.similarity[rows])

    @property
    def high(self) -> np.ndarray:
        return (self.key >> _HALF).astype(np.uint32)

    @property
    def low(self) -> np.ndarray:
        return (self.key & _LOW_HALF).astype(np.uint32)


def make_pairs(high: np.ndarray, low: np.ndarray, similarity: np.ndarray) -> Pairs:
    """
    Args:
        high, low: integers [n], 0 <= high < low < 2^32 - 1; similarity: float [n].
    Raises:
        ValueError: a pair that is not so.
    """
    wrong = np.flatnonzero((high >= low) | (high < 0) | (low >= 2**32 - 1))
    if len(wrong):
        raise ValueError(f"pair {wrong[0]} joins {high[wrong[0]]} and {low[wrong[0]]}: pairs are 0 <= high < low < 2^32 - 1")
    return Pairs((high.astype(np.uint64) << _HALF) | low.astype(np.uint64), similarity.astype(np.float32))


def join(parts: Iterable[Pairs]) -> Pairs:
    held = list(parts)
    keys = [np.empty(0, np.uint64), *(part.key for part in held)]
    return Pairs(np.concatenate(keys), np.concatenate([np.empty(0, np.float32), *(part.similarity for part in held)]))


def ascending(batches: Iterable[Pairs], *, folder: str, max_held: int) -> Iterator[Pairs]:
    """The pairs of all batches, ascending by key, each once, in batches of about max_held at most.

    Args:
        batches: in any order; a pair may come more than once, with the same similarity.
        max_held: sorted in memory at a time.
        folder: for the runs, if there are more than max_held distinct pairs (and a batch).
    """
    runs: list[Pairs] = []
    held: list[Pairs] = []
    for batch in batches:
        held.append(batch)
        if sum(map(len, held)) > max_held:
            held = [_distinct(join(held))]
            # Duplicates meet in many partitions, so what is distinct may be a small part.
            if len(held[0]) > max_held // 2:
                runs.append(_spill(held.pop(), os.path.join(folder, f"run-{len(runs)}")))
    last = _distinct(join(held))
    yield from _merge([*runs, last], max_held) if runs else (last[i : i + max_held] for i in range(0, len(last), max_held))


def _distinct(pairs: Pairs) -> Pairs:
    order = np.argsort(pairs.key)
    pairs = pairs[order]
    first = np.ones(len(pairs), bool)
    first[1:] = pairs.key[1:] != pairs.key[:-1]
    return pairs[first]


def _spill(run: Pairs, path: str) -> Pairs:
    """The same pairs, on disk, of which the system keeps in memory what it has room for."""
    run.key.tofile(f"{path}-key")
    run.similarity.tofile(f"{path}-similarity")
    return Pairs(np.memmap(f"{path}-key", np.uint64, "r"), np.memmap(f"{path}-similarity", np.float32, "r"))


def _merge(runs: list[Pairs], max_held: int) -> Iterator[Pairs]:
    """Of each run a block; what is not above the lowest of the blocks' last keys is complete."""
    at_once = max(1, max_held // len(runs))
    starts = [0] * len(runs)
    while True:
        blocks = [run[start : start + at_once] for run, start in zip(runs, starts, strict=True)]
        if not any(map(len, blocks)):
            return
        lasts = [block.key[-1] for block, run, start in zip(blocks, runs, starts, strict=True) if start + at_once < len(run)]
        ends = [np.searchsorted(block.key, min(lasts), "right") if lasts else len(block) for block in blocks]
        yield _distinct(join(block[:end] for block, end in zip(blocks, ends, strict=True)))
        starts = [start + int(end) for start, end in zip(starts, ends, strict=True)]


def check_ascending(batches: Iterable[Pairs], num_nodes: int) -> Iterator[Pairs]:
    """The batches that hold pairs.

    Raises:
        ValueError: keys descend, or a node is none of num_nodes.
    """
    before = np.uint64(0)
    for batch in itertools.filterfalse(lambda batch: not len(batch), batches):
        if batch.key[0] < before or np.any(batch.key[1:] < batch.key[:-1]):
            raise ValueError("pairs must ascend by key, from batch to batch too: see ascending")
        wrong = np.flatnonzero((batch.low >= num_nodes) | (batch.high >= batch.low))
        if len(wrong):
            pair = wrong[0]
            raise ValueError(f"pair {pair} joins {batch.high[pair]} and {batch.low[pair]}: high < low < num_nodes={num_nodes}")
        before = batch.key[-1]
        yield batch
