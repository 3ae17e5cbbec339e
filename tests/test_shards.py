"""What an item of work commits: all of its outputs and then its done record, or nothing that is taken for whole."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import shards, storage
from pipeline.shards import ParquetShard, canonical_json, committing, done_path, read_batches, read_done, sha256

SCHEMA = pa.schema([("number", pa.int64()), ("text", pa.string())])


def batch(start: int, num_rows: int, *, width: int = 3) -> pa.RecordBatch:
    rows = [{"number": number, "text": "x" * width} for number in range(start, start + num_rows)]
    return pa.RecordBatch.from_pylist(rows, SCHEMA)


def commit(workdir: Path, item: str = "unit", fingerprint: str = "f1") -> None:
    with committing(str(workdir), "job", item=item, fingerprint=fingerprint) as outputs:
        outputs.parquet("numbers", SCHEMA).write(batch(0, 5))
        other = outputs.file("blobs", ".bin")
        Path(other.path).write_bytes(b"blob")
        other.num_rows = 7
        outputs.counts["num_documents"] = 5


def files(workdir: Path) -> list[str]:
    return sorted(str(path.relative_to(workdir)) for path in workdir.rglob("*") if path.is_file())


def test_a_commit_writes_its_outputs_and_a_record_that_names_them(tmp_path: Path) -> None:
    commit(tmp_path)
    assert files(tmp_path) == ["_done/job/unit-f1.json", "blobs/unit-f1.bin", "numbers/unit-f1.parquet"]
    done = read_done(str(tmp_path), "job", "unit", "f1")
    assert done is not None
    assert done.counts == {"num_documents": 5}
    for output in done.outputs:
        path = tmp_path / output.dataset / output.name
        assert (output.num_bytes, output.sha256) == (path.stat().st_size, sha256(str(path)))
    assert [(output.dataset, output.num_rows) for output in done.outputs] == [("numbers", 5), ("blobs", 7)]
    assert done.output("blobs").name == "unit-f1.bin"


def test_an_item_of_another_fingerprint_or_name_is_not_done(tmp_path: Path) -> None:
    commit(tmp_path)
    assert read_done(str(tmp_path), "job", "unit", "f2") is None
    assert read_done(str(tmp_path), "job", "other", "f1") is None
    assert read_done(str(tmp_path), "other", "unit", "f1") is None


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_no_file_at_all(error: type[BaseException], tmp_path: Path) -> None:
    def fail() -> None:
        with committing(str(tmp_path), "job", item="unit", fingerprint="f1") as outputs:
            outputs.parquet("numbers", SCHEMA).write(batch(0, 5))
            Path(outputs.file("blobs", ".bin").path).write_bytes(b"blob")
            raise error

    with pytest.raises(error):
        fail()
    assert files(tmp_path) == []


def test_an_output_that_was_never_written_fails_the_commit_and_leaves_no_file_at_all(tmp_path: Path) -> None:
    def forget() -> None:
        with committing(str(tmp_path), "job", item="unit", fingerprint="f1") as outputs:
            outputs.parquet("numbers", SCHEMA).write(batch(0, 5))
            outputs.file("blobs", ".bin")

    with pytest.raises(FileNotFoundError):
        forget()
    assert files(tmp_path) == []


def test_outputs_without_a_record_are_not_done_and_can_be_written_again(tmp_path: Path) -> None:
    commit(tmp_path)
    storage.remove(done_path(str(tmp_path), "job", "unit", "f1"))
    assert read_done(str(tmp_path), "job", "unit", "f1") is None
    commit(tmp_path)
    assert read_done(str(tmp_path), "job", "unit", "f1") is not None


@pytest.mark.parametrize("dataset", ["numbers", "blobs"])
def test_an_item_whose_output_is_missing_or_of_another_size_is_not_done(dataset: str, tmp_path: Path) -> None:
    commit(tmp_path)
    (path,) = (tmp_path / dataset).iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert read_done(str(tmp_path), "job", "unit", "f1") is None
    path.unlink()
    assert read_done(str(tmp_path), "job", "unit", "f1") is None


def test_the_same_work_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        commit(tmp_path / name)
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes() for name in files(tmp_path / "one"))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60)), max_size=20), st.integers(1, 30))
@settings(max_examples=30, deadline=None)
def test_a_shard_holds_the_rows_of_its_batches_in_row_groups_of_a_bounded_size(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[tuple[int, int]], max_rows: int
) -> None:
    path = str(tmp_path_factory.mktemp("shard") / "a.parquet")
    limit = 2000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "ROW_GROUP_BYTES", limit)
        shard = ParquetShard(path, SCHEMA)
        rows = []
        for num_rows, width in sizes:
            rows += batch(len(rows), num_rows, width=width).to_pylist()
            shard.write(batch(len(rows) - num_rows, num_rows, width=width))
        shard.close()
    assert shard.num_rows == len(rows)
    assert pq.read_table(path).to_pylist() == rows
    groups = [pq.ParquetFile(path).read_row_group(index).nbytes for index in range(pq.read_metadata(path).num_row_groups)]
    most = max((batch(0, num_rows, width=width).nbytes for num_rows, width in sizes), default=0)
    assert all(size < limit + most for size in groups)
    read = list(read_batches(path, ["number"], max_rows=max_rows))
    assert [row["number"] for part in read for row in part.to_pylist()] == [row["number"] for row in rows]
    assert all(part.num_rows <= max_rows for part in read)


def test_a_shard_without_rows_is_a_shard(tmp_path: Path) -> None:
    path = str(tmp_path / "a.parquet")
    ParquetShard(path, SCHEMA).close()
    assert pq.read_table(path).schema == SCHEMA
    assert list(read_batches(path, ["number"], max_rows=5)) == []


def test_json_is_the_same_whatever_the_order_of_the_keys() -> None:
    assert canonical_json({"b": 1, "a": {"d": "é", "c": None}}) == canonical_json({"a": {"c": None, "d": "é"}, "b": 1})
