import re

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.phrases import compile_phrases, find_phrases
from pipeline.kernels import string_buffers
from tests.curation.documents import sliced

VOCABULARY = ["the", "license", "of", "a", "version", "2", "0"]
phrases = st.lists(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=5).map(" ".join), min_size=1, max_size=8, unique=True)
SEPARATORS = [" ", "\n# ", "\n *  ", ", ", "-", "\ndnl ", "—"]
texts = st.lists(st.tuples(st.sampled_from([*VOCABULARY, "LICENCE", "other", "é"]), st.sampled_from(SEPARATORS)), max_size=25).map(
    lambda parts: "".join(word + separator for word, separator in parts)
)


def plainly(phrase: str, text: str) -> list[tuple[int, int]]:
    """(start, end) in bytes of every place, by comparing at each word."""
    found = [(m.group().lower(), m.start(), m.end()) for m in re.finditer(rb"[A-Za-z0-9]+", text.encode())]
    words = [(word.decode().replace("licence", "license"), start, end) for word, start, end in found if word != b"dnl"]
    wanted = phrase.split()
    return [
        (words[i][1], words[i + len(wanted) - 1][2])
        for i in range(len(words) - len(wanted) + 1)
        if [word for word, _, _ in words[i : i + len(wanted)]] == wanted
    ]


@given(phrases, st.lists(texts, max_size=4))
def test_every_phrase_is_found_at_every_place(wanted: list[str], documents: list[str]) -> None:
    automaton = compile_phrases(wanted, same={"licence": "license"}, skipped=["dnl"])
    buffers = string_buffers(sliced(documents))
    found = find_phrases(buffers, automaton, max_bytes=1 << 20)
    spans = {(row, phrase, s - buffers.offsets[row], e - buffers.offsets[row]) for row, phrase, s, e in zip(*found, strict=True)}
    expected = {(r, p, *span) for r, text in enumerate(documents) for p, phrase in enumerate(wanted) for span in plainly(phrase, text)}
    assert spans == expected
    assert len(found.row) == len(expected)


def test_only_the_head_of_a_text_is_looked_at() -> None:
    automaton = compile_phrases(["mit license"], same={}, skipped=[])
    documents = pa.array(["x" * 50 + " MIT License", "MIT License " * 20, None])
    assert find_phrases(string_buffers(documents), automaton, max_bytes=63).row.tolist() == [0, 1, 1, 1, 1, 1]
    assert find_phrases(string_buffers(documents), automaton, max_bytes=55).row.tolist() == [1, 1, 1, 1]


def test_a_text_of_nothing_but_phrases_is_found_whole() -> None:
    automaton = compile_phrases(["a", "a a"], same={}, skipped=[])
    found = find_phrases(string_buffers(pa.array(["a " * 5000])), automaton, max_bytes=1 << 20)
    assert np.bincount(found.phrase).tolist() == [5000, 4999]
