"""The steps that `tenfold plan` shows."""

import io
from typing import Any, ClassVar

import numpy as np
import pytest
from rich.console import Console

from pipeline.config import SourceParams
from pipeline.curation.rule import Columns, Edit, Rule, RuleSet
from pipeline.params import UsageError
from pipeline.report.plan_steps import print_steps


class Costly(RuleSet):
    """Takes its time, and edits. No word of this second sentence matters."""

    costly: ClassVar[bool] = True
    words: tuple[str, ...] = ("a",)

    def rules(self) -> list[Rule]:
        return [Rule("costly_none", lambda columns: np.zeros(columns.batch.num_rows))]

    def edit(self, columns: Columns) -> Edit:
        return Edit(columns["text"])


def rows(**curations: list[Any]) -> list[list[str]]:
    """The table's rows, its cells apart."""
    stream = io.StringIO()
    sources = {name: SourceParams.model_validate({"path": "x", "kind": "code", "curation": steps}) for name, steps in curations.items()}
    print_steps(sources, console=Console(file=stream, width=400, color_system=None))
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in stream.getvalue().splitlines()]


def test_steps_come_in_their_order_with_normalisation_first() -> None:
    found = rows(a=["starcoder2", "tests.jobs.own_rules.few_lines"])
    assert found[1][:3] == ["a:", "1", "normalise"]
    assert [row[:2] for row in found[2:]] == [["2", "starcoder2"], ["3", "tests.jobs.own_rules.few_lines"]]
    assert "max_mean_line_chars=100" in found[2][-1]
    assert found[3][2:] == ["measures 1", "maximum=600"]


def test_sources_with_the_same_curation_share_its_rows() -> None:
    found = rows(a=["starcoder2"], b=[{"starcoder2": {"max_lines": None}}], c=["starcoder2"])
    assert [row[0] for row in found[1:] if row[0].endswith(":")] == ["a, c:", "b:"]
    assert found[4][-1].startswith("max_lines=off, max_mean_line_chars=100")


def test_a_step_says_that_it_edits_that_it_is_costly_and_what_was_set() -> None:
    [row] = rows(a=[{f"{__name__}.Costly": {"words": ["x", "y"]}}])[2:]
    assert row[2:] == [
        "measures 1, edits; costly: sees what still stands",
        "words=x,y; Takes its time, and edits. No word of this second sentence matters",
    ]


def test_an_unknown_step_is_an_error() -> None:
    with pytest.raises(UsageError, match="no step is named"):
        rows(a=["starcoder3"])
