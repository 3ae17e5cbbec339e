"""C4's line rules in one pass: what each line is cut for, the text without them, and what is counted in it."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.curation.characters import decode
from pipeline.curation.line_edits import KEPT, EditedLines, Phrases, add_span, num_chars, phrase_bytes, strip
from pipeline.curation.sentences import num_sentences
from pipeline.curation.word_classes import SPACE, word_classes
from pipeline.curation.words import MAX_RUN_BYTES, known
from pipeline.kernels import kernel, string_buffers

# Kinds of cuts, in the order in which the rules look at a line.
LONG_WORD, NO_END_MARK, FEW_WORDS, SCRIPT, POLICY, CITATION = range(6)
KINDS = ("c4_long_word", "c4_no_end_mark", "c4_few_words", "c4_javascript", "c4_policy", "c4_citation")

# Groups of phrases.
LOREM_IPSUM_PHRASES, SCRIPT_PHRASES, POLICY_PHRASES, CITATION_PHRASES, BRACKETS = range(5)

_NONE = np.iinfo(np.int64).max


class LineLimits(NamedTuple):
    max_word_chars: int
    min_line_words: int
    end_marks: np.ndarray  # code points, uint32
    needs_end_mark: bool


class C4Counts(NamedTuple):
    """int64 [n]; a line counts if it holds more than white space."""

    num_lines: np.ndarray
    num_cut_lines: np.ndarray
    num_sentences: np.ndarray  # of the lines that stay
    num_lorem_ipsum_lines: np.ndarray  # of those that the rules up to the end mark and the number of words let pass
    num_bracket_lines: np.ndarray  # "{", likewise


def line_limits(*, max_word_chars: int | None, min_line_words: int | None, end_marks: tuple[str, ...] | None) -> LineLimits:
    marks = np.array([ord(mark) for mark in end_marks or ()], np.uint32)
    return LineLimits(_NONE if max_word_chars is None else max_word_chars, min_line_words or 0, marks, end_marks is not None)


def cut_c4_lines(texts: pa.StringArray, limits: LineLimits, wanted: Phrases) -> EditedLines:
    """Args:
    texts: pa.string(), normalised; a null is empty.
    wanted: the five groups of phrases named above.
    Returns:
        counts as the rows of C4Counts, kinds of spans as in KINDS.
    """
    return EditedLines(*_cut(*string_buffers(texts), word_classes(), known().abbreviations, known().units, limits, wanted))


@kernel
def _cut(
    offsets: np.ndarray,
    data: np.ndarray,
    classes: np.ndarray,
    abbreviations: np.ndarray,
    units: np.ndarray,
    limits: LineLimits,
    wanted: Phrases,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    new_offsets = np.zeros(len(offsets), np.int64)
    out = np.empty(offsets[-1] - offsets[0], np.uint8)
    counts = np.zeros((5, len(offsets) - 1), np.int64)
    spans, num_spans = np.empty((4, 64), np.int64), 0
    ends = np.empty(MAX_RUN_BYTES + 8, np.int64)
    place = 0
    for row in range(len(offsets) - 1):
        begin = place
        char = 0  # of the line's beginning
        i, end = offsets[row], offsets[row + 1]
        joins = False
        while i < end:
            line_start = i
            while i < end and data[i] != 10:
                i += 1
            first, last = strip(data, line_start, i, classes)
            first_char = char + num_chars(data, line_start, first)
            last_char = first_char + num_chars(data, first, last)
            char = last_char + num_chars(data, last, i) + 1
            i += 1
            is_blank = first == last
            counts[0, row] += not is_blank

            text_start = place + (place > begin)  # behind the line feed
            num_words, longest = _runs(data, first, last, classes)
            kind, text_end, spans_before = KEPT, text_start, num_spans
            if longest > limits.max_word_chars:
                kind = LONG_WORD
            else:
                text_end, spans, num_spans = _without_citations(
                    data, first, last, out, text_start, wanted, spans, num_spans, row, first_char
                )
                if text_end - text_start < last - first:
                    num_words, longest = _runs(out, text_start, text_end, classes)
                kind = _cut_kind(out, text_start, text_end, num_words, limits)
            if kind == KEPT:
                kind, has_lorem_ipsum, has_bracket = _phrase_kind(out, text_start, text_end, wanted)
                counts[3, row] += has_lorem_ipsum
                counts[4, row] += has_bracket
            if kind == KEPT:
                counts[2, row] += num_sentences(out, text_start, text_end, classes, abbreviations, units, ends)
                if text_start > begin:
                    out[text_start - 1] = 10
                else:
                    text_start, text_end = _without_leading_space(out, text_start, text_end, classes)
                place = text_end
                joins = False
            elif not is_blank:
                counts[1, row] += 1
                spans, num_spans = add_span(spans, spans_before, row, kind, first_char, last_char, joins)
                joins = True
            else:
                num_spans = spans_before
        new_end = strip(out, begin, place, classes)[1]
        place = new_offsets[row + 1] = new_end
    return new_offsets, out[:place], counts, spans[:, :num_spans]


@kernel
def _runs(data: np.ndarray, start: int, end: int, classes: np.ndarray) -> tuple[int, int]:
    """How many runs of characters lie between white space, and how long the longest is."""
    num = longest = chars = 0
    i = start
    while i < end:
        code, width = decode(data, i)
        if classes[code] & SPACE:
            chars = 0
        else:
            num += chars == 0
            chars += 1
            longest = max(longest, chars)
        i += width
    return num, longest


@kernel
def _without_citations(
    data: np.ndarray,
    first: int,
    last: int,
    out: np.ndarray,
    place: int,
    wanted: Phrases,
    spans: np.ndarray,
    num_spans: int,
    row: int,
    char: int,
) -> tuple[int, np.ndarray, int]:
    """Copies the line but for `[12]`, `[]` and the phrases of citations: where the copy ends, and the spans with those added."""
    cuts = wanted.groups[CITATION_PHRASES + 1] > wanted.groups[CITATION_PHRASES]
    i = first
    while i < last:
        if cuts and data[i] == 91:  # "["
            k = i + 1
            while k < last and 48 <= data[k] <= 57:
                k += 1
            length = k + 1 - i if k < last and data[k] == 93 else phrase_bytes(data, i, last, wanted, CITATION_PHRASES)
            if length:
                spans, num_spans = add_span(spans, num_spans, row, CITATION, char, char + length, False)
                i += length
                char += length
                continue
        out[place] = data[i]
        char += data[i] & 0xC0 != 0x80
        place += 1
        i += 1
    return place, spans, num_spans


@kernel
def _cut_kind(data: np.ndarray, start: int, end: int, num_words: int, limits: LineLimits) -> int:
    if limits.needs_end_mark:
        if end == start:
            return NO_END_MARK
        last = end - 1
        while data[last] & 0xC0 == 0x80:
            last -= 1
        code = decode(data, last)[0]
        has_mark = False
        for mark in limits.end_marks:
            has_mark |= mark == code
        if not has_mark or (end - start >= 3 and data[end - 1] == 46 and data[end - 2] == 46 and data[end - 3] == 46):
            return NO_END_MARK
    return FEW_WORDS if num_words < limits.min_line_words else KEPT


@kernel
def _phrase_kind(data: np.ndarray, start: int, end: int, wanted: Phrases) -> tuple[int, bool, bool]:
    """What the line is cut for, if for a phrase; whether it speaks of lorem ipsum, and has a curly bracket (before any policy)."""
    has_lorem_ipsum = has_script = has_bracket = has_policy = False
    for i in range(start, end):
        byte = data[i]
        if 65 <= byte <= 90:
            byte += np.uint8(32)
        if wanted.begins[byte]:
            has_lorem_ipsum = has_lorem_ipsum or phrase_bytes(data, i, end, wanted, LOREM_IPSUM_PHRASES) > 0
            has_script = has_script or phrase_bytes(data, i, end, wanted, SCRIPT_PHRASES) > 0
            has_bracket = has_bracket or phrase_bytes(data, i, end, wanted, BRACKETS) > 0
            has_policy = has_policy or phrase_bytes(data, i, end, wanted, POLICY_PHRASES) > 0
    if has_script:
        return SCRIPT, has_lorem_ipsum, False
    return POLICY if has_policy else KEPT, has_lorem_ipsum, has_bracket


@kernel
def _without_leading_space(data: np.ndarray, start: int, end: int, classes: np.ndarray) -> tuple[int, int]:
    """Moves the line to the front if a citation has left white space there."""
    first = strip(data, start, end, classes)[0]
    if first > start:
        for k in range(end - first):
            data[start + k] = data[first + k]
    return start, end - (first - start)
