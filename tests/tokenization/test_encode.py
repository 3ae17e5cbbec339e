import logging
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.params import UsageError
from tests.tokenization.models import (
    CONTROL,
    LANGUAGES,
    NORMAL,
    UNUSED,
    USER_DEFINED,
    model_file,
    real_texts,
    sentencepiece_ids,
    strings,
    trained,
)
from tokenization.encode import Tokenizer
from tokenization.fast import FastEncoder
from tokenization.vocabulary import obstacle, read_model

CUT = ["tenfold", "dummy prefix", "across words", "user-defined"]
TOKENIZERS = {name: Tokenizer(trained(name)) for name in CUT}
PIECES = {name: [text.decode() for text in read_model(trained(name)).texts] for name in CUT}
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
AWKWARD = [
    "",
    " ",
    "\u2581",
    "a\u2581b \u2581 c",
    "\0",
    "a\0\0b",
    " \n\n \n",
    "\U0001f600" * 9,
    "\ufeffx",
    "\ufffd",
    "e\u0301",
    "<s></s><unk><0x41>",
]


@pytest.mark.parametrize("name", CUT)
def test_real_texts_have_sentencepieces_ids(name: str, caplog: pytest.LogCaptureFixture) -> None:
    texts = real_texts() + AWKWARD
    with caplog.at_level(logging.WARNING):
        assert Tokenizer(trained(name)).encode(strings(texts)).to_pylist() == sentencepiece_ids(trained(name), texts)
    assert not caplog.records  # so it was not sentencepiece that encoded


@given(st.sampled_from(CUT), st.lists(ANY_TEXT, max_size=4))
@settings(deadline=None, max_examples=150)
def test_any_text_has_sentencepieces_ids(name: str, texts: list[str]) -> None:
    assert TOKENIZERS[name].encode(strings(texts)).to_pylist() == sentencepiece_ids(trained(name), texts)


@given(st.data(), st.sampled_from(CUT))
@settings(deadline=None, max_examples=150)
def test_pieces_glued_together_have_sentencepieces_ids(data: st.DataObject, name: str) -> None:
    parts = st.one_of(st.sampled_from(PIECES[name]), st.sampled_from(AWKWARD), st.text(max_size=2))
    text = "".join(data.draw(st.lists(parts, max_size=40))).encode("utf-8", "ignore").decode()
    assert TOKENIZERS[name].encode(strings([text])).to_pylist() == sentencepiece_ids(trained(name), [text])


def vocabularies(letters: str) -> st.SearchStrategy:
    """Pieces (text, score, kind) and texts of a few letters."""
    kinds = st.sampled_from([NORMAL] * 4 + [USER_DEFINED])
    pieces = st.tuples(st.text(letters, min_size=1, max_size=4), st.integers(-4, -1), kinds)
    unique = st.lists(pieces, min_size=1, max_size=25, unique_by=lambda piece: piece[0])
    return st.tuples(unique, st.lists(st.text(letters + "x", max_size=40), min_size=1, max_size=5))


@given(st.sampled_from(["ab", "a \u2581", "ab \n", "aé日\U0001f600"]).flatmap(vocabularies), st.booleans())
@settings(deadline=None, max_examples=300)
def test_any_vocabulary_gives_sentencepieces_ids(drawn: tuple[list[tuple[str, int, int]], list[str]], dummy_prefix: bool) -> None:
    """Pieces that no merges lead to, equal scores, user-defined pieces inside others: all that training would not make."""
    pieces, texts = drawn
    escaped = {text.replace(" ", "\u2581"): (float(score), kind) for text, score, kind in [*pieces, (" ", -9, NORMAL)]}
    model = model_file(((text, *piece) for text, piece in escaped.items()), normalizer={3: int(dummy_prefix)})
    assert obstacle(read_model(model)) is None
    offsets, ids = FastEncoder(read_model(model)).encode(strings(texts))
    assert [list(run) for run in np.split(ids, offsets[1:-1])] == sentencepiece_ids(model, texts)


@pytest.mark.parametrize(
    "text",
    ["a" * 30_000, "x = 1;" * 5_000, "".join(Random(1).choices("abcdefgh", k=30_000)), "\u65e5\u672c" * 5_000, " " * 9_999 + "x"],
    ids=["one letter", "code", "no space", "no ASCII", "spaces"],
)
@pytest.mark.parametrize("name", CUT)
def test_a_long_line_has_sentencepieces_ids(text: str, name: str) -> None:
    assert TOKENIZERS[name].encode(strings([text])).to_pylist() == sentencepiece_ids(trained(name), [text])


