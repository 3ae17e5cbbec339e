"""What stands between the marks around a word: parted at marks inside it and before the end of a contraction, or left whole."""

import numpy as np

from pipeline.curation.characters import decode
from pipeline.curation.word_classes import ICON, LETTER, LOWER, QUOTE, UPPER
from pipeline.kernels import inlined, kernel

_APOSTROPHE, _STAR, _PLUS, _COMMA, _MINUS, _DOT, _SLASH, _COLON = (ord(char) for char in "'*+,-./:")
_LESS, _EQUALS, _GREATER, _CARET, _TILDE, _EN_DASH, _DASH, _ELLIPSIS = (ord(char) for char in "<=>^~–—…")
_QUESTION, _NUMBER_SIGN, _AT, _UNDERSCORE = (ord(char) for char in "?#@_")


@inlined
def is_digit(code: int | np.integer) -> bool:
    return bool(48 <= code <= 57)


@inlined
def code_before(data: np.ndarray, i: int) -> tuple[np.int64, int]:
    """The code point that ends before byte i, and its number of bytes."""
    first = i - 1
    while data[first] & 0xC0 == 0x80:
        first -= 1
    return decode(data, first)[0], i - first


@kernel
def split_core(data: np.ndarray, first: int, last: int, classes: np.ndarray, ends: np.ndarray, count: int) -> int:
    """Appends where the parts of data[first:last] end to `ends`, which holds `count`; the new count."""
    cut = _contraction(data, first, last)
    if cut:
        ends[count], ends[count + 1] = cut, last
        return count + 2
    if _is_address(data, first, last, classes):
        ends[count] = last
        return count + 1
    part_start = i = first
    before = np.int64(0)
    while i < last:
        code, width = decode(data, i)
        if i > first and not (classes[code] & LETTER or is_digit(code)):
            length = _infix_bytes(data, i, last, before, classes)
            if length:
                if i > part_start:
                    ends[count] = i
                    count += 1
                part_start = i + length
                ends[count] = part_start
                count += 1
                before = code_before(data, part_start)[0]
                i = part_start
                continue
        before = code
        i += width
    if part_start < last:
        ends[count] = last
        count += 1
    return count


@kernel
def _infix_bytes(data: np.ndarray, i: int, last: int, before: int | np.integer, classes: np.ndarray) -> int:
    """The length of the mark at byte i that parts what is before from what is after; 0: none."""
    code, width = decode(data, i)
    if code == _ELLIPSIS or classes[code] & ICON:
        return width
    end = i + width
    if code in (_DOT, _MINUS, _DASH):
        while end < last and decode(data, end)[0] == code:
            end += width
        if code == _DOT and end - i > 1:
            return end - i
    if end >= last:
        return 0
    after = decode(data, end)[0]
    if is_digit(before) and code in (_PLUS, _MINUS, _STAR, _CARET) and (is_digit(after) or after == _MINUS):
        return end - i
    is_letter_after = classes[after] & LETTER != 0
    is_name_before = classes[before] & LETTER != 0 or is_digit(before)
    parts = False
    if code == _DOT:
        parts = classes[before] & (LOWER | QUOTE) != 0 and classes[after] & (UPPER | QUOTE) != 0
    elif code == _COMMA:
        parts = classes[before] & LETTER != 0 and is_letter_after
    elif code in (_MINUS, _DASH):
        parts = is_name_before and is_letter_after and end - i <= (3 if code == _MINUS else 2 * width)
    elif code in (_EN_DASH, _TILDE, _COLON, _LESS, _EQUALS, _GREATER, _SLASH):
        parts = is_name_before and is_letter_after
    return end - i if parts else 0


@kernel
def _contraction(data: np.ndarray, first: int, last: int) -> int:
    """Where the second part of a contraction begins, such as `n't` or `'ll`, with either apostrophe; 0: it is none."""
    if is_cannot(data, first, last):
        return first + 3
    i = last
    while i > first and last - i < 3 and 97 <= data[i - 1] <= 122:
        i -= 1
    if last - first > 12 or not 1 <= last - i <= 2:
        return 0
    if i > first and data[i - 1] == _APOSTROPHE:
        start = i - 1
    elif i > first + 3 and data[i - 3] == 0xE2 and data[i - 2] == 0x80 and data[i - 1] == 0x99:
        start = i - 3
    else:
        return 0
    for k in range(first, start):
        if not 97 <= data[k] | 32 <= 122:
            return 0
    if start == first:
        return 0
    if last - i == 1 and data[i] == 116:  # n't
        return start - 1 if data[start - 1] == 110 and start - 1 > first else 0
    if last - i == 1:
        return start if data[i] in (109, 100) else 0  # 'm, 'd
    is_known = (data[i] == 108 and data[i + 1] == 108) or (data[i] in (118, 114) and data[i + 1] == 101)  # 'll, 've, 're
    return start if is_known else 0


@kernel
def is_cannot(data: np.ndarray, first: int, last: int) -> bool:
    if last - first != 6 or data[first] | 32 != 99:
        return False
    return data[first + 1] == 97 and data[first + 2] == 110 and data[first + 3] == 110 and data[first + 4] == 111 and data[first + 5] == 116


@kernel
def _is_address(data: np.ndarray, first: int, last: int, classes: np.ndarray) -> bool:
    """Whether it looks like a URL, a host that ends in letters (and a path), or an e-mail address."""
    i = first
    dot = 0  # the place of the host's last one
    while i < last:
        byte = data[i]
        if byte == _COLON and i + 3 < last and data[i + 1] == _SLASH and data[i + 2] == _SLASH and i - first > 1:
            code = decode(data, i + 3)[0]
            return classes[code] & LETTER != 0 or is_digit(code)
        if byte in (_SLASH, _COLON, _QUESTION, _NUMBER_SIGN):
            break
        if byte == _DOT:
            if i == first or data[i - 1] == _DOT:
                return False
            dot = i
        elif byte < 0x80 and not (is_digit(byte) or 97 <= byte | 32 <= 122 or byte in (_MINUS, _AT, _UNDERSCORE, _PLUS)):
            return False
        i += 1
    if dot == 0 or i - dot < 3:
        return False
    for k in range(dot + 1, i):
        if not (97 <= data[k] <= 122 or data[k] >= 0x80):
            return False
    return i == last or data[i] != _COLON or (i + 1 < last and is_digit(data[i + 1]))
