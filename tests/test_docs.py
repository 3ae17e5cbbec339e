"""What the README and the docs tell a user to type is what there is."""

import re
import shlex
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
import yaml
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.config import RunConfig
from pipeline.curation.curate import curate
from pipeline.curation.optout import RemovalParams, read_entries, removals
from pipeline.curation.redact import RedactParams
from pipeline.curation.redaction.spans import KINDS
from pipeline.curation.steps import StepSpec, build_steps
from pipeline.dedup.params import NearParams, standard_error
from pipeline.dedup.undecided import MAX_CHECKS
from pipeline.schema import RAW
from tests.conftest import Run
from tests.curation.contamination import humaneval, humaneval_file, write_jsonl
from tests.curation.test_curate import raw

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


def calls(page: Path) -> list[list[str]]:
    """The words of every `tenfold ...` in code."""
    code = [*blocks(page, ""), *blocks(page, "bash"), *re.findall(r"`([^`\n]+)`", page.read_text())]
    lines = [line.split("#")[0] for text in code for line in text.splitlines()]
    return [shlex.split(line)[1:] for line in lines if re.match("tenfold [a-z]", line)]


def _command(name: str, words: list[str]) -> Any:
    """A command, or a group's command if the words go on with it."""
    command = COMMANDS[name]
    return command.commands[words[0]] if words and hasattr(command, "commands") else command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_in_the_docs_exists(page: Path) -> None:
    for command, *words in calls(page):
        ours = words[: words.index("--")] if "--" in words else words
        known = {option for parameter in _command(command, words).params for option in parameter.opts}
        assert {word for word in ours if word.startswith("--")} <= known, f"tenfold {command} {words}"


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text()
    assert [command for command in COMMANDS if f"`{command}`" not in text and f"tenfold {command}" not in text] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs/config.md"], ids=lambda page: page.name)
def test_the_configs_in_the_docs_are_valid(page: Path) -> None:
    values: dict[str, Any] = {}
    for text in blocks(page, "yaml"):
        values |= {key: value for key, value in yaml.safe_load(text).items() if value != {"...": None}}
    values.setdefault("workdir", "run")
    jsonschema.validate(values, RunConfig.model_json_schema())
    assert list(RunConfig.model_validate(values).sources) == list(values["sources"])


def test_the_config_page_shows_every_section() -> None:
    shown = {key for text in blocks(ROOT / "docs/config.md", "yaml") for key in yaml.safe_load(text)}
    assert shown == set(RunConfig.model_fields)


def test_the_records_page_reads_a_record(whole: Run) -> None:
    (code,) = blocks(ROOT / "docs/records.md", "python")
    shard = next((whole.workdir / "sequences").glob("*.arrayrecord"))
    names: dict[str, Any] = {}
    exec(re.sub(r"run/sequences/[^\"]*", str(shard), code), names)
    assert int(names["record"].segment_lengths.sum()) == len(names["record"].tokens)


def test_the_demo_config_fits_the_schema_that_editors_get() -> None:
    jsonschema.validate(yaml.safe_load((ROOT / "mixtures/demo.yaml").read_text()), RunConfig.model_json_schema())


def test_every_make_target_in_the_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {target for page in PAGES for target in re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(), re.M)}
    assert named
    assert named <= targets


def test_the_readmes_query_answers_on_a_run(whole: Run) -> None:
    (query,) = blocks(ROOT / "README.md", "sql")
    rows = duckdb.sql(query.replace("'run/", f"'{whole.workdir}/")).fetchall()
    assert rows
    assert all(reason and count > 0 for reason, count, _ in rows)


def test_the_decontamination_page_from_a_benchmark_to_the_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = ROOT / "docs/decontamination.md"
    monkeypatch.chdir(tmp_path)
    Path("HumanEval.jsonl.gz").write_bytes(humaneval_file().read_bytes())
    question = "How many apples are left of the seven if three of them are eaten?"
    write_jsonl(Path("gsm8k_test.jsonl"), [{"question": question, "answer": "4"}])
    write_jsonl(Path("quiz.jsonl"), [{"question": "What is it?", "choices": ["this", "that"], "explanation": "", "meta": {"id": 17}}])
    for arguments in calls(page):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
    (config,) = blocks(page, "yaml")
    [steps] = [source["curation"] for source in yaml.safe_load(config)["sources"].values()]
    texts: list[str | None] = [humaneval()[12]["prompt"], f"# {question}", "nothing"]
    decisions = curate(raw(texts), build_steps([StepSpec.model_validate(step) for step in steps])).decisions
    Path("run/decisions").mkdir(parents=True)
    pq.write_table(pa.Table.from_batches([decisions]), "run/decisions/unit.parquet")
    (query,) = blocks(page, "sql")
    assert sorted(duckdb.sql(query).fetchall()) == [("GSM8K/0", 1, 1.0), ("HumanEval/12", 1, 1.0)]


