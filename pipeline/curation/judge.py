"""A batch goes through the steps of a curation: measured, judged and edited by each in turn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import schema
from pipeline.curation.rule import Columns, Edit, Findings, Rule, measure
from pipeline.curation.steps import Step


@dataclass(frozen=True)
class Judgement:
    """What the steps found in a batch, and made of it.

    Attributes:
        measured: by rule, pa.float64() [n] for every document, dropped or not; null: the rule does not apply, or its step is
            costly and the document had fallen.
        reason: pa.string() [n]: the first rule that drops the document; null: kept.
        findings: schema.FINDINGS [n]; null: none.
        batch: the batch as the last step left it.
    """

    measured: dict[str, pa.DoubleArray]
    reason: pa.StringArray
    findings: pa.ListArray
    batch: pa.RecordBatch


def judge(batch: pa.RecordBatch, steps: Sequence[Step]) -> Judgement:
    """Takes every document through the steps; a document without text (null) is neither measured nor dropped.

    Args:
        batch: text (normalised), path, language, and what else of `schema.RAW` a step reads.
        steps: from `build_steps`.
    Raises:
        RunError: a rule does not return one number for each document.
    """
    columns = Columns(batch)
    names: list[str] = []
    first = np.full(batch.num_rows, -1, np.int64)  # into `names`
    measured: dict[str, pa.DoubleArray] = {}
    found: list[tuple[str, Findings]] = []
    for step in steps:
        rows = np.flatnonzero(first < 0) if step.costly else np.arange(batch.num_rows)
        seen = columns if len(rows) == batch.num_rows else Columns(columns.batch.take(pa.array(rows)))
        own = measure(seen, step.rules)
        for name, values in own.values.items():
            measured[name] = _at(rows, values, batch.num_rows)
        first[rows] = np.where((first[rows] < 0) & (own.first >= 0), len(names) + own.first, first[rows])
        names += own.values
        edit = step.edit(seen)
        if edit is None:
            continue
        if edit.findings is not None:
            found.append((step.name, replace(edit.findings, rows=rows[edit.findings.rows])))
        columns = _edited(columns, edit, rows)
    reason = pa.array(names, pa.string()).take(pa.array(first, mask=first < 0))
    return Judgement(measured, reason, findings_column(found, batch.num_rows), columns.batch)


def apply_rules(batch: pa.RecordBatch, rules: Sequence[Rule]) -> Judgement:
    """The judgement of these rules alone, as one step that edits nothing."""
    return judge(batch, [Step("rules", tuple(rules))])


def findings_column(found: Sequence[tuple[str, Findings]], num_rows: int) -> pa.ListArray:
    """schema.FINDINGS [num_rows]: each document's findings in the order of the steps; null: none.

    Args:
        found: (the step's name, what it found), in the steps' order.
    """
    if not any(len(own.rows) for _, own in found):
        return pa.nulls(num_rows, schema.FINDINGS)
    of_step = pa.array(np.repeat(np.arange(len(found)), [len(own.rows) for _, own in found]))
    rows, starts, ends, values = (np.concatenate([getattr(own, name) for _, own in found]) for name in ("rows", "starts", "ends", "values"))
    columns = [
        pa.array([name for name, _ in found], pa.string()).take(of_step),
        pa.concat_arrays([own.kinds for _, own in found]),
        pa.array(starts, pa.int64()),
        pa.array(ends, pa.int64()),
        pa.array(values, pa.float64(), from_pandas=True),
    ]
    items = pa.StructArray.from_arrays(columns, fields=list(schema.FINDINGS.value_type)).take(pa.array(np.argsort(rows, kind="stable")))
    counts = np.bincount(rows, minlength=num_rows)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), items, schema.FINDINGS, mask=pa.array(counts == 0))


def _at(rows: np.ndarray, values: np.ndarray, num_rows: int) -> pa.DoubleArray:
    spread = np.full(num_rows, np.nan)
    spread[rows] = values
    return pa.array(spread, pa.float64(), from_pandas=True)


def _edited(columns: Columns, edit: Edit, rows: np.ndarray) -> Columns:
    """The columns after an edit of some rows; the very same, with what was counted in them, if it changed nothing."""
    batch = columns.batch
    mask = np.zeros(batch.num_rows, bool)
    mask[rows] = True
    for name, column in {"text": edit.texts, **edit.columns}.items():
        whole = column if mask.all() else pc.replace_with_mask(batch[name], pa.array(mask), column)
        if not whole.equals(batch[name]):
            batch = batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), whole)
    return columns if batch is columns.batch else Columns(batch)
