"""A run that is killed at any moment goes on where it was, and ends with the bytes of one that was not."""

from pathlib import Path

import pytest

from tests.conftest import Death, Run, Tenfold
from tests.corpus import Corpus, write_config
from tests.jobs.workdirs import all_outputs, assert_same

# In the order of a run, so that one workdir can be killed at each of them. A death is just before the file gets its name.
CURATE = [
    Death("/documents/", 2),
    Death("/signatures/.tmp", 3, "open"),
    Death("/decisions/", 5),
    Death("/_done/curate/", 6),
    Death("/decisions/manifest.json"),
]
DEDUPE = [
    Death("/nodes/", 4),
    Death("/_spill/", 7, "open"),
    Death("/edges/", 2),
    Death("/pairs/"),
    Death("/wanted/", 3),
    Death("/verified/"),
    Death("/survivors/", 1),
    Death("/_done/dedupe/", 5),
    Death("/edges/manifest.json"),
]
TOKENIZE = [Death("/tokenizer/", 1), Death("/tokens/.tmp", 2, "open"), Death("/_done/tokenize/", 6), Death("/tokens/manifest.json")]
PACK = [
    Death("/deviation/"),
    Death("/runs/", 7),
    Death("/positions/", 3),
    Death("/sequences/.tmp", 4, "open"),
    Death("/segments/", 2),
    Death("/_done/pack/", 4),
    Death("/segments/manifest.json"),
]


@pytest.mark.parametrize("deaths", [CURATE, DEDUPE, TOKENIZE, PACK], ids=["curate", "dedupe", "tokenize", "pack"])
def test_a_job_that_is_killed_again_and_again_writes_the_bytes_of_one_that_was_not(
    deaths: list[Death], corpus: Corpus, whole: Run, tenfold: Tenfold, tmp_path: Path
) -> None:
    workdir = tmp_path / "run"
    config = write_config(tmp_path / "config.yaml", corpus.config(workdir))
    for death in deaths:
        before = all_outputs(workdir)
        finished = tenfold("run", config, die=death)
        assert finished.status == -9, f"{death} never came: {finished.output}"
        after = all_outputs(workdir)
        assert before.items() <= after.items(), f"done again before {death}"
    before = all_outputs(workdir)
    tenfold.run(config)
    assert before.items() <= all_outputs(workdir).items(), "done again by the last run"
    assert_same(workdir, whole.workdir)


@pytest.mark.slow
def test_a_run_that_is_killed_at_every_seventh_commit_gets_to_its_end(corpus: Corpus, whole: Run, tenfold: Tenfold, tmp_path: Path) -> None:
    workdir = tmp_path / "run"
    config = write_config(tmp_path / "config.yaml", corpus.config(workdir))
    num_done = 0
    while (finished := tenfold("run", config, die=Death(f"{workdir}/_done/", 7))).status == -9:
        before, num_done = num_done, len(list(workdir.glob("_done/*/[!.]*.json")))
        assert num_done == before + 6
    assert finished.status == 0, finished.output
    assert_same(workdir, whole.workdir)


@pytest.mark.parametrize("where", ["/signatures/", "/edges/", pytest.param("/tokens/", marks=pytest.mark.slow), "/sequences/"])
def test_an_interrupt_stops_cleanly_and_the_next_run_goes_on(
    where: str, corpus: Corpus, whole: Run, tenfold: Tenfold, tmp_path: Path
) -> None:
    workdir = tmp_path / "run"
    config = write_config(tmp_path / "config.yaml", corpus.config(workdir))
    stopped = tenfold("run", config, die=Death(where, 2, name="SIGINT"))
    assert stopped.status == 130
    assert "stopped; the same command goes on from here" in stopped.output
    assert "Traceback" not in stopped.output
    before = all_outputs(workdir)
    tenfold.run(config)
    assert before.items() <= all_outputs(workdir).items()
    assert_same(workdir, whole.workdir)
