"""The files at a repository's root that say its licence, read ahead of its documents: they may come last, and may not be included.

A container (an archive, a folder of a tree) is one repository. What is held is bounded: 32 files of at most 256 KiB.
"""

import contextlib
import re
from collections.abc import Callable, Iterable
from typing import BinaryIO

from pipeline.readers.archive import common_top, is_zip, top_of
from pipeline.readers.blobs import clean_path
from pipeline.readers.params import ReadParams
from pipeline.readers.record import Broken
from pipeline.readers.streams import Unpacked, read_exactly
from pipeline.readers.tar_members import member_bytes, tar_members
from pipeline.readers.zip_members import Zip

MAX_FILES = 32
MAX_BYTES = 1 << 18

# Licences, what packages declare, and both inside the folder that a wheel has for them.
_ROOT_FILE = re.compile(
    r"(LICEN[CS]ES/[^/]+|([^/]+\.(dist|egg)-info/(licen[cs]es/)?)?((UN)?LICEN[CS]E|COPYING|MIT-LICENSE)[^/]*"
    r"|([^/]+\.(dist-info/METADATA|egg-info/PKG-INFO))|PKG-INFO|package\.json|composer\.json|pyproject\.toml|Cargo\.toml)",
    re.IGNORECASE,
)
_NOT_TEXT = re.compile(r".*\.(py|js|ts|go|rs|java|rb|c|h|html?|css|png|svg|pdf)", re.IGNORECASE)

RootFiles = dict[str, bytes]


def is_root_file(path: str) -> bool:
    """Whether a path inside a repository is that of a file that says its licence.

    >>> is_root_file("LICENSE.md"), is_root_file("six-1.16.0.dist-info/METADATA"), is_root_file("vendor/x/LICENSE")
    (True, True, False)
    """
    return _ROOT_FILE.fullmatch(path) is not None and _NOT_TEXT.fullmatch(path) is None


def tree_root_files(files: Iterable[tuple[str, Callable[[], BinaryIO]]]) -> RootFiles:
    """Of a folder's files: (path inside it, what opens it), in any order."""
    held: RootFiles = {}
    for name, opener in sorted(files, key=lambda file: file[0]):
        if is_root_file(name) and len(held) < MAX_FILES:
            with opener() as stream:
                held[name] = read_exactly(stream, MAX_BYTES)
    return held


def archive_root_files(stream: BinaryIO, params: ReadParams) -> RootFiles:
    """Of an archive: a zip says where they are, a tar is passed over once. What is broken is left to the reader of the documents.

    The stream is at its start again afterwards.
    """
    held: RootFiles = {}
    with contextlib.suppress(Broken):
        (_read_zip if is_zip(stream) else _read_tar)(stream, params, held)
    stream.seek(0)
    return held


def _read_zip(stream: BinaryIO, params: ReadParams, held: RootFiles) -> None:
    archive = Zip(stream)
    top = common_top(archive)
    for member in archive.members():
        path = clean_path(member.name) if member.is_file else None
        if path is not None and is_root_file(path := path.removeprefix(top)) and len(held) < MAX_FILES:
            try:
                held[path] = archive.read(member, MAX_BYTES)
            except Broken:
                continue


def _read_tar(stream: BinaryIO, params: ReadParams, held: RootFiles) -> None:
    source = Unpacked(stream, max_bytes=params.max_unpacked_bytes)
    top = None
    for member in tar_members(source):
        path = clean_path(member.name)
        if top is None and path is not None:
            top = top_of(path if not member.is_folder else f"{path}/")
        if path is not None and member.is_file and is_root_file(path := path.removeprefix(top or "")) and len(held) < MAX_FILES:
            held[path] = member_bytes(source, member, MAX_BYTES)
