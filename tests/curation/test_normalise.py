import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.normalise import normalise
from tests.curation.documents import DOCUMENTS, sliced, texts

_messy = st.text(st.sampled_from("\r\n\n\t\f\v\x85\x00\x1b\x7f\x9f\ufeffae\u0301\u0327é\u1100\u1161\u11a8\u0958\u212bक़"))


def _by_character(text: str) -> str:
    """The rules of `normalise`, one after the other."""
    text = text.replace("\r\n", "\n")
    text = "".join("\n" if char in "\r\v\f\x85" else char for char in text)
    text = "".join(char for char in text if char in "\n\t" or unicodedata.category(char) != "Cc")
    while text.startswith("\ufeff"):
        text = text[1:]
    return unicodedata.normalize("NFC", text)


@given(st.lists(_messy | texts))
def test_each_document_is_normalised_by_the_rules(documents):
    assert normalise(sliced(documents)).to_pylist() == [_by_character(text) for text in documents]


@given(st.lists(_messy | texts))
def test_a_second_pass_changes_nothing(documents):
    once = normalise(pa.array(documents, pa.string()))
    assert normalise(once).equals(once)


def test_clean_documents_are_not_copied():
    clean = pa.array([unicodedata.normalize("NFC", text) for text in DOCUMENTS if "न" not in text])
    assert normalise(clean) is clean


@pytest.mark.parametrize("documents", [[], [None], ["a\r\nb", None, "c"], [None, "\ufeffe\u0301"]])
def test_nulls_stay_null(documents):
    expected = [None if text is None else _by_character(text) for text in documents]
    assert normalise(pa.array(documents, pa.string())).to_pylist() == expected
