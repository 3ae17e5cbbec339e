"""RefinedWeb's corrections agree with the published procedure, written out in plain Python."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.rules_refinedweb import RefinedWebParams
from tests.curation.documents import BLANK, DOCUMENTS, texts
from tests.curation.judged import judged_by, reasons

_GOOD = "A line of a few words"
_COUNTER = re.compile(
    r"[\W]*\d[\d,.]*[kmb]?\s+(likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes|downloads|views|followers)\W*"
)


def _kind(line: str) -> str | None:
    if sum(char.isupper() and char.isalpha() for char in line) / len(line) > 0.5:
        return "refinedweb_upper_case"
    if re.fullmatch("[0-9]+", line):
        return "refinedweb_digits"
    if _COUNTER.fullmatch(line.lower()):
        return "refinedweb_counter"
    return "refinedweb_few_words" if len(line.split()) < 2 else None


@pytest.mark.parametrize(
    ("kind", "cut", "kept"),
    [
        ("upper_case", "ABCD de", "ABC def"),
        ("upper_case", "ÉÉÉ 1", "ÉÉÉ 12"),
        ("digits", "0123456789", "012 3456789"),
        ("counter", "3 likes", "3 like us"),
        ("counter", "· 1.2K views ·", "1.2K views today"),
        ("counter", "1,204  Comments!", "the 1,204 comments"),
        ("few_words", "Menu", "The menu"),
    ],
)
def test_each_line_rule_cuts_its_lines_and_no_others(kind: str, cut: str, kept: str) -> None:
    judged = judged_by(RefinedWebParams(max_cut_word_fraction=None), f"{_GOOD}\n{cut}\n{_GOOD}", f"{_GOOD}\n{kept}\n{_GOOD}")
    start = len(_GOOD) + 1
    found = {"step": "step", "kind": f"refinedweb_{kind}", "start": start, "end": start + len(cut), "value": None}
    assert judged.findings.to_pylist() == [[found], None]
    assert judged.batch["text"].to_pylist() == [f"{_GOOD}\n{_GOOD}", f"{_GOOD}\n{kept}\n{_GOOD}"]


@pytest.mark.parametrize(
    ("line", "remains"),
    [
        ("You have 3 items in cart today", "You have 3 today"),
        ("The story goes on read more...", "The story goes on"),
        ("Read more... of this", "Read more... of this"),
        ("SIGN-IN to see the rest", "to see the rest"),
        ("please Sign-in here", "please Sign-in here"),
        ("Sign-in", None),
        ("3 items in cart", None),
        (
            "one two three four five six seven eight nine ten items in cart",
            "one two three four five six seven eight nine ten items in cart",
        ),
    ],
)
def test_phrases_are_cut_from_short_lines(line: str, remains: str | None) -> None:
    judged = judged_by(RefinedWebParams(max_cut_word_fraction=None, min_line_words=None), f"{_GOOD}\n{line}\n{_GOOD}")
    if remains is None and line == "3 items in cart":
        remains = "3"
    assert judged.batch["text"].to_pylist() == ["\n".join([_GOOD, *([remains] if remains else []), _GOOD])]


@pytest.mark.parametrize(
    ("num_kept", "reason"),
    [(18, "refinedweb_cut_word_fraction"), (19, None), (20, None)],
)
def test_a_page_that_loses_over_a_twentieth_of_its_words_is_dropped(num_kept: int, reason: str | None) -> None:
    assert reasons(RefinedWebParams(), "Menu\n" + "word " * num_kept) == [reason]


_lines = st.lists(
    st.sampled_from([_GOOD, "", "  ", "\n", "Menu", " TOP NEWS", "12", "3 likes", "(5.1K followers)", "5 likes us", "é É", "ÉÉ é"])
).map("\n".join)


@given(st.lists(_lines | texts | st.sampled_from(DOCUMENTS), max_size=4))
def test_the_text_and_the_cuts_are_those_of_the_published_procedure(documents: list[str]) -> None:
    judged = judged_by(RefinedWebParams(phrases=(), start_phrases=(), end_phrases=()), *documents)
    for text, edited, findings, fraction in zip(
        documents,
        judged.batch["text"].to_pylist(),
        judged.findings.to_pylist(),
        judged.measured["refinedweb_cut_word_fraction"].to_pylist(),
        strict=True,
    ):
        kept = ["" if not line.strip() else line for line in text.split("\n") if not line.strip() or _kind(line) is None]
        assert edited == re.sub("\n{3,}", "\n\n", "\n".join(kept)).strip()
        cuts = {_kind(line) for line in text.split("\n") if line.strip()} - {None}
        assert {finding["kind"] for finding in findings or []} == cuts
        assert fraction == pytest.approx(1 - len(" ".join(kept).split()) / len(text.split()) if text.split() else 1)


def test_what_is_turned_off_cuts_nothing() -> None:
    off = RefinedWebParams(
        max_upper_case_fraction=None,
        cut_digits=False,
        counters=(),
        min_line_words=None,
        phrases=(),
        start_phrases=(),
        end_phrases=(),
        max_line_feeds=None,
    )
    text = "MENU\n\n\n\n12\n3 likes\nSign-in"
    judged = judged_by(off, text, None)
    assert judged.batch["text"].to_pylist() == [text, None]
    assert judged.findings.to_pylist() == [None, None]


@pytest.mark.parametrize("text", BLANK)
def test_a_blank_page_is_cut_whole(text: str) -> None:
    judged = judged_by(RefinedWebParams(), text)
    assert judged.measured["refinedweb_cut_word_fraction"].to_pylist() == [1]
    assert judged.batch["text"].to_pylist() == [""]
