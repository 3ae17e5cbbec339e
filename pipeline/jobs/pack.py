"""pack: `tokens/` less what `removals/` names, and the mixture, to `sequences/` in training order, and `segments/`.

tokens/ ──plan──► runs/  positions/  deviation/ ──cut──► blocks by shard ──write──► sequences/  segments/
(units)   (one worker, lengths alone)            (units)                   (shards)
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mixtures.budget import Budget, Stock, count_stocks, make_budget
from mixtures.schedule import check_schedule
from mixtures.spec import groups_of, shares
from pipeline import records, schema
from pipeline.config import RunConfig
from pipeline.hashing import fingerprint
from pipeline.jobs import remove
from pipeline.jobs.block import Block, BlockWriter, read_table, to_stream
from pipeline.jobs.progress import Item
from pipeline.jobs.workspace import Workspace, collect, commit_datasets, job_fingerprint, path, stands
from pipeline.laws import check_packed, check_trainable
from pipeline.manifest import Manifest, totals
from pipeline.packing.plan import source_plan
from pipeline.packing.removed import count_removed, removed_ids, without_removed
from pipeline.packing.sequential import add_markers, assemble, by_shard, cut_documents, pieces
from pipeline.packing.shard import Shard
from pipeline.params import RunError, UsageError
from pipeline.shards import committing

JOB, PLAN = "pack", "pack-plan"
VERSION = 2
LIBRARIES = ("pyarrow", "numpy", "array-record")
# A hyphen, which no source's name has, so that it is none of the sources' items.
DEVIATION_ITEM = "all-sources"


@dataclass(frozen=True)
class Pack:
    """The job's constants: what every worker needs to know.

    Attributes:
        units: (unit, source, tokens file), of the sources in the mixture.
        removed: of the units of which opt-out lists name documents, the file that has them.
        names: the sources in the order of their numbers in records.
    """

    config: RunConfig
    fingerprint: str
    units: tuple[tuple[str, str, str], ...]
    removed: dict[str, str]
    stocks: dict[str, Stock]
    names: tuple[str, ...]
    num_sequences: int
    phase_ends: tuple[int, ...]
    tokenizer: dict[str, Any]

    @property
    def workdir(self) -> str:
        return self.config.workdir

    @property
    def num_shards(self) -> int:
        return -(-self.num_sequences // self.config.packing.sequences_per_shard)

    @property
    def token_type(self) -> pa.DataType:
        return pa.uint16() if self.tokenizer["vocab_size"] <= 1 << 16 else pa.uint32()

    def marker(self, name: str) -> int | None:
        return self.tokenizer["special_ids"][name] if getattr(self.config.packing, f"add_{name}") else None

    def file(self, dataset: str, item: str) -> str:
        return path(self.workdir, dataset, f"{item}-{self.fingerprint}.parquet")

    def stands(self, job: str, item: str) -> bool:
        return stands(self.workdir, job, item, self.fingerprint)


def run(space: Workspace) -> None:
    """Packs the mixture, unless it stands; then writes the manifests.

    Raises:
        RunError: tokenize did not run; a law does not hold; what was purged is to be packed.
        UsageError: the mixture can't be had from these tokens; an opt-out list can't be read.
    """
    tokens = space.load("tokens")
    removals = remove.run(space)
    work = _constants(space.config, tokens, removals)
    units, shards = [unit for unit, _, _ in work.units], [shard_name(shard) for shard in range(work.num_shards)]
    planned = [*units, *work.names, DEVIATION_ITEM]
    items = [Item(job, name, work.fingerprint) for job, names in ((PLAN, planned), (JOB, shards)) for name in names]
    with space.progress(JOB, items):
        if not all(work.stands(item.job, item.item) for item in items):
            spill = space.engine.spill_folder(space.workdir, JOB)
            num_bytes = 2 * work.num_sequences * work.config.packing.sequence_length
            space.engine.run(lambda p: p | PackSequences(work, spill), job=JOB, workdir=space.workdir, text_bytes=num_bytes)
    plan = collect(space.workdir, PLAN, [(item, work.fingerprint) for item in planned])
    done = collect(space.workdir, JOB, [(shard, work.fingerprint) for shard in shards])
    packed = totals(done, dict.fromkeys(shards, "all"))["all"]
    sources = {record.item: record.counts for record in plan if record.item in work.names}
    for source, counts in sources.items():
        check_trainable(source, tokens.counts[source], counts, num_markers=space.config.packing.num_markers)
        check_packed(source, counts, packed["tokens"].get(source, 0), sequence_length=work.config.packing.sequence_length)
    whole = {"fingerprint": work.fingerprint, "params": _params(space.config), "counts": {"sources": sources} | packed}
    deviation = next(record.counts for record in plan if record.item == DEVIATION_ITEM)
    commit_datasets(space.workdir, PLAN, ["runs", "positions", "deviation"], done=plan, whole=whole | {"extra": deviation})
    extra = _sequences_extra(work, packed) | {"deviation": deviation, "removals": removals.fingerprint}
    commit_datasets(space.workdir, JOB, ["sequences", "segments"], done=done, whole=whole | {"extra": extra})


def _constants(config: RunConfig, tokens: Manifest, removals: Manifest) -> Pack:
    tokenizer = tokens.extra["tokenizer"]
    for name in ("bos", "eos"):
        if getattr(config.packing, f"add_{name}") and name not in tokenizer["special_ids"]:
            raise UsageError(f"packing.add_{name}: the tokenizer has no {name.upper()}: set packing.add_{name} to false")
    left = without_removed(tokens.counts, count_removed(config.workdir, tokens, partial(removed_ids, config.workdir, removals)))
    stocks = count_stocks(left, sources=config.sources, num_markers=config.packing.num_markers)
    budget = make_budget(config.mixture, stocks, sequence_length=config.packing.sequence_length)
    mixed, source_of = groups_of(config.mixture), tokens.extra["units"]
    files = [file for file in tokens.files if source_of[file.item] in mixed]
    units = tuple((file.item, source_of[file.item], tokens.path(config.workdir, file.item)) for file in files)
    # An entry that names no document of the mixture changes nothing.
    removing = [file for file in removals.files if file.num_rows and source_of[file.item] in mixed]
    # What the lists say of a document, and where, changes no byte.
    named = [(file.item, fingerprint(removed_ids(config.workdir, removals, file.item).tolist())) for file in removing]
    inputs = [[(file.item, file.origin) for file in files], named, tokenizer["sha256"], _params(config)]
    order = budget.schedule
    return Pack(
        config=config,
        fingerprint=job_fingerprint(JOB, VERSION, libraries=LIBRARIES, inputs=inputs),
        units=units,
        removed={file.item: removals.path(config.workdir, file.item) for file in removing},
        stocks=stocks,
        names=order.names,
        num_sequences=order.sources.size,
        phase_ends=tuple(order.phase_ends.tolist()),
        tokenizer=tokenizer,
    )


def _params(config: RunConfig) -> dict[str, Any]:
    return {"mixture": config.mixture.model_dump(mode="json"), "packing": config.packing.model_dump(mode="json"), "seed": config.seed}


def _sequences_extra(work: Pack, packed: dict[str, Any]) -> dict[str, Any]:
    """What a trainer needs to know before it opens a shard; see docs/records.md."""
    return {
        "record_version": records.RECORD_VERSION,
        "sequence_length": work.config.packing.sequence_length,
        "vocab_size": work.tokenizer["vocab_size"],
        "tokenizer": work.tokenizer["sha256"],
        "special_ids": work.tokenizer["special_ids"],
        "sources": list(work.names),
        "num_sequences": work.num_sequences,
        "num_sequences_by_source": {name: packed["sequences"].get(name, 0) for name in work.names},
        "phase_ends": list(work.phase_ends),
    }


def shard_name(shard: int) -> str:
    return f"shard-{shard:05d}"


class PackSequences(beam.PTransform):
    """The whole job on one page: see the picture above."""

    def __init__(self, work: Pack, spill: str | None) -> None:
        super().__init__()
        self._work, self._spill = work, spill

    def expand(self, root: Any) -> Any:
        units = root | beam.Create([None]) | beam.ParDo(PlanRuns(self._work)) | "DealUnits" >> beam.GroupByKey()
        return units | beam.ParDo(CutRuns(self._work, self._spill)) | beam.GroupByKey() | beam.ParDo(WriteShard(self._work))


class PlanRuns(beam.DoFn):
    """One worker: from lengths alone, where every run goes -> (index of a unit, nothing)."""

    def __init__(self, work: Pack) -> None:
        self._work = work

    def process(self, _: None) -> Iterator[tuple[int, None]]:
        work = self._work
        budget = make_budget(work.config.mixture, work.stocks, sequence_length=work.config.packing.sequence_length)
        if not work.stands(PLAN, DEVIATION_ITEM):
            self._write_deviation(budget)
        for source in work.names:
            units = [(unit, file) for unit, of, file in work.units if of == source]
            if not all(work.stands(PLAN, item) for item in (source, *(unit for unit, _ in units))):
                self._plan(source, units, budget)
        for place in range(len(work.units)):
            yield place, None

    def _plan(self, source: str, units: list[tuple[str, str]], budget: Budget) -> None:
        work = self._work
        tables = [pq.read_table(file, columns=["id", "num_tokens"]) for _, file in units]
        ids = np.concatenate([table["id"].to_numpy() for table in tables])
        lengths = np.concatenate([table["num_tokens"].to_numpy() for table in tables]) + work.config.packing.num_markers
        gone = [pq.read_table(work.removed[unit], columns=["id"])["id"].to_numpy() for unit, _ in units if unit in work.removed]
        left = ~np.isin(ids, np.concatenate([np.empty(0, np.uint64), *gone]))
        positions = budget.schedule.positions(source)
        plan = source_plan(
            ids[left],
            lengths[left],
            seed=work.config.seed,
            num_sequences=positions.size,
            sequence_length=work.config.packing.sequence_length,
        )
        # A removed document keeps its row, and has no run.
        offsets = np.full((len(plan.offsets), ids.size), -1, np.int64)
        offsets[:, left] = plan.offsets
        start = 0
        for (unit, _), table in zip(units, tables, strict=True):
            rows = slice(start, start := start + table.num_rows)
            if not work.stands(PLAN, unit):
                self._write_runs(unit, ids[rows], offsets[:, rows])
        if work.stands(PLAN, source):
            return
        with committing(work.workdir, PLAN, item=source, fingerprint=work.fingerprint) as outputs:
            batch = pa.RecordBatch.from_arrays([pa.array(positions[plan.uses])], schema=schema.POSITIONS)
            outputs.parquet("positions", schema.POSITIONS).write(batch)
            outputs.counts.update(plan.counts, num_removed=int((~left).sum()), removed_tokens=int(lengths[~left].sum(dtype=np.int64)))

    def _write_runs(self, unit: str, ids: np.ndarray, offsets: np.ndarray) -> None:
        num_epochs, num_documents = offsets.shape
        ends = pa.array(np.arange(num_documents + 1, dtype=np.int32) * num_epochs)
        starts = pa.ListArray.from_arrays(ends, pa.array(np.ascontiguousarray(offsets.T).ravel()))
        with committing(self._work.workdir, PLAN, item=unit, fingerprint=self._work.fingerprint) as outputs:
            outputs.parquet("runs", schema.RUNS).write(pa.RecordBatch.from_arrays([pa.array(ids), starts], schema=schema.RUNS))

    def _write_deviation(self, budget: Budget) -> None:
        work = self._work
        found = check_schedule(budget.schedule, shares(work.config.mixture))
        num_bins = len(found.bin_ends)
        columns = [
            pa.array(np.repeat(np.array(work.names, object), num_bins), pa.string()),
            pa.array(np.tile(found.bin_ends, len(work.names))),
            pa.array(found.lowest.ravel()),
            pa.array(found.highest.ravel()),
        ]
        with committing(work.workdir, PLAN, item=DEVIATION_ITEM, fingerprint=work.fingerprint) as outputs:
            outputs.parquet("deviation", schema.DEVIATION).write(pa.RecordBatch.from_arrays(columns, schema=schema.DEVIATION))
            outputs.counts.update(worst=float(found.worst), source=found.source, prefix=int(found.prefix), binds=budget.binds)


class CutRuns(beam.DoFn):
    """A unit -> (shard, the pieces of its documents that fall into it)."""

    def __init__(self, work: Pack, spill: str | None) -> None:
        self._work, self._spill = work, spill

    def process(self, element: tuple[int, Iterable[None]]) -> Iterator[tuple[int, Block]]:
        work = self._work
        pending = {shard for shard in range(work.num_shards) if not work.stands(JOB, shard_name(shard))}
        if not pending:
            return
        unit, source, file = work.units[element[0]]
        batch = self._pieces(unit, source, file)
        with BlockWriter(unit, self._spill) as writer:
            for shard, part in by_shard(batch, work.config.packing.sequences_per_shard):
                if shard in pending:
                    yield shard, writer.block(to_stream(part))

    def _pieces(self, unit: str, source: str, file: str) -> pa.RecordBatch:
        work = self._work
        tokens = pq.read_table(file, columns=["id", "tokens"]).combine_chunks()
        runs = pq.read_table(work.file("runs", unit)).combine_chunks()
        assert runs["id"].equals(tokens["id"]), f"runs/ and tokens/ of {unit} do not match"
        if not tokens.num_rows:
            return pa.RecordBatch.from_pylist([], pieces(work.token_type))
        starts = runs["starts"].chunk(0).flatten().to_numpy().reshape(tokens.num_rows, -1).T
        purged = tokens["tokens"].is_null().to_numpy()
        if (starts[:, purged] >= 0).any():
            raise RunError(
                f"{unit}: documents were purged that no opt-out list names any more: put their entries back into the lists, or begin a "
                "new workdir"
            )
        return cut_documents(
            tokens["id"].to_numpy(),
            add_markers(tokens["tokens"].chunk(0), bos=work.marker("bos"), eos=work.marker("eos")),
            source=work.names.index(source),
            offsets=np.ascontiguousarray(starts),
            positions=pq.read_table(work.file("positions", source))["position"].to_numpy(),
            sequence_length=work.config.packing.sequence_length,
        )


class WriteShard(beam.DoFn):
    """(shard, its blocks) -> its name, once its sequences are committed."""

    def __init__(self, work: Pack) -> None:
        self._work = work

    def process(self, element: tuple[int, Iterable[Block]]) -> Iterator[str]:
        work, (shard, blocks) = self._work, element
        packing = work.config.packing
        first = shard * packing.sequences_per_shard
        whole = assemble(
            read_table(list(blocks), pieces(work.token_type)),
            work.names,
            first=first,
            num_sequences=min(packing.sequences_per_shard, work.num_sequences - first),
            sequence_length=packing.sequence_length,
        )
        write_shard(work, shard_name(shard), Shard(whole, first, work.names, work.phase_ends))
        yield shard_name(shard)


def write_shard(work: Pack, name: str, shard: Shard) -> None:
    """Commits one shard of sequences, as ArrayRecord and Parquet, and its segments."""
    from array_record.python.array_record_module import ArrayRecordWriter  # a worker of another job needs none

    with committing(work.workdir, JOB, item=name, fingerprint=work.fingerprint) as outputs:
        pending = outputs.file("sequences", ".arrayrecord")
        writer = ArrayRecordWriter(pending.path, records.WRITER_OPTIONS)
        try:
            for record in shard.records():
                writer.write(record)
            writer.close()
        except RuntimeError as error:  # how the library says what the system refused it
            raise RunError(str(error)) from error
        pending.num_rows = shard.num_sequences
        if work.config.packing.parquet:
            twin = shard.twin()
            outputs.parquet("sequences", twin.schema).write(twin)
        outputs.parquet("segments", schema.SEGMENTS).write(shard.assembled.segments)
        outputs.counts.update(shard.counts())
