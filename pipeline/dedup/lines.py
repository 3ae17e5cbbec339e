"""Lines that many different documents share: menus, licence notices, "page left blank". They are cut before documents are compared.

A line is compared without the white space at its ends, which has to leave `min_chars`. It is common if more than `max_documents`
different texts have it; copies of one text count once, however often it was published. The text that comes first (in the order of the
sources, units and rows) keeps its common lines, and so do that text's copies: nothing vanishes from the corpus altogether, and copies
stay copies.

    unit 0   A | menu | x          menu: in the texts A, B, C  > max_documents = 2      cut from B and C
    unit 1   B | menu | y
    unit 1   C | menu              x, y: in one text each                               stay

Lines are compared by 64-bit hashes: among 1e8 different ones two collide with a chance of 0.03 %.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.curation.characters import SPACE, character_flags, decode
from pipeline.dedup.murmur import mix64
from pipeline.dedup.params import LineParams
from pipeline.kernels import kernel, string_buffers

# One document's line: `unit` and `row` are its place in the corpus.
RECORD = np.dtype([("line", "<u8"), ("text", "<u8"), ("unit", "<u4"), ("row", "<u4")])
# A line to cut from a document.
CUT = np.dtype([("row", "<u4"), ("line", "<u8")])

_BYTE = np.uint64(0x9DDFEA08EB382D69)
_SEED = np.uint64(0xC3A5C85C97CB3127)


@dataclass(frozen=True)
class Lines:
    """The lines that count of a batch of texts, in their order.

    Attributes:
        hashes: uint64 [m].
        starts, ends: int64 [m]: bytes in the document, from the line's first to after its line feed.
        offsets: int64 [n + 1]: document i has the lines offsets[i] to offsets[i + 1].
    """

    hashes: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    offsets: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """int64 [m]: each line's document."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


def lines_of(texts: pa.StringArray, params: LineParams) -> Lines:
    """The lines of each text that have `min_chars` without the white space at their ends."""
    offsets, data = string_buffers(texts)
    return Lines(*_lines(data, offsets, character_flags(), params.min_chars))


def line_records(lines: Lines, text_hashes: np.ndarray, *, unit: int, first_row: int) -> np.ndarray:
    """RECORD [at most m]: every line once a document.

    Args:
        text_hashes: uint64 [n], equal for equal texts.
        first_row: the batch's place in its unit.
    """
    rows = lines.rows
    records = np.empty(len(rows), RECORD)
    records["line"], records["text"] = lines.hashes, text_hashes[rows]
    records["unit"], records["row"] = unit, rows + first_row
    order = np.lexsort((records["line"], records["row"]))
    records = records[order]
    again = (records["line"][1:] == records["line"][:-1]) & (records["row"][1:] == records["row"][:-1])
    return records[np.concatenate([[True], ~again])[: len(records)]]


def common_lines(records: np.ndarray, params: LineParams) -> np.ndarray:
    """The records of common lines in documents that have to lose them.

    Args:
        records: RECORD, every record of the corpus with one of these lines; in any order.
    Returns:
        RECORD, sorted by line, unit, row.
    """
    records = records[np.lexsort((records["row"], records["unit"], records["line"]))]
    starts = np.flatnonzero(_changes(records["line"]))
    group = np.cumsum(_changes(records["line"])) - 1
    by_text = np.lexsort((records["text"], group))
    is_new_text = _changes(group[by_text]) | _changes(records["text"][by_text])
    num_texts = np.bincount(group[by_text], weights=is_new_text, minlength=len(starts))
    keeper = records["text"][starts]
    return records[(num_texts > params.max_documents)[group] & (records["text"] != keeper[group])]


def cut_places(lines: Lines, cuts: np.ndarray, *, first_row: int) -> np.ndarray:
    """Which of the lines are to be cut, bool [m].

    Args:
        cuts: CUT, sorted by row and line, of the whole unit.
    """
    return _marked(lines.hashes, lines.rows + first_row, cuts["row"].astype(np.int64), cuts["line"].astype(np.uint64))


