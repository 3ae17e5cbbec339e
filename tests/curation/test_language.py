"""The language rule says what fastText says, with the model that `make setup` fetches."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.models import LID_176, fetch_model
from pipeline.curation.judge import judge
from pipeline.curation.language import LanguageParams, load_model
from pipeline.curation.steps import StepSpec, build_steps
from pipeline.params import RunError, UsageError
from tests.curation.documents import BLANK, PYTHON, batch_of, texts

# Article 1 of the Universal Declaration of Human Rights.
ARTICLES = {
    "ar": "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق. وقد وهبوا عقلاً وضميرًا وعليهم أن يعامل بعضهم بعضًا بروح الإخاء.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt.",
    "el": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "en": "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón y conciencia.",
    "fi": "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on annettu järki ja omatunto.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de conscience.",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "ja": "すべての人間は、生れながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "ko": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "pl": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem i sumieniem.",
    "ru": "Все люди рождаются свободными и равными в своём достоинстве и правах. Они наделены разумом и совестью.",
    "tr": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler.",
    "zh": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
}


@pytest.fixture(scope="module", autouse=True)
def model() -> Path:
    try:
        return fetch_model(LID_176)
    except (RunError, OSError) as error:
        pytest.skip(f"the model is not in the cache and can't be fetched here: {error}")


def _judged(*documents: str | None, **thresholds: object) -> tuple[list[float | None], list[str | None]]:
    judged = judge(batch_of(*documents), build_steps([StepSpec(name="language", params=thresholds)]))
    return judged.measured["language_score"].to_pylist(), judged.reason.to_pylist()


def _files(**params: object) -> list[str]:
    [step] = build_steps([StepSpec(name="language", params=params)])
    return step.files()


def _fasttext(text: str, *languages: str) -> float:
    """The best score of the languages, from fastText's answer for a single line, with every label that it has."""
    found = dict(zip(*load_model(None).predict(" ".join(text.split("\n")), k=-1), strict=True))
    return round(max(float(found.get(f"__label__{language}", 0)) for language in languages), 3)


@pytest.mark.parametrize("language", ARTICLES)
def test_a_text_is_kept_for_its_own_language_and_dropped_for_every_other(language):
    (scores, reasons) = _judged(*ARTICLES.values(), languages=[language])
    assert scores == pytest.approx([_fasttext(text, language) for text in ARTICLES.values()], abs=1e-9)
    assert [name for name, reason in zip(ARTICLES, reasons, strict=True) if reason is None] == [language]


def test_the_best_of_the_wanted_languages_counts():
    scores, reasons = _judged(ARTICLES["fr"], ARTICLES["de"], ARTICLES["ru"], languages=["de", "fr"])
    assert scores == [_fasttext(ARTICLES[name], "de", "fr") for name in ("fr", "de", "ru")]
    assert reasons == [None, None, "language_score"]


def test_line_ends_are_blanks_to_the_model():
    lines = ARTICLES["en"].replace(" ", "\n")
    assert _judged(lines)[0] == _judged(ARTICLES["en"])[0] == [_fasttext(lines, "en")]


def test_a_tag_that_is_fasttexts_own_mark_does_not_end_the_text():
    assert _judged("</s> " + ARTICLES["de"], languages=["de"])[1] == [None]
    assert _judged(ARTICLES["en"] + " </s> " + ARTICLES["ru"] * 9)[1] == ["language_score"]


def test_a_score_at_the_threshold_is_kept_and_one_below_is_not():
    [score] = _judged(PYTHON)[0]
    assert score is not None
    assert _judged(PYTHON, min_score=score)[1] == [None]
    assert _judged(PYTHON, min_score=round(score + 0.001, 3))[1] == ["language_score"]
    assert _judged(PYTHON, min_score=None)[1] == [None]


def test_a_long_text_is_read_whole():
    text = "\n".join(ARTICLES[name] * (40_000 // len(ARTICLES[name])) for name in ("en", "ru", "ja", "ar"))
    assert [_judged(text, languages=[name])[0] for name in ("en", "ru")] == [[_fasttext(text, name)] for name in ("en", "ru")]
    assert _judged(text[:10_000], languages=["en"])[1] == [None]


_documents = st.lists(st.sampled_from([*ARTICLES.values(), PYTHON]) | texts, min_size=1, max_size=8)


@given(_documents, st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_what_else_is_in_the_batch_does_not_matter(documents, random):
    alone = {text: _judged(text)[0][0] for text in documents}
    random.shuffle(documents)
    assert _judged(*documents)[0] == [alone[text] for text in documents]


@given(texts)
@settings(max_examples=60)
def test_a_score_is_between_0_and_1_in_steps_of_a_thousandth(text):
    [score] = _judged(text)[0]
    assert score is not None
    assert 0 <= score <= 1
    assert score == np.round(score, 3)


@pytest.mark.parametrize("text", [*BLANK, "2024-01-31 12:00\n" * 50, "-- ... !!!", "🙂" * 30, "\0\0 \0"])
def test_a_text_without_a_letter_scores_0_and_is_dropped(text):
    assert _judged(text) == ([0.0], ["language_score"])


@pytest.mark.parametrize("text", ["a" * 5_000_000, "the " * 1_250_000, "\0a" * 10_000, "é\u0301" * 500_000, "__label__en " * 1000])
def test_hostile_documents_are_judged(text):
    [score], _ = _judged(text)
    assert score is not None


def test_a_document_without_text_is_not_measured_and_an_empty_batch_is_fine():
    assert _judged(None, ARTICLES["en"])[0][0] is None
    assert _judged() == ([], [])


def test_the_rules_file_is_the_model(model, tmp_path):
    other = tmp_path / "other.ftz"
    other.write_bytes(model.read_bytes())
    assert _files() == [str(model)]
    assert _files(model=str(other)) == [str(other)]
    assert _judged(ARTICLES["fr"], model=str(other)) == _judged(ARTICLES["fr"])


def test_the_thresholds_are_known_without_a_model(monkeypatch, tmp_path):
    monkeypatch.setenv("TENFOLD_CACHE", str(tmp_path))
    assert [(rule.name, rule.minimum) for rule in LanguageParams().rules()] == [("language_score", 0.65)]


def test_a_file_that_is_no_model_is_an_error(tmp_path):
    (tmp_path / "text.bin").write_text("All human beings are born free")
    for path in (tmp_path / "text.bin", tmp_path / "missing.bin", tmp_path):
        with pytest.raises(UsageError, match=r"curation\.language\.model: .*give the path of a fastText model"):
            _files(model=str(path))


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ({"languages": ["english"]}, "the model knows no 'english'"),
        ({"languages": ["enn"]}, "knows no 'enn', but .*en"),
        ({"languages": []}, "at least 1 item"),
        ({"languages": [False]}, r"curation\.language\.languages\.0: False"),
        ({"min_score": 65}, "less than or equal to 1"),
        ({"language": ["en"]}, "did you mean 'languages'"),
    ],
)
def test_a_setting_that_cannot_be_is_an_error_that_says_why(thresholds, message):
    with pytest.raises(UsageError, match=message):
        _files(**thresholds)
