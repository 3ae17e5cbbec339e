"""JSON lines, plain or packed (gzip, zstd, bzip2, xz): one object a line, one document an object.

A row is a line's place in the file. Blank lines yield nothing, though they count as places. The standard library's parser decides
what is JSON, with two exceptions: NaN and Infinity, which Python's writer puts out, are null; and nothing is nested over 100 deep.
Of a key that is there twice, the last counts. Optional fields of the wrong type are null; only the text can break a record.
"""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from pipeline.readers.params import FIELDS, JSON_KEYS, ReadParams
from pipeline.readers.record import BAD_JSON, BAD_TYPE, INVALID_UTF8, NULL_TEXT, TOO_LARGE, TRUNCATED, Broken, Place, Record, batches
from pipeline.readers.streams import unpacked

# JSON that escapes everything but ASCII has at most three bytes for one of UTF-8 (control characters aside); some room for other fields.
_LINE_FACTOR, _LINE_ROOM = 3, 1 << 16
_MAX_DEPTH = 100
_BOM = b"\xef\xbb\xbf"

# Numbers as floats: integers of a million digits would take minutes to parse, and only the stars are read.
_DECODER = json.JSONDecoder(parse_int=float, parse_constant=lambda _: None)

# A line without its end, None where it is too long to be held, or how the rest of the stream is broken.
_Line = bytes | None | Broken


class _Keys:
    """Where a line's object may hold each field, the first choice first; the objects inside it are looked up once a line."""

    def __init__(self, params: ReadParams) -> None:
        paths = {field: [name.split(".") for name in params.names(field, JSON_KEYS)] for field in FIELDS}
        self._holders = sorted({tuple(path[:-1]) for field in FIELDS for path in paths[field]})
        self._choices = [[(self._holders.index(tuple(path[:-1])), path[-1]) for path in paths[field]] for field in FIELDS]

    def values(self, value: dict[str, Any]) -> list[Any]:
        """A value for each of FIELDS: of the first key that is there and not null, else None."""
        holders = [_inside(value, parts) for parts in self._holders]
        values = []
        for choices in self._choices:
            for holder, key in choices:
                found = holders[holder].get(key)
                if found is not None:
                    break
            else:
                found = None
            values.append(found)
        return values


def _inside(value: Any, parts: tuple[str, ...]) -> dict[str, Any]:
    for part in parts:
        value = value.get(part)
        if not isinstance(value, dict):
            return {}
    return value


def read(stream: BinaryIO, *, place: Place, params: ReadParams) -> Iterator[pa.RecordBatch]:
    """Batches of record.RECORDS; a stripe's other rows are counted, not parsed."""
    return batches(_records(stream, place, params), place)


def _records(stream: BinaryIO, place: Place, params: ReadParams) -> Iterator[Record]:
    keys = _Keys(params)
    max_line_bytes = params.max_document_bytes * _LINE_FACTOR + _LINE_ROOM
    chunks = unpacked(stream, max_bytes=params.max_unpacked_bytes)
    for row, line, is_ended in _lines(chunks, place, max_line_bytes):
        if line is None or isinstance(line, Broken):
            fault = line or Broken(TOO_LARGE, f"line {row + 1:,} is over {max_line_bytes:,} bytes")
            yield Record(row, error=fault.error, detail=fault.detail)
        elif line and not line.isspace():
            yield _record(row, line, is_ended=is_ended, keys=keys, params=params)


def _lines(chunks: Iterator[bytes], place: Place, max_line_bytes: int) -> Iterator[tuple[int, _Line, bool]]:
    """(row, line, whether a line end follows) of the place's rows."""
    row = 0
    tail: list[bytes] = []  # the line that the last chunk did not end; too long: only its length is kept up
    tail_bytes = 0
    try:
        for chunk in chunks:
            if row >= place.max_rows:
                # Rows that yield nothing count, too.
                if place.owns(place.max_rows - 1):
                    yield place.max_rows - 1, Broken(TOO_LARGE, "too many lines"), True
                return
            end = chunk.rfind(b"\n")
            start = 0
            if tail_bytes and end >= 0:
                start = chunk.index(b"\n") + 1
                if place.owns(row):
                    tail.append(chunk[: start - 1])
                    yield row, b"".join(tail) if tail_bytes + start - 1 <= max_line_bytes else None, True
                row, tail, tail_bytes = row + 1, [], 0
            if end >= start:
                num_lines = chunk.count(b"\n", start, end) + 1
                if place.owns_any(row, row + num_lines):
                    for index, line in enumerate(chunk[start:end].split(b"\n"), row):
                        if place.owns(index):
                            yield index, line if len(line) <= max_line_bytes else None, True
                row += num_lines
            tail_bytes += len(chunk) - end - 1
            if tail_bytes <= max_line_bytes:
                tail.append(chunk[end + 1 :])
            else:
                tail = []
    except Broken as broken:
        if place.owns(row):
            yield row, broken, False
        return
    if tail_bytes and place.owns(row):
        yield row, b"".join(tail) if tail_bytes <= max_line_bytes else None, False


def _record(row: int, line: bytes, *, is_ended: bool, keys: _Keys, params: ReadParams) -> Record:
    try:
        value = _parse(line.removeprefix(_BOM) if row == 0 else line)
    except Broken as broken:
        return Record(row, error=broken.error if is_ended else TRUNCATED, detail=f"line {row + 1:,}: {broken.detail}")
    if not isinstance(value, dict):
        return Record(row, error=BAD_TYPE, detail=f"line {row + 1:,} is no object")
    text, path, repository, licences, language, stars = keys.values(value)
    error, detail = _text_fault(text, params.max_document_bytes)
    return Record(
        row,
        text if error is None else None,
        _string(path),
        _string(repository),
        _licences(licences),
        params.language or _string(language),
        _stars(stars),
        error,
        None if detail is None else f"line {row + 1:,}: {detail}",
    )


def _text_fault(text: Any, max_bytes: int) -> tuple[str, str] | tuple[None, None]:
    if text is None:
        return NULL_TEXT, "the text is missing or null"
    if not isinstance(text, str):
        return BAD_TYPE, f"the text is a {type(text).__name__}, not a string"
    if len(text) * 4 > max_bytes and (len(text) > max_bytes or len(text.encode("utf-8", "surrogatepass")) > max_bytes):
        return TOO_LARGE, f"the text is over {max_bytes:,} bytes"
    return None, None


def _parse(line: bytes) -> Any:
    try:
        value = _DECODER.decode(line.decode())
    except UnicodeDecodeError as error:
        raise Broken(INVALID_UTF8, f"byte {error.start:,}: {error.reason}") from error
    except json.JSONDecodeError as error:
        raise Broken(BAD_JSON, f"char {error.pos:,}: {error.msg}") from error
    except RecursionError as error:
        raise Broken(BAD_JSON, f"nested over {_MAX_DEPTH} deep") from error
    # The interpreter's own limit depends on who calls: ours does not.
    if _is_deep(value):
        raise Broken(BAD_JSON, f"nested over {_MAX_DEPTH} deep")
    return value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [inner for v in level if isinstance(v, (dict, list)) for inner in (v.values() if isinstance(v, dict) else v)]
        if not level:
            return False
    return True


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _licences(value: Any) -> list[str] | None:
    if isinstance(value, str):
        return [value]
    return [licence for licence in value if isinstance(licence, str)] if isinstance(value, list) else None


def _stars(value: Any) -> int | None:
    return int(value) if isinstance(value, float) and abs(value) < 2**53 else None
