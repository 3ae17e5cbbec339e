"""What a SentencePiece model file says of itself.

The file is a protocol buffer and read as such: the message classes that come with sentencepiece register names that other
packages register too, so that one process can't load both.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

# What a space becomes before pieces are compared with the text. A text may hold one itself; the two can't be told apart then,
# so that here both are a space, one byte.
SPACE = "\u2581".encode()

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
_UNIGRAM, _BPE = 1, 2


@dataclass(frozen=True)
class Model:
    """Piece i is texts[i], in UTF-8 with spaces as spaces (b"" if no text can hold it), with scores float32 [n] and kinds uint8 [n]."""

    texts: list[bytes]
    scores: np.ndarray
    kinds: np.ndarray
    is_bpe: bool
    byte_fallback: bool
    space_as_suffix: bool
    charsmap: bytes
    add_dummy_prefix: bool
    remove_extra_whitespaces: bool
    escape_whitespaces: bool

    def of_kind(self, *kinds: int) -> list[int]:
        """The ids of pieces of these kinds that a text can hold."""
        return [int(i) for i in np.flatnonzero(np.isin(self.kinds, kinds)) if self.texts[i]]


def read_model(data: bytes) -> Model:
    """A model file that sentencepiece has accepted.

    Source: sentencepiece_model.proto of SentencePiece 0.2: numbers of fields, and defaults.
    """
    pieces: list[dict[int, Any]] = []
    trainer: dict[int, Any] = {}
    normalizer: dict[int, Any] = {}
    for number, value in _fields(data):
        if number == 1:
            pieces.append(dict(_fields(value)))
        elif number == 2:
            trainer.update(_fields(value))
        elif number == 3:
            normalizer.update(_fields(value))
    return Model(
        texts=[_as_text(piece[1]) for piece in pieces],
        scores=np.array([piece.get(2, 0.0) for piece in pieces], np.float32),
        kinds=np.array([piece.get(3, NORMAL) for piece in pieces], np.uint8),
        is_bpe=trainer.get(3, _UNIGRAM) == _BPE,
        byte_fallback=bool(trainer.get(35, False)),
        space_as_suffix=bool(trainer.get(24, False)),
        charsmap=normalizer.get(2, b""),
        add_dummy_prefix=bool(normalizer.get(3, True)),
        remove_extra_whitespaces=bool(normalizer.get(4, True)),
        escape_whitespaces=bool(normalizer.get(5, True)),
    )


def obstacle(model: Model) -> str | None:
    """Why this model's ids can't be made by cutting texts and merging pairs as `tokenization.merging` does; None: they can."""
    user_defined = [model.texts[i] for i in model.of_kind(USER_DEFINED)]
    usable = {model.texts[i] for i in model.of_kind(NORMAL, USER_DEFINED)}
    reserved = [model.texts[i] for i in model.of_kind(UNKNOWN, CONTROL, BYTE)]
    normal_scores = model.scores[model.kinds == NORMAL]
    obstacles = {
        "it is no BPE model": not model.is_bpe,
        "it normalises text": bool(model.charsmap),
        "it removes white space": model.remove_extra_whitespaces,
        "it does not escape spaces": not model.escape_whitespaces,
        "it takes spaces as suffixes": model.space_as_suffix,
        "it does not fall back to bytes": not model.byte_fallback,
        "it has unused pieces": bool((model.kinds == UNUSED).any()),
        # Unused too, depending on the version.
        "a piece holds NUL": any(b"\0" in text for text in model.texts),
        "a score is no finite number": not np.isfinite(model.scores).all(),
        # Equal or not, depending on sentencepiece's version.
        "it has scores of 0 and of -0": len(np.unique(np.signbit(normal_scores[normal_scores == 0]))) > 1,
        "a reserved piece can stand for text": any(len(text.decode()) == 1 or text in usable for text in reserved),
        # sentencepiece compares no more matches than that at one place.
        "its user-defined pieces have over 64 lengths": len({len(text) for text in user_defined}) > 64,
        "a space is no piece": b" " not in usable,  # so it is never spelt in bytes
    }
    return next((reason for reason, holds in obstacles.items() if holds), None)


def _as_text(piece: bytes) -> bytes:
    return b"" if b" " in piece else piece.replace(SPACE, b" ")


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Each field's number and value: an int, a float, or bytes.

    Source: Protocol Buffers, Encoding.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
        elif kind == 2:
            num_bytes, at = _varint(message, at)
            yield key >> 3, message[at : at + num_bytes]
            at += num_bytes
        else:  # 1: eight bytes, 5: four
            num_bytes = 8 if kind == 1 else 4
            yield key >> 3, struct.unpack_from("<d" if kind == 1 else "<f", message, at)[0]
            at += num_bytes


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
