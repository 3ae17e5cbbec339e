"""The strings of a benchmark's items, from its JSON files: one of each field that is worth finding in a corpus."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import Field

from pipeline import storage
from pipeline.curation.grams import Kind
from pipeline.params import Params, UsageError
from pipeline.readers.record import Broken
from pipeline.readers.streams import unpacked

_MAX_BYTES = 4 << 30


class BenchmarkParams(Params):
    """What of a benchmark's items is looked for.

    A field is a key; with dots, a key of an inner object; `question+choices` is one string of both; `solutions[]` a list (or one
    as JSON in a string) whose entries are strings of their own, where lists else are joined by line ends.

    Attributes:
        name: the benchmark's, put before the items' own: NAME/ID.
        kind: what tokens are made of: code's have underscores in them.
        fields: strings that are compared even if they are short.
        long_fields: strings that are left out with fewer tokens than an n-gram: a solution such as `return len(string)` stands
            in many files that never saw the benchmark.
        id: the field that names an item, the first that it has; without one its line does (from 0).
    """

    name: str = Field(min_length=1)
    kind: Kind
    fields: tuple[str, ...] = Field(min_length=1)
    long_fields: tuple[str, ...] = ()
    id: tuple[str, ...] = ()


# The fields of the files as their authors, or the Hugging Face hub, give them out.
PRESETS = {
    "humaneval": BenchmarkParams(
        name="HumanEval", kind="code", fields=("prompt",), long_fields=("canonical_solution", "test"), id=("task_id",)
    ),
    "mbpp": BenchmarkParams(name="MBPP", kind="code", fields=("text", "prompt"), long_fields=("code", "test_list"), id=("task_id",)),
    "gsm8k": BenchmarkParams(name="GSM8K", kind="prose", fields=("question",), long_fields=("answer",)),
    "mmlu": BenchmarkParams(name="MMLU", kind="prose", fields=("question+choices",), long_fields=("question",)),
    "apps": BenchmarkParams(name="APPS", kind="code", fields=("question",), long_fields=("solutions[]",), id=("problem_id", "id")),
    "ds1000": BenchmarkParams(
        name="DS-1000", kind="code", fields=("prompt",), long_fields=("reference_code",), id=("metadata.problem_id",)
    ),
}


def benchmark_params(preset: str | None, **given: Any) -> BenchmarkParams:
    """A preset, with what is given (not None, not empty) in place of its own; without a preset, what is given alone.

    Raises:
        UsageError: no such preset; name, kind or fields are missing, or can't be such.
    """
    if preset is not None and preset not in PRESETS:
        raise UsageError(f"no preset is named {preset!r}: known are {', '.join(PRESETS)}; or give a name, a kind and fields of your own")
    values = PRESETS[preset].model_dump() if preset else {}
    values |= {name: value for name, value in given.items() if value}
    if missing := [name for name in ("name", "kind", "fields") if name not in values]:
        raise UsageError(f"{' and '.join(missing)} missing: give a preset ({', '.join(PRESETS)}), or name, kind and fields of your own")
    if values["kind"] not in get_args(Kind):
        raise UsageError(f"kind {values['kind']!r}: it is {' or '.join(get_args(Kind))}")
    return BenchmarkParams(**values)


@dataclass(frozen=True)
class BenchmarkString:
    """One string of an item; `is_long`: only to be found if it is as long as an n-gram."""

    item: str
    field: str
    text: str
    is_long: bool


def read_strings(paths: Sequence[str], params: BenchmarkParams) -> list[BenchmarkString]:
    """The strings of every item of the files, in their order.

    Args:
        paths: JSON lines, or one JSON array; plain, or packed by gzip, zstd, bzip2 or xz.
    Raises:
        UsageError: a file that is no such thing, or an item; no item has any of `fields`.
    """
    strings: list[BenchmarkString] = []
    seen: set[str] = set()
    num_items = 0
    for path in paths:
        for item in _items(path):
            seen |= item.keys()
            strings += _strings(item, params, row=num_items)
            num_items += 1
    if not any(string.field in params.fields for string in strings):
        have = f"they have {', '.join(sorted(seen))}" if num_items else "there are none"
        raise UsageError(f"{', '.join(paths)}: none of {num_items:,} items has {' or '.join(params.fields)}: {have}; name the fields")
    return strings


def _strings(item: dict[str, Any], params: BenchmarkParams, *, row: int) -> Iterator[BenchmarkString]:
    ids = [_inside(item, field) for field in params.id]
    own = next((str(value) for value in ids if value is not None), str(row))
    name = own if own.startswith(f"{params.name}/") else f"{params.name}/{own}"
    for field in (*params.fields, *params.long_fields):
        for text in _texts(item, field):
            yield BenchmarkString(name, field, text, field not in params.fields)


def _texts(item: dict[str, Any], field: str) -> list[str]:
    if field.endswith("[]"):
        values = _inside(item, field.removesuffix("[]"))
        if isinstance(values, str):
            try:
                values = json.loads(values)
            except ValueError:
                values = [values]
        return [_text(value) for value in (values if isinstance(values, list) else [values]) if value is not None]
    parts = [_text(value) for name in field.split("+") if (value := _inside(item, name)) is not None]
    return ["\n".join(parts)] if parts else []


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(_text(each) for each in value)
    return value if isinstance(value, str) else json.dumps(value)


def _inside(item: dict[str, Any], field: str) -> Any:
    value: Any = item
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _items(path: str) -> Iterator[dict[str, Any]]:
    try:
        with storage.open_read(path) as stream:
            data = b"".join(unpacked(stream, max_bytes=_MAX_BYTES)).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, Broken) as error:
        raise UsageError(f"{path}: {error}: give JSON lines, plain or packed by gzip, zstd, bzip2 or xz") from error
    whole = data.lstrip().startswith("[")
    lines = [data] if whole else data.split("\n")
    parsed = [(number, _parsed(line, path, number)) for number, line in enumerate(lines, 1) if line.strip()]
    for number, value in enumerate(parsed[0][1], 1) if whole else parsed:
        if not isinstance(value, dict):
            raise UsageError(f"{path}: entry {number:,} is no JSON object: an item has named fields")
        yield value


def _parsed(text: str, path: str, line: int) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}, line {line:,}: {error}: give JSON lines, or one JSON array") from error
