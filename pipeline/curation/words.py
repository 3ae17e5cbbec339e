"""Text into words: marks come off the words that they surround, as in the tokenizers of the published prose filters.

`He said: "Don't (I can't pay $3.50)..."` has the tokens `He`, `said`, `:`, `"`, `Do`, `n't`, `(`, `I`, `ca`, `n't`, `pay`, `$`, `3.50`,
`)`, `...`, `"`.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from pipeline.curation.characters import decode
from pipeline.curation.word_classes import BEFORE_DOT, CLOSES, CURRENCY, LETTER, LOWER, OPENS, UPPER
from pipeline.curation.word_parts import code_before, is_digit, split_core
from pipeline.kernels import kernel

# A longer run without white space is split at each of so many bytes first, so that what is kept of a run is small.
MAX_RUN_BYTES = 1 << 16

_DOT, _PLUS, _PERCENT, _APOSTROPHE, _CLOSING_QUOTE = (ord(char) for char in ".+%'’")
_FNV_OFFSET, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)

_ABBREVIATIONS = """Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. Jul. Jun. Kan.
Kans. Ky. La. Mar. Mass. Mich. Minn. Miss. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. Sep. Sept. Tenn. Va. Wash. Wis. a.m. Adm. Bros. co.
Co. Corp. Dr. e.g. E.g. Gen. Gov. i.e. I.e. Inc. Jr. Ltd. Md. Messrs. Mo. Mont. Mr. Mrs. Ms. p.m. Ph.D. Prof. Rep. Rev. Sen. St. vs.
v.s. a. b. c. d. e. f. g. h. i. j. k. l. m. n. o. p. q. r. s. t. u. v. w. x. y. z. ä. ö. ü."""
_UNITS = """km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz kmh mph hPa Pa mbar mb MB kb KB gb GB
tb TB T G M K км м дм см мм нм кг г мг Па"""
_MAX_KNOWN_BYTES = 8  # of an abbreviation or a unit


class Known(NamedTuple):
    """Hashes (`text_hash`) of the abbreviations that keep their full stop and of the units that come off a number, uint64, sorted."""

    abbreviations: np.ndarray
    units: np.ndarray


@cache
def known() -> Known:
    return Known(*(np.sort([text_hash(_bytes(word), 0, len(_bytes(word))) for word in text.split()]) for text in (_ABBREVIATIONS, _UNITS)))


def _bytes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


@kernel
def text_hash(data: np.ndarray, start: int, end: int) -> np.uint64:
    """FNV-1a of the bytes: 64 bits, so that equal hashes stand for equal texts."""
    value = _FNV_OFFSET
    for i in range(start, end):
        value = (value ^ np.uint64(data[i])) * _FNV_PRIME
    return value


@kernel
def split_run(
    data: np.ndarray, start: int, end: int, classes: np.ndarray, abbreviations: np.ndarray, units: np.ndarray, ends: np.ndarray
) -> int:
    """The tokens of one run of characters that are no white space, of at most MAX_RUN_BYTES.

    Marks come off at both ends, then the rest is split: not at all if it is an abbreviation or an address (`www.a.org/b?c=d`,
    `a@b.org`), before the end of a contraction (`do|n't`, `they|'ll`, `can|not`), or at dots, dashes, commas and such between letters.

    Args:
        ends: int64 [MAX_RUN_BYTES + 1], receives where each token ends; the first begins at `start`, each other where one ended.
    Returns:
        the number of tokens.
    Source: the order of the steps is that of spaCy's tokenizer for English; its lists of exceptions are here but in part.
    """
    count = 0
    top = len(ends)  # suffixes are kept from the array's end downwards, until it is known how many tokens come before
    first, last = start, end
    while first < last:
        if is_abbreviation(data, first, last, abbreviations):
            break
        prefix = _prefix_bytes(data, first, last, classes)
        if prefix and is_abbreviation(data, first + prefix, last, abbreviations):
            first += prefix
            ends[count] = first
            count += 1
            break
        suffix = _suffix_bytes(data, first + prefix, last, classes, units)
        if suffix and is_abbreviation(data, first, last - suffix, abbreviations):
            last -= suffix
            top -= 1
            ends[top] = last
            break
        if prefix == 0 and suffix == 0:
            break
        if prefix:
            first += prefix
            ends[count] = first
            count += 1
        if suffix:
            last -= suffix
            top -= 1
            ends[top] = last
    if first < last:
        if is_abbreviation(data, first, last, abbreviations):
            ends[count] = last
            count += 1
        else:
            count = split_core(data, first, last, classes, ends, count)
    # ends[top:] are the suffixes' beginnings, in the order of the text; a suffix ends where the next begins.
    for k in range(top + 1, len(ends)):
        ends[count] = ends[k]
        count += 1
    if top < len(ends):
        ends[count] = end
        count += 1
    return count


@kernel
def is_abbreviation(data: np.ndarray, first: int, last: int, abbreviations: np.ndarray) -> bool:
    if data[last - 1] != _DOT or not 2 <= last - first <= _MAX_KNOWN_BYTES:
        return False
    return _contains(abbreviations, text_hash(data, first, last))


@kernel
def _contains(hashes: np.ndarray, wanted: np.uint64) -> bool:
    place = np.searchsorted(hashes, wanted)
    return bool(place < len(hashes) and hashes[place] == wanted)


@kernel
def _prefix_bytes(data: np.ndarray, first: int, last: int, classes: np.ndarray) -> int:
    """The length of the mark that begins here; 0: none."""
    code, width = decode(data, first)
    if code == _DOT:
        i = first + 1
        while i < last and data[i] == _DOT:
            i += 1
        return i - first if i - first > 1 else 0
    if code == _PLUS:
        return 0 if first + 1 < last and is_digit(data[first + 1]) else 1
    return width if classes[code] & OPENS else 0


@kernel
def _suffix_bytes(data: np.ndarray, first: int, last: int, classes: np.ndarray, units: np.ndarray) -> int:
    """The length of the mark that ends here; 0: none."""
    if first >= last:
        return 0
    code, width = code_before(data, last)
    if code == _DOT:
        i = last - 1
        while i > first and data[i - 1] == _DOT:
            i -= 1
        if last - i > 1:
            return last - i
        if i == first:
            return 0
        before, before_width = code_before(data, i)
        if is_digit(before) or classes[before] & (BEFORE_DOT | LOWER):
            return 1
        is_upper_pair = classes[before] & UPPER and i - before_width > first and classes[code_before(data, i - before_width)[0]] & UPPER
        return 1 if is_upper_pair else 0
    if classes[code] & CLOSES:
        return width
    if last - width == first:
        return 0
    before, before_width = code_before(data, last - width)
    if code in (115, 83) and before in (_APOSTROPHE, _CLOSING_QUOTE):  # 's, 'S
        return width + before_width
    if is_digit(before) and (code in (_PLUS, _PERCENT) or classes[code] & CURRENCY):
        return width
    return _unit_bytes(data, first, last, classes, units)


@kernel
def _unit_bytes(data: np.ndarray, first: int, last: int, classes: np.ndarray, units: np.ndarray) -> int:
    """The length of the unit that follows a number; 0: none."""
    i = last
    while i > first and last - i < _MAX_KNOWN_BYTES:
        code, width = code_before(data, i)
        if is_digit(code):
            return last - i if i < last and _contains(units, text_hash(data, i, last)) else 0
        if not (classes[code] & LETTER or code in (0xB2, 0xB3)):
            return 0
        i -= width
    return 0
