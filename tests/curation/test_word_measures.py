"""Words and n-grams of whole texts agree with plain Python on the words that `words.split_run` finds."""

import string
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation import ngrams
from pipeline.curation.ngrams import REPEATED_LENGTHS, TOP_LENGTHS, ngram_measures
from pipeline.curation.word_classes import SYMBOL, word_classes
from pipeline.curation.word_measures import split_words, word_measures
from pipeline.curation.words import MAX_RUN_BYTES
from tests.curation.documents import BLANK, DOCUMENTS, PROSE, sliced, texts
from tests.curation.test_words import _split

_STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with", "für", "日本")


def _is_mark(word: str) -> bool:
    return all(word_classes()[ord(char)] & SYMBOL for char in word)


def _plain(words: list[str]) -> tuple[int, ...]:
    marks = [word for word in words if _is_mark(word)]
    return (
        len(words) - len(marks),
        len(marks),
        sum(len(word) for word in words if not _is_mark(word)),
        sum(any(char.isalpha() for char in word) for word in words),
        len({stop for stop in _STOP_WORDS for word in words if word in (stop, stop.upper(), stop.capitalize())}),
    )


@pytest.mark.parametrize("split_marks", [True, False])
@given(st.lists(texts | st.sampled_from(DOCUMENTS)))
def test_words_agree_with_plain_python(split_marks: bool, documents: list[str]) -> None:
    words = [[word for run in text.split() for word in (_split(run) if split_marks else [run])] for text in documents]
    found = word_measures(split_words(sliced(documents), split_marks=split_marks), _STOP_WORDS)
    assert list(zip(*found, strict=True)) == [_plain(each) for each in words]


def _top_chars(words: list[str], length: int) -> int:
    counts = Counter(tuple(words[i : i + length]) for i in range(len(words) - length + 1))
    return sum(len(" ".join(ngram)) * times for ngram, times in counts.most_common(1))


def _repeated_chars(words: list[str], length: int) -> int:
    """As datatrove's `find_all_duplicate`."""
    seen, chars, i = set(), 0, 0
    while i <= len(words) - length:
        ngram = tuple(words[i : i + length])
        if ngram in seen:
            chars += len("".join(ngram))
            i += length
        else:
            seen.add(ngram)
            i += 1
    return chars


@given(st.lists(st.lists(st.sampled_from(["a", "b", "ab", "日本"]), max_size=60) | st.lists(st.just("a"), max_size=60), max_size=3))
def test_ngrams_agree_with_plain_python(documents: list[list[str]]) -> None:
    found = ngram_measures(split_words(sliced([" ".join(words) for words in documents]), split_marks=True))
    for place, words in enumerate(documents):
        assert found.top_chars[:, place].tolist() == [_top_chars(words, length) for length in TOP_LENGTHS]
        assert found.repeated_chars[:, place].tolist() == [_repeated_chars(words, length) for length in REPEATED_LENGTHS]


def test_ngrams_of_real_documents_agree_with_plain_python() -> None:
    documents = [text * times for text in DOCUMENTS for times in (1, 3)]
    found = ngram_measures(split_words(pa.array(documents), split_marks=True))
    for place, text in enumerate(documents):
        words = [word for run in text.split() for word in _split(run)]
        assert found.top_chars[:, place].tolist() == [_top_chars(words, length) for length in TOP_LENGTHS]
        assert found.repeated_chars[:, place].tolist() == [_repeated_chars(words, length) for length in REPEATED_LENGTHS]


def test_ngrams_are_looked_for_among_the_first_words_of_a_long_text() -> None:
    words = split_words(pa.array(["b " * ngrams.MAX_WORDS + "a " * 100]), split_marks=True)
    assert ngram_measures(words).top_chars[0, 0] == 3 * (ngrams.MAX_WORDS - 1)


@pytest.mark.parametrize("text", BLANK)
def test_a_blank_document_has_no_words(text: str) -> None:
    words = split_words(pa.array([text]), split_marks=True)
    assert not any(counts[0] for counts in word_measures(words, _STOP_WORDS))
    assert not any(counts.any() for counts in ngram_measures(words))


def test_nulls_are_measured_as_empty() -> None:
    words = split_words(pa.array([None, PROSE, None], pa.string()), split_marks=True)
    num_words = len([word for run in PROSE.split() for word in _split(run)])
    assert np.diff(words.starts).tolist() == [0, num_words, 0]


def test_a_run_without_end_is_split_in_pieces() -> None:
    words = split_words(pa.array(["é" * MAX_RUN_BYTES]), split_marks=True)
    assert (words.kinds >> 2).sum() == MAX_RUN_BYTES
    assert len(words.hashes) == 2


def test_ascii_punctuation_is_a_mark_and_a_letter_or_a_box_is_none() -> None:
    words = split_words(pa.array([" ".join([*string.punctuation, "—", "a", "1", "─"])]), split_marks=True)
    measured = word_measures(words, ())
    assert (measured.num_symbols[0], measured.num_words[0]) == (len(string.punctuation) + 1, 3)
