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


@pytest.mark.parametrize(
    "death",
    [Death("/removals/", 3), *(pytest.param(Death(where), marks=pytest.mark.slow) for where in ("/removals/manifest.json", "/positions/"))],
)
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


def texts(workdir: Path) -> dict[int, str | None]:
    return {row["id"]: row["text"] for row in read(workdir, "documents", ["id", "text"]).to_pylist()}


def assert_purged(takedown: Takedown, before: dict[int, str | None]) -> None:
    """Removed texts and tokens are gone, others are there, the laws hold, and another run does nothing."""
    after = texts(takedown.workdir)
    assert after == {id: None if id in takedown.removed else text for id, text in before.items()}
    tokens = read(takedown.workdir, "tokens", ["id", "tokens"]).to_pylist()
    assert all((row["tokens"] is None) == (row["id"] in takedown.removed) for row in tokens)
    assert leftovers(takedown.workdir) == []
    for dataset in ("documents", "tokens"):
        named = {file["name"] for file in manifest(takedown.workdir, dataset)["files"]} | {"manifest.json"}
        assert {path.name for path in (takedown.workdir / dataset).iterdir()} == named
    verified = takedown.tenfold("verify", takedown.workdir)
    assert verified.status == 0, verified.output
    held = {job: outputs(takedown.workdir, job) for job in JOBS}
    manifests = {dataset: manifest(takedown.workdir, dataset) for dataset in ("documents", "tokens")}
    assert takedown.run() == 0
    assert {job: outputs(takedown.workdir, job) for job in JOBS} == held
    assert {dataset: manifest(takedown.workdir, dataset) for dataset in manifests} == manifests


def test_a_purge_deletes_texts_and_tokens_and_all_that_was_made_stands(takedown: Takedown) -> None:
    before = texts(takedown.workdir)
    assert takedown.run() == 0
    assert takedown.tenfold("purge", takedown.workdir).status == 0
    assert_purged(takedown, before)
    told = takedown.tenfold("explain", takedown.workdir, "--document", str(min(takedown.removed)))
    assert told.status == 0, told.output
    assert "opt-outs.txt, line " in told.output
    # Purged twice, and with one entry more.
    listing = snapshot(takedown.workdir)
    assert takedown.tenfold("purge", takedown.workdir).status == 0
    assert snapshot(takedown.workdir) == listing
    takedown.list.write_text(takedown.list.read_text() + "repository: project-2\n")
    takedown.removed |= {
        row["id"]
        for row in read(takedown.workdir, "decisions", ["id", "repository", "verdict"]).to_pylist()
        if row["repository"] == "project-2" and row["verdict"] == "kept"
    }
    assert takedown.run() == 0
    assert takedown.tenfold("purge", takedown.workdir).status == 0
    assert_purged(takedown, before)


@pytest.mark.parametrize(
    "death",
    [
        Death("/_done/curate/", 2),
        Death("/documents/", 1, "os.remove"),
        pytest.param(Death("/documents/", 2), marks=pytest.mark.slow),
        pytest.param(Death("/_done/curate/"), marks=pytest.mark.slow),
        pytest.param(Death("/documents/manifest.json"), marks=pytest.mark.slow),
        pytest.param(Death("/tokens/manifest.json"), marks=pytest.mark.slow),
        pytest.param(Death("/tokens/", 2, "os.remove"), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_purge_that_is_killed_goes_on(death: Death, takedown: Takedown) -> None:
    before = texts(takedown.workdir)
    assert takedown.run() == 0
    killed = takedown.tenfold("purge", takedown.workdir, die=death)
    assert killed.status == -9, killed.output
    assert takedown.tenfold("verify", takedown.workdir).status == 0
    assert takedown.tenfold("purge", takedown.workdir).status == 0
    assert_purged(takedown, before)


def test_a_run_between_a_killed_purge_and_the_next_finds_whole_files(takedown: Takedown) -> None:
    before = texts(takedown.workdir)
    assert takedown.run() == 0
    held = {job: outputs(takedown.workdir, job) for job in JOBS}
    assert takedown.tenfold("purge", takedown.workdir, die=Death("/_done/curate/", 2)).status == -9
    assert takedown.run() == 0
    assert [job for job in JOBS if outputs(takedown.workdir, job) != held[job]] == ["curate"]  # what the purge wrote
    assert takedown.tenfold("purge", takedown.workdir).status == 0
    assert_purged(takedown, before)


def test_what_was_purged_cannot_be_packed_and_a_purge_waits_for_pack(takedown: Takedown) -> None:
    entries = takedown.list.read_text()
    assert takedown.run() == 0
    assert takedown.tenfold("purge", takedown.workdir).status == 0
    takedown.list.write_text("")
    config = write_config(takedown.config, takedown.values)
    packed = takedown.tenfold("run", config)
    assert packed.status == 1
    assert "put their entries back" in packed.output
    takedown.list.write_text(entries + "repository: project-2\n")
    assert takedown.run(die=Death("/runs/")) == -9
    early = takedown.tenfold("purge", takedown.workdir)
    assert early.status == 1
    assert "run pack first" in early.output


def test_another_tokenizer_after_a_purge_is_trained_on_what_is_left_and_packs_nothing_that_was_purged(takedown: Takedown) -> None:
    assert takedown.run() == 0
    assert takedown.tenfold("purge", takedown.workdir).status == 0
    takedown.values["tokenizer"]["vocab_size"] += 20
    assert takedown.run() == 0
    tokens = read(takedown.workdir, "tokens", ["id", "tokens", "num_tokens"]).to_pylist()
    assert {row["id"] for row in tokens if row["tokens"] is None} == takedown.removed & {row["id"] for row in tokens}
    assert {row["num_tokens"] for row in tokens if row["tokens"] is None} == {0}
    takedown.values["removals"]["files"] = []
    withdrawn = takedown.tenfold("run", write_config(takedown.config, takedown.values))
    assert withdrawn.status == 1
    assert "purged" in withdrawn.output


def test_what_a_list_says_of_its_entries_packs_nothing_anew(takedown: Takedown) -> None:
    assert takedown.run() == 0
    before = outputs(takedown.workdir, "pack")
    takedown.list.write_text(f"# a comment\nrepository: nobody/nothing\n{takedown.list.read_text()}")
    assert takedown.run() == 0
    assert outputs(takedown.workdir, "pack") == before
