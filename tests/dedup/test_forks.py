import itertools
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import schema
from pipeline.dedup import forks as forks_module
from pipeline.dedup.forks import MOST_OWNERS, Fates, Forks, best_left, find_forks, forks_of, moved, moved_nodes
from pipeline.dedup.pairs import Pairs, ascending, make_pairs
from pipeline.dedup.params import ForkParams
from pipeline.dedup.representatives import KEPT, decide
from pipeline.dedup.survivors import survivors
from tests.dedup.reference import first_independent_set

Edges = dict[tuple[int, int], float]


@dataclass
class Corpus:
    """Documents are ranks: the repository (0: none) and the signature of each; edges between signatures; where units end."""

    repository: list[int]
    signature: list[int]
    similar: Edges
    cuts: list[int]

    def __len__(self) -> int:
        return len(self.repository)

    def nodes(self, left: set[int]) -> dict[int, int]:
        """By signature, its best document among those left."""
        found: dict[int, int] = {}
        for rank in sorted(left):
            found.setdefault(self.signature[rank], rank)
        return found

    def edges(self, nodes: dict[int, int]) -> Edges:
        joined = {(nodes[a], nodes[b]): similarity for (a, b), similarity in self.similar.items() if a in nodes and b in nodes}
        return {(min(pair), max(pair)): similarity for pair, similarity in joined.items()}

    def keepers(self, left: set[int]) -> dict[int, int]:
        """Of each document left, the kept one that it duplicates, itself if it is kept: down the priorities."""
        nodes = self.nodes(left)
        fates = first_independent_set(len(self), self.edges(nodes))
        of_node = {node: node if fates[node][0] is None else int(fates[node][0] or 0) for node in nodes.values()}
        return {rank: of_node[nodes[self.signature[rank]]] for rank in left}

    def units(self) -> Iterator[np.ndarray]:
        """Ranks, not in their order."""
        order = sorted(range(len(self)), key=lambda rank: (rank * 7 % 11, rank))
        yield from (np.array(order[i:j], np.int64) for i, j in itertools.pairwise([0, *self.cuts, len(self)]))


@st.composite
def corpora(draw: st.DrawFn) -> Corpus:
    n = draw(st.integers(1, 24))
    names = [0, 7, 3, 2**63 + 1, 5]
    repository = draw(st.lists(st.sampled_from(names), min_size=n, max_size=n))
    signature = draw(st.lists(st.integers(0, 12), min_size=n, max_size=n))
    pair = st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda pair: pair[0] < pair[1])
    similar = draw(st.dictionaries(pair, st.sampled_from([0.75, 0.875, 1.0]), max_size=20))
    return Corpus(repository, signature, similar, sorted(draw(st.lists(st.integers(0, n), max_size=3))))


params = st.builds(ForkParams, min_fraction=st.sampled_from([0.01, 0.25, 0.5, 0.75, 1.0]), min_documents=st.integers(1, 3))


def _slow_forks(corpus: Corpus, params: ForkParams) -> list[tuple[int, int, int, int]]:
    keeper = corpus.keepers(set(range(len(corpus))))
    best: dict[int, int] = {}
    for rank, name in enumerate(corpus.repository):
        best.setdefault(name, rank)
    members = defaultdict(set)
    for rank, name in enumerate(corpus.repository):
        if name:
            members[keeper[rank]].add(name)
    found = []
    for name in set(corpus.repository) - {0}:
        own = [rank for rank in range(len(corpus)) if corpus.repository[rank] == name]
        owners = Counter(other for rank in own for other in sorted(members[keeper[rank]], key=best.__getitem__)[:MOST_OWNERS])
        owners = Counter({other: count for other, count in owners.items() if best[other] < best[name]})
        if owners:
            origin, count = min(owners.items(), key=lambda entry: (-entry[1], best[entry[0]]))
            if count >= params.min_documents and count / len(own) >= params.min_fraction:
                found.append((name, origin, len(own), count))
    return sorted(found, key=lambda fork: (-fork[3], fork[0]))


def _pairs(edges: Edges) -> Pairs:
    order = sorted(edges)
    high, low = np.array(order, np.int64).reshape(-1, 2).T
    return make_pairs(high, low, np.array([edges[pair] for pair in order]))


