"""What measured values say of other thresholds is what curating again says."""

from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import schema
from pipeline.curation.curate import curate
from pipeline.curation.judge import judge
from pipeline.curation.rejudge import Rejudged, columns_for, rejudge
from pipeline.curation.rule import Columns, Edit, Rule, RuleSet
from pipeline.curation.steps import STEPS, Step, StepSpec, build_steps
from pipeline.params import UsageError
from pipeline.report.rethreshold import thresholds_of
from tests.curation.documents import DOCUMENTS, batch_of, texts


class Count(RuleSet):
    """Bounds on how often a letter is there."""

    letter: ClassVar[str]
    min_count: int | None = None
    max_count: int | None = None

    def rules(self) -> list[Rule]:
        return [Rule(f"{self.letter}_count", self._count, minimum=self.min_count, maximum=self.max_count)]

    def _count(self, columns: Columns) -> np.ndarray:
        return pc.count_substring(columns["text"], self.letter).to_numpy(zero_copy_only=False).astype(np.float64)


class CountA(Count):
    letter = "a"


class CostlyCountB(Count):
    letter = "b"
    costly = True


class CutA(Count):
    """Cuts every a but the first, whatever its bounds are."""

    letter = "a"
    edit_ignores = frozenset(["min_count", "max_count"])

    def rules(self) -> list[Rule]:
        return [Rule("cut_a_count", self._count, minimum=self.min_count, maximum=self.max_count)]

    def edit(self, columns: Columns) -> Edit:
        return Edit(pc.replace_substring(columns["text"], "a", "", max_replacements=1))


class CostlyCutA(CutA):
    costly = True

    def rules(self) -> list[Rule]:
        return [Rule("costly_cut_a_count", self._count, minimum=self.min_count, maximum=self.max_count)]


class CutManyB(Count):
    """Cuts every b out of a text with too many of them: the edit goes by the bound."""

    letter = "b"

    def rules(self) -> list[Rule]:
        return [Rule("cut_many_b", self._count, minimum=self.min_count)]

    def edit(self, columns: Columns) -> Edit:
        most = np.inf if self.max_count is None else self.max_count
        return Edit(pc.if_else(pa.array(self._count(columns) > most), pc.replace_substring(columns["text"], "b", "a"), columns["text"]))


CLASSES: list[type[Count]] = [CountA, CostlyCountB, CutA, CostlyCutA, CutManyB]
bounds = st.none() | st.integers(0, 4)
pairs = st.tuples(bounds, bounds).filter(lambda pair: None in pair or pair[0] <= pair[1])


def step(rule_set: RuleSet) -> Step:
    return Step(type(rule_set).__name__, tuple(rule_set.rules()), rule_set)


def raw_of(documents: list[str | None]) -> pa.RecordBatch:
    columns = {name: pa.nulls(len(documents), kind) for name, kind in zip(schema.RAW.names, schema.RAW.types, strict=True)}
    columns["id"] = pa.array(range(len(documents)), pa.uint64())
    columns["text"] = pa.array(documents, pa.string())
    columns["error"] = pa.array([None if text is not None else "null_text" for text in documents], pa.string())
    return pa.record_batch([columns[name] for name in schema.RAW.names], schema=schema.RAW)


def asked(raw: pa.RecordBatch, old: list[Step], new: list[Step]) -> tuple[Rejudged, np.ndarray]:
    """The answer from the old decisions, and which documents the new steps keep."""
    decisions = curate(raw, old).decisions
    kept = pc.equal(curate(raw, new).decisions["verdict"], schema.KEPT).to_numpy(zero_copy_only=False)
    return rejudge(decisions.select(columns_for(old, new, decisions.schema.names)), old, new), kept


@st.composite
def curations(draw: st.DrawFn, classes: list[type[Count]] = CLASSES) -> tuple[list[Step], list[Step]]:
    chosen = draw(st.lists(st.sampled_from(classes), min_size=1, max_size=4, unique=True))
    both: tuple[list[Step], list[Step]] = ([], [])
    for rule_set in chosen:
        for held in both:
            low, high = draw(pairs)
            held.append(step(rule_set(min_count=low, max_count=high)))
    return both


documents = st.lists(st.text("ab", max_size=8) | st.none(), min_size=1, max_size=12)


