"""A rule measures a number for every document; its thresholds say which side stays.

The config names rules per source, in the order in which they give reasons:

    rules:
      - starcoder2                            # a rule set, with its published thresholds
      - gopher_quality: {min_words: 20}       # another, with one of its own
      - mypackage.rules.no_tabs               # a user's own, by its import path

A user's own is a `Rule`, or a subclass of `RuleSet` if it has thresholds worth a name:

    def num_tabs(columns: Columns) -> np.ndarray:
        return pc.count_substring(columns["text"], "\\t").to_numpy(zero_copy_only=False)

    no_tabs = Rule("no_tabs_num_tabs", num_tabs, maximum=0)

`measure` gets a batch's columns, with those of `schema.RAW` (the text is normalised), and returns one number a document: NaN
where the rule does not apply. It must be pure: no file, no clock, no luck but `pipeline.hashing.luck`.
"""

import importlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import pyarrow as pa
from pydantic import Field, ValidationError, model_serializer, model_validator

from pipeline.params import Params, RunError, UsageError

P = ParamSpec("P")
T = TypeVar("T")

RULE_SETS = {
    "gopher_quality": "pipeline.curation.rules_prose.GopherQualityParams",
    "language": "pipeline.curation.language.LanguageParams",
    "starcoder2": "pipeline.curation.rules_code.StarCoder2Params",
}


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


class RuleSet(Params):
    """Rules that were published together; every threshold is a field, by default as published; None: off."""

    @abstractmethod
    def rules(self) -> list[Rule]:
        """In the order in which they give reasons."""

    def files(self) -> list[str]:
        """The paths of the files (models, word lists) that the rules measure with; a run looks at them before it begins.

        Raises:
            UsageError: one is missing, or can't be used.
        """
        return []


class RuleSpec(Params):
    """One entry of a source's `rules`: a name, or a name with thresholds of one's own."""

    name: str
    thresholds: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_config(cls, entry: Any) -> Any:
        if isinstance(entry, str):
            return {"name": entry}
        if isinstance(entry, dict) and entry.keys() <= {"name", "thresholds"}:
            return entry
        if isinstance(entry, dict) and len(entry) == 1:
            [(name, thresholds)] = entry.items()
            if thresholds is None or isinstance(thresholds, dict):
                return {"name": name, "thresholds": thresholds or {}}
        raise UsageError(f"rules: {entry!r} is no rule: write `NAME`, or `NAME: {{THRESHOLD: VALUE, ...}}`, as one entry of the list")

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        thresholds = {"type": ["object", "null"]}
        by_name = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": thresholds}
        return {"anyOf": [{"type": "string"}, by_name], "description": f"a rule set ({', '.join(RULE_SETS)}) or mypackage.module.rule"}

    @model_serializer
    def _to_config(self) -> str | dict[str, dict[str, Any]]:
        return {self.name: self.thresholds} if self.thresholds else self.name


@dataclass(frozen=True)
class Judgement:
    """What the rules found in a batch.

    Attributes:
        measured: by rule, pa.float64() [n] for every document, dropped or not; null: the rule does not apply.
        reason: pa.string() [n]: the first rule that drops the document; null: kept.
    """

    measured: dict[str, pa.DoubleArray]
    reason: pa.StringArray


def apply_rules(batch: pa.RecordBatch, rules: Sequence[Rule]) -> Judgement:
    """Measures every rule on every document, then compares; a document without text (null) is neither measured nor dropped.

    Args:
        batch: text (normalised), path, language, and what else of `schema.RAW` a user's rule reads.
        rules: from `build_rules`; their order decides which of several reasons a document gets.
    Raises:
        RunError: a rule does not return one number for each document.
    """
    columns = Columns(batch)
    has_text = columns["text"].is_valid().to_numpy(zero_copy_only=False)
    measured = {}
    first = np.full(batch.num_rows, -1, np.int64)  # the index of the rule that drops it
    for index, rule in enumerate(rules):
        values = np.asarray(rule.measure(columns), np.float64)
        if values.shape != (batch.num_rows,):
            raise RunError(f"{rule.name} measured an array of shape {values.shape} for {batch.num_rows} documents: return one for each")
        values = np.where(has_text, values, np.nan)
        first[rule.drops(values) & (first < 0)] = index
        measured[rule.name] = pa.array(values, pa.float64(), from_pandas=True)
    names = pa.array([rule.name for rule in rules], pa.string())
    return Judgement(measured, names.take(pa.array(first, mask=first < 0)))


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """float64 [n]; 0 of nothing, so that an empty document falls under every minimum."""
    return part / np.maximum(whole, 1)


def build_rules(specs: Sequence[RuleSpec]) -> list[Rule]:
    """The rules that a source's config names, in its order.

    Raises:
        UsageError: an unknown rule set or threshold, a value that can't be one, a path that can't be imported, a rule named twice.
    """
    made = [_made(spec) for spec in specs]
    rules = [rule for each in made for rule in ([each] if isinstance(each, Rule) else each.rules())]
    repeated = [name for name, times in Counter(rule.name for rule in rules).items() if times > 1]
    if repeated:
        raise UsageError(f"rules: {repeated[0]} would be measured twice: name each rule set and each rule once")
    return rules


def rule_files(spec: RuleSpec) -> list[str]:
    """The paths of the files that a rule set measures with: their contents decide, as its thresholds do.

    Raises:
        UsageError: as `build_rules`, or a file is missing or can't be used.
    """
    made = _made(spec)
    return [] if isinstance(made, Rule) else list(made.files())


def _made(spec: RuleSpec) -> Rule | RuleSet:
    if spec.name not in RULE_SETS and "." not in spec.name:
        raise UsageError(f"rules: no rule set is named {spec.name!r}; {_nearest(spec.name, RULE_SETS)}")
    named = _import(RULE_SETS.get(spec.name, spec.name))
    if isinstance(named, Rule):
        if unknown := set(spec.thresholds) - {"minimum", "maximum"}:
            raise UsageError(f"rules.{spec.name}: {min(unknown)!r} is no threshold of a single rule; known are minimum, maximum")
        return replace(named, **spec.thresholds)
    if isinstance(named, type) and issubclass(named, RuleSet):
        try:
            return named(**spec.thresholds)
        except ValidationError as error:
            raise UsageError(_explain(error, spec.name, named)) from error
    raise UsageError(f"rules: {spec.name} is a {type(named).__name__}: make it a Rule, or a subclass of RuleSet")


def _import(path: str) -> Any:
    module_name, _, attribute = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise UsageError(f"rules: {path}: can't import {module_name} ({error}): install the package, or mend the path") from error
    if not hasattr(module, attribute):
        raise UsageError(f"rules: {module_name} has no {attribute!r}; {_nearest(attribute, vars(module))}")
    return getattr(module, attribute)


def _explain(error: ValidationError, name: str, rule_set: type[RuleSet]) -> str:
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"rules.{name}: {field!r} is no threshold; {_nearest(field, rule_set.model_fields)}"
    return f"rules.{name}.{field}: {first['input']!r}: {first['msg']}"


def _nearest(name: str, known: Any) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(known))}"
