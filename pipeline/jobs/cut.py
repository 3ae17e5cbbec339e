"""cut, the first step of dedupe where `dedup.lines` or `dedup.runs` ask for it: `documents/` of prose to `cuts/`, and their signatures
anew.

    documents/ ──send──► blocks by piece ──compare──► blocks by unit ──cut──► cuts/  compared/
    (units)                              (partitions)                (units)

A unit's cuts are committed as one; a run that was stopped sends again, and cuts what is left. Where nothing is asked for both datasets
are empty.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from pipeline import schema
from pipeline.config import RunConfig
from pipeline.dedup.lines import lines_of
from pipeline.dedup.params import DedupParams, LineParams, RunParams
from pipeline.dedup.pieces import (
    CUT,
    RECORD,
    Pieces,
    Spans,
    common_pieces,
    cut_places,
    joined_spans,
    piece_records,
    repeated_places,
    without_spans,
)
from pipeline.dedup.runs import windows_of
from pipeline.dedup.signatures import binary_rows, signatures
from pipeline.jobs.block import Block, BlockWriter, blocks, read_arrays
from pipeline.jobs.curate import signature_params
from pipeline.jobs.engine import Deal
from pipeline.jobs.progress import Item
from pipeline.jobs.workspace import Workspace, collect, commit_datasets, job_fingerprint, stands
from pipeline.manifest import Manifest, totals
from pipeline.shards import Done, committing, read_batches

JOB = "cut"
DATASETS = ("cuts", "compared")
VERSION = 1
LIBRARIES = ("pyarrow", "numpy", "datasketch")
# Records that one worker holds at a time, about; sorting them takes some four times that.
PARTITION_BYTES = 64 << 20
# A line that is long enough has about so many bytes with what stands around it.
LINE_BYTES = 40
LINES, RUNS = 0, 1  # kinds of pieces
BATCH_ROWS = 1024


@dataclass(frozen=True)
class Cut:
    """The step's constants: what every worker needs to know.

    Attributes:
        units: (unit, its documents file, its signatures file), in the order of the plan.
    """

    config: RunConfig
    fingerprint: str
    units: tuple[tuple[str, str, str], ...]
    text_bytes: int
    num_partitions: int

    def stands(self, unit: str) -> bool:
        return stands(self.config.workdir, JOB, unit, self.fingerprint)

    @property
    def params(self) -> dict[int, LineParams | RunParams]:
        """By the kind of pieces, those that are asked for."""
        return {kind: params for kind, params in ((LINES, self.config.dedup.lines), (RUNS, self.config.dedup.runs)) if params}

    def batches(self, documents: str) -> Iterator[tuple[int, pa.RecordBatch, dict[int, Pieces]]]:
        """(the first row, the batch, its pieces by kind) of a unit."""
        first_row = 0
        for batch in read_batches(documents, schema.DOCUMENTS.names, max_rows=BATCH_ROWS):
            yield first_row, batch, {kind: pieces_of(batch["text"], params) for kind, params in self.params.items()}
            first_row += batch.num_rows


def pieces_of(texts: pa.StringArray, params: LineParams | RunParams) -> Pieces:
    return lines_of(texts, params) if isinstance(params, LineParams) else windows_of(texts, params)


def run(space: Workspace) -> dict[str, Manifest]:
    """Finds and cuts the common pieces, unless that stands; then writes the manifests of DATASETS, by whose names it returns them.

    Raises:
        RunError: curate did not run.
    """
    documents = space.load("documents")
    work = _constants(space, documents)
    done = _cut(space, work) if work.params else []
    source_of = documents.extra["units"]
    whole = {
        "fingerprint": work.fingerprint,
        "params": _params(space.config.dedup),
        "counts": totals(done, source_of),
        "extra": {"units": {record.item: source_of[record.item] for record in done}},
    }
    return commit_datasets(space.workdir, JOB, DATASETS, done=done, whole=whole)


def _params(dedup: DedupParams) -> dict[str, Any]:
    return dedup.model_dump(mode="json", include={"lines", "runs"})


def _constants(space: Workspace, documents: Manifest) -> Cut:
    config, hashed, source_of = space.config, space.load("signatures"), documents.extra["units"]
    dedup = config.dedup
    prose = [file for file in documents.files if config.sources[source_of[file.item]].kind == "text"]
    inputs: list[Any] = [_params(dedup)]
    if dedup.lines or dedup.runs:
        inputs += [[(file.item, file.origin) for file in prose], signature_params(config)]
    units = tuple((file.item, documents.path(config.workdir, file.item), hashed.path(config.workdir, file.item)) for file in prose)
    kept_bytes = sum(documents.counts.get(source, {}).get("kept_bytes", 0) for source in {source_of[file.item] for file in prose})
    num_records = (kept_bytes // LINE_BYTES if dedup.lines else 0) + (4 * kept_bytes // dedup.runs.min_bytes if dedup.runs else 0)
    num_partitions = 1 + num_records * RECORD.itemsize // PARTITION_BYTES
    return Cut(config, job_fingerprint(JOB, VERSION, libraries=LIBRARIES, inputs=inputs), units, kept_bytes, num_partitions)


def _cut(space: Workspace, work: Cut) -> list[Done]:
    names = [unit for unit, _, _ in work.units]
    with space.progress(JOB, [Item(JOB, unit, work.fingerprint) for unit in names]):
        if not all(map(work.stands, names)):
            spill = space.engine.spill_folder(space.workdir, JOB)
            space.engine.run(lambda p: p | FindAndCut(work, spill), job=JOB, workdir=space.workdir, text_bytes=work.text_bytes)
    return collect(space.workdir, JOB, [(unit, work.fingerprint) for unit in names])


class FindAndCut(beam.PTransform):
    """The whole step on one page: see the picture above."""

    def __init__(self, work: Cut, spill: str | None) -> None:
        super().__init__()
        self._work, self._spill = work, spill

    def expand(self, root: Any) -> Any:
        work, places = self._work, range(len(self._work.units))
        pieces = root | Deal(places) | beam.ParDo(SendPieces(work, self._spill)) | "ByPiece" >> beam.GroupByKey()
        cuts = pieces | beam.ParDo(ComparePieces(work, self._spill))
        # A unit that loses nothing has its files too.
        every = root | "Units" >> beam.Create([(place, Block()) for place in places], reshuffle=False)
        return (cuts, every) | beam.Flatten() | "ByUnit" >> beam.GroupByKey() | beam.ParDo(CutUnits(work))


class SendPieces(beam.DoFn):
    """The place of a unit -> (partition, RECORD of its pieces that fall into it)."""

    def __init__(self, work: Cut, spill: str | None) -> None:
        self._work, self._spill = work, spill

    def process(self, place: int) -> Iterator[tuple[int, Block]]:
        work = self._work
        unit, documents, hashed = work.units[place]
        text_hashes = [binary_rows(batch["text_hash"], np.uint64)[:, 0] for batch in read_batches(hashed, ["text_hash"], max_rows=1 << 16)]
        of_row = np.concatenate([np.empty(0, np.uint64), *text_hashes])
        held: list[np.ndarray] = []
        with BlockWriter(unit, self._spill) as writer:
            for first_row, batch, found in work.batches(documents):
                hashes = of_row[first_row : first_row + batch.num_rows]
                held += [piece_records(own, hashes, kind=kind, unit=place, first_row=first_row) for kind, own in found.items()]
                if sum(records.nbytes for records in held) > PARTITION_BYTES:
                    yield from self._blocks(held, writer)
                    held = []
            yield from self._blocks(held, writer)

    def _blocks(self, held: list[np.ndarray], writer: BlockWriter) -> Iterator[tuple[int, Block]]:
        records, num_partitions = np.concatenate([np.empty(0, RECORD), *held]), self._work.num_partitions
        yield from blocks(records, records["low"] % np.uint64(num_partitions), range(num_partitions), writer)


class ComparePieces(beam.DoFn):
    """(partition, its blocks) -> (the place of a unit, CUT of its documents)."""

    def __init__(self, work: Cut, spill: str | None) -> None:
        self._work, self._spill = work, spill

    def process(self, element: tuple[int, Iterable[Block]]) -> Iterator[tuple[int, Block]]:
        (partition, found), work = element, self._work
        records = read_arrays(list(found), RECORD)
        with BlockWriter(f"cut-{partition:05d}", self._spill) as writer:
            for kind, params in work.params.items():
                common = common_pieces(records[records["kind"] == kind], max_documents=params.max_documents)
                cuts = np.empty(len(common), CUT)
                cuts["row"], cuts["low"] = common["row"], common["low"]
                yield from blocks(cuts, common["unit"], range(len(work.units)), writer)


class CutUnits(beam.DoFn):
    """(the place of a unit, CUT of its documents) -> its name, once its cuts are committed."""

    def __init__(self, work: Cut) -> None:
        self._work = work

    def process(self, element: tuple[int, Iterable[Block]]) -> Iterator[str]:
        (place, found), work = element, self._work
        unit, documents, _ = work.units[place]
        if work.stands(unit):
            return
        cuts = np.sort(read_arrays(list(found), CUT), order=["row", "low"])
        near, counts = work.config.dedup.near, dict.fromkeys(("num_cut_documents", "num_cut_spans", "cut_bytes"), 0)
        with committing(work.config.workdir, JOB, item=unit, fingerprint=work.fingerprint) as outputs:
            shard = outputs.parquet("cuts", schema.CUTS)
            compared = outputs.parquet("compared", schema.signatures(near.num_permutations if near else 0))
            for first_row, batch, pieces in work.batches(documents):
                spans = spans_to_cut(pieces, cuts, first_row=first_row, num_documents=batch.num_rows)
                lists = [
                    pa.ListArray.from_arrays(pa.array(spans.offsets, pa.int32()), pa.array(ends)) for ends in (spans.starts, spans.ends)
                ]
                shard.write(pa.RecordBatch.from_arrays([batch["id"], *lists], schema=schema.CUTS))
                left = batch.set_column(1, "text", without_spans(batch["text"], spans))
                compared.write(signatures(left, near, fold_case=True))
                counts["num_cut_documents"] += int(np.count_nonzero(np.diff(spans.offsets)))
                counts["num_cut_spans"] += len(spans.starts)
                counts["cut_bytes"] += int((spans.ends - spans.starts).sum())
            outputs.counts.update(counts)
        yield unit


def spans_to_cut(pieces: dict[int, Pieces], cuts: np.ndarray, *, first_row: int, num_documents: int) -> Spans:
    """What a batch loses: the pieces that it has to, and the windows that stood in their document before.

    Args:
        pieces: by kind.
        cuts: CUT, sorted by row and piece, of the whole unit.
    """
    marked = []
    for kind, own in pieces.items():
        places = cut_places(own, cuts, first_row=first_row)
        marked.append((own, places | repeated_places(own) if kind == RUNS else places))
    return joined_spans(marked, num_documents)
