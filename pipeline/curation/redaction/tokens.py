"""Finds secrets of known shapes in one pass: two bytes say which shapes may begin there, and only these are tried."""

from functools import cache
from typing import NamedTuple

import numpy as np

from pipeline.curation.redaction.gibberish import is_gibberish, log_bigrams
from pipeline.curation.redaction.shapes import NO_LIMIT, SHAPES, Run
from pipeline.curation.redaction.spans import KIND, no_spans, pushed
from pipeline.curation.redaction.words import CLASSES, EQUALS, SPACE, is_in, lower
from pipeline.kernels import StringBuffers, kernel

_GIBBERISH, _DELIMITED, _JWT = 1, 2, 4


class ShapeTables(NamedTuple):
    """Shapes as arrays for the kernel.

    Attributes:
        leads: uint8 [65536]: by a byte and the next (b << 8 | c), the group of the shapes that may begin there; 0 is the empty group.
        groups: int64 [num_groups, num_shapes + 1]: the shapes of a group, then -1.
        shapes: int64 [num_shapes, 8]: kind, first op, end of ops, alphabet behind, least, most, first op of the secret, flags.
        ops: int64 [num_ops, 3]: alphabet, least, most; a literal byte b is alphabet -1 - b, in any case -1001 - b.
    """

    leads: np.ndarray
    groups: np.ndarray
    shapes: np.ndarray
    ops: np.ndarray


def find_tokens(buffers: StringBuffers) -> np.ndarray:
    """Secrets of `shapes.SHAPES`; int64 [m, 3].

    A shape's secrets are found from left to right and do not overlap, as with `re.findall`; those of several shapes may.
    """
    return _find(*buffers, *_tables(), log_bigrams())


@cache
def _tables() -> ShapeTables:
    ops: list[tuple[int, int, int]] = []
    rows = []
    for shape in SHAPES:
        first = len(ops)
        starts = []
        for part in shape.parts:
            starts.append(len(ops))
            ops += [part] if isinstance(part, Run) else [_literal(byte, shape.any_case) for byte in part.encode()]
        flags = _GIBBERISH * shape.gibberish | _DELIMITED * shape.delimited | _JWT * shape.jwt
        rows.append((KIND[shape.kind], first, len(ops), *(shape.behind or (0, 0, 0)), starts[shape.skip], flags))
    # By lead a bit for each shape that may begin there; equal sets of shapes are one group.
    may_begin = np.zeros((256, 256), np.uint64)
    for k, row in enumerate(rows):
        may_begin |= np.outer(_bytes_of(ops[row[1]]), _bytes_of(ops[row[1] + 1])).astype(np.uint64) << np.uint64(k)
    sets, leads = np.unique(may_begin, return_inverse=True)
    members = [[k for k in range(len(rows)) if int(shapes) >> k & 1] for shapes in sets]
    groups = np.array([group + [-1] * (len(rows) + 1 - len(group)) for group in members], np.int64)
    return ShapeTables(leads.ravel().astype(np.uint8), groups, np.array(rows, np.int64), np.array(ops, np.int64))


def _literal(byte: int, any_case: bool) -> tuple[int, int, int]:
    return (-1001 - lower(byte) if any_case else -1 - byte, 1, 1)


def _bytes_of(op: tuple[int, int, int]) -> np.ndarray:
    """Which bytes an op takes, bool [256]."""
    return np.array([_fits(byte, op[0]) for byte in range(256)])


@kernel
def _fits(byte: int, alphabet: int) -> bool:
    if alphabet >= 0:
        return CLASSES[byte] & alphabet != 0
    if alphabet > -1000:
        return byte == -1 - alphabet
    return lower(byte) == -1001 - alphabet


