"""Luck and names: every choice comes from a hash, never from a generator, a clock or a worker's identity."""

import hashlib
import json
from typing import Any

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix64(values: np.ndarray) -> np.ndarray:
    """A bijection of uint64 that scatters every bit (splitmix64's finaliser; Steele et al. 2014)."""
    x = np.asarray(values, np.uint64) + _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def luck(seed: int, purpose: str, ids: np.ndarray) -> np.ndarray:
    """A uint64 for each id, uniform and independent between purposes: the only source of chance in Tenfold.

    Args:
        ids: uint64 [n]; epochs and the like belong in the purpose ("order/3").
    """
    salt = np.uint64(hash64(seed, purpose))
    return mix64(mix64(np.asarray(ids, np.uint64) ^ salt) + salt)


def hash64(*parts: Any) -> int:
    """64 bits of the parts' canonical JSON."""
    return int.from_bytes(_digest(parts, 8), "little")


def fingerprint(*parts: Any) -> str:
    """16 hexadecimal digits that name the parts (anything that JSON can hold)."""
    return _digest(parts, 8).hex()


def _digest(parts: Any, size: int) -> bytes:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=size).digest()
