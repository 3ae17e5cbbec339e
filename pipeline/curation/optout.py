"""Opt-out lists: what they say, and which documents of `decisions/` they name.

A list is a text file, an entry a line:

    # a comment
    repository: owner/name
    user: owner                        all repositories of an owner
    url: https://example.org/blog      all that is below; the column `path` holds a web document's address
    sha256: 9f86d081884c7d65...        of the bytes of a file

Upper and lower case do not count. Of a repository's or a user's address on a forge the host and `.git` are left out, in a list and in the
column `repository`.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from pipeline import schema, storage
from pipeline.params import Params, UsageError

# What entries are held against.
DECISION_COLUMNS = ["id", "verdict", "repository", "path", "sha256"]
KINDS = ("repository", "user", "url", "sha256")
_SCHEME = r"^(?:[a-z][a-z0-9+.-]*://)?(?:www\.)?"
# How a forge's address begins and ends around a repository's name; a list and a corpus may write it either way.
_HOSTS = r"(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org)"
_FORGE = rf"^(?:git@[^/:]+[:/]|[a-z][a-z0-9+.-]*://(?:[^/@]*@)?[^/]+/|(?:www\.)?{_HOSTS}/)"
_TAIL = r"(?:\.git)?/*$"
_INSIDE = r"/(?:-/)?(?:tree|blob|raw|commit|commits|issues|pull|releases)/"
_MAX_PARTS = 100
_NONE = np.iinfo(np.int64).max


class RemovalParams(Params):
    """Documents that have to go although curation keeps them.

    Attributes:
        files: opt-out lists.
    """

    files: tuple[str, ...] = Field((), description="opt-out lists: text files with `repository: owner/name` and the like")


@dataclass(frozen=True)
class Entries:
    """The entries of all lists, in the order of the files and lines.

    Attributes:
        table: kind, value (as it is compared), list (the file's name), line (from 1), entry (as it is written).
        digest: of what decides; names what is made with these entries.
    """

    table: pa.Table
    digest: str

    def __len__(self) -> int:
        return self.table.num_rows

    @cached_property
    def by_kind(self) -> dict[str, tuple[pa.Array, np.ndarray]]:
        """Of each kind the distinct values, and of each the place of its first entry."""
        kinds, found = np.array(self.table["kind"].to_pylist(), object), {}
        for kind in KINDS:
            places = np.flatnonzero(kinds == kind)
            values = self.table["value"].combine_chunks().take(pa.array(places, pa.int64())).to_pylist()
            first: dict[str, int] = {}
            for place, value in zip(places.tolist(), values, strict=True):
                first.setdefault(value, place)
            told = pa.array(map(bytes.fromhex, first), pa.binary()) if kind == "sha256" else pa.array(first, pa.string())
            found[kind] = told, np.array(list(first.values()), np.int64)
        return found


def read_entries(params: RemovalParams) -> Entries:
    """
    Raises:
        UsageError: a list is missing, or a line of it is no entry.
    """
    rows = [row for path in params.files for row in _read(path)]
    fields = [("kind", pa.string()), ("value", pa.string()), ("list", pa.string()), ("line", pa.int64()), ("entry", pa.string())]
    columns = zip(*rows, strict=True) if rows else [[] for _ in fields]
    table = pa.table([pa.array(column, type) for column, (_, type) in zip(columns, fields, strict=True)], schema=pa.schema(fields))
    return Entries(table, hashlib.sha256(repr(rows).encode()).hexdigest())


def _read(path: str) -> Iterator[tuple[str, str, str, int, str]]:
    try:
        lines = storage.read_bytes(path).decode("utf-8-sig").splitlines()
    except OSError as error:
        raise UsageError(f"removals.files: {path}: {error.strerror}: give the path of an opt-out list") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"removals.files: {path}: no UTF-8 at byte {error.start:,}: an opt-out list is a text file") from None
    for number, line in enumerate(lines, 1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        kind, colon, text = entry.partition(":")
        value = _value(kind, text.strip().lower()) if colon and kind in KINDS else None
        if not value:
            raise UsageError(
                f"{path}, line {number}: {entry[:80]!r} is no entry: write `repository: owner/name`, `user: owner`, "
                "`url: https://example.org/below`, `sha256: 64 hexadecimal digits`, or a comment after #"
            )
        yield kind, value, os.path.basename(path), number, entry


def _value(kind: str, text: str) -> str | None:
    """An entry's value as it is compared; None: it can't be one."""
    if kind == "sha256":
        return text if re.fullmatch("[0-9a-f]{64}", text) else None
    if kind == "url":
        address = re.sub(_SCHEME, "", text).rstrip("/?#")
        return address if address and len(_parts(address)) <= _MAX_PARTS else None
    name = re.sub(_TAIL, "", re.sub(_FORGE, "", text))
    if kind == "user":
        return name if name and "/" not in name else None
    return name if name and not re.search(_INSIDE, name) else None  # the address of a file or a branch names no repository


def removals(decisions: pa.Table, entries: Entries) -> pa.Table:
    """schema.REMOVALS of the kept documents that an entry names, in their order; of several entries the first counts.

    Args:
        decisions: DECISION_COLUMNS.
    """
    kept = decisions.filter(pc.equal(decisions["verdict"], schema.KEPT)).combine_chunks()
    repository = pc.replace_substring_regex(pc.replace_substring_regex(pc.utf8_lower(kept["repository"]), _FORGE, ""), _TAIL, "")
    owner = pc.struct_field(pc.extract_regex(repository, r"^(?P<owner>[^/]+)/"), "owner")
    place = np.full(kept.num_rows, _NONE, np.int64)
    for kind, columns in (
        ("repository", [repository]),
        ("user", [owner]),
        ("url", _heads(kept["path"], entries)),
        ("sha256", [kept["sha256"].cast(pa.binary())]),
    ):
        values, first = entries.by_kind[kind]
        if len(values):
            for column in columns:
                own = pc.index_in(column, value_set=values).fill_null(-1).to_numpy()
                place = np.minimum(place, np.where(own >= 0, first[own], _NONE))
    rows = np.flatnonzero(place < _NONE)
    named = entries.table.take(pa.array(place[rows]))
    columns = [kept["id"].take(pa.array(rows)), named["list"], named["line"], named["entry"]]
    return pa.table(columns, schema=schema.REMOVALS)


def _parts(address: str) -> list[str]:
    return re.split("[/?#]", address)


def _heads(paths: pa.ChunkedArray, entries: Entries) -> Iterator[pa.ChunkedArray]:
    """Addresses cut to as many parts as an entry of theirs may have: one column for each number of parts that occurs."""
    values, _ = entries.by_kind["url"]
    addresses = pc.replace_substring_regex(pc.utf8_lower(paths), _SCHEME, "")
    for num_parts in sorted({len(_parts(value)) for value in values.to_pylist()}):
        head = rf"^(?P<head>(?:[^/?#]*[/?#]){{{num_parts - 1}}}[^/?#]*)"
        yield pc.struct_field(pc.extract_regex(addresses, head), "head")