def test_what_was_encoded_before_makes_no_difference() -> None:
    texts = [text for text in real_texts() for text in text.splitlines()]
    fresh, used = Tokenizer(trained("tenfold")), TOKENIZERS["tenfold"]
    Random(1).shuffle(texts)
    used.encode(strings(texts[::-1]))
    assert used.encode(strings(texts)).equals(fresh.encode(strings(texts)))
    assert used.encode(strings(texts)).to_pylist() == sentencepiece_ids(trained("tenfold"), texts)


def test_slices_and_nulls_of_an_array_are_read_right() -> None:
    texts = pa.array(["def left out", "x = 1", None, "", "yield\n"])
    ids = sentencepiece_ids(trained("dummy prefix"), ["x = 1", "", "", "yield\n"])
    assert TOKENIZERS["dummy prefix"].encode(texts[1:]).to_pylist() == ids
    assert Tokenizer(trained("unigram")).encode(texts[2:4]).to_pylist() == [[], []]
    assert TOKENIZERS["tenfold"].encode(texts[:0]).to_pylist() == []


def test_bytes_that_are_no_text_are_refused() -> None:
    broken = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(np.array([0, 3], np.int32)), pa.py_buffer(b"a\xe2\x96")])
    with pytest.raises(ValueError, match="UTF8"):
        TOKENIZERS["tenfold"].encode(broken)


def test_ids_are_as_wide_as_the_vocabulary_needs() -> None:
    letters = [chr(code) for code in range(0x4E00, 0x4E00 + 20_000)]
    pairs = [letters[i] + letters[i + step] for step in (1, 2, 3) for i in range(19_000)]
    model = model_file((text, -1.0 - score, NORMAL) for score, text in enumerate(letters + pairs))
    text = "".join(Random(1).choices(pairs, k=5_000))
    assert TOKENIZERS["tenfold"].encode(strings(["x"])).type == pa.list_(pa.uint16())
    wide = Tokenizer(model).encode(strings([text]))
    assert wide.type == pa.list_(pa.uint32())
    assert wide.to_pylist() == sentencepiece_ids(model, [text])


def test_a_file_that_is_no_model_is_refused() -> None:
    with pytest.raises(UsageError, match=r"here\.model is no SentencePiece model"):
        Tokenizer(b"\x0anonsense", "here.model")


LEFT_TO_SENTENCEPIECE = {
    "no BPE model": trained("unigram"),
    "normalises": trained("normalised"),
    "removes white space": model_file([("a", -1.0, NORMAL)], normalizer={4: 1}),
    "not escape": model_file([("a b", -1.0, NORMAL)], normalizer={5: 0}),
    "as suffixes": model_file([("a\u2581", -1.0, NORMAL)], trainer={24: 1}, normalizer={3: 1}),
    "fall back to bytes": trained("characters alone"),
    "a space is no piece": model_file([("a", -1.0, NORMAL)]),
    "unused pieces": model_file([("ab", -1.0, UNUSED), ("abc", -2.0, NORMAL)]),
    "holds NUL": model_file([("\0", -1.0, NORMAL), ("ab", -2.0, NORMAL)]),
    "finite": model_file([("ab", float("nan"), NORMAL), ("bc", -1.0, NORMAL)]),
    "of 0 and of -0": model_file([("ab", 0.0, NORMAL), ("bc", -0.0, NORMAL)]),
    "stand for text": model_file([("a", 0.0, CONTROL), ("ab", -1.0, NORMAL)]),
    "over 64 lengths": model_file([("a" * length, 0.0, USER_DEFINED) for length in range(1, 67)]),
}


@pytest.mark.parametrize("reason", LEFT_TO_SENTENCEPIECE)
def test_what_cannot_be_proved_is_left_to_sentencepiece(reason: str, caplog: pytest.LogCaptureFixture) -> None:
    model = LEFT_TO_SENTENCEPIECE[reason]
    with caplog.at_level(logging.WARNING):
        tokenizer = Tokenizer(model, "odd.model")
    assert len(caplog.records) == 1
    assert "odd.model" in caplog.text
    assert reason in caplog.text
    texts = [*AWKWARD, *LANGUAGES, "a b abc  \uff41 bc\tab", "a" * 70 + "b"]
    assert tokenizer.encode(strings(texts)).to_pylist() == sentencepiece_ids(model, texts)
