"""Parquet: only the columns that are needed, few rows at a time.

A row is its place in the whole file. A row group that can't be read to its end is one broken row at the place where reading stopped,
and the next row group is read; a file whose footer can't be read is one broken row.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.params import RunError
from pipeline.readers import record
from pipeline.readers.columns import Columns, can_hold, convert, plain
from pipeline.readers.params import FIELDS, PARQUET_COLUMNS, Field, ReadParams
from pipeline.readers.record import Broken, Place, Record, batches
from pipeline.readers.streams import read_exactly

# Arrow can't be told to stop at a number of bytes, and a tiny file may put one large value of a dictionary in every row: so it is
# asked for a few rows at a time (256 would be a fifth faster, for documents of 5 kB). The footer's column metadata would say more, but
# may not be touched: pyarrow ends the process when they are damaged.
_ROWS_AT_ONCE = 8
_BUFFER_BYTES = 1 << 20
_MAGIC = b"PAR1"

# What Arrow says of bytes that violate the format; of names in the footer that are no UTF-8 it says nothing, and Python does.
_UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError)


def read(stream: BinaryIO, *, place: Place, params: ReadParams) -> Iterator[pa.RecordBatch]:
    """Batches of record.RECORDS. The stream must seek.

    Raises:
        RunError: the file has no column for the text or for a field of `params.columns`, or one whose type can't hold the field.
    """
    source = _Source(stream)
    try:
        file = pq.ParquetFile(source, buffer_size=_BUFFER_BYTES)
        schema = file.schema_arrow
    except _UNREADABLE as error:
        source.reraise()
        yield from batches([_unreadable_file(stream, error)], place)
        return
    names = _resolve(schema, place, params)
    num_rows = [max(0, file.metadata.row_group(index).num_rows) for index in range(file.num_row_groups)]
    start, stop = place.row_groups or (0, file.num_row_groups)
    first_row = row = sum(num_rows[:start])
    text_bytes = 0
    for index in range(start, min(stop, file.num_row_groups)):
        end = row + num_rows[index]
        if end >= place.max_rows:
            # Said once, by the unit that gets there.
            if first_row < place.max_rows:
                yield from batches([record.too_many_rows(place)], place)
            return
        try:
            for columns in _row_group(file, index, num_rows=num_rows[index], names=names, source=source):
                text_bytes += columns["text"].nbytes
                if text_bytes > params.max_unpacked_bytes:
                    raise Broken(record.TOO_LARGE, f"over {params.max_unpacked_bytes:,} bytes of text: the rest is not read")
                yield from convert(columns, row, params)
                row += len(columns["text"])
                del columns
        except Broken as broken:
            yield from batches([Record(row, error=broken.error, detail=f"row group {index}: {broken.detail}")], place)
        row = end


class _Source:
    """The stream as Arrow reads it, with what the store raises kept apart from what Arrow says of the bytes."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._failure: OSError | None = None
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, num_bytes: int) -> bytes:
        try:
            return read_exactly(self._stream, num_bytes)
        except OSError as error:
            self._failure = error
            raise

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """Whoever opened the stream closes it."""

    def reraise(self) -> None:
        """A store that fails is no broken record."""
        if self._failure is not None:
            raise self._failure


def _unreadable_file(stream: BinaryIO, error: Exception) -> Record:
    stream.seek(0)
    head = stream.read(len(_MAGIC))
    num_bytes = stream.seek(0, 2)
    stream.seek(max(0, num_bytes - len(_MAGIC)))
    # The first four bytes alone are the last ones, too; a whole file has both and the footer's length between them.
    is_cut = _MAGIC.startswith(head) and (num_bytes < 2 * len(_MAGIC) + 4 or stream.read(len(_MAGIC)) != _MAGIC)
    return Record(0, error=record.TRUNCATED if is_cut else record.CORRUPT, detail=_short(error))


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _resolve(schema: pa.Schema, place: Place, params: ReadParams) -> dict[Field, str]:
    """Field to the column that holds it; a dot leads into a struct."""
    found: dict[Field, str] = {}
    for field in FIELDS:
        choices = params.names(field, PARQUET_COLUMNS)
        types = {name: column for name in choices if (column := _type_of(schema, name)) is not None}
        if not types and (field == "text" or field in params.columns) and choices:
            raise RunError(
                f"{place.container}: no column {' or '.join(choices)} for {field}; it has {', '.join(schema.names)}: "
                f"name the right one in `columns: {{{field}: ...}}`"
            )
        for name, column in list(types.items())[:1]:
            if not can_hold(field, column):
                remedy = f"name another in `columns: {{{field}: ...}}`"
                raise RunError(f"{place.container}: column {name} is {column}, which can't be {field}: {remedy}")
            found[field] = name
    return found


def _type_of(schema: pa.Schema, name: str) -> pa.DataType | None:
    if schema.get_field_index(name) >= 0:
        return schema.field(name).type
    top, *parts = name.split(".")
    if schema.get_field_index(top) < 0:
        return None
    column = schema.field(top).type
    for part in parts:
        if not pa.types.is_struct(column) or column.get_field_index(part) < 0:
            return None
        column = column.field(part).type
    return column


def _row_group(file: pq.ParquetFile, index: int, *, num_rows: int, names: Mapping[Field, str], source: _Source) -> Iterator[Columns]:
    """The row group's fields, in pieces of bounded size.

    Raises:
        Broken: after the rows before the fault.
    """
    held: list[pa.RecordBatch] = []
    left, held_bytes = num_rows, 0
    rows = file.iter_batches(batch_size=_ROWS_AT_ONCE, row_groups=[index], columns=sorted(set(names.values())), use_threads=False)
    try:
        while left:
            batch = next(rows, None)
            if batch is None or len(batch) > left:
                raise Broken(record.CORRUPT, f"its rows are not the {num_rows:,} that the footer promises")
            num_bytes = _most_bytes(batch)
            held.append(batch)
            held_bytes += num_bytes
            left -= len(batch)
            del batch
            # When as many bytes again would be too much, and before they are read.
            if held_bytes + num_bytes > record.MAX_BATCH_BYTES or len(held) * _ROWS_AT_ONCE >= record.MAX_BATCH_ROWS or not left:
                part, held, held_bytes = held, [], 0
                yield _joined(part, names)
                del part
    except _UNREADABLE as error:
        source.reraise()
        fault = Broken(record.CORRUPT, _short(error))
    except Broken as broken:
        fault = broken
    else:
        return
    with contextlib.suppress(*_UNREADABLE):  # then these rows are part of the same fault
        if held:
            yield _joined(held, names)
    raise fault


def _most_bytes(batch: pa.RecordBatch) -> int:
    """The size of a batch when its dictionaries are spelt out: at most."""
    has_dictionary = any(pa.types.is_dictionary(column.type) for column in batch.columns)
    return batch.nbytes * (len(batch) if has_dictionary else 1)


def _joined(held: list[pa.RecordBatch], names: Mapping[Field, str]) -> Columns:
    """The fields of the batches. Raises pa.ArrowInvalid: they are damaged."""
    # One alone may be large, and Arrow would copy it.
    batch = held[0] if len(held) == 1 else pa.concat_batches(held)
    return {field: plain(_column(batch, name)) for field, name in names.items()}


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    if name in batch.schema.names:
        return batch.column(name)
    top, *parts = name.split(".")
    return pc.struct_field(batch.column(top), parts)
