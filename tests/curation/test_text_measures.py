import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.text_measures import line_measures, word_measures
from tests.curation.documents import BLANK, DOCUMENTS, PROSE, sliced, texts

_STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with", "für", "日本")


def _core(run: str) -> str:
    """Without the characters at its ends that are neither letters nor digits."""
    places = [i for i, char in enumerate(run) if char.isalnum()]
    return run[places[0] : places[-1] + 1] if places else ""


def _lower(word: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in word)


def _words(text: str) -> tuple[int, ...]:
    runs = text.split()
    words = [_core(run) for run in runs if _core(run)]
    return (
        len(words),
        len(runs) - len(words),
        sum(len(word) for word in words),
        sum(any(char.isalpha() for char in word) for word in words),
        len({_lower(word) for word in words} & set(_STOP_WORDS)),
        text.count("#"),
        text.count("...") + text.count("…"),
    )


def _lines(text: str) -> tuple[int, ...]:
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return (
        len(lines),
        sum(line.lstrip().startswith(tuple("-*•‣◦▪")) for line in lines),
        sum(line.rstrip().endswith(("...", "…")) for line in lines),
    )


@given(st.lists(texts | st.sampled_from(DOCUMENTS)))
def test_words_agree_with_plain_python(documents):
    assert list(zip(*word_measures(sliced(documents), _STOP_WORDS), strict=True)) == [_words(text) for text in documents]


@given(st.lists(texts | st.sampled_from(DOCUMENTS)))
def test_lines_agree_with_plain_python(documents):
    assert list(zip(*line_measures(sliced(documents)), strict=True)) == [_lines(text) for text in documents]


@given(st.lists(st.sampled_from([*_STOP_WORDS, "The", "THAT,", "(of)", "Für", "thee", "th", "a.nd", "日本,"]), max_size=12))
def test_stop_words_count_once_each_whatever_surrounds_them(words):
    text = " ".join(words)
    assert word_measures(pa.array([text]), _STOP_WORDS).num_stop_words[0] == _words(text)[4]


@pytest.mark.parametrize(
    ("run", "word"),
    [("(don't),", "don't"), ("os.path()", "os.path"), ('"„état“"', "état"), ("3,5%", "3,5"), ("__init__", "init"), ("--", ""), ("🙂", "")],
)
def test_a_word_goes_from_its_first_letter_or_digit_to_its_last(run, word):
    measures = word_measures(pa.array([f" {run}\n"]), ())
    assert measures.num_word_chars[0] == len(word)
    assert measures.num_symbols[0] == (word == "")


@pytest.mark.parametrize("text", BLANK)
def test_a_blank_document_has_no_words(text):
    assert not any(counts[0] for counts in word_measures(pa.array([text]), _STOP_WORDS))


def test_nulls_are_measured_as_empty():
    measures = word_measures(pa.array([None, PROSE, None], pa.string()), _STOP_WORDS)
    assert measures.num_words.tolist() == [0, _words(PROSE)[0], 0]
