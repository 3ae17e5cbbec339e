"""Sequential packing: a source's stream, cut every S tokens. Any worker can build any sequence from the plan's offsets.

A unit's side (`add_markers`, `cut_documents`, `by_shard`) cuts its documents' runs into pieces, one for each sequence that a
run touches; a shard's side (`assemble`) lays the pieces of all units out. With S = 4:

    stream      B x x x x E | B y E           run 0 at 0, run 1 at 6
    sequences   B x x x   x E B y   E ...     pieces: run 0 in 0 and 1; run 1 in 1 and 2
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.kernels import kernel
from pipeline.params import RunError
from pipeline.schema import SEGMENTS


@dataclass(frozen=True)
class Cuts:
    """The overlaps of runs with sequences, one entry each.

    Attributes:
        position: int64, the sequence's place in the training order.
        offset: int64, where in the sequence it starts.
        run: int64, index of the run.
        token_start: int64, where in the run it starts.
        num_tokens: int64, at least 1.
    """

    position: np.ndarray
    offset: np.ndarray
    run: np.ndarray
    token_start: np.ndarray
    num_tokens: np.ndarray


@dataclass(frozen=True)
class Assembled:
    """The sequences of one shard, in training order.

    Attributes:
        tokens: [num_sequences, S], every place filled.
        segment_lengths: uint32 [num_segments]; a sequence's sum to S.
        segment_offsets: int64 [num_sequences + 1], which of them are a sequence's.
        segments: a batch of schema.SEGMENTS.
    """

    tokens: np.ndarray
    segment_lengths: np.ndarray
    segment_offsets: np.ndarray
    segments: pa.RecordBatch


def pieces(token_type: pa.DataType) -> pa.Schema:
    """What travels from units to shards: a cut and its tokens."""
    return pa.schema(
        [
            ("position", pa.int64()),
            ("offset", pa.int32()),
            ("id", pa.uint64()),
            ("source", pa.int16()),  # index into the schedule's names
            ("epoch", pa.int32()),
            ("token_start", pa.int64()),
            ("tokens", pa.large_list(token_type)),
        ]
    )


def add_markers(tokens: pa.ListArray, *, bos: int | None, eos: int | None) -> pa.LargeListArray:
    """Documents as runs: BOS before and EOS after each one's tokens (None: not added).

    Args:
        tokens: list or large_list of unsigned integers; may be a slice. A null is as an empty one.
    """
    bounds = tokens.offsets.to_numpy().astype(np.int64)
    shift = int(bos is not None)
    places = bounds - bounds[0] + np.arange(bounds.size, dtype=np.int64) * (shift + int(eos is not None))
    values = tokens.values.to_numpy()
    out = np.empty(int(places[-1]), values.dtype)
    _copy(values, bounds[:-1], np.diff(bounds), out, places[:-1] + shift)
    if bos is not None:
        out[places[:-1]] = bos
    if eos is not None:
        out[places[1:] - 1] = eos
    return pa.LargeListArray.from_arrays(pa.array(places), pa.array(out))


def cut_runs(starts: np.ndarray, lengths: np.ndarray, *, positions: np.ndarray, sequence_length: int) -> Cuts:
    """Cuts runs where sequences end.

    Args:
        starts: int64 [num_runs], offsets in the source's stream; -1: beyond the budget.
        lengths: int64 [num_runs], in tokens; 0 gives no cut.
        positions: int64 [num_sequences], the training position of sequence j of the stream (schedule.positions(source)[plan.uses]);
            what reaches past the last sequence is cut away.
    Returns:
        cuts in the order of runs, then of the stream.
    """
    ends = np.minimum(starts + lengths, positions.size * sequence_length)
    present = np.flatnonzero((starts >= 0) & (ends > starts))
    first = starts[present] // sequence_length
    counts = (ends[present] - 1) // sequence_length + 1 - first
    run = np.repeat(present, counts)
    sequence = np.arange(run.size) + np.repeat(first - (np.cumsum(counts) - counts), counts)
    low = np.maximum(starts[run], sequence * sequence_length)
    high = np.minimum(ends[run], (sequence + 1) * sequence_length)
    return Cuts(positions[sequence], low - sequence * sequence_length, run, low - starts[run], high - low)


def cut_documents(
    ids: np.ndarray, runs: pa.LargeListArray, *, source: int, offsets: np.ndarray, positions: np.ndarray, sequence_length: int
) -> pa.RecordBatch:
    """The pieces of a batch of documents of one source, for all epochs.

    Args:
        ids: uint64 [num_documents].
        runs: their tokens as add_markers returns them.
        source: index into the schedule's names.
        offsets: int64 [num_epochs, num_documents], these documents' columns of the plan.
        positions: as in cut_runs.
    Returns:
        a batch of pieces(), sorted by position.
    """
    bounds, values = runs.offsets.to_numpy(), runs.values.to_numpy()
    cuts = cut_runs(offsets.ravel(), np.tile(np.diff(bounds), len(offsets)), positions=positions, sequence_length=sequence_length)
    order = np.argsort(cuts.position, kind="stable")
    epoch, document = np.divmod(cuts.run[order], max(ids.size, 1))
    num_tokens, token_start = cuts.num_tokens[order], cuts.token_start[order]
    places = np.zeros(order.size + 1, np.int64)
    np.cumsum(num_tokens, out=places[1:])
    out = np.empty(int(places[-1]), values.dtype)
    _copy(values, bounds[document] + token_start, num_tokens, out, places[:-1])
    columns = [
        pa.array(cuts.position[order]),
        pa.array(cuts.offset[order].astype(np.int32)),
        pa.array(ids[document]),
        pa.array(np.full(order.size, source, np.int16)),
        pa.array(epoch.astype(np.int32)),
        pa.array(token_start),
        pa.LargeListArray.from_arrays(pa.array(places), pa.array(out)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=pieces(runs.type.value_type))


def by_shard(batch: pa.RecordBatch, sequences_per_shard: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Each output shard's pieces, a slice that shares the batch's memory; `batch` is sorted by position."""
    shards = batch.column("position").to_numpy() // sequences_per_shard
    starts = np.flatnonzero(np.diff(shards, prepend=-1))
    for start, stop in itertools.pairwise([*starts.tolist(), shards.size]):
        yield int(shards[start]), batch.slice(start, stop - start)


