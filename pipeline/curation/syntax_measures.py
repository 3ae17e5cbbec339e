"""Lines and characters counted by what they are in the syntax tree: comment, string, or code."""

from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.curation.characters import ALNUM, SPACE, character_flags, decode
from pipeline.curation.grammars import words
from pipeline.curation.parsing import COMMENT, STRING
from pipeline.kernels import inlined, kernel, string_buffers

_LONG_LINE_WORDS = 20
_LONG_WORD_CHARS = 20
_NEW_LINE, _HASH, _UNDERSCORE, _COLON, _SLASH = (ord(char) for char in "\n#_:/")
_DOUBLE, _SINGLE, _BACK = (ord(char) for char in "\"'`")
_MARKERS = tuple(np.frombuffer(marker, np.uint8) for marker in (b"todo", b"fixme", b"your code here"))
_CHARS, _COMMENT_CHARS, _STRING_CHARS, _LONG_WORD_CHARS_AT, _LINES, _CODE_LINES, _LONG_STRING_LINES, _MARKER_LINES, _DIRECTIVES = range(9)
_WORD_LINES = {"print": 9, "pass": 10, "import": 11}
_NUM_COUNTS = 12


class SyntaxMeasures(NamedTuple):
    """Counts of each document, int64 [n]; characters are code points, line feeds included; a line ends at a line feed or at the text's end.

    A string's characters, lines and words are those between its quotes, so that code in its placeholders counts, too. Code is
    what is no comment. Words inside comments and strings make no print, pass or import line.
    """

    chars: np.ndarray
    comment_chars: np.ndarray
    string_chars: np.ndarray
    long_word_chars: np.ndarray  # in words of strings (between white space) of over 20 characters that hold no http(s)://
    lines: np.ndarray
    code_lines: np.ndarray  # lines with code on them that is no white space
    long_string_lines: np.ndarray  # lines of strings of over 20 words: runs of letters, digits and _, or of other signs
    marker_lines: np.ndarray  # lines with todo, fixme or "your code here" in a comment, in any case
    directive_lines: np.ndarray  # code lines that begin with #
    print_lines: np.ndarray
    pass_lines: np.ndarray
    import_lines: np.ndarray


def syntax_measures(texts: pa.StringArray, grammars: np.ndarray, *, spans: np.ndarray, ends: np.ndarray) -> SyntaxMeasures:
    """Counts what stands in and between the spans of comments and strings.

    Args:
        texts: pa.string(), normalised; a null is measured as empty.
        grammars: int64 [n]: places in grammars.NAMES, whose words are looked for.
        spans: int64 [m, 3]: (first byte, byte after the last, COMMENT or STRING) of each document, by first byte; of those that
            overlap the first counts.
        ends: int64 [n + 1]: document i has the spans ends[i] : ends[i + 1].
    """
    return SyntaxMeasures(*_syntax_counts(*string_buffers(texts), character_flags(), grammars, spans, ends, *_word_table()))


@cache
def _word_table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The words' bytes; where they begin and end, int64 [w + 1]; of each its grammar, row of counts and if it is whole, int64 [w, 3]."""
    table = list(words())
    texts = [word.removeprefix("=").encode() for _, _, word in table]
    about = [(grammar, _WORD_LINES[measure], word.startswith("=")) for grammar, measure, word in table]
    return np.frombuffer(b"".join(texts), np.uint8), np.cumsum([0, *map(len, texts)]), np.array(about, np.int64)


@kernel
def _syntax_counts(
    offsets: np.ndarray,
    data: np.ndarray,
    flags: np.ndarray,
    grammars: np.ndarray,
    spans: np.ndarray,
    ends: np.ndarray,
    word_data: np.ndarray,
    word_ends: np.ndarray,
    word_table: np.ndarray,
) -> np.ndarray:
    """int64 [_NUM_COUNTS, n]."""
    counts = np.zeros((_NUM_COUNTS, len(offsets) - 1), np.int64)
    on_line = np.zeros(_NUM_COUNTS, np.bool_)  # which lines the current one is
    for document in range(len(offsets) - 1):
        first, end = offsets[document], offsets[document + 1]
        word, words_end = _words_of(word_table, grammars[document])
        span = ends[document]
        i, span_end, kind = first, first, 0
        on_line[:] = False
        while i < end:
            if i >= span_end:
                kind = 0
                while span < ends[document + 1] and first + spans[span, 0] < i:
                    span += 1
                if span < ends[document + 1] and first + spans[span, 0] == i:
                    span_end, kind = min(first + spans[span, 1], end), spans[span, 2]
                    span += 1
                    if kind == STRING:
                        start, stop = _content(data, i, span_end)
                        row = _string_counts(data, start, stop, flags)
                        counts[_STRING_CHARS, document] += row[0]
                        counts[_LONG_STRING_LINES, document] += row[1]
                        counts[_LONG_WORD_CHARS_AT, document] += row[2]
            code, width = decode(data, i)
            counts[_CHARS, document] += 1
            counts[_COMMENT_CHARS, document] += kind == COMMENT
            on_line[_LINES] = True
            if kind == COMMENT:
                on_line[_MARKER_LINES] |= _is_marker(data, i, span_end)
            elif not flags[code] & SPACE:
                if code == _HASH and kind == 0 and not on_line[_CODE_LINES]:
                    on_line[_DIRECTIVES] = True
                on_line[_CODE_LINES] = True
                if kind == 0:
                    for k in range(word, words_end):
                        if data[i] == word_data[word_ends[k]]:
                            row_of = word_table[k, 1]
                            on_line[row_of] |= _is_word(data, i, first, end, word_data[word_ends[k] : word_ends[k + 1]], word_table[k, 2])
            i += width
            if code == _NEW_LINE or i >= end:
                for k in range(_LINES, _NUM_COUNTS):
                    counts[k, document] += on_line[k]
                on_line[:] = False
    return counts


