"""E-mail addresses, found from their @."""

from functools import cache
from pathlib import Path

import numpy as np

from pipeline.curation.characters import ALPHA, character_flags, decode
from pipeline.curation.redaction.spans import EMAIL, no_spans, pushed
from pipeline.curation.redaction.words import ALNUM, LOWER, UPPER, hashed_names, is_in, is_one_of, name_hash
from pipeline.kernels import StringBuffers, kernel

_AT, _DASH, _DOT, _PARENTHESIS = ord("@"), ord("-"), ord("."), ord("(")
_PERCENT, _PLUS, _UNDERSCORE = ord("%"), ord("+"), ord("_")

# Letters of Latin, Greek and Cyrillic may be part of an address; after Chinese an address begins without a blank.
_FIRST_FOREIGN = 0x530

_MAX_LOCAL_BYTES, _MAX_DOMAIN_BYTES = 128, 253

# `git@host:path` names no person; Kotlin writes `this@Outer.id`.
_NO_PEOPLE = ("git", "hg", "this", "super", "return", "break", "continue")


def find_emails(buffers: StringBuffers) -> np.ndarray:
    """Addresses `local@domain.tld`; int64 [m, 3].

    The local part is made of letters, digits and `. _ % + -`; the domain ends in a top-level domain of the Internet (or `xn--...`), which
    tells addresses from `icon@2x.png`, `lodash@4.17.21` and `Outer@Inner.finish`. Addresses at `example.*` stay, and so do `git@...` and
    what is called (`a@b.name()`).
    """
    return _find(*buffers, character_flags(), _top_level_domains(), hashed_names(list(_NO_PEOPLE)), hashed_names(["example"]))


@cache
def _top_level_domains() -> np.ndarray:
    """Those of the root zone in ASCII, after the Public Suffix List; not `data`, which no mail uses and R code does (`x@meta.data`)."""
    return hashed_names((Path(__file__).parent / "top_level_domains.txt").read_text("ascii").split())


@kernel
def _find(
    offsets: np.ndarray, data: np.ndarray, flags: np.ndarray, top_level: np.ndarray, no_people: np.ndarray, reserved: np.ndarray
) -> np.ndarray:
    found = no_spans()
    num = 0
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        for i in range(start, end):
            if data[i] != _AT:
                continue
            local = _local_start(data, flags, start, i)
            if local == i or i - local > _MAX_LOCAL_BYTES or is_one_of(name_hash(data, local, i), no_people):
                continue
            domain_end = _domain_end(data, flags, i + 1, end, top_level, reserved)
            if domain_end and domain_end - i <= _MAX_DOMAIN_BYTES and not (domain_end < end and data[domain_end] == _PARENTHESIS):
                found = pushed(found, num, local, domain_end, EMAIL)
                num += 1
    return found[:num]


@kernel
def _local_start(data: np.ndarray, flags: np.ndarray, start: int, at: int) -> int:
    """Where the local part that ends before `at` starts; `at` if there is none."""
    i = first = at
    while i > start:
        k = i - 1
        byte = data[k]
        if byte >= 0x80:
            while data[k] & 0xC0 == 0x80:
                k -= 1
            code, _ = decode(data, k)
            if code >= _FIRST_FOREIGN or not flags[code] & ALPHA:
                break
            first = k
        elif is_in(byte, ALNUM) or byte == _UNDERSCORE:
            first = k  # an address does not begin with . % + or -
        elif byte not in (_DOT, _PERCENT, _PLUS, _DASH):
            break
        i = k
    return first


@kernel
def _domain_end(data: np.ndarray, flags: np.ndarray, start: int, end: int, top_level: np.ndarray, reserved: np.ndarray) -> int:
    """Where the domain that starts at `start` ends; 0 if there is none that names a host of the Internet."""
    before, last, last_end = start, start, _label_end(data, flags, start, end)
    num_labels = 1
    while last_end > last and last_end < end and data[last_end] == _DOT:
        following = last_end + 1
        following_end = _label_end(data, flags, following, end)
        if following_end == following:
            break
        if num_labels >= 2 and _begins_sentence(data, following, following_end) and _is_top_level(data, last, last_end, top_level):
            break
        before, last, last_end = last, following, following_end
        num_labels += 1
    if num_labels < 2 or not _is_top_level(data, last, last_end, top_level) or is_one_of(name_hash(data, before, last - 1), reserved):
        return 0
    return last_end


@kernel
def _label_end(data: np.ndarray, flags: np.ndarray, i: int, end: int) -> int:
    while i < end:
        if data[i] >= 0x80:
            code, width = decode(data, i)
            if code >= _FIRST_FOREIGN or not flags[code] & ALPHA:
                break
            i += width
        elif is_in(data[i], ALNUM) or data[i] == _DASH:
            i += 1
        else:
            break
    return i


@kernel
def _begins_sentence(data: np.ndarray, start: int, end: int) -> bool:
    """A text may go on right behind an address: `joe@x.org.The`."""
    return end - start >= 2 and is_in(data[start], UPPER) and is_in(data[start + 1], LOWER)


@kernel
def _is_top_level(data: np.ndarray, start: int, end: int, top_level: np.ndarray) -> bool:
    if end - start > 4 and data[start] == 120 and data[start + 1] == 110 and data[start + 2] == _DASH and data[start + 3] == _DASH:  # xn--
        return True
    return is_one_of(name_hash(data, start, end), top_level)
