"""dedupe: `signatures/` of all sources together to `survivors/`.

    signatures/ ──rank──► nodes/ ──band──► blocks by partition ──compare──► edges/
    (units)      (one worker)    (units)                      (partitions)    │
                                                                            choose (one worker)
                                                                              ▼
    survivors/ ◄──decide── verified/ ◄──check── blocks by partition ◄──shingle── pairs/  checks/  wanted/
            (one worker)         (partitions)                      (units)

Each arrow commits its files, so that a run that was stopped goes on at the arrow, the unit or the partition where it stopped.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow.parquet as pq

from pipeline import schema
from pipeline.dedup.pairs import Pairs
from pipeline.dedup.representatives import Decision, decide
from pipeline.dedup.survivors import similar_enough, survivors
from pipeline.jobs import cut
from pipeline.jobs.curate import signature_params
from pipeline.jobs.dedupe_check import CheckPairs, ChoosePairs, SendShingles
from pipeline.jobs.dedupe_compare import BandBlocks, CompareBuckets, RankDocuments
from pipeline.jobs.dedupe_work import (
    ALL,
    CHECK,
    CHOOSE,
    COMPARE,
    JOB,
    RANK,
    Dedupe,
    UnitFiles,
    constants,
    read_column,
    read_pairs,
    read_verified,
)
from pipeline.jobs.progress import Item
from pipeline.jobs.workspace import Workspace, collect, commit_datasets
from pipeline.laws import check_survivors, check_verified
from pipeline.manifest import totals
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
    made_of = {"signatures": signatures, "documents": space.load("documents")} | cut.run(space)
    work = constants(space.config, made_of)
    units = [unit.name for unit in work.units]
    steps = {RANK: units, COMPARE: work.parts, CHOOSE: [ALL], CHECK: work.checks, JOB: units}
    steps[CHOOSE] += [*work.checks, *units] if work.checks else []
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
    extra = {
        "units": signatures.extra["units"],
        "curate": signatures.fingerprint,
        "cuts": made_of["cuts"].fingerprint,
        "buckets": buckets,
        "checks": chosen | verified,
    }
    commit_datasets(space.workdir, JOB, ["survivors"], done=done[JOB], whole=whole | {"counts": counts, "extra": extra})


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
        return root | "Finish" >> beam.Create([None]) | beam.ParDo(Decide(work), beam.pvalue.AsIter(chosen), beam.pvalue.AsIter(checked))


class Decide(beam.DoFn):
    """One worker: all pairs -> `survivors/` of every unit, from 20 bytes a document and 12 a checked pair."""

    def __init__(self, work: Dedupe) -> None:
        self._work = work

    def process(self, start: None, chosen: Iterable[Any], checked: Iterable[str]) -> Iterator[str]:
        work = self._work
        for _name in (*chosen, *checked):  # all are there before this begins
            pass
        if all(work.stands(JOB, unit.name) for unit in work.units):
            return
        id_of, exact = self._ids_by_rank(), read_verified(work)
        decision = self._decide(len(id_of), exact)
        for unit in work.units:
            if not work.stands(JOB, unit.name):
                self._write(unit, decision, id_of, exact)
                yield unit.name

    def _ids_by_rank(self) -> np.ndarray:
        units = self._work.units
        id_of = np.empty(sum(pq.read_metadata(unit.signatures).num_rows for unit in units), np.uint64)
        for unit in units:
            id_of[read_column(self._work.file("nodes", unit.name), "rank")] = read_column(unit.signatures, "id")
        return id_of

    def _decide(self, num_documents: int, exact: Pairs) -> Decision:
        dedup = self._work.config.dedup
        candidates = read_pairs(self._work.file("pairs", ALL))
        edges = similar_enough(candidates, exact, near=dedup.near) if dedup.near else ()
        return decide(num_documents, edges, cluster=dedup.cluster)

    def _write(self, unit: UnitFiles, decision: Decision, id_of: np.ndarray, exact: Pairs) -> None:
        nodes, ids = pq.read_table(self._work.file("nodes", unit.name)), read_column(unit.signatures, "id")
        with committing(self._work.workdir, JOB, item=unit.name, fingerprint=self._work.fingerprint) as outputs:
            batch = survivors(ids, nodes, decision, id_of=id_of, exact=exact)
            outputs.parquet("survivors", schema.SURVIVORS).write(batch)
            kept, copy = batch["kept"].to_numpy(zero_copy_only=False), nodes["is_copy"].to_numpy()
            outputs.counts.update(
                num_documents=len(kept),
                num_survivors=int(kept.sum()),
                num_copies=int((~kept & copy).sum()),
                num_near_duplicates=int((~kept & ~copy).sum()),
            )
