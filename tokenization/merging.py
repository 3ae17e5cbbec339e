"""A text to ids as SentencePiece's BPE makes them: of all neighbours that make a piece together, those of the best score merge first.

    r e l a t e d     pieces from the best score to the worst: re, at, related, ed, rel, ated
    re l a t e d
    re l at e d       `related` would be next, but no two neighbours make it
    re l at ed
    rel at ed
    rel ated
    related

Neighbours that make a piece wait in a heap, so a text of n bytes takes O(n log n).
"""

from typing import NamedTuple

import numpy as np

from pipeline.kernels import inlined, kernel
from tokenization.table import MISSING, home_slot, look_up, new_table
from tokenization.vocabulary import BYTE, NORMAL, USER_DEFINED, Model

_NEXT, _BEFORE, _SYMBOL, _MERGED = range(4)
_NO_ID = 2**32 - 1
_LOW = 2**32 - 1


class Merges(NamedTuple):
    """A symbol is a number: of a piece, or of a character that is no piece but part of one. The last stands for other characters."""

    characters: np.ndarray  # table: code point -> symbol
    pairs: np.ndarray  # table: symbol << 32 | symbol -> the symbol that they make; a user-defined piece never merges
    ranks: np.ndarray  # int64 [num_symbols]: 0 merges first; equal scores have equal ranks
    ids: np.ndarray  # uint32 [num_symbols]; _NO_ID: its bytes' ids
    byte_ids: np.ndarray  # uint32 [256]
    user_defined: np.ndarray  # a trie, as a table: node << 32 | code point -> node << 32 | the symbol that ends there + 1, or 0


def find_merges(model: Model) -> Merges:
    """All that two symbols can make, whichever way it came about: SentencePiece knows pieces, not how they were learnt."""
    chosen = model.of_kind(NORMAL)
    texts = [model.texts[i].decode() for i in chosen]
    ids = chosen + model.of_kind(USER_DEFINED)
    symbols = {text: symbol for symbol, text in enumerate(texts)}
    for character in sorted(set("".join(texts)) - symbols.keys()):
        symbols[character] = len(ids)
        ids.append(_NO_ID)
    pairs = [
        (left << 32 | right, symbols[text])
        for text in texts
        for i in range(1, len(text))
        if (left := symbols.get(text[:i], MISSING)) != MISSING and (right := symbols.get(text[i:], MISSING)) != MISSING
    ]
    characters = [(ord(text), symbol) for text, symbol in symbols.items() if len(text) == 1]
    ranks = np.zeros(len(ids) + 1, np.int64)
    ranks[: len(texts)] = np.unique(-model.scores[chosen], return_inverse=True)[1]
    byte_ids = np.zeros(256, np.uint32)
    for i in model.of_kind(BYTE):
        byte_ids[int(model.texts[i][3:5], 16)] = i  # <0x0A>
    user_defined = _trie([model.texts[i].decode() for i in model.of_kind(USER_DEFINED)], first_symbol=len(texts))
    return Merges(_table(characters), _table(pairs), ranks, np.array([*ids, _NO_ID], np.uint32), byte_ids, _table(user_defined))


def _trie(texts: list[str], *, first_symbol: int) -> list[tuple[int, int]]:
    nodes = {"": 0}
    for text in texts:
        for i in range(1, len(text) + 1):
            nodes.setdefault(text[:i], len(nodes))
    ends = {text: first_symbol + i + 1 for i, text in enumerate(texts)}
    return [(nodes[text[:-1]] << 32 | ord(text[-1]), node << 32 | ends.get(text, 0)) for text, node in nodes.items() if text]


def _table(items: list[tuple[int, int]]) -> np.ndarray:
    return new_table(*np.array(items, np.int64).reshape(-1, 2).T)


@inlined
def character_bytes(first: int) -> int:
    """The length of a UTF-8 character."""
    return 1 if first < 0x80 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4


@inlined
def read_character(data: np.ndarray, start: int, end: int) -> int:
    """The code point of the UTF-8 in data[start:end]."""
    code = data[start] & 0x7F >> (0 if end - start == 1 else end - start)
    for i in range(start + 1, end):
        code = code << 6 | data[i] & 0x3F
    return code


