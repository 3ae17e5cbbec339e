import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pipeline.curation.rule import RULE_SETS, Columns, Rule, RuleSpec, apply_rules, build_rules, once_per_batch
from pipeline.params import RunError, UsageError
from tests.curation.documents import BLANK, DOCUMENTS, batch_of, texts

_OWN = "tests.curation.own_rules"
# Those that need no model. (test_language.py tries the other.)
_RULE_SETS = [name for name in RULE_SETS if name != "language"]


def _specs(*entries: object) -> list[RuleSpec]:
    return TypeAdapter(list[RuleSpec]).validate_python(list(entries))


def _fixed(name: str, values: list[float], **thresholds: float | None) -> Rule:
    return Rule(name, lambda columns: np.array(values), **thresholds)


def test_a_document_is_kept_on_both_thresholds_and_dropped_beyond_them():
    rule = _fixed("r", [1.99, 2, 3, 3.01, np.nan], minimum=2, maximum=3)
    judged = apply_rules(batch_of(*"abcde"), [rule])
    assert judged.reason.to_pylist() == ["r", None, None, "r", None]
    assert judged.measured["r"].to_pylist() == [1.99, 2, 3, 3.01, None]


def test_a_threshold_of_none_is_off_and_one_of_zero_is_not():
    batch = batch_of("a", "b")
    assert apply_rules(batch, [_fixed("r", [0, 1])]).reason.to_pylist() == [None, None]
    assert apply_rules(batch, [_fixed("r", [0, 1], maximum=0)]).reason.to_pylist() == [None, "r"]
    assert apply_rules(batch, [_fixed("r", [-1, 0], minimum=0)]).reason.to_pylist() == ["r", None]


@given(st.permutations(["a", "b", "c"]))
def test_the_first_rule_in_order_gives_the_reason_and_all_are_measured(order):
    values = {"a": [1, 1, 0], "b": [0, 1, 0], "c": [1, 0, 0]}
    judged = apply_rules(batch_of("x", "y", "z"), [_fixed(name, values[name], maximum=0) for name in order])
    assert judged.reason.to_pylist() == [next((name for name in order if values[name][i]), None) for i in range(3)]
    assert {name: column.to_pylist() for name, column in judged.measured.items()} == values


def test_a_document_without_text_is_neither_measured_nor_dropped():
    judged = apply_rules(batch_of("a", None, language="HTML"), build_rules(_specs(*_RULE_SETS)))
    assert judged.reason.to_pylist()[1] is None
    assert {column.to_pylist()[1] for column in judged.measured.values()} == {None}


def test_no_rules_and_no_documents_are_both_fine():
    assert apply_rules(batch_of("a"), []).reason.to_pylist() == [None]
    judged = apply_rules(batch_of(), build_rules(_specs(*_RULE_SETS)))
    assert {len(column) for column in [judged.reason, *judged.measured.values()]} == {0}


@given(
    st.lists(texts | st.sampled_from(DOCUMENTS), min_size=1), st.sampled_from(["HTML", "json", "Python", "WebAssembly", None]), st.data()
)
def test_a_slice_of_a_batch_is_judged_as_in_the_batch(documents, language, data):
    start = data.draw(st.integers(0, len(documents)))
    batch, rules = batch_of(*documents, language=language), build_rules(_specs(*_RULE_SETS))
    whole, part = apply_rules(batch, rules), apply_rules(batch.slice(start), rules)
    assert part.reason.equals(whole.reason.slice(start))
    assert all(part.measured[name].equals(column.slice(start)) for name, column in whole.measured.items())


@pytest.mark.parametrize("text", BLANK)
@pytest.mark.parametrize("rule_set", _RULE_SETS)
def test_blank_documents_are_dropped_by_every_rule_set(rule_set, text):
    assert apply_rules(batch_of(text), build_rules(_specs(rule_set))).reason.is_valid().to_pylist() == [True]


