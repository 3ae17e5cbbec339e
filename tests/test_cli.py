"""The command line: its help, its exit statuses, and the commands that only look."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import Run, Tenfold
from tests.corpus import Corpus, write_config
from tests.jobs.workdirs import assert_same, leftovers, manifest

COMMANDS = {
    "init": "PATH...",
    "run": "CONFIG",
    "curate": "CONFIG",
    "dedupe": "CONFIG",
    "tokenize": "CONFIG",
    "pack": "CONFIG",
    "plan": "CONFIG",
    "report": "WORKDIR",
    "rethreshold": "WORKDIR",
    "verify": "WORKDIR",
    "train": "CONFIG",
    "schema": "",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str, tenfold: Tenfold) -> None:
    shown = tenfold(command, "--help")
    assert shown.status == 0
    assert f"tenfold {command}" in shown.output
    assert COMMANDS[command] in shown.output
    assert command in tenfold("--help").output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["packk", "x.yaml"], "No such command"),
        (["run"], "CONFIG"),
        (["run", "x.yaml", "--wokers", "2"], "--wokers"),
        (["run", "x.yaml", "--workers", "0"], "--workers"),
        (["run", "/no/such/config.yaml"], "/no/such/config.yaml: No such file or directory: give the path of a YAML config"),
    ],
)
def test_wrong_usage_has_status_2(arguments: list[str], words: str, tenfold: Tenfold) -> None:
    finished = tenfold(*arguments)
    assert finished.status == 2
    assert words in finished.output
    assert "Traceback" not in finished.output


def test_schema_prints_what_an_editor_can_use(tenfold: Tenfold) -> None:
    printed = json.loads(tenfold("schema").output)
    assert {"workdir", "sources", "mixture"} <= set(printed["properties"])


def test_plan_shows_what_each_source_gives_and_packs_nothing(whole: Run, tmp_path: Path, tenfold: Tenfold) -> None:
    shutil.copytree(whole.workdir, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "sequences")
    shown = tenfold("plan", whole.config, "--workdir", tmp_path / "run")
    assert shown.status == 0, shown.output
    for source, num_sequences in manifest(whole.workdir, "sequences")["num_sequences_by_source"].items():
        (line,) = [line.split() for line in shown.output.splitlines() if line.split()[:1] == [source]]
        assert f"{num_sequences * whole.values['packing']['sequence_length']:,}" in line
    assert not (tmp_path / "run" / "sequences").exists()


def test_plan_shows_the_steps_before_anything_ran_and_says_what_the_rest_needs(corpus: Corpus, tmp_path: Path, tenfold: Tenfold) -> None:
    config = write_config(tmp_path / "config.yaml", corpus.config(tmp_path / "run"))
    shown = tenfold("plan", config)
    assert shown.status == 0, shown.output
    assert "few_lines" in shown.output
    assert f"tenfold tokenize {config}" in shown.output
    assert not (tmp_path / "run").exists()


def test_report_writes_the_page_again_as_it_was(whole: Run, tmp_path: Path, tenfold: Tenfold) -> None:
    shutil.copytree(whole.workdir, tmp_path / "run")
    for name in ("report.html", "stats.json"):
        (tmp_path / "run" / name).unlink()
    assert tenfold("report", tmp_path / "run").status == 0
    assert_same(tmp_path / "run", whole.workdir)


def test_verify_finds_a_finished_run_whole_and_a_changed_byte_in_it(whole: Run, tmp_path: Path, tenfold: Tenfold) -> None:
    shutil.copytree(whole.workdir, tmp_path / "run")
    checked = tenfold("verify", tmp_path / "run")
    assert (checked.status, "everything holds" in checked.output) == (0, True), checked.output
    path = next((tmp_path / "run" / "segments").glob("*.parquet"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    checked = tenfold("verify", tmp_path / "run")
    assert checked.status == 1
    assert path.name in checked.output
    assert "Traceback" not in checked.output


def test_beams_own_options_come_after_two_dashes_and_a_workdir_may_be_given(corpus: Corpus, tmp_path: Path, tenfold: Tenfold) -> None:
    config = write_config(tmp_path / "config.yaml", corpus.config(tmp_path / "not here"))
    finished = tenfold("curate", config, "--workdir", tmp_path / "here", "--", "--runner=DirectRunner")
    assert finished.status == 0, finished.output
    assert manifest(tmp_path / "here", "documents")["files"]
    assert leftovers(tmp_path / "here") == []
    assert not (tmp_path / "not here").exists()


def test_a_run_says_what_it_does_and_where_the_report_is(corpus: Corpus, tmp_path: Path, tenfold: Tenfold) -> None:
    output = tenfold.run(write_config(tmp_path / "config.yaml", corpus.config(tmp_path / "run"))).output
    stages = [line.partition(":")[0] for line in output.splitlines() if not line.startswith(" ")]
    assert stages == ["curate", "cut", "dedupe", "tokenizer", "tokenize", "pack", "report"]
    assert output.splitlines()[-1] == f"report: {tmp_path}/run/report.html"
    again = tenfold.run(tmp_path / "config.yaml").output
    num_items = len(manifest(tmp_path / "run", "documents")["files"])
    assert f"curate: {num_items} items, {num_items} of them done before" in again
