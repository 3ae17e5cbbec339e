"""Forks: found from the first decision, and what is left of the graph where they are dropped.

A dropped fork's documents neither stand nor make others fall. So what fell for one of them is decided again, once: which repositories
are forks is not asked again. A pair near the threshold that decided nothing before was not checked, and does not count now either.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import schema
from pipeline.dedup.forks import Fates, Forks, best_left, find_forks, forks_of
from pipeline.dedup.representatives import KEPT, Decision
from pipeline.jobs.dedupe_work import ALL, FORKS, Dedupe, UnitFiles, read_column
from pipeline.shards import committing


def commit_forks(work: Dedupe, decision: Decision) -> Forks:
    """Finds them and writes `forks/`, unless that stands or nobody looks for them."""
    params = work.config.dedup.forks
    if params is None:
        return forks_of(schema.FORKS.empty_table())
    if not work.stands(FORKS, ALL):
        forks = find_forks(len(decision.keeper), lambda: _fates(work, decision), params)
        names = _names(work, forks)
        with committing(work.workdir, FORKS, item=ALL, fingerprint=work.fingerprint) as outputs:
            outputs.parquet("forks", schema.FORKS).write(_rows(forks, names, list(work.config.sources)))
            outputs.counts.update(num_forks=len(forks))
    return forks_of(pq.read_table(work.file("forks", ALL)))


def left_of_nodes(work: Dedupe, forks: Forks) -> np.ndarray:
    """The best rank of each node outside of the forks, as `best_left`."""

    def documents() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for unit in work.units:
            rank, node = (read_column(work.file("nodes", unit.name), name) for name in ("rank", "node"))
            stays = forks.origin(read_column(unit.signatures, "repository")) == 0
            yield rank[stays], node[stays]

    return best_left(work.num_documents, documents())


def _fates(work: Dedupe, decision: Decision) -> Iterator[Fates]:
    for unit in work.units:
        rank, node = (read_column(work.file("nodes", unit.name), name).astype(np.uint32) for name in ("rank", "node"))
        keeper = decision.keeper[node]
        yield Fates(rank, np.where(keeper == KEPT, node, keeper), read_column(unit.signatures, "repository"))


@dataclass(frozen=True)
class _Named:
    """What the hashes of repositories stand for, and which sources have documents of them: name and set by hash."""

    names: dict[int, str]
    sources: dict[int, set[int]]


def _names(work: Dedupe, forks: Forks) -> _Named:
    """From the units that hold one of them."""
    wanted = np.unique(np.concatenate([forks.repository, forks.fork_of]))
    found = _Named({}, {})
    for unit in work.units:
        repository, first = np.unique(read_column(unit.signatures, "repository"), return_index=True)
        own = np.isin(repository, wanted)
        for place in repository[own].tolist():
            found.sources.setdefault(place, set()).add(unit.source)
        new = own & ~np.isin(repository, np.array(list(found.names), np.uint64))
        found.names.update(zip(repository[new].tolist(), _repositories(unit, first[new]), strict=True))
    return found


def _repositories(unit: UnitFiles, rows: np.ndarray) -> list[str]:
    if not len(rows):
        return []
    column = pq.read_table(unit.documents, columns=["repository"])["repository"]
    return column.take(pa.array(rows)).to_pylist()


def _rows(forks: Forks, named: _Named, sources: list[str]) -> pa.RecordBatch:
    repository, fork_of = forks.repository.tolist(), forks.fork_of.tolist()
    values = (
        [named.names[place] for place in repository],
        [named.names[place] for place in fork_of],
        forks.num_documents,
        forks.num_duplicates,
        [[sources[source] for source in sorted(named.sources[place])] for place in repository],
        forks.repository,
        forks.fork_of,
    )
    columns = [pa.array(value, field.type) for value, field in zip(values, schema.FORKS, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema.FORKS)
