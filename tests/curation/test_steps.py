"""The config's list of steps: what it may say, and what is said of a mistake."""

import pytest

from pipeline.curation.judge import judge
from pipeline.curation.steps import StepSpec, check_kind, rules_of
from pipeline.params import UsageError
from tests.curation.documents import batch_of, specs, steps

_OWN = "tests.curation.own_rules"


def test_a_users_own_rule_is_found_by_its_import_path():
    judged = judge(
        batch_of("def f(): pass\n", "def f():\n\tpass\n"),
        steps("starcoder2", f"{_OWN}.no_tabs", {f"{_OWN}.Paths": {"max_path_chars": 4}}),
    )
    assert judged.reason.to_pylist() == ["paths_num_chars", "no_tabs_num_tabs"]
    assert judged.measured["no_tabs_num_tabs"].to_pylist() == [0, 1]


def test_a_users_single_rule_takes_thresholds():
    assert judge(batch_of("\t", "\t\t"), steps({f"{_OWN}.no_tabs": {"maximum": 1}})).reason.to_pylist() == [None, "no_tabs_num_tabs"]


@pytest.mark.parametrize("entry", ["starcoder2", {"starcoder2": {"max_line_chars": 2000}}, {"mypackage.rules.no_tabs": {"maximum": None}}])
def test_a_spec_is_written_as_the_config_has_it(entry):
    [spec] = specs(entry)
    assert spec.model_dump() == entry
    assert StepSpec.model_validate(spec.model_dump()) == spec


def test_a_rule_set_without_thresholds_of_ones_own_may_end_in_a_colon():
    assert specs({"starcoder2": None}) == specs("starcoder2")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("starcoder-2", "did you mean 'starcoder2'"),
        ("xyz", "no step is named .xyz.; known are "),
        ({"starcoder2": {"max_line_char": 5}}, "did you mean 'max_line_chars'"),
        ({"starcoder2": {"max_line_chars": "many"}}, "curation.starcoder2.max_line_chars: 'many'"),
        ({"starcoder2": {"max_line_chars": -1}}, "greater than or equal to 0"),
        ({"gopher_quality": {"min_words": 9, "max_words": 3}}, "minimum 9 is over the maximum 3"),
        ("nopackage.rules.no_tabs", "can't import nopackage.rules"),
        (f"{_OWN}.no_tab", "did you mean 'no_tabs'"),
        (f"{_OWN}.not_a_rule", "is a str: make it a Rule"),
        ({f"{_OWN}.no_tabs": {"max": 1}}, "'max' is no threshold"),
        ({f"{_OWN}.no_tabs": {"maximum": "many"}}, "no_tabs.maximum: 'many' is no number"),
        ("..no_tabs", "is no import path"),
        ({f"{_OWN}.Paths": {"max_chars": 1}}, "did you mean 'max_path_chars'"),
    ],
)
def test_what_cannot_be_built_is_named_with_the_nearest_that_can(entry, message):
    with pytest.raises(UsageError, match=message):
        steps(entry)


@pytest.mark.parametrize("entry", [5, {"starcoder2": 5}, {"starcoder2": {}, "gopher_quality": {}}, ["starcoder2"]])
def test_an_entry_of_another_form_is_an_error_that_shows_the_form(entry):
    with pytest.raises(ValueError, match="is no step: write"):
        specs(entry)


def test_a_step_named_twice_is_an_error():
    with pytest.raises(UsageError, match="the step starcoder2 would work twice"):
        steps("starcoder2", {"starcoder2": {"max_lines": 5}})


def test_the_normalisation_may_be_named_at_the_head_of_the_list():
    assert rules_of(steps("normalise", f"{_OWN}.no_tabs")) == rules_of(steps(f"{_OWN}.no_tabs"))


@pytest.mark.parametrize("entries", [("starcoder2", "normalise"), ({"normalise": {"form": "NFD"}},), ("normalise", "normalise")])
def test_the_normalisation_is_neither_moved_nor_set(entries):
    with pytest.raises(UsageError, match="comes first, named or not"):
        steps(*entries)


@pytest.mark.parametrize(("step", "kind", "other"), [("gopher_quality", "text", "code"), ("starcoder2", "code", "text")])
def test_a_rule_set_for_prose_judges_no_code_nor_the_other_way_round(step, kind, other):
    check_kind(steps(step, f"{_OWN}.no_tabs"), source="wiki", kind=kind)
    with pytest.raises(UsageError, match=rf"sources.wiki.curation: {step} is for sources of kind {kind}, this one is of kind {other}"):
        check_kind(steps(step), source="wiki", kind=other)
