"""The step `quality` says what fastText says of its model."""

from pathlib import Path
from typing import Any

import fasttext
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.classifier.train import train_classifier
from pipeline.curation.judge import judge
from pipeline.curation.quality import load_classifier, scores
from pipeline.params import UsageError
from tests.classifier.test_train import SMALL, jsonl, proses, spams
from tests.curation.documents import BLANK, DOCUMENTS, batch_of, steps, texts


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("quality")
    good, bad = jsonl(folder / "good.jsonl", proses(80)), jsonl(folder / "bad.jsonl", spams(80))
    train_classifier([good], [bad], str(folder / "m.bin"), params=SMALL)
    return str(folder / "m.bin")


def judged(model: str, *documents: str | None, **params: Any) -> tuple[list[float | None], list[str | None]]:
    found = judge(batch_of(*documents), steps({"quality": {"model": model, **params}}))
    return found.measured["quality_score"].to_pylist(), found.reason.to_pylist()


def test_scores_are_fasttexts_in_steps_of_a_thousandth(model):
    found, _ = judged(model, *proses(3), *spams(3), *DOCUMENTS[:7])
    reference = fasttext.load_model(model)
    for text, score in zip([*proses(3), *spams(3), *DOCUMENTS[:7]], found, strict=True):
        by_label = dict(zip(*reference.predict(text.replace("\n", " "), k=2), strict=True))
        assert score == pytest.approx(min(1.0, by_label["__label__good"]), abs=5.001e-4)
        assert score == round(score, 3)


def test_a_score_at_the_threshold_is_kept_and_one_below_is_not(model):
    text = f"{proses(1)[0]} {spams(1)[0]}"
    [score] = judged(model, text)[0]
    assert 0 < score < 1
    assert judged(model, text, min_score=score)[1] == [None]
    assert judged(model, text, min_score=round(score + 0.001, 3))[1] == ["quality_score"]
    assert judged(model, text, min_score=None)[1] == [None]


def test_another_label_is_the_other_class(model):
    [good], [bad] = judged(model, proses(1)[0])[0], judged(model, proses(1)[0], label="bad")[0]
    assert good + bad == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("text", BLANK)
def test_a_blank_text_scores_0(model, text):
    assert judged(model, text)[0] == [0.0]


@given(st.lists(texts | st.none(), max_size=6))
@settings(max_examples=40, deadline=None)
def test_what_else_is_in_the_batch_does_not_matter(model, found):
    alone = [float(scores(load_classifier(model), pa.array([text], pa.string()))[0]) for text in found]
    assert scores(load_classifier(model), pa.array(found, pa.string())).tolist() == alone
    assert all(0 <= score <= 1 for score in alone)


@pytest.mark.parametrize("text", ["a" * 5_000_000, "the " * 1_250_000, "\0a" * 10_000, "__label__good " * 100_000, "</s>" * 100_000])
def test_hostile_documents_are_judged(model, text):
    assert judged(model, text)[0][0] is not None
    assert judged(model, text, max_chars=None)[0][0] is not None


def test_only_what_stands_is_measured(model):
    found = judge(batch_of("a b", proses(1)[0]), steps({"gopher_quality": {"min_words": 20}}, {"quality": {"model": model}}))
    assert found.measured["quality_score"].to_pylist()[0] is None
    assert found.reason.to_pylist()[0] == "gopher_quality_num_words"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"model": "missing.bin"}, r"curation\.quality\.model: .*missing\.bin.*`tenfold classifier train` wrote"),
        ({"label": "best"}, "knows no 'best', but bad, good"),
        ({"min_score": 50}, "less than or equal to 1"),
        ({"min_scor": 0.5}, "did you mean 'min_score'"),
    ],
)
def test_a_setting_that_cannot_be_is_an_error_that_says_why(model, params, message):
    with pytest.raises(UsageError, match=message):
        [step.files() for step in steps({"quality": {"model": model} | params})]


def test_a_step_without_a_model_says_so():
    with pytest.raises(UsageError, match=r"curation\.quality\.model"):
        steps("quality")


def test_the_path_is_absolute_so_that_workers_find_it(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    [step] = steps({"quality": {"model": "m.bin"}})
    assert Path(step.rule_set.model) == tmp_path / "m.bin"
