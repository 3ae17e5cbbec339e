import sys
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.characters import ALNUM, ALPHA, COMPOSES, SPACE, character_flags, decode
from pipeline.kernels import string_buffers
from tests.curation.documents import texts


@pytest.mark.parametrize(("flag", "method"), [(ALPHA, str.isalpha), (ALNUM, str.isalnum), (SPACE, str.isspace)])
def test_flags_agree_with_str_on_every_code_point(flag, method):
    expected = np.array([method(chr(code)) for code in range(sys.maxunicode + 1)])
    assert np.array_equal(character_flags() & flag != 0, expected)


@given(st.text())
def test_text_without_composing_characters_is_in_normal_form(text):
    plain = "".join(char for char in text if not character_flags()[ord(char)] & COMPOSES)
    assert unicodedata.is_normalized("NFC", plain)


@given(st.characters(exclude_categories=["Cs"]))
def test_a_code_point_is_decoded_as_python_encodes_it(char):
    data = np.frombuffer(char.encode(), np.uint8)
    assert decode(data, 0) == (ord(char), len(data))


@given(st.lists(st.none() | texts), st.integers(0, 3), st.sampled_from([pa.string(), pa.large_string()]))
def test_buffers_hold_the_documents_of_any_slice(documents, start, kind):
    array = pa.array(documents, kind).slice(start)
    offsets, data = string_buffers(array)
    found = [data[offsets[i] : offsets[i + 1]].tobytes().decode() for i in range(len(offsets) - 1)]
    assert found == [text or "" for text in array.to_pylist()]
