"""Columns of any string, list or number type to the fields of records."""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.readers.params import Field, ReadParams
from pipeline.readers.record import INVALID_UTF8, MAX_BATCH_BYTES, NULL_TEXT, RECORDS, TOO_LARGE

Columns = Mapping[Field, pa.Array]

_LICENCES = pa.list_(pa.string())


def can_hold(field: Field, column: pa.DataType) -> bool:
    """Whether values of the type can become the field's."""
    if pa.types.is_dictionary(column):
        column = column.value_type
    if field == "stars":
        return pa.types.is_integer(column) or pa.types.is_floating(column) or pa.types.is_null(column)
    if field == "licences" and (pa.types.is_list(column) or pa.types.is_large_list(column)):
        return can_hold("text", column.value_type)
    types = pa.types
    is_text = (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
    is_bytes = (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
    return any(is_type(column) for is_type in is_text + is_bytes)


def plain(column: pa.Array) -> pa.Array:
    """The column without a dictionary. Raises pa.ArrowInvalid: a dictionary or list of a damaged file points outside of its values."""
    if pa.types.is_dictionary(column.type):
        column.validate(full=True)
        return column.dictionary_decode()
    if pa.types.is_nested(column.type):
        column.validate()
    return column


def convert(columns: Columns, first_row: int, params: ReadParams) -> Iterator[pa.RecordBatch]:
    """Batches of record.RECORDS; texts that are null, too large or no UTF-8 are broken rows.

    Args:
        columns: arrays of one length, of types that `can_hold` their fields; fields that are left out are null.
        first_row: the place of their first row.
    """
    # 64-bit offsets until the large texts are out.
    text = columns["text"].cast(pa.large_binary())
    lengths = pc.fill_null(pc.binary_length(text), 0).to_numpy(zero_copy_only=False)
    is_large = lengths > params.max_document_bytes
    is_null = text.is_null().to_numpy(zero_copy_only=False)
    if is_large.any():
        text = pc.if_else(pa.array(is_large), pa.scalar(None, text.type), text)
    for start, stop in _bounded(np.where(is_large, 0, lengths)):
        faults = {int(i): (NULL_TEXT, "the text is null") for i in np.flatnonzero(is_null[start:stop])}
        faults |= {int(i): (TOO_LARGE, f"the text has {lengths[start + i]:,} bytes") for i in np.flatnonzero(is_large[start:stop])}
        parts = {field: column.slice(start, stop - start) for field, column in columns.items()}
        yield _records(parts | {"text": text.slice(start, stop - start)}, first_row + start, faults=faults, params=params)


def _bounded(lengths: np.ndarray) -> Iterator[tuple[int, int]]:
    """Runs [start, stop) of at most MAX_BATCH_BYTES, or of one."""
    start = 0
    ends = np.cumsum(lengths)
    while start < len(lengths):
        limit = MAX_BATCH_BYTES + (ends[start - 1] if start else 0)
        stop = max(start + 1, int(np.searchsorted(ends, limit, side="right")))
        yield start, stop
        start = stop


def _records(columns: Columns, first_row: int, *, faults: dict[int, tuple[str, str]], params: ReadParams) -> pa.RecordBatch:
    text = columns["text"]
    num_rows = len(text)
    try:
        text = text.cast(pa.string())
    except pa.ArrowInvalid:
        text, invalid = _decoded(text)
        faults = faults | invalid
    errors, details = pa.nulls(num_rows, pa.string()), pa.nulls(num_rows, pa.string())
    if faults:
        errors, details = (pa.array([faults.get(i, (None, None))[part] for i in range(num_rows)], pa.string()) for part in (0, 1))
    fields = {
        "row": pa.array(np.arange(first_row, first_row + num_rows)),
        "text": text,
        "path": _strings(columns.get("path"), num_rows),
        "repository": _strings(columns.get("repository"), num_rows),
        "licences": _licences(columns.get("licences"), num_rows),
        "language": pa.repeat(params.language, num_rows) if params.language else _strings(columns.get("language"), num_rows),
        "stars": _stars(columns.get("stars"), num_rows),
        "error": errors,
        "detail": details,
    }
    return pa.record_batch([fields[name] for name in RECORDS.names], schema=RECORDS)


def _decoded(text: pa.Array) -> tuple[pa.Array, dict[int, tuple[str, str]]]:
    """The texts, one by one since some are no UTF-8; those are null and named."""
    values: list[str | None] = []
    faults = {}
    for index, value in enumerate(text.to_pylist()):
        try:
            values.append(None if value is None else value.decode())
        except UnicodeDecodeError as error:
            faults[index] = INVALID_UTF8, f"byte {error.start:,} of the text: {error.reason}"
            values.append(None)
    return pa.array(values, pa.string()), faults


def _strings(column: pa.Array | None, num_rows: int) -> pa.Array:
    if column is None:
        return pa.nulls(num_rows, pa.string())
    column = column.cast(pa.large_binary())
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([None if value is None else value.decode(errors="replace") for value in column.to_pylist()], pa.string())


def _licences(column: pa.Array | None, num_rows: int) -> pa.Array:
    """Lists without nulls; a single string is a list of one."""
    if column is None:
        return pa.nulls(num_rows, _LICENCES)
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        values = _strings(column, num_rows)
        offsets = pa.array(np.arange(num_rows + 1, dtype=np.int32))
        return pa.ListArray.from_arrays(offsets, values, mask=values.is_null())
    starts = column.offsets.to_numpy()
    values = _strings(plain(column.values.slice(starts[0], starts[-1] - starts[0])), int(starts[-1] - starts[0]))
    num_named = np.concatenate([[0], np.cumsum(values.is_valid().to_numpy(zero_copy_only=False))])
    offsets = pa.array(num_named[starts - starts[0]].astype(np.int32))
    return pa.ListArray.from_arrays(offsets, values.drop_null(), mask=column.is_null())


def _stars(column: pa.Array | None, num_rows: int) -> pa.Array:
    """Whole numbers; what 53 bits can't hold is no number of stars, and null."""
    if column is None:
        return pa.nulls(num_rows, pa.int64())
    numbers = column.cast(pa.float64(), safe=False)
    return pc.if_else(pc.less(pc.abs(numbers), 2.0**53), numbers, pa.scalar(None, pa.float64())).cast(pa.int64(), safe=False)