def test_the_sources_on_the_page_of_licences_are_valid() -> None:
    (text,) = blocks(ROOT / "docs/licences.md", "yaml")
    values = yaml.safe_load(text)
    mixture = {"groups": {"code": {"weight": 1, "sources": dict.fromkeys(values["sources"], 1)}}}
    config = RunConfig.model_validate(values | {"workdir": "run", "mixture": mixture})
    assert all(build_steps(source.curation) for source in config.sources.values())


def test_the_query_on_the_page_of_licences_answers(tmp_path: Path) -> None:
    (query,) = blocks(ROOT / "docs/licences.md", "sql")
    steps = build_steps([StepSpec(name="licence")])
    read = pa.RecordBatch.from_pylist([{"text": "# SPDX-License-Identifier: MPL-2.0"}, {"text": "x", "licences": ["MIT"]}], RAW)
    pq.write_table(pa.Table.from_batches([curate(read, steps).decisions]), tmp_path / "one.parquet")
    pq.write_table(pa.Table.from_batches([curate(read, []).decisions]), tmp_path / "two.parquet")
    assert duckdb.sql(query.replace("run/decisions", str(tmp_path))).fetchall() == [(["MPL-2.0"], 2.0, 1, 34)]


def test_the_page_of_redaction_shows_what_a_run_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = ROOT / "docs/redaction.md"
    (config,) = blocks(page, "yaml")
    [steps] = [source["curation"] for source in yaml.safe_load(config)["sources"].values()]
    text = 'mail = "joe@x.org"  # or jane@x.org, AKIA2E0A8F3B244C9986\n'
    decisions = curate(raw([text, "joe@x.org"]), build_steps([StepSpec.model_validate(step) for step in steps])).decisions
    monkeypatch.chdir(tmp_path)
    Path("run/decisions").mkdir(parents=True)
    pq.write_table(pa.Table.from_batches([decisions]), "run/decisions/unit.parquet")
    (query,) = blocks(page, "sql")
    assert duckdb.sql(query).fetchall() == [("email", 3, 2), ("aws_access_key", 1, 1)]


def test_the_page_of_redaction_names_every_kind_and_param() -> None:
    text = (ROOT / "docs/redaction.md").read_text()
    assert [name for name in RedactParams.model_fields if f"`{name}`" not in text] == []
    assert [kind for kind in KINDS[KINDS.index("private_key") :] if f"`{kind}`" not in text] == []


def test_the_page_of_duplicates_has_the_params_and_their_figures() -> None:
    text, near = (ROOT / "docs/dedup.md").read_text(), NearParams()
    assert [name for name in NearParams.model_fields if f"`{name}`" not in text] == ["seed"]
    for figure in (f"{near.candidate_similarity:.2f} to {near.sure_similarity:.2f}", f"{standard_error(0.7, 252):.3f}", f"{MAX_CHECKS}"):
        assert figure in text
    assert [picture for picture in re.findall(r"\]\((.*?\.svg)\)", text) if not (ROOT / "docs" / picture).exists()] == []


def test_the_query_of_the_page_of_duplicates_answers_on_a_run(whole: Run) -> None:
    (query,) = blocks(ROOT / "docs/dedup.md", "sql")
    survivors = f"'{whole.workdir}/survivors/*.parquet'"
    rows = duckdb.sql(query.replace("'run/survivors/*.parquet'", survivors)).fetchall()
    assert rows == sorted(rows, key=lambda row: row[0])
    assert len(rows) == min(20, duckdb.sql(f"SELECT count(*) FILTER (is_exact) FROM {survivors}").fetchall()[0][0])


def test_the_page_of_opt_outs_has_a_list_a_config_and_a_query_that_work(tmp_path: Path) -> None:
    page = ROOT / "docs/optout.md"
    path = tmp_path / "opt-outs.txt"
    path.write_text(next(text for text in blocks(page, "") if text.startswith("# opt-outs.txt")))
    entries = read_entries(RemovalParams(files=(str(path),)))
    assert entries.table["kind"].to_pylist() == ["repository", "user", "url", "sha256"]
    (text,) = blocks(page, "yaml")
    assert RemovalParams.model_validate(yaml.safe_load(text)["removals"]).files == ("opt-outs.txt",)
    rows = [{"repository": "ann/one"}, {"repository": "bob/two"}, {"path": "https://example.org/blog/1"}, {"path": "x.py"}]
    read = pa.RecordBatch.from_pylist([{"id": id, "text": "x", **row} for id, row in enumerate(rows)], RAW)
    pq.write_table(removals(pa.Table.from_batches([curate(read, []).decisions]), entries), tmp_path / "unit.parquet")
    (query,) = blocks(page, "sql")
    assert {row[1] for row in duckdb.sql(query.replace("run/removals", str(tmp_path))).fetchall()} == set(
        entries.table["entry"].to_pylist()[:3]
    )
