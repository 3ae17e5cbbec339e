"""Small questions that finders ask of bytes: is this a word character, does this span speak of something."""

import numpy as np

from pipeline.kernels import kernel

# The classes of an ASCII byte; an alphabet is a union of them.
DIGIT, LOWER, UPPER, HEX_UPPER, HEX_LOWER, DASH, UNDERSCORE, PLUS_SLASH, EQUALS, BACKSLASH, DOT, SPACE, ASSIGN = (1 << k for k in range(13))
CLASSES = np.zeros(256, np.uint16)
for _class, _bytes in [
    (DIGIT, b"0123456789"),
    (LOWER, b"abcdefghijklmnopqrstuvwxyz"),
    (UPPER, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    (HEX_UPPER, b"ABCDEF"),
    (HEX_LOWER, b"abcdef"),
    (DASH, b"-"),
    (UNDERSCORE, b"_"),
    (PLUS_SLASH, b"+/"),
    (EQUALS, b"="),
    (BACKSLASH, b"\\"),
    (DOT, b"."),
    (SPACE, b" \t\n"),
    (ASSIGN, b" \t:=\"'"),
]:
    CLASSES[list(_bytes)] |= _class

HEX = DIGIT | HEX_UPPER | HEX_LOWER
ALNUM = DIGIT | LOWER | UPPER
WORD = ALNUM | UNDERSCORE
BASE64 = ALNUM | PLUS_SLASH
BASE64URL = WORD | DASH

_FNV_OFFSET, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


@kernel
def is_in(byte: int, alphabet: int) -> bool:
    return CLASSES[byte] & alphabet != 0


@kernel
def lower(byte: int) -> int:
    return byte + 32 if 65 <= byte <= 90 else byte


@kernel
def name_hash(data: np.ndarray, start: int, end: int) -> np.uint64:
    """FNV-1a of the bytes, ASCII letters in lower case."""
    value = _FNV_OFFSET
    for i in range(start, end):
        value = (value ^ np.uint64(lower(data[i]))) * _FNV_PRIME
    return value


def hashed_names(names: list[str]) -> np.ndarray:
    """The names' hashes, ascending, for `is_one_of`; uint64 [n]."""
    return np.unique(np.array([name_hash(np.frombuffer(name.encode(), np.uint8), 0, len(name)) for name in names], np.uint64))


@kernel
def is_one_of(value: np.uint64, hashes: np.ndarray) -> bool:
    place = np.searchsorted(hashes, value)
    return bool(place < len(hashes) and hashes[place] == value)


def packed_words(words: tuple[str, ...]) -> np.ndarray:
    """Lower-case words, each followed by a 0, for `speaks_of`; uint8."""
    return np.frombuffer(b"".join(word.encode() + b"\0" for word in words), np.uint8)


@kernel
def speaks_of(data: np.ndarray, start: int, end: int, words: np.ndarray) -> bool:
    """Whether one of the words stands in data[start:end], in any case and inside other words too."""
    beginnings = 0  # a bit for the last five of each first letter
    for k in range(len(words)):
        if k == 0 or words[k - 1] == 0:
            beginnings |= 1 << (words[k] & 31)
    for i in range(start, end):
        if not beginnings >> (data[i] & 31) & 1:
            continue
        first = 0
        while first < len(words):
            k = first
            while words[k] != 0 and i + k - first < end and lower(data[i + k - first]) == words[k]:
                k += 1
            if words[k] == 0:
                return True
            while words[k] != 0:
                k += 1
            first = k + 1
    return False


@kernel
def line_start(data: np.ndarray, i: int, lowest: int) -> int:
    """Where the line that byte i is in starts, or `lowest` if that comes later."""
    while i > lowest and data[i - 1] != 10:
        i -= 1
    return i


@kernel
def line_end(data: np.ndarray, i: int, highest: int) -> int:
    while i < highest and data[i] != 10:
        i += 1
    return i
