"""Which files of a folder become a source's containers."""

from pathlib import Path

import pytest

from pipeline.params import UsageError
from pipeline.readers.source import SourceReadParams, list_containers


def containers(folder: Path, **settings: object) -> list[str]:
    params = SourceReadParams.model_validate({"path": str(folder), **settings})
    return [container.name for container in list_containers("s", params, unit_bytes=1 << 20)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jsonl", "b.jsonl", "more/c.jsonl", "pack.zip"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b'{"text": "x"}\n')
    return tmp_path


def test_globs_choose_among_shards_by_their_path_in_the_source(folder: Path) -> None:
    assert containers(folder, exclude=["pack.zip", "/b.jsonl"]) == ["a.jsonl", "more/c.jsonl", "pack.zip"]
    assert containers(folder, include=["more/**"], format="jsonl") == ["more/c.jsonl"]


def test_globs_of_archives_are_for_their_members(folder: Path) -> None:
    assert containers(folder, include=["*.py"]) == ["pack.zip"]


def test_a_file_that_no_reader_knows_may_be_left_out(folder: Path) -> None:
    (folder / "index.bin").write_bytes(b"\0\1")
    with pytest.raises(UsageError, match=r"index\.bin.*`exclude:`"):
        containers(folder)
    assert containers(folder, include=["*.jsonl"]) == ["a.jsonl", "b.jsonl", "more/c.jsonl", "pack.zip"]
    assert containers(folder, exclude=["index.bin"]) == ["a.jsonl", "b.jsonl", "more/c.jsonl", "pack.zip"]


def test_a_source_whose_globs_leave_nothing_is_an_error(folder: Path) -> None:
    with pytest.raises(UsageError, match="holds no files"):
        containers(folder, include=["*.parquet"], format="jsonl")
