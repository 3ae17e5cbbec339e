from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.pairs import Pairs, ascending, join, make_pairs

# Batches of (high, what low is above it); the pair gives its similarity.
BATCHES = st.lists(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4)), max_size=12), max_size=8)


def _pairs(batch: list[tuple[int, int]]) -> Pairs:
    high, above = np.array(batch, np.int64).reshape(-1, 2).T
    return make_pairs(high, high + above, (high + 8 * above) / 64)


@given(batches=BATCHES, max_held=st.integers(1, 40))
@settings(deadline=None, max_examples=200)
def test_pairs_come_ascending_and_once_however_few_are_held(tmp_path_factory: pytest.TempPathFactory, batches: list, max_held: int) -> None:
    folder = tmp_path_factory.mktemp("runs")
    found = list(ascending(map(_pairs, batches), folder=str(folder), max_held=max_held))
    expected = sorted({(high, high + above, (high + 8 * above) / 64) for batch in batches for high, above in batch})
    whole = join(found)
    assert list(zip(whole.high.tolist(), whole.low.tolist(), whole.similarity.tolist(), strict=True)) == expected


def test_a_merge_holds_what_it_may_and_what_is_distinct_is_not_spilled(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    batches = [make_pairs(rng.integers(0, 10**6, 5000), rng.integers(10**6, 2 * 10**6, 5000), np.ones(5000)) for _ in range(20)]
    found = list(ascending(batches, folder=str(tmp_path), max_held=8000))
    assert len(list(tmp_path.iterdir())) >= 2 * 10
    assert max(map(len, found)) <= 8000
    np.testing.assert_array_equal(join(found).key, np.unique(join(batches).key))
    (same,) = ascending([batches[0]] * 20, folder=str(tmp_path / "none"), max_held=12_000)
    np.testing.assert_array_equal(same.key, np.unique(batches[0].key))


@pytest.mark.parametrize(("high", "low"), [(2, 2), (3, 1), (-1, 5), (0, 2**32 - 1)])
def test_pairs_that_point_the_wrong_way_or_out_of_the_range_are_refused(high: int, low: int) -> None:
    with pytest.raises(ValueError, match=rf"pair 0 joins {high} and {low}"):
        make_pairs(np.array([high]), np.array([low]), np.ones(1))
