"""The members of a zip archive, from its central directory, which is never held whole. No size in it is trusted."""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from pipeline.readers.record import CORRUPT, TRUNCATED, UNSUPPORTED, Broken
from pipeline.readers.streams import read_exactly

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MAX_COMMENT_BYTES = (1 << 16) - 1
_IN_ZIP64 = 0xFFFFFFFF
_ZIP64_EXTRA = 1
_WINDOW_BYTES = 1 << 16
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 1
_UNIX, _FILE_TYPE, _REGULAR = 3, 0o170000, 0o100000


class ZipMember(NamedTuple):
    name: str
    is_file: bool
    is_encrypted: bool
    method: int
    crc: int
    packed_bytes: int
    offset: int


class Zip:
    """A zip archive. The stream must seek."""

    def __init__(self, stream: BinaryIO) -> None:
        """Raises Broken: the archive has no end record."""
        self._stream = stream
        self._start, self._stop, self._shift = self._find_directory()

    def _find_directory(self) -> tuple[int, int, int]:
        """Where the central directory starts and ends, and how many bytes were put before the archive."""
        num_bytes = self._stream.seek(0, 2)
        tail_start = max(0, num_bytes - _END.size - _MAX_COMMENT_BYTES)
        tail = self._at(tail_start, num_bytes - tail_start)
        at = tail.rfind(b"PK\5\6", 0, max(0, len(tail) - _END.size) + 4)
        if at < 0:
            raise Broken(TRUNCATED, f"no end record in the last {len(tail):,} bytes")
        *_, size, offset, _ = _END.unpack_from(tail, at)
        end = tail_start + at
        locator = self._at(max(0, end - _END64_LOCATOR.size), _END64_LOCATOR.size)
        if locator.startswith(b"PK\6\7"):
            record = self._at(max(0, end - _END64_LOCATOR.size - _END64.size), _END64.size)
            if len(record) == _END64.size and record.startswith(b"PK\6\6"):
                *_, size, offset = _END64.unpack(record)
                end -= _END64_LOCATOR.size + _END64.size
        if offset + size > end:
            raise Broken(CORRUPT, f"a central directory of {size:,} bytes at byte {offset:,} does not end at byte {end:,}")
        return end - size, end, end - size - offset

    def members(self) -> Iterator[ZipMember]:
        """Members in the order of the central directory. Raises Broken: it is damaged."""
        position = self._start
        window = b""
        while position < self._stop:
            sizes = _ENTRY.size, 0, 0, 0
            for _ in range(2):
                if len(window) < sum(sizes):
                    window = self._at(position, min(max(_WINDOW_BYTES, sum(sizes)), self._stop - position))
                if len(window) < sum(sizes) or not window.startswith(b"PK\1\2"):
                    raise Broken(CORRUPT, f"no entry of the central directory at byte {position:,}")
                fields = _ENTRY.unpack_from(window)
                sizes = _ENTRY.size, *fields[10:13]
            name, extra = window[sizes[0] :][: sizes[1]], window[sizes[0] + sizes[1] :][: sizes[2]]
            yield _member(fields, name, extra)
            position += sum(sizes)
            window = window[sum(sizes) :]

    def read(self, member: ZipMember, max_bytes: int) -> bytes:
        """The first bytes of a member, or all of it if it is shorter, and then checked by its checksum.

        Raises:
            Broken: this member can't be read.
        """
        if member.is_encrypted:
            raise Broken(UNSUPPORTED, "encrypted")
        if member.method not in (_STORED, _DEFLATED):
            raise Broken(UNSUPPORTED, f"compression method {member.method}")
        at = member.offset + self._shift
        header = self._at(at, _LOCAL.size)
        if len(header) < _LOCAL.size or not header.startswith(b"PK\3\4"):
            raise Broken(CORRUPT, f"no member at byte {at:,}")
        *_, name_bytes, extra_bytes = _LOCAL.unpack(header)
        self._stream.seek(at + _LOCAL.size + name_bytes + extra_bytes)
        if member.method == _STORED:
            blob = read_exactly(self._stream, min(max_bytes, member.packed_bytes))
        else:
            blob = self._inflated(member, max_bytes)
        if len(blob) < max_bytes and zlib.crc32(blob) != member.crc:
            raise Broken(CORRUPT, "the checksum differs")
        return blob

    def _inflated(self, member: ZipMember, max_bytes: int) -> bytes:
        inflate = zlib.decompressobj(wbits=-15)
        parts: list[bytes] = []
        left, wanted = member.packed_bytes, max_bytes
        while wanted > 0 and not inflate.eof:
            data = inflate.unconsumed_tail
            if not data:
                data = read_exactly(self._stream, min(left, _WINDOW_BYTES))
                left -= len(data)
            if not data:
                raise Broken(CORRUPT, "the packed bytes end early")
            try:
                parts.append(inflate.decompress(data, wanted))
            except zlib.error as error:
                raise Broken(CORRUPT, str(error)) from error
            wanted -= len(parts[-1])
        return b"".join(parts)

    def _at(self, position: int, num_bytes: int) -> bytes:
        self._stream.seek(position)
        return read_exactly(self._stream, num_bytes)


def _member(fields: tuple[int, ...], raw_name: bytes, extra: bytes) -> ZipMember:
    _, made_by, _, flags, method, _, _, crc, packed_bytes, size, *_, attributes, offset = fields
    try:
        name = raw_name.decode()
    except UnicodeDecodeError:
        # The format's own code page, which names without a mark are in; many writers use UTF-8 without saying so.
        name = raw_name.decode("cp437")
    wide = _zip64_values(extra)
    # The order of the format: only those values are there that did not fit.
    size, packed_bytes, offset = (next(wide, value) if value == _IN_ZIP64 else value for value in (size, packed_bytes, offset))
    file_type = (attributes >> 16) & _FILE_TYPE if made_by >> 8 == _UNIX else 0
    is_file = file_type in (0, _REGULAR) and not name.endswith("/")
    return ZipMember(name, is_file, bool(flags & _ENCRYPTED), method, crc, packed_bytes, offset)


def _zip64_values(extra: bytes) -> Iterator[int]:
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<2H", extra)
        if kind == _ZIP64_EXTRA:
            yield from (value for (value,) in struct.iter_unpack("<Q", extra[4 : 4 + size // 8 * 8]))
        extra = extra[4 + size :]
