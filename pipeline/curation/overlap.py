"""Where texts hold n-grams of benchmark strings, and how much of each string: one pass, constant work a token.

Every n-gram of a text is looked up in a bit filter that fits a processor's cache, and only what passes it in a sorted table. What
is found extends the *run* of its string: its n-grams that stand at most `max_gap_tokens` apart. A run's overlap is the share of
the string's n-grams that it holds, each counted once.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.curation.grams import STEP, Kind, gram_hash, next_token, step_power, token_classes
from pipeline.kernels import inlined, kernel, string_buffers

MAX_NGRAM_TOKENS = 63  # the last tokens are kept in a ring of a power of two
_RING = MAX_NGRAM_TOKENS
_BITS_PER_KEY = 16  # two of them set: 2 of 100 other n-grams pass
# A document with more spans than that is given wider ones, so that hostile text can't fill the memory.
MAX_SPANS = 1000


class GramTable(NamedTuple):
    """The n-grams of S strings, to be looked up. keys[k] is in the strings owners[first_owner[k] : first_owner[k + 1]]."""

    lengths: np.ndarray  # int64 [num_lengths]: tokens of an n-gram, each that occurs
    keys: np.ndarray  # uint64 [K], ascending
    first_owner: np.ndarray  # int32 [K + 1]
    owners: np.ndarray  # int32 [P]: strings
    num_grams: np.ndarray  # int64 [S]: distinct ones of each string
    bits: np.ndarray  # uint64 [a power of two]: the filter
    first_key: np.ndarray  # int32 [a power of two + 1]: where in keys those begin that start with the same bits


class Spans(NamedTuple):
    """Runs over the threshold, in no order; m of them."""

    row: np.ndarray  # int64 [m]
    string: np.ndarray  # int64 [m]
    start: np.ndarray  # int64 [m], bytes from the text's beginning
    end: np.ndarray  # int64 [m]
    overlap: np.ndarray  # float64 [m]


def gram_table(hashes: np.ndarray, num_grams: np.ndarray, *, lengths: np.ndarray) -> GramTable:
    """A table of S strings.

    Args:
        hashes: uint64 [P]: the n-grams of one string after the other, each once in a string, as `gram_hashes` makes them.
        num_grams: int64 [S]: how many each string has.
        lengths: int64 [S]: the tokens of a string's n-grams.
    """
    order = np.argsort(hashes, kind="stable")
    keys, first_owner = np.unique(hashes[order], return_index=True)
    owners = np.repeat(np.arange(len(num_grams), dtype=np.int32), num_grams)[order]
    log_words = max(4, int(len(keys) * _BITS_PER_KEY // 64).bit_length())
    words = np.zeros(1 << log_words, np.uint64)
    one, low = np.uint64(1), np.uint64(63)
    bits = one << (keys & low) | one << (keys >> np.uint64(6) & low)
    np.bitwise_or.at(words, keys >> np.uint64(64 - log_words), bits)
    log_buckets = max(4, len(keys).bit_length())
    buckets = np.arange(1 << log_buckets, dtype=np.uint64) << np.uint64(64 - log_buckets)
    first_key = np.append(np.searchsorted(keys, buckets), len(keys)).astype(np.int32)
    first_owner = np.append(first_owner, len(hashes)).astype(np.int32)
    return GramTable(np.unique(lengths), keys, first_owner, owners, num_grams.astype(np.int64), words, first_key)


def find_overlaps(
    texts: pa.StringArray, table: GramTable, *, kind: Kind, max_overlap: float, max_gap_tokens: int
) -> tuple[np.ndarray, Spans]:
    """How much of a benchmark string each text holds.

    Args:
        table: of strings whose n-grams were made with the same kind of tokens.
        max_overlap: a run's span is returned if its overlap is greater.
        max_gap_tokens: tokens in no n-gram of the string between two of the same run.
    Returns:
        the greatest overlap of a run in each text, float64 [n], and the spans.
    """
    offsets, data = string_buffers(texts)
    if not len(table.keys):
        none = np.empty(0, np.int64)
        return np.zeros(len(texts)), Spans(none, none, none, none, np.empty(0))
    # Pages of these that are never touched cost nothing.
    marks, runs = np.zeros(len(table.owners), np.int32), np.zeros((len(table.num_grams), 5), np.int64)
    touched = np.empty(len(table.num_grams), np.int32)
    most, found = _find_all(offsets, data, token_classes(kind), table, _Runs(marks, runs, touched), np.float64(max_overlap), max_gap_tokens)
    row, string, start, end, num_held = found
    return most, Spans(row, string, start, end, num_held / table.num_grams[string])


class _Runs(NamedTuple):
    """The runs of the text at hand."""

    marks: np.ndarray  # int32 [P]: the number of the run that last held the n-gram of this owner
    open: np.ndarray  # int64 [S, 5]: each string's run, its columns as below
    touched: np.ndarray  # int32 [S]: room for the strings with a run


_NUMBER, _START, _END, _TOKEN, _HELD = range(5)  # from 1 on, 0: none; first and last byte; its last token; n-grams held


@kernel
def _find_all(
    offsets: np.ndarray, data: np.ndarray, classes: np.ndarray, table: GramTable, runs: _Runs, max_overlap: float, max_gap: int
) -> tuple[np.ndarray, np.ndarray]:
    """The greatest overlap of each text, and text, string, start, end and n-grams held of the runs over the threshold, [5, m]."""
    lengths, bits = table.lengths, table.bits
    num_lengths = len(lengths)
    powers = np.array([step_power(m) for m in lengths])
    shift, low, six, one = np.uint64(64 - _log2(len(bits))), np.uint64(63), np.uint64(6), np.uint64(1)
    prefixes, starts = np.zeros(_RING + 1, np.uint64), np.zeros(_RING + 1, np.int64)
    most = np.zeros(len(offsets) - 1, np.float64)
    found = np.empty((5, 64), np.int64)
    num_found = num_runs = 0
    for text in range(len(most)):
        begin, end = offsets[text], offsets[text + 1]
        before, num_touched, num = num_found, 0, 0
        prefix = prefixes[0] = np.uint64(0)
        start, stop, token = next_token(data, begin, end, classes)
        while start < stop:
            num += 1
            prefix = prefix * STEP + token
            prefixes[num & _RING] = prefix
            starts[num & _RING] = start
            for k in range(num_lengths):
                m = lengths[k]
                if num < m:
                    continue
                key = gram_hash(prefix, prefixes[(num - m) & _RING], powers[k])
                word = bits[key >> shift]
                if (word >> (key & low)) & (word >> ((key >> six) & low)) & one == 0:
                    continue
                at = _find(table, key)
                if at < 0:
                    continue
                first_byte = starts[(num - m + 1) & _RING] - begin
                gap = max_gap if num_found - before < MAX_SPANS else num
                for owner in range(table.first_owner[at], table.first_owner[at + 1]):
                    string = table.owners[owner]
                    run = runs.open[string]
                    if run[_NUMBER] == 0:
                        runs.touched[num_touched] = string
                        num_touched += 1
                    elif num - m - run[_TOKEN] > gap:
                        found, num_found = _close(run, text, string, table.num_grams, max_overlap, most, found, num_found)
                    if run[_NUMBER] == 0:
                        num_runs += 1
                        run[_NUMBER], run[_START], run[_HELD] = num_runs, first_byte, 0
                    if runs.marks[owner] != run[_NUMBER]:
                        runs.marks[owner] = run[_NUMBER]
                        run[_HELD] += 1
                    run[_END], run[_TOKEN] = stop - begin, num
            start, stop, token = next_token(data, stop, end, classes)
        for string in runs.touched[:num_touched]:
            found, num_found = _close(runs.open[string], text, string, table.num_grams, max_overlap, most, found, num_found)
    return most, found[:, :num_found]


@kernel
def _close(
    run: np.ndarray,
    text: int,
    string: int,
    num_grams: np.ndarray,
    max_overlap: float,
    most: np.ndarray,
    found: np.ndarray,
    num_found: int,
) -> tuple[np.ndarray, int]:
    """Ends a run; returns `found`, grown if it was full, and how many it holds."""
    overlap = run[_HELD] / num_grams[string]
    most[text] = max(most[text], overlap)
    if overlap > max_overlap:
        if num_found == found.shape[1]:
            found = np.concatenate((found, np.empty_like(found)), axis=1)
        found[0, num_found], found[1, num_found] = text, string
        found[2, num_found], found[3, num_found], found[4, num_found] = run[_START], run[_END], run[_HELD]
        num_found += 1
    run[_NUMBER] = 0
    return found, num_found


@kernel
def _find(table: GramTable, key: np.uint64) -> int:
    """Its place among the keys; -1: it is none."""
    bucket = key >> np.uint64(64 - _log2(len(table.first_key) - 1))
    for at in range(table.first_key[bucket], table.first_key[bucket + 1]):
        if table.keys[at] == key:
            return at
    return -1


@inlined
def _log2(power: int) -> int:
    log = 0
    while power > 1:
        power >>= 1
        log += 1
    return log
