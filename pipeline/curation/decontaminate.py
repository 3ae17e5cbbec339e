"""The step that finds benchmark items in documents, and drops these or cuts the items out."""

from typing import Annotated, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from pipeline.curation.benchmark_index import load_indexes
from pipeline.curation.overlap import find_overlaps
from pipeline.curation.rule import Columns, Edit, Findings, Rule, RuleSet, once_per_batch, ratio
from pipeline.kernels import kernel, string_buffers


class DecontaminateParams(RuleSet):
    """Documents that hold too much of a benchmark item (its question, its solution, its tests) go, or lose that part.

    A *hit* is a stretch of a document with a greater share than `max_overlap` of the n-grams of one string of an item. The findings
    name the item, the span and the share; `decontaminate_overlap` is a document's greatest share, hit or not.

    Attributes:
        indexes: files that `tenfold benchmarks build` made.
        action: drop the documents with a hit, or cut the hits' spans and keep the rest.
        max_overlap: 0: a single n-gram is a hit, as in DeepSeek-Coder (2401.14196).
        max_gap_tokens: so many tokens that are not the string's may stand inside a stretch at one place.
        min_left_fraction: a document of which the cuts leave less, in characters, is dropped.
    """

    edit_ignores = frozenset(["min_left_fraction", "max_overlap"])  # where max_overlap is a rule's bound, nothing is cut

    indexes: tuple[str, ...] = Field(min_length=1)
    action: Literal["drop", "cut"] = "drop"
    max_overlap: Annotated[float, Field(ge=0, le=1)] | None = 0.2
    max_gap_tokens: int = Field(30, ge=0)
    min_left_fraction: Annotated[float, Field(ge=0, le=1)] | None = 0.5

    def rules(self) -> list[Rule]:
        if self.action == "drop":
            return [Rule("decontaminate_overlap", self._overlaps, maximum=self.max_overlap)]
        left = Rule("decontaminate_left_fraction", self._left_fractions, minimum=self.min_left_fraction)
        return [Rule("decontaminate_overlap", self._overlaps), left]

    def files(self) -> list[str]:
        load_indexes(self.indexes)
        return list(self.indexes)

    def edit(self, columns: Columns) -> Edit:
        hits = find_hits(columns, self)
        findings = Findings(hits.row, hits.item, hits.start, hits.end, hits.overlap)
        return Edit(cut(columns["text"], hits) if self.action == "cut" else columns["text"], findings)

    def _overlaps(self, columns: Columns) -> np.ndarray:
        return find_hits(columns, self).greatest

    def _left_fractions(self, columns: Columns) -> np.ndarray:
        num_chars = pc.fill_null(pc.utf8_length(columns["text"]), 0).to_numpy(zero_copy_only=False).astype(np.int64)
        row, start, end = joined(find_hits(columns, self))
        num_cut = np.bincount(row, end - start, minlength=len(num_chars))
        return np.where(num_chars > 0, ratio(num_chars - num_cut, num_chars), 1.0)


class Hits(NamedTuple):
    """What a batch of n documents holds of benchmarks: m hits, by document and place; no two of one item overlap or touch."""

    greatest: np.ndarray  # float64 [n]: the greatest overlap in each document, hit or not
    row: np.ndarray  # int64 [m], ascending
    item: pa.StringArray  # [m]
    start: np.ndarray  # int64 [m], in code points
    end: np.ndarray  # int64 [m]
    overlap: np.ndarray  # float64 [m]: the greatest of what was joined


@once_per_batch
def find_hits(columns: Columns, params: DecontaminateParams) -> Hits:
    """The hits of all indexes in the documents' texts; of one item, those that overlap or touch are one."""
    texts = columns["text"]
    max_overlap = 1.0 if params.max_overlap is None else params.max_overlap
    greatest = np.zeros(len(texts))
    parts, names = [], []
    for index in load_indexes(params.indexes):
        most, spans = find_overlaps(texts, index.table, kind=index.kind, max_overlap=max_overlap, max_gap_tokens=params.max_gap_tokens)
        greatest = np.maximum(greatest, most)
        parts.append(spans)
        names.append(index.items.take(pa.array(spans.string)))
    row, _, start, end, overlap = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    items = pa.concat_arrays(names).dictionary_encode()
    item = items.indices.to_numpy().astype(np.int64)
    order = np.lexsort((start, item, row))
    row, item, start, end, overlap = (array[order] for array in (row, item, start, end, overlap))
    first, end, overlap = _join(row, item, start, end, overlap)
    row, item, start = row[first], item[first], start[first]
    start, end = _in_chars(texts, row, start, end)
    order = np.lexsort((item, end, start, row))
    return Hits(greatest, row[order], items.dictionary.take(pa.array(item[order])), start[order], end[order], overlap[order])


def joined(hits: Hits) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, start and end of what the hits cover, ascending and apart; int64 [k] each."""
    first, end, _ = _join(hits.row, np.zeros_like(hits.row), hits.start, hits.end, hits.overlap)
    return hits.row[first], hits.start[first], end


def cut(texts: pa.StringArray, hits: Hits) -> pa.StringArray:
    """The texts without what the hits cover; the very array if there are none."""
    row, start, end = joined(hits)
    if not len(row):
        return texts
    rows, first = np.unique(row, return_index=True)
    changed = []
    # Few documents have hits, so Python sees few.
    for text, starts, ends in zip(
        texts.take(pa.array(rows)).to_pylist(), np.split(start, first[1:]), np.split(end, first[1:]), strict=True
    ):
        changed.append("".join(text[a:b] for a, b in zip([0, *ends], [*starts, len(text)], strict=True)))
    mask = np.zeros(len(texts), bool)
    mask[rows] = True
    return pc.replace_with_mask(texts, pa.array(mask), pa.array(changed, texts.type))


def _in_chars(texts: pa.StringArray, row: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Byte places of spans as code points."""
    rows, places = np.concatenate([row, row]), np.concatenate([start, end])
    order = np.lexsort((places, rows))
    counts = np.empty_like(places)
    counts[order] = _count_chars(*string_buffers(texts), rows[order], places[order])
    return counts[: len(row)], counts[len(row) :]


@kernel
def _count_chars(offsets: np.ndarray, data: np.ndarray, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """How many code points of its text stand before each place (a byte); int64 [m]. Rows, and places in a row, ascend."""
    counts = np.empty(len(places), np.int64)
    row, at, count = -1, 0, 0
    for i in range(len(places)):
        if rows[i] != row:
            row, count = rows[i], 0
            at = offsets[row]
        while at < offsets[row] + places[i]:
            count += data[at] & 0xC0 != 0x80
            at += 1
        counts[i] = count
    return counts


@kernel
def _join(
    row: np.ndarray, item: np.ndarray, start: np.ndarray, end: np.ndarray, overlap: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joins spans of one row and item that overlap or touch; they come by row, item and start.

    Returns:
        of each joined span its first one's place int64 [k], its end, its greatest overlap.
    """
    first, ends, overlaps = np.empty(len(row), np.int64), np.empty(len(row), np.int64), np.empty(len(row), np.float64)
    k = -1
    for i in range(len(row)):
        if k >= 0 and row[i] == row[first[k]] and item[i] == item[first[k]] and start[i] <= ends[k]:
            ends[k] = max(ends[k], end[i])
            overlaps[k] = max(overlaps[k], overlap[i])
        else:
            k += 1
            first[k], ends[k], overlaps[k] = i, end[i], overlap[i]
    return first[: k + 1], ends[: k + 1], overlaps[: k + 1]
