"""What every reader yields: records in the order of their container, in batches of bounded size.

A record's row is its place in the container, counted whether or not the places before it hold a document; so a row never depends on
what was included. A record that can't be used is a row too: its text is null, `error` says how it is broken, `detail` says where.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from pipeline import schema

RECORDS = pa.schema([field for field in schema.RAW if field.name not in ("id", "container", "root_licences")])

MAX_BATCH_ROWS = 8192
MAX_BATCH_BYTES = 16 << 20

TRUNCATED = "truncated"  # the file ends too early; this row stands for the rest
CORRUPT = "corrupt"  # the format is violated; this row stands for what can't be read
UNSUPPORTED = "unsupported"  # encrypted, or packed by a method that we don't know
TOO_LARGE = "too_large"
NULL_TEXT = "null_text"  # missing or null
INVALID_UTF8 = "invalid_utf8"
BINARY = "binary"
BAD_JSON = "bad_json"
BAD_TYPE = "bad_type"  # JSON, but not an object, or its text is no string

_STRIPE_ROWS = 4096


@dataclass(frozen=True)
class Place:
    """Which part of which container is read.

    Attributes:
        container: its name, for messages and for the repository of an archive or a tree.
        row_groups: Parquet: [start, stop); None: all.
        stripe: lines: (i, n), only rows with (row // 4096) % n == i; None: all.
        max_rows: rows at and after max_rows - 1 are one broken row, so that ids can be set aside before the container is read.
    """

    container: str
    row_groups: tuple[int, int] | None = None
    stripe: tuple[int, int] | None = None
    max_rows: int = 1 << 62

    def owns(self, row: int) -> bool:
        return self.stripe is None or (row // _STRIPE_ROWS) % self.stripe[1] == self.stripe[0]

    def owns_any(self, start: int, stop: int) -> bool:
        """Whether any of the rows [start, stop) is ours."""
        return any(self.owns(block * _STRIPE_ROWS) for block in range(start // _STRIPE_ROWS, (stop - 1) // _STRIPE_ROWS + 1))


class Record(NamedTuple):
    """One row of RECORDS."""

    row: int
    text: str | None = None
    path: str | None = None
    repository: str | None = None
    licences: list[str] | None = None
    language: str | None = None
    stars: int | None = None
    error: str | None = None
    detail: str | None = None


class Broken(Exception):  # noqa: N818 - what it says becomes a row, and never reaches a user as an error
    """The rest of a container, or a member of it, can't be read."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(error, detail)
        self.error = error
        self.detail = detail


def batches(records: Iterable[Record], place: Place) -> Iterator[pa.RecordBatch]:
    """Record batches of RECORDS, of at most 8,192 rows and some 16 MB of text, or one larger document."""
    held: list[Record] = []
    held_bytes = 0
    for record in records:
        if record.row >= place.max_rows - 1:
            if place.owns(place.max_rows - 1):
                held.append(too_many_rows(place))
            break
        # At most 3 bytes of UTF-8 for a char: nearly true, and cheap.
        text_bytes = 0 if record.text is None else len(record.text) * (1 if record.text.isascii() else 3)
        if held and (held_bytes + text_bytes > MAX_BATCH_BYTES or len(held) == MAX_BATCH_ROWS):
            yield _batch(held)
            held, held_bytes = [], 0
        held.append(record)
        held_bytes += text_bytes
    if held:
        yield _batch(held)


def too_many_rows(place: Place) -> Record:
    return Record(place.max_rows - 1, error=TOO_LARGE, detail=f"over {place.max_rows - 1:,} rows in so small a file: the rest is not read")


def _batch(records: list[Record]) -> pa.RecordBatch:
    try:
        return _arrow(records)
    except UnicodeEncodeError:
        # JSON may escape half a surrogate pair, which no UTF-8 can hold; rare, so looked for only when Arrow refuses.
        return _arrow([_without_surrogates(record) for record in records])


def _arrow(records: list[Record]) -> pa.RecordBatch:
    columns = zip(*records, strict=True)
    return pa.record_batch([pa.array(column, field.type) for column, field in zip(columns, RECORDS, strict=True)], schema=RECORDS)


def _without_surrogates(record: Record) -> Record:
    record = record._replace(
        path=_replaced(record.path),
        repository=_replaced(record.repository),
        language=_replaced(record.language),
        licences=None if record.licences is None else [_replaced(licence) or "" for licence in record.licences],
    )
    try:
        (record.text or "").encode()
    except UnicodeEncodeError as error:
        return record._replace(text=None, error=INVALID_UTF8, detail=f"char {error.start:,} of the text is half a surrogate pair")
    return record


def _replaced(text: str | None) -> str | None:
    return None if text is None else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
