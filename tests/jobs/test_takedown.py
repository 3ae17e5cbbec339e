"""A takedown: an opt-out list, one pack, a purge."""

import copy
import hashlib
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Death, Run, Tenfold
from tests.corpus import write_config
from tests.jobs.workdirs import JOBS, leftovers, manifest, outputs, snapshot

PACK = ["pack-plan", "pack"]


class Takedown:
    """A copy of the finished run with an opt-out list: two repositories, a text by its sha256, and what is nowhere."""

    def __init__(self, whole: Run, folder: Path, tenfold: Tenfold) -> None:
        self.workdir, self.list, self.config = folder / "run", folder / "opt-outs.txt", folder / "config.yaml"
        shutil.copytree(whole.workdir, self.workdir)
        self.values = copy.deepcopy(whole.values) | {"workdir": str(self.workdir), "removals": {"files": [str(self.list)]}}
        self._tenfold = tenfold
        rows = read(self.workdir, "decisions", ["id", "verdict", "repository", "sha256"]).to_pylist()
        documents = read(self.workdir, "documents", ["id", "text"]).to_pylist()
        packed = set(read(self.workdir, "segments", ["id"])["id"].to_pylist())
        # A text that normalisation left alone, so that the file's bytes can be told from it.
        digests = {row["id"]: hashlib.sha256(row["text"].encode()).digest() for row in documents if row["id"] in packed}
        sha256 = next(row["sha256"] for row in rows if not row["repository"] and row["sha256"] == digests.get(row["id"], b""))
        repository = next(row["repository"] for row in rows if row["id"] in packed and (row["repository"] or "").startswith("someone/"))
        # By a plain reading of the list.
        self.removed = {
            row["id"]
            for row in rows
            if row["verdict"] == "kept" and (row["repository"] in ("project-1", repository) or row["sha256"] == sha256)
        }
        self.list.write_text(
            f"# of today\nrepository: project-1\nrepository: {repository.upper()}\nsha256: {sha256.hex()}\nrepository: no/where\n"
        )

    def run(self, *, die: Death | None = None) -> int:
        return self._tenfold("run", write_config(self.config, self.values), die=die).status

    def tenfold(self, *arguments: str | Path, die: Death | None = None) -> Any:
        return self._tenfold(*arguments, die=die)


def read(workdir: Path, dataset: str, columns: list[str]) -> pa.Table:
    files = [file["name"] for file in manifest(workdir, dataset)["files"] if file["name"].endswith(".parquet")]
    return pa.concat_tables([pq.read_table(workdir / dataset / name, columns=columns) for name in files])


@pytest.fixture
def takedown(whole: Run, tmp_path: Path, tenfold: Tenfold) -> Takedown:
    return Takedown(whole, tmp_path, tenfold)


def test_a_takedown_costs_one_pack_and_leaves_nothing_in_the_stream(takedown: Takedown, whole: Run) -> None:
    before = {job: outputs(takedown.workdir, job) for job in JOBS}
    assert takedown.removed & set(read(takedown.workdir, "segments", ["id"])["id"].to_pylist())
    assert takedown.run() == 0
    assert [job for job in JOBS if outputs(takedown.workdir, job) != before[job]] == PACK
    assert set(read(takedown.workdir, "removals", ["id"])["id"].to_pylist()) == takedown.removed
    assert not takedown.removed & set(read(takedown.workdir, "segments", ["id"])["id"].to_pylist())
    verified = takedown.tenfold("verify", takedown.workdir)
    assert verified.status == 0, verified.output
    # The law of tokens, from the rows.
    tokens = read(takedown.workdir, "tokens", ["id", "num_tokens"]).to_pylist()
    sources = manifest(takedown.workdir, "sequences")["counts"]["sources"].values()
    markers = 2 * len(tokens)
    assert sum(row["num_tokens"] for row in tokens) + markers == sum(s["trainable_tokens"] + s["removed_tokens"] for s in sources)
    assert sum(s["removed_tokens"] for s in sources) == sum(row["num_tokens"] + 2 for row in tokens if row["id"] in takedown.removed)
    # Without the list all is as it was.
    takedown.list.write_text("")
    assert takedown.run() == 0
    mine, its = snapshot(takedown.workdir), snapshot(whole.workdir)
    assert {name: mark for name, mark in mine.items() if mark != "folder"} == {name: mark for name, mark in its.items() if mark != "folder"}


