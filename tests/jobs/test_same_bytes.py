"""What the bytes of a run may not depend on, and what they may."""

import copy
import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run, Tenfold
from tests.corpus import Corpus, write_config
from tests.jobs.datasets import Datasets
from tests.jobs.workdirs import MANIFEST, all_outputs, assert_same, manifest


@pytest.fixture
def run(corpus: Corpus, tmp_path: Path, tenfold: Tenfold) -> Callable[..., Datasets]:
    """A run of the corpus with some of the config's sections replaced."""

    def make(name: str = "run", **changes: Any) -> Datasets:
        values = copy.deepcopy(corpus.config(tmp_path / name)) | changes
        tenfold.run(write_config(tmp_path / f"{name}.yaml", values))
        return Datasets(tmp_path / name, values)

    return make


def _contents(workdir: Path, dataset: str) -> list[str]:
    """The files' checksums in their order, whatever their names are."""
    return [hashlib.sha256((workdir / dataset / file["name"]).read_bytes()).hexdigest() for file in manifest(workdir, dataset)["files"]]


def test_another_process_and_another_workdir_give_the_same_bytes(whole: Run, run: Callable[..., Datasets]) -> None:
    assert_same(run("somewhere else").workdir, whole.workdir)


def test_units_of_another_size_give_the_same_stream(whole: Run, run: Callable[..., Datasets]) -> None:
    """A unit is a piece of work, and no part of an id, a duplicate's fate, an order or a sequence."""
    given = {"model": str(next((whole.workdir / "tokenizer").glob("*.model")))}
    large, small = run(unit_bytes=1 << 24, tokenizer=given), Datasets(whole.workdir, whole.values)
    assert len(manifest(large.workdir, "documents")["files"]) < len(manifest(whole.workdir, "documents")["files"])
    assert large.decisions == small.decisions
    assert large.survivors == small.survivors
    for dataset in ("sequences", "segments"):
        assert _contents(large.workdir, dataset) == _contents(whole.workdir, dataset)


def test_another_seed_changes_choices_and_nothing_that_was_judged(whole: Run, run: Callable[..., Datasets]) -> None:
    other, mine = run(seed=2), Datasets(whole.workdir, whole.values)
    assert other.decisions == mine.decisions
    assert _contents(other.workdir, "documents") == _contents(whole.workdir, "documents")
    order, other_order = ([segment["id"] for segment in each.segments] for each in (mine, other))
    assert order != other_order


def test_without_near_duplicates_copies_alone_fall(run: Callable[..., Datasets]) -> None:
    data = run(dedup={"near": None})
    texts = Counter(data.texts.values())
    kept = [data.texts[id] for id, survivor in data.survivors.items() if survivor["kept"]]
    assert sorted(kept) == sorted(texts)
    for id, survivor in data.survivors.items():
        assert survivor["copies"] == texts[data.texts[id]]
        if not survivor["kept"]:
            assert data.texts[survivor["duplicate_of"]] == data.texts[id]
            assert survivor["similarity"] == 1


def test_no_output_names_a_place_on_this_machine(whole: Run, corpus: Corpus) -> None:
    for name in all_outputs(whole.workdir):
        data = (whole.workdir / name).read_bytes()
        assert str(whole.workdir).encode() not in data
        assert str(corpus.root).encode() not in data
    for path in [*whole.workdir.glob(f"*/{MANIFEST}"), *whole.workdir.glob("_done/*/*"), *whole.workdir.glob("*.*")]:
        assert str(corpus.root) not in path.read_text()
