"""Which folders become sources.

the-stack/data/python/train-0.parquet      python, java: folders of shards beside one another, whose names say what they hold
the-stack/data/java/train-0.parquet
dump/2023-06/a.jsonl.zst                   dump: names that only number its parts
dump/2023-14/b.jsonl.zst
repositories/tool/src/main.c               repositories: a tree, a folder of it is one repository
mixed/books.jsonl, mixed/wiki.jsonl        books, wiki: few files of different names
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pipeline.survey.listing import SHARDS, File, Folder

# More sources than a config is read with: their folder is one source.
MAX_SOURCES = 100
# Files of one folder that are sources of their own, if each has a name of its own.
_MAX_FILE_SOURCES = 12

# Words of names that say nothing of what is inside.
_EMPTY_WORDS = frozenset(
    [
        *("batch", "chunk", "corpus", "data", "dataset", "datasets", "default", "dev", "development", "documents", "downloads", "eval"),
        *("file", "files", "fold", "jsonl", "of", "parquet", "part", "partition", "raw", "shard", "shards", "slice", "split", "test"),
        *("train", "v", "valid", "validation"),
    ]
)
# Those that say something, but not what its neighbours in numbering do not say.
_NUMBERED_WORDS = frozenset(
    [
        *("a", "b", "cc", "crawl", "dump", "group", "main", "snapshot", "year", "month", "day", "date", "q", "w"),
        *("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    ]
)


@dataclass(frozen=True)
class Place:
    """A path that becomes a source, or several by language.

    Attributes:
        names: the names of its folders, the innermost last: what the source may be called.
        files: below the path, sorted: of shards the ones that readers know, of a tree all plain ones.
        include: globs that leave out what no reader knows; empty: all is fine.
    """

    path: str
    names: tuple[str, ...]
    format: Literal["shards", "archive", "tree"]
    files: tuple[tuple[str, File], ...]
    include: tuple[str, ...] = ()
    is_whole: bool = True

    @property
    def num_bytes(self) -> int:
        return sum(file.num_bytes for _, file in self.files)


def find_places(roots: Iterable[Folder]) -> list[Place]:
    """The places of every root, in the order of their paths; none where nothing is known to a reader."""
    return [place for root in roots for place in _places(root, (_stem(root.name),))]


def _places(folder: Folder, names: tuple[str, ...]) -> Iterator[Place]:
    shards = [file for file in folder.files if file.shape in SHARDS]
    if is_tree(folder):
        held = [child for child in folder.folders if child.size_of(*SHARDS)[0] and not is_tree(child)]
        if not held or any(file.shape == "plain" for file in folder.files):
            yield Place(folder.path, names, "tree", tuple(folder.below("plain")), is_whole=_is_whole(folder))
            return
    if shards:
        yield from _of_shards(folder, names, shards)
        return
    filled = [child for child in folder.folders if child.size_of("plain", *SHARDS)[0]]
    if len(filled) > 1 and (all(_numbers_a_part(child.name) for child in filled) or len(filled) > MAX_SOURCES):
        yield from _of_shards(folder, names, [])
        return
    for child in filled:
        yield from _places(child, (*names, child.name))


def is_tree(folder: Folder) -> bool:
    """Whether source files outweigh shards: by bytes, or ten to one by number (a repository may hold an archive)."""
    (num_plain, plain_bytes), (num_shards, shard_bytes) = folder.size_of("plain"), folder.size_of(*SHARDS)
    return plain_bytes > shard_bytes or num_plain > 10 * max(1, num_shards)


def _of_shards(folder: Folder, names: tuple[str, ...], direct: list[File]) -> Iterator[Place]:
    """The folder's shards as one place, or a place a file, or one for archives and one for the rest."""
    if os.path.isfile(folder.path):
        shape: Literal["shards", "archive"] = "archive" if direct[0].shape == "archive" else "shards"
        yield Place(folder.path, names, shape, (("", direct[0]),))
        return
    files = folder.below(*SHARDS)
    stems = {re.sub(r"\d+", "", _stem(file.name)) for file in direct}
    are_apart = 1 < len(direct) == len(files) == len(stems) <= _MAX_FILE_SOURCES and not any(_numbers_a_part(stem) for stem in stems)
    if are_apart and all(file.shape != "archive" for file in direct):
        for file in direct:
            yield Place(os.path.join(folder.path, file.name), (*names, _stem(file.name)), "shards", (("", file),))
        return
    has_others = folder.size_of("other", "plain")[0] > 0
    for shape, shapes in (("shards", ("parquet", "jsonl")), ("archive", ("archive",))):
        held = tuple((name, file) for name, file in files if file.shape in shapes)
        if held:
            include = _globs(held) if has_others or len(held) < len(files) else ()
            yield Place(folder.path, names, shape, held, include, is_whole=_is_whole(folder))  # type: ignore[arg-type]


def _globs(files: Iterable[tuple[str, File]]) -> tuple[str, ...]:
    return tuple(sorted({f"*{ending(file.name)}" for _, file in files}))


def ending(name: str) -> str:
    """`.jsonl.zst` of part-0.jsonl.zst; the whole name where it has none."""
    found = re.search(r"(\.(jsonl|ndjson|json|tar))?\.[A-Za-z0-9]+$", name)
    return found.group() if found else name


def _stem(name: str) -> str:
    return name.removesuffix(ending(name)) or name


def _numbers_a_part(name: str) -> bool:
    if re.fullmatch(r"[0-9a-f]{1,3}|[A-Za-z_]\w*=.*", name):  # the first digits of a hash; a partition of Hive's
        return True
    return all(word in _EMPTY_WORDS | _NUMBERED_WORDS for word in _words(name))


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]+", name.lower())


def source_name(names: Iterable[str], taken: Iterable[str]) -> str:
    """A source's name from its folders' names: the innermost that says something, with the ones before it while that is taken.

    Lower-case letters, digits and _: "C++" is cpp, "c-sharp 2" is c_sharp_2.
    """
    known = set(taken)
    useful = [_identifier(name) for name in names if _says_something(name)] or ["source"]
    for length in range(1, len(useful) + 1):
        if (name := "_".join(useful[-length:])) not in known:
            return name
    return next(name for number in range(2, 1 << 30) if (name := f"{useful[-1]}_{number}") not in known)


def _says_something(name: str) -> bool:
    return not all(word in _EMPTY_WORDS for word in _words(name))


def _identifier(name: str) -> str:
    spelt = name.lower().replace("++", "pp").replace("#", "sharp")
    found = re.sub(r"[^a-z0-9]+", "_", spelt).strip("_") or "source"
    return found if found[0].isalpha() else f"source_{found}"


def _is_whole(folder: Folder) -> bool:
    return all(inner.is_whole for inner in folder.walk())
