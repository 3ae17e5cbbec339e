"""Texts with other bytes in place of spans, until nothing is found any more."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.curation.redaction.spans import merged
from pipeline.kernels import StringBuffers, kernel, string_buffers

# What goes may have kept its neighbours from being found: `AKIA...1.2.3.4`, a hash near `sha@...`. A third round rarely finds something.
_MAX_ROUNDS = 16


class Replacements(NamedTuple):
    """What stands for each span: texts[choice[k]] for span k."""

    choice: np.ndarray  # int64 [m]
    texts: list[bytes]


class Replaced(NamedTuple):
    """Texts without what was found, and where that was.

    Attributes:
        texts: pa.string() [n]; the very array if nothing was found.
        rows: int64 [m], ascending: the text that a span is in.
        spans: int64 [m, 3]: start and end in code points of the text as it was, and the kind.
    """

    texts: pa.StringArray
    rows: np.ndarray
    spans: np.ndarray


def replace_all(
    texts: pa.StringArray, find: Callable[[StringBuffers], np.ndarray], replacements: Callable[[StringBuffers, np.ndarray], Replacements]
) -> Replaced:
    """Replaces what `find` finds, again and again in what comes out, so that a second pass over the result changes nothing.

    Args:
        texts: pa.string(); nulls stay null.
        find: spans of bytes, int64 [m, 3], which may overlap: what does is replaced as one.
        replacements: what stands for spans that are apart.
    """
    buffers = string_buffers(texts)
    texts, spans = _replace(texts, buffers, find, replacements, rounds=_MAX_ROUNDS)
    rows = _rows(buffers.offsets, spans[:, 0])
    chars = spans.copy()
    chars[:, :2] = _in_chars(*buffers, rows, spans)
    return Replaced(texts, rows, chars)


def _replace(
    texts: pa.StringArray,
    buffers: StringBuffers,
    find: Callable[[StringBuffers], np.ndarray],
    replacements: Callable[[StringBuffers, np.ndarray], Replacements],
    *,
    rounds: int,
) -> tuple[pa.StringArray, np.ndarray]:
    """The texts and the spans that are no longer in them, in bytes of the buffers."""
    spans = merged(find(buffers))
    if len(spans) == 0:
        return texts, spans
    rows = _rows(buffers.offsets, spans[:, 0])
    changed, numbers = np.unique(rows, return_inverse=True)
    choice, others = replacements(buffers, spans)
    ends = np.cumsum([0, *map(len, others)])
    joined = np.frombuffer(b"".join(others), np.uint8)
    new_offsets, new_data, new_starts = _spliced(*buffers, changed, numbers, spans, choice, ends, joined)
    new_texts = pa.StringArray.from_buffers(len(changed), pa.py_buffer(new_offsets.astype(np.int32)), pa.py_buffer(new_data))
    if rounds > 1:
        new_buffers = string_buffers(new_texts)
        new_texts, later = _replace(new_texts, new_buffers, find, replacements, rounds=rounds - 1)
        if len(later):
            new_ends = new_starts + (ends[choice + 1] - ends[choice])
            later_rows = _rows(new_offsets, later[:, 0])
            row_starts = buffers.offsets[changed[later_rows]] - new_offsets[later_rows]
            earlier = later.copy()
            for column in (0, 1):
                # An end is the place behind the last byte, which lies in the same text.
                byte = later[:, column] - column
                k = np.searchsorted(new_starts, byte, "right") - 1
                inside = (k >= 0) & (byte < new_ends[k])
                behind = (k >= 0) & (numbers[k] == later_rows)
                shifted = np.where(behind, spans[k, 1] - new_ends[k], row_starts) + later[:, column]
                earlier[:, column] = np.where(inside, spans[k, column], shifted)
            spans = merged(np.concatenate([spans, earlier]))
    mask = np.zeros(len(texts), bool)
    mask[changed] = True
    return pc.replace_with_mask(texts, pa.array(mask), new_texts), spans


def _rows(offsets: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The text that a byte is in."""
    return np.searchsorted(offsets, starts, "right") - 1


@kernel
def _spliced(
    offsets: np.ndarray,
    data: np.ndarray,
    changed: np.ndarray,
    numbers: np.ndarray,
    spans: np.ndarray,
    choice: np.ndarray,
    ends: np.ndarray,
    joined: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The changed texts with their spans replaced: offsets int64 [num_changed + 1], data, and where each span's replacement starts.

    Args:
        changed: the rows of the texts that have spans; `numbers` has the place in it for each span.
        choice: span k becomes joined[ends[choice[k]] : ends[choice[k] + 1]].
    """
    size = 0
    for row in changed:
        size += offsets[row + 1] - offsets[row]
    for k in range(len(spans)):
        size += ends[choice[k] + 1] - ends[choice[k]] - (spans[k, 1] - spans[k, 0])
    new_offsets = np.zeros(len(changed) + 1, np.int64)
    new_data = np.empty(size, np.uint8)
    new_starts = np.empty(len(spans), np.int64)
    k = out = 0
    for number in range(len(changed)):
        i, end = offsets[changed[number]], offsets[changed[number] + 1]
        while k < len(spans) and numbers[k] == number:
            new_data[out : out + spans[k, 0] - i] = data[i : spans[k, 0]]
            out += spans[k, 0] - i
            new_starts[k] = out
            first, last = ends[choice[k]], ends[choice[k] + 1]
            new_data[out : out + last - first] = joined[first:last]
            out += last - first
            i = spans[k, 1]
            k += 1
        new_data[out : out + end - i] = data[i:end]
        out += end - i
        new_offsets[number + 1] = out
    return new_offsets, new_data, new_starts


@kernel
def _in_chars(offsets: np.ndarray, data: np.ndarray, rows: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """Starts and ends in code points of their text, int64 [m, 2]; the spans are ascending and apart."""
    chars = np.empty((len(spans), 2), np.int64)
    row = -1
    i = num = 0
    for k in range(len(spans)):
        if rows[k] != row:
            row = rows[k]
            i = offsets[row]
            num = 0
        for side in range(2):
            while i < spans[k, side]:
                num += data[i] & 0xC0 != 0x80
                i += 1
            chars[k, side] = num
    return chars
