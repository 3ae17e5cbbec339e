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

    top_chars: np.ndarray  # [3, n], by TOP_LENGTHS: of all occurrences of the most frequent n-gram
    repeated_chars: np.ndarray  # [6, n], by REPEATED_LENGTHS: of the words in repeated n-grams, none counted twice


def ngram_measures(words: Words) -> NgramMeasures:
    """Of n-grams that are equally frequent the earliest counts; a blank between its words counts too. A repeated n-gram is one that
    occurred before; it is passed over whole, and what begins inside it is not remembered.

    Source: as datatrove reads Rae et al. 2021 (2112.11446), Table A1.
    """
    return _measures(words, False)


def covered_ngram_measures(words: Words) -> NgramMeasures:
    """The most frequent n-gram counts only if it occurs twice, and without blanks. A repeated n-gram is each that occurs twice or more,
    its first occurrence too, wherever it begins.

    Source: RedPajama-Data-v2's signals, which OpenCoder (2411.04905) uses.
    """
    return _measures(words, True)


def _measures(words: Words, covered: bool) -> NgramMeasures:
    chars = _ngram_chars(*words, covered)
    return NgramMeasures(chars[: len(TOP_LENGTHS)], chars[len(TOP_LENGTHS) :])


@kernel
def _ngram_chars(starts: np.ndarray, hashes: np.ndarray, kinds: np.ndarray, covered: bool) -> np.ndarray:
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
    places, others = np.empty(most, np.int32), np.empty(most, np.int32)  # where n-grams of the present length may occur twice
    ends = np.zeros(most + 1, np.int64)  # characters of the words before each
    for document in range(len(starts) - 1):
        begin = starts[document]
        num_words = min(starts[document + 1] - begin, MAX_WORDS)
        for i in range(num_words):
            ends[i + 1] = ends[i] + (kinds[begin + i] >> 2)
        num_places = max(num_words - 1, 0)
        for i in range(num_places):
            ngrams[i] = hashes[begin + i] * _BASE + hashes[begin + i + 1]
            places[i] = i
        _look_up(table, ngrams, firsts, counts, places, num_places)
        for length in range(2, min(10, num_words) + 1):
            if length > 2:
                num_places = _lengthen(
                    hashes[begin + length - 1 : begin + num_words], table, ngrams, firsts, counts, places, num_places, others
                )
            kept = 0
            for k in range(num_places):
                places[kept] = places[k]
                kept += counts[firsts[places[k]]] > 1
            num_places = kept
            if length <= 4:
                found[length - 2, document] = _top_chars(ends, firsts, counts, places, num_places, length, covered)
            elif covered:
                found[length - 2, document] = _covered_chars(ends, places, num_places, length)
            else:
                found[length - 2, document] = _repeated_chars(ends, firsts, counts, places, num_places, length)
    return found


@kernel
def _look_up(table: np.ndarray, ngrams: np.ndarray, firsts: np.ndarray, counts: np.ndarray, places: np.ndarray, num_places: int) -> None:
    """Finds the first place of the n-gram at each of `places`, and counts it there."""
    size, bits = 4, 2
    while size < 2 * num_places:
        size *= 2
        bits += 1
    shift = np.uint64(64 - bits)
    table[:size] = -1
    for k in range(num_places):
        i = places[k]
        slot = np.int64((ngrams[i] * _SCATTER) >> shift)
        first = table[slot]
        while first >= 0 and ngrams[first] != ngrams[i]:
            slot = (slot + 1) & (size - 1)
            first = table[slot]
        if first < 0:
            table[slot] = first = i
            counts[i] = 0
        firsts[i] = first
        counts[first] += 1


@kernel
def _lengthen(
    following: np.ndarray,
    table: np.ndarray,
    ngrams: np.ndarray,
    firsts: np.ndarray,
    counts: np.ndarray,
    places: np.ndarray,
    num_places: int,
    others: np.ndarray,
) -> int:
    """Makes of the (n - 1)-grams at `places` the n-grams of those that can occur twice; their number.

    The word that follows has to be there, and the (n - 1)-gram at the next place has to occur twice too. Where an (n - 1)-gram came
    first it often goes on in the same way, so that only the others have to be looked up.

    Args:
        following: the hash of the last word of the n-gram at each place.
    """
    kept = num_others = 0
    for k in range(num_places - 1):
        i = places[k]
        if places[k + 1] != i + 1 or i >= len(following):
            continue
        ngrams[i] = ngrams[i] * _BASE + following[i]
        places[kept] = i
        kept += 1
        first = firsts[i]
        if first == i:
            counts[i] = 1
        elif ngrams[first] == ngrams[i]:
            counts[first] += 1
        else:
            others[num_others] = i
            num_others += 1
    _look_up(table, ngrams, firsts, counts, others, num_others)
    return kept


@kernel
def _top_chars(
    ends: np.ndarray, firsts: np.ndarray, counts: np.ndarray, places: np.ndarray, num_places: int, length: int, covered: bool
) -> int:
    top, times = 0, 1
    for k in range(num_places):
        i = places[k]
        if firsts[i] == i and counts[i] > times:
            top, times = i, counts[i]
    if covered:
        return times * (ends[top + length] - ends[top]) if times > 1 else 0
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


@kernel
def _covered_chars(ends: np.ndarray, places: np.ndarray, num_places: int, length: int) -> int:
    chars = reach = 0
    for k in range(num_places):
        start = max(reach, places[k])
        reach = places[k] + length
        chars += ends[reach] - ends[start]
    return chars
