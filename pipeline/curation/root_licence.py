"""The licence of a repository, from the files at its root: what its package declares, and the texts of licences."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.curation.licence_texts import named_licence, said_in
from pipeline.curation.spdx import UNKNOWN, Expression, Joined, join, operands, status

_CLASSIFIER = "License :: "
_MAX_CHARS = 1000  # some packages put the whole licence where its name belongs; that is read as a text


def root_licences(files: Mapping[str, bytes]) -> list[str] | None:
    """The licences of a repository, all of which hold.

    What a package declares (package.json, pyproject.toml, ...) is its licence if no text of a licence says another one:
    `MIT OR Apache-2.0` stands beside the two texts. Otherwise all that is said holds.

    Args:
        files: by their paths inside the repository.
    Returns:
        SPDX expressions; None: the files name no licence.
    """
    declared: list[Expression] = []
    texts: list[Expression] = []
    for path, blob in sorted(files.items()):
        text = blob.decode(errors="replace")
        read = _DECLARATIONS.get(path.rpartition("/")[2].lower())
        if read is not None:
            declared += filter(None, map(_declared, read(text)))
        elif said := said_in(text):
            texts.append(said)
    if declared and _bases(texts) <= _bases(declared):
        texts = []
    return [str(part) for part in operands(join(declared + texts, "AND"))] if declared or texts else None


def _declared(entry: str) -> Expression | None:
    """What a declaration says, if that is a licence."""
    said = named_licence(entry) if len(entry) <= _MAX_CHARS else said_in(entry)
    return said if said is not None and status(said, frozenset()) != UNKNOWN else None


def _bases(said: list[Expression]) -> set[str]:
    """The licences in expressions; the text of a GNU licence does not say whether later versions are allowed."""
    bases = set()
    for expression in said:
        parts = expression.operands if isinstance(expression, Joined) else (expression,)
        for part in parts:
            bases |= _bases([part]) if isinstance(part, Joined) else {re.sub("(-only|-or-later|[+])$", "", part.id)}
    return bases


def _strings(*values: Any) -> Iterator[str]:
    """Strings, also inside lists and tables as package.json had them ({"type": "MIT"})."""
    for value in values:
        if isinstance(value, str) and value.strip():
            yield value
        elif isinstance(value, list):
            yield from _strings(*(item for item in value if not isinstance(item, list)))
        elif isinstance(value, dict):
            yield from (entry for key in ("type", "text", "name") if isinstance(entry := value.get(key), str))


def _json(text: str) -> Iterator[str]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(value, dict):
        yield from _strings(value.get("license"), value.get("licenses"))


def _toml(text: str) -> Iterator[str]:
    try:
        value = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    for table in (value.get("package"), value.get("project"), _get(value.get("tool"), "poetry")):
        yield from _strings(_get(table, "license"))
        yield from _classifiers(_get(table, "classifiers"))


def _get(table: Any, key: str) -> Any:
    return table.get(key) if isinstance(table, dict) else None


def _classifiers(values: Any) -> Iterator[str]:
    for value in values if isinstance(values, list) else []:
        if isinstance(value, str) and value.startswith(_CLASSIFIER):
            yield value.rpartition(" :: ")[2]


def _core_metadata(text: str) -> Iterator[str]:
    """Python's: lines `Key: value` up to an empty one; an expression goes before the older fields."""
    fields: dict[str, list[str]] = {}
    for line in text.partition("\n\n")[0].splitlines():
        key, colon, value = line.partition(": ")
        if colon and key[0:1].isalpha():
            fields.setdefault(key.lower(), []).append(value)
    if "license-expression" in fields:
        yield from fields["license-expression"]
        return
    yield from (value for value in fields.get("license", []) if value not in ("", "UNKNOWN"))
    yield from _classifiers(fields.get("classifier"))


_DECLARATIONS = {
    "package.json": _json,
    "composer.json": _json,
    "cargo.toml": _toml,
    "pyproject.toml": _toml,
    "pkg-info": _core_metadata,
    "metadata": _core_metadata,
}
