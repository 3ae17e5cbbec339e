import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.schedule import Schedule, bound, check_schedule, longest_schedule, schedule, worst_deviation
from pipeline.params import LawBroken

Phases = list[dict[str, Fraction]]


@st.composite
def phased_shares(draw: Any, max_phases: int = 4, max_weight: int = 10**4) -> Phases:
    names = [f"s{i}" for i in range(draw(st.integers(1, 7)))]
    result = []
    for _ in range(draw(st.integers(1, max_phases))):
        weights = draw(st.lists(st.integers(0, draw(st.sampled_from([2, 20, max_weight]))), min_size=len(names), max_size=len(names)))
        weights[draw(st.integers(0, len(names) - 1))] += 1
        result.append({name: Fraction(weight, sum(weights)) for name, weight in zip(names, weights, strict=True)})
    return result


lengths = st.lists(st.integers(1, 60), min_size=4, max_size=4)


def plain_deviations(sources: list[int], shares: Phases, num_sequences: list[int]) -> list[list[Fraction]]:
    """[prefix][source], with nothing but fractions."""
    steps = itertools.chain.from_iterable(itertools.repeat(phase, count) for phase, count in zip(shares, num_sequences, strict=True))
    deviation = {name: Fraction(0) for name in sorted(shares[0])}
    result = []
    for source, step in zip(sources, steps, strict=True):
        for i, name in enumerate(deviation):
            deviation[name] += (i == source) - step[name]
        result.append(list(deviation.values()))
    return result


def plain_schedule(shares: Phases, num_sequences: list[int]) -> list[int]:
    """The rule of the module's docstring, with the deadlines found by walking."""
    names, limit = sorted(shares[0]), bound(shares)
    ends = list(itertools.accumulate(num_sequences))
    horizon = ends[-1] + 4 * max(share.denominator for phase in shares for share in phase.values())
    steps = [shares[min(sum(position >= end for end in ends), len(ends) - 1)] for position in range(horizon)]
    deficits, result = dict.fromkeys(names, Fraction(0)), []
    for position in range(ends[-1]):
        found = []
        for i, name in enumerate(names):
            deficits[name] += steps[position][name]
            if deficits[name] >= 1 - limit:
                later = itertools.accumulate((step[name] for step in steps[position + 1 :]), initial=deficits[name])
                found.append((next((k for k, deficit in enumerate(later) if deficit > limit), horizon), i))
        result.append(min(found)[1])
        deficits[names[result[-1]]] -= 1
    return result


@given(phased_shares(), lengths)
@settings(max_examples=300, deadline=None)
def test_no_prefix_of_any_phase_exceeds_tijdemans_bound(shares: Phases, num_sequences: list[int]) -> None:
    num_sequences = num_sequences[: len(shares)]
    found = schedule(shares, num_sequences)
    deviations = plain_deviations(found.sources.tolist(), shares, num_sequences)
    assert max(abs(value) for row in deviations for value in row) <= bound(shares) < 1


@given(phased_shares(max_weight=30), st.lists(st.integers(1, 12), min_size=4, max_size=4))
@settings(max_examples=100, deadline=None)
def test_the_schedule_is_the_one_that_fractions_give_step_by_step(shares: Phases, num_sequences: list[int]) -> None:
    num_sequences = num_sequences[: len(shares)]
    assert schedule(shares, num_sequences).sources.tolist() == plain_schedule(shares, num_sequences)


@pytest.mark.parametrize("length", [2, 5, 8])
def test_no_order_of_two_equal_sources_is_better(length: int) -> None:
    shares = [{"a": Fraction(1, 2), "b": Fraction(1, 2)}]
    orders = itertools.product((0, 1), repeat=length)
    best = min(max(abs(value) for row in plain_deviations(list(order), shares, [length]) for value in row) for order in orders)
    assert worst_deviation(schedule(shares, [length]), shares).worst == best


