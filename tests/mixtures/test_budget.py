from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.budget import Stock, make_budget, phase_lengths
from mixtures.spec import MixtureParams
from pipeline.params import UsageError

S = 16


def mixture(**changes: Any) -> MixtureParams:
    groups = {
        "code": {"weight": 10, "sources": {"python": {"weight": 8, "max_epochs": 3}, "sql": 2}},
        "text": {"weight": 1, "sources": {"wiki": 1}},
    }
    return MixtureParams.model_validate({"groups": groups, **changes})


def phased(*fractions: float, total_tokens: int) -> MixtureParams:
    groups = [{"code": {"weight": 1, "sources": {"python": 1}}}, {"text": {"weight": 1, "sources": {"wiki": 1}}}]
    phases = [{"name": f"p{i}", "fraction": fraction, "groups": groups[i % 2]} for i, fraction in enumerate(fractions)]
    return MixtureParams.model_validate({"phases": phases, "total_tokens": total_tokens})


def stocks(python: int, sql: int, wiki: int) -> dict[str, Stock]:
    return {name: Stock(num // 10, num) for name, num in {"python": python, "sql": sql, "wiki": wiki}.items()}


sizes = st.integers(S, 5000)


@given(sizes, sizes, sizes)
@settings(deadline=None)
def test_without_a_total_the_stream_ends_where_one_source_has_run_out(python: int, sql: int, wiki: int) -> None:
    budget = make_budget(mixture(), stocks(python, sql, wiki), sequence_length=S)
    by_name = {source.name: source for source in budget.sources}
    assert budget.binds is not None
    assert by_name[budget.binds].unused_tokens < S
    for source in budget.sources:
        assert source.used_tokens == source.num_sequences * S <= source.available_tokens == source.stock.num_tokens * source.max_epochs
        assert source.used_tokens + source.unused_tokens == source.available_tokens
        assert source.epochs <= source.max_epochs


@given(sizes, sizes, sizes, st.integers(1, 20_000))
@settings(deadline=None)
def test_a_total_is_met_or_the_remedies_of_the_error_work(python: int, sql: int, wiki: int, num_sequences: int) -> None:
    have = stocks(python, sql, wiki)
    try:
        budget = make_budget(mixture(total_tokens=num_sequences * S), have, sequence_length=S)
    except UsageError as error:
        lower = int(str(error).rsplit("lower total_tokens to ", 1)[1])
        shortened = make_budget(mixture(total_tokens=lower), have, sequence_length=S)
        assert shortened.schedule.sources.size * S == lower
        with pytest.raises(UsageError):
            make_budget(mixture(total_tokens=lower + S), have, sequence_length=S)
    else:
        assert budget.binds is None
        assert sum(source.num_sequences for source in budget.sources) == num_sequences


@given(sizes, st.integers(1, 20_000))
@settings(deadline=None)
def test_the_epochs_that_an_error_names_are_enough(python: int, num_sequences: int) -> None:
    def params(max_epochs: float) -> MixtureParams:
        sources = {"python": {"weight": 8, "max_epochs": max_epochs}, "sql": 3}
        return mixture(groups={"code": {"weight": 1, "sources": sources}}, total_tokens=num_sequences * S)

    have = stocks(python, 10**7, 0)
    try:
        make_budget(params(1), have, sequence_length=S)
    except UsageError as error:
        enough = float(str(error).split("raise its max_epochs to ")[1].split("\n")[0])
        assert make_budget(params(enough), have, sequence_length=S).sources[0].epochs <= enough


def test_an_infeasible_mixture_names_field_numbers_and_both_ways_out() -> None:
    with pytest.raises(UsageError) as error:
        make_budget(mixture(total_tokens=90_000_000_000), stocks(20_000_000_000, 40_000_000_000, 9_000_000_000), sequence_length=4096)
    lines = str(error.value).split("\n")
    assert lines[0] == "mixture.code.python needs 65.45 B tokens, has 60.00 B at max_epochs=3: raise its max_epochs to 3.28"
    assert lines[1].startswith("or lower total_tokens to 82_49")


def test_an_absurd_total_fails_before_it_is_laid_out() -> None:
    with pytest.raises(UsageError, match="lower total_tokens to"):
        make_budget(mixture(total_tokens=10**18), stocks(10_000, 10_000, 10_000), sequence_length=S)


def test_a_source_without_tokens_or_with_less_than_a_sequence_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"mixture\.text\.wiki has no tokens .*remove it"):
        make_budget(mixture(), stocks(1000, 1000, 0), sequence_length=S)
    with pytest.raises(UsageError, match=r"mixture\.text\.wiki has 10 tokens .*max_epochs to 1\.6,"):
        make_budget(mixture(), stocks(1000, 1000, 10), sequence_length=S)
    with pytest.raises(UsageError, match=r"mixture\.text\.wiki is no source"):
        make_budget(mixture(), {"python": Stock(1, 1000), "sql": Stock(1, 1000)}, sequence_length=S)


@given(st.integers(1, 10_000), st.integers(1, 99))
def test_phases_end_at_their_cumulative_fraction_rounded_down(num_sequences: int, percent: int) -> None:
    params = phased(percent / 100, (100 - percent) / 100, total_tokens=num_sequences * S + 3)
    first = num_sequences * percent // 100
    if 0 < first < num_sequences:
        assert phase_lengths(params, S) == [first, num_sequences - first]
    else:
        with pytest.raises(UsageError, match=r"mixture\.phases\.p[01] is less than one sequence"):
            phase_lengths(params, S)


@given(sizes, sizes, st.integers(3, 3000))
@settings(deadline=None)
def test_shortening_the_phases_as_an_error_says_makes_them_feasible(python: int, wiki: int, num_sequences: int) -> None:
    have = stocks(python, 0, wiki)
    try:
        make_budget(phased(0.4, 0.6, total_tokens=num_sequences * S), have, sequence_length=S)
    except UsageError as error:
        if "total_tokens to" in str(error):
            part = float(str(error).rsplit("lower total_tokens to ", 1)[1].split(" %")[0])
            if num_sequences * part / 100 >= 5:
                make_budget(phased(0.4, 0.6, total_tokens=int(num_sequences * S * part / 100)), have, sequence_length=S)


def test_the_rows_sum_to_the_stream() -> None:
    budget = make_budget(mixture(), stocks(5000, 5000, 5000), sequence_length=S)
    rows = budget.rows()
    assert [row["source"] for row in rows] == ["python", "sql", "wiki"]
    assert sum(row["packed_tokens"] for row in rows) == budget.schedule.sources.size * S  # type: ignore[misc]
    assert [row["source"] for row in rows if row["binds"]] == [budget.binds]
