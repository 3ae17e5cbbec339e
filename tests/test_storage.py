"""Commits that appear whole or not at all, and listings that say what changed."""

import os
import threading
from pathlib import Path

import pytest

from pipeline import storage
from pipeline.errors import UsageError


def test_a_commit_appears_whole_when_its_block_ends_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file"
    with storage.committing(str(path)) as temporary:
        Path(temporary).write_bytes(b"half")
        assert not path.exists()
        Path(temporary).write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_a_block_that_fails_leaves_nothing_and_the_old_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    storage.write_bytes(str(path), b"old")

    def fail() -> None:
        with storage.committing(str(path)) as temporary:
            Path(temporary).write_bytes(b"new")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_block_that_writes_no_file_fails_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), storage.committing(str(tmp_path / "file")):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_by_a_folder_fails_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="directory"):
        storage.write_bytes(str(tmp_path / "file"), b"data")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_writers_of_one_name_do_not_disturb_each_other(tmp_path: Path) -> None:
    data = b"x" * 100_000

    def write() -> None:
        for _ in range(20):
            storage.write_bytes(str(tmp_path / "file"), data)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if (tmp_path / "file").exists():
            assert (tmp_path / "file").read_bytes() == data
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_temporary_files_are_hidden_from_listings_of_inputs_and_shown_to_who_sweeps(tmp_path: Path) -> None:
    with storage.committing(str(tmp_path / "file")) as temporary:
        Path(temporary).write_bytes(b"data")
        assert storage.list_files(str(tmp_path)) == []
        assert storage.list_names(str(tmp_path)) == [os.path.basename(temporary)]


def test_files_are_listed_in_the_order_of_their_paths_without_hidden_ones_links_and_folders(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b.txt", "a/z/deep.txt", "a-b/1.txt", ".git/config", "a/.hidden", "naïve name\n.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link.txt").symlink_to(tmp_path / "b.txt")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    found = storage.list_files(str(tmp_path))
    assert [file.name for file in found] == ["a-b/1.txt", "a/z/deep.txt", "b.txt", "b/2.txt", "naïve name\n.txt"]
    assert [file.num_bytes for file in found] == [len(file.name.encode()) for file in found]


def test_a_file_that_is_written_again_has_another_version(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("same")
    os.utime(path, ns=(0, 1_000_000_000))
    before = storage.stat(str(path))
    path.write_text("same")
    after = storage.stat(str(path))
    assert before.version != after.version
    assert [before, after] == [storage.FileInfo("file", 4, before.version), storage.FileInfo("file", 4, after.version)]


def test_what_is_not_there_has_no_size_and_no_names_and_can_be_removed(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    assert storage.num_bytes(missing) is None
    assert storage.list_names(missing) == []
    storage.remove(missing)
    with pytest.raises(FileNotFoundError):
        storage.stat(missing)


def test_a_folder_is_removed_with_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "folder" / "inner" / "file").write_text("data")
    storage.remove(str(tmp_path / "folder"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["gs://bucket/file", "s3://bucket/file", "https://host/file"])
def test_a_path_of_another_machine_is_refused_with_the_remedy(path: str) -> None:
    for reach in (storage.exists, storage.list_files, storage.open_read, storage.num_bytes, storage.remove):
        with pytest.raises(UsageError, match=f"{path}: only paths of this machine can be opened"):
            reach(path)
