"""The laws of curate, dedupe and tokenize, recounted from a finished run's files with pyarrow and plain Python alone."""

import re
from collections import Counter, defaultdict

import pytest

from tests.conftest import Run
from tests.corpus import Corpus, normalised
from tests.jobs.datasets import Datasets
from tests.jobs.own_rules import MAX_LINE_ENDS
from tests.jobs.workdirs import manifest


@pytest.fixture(scope="module")
def data(whole: Run) -> Datasets:
    return Datasets(whole.workdir, whole.values)


def test_every_planted_place_has_one_decision_and_nothing_else_has_one(data: Datasets, corpus: Corpus) -> None:
    assert sorted(data.decisions) == sorted((row.source, row.container, row.row) for row in corpus.rows)


def test_broken_records_are_decisions_with_their_reason_and_others_are_kept_or_dropped_by_a_rule_of_their_source(
    data: Datasets, corpus: Corpus
) -> None:
    for row in corpus.rows:
        decision = data.decisions[row.source, row.container, row.row]
        if row.text is None:
            assert (decision["verdict"], decision["reason"]) == ("broken", row.reason), row
            assert decision["num_bytes"] == decision["num_chars"] == 0
        else:
            assert (decision["verdict"], decision["reason"] is None) in [("kept", True), ("dropped", False)], row
            assert decision["num_bytes"] == len(row.text.encode())
            assert decision["num_chars"] == len(normalised(row.text))


def test_a_dropped_document_was_measured_by_the_rule_that_dropped_it_and_sources_without_rules_drop_none(data: Datasets) -> None:
    num_dropped = Counter()
    for source, row in data.rows("decisions"):
        if row["verdict"] == "dropped":
            num_dropped[source] += 1
            assert row[row["reason"]] is not None
    assert set(num_dropped) <= {"stdlib", "trees", "web"}
    assert num_dropped["web"]
    assert num_dropped["stdlib"]


def test_a_users_own_rule_drops_exactly_what_plain_python_would(data: Datasets, corpus: Corpus) -> None:
    num_over = 0
    for row in corpus.rows:
        if row.source != "stdlib" or row.text is None:
            continue
        decision = data.decisions[row.source, row.container, row.row]
        count = normalised(row.text).count("\n")
        assert decision["few_lines"] == count
        if count > MAX_LINE_ENDS:
            num_over += 1
            assert decision["verdict"] == "dropped"
        else:
            assert decision["reason"] != "few_lines"
    assert num_over


def test_documents_are_the_kept_ones_with_their_text_normalised(data: Datasets, corpus: Corpus) -> None:
    kept = {decision["id"]: place for place, decision in data.decisions.items() if decision["verdict"] == "kept"}
    assert list(data.documents) == [row["id"] for _, row in data.rows("decisions") if row["verdict"] == "kept"]
    texts = {(row.source, row.container, row.row): row.text for row in corpus.rows}
    for id, document in data.documents.items():
        assert document["text"] == normalised(texts[kept[id]] or "")
        assert document["num_bytes"] == len(document["text"].encode())


def test_ids_are_all_different_and_end_with_the_row(data: Datasets) -> None:
    prefixes = defaultdict(set)
    for (source, container, row), decision in data.decisions.items():
        assert decision["id"] & 0xFFFFF == row
        prefixes[source, container].add(decision["id"] >> 20)
    assert all(len(found) == 1 for found in prefixes.values())
    assert len(set.union(*prefixes.values())) == len(prefixes)


def test_datasets_of_a_unit_hold_the_same_documents_in_the_same_order(data: Datasets) -> None:
    documents, survivors = data.unit_ids("documents"), data.survivors
    assert documents == data.unit_ids("signatures") == data.unit_ids("survivors")
    assert data.unit_ids("tokens") == {unit: [id for id in ids if survivors[id]["kept"]] for unit, ids in documents.items()}
    assert list(data.unit_ids("decisions")) == list(documents)


def test_a_line_of_prose_that_many_different_texts_share_is_cut_from_all_but_the_first_and_its_copies(data: Datasets) -> None:
    params = data.values["dedup"]["lines"]
    prose = [id for id, document in data.documents.items() if data.values["sources"][document["source"]]["kind"] == "text"]
    have: dict[str, dict[str, None]] = defaultdict(dict)  # a line's texts, in the order of the documents
    for id in prose:
        text = data.documents[id]["text"]
        for line in {line.strip() for line in text.split("\n")}:
            have[line][text] = None
    common = {line: next(iter(texts)) for line, texts in have.items() if len(texts) > params["max_documents"] and len(line) >= 20}
    assert len(common) > 10
    for id in prose:
        text = data.documents[id]["text"]
        lost = [line for line in text.split("\n") if common.get(line.strip(), text) != text]
        assert not set(lost) & set(data.texts[id].split("\n"))
        assert len(data.texts[id]) <= len(text) - sum(map(len, lost))
    first = data.documents[prose[0]]["text"]
    assert all(line in data.texts[prose[0]] for line, text in common.items() if text == first)


