"""What every text kernel shares: Arrow strings as arrays, UTF-8 decoding, and one byte of flags for every code point."""

import sys
import unicodedata
from functools import cache

import numpy as np

from pipeline.kernels import inlined

# Flags of a code point; the first three and the last are str.isalpha, str.isalnum, str.isspace and str.isdigit. 64 is normalise's own.
ALPHA, ALNUM, SPACE, LINE_END, CONTROL, COMPOSES, DIGIT = 1, 2, 4, 8, 16, 32, 128

# All code points above that have a flag lie in the variation selectors' plane or below; the rest is unassigned or private.
_RANGES = (range(0x33480), range(0xE0000, 0xE01F0))


@cache
def character_flags() -> np.ndarray:
    """Flags by code point, uint8 [0x110000], by the Unicode version of this Python (about 0.1 s, once a process)."""
    flags = np.zeros(sys.maxunicode + 1, np.uint8)
    seconds = {0x1161 + i for i in range(21)} | {0x11A8 + i for i in range(27)}  # Hangul vowels and final consonants
    for code in (code for codes in _RANGES for code in codes):
        char = chr(code)
        flags[code] = ALPHA * char.isalpha() | ALNUM * char.isalnum() | SPACE * char.isspace() | DIGIT * char.isdigit()
        category = unicodedata.category(char)
        if category == "Cc" and char not in "\n\t":
            flags[code] |= LINE_END if char in "\r\v\f\x85" else CONTROL
        decomposition = unicodedata.decomposition(char)
        if decomposition and decomposition[0] != "<":
            seconds.update(int(part, 16) for part in decomposition.split()[1:])
        if unicodedata.combining(char) or (decomposition and unicodedata.normalize("NFC", char) != char):
            flags[code] |= COMPOSES
    flags[list(seconds)] |= COMPOSES
    flags.setflags(write=False)
    return flags


@inlined
def decode(data: np.ndarray, i: int) -> tuple[np.int64, int]:
    """The code point that starts at byte i of valid UTF-8, and its number of bytes."""
    byte = np.int64(data[i])
    if byte < 0x80:
        return byte, 1
    if byte < 0xE0:
        return (byte & 0x1F) << 6 | np.int64(data[i + 1]) & 0x3F, 2
    if byte < 0xF0:
        return (byte & 0x0F) << 12 | (np.int64(data[i + 1]) & 0x3F) << 6 | np.int64(data[i + 2]) & 0x3F, 3
    high = (byte & 0x07) << 18 | (np.int64(data[i + 1]) & 0x3F) << 12
    return high | (np.int64(data[i + 2]) & 0x3F) << 6 | np.int64(data[i + 3]) & 0x3F, 4