@pytest.mark.parametrize(
    "text",
    [
        "a" * 5_000_000,
        "41 " * 1_700_000,
        r"\x41" * 1_250_000,
        r"\u004" * 900_000,
        "41 41 41 41 41 41 41 " * 240_000 + "-",
        ("A" * 63 + "-") * 80_000,
        "<div>" * 200_000 + "</div>" * 200_000,
        "<script>" * 200_000,
        "</script" * 200_000,
        "<!--" * 500_000,
        "<a href='" * 200_000,
        "<" * 2_000_000,
        "&" * 2_000_000,
        " \u2003" * 1_000_000,
        "..." * 1_000_000,
        "\n" * 2_000_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_documents_are_judged(text):
    rules = build_rules(_specs(*_RULE_SETS))
    assert apply_rules(batch_of(text, language="html"), rules).reason.is_valid().to_pylist() == [True]


def test_a_shared_count_runs_once_for_the_rules_of_a_batch():
    calls = []

    @once_per_batch
    def count(columns: Columns, step: int) -> np.ndarray:
        calls.append(step)
        return np.full(columns.batch.num_rows, step)

    rules = [Rule(name, lambda columns, step=step: count(columns, step)) for name, step in [("a", 1), ("b", 2), ("c", 1)]]
    judged = apply_rules(batch_of("x"), rules)
    assert calls == [1, 2]
    assert [column.to_pylist() for column in judged.measured.values()] == [[1], [2], [1]]


def test_a_users_own_rule_is_found_by_its_import_path():
    rules = build_rules(_specs("starcoder2", f"{_OWN}.no_tabs", {f"{_OWN}.Paths": {"max_path_chars": 4}}))
    judged = apply_rules(batch_of("def f(): pass\n", "def f():\n\tpass\n"), rules)
    assert judged.reason.to_pylist() == ["paths_num_chars", "no_tabs_num_tabs"]
    assert judged.measured["no_tabs_num_tabs"].to_pylist() == [0, 1]


def test_a_users_single_rule_takes_thresholds():
    [rule] = build_rules(_specs({f"{_OWN}.no_tabs": {"maximum": 1}}))
    assert apply_rules(batch_of("\t", "\t\t"), [rule]).reason.to_pylist() == [None, "no_tabs_num_tabs"]


@pytest.mark.parametrize("entry", ["starcoder2", {"starcoder2": {"max_line_chars": 2000}}, {"mypackage.rules.no_tabs": {"maximum": None}}])
def test_a_spec_is_written_as_the_config_has_it(entry):
    [spec] = _specs(entry)
    assert spec.model_dump() == entry
    assert RuleSpec.model_validate(spec.model_dump()) == spec


def test_a_rule_set_without_thresholds_of_ones_own_may_end_in_a_colon():
    assert _specs({"starcoder2": None}) == _specs("starcoder2")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("starcoder", "did you mean 'starcoder2'"),
        ("xyz", "known are gopher_quality, language, starcoder2"),
        ({"starcoder2": {"max_line_char": 5}}, "did you mean 'max_line_chars'"),
        ({"starcoder2": {"max_line_chars": "many"}}, "rules.starcoder2.max_line_chars: 'many'"),
        ({"starcoder2": {"max_line_chars": -1}}, "greater than or equal to 0"),
        ({"gopher_quality": {"min_words": 9, "max_words": 3}}, "minimum 9 is over the maximum 3"),
        ("nopackage.rules.no_tabs", "can't import nopackage.rules"),
        (f"{_OWN}.no_tab", "did you mean 'no_tabs'"),
        (f"{_OWN}.not_a_rule", "is a str: make it a Rule"),
        ({f"{_OWN}.no_tabs": {"max": 1}}, "'max' is no threshold"),
        ({f"{_OWN}.Paths": {"max_chars": 1}}, "did you mean 'max_path_chars'"),
    ],
)
def test_what_cannot_be_built_is_named_with_the_nearest_that_can(entry, message):
    with pytest.raises(UsageError, match=message):
        build_rules(_specs(entry))


@pytest.mark.parametrize("entry", [5, {"starcoder2": 5}, {"starcoder2": {}, "gopher_quality": {}}, ["starcoder2"]])
def test_an_entry_of_another_form_is_an_error_that_shows_the_form(entry):
    with pytest.raises(ValueError, match="is no rule: write"):
        _specs(entry)


def test_a_rule_named_twice_is_an_error():
    with pytest.raises(UsageError, match="starcoder2_num_lines would be measured twice"):
        build_rules(_specs("starcoder2", {"starcoder2": {"max_lines": 5}}))


def test_a_rule_that_measures_too_few_numbers_is_an_error():
    with pytest.raises(RunError, match=r"too_few_numbers measured .* for 2 documents"):
        apply_rules(batch_of("a", "b"), build_rules(_specs(f"{_OWN}.too_few")))


def test_rules_read_the_columns_that_they_name():
    batch = batch_of("a", "b").append_column("stars", pa.array([5, None], pa.int64()))
    stars = Rule("stars", lambda columns: columns["stars"].to_numpy(zero_copy_only=False), minimum=10)
    assert apply_rules(batch, [stars]).reason.to_pylist() == ["stars", None]
