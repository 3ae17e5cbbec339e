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
from tokenization.vocabulary import BYTE, NORMAL, USER_DEFINED, Model

_SEED, _STEP = np.uint64(0x9AE16A3B2F90404F), np.uint64(0x9DDFEA08EB382D69)
_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_NONE = -1


class Pieces(NamedTuple):
    """The pieces that occur in text, and where a hash finds them. Piece p is the UTF-8 in data[offsets[p] : offsets[p + 1]]."""

    data: np.ndarray  # uint8
    offsets: np.ndarray  # int64 [num_pieces + 1]
    ids: np.ndarray  # uint32 [num_pieces]
    ranks: np.ndarray  # int64 [num_pieces]: 0 merges first, equal scores have equal ranks; -1: user-defined, never merges
    slots: np.ndarray  # int32 [a power of two]: a piece, or -1
    max_bytes: int  # of a piece
    byte_ids: np.ndarray  # uint32 [256]: of a byte whose character is no piece
    user_defined_bytes: np.ndarray  # int64, descending: lengths of user-defined pieces
    user_defined_starts: np.ndarray  # bool [256]: their first bytes


def index_pieces(model: Model) -> Pieces:
    chosen = np.array(model.of_kind(NORMAL, USER_DEFINED), np.int64)
    texts = [model.texts[i] for i in chosen]
    user_defined = [model.texts[i] for i in model.of_kind(USER_DEFINED)]
    ranks = np.unique(-model.scores[chosen], return_inverse=True)[1].astype(np.int64)
    ranks[model.kinds[chosen] == USER_DEFINED] = _NONE
    byte_ids = np.zeros(256, np.uint32)
    for i in model.of_kind(BYTE):
        byte_ids[int(model.texts[i][3:5], 16)] = i  # <0x0A>
    pieces = Pieces(
        data=np.frombuffer(b"".join(texts), np.uint8),
        offsets=np.cumsum([0, *map(len, texts)]),
        ids=chosen.astype(np.uint32),
        ranks=ranks,
        slots=np.full(1 << (2 * len(texts)).bit_length(), _NONE, np.int32),
        max_bytes=max(map(len, texts)),
        byte_ids=byte_ids,
        user_defined_bytes=np.array(sorted({len(text) for text in user_defined}, reverse=True), np.int64),
        user_defined_starts=np.isin(np.arange(256), [text[0] for text in user_defined]),
    )
    _fill(pieces)
    return pieces


@inlined
def _home(data: np.ndarray, start: int, end: int, slots: np.ndarray) -> int:
    h = _SEED
    for i in range(start, end):
        h = (h ^ np.uint64(data[i])) * _STEP
    return np.int64((h ^ (h >> _HALF)) & np.uint64(len(slots) - 1))


@kernel
def _fill(pieces: Pieces) -> None:
    for piece in range(len(pieces.ids)):
        slot = _home(pieces.data, pieces.offsets[piece], pieces.offsets[piece + 1], pieces.slots)
        while pieces.slots[slot] != _NONE:
            slot = (slot + 1) & (len(pieces.slots) - 1)
        pieces.slots[slot] = piece


@kernel
def find_piece(data: np.ndarray, start: int, end: int, pieces: Pieces) -> int:
    """The piece whose text is data[start:end], or -1."""
    num_bytes = end - start
    if num_bytes > pieces.max_bytes:
        return _NONE
    slot = _home(data, start, end, pieces.slots)
    while True:
        piece = pieces.slots[slot]
        if piece == _NONE:
            return _NONE
        first = pieces.offsets[piece]
        if pieces.offsets[piece + 1] - first == num_bytes:
            i = 0
            while i < num_bytes and pieces.data[first + i] == data[start + i]:
                i += 1
            if i == num_bytes:
                return np.int64(piece)
        slot = (slot + 1) & (len(pieces.slots) - 1)


class Symbols(NamedTuple):
    """The text's symbols as they merge: the one that begins at byte i, where there is one; and the heap of pairs."""

    after: np.ndarray  # int64: where the next one begins
    before: np.ndarray  # int64: where the one before begins, or -1
    piece: np.ndarray  # int32: its piece, or -1
    merged: np.ndarray  # int32: the piece that it makes with the next one, or -1
    heap: np.ndarray  # uint64: rank << 32 | begin, least first


@kernel
def new_symbols(num_bytes: int) -> Symbols:
    return Symbols(
        np.empty(num_bytes, np.int64),
        np.empty(num_bytes, np.int64),
        np.empty(num_bytes, np.int32),
        np.empty(num_bytes, np.int32),
        np.empty(2 * num_bytes, np.uint64),  # each merge takes one pair and gives two at most
    )


