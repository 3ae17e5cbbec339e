"""Whether a string looks drawn by lot rather than written by someone: keys do, identifiers and paths do not."""

from functools import cache
from pathlib import Path

import numpy as np

from pipeline.kernels import inlined, kernel

# Letters by case; all digits are one state and all other characters another.
NUM_STATES = 54
DIGIT, OTHER = 52, 53

STATES = np.full(256, OTHER, np.uint8)
STATES[list(b"abcdefghijklmnopqrstuvwxyz")] = range(26)
STATES[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")] = range(26, 52)
STATES[list(b"0123456789")] = DIGIT

# How many characters stand behind a state, and how many a kind of state adds to the alphabet that a string draws from.
_STATE_CHARS = np.array([1] * 52 + [10, 2])

_TABLE = Path(__file__).parent / "bigrams.txt"
_STEPS, _FIRST = 8, 33  # a character c of the table stands for a probability of exp(-(c - 33) / 8)


@cache
def log_bigrams() -> np.ndarray:
    """log P(next character | state before it), float64 [54, 54], in code and prose; `benchmarks/gibberish.py` counts the table."""
    rows = [line.encode() for line in _TABLE.read_text("ascii").splitlines()]
    table = -(np.frombuffer(b"".join(rows), np.uint8).reshape(NUM_STATES, NUM_STATES) - float(_FIRST)) / _STEPS - np.log(_STATE_CHARS)
    table.setflags(write=False)
    return table


def bigram_table(counts: np.ndarray) -> str:
    """The table as a file holds it.

    Args:
        counts: [54, 54], how often a state follows another.
    """
    smoothed = counts + 0.5 + 0.002 / NUM_STATES * counts.sum(1, keepdims=True)
    steps = np.rint(-_STEPS * np.log(smoothed / smoothed.sum(1, keepdims=True))).clip(0, 126 - _FIRST).astype(np.uint8)
    return "".join(bytes(row + _FIRST).decode("ascii") + "\n" for row in steps)


@kernel
def wordiness(data: np.ndarray, start: int, end: int, bigrams: np.ndarray) -> float:
    """How much likelier a character of data[start:end] is in written text than in a draw by lot from the alphabet that the string uses.

    The mean logarithm over its pairs of characters, after Neyman and Pearson: random keys of 16 characters and more lie below 0 in
    over 99.9 % of cases, around -1.5; identifiers, paths and words above 0.
    """
    if end - start < 2:
        return 0.0
    total = 0.0
    lower = upper = digit = other = 0
    for i in range(start, end):
        state = STATES[data[i]]
        if i > start:
            total += bigrams[STATES[data[i - 1]], state]
        if state < 26:
            lower = 26
        elif state < 52:
            upper = 26
        elif state == DIGIT:
            digit = 10
        else:
            other = 2
    return total / (end - start - 1) + np.log(lower + upper + digit + other)


@inlined
def is_gibberish(data: np.ndarray, start: int, end: int, bigrams: np.ndarray) -> bool:
    """Hexadecimal digits alone always are: their alphabet is too small to tell."""
    return _is_hexadecimal(data, start, end) or wordiness(data, start, end, bigrams) < 0.0


@kernel
def _is_hexadecimal(data: np.ndarray, start: int, end: int) -> bool:
    for i in range(start, end):
        byte = data[i]
        if not (48 <= byte <= 57 or 65 <= byte <= 70 or 97 <= byte <= 102 or byte == 45):
            return False
    return True
