"""Named blobs to records: what archives and trees have in common."""

import re

from pipeline.readers.globs import path_filter
from pipeline.readers.params import ReadParams
from pipeline.readers.record import BINARY, INVALID_UTF8, TOO_LARGE, Broken, Place, Record

# Git's own test: a file with a NUL so early is binary.
_NUL_WITHIN_BYTES = 8000

_PACKED = re.compile(r"(\.tar)?\.(zip|whl|egg|jar|crate|tar|tgz|txz|tbz2?|tzst|gz|xz|bz2|zst)$", re.IGNORECASE)
_VERSION = re.compile(r"[-_@]v?\d+([.+][^/]*)?$")


class BlobReader:
    """Paths and bytes of one container to records.

    Attributes:
        is_wanted: whether a path is included; what is not need not be read.
        repository: the container's name without what says how it is packed and which version it is, so that two versions of a
            package are one repository ("pypi/six-1.16.0.tar.gz": "pypi/six"); None: the files beside a tree's folders.
    """

    def __init__(self, place: Place, params: ReadParams) -> None:
        self.repository = None if place.container == "." else _VERSION.sub("", _PACKED.sub("", place.container)) or place.container
        self.is_wanted = path_filter(params.include, params.exclude)
        self._params = params

    def record(self, row: int, path: str, blob: bytes) -> Record:
        """The record of a file, of which `max_document_bytes` + 1 bytes are enough."""
        text, error, detail = _text(blob, self._params.max_document_bytes)
        return self._record(row, path)._replace(text=text, error=error, detail=detail)

    def broken(self, row: int, path: str, broken: Broken) -> Record:
        """The record of a file that can't be read."""
        return self._record(row, path)._replace(error=broken.error, detail=broken.detail)

    def _record(self, row: int, path: str) -> Record:
        return Record(row, path=path, repository=self.repository, language=self._params.language)


def clean_path(name: str) -> str | None:
    """A relative path without "." and empty parts; None: it is absolute, leads out of its folder, or names nothing."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\0" in name:
        return None
    return "/".join(parts) or None


def _text(blob: bytes, max_bytes: int) -> tuple[str | None, str | None, str | None]:
    if len(blob) > max_bytes:
        return None, TOO_LARGE, f"over {max_bytes:,} bytes"
    nul = blob.find(b"\0", 0, _NUL_WITHIN_BYTES)
    if nul >= 0:
        return None, BINARY, f"byte {nul:,} is NUL"
    try:
        return blob.decode(), None, None
    except UnicodeDecodeError as error:
        detail = f"byte {error.start:,}: {error.reason}"
        return None, BINARY if b"\0" in blob else INVALID_UTF8, detail
