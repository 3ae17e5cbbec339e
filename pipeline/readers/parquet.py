"""Parquet: only the columns that are needed, few rows at a time, whatever string types they come in.

A row is its place in the whole file. A row group that can't be read to its end is one broken row where the reading stopped, and the
next row group is read; so is a file whose footer can't be read.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.params import RunError
from pipeline.readers.params import FIELDS, PARQUET_COLUMNS, Field, ReadParams
from pipeline.readers.record import CORRUPT, INVALID_UTF8, MAX_BATCH_BYTES, MAX_BATCH_ROWS, NULL_TEXT, RECORDS, TOO_LARGE, TRUNCATED
from pipeline.readers.record import Place, Record, batches, too_many_rows

# Arrow can't be told to stop at a number of bytes, and the footer's sizes may lie: so it is asked for a few rows at a time.
_ROWS_AT_ONCE = 32
_BUFFER_BYTES = 1 << 20
_MAGIC = b"PAR1"

# Field to column, of those that the file has; a dot leads into a struct.
_Columns = Mapping[Field, str]


def read(stream: BinaryIO, *, place: Place, params: ReadParams) -> Iterator[pa.RecordBatch]:
    """Batches of record.RECORDS.

    Raises:
        RunError: the file has no column for the text or for a field of `params.columns`, or one of a type that can't hold the field;
            or the store can't seek.
    """
    if not stream.seekable():
        raise RunError(f"{place.container}: Parquet is read from its end, and this store can't seek: copy the file to one that can")
    source = _Source(stream)
    try:
        file = pq.ParquetFile(source, buffer_size=_BUFFER_BYTES)
        schema = file.schema_arrow
    except (pa.ArrowException, OSError) as error:
        source.reraise()
        yield from batches([_unreadable_file(stream, error)], place)
        return
    columns = _resolve(schema, place, params)
    start, stop = place.row_groups or (0, file.num_row_groups)
    first_rows = [0]
    for index in range(file.num_row_groups):
        first_rows.append(first_rows[-1] + file.metadata.row_group(index).num_rows)
    for index in range(start, min(stop, file.num_row_groups)):
        parts = _row_group(file, index, columns=columns, source=source, num_rows=first_rows[index + 1] - first_rows[index], params=params)
        row = first_rows[index]
        for part in parts:
            if isinstance(part, str):
                yield from batches([Record(row, error=CORRUPT, detail=f"row group {index}: {part}")], place)
            elif row + len(part) >= place.max_rows:
                yield from batches([too_many_rows(place)], place)
                return
            else:
                yield from _convert(part, row, params)
                row += len(part)


class _Source:
    """The stream as Arrow reads it, with what the store raised kept apart from what Arrow says of the bytes."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._failure: OSError | None = None

    def read(self, num_bytes: int = -1) -> bytes:
        try:
            return self._stream.read(num_bytes)
        except OSError as error:
            self._failure = error
            raise

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

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
    is_parquet = stream.read(4) == _MAGIC
    num_bytes = stream.seek(0, 2)
    stream.seek(max(0, num_bytes - 4))
    is_cut = (is_parquet or num_bytes < 4) and stream.read(4) != _MAGIC
    return Record(0, error=TRUNCATED if is_cut else CORRUPT, detail=_short(error))


def _row_group(
    file: pq.ParquetFile, index: int, *, columns: _Columns, source: _Source, num_rows: int, params: ReadParams
) -> Iterator[pa.Table | str]:
    """The row group's fields in tables of bounded size, then what is wrong with the rest of it, if anything is."""
    held: list[pa.RecordBatch] = []
    held_rows = held_bytes = done_rows = 0
    fault = None
    rows = file.iter_batches(batch_size=_ROWS_AT_ONCE, row_groups=[index], columns=sorted(set(columns.values())), use_threads=False)
    while True:
        try:
            batch = next(rows, None)
            if batch is None:
                break
            part = _fields(batch, columns, params)
        except (pa.ArrowException, OSError) as error:
            source.reraise()
            fault = _short(error)
            break
        ...
'''
