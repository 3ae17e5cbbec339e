import re
import string

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.code_words import code_words, distinct_words, word_chars
from tests.corpus import STDLIB
from tests.curation.documents import BLANK, DOCUMENTS, sliced, texts

# As published: full-width marks become ASCII ones, these blanks, and what is left is \w+ or [^\w\s]+.
_MARKS = {ord(mark) + 0xFEE0: " " for mark in string.punctuation} | {ord(mark): " " for mark in "。、《》【】「」“”‘’\u200b\u202c"}
_MARKS |= {ord(mark): " " for mark in string.punctuation} | dict.fromkeys([*range(32), 127], " ")  # normalised text has none of the last


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]+", text.translate(_MARKS))


def folded(word: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in word)


def check(documents: list[str]) -> None:
    words = code_words(sliced(documents))
    hashes: dict[str, int] = {}
    for document, text in enumerate(documents):
        expected = words_of(text)
        own = slice(words.starts[document], words.starts[document + 1])
        assert (words.kinds[own] >> 2).tolist() == [len(word) for word in expected]
        for word, value in zip(expected, words.hashes[own].tolist(), strict=True):
            assert hashes.setdefault(folded(word), value) == value
    assert len(set(hashes.values())) == len(hashes)
    wanted = np.arange(len(documents)) % 3 > 0
    distinct = [len({folded(word) for word in words_of(text)}) for text in documents]
    assert distinct_words(words, wanted).tolist() == np.where(wanted, distinct, 0).tolist()
    assert word_chars(words).tolist() == [sum(map(len, words_of(text))) for text in documents]


@given(st.lists(texts | st.sampled_from(DOCUMENTS)))
def test_words_agree_with_the_published_pattern(documents):
    check(documents)


def test_words_of_real_files_agree_with_the_published_pattern():
    check([path.read_text(encoding="utf-8") for path in sorted(STDLIB.glob("[a-d]*.py"))])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("self.max_size += 0x1F  # größe—日本", ["self", "max", "size", "0x1f", "größe", "—", "日本"]),
        ("a，b（c）", ["a", "b", "c"]),
        ("naïve\u00a0x\u2003y", ["naïve", "x", "y"]),
        ("🙂🙂a", ["🙂🙂", "a"]),
        *[(blank, []) for blank in BLANK],
    ],
)
def test_what_a_word_is(text, words):
    assert [folded(word) for word in words_of(text)] == words
    check([text])


def test_nulls_have_no_words():
    assert code_words(pa.array([None, "a b", None], pa.string())).starts.tolist() == [0, 0, 2, 2]
