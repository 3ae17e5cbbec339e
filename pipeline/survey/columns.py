"""Which columns or keys of a shard hold what, where the usual names do not say it."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.params import UsageError
from pipeline.readers.columns import can_hold
from pipeline.readers.params import FIELDS, JSON_KEYS, PARQUET_COLUMNS, Field
from pipeline.readers.record import Broken
from pipeline.readers.streams import unpacked

# Names of other data sets, the likelier first; the usual ones of `readers.params` come before them.
_ALIASES: Mapping[Field, tuple[str, ...]] = {
    "text": (
        *("raw_content", "code", "source_code", "body", "document", "article", "markdown", "whole_func_string", "func_code_string"),
        *("file_content", "contents", "value", "response", "output", "completion", "story", "page_content", "data.text"),
    ),
    "path": ("path", "file_path", "filepath", "filename", "file_name", "metadata.path", "meta.path", "metadata.file_path"),
    "repository": ("repo_name", "repository_name", "repo", "repo_path", "metadata.repo_name", "meta.repo_name", "metadata.repo"),
    "licences": ("license", "licenses", "detected_licenses", "metadata.license", "meta.license", "max_issues_repo_licenses"),
    "language": ("programming_language", "lang", "metadata.language", "meta.language", "metadata.lang"),
    "stars": ("stars", "star_events_count", "stars_count", "stargazers_count", "metadata.stars"),
}
_ROWS, _BYTES = 50, 2 << 20
# What is shorter on average is a name, a code or a title.
_MIN_TEXT_CHARS = 40


@dataclass(frozen=True)
class Column:
    """A column or key (dots lead into structs), the fields whose type it has, and the mean length of its strings."""

    name: str
    fields: frozenset[Field]
    mean_chars: float


def choose_columns(columns: list[Column], usual: Mapping[Field, tuple[str, ...]]) -> dict[Field, str | None]:
    """What `columns:` of a source has to say so that every field is read that is there; empty: the usual names do.

    Raises:
        UsageError: nothing in it can be a document's text.
    """
    by_name = {column.name: column for column in columns}
    chosen: dict[Field, str | None] = {}
    for field in FIELDS:
        present = next((name for name in usual[field] if name in by_name), None)
        if present is not None and field in by_name[present].fields:
            continue
        other = next((name for name in _ALIASES[field] if name in by_name and field in by_name[name].fields), None)
        if field == "text":
            longest = max((column for column in columns if "text" in column.fields), key=lambda column: column.mean_chars, default=None)
            if other is None and longest is not None and longest.mean_chars >= _MIN_TEXT_CHARS:
                other = longest.name
            if other is None:
                raise UsageError(f"no column is a text; there are {', '.join(sorted(by_name)) or 'none'}")
        if other is not None or present is not None:
            chosen[field] = other
    return chosen


def parquet_columns(stream: BinaryIO) -> list[Column]:
    """Raises pa.ArrowException, OSError: it is no Parquet that can be read."""
    file = pq.ParquetFile(stream, buffer_size=1 << 20)
    rows = next(file.iter_batches(8, use_threads=False), pa.record_batch([], schema=pa.schema([])))
    lengths = _mean_lengths(rows.to_pylist())
    return [
        Column(name, frozenset(field for field in FIELDS if can_hold(field, kind)), lengths.get(name, 0.0))
        for name, kind in _flat_types(file.schema_arrow)
    ]


def jsonl_columns(stream: BinaryIO) -> list[Column]:
    """From the first objects of the file; empty: there are none."""
    start = b""
    try:
        for chunk in unpacked(stream, max_bytes=_BYTES):
            start += chunk
    except Broken:
        pass
    rows = []
    for line in start.split(b"\n")[:_ROWS]:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        rows += [value] if isinstance(value, dict) else []
    num_values: Counter[str] = Counter()
    fits: dict[str, Counter[Field]] = defaultdict(Counter)
    for name, value in (pair for row in rows for pair in _flat(row) if pair[1] is not None):
        num_values[name] += 1
        fits[name].update(_fields_of(value))
    lengths = _mean_lengths(rows)
    # Lines differ, and the reader passes over values of another type: what most are counts.
    return [
        Column(name, frozenset(field for field in fits[name] if fits[name][field] > count / 2), lengths.get(name, 0.0))
        for name, count in num_values.items()
    ]


def usual_names(shape: str) -> Mapping[Field, tuple[str, ...]]:
    return PARQUET_COLUMNS if shape == "parquet" else JSON_KEYS


def _fields_of(value: Any) -> set[Field]:
    if isinstance(value, str):
        return {"text", "path", "repository", "licences", "language"}
    if isinstance(value, list):
        return {"licences"} if all(isinstance(part, str) for part in value) else set()
    return {"stars"} if isinstance(value, (int, float)) and not isinstance(value, bool) else set()


def _flat(row: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in row.items():
        found += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return found


def _flat_types(fields: Any, prefix: str = "") -> list[tuple[str, pa.DataType]]:
    found: list[tuple[str, pa.DataType]] = []
    for field in fields:
        name = prefix + field.name
        found += _flat_types(field.type, f"{name}.") if pa.types.is_struct(field.type) else [(name, field.type)]
    return found


def _mean_lengths(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Of strings and bytes, per name, over all rows."""
    total: dict[str, int] = {}
    for row in rows:
        for name, value in _flat(row):
            if isinstance(value, (str, bytes)):
                total[name] = total.get(name, 0) + len(value)
    return {name: length / len(rows) for name, length in total.items()}
