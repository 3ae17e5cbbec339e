"""Tokens and n-grams of texts as 64-bit hashes, blind to case, white space and punctuation.

A *token* is a maximal run of letters, digits and combining marks; in code, of underscores too. So prose gives its words, code its
identifiers, keywords and numbers. A character of a script that writes no spaces (Han, kana, Thai, ...) is a token of its own. All
else only separates: white space of every kind, punctuation, operators, and the escapes \\n, \\r and \\t, as they stand in JSON
and in string literals. So a text that was re-indented, broken into other lines, quoted, put in a comment, a diff or a JSON file
keeps its tokens.
"""

import sys
import unicodedata
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.curation.characters import ALNUM, character_flags, decode
from pipeline.dedup.murmur import mix64
from pipeline.kernels import inlined, kernel, string_buffers

Kind = Literal["code", "prose"]

# Classes of a character: 0 separates; below SINGLE: the code point that it counts as, inside a longer token.
SINGLE, ESCAPE = np.uint32(1 << 30), np.uint32(1 << 31)
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
_NUM_NAMED = 0x33480  # code points above have no letters

_SEED, _CHARACTER = np.uint64(0x9AE16A3B2F90404F), np.uint64(0x9DDFEA08EB382D69)
STEP = np.uint64(0xB492B66FBE98F273)  # odd, bits as good as random


@cache
def token_classes(kind: Kind) -> np.ndarray:
    """The class of each code point, uint32 [0x110000], by the Unicode version of this Python (once a process and kind)."""
    classes = np.zeros(sys.maxunicode + 1, np.uint32)
    is_alnum = character_flags() & ALNUM != 0
    for code in range(_NUM_NAMED):
        char = chr(code)
        if is_alnum[code] or unicodedata.category(char)[0] == "M":
            folded = char.lower()
            classes[code] = ord(folded) if len(folded) == 1 else code
            if code > 0xE00 and unicodedata.name(char, "").startswith(_UNSPACED):
                classes[code] |= SINGLE
    if kind == "code":
        classes[ord("_")] = ord("_")
    classes[ord("\\")] = ESCAPE
    classes.setflags(write=False)
    return classes


class Grams(NamedTuple):
    """The n-grams of n texts; gram_hashes[offsets[i] : offsets[i + 1]] are those of text i, in its order, repeats included.

    A text with fewer tokens than n has one, all of its tokens; one without tokens has none.
    """

    hashes: np.ndarray  # uint64 [num_grams]
    is_numeric: np.ndarray  # bool [num_grams]: each of its tokens begins with a digit 0 to 9
    offsets: np.ndarray  # int64 [n + 1]
    num_tokens: np.ndarray  # int64 [n]
    text_hashes: np.ndarray  # uint64 [n]: equal where all tokens are


def gram_hashes(texts: pa.StringArray, *, kind: Kind, ngram_tokens: int) -> Grams:
    """Hashes of every run of `ngram_tokens` tokens of each text."""
    offsets, data = string_buffers(texts)
    return Grams(*_all_grams(offsets, data, token_classes(kind), ngram_tokens))


@kernel
def _all_grams(offsets: np.ndarray, data: np.ndarray, classes: np.ndarray, n: int) -> tuple[np.ndarray, ...]:
    num_texts = len(offsets) - 1
    longest = np.max(np.diff(offsets)) if num_texts else 0
    # The hash of all tokens up to each: memory that is never written is never taken.
    prefixes = np.zeros(longest + 1, np.uint64)
    hashes, is_numeric = np.empty(offsets[-1] - offsets[0], np.uint64), np.empty(offsets[-1] - offsets[0], np.bool_)
    num_words = np.zeros(longest + 1, np.int64)  # of the tokens up to each, those that are no numbers
    ends = np.zeros(num_texts + 1, np.int64)
    num_tokens = np.zeros(num_texts, np.int64)
    text_hashes = np.zeros(num_texts, np.uint64)
    for i in range(num_texts):
        num = 0
        start, stop, token = next_token(data, offsets[i], offsets[i + 1], classes)
        while start < stop:
            num += 1
            prefixes[num] = prefixes[num - 1] * STEP + token
            num_words[num] = num_words[num - 1] + (not 48 <= data[start] <= 57)
            start, stop, token = next_token(data, stop, offsets[i + 1], classes)
        m = min(n, num)
        ends[i + 1] = ends[i]
        if num:
            power = step_power(m)
            for k in range(m, num + 1):
                hashes[ends[i + 1]] = gram_hash(prefixes[k], prefixes[k - m], power)
                is_numeric[ends[i + 1]] = num_words[k] == num_words[k - m]
                ends[i + 1] += 1
        num_tokens[i], text_hashes[i] = num, prefixes[num]
    return hashes[: ends[-1]], is_numeric[: ends[-1]], ends, num_tokens, text_hashes


@inlined
def gram_hash(prefix: np.uint64, before: np.uint64, power: np.uint64) -> np.uint64:
    """Of the tokens between two prefixes: sum of token * STEP^(tokens after it), mod 2^64; `power` is STEP^(their number).

    The tokens' hashes are as good as random, and so is their sum.
    """
    return prefix - before * power


@inlined
def step_power(exponent: int) -> np.uint64:
    power = np.uint64(1)
    for _ in range(exponent):
        power *= STEP
    return power


@kernel
def next_token(data: np.ndarray, i: int, end: int, classes: np.ndarray) -> tuple[int, int, np.uint64]:
    """The first token from byte i on: its first byte, the byte after it, its hash; no bytes: there is none."""
    of = np.uint32(0)
    width = 1
    while i < end:
        code, width = decode(data, i)
        of = classes[code]
        if of == ESCAPE:
            of = np.uint32(0)
            if i + 1 < end and (data[i + 1] == 110 or data[i + 1] == 114 or data[i + 1] == 116):  # n, r, t
                width = 2
        if of:
            break
        i += width
    if i >= end:
        return end, end, np.uint64(0)
    start = i
    h = _SEED
    if of >= SINGLE:
        return start, i + width, mix64((h ^ np.uint64(of)) * _CHARACTER)
    while of and of < SINGLE:
        h = (h ^ np.uint64(of)) * _CHARACTER
        i += width
        if i >= end:
            break
        code, width = decode(data, i)
        of = classes[code]
    return start, i, mix64(h)