def test_the_plan_counts_what_is_left(takedown: Takedown) -> None:
    config = write_config(takedown.config, takedown.values)
    planned = takedown.tenfold("plan", config)
    assert planned.status == 0, planned.output
    assert "Opt-out lists remove" in planned.output
    assert takedown.run() == 0
    for counts in manifest(takedown.workdir, "sequences")["counts"]["sources"].values():
        assert f"{counts['trainable_tokens']:,}" in planned.output


def test_an_entry_that_names_nothing_in_the_mixture_changes_no_sequence(takedown: Takedown) -> None:
    takedown.list.write_text("repository: no/where\n")
    before = {job: outputs(takedown.workdir, job) for job in JOBS}
    assert takedown.run() == 0
    assert {job: outputs(takedown.workdir, job) for job in JOBS} == before


def test_verify_tells_a_list_that_is_not_applied_yet(takedown: Takedown) -> None:
    assert takedown.run(die=Death("/runs/")) == -9
    found = takedown.tenfold("verify", takedown.workdir)
    assert found.status == 1
    assert "run pack again" in found.output


@pytest.mark.parametrize("death", [Death("/removals/", 3), Death("/removals/manifest.json"), Death("/positions/")])
def test_a_takedown_that_is_killed_goes_on(death: Death, takedown: Takedown, tmp_path: Path) -> None:
    assert takedown.run(die=death) == -9
    assert takedown.run() == 0
    assert leftovers(takedown.workdir) == []
    assert not takedown.removed & set(read(takedown.workdir, "segments", ["id"])["id"].to_pylist())


def test_a_line_that_is_no_entry_stops_the_run(takedown: Takedown) -> None:
    takedown.list.write_text("ann/one\n")
    assert takedown.run() == 2


def test_a_twin_is_kept_in_place_of_a_removed_document_when_dedupe_next_runs(takedown: Takedown) -> None:
    survivors = {row["id"]: row for row in read(takedown.workdir, "survivors", ["id", "duplicate_of", "similarity"]).to_pylist()}
    rows = read(takedown.workdir, "decisions", ["id", "repository", "path"]).to_pylist()
    repository_of = {row["id"]: row["repository"] for row in rows}
    keepers = Counter(row["duplicate_of"] for row in survivors.values())
    # Two documents of one text, of two repositories.
    twin = next(
        row
        for row in survivors.values()
        if row["similarity"] == 1
        and keepers[row["duplicate_of"]] == 1
        and repository_of[row["duplicate_of"]] not in (None, repository_of[row["id"]])
    )
    takedown.list.write_text(f"repository: {repository_of[twin['duplicate_of']]}\n")
    assert takedown.run() == 0
    assert {row["id"]: row for row in read(takedown.workdir, "survivors", ["id", "duplicate_of", "similarity"]).to_pylist()} == survivors
    takedown.values["dedup"]["near"]["max_bucket"] = 1999
    assert takedown.run() == 0
    kept = {row["id"]: row["duplicate_of"] for row in read(takedown.workdir, "survivors", ["id", "duplicate_of"]).to_pylist()}
    assert kept[twin["id"]] is None
    assert kept[twin["duplicate_of"]] == twin["id"]
    before = {job: outputs(takedown.workdir, job) for job in JOBS}
    takedown.list.write_text("")
    assert takedown.run() == 0
    assert [job for job in JOBS if outputs(takedown.workdir, job) != before[job]] == PACK