@kernel
def _find(
    offsets: np.ndarray, data: np.ndarray, leads: np.ndarray, groups: np.ndarray, shapes: np.ndarray, ops: np.ndarray, bigrams: np.ndarray
) -> np.ndarray:
    found = no_spans()
    num = 0
    # A shape is not tried before this byte: there is its last secret's end, or the end of a run that did not go on as it should.
    free = np.zeros(len(shapes), np.int64)
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        for i in range(start, end - 1):
            group = leads[np.int64(data[i]) << 8 | np.int64(data[i + 1])]
            if group == 0:
                continue
            for member in range(groups.shape[1]):
                k = groups[group, member]
                if k < 0:
                    break
                if i < free[k]:
                    continue
                behind = _length_behind(data, start, i, shapes[k, 3], shapes[k, 5])
                if behind < shapes[k, 4]:
                    continue
                secret, last, free[k] = _match(data, i, end, ops, shapes[k, 1], shapes[k, 2], shapes[k, 6])
                while shapes[k, 7] & _JWT and last and data[last - 1] == 46:
                    last -= 1  # the sentence's
                if last and _holds(data, start, i - behind, i, secret, last, end, shapes[k, 7], bigrams):
                    found = pushed(found, num, i - behind if behind else secret, last, shapes[k, 0])
                    num += 1
    return found[:num]


@kernel
def _length_behind(data: np.ndarray, start: int, i: int, alphabet: int, most: int) -> int:
    """How many characters of the alphabet stand before byte i, at most `most`."""
    length = 0
    while length < most and i - length > start and is_in(data[i - length - 1], alphabet):
        length += 1
    return length


@kernel
def _match(data: np.ndarray, i: int, end: int, ops: np.ndarray, first: int, last: int, secret_op: int) -> tuple[int, int, int]:
    """Where the secret starts and ends (0: no match), and the byte before which this shape need not be tried again."""
    secret = free = i
    for op in range(first, last):
        if op == secret_op:
            secret = i
        run_end = i
        while run_end < end and run_end - i < ops[op, 2] and _fits(data[run_end], ops[op, 0]):
            run_end += 1
        if run_end - i < ops[op, 1]:
            return secret, 0, free
        if ops[op, 2] == NO_LIMIT:
            free = run_end
        i = run_end
    return secret, i, i


@kernel
def _holds(data: np.ndarray, start: int, whole: int, i: int, secret: int, last: int, end: int, flags: int, bigrams: np.ndarray) -> bool:
    """Whether a match (from `whole`, with its parts from i) passes the tests that its shape asks for."""
    if flags & _DELIMITED and not (
        (whole == start or is_in(data[whole - 1], SPACE | EQUALS) or data[whole - 1] in (34, 58))
        and (last == end or is_in(data[last], SPACE) or data[last] == 34)
    ):
        return False
    if flags & _JWT and not _is_jwt(data, i, last):
        return False
    if flags & _GIBBERISH:
        if whole < i:
            return is_gibberish(data, whole, last, bigrams)
        if secret == i:  # after the letters that every such secret begins with
            secret += 2
        return is_gibberish(data, secret, last, bigrams)
    return True


@kernel
def _is_jwt(data: np.ndarray, start: int, end: int) -> bool:
    """Whether the parts before the first and the second dot decode to bytes between braces."""
    i = start
    for _ in range(2):
        part_end = i
        while part_end < end and data[part_end] != 46:
            part_end += 1
        if not _is_braced(data, i, part_end):
            return False
        i = part_end + 1
    return True


@kernel
def _is_braced(data: np.ndarray, start: int, end: int) -> bool:
    """Whether base64 text decodes to `{...}`, white space behind it allowed."""
    while end > start and data[end - 1] == 61:
        end -= 1
    num_bits = 6 * (end - start)
    if (end - start) % 4 == 1 or num_bits < 16 or _base64_byte(data, start, 0) != 123:
        return False
    k = num_bits // 8 - 1
    while k > 0 and _base64_byte(data, start, k) in (9, 10, 13, 32):
        k -= 1
    return _base64_byte(data, start, k) == 125


@kernel
def _base64_byte(data: np.ndarray, start: int, k: int) -> int:
    """Byte k of what the text decodes to."""
    i = start + k * 8 // 6
    shift = 4 - k * 8 % 6
    return (_sextet(data[i]) << 6 | _sextet(data[i + 1])) >> shift & 255


@kernel
def _sextet(byte: int) -> int:
    if 65 <= byte <= 90:
        return byte - 65
    if 97 <= byte <= 122:
        return byte - 71
    if 48 <= byte <= 57:
        return byte + 4
    return 62 if byte == 45 else 63
