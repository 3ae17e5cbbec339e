"""The tokenizer that is trained here: exact on any text, the same bytes every time, on the sample that it was told."""

from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.hashing import luck
from tests.tokenization.models import real_texts, trained
from tokenization.params import CHATML, FIM, TokenizerParams
from tokenization.train import MAX_LINE_BYTES, sample_shares, sample_threshold, train_tokenizer

# SentencePiece writes a space as this sign, so it can't tell the two apart when it decodes.
SPACE_SIGN = "\u2581"
SPECIAL = ["<s>", "</s>", "<unk>", "<0x0A>", "<pad>", *CHATML, *FIM]

texts = st.text() | st.lists(st.sampled_from([*SPECIAL, " ", "\n", "\t", "  ", "x", "7", "é", "你", "🙂", "\u200d"])).map("".join)


@pytest.fixture(scope="module")
def processor() -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_proto=trained("tenfold"))


@given(texts)
def test_any_text_comes_back_from_its_ids(processor: sentencepiece.SentencePieceProcessor, text: str) -> None:
    assume(SPACE_SIGN not in text)
    assert processor.decode(processor.encode(text)) == text


@given(texts)
def test_no_text_spells_out_a_special_id(processor: sentencepiece.SentencePieceProcessor, text: str) -> None:
    special = {processor.piece_to_id(piece) for piece in ("<unk>", "<s>", "</s>", *CHATML, *FIM)}
    assert special.isdisjoint(processor.encode(text))


def test_chat_and_infilling_symbols_have_ids_of_their_own(processor: sentencepiece.SentencePieceProcessor) -> None:
    ids = [processor.piece_to_id(symbol) for symbol in (*CHATML, *FIM)]
    assert len(set(ids)) == len(ids)
    assert all(processor.is_control(id) for id in ids)


def test_digits_stand_alone_and_no_piece_crosses_a_line(processor: sentencepiece.SentencePieceProcessor) -> None:
    pieces = [processor.id_to_piece(id) for id in range(processor.vocab_size()) if not processor.is_byte(id)]
    assert all(len(piece) == 1 for piece in pieces if any(c.isdigit() for c in piece.removeprefix(SPACE_SIGN)))
    assert not any("\n" in piece for piece in pieces)


def test_the_same_texts_give_the_same_model_in_another_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = TokenizerParams(vocab_size=700)
    first = train_tokenizer(iter(real_texts()), params)
    monkeypatch.chdir(tmp_path)
    assert train_tokenizer(real_texts(), params) == first
    assert str(Path.home()).encode() not in first
    assert list(tmp_path.iterdir()) == []


def test_lines_that_are_too_long_and_empty_texts_are_passed_over() -> None:
    params = TokenizerParams(vocab_size=700)
    odd = ["", "\n\n\n", "q" * (MAX_LINE_BYTES + 1), "é" * (MAX_LINE_BYTES // 2 + 1)]
    assert train_tokenizer([*odd, *real_texts(), *odd], params) == train_tokenizer(real_texts(), params)


@pytest.mark.parametrize("given_texts", [[], ["", "\n"], ["too little"]])
def test_too_little_text_for_the_vocabulary_is_an_error_with_the_remedy(given_texts: list[str]) -> None:
    with pytest.raises(UsageError, match=r"tokenizer\.vocab_size=700: .*lower it, or raise tokenizer\.sample_bytes"):
        train_tokenizer(given_texts, TokenizerParams(vocab_size=700))


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 10_000)), unique_by=lambda pair: pair[0]), st.integers(1, 200_000))
def test_the_sample_is_enough_if_there_is_enough_and_one_document_less_would_not_be(
    documents: list[tuple[int, int]], sample_bytes: int
) -> None:
    ids, sizes = np.array([id for id, _ in documents], np.uint64), np.array([size for _, size in documents], np.int64)
    bound = sample_threshold(ids, sizes, seed=5, sample_bytes=sample_bytes)
    draws = [int(draw) for draw in luck(5, "tokenizer", ids)]
    chosen = [(draw, size) for draw, size in zip(draws, sizes.tolist(), strict=True) if draw < bound]
    total = sum(size for _, size in chosen)
    if sizes.sum() < sample_bytes:
        assert len(chosen) == len(documents)
    else:
        assert total >= sample_bytes
        assert total - max(chosen)[1] < sample_bytes


@given(st.permutations(range(20)))
def test_the_sample_does_not_depend_on_the_order_of_the_documents(order: list[int]) -> None:
    ids, sizes = np.arange(20, dtype=np.uint64), np.arange(20) * 10
    bounds = {sample_threshold(ids[rows], sizes[rows], seed=1, sample_bytes=700) for rows in (np.arange(20), np.array(order))}
    assert len(bounds) == 1


def test_shares_of_the_sample_follow_the_weights_or_else_the_bytes() -> None:
    sizes = {"a": 300, "b": 100, "c": 0}
    params = TokenizerParams(sample_bytes=4000)
    assert sample_shares(sizes, params) == {"a": 3000, "b": 1000, "c": 0}
    weighted = TokenizerParams(sample_bytes=4000, sample_weights={"a": 1, "c": 3})
    assert sample_shares(sizes, weighted) == {"a": 1000, "b": 0, "c": 3000}
    with pytest.raises(UsageError, match=r"sample_weights\.d: there is no such source; there are a, b, c"):
        sample_shares(sizes, TokenizerParams(sample_weights={"d": 1}))
