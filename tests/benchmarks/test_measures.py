"""The measures agree with those of scikit-learn, and intervals hold the mean."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from benchmarks.quality.judged import ece, reliability
from matcher.evaluation.collection import estimate, ndcg, reciprocal_rank


@pytest.mark.parametrize("seed", range(5))
def test_ndcg_is_that_of_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    relevant = random.random(40) < 0.3
    scores = random.random(40)
    ranked = relevant[np.argsort(-scores)]
    expected = ndcg_score([relevant.astype(float)], [scores], k=10)
    assert ndcg(ranked, [1] * int(relevant.sum())) == pytest.approx(expected)


def test_ndcg_of_nothing_relevant_is_zero() -> None:
    assert ndcg(np.zeros(10, bool), []) == 0.0


@pytest.mark.parametrize(("ranked", "expected"), [([0, 0, 1, 1], 1 / 3), ([1], 1.0), ([0, 0], 0.0)])
def test_reciprocal_rank(ranked: list[int], expected: float) -> None:
    assert reciprocal_rank(np.array(ranked, bool)) == pytest.approx(expected)


def test_interval_holds_the_mean_and_narrows_with_more_queries() -> None:
    random = np.random.default_rng(3)
    few, many = random.random(20).tolist(), random.random(2000).tolist()
    small, large = estimate(few, 1, 500), estimate(many, 1, 500)
    assert small["low"] < small["value"] < small["high"]
    assert large["high"] - large["low"] < small["high"] - small["low"]
    assert estimate(few, 1, 500) == small
    assert estimate([], 1, 10) == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_graded_ndcg_by_hand() -> None:
    assert ndcg([3, 0, 1], [3, 1], 10) == pytest.approx((7 + 1 / 2) / (7 + 1 / np.log2(3)))
    assert ndcg([], [3], 10) == 0.0
    assert ndcg([1], [], 10) == 0.0


def test_calibration_error_is_the_gap_between_scores_and_what_was_right() -> None:
    scores = np.array([0.05, 0.05, 0.95, 0.95])
    right = np.array([False, False, True, False])
    rows = reliability(scores, right)
    assert [(r["count"], r["right"]) for r in rows] == [(2, 0.0), (2, 0.5)]
    assert ece(rows) == pytest.approx((2 * 0.05 + 2 * 0.45) / 4)


def test_a_single_query_is_its_own_interval() -> None:
    assert estimate([0.25], 1, 10) == {"value": 0.25, "low": 0.25, "high": 0.25}


def test_the_interval_is_that_of_a_plain_bootstrap() -> None:
    data = np.random.default_rng(5).random(40)
    drawn = np.random.default_rng(2).integers(0, 40, (300, 40))
    low, high = np.percentile(data[drawn].mean(axis=1), [2.5, 97.5])
    assert estimate(data, 2, 300) == {
        "value": round(float(data.mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }
