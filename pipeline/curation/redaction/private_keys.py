"""The bodies of private keys in PEM, OpenPGP, SSH2 and PuTTY files, as they stand in files and in the strings of programs."""

import numpy as np

from pipeline.curation.redaction.spans import PRIVATE_KEY, no_spans, pushed
from pipeline.curation.redaction.words import BASE64, EQUALS, is_in, line_start, packed_words, speaks_of
from pipeline.kernels import StringBuffers, kernel

_HEADER = np.frombuffer(b"PRIVATE KEY", np.uint8)
_PUTTY = np.frombuffer(b"Private-Lines:", np.uint8)
_BEGIN = packed_words(("begin",))
_HEADER_BYTES = 48

# Lines of a key have 64 characters and more, the first header lines of a PGP block may stand between.
_MIN_RUN, _MAX_GAP = 16, 128


def find_private_keys(buffers: StringBuffers) -> np.ndarray:
    """From the first to the last base64 character behind `-----BEGIN ... PRIVATE KEY-----`; int64 [m, 3].

    The lines that begin and end the block stay, and so do the quotes around it in a program: the span begins and ends inside of strings.
    """
    return _find(*buffers)


@kernel
def _find(offsets: np.ndarray, data: np.ndarray) -> np.ndarray:
    found = no_spans()
    num = 0
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        free = start  # no key starts before this byte
        for i in range(start, end):
            if data[i] != 80 or i < free or not (_is_header(data, start, i, end) or _stands_at(data, i, end, _PUTTY)):  # P
                continue
            first, last = _body(data, i + len(_HEADER), end)
            if last > first:
                found = pushed(found, num, first, last, PRIVATE_KEY)
                num += 1
                free = last
    return found[:num]


@kernel
def _stands_at(data: np.ndarray, i: int, end: int, text: np.ndarray) -> bool:
    if i + len(text) > end:
        return False
    for k in range(len(text)):  # noqa: SIM110
        if data[i + k] != text[k]:
            return False
    return True


@kernel
def _is_header(data: np.ndarray, start: int, i: int, end: int) -> bool:
    return _stands_at(data, i, end, _HEADER) and speaks_of(data, line_start(data, i, max(start, i - _HEADER_BYTES)), i, _BEGIN)


@kernel
def _body(data: np.ndarray, i: int, end: int) -> tuple[int, int]:
    """The span of the base64 behind byte i; empty if there is none. It may be cut off: a block need not end."""
    first = last = limit = i
    limit = min(end, i + _MAX_GAP)
    while i < limit:
        if data[i] == 45 and i + 3 < end and data[i + 1] == 45 and data[i + 2] == 45 and data[i + 3] == 45 and last > first:  # ----END
            return first, max(last, _body_end(data, last, i))
        run_end = i
        while run_end < end and is_in(data[run_end], BASE64 | EQUALS):
            run_end += 1
        if run_end - i >= _MIN_RUN:
            if last == first:
                # The n of an escaped line feed is no part of the key.
                first = i + 1 if data[i - 1] == 92 else i
            last = run_end
            limit = min(end, run_end + _MAX_GAP)
        i = max(run_end, i + 1)
    return first, last


@kernel
def _body_end(data: np.ndarray, last: int, i: int) -> int:
    """The end of a key's last line, which may be short: the last base64 character before `-----END`, but for what closes a string."""
    while i > last:
        byte = data[i - 1]
        if i - 2 >= last and data[i - 2] == 92:  # an escape: \n, \"
            i -= 2
        elif is_in(byte, BASE64 | EQUALS) and byte != 43:
            return i
        else:
            i -= 1
    return last
