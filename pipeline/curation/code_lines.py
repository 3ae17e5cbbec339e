"""What OpenCoder's rules measure in the lines of code, without a parser: from one pass over the bytes, whatever the language."""

from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.curation.characters import ALNUM, SPACE, character_flags, decode
from pipeline.kernels import inlined, kernel, string_buffers

LONG_STRING_WORDS = 20

_FNV_OFFSET, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_LINE_FEED, _BACKSLASH, _UNDERSCORE, _ZERO, _SEMICOLON, _PERCENT = (ord(char) for char in "\n\\_0;%")
_SCATTER = np.uint64(0x9E3779B97F4A7C15)

_S, _E, _R = (np.uint8(ord(letter)) for letter in "ser")
_LOWER = np.uint8(32)  # the bit that upper and lower case differ in

# What a byte may begin or be part of; the other bytes only count in their line's hash.
_PLAIN, _SPACE, _QUOTE, _MARK, _ASSERT, _TODO, _FIXME, _YOUR_CODE, _NOT_ASCII, _END = range(10)
_PHRASE_ASSERT, _PHRASE_TODO, _PHRASE_FIXME, _PHRASE_YOUR_CODE = (
    np.frombuffer(phrase, np.uint8) for phrase in (b"assert", b"todo", b"fixme", b"your code here")
)
_CLOSING = np.uint64(((0xCBF29CE484222325 ^ ord("}")) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF ^ ord(",")) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF)


class CodeLineMeasures(NamedTuple):
    """Counts of each document, int64 [n]. Lines that are blank have no part in them."""

    num_lines: np.ndarray
    num_repeated_lines: np.ndarray  # all that occur twice or more, without regard to white space; not `},` nor single characters
    num_assert_lines: np.ndarray  # with "assert", in any case
    num_long_string_lines: np.ndarray  # with a quoted string of more than LONG_STRING_WORDS words and marks
    num_todo_lines: np.ndarray  # with a comment that says "todo", "fixme" or "your code here", in any case
    num_hexadecimal_chars: np.ndarray  # of numbers such as 0x1F


def code_line_measures(texts: pa.StringArray) -> CodeLineMeasures:
    r"""Lines of each text; one ends at a line feed or at the text's end.

    A string stands between two equal quotes (", ' or `) of one line; a backslash takes what follows it. A comment
    begins with //, /*, (*, #, -- or three quotes, or where a line begins with *, ; or %, and ends with its line.

    Args:
        texts: pa.string(), normalised; a null is measured as empty.
    """
    return CodeLineMeasures(*_line_counts(*string_buffers(texts), character_flags(), _kinds()))


@cache
def _kinds() -> np.ndarray:
    """By byte, uint8 [2, 2, 256]: in a text without or with asserts, outside of comments or inside."""
    kinds = np.full((2, 2, 256), _PLAIN, np.uint8)
    kinds[..., 128:] = _NOT_ASCII
    kinds[..., [byte for byte in range(128) if chr(byte).isspace()]] = _SPACE
    kinds[..., _LINE_FEED] = _END
    kinds[..., list(b"\"'`")] = _QUOTE
    kinds[:, 0, list(b"/#-*")] = _MARK
    # The least frequent letter of each phrase; the x is that of hexadecimal numbers, too.
    kinds[..., list(b"xX")] = _FIXME
    kinds[1, :, list(b"sS")] = _ASSERT
    kinds[:, 1, list(b"dD")] = _TODO
    kinds[:, 1, list(b"yY")] = _YOUR_CODE
    return kinds


