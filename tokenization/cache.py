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
_A, _B = 0x1DDFEA08EB382D69, 0x3492B66FBE98F273  # odd, bits as good as random


class Cache(NamedTuple):
    """An entry is four words.

    LOW, HIGH: a short chunk's bytes, the first ones highest; or a long one's hash, and the place of its text in `texts`.
    SIZES: num_bytes << 32 | num_ids; 0 if the entry is free.
    IDS: one id or two, the second << 32; or the place of more in `ids`.
    """

    entries: np.ndarray  # int64 [a power of two, 4]
    texts: np.ndarray  # uint8
    ids: np.ndarray  # uint32
    used: np.ndarray  # int64 [3]: of each of these


def new_cache(num_entries: int = 1 << 19) -> Cache:
    """64 bytes for each entry, all in all.

    Args:
        num_entries: a power of two; at most half of them are used, so that a search is short.
    """
    return Cache(
        np.zeros((num_entries, 4), np.int64),
        np.empty(16 * num_entries + MAX_CHUNK_BYTES, np.uint8),
        np.empty(4 * num_entries + MAX_CHUNK_BYTES, np.uint32),
        np.zeros(3, np.int64),
    )


@kernel
def hash_long(data: np.ndarray, start: int, end: int) -> int:
    """LOW of a long chunk."""
    low = 0
    for i in range(start, end):
        low = (low ^ data[i]) * _A
    return low ^ low >> 32


@inlined
def hash_key(low: int, high: int) -> int:
    """Where the search begins: bits as good as random. HIGH of a long chunk counts as 0."""
    hashed = (low ^ high * _A) * _B
    return (hashed ^ hashed >> 32) * _A >> 32


@kernel
def is_text(data: np.ndarray, start: int, end: int, texts: np.ndarray, at: int) -> bool:
    """Whether `texts` holds data[start:end] at this place."""
    i = 0
    while i < end - start and texts[at + i] == data[start + i]:
        i += 1
    return i == end - start


@kernel
def remember(data: np.ndarray, start: int, end: int, low: int, high: int, ids: np.ndarray, cache: Cache) -> None:
    """Enters a chunk that is not there yet."""
    entries, texts, more_ids, used = cache
    text_at, ids_at = used[_TEXT_BYTES], used[_MORE_IDS]
    if 2 * used[_ENTRIES] >= len(entries) or text_at + MAX_CHUNK_BYTES > len(texts) or ids_at + MAX_CHUNK_BYTES > len(more_ids):
        entries[:] = 0
        used[:] = text_at = ids_at = 0
    slot = hash_key(low, high) & (len(entries) - 1)
    while entries[slot, SIZES] != 0:
        slot = (slot + 1) & (len(entries) - 1)
    size, num_ids = end - start, len(ids)
    if size > SHORT_BYTES:
        high = text_at
        texts[text_at : text_at + size] = data[start:end]
        used[_TEXT_BYTES] += size
    if num_ids <= 2:
        ids_word = np.int64(ids[0]) | np.int64(ids[num_ids - 1]) << 32
    else:
        ids_word = ids_at
        more_ids[ids_at : ids_at + num_ids] = ids
        used[_MORE_IDS] += num_ids
    used[_ENTRIES] += 1
    entries[slot, LOW], entries[slot, HIGH] = low, high
    entries[slot, SIZES], entries[slot, IDS] = size << 32 | num_ids, ids_word
