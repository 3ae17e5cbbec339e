"""Lines as pieces that documents may share: menus, licence notices, "page left blank"."""

import numpy as np
import pyarrow as pa

from pipeline.curation.characters import SPACE, character_flags, decode
from pipeline.dedup.exact import murmur3
from pipeline.dedup.params import LineParams
from pipeline.dedup.pieces import Pieces
from pipeline.kernels import kernel, string_buffers


def lines_of(texts: pa.StringArray, params: LineParams) -> Pieces:
    """The lines of each text that have `min_chars` without the white space at their ends, which is no part of the comparison.

    A piece goes from the line's first byte to after its line feed.
    """
    offsets, data = string_buffers(texts)
    return Pieces(*_lines(data, offsets, character_flags(), params.min_chars))


@kernel
def _lines(
    data: np.ndarray, offsets: np.ndarray, flags: np.ndarray, min_chars: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    num_texts = len(offsets) - 1
    most = (offsets[-1] - offsets[0]) // max(min_chars, 1) + num_texts  # memory that is never written is never taken
    hashes, starts, ends = np.empty((most, 2), np.uint64), np.empty(most, np.int64), np.empty(most, np.int64)
    line_offsets = np.zeros(num_texts + 1, np.int64)
    num_lines = 0
    for i in range(num_texts):
        start, stop = offsets[i], offsets[i + 1]
        while start < stop:
            at = first = last = start  # first and last: of what is no white space
            chars = chars_to_last = 0
            while at < stop and data[at] != 10:
                code, width = decode(data, at)
                at += width
                is_space = flags[code] & SPACE != 0
                if not chars and is_space:
                    first = at
                else:
                    chars += 1
                if not is_space:
                    chars_to_last, last = chars, at
            end = min(at + 1, stop)
            if chars_to_last >= min_chars:
                hashes[num_lines, 0], hashes[num_lines, 1] = murmur3(data[first:last], np.uint64(0))
                starts[num_lines], ends[num_lines] = start - offsets[i], end - offsets[i]
                num_lines += 1
            start = end
        line_offsets[i + 1] = num_lines
    return hashes[:num_lines], starts[:num_lines], ends[:num_lines], line_offsets
