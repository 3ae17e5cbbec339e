"""What prose rules measure: words, symbols, and how lines begin and end."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.curation.characters import ALNUM, ALPHA, SPACE, character_flags, decode
from pipeline.kernels import kernel, string_buffers

_HASH, _DOT, _ELLIPSIS = ord("#"), ord("."), ord("…")
_BULLETS = tuple(ord(bullet) for bullet in "-*•‣◦▪")
_FNV_OFFSET, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)

MAX_STOP_WORDS = 64  # one bit each


class WordMeasures(NamedTuple):
    """Counts of each document, int64 [n]."""

    num_words: np.ndarray
    num_symbols: np.ndarray  # no words
    num_word_chars: np.ndarray  # of all words together
    num_alpha_words: np.ndarray  # words with a letter
    num_stop_words: np.ndarray  # distinct ones
    num_hashes: np.ndarray  # "#"
    num_ellipses: np.ndarray  # "..." and "…"


class LineMeasures(NamedTuple):
    """Counts of each document, int64 [n]."""

    num_lines: np.ndarray
    num_bullet_lines: np.ndarray
    num_ellipsis_lines: np.ndarray


def word_measures(texts: pa.StringArray, stop_words: tuple[str, ...]) -> WordMeasures:
    """Words and symbols of each text.

    In a run of characters that are no white space (str.isspace), the word is what lies between the first and the last letter or
    digit (str.isalnum), other characters inside included: `don't` in `(don't),` and `os.path` in `os.path()`. A run
    without letter and digit, such as `--` or `|`, is a symbol and no word. Stop words are compared with a word whose upper-case
    ASCII letters are made lower.

    Languages that put no white space between words have few and long ones here.

    Args:
        texts: pa.string(), normalised; a null is measured as empty.
        stop_words: at most MAX_STOP_WORDS, in lower case.
    """
    encoded = [np.frombuffer(word.encode(), np.uint8) for word in stop_words]
    hashes = np.array([_word_hash(word, 0, len(word)) for word in encoded], np.uint64)
    longest = max((len(word) for word in encoded), default=0)
    return WordMeasures(*_word_counts(*string_buffers(texts), character_flags(), hashes, longest))


def line_measures(texts: pa.StringArray) -> LineMeasures:
    """Lines of each text; one ends at a line feed or at the text's end.

    White space around a line is passed over; it is a bullet line if it begins with one of - * • ‣ ◦ ▪, an
    ellipsis line if it ends in `...` or `…`.

    Args:
        texts: pa.string(), normalised; a null is measured as empty.
    """
    return LineMeasures(*_line_counts(*string_buffers(texts), character_flags()))


@kernel
def _word_counts(offsets: np.ndarray, data: np.ndarray, flags: np.ndarray, stop_hashes: np.ndarray, longest: int) -> np.ndarray:
    """int64 [7, n], the rows of WordMeasures; no stop word has more than `longest` bytes."""
    counts = np.zeros((7, len(offsets) - 1), np.int64)
    for document in range(len(offsets) - 1):
        i, end = offsets[document], offsets[document + 1]
        words = symbols = word_chars = alpha_words = hashes = ellipses = 0
        stop_words_seen = np.uint64(0)
        while i < end:
            run_start = word_start = word_end = i
            chars = chars_of_word = dots = 0  # chars: since the run's first letter or digit
            has_letter = False
            width = 0
            while i < end:
                code, width = decode(data, i)
                flag = flags[code]
                if flag & SPACE:
                    break
                if flag & ALNUM:
                    if chars == 0:
                        word_start = i
                    chars += 1
                    chars_of_word = chars
                    word_end = i + width
                    has_letter |= flag & ALPHA != 0
                    dots = 0
                else:
                    chars += chars > 0
                    dots = dots + 1 if code == _DOT else 0
                    hashes += code == _HASH
                    if code == _ELLIPSIS or dots == 3:
                        ellipses += 1
                        dots = 0
                i += width
            if chars_of_word:
                words += 1
                alpha_words += has_letter
                word_chars += chars_of_word
                if word_end - word_start <= longest:
                    stop_words_seen |= _stop_word_bit(_word_hash(data, word_start, word_end), stop_hashes)
            else:
                symbols += i > run_start
            i += width  # of the white space
        row = (words, symbols, word_chars, alpha_words, _num_bits(stop_words_seen), hashes, ellipses)
        for k in range(7):
            counts[k, document] = row[k]
    return counts


@kernel
def _word_hash(data: np.ndarray, start: int, end: int) -> np.uint64:
    """FNV-1a of the bytes, ASCII letters in lower case: 64 bits, so that equal hashes stand for equal words."""
    value = _FNV_OFFSET
    for i in range(start, end):
        byte = data[i]
        if 65 <= byte <= 90:
            byte += np.uint8(32)
        value = (value ^ np.uint64(byte)) * _FNV_PRIME
    return value


@kernel
def _stop_word_bit(word_hash: np.uint64, stop_hashes: np.ndarray) -> np.uint64:
    for k in range(len(stop_hashes)):
        if stop_hashes[k] == word_hash:
            return np.uint64(1) << np.uint64(k)
    return np.uint64(0)


@kernel
def _num_bits(bits: np.uint64) -> int:
    num = 0
    while bits:
        bits &= bits - np.uint64(1)
        num += 1
    return num


@kernel
def _line_counts(offsets: np.ndarray, data: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """int64 [3, n], the rows of LineMeasures."""
    counts = np.zeros((3, len(offsets) - 1), np.int64)
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        while start < end:
            line_end = start
            while line_end < end and data[line_end] != 10:
                line_end += 1
            first, last = _strip(data, flags, start, line_end)
            counts[0, document] += 1
            if first < last:
                counts[1, document] += decode(data, first)[0] in _BULLETS
                counts[2, document] += last - first >= 3 and (
                    (data[last - 3] == 0xE2 and data[last - 2] == 0x80 and data[last - 1] == 0xA6)
                    or (data[last - 3] == _DOT and data[last - 2] == _DOT and data[last - 1] == _DOT)
                )
            start = line_end + 1
    return counts


@kernel
def _strip(data: np.ndarray, flags: np.ndarray, start: int, end: int) -> tuple[int, int]:
    """The span without the white space at its ends."""
    while start < end:
        code, width = decode(data, start)
        if not flags[code] & SPACE:
            break
        start += width
    while start < end:
        last = end - 1
        while data[last] & 0xC0 == 0x80:
            last -= 1
        if not flags[decode(data, last)[0]] & SPACE:
            break
        end = last
    return start, end
