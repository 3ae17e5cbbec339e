"""The step that keeps documents under allowed licences, and says which licence each one has.

A document's licence is looked for in this order: the shard's metadata (column `licences`), an `SPDX-License-Identifier` in its
head, the text or notice of a licence in its head, the root of its repository. The metadata and the head are both asked, and
each can refuse the document: a repository's licence does not cover what it took from others. The root is asked where neither
says anything that is known.
"""

from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from pipeline.curation.licence_head import Heads, read_heads
from pipeline.curation.licence_texts import Key, licence_of, named_licence
from pipeline.curation.rule import Columns, Edit, Findings, Rule, RuleSet, once_per_batch
from pipeline.curation.spdx import (
    ALLOWED,
    REFUSED,
    SOME_BSD,
    UNKNOWN,
    Expression,
    Licence,
    is_known,
    join,
    operands,
    parse,
    spdx_list,
    status,
)

# What `licence_evidence` says: where the licence was found.
NONE, METADATA, HEADER, TEXT, ROOT = range(5)
PERMISSIVE = "permissive"


class LicenceParams(RuleSet):
    """Documents under a licence that is allowed; of several that hold at once all must be, of several to choose from one.

    Attributes:
        allow: SPDX ids, also with an exception (`GPL-2.0-only WITH Classpath-exception-2.0`); `permissive` stands for the licences
            that the Blue Oak Council lists, BSD whose clauses are not told (`LicenseRef-BSD`) and the public domain
            (`LicenseRef-Public-Domain`).
        unknown: what becomes of a document of which nothing says a licence that is known.
        head_bytes: where notices and texts are looked for in a document.
    """

    allow: tuple[str, ...] = Field((PERMISSIVE,), min_length=1)
    unknown: Literal["keep", "drop"] = "drop"
    head_bytes: int = Field(8192, ge=64)

    @field_validator("allow")
    @classmethod
    def _ids_are_known(cls, allow: tuple[str, ...]) -> tuple[str, ...]:
        for entry in allow:
            expression = parse(entry)
            if entry != PERMISSIVE and not (isinstance(expression, Licence) and is_known(expression.id)):
                raise ValueError(f"{entry!r} is no SPDX id: write one of the SPDX License List, LicenseRef-..., or {PERMISSIVE}")
        return allow

    def rules(self) -> list[Rule]:
        return [
            Rule("licence_is_allowed", self._is_allowed, minimum=1),
            Rule("licence_is_unknown", self._is_unknown, maximum=0 if self.unknown == "drop" else None),
            Rule("licence_evidence", self._evidence),
        ]

    def edit(self, columns: Columns) -> Edit:
        verdicts = _verdicts(columns, self)
        heads = read_heads_of(columns, self.head_bytes)
        licences = pa.array([verdict.licences for verdict in verdicts.kinds], pa.list_(pa.string()))
        return Edit(columns["text"], _findings(verdicts, heads), {"licences": licences.take(pa.array(verdicts.kind))})

    def _is_allowed(self, columns: Columns) -> np.ndarray:
        verdicts = _verdicts(columns, self)
        return np.array([{REFUSED: 0.0, UNKNOWN: np.nan, ALLOWED: 1.0}[kind.status] for kind in verdicts.kinds])[verdicts.kind]

    def _is_unknown(self, columns: Columns) -> np.ndarray:
        verdicts = _verdicts(columns, self)
        return np.array([kind.status == UNKNOWN for kind in verdicts.kinds], np.float64)[verdicts.kind]

    def _evidence(self, columns: Columns) -> np.ndarray:
        verdicts = _verdicts(columns, self)
        return np.array([kind.evidence for kind in verdicts.kinds], np.float64)[verdicts.kind]


class Verdict(NamedTuple):
    """What becomes of all documents for which the same was found.

    Attributes:
        evidence: what decided.
        licences: which hold, all of them; None: nothing says any.
        head: what the head says, and where (HEADER, TEXT; NONE: nothing).
    """

    status: int
    evidence: int
    licences: tuple[str, ...] | None
    head: str | None
    head_evidence: int


class Verdicts(NamedTuple):
    """The kinds of verdicts in a batch, at least one, and each document's, int64 [n]."""

    kinds: list[Verdict]
    kind: np.ndarray


@once_per_batch
def read_heads_of(columns: Columns, head_bytes: int) -> Heads:
    return read_heads(columns["text"], max_bytes=head_bytes)


