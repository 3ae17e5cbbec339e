"""Containers, units and ids: what a corpus is cut into, the same on any machine.

A *container* is an input file, an archive, or one top-level directory of a tree, named by its path relative to the source's
root. A *unit* is a piece of work of some 128 MB: many small containers, one container, or a part of a large one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.hashing import fingerprint, hash64, mix64
from pipeline.params import RunError, UsageError

ROW_BITS = 20
# A compressed stream over this is cut into stripes; each stripe decompresses from the start and skips the others' rows, so the
# cut costs (stripes - 1) extra passes of the decompressor and is not worth it for less.
STRIPE_BYTES = 1 << 30
# On average one container in so many ends a unit, wherever its neighbours are: an inserted file changes the units up to the next one.
UNIT_ENDS = 64


@dataclass(frozen=True)
class Container:
    """One input, as the plan sees it.

    Attributes:
        name: its path relative to the source's root.
        format: which reader opens it.
        num_bytes: on disk.
        text_bytes: estimated, decompressed: what units are balanced by.
        version: changes when the input is written again (size and mtime).
        row_group_bytes: of a Parquet file that is to be cut; else empty.
    """

    name: str
    format: str
    num_bytes: int
    text_bytes: int
    version: str
    row_group_bytes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Raises UsageError: the name is no text, which a file system may allow and no dataset can hold."""
        try:
            self.name.encode()
        except UnicodeEncodeError:
            raise UsageError(f"the name of the input {self.name!a} is no UTF-8: rename it") from None

    @property
    def max_rows(self) -> int:
        """Rows that ids are set aside for: far over one a byte is no corpus but an attack on the id space."""
        return (1 + (self.num_bytes >> ROW_BITS)) << ROW_BITS


@dataclass(frozen=True)
class Piece:
    """A container, or the part of it that one unit reads: Parquet row groups [start, stop), or stripe (i, n) of its rows."""

    container: str
    format: str
    salt: int
    max_rows: int
    row_groups: tuple[int, int] | None = None
    stripe: tuple[int, int] | None = None


@dataclass(frozen=True)
class Unit:
    """One piece of work; `inputs` names the versions of what it reads."""

    name: str
    source: str
    pieces: tuple[Piece, ...]
    text_bytes: int
    inputs: str


def document_ids(rows: np.ndarray, *, source: str, container: str, salt: int, max_rows: int) -> np.ndarray:
    """44 bits of hash(source, container, row >> 20), then 20 bits of row.

    Args:
        rows: int64 [n], places in the container.
    Returns:
        uint64 [n].
    Raises:
        RunError: a row is beyond those that ids were set aside for.
    """
    rows = np.asarray(rows, np.uint64)
    if len(rows) and int(rows.max()) >= max_rows:
        raise RunError(f"source {source}: {container} holds over {max_rows:,} documents, more than one a byte: split it, or leave it out")
    prefixes = _prefixes(source, container, salt, rows >> np.uint64(ROW_BITS))
    return (prefixes << np.uint64(ROW_BITS)) | (rows & np.uint64((1 << ROW_BITS) - 1))


def assign_salts(containers: Sequence[tuple[str, Container]]) -> dict[tuple[str, str], int]:
    """A salt for each container whose ids would meet an earlier container's; those with salt 0 are left out.

    Args:
        containers: (source, container), in an order that an addition does not change.
    """
    keys = [_all_prefixes(source, container, 0) for source, container in containers]
    every = np.concatenate([np.empty(0, np.uint64), *keys])
    if len(np.unique(every)) == len(every):
        return {}
    salts: dict[tuple[str, str], int] = {}
    taken: set[int] = set()
    for source, container in containers:
        salt, mine = 0, _all_prefixes(source, container, 0).tolist()
        while len(set(mine)) < len(mine) or not taken.isdisjoint(mine):  # two of its own may meet, too
            salt += 1
            mine = _all_prefixes(source, container, salt).tolist()
        taken.update(mine)
        if salt:
            salts[source, container.name] = salt
    return salts


def form_units(source: str, containers: Iterable[Container], *, unit_bytes: int, salts: dict[tuple[str, str], int]) -> list[Unit]:
    """Units of some `unit_bytes` of text, in the containers' order; see DESIGN: few change when a file is added."""
    units: list[Unit] = []
    pieces: list[Piece] = []
    versions: list[str] = []
    size = 0

    def close() -> None:
        nonlocal size
        if pieces:
            held = [(p.container, p.row_groups, p.stripe) for p in pieces]
            units.append(Unit(f"{source}-{fingerprint(source, held)}", source, tuple(pieces), size, fingerprint(versions)))
        pieces.clear()
        versions.clear()
        size = 0

    for container in containers:
        parts = list(_cut(container, unit_bytes, salts.get((source, container.name), 0)))
        for piece, text_bytes in parts:
            if len(parts) > 1 or size + text_bytes > unit_bytes:
                close()
            pieces.append(piece)
            versions.append(container.version)
            size += text_bytes
        if len(parts) > 1 or hash64(source, container.name) % UNIT_ENDS == 0:
            close()
    close()
    return units


def _cut(container: Container, unit_bytes: int, salt: int) -> Iterator[tuple[Piece, int]]:
    """(piece, its bytes of text)"""
    whole = Piece(container.name, container.format, salt, container.max_rows)
    if container.row_group_bytes:
        start, size = 0, 0
        for index, text_bytes in enumerate(container.row_group_bytes):
            if size and size + text_bytes > unit_bytes:
                yield Piece(whole.container, whole.format, salt, whole.max_rows, row_groups=(start, index)), size
                start, size = index, 0
            size += text_bytes
        yield Piece(whole.container, whole.format, salt, whole.max_rows, row_groups=(start, len(container.row_group_bytes))), size
    elif container.format == "jsonl" and container.num_bytes > STRIPE_BYTES:
        stripes = -(-container.num_bytes // STRIPE_BYTES)
        for index in range(stripes):
            yield Piece(whole.container, whole.format, salt, whole.max_rows, stripe=(index, stripes)), container.text_bytes // stripes
    else:
        yield whole, container.text_bytes


def _all_prefixes(source: str, container: Container, salt: int) -> np.ndarray:
    return _prefixes(source, container.name, salt, np.arange(container.max_rows >> ROW_BITS, dtype=np.uint64))


def _prefixes(source: str, container: str, salt: int, blocks: np.ndarray) -> np.ndarray:
    return mix64(np.uint64(hash64(source, container, salt)) + blocks) >> np.uint64(ROW_BITS)
