"""dedupe: `signatures/` of all sources together to `survivors/`.

    signatures/ ──rank──► nodes/ ──band──► blocks by partition ──compare──► edges/
    (units)      (one worker)    (units)                      (partitions)    │
                                                                            choose (one worker)
                                                                              ▼
    survivors/ ◄──decide── verified/ ◄──check── blocks by partition ◄──shingle── pairs/  checks/  wanted/
     forks/ (one worker)         (partitions)                      (units)

Each arrow commits its files, so that a run that was stopped goes on at the arrow, the unit or the partition where it stopped.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow.parquet as pq

from pipeline import manifest, schema, storage
from pipeline.dedup.forks import Forks, moved, moved_nodes
from pipeline.dedup.pairs import Pairs, ascending
from pipeline.dedup.representatives import Decision, decide
from pipeline.dedup.survivors import similar_enough, survivors
from pipeline.jobs import cut, remove
from pipeline.jobs.curate import signature_params
from pipeline.jobs.dedupe_check import CheckPairs, ChoosePairs, SendShingles
from pipeline.jobs.dedupe_compare import BandBlocks, CompareBuckets, RankDocuments
from pipeline.jobs.dedupe_forks import commit_forks, left_of_nodes
from pipeline.jobs.dedupe_work import (
    ALL,
    CHECK,
    CHOOSE,
    COMPARE,
    FORKS,
    JOB,
    RANK,
    Dedupe,
    UnitFiles,
    constants,
    named_by_lists,
    read_column,
    read_pairs,
    read_verified,
    scratch,
)
from pipeline.jobs.progress import Item
from pipeline.jobs.workspace import Workspace, collect, commit_datasets
from pipeline.laws import check_survivors, check_verified
from pipeline.manifest import Manifest, totals
from pipeline.params import RunError
from pipeline.shards import Done, committing


def run(space: Workspace) -> None:
    """Decides for every document that curate kept, unless that stands; then writes the manifests.

    Raises:
        RunError: curate did not run, or ran with other params; a law does not hold.
    """
    signatures = space.load("signatures")
    made, wanted = signatures.extra["signature_params"], signature_params(space.config)
    if made != wanted:
        raise RunError(f"signatures/ has {made}, dedup.near asks for {wanted}: run curate again (tenfold run CONFIG does)")
    made_of = {"signatures": signatures, "documents": space.load("documents"), "removals": remove.run(space)} | cut.run(space)
    work, removed = _constants(space, made_of)
    steps = _steps(work)
    items = [Item(job, name, work.fingerprint) for job, names in steps.items() for name in names]
    with space.progress(JOB, items):
        if not all(work.stands(item.job, item.item) for item in items):
            spill = space.engine.spill_folder(space.workdir, JOB)
            text_bytes = sum(counts.get("kept_bytes", 0) for counts in signatures.counts.values())
            space.engine.run(lambda p: p | Deduplicate(work, spill), job=JOB, workdir=space.workdir, text_bytes=text_bytes)
    done = {job: collect(space.workdir, job, [(name, work.fingerprint) for name in names]) for job, names in steps.items()}
    chosen, verified = _sum(done[CHOOSE]), _sum(done[CHECK])
    check_verified(chosen, verified)
    counts = totals(done[JOB], signatures.extra["units"])
    for source in space.config.sources:
        check_survivors(source, signatures.counts[source], counts.setdefault(source, {}))
    params = space.config.dedup.model_dump(mode="json", exclude={"max_sorted_pairs"})
    whole: dict[str, Any] = {"fingerprint": work.fingerprint, "params": params}
    buckets = _sum(done[COMPARE])
    commit_datasets(space.workdir, RANK, ["nodes"], done=done[RANK], whole=whole)
    commit_datasets(space.workdir, COMPARE, ["edges"], done=done[COMPARE], whole=whole | {"counts": buckets})
    commit_datasets(space.workdir, CHOOSE, ["pairs", "checks", "wanted"], done=done[CHOOSE], whole=whole | {"counts": chosen})
    commit_datasets(space.workdir, CHECK, ["verified"], done=done[CHECK], whole=whole | {"counts": verified})
    commit_datasets(space.workdir, FORKS, ["forks"], done=done[FORKS], whole=whole | {"counts": _sum(done[FORKS])})
    extra = {
        "units": signatures.extra["units"],
        "curate": signatures.fingerprint,
        "cuts": made_of["cuts"].fingerprint,
        "buckets": buckets,
        "checks": chosen | verified,
        "removals": removed,
    }
    commit_datasets(space.workdir, JOB, ["survivors"], done=done[JOB], whole=whole | {"counts": counts, "extra": extra})


def _constants(space: Workspace, made_of: dict[str, Manifest]) -> tuple[Dedupe, list[list[str]]]:
    """The job's constants, and the removals/ that it reckons with: those of the last run, as long as nothing else is to be done.

    So a takedown costs one pack; what it names loses its priority when dedupe next has work to do.
    """
    removed = named_by_lists(made_of["removals"])
    if storage.exists(manifest.path(space.workdir, "survivors")):
        last = manifest.load(space.workdir, "survivors")
        before = last.extra.get("removals", removed)
        work = constants(space.config, made_of, removed=before)
        if work.fingerprint == last.fingerprint and all(work.stands(job, name) for job, names in _steps(work).items() for name in names):
            return work, before
    return constants(space.config, made_of, removed=removed), removed


def _steps(work: Dedupe) -> dict[str, list[str]]:
    """The items of every step."""
    units = [unit.name for unit in work.units]
    chosen = [ALL, *work.checks, *units] if work.checks else [ALL]
    return {RANK: units, COMPARE: work.parts, CHOOSE: chosen, CHECK: work.checks} | work.last_items


def _sum(done: list[Done]) -> dict[str, Any]:
    return totals(done, dict.fromkeys((record.item for record in done), "all")).get("all", {})


class Deduplicate(beam.PTransform):
    """The whole job on one page: see the picture above."""

    def __init__(self, work: Dedupe, spill: str | None) -> None:
        super().__init__()
        self._work, self._spill = work, spill

    def expand(self, root: Any) -> Any:
        work, spill = self._work, self._spill
        ranked = root | "Start" >> beam.Create([None]) | beam.ParDo(RankDocuments(work)) | "DealUnits" >> beam.GroupByKey()
        compared = ranked | beam.ParDo(BandBlocks(work, spill)) | "ByBand" >> beam.GroupByKey() | beam.ParDo(CompareBuckets(work))
        chosen = root | "Choose" >> beam.Create([None]) | beam.ParDo(ChoosePairs(work, spill), beam.pvalue.AsIter(compared))
        asked = chosen | "DealUnitsAgain" >> beam.GroupByKey() | beam.ParDo(SendShingles(work, spill))
        checked = asked | "ByCheck" >> beam.GroupByKey() | beam.ParDo(CheckPairs(work))
        sides = beam.pvalue.AsIter(chosen), beam.pvalue.AsIter(checked)
        return root | "Finish" >> beam.Create([None]) | beam.ParDo(Decide(work, spill), *sides)


@dataclass(frozen=True)
class _Decided:
    """left: by node the best document outside of the forks, where these are dropped; `decision` and `exact` go by these."""

    decision: Decision
    exact: Pairs
    forks: Forks
    left: np.ndarray | None


class Decide(beam.DoFn):
    """One worker: all pairs -> `forks/`, and `survivors/` of every unit, from 24 bytes a document and 12 a checked pair."""

    def __init__(self, work: Dedupe, spill: str | None) -> None:
        self._work, self._spill = work, spill

    def process(self, start: None, chosen: Iterable[Any], checked: Iterable[str]) -> Iterator[str]:
        work = self._work
        for _name in (*chosen, *checked):  # all are there before this begins
            pass
        if all(work.stands(job, name) for job, names in work.last_items.items() for name in names):
            return
        decided = self._decide_all()
        id_of = self._ids_by_rank()
        for unit in work.units:
            if not work.stands(JOB, unit.name):
                self._write(unit, decided, id_of)
                yield unit.name

    def _decide_all(self) -> _Decided:
        work, params, exact = self._work, self._work.config.dedup.forks, read_verified(self._work)
        decision = self._decide(self._edges(exact))
        forks = commit_forks(work, decision)
        if not (params and params.drop and len(forks)):
            return _Decided(decision, exact, forks, None)
        del decision
        left = left_of_nodes(work, forks)
        with scratch(self._spill) as folder:
            edges = (moved(pairs, left) for pairs in self._edges(exact))
            decision = self._decide(ascending(edges, folder=folder, max_held=work.config.dedup.max_sorted_pairs))
        exact = moved(exact, left)
        return _Decided(decision, exact[np.argsort(exact.key)], forks, left)

    def _edges(self, exact: Pairs) -> Iterable[Pairs]:
        near = self._work.config.dedup.near
        return similar_enough(read_pairs(self._work.file("pairs", ALL)), exact, near=near) if near else ()

    def _decide(self, edges: Iterable[Pairs]) -> Decision:
        return decide(self._work.num_documents, edges, cluster=self._work.config.dedup.cluster)

    def _ids_by_rank(self) -> np.ndarray:
        id_of = np.empty(self._work.num_documents, np.uint64)
        for unit in self._work.units:
            id_of[read_column(self._work.file("nodes", unit.name), "rank")] = read_column(unit.signatures, "id")
        return id_of

    def _write(self, unit: UnitFiles, decided: _Decided, id_of: np.ndarray) -> None:
        nodes, ids = pq.read_table(self._work.file("nodes", unit.name)), read_column(unit.signatures, "id")
        origin = decided.forks.origin(read_column(unit.signatures, "repository"))
        in_fork, fork_of = origin != 0, np.zeros_like(origin)
        if decided.left is not None:
            nodes, fork_of = moved_nodes(nodes, decided.left, is_gone=in_fork), origin
        with committing(self._work.workdir, JOB, item=unit.name, fingerprint=self._work.fingerprint) as outputs:
            batch = survivors(ids, nodes, decided.decision, id_of=id_of, exact=decided.exact, fork_of=fork_of)
            outputs.parquet("survivors", schema.SURVIVORS).write(batch)
            kept, copy = batch["kept"].to_numpy(zero_copy_only=False), nodes["is_copy"].to_numpy()
            fell, is_forked = ~kept & (fork_of == 0), fork_of != 0
            outputs.counts.update(
                num_documents=len(kept),
                num_survivors=int(kept.sum()),
                num_copies=int((fell & copy).sum()),
                num_near_duplicates=int((fell & ~copy).sum()),
                num_forked=int(is_forked.sum()),
                num_in_forks=int(in_fork.sum()),
            )
