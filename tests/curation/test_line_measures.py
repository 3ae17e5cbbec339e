"""Lines and paragraphs agree with plain Python."""

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.line_measures import line_measures
from pipeline.curation.word_classes import TERMINAL, word_classes
from tests.curation.documents import BLANK, DOCUMENTS, sliced, texts

_MAX_SHORT_CHARS = 5


def _repeated(pieces: list[str]) -> tuple[int, int]:
    repeated = [piece for place, piece in enumerate(pieces) if piece in pieces[:place]]
    return len(repeated), sum(map(len, repeated))


def _plain(text: str) -> tuple[int, ...]:
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    full = [line for line in lines if line.strip()]
    paragraphs = [piece for piece in re.split("\n{2,}", text.strip("\n")) if piece.strip()]
    return (
        len(lines),
        sum(line.lstrip().startswith(tuple("-*•‣◦▪")) for line in lines),
        sum(line.rstrip().endswith(("...", "…")) for line in lines),
        text.count("#"),
        text.count("...") + text.count("…"),
        text.count("\n"),
        len(text),
        len(full),
        sum(bool(word_classes()[ord(line[-1])] & TERMINAL) for line in full),
        sum(len(line) <= _MAX_SHORT_CHARS for line in full),
        *_repeated(full),
        len(paragraphs),
        *_repeated(paragraphs),
    )


_pieces = st.lists(st.sampled_from(["a.", "a.\n", "\n", "b c d e\n", "\n\n", " \n", "- x...\n", "é#…"]), max_size=20).map("".join)


@given(st.lists(texts | _pieces | st.sampled_from(DOCUMENTS)))
def test_lines_agree_with_plain_python(documents: list[str]) -> None:
    found = line_measures(sliced(documents), max_short_chars=_MAX_SHORT_CHARS)
    assert list(zip(*found, strict=True)) == [_plain(text) for text in documents]


def test_many_distinct_lines_are_told_apart() -> None:
    lines = [f"line {i}" for i in range(2000)]
    found = line_measures(pa.array(["\n".join(lines + lines[:3])]), max_short_chars=0)
    assert (found.num_repeated_lines[0], found.num_repeated_line_chars[0]) == (3, len("line 0") * 3)


@pytest.mark.parametrize("text", BLANK)
def test_blank_lines_are_no_duplicates_of_one_another(text: str) -> None:
    found = line_measures(pa.array([text * 3]), max_short_chars=30)
    assert found.num_repeated_lines[0] == found.num_repeated_paragraphs[0] == found.num_full_lines[0] == 0
