"""SentencePiece's ids, chunk by chunk."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.kernels import kernel, string_buffers
from tokenization.cache import HIGH, IDS, LOW, MAX_CHUNK_BYTES, SHORT_BYTES, SIZES, Cache, hash_key, hash_long, is_text, new_cache, remember
from tokenization.chunks import ASK, JOINED, Joins, are_joined, find_joins
from tokenization.merging import Merges, encode_text, find_merges
from tokenization.vocabulary import SPACE, Model

_BYTE, _TOP, _HALF, _LOW_HALF = np.uint64(8), np.uint64(56), np.uint64(32), np.uint64(0xFFFFFFFF)


class FastEncoder:
    """The encoder of a model without an `obstacle`."""

    def __init__(self, model: Model, cache: Cache | None = None) -> None:
        self._merges, self._joins = find_merges(model), find_joins(model)
        self._cache = cache or new_cache()
        self._add_dummy_prefix = model.add_dummy_prefix
        self._byte_chunks = _byte_chunks(self._merges)

    def encode(self, texts: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
        """
        Returns:
            Offsets int32 [n + 1], and ids uint32 [offsets[n]].
        """
        texts.validate(full=True)
        offsets, data = string_buffers(texts)
        if (data == SPACE[0]).any() and SPACE in data[offsets[0] : offsets[-1]].tobytes():
            texts = pc.replace_substring(texts, SPACE.decode(), " ")
        if self._add_dummy_prefix:
            texts = pc.if_else(pc.equal(pc.binary_length(texts), 0), texts, pc.binary_join_element_wise(" ", texts, ""))
        offsets, data = string_buffers(texts)
        return _encode_documents(offsets, data, self._joins, self._merges, self._cache, self._byte_chunks)


def _byte_chunks(merges: Merges) -> np.ndarray:
    """uint32 [256]: the id of a chunk of this one byte."""
    ids = np.zeros(256, np.uint32)
    for byte in range(128):
        encode_text(np.array([byte], np.uint8), 0, 1, merges, ids, byte)
    return ids


@kernel
def _encode_documents(
    offsets: np.ndarray, data: np.ndarray, joins: Joins, merges: Merges, cache: Cache, byte_chunks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    # Memory that is never written is never taken; an entry of one id writes a second.
    ids = np.empty(offsets[-1] - offsets[0] + 1, np.uint32)
    ends = np.zeros(len(offsets), np.int32)
    by_bytes, pairs = joins
    entries, texts, more_ids, _ = cache
    num_ids = 0
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        while start < end:
            last = data[start]
            low, high = np.uint64(last), np.uint64(0)
            stop = start + 1
            while stop < end:
                byte = data[stop]
                verdict = by_bytes[np.int64(last) << 8 | byte]
                if verdict != JOINED and (verdict != ASK or not are_joined(data, stop, pairs)):
                    break
                high = high << _BYTE | low >> _TOP
                low = low << _BYTE | np.uint64(byte)
                last = byte
                stop += 1
            size = stop - start
            if size == 1:
                ids[num_ids] = byte_chunks[last]
                num_ids += 1
                start = stop
                continue
            added = 0
            if size > SHORT_BYTES:
                low, high = hash_long(data, start, stop), np.uint64(0)
            if size <= MAX_CHUNK_BYTES:
                slot = np.int64(hash_key(low, high)) & (len(entries) - 1)
                while entries[slot, SIZES] != 0:
                    if entries[slot, LOW] == low and np.int64(entries[slot, SIZES] >> _HALF) == size:
                        if size <= SHORT_BYTES:
                            if entries[slot, HIGH] == high:
                                break
                        elif is_text(data, start, stop, texts, np.int64(entries[slot, HIGH])):
                            break
                    slot = (slot + 1) & (len(entries) - 1)
                added = np.int64(entries[slot, SIZES] & _LOW_HALF)
                if added > 2:
                    first = np.int64(entries[slot, IDS])
                    for i in range(added):
                        ids[num_ids + i] = more_ids[first + i]
                elif added:
                    ids[num_ids] = entries[slot, IDS]
                    ids[num_ids + 1] = entries[slot, IDS] >> _HALF
            if added == 0:
                added = encode_text(data, start, stop, merges, ids, num_ids)[0] - num_ids
                if size <= MAX_CHUNK_BYTES:
                    remember(data, start, stop, low, high, ids[num_ids : num_ids + added], cache)
            num_ids += added
            start = stop
        ends[document + 1] = num_ids
    return ends, ids[:num_ids]