def cut_spans(lines: Lines, marked: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The marked lines as spans, neighbours joined: starts and ends int64 [k] in bytes, offsets int64 [n + 1]."""
    rows, starts, ends = lines.rows[marked], lines.starts[marked], lines.ends[marked]
    goes_on = np.concatenate([[False], (rows[1:] == rows[:-1]) & (starts[1:] == ends[:-1])])[: len(rows)]
    ends_here = np.concatenate([~goes_on[1:], [True]])[: len(rows)]
    offsets = np.searchsorted(rows[~goes_on], np.arange(len(lines.offsets)))
    return starts[~goes_on], ends[ends_here], offsets


def without_spans(texts: pa.StringArray, starts: np.ndarray, ends: np.ndarray, offsets: np.ndarray) -> pa.StringArray:
    """The texts without these spans.

    Args:
        starts, ends: int64 [k], bytes in the document, in order and apart.
        offsets: int64 [n + 1]: document i loses the spans offsets[i] to offsets[i + 1].
    """
    if not len(starts):
        return texts
    text_offsets, data = string_buffers(texts)
    kept, kept_offsets = _without(data, text_offsets, starts, ends, offsets)
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(kept_offsets.astype(np.int32)), pa.py_buffer(kept))


def _changes(values: np.ndarray) -> np.ndarray:
    """Where a value differs from the one before it; the first does."""
    return np.concatenate([[True], values[1:] != values[:-1]])[: len(values)]


@kernel
def _lines(
    data: np.ndarray, offsets: np.ndarray, flags: np.ndarray, min_chars: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    num_texts = len(offsets) - 1
    most = (offsets[-1] - offsets[0]) // max(min_chars, 1) + num_texts  # memory that is never written is never taken
    hashes, starts, ends = np.empty(most, np.uint64), np.empty(most, np.int64), np.empty(most, np.int64)
    line_offsets = np.zeros(num_texts + 1, np.int64)
    num_lines = 0
    for i in range(num_texts):
        start, stop = offsets[i], offsets[i + 1]
        while start < stop:
            chars = last_char = 0
            value = _SEED
            hashed = value
            at = start
            while at < stop and data[at] != 10:
                code, width = decode(data, at)
                is_space = flags[code] & SPACE != 0
                if chars or not is_space:  # not the white space before the line
                    chars += 1
                    for k in range(width):
                        value = (value ^ np.uint64(data[at + k])) * _BYTE
                    if not is_space:
                        hashed, last_char = value, chars
                at += width
            end = min(at + 1, stop)
            if last_char and last_char >= min_chars:
                hashes[num_lines], starts[num_lines], ends[num_lines] = mix64(hashed), start - offsets[i], end - offsets[i]
                num_lines += 1
            start = end
        line_offsets[i + 1] = num_lines
    return hashes[:num_lines], starts[:num_lines], ends[:num_lines], line_offsets


@kernel
def _marked(hashes: np.ndarray, rows: np.ndarray, cut_rows: np.ndarray, cut_lines: np.ndarray) -> np.ndarray:
    marked = np.zeros(len(hashes), np.bool_)
    first = last = 0  # the cuts of the row
    row = -1
    for i in range(len(hashes)):
        if rows[i] != row:
            row = rows[i]
            first = last
            while first < len(cut_rows) and cut_rows[first] < row:
                first += 1
            last = first
            while last < len(cut_rows) and cut_rows[last] == row:
                last += 1
        place = first + np.searchsorted(cut_lines[first:last], hashes[i])
        marked[i] = place < last and cut_lines[place] == hashes[i]
    return marked


@kernel
def _without(
    data: np.ndarray, text_offsets: np.ndarray, starts: np.ndarray, ends: np.ndarray, offsets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    kept = np.empty(text_offsets[-1] - text_offsets[0], np.uint8)
    kept_offsets = np.zeros(len(text_offsets), np.int64)
    size = 0
    for i in range(len(text_offsets) - 1):
        at = text_offsets[i]
        for k in range(offsets[i], offsets[i + 1] + 1):
            stop = text_offsets[i] + starts[k] if k < offsets[i + 1] else text_offsets[i + 1]
            kept[size : size + stop - at] = data[at:stop]
            size += stop - at
            if k < offsets[i + 1]:
                at = text_offsets[i] + ends[k]
        kept_offsets[i + 1] = size
    return kept[:size], kept_offsets
