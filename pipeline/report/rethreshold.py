"""`tenfold rethreshold`: how many documents and characters other thresholds would keep, from `decisions/` alone."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import manifest, schema, storage
from pipeline.curation.rejudge import columns_for, rejudge
from pipeline.curation.rule import Rule
from pipeline.curation.steps import Step, StepSpec, build_steps
from pipeline.manifest import Manifest
from pipeline.params import RunError, UsageError

DECISIONS = "decisions"
OFF = ("none", "null", "off")
_MAX_ROWS = 1 << 20


@dataclass(frozen=True)
class Change:
    """One threshold of one source: the value that the run had, and the one that is asked about; None: off.

    Attributes:
        share: the value is the one that keeps this share of the documents that the rule measured; None: it was given.
    """

    source: str
    step: str
    name: str
    before: Any
    after: Any
    share: float | None = None


@dataclass
class Counts:
    """Documents and characters of a source: all that could be read, kept now, kept then at least and at most."""

    documents: int = 0
    chars: int = 0
    kept: int = 0
    kept_chars: int = 0
    least: int = 0
    least_chars: int = 0
    most: int = 0
    most_chars: int = 0


@dataclass
class Answer:
    """What the thresholds of one source would do.

    Attributes:
        unmeasured, edited: by step, documents that are in doubt; see `pipeline.curation.rejudge.Rejudged`.
    """

    counts: Counts
    changes: list[Change]
    unmeasured: Counter[str] = field(default_factory=Counter)
    edited: Counter[str] = field(default_factory=Counter)


def rethreshold(workdir: str, assignments: Sequence[str]) -> dict[str, Answer]:
    """By source, those without a change too.

    Args:
        assignments: `STEP.THRESHOLD=VALUE`, or `SOURCE.STEP.THRESHOLD=VALUE`; a value is a number, `none`, or `30%`: the value that keeps
            that share of the documents that the rule measured.
    Raises:
        UsageError: an unknown name, no threshold, a value that can't be one.
        RunError: there are no decisions.
    """
    record = manifest.load(workdir, DECISIONS)
    specs = {source: [StepSpec.model_validate(entry) for entry in params["curation"]] for source, params in record.params.items()}
    steps = {source: build_steps(held) for source, held in specs.items()}
    asked: dict[str, list[Change]] = {source: [] for source in steps}
    for assignment in assignments:
        for change in _changes(assignment, steps, workdir, record):
            asked[change.source].append(change)
    return {
        source: _answer(workdir, record, source, steps[source], _changed(specs[source], asked[source]), asked[source]) for source in steps
    }


def _answer(workdir: str, record: Manifest, source: str, old: list[Step], new: list[Step], changes: list[Change]) -> Answer:
    num_kept = record.counts.get(source, {}).get("num_kept", 0)
    found = Answer(Counts(), changes)
    for shard in _shards(workdir, record, source):
        known = shard.schema_arrow.names
        for batch in shard.iter_batches(_MAX_ROWS, columns=columns_for(old, new, known)):
            _add(found, batch, old, new)
    if found.counts.kept != num_kept:
        raise RunError(f"{workdir}: decisions/ of {source} keeps {found.counts.kept:,}, its manifest says {num_kept:,}: run curate")
    return found


def _add(found: Answer, batch: pa.RecordBatch, old: list[Step], new: list[Step]) -> None:
    chars = batch["num_chars"].to_numpy()
    was_kept = pc.equal(batch["verdict"], schema.KEPT).to_numpy(zero_copy_only=False)
    judged = rejudge(batch, old, new)
    for name, rows in (("kept", was_kept), ("least", judged.surely_kept), ("most", judged.perhaps_kept)):
        setattr(found.counts, name, getattr(found.counts, name) + int(rows.sum()))
        setattr(found.counts, f"{name}_chars", getattr(found.counts, f"{name}_chars") + int(chars[rows].sum()))
    found.counts.documents += batch.num_rows
    found.counts.chars += int(chars.sum())
    found.unmeasured.update(judged.unmeasured)
    found.edited.update(judged.edited)


def _shards(workdir: str, record: Manifest, source: str) -> Iterator[pq.ParquetFile]:
    for file in record.files:
        if record.extra["units"][file.item] == source:
            with pq.ParquetFile(storage.join(workdir, DECISIONS, file.name)) as shard:
                yield shard


def _changes(assignment: str, steps: Mapping[str, Sequence[Step]], workdir: str, record: Manifest) -> Iterator[Change]:
    """The assignment for every source that has the step.

    Raises:
        UsageError: see `rethreshold`.
    """
    place, equals, text = assignment.partition("=")
    if not equals or "." not in place:
        raise UsageError(f"{assignment}: write STEP.THRESHOLD=VALUE or SOURCE.STEP.THRESHOLD=VALUE, such as {_example(steps)}")
    head, _, name = place.strip().rpartition(".")
    found = [(source, step) for source, held in steps.items() for step in held if head in (step.name, f"{source}.{step.name}")]
    if not found:
        known = {name for source, held in steps.items() for step in held for name in (step.name, f"{source}.{step.name}")}
        raise UsageError(f"{head}: no source has this step; {_nearest(head, known)}")
    for source, step in found:
        thresholds = thresholds_of(step)
        if name not in thresholds:
            why = "is none of its thresholds, but changes what it measures or edits: curate has to run again" if _has(step, name) else ""
            raise UsageError(f"{head}.{name} {why or f'is no threshold; {_nearest(name, thresholds)}'}")
        if text.strip().endswith("%"):
            share = _share(assignment, text)
            if len(bounded := _bounded_by(step, name)) > 1:
                raise UsageError(f"{assignment}: it bounds several rules ({', '.join(rule for rule, _ in bounded)}): give a number")
            [(rule, side)] = bounded
            value = _value_that_keeps(workdir, record, source, rule, side, share)
            if value is None:
                raise UsageError(f"{assignment}: {rule} measured no document of {source}: give a number")
            yield Change(source, step.name, name, thresholds[name], value, share)
        else:
            yield Change(source, step.name, name, thresholds[name], _value(assignment, text))


def thresholds_of(step: Step) -> dict[str, Any]:
    """The step's fields that are bounds of its rules, with their values; of a user's single rule `minimum` and `maximum`."""
    if step.rule_set is None:
        return {"minimum": step.rules[0].minimum, "maximum": step.rules[0].maximum}
    names = [name for name in type(step.rule_set).model_fields if name.startswith(("min_", "max_"))]
    return {name: getattr(step.rule_set, name) for name in names if _bounded_by(step, name)}


def _bounded_by(step: Step, name: str) -> list[tuple[str, str]]:
    """The rules that the threshold bounds, and on which side: (name, "minimum" or "maximum")."""
    if step.rule_set is None:
        return [(step.rules[0].name, name)]
    # Two values that are no one's, and on their own side of every other bound.
    marks = (1e9, 2e9) if name.startswith("max_") else (-1e9, -2e9)
    one, other = (_bounds(step.rule_set.model_copy(update={name: mark}).rules()) for mark in marks)
    return [place for place in one if one[place] != other.get(place)]


def _bounds(rules: Sequence[Rule]) -> dict[tuple[str, str], float | None]:
    return {(rule.name, side): getattr(rule, side) for rule in rules for side in ("minimum", "maximum")}


def _value_that_keeps(workdir: str, record: Manifest, source: str, rule: str, side: str, share: float) -> float | None:
    """The tightest bound that keeps this share of the documents that the rule measured; None: it measured none."""
    parts = [shard.read(columns=[rule])[rule].drop_null().to_numpy() for shard in _shards(workdir, record, source)]
    values = np.sort(np.concatenate([np.empty(0), *parts]))
    if not len(values):
        return None
    rank = max(1, int(np.ceil(share * len(values) - 1e-9)))
    return float(values[len(values) - rank] if side == "minimum" else values[rank - 1])


def _changed(specs: Sequence[StepSpec], changes: Sequence[Change]) -> list[Step]:
    own = {step: {change.name: change.after for change in changes if change.step == step} for step in {change.step for change in changes}}
    return build_steps([StepSpec(name=spec.name, params=spec.params | own.get(spec.name, {})) for spec in specs])


def _value(assignment: str, text: str) -> int | float | None:
    text = text.strip()
    if text.lower() in OFF:
        return None
    try:
        value = int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{assignment}: {text!r} is no value of a threshold: give a number, `none` to turn it off, or a share such as 30%")
    return value


def _share(assignment: str, text: str) -> float:
    try:
        share = float(text.strip()[:-1]) / 100
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise UsageError(f"{assignment}: {text!r} is no share: give more than 0% and at most 100%")
    return share


def _has(step: Step, name: str) -> bool:
    return step.rule_set is not None and name in type(step.rule_set).model_fields


def _nearest(name: str, known: Any) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known)) or 'none'}"


def _example(steps: Mapping[str, Sequence[Step]]) -> str:
    names = (f"{step.name}.{name}={value}" for held in steps.values() for step in held for name, value in thresholds_of(step).items())
    return next(names, "starcoder2.max_lines=50000")
