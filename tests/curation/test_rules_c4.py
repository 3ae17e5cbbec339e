"""C4's rules agree with the published procedure, written out in plain Python."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.rules_c4 import C4Params
from tests.curation.documents import BLANK, DOCUMENTS, texts
from tests.curation.judged import judged_by, reasons

_GOOD = "This is a good line of words."
_POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")


def _plain(text: str, params: C4Params) -> tuple[str, list[str]]:
    """The text that remains, and the kind of every cut line."""
    kept, cuts = [], []
    for line in text.split("\n"):
        line = line.strip()
        if not line:
            continue
        if any(len(word) > (params.max_word_chars or 0) for word in line.split()):
            cuts.append("c4_long_word")
            continue
        line = re.sub(r"\[[0-9]*\]|\[edit\]|\[citation needed\]", "", line, flags=re.IGNORECASE)
        lowered = line.lower()
        if params.end_marks is not None and (not line.endswith(params.end_marks) or line.endswith("...")):
            cuts.append("c4_no_end_mark")
        elif len(line.split()) < (params.min_line_words or 0):
            cuts.append("c4_few_words")
        elif "javascript" in lowered:
            cuts.append("c4_javascript")
        elif any(phrase in lowered for phrase in _POLICIES):
            cuts.append("c4_policy")
        else:
            kept.append(line)
    return "\n".join(kept).strip(), cuts


@pytest.mark.parametrize(
    ("kind", "cut", "kept"),
    [
        ("c4_long_word", "This is a long word: " + "é" * 1001 + ".", "This is a long word: " + "é" * 999 + "."),
        ("c4_no_end_mark", "This is a line without one", "This is a line with one!"),
        ("c4_no_end_mark", "This is a line without one'", 'This is a "line with one"'),
        ("c4_no_end_mark", "This is what comes before...", "This is what comes before.."),
        ("c4_few_words", "Four words it has.", "Five words it has then."),
        ("c4_few_words", "Four words it has[12].", "Five words it has then[12]."),
        ("c4_javascript", "You must turn JavaScript on here.", "You must turn Java script on."),
        *(("c4_policy", f"We have {phrase.title()} to agree to.", f"We have {phrase[1:]} to agree to.") for phrase in _POLICIES),
    ],
)
def test_each_line_rule_cuts_its_lines_and_no_others(kind: str, cut: str, kept: str) -> None:
    judged = judged_by(C4Params(min_sentences=None), f"{_GOOD}\n{cut}\n{_GOOD}", f"{_GOOD}\n{kept}\n{_GOOD}")
    start = len(_GOOD) + 1
    cited = kept.find("[12]")
    citation = {"step": "step", "kind": "c4_citation", "start": start + cited, "end": start + cited + 4, "value": None}
    assert judged.findings.to_pylist() == [
        [{"step": "step", "kind": kind, "start": start, "end": start + len(cut), "value": None}],
        [citation] if cited >= 0 else None,
    ]
    assert judged.batch["text"].to_pylist() == [f"{_GOOD}\n{_GOOD}", f"{_GOOD}\n{kept.replace('[12]', '')}\n{_GOOD}"]
    assert judged.measured["c4_cut_line_fraction"].to_pylist() == [pytest.approx(1 / 3), 0]


@pytest.mark.parametrize(
    ("reason", "dropped", "at_threshold", "kept"),
    [
        ("c4_num_sentences", f"{_GOOD}\n{_GOOD}", f"{_GOOD} {_GOOD} {_GOOD}", f"{_GOOD}\n{_GOOD}\n{_GOOD}\n{_GOOD}"),
        (
            "c4_num_lorem_ipsum_lines",
            f"{_GOOD}\nThis is Lorem ipsum all over.\n" + f"{_GOOD}\n" * 3,
            f"{_GOOD}\n" * 3,
            f"lorem ipsum\n{_GOOD * 3}",
        ),
        (
            "c4_num_curly_bracket_lines",
            f"if (a) {{ this is code. }}!\n{_GOOD * 3}",
            f"if (a) {{\n{_GOOD * 3}",
            f"javascript {{ is {{ cut.\n{_GOOD * 3}",
        ),
    ],
)
def test_each_page_rule(reason: str, dropped: str, at_threshold: str, kept: str) -> None:
    assert reasons(C4Params(), dropped, at_threshold, kept) == [reason, None, None]


_lines = st.lists(
    st.sampled_from(
        [
            _GOOD,
            "",
            "  ",
            " Menu ",
            "a b c d e f.",
            "a b [1] c d [edit] e.[]",
            "[1]",
            "see Javascript in use here, ok?",
            "x...",
            "é" * 12 + " b c d e.",
        ]
    )
).map("\n".join)


@given(st.lists(_lines | texts | st.sampled_from(DOCUMENTS), max_size=4), st.sampled_from([None, (".", "?", "!", '"')]))
def test_the_text_and_the_cuts_are_those_of_the_published_procedure(documents: list[str], end_marks: tuple[str, ...] | None) -> None:
    params = C4Params(end_marks=end_marks, max_word_chars=10, min_sentences=None)
    judged = judged_by(params, *documents)
    for text, edited, findings, fraction in zip(
        documents,
        judged.batch["text"].to_pylist(),
        judged.findings.to_pylist(),
        judged.measured["c4_cut_line_fraction"].to_pylist(),
        strict=True,
    ):
        remains, cuts = _plain(text, params)
        assert edited == remains
        found = [finding for finding in findings or [] if finding["kind"] != "c4_citation"]
        merged = [kind for place, kind in enumerate(cuts) if place == 0 or cuts[place - 1] != kind]
        assert {finding["kind"] for finding in found} == set(merged)
        lines = [text[finding["start"] : finding["end"]] for finding in found]
        assert sum(bool(line.strip()) for piece in lines for line in piece.split("\n")) == len(cuts)
        num_lines = sum(bool(line.strip()) for line in text.split("\n"))
        assert fraction == pytest.approx(len(cuts) / max(num_lines, 1))


def test_adjacent_cut_lines_of_one_kind_are_one_finding() -> None:
    text = f"Menu\n\nHome\nToo few.\n{_GOOD}\nMenu\n{_GOOD}"
    [findings] = judged_by(C4Params(), text).findings.to_pylist()
    assert [(finding["kind"], text[finding["start"] : finding["end"]]) for finding in findings] == [
        ("c4_no_end_mark", "Menu\n\nHome"),
        ("c4_few_words", "Too few."),
        ("c4_no_end_mark", "Menu"),
    ]


def test_what_is_turned_off_cuts_nothing() -> None:
    off = C4Params(
        max_word_chars=None,
        end_marks=None,
        min_line_words=None,
        citations=None,
        javascript_phrases=(),
        policy_phrases=(),
        min_sentences=None,
    )
    text = "menu [12]\n\njavascript" + "é" * 2000 + "\nprivacy policy"
    judged = judged_by(off, text, None)
    assert judged.batch["text"].to_pylist() == [text, None]
    assert judged.findings.to_pylist() == [None, None]


@pytest.mark.parametrize("text", BLANK)
def test_a_blank_page_has_no_sentence(text: str) -> None:
    judged = judged_by(C4Params(), text)
    assert judged.reason.to_pylist() == ["c4_num_sentences"]
    assert judged.batch["text"].to_pylist() == [""]


def test_an_end_mark_is_one_character() -> None:
    with pytest.raises(ValueError, match=r"single characters, '\.\.\.' is none"):
        C4Params(end_marks=(".", "..."))
