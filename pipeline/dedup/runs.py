"""Windows of long runs of text that documents may share, or repeat: quotations, forwarded mail, a chapter printed twice.

A window of `min_bytes` // 2 - 1 bytes begins where winnowing says, by what stands there alone, so that equal runs have equal windows
however they are shifted:

    hashes of the 16 bytes at each place      7 3 9 4 8 2 6 5 9 ...      of every 4 neighbouring places (here) the
    chosen                                      3   4   2                lowest; it stays chosen as long as it is among them

Of as many neighbouring places one at least begins a window, so a run of `min_bytes` has a whole window in it (but for a run that repeats
itself, whose lowest hashes tie).

Source: Schleimer, Wilkerson, Aiken, Winnowing: local algorithms for document fingerprinting, SIGMOD 2003.
"""

import numpy as np
import pyarrow as pa

from pipeline.dedup.exact import murmur3
from pipeline.dedup.murmur import mix64
from pipeline.dedup.params import RunParams
from pipeline.dedup.pieces import Pieces
from pipeline.kernels import kernel, string_buffers

_GRAM = 16
_BYTE = np.uint64(0x9DDFEA08EB382D69)
_NEVER = np.uint64(2**64 - 1)


def windows_of(texts: pa.StringArray, params: RunParams) -> Pieces:
    """The windows of each text. They begin and end between characters, and may overlap."""
    offsets, data = string_buffers(texts)
    return Pieces(*_windows(data, offsets, params.min_bytes // 2 - 1))


@kernel
def _windows(data: np.ndarray, offsets: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    num_texts = len(offsets) - 1
    most = offsets[-1] - offsets[0] + num_texts  # memory that is never written is never taken
    hashes, starts, ends = np.empty((most, 2), np.uint64), np.empty(most, np.int64), np.empty(most, np.int64)
    window_offsets = np.zeros(num_texts + 1, np.int64)
    longest = np.max(np.diff(offsets)) if num_texts else 0
    grams = np.empty(longest + 1, np.uint64)
    num_windows = 0
    for i in range(num_texts):
        text = data[offsets[i] : offsets[i + 1]]
        num_places = len(text) - size + 1
        if num_places > 0:
            _hash_grams(text, num_places, grams)
            num_windows += _choose(text, grams[:num_places], size, hashes[num_windows:], starts[num_windows:], ends[num_windows:])
        window_offsets[i + 1] = num_windows
    return hashes[:num_windows], starts[:num_windows], ends[:num_windows], window_offsets


@kernel
def _hash_grams(text: np.ndarray, num_places: int, grams: np.ndarray) -> None:
    """A hash of the _GRAM bytes at each place, rolled along; a place inside of a character is never the lowest."""
    leaving = np.uint64(1)
    for _ in range(_GRAM):
        leaving *= _BYTE
    h = np.uint64(0)
    for k in range(_GRAM):
        h = h * _BYTE + np.uint64(text[k])
    for place in range(num_places):
        if place:
            h = h * _BYTE + np.uint64(text[place + _GRAM - 1]) - np.uint64(text[place - 1]) * leaving
        grams[place] = _NEVER if text[place] & 0xC0 == 0x80 else mix64(h)


@kernel
def _choose(text: np.ndarray, grams: np.ndarray, size: int, hashes: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> int:
    """Writes a window for each chosen place, returns their number.

    The lowest of the last `size` places is looked for only when the chosen one leaves them or a lower one comes: on text without
    structure once in size / 2 places, so the work is linear; a text whose hashes only rise costs one look a place, of which
    `size` is a bound.
    """
    num_windows = 0
    chosen = -1
    last = min(size, len(grams)) - 1  # the first place that completes a neighbourhood
    for place in range(last, len(grams)):
        begin = max(place - size + 1, 0)
        if chosen < begin:
            chosen = begin
            for k in range(begin + 1, place + 1):
                if grams[k] <= grams[chosen]:
                    chosen = k
        elif grams[place] < grams[chosen]:
            chosen = place
        else:
            continue
        if grams[chosen] == _NEVER:
            continue
        end = chosen + size
        while end < len(text) and text[end] & 0xC0 == 0x80:
            end += 1
        hashes[num_windows, 0], hashes[num_windows, 1] = murmur3(text[chosen:end], np.uint64(0))
        starts[num_windows], ends[num_windows] = chosen, end
        num_windows += 1
    return num_windows
