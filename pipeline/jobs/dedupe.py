"""dedupe: `signatures/` of all sources together to `survivors/`.

    signatures/ ──rank──► nodes/ ──band──► blocks by partition ──compare──► edges/ ──decide──► survivors/
    (units)      (one worker)    (units)                      (partitions)         (one worker)

Each arrow commits its files, so that a run that was stopped goes on at the arrow, the unit or the partition where it stopped.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import schema
from pipeline.config import RunConfig
from pipeline.dedup.bands import band_records, columns, record_type
from pipeline.dedup.lsh import bucket_edges
from pipeline.dedup.params import NearParams
from pipeline.dedup.priority import Compared, Nodes, make_nodes
from pipeline.dedup.signatures import binary_rows
from pipeline.dedup.survivors import judge, survivors
from pipeline.jobs.block import Block, BlockWriter, read_arrays
from pipeline.jobs.curate import signature_params
from pipeline.jobs.progress import Item
from pipeline.jobs.workspace import Workspace, collect, commit_datasets, job_fingerprint, path, stands
from pipeline.laws import check_survivors
from pipeline.manifest import Manifest, totals
from pipeline.params import RunError
from pipeline.shards import committing, read_batches

JOB, RANK, COMPARE = "dedupe", "dedupe-rank", "dedupe-compare"
VERSION = 1
LIBRARIES = ("pyarrow", "numpy", "datasketch")
# Band records that one worker holds at a time, about; sorting them takes some four times that.
PARTITION_BYTES = 64 << 20


@dataclass(frozen=True)
class Dedupe:
    """The job's constants: what every worker needs to know.

    Attributes:
        units: (unit, its place in the order of sources, its signatures file), in the order of the plan.
    """

    config: RunConfig
    fingerprint: str
    units: tuple[tuple[str, int, str], ...]
    num_partitions: int

    @property
    def workdir(self) -> str:
        return self.config.workdir

    def file(self, dataset: str, item: str) -> str:
        return path(self.workdir, dataset, f"{item}-{self.fingerprint}.parquet")

    def stands(self, job: str, item: str) -> bool:
        return stands(self.workdir, job, item, self.fingerprint)


def run(space: Workspace) -> None:
    """Decides for every document that curate kept, unless that stands; then writes the manifests.

    Raises:
        RunError: curate did not run, or ran with other params; a law does not hold.
    """
    curated = space.load("signatures")
    made, wanted = curated.extra["signature_params"], signature_params(space.config)
    if made != wanted:
        raise RunError(f"signatures/ has {made}, dedup.near asks for {wanted}: run curate again (tenfold run CONFIG does)")
    work = _constants(space.config, curated)
    parts = [partition_name(part) for part in range(work.num_partitions)]
    units = [unit for unit, _, _ in work.units]
    items = [Item(job, name, work.fingerprint) for job, names in ((RANK, units), (COMPARE, parts), (JOB, units)) for name in names]
    with space.progress(JOB, items):
        if not all(work.stands(item.job, item.item) for item in items):
            spill = space.engine.spill_folder(space.workdir, JOB)
            text_bytes = sum(counts.get("kept_bytes", 0) for counts in curated.counts.values())
            space.engine.run(lambda p: p | Deduplicate(work, spill), job=JOB, workdir=space.workdir, text_bytes=text_bytes)
    whole: dict[str, Any] = {"fingerprint": work.fingerprint, "params": space.config.dedup.model_dump(mode="json")}
    compared = collect(space.workdir, COMPARE, [(part, work.fingerprint) for part in parts])
    statistics = totals(compared, dict.fromkeys(parts, "all")).get("all", {})
    done = collect(space.workdir, JOB, [(unit, work.fingerprint) for unit in units])
    counts = totals(done, curated.extra["units"])
    for source in space.config.sources:
        check_survivors(source, curated.counts[source], counts.setdefault(source, {}))
    ranked = collect(space.workdir, RANK, [(unit, work.fingerprint) for unit in units])
    commit_datasets(space.workdir, RANK, ["nodes"], done=ranked, whole=whole)
    commit_datasets(space.workdir, COMPARE, ["edges"], done=compared, whole=whole | {"counts": statistics})
    extra = {"units": curated.extra["units"], "curate": curated.fingerprint, "buckets": statistics}
    commit_datasets(space.workdir, JOB, ["survivors"], done=done, whole=whole | {"counts": counts, "extra": extra})


def _constants(config: RunConfig, curated: Manifest) -> Dedupe:
    sources, near = list(config.sources), config.dedup.near
    inputs = [[(file.item, file.sha256) for file in curated.files], sources, config.seed, config.dedup.model_dump(mode="json")]
    source_of = curated.extra["units"]
    units = tuple((file.item, sources.index(source_of[file.item]), curated.path(config.workdir, file.item)) for file in curated.files)
    num_documents = sum(file.num_rows for file in curated.files)
    num_partitions = 1 + num_documents * near.bands * record_type(near).itemsize // PARTITION_BYTES if near else 0
    return Dedupe(config, job_fingerprint(JOB, VERSION, libraries=LIBRARIES, inputs=inputs), units, num_partitions)


def partition_name(partition: int) -> str:
    return f"part-{partition:05d}"


class Deduplicate(beam.PTransform):
    """The whole job on one page: see the picture above."""

    def __init__(self, work: Dedupe, spill: str | None) -> None:
        super().__init__()
        self._work, self._spill = work, spill

    def expand(self, root: Any) -> Any:
        work = self._work
        units = root | "Start" >> beam.Create([None]) | beam.ParDo(RankDocuments(work)) | "DealUnits" >> beam.GroupByKey()
        edges = units | beam.ParDo(BandBlocks(work, self._spill)) | beam.GroupByKey() | beam.ParDo(CompareBuckets(work))
        return root | "Finish" >> beam.Create([None]) | beam.ParDo(Decide(work), beam.pvalue.AsIter(edges))


class RankDocuments(beam.DoFn):
    """One worker: priorities of all documents, from 50 bytes each -> (index of a unit, nothing)."""

    def __init__(self, work: Dedupe) -> None:
        self._work = work

    def process(self, _: None) -> Iterator[tuple[int, None]]:
        work = self._work
        pending = [place for place, (unit, _, _) in enumerate(work.units) if not work.stands(RANK, unit)]
        if pending:
            tables = [_compared(source, file) for _, source, file in work.units]
            ends = np.cumsum([0, *(len(table.ids) for table in tables)])
            nodes = make_nodes(_concatenate(tables), seed=work.config.seed)
            for place in pending:
                self._write(work.units[place][0], nodes, slice(ends[place], ends[place + 1]))
        for place in range(len(work.units)):
            yield place, None

    def _write(self, unit: str, nodes: Nodes, rows: slice) -> None:
        with committing(self._work.workdir, RANK, item=unit, fingerprint=self._work.fingerprint) as outputs:
            columns = [nodes.rank[rows], nodes.node[rows], nodes.is_copy[rows], nodes.copies[rows]]
            outputs.parquet("nodes", schema.NODES).write(pa.RecordBatch.from_arrays([pa.array(c) for c in columns], schema=schema.NODES))


class BandBlocks(beam.DoFn):
    """A unit -> (partition, the band records of its nodes that fall into it)."""

    def __init__(self, work: Dedupe, spill: str | None) -> None:
        self._work, self._spill = work, spill

    def process(self, element: tuple[int, Iterable[None]]) -> Iterator[tuple[int, Block]]:
        work = self._work
        pending = [part for part in range(work.num_partitions) if not work.stands(COMPARE, partition_name(part))]
        near = work.config.dedup.near
        if not pending or near is None:
            return
        unit, _, file = work.units[element[0]]
        with BlockWriter(unit, self._spill) as writer:
            for records in _band_records(file, work.file("nodes", unit), near):
                partitions = records["band_hash"] % np.uint64(work.num_partitions)
                order = np.argsort(partitions, kind="stable")
                ends = np.searchsorted(partitions[order], np.arange(work.num_partitions + 1))
                for part in pending:
                    yield part, writer.block(records[order[ends[part] : ends[part + 1]]].tobytes())


class CompareBuckets(beam.DoFn):
    """(partition, its blocks) -> its name, once its edges are committed."""

    def __init__(self, work: Dedupe) -> None:
        self._work = work

    def process(self, element: tuple[int, Iterable[Block]]) -> Iterator[str]:
        partition, blocks = element
        work, near = self._work, self._work.config.dedup.near
        assert near is not None
        records = read_arrays(list(blocks), record_type(near))
        found = bucket_edges(columns(records), params=near)
        with committing(work.workdir, COMPARE, item=partition_name(partition), fingerprint=work.fingerprint) as outputs:
            values = [found.high.astype(np.int64), found.low.astype(np.int64), found.similarity]
            outputs.parquet("edges", schema.EDGES).write(pa.RecordBatch.from_arrays([pa.array(v) for v in values], schema=schema.EDGES))
            outputs.counts.update({name: int(value) for name, value in vars(found.statistics).items()}, num_edges=len(found.high))
        yield partition_name(partition)


class Decide(beam.DoFn):
    """One worker: all edges -> `survivors/` of every unit."""

    def __init__(self, work: Dedupe) -> None:
        self._work = work

    def process(self, start: None, partitions: Iterable[str]) -> Iterator[str]:
        work = self._work
        for _name in partitions:  # all are there before this begins
            pass
        nodes = [pq.read_table(work.file("nodes", unit)) for unit, _, _ in work.units]
        ids = [pq.read_table(file, columns=["id"])["id"].to_numpy() for _, _, file in work.units]
        id_of = np.empty(sum(map(len, ids)), np.uint64)
        for table, own in zip(nodes, ids, strict=True):
            id_of[table["rank"].to_numpy()] = own
        files = [work.file("edges", partition_name(part)) for part in range(work.num_partitions)]
        edges = pa.concat_tables([schema.EDGES.empty_table(), *(pq.read_table(file) for file in files)])
        verdict = judge(id_of, edges, cluster=work.config.dedup.cluster)
        for (unit, _, _), table, own in zip(work.units, nodes, ids, strict=True):
            if work.stands(JOB, unit):
                continue
            with committing(work.workdir, JOB, item=unit, fingerprint=work.fingerprint) as outputs:
                batch = survivors(own, table, verdict)
                outputs.parquet("survivors", schema.SURVIVORS).write(batch)
                kept, copy = batch["kept"].to_numpy(zero_copy_only=False), table["is_copy"].to_numpy()
                outputs.counts.update(
                    num_documents=len(kept),
                    num_survivors=int(kept.sum()),
                    num_copies=int((~kept & copy).sum()),
                    num_near_duplicates=int((~kept & ~copy).sum()),
                )
            yield unit


def _compared(source: int, file: str) -> Compared:
    table = pq.read_table(file, columns=["id", "stars", "num_chars", "text_hash", "signature_hash"]).combine_chunks()
    text_hash = binary_rows(table["text_hash"].chunk(0), np.uint64) if table.num_rows else np.empty((0, 2), np.uint64)
    stars, num_chars, signature_hash = (table[name].to_numpy() for name in ("stars", "num_chars", "signature_hash"))
    return Compared(table["id"].to_numpy(), np.full(table.num_rows, source, np.int32), stars, num_chars, text_hash, signature_hash)


def _concatenate(tables: list[Compared]) -> Compared:
    return Compared(*(np.concatenate([getattr(table, name) for table in tables]) for name in Compared.__dataclass_fields__))


def _band_records(signatures_file: str, nodes_file: str, near: NearParams) -> Iterator[np.ndarray]:
    """The band records of one unit's nodes, some PARTITION_BYTES of record_type at a time; a document that is not the best of its
    node sends none."""
    nodes = pq.read_table(nodes_file, columns=["rank", "node"])
    rank, node = nodes["rank"].to_numpy(), nodes["node"].to_numpy()
    max_rows = max(1, PARTITION_BYTES // (near.bands * record_type(near).itemsize))
    start = 0
    for batch in read_batches(signatures_file, ["signature"], max_rows=max_rows):
        rows = slice(start, start := start + batch.num_rows)
        best = rank[rows] == node[rows]
        yield band_records(binary_rows(batch["signature"], np.uint32)[best], node[rows][best], near)
