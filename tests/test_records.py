import hashlib
import json
import struct

import numpy as np
import pytest
from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter
from hypothesis import given
from hypothesis import strategies as st

from pipeline.params import RunError
from pipeline.records import WRITER_OPTIONS, decode_record, encode_records, parse_sequences_manifest, positions, segment_ids


@st.composite
def batches(draw):
    n, S = draw(st.integers(1, 5)), draw(st.integers(1, 40))
    token_type = draw(st.sampled_from([np.uint16, np.uint32]))
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    segments = []
    for _ in range(n):
        cuts = np.unique(random.integers(0, S + 1, draw(st.integers(0, 6))))
        segments.append(np.diff(cuts) if len(cuts) else np.zeros(0, np.int64))
    return {
        "tokens": random.integers(0, np.iinfo(token_type).max + 1, (n, S), dtype=token_type),
        "segment_lengths": np.concatenate(segments).astype(np.uint32),
        "segment_offsets": np.concatenate(([0], np.cumsum([len(s) for s in segments]))),
        "sources": random.integers(0, 1 << 16, n),
        "phases": random.integers(0, 1 << 16, n),
        "loss_bits": random.integers(0, 2, (n, S)).astype(bool) if draw(st.booleans()) else None,
    }


def encode(batch):
    return encode_records(batch["tokens"], **{name: value for name, value in batch.items() if name != "tokens"})


def example_record(S=12, lengths=(5, 4), **more):
    tokens = np.arange(S, dtype=np.uint16)[None]
    where = {"segment_lengths": np.array(lengths), "segment_offsets": np.array([0, len(lengths)])}
    return encode_records(tokens, **where, sources=np.array([3]), phases=np.array([1]), **more)[0]


@given(batches())
def test_a_decoded_record_is_what_was_encoded(batch):
    offsets = batch["segment_offsets"]
    for i, data in enumerate(encode(batch)):
        record = decode_record(data)
        np.testing.assert_array_equal(record.tokens, batch["tokens"][i], strict=True)
        np.testing.assert_array_equal(record.segment_lengths, batch["segment_lengths"][offsets[i] : offsets[i + 1]])
        assert (record.source, record.phase) == (batch["sources"][i], batch["phases"][i])
        if batch["loss_bits"] is None:
            assert record.loss_bits is None
        else:
            np.testing.assert_array_equal(record.loss_bits, batch["loss_bits"][i])


@given(batches())
def test_segment_ids_and_positions_equal_a_plain_loop(batch):
    for data in encode(batch):
        record = decode_record(data)
        ids, places = [], []
        for number, length in enumerate(record.segment_lengths.tolist(), start=1):
            ids += [number] * length
            places += range(length)
        padding = [0] * (len(record.tokens) - len(ids))
        assert record.segment_ids.tolist() == ids + padding == segment_ids(record.segment_lengths, len(record.tokens)).tolist()
        assert record.positions.tolist() == places + padding == positions(record.segment_lengths, len(record.tokens)).tolist()


def test_the_layout_is_the_documented_one():
    # Written out by hand, so that a reader in another language can rely on it.
    expected = (
        struct.pack("<HHIIHH", 1, 2, 12, 2, 3, 1) + struct.pack("<2I", 5, 4) + struct.pack("<12H", *range(12)) + bytes([0b1001, 0b1000])
    )
    bits = np.zeros((1, 12), bool)
    bits[0, [0, 3, 11]] = True
    assert example_record(loss_bits=bits) == expected


@pytest.mark.parametrize("loss_bits", [None, np.ones((1, 12), bool)])
def test_every_truncation_of_a_record_is_refused(loss_bits):
    data = example_record(loss_bits=loss_bits)
    for size in range(len(data)):
        with pytest.raises(RunError, match="truncated record"):
            decode_record(data[:size])
    with pytest.raises(RunError, match="bytes to spare"):
        decode_record(data + b"\0")


@given(st.binary(max_size=80), st.integers(0, 15), st.integers(0, 255))
def test_hostile_bytes_decode_or_are_refused(noise, place, value):
    altered = bytearray(example_record())
    altered[place] = value
    for data in (noise, bytes(altered)):
        try:
            record = decode_record(data)
        except RunError:
            continue
        assert len(record.segment_ids) == len(record.positions) == len(record.tokens)


def test_a_record_of_another_version_or_with_impossible_segments_is_refused():
    data = example_record()
    with pytest.raises(RunError, match="version 9"):
        decode_record(b"\x09\0" + data[2:])
    for lengths in ((9, 4), (0, 4)):
        with pytest.raises(RunError, match="segment_lengths"):
            decode_record(data[:16] + struct.pack("<2I", *lengths) + data[24:])


@pytest.mark.parametrize("lengths", [(9, 4), (5, 0)])
def test_lengths_that_no_sequence_can_have_are_not_encoded(lengths):
    with pytest.raises(ValueError, match=r"sum to 13|at least one token"):
        example_record(lengths=lengths)


def test_the_writer_gives_the_same_bytes_twice_and_the_reader_the_records(tmp_path):
    random = np.random.default_rng(0)
    n, S = 300, 512
    tokens = random.integers(0, 999, (n, S)).astype(np.uint16)
    where = {"segment_lengths": np.full(n, S), "segment_offsets": np.arange(n + 1)}
    records = encode_records(tokens, **where, sources=np.zeros(n, int), phases=np.zeros(n, int))
    digests = []
    for name in ("a", "b"):
        writer = ArrayRecordWriter(str(tmp_path / name), WRITER_OPTIONS)
        for record in records:
            writer.write(record)
        writer.close()
        digests.append(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert digests[0] == digests[1]
    reader = ArrayRecordReader(str(tmp_path / "a"))
    assert reader.read_all() == records


MANIFEST = {
    "dataset": "sequences",
    "fingerprint": "0123456789abcdef",
    "record_version": 1,
    "sequence_length": 2048,
    "vocab_size": 32000,
    "tokenizer": "ff" * 32,
    "special_ids": {"pad": 0, "bos": 1, "eos": 2},
    "sources": ["python", "web"],
    "num_sequences": 30,
    "num_sequences_by_source": {"python": 27, "web": 3},
    "files": [
        {"name": "shard-00000-f.arrayrecord", "num_rows": 20, "num_bytes": 9, "sha256": "aa"},
        {"name": "shard-00000-f.parquet", "num_rows": 20, "num_bytes": 9, "sha256": "bb"},
        {"name": "shard-00001-f.arrayrecord", "num_rows": 10, "num_bytes": 9, "sha256": "cc"},
    ],
    "mixture": {"a later writer": "may say more"},
}


def test_the_manifest_keeps_the_order_of_its_shards_and_leaves_out_parquet_twins():
    manifest = parse_sequences_manifest(json.dumps(MANIFEST))
    assert [shard.name for shard in manifest.shards] == ["shard-00000-f.arrayrecord", "shard-00001-f.arrayrecord"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocab_size": None}, "vocab_size"),
        ({"files": [{"name": "a.arrayrecord"}]}, r"files\.0\.num_rows"),
        ({"record_version": 2}, "record_version 2"),
        ({"num_sequences": 31}, "30 rows, num_sequences says 31"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_with_its_field(change, message):
    with pytest.raises(RunError, match=message):
        parse_sequences_manifest(json.dumps(MANIFEST | change))
    with pytest.raises(RunError, match="the whole"):
        parse_sequences_manifest("{")
