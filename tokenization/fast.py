"""SentencePiece's ids, chunk by chunk."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.kernels import kernel, string_buffers
from tokenization.cache import MAX_CHUNK_BYTES, Cache, find_chunk, miss, long_key, new_cache, _BYTE,_TOP,_LOW,_HALF
from tokenization.chunks import Joins, _is_pair, find_joins
from tokenization.merging import Pieces, encode_text, find_piece, index_pieces, new_symbols
from tokenization.vocabulary import SPACE, Model


class FastEncoder:
    def __init__(self, model: Model, cache: Cache | None = None) -> None:
        self._pieces = index_pieces(model)
        self._joins = find_joins(model)
        self._cache = cache or new_cache()
        self._add_dummy_prefix = model.add_dummy_prefix

    def encode(self, texts: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
        texts.validate(full=True)
        offsets, data = string_buffers(texts)
        if SPACE in data[offsets[0] : offsets[-1]].tobytes():
            offsets, data = string_buffers(pc.replace_substring(texts, SPACE.decode(), " "))
        return _encode_documents(offsets, data, self._pieces, self._joins, self._cache)


@kernel
def _encode_documents(offsets: np.ndarray, data: np.ndarray, pieces: Pieces, joins: Joins, cache: Cache):
    symbols = new_symbols(MAX_CHUNK_BYTES)
    ids = np.empty(offsets[-1] - offsets[0], np.uint32)
    ends = np.zeros(len(offsets), np.int32)
    num_ids = 0
    table, pairs = joins.bytes, joins.pairs
    entries, texts, cids = cache.entries, cache.texts, cache.ids
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        while start < end:
            high = np.uint64(0)
            last = data[start]
            low = np.uint64(last)
            stop = start + 1
            while stop < end:
                byte = data[stop]
                verdict = table[(np.int64(last) << 8) | byte]
                if verdict != 1 and (verdict == 0 or not _is_pair(data, stop, pairs)):
                    break
                high = (high << _BYTE) | (low >> _TOP)
                low = (low << _BYTE) | np.uint64(byte)
                last = byte
                stop += 1
            n = stop - start
            if n > MAX_CHUNK_BYTES:
                added, _ = encode_text(data[start:stop], pieces, new_symbols(stop - start), ids[num_ids:])
                num_ids += added
            else:
                if n > 16:
                    low = long_key(data, start, stop)
                slot = find_chunk(data, start, stop, low, high, entries, texts)
                if entries[slot, 2] == 0:
                    num_ids = miss(data, start, stop, low, high, slot, pieces, symbols, cache, ids, num_ids)
                else:
                    added = np.int64(entries[slot, 2] & _LOW)
                    word = entries[slot, 3]
                    if added <= 2:
                        ids[num_ids] = np.uint32(word & _LOW)
                        if added == 2:
                            ids[num_ids + 1] = np.uint32(word >> _HALF)
                    else:
                        first = np.int64(word)
                        for i in range(added):
                            ids[num_ids + i] = cids[first + i]
                    num_ids += added
            start = stop
        ends[document + 1] = num_ids
    return ends, ids[:num_ids]
