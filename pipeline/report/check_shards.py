"""One shard of the stream: its segments, its records and their Parquet twin say the same, and every place is filled."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import records
from pipeline.manifest import File
from pipeline.params import RunError
from pipeline.report.datasets import Run, add_counts, read_columns
from pipeline.report.fold import fold_segments

# Sequences that are held at a time.
BLOCK = 512


@dataclass(frozen=True)
class Layout:
    """Where positions/ puts each sequence: its source int16, and its number in the source's stream int64; both [num_sequences]."""

    source: np.ndarray
    number: np.ndarray


@dataclass(frozen=True)
class Segments:
    """The rows of one shard of segments/.

    Attributes:
        bounds: int64 [num_sequences + 1], the rows of each sequence.
        source: int64 [n], numbers in records.
        offset: int64 [n], where in its sequence each one starts.
        id, epoch, token_start, num_tokens: [n], as they are stored.
    """

    bounds: np.ndarray
    source: np.ndarray
    offset: np.ndarray
    id: np.ndarray
    epoch: np.ndarray
    token_start: np.ndarray
    num_tokens: np.ndarray


class ShardCheck:
    """Checks shard by shard, and gathers what only the whole stream can show.

    Attributes:
        sources: int16 [num_sequences], from the records; -1: not seen.
        counts: as `sequences/` counts them, from the rows.
        folds: uint64 [num_sources], of each source's tokens.
    """

    def __init__(self, run: Run, layout: Layout | None) -> None:
        self._run, self._layout = run, layout
        self._size = run.packing.sequence_length
        self.sources = np.full(run.num_sequences, -1, np.int16)
        self.counts: dict[str, Any] = {"num_sequences": 0, "num_segments": 0}
        self.folds = np.zeros(len(run.names), np.uint64)

    def check(self, item: str) -> list[str]:
        """The shard's first fault, if it has any: what follows would only repeat it."""
        files = [file for file in self._run["sequences"].files if file.item == item]
        shard = next(file for file in files if file.name.endswith(".arrayrecord"))
        twin = next((file for file in files if file.name.endswith(".parquet")), None)
        before = [file for file in self._run["sequences"].files if file.name.endswith(".arrayrecord")]
        first = sum(file.num_rows for file in before[: before.index(shard)])
        name = f"segments/{self._run['segments'].by_item[item].name}"
        segments, fault = self._segments(item, first, shard.num_rows)
        if segments is None:
            return [f"{name}: {fault}"]
        for start, tokens, fault in self._blocks(shard, twin, segments, first):
            if fault:
                return [fault]
            self._count(segments, first, slice(start, start + len(tokens)), tokens)
        return []

    def _segments(self, item: str, first: int, num_sequences: int) -> tuple[Segments | None, str]:
        """A shard's segments, or what is wrong with them."""
        columns = ["sequence", "segment", "source", "id", "epoch", "token_start", "num_tokens"]
        table = read_columns(self._run["segments"].path(self._run.workdir, item), columns)
        sequence, segment, id, epoch, token_start, num_tokens = (table[name].to_numpy() for name in columns if name != "source")
        wanted = first + np.arange(num_sequences)
        bounds = np.searchsorted(sequence, np.append(wanted, first + num_sequences))
        per_sequence = np.diff(bounds)
        if not per_sequence.all() or not np.array_equal(sequence, wanted.repeat(per_sequence)):
            return None, f"its rows are not those of the sequences {first:,} to {wanted[-1]:,}, in their order"
        place = np.arange(len(sequence)) - bounds[:-1].repeat(per_sequence)
        wrong = np.flatnonzero((segment != place) | (num_tokens < 1))
        if wrong.size:
            row = wrong[0]
            found = f"segment {segment[row]} with {num_tokens[row]:,} tokens"
            return None, f"row {row:,} is {found}, it should be segment {place[row]} of sequence {sequence[row]:,}"
        offset = np.cumsum(num_tokens, dtype=np.int64) - num_tokens
        offset -= offset[bounds[:-1]].repeat(per_sequence)
        filled = (offset + num_tokens)[bounds[1:] - 1]
        wrong = np.flatnonzero(filled != self._size)
        if wrong.size:
            sums = f"the segments of sequence {wanted[wrong[0]]:,} sum to {filled[wrong[0]]:,} tokens"
            return None, f"{sums}, a sequence has {self._size:,}"
        held = table["source"].combine_chunks()
        numbers = np.array([self._run.names.index(name) for name in held.dictionary.to_pylist()], np.int64)
        return Segments(bounds, numbers[held.indices.to_numpy()], offset, id, epoch, token_start, num_tokens), ""

    def _blocks(self, shard: File, twin: File | None, segments: Segments, first: int) -> Iterator[tuple[int, np.ndarray, str]]:
        """(place in the shard, tokens [n, S], "" or the fault)"""
        from array_record.python.array_record_module import ArrayRecordReader  # of use to sequences/ alone

        reader = ArrayRecordReader(self._run.path("sequences", shard))
        for start, batch in self._twin_batches(shard, twin):
            stop = min(start + BLOCK, shard.num_rows) if batch is None else start + batch.num_rows
            try:
                decoded = [records.decode_record(data) for data in reader.read(start, stop)]
            except RunError as error:
                yield start, np.empty((0, self._size)), f"sequences/{shard.name}: {error}"
                return
            fault = self._records(decoded, segments, first, start)
            if fault:
                yield start, np.empty((0, self._size)), f"sequences/{shard.name}: {fault}"
                return
            tokens = np.stack([record.tokens for record in decoded])
            fault = "" if batch is None else self._differs(batch, decoded, tokens, first + start)
            yield start, tokens, f"sequences/{twin.name}: {fault}" if twin and fault else ""
        reader.close()

    def _twin_batches(self, shard: File, twin: File | None) -> Iterator[tuple[int, pa.RecordBatch | None]]:
        if twin is None:
            yield from ((start, None) for start in range(0, shard.num_rows, BLOCK))
            return
        start = 0
        for batch in pq.ParquetFile(self._run.path("sequences", twin)).iter_batches(BLOCK):
            yield start, batch
            start += batch.num_rows

    def _records(self, decoded: list[records.Record], segments: Segments, first: int, start: int) -> str:
        """What the headers and the lengths of these records say that they should not."""
        extra = self._run["sequences"].extra
        for place, record in enumerate(decoded, start):
            sequence, rows = first + place, slice(segments.bounds[place], segments.bounds[place + 1])
            source = segments.source[rows]
            phase = int(np.searchsorted(extra["phase_ends"], sequence, side="right"))
            if len(record.tokens) != self._size:
                return f"sequence {sequence:,} has {len(record.tokens):,} tokens, the manifest says {self._size:,}"
            if (source != record.source).any():
                return f"sequence {sequence:,} is of source {record.source}, segments/ has {', '.join(map(str, np.unique(source)))}"
            if self._layout is not None and record.source != self._layout.source[sequence]:
                return f"sequence {sequence:,} is of source {record.source}, positions/ gives it to {self._layout.source[sequence]}"
            if record.phase != phase:
                return f"sequence {sequence:,} is of phase {record.phase}, by its place it is of phase {phase}"
            if not np.array_equal(record.segment_lengths, segments.num_tokens[rows]):
                return f"the segment lengths of sequence {sequence:,} are not those of segments/"
            if record.tokens.max() >= extra["vocab_size"]:
                return f"sequence {sequence:,} has the token {record.tokens.max():,}, the vocabulary has {extra['vocab_size']:,}"
        return ""

    def _differs(self, batch: pa.RecordBatch, decoded: list[records.Record], tokens: np.ndarray, first: int) -> str:
        """What a row of the twin says that its record does not."""
        names = self._run.names
        columns = {
            "sequence": np.arange(first, first + len(decoded)),
            "source": np.array([names[record.source] for record in decoded], object),
            "phase": np.array([record.phase for record in decoded]),
        }
        for name, wanted in columns.items():
            wrong = np.flatnonzero(batch[name].to_numpy(zero_copy_only=False) != wanted)
            if wrong.size:
                return f"{name} of sequence {first + wrong[0]:,} is not that of its record"
        own = batch["tokens"].flatten().to_numpy().reshape(tokens.shape)
        wrong = np.flatnonzero((own != tokens).any(axis=1))
        if wrong.size:
            return f"the tokens of sequence {first + wrong[0]:,} are not those of its record"
        lengths = np.concatenate([record.segment_lengths for record in decoded])
        return (
            "" if np.array_equal(batch["segment_lengths"].flatten().to_numpy(), lengths) else "segment_lengths are not those of the records"
        )

    def _count(self, segments: Segments, first: int, places: slice, tokens: np.ndarray) -> None:
        """Adds a block of sequences to what is known of the stream."""
        bounds = segments.bounds[places.start : places.stop + 1]
        rows, names = slice(bounds[0], bounds[-1]), self._run.names
        source, num_tokens, sources = segments.source[rows], segments.num_tokens[rows], segments.source[bounds[:-1]]
        self.sources[first + places.start : first + places.stop] = sources
        sequences = np.bincount(sources, minlength=len(names)).tolist()
        packed = np.bincount(source, weights=num_tokens, minlength=len(names)).astype(np.int64).tolist()
        add_counts(self.counts, {"num_sequences": len(sources), "num_segments": len(num_tokens)})
        add_counts(self.counts, {"sequences": dict(zip(names, sequences, strict=True)), "tokens": dict(zip(names, packed, strict=True))})
        if self._layout is not None:
            number = self._layout.number[first + places.start : first + places.stop].repeat(np.diff(bounds))
            stream = number * self._size + segments.offset[rows]
            starts = segments.token_start[rows]
            fold_segments(tokens.ravel(), num_tokens, segments.id[rows], segments.epoch[rows], starts, stream, source, self.folds)
