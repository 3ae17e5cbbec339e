"""StarCoder2's three patterns of data that is written down as code, without a regular expression engine.

Each is found by a scanner that passes over every byte once, whatever the text: the patterns' matches, by Python's `re`.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.curation.characters import ALNUM, SPACE, character_flags, decode
from pipeline.kernels import kernel, string_buffers

BASE64_PATTERN = r"[a-zA-Z0-9+/\n=]{64,}"
HEXADECIMAL_PATTERN = r"(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}"
ESCAPES_PATTERN = r"(?:\\u[0-9a-fA-F]{4}){8,}"

_MIN_BASE64, _MIN_BYTES, _MIN_ESCAPES = 64, 8, 8
_MIN_BYTES_CHARS = 3 * _MIN_BYTES - 1  # two digits and a comma, the last without

# Flags of a byte; an item of the hexadecimal pattern begins with a pair of the last two.
_HEX, _BASE64, _FIRST, _SECOND, _IN_BYTES, _IN_ESCAPES = 1, 2, 4, 8, 16, 32
_BYTE_FLAGS = np.zeros(256, np.uint8)
_BYTE_FLAGS[list(b"0123456789abcdefABCDEF")] |= _HEX
_BYTE_FLAGS[list(b"\\0123456789abcdefABCDEF")] |= _FIRST
_BYTE_FLAGS[list(b"x0123456789abcdefABCDEF")] |= _SECOND
_BYTE_FLAGS[list(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/\n=")] |= _BASE64
# Beyond ASCII there is white space, too.
_BYTE_FLAGS[[*b"\\x0123456789abcdefABCDEF,\t\n\v\f\r\x1c\x1d\x1e\x1f ", *range(128, 256)]] |= _IN_BYTES
_BYTE_FLAGS[list(b"\\u0123456789abcdefABCDEF")] |= _IN_ESCAPES


class EncodedMeasures(NamedTuple):
    """Of each document, int64 [n]; characters are code points."""

    longest_chars: np.ndarray  # of one match
    num_chars: np.ndarray  # that some pattern matches; one that two match counts once


def encoded_measures(texts: pa.StringArray) -> EncodedMeasures:
    r"""Matches of base64 lines, hexadecimal bytes (`0x41,0x42`, `41 42`, `\x41\x42`) and escapes (`\u0041\u0042`).

    As published, `\x41\x42` counts from its second byte, and `0x41, 0x42` (a comma and a blank) does not count at all.

    Args:
        texts: pa.string(), normalised; a null is measured as empty.
    Source: StarCoder2 (2402.19173), section 3.1; the patterns are this module's constants.
    """
    return EncodedMeasures(*_encoded_counts(*string_buffers(texts), character_flags()))


@kernel
def _encoded_counts(offsets: np.ndarray, data: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """int64 [2, n], the rows of EncodedMeasures."""
    counts = np.zeros((2, len(offsets) - 1), np.int64)
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        # The next match of each pattern; the one that starts first is counted and replaced.
        starts = np.empty(3, np.int64)
        ends = np.empty(3, np.int64)
        for pattern in range(3):
            starts[pattern], ends[pattern] = _next_match(pattern, data, flags, start, start, end)
        reach = start  # all that is matched before this byte is counted
        while True:
            pattern = int(np.argmin(starts))
            if starts[pattern] == end:
                break
            longest = _num_chars(data, starts[pattern], ends[pattern])
            counts[0, document] = max(counts[0, document], longest)
            if ends[pattern] > reach:
                counts[1, document] += longest if starts[pattern] >= reach else _num_chars(data, reach, ends[pattern])
                reach = ends[pattern]
            starts[pattern], ends[pattern] = _next_match(pattern, data, flags, start, ends[pattern], end)
    return counts


@kernel
def _next_match(pattern: int, data: np.ndarray, flags: np.ndarray, start: int, i: int, end: int) -> tuple[int, int]:
    """The first match at byte i or after it, of the document data[start:end]; (end, end) if there is none."""
    if pattern == 0:
        return _next_base64(data, i, end)
    if pattern == 1:
        return _next_hexadecimal(data, flags, start, i, end)
    return _next_escapes(data, i, end)


@kernel
def _next_run(data: np.ndarray, i: int, end: int, flag: int, length: int, known: int) -> int:
    """The first place at i or after it from which so many bytes have the flag, as all from i to `known` do; `end` if there is none."""
    while i + length <= end:
        # Backwards, so that the first foreign byte rules out all places before it.
        last = i + length - 1
        while last >= i and last >= known and _BYTE_FLAGS[data[last]] & flag:
            last -= 1
        if last < i or last < known:
            return i
        i = last + 1
    return end


@kernel
def _next_base64(data: np.ndarray, i: int, end: int) -> tuple[int, int]:
    i = _next_run(data, i, end, _BASE64, _MIN_BASE64, i)
    match_end = min(i + _MIN_BASE64, end)
    while match_end < end and _BYTE_FLAGS[data[match_end]] & _BASE64:
        match_end += 1
    return i, match_end


@kernel
def _next_hexadecimal(data: np.ndarray, flags: np.ndarray, start: int, i: int, end: int) -> tuple[int, int]:
    known = i
    while True:
        i = _next_run(data, i, end, _IN_BYTES, _MIN_BYTES_CHARS, known)
        if i == end:
            return end, end
        known = i + _MIN_BYTES_CHARS
        if not (_BYTE_FLAGS[data[i]] & _FIRST and _BYTE_FLAGS[data[i + 1]] & _SECOND):
            i += 1
            continue
        chain_end = i
        num = 0
        while True:
            item_end = _hexadecimal_item(data, flags, start, chain_end, end)
            if item_end == 0:
                break
            chain_end = item_end
            num += 1
        if num >= _MIN_BYTES:
            return i, chain_end
        # A chain that starts inside this one is the rest of it, and shorter.
        i = max(chain_end, i + 1)


@kernel
def _hexadecimal_item(data: np.ndarray, flags: np.ndarray, start: int, i: int, end: int) -> int:
    """The end of one byte with its separator at i; 0 if there is none."""
    digits = i
    if i + 1 < end and data[i + 1] == 120 and (data[i] == 48 or data[i] == 92):  # 0x, \x
        digits += 2
    if digits + 2 > end or not (_BYTE_FLAGS[data[digits]] & _HEX and _BYTE_FLAGS[data[digits + 1]] & _HEX):
        return 0
    if (i > start and _is_word_char(data, flags, i - 1)) != (data[i] == 92):
        return 0
    i = digits + 2
    if i < end and data[i] == 44:  # comma
        return i + 1
    if i < end and _is_word_char(data, flags, i):
        return 0
    while i < end:
        code, width = decode(data, i)
        if not flags[code] & SPACE:
            break
        i += width
    return i


@kernel
def _is_word_char(data: np.ndarray, flags: np.ndarray, i: int) -> bool:
    r"""Whether the character that byte i is a part of is \w."""
    while data[i] & 0xC0 == 0x80:
        i -= 1
    return data[i] == 95 or flags[decode(data, i)[0]] & ALNUM != 0  # underscore


@kernel
def _next_escapes(data: np.ndarray, i: int, end: int) -> tuple[int, int]:
    known = i
    while True:
        i = _next_run(data, i, end, _IN_ESCAPES, 6 * _MIN_ESCAPES, known)
        if i == end:
            return end, end
        known = i + 6 * _MIN_ESCAPES
        match_end = i
        while match_end + 6 <= end and _is_escape(data, match_end):
            match_end += 6
        if match_end - i >= 6 * _MIN_ESCAPES:
            return i, match_end
        i = max(match_end, i + 1)


@kernel
def _is_escape(data: np.ndarray, i: int) -> bool:
    """Whether the six bytes from i are a backslash, a u and four digits."""
    if data[i] != 92 or data[i + 1] != 117:
        return False
    num_digits = 0
    for k in range(i + 2, i + 6):
        num_digits += _BYTE_FLAGS[data[k]] & _HEX
    return num_digits == 4


@kernel
def _num_chars(data: np.ndarray, start: int, end: int) -> int:
    """Code points that start in the bytes."""
    num = 0
    for i in range(start, end):
        num += data[i] & 0xC0 != 0x80
    return num