@given(phased_shares(max_phases=1), st.integers(1, 200), st.integers(0, 200))
@settings(deadline=None)
def test_a_longer_stream_begins_with_the_shorter_one(shares: Phases, length: int, more: int) -> None:
    longer = schedule(shares, [length + more]).sources
    assert np.array_equal(longer[:length], schedule(shares, [length]).sources)


@given(phased_shares(), lengths)
@settings(deadline=None)
def test_the_measured_deviation_is_exact_and_its_drawing_keeps_the_extremes(shares: Phases, num_sequences: list[int]) -> None:
    num_sequences = num_sequences[: len(shares)]
    found = schedule(shares, num_sequences)
    deviations = plain_deviations(found.sources.tolist(), shares, num_sequences)
    worst = max(abs(value) for row in deviations for value in row)
    measured = check_schedule(found, shares)
    assert measured.worst == worst
    if worst:
        assert abs(deviations[measured.prefix - 1][found.names.index(measured.source)]) == worst
        assert all(abs(value) < worst for row in deviations[: measured.prefix - 1] for value in row)
    assert np.allclose(measured.lowest.T, np.array(deviations, float))
    assert np.allclose(measured.highest.T, np.array(deviations, float))


def test_a_long_stream_is_drawn_with_a_thousand_bins_that_hold_every_extreme() -> None:
    shares = [{"a": Fraction(7, 13), "b": Fraction(5, 13), "c": Fraction(1, 13)}]
    found = schedule(shares, [12_345])
    measured = worst_deviation(found, shares)
    counts = np.cumsum(found.sources == 1)
    deviation = counts - np.arange(1, 12_346) * 5 / 13
    starts = np.concatenate([[0], measured.bin_ends[:-1]])
    assert measured.bin_ends.size <= 1000
    assert measured.bin_ends[-1] == 12_345
    assert np.allclose(measured.highest[1], np.maximum.reduceat(deviation, starts))
    assert np.allclose(measured.lowest[1], np.minimum.reduceat(deviation, starts))


def test_the_law_refuses_a_stream_that_is_sorted_by_source() -> None:
    shares = [{"a": Fraction(1, 2), "b": Fraction(1, 2)}]
    made = schedule(shares, [8])
    with pytest.raises(LawBroken, match=r"after 4 sequences a is 2\.0000 sequences away"):
        check_schedule(Schedule(made.names, np.sort(made.sources), made.phase_ends), shares)


@given(phased_shares(max_phases=1), st.data())
@settings(deadline=None)
def test_the_longest_stream_stops_at_the_first_sequence_that_a_source_cannot_give(shares: Phases, data: st.DataObject) -> None:
    capacities = {name: data.draw(st.integers(0, 40)) for name in shares[0]}
    found, short = longest_schedule(shares[0], capacities)
    counts = found.counts()
    assert all(counts[name] <= capacities[name] for name in counts)
    more = schedule(shares, [found.sources.size + 1])
    assert np.array_equal(more.sources[:-1], found.sources)
    assert more.names[more.sources[-1]] == short
    assert counts[short] == capacities[short]


def test_large_denominators_do_not_overflow() -> None:
    total = 10**15 + 37
    shares = [{"a": Fraction(1, total), "b": Fraction(total - 1 - 10**14, total), "c": Fraction(10**14, total)}]
    found = check_schedule(schedule(shares, [200_000]), shares)
    assert found.worst <= bound(shares)


def test_positions_and_phases_read_the_stream() -> None:
    shares = [{"a": Fraction(1), "b": Fraction(0)}, {"a": Fraction(1, 3), "b": Fraction(2, 3)}]
    found = schedule(shares, [3, 6])
    assert found.positions("a").tolist()[:3] == [0, 1, 2]
    assert sorted([*found.positions("a"), *found.positions("b")]) == list(range(9))
    assert found.phases(np.arange(9)).tolist() == [0] * 3 + [1] * 6
    assert found.counts() == {"a": 5, "b": 4}
