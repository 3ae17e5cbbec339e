"""A second run does what changed, and nothing else."""

import copy
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.conftest import Death, Run, Tenfold
from tests.corpus import Corpus, mixture, write_config, write_parquet
from tests.jobs.workdirs import JOBS, MANIFEST, all_outputs, assert_same, leftovers, manifest, outputs, stamp

PACK = ("pack-plan", "pack")


class Again:
    """A copy of the finished run, to be run again with a changed config."""

    def __init__(self, whole: Run, folder: Path, tenfold: Tenfold) -> None:
        self.workdir = folder / "run"
        shutil.copytree(whole.workdir, self.workdir)
        self.values = copy.deepcopy(whole.values) | {"workdir": str(self.workdir)}
        self._before = {job: outputs(self.workdir, job) for job in JOBS}
        self._config, self._tenfold = folder / "config.yaml", tenfold

    def run(self, *, die: Death | None = None) -> int:
        return self._tenfold("run", write_config(self._config, self.values), die=die).status

    def jobs_with_new_files(self) -> list[str]:
        return [job for job in JOBS if outputs(self.workdir, job) != self._before[job]]

    def stays(self, job: str) -> set[str]:
        """The items whose files are those of the first run."""
        after = outputs(self.workdir, job)
        return {name.partition("/")[2].rpartition("-")[0] for name, mark in self._before[job].items() if after.get(name) == mark}


@pytest.fixture
def again(whole: Run, tmp_path: Path, tenfold: Tenfold) -> Again:
    return Again(whole, tmp_path, tenfold)


def test_a_second_run_writes_no_file_of_any_dataset(again: Again, whole: Run) -> None:
    data = [path for path in again.workdir.rglob("*") if path.is_file() and path.name != MANIFEST and path.parent != again.workdir]
    before = {path: stamp(path) for path in data}
    assert again.run() == 0
    assert {path: stamp(path) for path in data} == before
    assert_same(again.workdir, whole.workdir)


def test_another_mixture_packs_again_and_does_nothing_else(again: Again) -> None:
    again.values["mixture"] = mixture(archives=1, stdlib=1, trees=1, web=3, notes=1)
    assert again.run() == 0
    assert again.jobs_with_new_files() == list(PACK)
    assert leftovers(again.workdir) == []


def test_another_sequence_length_packs_again_and_does_nothing_else(again: Again) -> None:
    again.values["packing"] = {"sequence_length": 128, "sequences_per_shard": 900, "parquet": False}
    assert again.run() == 0
    assert again.jobs_with_new_files() == list(PACK)


def test_the_old_mixture_after_another_one_gives_the_old_bytes(again: Again, whole: Run) -> None:
    again.values["mixture"] = mixture(archives=1, stdlib=1, trees=1, web=3, notes=1)
    assert again.run() == 0
    again.values["mixture"] = whole.values["mixture"]
    assert again.run() == 0
    assert_same(again.workdir, whole.workdir)


@pytest.mark.parametrize("where", ["/sequences/", "/sequences/manifest.json", "/segments/manifest.json"])
def test_another_mixture_that_is_killed_on_its_way_leaves_a_dataset_that_is_whole_and_ends_as_if_it_was_not(
    where: str, again: Again, tmp_path: Path, whole: Run, tenfold: Tenfold
) -> None:
    again.values["mixture"] = mixture(archives=1, stdlib=1, trees=1, web=3, notes=1)
    assert again.run(die=Death(where)) == -9
    # A reader follows the manifest, whichever of the two it is, to files that are there.
    for dataset in ("sequences", "segments", "tokens"):
        for file in manifest(again.workdir, dataset)["files"]:
            assert (again.workdir / dataset / file["name"]).stat().st_size == file["num_bytes"]
    assert again.run() == 0
    fresh = tmp_path / "fresh"
    shutil.copytree(whole.workdir, fresh)
    tenfold.run(write_config(tmp_path / "fresh.yaml", again.values | {"workdir": str(fresh)}))
    assert_same(again.workdir, fresh)


@pytest.mark.parametrize("where", ["/documents/", "/decisions/", "/survivors/"])
def test_old_files_that_are_killed_off_half_way_are_gone_after_the_next_run(where: str, again: Again) -> None:
    """Dies while it removes what the new manifest no longer names."""
    again.values["sources"]["stdlib"]["curation"] = ["starcoder2"]
    assert again.run(die=Death(str(again.workdir) + where, 2, "os.remove")) == -9
    assert again.run() == 0
    for dataset in ("documents", "decisions", "signatures", "nodes", "edges", "survivors", "tokens", "runs", "sequences", "segments"):
        named = {file["name"] for file in manifest(again.workdir, dataset)["files"]} | {MANIFEST}
        assert {path.name for path in (again.workdir / dataset).iterdir()} == named


