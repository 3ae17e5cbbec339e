"""What goes wrong says so in a line or two, with the right status, and leaves nothing half-written that is taken for whole."""

import copy
import itertools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Finished, Run, Tenfold
from tests.corpus import Corpus, write_config, write_parquet
from tests.jobs.workdirs import all_outputs, assert_same, manifest, records

DONE, FAILED, WRONG = 0, 1, 2


@pytest.fixture
def values(corpus: Corpus, tmp_path: Path) -> dict[str, Any]:
    return copy.deepcopy(corpus.config(tmp_path / "run"))


def _says(finished: Finished, status: int, *words: str) -> None:
    """One error, without a trace and without the engine's words around it."""
    assert finished.status == status, finished.output
    assert finished.output.count("error: ") == 1
    error = finished.output.partition("error: ")[2]
    for word in words:
        assert word in error
    for noise in ("Traceback", "[while running", "pipeline.errors", "apache_beam"):
        assert noise not in finished.output
    assert len(error.splitlines()) <= 6


def test_a_source_with_too_many_broken_records_stops_the_run_and_its_files_are_not_judged_again(
    values: dict[str, Any], whole: Run, tmp_path: Path, tenfold: Tenfold
) -> None:
    workdir = tmp_path / "run"
    values["sources"]["notes"]["max_broken_fraction"] = 0.1
    stopped = tenfold("run", write_config(tmp_path / "config.yaml", values))
    _says(stopped, FAILED, "source notes", "2 bad_json", "1 truncated", "max_broken_fraction=0.1")
    assert not list(workdir.glob("*/manifest.json"))

    before = all_outputs(workdir)
    values["sources"]["notes"]["max_broken_fraction"] = 0.2
    tenfold.run(write_config(tmp_path / "config.yaml", values))
    assert before.items() <= all_outputs(workdir).items()
    assert_same(workdir, whole.workdir)


def _set(values: dict[str, Any], path: str, value: Any) -> None:
    *parts, last = path.split("/")
    for part in parts:
        values = values[part]
    values[last] = value


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("sources/web/path", "/nowhere/at/all", ("sources.web.path", "/nowhere/at/all")),
        ("sources/web/curation", ["gopher_qualty"], ("gopher_qualty", "did you mean 'gopher_quality'")),
        ("sources/web/curation", [{"gopher_quality": {"min_word": 3}}], ("min_word", "did you mean 'min_words'")),
        ("sources/web/curation", ["no.such.module"], ("no.such.module", "can't import")),
        ("sources/web/curation", ["gopher_quality", "gopher_quality"], ("twice",)),
        ("sources/web/curatoin", [], ("sources.web.curatoin", "did you mean curation")),
        ("sources/Web", {"path": "/", "kind": "text"}, ("sources.Web", "lower-case")),
        ("mixture/groups/text/sources", {"wep": 1}, ("wep", "did you mean web")),
        ("mixture/total_tokens", 10**9, ("mixture.", "max_epochs", "total_tokens to")),
        ("mixture/total_tokens", 5, ("mixture.total_tokens", "less than one sequence")),
        ("tokenizer/vocab_size", 30_000, ("tokenizer.vocab_size=30000", "lower it")),
        ("tokenizer/model", "/nowhere.model", ("tokenizer.model", "/nowhere.model")),
        ("tokenizer/model", __file__, ("tokenizer.model", "no SentencePiece model")),
        ("tokenizer/sample_weights", {"wep": 1}, ("sample_weights.wep", "web")),
        ("dedup/near/bands", 9999, ("bands", "num_permutations")),
    ],
)
def test_a_wrong_value_ends_with_status_2_and_the_remedy(
    path: str, value: Any, words: tuple[str, ...], values: dict[str, Any], tmp_path: Path, tenfold: Tenfold
) -> None:
    _set(values, path, value)
    _says(tenfold("run", write_config(tmp_path / "config.yaml", values)), WRONG, *words)


def test_a_source_that_the_rules_leave_nothing_of_is_named(values: dict[str, Any], tmp_path: Path, tenfold: Tenfold) -> None:
    values["sources"]["web"]["curation"] = [{"gopher_quality": {"min_words": 10**9, "max_words": None}}]
    _says(tenfold("run", write_config(tmp_path / "config.yaml", values)), WRONG, "mixture.text.web", "no tokens")


def test_a_curation_that_leaves_nothing_at_all_is_an_error_that_says_where_to_look(
    values: dict[str, Any], tmp_path: Path, tenfold: Tenfold
) -> None:
    for source in values["sources"].values():
        source["curation"] = [{"tests.jobs.own_rules.few_lines": {"maximum": -1}}]
    _says(tenfold("run", write_config(tmp_path / "config.yaml", values)), WRONG, "no source has a document left", "decisions/")