def test_long_runs_are_cut_too_and_code_loses_nothing(data: Datasets) -> None:
    num_inside_lines = 0
    for _, row in data.rows("cuts"):
        text = data.documents[row["id"]]["text"].encode()
        assert data.values["sources"][data.documents[row["id"]]["source"]]["kind"] == "text"
        edges = [0, *(edge for span in zip(row["starts"], row["ends"], strict=True) for edge in span), len(text)]
        assert edges == sorted(edges)
        num_inside_lines += sum(start > 0 and text[start - 1 : start] != b"\n" for start in row["starts"])
    assert num_inside_lines  # which no line's cut has


def test_of_equal_texts_one_is_kept_at_most_and_copies_are_counted(data: Datasets) -> None:
    classes = defaultdict(list)
    for id, text in data.texts.items():
        classes[text].append(id)
    assert max(map(len, classes.values())) > 2
    for ids in classes.values():
        assert sum(data.survivors[id]["kept"] for id in ids) <= 1
        assert {data.survivors[id]["copies"] for id in ids} == {len(ids)}


def test_what_is_dropped_is_like_a_document_that_is_kept_and_not_of_a_later_source(data: Datasets) -> None:
    order = list(data.values["sources"])
    num_near = 0
    for id, survivor in data.survivors.items():
        keeper = survivor["duplicate_of"]
        if survivor["kept"]:
            assert keeper is None
            continue
        assert data.survivors[keeper]["kept"]
        assert data.survivors[keeper]["component"] == survivor["component"]
        mine, its = data.documents[id], data.documents[keeper]
        assert order.index(its["source"]) <= order.index(mine["source"])
        if data.texts[id] != data.texts[keeper]:
            num_near += 1
            similarity = _jaccard(data.texts[id], data.texts[keeper])
            # An estimate of 4,096 values: its standard error is below 0.01.
            assert similarity > 0.7 - 0.05
            assert survivor["similarity"] == pytest.approx(similarity, abs=0.05)
    assert num_near


def test_no_two_kept_documents_are_far_more_alike_than_is_allowed(data: Datasets) -> None:
    kept = [_shingles(data.texts[id]) for id, survivor in data.survivors.items() if survivor["kept"]]
    for number, shingles in enumerate(kept):
        for others in kept[:number]:
            if 0.8 * len(shingles) <= len(others) <= len(shingles) / 0.8:
                assert len(shingles & others) < 0.8 * len(shingles | others)


def _shingles(text: str) -> set[tuple[str, ...]]:
    """Case aside, which prose leaves out of the comparison; a text without words is its own."""
    words = re.findall(r"[A-Za-z0-9_\u0080-\U0010ffff]+", text)
    return {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))} if words else {(text,)}


def _jaccard(left: str, right: str) -> float:
    a, b = _shingles(left), _shingles(right)
    return len(a & b) / len(a | b)


def test_tokens_are_sentencepieces_own_encoding_of_every_survivor(data: Datasets) -> None:
    for id, row in data.tokens.items():
        assert row["tokens"] == data.tokenizer.encode(data.texts[id])
        assert row["num_tokens"] == len(row["tokens"])
        assert row["num_bytes"] == len(data.texts[id].encode())
        assert row["component"] == data.survivors[id]["component"]


def test_counts_of_curate_and_dedupe_are_what_their_rows_add_up_to(data: Datasets) -> None:
    curated, deduped = manifest(data.workdir, "decisions")["counts"], manifest(data.workdir, "survivors")["counts"]
    assert curated == manifest(data.workdir, "documents")["counts"]
    for source in data.values["sources"]:
        mine = [row for (name, _, _), row in data.decisions.items() if name == source]
        said = curated[source]
        assert said["num_documents"] == len(mine) == said["num_kept"] + sum(said["dropped"].values()) + sum(said["broken"].values())
        for verdict in ("dropped", "broken"):
            assert said[verdict] == Counter(row["reason"] for row in mine if row["verdict"] == verdict)
        assert said["num_bytes"] == sum(row["num_bytes"] for row in mine)
        fates = [data.survivors[row["id"]] for row in mine if row["verdict"] == "kept"]
        said = deduped[source]
        assert said["num_documents"] == len(fates) == said["num_survivors"] + said["num_copies"] + said["num_near_duplicates"]
        assert said["num_survivors"] == sum(fate["kept"] for fate in fates)
    classes = Counter(data.texts.values())
    assert sum(said["num_copies"] for said in deduped.values()) == sum(size - 1 for size in classes.values())
