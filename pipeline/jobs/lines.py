"""lines, the first step of dedupe where `dedup.lines` asks for it: `documents/` of prose to `cuts/`, and their signatures anew.

    documents/ ──count──► blocks by line ──compare──► blocks by unit ──cut──► cuts/  compared/
    (units)                              (partitions)                (units)

A unit's cuts are committed as one; a run that was stopped counts again, and cuts what is left. Without `dedup.lines` both datasets
are empty.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from pipeline import schema
from pipeline.config import RunConfig
from pipeline.dedup.lines import CUT, RECORD, Lines, common_lines, cut_places, cut_spans, line_records, lines_of, without_spans
from pipeline.dedup.params import LineParams
from pipeline.dedup.signatures import binary_rows, signatures
from pipeline.jobs.block import Block, BlockWriter, blocks, read_arrays
from pipeline.jobs.engine import Deal
from pipeline.jobs.progress import Item
from pipeline.jobs.workspace import Workspace, collect, commit_datasets, job_fingerprint, stands
from pipeline.manifest import Manifest, totals
from pipeline.shards import Done, committing, read_batches

JOB = "lines"
DATASETS = ("cuts", "compared")
VERSION = 1
LIBRARIES = ("pyarrow", "numpy", "datasketch")
# Records that one worker holds at a time, about; sorting them takes some four times that.
PARTITION_BYTES = 64 << 20
# A line that is long enough has about so many bytes with what stands around it.
LINE_BYTES = 40
BATCH_ROWS = 1024


@dataclass(frozen=True)
class CutLines:
    """The step's constants: what every worker needs to know.

    Attributes:
        units: (unit, its documents file, its signatures file), in the order of the plan.
    """

    config: RunConfig
    params: LineParams
    fingerprint: str
    units: tuple[tuple[str, str, str], ...]
    text_bytes: int
    num_partitions: int

    def stands(self, unit: str) -> bool:
        return stands(self.config.workdir, JOB, unit, self.fingerprint)

    def batches(self, documents: str) -> Iterator[tuple[int, pa.RecordBatch, Lines]]:
        """(the first row, the batch, its lines) of a unit."""
        first_row = 0
        for batch in read_batches(documents, schema.DOCUMENTS.names, max_rows=BATCH_ROWS):
            yield first_row, batch, lines_of(batch["text"], self.params)
            first_row += batch.num_rows


def run(space: Workspace) -> dict[str, Manifest]:
    """Finds and cuts the common lines, unless that stands; then writes the manifests of DATASETS, by whose names it returns them.

    Raises:
        RunError: curate did not run.
    """
    params, documents = space.config.dedup.lines, space.load("documents")
    work = _constants(space, params, documents) if params else None
    done = _cut(space, work) if work else []
    source_of = documents.extra["units"]
    whole = {
        "fingerprint": work.fingerprint if work else job_fingerprint(JOB, VERSION, libraries=LIBRARIES, inputs=None),
        "params": params.model_dump(mode="json") if params else {},
        "counts": totals(done, source_of),
        "extra": {"units": {record.item: source_of[record.item] for record in done}},
    }
    return commit_datasets(space.workdir, JOB, DATASETS, done=done, whole=whole)


def _constants(space: Workspace, params: LineParams, documents: Manifest) -> CutLines:
    config, hashed, source_of = space.config, space.load("signatures"), documents.extra["units"]
    prose = [file for file in documents.files if config.sources[source_of[file.item]].kind == "text"]
    near = config.dedup.near.model_dump(mode="json") if config.dedup.near else None
    inputs = [[(file.item, file.sha256) for file in prose], params.model_dump(mode="json"), near]
    units = tuple((file.item, documents.path(config.workdir, file.item), hashed.path(config.workdir, file.item)) for file in prose)
    kept_bytes = sum(documents.counts.get(source, {}).get("kept_bytes", 0) for source in {source_of[file.item] for file in prose})
    num_partitions = 1 + kept_bytes // LINE_BYTES * RECORD.itemsize // PARTITION_BYTES
    return CutLines(config, params, job_fingerprint(JOB, VERSION, libraries=LIBRARIES, inputs=inputs), units, kept_bytes, num_partitions)


def _cut(space: Workspace, work: CutLines) -> list[Done]:
    names = [unit for unit, _, _ in work.units]
    with space.progress(JOB, [Item(JOB, unit, work.fingerprint) for unit in names]):
        if not all(map(work.stands, names)):
            spill = space.engine.spill_folder(space.workdir, JOB)
            space.engine.run(lambda p: p | FindAndCut(work, spill), job=JOB, workdir=space.workdir, text_bytes=work.text_bytes)
    return collect(space.workdir, JOB, [(unit, work.fingerprint) for unit in names])


class FindAndCut(beam.PTransform):
    """The whole step on one page: see the picture above."""

    def __init__(self, work: CutLines, spill: str | None) -> None:
        super().__init__()
        self._work, self._spill = work, spill

    def expand(self, root: Any) -> Any:
        work, places = self._work, range(len(self._work.units))
        lines = root | Deal(places) | beam.ParDo(CountLines(work, self._spill)) | "ByLine" >> beam.GroupByKey()
        cuts = lines | beam.ParDo(CompareLines(work, self._spill))
        # A unit that loses nothing has its files too.
        every = root | "Units" >> beam.Create([(place, Block()) for place in places], reshuffle=False)
        return (cuts, every) | beam.Flatten() | "ByUnit" >> beam.GroupByKey() | beam.ParDo(CutUnits(work))


class CountLines(beam.DoFn):
    """The place of a unit -> (partition, RECORD of its lines that fall into it)."""

    def __init__(self, work: CutLines, spill: str | None) -> None:
        self._work, self._spill = work, spill

    def process(self, place: int) -> Iterator[tuple[int, Block]]:
        work = self._work
        unit, documents, hashed = work.units[place]
        text_hashes = [binary_rows(batch["text_hash"], np.uint64)[:, 0] for batch in read_batches(hashed, ["text_hash"], max_rows=1 << 16)]
        of_row = np.concatenate([np.empty(0, np.uint64), *text_hashes])
        with BlockWriter(unit, self._spill) as writer:
            for first_row, batch, lines in work.batches(documents):
                records = line_records(lines, of_row[first_row : first_row + batch.num_rows], unit=place, first_row=first_row)
                yield from blocks(records, records["line"] % np.uint64(work.num_partitions), range(work.num_partitions), writer)


class CompareLines(beam.DoFn):
    """(partition, its blocks) -> (the place of a unit, CUT of its documents)."""

    def __init__(self, work: CutLines, spill: str | None) -> None:
        self._work, self._spill = work, spill

    def process(self, element: tuple[int, Iterable[Block]]) -> Iterator[tuple[int, Block]]:
        partition, found = element
        records = common_lines(read_arrays(list(found), RECORD), self._work.params)
        cuts = np.empty(len(records), CUT)
        cuts["row"], cuts["line"] = records["row"], records["line"]
        with BlockWriter(f"lines-{partition:05d}", self._spill) as writer:
            yield from blocks(cuts, records["unit"], range(len(self._work.units)), writer)


class CutUnits(beam.DoFn):
    """(the place of a unit, CUT of its documents) -> its name, once its cuts are committed."""

    def __init__(self, work: CutLines) -> None:
        self._work = work

    def process(self, element: tuple[int, Iterable[Block]]) -> Iterator[str]:
        (place, found), work = element, self._work
        unit, documents, _ = work.units[place]
        if work.stands(unit):
            return
        cuts = np.sort(read_arrays(list(found), CUT), order=["row", "line"])
        near, counts = work.config.dedup.near, Counter[str]()
        with committing(work.config.workdir, JOB, item=unit, fingerprint=work.fingerprint) as outputs:
            spans = outputs.parquet("cuts", schema.CUTS)
            compared = outputs.parquet("compared", schema.signatures(near.num_permutations if near else 0))
            for first_row, batch, lines in work.batches(documents):
                starts, ends, offsets = cut_spans(lines, cut_places(lines, cuts, first_row=first_row))
                lists = [pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values)) for values in (starts, ends)]
                spans.write(pa.RecordBatch.from_arrays([batch["id"], *lists], schema=schema.CUTS))
                left = batch.set_column(1, "text", without_spans(batch["text"], starts, ends, offsets))
                compared.write(signatures(left, near, fold_case=True))
                counts["num_cut_documents"] += int(np.count_nonzero(np.diff(offsets)))
                counts["cut_bytes"] += int((ends - starts).sum())
            outputs.counts.update(counts, num_cut_lines=len(cuts))
        yield unit
