"""How much of a text its most frequent n-gram of words covers, and how much its repeated ones do.

Most n-grams of a text occur once. One that occurs twice begins with an (n - 1)-gram that does, and is followed by another: so each
length looks at what the one before left, and 2-grams alone are looked up for every word.
"""

from typing import NamedTuple

import numpy as np

from pipeline.curation.word_measures import Words
from pipeline.kernels import kernel

TOP_LENGTHS = (2, 3, 4)
REPEATED_LENGTHS = (5, 6, 7, 8, 9, 10)

# N-grams are counted among a document's first so many words, which bounds the memory: about 40 MB.
MAX_WORDS = 1 << 20

_BASE, _SCATTER = np.uint64(0xD6E8FEB86659FD93), np.uint64(0x9E3779B97F4A7C15)
_SEEN = 1 << 30


class NgramMeasures(NamedTuple):
    """Characters of each document, int64."""

    top_chars: np.ndarray  # [3, n], by TOP_LENGTHS: of all occurrences of the most frequent n-gram, with a blank between words
    repeated_chars: np.ndarray  # [6, n], by REPEATED_LENGTHS: of the words in n-grams that occurred before, none counted twice


def ngram_measures(words: Words) -> NgramMeasures:
    """Of n-grams that are equally frequent the earliest counts. A repeated n-gram is passed over whole, and what begins inside it is
    not remembered.

    Source: as datatrove reads Rae et al. 2021 (2112.11446), Table A1.
    """
    chars = _ngram_chars(*words)
    return NgramMeasures(chars[: len(TOP_LENGTHS)], chars[len(TOP_LENGTHS) :])


@kernel
def _ngram_chars(starts: np.ndarray, hashes: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """int64 [9, n], by n-gram length from 2 on."""
    found = np.zeros((9, len(starts) - 1), np.int64)
    most = 0
    for document in range(len(starts) - 1):
        most = max(most, min(starts[document + 1] - starts[document], MAX_WORDS))
    table_size = 4
    while table_size < 2 * most:
        table_size *= 2
    table = np.empty(table_size, np.int32)  # places of n-grams' first occurrences, by hash; -1: free
    ngrams = np.empty(most, np.uint64)  # the hash of the n-gram that begins at each word
    firsts = np.empty(most, np.int32)  # where the same n-gram occurs first
    counts = np.empty(most, np.int32)  # at an n-gram's first place: how often it occurs
    places = np.empty(most, np.int32)  # where n-grams of the present length may occur twice
    ends = np.zeros(most + 1, np.int64)  # characters of the words before each
    for document in range(len(starts) - 1):
        begin = starts[document]
        num_words = min(starts[document + 1] - begin, MAX_WORDS)
        for i in range(num_words):
            ends[i + 1] = ends[i] + (kinds[begin + i] >> 2)
            ngrams[i] = hashes[begin + i]
            places[i] = i
        num_places = num_words
        for length in range(2, 11):
            if num_words < length:
                break
            # An n-gram here needs words enough, and, from 3 on, an (n - 1)-gram at the next place that occurs twice too.
            kept = 0
            for k in range(num_places):
                i = places[k]
                if i + length <= num_words and (length == 2 or (k + 1 < num_places and places[k + 1] == i + 1)):
                    places[kept] = i
                    kept += 1
            num_places = kept
            for k in range(num_places):
                ngrams[places[k]] = ngrams[places[k]] * _BASE + hashes[begin + places[k] + length - 1]
            num_places = _count(table, ngrams, firsts, counts, places, num_places)
            if length <= 4:
                found[length - 2, document] = _top_chars(ends, firsts, counts, places, num_places, length)
            else:
                found[length - 2, document] = _repeated_chars(ends, firsts, counts, places, num_places, length)
    return found


@kernel
def _count(table: np.ndarray, ngrams: np.ndarray, firsts: np.ndarray, counts: np.ndarray, places: np.ndarray, num_places: int) -> int:
    """Counts the n-grams at `places`, and keeps in there those that occur twice; their number."""
    size, bits = 4, 2
    while size < 2 * num_places:
        size *= 2
        bits += 1
    shift = np.uint64(64 - bits)
    table[:size] = -1
    for k in range(num_places):
        i = places[k]
        slot = np.int64((ngrams[i] * _SCATTER) >> shift)
        while table[slot] >= 0 and ngrams[table[slot]] != ngrams[i]:
            slot = (slot + 1) & (size - 1)
        if table[slot] < 0:
            table[slot] = i
            counts[i] = 0
        firsts[i] = table[slot]
        counts[table[slot]] += 1
    kept = 0
    for k in range(num_places):
        if counts[firsts[places[k]]] > 1:
            places[kept] = places[k]
            kept += 1
    return kept


@kernel
def _top_chars(ends: np.ndarray, firsts: np.ndarray, counts: np.ndarray, places: np.ndarray, num_places: int, length: int) -> int:
    top, times = 0, 1
    for k in range(num_places):
        i = places[k]
        if firsts[i] == i and counts[i] > times:
            top, times = i, counts[i]
    return times * (ends[top + length] - ends[top] + length - 1)


@kernel
def _repeated_chars(ends: np.ndarray, firsts: np.ndarray, counts: np.ndarray, places: np.ndarray, num_places: int, length: int) -> int:
    chars = next_place = 0
    for k in range(num_places):
        i = places[k]
        if i < next_place:
            continue
        first = firsts[i]
        if counts[first] & _SEEN:
            chars += ends[i + length] - ends[i]
            next_place = i + length
        else:
            counts[first] |= _SEEN
    return chars
