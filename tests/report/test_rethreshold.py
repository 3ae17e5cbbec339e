"""`tenfold rethreshold` against runs with the thresholds that it is asked about."""

import io
import re
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipeline.params import RunError, UsageError
from pipeline.report.rethreshold import Answer, rethreshold
from pipeline.report.rethreshold_table import print_answers
from tests.conftest import Run, Tenfold
from tests.corpus import Corpus, write_config
from tests.jobs.workdirs import manifest

ASSIGNMENTS = [
    "starcoder2.max_mean_line_chars=31.5",
    "trees.starcoder2.max_lines=120",
    "tests.jobs.own_rules.few_lines.maximum=none",
    "gopher_quality.min_words=none",
    "gopher_quality.max_mean_word_chars=8",
]


def curated(corpus: Corpus, tmp_path: Path, tenfold: Tenfold, curation: dict[str, list[Any]]) -> dict[str, tuple[int, int]]:
    """(documents, characters) that curate keeps of each source."""
    values = corpus.config(tmp_path / "other")
    for source, steps in curation.items():
        values["sources"][source] |= {"curation": steps}
    finished = tenfold("curate", write_config(tmp_path / "other.yaml", values))
    assert finished.status == 0, finished.output
    counts = {}
    for source in values["sources"]:
        decisions = pq.read_table([tmp_path / "other/decisions" / name for name in names(tmp_path / "other", source)])
        kept = decisions.filter(pc.equal(decisions["verdict"], "kept"))
        counts[source] = kept.num_rows, pc.sum(kept["num_chars"]).as_py() or 0
    return counts


def names(workdir: Path, source: str) -> list[str]:
    record = manifest(workdir, "decisions")
    return [file["name"] for file in record["files"] if record["units"][file["item"]] == source]


def test_the_numbers_are_those_of_a_run_with_these_thresholds(whole: Run, corpus: Corpus, tmp_path: Path, tenfold: Tenfold) -> None:
    answers = rethreshold(str(whole.workdir), ASSIGNMENTS)
    counts = curated(
        corpus,
        tmp_path,
        tenfold,
        {
            "stdlib": [{"starcoder2": {"max_mean_line_chars": 31.5}}, {"tests.jobs.own_rules.few_lines": {"maximum": None}}],
            "trees": [{"starcoder2": {"max_mean_line_chars": 31.5, "max_lines": 120}}],
            "web": [{"gopher_quality": {"min_words": None, "max_mean_word_chars": 8, "split_marks": False}}],
        },
    )
    assert {source: (answer.counts.least, answer.counts.least_chars) for source, answer in answers.items()} == counts
    assert {source: (answer.counts.most, answer.counts.most_chars) for source, answer in answers.items()} == counts
    before = manifest(whole.workdir, "decisions")["counts"]
    assert {source: answer.counts.kept for source, answer in answers.items()} == {
        source: held["num_kept"] for source, held in before.items()
    }
    changed = {source for source, answer in answers.items() if answer.counts.least != answer.counts.kept}
    assert changed == {"stdlib", "trees", "web"}


def test_a_share_becomes_the_tightest_value_that_keeps_it(whole: Run) -> None:
    answer = rethreshold(str(whole.workdir), ["web.gopher_quality.min_mean_word_chars=40%", "web.gopher_quality.max_mean_word_chars=none"])[
        "web"
    ]
    [low, _] = answer.changes
    files = [str(whole.workdir / "decisions" / name) for name in names(whole.workdir, "web")]
    column = "gopher_quality_mean_word_chars"
    [(passing, equal, total)] = duckdb.sql(
        f"SELECT count(*) FILTER ({column} >= {low.after!r}), count(*) FILTER ({column} = {low.after!r}), count({column})"
        f" FROM read_parquet({files}, union_by_name = true)"
    ).fetchall()
    assert passing >= 0.4 * total > passing - equal


@pytest.mark.parametrize("share", ["10%", "40%", "70%"])
def test_the_value_that_is_printed_gives_the_answer_that_is_printed(whole: Run, share: str) -> None:
    for name in ("max_mean_word_chars", "min_alpha_word_fraction"):
        asked = rethreshold(str(whole.workdir), [f"web.gopher_quality.{name}={share}"])
        value = re.search(rf"{name}: \S+ -> (\S+)", printed(asked))
        assert value
        again = rethreshold(str(whole.workdir), [f"web.gopher_quality.{name}={value[1]}"])
        assert again["web"].counts == asked["web"].counts


def printed(answers: dict[str, Answer]) -> str:
    stream = io.StringIO()
    print_answers(answers, console=Console(file=stream, width=60, color_system=None))
    return stream.getvalue()


def test_what_is_printed_names_the_change_and_each_source(whole: Run) -> None:
    text = printed(rethreshold(str(whole.workdir), ["trees.starcoder2.max_lines=120"]))
    assert text.splitlines()[0] == "trees.starcoder2.max_lines: 100000 -> 120"
    assert [line.split()[0] for line in text.splitlines()[2:]] == ["archives", "notes", "stdlib", "trees", "web", "total"]


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("starcoder2.max_line=3", r"starcoder2\.max_line is no threshold; did you mean max_line"),
        ("starcoder.max_lines=3", r"starcoder: no source has this step; did you mean starcoder2\?"),
        ("web.starcoder2.max_lines=3", r"web\.starcoder2: no source has this step"),
        ("gopher_quality.stop_words=3", "changes what it measures"),
        ("gopher_quality.min_words=many", "'many' is no value"),
        ("gopher_quality.min_words=nan", "'nan' is no value"),
        ("gopher_quality.min_words=0%", "no share"),
        ("gopher_quality.min_words", r"such as starcoder2\.max_lines=100000"),
        ("gopher_quality.min_words=-3", r"curation\.gopher_quality\.min_words: -3"),
        ("gopher_quality.min_mean_word_chars=30", "the minimum 30.* is over the maximum 10"),
    ],
)
def test_a_wrong_name_or_value_is_an_error_that_says_what_there_is(assignment: str, message: str, whole: Run) -> None:
    with pytest.raises(UsageError, match=message):
        rethreshold(str(whole.workdir), [assignment])


def test_without_decisions_it_says_what_to_run(tmp_path: Path, whole: Run, tenfold: Tenfold) -> None:
    with pytest.raises(RunError, match="run the job that writes decisions/"):
        rethreshold(str(tmp_path), ["starcoder2.max_lines=3"])
    assert tenfold("rethreshold", whole.workdir, "starcoder2.max_line=3").status == 2
    assert "trees" in tenfold("rethreshold", whole.workdir, "starcoder2.max_lines=3").output


def test_the_pages_query_answers_on_a_run(whole: Run) -> None:
    page = (Path(__file__).parent.parent.parent / "docs/thresholds.md").read_text()
    query = page.split("```sql\n")[1].split("```")[0]
    rows = duckdb.sql(query.replace("'run/decisions/python-", f"'{whole.workdir}/decisions/stdlib-")).fetchall()
    counts = [over for _, over in rows]
    assert counts == sorted(counts, reverse=True)
    assert [bound for bound, _ in rows] == [60, 80, 100, 120]
