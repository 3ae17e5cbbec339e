"""A 128-bit hash of each text: documents with equal hashes are copies."""

import numpy as np
import pyarrow as pa

from pipeline.dedup.murmur import mix64
from pipeline.kernels import inlined, kernel, string_buffers

_C1, _C2 = np.uint64(0x87C37B91114253D5), np.uint64(0x4CF5AD432745937F)
_FIVE, _ADD1, _ADD2 = np.uint64(5), np.uint64(0x52DCE729), np.uint64(0x38495AB5)


def text_hashes(texts: pa.StringArray, *, seed: int = 0) -> np.ndarray:
    """MurmurHash3's x64 128-bit variant of each text's UTF-8 bytes.

    At 1e10 distinct texts two hashes collide with probability 1.5e-19. The hash is not cryptographic: who writes the texts
    can make two of them collide.

    Returns:
        uint64 [n, 2]; little-endian, the 16 bytes that other implementations print.
    Source: Appleby, MurmurHash3 (public domain), 2011.
    """
    offsets, data = string_buffers(texts)
    return _hash_all(data, offsets, np.uint64(seed))


@kernel
def _hash_all(data: np.ndarray, offsets: np.ndarray, seed: np.uint64) -> np.ndarray:
    hashes = np.empty((len(offsets) - 1, 2), np.uint64)
    for i in range(len(offsets) - 1):
        hashes[i] = murmur3(data[offsets[i] : offsets[i + 1]], seed)
    return hashes


@kernel
def murmur3(text: np.ndarray, seed: np.uint64) -> tuple[np.uint64, np.uint64]:
    h1 = h2 = seed
    num_blocks = len(text) >> 4
    for block in range(num_blocks):
        h1 ^= _scatter1(_word(text, 16 * block, 8))
        h1 = (_rotate(h1, 27) + h2) * _FIVE + _ADD1
        h2 ^= _scatter2(_word(text, 16 * block + 8, 8))
        h2 = (_rotate(h2, 31) + h1) * _FIVE + _ADD2
    num_left = len(text) & 15
    h2 ^= _scatter2(_word(text, 16 * num_blocks + 8, num_left - 8))
    h1 ^= _scatter1(_word(text, 16 * num_blocks, min(num_left, 8)))
    h1 ^= np.uint64(len(text))
    h2 ^= np.uint64(len(text))
    h1 += h2
    h2 += h1
    h1, h2 = mix64(h1), mix64(h2)
    h1 += h2
    return h1, h2 + h1


@inlined
def _word(text: np.ndarray, start: int, num_bytes: int) -> np.uint64:
    """The next bytes, at most 8, little-endian; 0 if there are none (a zero word leaves a hash as it was)."""
    word = np.uint64(0)
    for i in range(num_bytes):
        word |= np.uint64(text[start + i]) << np.uint64(8 * i)
    return word


@inlined
def _rotate(x: np.uint64, num_bits: int) -> np.uint64:
    return (x << np.uint64(num_bits)) | (x >> np.uint64(64 - num_bits))


@inlined
def _scatter1(word: np.uint64) -> np.uint64:
    return _rotate(word * _C1, 31) * _C2


@inlined
def _scatter2(word: np.uint64) -> np.uint64:
    return _rotate(word * _C2, 33) * _C1
