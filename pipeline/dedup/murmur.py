"""MurmurHash3's finalisers for numba kernels: bijections that scatter every bit.

Source: Appleby, MurmurHash3 (public domain), 2011.
"""

import numpy as np

from pipeline.kernels import inlined

_32_1, _32_2 = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)
_64_1, _64_2, _33 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53), np.uint64(33)


@inlined
def mix32(x: np.uint32) -> np.uint32:
    x = np.uint32((x ^ (x >> np.uint32(16))) * _32_1)
    x = np.uint32((x ^ (x >> np.uint32(13))) * _32_2)
    return np.uint32(x ^ (x >> np.uint32(16)))


@inlined
def mix64(x: np.uint64) -> np.uint64:
    x = (x ^ (x >> _33)) * _64_1
    x = (x ^ (x >> _33)) * _64_2
    return x ^ (x >> _33)
