"""The members of a tar archive, from a stream, one after another.

The standard library's reader takes a damaged header for the archive's end and holds headers of any size in memory; this one does
neither. It reads ustar, GNU and pax archives, and calls GNU's sparse files no files, since their bytes are not in one piece.
"""

import tarfile
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.readers.record import CORRUPT, TRUNCATED, Broken
from pipeline.readers.streams import Unpacked

_BLOCK_BYTES = 512
# A header that only carries a longer name or pax records; real ones are far smaller.
_MAX_HEADER_BYTES = 1 << 20


class TarMember(NamedTuple):
    name: str
    size: int
    is_file: bool
    is_folder: bool


def tar_members(source: Unpacked) -> Iterator[TarMember]:
    """Members in the archive's order; whoever takes one may read up to `size` bytes from the source before taking the next.

    Raises:
        Broken: a header is damaged, or the archive ends without its end mark.
    """
    carried: dict[str, str] = {}
    while True:
        info = _header(source)
        if info is None:
            return
        if info.type in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            payload = _payload(source, info.size)
            carried |= {"path": _text(payload.rstrip(b"\0"))} if info.type == tarfile.GNUTYPE_LONGNAME else _pax_records(payload, source)
        elif info.type in (tarfile.GNUTYPE_LONGLINK, tarfile.XGLTYPE):
            _payload(source, info.size)
        else:
            yield from _member(source, info, carried)
            carried = {}


def member_bytes(source: Unpacked, member: TarMember, max_bytes: int) -> bytes:
    """The first bytes of the member that was just taken, all if they are fewer. Raises Broken: the archive ends inside them."""
    num_bytes = min(member.size, max_bytes)
    blob = source.read(num_bytes)
    if len(blob) < num_bytes:
        raise Broken(TRUNCATED, f"the archive ends inside a member, at byte {source.position:,}")
    return blob


def _member(source: Unpacked, info: tarfile.TarInfo, carried: dict[str, str]) -> Iterator[TarMember]:
    has_data = info.isreg() or info.type not in tarfile.SUPPORTED_TYPES
    is_sparse = info.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse.") for key in carried)
    size = _size(carried.get("size", str(info.size)), source) if has_data else 0
    start = source.position
    name = carried.get("path", info.name)
    is_folder = info.isdir() or name.endswith("/")
    yield TarMember(name, size, info.isreg() and not is_sparse and not is_folder, is_folder)
    _skip(source, start + _padded(size) - source.position)


def _header(source: Unpacked) -> tarfile.TarInfo | None:
    """The next header; None: the end mark."""
    at = source.position
    block = source.read(_BLOCK_BYTES)
    if len(block) < _BLOCK_BYTES:
        raise Broken(TRUNCATED, f"the archive ends at byte {source.position:,}, without its end mark")
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
        return None
    except tarfile.HeaderError as error:
        raise Broken(CORRUPT, f"no tar header at byte {at:,}: {error}") from error
    _size(str(info.size), source)
    if info.type == tarfile.GNUTYPE_SPARSE:
        # Its map may go on in blocks of their own, before the data.
        is_extended = block[482]
        while is_extended:
            extension = source.read(_BLOCK_BYTES)
            is_extended = len(extension) == _BLOCK_BYTES and extension[504]
    return info


def _size(text: str, source: Unpacked) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise Broken(CORRUPT, f"a size of {text[:20]} before byte {source.position:,}")
    return int(text)


def _payload(source: Unpacked, size: int) -> bytes:
    if size > _MAX_HEADER_BYTES:
        raise Broken(CORRUPT, f"a header of {size:,} bytes before byte {source.position:,}")
    payload = source.read(size)
    _skip(source, _padded(size) - len(payload))
    return payload


def _skip(source: Unpacked, num_bytes: int) -> None:
    if source.skip(num_bytes) < num_bytes:
        raise Broken(TRUNCATED, f"the archive ends inside a member, at byte {source.position:,}")


def _padded(size: int) -> int:
    return -(-size // _BLOCK_BYTES) * _BLOCK_BYTES


def _pax_records(payload: bytes, source: Unpacked) -> dict[str, str]:
    """Records are "LENGTH KEY=VALUE\\n", where the length counts all of it."""
    records = {}
    start = 0
    while start < len(payload) and payload[start]:
        digits, space, _ = payload[start : start + 20].partition(b" ")
        length = int(digits) if space and digits.isdigit() else 0
        key, equals, value = payload[start + len(digits) + 1 : start + length].partition(b"=")
        if not equals or not value.endswith(b"\n") or start + length > len(payload):
            raise Broken(CORRUPT, f"a damaged pax header before byte {source.position:,}")
        records[_text(key)] = _text(value[:-1])
        start += length
    return records


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
