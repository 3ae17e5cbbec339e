"""What prose rules measure in the lines and paragraphs of a text, from one pass over it."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.curation.characters import decode
from pipeline.curation.word_classes import SPACE, TERMINAL, word_classes
from pipeline.kernels import kernel, string_buffers

_HASH, _DOT, _ELLIPSIS = ord("#"), ord("."), ord("…")
_BULLETS = tuple(ord(bullet) for bullet in "-*•‣◦▪")
_FNV_OFFSET, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_SCATTER = np.uint64(0x9E3779B97F4A7C15)
_FEW = 256  # texts that a set of them begins with room for


class LineMeasures(NamedTuple):
    """Counts of each document, int64 [n]. A line ends at a line feed or at the text's end, a paragraph at two line feeds or more.

    White space around a line is passed over for bullets and ellipses. Blank lines have no part in what follows `num_full_lines`.
    """

    num_lines: np.ndarray
    num_bullet_lines: np.ndarray  # begin with one of - * • ‣ ◦ ▪
    num_ellipsis_lines: np.ndarray  # end in "..." or "…"
    num_hashes: np.ndarray  # "#"
    num_ellipses: np.ndarray  # "..." and "…"
    num_line_feeds: np.ndarray
    num_chars: np.ndarray
    num_full_lines: np.ndarray  # hold more than white space
    num_terminal_lines: np.ndarray  # their very last character ends a sentence
    num_short_lines: np.ndarray
    num_repeated_lines: np.ndarray  # the same line came before
    num_repeated_line_chars: np.ndarray
    num_paragraphs: np.ndarray
    num_repeated_paragraphs: np.ndarray
    num_repeated_paragraph_chars: np.ndarray


def line_measures(texts: pa.StringArray, *, max_short_chars: int) -> LineMeasures:
    """Args:
    texts: pa.string(), normalised; a null is measured as empty.
    max_short_chars: a line of at most so many characters is short.
    """
    return LineMeasures(*_line_counts(*string_buffers(texts), word_classes(), max_short_chars))


@kernel
def _line_counts(offsets: np.ndarray, data: np.ndarray, classes: np.ndarray, max_short_chars: int) -> np.ndarray:
    """int64 [15, n], the rows of LineMeasures."""
    counts = np.zeros((15, len(offsets) - 1), np.int64)
    for document in range(len(offsets) - 1):
        row = counts[:, document]
        lines, num_lines = np.zeros(_FEW, np.uint64), 0
        paragraphs, num_paragraphs = np.zeros(_FEW, np.uint64), 0
        i, end = offsets[document], offsets[document + 1]
        paragraph_hash, paragraph_chars, is_full_paragraph = _FNV_OFFSET, 0, False
        while i < end:
            line_start = i
            value = _FNV_OFFSET
            chars = dots = 0
            first = last = code = np.int64(-1)  # the first and the last that is no white space, and the very last
            last_dots = 0
            while i < end and data[i] != 10:
                code, width = decode(data, i)
                for k in range(i, i + width):
                    value = (value ^ np.uint64(data[k])) * _FNV_PRIME
                chars += 1
                i += width
                if classes[code] & SPACE:
                    dots = 0
                    continue
                if first < 0:
                    first = code
                last = code
                if code == _DOT:
                    dots += 1
                    last_dots = dots
                    row[4] += dots % 3 == 0
                else:
                    dots = last_dots = 0
                    row[3] += code == _HASH
                    row[4] += code == _ELLIPSIS
            row[0] += 1
            row[6] += chars + (i < end)
            row[5] += i < end
            if first >= 0:
                row[1] += first in _BULLETS
                row[2] += last == _ELLIPSIS or last_dots >= 3
                row[7] += 1
                row[8] += classes[code] & TERMINAL != 0
                row[9] += chars <= max_short_chars
                is_new, lines, num_lines = _add(lines, num_lines, value)
                if not is_new:
                    row[10] += 1
                    row[11] += chars
                is_full_paragraph = True
            i += 1  # the line feed
            if i - 1 > line_start:
                paragraph_hash = (paragraph_hash ^ value) * _FNV_PRIME
                paragraph_chars += chars + (paragraph_chars > 0)
            if (i - 1 == line_start or i >= end) and paragraph_chars:
                if is_full_paragraph:
                    row[12] += 1
                    is_new, paragraphs, num_paragraphs = _add(paragraphs, num_paragraphs, paragraph_hash)
                    if not is_new:
                        row[13] += 1
                        row[14] += paragraph_chars
                paragraph_hash, paragraph_chars, is_full_paragraph = _FNV_OFFSET, 0, False
    return counts


@kernel
def _add(hashes: np.ndarray, num: int, value: np.uint64) -> tuple[bool, np.ndarray, int]:
    """Adds to a set of hashes (open addressing, 0: free): whether it is new there, the set and its size. Grows with what it holds."""
    value |= np.uint64(1)
    size = len(hashes)
    slot = np.int64((value * _SCATTER) >> np.uint64(20)) & (size - 1)
    while hashes[slot] != 0:
        if hashes[slot] == value:
            return False, hashes, num
        slot = (slot + 1) & (size - 1)
    hashes[slot] = value
    num += 1
    if 2 * num > size:
        larger = np.zeros(4 * size, np.uint64)
        for k in range(size):
            if hashes[k] != 0:
                slot = np.int64((hashes[k] * _SCATTER) >> np.uint64(20)) & (4 * size - 1)
                while larger[slot] != 0:
                    slot = (slot + 1) & (4 * size - 1)
                larger[slot] = hashes[k]
        hashes = larger
    return True, hashes, num
