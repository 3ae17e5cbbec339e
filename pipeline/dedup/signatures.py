"""What dedupe knows of a document: its hashes, its signature, and what its priority rests on."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import schema
from pipeline.dedup.exact import text_hashes
from pipeline.dedup.minhash import minhash_signatures
from pipeline.dedup.params import NearParams
from pipeline.dedup.shingles import shingle_hashes
from pipeline.hashing import hash64, luck, mix64


def signatures(documents: pa.RecordBatch, near: NearParams | None, *, fold_case: bool) -> pa.RecordBatch:
    """One row of schema.signatures a document.

    Args:
        documents: schema.DOCUMENTS.
        near: None: there are no signatures, and equal texts alone are duplicates.
        fold_case: prose is compared in lower case, code is not.
    """
    num_documents = documents.num_rows
    exact = text_hashes(documents["text"])
    if near is None:
        values, combined = np.empty((num_documents, 0), np.uint32), exact[:, 0]
    else:
        shingles = shingle_hashes(documents["text"], ngram_tokens=near.ngram_tokens, fold_case=fold_case)
        values = minhash_signatures(shingles, near)
        combined = _row_hashes(values)
    wanted = schema.signatures(values.shape[1])
    columns = [
        documents["id"],
        _fixed_binary(exact),
        pa.array(combined, pa.uint64()),
        *([_fixed_binary(values)] if near else []),
        repository_hashes(documents["repository"]),
        documents["stars"].fill_null(0),
        pc.utf8_length(documents["text"]).cast(pa.int64()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=wanted)


def binary_rows(column: pa.FixedSizeBinaryArray, dtype: type[np.unsignedinteger]) -> np.ndarray:
    """The bytes of a text_hash or signature column as integers [num_documents, values a document]."""
    width, items = column.type.byte_width, np.dtype(dtype).itemsize
    data = np.frombuffer(column.buffers()[1] or b"", np.uint8)[column.offset * width : (column.offset + len(column)) * width]
    return data.view(dtype).reshape(len(column), width // items)


def repository_hashes(names: pa.StringArray) -> pa.UInt64Array:
    """hash64 of each name; 0 where there is none. Names repeat, so each distinct one is hashed once."""
    coded = names.dictionary_encode()
    hashes = pa.array([hash64("repository", name) for name in coded.dictionary.to_pylist()], pa.uint64())
    return hashes.take(coded.indices).fill_null(0)


def _row_hashes(values: np.ndarray) -> np.ndarray:
    """The 64-bit multilinear hash of each row (Dietzfelbinger 1996), one multiply a value."""
    factors = luck(0, "signature_hash", np.arange(values.shape[1], dtype=np.uint64))
    return mix64((values.astype(np.uint64) * factors).sum(axis=1, dtype=np.uint64))


def _fixed_binary(values: np.ndarray) -> pa.FixedSizeBinaryArray:
    """Rows of integers as rows of bytes, little-endian."""
    values = np.ascontiguousarray(values)
    width = values.shape[1] * values.itemsize
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(values), [None, pa.py_buffer(values)])
