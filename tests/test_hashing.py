"""Luck and names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.hashing import fingerprint, hash64, luck, mix64

UINT64 = st.integers(0, 2**64 - 1)


def unmix64(values: np.ndarray) -> np.ndarray:
    """splitmix64's finaliser backwards: each of its steps undone."""
    x = values.copy()
    x = x ^ (x >> np.uint64(31)) ^ (x >> np.uint64(62))
    x = x * np.uint64(pow(0x94D049BB133111EB, -1, 2**64))
    x = x ^ (x >> np.uint64(27)) ^ (x >> np.uint64(54))
    x = x * np.uint64(pow(0xBF58476D1CE4E5B9, -1, 2**64))
    x = x ^ (x >> np.uint64(30)) ^ (x >> np.uint64(60))
    return x - np.uint64(0x9E3779B97F4A7C15)


@given(st.lists(UINT64, min_size=1, max_size=50))
def test_mix64_is_a_bijection(values: list[int]) -> None:
    array = np.array(values, np.uint64)
    assert unmix64(mix64(array)).tolist() == values


def test_mix64_is_splitmix64() -> None:
    # The first outputs of the published generator for the seed 0: its state counts in steps of the golden gamma.
    gamma = 0x9E3779B97F4A7C15
    states = np.array([0, gamma, 2 * gamma % 2**64], np.uint64)
    assert [f"{value:016x}" for value in mix64(states).tolist()] == ["e220a8397b1dcdaf", "6e789e6aa1b965f4", "06c45d188009454f"]


def _bits(values: np.ndarray) -> np.ndarray:
    return (values[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)


@pytest.mark.parametrize("first", [0, 1 << 40, 2**64 - 20_000])
def test_luck_is_uniform_bit_by_bit_over_neighbouring_ids(first: int) -> None:
    ids = np.arange(20_000, dtype=np.uint64) + np.uint64(first)
    means = _bits(luck(1, "order/0", ids)).mean(axis=0)
    # Five standard errors of a fair coin.
    assert np.abs(means - 0.5).max() < 5 * 0.5 / np.sqrt(len(ids))


@pytest.mark.parametrize(("one", "other"), [((1, "order/0"), (1, "order/1")), ((1, "sample"), (2, "sample")), ((0, "a"), (0, "b"))])
def test_luck_is_independent_between_purposes_and_seeds(one: tuple[int, str], other: tuple[int, str]) -> None:
    ids = np.arange(20_000, dtype=np.uint64) << np.uint64(20)
    left, right = (luck(seed, purpose, ids) for seed, purpose in (one, other))
    assert np.abs(_bits(left ^ right).mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(len(ids))
    correlation = np.corrcoef(left.astype(float), right.astype(float))[0, 1]
    assert abs(correlation) < 5 / np.sqrt(len(ids))


@given(st.lists(UINT64, unique=True, max_size=50), st.integers(0, 2**31), st.text(max_size=10))
def test_different_ids_never_share_their_luck(ids: list[int], seed: int, purpose: str) -> None:
    array = np.array(ids, np.uint64)
    assert len(set(luck(seed, purpose, array).tolist())) == len(ids)
    assert luck(seed, purpose, array[::-1]).tolist() == luck(seed, purpose, array)[::-1].tolist()


def test_names_hang_on_where_the_parts_are_cut_and_not_on_the_order_of_keys() -> None:
    assert hash64("ab", "c") != hash64("a", "bc")
    assert hash64(["a"]) != hash64("a")
    assert hash64(1) != hash64("1")
    assert fingerprint({"a": 1, "b": [2, None]}) == fingerprint({"b": [2, None], "a": 1})
    assert fingerprint("\ud800") != fingerprint("\ud801")
