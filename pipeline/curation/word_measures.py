"""What prose rules measure in the words of a text, from one pass over it."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.curation.characters import decode
from pipeline.curation.word_classes import CLOSES, LETTER, LOWER, SPACE, SYMBOL, word_classes
from pipeline.curation.word_parts import is_cannot
from pipeline.curation.words import MAX_RUN_BYTES, is_abbreviation, known, split_run, text_hash
from pipeline.kernels import inlined, kernel, string_buffers

MAX_STOP_WORDS = 64  # one bit each

_HAS_LETTER, _IS_SYMBOL = 1, 2
_DOT = ord(".")
_FNV_OFFSET, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


class Words(NamedTuple):
    """Document i has the words in starts[i] : starts[i + 1] (int64 [n + 1]); marks such as `--` and `,` are among them.

    Twelve bytes a word: a document of 100 MB takes some 250 MB if it is prose, 1.2 GB if it is marks alone.
    """

    starts: np.ndarray
    hashes: np.ndarray  # of the text, uint64 [num_words]
    kinds: np.ndarray  # uint32 [num_words]: its characters << 2 | no word but a mark << 1 | has a letter


class WordMeasures(NamedTuple):
    """Counts of each document, int64 [n]."""

    num_words: np.ndarray  # without the marks
    num_symbols: np.ndarray  # the marks
    num_word_chars: np.ndarray  # of all words together
    num_alpha_words: np.ndarray  # words with a letter
    num_stop_words: np.ndarray  # distinct ones


def split_words(texts: pa.StringArray, *, split_marks: bool) -> Words:
    """The words and marks of each text.

    A mark is what consists of ASCII punctuation, ends of sentences and some typographic signs alone.

    Args:
        texts: pa.string(), normalised; a null is empty.
        split_marks: as `words.split_run` parts them; False: what lies between white space is one word.
    """
    return Words(*_split(*string_buffers(texts), word_classes(), known().abbreviations, known().units, split_marks))


def word_measures(words: Words, stop_words: tuple[str, ...]) -> WordMeasures:
    """Args:
    stop_words: at most MAX_STOP_WORDS, in lower case; found in lower case, upper case and capitalised.
    """
    forms = {form: bit for bit, word in enumerate(stop_words) for form in (word, word.upper(), word.capitalize())}
    hashes = np.array([text_hash(np.frombuffer(form.encode(), np.uint8), 0, len(form.encode())) for form in forms], np.uint64)
    order = np.argsort(hashes)
    bits = np.array(list(forms.values()), np.uint64)[order]
    longest = max((len(form) for form in forms), default=0)
    return WordMeasures(*_word_counts(*words, hashes[order], bits, longest))


@kernel
def _split(
    offsets: np.ndarray, data: np.ndarray, classes: np.ndarray, abbreviations: np.ndarray, units: np.ndarray, split_marks: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The fields of Words."""
    # As many as could be; what is not written to takes no memory.
    most = offsets[-1] - offsets[0]
    starts = np.zeros(len(offsets), np.int64)
    hashes = np.empty(most, np.uint64)
    kinds = np.empty(most, np.uint32)
    ends = np.empty(MAX_RUN_BYTES + 8, np.int64)
    count = 0
    for document in range(len(offsets) - 1):
        i, end = offsets[document], offsets[document + 1]
        while i < end:
            # Most runs are letters, or letters and one closing mark: these need no look at their insides.
            run_start = i
            value = _FNV_OFFSET
            chars, before = 0, np.int64(0)
            is_plain, has_mark = True, False
            width = 0  # of the white space that ends the run
            while i < end and i - run_start < MAX_RUN_BYTES:
                code, size = np.int64(data[i]), 1
                if code >= 0x80:
                    code, size = decode(data, i)
                flags = classes[code]
                if flags & SPACE:
                    width = size
                    break
                if is_plain and flags & LETTER:
                    for k in range(i, i + size):
                        value = (value ^ np.uint64(data[k])) * _FNV_PRIME
                    chars += 1
                    before = code
                elif is_plain and chars and _ends_run(data, i + size, end, classes) and (flags & CLOSES or code == _DOT):
                    has_mark = bool(flags & SYMBOL) and size == 1
                    if code == _DOT:
                        has_mark = classes[before] & LOWER != 0 and not is_abbreviation(data, run_start, i + 1, abbreviations)
                    is_plain = has_mark
                else:
                    is_plain = False
                i += size
            if i == run_start:
                pass
            elif is_plain and not is_cannot(data, run_start, i - has_mark) and (split_marks or not has_mark):
                hashes[count] = value
                kinds[count] = np.uint32(chars << 2 | _HAS_LETTER)
                count += 1
                if has_mark:
                    hashes[count] = text_hash(data, i - 1, i)
                    kinds[count] = np.uint32(1 << 2 | _IS_SYMBOL)
                    count += 1
            else:
                ends[0] = i
                num = split_run(data, run_start, i, classes, abbreviations, units, ends) if split_marks else 1
                token_start = run_start
                for k in range(num):
                    hashes[count] = text_hash(data, token_start, ends[k])
                    kinds[count] = _kind(data, token_start, ends[k], classes)
                    token_start = ends[k]
                    count += 1
            i += width  # of the white space
        starts[document + 1] = count
    return starts, hashes[:count], kinds[:count]


@inlined
def _ends_run(data: np.ndarray, i: int, end: int, classes: np.ndarray) -> bool:
    return i == end or (data[i] < 0x80 and classes[data[i]] & SPACE != 0)


@kernel
def _kind(data: np.ndarray, start: int, end: int, classes: np.ndarray) -> np.uint32:
    chars = has_letter = 0
    is_symbol = 1
    i = start
    while i < end:
        code, width = decode(data, i)
        flags = classes[code]
        if flags & LETTER:
            has_letter = 1
        if not flags & SYMBOL:
            is_symbol = 0
        chars += 1
        i += width
    return np.uint32(chars << 2 | is_symbol << 1 | has_letter)


@kernel
def _word_counts(
    starts: np.ndarray, hashes: np.ndarray, kinds: np.ndarray, stop_hashes: np.ndarray, stop_bits: np.ndarray, longest: int
) -> np.ndarray:
    """int64 [5, n], the rows of WordMeasures."""
    counts = np.zeros((5, len(starts) - 1), np.int64)
    for document in range(len(starts) - 1):
        symbols = chars = alpha = 0
        seen = np.uint64(0)
        for k in range(starts[document], starts[document + 1]):
            kind = kinds[k]
            alpha += kind & _HAS_LETTER
            length = kind >> 2
            if kind & _IS_SYMBOL:
                symbols += 1
            else:
                chars += length
                if length <= longest:
                    place = np.searchsorted(stop_hashes, hashes[k])
                    if place < len(stop_hashes) and stop_hashes[place] == hashes[k]:
                        seen |= np.uint64(1) << stop_bits[place]
        num_stop_words = 0
        while seen:
            seen &= seen - np.uint64(1)
            num_stop_words += 1
        counts[0, document] = starts[document + 1] - starts[document] - symbols
        counts[1, document] = symbols
        counts[2, document] = chars
        counts[3, document] = alpha
        counts[4, document] = num_stop_words
    return counts
