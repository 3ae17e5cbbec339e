"""SentencePiece's ids, chunk by chunk."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.kernels import kernel, string_buffers
from tokenization.cache import MAX_CHUNK_BYTES, Cache, append_chunk, new_cache
from tokenization.chunks import Joins, chunk_end, find_joins
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
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        while start < end:
            stop = chunk_end(data, start, end, joins)
            if stop - start <= MAX_CHUNK_BYTES:
                num_ids = append_chunk(data, start, stop, pieces, symbols, cache, ids, num_ids)
            else:
                added, _ = encode_text(data[start:stop], pieces, new_symbols(stop - start), ids[num_ids:])
                num_ids += added
            start = stop
        ends[document + 1] = num_ids
    return ends, ids[:num_ids]
