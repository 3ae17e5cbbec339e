"""A rule measures a number for every document; its thresholds say which side stays. A rule set is one step of a source's curation.

A user's own is a `Rule`, or a subclass of `RuleSet` if it has thresholds worth a name:

    def num_tabs(columns: Columns) -> np.ndarray:
        return pc.count_substring(columns["text"], "\\t").to_numpy(zero_copy_only=False)

    no_tabs = Rule("no_tabs_num_tabs", num_tabs, maximum=0)

`measure` gets a batch's columns, with those of `schema.RAW` (the text is normalised, and edited by the steps before), and returns one
number a document: NaN where the rule does not apply. It must be pure: no file, no clock, no luck but `pipeline.hashing.luck`.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ClassVar, Concatenate, Literal, ParamSpec, TypeVar

import numpy as np
import pyarrow as pa

from pipeline.params import Params, RunError, UsageError

P = ParamSpec("P")
T = TypeVar("T")


class Columns:
    """A batch's columns, and what was counted in them for the rules."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.batch = batch
        self.counted: dict[tuple[Any, ...], Any] = {}

    def __getitem__(self, name: str) -> pa.Array:
        return self.batch.column(name)


def once_per_batch(count: Callable[Concatenate[Columns, P], T]) -> Callable[Concatenate[Columns, P], T]:
    """Runs `count` once for the same columns and (hashable) arguments: rules that measure the same share its pass."""

    @wraps(count)
    def counted(columns: Columns, *args: P.args, **kwargs: P.kwargs) -> T:
        key = (count, args, tuple(kwargs.items()))
        if key not in columns.counted:
            columns.counted[key] = count(columns, *args, **kwargs)
        return columns.counted[key]

    return counted


@dataclass(frozen=True)
class Rule:
    """A document is dropped below the minimum or above the maximum; None: no such bound.

    Attributes:
        name: the column of the measured values, and the reason of what it drops.
        measure: numbers [n] from a batch's columns, NaN where the rule does not apply.
    """

    name: str
    measure: Callable[[Columns], np.ndarray]
    minimum: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise UsageError(f"{self.name}: the minimum {self.minimum} is over the maximum {self.maximum}: it would drop every document")

    def drops(self, values: np.ndarray) -> np.ndarray:
        """Which of the measured values lie outside the thresholds, bool [n]; NaN never does."""
        outside = np.zeros(len(values), bool)
        if self.minimum is not None:
            outside |= values < self.minimum
        if self.maximum is not None:
            outside |= values > self.maximum
        return outside


@dataclass(frozen=True)
class Findings:
    """What a step found at which places of which documents: cut lines, redacted addresses, hits. Never a secret itself.

    Attributes:
        rows: int64 [m], ascending: the document's place in the batch.
        kinds: pa.string() [m]: what was found, as a user counts it.
        starts, ends: int64 [m]: the span, in code points of the text as the step got it.
        values: float64 [m]: an overlap, a score; NaN: none.
    """

    rows: np.ndarray
    kinds: pa.StringArray
    starts: np.ndarray
    ends: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Edit:
    """What a step makes of a batch.

    Attributes:
        texts: pa.string() [n]: what the following steps and `documents/` get; the very array of the batch if nothing changed.
        findings: None: none.
        columns: other columns of `schema.RAW` that it replaces.
    """

    texts: pa.StringArray
    findings: Findings | None = None
    columns: Mapping[str, pa.Array] = field(default_factory=dict)


class RuleSet(Params):
    """Rules that were published together, or an edit, or both: one step of a curation.

    Every threshold is a field, by default as published; None: off. A field that is the bound of a rule has no part in what any rule
    measures, so that measured values tell what another bound would keep.

    Attributes:
        costly: such a step sees only the documents that still stand when its turn comes.
        meant_for: the kind of sources that it may judge; None: any.
        edit_ignores: the fields that have no part in what `edit` makes of a text.
    """

    costly: ClassVar[bool] = False
    meant_for: ClassVar[Literal["code", "text"] | None] = None
    edit_ignores: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def rules(self) -> list[Rule]:
        """In the order in which they give reasons. A rule without bounds only measures."""

    def files(self) -> list[str]:
        """The paths of the files (models, indexes) that the step works with; a run looks at them before it begins.

        Raises:
            UsageError: one is missing, or can't be used.
        """
        return []

    def edit(self, columns: Columns) -> Edit | None:
        """The batch after this step, whose rules have measured it as it came; None: as it came."""
        return None


@dataclass(frozen=True)
class Measured:
    """What rules found in a batch.

    Attributes:
        values: by rule, float64 [n] for every document, dropped or not; NaN: the rule does not apply.
        first: int64 [n]: the place of the first rule that drops the document; -1: none does.
    """

    values: dict[str, np.ndarray]
    first: np.ndarray


def measure(columns: Columns, rules: Sequence[Rule]) -> Measured:
    """Measures every rule on every document, then compares; a document without text (null) is neither measured nor dropped.

    Args:
        columns: text (normalised), path, language, and what else of `schema.RAW` a user's rule reads.
        rules: their order decides which of several reasons a document gets.
    Raises:
        RunError: a rule does not return one number for each document.
    """
    num_documents = columns.batch.num_rows
    has_text = columns["text"].is_valid().to_numpy(zero_copy_only=False)
    measured = {}
    first = np.full(num_documents, -1, np.int64)
    for index, rule in enumerate(rules):
        values = np.asarray(rule.measure(columns), np.float64)
        if values.shape != (num_documents,):
            raise RunError(f"{rule.name} measured an array of shape {values.shape} for {num_documents} documents: return one for each")
        measured[rule.name] = values = np.where(has_text, values, np.nan)
        first[rule.drops(values) & (first < 0)] = index
    return Measured(measured, first)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """float64 [n]; 0 of nothing, so that an empty document falls under every minimum."""
    return part / np.maximum(whole, 1)
