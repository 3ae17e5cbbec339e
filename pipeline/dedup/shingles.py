"""Shingles: every run of n tokens of a document, as a 32-bit hash; a document of one distinct shingle has both halves of 64 bits.

A *token* is a maximal run of word bytes: ASCII letters, digits, the underscore, and every byte of a character outside ASCII.
So code gives its identifiers and numbers, prose its words; white space, punctuation and operators only separate. With
`fold_case` (prose) the ASCII letters count as lower case; code keeps them. A script that writes no spaces between words gives
one token for each run between ASCII separators.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.dedup.murmur import mix64
from pipeline.kernels import kernel, string_buffers

_SEED, _NO_TOKEN_SEED = np.uint64(0x9AE16A3B2F90404F), np.uint64(0xC949C7DEFEBC06C9)
_BYTE, _STEP = np.uint64(0x9DDFEA08EB382D69), np.uint64(0xB492B66FBE98F273)  # odd, bits as good as random
_HIGH_HALF, _LOW_HALF = np.uint64(32), np.uint64(2**32 - 1)


@dataclass(frozen=True)
class Shingles:
    """hashes uint32 [num_shingles], repeats included; offsets int64 [n + 1]: document i has hashes[offsets[i] : offsets[i + 1]]."""

    hashes: np.ndarray
    offsets: np.ndarray


def shingle_hashes(texts: pa.StringArray, *, ngram_tokens: int, fold_case: bool) -> Shingles:
    """The hashes of each text's shingles, in the order of the text; at least two a text.

    A text with fewer tokens than `ngram_tokens` has one shingle, the sequence of all its tokens; one without tokens has one,
    its bytes. Where a text's only shingle is all that there is to compare, 32 bits of it would make some 100 pairs of a million
    different texts equal; so it counts as two, each half of its 64-bit hash.

    Args:
        ngram_tokens: tokens of a shingle, at least 1.
        fold_case: for prose: A to Z count as a to z.
    Source: Broder, On the resemblance and containment of documents, 1997.
    """
    offsets, data = string_buffers(texts)
    hashes, ends = _shingle_all(data, offsets, _word_bytes(fold_case), ngram_tokens)
    return Shingles(hashes, ends)


def _word_bytes(fold_case: bool) -> np.ndarray:
    """uint64 [256]: what a byte of a token counts as; 0: it separates tokens."""
    word = np.array([byte if byte >= 128 or chr(byte).isalnum() or byte == ord("_") else 0 for byte in range(256)], np.uint64)
    if fold_case:
        word[ord("A") : ord("Z") + 1] = word[ord("a") : ord("z") + 1]
    return word


@kernel
def _shingle_all(data: np.ndarray, offsets: np.ndarray, word_bytes: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    num_texts = len(offsets) - 1
    most_tokens = np.max(np.diff(offsets)) // 2 + 1 if num_texts else 0
    tokens = np.empty(most_tokens + 1, np.uint64)
    # Memory that is never written is never taken, so the largest number possible costs nothing.
    hashes = np.empty((offsets[-1] - offsets[0]) // 2 + 2 * num_texts, np.uint32)
    ends = np.zeros(num_texts + 1, np.int64)
    for i in range(num_texts):
        text = data[offsets[i] : offsets[i + 1]]
        num_tokens = _hash_tokens(text, word_bytes, tokens)
        if num_tokens == 0:
            tokens[0] = _hash_bytes(text)
            num_tokens = 1
        num_shingles = _hash_ngrams(tokens[:num_tokens], n, hashes[ends[i] :])
        ends[i + 1] = ends[i] + num_shingles
    return hashes[: ends[-1]], ends


@kernel
def _hash_tokens(text: np.ndarray, word_bytes: np.ndarray, tokens: np.ndarray) -> int:
    """Writes a hash for each token, returns their number.

    Without a branch on the text, which no processor could predict: each byte writes the hash as it stands, and a token's end
    only moves on.
    """
    num_tokens = 0
    inside = False
    h = _SEED
    for byte in text:
        word = word_bytes[byte]
        is_word = word != 0
        num_tokens += inside & (not is_word)
        h = (h ^ word) * _BYTE if is_word else _SEED
        tokens[num_tokens] = h
        inside = is_word
    num_tokens += inside
    for i in range(num_tokens):
        tokens[i] = mix64(tokens[i])
    return num_tokens


@kernel
def _hash_bytes(text: np.ndarray) -> np.uint64:
    h = _NO_TOKEN_SEED
    for byte in text:
        h = (h ^ np.uint64(byte)) * _BYTE
    return mix64(h)


@kernel
def _hash_ngrams(tokens: np.ndarray, n: int, hashes: np.ndarray) -> int:
    """A shingle is sum of token * STEP^(tokens after it), mod 2^64, rolled along; its mixed high half is kept.

    If all are the same, which is what equal tokens make of it, its low half comes last.
    """
    n = min(n, len(tokens))
    leaving = np.uint64(1)
    for _ in range(n):
        leaving *= _STEP
    h = np.uint64(0)
    for i in range(n):
        h = h * _STEP + tokens[i]
    first = h
    hashes[0] = np.uint32(mix64(h) >> _HIGH_HALF)
    is_one = True
    for i in range(n, len(tokens)):
        h = h * _STEP + tokens[i] - tokens[i - n] * leaving
        hashes[i - n + 1] = np.uint32(mix64(h) >> _HIGH_HALF)
        is_one &= h == first
    num_shingles = len(tokens) - n + 1
    if is_one:
        hashes[num_shingles] = np.uint32(mix64(first) & _LOW_HALF)
        num_shingles += 1
    return num_shingles
