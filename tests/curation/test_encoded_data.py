import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.encoded_data import BASE64_PATTERN, ESCAPES_PATTERN, HEXADECIMAL_PATTERN, encoded_measures
from tests.curation.documents import DOCUMENTS, sliced, texts

_PATTERNS = [re.compile(pattern) for pattern in (BASE64_PATTERN, HEXADECIMAL_PATTERN, ESCAPES_PATTERN)]

_PIECES = [
    r"\x41",
    "0x41,",
    "0xfF ",
    "41",
    "41 ",
    "e0,",
    ",",
    " ",
    "\n",
    "\u00a0",
    "\u3000",
    "\t",
    "_",
    "é",
    "-",
    "x",
    "0x",
    "0x4",
    "\\",
    "G",
]
_PIECES += [r"\u0041", r"\u00e", r"\u", "A" * 31, "ab+/=\n" * 6, "deadbeef", "z" * 64, "٣"]
# Runs of a piece, since eight items or 64 characters make a match.
_runs = st.tuples(st.sampled_from(_PIECES), st.sampled_from([1, 1, 2, 7, 8, 9])).map(lambda run: run[0] * run[1])
_encoded = st.lists(_runs, max_size=12).map("".join)


def _by_regular_expressions(text: str) -> tuple[int, int]:
    spans = [match.span() for pattern in _PATTERNS for match in pattern.finditer(text)]
    covered = {place for start, end in spans for place in range(start, end)}
    return max((end - start for start, end in spans), default=0), len(covered)


@given(st.lists(_encoded | texts | st.sampled_from(DOCUMENTS)))
def test_matches_are_those_of_the_published_patterns(documents):
    assert list(zip(*encoded_measures(sliced(documents)), strict=True)) == [_by_regular_expressions(text) for text in documents]


@given(st.lists(st.sampled_from(["41", "0x4f", r"\x4F", ",", " ", "\n", "g"]), min_size=20, max_size=60).map("".join))
def test_hexadecimal_matches_are_those_of_the_published_pattern(text):
    longest = max((len(match.group()) for match in _PATTERNS[1].finditer(text)), default=0)
    longest = max(longest, *(len(match.group()) for match in _PATTERNS[0].finditer(text)), 0)
    assert encoded_measures(sliced([text])).longest_chars[0] == longest


@pytest.mark.parametrize(
    ("text", "longest", "matched"),
    [
        ("0x41,0x42,0x43,0x44,0x45,0x46,0x47,0x48", 39, 39),
        ("0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48", 0, 0),
        ("41 42 43 44 45 46 47 48\u00a0\u00a0;", 25, 25),
        ('"' + r"\x41" * 9 + '"', 32, 32),
        (r"\u0041" * 8 + r"\u004", 48, 48),
        ("é" + "A" * 64 + "-" + "b" * 70, 70, 134),
        ("41\n" * 32, 96, 96),
    ],
)
def test_known_runs_have_their_length(text, longest, matched):
    measures = encoded_measures(sliced([text]))
    assert (measures.longest_chars[0], measures.num_chars[0]) == (longest, matched)
