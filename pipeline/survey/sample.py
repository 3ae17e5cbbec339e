"""A few documents of a place, read as a run reads them, but the beginning of a few of its files alone."""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import BinaryIO, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import schema, storage
from pipeline.curation.root_licence import root_licences
from pipeline.readers import tree
from pipeline.readers.languages import with_languages
from pipeline.readers.record import Place as Container
from pipeline.readers.root_files import tree_root_files
from pipeline.readers.source import LICENCES, SourceReadParams, read_unit
from pipeline.survey.listing import File
from pipeline.units import Piece, Unit

T = TypeVar("T")

MAX_SAMPLED_FILES = 8
MAX_TREE_FILES = 300
_MAX_ROWS, _MAX_BYTES = 200, 4 << 20  # of one shard
_MAX_ARCHIVE_ROWS = 5000  # whose languages are only known from its members
# How a reader says that a bound on bytes ended it: no fault of the file's.
_CUT = "the rest is not read"


def sample_shards(path: str, files: tuple[tuple[str, File], ...], params: SourceReadParams, *, num_files: int) -> pa.Table:
    """The first documents of a few shards or archives, evenly spaced in their order; broken records among them.

    Returns:
        schema.RAW, each row with an id of its own, which is none of the run's.
    Raises:
        RunError: a file has no column that can be read as text.
    """
    batches = []
    for name, file in evenly(files, num_files):
        container = name or os.path.basename(path)
        is_archive = file.shape == "archive"
        # Parquet is read in batches, so that none has to end it.
        limits = {} if file.shape == "parquet" else {"max_unpacked_bytes": _MAX_BYTES}
        unit = Unit("sample", "sample", (Piece(container, file.shape, 0, 1 << 40),), 0, "")
        found = read_unit(unit, params.model_copy(update=limits), root_licences=root_licences)
        batches += _first(found, _MAX_ARCHIVE_ROWS if is_archive else _MAX_ROWS)
    return _numbered(batches)


def sample_tree(path: str, names: list[str], params: SourceReadParams) -> pa.Table:
    """Some of a tree's files, evenly spaced in the order of their paths; schema.RAW as above."""
    batches = []
    chosen = [name for name, _ in evenly([(name, None) for name in names], MAX_TREE_FILES)]
    for top, held in groupby(chosen, key=lambda name: name.split("/", 1)[0] if "/" in name else "."):
        inside = [(name if top == "." else name.split("/", 1)[1], name) for name in held]
        files = ((short, lambda name=name: storage.open_read(os.path.join(path, name))) for short, name in inside)
        licences = pa.scalar(root_licences(tree_root_files(_root_files(os.path.join(path, top)))), LICENCES)
        for records in map(with_languages, tree.read_tree(files, place=Container(top), params=params)):  # type: ignore[arg-type]
            columns = {name: records[name] for name in records.schema.names}
            columns |= {"id": pa.nulls(records.num_rows, pa.uint64()), "container": pa.repeat(top, records.num_rows)}
            columns["root_licences"] = pa.repeat(licences, records.num_rows)
            batches.append(pa.record_batch([columns[name] for name in schema.RAW.names], schema=schema.RAW))
    return _numbered(batches)


def _root_files(folder: str) -> Iterator[tuple[str, Callable[[], BinaryIO]]]:
    for name in storage.list_names(folder):
        if storage.is_file(path := os.path.join(folder, name)):
            yield name, partial(storage.open_read, path)


def evenly(items: Sequence[T], most: int) -> list[T]:
    """At most so many of them, in their order."""
    step = max(1.0, len(items) / most)
    return [items[int(index * step)] for index in range(min(most, len(items)))]


def _first(batches: Iterator[pa.RecordBatch], most: int) -> list[pa.RecordBatch]:
    taken: list[pa.RecordBatch] = []
    left = most
    for batch in batches:
        taken.append(batch.slice(0, left))
        left -= taken[-1].num_rows
        if left <= 0:
            break
    return taken


def _numbered(batches: list[pa.RecordBatch]) -> pa.Table:
    table = pa.Table.from_batches(batches, schema.RAW)
    cut = pc.fill_null(pc.ends_with(table["detail"], _CUT), False)
    table = table.filter(pc.invert(cut))
    return table.set_column(0, "id", pa.array(range(table.num_rows), pa.uint64()))