@kernel
def _line_counts(offsets: np.ndarray, data: np.ndarray, flags: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """int64 [6, n], the rows of CodeLineMeasures."""
    counts = np.zeros((6, len(offsets) - 1), np.int64)
    # Lines of two characters, as many as could be; what is not written to takes no memory.
    most = 1
    for document in range(len(offsets) - 1):
        most = max(most, (offsets[document + 1] - offsets[document]) // 3 + 1)
    hashes = np.empty(most, np.uint64)
    size = 4
    while size < 2 * most:
        size *= 2
    table = np.empty(size, np.int32)
    times = np.empty(most, np.int32)
    failed = np.zeros(256, np.bool_)  # by quote: whether it opens no string any more in this line
    for document in range(len(offsets) - 1):
        row = counts[:, document]
        start, i, end = offsets[document], offsets[document], offsets[document + 1]
        num_hashes = 0
        outside, inside = kinds[_may_assert(data[start:end])]
        while i < end:
            value = _FNV_OFFSET
            chars = string_end = 0
            has_assert = has_todo = has_long_string = False
            failed[34] = failed[39] = failed[96] = False
            while i < end and outside[data[i]] == _SPACE:
                i += 1
            in_comment = i < end and (data[i] == _SEMICOLON or data[i] == _PERCENT)
            own_kinds = inside if in_comment else outside
            while i < end:
                byte = data[i]
                kind = own_kinds[byte]
                if kind == _PLAIN:
                    value = (value ^ np.uint64(byte)) * _FNV_PRIME
                    chars += 1
                    i += 1
                    continue
                if kind == _SPACE:
                    i += 1
                    continue
                if kind == _END:
                    break
                width = 1
                if kind == _NOT_ASCII:
                    code, width = decode(data, i)
                    if flags[code] & SPACE:
                        i += width
                        continue
                    for k in range(i + 1, i + width):
                        value = (value ^ np.uint64(data[k])) * _FNV_PRIME
                elif kind == _QUOTE:
                    if i + 2 < end and data[i + 1] == byte and data[i + 2] == byte:
                        own_kinds, in_comment = inside, True
                    if i >= string_end and not failed[byte]:
                        string_end, num_words = _string(data, i, end, flags)
                        failed[byte] = string_end == 0
                        has_long_string |= num_words > LONG_STRING_WORDS
                elif kind == _MARK:
                    if _opens_comment(data, i, start, end, chars == 0):
                        own_kinds, in_comment = inside, True
                elif kind == _ASSERT:
                    has_assert |= _stands_at(data, i - 1, start, end, _PHRASE_ASSERT)
                elif kind == _FIXME and i > start and data[i - 1] == _ZERO:
                    row[5] += _hexadecimal_chars(data, i - 1, start, end, flags)
                elif kind == _TODO:
                    has_todo |= _stands_at(data, i - 2, start, end, _PHRASE_TODO)
                elif kind == _YOUR_CODE:
                    has_todo |= _stands_at(data, i, start, end, _PHRASE_YOUR_CODE)
                elif in_comment:
                    has_todo |= _stands_at(data, i - 2, start, end, _PHRASE_FIXME)
                value = (value ^ np.uint64(byte)) * _FNV_PRIME
                chars += 1
                i += width
            if chars > 1 and value != _CLOSING:
                hashes[num_hashes] = value
                num_hashes += 1
            row[0] += chars > 0
            row[2] += has_assert
            row[3] += has_long_string
            row[4] += has_todo
            i += 1
        row[1] = _num_repeated(hashes, num_hashes, table, times)
    return counts


@kernel
def _may_assert(text: np.ndarray) -> int:
    """1 where the middle of "assert" stands anywhere, in any case, else 0; it tries all places, so that it runs on many at once."""
    found = np.uint8(0)
    for i in range(len(text) - 3):
        here = (text[i] | _LOWER == _S) & (text[i + 1] | _LOWER == _S) & (text[i + 2] | _LOWER == _E) & (text[i + 3] | _LOWER == _R)
        found |= np.uint8(here)
    return int(found)


@inlined
def _stands_at(data: np.ndarray, i: int, start: int, end: int, phrase: np.ndarray) -> bool:
    """Whether the phrase, in lower case, stands at byte i of data[start:end], in any case."""
    if i < start or i + len(phrase) > end:
        return False
    k = 0
    while k < len(phrase) and data[i + k] | 32 == phrase[k]:
        k += 1
    return k == len(phrase)


@kernel
def _opens_comment(data: np.ndarray, i: int, start: int, end: int, is_first: bool) -> bool:
    byte = data[i]
    following = data[i + 1] if i + 1 < end else np.uint8(0)
    if byte == 47:  # //, /*
        return following == 47 or following == 42
    if byte == 45:  # --
        return following == 45
    if byte == 42:  # *, (*
        return is_first or (i > start and data[i - 1] == 40)
    return True  # #


@kernel
def _string(data: np.ndarray, i: int, end: int, flags: np.ndarray) -> tuple[int, int]:
    """Where the string ends whose quote is at i, and its words and marks; (0, 0): it does not end in its line."""
    quote = data[i]
    i += 1
    num = 0
    before = 0  # 0: white space, 1: a word's character, 2: a mark's
    while i < end and data[i] != _LINE_FEED:
        if data[i] == quote:
            return i + 1, num
        if data[i] == _BACKSLASH and i + 1 < end and data[i + 1] == quote:
            num += before != 2
            before = 2
            i += 2
            continue
        code, width = decode(data, i)
        flag = flags[code]
        kind = 0 if flag & SPACE else 1 if flag & ALNUM or code == _UNDERSCORE else 2
        num += kind > 0 and kind != before
        before = kind
        i += width
    return 0, 0


@kernel
def _hexadecimal_chars(data: np.ndarray, i: int, start: int, end: int, flags: np.ndarray) -> int:
    r"""The length of the number 0x... at i, if it is one by \b0[xX][0-9a-fA-F]+\b; else 0."""
    k = i + 2
    while k < end and (48 <= data[k] <= 57 or 97 <= data[k] | 32 <= 102):
        k += 1
    if k == i + 2 or (i > start and _is_word_char(data, flags, i - 1)) or (k < end and _is_word_char(data, flags, k)):
        return 0
    return k - i


@kernel
def _is_word_char(data: np.ndarray, flags: np.ndarray, i: int) -> bool:
    r"""Whether the character that byte i is a part of is \w."""
    while data[i] & 0xC0 == 0x80:
        i -= 1
    return data[i] == _UNDERSCORE or flags[decode(data, i)[0]] & ALNUM != 0


@kernel
def _num_repeated(hashes: np.ndarray, num: int, table: np.ndarray, times: np.ndarray) -> int:
    """How many of the hashes occur twice or more, all occurrences counted."""
    size, bits = 4, 2
    while size < 2 * num:
        size *= 2
        bits += 1
    table[:size] = -1
    repeated = 0
    for k in range(num):
        slot = np.int64((hashes[k] * _SCATTER) >> np.uint64(64 - bits))
        while table[slot] >= 0 and hashes[table[slot]] != hashes[k]:
            slot = (slot + 1) & (size - 1)
        first = table[slot]
        if first < 0:
            table[slot] = k
            times[k] = 1
        else:
            repeated += 2 if times[first] == 1 else 1
            times[first] += 1
    return repeated