@given(documents, curations())
@settings(max_examples=300)
def test_the_range_holds_what_curating_again_keeps(found, both):
    answer, kept = asked(raw_of(found), *both)
    assert np.all(answer.surely_kept <= kept)
    assert np.all(kept <= answer.perhaps_kept)
    is_range = bool((answer.surely_kept != answer.perhaps_kept).any())
    assert is_range == bool(sum(answer.unmeasured.values()) + sum(answer.edited.values()))


@given(documents, curations([CountA, CutA]))
def test_where_every_step_measures_every_document_the_answer_is_exact(found, both):
    answer, kept = asked(raw_of(found), *both)
    assert answer.surely_kept.tolist() == answer.perhaps_kept.tolist() == kept.tolist()


@given(documents, curations())
def test_the_thresholds_of_the_run_keep_what_the_run_kept(found, both):
    answer, kept = asked(raw_of(found), both[0], both[0])
    assert answer.surely_kept.tolist() == answer.perhaps_kept.tolist() == kept.tolist()


def test_what_a_costly_step_did_not_measure_is_in_doubt_unless_it_falls_anyway():
    raw = raw_of(["aaa", "aaabb", "aaaaa", "b", None])
    old = [step(CountA(max_count=2)), step(CostlyCountB(max_count=1))]
    new = [step(CountA(max_count=4)), step(CostlyCountB(max_count=1))]
    answer, kept = asked(raw, old, new)
    assert kept.tolist() == [True, False, False, True, False]
    assert answer.surely_kept.tolist() == [False, False, False, True, False]
    assert answer.perhaps_kept.tolist() == [True, True, False, True, False]
    assert answer.unmeasured == {"CountA": 0, "CostlyCountB": 2}


def test_stricter_thresholds_leave_no_doubt():
    raw = raw_of(["a" * count + "b" * (6 - count) for count in range(7)])
    old = [step(CountA(max_count=5)), step(CostlyCutA()), step(CostlyCountB(max_count=4))]
    new = [step(CountA(max_count=3)), step(CostlyCutA()), step(CostlyCountB(max_count=3))]
    answer, kept = asked(raw, old, new)
    assert answer.surely_kept.tolist() == answer.perhaps_kept.tolist() == kept.tolist()


def test_what_a_costly_step_would_edit_now_is_in_doubt_for_the_steps_after_it():
    old = [step(CountA(max_count=0)), step(CostlyCutA()), step(CutManyB(min_count=1))]
    new = [step(CountA(max_count=9)), step(CostlyCutA()), step(CutManyB(min_count=1))]
    answer, kept = asked(raw_of(["ab", "b"]), old, new)
    assert kept.tolist() == [True, True]
    assert (answer.surely_kept.tolist(), answer.perhaps_kept.tolist()) == ([False, True], [True, True])
    assert answer.edited["CostlyCutA"] == 1


def test_a_rule_that_was_off_and_left_out_is_in_doubt():
    class Absent(CountA):
        def rules(self) -> list[Rule]:
            return super().rules() if self.max_count is not None else []

    answer, _ = asked(raw_of(["a", "b"]), [step(Absent())], [step(Absent(max_count=1))])
    assert (answer.surely_kept.tolist(), answer.perhaps_kept.tolist()) == ([False, False], [True, True])


def built(name: str) -> Step | None:
    """The step with its own defaults; None: it can't work without what a user names."""
    try:
        [made] = build_steps([StepSpec(name=name)])
        made.files()
    except UsageError:
        return None
    return made


@pytest.mark.parametrize("name", sorted(STEPS))
@given(st.lists(st.sampled_from(DOCUMENTS) | texts, min_size=1, max_size=4))
@settings(max_examples=2, deadline=None)
def test_a_threshold_has_no_part_in_what_a_step_measures_and_edits(name, found):
    made = built(name)
    if made is None:
        return
    batch = pa.record_batch([raw_of(list(found))[column] for column in schema.RAW.names], schema=schema.RAW)
    batch = batch.set_column(batch.schema.get_field_index("path"), "path", batch_of(*found)["path"])
    before = judge(batch, [made])
    for threshold in thresholds_of(made):
        [other] = build_steps([StepSpec(name=name, params={threshold: None})])
        after = judge(batch, [other])
        for rule in other.rules:
            assert after.measured[rule.name].equals(before.measured[rule.name]), threshold
        if threshold in type(made.rule_set).edit_ignores:
            assert after.batch.equals(before.batch)