@once_per_batch
def _verdicts(columns: Columns, params: LicenceParams) -> Verdicts:
    """Few combinations of evidence occur, so that each is judged once."""
    heads = read_heads_of(columns, params.head_bytes)
    metadata, tags, root = (
        column.dictionary_encode(null_encoding="encode")
        for column in (_joined(columns["licences"]), heads.tags, _joined(columns["root_licences"]))
    )
    codes = [metadata.indices.to_numpy(), tags.indices.to_numpy(), heads.key, root.indices.to_numpy()]
    sizes = [len(metadata.dictionary), len(tags.dictionary), len(heads.keys), len(root.dictionary)]
    combined = np.zeros(len(heads.key), np.int64)
    for code, size in zip(codes, sizes, strict=True):
        combined = combined * size + code
    _, example, kind = np.unique(combined, return_index=True, return_inverse=True)
    allowed = _allowed(params.allow)
    kinds = [
        _judge(metadata[row].as_py(), tags[row].as_py(), heads.keys[heads.key[row]], root[row].as_py(), allowed) for row in example.tolist()
    ]
    return Verdicts(kinds, kind)


def _joined(lists: pa.ListArray) -> pa.StringArray:
    """One string of a list, which no licence's line end can split otherwise; null: none, or an empty list."""
    joined = pc.binary_join(lists, "\n")
    return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), joined)


@lru_cache
def _allowed(allow: tuple[str, ...]) -> frozenset[str]:
    """Canonical ids and combinations with an exception."""
    listed = frozenset(str(parse(entry)) for entry in allow if entry != PERMISSIVE)
    return listed | spdx_list().permissive if PERMISSIVE in allow else listed


@lru_cache(1 << 14)
def _judge(metadata: str | None, tags: str | None, found: Key, root: str | None, allowed: frozenset[str]) -> Verdict:
    of_shard = join([named_licence(entry) for entry in metadata.split("\n")], "AND") if metadata else None
    of_head, where = _head(tags, found)
    head = str(of_head) if of_head else None
    asked = [(of_shard, METADATA), (of_head, where)]
    told = [(status(said, allowed), evidence) for said, evidence in asked if said is not None]
    told = [entry for entry in told if entry[0] != UNKNOWN]
    if told:
        # The least is a refusal, if there is one.
        decided = min(told, key=lambda entry: entry[0])
        return Verdict(*decided, _licences(of_shard, of_head), head, where)
    of_root = join([named_licence(entry) for entry in root.split("\n")], "AND") if root else None
    if of_root is not None and status(of_root, allowed) != UNKNOWN:
        return Verdict(status(of_root, allowed), ROOT, _licences(of_root, of_head), head, where)
    return Verdict(UNKNOWN, NONE, _licences(of_shard, of_head, of_root), head, where)


def _head(tags: str | None, found: Key) -> tuple[Expression | None, int]:
    """What a head says, and by what: a tag that means something goes before the words around it."""
    lines = [line.strip() for line in (tags or "").split("\n")]
    said = [parse(line.removeprefix(":").strip(), prefix=True) for line in lines if line.startswith(":")]
    named = [expression for expression in said if expression is not None]
    if named and status(join(named, "AND"), frozenset()) != UNKNOWN:
        return join(named, "AND"), HEADER
    in_text = licence_of(found)
    if in_text is not None:
        return in_text, TEXT
    return (join(named, "AND"), HEADER) if named else (None, NONE)


def _licences(*said: Expression | None) -> tuple[str, ...] | None:
    """The operands of the whole, since a list of licences means that all hold."""
    expressions = [expression for expression in said if expression is not None]
    if not expressions:
        return None
    told = tuple(map(str, operands(join(expressions, "AND"))))
    return tuple(name for name in told if name != SOME_BSD or not any(other.startswith("BSD-") for other in told))


def _findings(verdicts: Verdicts, heads: Heads) -> Findings:
    """What the heads say, and where they do."""
    where = np.array([kind.head_evidence for kind in verdicts.kinds], np.int64)[verdicts.kind]
    rows = np.flatnonzero(where)
    kinds = pa.array([kind.head for kind in verdicts.kinds], pa.string()).take(pa.array(verdicts.kind[rows]))
    starts, ends = np.where(where[rows] == HEADER, heads.tag_span[:, rows], heads.text_span[:, rows])
    return Findings(rows, kinds, starts, ends, np.full(len(rows), np.nan))
