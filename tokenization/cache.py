"""Chunks and their ids, as far as they have been met: a table of bounded size that starts anew when it is full.

A chunk of up to 16 bytes is its own key, so that most lookups touch one cache line; a longer one is compared byte by byte. Either
way what is found is exact, and a lost entry only costs the time to make it again.
"""

from typing import NamedTuple

import numpy as np

from pipeline.kernels import inlined, kernel
from tokenization.merging import Pieces, Symbols, encode_text

MAX_CHUNK_BYTES = 256  # longer ones hardly ever come twice
_SHORT, _INLINE_IDS = 16, 2
_A, _B = np.uint64(0x9DDFEA08EB382D69), np.uint64(0xB492B66FBE98F273)
_BYTE, _HALF, _TOP, _LOW = np.uint64(8), np.uint64(32), np.uint64(56), np.uint64(0xFFFFFFFF)
_ENTRIES, _TEXT_BYTES, _IDS = range(3)


class Cache(NamedTuple):
    """Entries of four words: the key in two (of a long chunk its hash, and where its text is), length << 32 | num_ids, and two ids
    or where more of them are. One of length 0 is free."""

    entries: np.ndarray  # uint64 [a power of two, 4]
    texts: np.ndarray  # uint8
    ids: np.ndarray  # uint32
    used: np.ndarray  # int64 [3], of each of these


def new_cache(num_entries: int = 1 << 19) -> Cache:
    """32 bytes for each entry, and as much again for what finds no room in them.

    Args:
        num_entries: a power of two; half of them are used.
    """
    return Cache(
        np.zeros((num_entries, 4), np.uint64),
        np.empty(16 * num_entries + MAX_CHUNK_BYTES, np.uint8),
        np.empty(4 * num_entries + MAX_CHUNK_BYTES, np.uint32),
        np.zeros(3, np.int64),
    )


@inlined
def scramble(low: np.uint64, high: np.uint64) -> np.uint64:
    hashed = (low ^ (high * _A)) * _B
    return (hashed ^ (hashed >> _HALF)) * _A


@inlined
def find_chunk(
    data: np.ndarray, start: int, end: int, low: np.uint64, high: np.uint64, entries: np.ndarray, texts: np.ndarray
) -> int:
    """The entry of a chunk, or the free one to put it in."""
    num_bytes = np.uint64(end - start)
    hashed = (low ^ (high * _A)) * _B
    hashed = (hashed ^ (hashed >> _HALF)) * _A
    slot = np.int64(hashed >> _HALF) & (len(entries) - 1)
    while entries[slot, 2] != 0:
        if entries[slot, 0] == low and entries[slot, 2] >> _HALF == num_bytes:
            if num_bytes <= _SHORT:
                if entries[slot, 1] == high:
                    break
            elif is_text(data, start, end, texts, np.int64(entries[slot, 1])):
                break
        slot = (slot + 1) & (len(entries) - 1)
    return slot


@kernel
def is_text(data: np.ndarray, start: int, end: int, texts: np.ndarray, first: int) -> bool:
    for i in range(end - start):
        if texts[first + i] != data[start + i]:
            return False
    return True


@kernel
def long_key(data, start, end):
    low = np.uint64(0)
    for i in range(start, end):
        low = (low ^ np.uint64(data[i])) * _A
    return low ^ (low >> _HALF)


@kernel
def miss(
    data, start: int, end: int, low, high, slot, pieces: Pieces, symbols: Symbols, cache: Cache, ids: np.ndarray, num_ids: int) -> int:
    added, _ = encode_text(data[start:end], pieces, symbols, ids[num_ids:])
    _remember(data, start, end, low, high, ids[num_ids : num_ids + added], slot, cache)
    return num_ids + added


@kernel
def _remember(
    data: np.ndarray, start: int, end: int, low: np.uint64, high: np.uint64, ids: np.ndarray, slot: int, cache: Cache
) -> None:
    used = cache.used
    full = used[_TEXT_BYTES] + MAX_CHUNK_BYTES > len(cache.texts) or used[_IDS] + MAX_CHUNK_BYTES > len(cache.ids)
    if full or 2 * used[_ENTRIES] >= len(cache.entries):
        cache.entries[:] = 0
        used[:] = 0
        slot = find_chunk(data, start, end, low, high, cache.entries, cache.texts)
    entry = cache.entries[slot]
    num_bytes, num_ids = end - start, len(ids)
    entry[0], entry[1] = low, high
    entry[2] = (np.uint64(num_bytes) << _HALF) | np.uint64(num_ids)
    used[_ENTRIES] += 1
    if num_bytes > _SHORT:
        entry[1] = np.uint64(used[_TEXT_BYTES])
        cache.texts[used[_TEXT_BYTES] : used[_TEXT_BYTES] + num_bytes] = data[start:end]
        used[_TEXT_BYTES] += num_bytes
    if num_ids <= _INLINE_IDS:
        entry[3] = np.uint64(ids[0]) | (np.uint64(ids[num_ids - 1]) << _HALF)
    else:
        entry[3] = np.uint64(used[_IDS])
        cache.ids[used[_IDS] : used[_IDS] + num_ids] = ids
        used[_IDS] += num_ids
