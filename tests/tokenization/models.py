"""SentencePiece models to compare with: small trained ones, and model files written by hand."""

import argparse
import ast
import inspect
import io
import struct
from collections.abc import Iterable
from functools import cache
from typing import Any

import pyarrow as pa
import sentencepiece

from tokenization.params import TokenizerParams
from tokenization.train import train_tokenizer

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)

LANGUAGES = [
    "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt.",
    "Все люди рождаются свободными и равными в своём достоинстве и правах. Они наделены разумом и совестью.",
    "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
    "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
]


def real_texts() -> list[str]:
    """Some 6,000 lines of code, and sentences in several scripts."""
    return [inspect.getsource(module) for module in (argparse, ast, inspect)] + LANGUAGES


@cache
def trained(name: str) -> bytes:
    """A model of some 1,000 pieces: as Tenfold trains it, or otherwise."""
    lines = [line for text in real_texts() for line in text.splitlines()] + 20 * LANGUAGES
    if name == "tenfold":
        return train_tokenizer(lines, TokenizerParams(vocab_size=1200, num_threads=1))
    options: dict[str, Any] = {"model_type": "bpe", "byte_fallback": True, "normalization_rule_name": "identity", "vocab_size": 1200}
    options |= {"remove_extra_whitespaces": False, "add_dummy_prefix": False, "character_coverage": 0.99, "max_sentencepiece_length": 24}
    options |= {
        "dummy prefix": {"add_dummy_prefix": True},
        # Pieces that hold a space in their middle, letters beside digits and punctuation: there is hardly a safe cut.
        "across words": {"split_by_whitespace": False, "split_by_unicode_script": False, "split_by_number": False},
        "user-defined": {
            "user_defined_symbols": [
                "def",
                "def ",
                "def\u2581",
                "fx",
                "\u2581\u2581",
                "\n\n",
                "===",
                "==",
                "1",
                "é",
                "人人",
                "<tool>",
                "self.",
            ]
        },
        "characters alone": {"byte_fallback": False},
        "unigram": {"model_type": "unigram"},
        "normalised": {"normalization_rule_name": "nmt_nfkc"},
    }[name]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=model, num_threads=1, minloglevel=2, **options)
    return model.getvalue()


def model_file(
    pieces: Iterable[tuple[str, float, int]], *, trainer: dict[int, int] | None = None, normalizer: dict[int, int | bytes] | None = None
) -> bytes:
    """A BPE model of <unk>, the 256 bytes and these pieces (text, score, kind).

    Args:
        trainer: fields of trainer_spec other than BPE and byte fallback.
        normalizer: fields of normalizer_spec other than "leave the text as it is".
    """
    known = [("<unk>", 0.0, UNKNOWN), *((f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256))]
    written = b"".join(
        _field(1, _field(1, text.encode()) + b"\x15" + struct.pack("<f", score) + _field(3, kind))
        for text, score, kind in [*known, *pieces]
    )
    trainer_spec = {3: 2, 35: 1} | (trainer or {})
    normalizer_spec = {3: 0, 4: 0} | (normalizer or {})
    for number, spec in ((2, trainer_spec), (3, normalizer_spec)):
        written += _field(number, b"".join(_field(*item) for item in spec.items()))
    return written


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + _varint(value >> 7)


def sentencepiece_ids(model: bytes, texts: list[str]) -> list[list[int]]:
    return sentencepiece.SentencePieceProcessor(model_proto=model).encode(texts, out_type=int)


def strings(texts: list[str]) -> pa.StringArray:
    return pa.array(texts, pa.string())
