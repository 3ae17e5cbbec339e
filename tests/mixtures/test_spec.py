from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mixtures.spec import MixtureParams, check_sources, groups_of, max_epochs_of, shares
from pipeline.params import UsageError

CODE = {"weight": 10, "sources": {"python": 72.73, "sql": {"weight": 5.15, "max_epochs": 2.5}}}
TEXT = {"weight": 1, "sources": {"wiki": 1}}


def mixture(**changes: Any) -> MixtureParams:
    return MixtureParams.model_validate({"groups": {"code": CODE, "text": TEXT}, **changes})


def phases(*values: dict[str, Any], **changes: Any) -> MixtureParams:
    return MixtureParams.model_validate({"phases": values, **changes})


def test_weights_are_divided_as_the_decimals_that_were_written() -> None:
    assert shares(mixture()) == [
        {"python": Fraction(10, 11) * Fraction(7273, 7788), "sql": Fraction(10, 11) * Fraction(515, 7788), "wiki": Fraction(1, 11)}
    ]


weights = st.integers(1, 9999).map(lambda number: number / 100)


@given(st.lists(st.tuples(weights, st.lists(weights, min_size=1, max_size=5)), min_size=1, max_size=4), st.randoms())
def test_shares_sum_to_one_and_do_not_depend_on_the_order_of_lines(groups: list[tuple[float, list[float]]], random: Any) -> None:
    named = [(f"g{i}", weight, [(f"s{i}_{j}", own) for j, own in enumerate(sources)]) for i, (weight, sources) in enumerate(groups)]
    first = MixtureParams.model_validate({"groups": {name: {"weight": w, "sources": dict(sources)} for name, w, sources in named}})
    random.shuffle(named)
    second = MixtureParams.model_validate({"groups": {name: {"weight": w, "sources": dict(sources[::-1])} for name, w, sources in named}})
    assert sum(shares(first)[0].values()) == 1
    assert list(shares(first)[0].items()) == list(shares(second)[0].items())


def test_a_phase_that_leaves_a_source_out_gives_it_the_share_zero() -> None:
    params = phases({"name": "a", "tokens": 10, "groups": {"code": CODE}}, {"name": "b", "tokens": 5, "groups": {"text": TEXT}})
    first, second = shares(params)
    assert (first["wiki"], second["wiki"], second["sql"]) == (0, 1, 0)
    assert sum(first.values()) == 1


def test_a_sources_own_cap_on_epochs_goes_before_the_mixtures() -> None:
    assert max_epochs_of(mixture(max_epochs=1.25)) == {"python": Fraction(5, 4), "sql": Fraction(5, 2), "wiki": Fraction(5, 4)}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"groups": {"code": {"weight": 0, "sources": {"a": 1}}}}, "remove the entry"),
        ({"groups": {"code": {"weight": 1, "sources": {"a": -2}}}}, "remove the entry"),
        ({"groups": {"code": {"weight": 1, "sources": {"a": float("inf")}}}}, "not a positive number"),
        ({"groups": {"code": {"weight": 1, "sources": {}}}}, "name at least one"),
        ({"groups": {}}, "at least one group"),
        ({}, "give one of them"),
        ({"groups": {"code": CODE, "more": {"weight": 1, "sources": {"sql": 1}}}}, "keep it in one group"),
        ({"groups": {"code": {"weight": 1, "sources": {"a": 1, "b": 1.2345678901234567, "c": 7.654321e-19}}}}, "fewer digits"),
        ({"phases": [{"name": "a", "groups": {"code": CODE}}]}, "either tokens or fraction"),
        ({"phases": [{"name": "a", "fraction": 1, "groups": {"code": CODE}}]}, "there is no total_tokens"),
        ({"phases": [{"name": "a", "fraction": 0.9, "groups": {"code": CODE}}], "total_tokens": 9}, "let them sum to 1"),
        ({"phases": [{"name": "a", "tokens": 9, "groups": {"code": CODE}}], "total_tokens": 9}, "remove it"),
        ({"groups": {"code": CODE}, "total": 3}, "Extra inputs"),
    ],
)
def test_a_mixture_that_means_nothing_is_refused_with_a_remedy(value: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MixtureParams.model_validate(value)


def test_two_caps_for_one_source_are_refused() -> None:
    other = {"weight": 1, "sources": {"sql": {"weight": 1, "max_epochs": 3}}}
    with pytest.raises(ValueError, match="give it once"):
        phases({"name": "a", "tokens": 9, "groups": {"code": CODE}}, {"name": "b", "tokens": 9, "groups": {"code": other}})


def test_an_unknown_source_is_answered_with_the_nearest_known_one() -> None:
    check_sources(mixture(), {"python", "sql", "wiki", "java"})
    with pytest.raises(UsageError, match=r"mixture\.code\.python .* did you mean pythons"):
        check_sources(mixture(), {"pythons", "sql", "wiki"})


@pytest.fixture
def lemur() -> MixtureParams:
    path = Path(__file__).parents[2] / "mixtures" / "lemur.yaml"
    return MixtureParams.model_validate(yaml.safe_load(path.read_text())["mixture"])


def test_lemur_is_ten_tokens_of_code_to_one_of_text(lemur: MixtureParams) -> None:
    (found,) = shares(lemur)
    groups = groups_of(lemur)
    totals = {group: sum(share for name, share in found.items() if groups[name] == group) for group in groups.values()}
    assert totals == {"code": Fraction(10, 11), "text": Fraction(1, 11)}


def test_lemur_has_the_proportions_of_table_8_inside_each_group(lemur: MixtureParams) -> None:
    (found,) = shares(lemur)
    assert found["python"] / Fraction(10, 11) == Fraction(7273, 9080)
    assert found["refinedweb"] / Fraction(1, 11) == Fraction(682, 910)
    assert found["sql"] / found["java"] == Fraction(515, 182)
    assert len(found) == 16


def test_lemur_allows_the_epochs_that_table_8_needs(lemur: MixtureParams) -> None:
    caps = max_epochs_of(lemur)
    printed = {"python": 2.98, "shell": 1.26, "sql": 0.69, "jupyter": 0.82, "java": 0.06, "cpp": 0.06, "other_code": 0.06}
    assert all(0 <= caps[name] - epochs < 1 for name, epochs in printed.items())
