"""Where a text can be cut so that its parts' ids, one after the other, are the ids of the whole.

Merging makes pieces of the vocabulary only, and user-defined pieces are such too. So if no piece holds the characters a and b
side by side, nothing ever crosses from a to b, and what happens on one side never bears on the other: a cut between them is safe.
With a vocabulary of words that is before nearly every space and between letters, digits and most punctuation.
"""

from typing import NamedTuple

import numpy as np

from pipeline.kernels import inlined, kernel
from tokenization.merging import character_bytes
from tokenization.vocabulary import NORMAL, USER_DEFINED, Model

_CUT, _JOINED, _ASK = range(3)
_STEP = np.uint64(0x9DDFEA08EB382D69)
_BYTE, _HALF = np.uint64(8), np.uint64(32)


class Joins(NamedTuple):
    """Which characters stand side by side in some piece."""

    bytes: np.ndarray  # uint8 [1 << 16]: of last byte << 8 | first byte: no pair of characters with these, all of them, or some
    pairs: np.ndarray  # uint64 [a power of two]: where some of them: character << 32 | character, as UTF-8 bytes; 0: none


def find_joins(model: Model) -> Joins:
    """The pairs of neighbours in all pieces that a text can hold."""
    pairs = {
        (a, b)
        for i in model.of_kind(NORMAL, USER_DEFINED)
        for text in [model.texts[i].decode()]
        for a, b in zip(text, text[1:], strict=False)
    }
    table = np.full((256, 256), _CUT, np.uint8)
    table[:, 0x80:0xC0] = _JOINED  # inside a character
    to_ask = []
    for a, b in pairs:
        left, right = a.encode(), b.encode()
        table[left[-1], right[0]] = _JOINED if b < "\x80" and a < "\x80" else _ASK
        if table[left[-1], right[0]] == _ASK:
            to_ask.append(int.from_bytes(left, "big") << 32 | int.from_bytes(right, "big"))
    joins = Joins(table.reshape(-1), np.zeros(1 << (2 * len(to_ask) + 1).bit_length(), np.uint64))
    _fill(np.array(to_ask, np.uint64), joins.pairs)
    return joins


@inlined
def _home(pair: np.uint64, pairs: np.ndarray) -> int:
    return np.int64(((pair * _STEP) >> _HALF) & np.uint64(len(pairs) - 1))


@kernel
def _fill(found: np.ndarray, pairs: np.ndarray) -> None:
    for pair in found:
        slot = _home(pair, pairs)
        while pairs[slot] != 0:
            slot = (slot + 1) & (len(pairs) - 1)
        pairs[slot] = pair


@kernel
def _is_pair(data: np.ndarray, at: int, pairs: np.ndarray) -> bool:
    """Whether the characters before and after `at` stand side by side in a piece."""
    start = at - 1
    while data[start] & 0xC0 == 0x80:
        start -= 1
    pair = np.uint64(0)
    for i in range(start, at):
        pair = (pair << _BYTE) | np.uint64(data[i])
    right = np.uint64(0)
    for i in range(at, at + character_bytes(data[at])):
        right = (right << _BYTE) | np.uint64(data[i])
    pair = (pair << _HALF) | right
    slot = _home(pair, pairs)
    while pairs[slot] != 0:
        if pairs[slot] == pair:
            return True
        slot = (slot + 1) & (len(pairs) - 1)
    return False


@inlined
def chunk_end(data: np.ndarray, start: int, end: int, joins: Joins) -> int:
    """Where the first cut after `start` is; at the latest `end`."""
    at = start + 1
    while at < end:
        verdict = joins.bytes[(np.int64(data[at - 1]) << 8) | data[at]]
        if verdict != _JOINED and (verdict == _CUT or not _is_pair(data, at, joins.pairs)):
            break
        at += 1
    return at
