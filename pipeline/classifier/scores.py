"""How well scores part good documents from bad ones."""

from typing import Any

import numpy as np

THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.9)
_NUM_BINS = 10


def evaluate(scores: np.ndarray, is_good: np.ndarray, *, thresholds: tuple[float, ...] = THRESHOLDS) -> dict[str, Any]:
    """
    Args:
        scores: float64 [n] in [0, 1].
        is_good: bool [n], some of each.
    Returns:
        auc: the chance that a good document scores more than a bad one, ties half.
        thresholds: a row each: what `min_score` would keep; `precision` is null if it keeps nothing.
        calibration: by tenths of the score, documents, their mean score, and the fraction of them that is good.
    """
    return {
        "num_good": int(is_good.sum()),
        "num_bad": int((~is_good).sum()),
        "auc": round(auc(scores, is_good), 6),
        "thresholds": [_at(scores, is_good, threshold) for threshold in thresholds],
        "calibration": _calibration(scores, is_good),
    }


def auc(scores: np.ndarray, is_good: np.ndarray) -> float:
    """Mann and Whitney's statistic over the pairs; ties count half."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    # The mean rank of all documents with one score, from 1.
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    num_good, num_bad = int(is_good.sum()), int((~is_good).sum())
    return float((ranks[is_good].sum() - num_good * (num_good + 1) / 2) / (num_good * num_bad))


def _at(scores: np.ndarray, is_good: np.ndarray, threshold: float) -> dict[str, Any]:
    kept = scores >= threshold
    good_kept, bad_kept = int((kept & is_good).sum()), int((kept & ~is_good).sum())
    num_good, num_bad = int(is_good.sum()), int((~is_good).sum())
    return {
        "min_score": threshold,
        "good_kept": good_kept,
        "good_dropped": num_good - good_kept,
        "bad_kept": bad_kept,
        "bad_dropped": num_bad - bad_kept,
        "accuracy": round((good_kept + num_bad - bad_kept) / len(scores), 6),
        "precision": round(good_kept / (good_kept + bad_kept), 6) if good_kept + bad_kept else None,
        "recall": round(good_kept / num_good, 6),
    }


def _calibration(scores: np.ndarray, is_good: np.ndarray) -> list[dict[str, Any]]:
    bins = np.minimum((scores * _NUM_BINS).astype(np.int64), _NUM_BINS - 1)
    rows = []
    for index in np.unique(bins):
        held = bins == index
        mean, good = round(float(scores[held].mean()), 6), round(float(is_good[held].mean()), 6)
        rows.append({"from": index / _NUM_BINS, "documents": int(held.sum()), "mean_score": mean, "good_fraction": good})
    return rows
