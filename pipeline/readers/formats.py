"""Which reader a file is for."""

import io
import re
from typing import Final, Literal

from pipeline.params import UsageError
from pipeline.readers.archive import ZIP_MAGIC
from pipeline.readers.record import Broken
from pipeline.readers.streams import unpacked

_PACKED = r"(\.gz|\.zst|\.zstd|\.bz2|\.xz)?"
_NAMES: Final[dict[Literal["parquet", "jsonl", "archive"], re.Pattern[str]]] = {
    "parquet": re.compile(r".*\.(parquet|pq)", re.IGNORECASE),
    "jsonl": re.compile(r".*\.(jsonl|ndjson|json)" + _PACKED, re.IGNORECASE),
    "archive": re.compile(r".*\.(zip|whl|egg|jar|crate|tgz|tbz2?|txz|tzst|tar" + _PACKED + ")", re.IGNORECASE),
}
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257


def detect_format(name: str, head: bytes) -> Literal["parquet", "jsonl", "archive"]:
    """The format of a file, by its name, or by its first bytes if the name says nothing.

    Args:
        head: 512 bytes are enough.
    Raises:
        UsageError: neither says what it is.
    """
    for kind, pattern in _NAMES.items():
        if pattern.fullmatch(name):
            return kind
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(ZIP_MAGIC):
        return "archive"
    try:
        start = next(unpacked(io.BytesIO(head), max_bytes=1 << 20), b"")
    except Broken:
        start = b""
    if start[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC):
        return "archive"
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return "jsonl"
    raise UsageError(
        f"{name}: neither its name nor its first bytes say what it is. Known: Parquet (.parquet), JSON lines (.jsonl, .ndjson, .json, "
        "also .gz, .zst, .bz2, .xz), archives (.zip, .whl, .tar, .tar.gz, .tgz, .tar.zst, .tar.bz2, .tar.xz). "
        "Set `format:`, or leave the file out with `exclude:`"
    )