@kernel
def _words_of(word_table: np.ndarray, grammar: int) -> tuple[int, int]:
    start = 0
    while start < len(word_table) and word_table[start, 0] < grammar:
        start += 1
    end = start
    while end < len(word_table) and word_table[end, 0] == grammar:
        end += 1
    return start, end


@inlined
def _is_in_word(byte: int) -> bool:
    """Letters, digits and _; every character beyond ASCII counts as a letter."""
    return byte >= 0x80 or byte == _UNDERSCORE or 48 <= byte <= 57 or 65 <= (byte & 0xDF) <= 90


@kernel
def _is_word(data: np.ndarray, i: int, first: int, end: int, word: np.ndarray, is_whole: int) -> bool:
    if i + len(word) > end:
        return False
    for k in range(len(word)):
        if data[i + k] != word[k]:
            return False
    after = i + len(word)
    return not is_whole or not ((i > first and _is_in_word(data[i - 1])) or (after < end and _is_in_word(data[after])))


@kernel
def _is_marker(data: np.ndarray, i: int, end: int) -> bool:
    """Whether one of the markers begins at i, in any case."""
    for marker in _MARKERS:
        if data[i] | 0x20 == marker[0] and i + len(marker) <= end:
            same = True
            for k in range(1, len(marker)):
                same &= data[i + k] | 0x20 == marker[k]  # a blank has the bit, too
            if same:
                return True
    return False


@kernel
def _content(data: np.ndarray, start: int, end: int) -> tuple[int, int]:
    """A literal's bytes between its quotes, single or triple, whatever prefix it has; all of it if it has none (a here-document)."""
    quote = start
    while quote < min(end, start + 8) and data[quote] not in (_DOUBLE, _SINGLE, _BACK):
        quote += 1
    if quote >= min(end, start + 8):
        return start, end
    sign = data[quote]
    width = 1
    if quote + 2 < end and data[quote + 1] == sign and data[quote + 2] == sign:
        width = 3
    last = end
    while last > quote + width and data[last - 1] == _HASH and sign == _DOUBLE:  # r#"..."#
        last -= 1
    closing = 0
    while closing < width and last - 1 >= quote + width and data[last - 1] == sign:
        last -= 1
        closing += 1
    return quote + width, max(last, quote + width)


@kernel
def _string_counts(data: np.ndarray, start: int, end: int, flags: np.ndarray) -> tuple[int, int, int]:
    """Characters, lines of many words, and characters in long words that are no address."""
    chars = long_lines = long_word_chars = line_words = word_chars = 0
    was = 0  # 0: white space, 1: a letter or digit, 2: another sign
    is_address = False
    i = start
    while i < end:
        code, width = decode(data, i)
        chars += 1
        if flags[code] & SPACE:
            long_word_chars += word_chars if word_chars > _LONG_WORD_CHARS and not is_address else 0
            word_chars, is_address, was = 0, False, 0
            if code == _NEW_LINE:
                long_lines += line_words > _LONG_LINE_WORDS
                line_words = 0
        else:
            kind = 1 if flags[code] & ALNUM or code == _UNDERSCORE else 2
            line_words += kind != was
            was = kind
            word_chars += 1
            is_address |= code == _COLON and word_chars > 4 and _is_address(data, i, end, flags)
        i += width
    long_word_chars += word_chars if word_chars > _LONG_WORD_CHARS and not is_address else 0
    return chars, long_lines + (line_words > _LONG_LINE_WORDS), long_word_chars


@kernel
def _is_address(data: np.ndarray, colon: int, end: int, flags: np.ndarray) -> bool:
    """Whether the colon of http:// or https:// stands there, with more behind it."""
    if colon + 3 >= end or data[colon + 1] != _SLASH or data[colon + 2] != _SLASH or flags[decode(data, colon + 3)[0]] & SPACE:
        return False
    last = colon - 1 - (data[colon - 1] == 115)  # s
    return data[last] == 112 and data[last - 1] == 116 and data[last - 2] == 116 and data[last - 3] == 104  # p, t, t, h
