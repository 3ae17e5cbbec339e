import sys

import pytest

from pipeline.curation.grammars import NAMES
from pipeline.curation.parser_process import _Process, parse_all
from pipeline.params import RunError

PYTHON, C, JAVASCRIPT, C_SHARP = (NAMES.index(name) for name in ("python", "c", "javascript", "c#"))
GOOD = (PYTHON, b"def f():\n    return 'a'  # b\n")


def test_a_document_that_ends_the_process_is_not_measured_and_the_others_are():
    deadly = (C, b"=/a" * 20_000)
    before, gone, after = parse_all([GOOD, deadly, GOOD])
    assert gone is None
    assert before == after == parse_all([GOOD])[0]
    assert (after.errors, after.functions, after.simple_functions) == (0, 1, 1)


def test_more_than_one_group_comes_back_in_order():
    documents = [
        (PYTHON, b"x = 1\n" * times + b"#" * comment) for times, comment in [(1, 0), (2, 3_000_000), (3, 0), (4, 5_000_000), (5, 1)]
    ]
    assert [each and each.variables for each in parse_all(documents)] == [1, 2, 3, 4, 5]
    assert parse_all([]) == []


@pytest.mark.parametrize("text", [b"(" * 1_000_000, b"[" * 1_000_000, b"{[(" * 100_000, b"-" * 1_000_000, b"f(" * 50_000])
@pytest.mark.parametrize("grammar", [PYTHON, C, JAVASCRIPT], ids=["python", "c", "javascript"])
def test_deep_nesting_ends_no_process(grammar, text):
    first = parse_all([GOOD])
    assert all(each is None or each.errors for each in parse_all([(grammar, text)]))
    assert parse_all([GOOD]) == first


@pytest.mark.parametrize("grammar", range(len(NAMES)), ids=NAMES)
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n" * 100_000,
        b"a" * 10_000_000,
        b"\0" * 1000,
        b"\r" * 1000,
        b"x\ry\r",
        "\u202eé🙂\ufeff".encode() * 1000,
        b"else if x: " * 5000,
    ],
    ids=["empty", "new lines", "one line", "NULs", "carriage returns", "text", "marks", "keywords"],
)
def test_strange_text_is_parsed_or_given_up_in_every_language(grammar, text):
    [parsed] = parse_all([(grammar, text)])
    assert parsed is None or 0 <= parsed.error_bytes <= len(text)


def test_a_process_that_does_not_start_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RunError, match=r"did not start \(exit status 1\)"):
        _Process()
