"""Documents as everything after `cuts/` reads them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.dedup.pieces import Spans, without_spans
from pipeline.manifest import Manifest
from pipeline.params import RunError
from pipeline.shards import read_batches

BATCH_ROWS = 1024


@dataclass(frozen=True)
class SurvivingTexts:
    """The documents that dedupe kept, without what it cut."""

    workdir: str
    documents: Manifest
    cuts: Manifest
    survivors: Manifest

    def checksums(self, unit: str) -> list[str]:
        """Of the files that a unit's texts come from."""
        files = [dataset.by_item[unit] for dataset in (self.documents, self.survivors)]
        return [file.origin for file in files] + [file.origin for file in self.cuts.files if file.item == unit]

    def read(self, unit: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """A unit's documents that dedupe kept, with the columns asked for and `component`."""
        verdicts = pq.read_table(self.survivors.path(self.workdir, unit), columns=["id", "kept", "component"]).combine_chunks()
        cuts = self.cuts.path(self.workdir, unit) if unit in self.cuts.by_item else None
        start = 0
        for batch in read_documents(self.documents.path(self.workdir, unit), cuts, columns, max_rows=BATCH_ROWS):
            own = verdicts.slice(start, batch.num_rows).combine_chunks()
            start += batch.num_rows
            if not own["id"].combine_chunks().equals(batch["id"]):
                raise RunError(f"survivors/ and documents/ of {unit} hold other documents: remove survivors/ and run dedupe again")
            yield batch.append_column("component", own["component"].combine_chunks()).filter(own["kept"].combine_chunks())


def read_documents(documents: str, cuts: str | None, columns: Sequence[str], *, max_rows: int) -> Iterator[pa.RecordBatch]:
    """A unit's documents without what `cuts/` takes from their texts; `num_bytes` is what is left.

    Args:
        documents, cuts: files; cuts None: nothing is cut.
        columns: of schema.DOCUMENTS.
    Raises:
        RunError: the files hold other documents.
    """
    if cuts is None:
        yield from read_batches(documents, list(columns), max_rows=max_rows)
        return
    spans, start = pq.read_table(cuts).combine_chunks(), 0
    for batch in read_batches(documents, list({"id": None, **dict.fromkeys(columns)}), max_rows=max_rows):
        own = spans.slice(start, batch.num_rows).combine_chunks()
        start += batch.num_rows
        if not own["id"].combine_chunks().equals(batch["id"]):
            raise RunError(f"{cuts} and {documents} hold other documents: remove the former and run dedupe again")
        yield _without(batch, own).select(list(columns))


def _without(batch: pa.RecordBatch, spans: pa.Table) -> pa.RecordBatch:
    lists = [spans[name].combine_chunks() for name in ("starts", "ends")]
    starts, ends = (column.flatten().to_numpy() for column in lists)
    lengths = lists[0].value_lengths().to_numpy()
    if "text" in batch.schema.names:
        # A purged text is null, and nothing of it is left to cut.
        purged = batch["text"].is_null()
        inside = ~purged.to_numpy(zero_copy_only=False).repeat(lengths)
        spans_left = Spans(starts * inside, ends * inside, np.concatenate([[0], np.cumsum(lengths)]))
        texts = pc.if_else(purged, pa.scalar(None, pa.string()), without_spans(batch["text"], spans_left))
        batch = batch.set_column(batch.schema.get_field_index("text"), "text", texts)
    if "num_bytes" in batch.schema.names:
        row = np.repeat(np.arange(batch.num_rows), lengths)
        lost = np.bincount(row, weights=ends - starts, minlength=batch.num_rows).astype(np.int64)
        left = pa.array(batch["num_bytes"].to_numpy() - lost)
        batch = batch.set_column(batch.schema.get_field_index("num_bytes"), "num_bytes", left)
    return batch
