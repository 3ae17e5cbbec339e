"""What other thresholds would keep, from the measured values alone: no text is read.

A document falls by a rule whose value lies outside the new bounds. Two things can hide a value:

    a costly step has not measured what had fallen before it, and would measure it if it stood now;
    a costly step has not edited it either, so that what was measured after that step is not what would be measured now.

For such documents the answer is a range: dropped at least, kept at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import schema
from pipeline.curation.rule import RuleSet
from pipeline.curation.steps import Step, rules_of


@dataclass(frozen=True)
class Rejudged:
    """
    Attributes:
        surely_kept, perhaps_kept: bool [n]; where they differ, nobody knows without the text. Broken documents are in neither.
        unmeasured: by step, how many of the documents in doubt it has not measured.
        edited: by step, how many of them it would edit now, before a later step measures them.
    """

    surely_kept: np.ndarray
    perhaps_kept: np.ndarray
    unmeasured: dict[str, int]
    edited: dict[str, int]


def columns_for(old: Sequence[Step], new: Sequence[Step], known: Sequence[str]) -> list[str]:
    """The columns of decisions/ that `rejudge` reads.

    Args:
        known: those that are there.
    """
    bounded = [rule.name for rule in rules_of(new) if rule.minimum is not None or rule.maximum is not None]
    return ["verdict", "reason", "num_chars", *(name for name in bounded if name in known)]


def rejudge(decisions: pa.RecordBatch, old: Sequence[Step], new: Sequence[Step]) -> Rejudged:
    """
    Args:
        decisions: the columns of `columns_for`.
        old: the steps that made the decisions.
        new: the same steps with other thresholds.
    """
    num_rows = decisions.num_rows
    is_broken = _equals(decisions["verdict"], schema.BROKEN)
    fell_at = _fell_at(decisions["reason"], old)
    falls = is_broken.copy()
    may_fall, is_other = np.zeros(num_rows, bool), np.zeros(num_rows, bool)  # is_other: its text is not what was measured
    missing: list[tuple[str, np.ndarray]] = []
    edits: list[tuple[str, np.ndarray]] = []
    for place, (before, step) in enumerate(zip(old, new, strict=True)):
        unseen = (fell_at < place) if step.costly else np.zeros(num_rows, bool)
        in_doubt = np.zeros(num_rows, bool)
        for rule in step.rules:
            if rule.minimum is None and rule.maximum is None:
                continue
            if rule.name in decisions.schema.names:
                outside = rule.drops(decisions[rule.name].to_numpy(zero_copy_only=False))
                falls |= outside & ~unseen & ~is_other
                in_doubt |= unseen | is_other
            else:  # a rule that was off
                in_doubt[:] = True
        missing.append((step.name, in_doubt & ~is_other))
        may_fall |= in_doubt
        if edits_text(step):
            now = np.ones(num_rows, bool) if edit_differs(before, step) else unseen
            edits.append((step.name, now & ~is_other))
            is_other |= now
    doubtful = may_fall & ~falls
    return Rejudged(
        ~falls & ~may_fall,
        ~falls,
        {name: int((rows & doubtful).sum()) for name, rows in missing},
        {name: int((rows & doubtful).sum()) for name, rows in edits},
    )


def edits_text(step: Step) -> bool:
    return step.rule_set is not None and type(step.rule_set).edit is not RuleSet.edit


def edit_differs(old: Step, new: Step) -> bool:
    """Whether the step may make another text of a document under its new params."""
    if old.rule_set is None or new.rule_set is None:
        return False
    changed = {name for name in type(new.rule_set).model_fields if getattr(old.rule_set, name) != getattr(new.rule_set, name)}
    return bool(changed - type(new.rule_set).edit_ignores)


def _fell_at(reasons: pa.StringArray, steps: Sequence[Step]) -> np.ndarray:
    """The place of the step that dropped each document, int64 [n]; len(steps) where none did."""
    names = [rule.name for rule in rules_of(steps)]
    places = np.repeat(np.arange(len(steps)), [len(step.rules) for step in steps])
    encoded = reasons.dictionary_encode() if not pa.types.is_dictionary(reasons.type) else reasons
    by_name = dict(zip(names, places.tolist(), strict=True))
    lookup = np.array([by_name.get(name, len(steps)) for name in encoded.dictionary.to_pylist()] + [len(steps)], np.int64)
    return lookup[encoded.indices.fill_null(len(lookup) - 1).to_numpy(zero_copy_only=False)]


def _equals(column: pa.StringArray, value: str) -> np.ndarray:
    return pc.equal(column, value).to_numpy(zero_copy_only=False)
