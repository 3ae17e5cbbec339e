from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mixtures.schedule import schedule
from pipeline.packing.plan import order_documents, source_plan
from pipeline.packing.sequential import Assembled, add_markers, assemble, by_shard, cut_documents, cut_runs
from pipeline.params import RunError

BOS, EOS = 1, 2
NAMES = ["python", "wiki"]
Documents = list[list[int]]

documents = st.lists(st.lists(st.integers(3, 999), max_size=30), min_size=1, max_size=20)


def ids_of(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.uint64) * np.uint64(104729)


def runs_of(values: Documents) -> Documents:
    return [[BOS, *tokens, EOS] for tokens in values]


def pack(
    values: Documents, *, positions: np.ndarray, sequence_length: int, unit: int, per_shard: int, order: Any = None
) -> list[Assembled]:
    """The job's way: a plan, pieces by unit, shards from pieces that arrive in any order."""
    ids = ids_of(len(values))
    lengths = np.array([len(run) for run in runs_of(values)])
    plan = source_plan(ids, lengths, seed=0, num_sequences=positions.size, sequence_length=sequence_length)
    shards: dict[int, list[pa.RecordBatch]] = {}
    places = list(range(len(values)))
    if order is not None:
        order.shuffle(places)
    for start in range(0, len(values), unit):
        part = places[start : start + unit]
        runs = add_markers(pa.array([values[i] for i in part], pa.list_(pa.uint16())), bos=BOS, eos=EOS)
        batch = cut_documents(
            ids[part], runs, source=1, offsets=plan.offsets[:, part], positions=positions[plan.uses], sequence_length=sequence_length
        )
        for shard, pieces in by_shard(batch, per_shard):
            shards.setdefault(shard, []).append(pieces)
    num_sequences = positions.size
    result = []
    for shard in range(-(-num_sequences // per_shard)):
        count = min(per_shard, num_sequences - shard * per_shard)
        table = pa.Table.from_batches(shards[shard])
        result.append(assemble(table, NAMES, first=shard * per_shard, num_sequences=count, sequence_length=sequence_length))
    return result


def plain_pack(values: Documents, num_sequences: int, sequence_length: int) -> list[list[tuple[int, int, int, int]]]:
    """Token by token: (token, document, epoch, place in the run), in the order of the source's stream."""
    stream: list[tuple[int, int, int, int]] = []
    epoch, cut = 0, num_sequences * sequence_length
    while len(stream) < cut:
        for document in order_documents(ids_of(len(values)), seed=0, epoch=epoch).tolist():
            stream += [(token, document, epoch, place) for place, token in enumerate(runs_of(values)[document])]
        epoch += 1
    return [stream[start : start + sequence_length] for start in range(0, cut, sequence_length)]


@given(documents, st.integers(1, 25), st.integers(1, 40), st.integers(1, 6), st.integers(1, 9), st.randoms())
@example([[5] * 900], 13, 64, 1, 4, None)  # one giant document
@example([[5], [6]], 2, 500, 1, 1, None)  # sequences longer than the source
@settings(deadline=None, max_examples=150)
def test_packing_gives_every_token_of_the_stream_once_and_in_order(
    values: Documents, num_sequences: int, sequence_length: int, unit: int, per_shard: int, random: Any
) -> None:
    positions = np.arange(num_sequences)
    shards = pack(values, positions=positions, sequence_length=sequence_length, unit=unit, per_shard=per_shard, order=random)
    ids, lengths = ids_of(len(values)), np.array([len(run) for run in runs_of(values)])
    uses = source_plan(ids, lengths, seed=0, num_sequences=num_sequences, sequence_length=sequence_length).uses
    expected = plain_pack(values, num_sequences, sequence_length)
    rows = np.concatenate([shard.tokens for shard in shards])
    segments = pa.Table.from_batches([shard.segments for shard in shards]).to_pylist()
    for sequence, use in enumerate(uses.tolist()):
        assert rows[use].tolist() == [token for token, *_ in expected[sequence]]
        found = [
            (row["id"], row["epoch"], row["token_start"] + i)
            for row in segments
            if row["sequence"] == use
            for i in range(row["num_tokens"])
        ]
        assert found == [(int(ids[document]), epoch, place) for _, document, epoch, place in expected[sequence]]


@given(documents, st.integers(1, 25), st.integers(1, 40), st.integers(1, 9))
@settings(deadline=None)
def test_segments_number_the_parts_of_each_sequence(values: Documents, num_sequences: int, sequence_length: int, per_shard: int) -> None:
    for shard in pack(values, positions=np.arange(num_sequences), sequence_length=sequence_length, unit=3, per_shard=per_shard):
        rows = shard.segments.to_pylist()
        parts = [
            shard.segment_lengths[start:stop].tolist()
            for start, stop in zip(shard.segment_offsets[:-1], shard.segment_offsets[1:], strict=True)
        ]
        assert [sum(part) for part in parts] == [sequence_length] * len(shard.tokens)
        assert [row["num_tokens"] for row in rows] == [length for part in parts for length in part]
        assert [row["segment"] for row in rows] == [i for part in parts for i in range(len(part))]
        assert {row["source"] for row in rows} == {"wiki"}


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=20),
    st.integers(1, 12),
    st.integers(0, 30),
)
def test_cuts_are_the_overlaps_of_runs_and_sequences(lengths: list[int], sequence_length: int, num_sequences: int) -> None:
    starts = np.cumsum([0, *lengths[:-1]])
    positions = np.arange(num_sequences)[::-1] * 3
    cuts = cut_runs(starts, np.array(lengths), positions=positions, sequence_length=sequence_length)
    expected = {}
    for run, (start, length) in enumerate(zip(starts.tolist(), lengths, strict=True)):
        for place in range(start, min(start + length, num_sequences * sequence_length)):
            sequence, offset = divmod(place, sequence_length)
            expected.setdefault((run, sequence), []).append((offset, place - start))
    columns = zip(cuts.run, cuts.position, cuts.offset, cuts.token_start, cuts.num_tokens, strict=True)
    found = [tuple(int(value) for value in cut) for cut in columns]
    assert found == [
        (run, int(positions[sequence]), places[0][0], places[0][1], len(places)) for (run, sequence), places in expected.items()
    ]


