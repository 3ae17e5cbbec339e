"""The ids of chunks met before: a table of bounded size, which starts anew when it is full.

A chunk of up to 16 bytes is its own key, so that finding it takes one cache line; of a longer one the text is kept and compared.
So whatever is found is right, and what is lost only costs the time to make it again.
"""

from typing import NamedTuple

import numpy as np

from pipeline.kernels import inlined, kernel

MAX_CHUNK_BYTES = 256  # a longer one hardly comes twice
SHORT_BYTES = 16
LOW, HIGH, SIZES, IDS = range(4)
_ENTRIES, _TEXT_BYTES, _MORE_IDS = range(3)
_A, _B = np.uint64(0x9DDFEA08EB382D69), np.uint64(0xB492B66FBE98F273)
_HALF = np.uint64(32)


class Cache(NamedTuple):
    """An entry is four words. The key: a short chunk's bytes, or a long one's hash and its place in `texts`. The sizes:
    bytes << 32 | ids; 0 if it is free. The ids: one or two, the second << 32, or the place of more in `ids`."""

    entries: np.ndarray  # uint64 [a power of two, 4]
    texts: np.ndarray  # uint8
    ids: np.ndarray  # uint32
    used: np.ndarray  # int64 [3]: of each of these


def new_cache(num_entries: int = 1 << 19) -> Cache:
    """64 bytes for each entry, all in all.

    Args:
        num_entries: a power of two; at most half of them are used, so that a search is short.
    """
    return Cache(
        np.zeros((num_entries, 4), np.uint64),
        np.empty(16 * num_entries + MAX_CHUNK_BYTES, np.uint8),
        np.empty(4 * num_entries + MAX_CHUNK_BYTES, np.uint32),
        np.zeros(3, np.int64),
    )


@kernel
def hash_long(data: np.ndarray, start: int, end: int) -> np.uint64:
    low = np.uint64(0)
    for i in range(start, end):
        low = (low ^ np.uint64(data[i])) * _A
    return low ^ low >> _HALF


@inlined
def hash_key(low: np.uint64, high: np.uint64) -> np.uint64:
    hashed = (low ^ high * _A) * _B
    return (hashed ^ hashed >> _HALF) * _A >> _HALF


@kernel
def is_text(data: np.ndarray, start: int, end: int, texts: np.ndarray, at: int) -> bool:
    for i in range(end - start):
        if texts[at + i] != data[start + i]:
            return False
    return True


@kernel
def remember(
    data: np.ndarray, start: int, end: int, low: np.uint64, high: np.uint64, ids: np.ndarray, cache: Cache
) -> None:
    """Enters a chunk that is not there yet."""
    entries, texts, more_ids, used = cache
    full = used[_TEXT_BYTES] + MAX_CHUNK_BYTES > len(texts) or used[_MORE_IDS] + MAX_CHUNK_BYTES > len(more_ids)
    if full or 2 * used[_ENTRIES] >= len(entries):
        entries[:] = 0
        used[:] = 0
    slot = np.int64(hash_key(low, high)) & (len(entries) - 1)
    while entries[slot, SIZES] != 0:
        slot = (slot + 1) & (len(entries) - 1)
    size, num_ids = end - start, len(ids)
    entries[slot, LOW] = low
    entries[slot, HIGH] = high
    entries[slot, SIZES] = np.uint64(size << 32 | num_ids)
    used[_ENTRIES] += 1
    if size > SHORT_BYTES:
        entries[slot, HIGH] = np.uint64(used[_TEXT_BYTES])
        texts[used[_TEXT_BYTES] : used[_TEXT_BYTES] + size] = data[start:end]
        used[_TEXT_BYTES] += size
    if num_ids <= 2:
        entries[slot, IDS] = np.uint64(ids[0]) | np.uint64(ids[num_ids - 1]) << _HALF
    else:
        entries[slot, IDS] = np.uint64(used[_MORE_IDS])
        more_ids[used[_MORE_IDS] : used[_MORE_IDS] + num_ids] = ids
        used[_MORE_IDS] += num_ids