def _nodes(corpus: Corpus, ranks: np.ndarray) -> pa.Table:
    node = corpus.nodes(set(range(len(corpus))))
    columns = [ranks, [node[corpus.signature[rank]] for rank in ranks], [False] * len(ranks), [1] * len(ranks)]
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, schema.NODES, strict=True)], schema=schema.NODES)


def _repositories(corpus: Corpus, ranks: np.ndarray) -> np.ndarray:
    return np.array(corpus.repository, np.uint64)[ranks]


def _find(corpus: Corpus, params: ForkParams) -> Forks:
    n = len(corpus)
    decision = decide(n, [_pairs(corpus.edges(corpus.nodes(set(range(n)))))], cluster="representative")

    def fates() -> Iterator[Fates]:
        for ranks in corpus.units():
            node = _nodes(corpus, ranks)["node"].to_numpy()
            keeper = np.where(decision.keeper[node] == KEPT, node, decision.keeper[node])
            yield Fates(ranks.astype(np.uint32), keeper.astype(np.uint32), _repositories(corpus, ranks))

    return find_forks(n, fates, params)


def _dropped(corpus: Corpus, forks: Forks) -> list[dict[str, int]]:
    """survivors/ where the forks are dropped, an id being 100 and the rank; by rank."""
    n, rows = len(corpus), []
    stays = [(ranks, forks.origin(_repositories(corpus, ranks)) == 0) for ranks in corpus.units()]
    left = best_left(n, ((ranks[own], _nodes(corpus, ranks)["node"].to_numpy()[own]) for ranks, own in stays))
    pairs = moved(_pairs(corpus.edges(corpus.nodes(set(range(n))))), left)
    with tempfile.TemporaryDirectory() as folder:
        decision = decide(n, ascending([pairs], folder=folder, max_held=3), cluster="representative")
    for ranks in corpus.units():
        fork_of = forks.origin(_repositories(corpus, ranks))
        nodes = moved_nodes(_nodes(corpus, ranks), left, is_gone=fork_of != 0)
        ids = np.arange(100, 100 + n, dtype=np.uint64)
        batch = survivors(ids[ranks], nodes, decision, id_of=ids, exact=pairs[:0], fork_of=fork_of)
        rows += batch.to_pylist()
    return sorted(rows, key=lambda row: row["id"])


@given(corpora(), params)
@settings(deadline=None, max_examples=150)
def test_forks_are_those_of_counting_one_by_one(corpus: Corpus, params: ForkParams) -> None:
    forks = _find(corpus, params)
    columns = (forks.repository, forks.fork_of, forks.num_documents, forks.num_duplicates)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == _slow_forks(corpus, params)


@given(corpora(), params)
@settings(deadline=None, max_examples=150)
def test_a_fork_is_worse_than_what_it_is_a_fork_of_so_no_two_are_forks_of_each_other(corpus: Corpus, params: ForkParams) -> None:
    forks = _find(corpus, params)
    assert len(set(forks.repository.tolist())) == len(forks)
    for name, origin in zip(forks.repository.tolist(), forks.fork_of.tolist(), strict=True):
        assert corpus.repository.index(origin) < corpus.repository.index(name)


@given(corpora(), params)
@settings(deadline=None, max_examples=150)
def test_without_forks_the_rest_is_decided_as_if_they_had_never_been_there(corpus: Corpus, params: ForkParams) -> None:
    forks = _find(corpus, params)
    left = {rank for rank in range(len(corpus)) if not forks.origin(_repositories(corpus, np.array([rank])))[0]}
    keeper, rows = corpus.keepers(left), _dropped(corpus, forks)
    origins = dict(zip(forks.repository.tolist(), forks.fork_of.tolist(), strict=True))
    for rank, row in enumerate(rows):
        if rank not in left:
            assert (row["kept"], row["duplicate_of"], row["similarity"]) == (False, None, None)
            assert row["fork_of"] == origins[corpus.repository[rank]]
            assert row["component"] == row["id"]
        else:
            assert row["fork_of"] is None
            assert row["kept"] == (keeper[rank] == rank)
            assert row["duplicate_of"] == (None if row["kept"] else 100 + keeper[rank])


@given(corpora(), params)
@settings(deadline=None, max_examples=150)
def test_where_forks_are_dropped_a_document_has_one_fate_and_what_stays_out_of_them_loses_no_text(
    corpus: Corpus, params: ForkParams
) -> None:
    rows = _dropped(corpus, _find(corpus, params))
    kept = {row["id"] for row in rows if row["kept"]}
    for row in rows:
        assert [row["kept"], row["duplicate_of"] is not None, row["fork_of"] is not None].count(True) == 1
        assert row["duplicate_of"] is None or row["duplicate_of"] in kept