@pytest.mark.parametrize(("bos", "eos"), [(1, 2), (None, 2), (1, None), (None, None)])
def test_markers_stand_around_every_document_of_a_slice(bos: int | None, eos: int | None) -> None:
    values = [[7], [], [8, 9], [10]]
    runs = add_markers(pa.array([[3, 4], *values], pa.list_(pa.uint32())).slice(1), bos=bos, eos=eos)
    assert runs.to_pylist() == [[*([bos] * (bos is not None)), *tokens, *([eos] * (eos is not None))] for tokens in values]


def test_two_sources_share_the_shards_as_the_schedule_says() -> None:
    shares = {"python": Fraction(10, 11), "wiki": Fraction(1, 11)}
    stream = schedule([shares], [100])
    blocks = []
    for source, name in enumerate(stream.names):
        positions = stream.positions(name)
        lengths = np.arange(3, 60)
        plan = source_plan(ids_of(lengths.size), lengths, seed=1, num_sequences=positions.size, sequence_length=32)
        runs = pa.array([[source] * int(length) for length in lengths], pa.large_list(pa.uint16()))
        blocks.append(
            cut_documents(
                ids_of(lengths.size), runs, source=source, offsets=plan.offsets, positions=positions[plan.uses], sequence_length=32
            )
        )
    found = assemble(pa.Table.from_batches(blocks), stream.names, first=0, num_sequences=100, sequence_length=32)
    assert np.array_equal(found.tokens, np.repeat(stream.sources[:, None], 32, axis=1))
    sources = found.segments.column("source").dictionary_decode().to_pylist()
    assert sources == [stream.names[stream.sources[sequence]] for sequence in found.segments.column("sequence").to_pylist()]


def shard_of(lengths: list[int], sequence_length: int = 8) -> pa.RecordBatch:
    runs = pa.array([[7] * length for length in lengths], pa.large_list(pa.uint16()))
    offsets = (np.cumsum(lengths) - lengths).reshape(1, -1)
    positions = np.arange(sum(lengths) // sequence_length) + 100
    return cut_documents(ids_of(len(lengths)), runs, source=0, offsets=offsets, positions=positions, sequence_length=sequence_length)


def test_a_missing_or_a_doubled_piece_is_named() -> None:
    batch = shard_of([5, 5, 6])
    missing = pa.Table.from_batches([batch.slice(0, 1), batch.slice(2)])
    with pytest.raises(RunError, match=r"sequence 100 .* at token 5 of 8, the next piece is at 0 of sequence 101"):
        assemble(missing, NAMES, first=100, num_sequences=2, sequence_length=8)
    doubled = pa.Table.from_batches([batch, batch.slice(1, 1)])
    with pytest.raises(RunError, match=r"sequence 101 .* at token 0 of 8, the next piece is at 5 of sequence 100"):
        assemble(doubled, NAMES, first=100, num_sequences=2, sequence_length=8)
    with pytest.raises(RunError, match=r"sequence 101 .* at token 2 of 8, no piece follows"):
        assemble(pa.Table.from_batches([batch.slice(0, 3)]), NAMES, first=100, num_sequences=2, sequence_length=8)
    with pytest.raises(RunError, match="no piece follows"):
        assemble(pa.Table.from_batches([], batch.schema), NAMES, first=100, num_sequences=2, sequence_length=8)


def test_a_piece_of_another_shard_is_refused() -> None:
    with pytest.raises(RunError, match="not filled exactly"):
        assemble(pa.Table.from_batches([shard_of([5, 5, 6])]), NAMES, first=101, num_sequences=2, sequence_length=8)


def test_a_unit_that_the_budget_cuts_away_sends_nothing() -> None:
    runs = pa.array([[7, 7], [8]], pa.large_list(pa.uint16()))
    batch = cut_documents(ids_of(2), runs, source=0, offsets=np.full((1, 2), -1), positions=np.arange(3), sequence_length=4)
    assert batch.num_rows == 0
    assert list(by_shard(batch, 2)) == []
