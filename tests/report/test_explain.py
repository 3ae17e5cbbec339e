"""`tenfold explain` tells of a document what the datasets hold."""

import re
from collections.abc import Callable

import pytest

from pipeline.params import UsageError
from pipeline.report.explain import Story, find
from tests.conftest import Run, Tenfold
from tests.jobs.datasets import Datasets


@pytest.fixture(scope="module")
def data(whole: Run) -> Datasets:
    return Datasets(whole.workdir, whole.values)


@pytest.fixture
def story(whole: Run) -> Callable[[int], Story]:
    return lambda id: find(str(whole.workdir), id=id)[0]


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[A-Za-z0-9_\u0080-\U0010ffff]+", text)
    return {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))}


def _near_duplicate(data: Datasets) -> int:
    return next(id for id, row in data.survivors.items() if not row["kept"] and row["similarity"] and row["similarity"] < 1)


def test_a_kept_documents_story_has_its_source_its_text_and_its_tokens(data: Datasets, story: Callable[[int], Story]) -> None:
    for id in list(data.tokens)[:5]:
        told = story(id)
        assert told.source == data.documents[id]["source"]
        assert told.text == data.texts[id]
        assert told.num_tokens == data.tokens[id]["num_tokens"]
        assert told.keeper is None


def test_a_duplicates_story_names_the_kept_document_and_the_shingles_that_they_share(data: Datasets, story: Callable[[int], Story]) -> None:
    id = _near_duplicate(data)
    told = story(id)
    assert told.keeper is not None
    assert told.keeper.id == data.survivors[id]["duplicate_of"]
    fold = str.lower if data.values["sources"][told.source]["kind"] == "text" else str
    mine, its = (_shingles(fold(data.texts[each])) for each in (id, told.keeper.id))
    overlap = told.overlap()
    assert overlap is not None
    assert (overlap.num_mine, overlap.num_its, overlap.num_shared) == (len(mine), len(its), len(mine & its))
    assert overlap.similarity == pytest.approx(len(mine & its) / len(mine | its))


def test_rules_come_with_their_thresholds_and_a_users_own_without(data: Datasets, story: Callable[[int], Story]) -> None:
    decision = next(row for (source, _, _), row in data.decisions.items() if source == "stdlib" and row["verdict"] == "dropped")
    rules = {rule["name"]: rule for rule in story(decision["id"]).rules()}
    assert rules["few_lines"] == {"name": "few_lines", "value": decision["few_lines"]}
    assert rules["starcoder2_alpha_fraction"] == {
        "name": "starcoder2_alpha_fraction",
        "value": decision["starcoder2_alpha_fraction"],
        "minimum": 0.25,
        "maximum": None,
    }


def test_the_command_tells_why_a_document_was_dropped(data: Datasets, whole: Run, tenfold: Tenfold) -> None:
    decision = next(row for row in data.decisions.values() if row["verdict"] == "dropped")
    told = tenfold("explain", whole.workdir, "--document", str(decision["id"]))
    assert told.status == 0, told.output
    assert f"dropped: {decision['reason']}" in told.output
    assert "the reason" in told.output


def test_the_command_shows_a_duplicate_beside_the_kept_document(data: Datasets, whole: Run, tenfold: Tenfold) -> None:
    id = _near_duplicate(data)
    told = tenfold("explain", whole.workdir, "--document", str(id), "--lines", "3")
    assert told.status == 0, told.output
    assert f"beside document {data.survivors[id]['duplicate_of']}" in told.output
    assert "exact Jaccard similarity" in told.output


def test_a_document_is_found_by_its_path(data: Datasets, whole: Run) -> None:
    path = next(row["path"] for row in data.decisions.values() if row["path"] and row["verdict"] == "kept")
    assert {told.decision["path"] for told in find(str(whole.workdir), path=path)} == {path}


def test_what_is_not_there_or_too_much_is_an_error_that_says_so(whole: Run) -> None:
    with pytest.raises(UsageError, match=r"no document of .* has id 5"):
        find(str(whole.workdir), id=5)
    with pytest.raises(UsageError, match="over 20 documents"):
        find(str(whole.workdir), path="*")


def test_the_command_wants_one_of_id_and_path(whole: Run, tenfold: Tenfold) -> None:
    told = tenfold("explain", whole.workdir)
    assert told.status == 2
    assert "give one of --document ID and --path PATH" in told.output
