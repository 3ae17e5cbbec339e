"""stats.json against the datasets, counted again with DuckDB."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.params import RunError
from pipeline.report.attention import attention
from pipeline.report.statistics import Stats, collect
from pipeline.shards import canonical_json
from tests.report.conftest import HOSTILE_GROUP, HOSTILE_RULE

SOURCES = ("python", "shell", "spare", "books")


def rows(run: Path, dataset: str, query: str, source: str = "") -> list[tuple[Any, ...]]:
    """A query over `t`, the files of one source, or of all."""
    files = f"{run}/{dataset}/{source}*.parquet"
    return duckdb.sql(f"with t as (from read_parquet('{files}', union_by_name=true, filename=true)) {query}").fetchall()


def by_name(stats: Stats) -> dict[str, Stats]:
    return {source["name"]: source for source in stats["sources"]}


@pytest.mark.parametrize("source", SOURCES)
def test_documents_and_reasons_are_those_of_the_decisions(finished_run: Path, stats: Stats, source: str) -> None:
    found = by_name(stats)[source]["curate"]
    [(num_documents, num_kept)] = rows(finished_run, "decisions", "select count(*), count(*) filter (verdict = 'kept') from t", source)
    assert (found["num_documents"], found["num_kept"]) == (num_documents, num_kept)
    for verdict in ("dropped", "broken"):
        query = f"select reason, count(*) from t where verdict = '{verdict}' group by reason"
        assert found[verdict] == dict(rows(finished_run, "decisions", query, source))
        assert found[f"num_{verdict}"] == sum(found[verdict].values())
    assert num_documents == num_kept + found["num_dropped"] + found["num_broken"]


def test_the_corpus_has_something_of_everything(stats: Stats) -> None:
    sources = by_name(stats)
    assert sources["python"]["curate"]["dropped"] == {"starcoder2_longest_line_chars": 1, HOSTILE_RULE: 1}
    assert sources["books"]["curate"]["broken"] == {"bad_json": 1, "null_text": 1}
    assert sources["python"]["dedupe"]["num_copies"] > 0
    assert sources["shell"]["dedupe"]["num_near_duplicates"] > 0
    assert sources["spare"]["mixture"] is None
    assert max(source["mixture"]["epochs"] for source in stats["sources"] if source["mixture"]) > 1


def test_the_matrix_of_duplicates_is_the_join_of_survivors_with_themselves(finished_run: Path, stats: Stats) -> None:
    query = """
        select regexp_extract(a.filename, '([a-z]+)-[^/]*$', 1), regexp_extract(b.filename, '([a-z]+)-[^/]*$', 1), count(*)
        from t a join t b on a.duplicate_of = b.id where not a.kept group by all
    """
    wanted = {(dropped, kept): count for dropped, kept, count in rows(finished_run, "survivors", query)}
    found = {(pair["dropped"], pair["kept"]): pair["num_documents"] for pair in stats["dedupe"]["duplicates"]}
    assert found == wanted
    assert found["shell", "python"] >= 1
    for source in stats["sources"]:
        lost = source["dedupe"]["num_copies"] + source["dedupe"]["num_near_duplicates"]
        assert lost == sum(count for (dropped, _), count in found.items() if dropped == source["name"])


def test_documents_and_bytes_are_counted_by_licence(finished_run: Path, stats: Stats) -> None:
    assert set(stats["licences"]) == {"python", "shell", "spare"}
    for source, found in stats["licences"].items():
        query = """
            select licences, sum(num_bytes)::bigint, count(*), count(*) filter (reason is null)
            from t where verdict in ('kept', 'dropped') group by 1
        """
        wanted = {(", ".join(held or []) or None, *counts) for held, *counts in rows(finished_run, "decisions", query, source)}
        assert {(row["licences"], row["num_bytes"], row["num_documents"], row["num_kept"]) for row in found} == wanted
        assert (
            sum(row["num_documents"] for row in found) + by_name(stats)[source]["curate"]["num_broken"]
            == (by_name(stats)[source]["curate"]["num_documents"])
        )


@pytest.mark.parametrize("source", SOURCES)
def test_lengths_are_counted_in_powers_of_two(finished_run: Path, stats: Stats, source: str) -> None:
    query = "select 1 << (floor(log2(num_tokens))::int), count(*), sum(num_tokens)::bigint from t group by 1 order by 1"
    found = by_name(stats)[source]["tokenize"]["lengths"]
    assert [(row["from"], row["count"], row["sum"]) for row in found if row["count"]] == rows(finished_run, "tokens", query, source)


@pytest.mark.parametrize("source", SOURCES)
def test_tokens_and_bytes_per_token_are_those_of_the_rows(finished_run: Path, stats: Stats, source: str) -> None:
    query = "select count(*), sum(len(tokens))::bigint, sum(num_bytes)::bigint from t"
    [(num_documents, num_tokens, num_bytes)] = rows(finished_run, "tokens", query, source)
    found = by_name(stats)[source]["tokenize"]
    assert (found["num_documents"], found["num_tokens"], found["num_bytes"]) == (num_documents, num_tokens, num_bytes)
    assert found["bytes_per_token"] == pytest.approx(num_bytes / num_tokens, abs=1e-4)
    assert found["num_added_tokens"] == 2 * num_documents


@pytest.mark.parametrize("source", ["python", "shell", "books"])
def test_what_was_packed_is_what_the_segments_say(finished_run: Path, stats: Stats, source: str) -> None:
    found = by_name(stats)[source]
    query = f"""
        , mine as (from t where source = '{source}'),
        runs as (select id, epoch, count(distinct sequence) as num_sequences, sum(num_tokens)::bigint as n from mine group by all)
        select (select count(*) from mine), (select sum(num_tokens)::bigint from mine), (select count(*) from runs),
               (select count(distinct id) from runs), (select count(*) from runs where num_sequences > 1)
    """
    [(num_segments, packed, num_runs, num_documents, num_spread)] = rows(finished_run, "segments", query)
    assert found["pack"]["num_segments"] == num_segments
    assert found["mixture"]["packed_tokens"] == packed
    assert found["pack"]["num_runs"] == num_runs
    assert found["pack"]["num_packed_documents"] == num_documents
    # The last run may be cut by the stream's end and still lie in one sequence.
    assert found["pack"]["num_cut_runs"] - num_spread in (0, 1)


@pytest.mark.parametrize("source", ["python", "shell", "books"])
def test_unique_tokens_are_the_distinct_places_of_documents(finished_run: Path, stats: Stats, source: str) -> None:
    query = f"select id, token_start, num_tokens from t where source = '{source}'"
    places = {(id, start + k) for id, start, num_tokens in rows(finished_run, "segments", query) for k in range(num_tokens)}
    assert by_name(stats)[source]["mixture"]["unique_tokens"] == len(places)


def test_shares_are_those_of_the_sequences(finished_run: Path, stats: Stats) -> None:
    total = stats["verdict"]["num_sequences"]
    counts = dict(rows(finished_run, "sequences", "select source, count(*) from t group by source"))
    assert total == sum(counts.values())
    for name, count in counts.items():
        assert by_name(stats)[name]["mixture"]["realised_share"] == count / total
    targets = {"python": Fraction(30, 44), "shell": Fraction(10, 44), "books": Fraction(4, 44)}
    assert {name: by_name(stats)[name]["mixture"]["target_share"] for name in targets} == {name: float(t) for name, t in targets.items()}


def test_the_range_of_a_groups_share_is_that_of_every_prefix(finished_run: Path, stats: Stats) -> None:
    sources = np.array([source for (source,) in rows(finished_run, "sequences", "select source from t order by sequence")], object)
    shares = np.cumsum(sources == "books") / np.arange(1, len(sources) + 1)
    found, first = stats["verdict"]["groups"][HOSTILE_GROUP], stats["verdict"]["shares_from_sequence"]
    assert first == -(-len(sources) // 100)
    assert (found["lowest_share"], found["highest_share"]) == (shares[first - 1 :].min(), shares[first - 1 :].max())


def test_each_sources_worst_deviation_is_that_of_every_prefix(finished_run: Path, stats: Stats) -> None:
    sources = np.array([source for (source,) in rows(finished_run, "sequences", "select source from t order by sequence")], object)
    for name in ("python", "shell", "books"):
        share = by_name(stats)[name]["mixture"]["target_share"]
        away = np.abs(np.cumsum(sources == name) - share * np.arange(1, len(sources) + 1)).max()
        assert by_name(stats)[name]["mixture"]["worst_deviation"] == pytest.approx(away, abs=1e-4)
        assert away < 1


def test_segments_per_sequence_is_their_quotient(finished_run: Path, stats: Stats) -> None:
    [(mean,)] = rows(finished_run, "segments", "select count(*) / count(distinct sequence) from t")
    assert stats["packing"]["segments_per_sequence"] == pytest.approx(mean, abs=1e-4)
    per_sequence = [row for source in stats["sources"] if source["pack"] for row in source["pack"]["segments_per_sequence"]]
    assert sum(row["count"] for row in per_sequence) == stats["verdict"]["num_sequences"]


def test_every_rule_is_listed_with_its_threshold_and_what_it_dropped(finished_run: Path, stats: Stats) -> None:
    rules = {rule["name"]: rule for rule in stats["rules"] if rule["source"] == "python"}
    file = next((finished_run / "decisions").glob("python*.parquet"))
    assert list(rules) == pq.read_schema(file).names[-len(rules) :]
    assert rules["starcoder2_longest_line_chars"]["maximum"] == 200
    assert (rules[HOSTILE_RULE]["set"], rules[HOSTILE_RULE]["num_dropped"]) == ("own", 1)
    assert not [rule for rule in stats["rules"] if rule["source"] == "spare"]


def test_totals_are_the_sums_of_the_sources(stats: Stats) -> None:
    for section, key in (
        ("curate", "num_documents"),
        ("dedupe", "num_survivors"),
        ("tokenize", "num_tokens"),
        ("mixture", "packed_tokens"),
    ):
        assert stats["total"][section][key] == sum(source[section][key] for source in stats["sources"] if source[section])


def test_stats_hold_no_path_of_this_machine_and_are_the_same_bytes_elsewhere(finished_run: Path, workdir: Path, stats: Stats) -> None:
    written = canonical_json(stats)
    assert written == canonical_json(collect(str(workdir)))
    assert str(finished_run.parent).encode() not in written
    assert written == (finished_run / "stats.json").read_bytes()


def test_a_job_that_has_not_run_is_named(workdir: Path) -> None:
    (workdir / "sequences" / "manifest.json").unlink()
    with pytest.raises(RunError, match="run the job that writes sequences/ first"):
        collect(str(workdir))


def test_attention_names_what_this_corpus_lacks(stats: Stats) -> None:
    found = {(item["kind"], item["source"]): item for item in stats["attention"]}
    assert ("broken", "books") in found
    assert "spare" in found["left_out", None]["text"]
    assert [key for key in found if key[0] == "binds"] == [("binds", stats["verdict"]["binds"])]


def test_attention_puts_a_broken_law_first_and_then_the_warnings(stats: Stats) -> None:
    worse = json.loads(json.dumps(stats))
    worse["verdict"]["worst_deviation"]["sequences"] = 1.25
    worse["dedupe"]["buckets"] |= {"num_split_buckets": 3, "num_parted": 7, "num_candidates": 70, "num_buckets": 9}
    python = worse["sources"][0]
    python["dedupe"]["num_near_duplicates"] = python["curate"]["num_kept"]
    python["curate"]["dropped"]["starcoder2_alpha_fraction"] = python["curate"]["num_documents"]
    python["mixture"]["epochs"] = 4.5
    found = [(item["level"], item["kind"]) for item in attention(worse)]
    assert found[0] == ("fault", "deviation")
    assert {kind for level, kind in found if level == "warning"} >= {"split_buckets", "rule", "duplicates", "broken", "epochs"}
    assert [level for level, _ in found] == sorted((level for level, _ in found), key=("fault", "warning", "note").index)
