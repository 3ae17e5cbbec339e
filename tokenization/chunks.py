"""Where a text can be cut so that its parts' ids, one after the other, are the ids of the whole.

Merging makes pieces of the vocabulary and nothing else, and user-defined pieces are in it too. So if no piece holds characters a
and b side by side, nothing ever crosses from a to b, and what happens on one side never bears on the other: a cut between them
is safe. With the usual vocabularies that is before most spaces, around new lines, and between letters, digits and punctuation.
"""

from typing import NamedTuple

import numpy as np

from pipeline.kernels import kernel
from tokenization.merging import character_bytes, read_character
from tokenization.table import MISSING, look_up, new_table
from tokenization.vocabulary import NORMAL, USER_DEFINED, Model

CUT, JOINED, ASK = range(3)


class Joins(NamedTuple):
    """Which characters stand side by side in a piece."""

    by_bytes: np.ndarray  # uint8 [1 << 16], by last byte << 8 | first byte: no such characters, all, or some: ask `are_joined`
    pairs: np.ndarray  # table: code point << 32 | code point, not both in ASCII


def find_joins(model: Model) -> Joins:
    """The neighbours in every piece that a text can hold."""
    texts = [model.texts[i].decode() for i in model.of_kind(NORMAL, USER_DEFINED)]
    by_bytes = np.full((256, 256), CUT, np.uint8)
    by_bytes[:, 0x80:0xC0] = JOINED  # inside a character
    keys = []
    for left, right in {(text[i], text[i + 1]) for text in texts for i in range(len(text) - 1)}:
        in_ascii = left.isascii() and right.isascii()
        by_bytes[left.encode()[-1], right.encode()[0]] = JOINED if in_ascii else ASK
        if not in_ascii:
            keys.append(ord(left) << 32 | ord(right))
    return Joins(by_bytes.reshape(-1), new_table(np.array(keys, np.int64), np.zeros(len(keys), np.int64)))


@kernel
def are_joined(data: np.ndarray, at: int, pairs: np.ndarray) -> bool:
    """Whether a piece holds the characters before and after `at`."""
    start = at - 1
    while data[start] & 0xC0 == 0x80:
        start -= 1
    left = read_character(data, start, at)
    right = read_character(data, at, at + character_bytes(data[at]))
    return look_up(pairs, left << 32 | right) != MISSING