def assemble(table: pa.Table, names: Sequence[str], *, first: int, num_sequences: int, sequence_length: int) -> Assembled:
    """Lays the pieces of one shard out.

    Args:
        table: all of the shard's pieces(), in any order.
        names: the schedule's sources.
        first: the training position of the shard's first sequence.
    Raises:
        RunError: a place of a sequence is filled twice, or not at all.
    """
    batch = pa.concat_batches(table.to_batches() or [pa.RecordBatch.from_pylist([], table.schema)])
    position, offset = batch.column("position").to_numpy(), batch.column("offset").to_numpy()
    lists = batch.column("tokens")
    bounds = lists.offsets.to_numpy()
    order = np.lexsort((offset, position))
    num_tokens = np.diff(bounds)[order]
    row, start = position[order] - first, offset[order].astype(np.int64)
    _check_filled(row, start, num_tokens, first=first, num_sequences=num_sequences, sequence_length=sequence_length)

    values = lists.values.to_numpy()
    tokens = np.empty(num_sequences * sequence_length, values.dtype)
    _copy(values, bounds[:-1][order], num_tokens, tokens, row * sequence_length + start)
    segment_offsets = np.searchsorted(row, np.arange(num_sequences + 1))
    ids, sources, epochs, token_starts = (batch.column(name).take(pa.array(order)) for name in ("id", "source", "epoch", "token_start"))
    columns = [
        pa.array(position[order]),
        pa.array((np.arange(order.size) - segment_offsets[row]).astype(np.int32)),
        ids,
        pa.DictionaryArray.from_arrays(sources, pa.array(names, pa.string())),
        epochs,
        token_starts,
        pa.array(num_tokens.astype(np.int32)),
    ]
    segments = pa.RecordBatch.from_arrays(columns, schema=SEGMENTS)
    return Assembled(tokens.reshape(num_sequences, sequence_length), num_tokens.astype(np.uint32), segment_offsets, segments)


def _check_filled(
    row: np.ndarray, start: np.ndarray, num_tokens: np.ndarray, *, first: int, num_sequences: int, sequence_length: int
) -> None:
    """Sorted pieces fill the shard exactly if each one starts where those before it end, and none leaves its sequence."""
    expected = np.cumsum(num_tokens) - num_tokens
    total = num_sequences * sequence_length
    bad = np.flatnonzero((row * sequence_length + start != expected) | (start + num_tokens > sequence_length))
    filled = int(expected[bad[0]]) if bad.size else int(num_tokens.sum())
    if bad.size or filled != total:
        place, sequence = filled % sequence_length, first + filled // sequence_length
        found = f"the next piece is at {int(start[bad[0]])} of sequence {int(row[bad[0]]) + first}" if bad.size else "no piece follows"
        raise RunError(
            f"sequence {sequence} is not filled exactly: at token {place} of {sequence_length}, {found}: "
            "the plan and the tokens do not belong together; remove the plan and run pack again"
        )


@kernel
def _copy(source: np.ndarray, starts: np.ndarray, lengths: np.ndarray, target: np.ndarray, places: np.ndarray) -> None:
    """target[places[k] : places[k] + lengths[k]] = source[starts[k] : starts[k] + lengths[k]], for each k."""
    for k in range(starts.size):
        for i in range(lengths[k]):
            target[places[k] + i] = source[starts[k] + i]
