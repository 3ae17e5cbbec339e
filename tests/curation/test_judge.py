"""Steps measure, judge and edit in their order."""

from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given
from hypothesis import strategies as st

from pipeline import schema
from pipeline.curation.judge import Judgement, judge
from pipeline.curation.rule import Columns, Edit, Findings, Rule, RuleSet
from pipeline.curation.steps import Step
from tests.curation.documents import batch_of


def _num_chars(columns: Columns) -> np.ndarray:
    return pc.utf8_length(columns["text"]).to_numpy(zero_copy_only=False)


class Short(RuleSet):
    """Texts of at most so many characters."""

    max_chars: int | None = None

    def rules(self) -> list[Rule]:
        return [Rule("short_num_chars", _num_chars, maximum=self.max_chars)]


class CostlyShort(Short):
    costly: ClassVar[bool] = True

    def rules(self) -> list[Rule]:
        return [Rule("costly_num_chars", _num_chars, maximum=self.max_chars)]


class WithoutX(RuleSet):
    """Cuts the first x of a text, and says where it stood."""

    def rules(self) -> list[Rule]:
        return [Rule("without_x_place", self._places)]

    def edit(self, columns: Columns) -> Edit:
        places = self._places(columns)
        rows = np.flatnonzero(places >= 0)
        starts = places[rows].astype(np.int64)
        found = Findings(rows, pa.array(["x"] * len(rows), pa.string()), starts, starts + 1, np.full(len(rows), np.nan))
        return Edit(pc.replace_substring(columns["text"], "x", "", max_replacements=1), found)

    def _places(self, columns: Columns) -> np.ndarray:
        return pc.find_substring(columns["text"], "x").to_numpy(zero_copy_only=False).astype(np.float64)


class CostlyWithoutX(WithoutX):
    costly: ClassVar[bool] = True


def _step(rule_set: RuleSet) -> Step:
    return Step(type(rule_set).__name__, tuple(rule_set.rules()), rule_set)


def _judged(documents: list[str | None], *rule_sets: RuleSet) -> Judgement:
    return judge(batch_of(*documents), [_step(rule_set) for rule_set in rule_sets])


def test_a_step_measures_what_the_steps_before_it_left() -> None:
    judged = _judged(["axb", "ab"], WithoutX(), Short(max_chars=2))
    assert judged.measured["short_num_chars"].to_pylist() == [2, 2]
    assert judged.reason.to_pylist() == [None, None]
    assert judged.batch["text"].to_pylist() == ["ab", "ab"]


def test_a_step_measures_before_it_edits() -> None:
    judged = _judged(["axb", "x"], WithoutX(), Short())
    assert judged.measured["without_x_place"].to_pylist() == [1, 0]
    assert judged.measured["short_num_chars"].to_pylist() == [2, 0]


def test_findings_name_the_step_and_the_span_and_follow_the_documents() -> None:
    judged = _judged(["xax", "a", "bx"], WithoutX(), CostlyWithoutX())
    first, second = {"step": "WithoutX", "kind": "x", "value": None}, {"step": "CostlyWithoutX", "kind": "x", "value": None}
    assert judged.findings.type == schema.FINDINGS
    assert judged.findings.to_pylist() == [
        [first | {"start": 0, "end": 1}, second | {"start": 1, "end": 2}],
        None,
        [first | {"start": 1, "end": 2}],
    ]


def test_a_costly_step_sees_only_what_still_stands() -> None:
    judged = _judged(["aaaa", "xa", "a"], Short(max_chars=3), CostlyShort(max_chars=1), CostlyWithoutX())
    assert judged.measured["costly_num_chars"].to_pylist() == [None, 2, 1]
    assert judged.measured["without_x_place"].to_pylist() == [None, None, -1]
    assert judged.reason.to_pylist() == ["short_num_chars", "costly_num_chars", None]
    assert judged.batch["text"].to_pylist() == ["aaaa", "xa", "a"]


def test_a_cheap_step_edits_and_measures_dropped_documents_too() -> None:
    judged = _judged(["aaxa"], Short(max_chars=3), WithoutX(), Short())
    assert judged.reason.to_pylist() == ["short_num_chars"]
    assert judged.batch["text"].to_pylist() == ["aaa"]


def test_an_edit_may_replace_other_columns() -> None:
    class Relabel(RuleSet):
        def rules(self) -> list[Rule]:
            return []

        def edit(self, columns: Columns) -> Edit:
            return Edit(columns["text"], columns={"language": pa.array(["Go"] * columns.batch.num_rows, pa.string())})

    assert _judged(["a", "b"], Relabel()).batch["language"].to_pylist() == ["Go", "Go"]


@given(st.lists(st.text(st.sampled_from("axé"), max_size=6)), st.integers(0, 4), st.integers(0, 4))
def test_a_costly_step_judges_as_a_cheap_one_would(documents: list[str], first: int, second: int) -> None:
    cheap = _judged(documents, Short(max_chars=first), WithoutX())
    costly = _judged(documents, Short(max_chars=first), CostlyWithoutX(), CostlyShort(max_chars=second))
    stands = [reason is None for reason in cheap.reason.to_pylist()]
    for place, document in enumerate(documents):
        edited = document.replace("x", "", 1)
        assert cheap.batch["text"][place].as_py() == edited
        assert costly.batch["text"][place].as_py() == (edited if stands[place] else document)
        assert costly.measured["costly_num_chars"][place].as_py() == (len(edited) if stands[place] else None)
    expected = [
        None if stand and len(text.replace("x", "", 1)) <= second else "some" for stand, text in zip(stands, documents, strict=True)
    ]
    assert [reason and "some" for reason in costly.reason.to_pylist()] == expected
