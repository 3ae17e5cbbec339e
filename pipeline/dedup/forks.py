"""Repositories whose documents are mostly duplicates of another one's.

A repository has its own documents and what duplicates the same kept ones. Its place is that of its best document. A fork is a
repository of whose documents a better one has most. Of repositories A, B and C, the best first:

    A  1 kept          2 kept
    B  3 duplicates 1  4 duplicates 2  5 kept           2 of 3 are A's, too: a fork of A
    C                  6 duplicates 2  7 duplicates 5   1 of 2 is A's, 2 are B's: a fork of B

Where nothing but luck tells two equal repositories apart, each keeps some of what they share; all of it is both's nonetheless. As a
fork is worse than what it is a fork of, no two are forks of each other.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.dedup.pairs import Pairs, make_pairs
from pipeline.dedup.params import ForkParams
from pipeline.kernels import kernel

NOBODY = np.uint32(2**32 - 1)
_HALF, _LOW_HALF = np.uint64(32), np.uint64(2**32 - 1)
_MERGED_AT_ONCE = 1 << 20
# Of the repositories that have a document, the best that count as having it: so a licence that a million have costs no million squared.
MOST_OWNERS = 4


@dataclass(frozen=True)
class Forks:
    """repository, fork_of: uint64 [n], hashes; num_documents, num_duplicates: int64 [n]; the largest first.

    num_duplicates: those that fork_of has.
    """

    repository: np.ndarray
    fork_of: np.ndarray
    num_documents: np.ndarray
    num_duplicates: np.ndarray

    def __len__(self) -> int:
        return len(self.repository)

    def origin(self, repository: np.ndarray) -> np.ndarray:
        """What each repository is a fork of: uint64 [len(repository)]; 0: it is none."""
        if not len(self):
            return np.zeros(len(repository), np.uint64)
        order = np.argsort(self.repository)
        place = order[np.minimum(np.searchsorted(self.repository, repository, sorter=order), len(order) - 1)]
        return np.where(self.repository[place] == repository, self.fork_of[place], np.uint64(0))


@dataclass(frozen=True)
class Fates:
    """Some documents after a decision.

    rank uint32 [n]; keeper uint32 [n]: the rank of the kept document that it duplicates, its own if it is kept; repository uint64 [n]:
    hashes, 0: none.
    """

    rank: np.ndarray
    keeper: np.ndarray
    repository: np.ndarray


def forks_of(table: pa.Table) -> Forks:
    """From schema.FORKS."""
    return Forks(*(table[name].to_numpy() for name in ("repository_hash", "fork_of_hash", "num_documents", "num_duplicates")))


def find_forks(num_documents: int, fates: Callable[[], Iterable[Fates]], params: ForkParams) -> Forks:
    """
    Memory: 12 bytes a document, 20 a repository, 16 a pair of repositories that share documents.

    Args:
        num_documents: ranks are 0 .. num_documents - 1.
        fates: called several times; all documents, some at a time.
    """
    hashes, sizes = _tally(batch.repository[batch.repository != 0] for batch in fates())
    best = np.full(len(hashes), NOBODY)
    for batch in _of_repositories(fates()):
        np.minimum.at(best, np.searchsorted(hashes, batch.repository), batch.rank)
    name = np.full(num_documents, NOBODY)  # of its repository, by rank: the rank of the repository's best document
    for batch in _of_repositories(fates()):
        name[batch.rank] = best[np.searchsorted(hashes, batch.repository)]
    pairs, counts = _tally(_shared(num_documents, fates, name))
    # Of each repository the one that has most of it, the better one if they tie; the best repositories first.
    order = np.lexsort((pairs, -counts, pairs >> _HALF))
    by_best, counts = np.argsort(best), counts[order]
    mine, its = (by_best[np.searchsorted(best, side[order], sorter=by_best)] for side in (pairs >> _HALF, pairs & _LOW_HALF))
    enough = (counts >= params.min_documents) & (counts / sizes[mine] >= params.min_fraction)
    rows = np.flatnonzero(enough)
    rows = rows[_one_origin(mine[rows], its[rows], len(hashes), params.drop)]
    rows = rows[np.lexsort((hashes[mine[rows]], -counts[rows]))]
    return Forks(hashes[mine[rows]], hashes[its[rows]], sizes[mine[rows]], counts[rows])


@kernel
def _one_origin(mine: np.ndarray, its: np.ndarray, num_repositories: int, only_standing: bool) -> np.ndarray:
    """The first pair of each repository, bool [n]; with `only_standing` the first whose other side is no fork itself: where forks are
    dropped, none goes for one that is dropped.

    Args:
        mine, its: ascending by the best document of `mine`, which `its` has a better one than: so its fate is known.
    """
    is_fork, chosen = np.zeros(num_repositories, np.bool_), np.zeros(len(mine), np.bool_)
    for i in range(len(mine)):
        if not is_fork[mine[i]] and not (only_standing and is_fork[its[i]]):
            is_fork[mine[i]] = chosen[i] = True
    return chosen


def best_left(num_documents: int, documents: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """The best rank that is left in each node: uint32 [num_documents], by node; NOBODY: none is.

    Args:
        documents: rank and node of those that are left, integers, some at a time.
    """
    left = np.full(num_documents, NOBODY)
    for rank, node in documents:
        np.minimum.at(left, node, rank.astype(np.uint32))
    return left


def moved(pairs: Pairs, left: np.ndarray) -> Pairs:
    """Pairs of nodes as pairs of the nodes' best that are left, in no order; pairs of which one side is gone are left out."""
    high, low = left[pairs.high], left[pairs.low]
    both = (high != NOBODY) & (low != NOBODY)
    return make_pairs(np.minimum(high, low)[both], np.maximum(high, low)[both], pairs.similarity[both])


