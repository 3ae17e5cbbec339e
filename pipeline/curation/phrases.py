"""Phrases in texts, whatever stands between their words: an Aho-Corasick automaton over words, as a kernel.

A word is a run of ASCII letters and digits, in any case; comment marks, line ends and punctuation lie between words. So a phrase
is found over the lines of a comment in any language. Time is linear in the bytes looked at.
"""

import re
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipeline.kernels import StringBuffers, kernel

_SEED, _PRIME = 0xCBF29CE484222325, 0x100000001B3  # FNV-1a's
_MASK = (1 << 64) - 1
_SKIPPED = -1

# Of each byte the lower case of a letter or digit, else 0.
_LOWER = np.array([ord(chr(b).lower()) if chr(b).isascii() and chr(b).isalnum() else 0 for b in range(256)], np.uint8)


@dataclass(frozen=True)
class Phrases:
    """The automaton.

    Attributes:
        keys: uint64, a power of two: hashes of the known words by open addressing; 0: free.
        values: int16, of each key: the word's number from 1 on, or -1: passed over.
        next_state: int16 [states, words + 1]; row 0 is the start, column 0 an unknown word.
        first: int32 [states + 1], of each state's phrases in `ends`.
        ends: int16, the phrases that end in a state.
        num_words: int64, of each phrase.
    """

    keys: np.ndarray
    values: np.ndarray
    next_state: np.ndarray
    first: np.ndarray
    ends: np.ndarray
    num_words: np.ndarray


class Found(NamedTuple):
    """Where phrases were found, in the order of the documents and of the phrases' ends; [m] each."""

    row: np.ndarray  # int64
    phrase: np.ndarray  # int64
    start: np.ndarray  # int64, bytes in the buffer of all texts
    end: np.ndarray  # int64


def words(phrase: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", phrase.lower())


def compile_phrases(phrases: Collection[str], *, same: Mapping[str, str], skipped: Collection[str]) -> Phrases:
    """The automaton for phrases, numbered as they come.

    Args:
        same: other spellings of words ("licence": "license").
        skipped: words that may stand between a phrase's words, as comment marks do ("dnl").
    """
    spelled = [[same.get(word, word) for word in words(phrase)] for phrase in phrases]
    number: dict[str, int] = {}
    for phrase in spelled:
        for word in phrase:
            number.setdefault(word, len(number) + 1)
    known = number | {word: number[target] for word, target in same.items() if target in number} | dict.fromkeys(skipped, _SKIPPED)
    keys, values = _hash_table(known)
    goto: list[dict[int, int]] = [{}]
    own: list[list[int]] = [[]]
    for index, phrase in enumerate(spelled):
        state = 0
        for word in phrase:
            if number[word] not in goto[state]:
                goto[state][number[word]] = len(goto)
                goto.append({})
                own.append([])
            state = goto[state][number[word]]
        own[state].append(index)
    next_state, ends = _complete(goto, own, len(number))
    first = np.cumsum([0, *map(len, ends)]).astype(np.int32)
    lengths = np.array([len(phrase) for phrase in spelled], np.int64)
    return Phrases(keys, values, next_state, first, np.array([p for held in ends for p in held], np.int16), lengths)


def _complete(goto: list[dict[int, int]], own: list[list[int]], num_words: int) -> tuple[np.ndarray, list[list[int]]]:
    """The full table of transitions; and of each state also the phrases that are an end of its phrase."""
    table = np.zeros((len(goto), num_words + 1), np.int16)
    ends = [list(held) for held in own]
    fail = [0] * len(goto)
    queue = deque([0])
    while queue:
        state = queue.popleft()
        table[state] = table[fail[state]] if state else 0
        ends[state] += ends[fail[state]] if state else []
        for word, target in goto[state].items():
            fail[target] = int(table[fail[state], word]) if state else 0
            queue.append(target)
        for word, target in goto[state].items():
            table[state, word] = target
    return table, ends


def _hash_table(known: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
    size = 1 << (8 * len(known)).bit_length()
    keys, values = np.zeros(size, np.uint64), np.zeros(size, np.int16)
    for word, value in known.items():
        key = _word_hash(word)
        slot = key % size
        while keys[slot]:
            slot = (slot + 1) % size
        keys[slot], values[slot] = key, value
    return keys, values


def _word_hash(word: str) -> int:
    key = _SEED
    for byte in word.encode():
        key = (key ^ byte) * _PRIME & _MASK
    return key


def find_phrases(texts: StringBuffers, phrases: Phrases, *, max_bytes: int) -> Found:
    """Every phrase in the first bytes of each text; of one that lies over their end nothing is said."""
    automaton = (phrases.keys, phrases.values, phrases.next_state, phrases.first, phrases.ends, phrases.num_words)
    return Found(*_find(*texts, _LOWER, *automaton, max_bytes))


@kernel
def _find(
    offsets: np.ndarray,
    data: np.ndarray,
    lower: np.ndarray,
    keys: np.ndarray,
    values: np.ndarray,
    next_state: np.ndarray,
    first: np.ndarray,
    ends: np.ndarray,
    num_words: np.ndarray,
    max_bytes: int,
) -> np.ndarray:
    """int64 [4, m], the rows of Found."""
    found = np.empty((4, 256), np.int64)
    num_found = 0
    mask = np.uint64(len(keys) - 1)
    starts = np.zeros(64, np.int64)  # of the last words; no phrase is longer
    for document in range(len(offsets) - 1):
        i = offsets[document]
        end = min(offsets[document + 1], i + max_bytes)
        state = 0
        place = 0
        while i < end:
            byte = lower[data[i]]
            if byte == 0:
                i += 1
                continue
            start = i
            key = np.uint64(_SEED)
            while byte:
                key = (key ^ np.uint64(byte)) * np.uint64(_PRIME)
                i += 1
                if i == end:
                    break
                byte = lower[data[i]]
            slot = key & mask
            while keys[slot] != 0 and keys[slot] != key:
                slot = (slot + np.uint64(1)) & mask
            word = values[slot] if keys[slot] == key else 0
            if word == _SKIPPED:
                continue
            starts[place & 63] = start
            place += 1
            state = next_state[state, word] if word else 0
            for index in range(first[state], first[state + 1]):
                if num_found == found.shape[1]:
                    grown = np.empty((4, 2 * num_found), np.int64)
                    grown[:, :num_found] = found
                    found = grown
                phrase = ends[index]
                found[0, num_found] = document
                found[1, num_found] = phrase
                found[2, num_found] = starts[(place - num_words[phrase]) & 63]
                found[3, num_found] = i
                num_found += 1
    return found[:, :num_found].copy()
