"""What the heads of documents say of their licences: `SPDX-License-Identifier` tags, and the phrases of texts and notices."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.curation.licence_texts import Key, licence_texts
from pipeline.curation.phrases import Found, find_phrases
from pipeline.kernels import StringBuffers, kernel, string_buffers

# A tag's expression ends with its line; a longer one is cut, and then most likely none.
_MAX_TAG_BYTES = 200


class Heads(NamedTuple):
    """What the heads of n documents say.

    Attributes:
        tags: pa.string() [n]: what follows each tag on its line, joined by line ends; null: there is no tag.
        keys: the sets of phrases that occur.
        key: int64 [n], a place in `keys`.
        tag_span, text_span: int64 [2, n]: from the first to behind the last tag, and phrase that names a licence, in code
            points; 0: there is none.
    """

    tags: pa.StringArray
    keys: list[Key]
    key: np.ndarray
    tag_span: np.ndarray
    text_span: np.ndarray


def read_heads(texts: pa.StringArray, *, max_bytes: int) -> Heads:
    """One pass over the first bytes of each text; a null is read as empty."""
    phrases = licence_texts()
    buffers = string_buffers(texts)
    found = find_phrases(buffers, phrases.phrases, max_bytes=max_bytes)
    keys, key = _keys(found, len(texts), num_phrases=len(phrases.phrases.num_words))
    is_tag = found.phrase == phrases.tag
    row, start = found.row[is_tag], found.start[is_tag]
    stops = np.minimum(buffers.offsets[row + 1], found.end[is_tag] + _MAX_TAG_BYTES)
    ends = _line_ends(buffers.data, found.end[is_tag], stops)
    tags = _joined(_slices(buffers.data, found.end[is_tag], ends), row, len(texts))
    names = np.isin(found.phrase, list(phrases.names))
    return Heads(
        tags,
        keys,
        key,
        _spans(buffers, row, start, ends),
        _spans(buffers, found.row[names], found.start[names], found.end[names]),
    )


def _keys(found: Found, num_documents: int, *, num_phrases: int) -> tuple[list[Key], np.ndarray]:
    """The sets of phrases, and each document's place among them; the first one is the empty set."""
    rows, place = np.unique(found.row, return_inverse=True)
    bits = np.zeros((len(rows), -(-num_phrases // 8)), np.uint8)
    np.bitwise_or.at(bits, (place, found.phrase >> 3), (1 << (found.phrase & 7)).astype(np.uint8))
    sets, which = np.unique(bits.view(f"V{bits.shape[1]}").reshape(-1), return_inverse=True)
    unpacked = np.unpackbits(sets.view(np.uint8).reshape(len(sets), bits.shape[1]), axis=1, bitorder="little")
    key = np.zeros(num_documents, np.int64)
    key[rows] = which + 1
    return [frozenset(), *(frozenset(np.flatnonzero(held).tolist()) for held in unpacked)], key


def _slices(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> pa.StringArray:
    """The bytes, which are ASCII, as strings."""
    offsets = np.cumsum([0, *(ends - starts)]).astype(np.int32)
    places = np.arange(offsets[-1]) + (starts - offsets[:-1]).repeat(ends - starts)
    return pa.StringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(data[places]))


def _joined(values: pa.StringArray, rows: np.ndarray, num_documents: int) -> pa.StringArray:
    """One string a document of those at its rows (ascending), null where there is none."""
    offsets = np.searchsorted(rows, np.arange(num_documents + 1)).astype(np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, values), "\n")
    return pc.if_else(pa.array(np.diff(offsets) > 0), joined, pa.scalar(None, pa.string()))


def _spans(buffers: StringBuffers, rows: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """int64 [2, n]: the least start and the greatest end of each document's, in code points; 0 where it has none."""
    spans = np.zeros((2, len(buffers.offsets) - 1), np.int64)
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    if first.size:
        own = rows[first]
        for side, places in enumerate((np.minimum.reduceat(starts, first), np.maximum.reduceat(ends, first))):
            spans[side, own] = _num_chars(buffers.data, buffers.offsets[own], places)
    return spans


@kernel
def _line_ends(data: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Of each run of printable ASCII the end, int64 [m]."""
    ends = starts.copy()
    for index in range(len(starts)):
        while ends[index] < stops[index] and (32 <= data[ends[index]] < 127 or data[ends[index]] == 9):
            ends[index] += 1
    return ends


@kernel
def _num_chars(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Code points that begin in each run of bytes, int64 [m]."""
    num = np.zeros(len(starts), np.int64)
    for index in range(len(starts)):
        for i in range(starts[index], ends[index]):
            num[index] += data[i] & 0xC0 != 0x80
    return num