def test_a_source_without_documents_does_no_harm_outside_of_the_mixture(values: dict[str, Any], tmp_path: Path, tenfold: Tenfold) -> None:
    write_parquet(tmp_path / "empty" / "none.parquet", [])
    values["sources"]["empty"] = {"path": str(tmp_path / "empty"), "kind": "code"}
    tenfold.run(write_config(tmp_path / "config.yaml", values))
    assert manifest(tmp_path / "run", "documents")["units"]


def test_a_file_that_no_reader_knows_is_named(values: dict[str, Any], tmp_path: Path, tenfold: Tenfold) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "what.is").write_bytes(b"\x00\x01\x02")
    values["sources"]["web"]["path"] = str(tmp_path / "odd")
    _says(tenfold("run", write_config(tmp_path / "config.yaml", values)), WRONG, "what.is", "format")


def test_a_shard_without_a_column_for_the_text_is_named(values: dict[str, Any], tmp_path: Path, tenfold: Tenfold) -> None:
    values["sources"]["stdlib"]["columns"] = {"text": "contents"}
    _says(tenfold("run", write_config(tmp_path / "config.yaml", values)), FAILED, ".parquet", "contents", "content")


def test_a_file_name_that_is_no_utf8_is_named(values: dict[str, Any], tmp_path: Path, tenfold: Tenfold) -> None:
    (tmp_path / "web").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/web/caf\xe9.jsonl")).write_text('{"text": "a"}\n')
    values["sources"]["web"]["path"] = str(tmp_path / "web")
    _says(tenfold("run", write_config(tmp_path / "config.yaml", values)), WRONG, r"'caf\udce9.jsonl'", "rename it")


def test_a_workdir_that_cant_be_made_is_an_error_with_its_path(values: dict[str, Any], tmp_path: Path, tenfold: Tenfold) -> None:
    (tmp_path / "file").write_text("no folder")
    values["workdir"] = str(tmp_path / "file" / "run")
    _says(tenfold("run", write_config(tmp_path / "config.yaml", values)), FAILED, str(tmp_path / "file"))


def test_a_job_that_comes_too_early_says_what_to_run_first(values: dict[str, Any], tmp_path: Path, tenfold: Tenfold) -> None:
    config = write_config(tmp_path / "config.yaml", values)
    for job in ("dedupe", "tokenize", "pack"):
        _says(tenfold(job, config), FAILED, "manifest.json is not there", "first")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 300 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small file system takes the right to mount one: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def _leave(disk: Path, num_bytes: int) -> None:
    """Fills the disk up but for so many bytes."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    free = os.statvfs(disk)
    size = free.f_bavail * free.f_frsize - num_bytes
    with open(ballast, "wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, size)


@pytest.mark.parametrize(
    ("job", "dataset", "part"),
    [
        pytest.param("curate", "documents", 0.05, marks=pytest.mark.slow),
        ("curate", "documents", 0.5),
        ("dedupe", "signatures", 2),
        pytest.param("tokenize", "tokens", 0.2, marks=pytest.mark.slow),
        pytest.param("pack", "runs", 0.5, marks=pytest.mark.slow),
        ("pack", "sequences", 0.8),
    ],
)
def test_a_full_disk_is_an_error_and_with_more_room_the_run_goes_on(
    job: str, dataset: str, part: float, small_disk: Path, corpus: Corpus, whole: Run, tmp_path: Path, tenfold: Tenfold
) -> None:
    """There is room for a part of the dataset, and for as much again in the next run: another write meets the end of it."""
    workdir = small_disk / "run"
    config = write_config(tmp_path / "config.yaml", corpus.config(workdir))
    for earlier in itertools.takewhile(lambda name: name != job, ("curate", "dedupe", "tokenize")):
        assert tenfold(earlier, config).status == DONE
    room = int(part * sum(file["num_bytes"] for file in manifest(whole.workdir, dataset)["files"]))
    for number in range(4):
        _leave(small_disk, room)
        before = all_outputs(workdir)
        finished = tenfold(job, config)
        if number and finished.status == DONE:
            break
        _says(finished, FAILED, "No space left")
        assert before.items() <= all_outputs(workdir).items()
        _check_outputs(workdir)
    (small_disk / "ballast").unlink()
    tenfold.run(config)
    assert_same(workdir, whole.workdir)


def _check_outputs(workdir: Path) -> None:
    """Every done record's outputs have the size that it names."""
    for job in ("curate", "dedupe-rank", "dedupe-compare", "dedupe", "tokenize", "pack-plan", "pack"):
        for record in records(workdir, job).values():
            for output in record["outputs"]:
                assert (workdir / output["dataset"] / output["name"]).stat().st_size == output["num_bytes"]
