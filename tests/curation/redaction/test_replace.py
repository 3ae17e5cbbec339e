import re

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.redaction.replace import Replacements, replace_all
from pipeline.kernels import StringBuffers


def _find(buffers: StringBuffers) -> np.ndarray:
    """Runs of x and y (kind 0) and what stands between parentheses (kind 1)."""
    spans = []
    for start, end in zip(buffers.offsets[:-1].tolist(), buffers.offsets[1:].tolist(), strict=True):
        text = buffers.data[start:end].tobytes().decode("latin-1")
        for kind, pattern in enumerate(["[xy]+", r"\([a-z]*\)"]):
            spans += [(start + match.start(), start + match.end(), kind) for match in re.finditer(pattern, text)]
    return np.array(spans, np.int64).reshape(-1, 3)


def _replacements(buffers: StringBuffers, spans: np.ndarray) -> Replacements:
    return Replacements(spans[:, 2], [b"a", b"<1>"])


def _once(text: str) -> str:
    """Overlapping spans go as one, of the kind of the first: a run of x inside of parentheses goes with them."""
    return re.sub(r"\([a-z]*\)|[xy]+", lambda match: "<1>" if match.group()[0] == "(" else "a", text)


def _forever(text: str) -> str:
    while (after := _once(text)) != text:
        text = after
    return text


_texts = st.lists(st.text(st.sampled_from("xyab(). é🙂\n")) | st.none(), max_size=6)


@given(_texts)
def test_texts_are_replaced_until_nothing_is_found(documents):
    texts = pa.array(["()", *documents], pa.string()).slice(1)
    replaced = replace_all(texts, _find, _replacements)
    assert replaced.texts.to_pylist() == [None if text is None else _forever(text) for text in documents]


@given(_texts)
def test_spans_are_those_of_the_text_as_it_was(documents):
    texts = pa.array(documents, pa.string())
    replaced = replace_all(texts, _find, _replacements)
    assert (np.diff(replaced.rows) >= 0).all()
    outside = list(documents)
    for row, (start, end, _) in reversed(list(zip(replaced.rows.tolist(), replaced.spans.tolist(), strict=True))):
        assert 0 <= start < end <= len(documents[row])
        outside[row] = outside[row][:start] + "\0" + outside[row][end:]
    # What is not in a span stays; a span's replacement is of these characters.
    for before, after in zip(outside, replaced.texts.to_pylist(), strict=True):
        assert before is None or re.fullmatch("[a<1>]+".join(map(re.escape, before.split("\0"))), after)


def test_a_span_of_a_later_round_takes_in_what_it_has_grown_from():
    replaced = replace_all(pa.array(["é(bxb) (xé) (y.)"]), _find, _replacements)
    assert replaced.texts.to_pylist() == ["é<1> (aé) (a.)"]
    assert replaced.spans.tolist() == [[1, 6, 1], [8, 9, 0], [13, 14, 0]]
    nested = replace_all(pa.array(["((xb)c) (b(xy)"]), _find, lambda buffers, spans: Replacements(spans[:, 2], [b"a", b"b"]))
    assert nested.texts.to_pylist() == ["b (bb"]
    assert nested.spans.tolist() == [[0, 7, 1], [10, 14, 1]]


def test_texts_without_findings_are_the_very_array():
    texts = pa.array(["abc", None, ""])
    assert replace_all(texts, _find, _replacements).texts is texts
