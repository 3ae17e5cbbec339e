"""SPDX licence expressions: read, written in one form, and held against a list of what is allowed.

`spdx.csv` holds the ids and names of the SPDX License List 3.27 and later additions, and how the Blue Oak Council rates each
permissive licence (its list, version 15). Both lists are in the public domain (CC0-1.0).
"""

import csv
import re
from collections.abc import Set
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal, NamedTuple, TypeAlias

# Kleene's three values, in the order that makes AND the least and OR the greatest of its operands.
REFUSED, UNKNOWN, ALLOWED = 0, 1, 2

# Licences without an id of their own that a file may name all the same: BSD with an untold number of clauses, and none needed.
SOME_BSD, PUBLIC_DOMAIN = "LicenseRef-BSD", "LicenseRef-Public-Domain"

# A longer one is no expression; so the work is bounded whatever a file claims.
_MAX_CHARS = 1000
_WORDS = re.compile(r"[()]|/|[A-Za-z0-9][A-Za-z0-9.+:_-]*")
_GNU = re.compile(r"((?:A|L)?GPL|GFDL)-(\d\.\d)(\+|-only|-or-later)?", re.IGNORECASE)
_REFERENCE = re.compile(r"(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")
_OPERATORS = {"and": "AND", "or": "OR", "/": "OR"}  # the slash is what Cargo.toml had for OR


class Licence(NamedTuple):
    """One licence, with its exception."""

    id: str
    exception: str | None = None

    def __str__(self) -> str:
        return f"{self.id} WITH {self.exception}" if self.exception else self.id


@dataclass(frozen=True)
class Joined:
    """Two or more operands, none of which has the same operator."""

    operator: Literal["AND", "OR"]
    operands: tuple["Licence | Joined", ...]

    def __str__(self) -> str:
        return f" {self.operator} ".join(f"({o})" if isinstance(o, Joined) else str(o) for o in self.operands)


Expression: TypeAlias = Licence | Joined


class SpdxList(NamedTuple):
    """The list by lower-case id: ids of licences and exceptions; ids by the licences' names in lower case; what is permissive."""

    licences: dict[str, str]
    exceptions: dict[str, str]
    names: dict[str, str]
    permissive: frozenset[str]


@cache
def spdx_list() -> SpdxList:
    rows = list(csv.DictReader(files(__package__).joinpath("spdx.csv").read_text(encoding="utf-8").splitlines()))
    licences = {row["id"].lower(): row["id"] for row in rows if row["kind"] != "exception"}
    exceptions = {row["id"].lower(): row["id"] for row in rows if row["kind"] == "exception"}
    names = {row["name"].lower(): row["id"] for row in rows if row["kind"] == "licence"}
    permissive = frozenset(row["id"] for row in rows if row["blue_oak"]) | {SOME_BSD, PUBLIC_DOMAIN}
    return SpdxList(licences, exceptions, names, permissive)


@lru_cache(1 << 16)
def parse(text: str, *, prefix: bool = False) -> Expression | None:
    """The expression that the text is; ids of the list in its spelling, other ids as they are.

    Operators in any case; `MIT/Apache-2.0` is an OR. `GPL-2.0` is `GPL-2.0-only`, `GPL-2.0+` is `GPL-2.0-or-later`.

    Args:
        prefix: what follows a whole expression is left out ("MIT */").
    Returns:
        None: it is no expression.

    >>> str(parse("(mit or gpl-2.0+) AND ISC"))
    '(MIT OR GPL-2.0-or-later) AND ISC'
    """
    if len(text) > _MAX_CHARS:
        return None
    words = _words(text, prefix=prefix)
    return None if words is None else _parse_words(words, prefix=prefix)


def _words(text: str, *, prefix: bool) -> list[str] | None:
    """Words, up to the first character that none has if the rest may be left out; otherwise None."""
    words, end = [], 0
    for match in _WORDS.finditer(text):
        if text[end : match.start()].strip():
            break
        words.append(match.group())
        end = match.end()
    return words if prefix or not text[end:].strip() else None


def _parse_words(words: list[str], *, prefix: bool) -> Expression | None:
    """Shunting-yard, with a stack of our own: nesting is as deep as the text says."""
    operands: list[Expression] = []
    operators: list[str] = []
    wants_operand, place = True, 0
    while place < len(words):
        word = words[place]
        place += 1
        if wants_operand:
            if word == "(":
                operators.append(word)
                continue
            if not _is_id(word):
                return None
            exception = None
            if place + 1 < len(words) and words[place].lower() == "with" and _is_id(words[place + 1]):
                exception = spdx_list().exceptions.get(words[place + 1].lower(), words[place + 1])
                place += 2
            operands.append(Licence(canonical_id(word), exception))
            wants_operand = False
        elif word == ")" and "(" in operators:
            _reduce(operands, operators, binds=("AND", "OR"))
            operators.pop()
        elif operator := _OPERATORS.get(word.lower()):
            _reduce(operands, operators, binds=("AND",) if operator == "AND" else ("AND", "OR"))
            operators.append(operator)
            wants_operand = True
        elif prefix:
            break
        else:
            return None
    if wants_operand or "(" in operators:
        return None
    _reduce(operands, operators, binds=("AND", "OR"))
    return operands[0]


def _is_id(word: str) -> bool:
    return word not in ("(", ")") and word.lower() not in (*_OPERATORS, "with")


def _reduce(operands: list[Expression], operators: list[str], *, binds: tuple[str, ...]) -> None:
    while operators and operators[-1] in binds:
        right, left = operands.pop(), operands.pop()
        operands.append(join([left, right], "AND" if operators.pop() == "AND" else "OR"))


def join(expressions: list[Expression], operator: Literal["AND", "OR"]) -> Expression:
    """One expression of one or more, each operand once."""
    parts = [o for e in expressions for o in (e.operands if isinstance(e, Joined) and e.operator == operator else (e,))]
    unique = tuple(dict.fromkeys(parts))
    return unique[0] if len(unique) == 1 else Joined(operator, unique)


def operands(expression: Expression) -> tuple[Expression, ...]:
    """What all holds: the operands of an AND, or the whole."""
    return expression.operands if isinstance(expression, Joined) and expression.operator == "AND" else (expression,)


def canonical_id(word: str) -> str:
    """The list's spelling of an id; another word as it is."""
    known = spdx_list().licences
    if gnu := _GNU.fullmatch(word):
        family, version, suffix = gnu.groups()
        suffix = "-or-later" if suffix in ("+", "-or-later", "-OR-LATER") else "-only"
        if current := known.get(f"{family}-{version}{suffix}".lower()):
            return current
    if word.endswith("+") and word[:-1].lower() in known:
        return known[word[:-1].lower()] + "+"
    return known.get(word.lower(), word)


def is_known(identifier: str) -> bool:
    """Whether a canonical id means something: one of the list, one with a `+`, or a reference of somebody's own."""
    return identifier.removesuffix("+").lower() in spdx_list().licences or _REFERENCE.fullmatch(identifier) is not None


def status(expression: Expression, allowed: Set[str]) -> int:
    """REFUSED, UNKNOWN or ALLOWED; an exception only grants more, and `-or-later` or `+` leave the choice of the version named.

    Args:
        allowed: canonical ids, with an exception where only that combination is allowed.
    """
    if isinstance(expression, Joined):
        return (min if expression.operator == "AND" else max)(status(operand, allowed) for operand in expression.operands)
    own = expression.id
    if {str(expression), own, own.removesuffix("+"), re.sub("-or-later$", "-only", own)} & allowed:
        return ALLOWED
    return REFUSED if is_known(own) else UNKNOWN
