"""A fork planted in a corpus of two languages: found, reported, and dropped as a whole."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.report.verify import verify
from tests.conftest import Tenfold
from tests.corpus import STACK, write_config
from tests.dedup.reference import edited, source_files
from tests.jobs.datasets import Datasets
from tests.jobs.workdirs import DEDUPE_JOBS, assert_same, manifest, outputs
from tests.report.test_verify import first_file, replace, rewrite

ORIGIN, FORK, APP = "origin/lib", "someone/<b>lib</b>", "other/app"
Texts = dict[str | None, list[str]]


@dataclass(frozen=True)
class Case:
    """Two runs of one corpus: forks are reported, or dropped."""

    reported: Datasets
    dropped: Datasets

    def rows(self, data: Datasets, repository: str | None) -> list[dict[str, Any]]:
        return [row | {"text": data.texts[id]} for id, row in data.survivors.items() if data.documents[id]["repository"] == repository]


def _pieces() -> list[str]:
    return ["\n".join(lines[i : i + 60]) for lines in map(str.splitlines, source_files()) for i in range(0, len(lines) - 60, 60)]


def _corpus() -> dict[str, Texts]:
    """The fork has the original's files, two of them edited, and three of its own; the app has one of these, and a file that is like
    another. Nobody's files are in no repository."""
    pieces = _pieces()
    lib, own, app, others = pieces[:16], pieces[16:19], pieces[19:24], pieces[24:40]
    near = edited(own[1], edit_fraction=0.01, seed=5)
    python: Texts = {ORIGIN: lib[:10], FORK: [*lib[:8], edited(lib[8], edit_fraction=0.01, seed=1), *own], APP: [own[0], near, *app]}
    stubs: Texts = {ORIGIN: lib[10:], FORK: [*lib[10:13], edited(lib[13], edit_fraction=0.01, seed=2)], None: others}
    return {"python": python, "stubs": stubs}


def _write(path: Path, texts: Texts) -> None:
    stars = {ORIGIN: 100, FORK: 7, APP: 5, None: None}
    records = [
        {
            "max_stars_repo_path": f"src/{number}.py",
            "max_stars_repo_name": repository,
            "max_stars_count": stars[repository],
            "content": text.encode(),
        }
        for repository, held in texts.items()
        for number, text in enumerate(held)
    ]
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(records, STACK), path)


def _values(root: Path, workdir: Path, **forks: Any) -> dict[str, Any]:
    return {
        "workdir": str(workdir),
        "sources": {name: {"path": str(root / name), "kind": "code"} for name in ("python", "stubs")},
        "dedup": {"near": {"num_permutations": 126, "bands": 42, "rows": 3}, "forks": forks},
        "tokenizer": {"vocab_size": 400, "sample_bytes": 50_000},
        "packing": {"sequence_length": 128, "sequences_per_shard": 300},
        "mixture": {"groups": {"code": {"weight": 1, "sources": {"python": 1, "stubs": 1}}}},
    }


@pytest.fixture(scope="module")
def case(once: Callable[[str, Callable[[Path], None]], Path], tenfold: Tenfold) -> Case:
    """Only to be read."""

    def make(root: Path) -> None:
        for source, texts in _corpus().items():
            _write(root / source / "one.parquet", texts)
        for name, drop in (("reported", False), ("dropped", True)):
            tenfold.run(write_config(root / f"{name}.yaml", _values(root, root / name, drop=drop)))

    root = once("forks", make)
    return Case(*(Datasets(root / name, yaml.safe_load((root / f"{name}.yaml").read_text())) for name in ("reported", "dropped")))


def test_the_fork_is_reported_by_name_with_its_numbers_and_sources(case: Case) -> None:
    for data in (case.reported, case.dropped):
        [file] = manifest(data.workdir, "forks")["files"]
        [fork] = pq.read_table(data.workdir / "forks" / file["name"]).drop_columns(["repository_hash", "fork_of_hash"]).to_pylist()
        wanted = {"repository": FORK, "fork_of": ORIGIN, "num_documents": 16, "num_duplicates": 13, "sources": ["python", "stubs"]}
        assert fork == wanted
        [shown] = json.loads((data.workdir / "stats.json").read_text())["dedupe"]["forks"]["largest"]
        assert shown == wanted
        page = (data.workdir / "report.html").read_text()
        assert "someone/&lt;b&gt;lib&lt;/b&gt;" in page
        assert FORK not in page