def test_another_threshold_judges_that_source_again_and_keeps_the_tokens_of_units_that_it_leaves_as_they_were(
    whole: Run, tmp_path: Path, tenfold: Tenfold
) -> None:
    given = {"tokenizer": {"model": str(next((whole.workdir / "tokenizer").glob("*.model")))}}
    first = Run(tmp_path / "first", tmp_path / "first.yaml", copy.deepcopy(whole.values) | given)
    shutil.copytree(whole.workdir, first.workdir)
    tenfold.run(write_config(first.config, first.values | {"workdir": str(first.workdir)}))

    again = Again(first, tmp_path, tenfold)
    again.values["sources"]["web"]["curation"] = [{"gopher_quality": {"min_words": 80, "split_marks": False}}]
    assert again.run() == 0
    units = {unit for unit, source in manifest(again.workdir, "documents")["units"].items() if source != "web"}
    assert again.stays("curate") == units
    assert manifest(first.workdir, "documents")["counts"]["web"] != manifest(again.workdir, "documents")["counts"]["web"]
    # What web lost was nobody's better copy, so nobody else's survivors change.
    assert units <= again.stays("tokenize")
    assert again.stays("tokenizer") == {"tokenizer"}


def test_a_share_of_broken_records_that_is_allowed_changes_no_file(again: Again) -> None:
    again.values["sources"]["web"]["max_broken_fraction"] = 0.5
    assert again.run() == 0
    assert again.jobs_with_new_files() == []


def test_another_order_of_the_sources_decides_duplicates_again_and_judges_nothing_again(again: Again) -> None:
    again.values["sources"] = dict(reversed(again.values["sources"].items()))
    assert again.run() == 0
    assert "curate" not in again.jobs_with_new_files()
    assert "dedupe" in again.jobs_with_new_files()


def test_a_new_shard_is_curated_alone_and_changes_no_id(again: Again, corpus: Corpus, tmp_path: Path) -> None:
    raw = tmp_path / "stdlib"
    shutil.copytree(corpus.root / "stdlib", raw)
    again.values["sources"]["stdlib"]["path"] = str(raw)
    assert again.run() == 0
    assert again.jobs_with_new_files() == [], "a source at another place is the same source"

    ids = _places(again.workdir)
    write_parquet(raw / "more.parquet", [(f"new{i}.py", f"value = {i}\n".encode() * 40) for i in range(9)])
    assert again.run() == 0
    assert ids.items() <= _places(again.workdir).items()
    units = manifest(again.workdir, "decisions")["units"]
    others = {unit for unit, source in units.items() if source != "stdlib"}
    stayed = again.stays("curate")
    assert others <= stayed
    assert len(set(units) - stayed) <= 2, "more than the new file's unit and the one that it was inserted into"


def _places(workdir: Path) -> dict[tuple[str, str, int], int]:
    """The id of every place."""
    found = {}
    described = manifest(workdir, "decisions")
    for file in described["files"]:
        table = pq.read_table(workdir / "decisions" / file["name"], columns=["container", "row", "id"]).to_pylist()
        found |= {(described["units"][file["item"]], row["container"], row["row"]): row["id"] for row in table}
    return found


@pytest.mark.parametrize("dataset", ["signatures", "nodes", "survivors", "tokens", "positions", "sequences", "segments"])
def test_a_file_that_was_lost_or_cut_is_written_again(dataset: str, again: Again, whole: Run) -> None:
    first, *_, last = (again.workdir / dataset / file["name"] for file in manifest(again.workdir, dataset)["files"])
    first.unlink()
    last.write_bytes(last.read_bytes()[:-100])
    assert again.run() == 0
    assert_same(again.workdir, whole.workdir)


def test_a_workdir_that_was_moved_is_still_done(again: Again, whole: Run) -> None:
    assert again.run() == 0
    assert again.jobs_with_new_files() == []
    assert set(all_outputs(again.workdir)) == set(all_outputs(whole.workdir))


def _with(values: dict[str, Any], *keys: str, value: Any) -> None:
    for key in keys[:-1]:
        values = values[key]
    values[keys[-1]] = value


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("dedup", "near", "num_permutations"), 8192),
        (("dedup", "near", "ngram_tokens"), 3),
        (("dedup", "near"), None),
        (("sources", "extra"), {"path": "/elsewhere", "kind": "code"}),
    ],
)
def test_dedupe_alone_refuses_what_curate_made_for_another_config(
    keys: tuple[str, ...], value: Any, again: Again, tmp_path: Path, tenfold: Tenfold
) -> None:
    _with(again.values, *keys, value=value)
    finished = tenfold("dedupe", write_config(tmp_path / "config.yaml", again.values))
    assert finished.status == 1, finished.output
    assert finished.output.startswith("error: signatures/ ")
    assert "again (tenfold run CONFIG does)" in finished.output


def test_tokenize_refuses_survivors_of_other_documents(again: Again, tmp_path: Path, tenfold: Tenfold) -> None:
    again.values["sources"]["web"]["curation"] = []
    config = write_config(tmp_path / "config.yaml", again.values)
    assert tenfold("curate", config).status == 0
    refused = tenfold("tokenize", config)
    assert refused.status == 1
    assert "run dedupe" in refused.output
    assert tenfold("dedupe", config).status == 0
    assert tenfold("tokenize", config).status == 0
