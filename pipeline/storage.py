"""Every path is opened here: whole-file reads, listings with versions, and commits that appear whole or not at all."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pipeline.params import UsageError

# A name that no reader takes for a dataset's file; what a killed worker leaves under it is swept.
TEMPORARY = ".tmp-"


@dataclass(frozen=True)
class FileInfo:
    """One file below a root: its name relative to the root, its bytes, and what changes when it is written again."""

    name: str
    num_bytes: int
    version: str


def local(path: str) -> str:
    """The path, if it is one of this machine.

    Raises:
        UsageError: it has a scheme (`gs://`, `s3://`, ...).
    """
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", path):
        raise UsageError(f"{path}: only paths of this machine can be opened; mount the store, or copy what is needed")
    return path


def join(*parts: str) -> str:
    return os.path.join(*parts)


def exists(path: str) -> bool:
    return os.path.exists(local(path))


def is_file(path: str) -> bool:
    return os.path.isfile(local(path))


def is_folder(path: str) -> bool:
    return os.path.isdir(local(path))


def stat(path: str) -> FileInfo:
    """Raises FileNotFoundError."""
    status = os.stat(local(path))
    return FileInfo(os.path.basename(path), status.st_size, str(status.st_mtime_ns))


def num_bytes(path: str) -> int | None:
    """The file's size; None: there is no such file."""
    try:
        return os.stat(local(path)).st_size
    except FileNotFoundError:
        return None


def open_read(path: str) -> BinaryIO:
    return open(local(path), "rb")


def read_bytes(path: str) -> bytes:
    with open_read(path) as stream:
        return stream.read()


def list_files(root: str) -> list[FileInfo]:
    """Every regular file below the folder, sorted by name; links are not followed, hidden files and folders are left out."""
    found = []
    top = local(root)
    for folder, subfolders, names in os.walk(top):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for name in names:
            path = os.path.join(folder, name)
            if name.startswith(".") or os.path.islink(path) or not os.path.isfile(path):
                continue
            status = os.stat(path)
            found.append(FileInfo(os.path.relpath(path, top), status.st_size, str(status.st_mtime_ns)))
    return sorted(found, key=lambda file: file.name)


def list_names(folder: str) -> list[str]:
    """Names in one folder, temporary ones included; empty if there is no such folder."""
    try:
        return sorted(os.listdir(local(folder)))
    except FileNotFoundError:
        return []


def remove(path: str) -> None:
    """Removes a file or a folder; nothing there is fine."""
    if os.path.isdir(local(path)):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)


@contextlib.contextmanager
def committing(path: str) -> Iterator[str]:
    """A local path to write to; when the block ends well, the file appears under its own name, whole and on disk.

    Two workers that commit one name write the same bytes, so the later rename changes nothing.
    """
    folder, name = os.path.split(local(path))
    os.makedirs(folder or ".", exist_ok=True)
    temporary = os.path.join(folder, f"{TEMPORARY}{os.getpid()}-{os.urandom(4).hex()}-{name}")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync(folder or ".")
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)


def write_bytes(path: str, data: bytes) -> None:
    with committing(path) as temporary, open(temporary, "wb") as stream:
        stream.write(data)


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