def test_a_fork_that_is_reported_keeps_what_is_its_own(case: Case) -> None:
    rows = case.rows(case.reported, FORK)
    assert sum(row["kept"] for row in rows) == 3
    assert all(row["fork_of"] is None for row in case.reported.survivors.values())
    app = case.rows(case.reported, APP)
    assert sum(row["kept"] for row in app) == 5


def test_a_fork_that_is_dropped_goes_as_a_whole_and_nothing_falls_for_it(case: Case) -> None:
    for row in case.rows(case.dropped, FORK):
        assert (row["kept"], row["duplicate_of"], row["similarity"]) == (False, None, None)
        assert row["fork_of"] is not None
    kept = {id for id, row in case.dropped.survivors.items() if row["kept"]}
    for repository in (ORIGIN, APP, None):
        for row in case.rows(case.dropped, repository):
            assert row["fork_of"] is None
            assert row["kept"] or row["duplicate_of"] in kept
    # What the app shared with the fork alone stands now.
    assert all(row["kept"] for row in case.rows(case.dropped, APP))


def test_every_document_is_accounted_for(case: Case) -> None:
    for data, num_forked in ((case.reported, {"python": 0, "stubs": 0}), (case.dropped, {"python": 12, "stubs": 4})):
        for source, counts in manifest(data.workdir, "survivors")["counts"].items():
            fates = ("num_survivors", "num_copies", "num_near_duplicates", "num_forked")
            assert counts["num_documents"] == sum(counts[name] for name in fates)
            assert counts["num_forked"] == num_forked[source]
            assert counts["num_in_forks"] == {"python": 12, "stubs": 4}[source]
        assert verify(str(data.workdir), progress=lambda line: None) == []
        assert {row["kind"] for row in json.loads((data.workdir / "stats.json").read_text())["attention"]} >= {"forks"}


def test_explain_tells_of_the_fork(case: Case, tenfold: Tenfold) -> None:
    for data, said in ((case.reported, "kept; the only one with this text"), (case.dropped, "dropped with its repository")):
        id = next(row["id"] for row in case.rows(data, FORK) if row["text"] == _pieces()[18])
        told = tenfold("explain", data.workdir, "--document", str(id))
        assert told.status == 0, told.output
        assert said in told.output
        assert f"of {ORIGIN}: 13 of its 16 documents are there, too" in " ".join(told.output.split())


@pytest.mark.parametrize("lost", [DEDUPE_JOBS, ("dedupe",)], ids=["all of dedupe", "survivors alone"])
def test_the_bytes_are_the_same_with_two_workers_and_a_sort_on_disk(
    case: Case, tenfold: Tenfold, tmp_path: Path, lost: tuple[str, ...]
) -> None:
    workdir = Path(shutil.copytree(case.dropped.workdir, tmp_path / "run"))
    values = case.dropped.values | {"workdir": str(workdir), "dedup": case.dropped.values["dedup"] | {"max_sorted_pairs": 2}}
    for job in lost:
        for name in outputs(workdir, job):
            (workdir / name).unlink()
    finished = tenfold("dedupe", write_config(tmp_path / "config.yaml", values), "--workers", "2")
    assert finished.status == 0, finished.output
    assert_same(workdir, case.dropped.workdir)


def test_nobody_looks_for_forks_where_they_are_off(case: Case, tenfold: Tenfold, tmp_path: Path) -> None:
    values = case.reported.values | {"workdir": str(tmp_path / "run"), "dedup": case.reported.values["dedup"] | {"forks": None}}
    tenfold.run(write_config(tmp_path / "config.yaml", values))
    assert manifest(tmp_path / "run", "forks")["files"] == []
    assert "Forks" not in (tmp_path / "run" / "report.html").read_text()
    assert verify(str(tmp_path / "run"), progress=lambda line: None) == []


def test_verify_finds_a_document_that_did_not_go_with_its_fork(case: Case, tmp_path: Path) -> None:
    workdir = Path(shutil.copytree(case.dropped.workdir, tmp_path / "run"))
    path = first_file(workdir, "survivors", holding="stubs")
    place = pq.read_table(path)["fork_of"].is_valid().to_pylist().index(True)
    rewrite(path, replace("fork_of", place, lambda origin: origin + 1))
    [fault] = verify(str(workdir), progress=lambda line: None)
    assert fault == f"survivors/{path.name}: fork_of of 1 documents is not what forks/ says of their repositories"
