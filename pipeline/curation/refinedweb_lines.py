"""RefinedWeb's line-wise corrections in one pass: what each line is cut for, and the text without it."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.curation.characters import decode
from pipeline.curation.line_edits import KEPT, EditedLines, Phrases, add_span, phrase_bytes, strip
from pipeline.curation.word_classes import LETTER, LOWER, SPACE, word_classes
from pipeline.kernels import kernel, string_buffers

# Kinds of cuts, in the order in which the rules look at a line.
UPPER_CASE, DIGITS, COUNTER, FEW_WORDS, PHRASE = range(5)
KINDS = ("refinedweb_upper_case", "refinedweb_digits", "refinedweb_counter", "refinedweb_few_words", "refinedweb_phrase")

# Groups of phrases.
COUNTED, ANYWHERE, AT_START, AT_END = range(4)


class LineLimits(NamedTuple):
    max_upper_fraction: float
    cut_digits: bool
    min_line_words: int
    max_phrase_line_words: int
    max_line_feeds: int


class RefinedWebCounts(NamedTuple):
    """int64 [n]; a line counts if it holds more than white space, words are what lies between white space."""

    num_lines: np.ndarray
    num_cut_lines: np.ndarray
    num_words: np.ndarray
    num_cut_words: np.ndarray


class _Line(NamedTuple):
    """What is counted in a line."""

    chars: int
    words: int
    upper: int
    digits: int


def cut_refinedweb_lines(texts: pa.StringArray, limits: LineLimits, wanted: Phrases) -> EditedLines:
    """Args:
    texts: pa.string(), normalised; a null is empty.
    wanted: the four groups of phrases named above.
    Returns:
        counts as the rows of RefinedWebCounts, kinds of spans as in KINDS.
    """
    return EditedLines(*_cut(*string_buffers(texts), word_classes(), limits, wanted))


@kernel
def _cut(
    offsets: np.ndarray, data: np.ndarray, classes: np.ndarray, limits: LineLimits, wanted: Phrases
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    new_offsets = np.zeros(len(offsets), np.int64)
    out = np.empty(offsets[-1] - offsets[0] + 1, np.uint8)
    counts = np.zeros((4, len(offsets) - 1), np.int64)
    spans, num_spans = np.empty((4, 64), np.int64), 0
    place = 0
    for row in range(len(offsets) - 1):
        begin = place
        char = line_feeds = 0
        i, end = offsets[row], offsets[row + 1]
        joins = False
        while i < end:
            start = i
            while i < end and data[i] != 10:
                i += 1
            line = _counted(data, start, i, classes)
            kind = KEPT
            if line.chars and line.words == 0 and limits.min_line_words > 0:
                # A line of white space alone becomes an empty one.
                start = i
            elif line.words:
                counts[0, row] += 1
                counts[2, row] += line.words
                kind = _cut_kind(data, start, i, line, classes, limits, wanted)
            before, cut_words = place, line.words
            if kind == KEPT:
                if line.words and line.words <= limits.max_phrase_line_words:
                    place, spans, num_spans = _without_phrases(data, start, i, out, place, classes, wanted, spans, num_spans, row, char)
                    cut_words -= _counted(out, before, place, classes).words
                    if cut_words == line.words:
                        kind = PHRASE  # nothing is left of the line
                        place = before
                else:
                    for k in range(start, i):
                        out[place] = data[k]
                        place += 1
                    cut_words = 0
                counts[3, row] += cut_words
                if kind == KEPT:
                    line_feeds = 0 if place > before else line_feeds
                    if i < end and line_feeds < limits.max_line_feeds:
                        out[place] = 10
                        place += 1
                        line_feeds += 1
                    joins = joins and line.words == 0
            else:
                counts[3, row] += line.words
                spans, num_spans = add_span(spans, num_spans, row, kind, char, char + line.chars, joins)
                joins = True
            counts[1, row] += kind != KEPT
            char += line.chars + 1
            i += 1
        first, last = strip(out, begin, place, classes)
        for k in range(last - first):
            out[begin + k] = out[first + k]
        place = new_offsets[row + 1] = begin + last - first
    return new_offsets, out[:place], counts, spans[:, :num_spans]


@kernel
def _counted(data: np.ndarray, start: int, end: int, classes: np.ndarray) -> _Line:
    chars = words = upper = digits = 0
    in_word = False
    i = start
    while i < end:
        code, width = decode(data, i)
        flags = classes[code]
        is_space = flags & SPACE != 0
        words += not is_space and not in_word
        in_word = not is_space
        upper += int(flags & (LETTER | LOWER) == LETTER)
        digits += int(48 <= code <= 57)
        chars += 1
        i += width
    return _Line(chars, words, upper, digits)


@kernel
def _cut_kind(data: np.ndarray, start: int, end: int, line: _Line, classes: np.ndarray, limits: LineLimits, wanted: Phrases) -> int:
    if line.upper > limits.max_upper_fraction * line.chars:
        return UPPER_CASE
    if limits.cut_digits and line.digits == line.chars:
        return DIGITS
    if _is_counter(data, start, end, classes, wanted):
        return COUNTER
    return FEW_WORDS if line.words < limits.min_line_words else KEPT


@kernel
def _is_counter(data: np.ndarray, start: int, end: int, classes: np.ndarray, wanted: Phrases) -> bool:
    """A number, as `12`, `1,204` or `1.2K`, and what it counts, with no other letter or digit in the line."""
    i = _next_name(data, start, end, classes)
    if i == end or not 48 <= data[i] <= 57:
        return False
    while i < end and (48 <= data[i] <= 57 or data[i] == 44 or data[i] == 46):
        i += 1
    if i < end and (data[i] | 32 == 107 or data[i] | 32 == 109 or data[i] | 32 == 98):  # k, m, b
        i += 1
    number_end = i
    while i < end:
        code, width = decode(data, i)
        if not classes[code] & SPACE:
            break
        i += width
    length = phrase_bytes(data, i, end, wanted, COUNTED)
    return i > number_end and length > 0 and _next_name(data, i + length, end, classes) == end


@kernel
def _is_name(data: np.ndarray, i: int, end: int, classes: np.ndarray) -> bool:
    if i == end:
        return False
    code = decode(data, i)[0]
    return bool(classes[code] & LETTER or 48 <= code <= 57 or code == 95)


@kernel
def _next_name(data: np.ndarray, i: int, end: int, classes: np.ndarray) -> int:
    """Where the next letter, digit or underscore stands; the end if none does."""
    while i < end and not _is_name(data, i, end, classes):
        i += decode(data, i)[1]
    return i


@kernel
def _without_phrases(
    data: np.ndarray,
    start: int,
    end: int,
    out: np.ndarray,
    place: int,
    classes: np.ndarray,
    wanted: Phrases,
    spans: np.ndarray,
    num_spans: int,
    row: int,
    char: int,
) -> tuple[int, np.ndarray, int]:
    """Copies a line but for the phrases and one white space before each (after one at the start)."""
    i = start
    while i < end:
        code, width = decode(data, i)
        is_space = classes[code] & SPACE != 0
        at = i + width if is_space else i
        length = phrase_bytes(data, at, end, wanted, ANYWHERE)
        if length == 0:
            length = phrase_bytes(data, at, end, wanted, AT_END)
            if at + length < end:
                length = 0
        if length == 0 and i == start:
            at = start
            length = phrase_bytes(data, at, end, wanted, AT_START)
            if length and at + length < end:
                after, after_width = decode(data, at + length)
                length += after_width if classes[after] & SPACE else 0
        if length:
            chars = 0
            for k in range(i, at + length):
                chars += data[k] & 0xC0 != 0x80
            spans, num_spans = add_span(spans, num_spans, row, PHRASE, char, char + chars, False)
            char += chars
            i = at + length
            continue
        for k in range(i, i + width):
            out[place] = data[k]
            place += 1
        char += 1
        i += width
    return place, spans, num_spans
