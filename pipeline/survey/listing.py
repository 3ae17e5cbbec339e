"""What lies below a path, looked at from outside: names and sizes, at most so many of them."""

import io
import json
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

from pipeline import storage
from pipeline.params import UsageError
from pipeline.readers.formats import detect_format
from pipeline.readers.params import JSON_KEYS
from pipeline.readers.record import Broken
from pipeline.readers.streams import unpacked
from pipeline.survey.languages import language_of

# So that a folder of a hundred million files takes seconds. Corpora of shards have thousands.
MAX_FILES, MAX_FILES_IN_A_FOLDER = 200_000, 20_000
# Files whose name says nothing, or too little, are opened: so many at most.
MAX_OPENED = 300
_HEAD_BYTES = 1 << 16

Shape = Literal["parquet", "jsonl", "archive", "plain", "other"]
SHARDS: tuple[Shape, ...] = ("parquet", "jsonl", "archive")


@dataclass(frozen=True)
class File:
    """A file: its name inside its folder; plain: source code or prose by its name; other: no reader knows it."""

    name: str
    num_bytes: int
    shape: Shape


@dataclass
class Folder:
    """A folder that is looked at, or a single file (then `path` is the file's own, and it holds that alone).

    Attributes:
        is_whole: not more lies there than was looked at.
    """

    path: str
    files: list[File] = field(default_factory=list)
    folders: list["Folder"] = field(default_factory=list)
    is_whole: bool = True

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    @cached_property
    def sizes(self) -> dict[Shape, tuple[int, int]]:
        """(files, bytes) by shape, here and below."""
        sizes: dict[Shape, tuple[int, int]] = {}
        own = ((file.shape, 1, file.num_bytes) for file in self.files)
        inner = ((shape, *size) for folder in self.folders for shape, size in folder.sizes.items())
        for shape, count, num_bytes in (*own, *inner):
            before = sizes.get(shape, (0, 0))
            sizes[shape] = before[0] + count, before[1] + num_bytes
        return sizes

    def size_of(self, *shapes: Shape) -> tuple[int, int]:
        """(files, bytes) of the shapes, here and below."""
        held = [self.sizes.get(shape, (0, 0)) for shape in shapes]
        return sum(count for count, _ in held), sum(num_bytes for _, num_bytes in held)

    def walk(self) -> Iterator["Folder"]:
        yield self
        for folder in self.folders:
            yield from folder.walk()

    def below(self, *shapes: Shape) -> list[tuple[str, File]]:
        """(path relative to this folder, file) of all files of the shapes, here and below, sorted by path."""
        prefix = 0 if self.path == "/" else len(self.path) + 1
        found = [(os.path.join(folder.path, file.name)[prefix:], file) for folder in self.walk() for file in folder.files]
        return sorted((name, file) for name, file in found if file.shape in shapes)


@dataclass
class Listing:
    """What was found below the paths, and what could not be opened."""

    roots: list[Folder]
    unreadable: list[str]


class _Opened:
    """Looks into files, at most MAX_OPENED of them."""

    def __init__(self) -> None:
        self._left = MAX_OPENED

    def head(self, path: str) -> bytes:
        if self._left == 0:
            return b""
        self._left -= 1
        try:
            with storage.open_read(path) as stream:
                return stream.read(_HEAD_BYTES)
        except OSError:
            return b""


def list_paths(paths: list[str]) -> Listing:
    """
    Raises:
        UsageError: a path is not there, can't be opened, is empty, or holds nothing.
    """
    opened = _Opened()
    unreadable: list[str] = []
    roots = []
    for path in dict.fromkeys(os.path.abspath(os.path.expanduser(storage.local(path))) for path in paths):
        if not os.path.exists(path):
            raise UsageError(f"{path}: there is no such file or folder")
        if not os.access(path, os.R_OK | (os.X_OK if os.path.isdir(path) else 0)):
            raise UsageError(f"{path}: permission denied: let this user read it")
        root = _one_file(path, opened) if os.path.isfile(path) else _folder(path, opened, unreadable)
        if not any(folder.files for folder in root.walk()):
            reason = f"; {len(unreadable)} folders can't be opened, such as {unreadable[0]}" if unreadable else ""
            raise UsageError(f"{path}: holds no files (hidden files, empty files and links do not count){reason}")
        roots.append(root)
    return Listing(roots, unreadable)


def _one_file(path: str, opened: _Opened) -> Folder:
    num_bytes = os.path.getsize(path)
    if num_bytes == 0:
        raise UsageError(f"{path}: the file is empty")
    name = os.path.basename(path)
    return Folder(path, [File(name, num_bytes, shape_by_name(name) or shape_by_head(name, opened.head(path)))])


def _folder(top: str, opened: _Opened, unreadable: list[str]) -> Folder:
    root = Folder(top)
    waiting = deque([root])
    num_files = 0
    while waiting:
        if num_files >= MAX_FILES:
            root.is_whole = False
            break
        here = waiting.popleft()
        try:
            with os.scandir(here.path) as found:
                entries = sorted((entry for entry in found if not entry.name.startswith(".")), key=lambda entry: entry.name)
        except OSError as error:
            unreadable.append(f"{here.path} ({error.strerror})")
            continue
        files = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
        room = min(MAX_FILES_IN_A_FOLDER, MAX_FILES - num_files)
        here.is_whole = len(files) <= room
        # In a folder files of one ending are alike: one is looked into for all.
        by_ending: dict[str, Shape] = {}
        for entry in files[:room]:
            if num_bytes := entry.stat(follow_symlinks=False).st_size:
                shape = shape_by_name(entry.name)
                if shape is None:
                    ending = os.path.splitext(entry.name)[1]
                    shape = by_ending.get(ending) or by_ending.setdefault(ending, shape_by_head(entry.name, opened.head(entry.path)))
                here.files.append(File(entry.name, num_bytes, shape))
        num_files += len(here.files)
        here.folders = [Folder(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
        waiting += here.folders
    return root


@lru_cache(1 << 16)
def shape_by_name(name: str) -> Shape | None:
    """What a file is by its name; None: the name says nothing, or is `.json`, which most are not lines of."""
    if name.lower().endswith(".json"):
        return None
    try:
        return detect_format(name, b"")
    except UsageError:
        return "plain" if language_of(name) is not None else None


def shape_by_head(name: str, head: bytes) -> Shape:
    """What a file is by its first bytes, where its name does not say it."""
    if name.lower().endswith(".json"):
        return "jsonl" if is_json_lines(head) else "plain"
    try:
        shape = detect_format("", head)
    except UsageError:
        return "other"
    return shape if shape != "jsonl" or is_json_lines(head) else "other"


def is_json_lines(head: bytes) -> bool:
    """Whether the first lines of a file (packed or not) are JSON objects, and one has a usual key for text or there are several."""
    try:
        start = next(unpacked(io.BytesIO(head), max_bytes=1 << 20), b"")
    except Broken:
        return False
    lines = [line for line in start.split(b"\n") if line.strip()]
    # The last one may be cut.
    whole = lines[:-1] if len(lines) > 1 else lines
    try:
        values = [json.loads(line) for line in whole[:3]]
    except (ValueError, RecursionError):
        keys = [f'"{key}"'.encode() for key in JSON_KEYS["text"]]
        return len(lines) == 1 and len(head) == _HEAD_BYTES and start.lstrip().startswith(b"{") and any(key in start for key in keys)
    has_text = any(isinstance(value, dict) and not set(JSON_KEYS["text"]).isdisjoint(value) for value in values)
    return bool(values) and all(isinstance(value, dict) for value in values) and (has_text or len(values) > 1)
