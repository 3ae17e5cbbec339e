"""Bytes in: exact reads, and decompression that holds little however small a bomb was packed."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import Any, BinaryIO

import zstandard

from pipeline.readers.record import CORRUPT, TOO_LARGE, TRUNCATED, Broken

CHUNK_BYTES = 1 << 20
_INPUT_BYTES = 1 << 18
# zstandard gives all that its input holds at once. A block of 128 kB may be packed in 4 bytes: this much input gives 128 MB at worst.
_ZSTD_INPUT_BYTES = 4096

GZIP, ZSTD, BZIP2, XZ = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\x00"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"

# (frame, packed bytes) to chunks, and then the bytes after the frame's end.
_Decompress = Callable[[Any, bytes], Generator[bytes, None, bytes]]


def read_exactly(stream: BinaryIO, num_bytes: int) -> bytes:
    """`num_bytes` bytes, fewer only at the end: so that nothing depends on how a store cuts its answers."""
    parts = []
    while num_bytes > 0 and (part := stream.read(num_bytes)):
        parts.append(part)
        num_bytes -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def unpacked(stream: BinaryIO, *, max_bytes: int) -> Iterator[bytes]:
    """The stream's bytes, decompressed if its first bytes are gzip's, zstd's, bzip2's or xz's (any number of frames or members).

    Yields:
        chunks of at most 1 MiB.
    Raises:
        Broken: after everything before the fault: the stream ends early, violates its format, or holds over `max_bytes`.
    """
    parts: list[bytes] = []
    held_bytes = total_bytes = 0
    fault = None
    try:
        for part in _pieces(stream):
            parts.append(part)
            held_bytes += len(part)
            total_bytes += len(part)
            if total_bytes > max_bytes:
                parts.append(parts.pop()[: max_bytes - total_bytes])
                raise Broken(TOO_LARGE, f"over {max_bytes:,} bytes, unpacked: the rest is not read")
            if held_bytes >= CHUNK_BYTES:
                yield from _cut(parts)
                parts, held_bytes = [], 0
    except Broken as broken:
        fault = broken
    yield from _cut(parts)
    if fault:
        raise fault


def _cut(parts: list[bytes]) -> Iterator[bytes]:
    joined = parts[0] if len(parts) == 1 else b"".join(parts)
    for start in range(0, len(joined), CHUNK_BYTES):
        yield joined[start : start + CHUNK_BYTES]


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    head = read_exactly(stream, _INPUT_BYTES)
    if head.startswith(GZIP):
        return _frames(stream, head, make=lambda: zlib.decompressobj(wbits=31), decompress=_zlib)
    if head.startswith(ZSTD) or (head[1:4] == _ZSTD_SKIPPABLE and head[0] >> 4 == 5):
        return _frames(stream, head, make=lambda: zstandard.ZstdDecompressor().decompressobj(), decompress=_zstd)
    if head.startswith(BZIP2):
        return _frames(stream, head, make=bz2.BZ2Decompressor, decompress=_bz2_or_lzma)
    if head.startswith(XZ):
        return _frames(stream, head, make=lambda: lzma.LZMADecompressor(memlimit=256 << 20), decompress=_bz2_or_lzma)
    return _plain(stream, head)


def _plain(stream: BinaryIO, head: bytes) -> Iterator[bytes]:
    while head:
        yield head
        head = read_exactly(stream, CHUNK_BYTES)


def _frames(stream: BinaryIO, data: bytes, *, make: Callable[[], Any], decompress: _Decompress) -> Iterator[bytes]:
    """Frame after frame until the stream's end; zeros after a frame are padding, as tapes and xz have it."""
    read_bytes = len(data)
    while data:
        frame = make()
        while True:
            try:
                rest = yield from decompress(frame, data)
            except (zlib.error, zstandard.ZstdError, lzma.LZMAError, OSError, EOFError) as error:
                raise Broken(CORRUPT, f"in the packed bytes {read_bytes - len(data):,} to {read_bytes:,}: {error}") from error
            if frame.eof:
                break
            data = read_exactly(stream, _INPUT_BYTES)
            read_bytes += len(data)
            if not data:
                raise Broken(TRUNCATED, f"the packed stream ends early, at byte {read_bytes:,}")
        data = rest.lstrip(b"\0")
        while not data and (more := read_exactly(stream, _INPUT_BYTES)):
            read_bytes += len(more)
            data = more.lstrip(b"\0")


def _zlib(frame: Any, data: bytes) -> Generator[bytes, None, bytes]:
    while not frame.eof:
        part = frame.decompress(data, CHUNK_BYTES)
        yield part
        data = frame.unconsumed_tail
        # A full answer may leave more inside although all the input is used.
        if not data and len(part) < CHUNK_BYTES:
            break
    return frame.unused_data


def _zstd(frame: Any, data: bytes) -> Generator[bytes, None, bytes]:
    for start in range(0, len(data), _ZSTD_INPUT_BYTES):
        yield frame.decompress(data[start : start + _ZSTD_INPUT_BYTES])
        if frame.eof:
            return frame.unused_data + data[start + _ZSTD_INPUT_BYTES :]
    return b""


def _bz2_or_lzma(frame: Any, data: bytes) -> Generator[bytes, None, bytes]:
    yield frame.decompress(data, CHUNK_BYTES)
    while not frame.eof and not frame.needs_input:
        yield frame.decompress(b"", CHUNK_BYTES)
    return frame.unused_data


class Unpacked:
    """What `unpacked` yields, read by counts of bytes."""

    def __init__(self, stream: BinaryIO, *, max_bytes: int) -> None:
        self._chunks = unpacked(stream, max_bytes=max_bytes)
        self._held = b""
        self._start = 0
        self.position = 0

    def read(self, num_bytes: int) -> bytes:
        """`num_bytes` bytes, fewer only at the end. Raises Broken."""
        parts = []
        while num_bytes > 0 and (part := self._some(num_bytes)):
            parts.append(part)
            num_bytes -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def skip(self, num_bytes: int) -> int:
        """Bytes that were passed over: `num_bytes`, fewer only at the end. Raises Broken."""
        left = num_bytes
        while left > 0 and (part := self._some(left)):
            left -= len(part)
        return num_bytes - left

    def _some(self, num_bytes: int) -> bytes:
        if self._start == len(self._held):
            self._held, self._start = next(self._chunks, b""), 0
        part = self._held[self._start : self._start + num_bytes]
        self._start += len(part)
        self.position += len(part)
        return part