def moved_nodes(nodes: pa.Table, left: np.ndarray, *, is_gone: np.ndarray) -> pa.Table:
    """schema.NODES with the nodes' best that are left; what is gone is a node of its own.

    Args:
        is_gone: bool [n].
    """
    rank, node = nodes["rank"].to_numpy(), nodes["node"].to_numpy()
    column = pa.array(np.where(is_gone, rank, left[node]), pa.int64())
    return nodes.set_column(nodes.schema.get_field_index("node"), "node", column)


def _of_repositories(fates: Iterable[Fates]) -> Iterator[Fates]:
    for batch in fates:
        rows = np.flatnonzero(batch.repository)
        yield Fates(batch.rank[rows], batch.keeper[rows], batch.repository[rows])


def _shared(num_documents: int, fates: Callable[[], Iterable[Fates]], name: np.ndarray) -> Iterator[np.ndarray]:
    """Names as mine << 32 | its: for each document the better repositories that have it."""
    before = np.zeros(num_documents, np.uint32)  # by keeper
    for level in range(MOST_OWNERS):
        owner = np.full(num_documents, NOBODY)
        for batch in fates():
            mine = name[batch.rank]
            rows = slice(None) if level == 0 else mine > before[batch.keeper]
            np.minimum.at(owner, batch.keeper[rows], mine[rows])
        for batch in fates():
            mine, its = name[batch.rank], owner[batch.keeper]
            rows = (mine != NOBODY) & (its < mine)
            yield mine[rows].astype(np.uint64) << _HALF | its[rows]
        before = owner


def _tally(parts: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values, ascending, and how often each occurs: uint64, int64. What is held is about twice that at most."""
    held: list[tuple[np.ndarray, np.ndarray]] = [(np.empty(0, np.uint64), np.empty(0, np.int64))]
    for part in parts:
        held.append(np.unique(part, return_counts=True))
        if sum(len(values) for values, _ in held[1:]) > max(len(held[0][0]), _MERGED_AT_ONCE):
            held = [_merged(held)]
    return _merged(held)


def _merged(held: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    every, counts = (np.concatenate(side) for side in zip(*held, strict=True))
    order = np.argsort(every)
    starts = np.flatnonzero(np.diff(every[order], prepend=~every[order[:1]]))
    return every[order][starts], np.add.reduceat(counts[order], starts) if len(starts) else counts
