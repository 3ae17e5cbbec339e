"""A source's containers, and its units' documents: what stands between paths and the readers of formats."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import schema, storage
from pipeline.hashing import fingerprint
from pipeline.params import UsageError
from pipeline.readers import archive, jsonl, parquet, tree
from pipeline.readers.formats import detect_format
from pipeline.readers.globs import path_filter
from pipeline.readers.languages import with_languages
from pipeline.readers.params import ReadParams
from pipeline.readers.record import Place
from pipeline.readers.root_files import RootFiles, archive_root_files, tree_root_files
from pipeline.storage import FileInfo
from pipeline.units import Container, Piece, Unit, document_ids

# Bytes of text that a byte on disk usually holds: zstd, gzip and xz make a fifth to a third of code and prose.
_EXPANSION = {"parquet": 3.0, "archive": 4.0, "tree": 1.0}
LICENCES = schema.RAW.field("root_licences").type
RootLicences = Callable[[RootFiles], list[str] | None]
_PACKED_SUFFIXES = (".gz", ".zst", ".bz2", ".xz")


class SourceReadParams(ReadParams):
    """A place, and how to read what is there."""

    path: str


def list_containers(source: str, params: SourceReadParams, *, unit_bytes: int) -> list[Container]:
    """Every input of a source, sorted by name.

    Raises:
        UsageError: there is none, or a file that no reader knows.
    """
    root = params.path
    if storage.is_file(root):
        files = [storage.stat(root)]
    elif storage.is_folder(root):
        files = storage.list_files(root)
    else:
        raise UsageError(f"sources.{source}.path: there is no {root}")
    if params.format == "tree":
        containers = [_tree(name, list(held)) for name, held in groupby(sorted(files, key=_top), key=_top)]
    else:
        is_wanted = path_filter(params.include, params.exclude)
        found = (_container(root, file, params, unit_bytes=unit_bytes, is_wanted=is_wanted(file.name)) for file in files if file.num_bytes)
        containers = [container for container in found if container is not None]
    if not containers:
        raise UsageError(f"sources.{source}.path: {root} holds no files")
    return sorted(containers, key=lambda container: container.name)


def read_unit(unit: Unit, params: SourceReadParams, *, root_licences: RootLicences | None = None) -> Iterator[pa.RecordBatch]:
    """A unit's documents as batches of schema.RAW, in the order of its pieces.

    Args:
        root_licences: says the licences of a repository by the files at its root; None: nobody asks, and nothing is read ahead.
    """
    for piece in unit.pieces:
        licences = root_licences(_root_files(piece, params)) if root_licences and piece.format in ("tree", "archive") else None
        for records in map(with_languages, _read_piece(piece, params)):
            rows = records["row"].to_numpy()
            ids = document_ids(rows, source=unit.source, container=piece.container, salt=piece.salt, max_rows=piece.max_rows)
            columns = {"id": pa.array(ids, pa.uint64()), "container": pa.repeat(piece.container, records.num_rows)}
            columns |= {name: records[name] for name in records.schema.names}
            columns["root_licences"] = pa.repeat(pa.scalar(licences, LICENCES), records.num_rows)
            yield pa.RecordBatch.from_arrays([columns[name] for name in schema.RAW.names], schema=schema.RAW)


def _read_piece(piece: Piece, params: SourceReadParams) -> Iterator[pa.RecordBatch]:
    place = Place(piece.container, row_groups=piece.row_groups, stripe=piece.stripe, max_rows=piece.max_rows)
    if piece.format == "tree":
        yield from tree.read_tree(_tree_files(piece, params), place=place, params=params)
        return
    read = {"parquet": parquet.read, "jsonl": jsonl.read, "archive": archive.read}[piece.format]
    with storage.open_read(_path(piece, params)) as stream:
        yield from read(stream, place=place, params=params)


def _root_files(piece: Piece, params: SourceReadParams) -> RootFiles:
    if piece.format == "tree":
        return tree_root_files(_tree_files(piece, params))
    with storage.open_read(_path(piece, params)) as stream:
        return archive_root_files(stream, params)


def _tree_files(piece: Piece, params: SourceReadParams) -> Iterator[tuple[str, Callable[[], BinaryIO]]]:
    folder = storage.join(params.path, piece.container) if piece.container != "." else params.path
    names = [file.name for file in storage.list_files(folder) if piece.container != "." or "/" not in file.name]
    return ((name, partial(storage.open_read, storage.join(folder, name))) for name in names)


def _path(piece: Piece, params: SourceReadParams) -> str:
    return params.path if storage.is_file(params.path) else storage.join(params.path, piece.container)


def _top(file: FileInfo) -> str:
    """The top-level directory; "." for files that stand in none."""
    return file.name.split("/", 1)[0] if "/" in file.name else "."


def _tree(name: str, files: list[FileInfo]) -> Container:
    size = sum(file.num_bytes for file in files)
    version = fingerprint([(file.name, file.num_bytes, file.version) for file in files])
    # A tree's rows are its files, however short they are.
    return Container(name, "tree", max(size, len(files) + 1), size, version)


def _container(root: str, file: FileInfo, params: SourceReadParams, *, unit_bytes: int, is_wanted: bool) -> Container | None:
    """None: the source's globs leave the file out (those of an archive are for its members)."""
    path = root if storage.is_file(root) else storage.join(root, file.name)
    kind = params.format
    if kind == "auto":
        with storage.open_read(path) as stream:
            head = stream.read(512)
        try:
            kind = detect_format(file.name, head)  # type: ignore[assignment]
        except UsageError:
            if is_wanted:
                raise
            return None
    if kind != "archive" and not is_wanted:
        return None
    expansion = _EXPANSION.get(kind) or (4.0 if file.name.endswith(_PACKED_SUFFIXES) else 1.0)
    version = f"{file.num_bytes}-{file.version}"
    text_bytes = int(file.num_bytes * expansion)
    row_groups = _row_group_bytes(path) if kind == "parquet" and text_bytes > unit_bytes else ()
    return Container(file.name, kind, file.num_bytes, text_bytes, version, row_groups)


def _row_group_bytes(path: str) -> tuple[int, ...]:
    """Of each row group, uncompressed; a file that can't be read is one piece, and the reader says what is wrong with it."""
    try:
        with storage.open_read(path) as stream:
            footer = pq.ParquetFile(stream).metadata
            return tuple(footer.row_group(index).total_byte_size for index in range(footer.num_row_groups))
    except (pa.ArrowException, OSError):
        return ()
