"""Pieces of text, lines or windows of runs, that many different documents share. They are cut before documents are compared.

A piece is common if more than `max_documents` different texts have it; copies of one text count once, however often it was published.
The text that comes first (in the order of the sources, units and rows) keeps its common pieces, and so do that text's copies: copies
stay copies. Dedupe comes after, and has an order of its own: where it drops that text, the pieces go with it.

    unit 0   A | menu | x          menu: in the texts A, B, C  > max_documents = 2      cut from B and C
    unit 1   B | menu | y
    unit 1   C | menu              x, y: in one text each                               stay
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.kernels import kernel, string_buffers

# A piece of one document: 128 bits of its bytes, 64 of the document's text, the document's place in the corpus.
RECORD = np.dtype([("low", "<u8"), ("high", "<u8"), ("text", "<u8"), ("unit", "<u4"), ("row", "<u4"), ("kind", "u1")])
# A piece to cut from a document. Within one document 64 bits tell pieces apart.
CUT = np.dtype([("row", "<u4"), ("low", "<u8")])


@dataclass(frozen=True)
class Pieces:
    """Pieces of a batch of texts, in their order.

    Attributes:
        hashes: uint64 [m, 2], equal for equal pieces.
        starts, ends: int64 [m]: bytes in the document.
        offsets: int64 [n + 1]: document i has the pieces offsets[i] to offsets[i + 1].
    """

    hashes: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    offsets: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """int64 [m]: each piece's document."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


@dataclass(frozen=True)
class Spans:
    """Spans of a batch of texts, in order and apart.

    Attributes:
        starts, ends: int64 [k]: bytes in the document.
        offsets: int64 [n + 1]: document i has the spans offsets[i] to offsets[i + 1].
    """

    starts: np.ndarray
    ends: np.ndarray
    offsets: np.ndarray


def piece_records(pieces: Pieces, text_hashes: np.ndarray, *, kind: int, unit: int, first_row: int) -> np.ndarray:
    """RECORD [at most m]: every piece once a document.

    Args:
        text_hashes: uint64 [n], equal for equal texts.
        kind: kinds of pieces are counted apart.
        first_row: the batch's place in its unit.
    """
    order = np.lexsort((pieces.hashes[:, 0], pieces.rows))
    rows, hashes = pieces.rows[order], pieces.hashes[order]
    first = _changes(hashes[:, 0], rows)
    records = np.empty(int(first.sum()), RECORD)
    rows = rows[first]
    records["low"], records["high"] = hashes[first].T
    records["text"], records["unit"], records["row"], records["kind"] = text_hashes[rows], unit, rows + first_row, kind
    return records


def common_pieces(records: np.ndarray, *, max_documents: int) -> np.ndarray:
    """The records of common pieces in documents that have to lose them.

    Args:
        records: RECORD of one kind, every record of the corpus with one of these pieces; in any order.
    Returns:
        RECORD, sorted by piece, unit, row.
    """
    records = records[np.lexsort((records["row"], records["unit"], records["high"], records["low"]))]
    is_first = _changes(records["low"], records["high"])
    group = np.cumsum(is_first) - 1
    by_text = np.lexsort((records["text"], group))
    is_new_text = _changes(group[by_text], records["text"][by_text])
    num_texts = np.bincount(group[by_text], weights=is_new_text)
    keeper = records["text"][is_first]
    return records[(num_texts > max_documents)[group] & (records["text"] != keeper[group])]


def cut_places(pieces: Pieces, cuts: np.ndarray, *, first_row: int) -> np.ndarray:
    """Which of the pieces are to be cut, bool [m].

    Args:
        cuts: CUT, sorted by row and piece, of the whole unit.
    """
    return _marked(pieces.hashes[:, 0], pieces.rows + first_row, cuts["row"].astype(np.int64), cuts["low"].astype(np.uint64))


def repeated_places(pieces: Pieces) -> np.ndarray:
    """Which of the pieces stood in their document before, apart from the first such place; bool [m]."""
    rows, repeated = pieces.rows, np.zeros(len(pieces.starts), bool)
    order = np.lexsort((pieces.starts, pieces.hashes[:, 0], rows))
    is_first = _changes(rows[order], pieces.hashes[order, 0])
    first_end = pieces.ends[order][is_first][np.cumsum(is_first) - 1]
    repeated[order] = pieces.starts[order] >= first_end
    return repeated


def joined_spans(marked: list[tuple[Pieces, np.ndarray]], num_documents: int) -> Spans:
    """The marked pieces of several kinds as spans; those that touch or overlap are one."""
    rows, starts, ends = (
        np.concatenate([np.empty(0, np.int64), *(values[places] for values, places in each)])
        for each in zip(*([(of, places) for of in (pieces.rows, pieces.starts, pieces.ends)] for pieces, places in marked), strict=True)
    )
    order = np.lexsort((ends, starts, rows))
    rows, starts, ends = rows[order], starts[order], ends[order]
    reach = _reach(rows, ends)
    opens = _changes(rows) | (starts > np.concatenate([[0], reach[:-1]])[: len(rows)])
    closes = np.concatenate([opens[1:], [True]])[: len(rows)]
    return Spans(starts[opens], reach[closes], np.searchsorted(rows[opens], np.arange(num_documents + 1)))


def without_spans(texts: pa.StringArray, spans: Spans) -> pa.StringArray:
    """The texts without these spans."""
    if not len(spans.starts):
        return texts
    offsets, data = string_buffers(texts)
    kept, kept_offsets = _without(data, offsets, spans.starts, spans.ends, spans.offsets)
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(kept_offsets.astype(np.int32)), pa.py_buffer(kept))


def _changes(*columns: np.ndarray) -> np.ndarray:
    """Where a row differs from the one before it; the first does."""
    changes = np.ones(len(columns[0]), bool)
    changes[1:] = np.logical_or.reduce([values[1:] != values[:-1] for values in columns])
    return changes


@kernel
def _reach(rows: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """How far the document's spans so far reach."""
    reach = ends.copy()
    for i in range(1, len(ends)):
        if rows[i] == rows[i - 1] and reach[i - 1] > reach[i]:
            reach[i] = reach[i - 1]
    return reach


@kernel
def _marked(hashes: np.ndarray, rows: np.ndarray, cut_rows: np.ndarray, cut_hashes: np.ndarray) -> np.ndarray:
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
        place = first + np.searchsorted(cut_hashes[first:last], hashes[i])
        marked[i] = place < last and cut_hashes[place] == hashes[i]
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
