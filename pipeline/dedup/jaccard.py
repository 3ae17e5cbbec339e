"""The exact Jaccard similarity of pairs of documents, from their sets of shingles."""

import numpy as np

from pipeline.dedup.shingles import Shingles
from pipeline.kernels import kernel


def shingle_sets(shingles: Shingles) -> Shingles:
    """The same documents' shingles, ascending, each once."""
    hashes, offsets = _sort_all(shingles.hashes, shingles.offsets)
    return Shingles(hashes, offsets)


def exact_similarity(sets: Shingles, *, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Shared shingles / all shingles of both; two documents without shingles are equal.

    Exact but for the shingles' hashes: of 32 bits, two documents of 1,000 shingles share one by chance in 1 of 4,000 pairs.

    Args:
        sets: as shingle_sets gives them.
        left, right: integers [num_pairs], documents of `sets`.
    Returns:
        float32 [num_pairs].
    """
    return _similarities(sets.hashes, sets.offsets, left, right)


@kernel
def _sort_all(hashes: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    distinct = np.empty(offsets[-1] - offsets[0], np.uint32)
    ends = np.zeros(len(offsets), np.int64)
    for i in range(len(offsets) - 1):
        own = np.sort(hashes[offsets[i] : offsets[i + 1]])
        end = ends[i]
        for k in range(len(own)):
            if k == 0 or own[k] != own[k - 1]:
                distinct[end] = own[k]
                end += 1
        ends[i + 1] = end
    return distinct[: ends[-1]], ends


@kernel
def _similarities(hashes: np.ndarray, offsets: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    similarities = np.empty(len(left), np.float32)
    for pair in range(len(left)):
        i, i_end = offsets[left[pair]], offsets[left[pair] + 1]
        j, j_end = offsets[right[pair]], offsets[right[pair] + 1]
        num_all = (i_end - i) + (j_end - j)
        num_shared = 0
        while i < i_end and j < j_end:
            # No branch that a processor could guess wrong: both sides move on where they are equal.
            a, b = hashes[i], hashes[j]
            num_shared += a == b
            i += a <= b
            j += b <= a
        num_all -= num_shared
        similarities[pair] = np.float32(num_shared / num_all) if num_all else np.float32(1)
    return similarities
