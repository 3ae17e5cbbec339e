import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation.judge import apply_rules
from pipeline.curation.rule import Columns, Rule, once_per_batch
from pipeline.curation.steps import STEPS, rules_of
from pipeline.params import RunError
from tests.curation.documents import BLANK, DOCUMENTS, batch_of, steps, texts

# Those that need no model and no index. (Their own tests try the others.)
_RULE_SETS = [name for name in STEPS if name not in ("decontaminate", "language", "quality")]
_WITHOUT_A_WORD_ON_LENGTH = {"linguist", "opencoder_syntax", "redact"}


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
    judged = apply_rules(batch_of("a", None, language="HTML"), rules_of(steps(*_RULE_SETS)))
    assert judged.reason.to_pylist()[1] is None
    assert {column.to_pylist()[1] for column in judged.measured.values()} == {None}


def test_no_rules_and_no_documents_are_both_fine():
    assert apply_rules(batch_of("a"), []).reason.to_pylist() == [None]
    judged = apply_rules(batch_of(), rules_of(steps(*_RULE_SETS)))
    assert {len(column) for column in [judged.reason, *judged.measured.values()]} == {0}


@given(
    st.lists(texts | st.sampled_from(DOCUMENTS), min_size=1), st.sampled_from(["HTML", "json", "Python", "WebAssembly", None]), st.data()
)
def test_a_slice_of_a_batch_is_judged_as_in_the_batch(documents, language, data):
    start = data.draw(st.integers(0, len(documents)))
    batch, rules = batch_of(*documents, language=language), rules_of(steps(*_RULE_SETS))
    whole, part = apply_rules(batch, rules), apply_rules(batch.slice(start), rules)
    assert part.reason.equals(whole.reason.slice(start))
    assert all(part.measured[name].equals(column.slice(start)) for name, column in whole.measured.items())


@pytest.mark.parametrize("text", BLANK)
@pytest.mark.parametrize("rule_set", [name for name in _RULE_SETS if name not in _WITHOUT_A_WORD_ON_LENGTH])
def test_blank_documents_are_dropped_by_every_rule_set_that_asks_for_text(rule_set, text):
    assert apply_rules(batch_of(text), rules_of(steps(rule_set))).reason.is_valid().to_pylist() == [True]


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
    rules = rules_of(steps(*_RULE_SETS))
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


def test_a_rule_that_measures_too_few_numbers_is_an_error():
    with pytest.raises(RunError, match=r"too_few_numbers measured .* for 2 documents"):
        apply_rules(batch_of("a", "b"), rules_of(steps("tests.curation.own_rules.too_few")))


def test_rules_read_the_columns_that_they_name():
    batch = batch_of("a", "b").append_column("stars", pa.array([5, None], pa.int64()))
    stars = Rule("stars", lambda columns: columns["stars"].to_numpy(zero_copy_only=False), minimum=10)
    assert apply_rules(batch, [stars]).reason.to_pylist() == ["stars", None]
