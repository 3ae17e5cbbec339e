"""What `verify` finds: each kind of damage to a run, with the checksums left as they were, and with checksums made to fit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import records
from pipeline.report.verify import verify
from pipeline.shards import sha256

FILES = (
    "documents",
    "decisions",
    "signatures",
    "nodes",
    "edges",
    "pairs",
    "verified",
    "forks",
    "survivors",
    "tokenizer",
    "tokens",
    "runs",
    "positions",
    "deviation",
)


def faults(workdir: Path) -> list[str]:
    return verify(str(workdir), progress=lambda line: None)


def read_manifest(workdir: Path, dataset: str) -> dict[str, Any]:
    return json.loads((workdir / dataset / "manifest.json").read_text())


def write_manifest(workdir: Path, dataset: str, record: dict[str, Any]) -> None:
    (workdir / dataset / "manifest.json").write_text(json.dumps(record))


def first_file(workdir: Path, dataset: str, *, holding: str = "") -> Path:
    return workdir / dataset / next(file["name"] for file in read_manifest(workdir, dataset)["files"] if holding in file["name"])


def seal(path: Path) -> None:
    """Makes the manifest agree with the file, so that only the laws can find what was done to it."""
    record = read_manifest(path.parent.parent, path.parent.name)
    for file in record["files"]:
        if file["name"] == path.name:
            file |= {"num_bytes": path.stat().st_size, "sha256": sha256(str(path))}
    write_manifest(path.parent.parent, path.parent.name, record)


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    table = pq.read_table(path)
    changed = change(table)
    assert changed.schema == table.schema
    assert not changed.equals(table)
    pq.write_table(changed, path)
    seal(path)


def swap(first: int, second: int) -> Callable[[pa.Table], pa.Table]:
    def swapped(table: pa.Table) -> pa.Table:
        order = np.arange(table.num_rows)
        order[[first, second]] = order[[second, first]]
        return table.take(pa.array(order))

    return swapped


def replace(column: str, row: int, value: Any) -> Callable[[pa.Table], pa.Table]:
    def replaced(table: pa.Table) -> pa.Table:
        values = table[column].to_pylist()
        values[row] = value(values[row])
        place = table.schema.get_field_index(column)
        return table.set_column(place, table.schema.field(column), pa.array(values, table.schema.field(column).type))

    return replaced


def test_a_finished_run_has_no_faults_and_tells_what_it_checks(finished_run: Path) -> None:
    lines: list[str] = []
    assert verify(str(finished_run), progress=lines.append) == []
    for dataset in (*FILES, "sequences", "segments"):
        assert any(line.startswith(f"{dataset}/:") for line in lines)


@pytest.mark.parametrize("dataset", [*FILES, "sequences", "segments"])
def test_one_flipped_byte_is_one_fault_that_names_the_file(workdir: Path, dataset: str) -> None:
    path = first_file(workdir, dataset)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    [fault] = faults(workdir)
    assert fault.startswith(f"{dataset}/{path.name} has the sha256")


@pytest.mark.parametrize("dataset", ["tokens", "sequences", "survivors"])
def test_a_truncated_file_is_one_fault_with_both_sizes(workdir: Path, dataset: str) -> None:
    path = first_file(workdir, dataset)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-10])
    assert faults(workdir) == [f"{dataset}/{path.name} has {size - 10:,} bytes, its manifest says {size:,}"]


def test_a_truncated_file_that_its_manifest_agrees_with_cannot_be_read(workdir: Path) -> None:
    path = first_file(workdir, "tokens")
    path.write_bytes(path.read_bytes()[:-10])
    seal(path)
    [fault] = faults(workdir)
    assert fault.startswith(f"tokens/{path.name} can't be read")


@pytest.mark.parametrize("dataset", ["documents", "segments", "tokenizer"])
def test_a_deleted_file_is_one_fault(workdir: Path, dataset: str) -> None:
    path = first_file(workdir, dataset)
    path.unlink()
    assert faults(workdir) == [f"{dataset}/{path.name} is not there: run again"]


def test_a_deleted_manifest_is_one_fault(workdir: Path) -> None:
    (workdir / "survivors" / "manifest.json").unlink()
    [fault] = faults(workdir)
    assert "survivors/manifest.json is not there" in fault


@pytest.mark.parametrize(
    ("dataset", "keys"),
    [
        ("decisions", ("counts", "python", "num_kept")),
        ("documents", ("counts", "shell", "kept_bytes")),
        ("signatures", ("counts", "books", "broken", "bad_json")),
        ("survivors", ("counts", "python", "num_copies")),
        ("tokens", ("counts", "books", "num_tokens")),
        ("sequences", ("counts", "tokens", "python")),
        ("sequences", ("counts", "sources", "python", "trainable_tokens")),
        ("sequences", ("num_sequences_by_source", "books")),
        ("segments", ("counts", "num_segments")),
    ],
)
def test_an_edited_count_is_found_with_both_numbers(workdir: Path, dataset: str, keys: tuple[str, ...]) -> None:
    record = read_manifest(workdir, dataset)
    inner = record
    for key in keys[:-1]:
        inner = inner[key]
    true = inner[keys[-1]]
    inner[keys[-1]] = true + 1
    write_manifest(workdir, dataset, record)
    [fault] = faults(workdir)
    assert fault.startswith(f"{dataset}/manifest.json")
    assert keys[-1] in fault
    assert f"{true:,}" in fault
    assert f"{true + 1:,}" in fault


@pytest.mark.parametrize("dataset", ["documents", "signatures", "survivors", "tokens", "runs"])
def test_two_swapped_rows_break_the_order_of_a_unit(workdir: Path, dataset: str) -> None:
    path = first_file(workdir, dataset, holding="python")
    rewrite(path, swap(0, 1))
    found = faults(workdir)
    assert any(fault.startswith(f"{dataset}/{path.name}: row 0 is document") for fault in found)


def test_two_swapped_segments_are_out_of_order(workdir: Path) -> None:
    path = first_file(workdir, "segments")
    table = pq.read_table(path)
    row = table["segment"].to_pylist().index(1)
    rewrite(path, swap(row - 1, row))
    [fault] = faults(workdir)
    assert fault.startswith(f"segments/{path.name}: row {row - 1:,} is segment 1")


def test_two_swapped_sequences_of_the_twin_differ_from_their_records(workdir: Path) -> None:
    path = first_file(workdir, "sequences", holding=".parquet")
    rewrite(path, swap(4, 9))
    [fault] = faults(workdir)
    assert fault == f"sequences/{path.name}: sequence of sequence 4 is not that of its record"


def test_a_token_that_records_and_twin_agree_on_but_no_document_has(workdir: Path) -> None:
    twin, shard = (first_file(workdir, "sequences", holding=suffix) for suffix in (".parquet", ".arrayrecord"))
    rewrite(twin, replace("tokens", 5, lambda tokens: [tokens[0], 300 - tokens[1] % 7, *tokens[2:]]))
    _change_records(shard, 5, pq.read_table(twin)["tokens"][5].as_py())
    source = pq.read_table(twin)["source"][5].as_py()
    [fault] = faults(workdir)
    assert fault.startswith(f"sequences/: {source}: its ")


def test_a_record_of_another_source_is_found(workdir: Path) -> None:
    shard = first_file(workdir, "sequences", holding=".arrayrecord")
    _change_records(shard, 5, None)
    [fault] = faults(workdir)
    assert fault.startswith(f"sequences/{shard.name}: sequence 5 is of source")


def test_a_token_of_a_document_that_was_changed_after_packing(workdir: Path) -> None:
    path = first_file(workdir, "tokens", holding="shell")
    rewrite(path, replace("tokens", 2, lambda tokens: [tokens[0] ^ 1, *tokens[1:]]))
    [fault] = faults(workdir)
    assert fault.startswith("sequences/: shell: its ")


def test_a_segment_that_claims_another_place_in_its_document(workdir: Path) -> None:
    path = first_file(workdir, "segments")
    rewrite(path, replace("token_start", 8, lambda start: start + 1))
    source = pq.read_table(path)["source"][8].as_py()
    [fault] = faults(workdir)
    assert fault.startswith(f"sequences/: {source}: its ")


def test_a_run_that_starts_elsewhere_leaves_a_gap(workdir: Path) -> None:
    path = first_file(workdir, "runs", holding="books")
    rewrite(path, replace("starts", 3, lambda starts: [starts[0] + 1, *starts[1:]]))
    found = faults(workdir)
    assert found == [fault for fault in found if fault.startswith("runs/: the runs of books do not follow one another")]
    assert len(found) == 1


def test_a_position_that_is_taken_twice(workdir: Path) -> None:
    path = first_file(workdir, "positions", holding="python")
    table = pq.read_table(path)
    rewrite(path, replace("position", 0, lambda _: table["position"][1].as_py()))
    assert faults(workdir) == [f"positions/{path.name}: 1 of its {table.num_rows:,} positions are taken twice"]


def test_a_duplicate_of_a_document_that_is_not_kept(workdir: Path) -> None:
    path = first_file(workdir, "survivors", holding="shell")
    kept = pq.read_table(path)["kept"].to_pylist()
    rewrite(path, replace("duplicate_of", kept.index(False), lambda _: 12345))
    [fault] = faults(workdir)
    assert fault == f"survivors/{path.name}: 1 documents duplicate one that is not kept, such as 12345"


def test_a_verdict_that_documents_do_not_bear_out(workdir: Path) -> None:
    path = first_file(workdir, "decisions", holding="python")
    rewrite(path, replace("verdict", 0, lambda _: "dropped"))
    assert any(fault.startswith("documents/") and "decisions/" in fault for fault in faults(workdir))


def test_weights_that_the_stream_does_not_follow(workdir: Path) -> None:
    record = read_manifest(workdir, "sequences")
    record["params"]["mixture"]["groups"]["code"]["weight"] = 5
    write_manifest(workdir, "sequences", record)
    [fault] = faults(workdir)
    assert fault.startswith("sequences/: mixture: after")
    assert "away from its share" in fault


def _change_records(shard: Path, place: int, tokens: list[int] | None) -> None:
    """Writes a shard anew with other tokens in one record, or with another source."""
    from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

    reader = ArrayRecordReader(str(shard))
    held = reader.read_all()
    reader.close()
    record = records.decode_record(held[place])
    [held[place]] = records.encode_records(
        (record.tokens if tokens is None else np.array(tokens, record.tokens.dtype))[None],
        segment_lengths=record.segment_lengths,
        segment_offsets=np.array([0, len(record.segment_lengths)]),
        sources=np.array([record.source if tokens is not None else (record.source + 1) % 3]),
        phases=np.array([record.phase]),
    )
    shard.unlink()
    writer = ArrayRecordWriter(str(shard), records.WRITER_OPTIONS)
    for data in held:
        writer.write(data)
    writer.close()
    seal(shard)
