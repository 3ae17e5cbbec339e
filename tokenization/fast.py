"""SentencePiece's ids, chunk by chunk: what is between two cuts is encoded once and then looked up."""

import threading

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.kernels import kernel, string_buffers
from tokenization.cache import HIGH, IDS, LOW, MAX_CHUNK_BYTES, SHORT_BYTES, SIZES, Cache, hash_key, hash_long, is_text, new_cache, remember
from tokenization.chunks import ASK, JOINED, Joins, are_joined, find_joins
from tokenization.merging import Merges, encode_text, find_merges
from tokenization.vocabulary import SPACE, Model

_LOW_HALF = 2**32 - 1


class FastEncoder:
    """Encodes as SentencePiece does with a model without `obstacle`."""

    def __init__(self, model: Model, cache: Cache | None = None) -> None:
        """
        Args:
            cache: of chunks encoded with this very model; what it holds makes no difference to the ids.
        """
        self._merges, self._joins = find_merges(model), find_joins(model)
        self._cache = cache or new_cache()
        self._byte_ids = _ids_of_bytes(self._merges)
        self._add_dummy_prefix = model.add_dummy_prefix
        self._one_at_a_time = threading.Lock()  # kernels run without the interpreter's lock, and all write to the cache

    def encode(self, texts: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
        """
        Returns:
            Offsets int64 [n + 1] and ids uint32 [offsets[n]]; a null has none.
        Raises:
            ValueError: a text is no UTF-8.
        """
        texts.validate(full=True)
        if _holds_escaped_space(texts):
            texts = pc.replace_substring(texts, SPACE.decode(), " ")
        if self._add_dummy_prefix:
            texts = pc.if_else(pc.equal(pc.binary_length(texts), 0), texts, pc.binary_join_element_wise(" ", texts, ""))
        offsets, data = string_buffers(texts)
        with self._one_at_a_time:
            return _encode_documents(offsets, data, self._joins, self._merges, self._cache, self._byte_ids)


def _holds_escaped_space(texts: pa.StringArray) -> bool:
    offsets, data = string_buffers(texts)
    data = data[offsets[0] : offsets[-1]]
    first = np.flatnonzero(data == SPACE[0])
    return bool(((data[first + 1] == SPACE[1]) & (data[first + 2] == SPACE[2])).any())


def _ids_of_bytes(merges: Merges) -> np.ndarray:
    """uint32 [128]: of the ASCII characters, alone."""
    ids = np.empty(128, np.uint32)
    for byte in range(128):
        encode_text(np.array([byte], np.uint8), 0, 1, merges, ids, byte)
    return ids


@kernel
def _encode_documents(
    offsets: np.ndarray, data: np.ndarray, joins: Joins, merges: Merges, cache: Cache, byte_ids: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    # Memory that is never written is never taken, so room for the largest number possible costs nothing.
    ids = np.empty(offsets[-1] - offsets[0] + 1, np.uint32)
    ends = np.zeros(len(offsets), np.int64)
    num_ids = 0
    by_bytes, pairs = joins
    entries, texts, more_ids, _ = cache
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        while start < end:
            # The chunk's last 16 bytes are gathered on the way: the key, if it has no more.
            last, stop = data[start], start + 1
            low, high = 0 | last, 0
            while stop < end:
                byte = data[stop]
                verdict = by_bytes[last << 8 | byte]
                if verdict != JOINED and (verdict != ASK or not are_joined(data, stop, pairs)):
                    break
                low, high = low << 8 | byte, high << 8 | low >> 56 & 0xFF
                last, stop = byte, stop + 1
            size = stop - start
            added = 0
            if size == 1:
                ids[num_ids] = byte_ids[last]
                added = 1
            elif size <= MAX_CHUNK_BYTES:
                if size > SHORT_BYTES:
                    low, high = hash_long(data, start, stop), 0
                # The search is written out: a call would cost more than all of it.
                slot = hash_key(low, high) & (len(entries) - 1)
                while entries[slot, SIZES] != 0:
                    if entries[slot, LOW] == low and entries[slot, SIZES] >> 32 == size:
                        if size <= SHORT_BYTES:
                            if entries[slot, HIGH] == high:
                                break
                        elif is_text(data, start, stop, texts, entries[slot, HIGH]):
                            break
                    slot = (slot + 1) & (len(entries) - 1)
                added = entries[slot, SIZES] & _LOW_HALF
                if added > 2:
                    first = entries[slot, IDS]
                    for i in range(added):
                        ids[num_ids + i] = more_ids[first + i]
                elif added != 0:
                    ids[num_ids] = entries[slot, IDS] & _LOW_HALF
                    ids[num_ids + 1] = entries[slot, IDS] >> 32  # overwritten if there is one only
            if added == 0:
                added = encode_text(data, start, stop, merges, ids, num_ids)[0] - num_ids
                if size <= MAX_CHUNK_BYTES:
                    remember(data, start, stop, low, high, ids[num_ids : num_ids + added], cache)
            num_ids += added
            start = stop
        ends[document + 1] = num_ids
    return ends, ids[:num_ids].copy()