def test_two_equal_repositories_of_which_each_keeps_half_are_one_and_its_fork() -> None:
    repository = [1, 2, 2, 1, 1, 2, 2, 1, 0, 3]
    forks = _find(Corpus(repository, [0, 0, 1, 1, 2, 2, 3, 3, 3, 4], {}, []), ForkParams(min_documents=3, min_fraction=0.9))
    assert (forks.repository.tolist(), forks.fork_of.tolist()) == ([2], [1])
    assert (forks.num_documents.tolist(), forks.num_duplicates.tolist()) == ([4], [4])


def test_a_fork_of_a_repository_of_which_a_third_has_much_is_a_fork_of_the_one_that_has_most() -> None:
    parts, lib, fork = [1] * 4, [2] * 6, [3] * 6
    forks = _find(Corpus(parts + lib + fork, [*range(4), *range(6), *range(6)], {}, []), ForkParams())
    assert (forks.repository.tolist(), forks.fork_of.tolist(), forks.num_duplicates.tolist()) == ([3], [2], [6])


def test_a_document_that_fell_for_a_forks_stands_when_the_fork_is_dropped() -> None:
    # 0 and 1 are kept, 2 and 3 their copies in a fork; 4, in the fork too, is kept; 5 and 6, elsewhere, duplicate it.
    corpus = Corpus([1, 1, 2, 2, 2, 3, 4], [0, 1, 0, 1, 2, 2, 3], {(2, 3): 0.75}, [3])
    forks = _find(corpus, ForkParams(min_documents=2))
    assert forks.repository.tolist() == [2]
    rows = _dropped(corpus, forks)
    assert [row["kept"] for row in rows] == [True, True, False, False, False, True, False]
    assert rows[6]["duplicate_of"] == 105


def test_a_share_just_at_the_threshold_is_enough_however_it_rounds() -> None:
    n = 100
    corpus = Corpus([1] * n + [2] * n, [*range(n), *range(7), *range(n, 2 * n - 7)], {}, [])
    assert len(_find(corpus, ForkParams(min_fraction=0.07))) == 1
    assert len(_find(corpus, ForkParams(min_fraction=0.0701))) == 0
    assert len(_find(corpus, ForkParams(min_fraction=0.07, min_documents=8))) == 0


@pytest.mark.parametrize("at_once", [1, 1 << 20])
def test_counts_are_the_same_however_often_they_are_merged(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(forks_module, "_MERGED_AT_ONCE", at_once)
    draw = np.random.default_rng(3)
    n = 600
    repository, signature = draw.integers(0, 60, n).tolist(), draw.integers(0, 100, n).tolist()
    corpus = Corpus(repository, signature, {}, list(range(10, n, 90)))
    params = ForkParams(min_fraction=0.1, min_documents=2)
    found = _find(corpus, params)
    assert len(found) > 10
    assert list(zip(found.repository.tolist(), found.num_duplicates.tolist(), strict=True)) == [
        (name, count) for name, _, _, count in _slow_forks(corpus, params)
    ]


def test_no_forks_and_no_repositories_are_no_trouble() -> None:
    none = forks_of(schema.FORKS.empty_table())
    assert none.origin(np.array([0, 5], np.uint64)).tolist() == [0, 0]
    assert len(_find(Corpus([0, 0, 0], [0, 0, 1], {}, []), ForkParams(min_documents=1))) == 0
    assert len(find_forks(0, lambda: iter(()), ForkParams())) == 0


@pytest.mark.parametrize(("drop", "expected"), [(False, {2: 1, 3: 2}), (True, {2: 1})])
def test_where_forks_are_dropped_none_goes_for_one_that_is_dropped(drop: bool, expected: dict[int, int]) -> None:
    # Repository 2 has the five documents of 1, and five of its own; 3 has these five.
    rank = np.arange(20, dtype=np.uint32)
    keeper = np.array([*range(5), *range(5), *range(10, 15), *range(10, 15)], np.uint32)
    fates = Fates(rank, keeper, np.repeat(np.array([1, 2, 2, 3], np.uint64), 5))
    found = find_forks(20, lambda: [fates], ForkParams(drop=drop))
    assert dict(zip(found.repository.tolist(), found.fork_of.tolist(), strict=True)) == expected
