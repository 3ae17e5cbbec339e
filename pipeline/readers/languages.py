"""Which programming language a file is in, by GitHub Linguist's tables: its name, its first line, its extension, and signs in its text.

Linguist's own order: a file name (`Makefile`), then the interpreter that the first line names (`#!/usr/bin/env python3`), then the
longest known extension; each narrows down what those before it left open. Where several languages are left, patterns over the
first 50 kB decide (C, C++ or Objective-C in a `.h`); where none matches, it is the first in the table's order, which
`linguist/derive.py` explains. A text that begins as XML is XML if nothing else is known. Left out are editors' modelines, manual pages by
section and the classifier.

Languages have the names of The Stack: lower case, hyphens (`common-lisp`, `c++`, `protocol-buffer`).
"""

import json
import re
from collections import defaultdict
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_HEAD_CHARS = 50 << 10
_SPELLINGS = {"c-sharp": "c#", "csharp": "c#", "f-sharp": "f#", "cpp": "c++", "golang": "go", "viml": "vim-script"}

_INTERPRETER = re.compile(r"#!\s*(\S+)")
_AFTER_ENV = re.compile(r"(?:(?:-[i0uCSv]*|--\S+|[^\s=]+=\S+)\s+)*(\S+)")
_EXEC = re.compile(r"exec (\w+)[\s\"']+\$0[\s\"']+\$@")


def canonical_language(language: str) -> str:
    """Lower case, words joined by hyphens, no parentheses: "Graphviz (DOT)" is graphviz-dot, "cpp" is c++."""
    name = "-".join(language.lower().replace("(", " ").replace(")", " ").replace("_", " ").replace("-", " ").split())
    return _SPELLINGS.get(name, name)


def with_languages(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch (`record.RECORDS`) with a language wherever it had none (null), but a path, and the tables know it."""
    unknown = pc.and_(batch["language"].is_null(), batch["path"].is_valid())
    if not unknown.true_count:
        return batch
    of_unknown = batch.filter(unknown)
    languages = pc.replace_with_mask(batch["language"], unknown, languages_of(of_unknown["path"], of_unknown["text"]))
    return batch.set_column(batch.schema.get_field_index("language"), batch.schema.field("language"), languages)


def languages_of(paths: pa.StringArray, texts: pa.StringArray) -> pa.StringArray:
    """The language of each file, pa.string() [n]; null: none is known.

    Args:
        paths: with or without folders.
        texts: null: unreadable, so that the name alone decides.
    """
    is_script, is_xml = (pc.starts_with(texts, start).fill_null(False).to_pylist() for start in ("#!", "<?xml version="))
    found: list[str | None] = []
    unsure = defaultdict(list)  # by extension the files that its patterns may decide about
    for row, path in enumerate(paths.to_pylist()):
        name = path.rpartition("/")[2]
        candidates, extension = _candidates(name, _interpreter(texts[row].as_py()) if is_script[row] else "")
        is_generic = extension in _tables()["generic"]
        if len(candidates) > 1 or is_generic:
            unsure[extension].append(row)
        found.append(candidates[0] if candidates and not is_generic else "xml" if is_xml[row] else None)
    for extension, rows in unsure.items():
        for row, language in _by_text(texts.take(pa.array(rows)), _tables()["heuristics"].get(extension, []), rows):
            found[row] = language
    return pa.array(found, pa.string())


def language_of(path: str) -> str | None:
    """The language of a file by its name alone; None: unknown, or a matter of its text."""
    candidates, extension = _candidates(path.rpartition("/")[2], "")
    return None if not candidates or extension in _tables()["generic"] else candidates[0]


def known_languages() -> frozenset[str]:
    """Every language of the tables."""
    tables = _tables()
    named = (languages for table in ("extensions", "filenames", "interpreters") for languages in tables[table].values())
    return frozenset(language for languages in named for language in languages)


def data_languages() -> frozenset[str]:
    """Those that Linguist counts as data: JSON, YAML, SQL, ..."""
    return frozenset(_tables()["data"])


def vendored_patterns() -> list[str]:
    """RE2 patterns, one of which is found in the path of a file that others wrote."""
    return _tables()["vendored"]


def documentation_patterns() -> list[str]:
    """RE2 patterns, one of which is found in the path of documentation."""
    return _tables()["documentation"]


@cache
def _tables() -> dict[str, Any]:
    return json.loads(files("pipeline.readers.linguist").joinpath("linguist.json").read_text(encoding="utf-8"))


def _candidates(name: str, interpreter: str) -> tuple[list[str], str]:
    """Languages by name, interpreter and extension, and that extension, "" where it had no say."""
    tables = _tables()
    candidates = _narrowed(tables["filenames"].get(name, []), [])
    if len(candidates) != 1 and interpreter:
        candidates = _narrowed(candidates, tables["interpreters"].get(interpreter, []))
    if len(candidates) != 1:
        parts = name.lower().split(".")
        for start in range(1, len(parts)):
            extension = "." + ".".join(parts[start:])
            if extension in tables["extensions"]:
                return _narrowed(candidates, tables["extensions"][extension]), extension
    return candidates, ""


def _narrowed(candidates: list[str], found: list[str]) -> list[str]:
    """What both have, in the order of `found`; an empty list rules nothing out."""
    return [language for language in found if not candidates or language in candidates] or candidates


def _interpreter(text: str) -> str:
    """The program that a script's first line names, without folders and minor version: python3 of `#!/usr/bin/env -S python3.11 -u`."""
    line = text[: text.find("\n")] if "\n" in text else text
    match = _INTERPRETER.match(line)
    if match is None:
        return ""
    program = match[1].rpartition("/")[2]
    if program == "env":
        after = _AFTER_ENV.match(line[match.end() :].lstrip())
        program = after[1].rpartition("/")[2] if after else ""
    program = re.sub(r"\.\d+$", "", program)
    if program == "sh":
        # A script may call another interpreter on itself.
        for head in text.split("\n", 5)[:5]:
            if found := _EXEC.search(head):
                return found[1]
    return program


def _by_text(texts: pa.StringArray, rules: list[dict[str, Any]], rows: list[int]) -> list[tuple[int, str]]:
    """(row, language) of the texts, which stand at `rows`, that a rule holds for: the first rule that does."""
    heads = pc.utf8_slice_codeunits(texts, 0, _HEAD_CHARS)
    chosen = np.full(len(texts), -1)
    for index, rule in enumerate(rules):
        holds = texts.is_valid().to_numpy(zero_copy_only=False) & (chosen < 0)
        for patterns, wanted in ((rule.get("all", []), True), (rule.get("none", []), False)):
            for pattern in patterns:
                matches = pc.match_substring_regex(heads, pattern).fill_null(False).to_numpy(zero_copy_only=False)
                holds &= matches == wanted
        chosen[holds] = index
    return [(row, rules[index]["language"]) for row, index in zip(rows, chosen.tolist(), strict=True) if index >= 0]
