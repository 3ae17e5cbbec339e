import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tokenization.models import NORMAL, USER_DEFINED, model_file, real_texts, sentencepiece_ids, trained
from tokenization.chunks import ASK, CUT, Joins, are_joined, find_joins
from tokenization.vocabulary import read_model

JOINS = {name: find_joins(read_model(trained(name))) for name in ("tenfold", "across words", "user-defined")}


def chunks(text: str, joins: Joins) -> list[str]:
    data = np.frombuffer(text.encode(), np.uint8)
    cuts = [0]
    for at in range(1, len(data)):
        verdict = joins.by_bytes[int(data[at - 1]) << 8 | int(data[at])]
        if verdict == CUT or (verdict == ASK and not are_joined(data, at, joins.pairs)):
            cuts.append(at)
    return [data[start:end].tobytes().decode() for start, end in zip(cuts, [*cuts[1:], len(data)], strict=True)]


@pytest.mark.parametrize("name", JOINS)
def test_ids_of_the_chunks_of_real_texts_are_ids_of_the_whole(name: str) -> None:
    for text in real_texts():
        of_chunks = sentencepiece_ids(trained(name), chunks(text, JOINS[name]))
        assert [id for ids in of_chunks for id in ids] == sentencepiece_ids(trained(name), [text])[0]


@given(
    st.sets(st.text("ab é日\U0001f600", min_size=1, max_size=4), min_size=1, max_size=12),
    st.text("ab é日\U0001f600", min_size=1, max_size=40),
    st.data(),
)
@settings(deadline=None, max_examples=200)
def test_ids_of_the_chunks_are_ids_of_the_whole_with_any_vocabulary(texts: set[str], text: str, data: st.DataObject) -> None:
    kinds = [data.draw(st.sampled_from([NORMAL, USER_DEFINED])) for _ in texts]
    escaped = [(piece.replace(" ", "\u2581"), -1.0 - i, kind) for i, (piece, kind) in enumerate(zip(sorted(texts), kinds, strict=True))]
    model = model_file(escaped)
    of_chunks = sentencepiece_ids(model, chunks(text, find_joins(read_model(model))))
    assert [id for ids in of_chunks for id in ids] == sentencepiece_ids(model, [text])[0]


def test_a_vocabulary_of_words_cuts_before_spaces_and_around_new_lines() -> None:
    assert chunks("if  not\treturn:\n\n  raise ", JOINS["tenfold"]) == ["if", "  not", "\t", "return", ":", "\n", "\n", "  raise", " "]


def test_nothing_is_cut_where_a_user_defined_piece_may_stand() -> None:
    assert chunks("\n\n1=def self.x", JOINS["user-defined"]) == ["\n\n", "1", "=", "def self.", "x"]
