"""The figures on a classifier's card."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.classifier.scores import auc, evaluate

pairs = st.lists(st.tuples(st.integers(0, 1000).map(lambda score: score / 1000), st.booleans()), min_size=2, max_size=40).filter(
    lambda found: len({is_good for _, is_good in found}) == 2
)


def arrays(found: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([score for score, _ in found]), np.array([is_good for _, is_good in found])


@given(pairs)
def test_auc_is_the_share_of_pairs_that_stand_right(found):
    good, bad = ([score for score, is_good in found if is_good is wanted] for wanted in (True, False))
    won = sum((mine > other) + 0.5 * (mine == other) for mine in good for other in bad)
    assert auc(*arrays(found)) == pytest.approx(won / (len(good) * len(bad)))


@given(pairs, st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_the_row_of_a_threshold_counts_what_it_keeps(found, threshold):
    card = evaluate(*arrays(found), thresholds=(threshold,))
    [row] = card["thresholds"]
    kept = [is_good for score, is_good in found if score >= threshold]
    assert (row["good_kept"], row["bad_kept"]) == (sum(kept), len(kept) - sum(kept))
    assert row["good_kept"] + row["good_dropped"] == card["num_good"]
    assert row["bad_kept"] + row["bad_dropped"] == card["num_bad"]
    assert row["accuracy"] == pytest.approx(sum((score >= threshold) == is_good for score, is_good in found) / len(found), abs=1e-6)
    assert row["precision"] == (pytest.approx(sum(kept) / len(kept), abs=1e-6) if kept else None)
    assert row["recall"] == pytest.approx(sum(kept) / card["num_good"], abs=1e-6)


@given(pairs)
def test_calibration_has_every_document_once(found):
    rows = evaluate(*arrays(found))["calibration"]
    assert sum(row["documents"] for row in rows) == len(found)
    assert sum(row["documents"] * row["good_fraction"] for row in rows) == pytest.approx(sum(good for _, good in found), abs=1e-3)
    assert all(row["from"] - 1e-9 <= row["mean_score"] <= row["from"] + 0.1 + 1e-9 for row in rows)
