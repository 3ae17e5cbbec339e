"""FineWeb's rules at, just below and just above each published threshold."""

import pytest

from pipeline.curation.rules_fineweb import FineWebParams
from tests.curation.judged import reasons, reasons_by_one

_LONG = "This line has more than thirty characters in it"


@pytest.mark.parametrize(
    ("what", "dropped", "at_threshold", "kept"),
    [
        ("min_terminal_line_fraction", "a.\n" * 2 + "b\n\n" * 15, "a.\nb?\nc。\n" + "b\n \n" * 22, "a.\n" * 4 + "b\n" * 22),
        ("max_short_line_fraction", "a\n" * 68 + f"{_LONG}\n\n" * 32, "a\n" * 67 + f"{_LONG}\n\n" * 33, "a\n" * 66 + f"{_LONG}\n" * 34),
        ("max_duplicate_line_char_fraction", "abcde\nabcde\n" + "x" * 39, "abcde\n\nabcde\n" + "x" * 40, "abcde\nabcde\n" + "x" * 41),
        ("max_line_feeds_per_word", "a b c\n\n\n\nd e f g h i ,", "a b c\n\n\nd e f g h i ,", "a b c\n\nd e f g h i j"),
    ],
)
def test_each_threshold(what: str, dropped: str, at_threshold: str, kept: str) -> None:
    expected = ["fineweb_" + what.partition("_")[2], None, None]
    assert reasons_by_one(FineWebParams, what, dropped, at_threshold, kept) == expected


@pytest.mark.parametrize("num_chars", [30, 31])
def test_a_short_line_has_at_most_thirty_characters(num_chars: int) -> None:
    reason = "fineweb_short_line_fraction" if num_chars == 30 else None
    assert reasons_by_one(FineWebParams, "max_short_line_fraction", "é" * num_chars) == [reason]


def test_sentences_are_kept_and_a_menu_is_not() -> None:
    menu = "\n".join(["Home", "About us", "Products", "Contact", "Log in"])
    sentences = "The plane has been left with its iron out, and it will rust.\nKeep it dry, and oil the sole before the winter."
    assert reasons(FineWebParams(), sentences, menu, "") == [None, "fineweb_terminal_line_fraction", "fineweb_terminal_line_fraction"]
