"""Manifests name what a dataset holds, and what none names goes."""

from pathlib import Path
from typing import Any

import pytest

from pipeline import manifest
from pipeline.errors import RunError
from pipeline.manifest import Manifest, totals
from pipeline.shards import Done, committing, done_path, read_done

SOURCES = {"a1": "a", "a2": "a", "b1": "b"}


def work(workdir: Path, item: str, fingerprint: str, **counts: Any) -> Done:
    with committing(str(workdir), "job", item=item, fingerprint=fingerprint) as outputs:
        for dataset in ("left", "right"):
            pending = outputs.file(dataset, ".bin")
            Path(pending.path).write_bytes(f"{item} {fingerprint}".encode())
            pending.num_rows = len(item)
        outputs.counts.update(counts)
    done = read_done(str(workdir), "job", item, fingerprint)
    assert done is not None
    return done


def whole(dataset: str, fingerprint: str = "f1", **extra: Any) -> Manifest:
    return Manifest(dataset, "job", fingerprint, {"a": [1, None]}, (), {"b": 2}, extra)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_manifest_comes_back_as_it_was_written_with_the_files_of_its_dataset_in_the_order_of_the_items(tmp_path: Path) -> None:
    done = [work(tmp_path, "b1", "f1"), work(tmp_path, "a1", "f1")]
    written = manifest.commit(str(tmp_path), whole("left", units={"x": "y"}), done=done)
    assert manifest.load(str(tmp_path), "left") == written
    assert [file.item for file in written.files] == ["b1", "a1"]
    assert written.path(str(tmp_path), "a1") == str(tmp_path / "left" / "a1-f1.bin")
    assert written.extra == {"units": {"x": "y"}}


def test_what_the_new_manifest_does_not_name_is_removed_from_its_dataset_alone(tmp_path: Path) -> None:
    work(tmp_path, "a1", "old")
    done = [work(tmp_path, "a1", "new")]
    (tmp_path / "left" / ".tmp-123-abc-a2-old.bin").write_bytes(b"left by a killed worker")
    (tmp_path / "left" / "folder").mkdir()
    manifest.commit(str(tmp_path), whole("left"), done=done)
    assert names(tmp_path / "left") == ["a1-new.bin", "manifest.json"]
    assert names(tmp_path / "right") == ["a1-new.bin", "a1-old.bin"]


def test_records_of_other_fingerprints_are_swept_with_what_killed_workers_left(tmp_path: Path) -> None:
    work(tmp_path, "a1", "old")
    done = [work(tmp_path, "a1", "new"), work(tmp_path, "a2", "new")]
    folder = Path(done_path(str(tmp_path), "job", "a1", "new")).parent
    (folder / ".tmp-1-x-a1-new.json").write_bytes(b"{")
    manifest.sweep_done(str(tmp_path), "job", done)
    assert names(folder) == ["a1-new.json", "a2-new.json"]


def test_a_dataset_that_is_not_there_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"left.manifest\.json is not there: run the job that writes left/ first"):
        manifest.load(str(tmp_path), "left")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"files": []}', b'{"files": [{"name": "x"}], "dataset": "left"}', b"\xff"])
def test_a_file_that_is_no_manifest_is_named(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "manifest.json").write_bytes(text)
    with pytest.raises(RunError, match=r"left.manifest\.json is no manifest"):
        manifest.load(str(tmp_path), "left")


def test_counts_add_up_by_source_and_key_by_key(tmp_path: Path) -> None:
    done = [
        work(tmp_path, "a1", "f1", num=1, dropped={"x": 1}),
        work(tmp_path, "a2", "f1", num=2, dropped={"x": 1, "y": 5}),
        work(tmp_path, "b1", "f1", num=4),
    ]
    assert totals(done, SOURCES) == {"a": {"num": 3, "dropped": {"x": 2, "y": 5}}, "b": {"num": 4}}
    assert done[0].counts == {"num": 1, "dropped": {"x": 1}}, "adding up changes no record"