@kernel
def encode_text(text: np.ndarray, pieces: Pieces, symbols: Symbols, ids: np.ndarray) -> tuple[int, int]:
    """Writes the ids of a text.

    Args:
        text: uint8 [n], valid UTF-8, of less than 2**32 bytes.
        symbols: new_symbols(n), or larger.
        ids: uint32 [n].
    Returns:
        The number of ids; and of steps, which are what the time is proportional to.
    """
    after, before, piece, merged, heap = symbols
    _split(text, pieces, symbols)
    num_steps = num_waiting = 0
    begin = 0
    while begin < len(text):
        num_waiting = _propose(text, begin, pieces, symbols, num_waiting)
        begin = after[begin]
    while num_waiting:
        least = heap[0]
        num_waiting -= 1
        num_steps += _sift_down(heap, num_waiting)
        begin = np.int64(least & _LOW)
        if merged[begin] == _NONE or pieces.ranks[merged[begin]] != np.int64(least >> _HALF):
            continue  # one of the two has merged with another
        absorbed = after[begin]
        piece[begin] = merged[begin]
        after[begin] = after[absorbed]
        merged[absorbed] = _NONE
        if after[begin] < len(text):
            before[after[begin]] = begin
        num_waiting = _propose(text, begin, pieces, symbols, num_waiting)
        if before[begin] >= 0:
            num_waiting = _propose(text, before[begin], pieces, symbols, num_waiting)
    return _write(text, pieces, symbols, ids), num_steps + len(text)


@kernel
def _split(text: np.ndarray, pieces: Pieces, symbols: Symbols) -> None:
    """Into characters, and the longest user-defined piece wherever one begins."""
    begin, last = 0, -1
    while begin < len(text):
        end = begin + character_bytes(text[begin])
        found = _NONE
        if pieces.user_defined_starts[text[begin]]:
            for num_bytes in pieces.user_defined_bytes:
                if begin + num_bytes <= len(text):
                    found = find_piece(text, begin, begin + num_bytes, pieces)
                    if found != _NONE and pieces.ranks[found] == _NONE:
                        end = begin + num_bytes
                        break
                    found = _NONE
        symbols.piece[begin] = found if found != _NONE else find_piece(text, begin, end, pieces)
        symbols.after[begin] = end
        symbols.before[begin] = last
        begin, last = end, begin


@inlined
def character_bytes(first: int) -> int:
    """The length of a UTF-8 character."""
    return 1 if first < 0x80 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4


@kernel
def _propose(text: np.ndarray, begin: int, pieces: Pieces, symbols: Symbols, num_waiting: int) -> int:
    """Looks up what a symbol and the next make together, and lets a piece wait for its turn."""
    middle = symbols.after[begin]
    symbols.merged[begin] = _NONE
    if middle == len(text):
        return num_waiting
    left, right = symbols.piece[begin], symbols.piece[middle]
    if (left != _NONE and pieces.ranks[left] == _NONE) or (right != _NONE and pieces.ranks[right] == _NONE):
        return num_waiting
    found = find_piece(text, begin, symbols.after[middle], pieces)
    if found == _NONE:
        return num_waiting
    symbols.merged[begin] = found
    return _push(symbols.heap, num_waiting, (np.uint64(pieces.ranks[found]) << _HALF) | np.uint64(begin))


@kernel
def _push(heap: np.ndarray, size: int, value: np.uint64) -> int:
    at = size
    while at > 0 and heap[(at - 1) >> 1] > value:
        heap[at] = heap[(at - 1) >> 1]
        at = (at - 1) >> 1
    heap[at] = value
    return size + 1


@kernel
def _sift_down(heap: np.ndarray, size: int) -> int:
    """Puts the last of size + 1 values in the first one's place and returns the number of levels that it sank."""
    value = heap[size]
    at = levels = 0
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


@kernel
def _write(text: np.ndarray, pieces: Pieces, symbols: Symbols, ids: np.ndarray) -> int:
    begin = num_ids = 0
    while begin < len(text):
        if symbols.piece[begin] != _NONE:
            ids[num_ids] = pieces.ids[symbols.piece[begin]]
            num_ids += 1
        else:
            for i in range(begin, symbols.after[begin]):
                ids[num_ids] = pieces.byte_ids[text[i]]
                num_ids += 1
        begin = symbols.after[begin]
    return num_ids
