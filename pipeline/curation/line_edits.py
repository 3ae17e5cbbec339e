"""What the steps that cut lines share: the cut spans as findings, the remaining text, and phrases to look for."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.curation.characters import decode
from pipeline.curation.rule import Edit, Findings
from pipeline.curation.word_classes import SPACE
from pipeline.kernels import kernel

KEPT = -1


class EditedLines(NamedTuple):
    """What a kernel that cuts lines gives back.

    Document i's new text is data[offsets[i] : offsets[i + 1]]. Spans are in code points of the old text, in the order of documents
    and places; `kinds` index the step's own list.
    """

    offsets: np.ndarray  # int64 [n + 1]
    data: np.ndarray  # uint8
    counts: np.ndarray  # int64 [k, n]
    spans: np.ndarray  # int64 [4, m]: row, kind, start, end


class Phrases(NamedTuple):
    """Phrases as a kernel looks for them: group g has those in groups[g] : groups[g + 1], each data[starts[i] : starts[i + 1]]."""

    data: np.ndarray  # uint8, ASCII letters in lower case
    starts: np.ndarray  # int64
    groups: np.ndarray  # int64
    begins: np.ndarray  # bool [256]: the bytes that a phrase begins with


def phrases(*groups: Sequence[str]) -> Phrases:
    """Phrases are found whatever the case of ASCII letters; an empty one is found nowhere."""
    encoded = [[lower(phrase).encode() for phrase in group if phrase] for group in groups]
    flat = [phrase for group in encoded for phrase in group]
    begins = np.zeros(256, bool)
    begins[[phrase[0] for phrase in flat]] = True
    return Phrases(
        np.frombuffer(b"".join(flat), np.uint8),
        np.cumsum([0, *map(len, flat)]),
        np.cumsum([0, *map(len, encoded)]),
        begins,
    )


def lower(text: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in text)


def as_edit(texts: pa.StringArray, lines: EditedLines, kinds: Sequence[str]) -> Edit:
    """Args:
    texts: as they were; a null stays null, and so does the whole array if nothing changed.
    """
    rows, codes, starts, ends = lines.spans
    names = pa.array(kinds, pa.string()).take(pa.array(codes))
    findings = Findings(rows, names, starts, ends, np.full(len(rows), np.nan))
    buffers = [None, pa.py_buffer(lines.offsets), pa.py_buffer(lines.data)]
    edited = pa.Array.from_buffers(pa.large_string(), len(texts), buffers).cast(texts.type)
    if texts.null_count:
        edited = pa.compute.if_else(texts.is_valid(), edited, texts)
    return Edit(edited, findings)


@kernel
def phrase_bytes(data: np.ndarray, start: int, end: int, wanted: Phrases, group: int) -> int:
    """The length of the phrase of the group that stands at `start`; 0: none."""
    for phrase in range(wanted.groups[group], wanted.groups[group + 1]):
        length = wanted.starts[phrase + 1] - wanted.starts[phrase]
        if start + length > end:
            continue
        same = True
        for k in range(length):
            byte = data[start + k]
            if 65 <= byte <= 90:
                byte += np.uint8(32)
            if byte != wanted.data[wanted.starts[phrase] + k]:
                same = False
                break
        if same:
            return length
    return 0


@kernel
def strip(data: np.ndarray, start: int, end: int, classes: np.ndarray) -> tuple[int, int]:
    """The span without the white space at its ends."""
    while start < end:
        code, width = decode(data, start)
        if not classes[code] & SPACE:
            break
        start += width
    while start < end:
        last = end - 1
        while data[last] & 0xC0 == 0x80:
            last -= 1
        if not classes[decode(data, last)[0]] & SPACE:
            break
        end = last
    return start, end


@kernel
def num_chars(data: np.ndarray, start: int, end: int) -> int:
    chars = 0
    for i in range(start, end):
        chars += data[i] & 0xC0 != 0x80
    return chars


@kernel
def add_span(spans: np.ndarray, count: int, row: int, kind: int, start: int, end: int, joins: bool) -> tuple[np.ndarray, int]:
    """Appends a span, or lengthens the last one if it `joins` and is of the same kind and row; grows with what it holds."""
    if joins and count and spans[0, count - 1] == row and spans[1, count - 1] == kind:
        spans[3, count - 1] = end
        return spans, count
    if count == spans.shape[1]:
        larger = np.empty((4, 2 * count), np.int64)
        larger[:, :count] = spans
        spans = larger
    spans[0, count], spans[1, count], spans[2, count], spans[3, count] = row, kind, start, end
    return spans, count + 1
