"""Gopher's rules at, just below and just above each published threshold."""

import pytest

from pipeline.curation.rules_gopher import GopherQualityParams, GopherRepetitionParams
from tests.curation.documents import steps
from tests.curation.judged import judged_by, reasons, reasons_by_one

_SENTENCE = "It was the best of times, and that is all they have to say with a smile. "


@pytest.mark.parametrize(
    ("threshold", "reason", "dropped", "at_threshold", "kept"),
    [
        ("min_words", "num_words", "word " * 49 + "-- ", "word " * 50, "word " * 51),
        ("max_words", "num_words", "word " * 100_001, "word " * 100_000 + ", ", "word " * 99_999),
        ("min_mean_word_chars", "mean_word_chars", "abc, ab", "abc, ab abcd", "abc, abcd"),
        ("max_mean_word_chars", "mean_word_chars", "é" * 11 + "!", "é" * 10 + "!", "é" * 9 + "!"),
        ("max_hashes_per_word", "hashes_per_word", "# " + "a " * 8, "# " + "a " * 9, "# " + "a " * 10),
        ("max_ellipses_per_word", "ellipses_per_word", "a… " + "b " * 7, "a... " + "b " * 8, "a... " + "b " * 9),
        ("max_bullet_line_fraction", "bullet_line_fraction", "- a\n" * 19 + "a", "• a\n" * 9 + "a", "- a\n" * 8 + "a"),
        ("max_ellipsis_line_fraction", "ellipsis_line_fraction", "a...\n" * 4 + "\n" * 6, "a…\n" * 3 + "\n" * 7, "a...\n" * 2 + "\n" * 8),
        ("min_alpha_word_fraction", "alpha_word_fraction", "a b c 4 .", "a b c d 5", "a b c d e"),
        ("min_stop_words", "num_stop_words", "the The THE a", "the (of) a", "the of and"),
    ],
)
def test_each_quality_threshold(threshold: str, reason: str, dropped: str, at_threshold: str, kept: str) -> None:
    expected = [f"gopher_quality_{reason}", None, None]
    assert reasons_by_one(GopherQualityParams, threshold, dropped, at_threshold, kept) == expected


def _text(beginning: str, num_chars: int) -> str:
    """The beginning, and words of which none comes twice."""
    return (beginning + " ".join(f"w{i}" for i in range(num_chars)))[:num_chars]


def _ngram(length: int, num_chars: int) -> str:
    """Words, a blank between them, that have so many characters together."""
    sizes = [num_chars // length + (place < num_chars % length) for place in range(length)]
    return " ".join("abcdefghij"[place] * size for place, size in enumerate(sizes))


# What 100 characters begin with so that the fraction is that of the threshold; with 99 it is just above, with 101 just below.
_BEGINNINGS = {
    "duplicate_line_char_fraction": ("x" * 20 + "\n") * 2,
    "duplicate_paragraph_char_fraction": ("x" * 20 + "\n\n\n") * 2,
    "top_2gram_char_fraction": "aa bb . aa bb ; aa bb , aa bb : ",
    "top_3gram_char_fraction": "aaa bbb c . aaa bbb c ",
    "top_4gram_char_fraction": "a b c de . a b c de ",
} | {
    f"duplicate_{length}gram_char_fraction": f"{_ngram(length, num_chars)} . {_ngram(length, num_chars)} "
    for length, num_chars in ((5, 15), (6, 14), (7, 13), (8, 12), (9, 11), (10, 10))
}


@pytest.mark.parametrize("what", _BEGINNINGS)
def test_each_threshold_of_repeated_characters(what: str) -> None:
    texts = [_text(_BEGINNINGS[what], num_chars) for num_chars in (99, 100, 101)]
    assert reasons_by_one(GopherRepetitionParams, f"max_{what}", *texts) == [f"gopher_repetition_{what}", None, None]


@pytest.mark.parametrize(
    ("what", "dropped", "at_threshold", "kept"),
    [
        (
            "duplicate_line_fraction",
            "a\n" * 5 + "b\n\n\nc\nd\ne\n \nf",
            "a\n" * 4 + "b\n\n\nc\nd\ne\n \nf\ng",
            "a\n" * 3 + "b\nc\nd\ne\nf\ng\nh",
        ),
        (
            "duplicate_paragraph_fraction",
            "a\n\n" * 5 + "b\n\nc\n\n\nd\n\ne\n\nf",
            "a\n\n" * 4 + "b\n\nc\n\n\nd\n\ne\n\nf\n\na\nf",
            "a\n\n" * 3 + "b\n\nc\n\nd\n\ne\n\nf\n\ng\n\na\nf",
        ),
    ],
)
def test_each_threshold_of_repeated_pieces(what: str, dropped: str, at_threshold: str, kept: str) -> None:
    expected = [f"gopher_repetition_{what}", None, None]
    assert reasons_by_one(GopherRepetitionParams, f"max_{what}", dropped, at_threshold, kept) == expected


def test_ordinary_prose_is_kept_and_a_list_of_numbers_is_not() -> None:
    numbers = "\n".join(f"{i} {i * i}" for i in range(100, 200))
    assert reasons(GopherQualityParams(), _SENTENCE * 10, numbers) == [None, "gopher_quality_alpha_word_fraction"]


def test_prose_that_repeats_itself_is_dropped_for_its_lines_or_its_ngrams() -> None:
    once = "A plane that has been left with its iron out will rust, so keep it dry and oil the sole before you put it away for winter. "
    repeated = [once, once * 5, (once + "\n") * 5]
    expected = [None, "gopher_repetition_duplicate_5gram_char_fraction", "gopher_repetition_duplicate_line_fraction"]
    assert reasons(GopherRepetitionParams(), *repeated) == expected


def test_a_threshold_of_0_is_a_threshold() -> None:
    assert reasons(GopherRepetitionParams(max_duplicate_line_fraction=0), "a b\na b\n" + _SENTENCE) == [
        "gopher_repetition_duplicate_line_fraction"
    ]


def test_stop_words_of_another_language_may_be_given() -> None:
    german = "Der Hund und die Katze sind für das Haus, was die Maus für den Keller ist. " * 10
    assert reasons(GopherQualityParams(), german) == ["gopher_quality_num_stop_words"]
    assert reasons(GopherQualityParams(stop_words=("die", "für")), german) == [None]


def test_words_may_keep_their_marks() -> None:
    markup = "``tokens`` (see *words*): the text, as it is, of the page. " * 10
    for split_marks, reason in ((True, "gopher_quality_alpha_word_fraction"), (False, None)):
        assert reasons(GopherQualityParams(split_marks=split_marks), markup) == [reason]


def test_both_sets_measure_every_document_and_null_is_no_document() -> None:
    for name in ("gopher_quality", "gopher_repetition"):
        [step] = steps(name)
        assert step.rule_set is not None
        judged = judged_by(step.rule_set, "", None, _SENTENCE)
        for values in judged.measured.values():
            assert [value is None for value in values.to_pylist()] == [False, True, False]
