"""A hash table of integers that kernels can read."""

import numpy as np

from pipeline.kernels import inlined, kernel

MISSING = -1
_STEP = 0x1DDFEA08EB382D69  # odd, bits as good as random


def new_table(keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """For `look_up`.

    Args:
        keys: int64 [n], all different, not negative.
        values: int64 [n], not negative.
    Returns:
        int64 [a power of two of at least 2 n, 2]: key + 1, or 0 where no key is; and value.
    """
    table = np.zeros((2 << len(keys).bit_length(), 2), np.int64)
    _fill(table, keys, values)
    return table


@inlined
def home_slot(key: int, num_slots: int) -> int:
    hashed = key * _STEP
    return (hashed ^ hashed >> 32) & (num_slots - 1)


@kernel
def _fill(table: np.ndarray, keys: np.ndarray, values: np.ndarray) -> None:
    for i in range(len(keys)):
        slot = home_slot(keys[i], len(table))
        while table[slot, 0] != 0:
            slot = (slot + 1) & (len(table) - 1)
        table[slot, 0] = keys[i] + 1
        table[slot, 1] = values[i]


@kernel
def look_up(table: np.ndarray, key: int) -> int:
    """The key's value, or MISSING."""
    slot = home_slot(key, len(table))
    while table[slot, 0] != 0 and table[slot, 0] != key + 1:
        slot = (slot + 1) & (len(table) - 1)
    return table[slot, 1] if table[slot, 0] != 0 else MISSING
