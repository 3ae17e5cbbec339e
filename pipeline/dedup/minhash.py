"""MinHash signatures, bit for bit those of datasketch's `affine32` scheme.

A shingle's hash h is mixed once (MurmurHash3's 32-bit finaliser); permutation k sends it to a[k] * h + b[k] mod 2^32; a signature
holds each permutation's minimum over the document. Two documents agree on a value with a probability of their Jaccard similarity.
"""

from functools import lru_cache

import numpy as np
from datasketch import MinHash

from pipeline.dedup.murmur import mix32
from pipeline.dedup.params import NearParams
from pipeline.dedup.shingles import Shingles
from pipeline.kernels import kernel

_EMPTY = np.uint32(2**32 - 1)
_LANES = 16  # uint32s in the widest vector register
_AT_ONCE = 8  # shingles between two visits to memory; more no longer fit the registers


def minhash_signatures(shingles: Shingles, params: NearParams) -> np.ndarray:
    """Min-wise signatures, one row a document.

    `datasketch.MinHash(hashvalues=row, seed=params.seed, scheme="affine32")` reads a row.

    Args:
        params: shared by every stage that compares signatures.
    Returns:
        uint32 [n, params.num_permutations]; a document without shingles is all 2**32 - 1.
    Raises:
        ValueError: offsets that don't ascend from 0 or more to the number of hashes or less.
    Source: Broder, On the resemblance and containment of documents, 1997; permutations as datasketch 2.0's "affine32".
    """
    offsets, num_hashes = shingles.offsets, len(shingles.hashes)
    if offsets[0] < 0 or offsets[-1] > num_hashes or np.any(np.diff(offsets) < 0):
        raise ValueError(f"shingle offsets must ascend within 0 and {num_hashes}, the number of hashes: see shingle_hashes")
    a, b = _permutations(params.num_permutations, params.seed)
    return _signatures(shingles.hashes, offsets, a, b, params.num_permutations)


@lru_cache
def _permutations(num_permutations: int, seed: int) -> np.ndarray:
    """uint32 [2, num_permutations and padding]: the kernel works on whole registers."""
    permutations = MinHash(num_permutations, seed=seed, scheme="affine32").permutations
    padded = np.pad(permutations, ((0, 0), (0, -num_permutations % _LANES)))
    padded.flags.writeable = False  # the cache's own
    return padded


@kernel
def _signatures(hashes: np.ndarray, offsets: np.ndarray, a: np.ndarray, b: np.ndarray, num_permutations: int) -> np.ndarray:
    signatures = np.empty((len(offsets) - 1, num_permutations), np.uint32)
    least = np.empty(len(a), np.uint32)
    mixed = np.empty(_AT_ONCE, np.uint32)
    for document in range(len(offsets) - 1):
        least[:] = _EMPTY
        last = offsets[document + 1] - 1
        for start in range(offsets[document], last + 1, _AT_ONCE):
            for i in range(_AT_ONCE):
                mixed[i] = mix32(hashes[min(start + i, last)])  # a repeat changes no minimum
            # The compiler unrolls the inner loop and makes vectors of the outer one, so a, b and least are loaded once for
            # all shingles at hand: without that, memory takes four times the arithmetic's time.
            for k in range(len(a)):
                value = least[k]
                for i in range(_AT_ONCE):
                    value = min(value, np.uint32(a[k] * mixed[i] + b[k]))
                least[k] = value
        signatures[document] = least[:num_permutations]
    return signatures