@kernel
def encode_text(data: np.ndarray, start: int, end: int, merges: Merges, ids: np.ndarray, num_ids: int) -> tuple[int, int]:
    """Writes a text's ids from ids[num_ids] on.

    Args:
        data: uint8; the text, valid UTF-8 and not empty, is data[start:end].
        ids: uint32, with room for an id a byte.
    Returns:
        Where the ids end; and the number of steps, which are what the time is proportional to.
    """
    size = end - start
    rows = np.empty((size, 4), np.int32)  # of the symbol that begins at this byte
    heap = np.empty(2 * size, np.int64)  # rank << 32 | begin of the left one; a merge takes one and adds two at most
    pairs, ranks = merges.pairs, merges.ranks
    _split(data, start, end, merges.characters, merges.user_defined, len(ranks) - 1, rows)
    num_waiting, num_steps = 0, size
    begin, until = 0, size - 1
    while True:
        # What these symbols make with the next ones; at first all, then the two beside a merge. This is `look_up` written out:
        # a call would count references to every array, which takes half of the time.
        while begin <= until:
            after = rows[begin, _NEXT]
            rows[begin, _MERGED] = MISSING
            if after < size:
                key = rows[begin, _SYMBOL] << 32 | rows[after, _SYMBOL]
                slot = home_slot(key, len(pairs))
                while pairs[slot, 0] != 0 and pairs[slot, 0] != key + 1:
                    slot = (slot + 1) & (len(pairs) - 1)
                if pairs[slot, 0] != 0:
                    rows[begin, _MERGED] = pairs[slot, 1]
                    num_steps += _rise(heap, num_waiting, ranks[pairs[slot, 1]] << 32 | begin)
                    num_waiting += 1
            begin = after
        begin = MISSING
        while num_waiting and begin == MISSING:
            first = heap[0]
            num_waiting -= 1
            num_steps += _sink(heap, num_waiting)
            begin = first & _LOW
            if rows[begin, _MERGED] == MISSING or ranks[rows[begin, _MERGED]] != first >> 32:
                begin = MISSING  # one of the two has merged with another neighbour
        if begin == MISSING:
            return _write(data, start, rows, merges.ids, merges.byte_ids, ids, num_ids), num_steps
        absorbed = rows[begin, _NEXT]
        after = rows[absorbed, _NEXT]
        rows[begin, _SYMBOL], rows[begin, _NEXT] = rows[begin, _MERGED], after
        rows[absorbed, _MERGED] = MISSING
        if after < size:
            rows[after, _BEFORE] = begin
        begin, until = max(rows[begin, _BEFORE], 0), begin


@inlined
def _split(
    data: np.ndarray, start: int, end: int, characters: np.ndarray, user_defined: np.ndarray, unknown: int, rows: np.ndarray
) -> None:
    """Into characters, and the longest user-defined piece wherever one begins."""
    at, before = start, MISSING
    while at < end:
        stop = at + character_bytes(data[at])
        key = read_character(data, at, stop)
        symbol = look_up(characters, key)
        if symbol == MISSING:
            symbol = unknown
        node, reached = look_up(user_defined, key), stop
        while node != MISSING:
            if node & _LOW:
                symbol, stop = (node & _LOW) - 1, reached
            if reached == end:
                break
            further = reached + character_bytes(data[reached])
            node = look_up(user_defined, node >> 32 << 32 | read_character(data, reached, further))
            reached = further
        row = at - start
        rows[row, _NEXT], rows[row, _BEFORE], rows[row, _SYMBOL] = stop - start, before, symbol
        at, before = stop, row


@kernel
def _rise(heap: np.ndarray, at: int, value: int) -> int:
    """Puts a value in the last place, `at`, and returns the number of levels that it rose."""
    levels = 1
    while at > 0 and heap[(at - 1) >> 1] > value:
        heap[at] = heap[(at - 1) >> 1]
        at = (at - 1) >> 1
        levels += 1
    heap[at] = value
    return levels


@kernel
def _sink(heap: np.ndarray, size: int) -> int:
    """Puts the last of size + 1 values in the first one's place and returns the number of levels that it sank."""
    value = heap[size]
    at, levels = 0, 1
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[at] = heap[child]
        at = child
        levels += 1
    heap[at] = value
    return levels


@inlined
def _write(
    data: np.ndarray, start: int, rows: np.ndarray, symbol_ids: np.ndarray, byte_ids: np.ndarray, ids: np.ndarray, num_ids: int
) -> int:
    begin = 0
    while begin < len(rows):
        after = rows[begin, _NEXT]
        id = symbol_ids[rows[begin, _SYMBOL]]
        if id != _NO_ID:
            ids[num_ids] = id
            num_ids += 1
        else:
            for i in range(start + begin, start + after):
                ids[num_ids] = byte_ids[data[i]]
                num_ids += 1
        begin = after
    return num_ids
