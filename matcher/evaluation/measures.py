"""Measures of a ranking, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Estimate:
    """A mean over queries with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """Return the three numbers, rounded."""
        return {
            "value": round(self.value, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
        }


def ndcg(ranked: Bools, relevant: int, depth: int = 10) -> float:
    """Return nDCG at ``depth`` of a ranked list of relevance, gains 0 or 1.

    DCG is the sum of gain / log2(rank + 1) (Järvelin and Kekäläinen 2002).
    """
    discount = 1 / np.log2(np.arange(2, depth + 2))
    gains = ranked[:depth].astype(float)
    ideal = discount[: min(depth, relevant)].sum()
    return float((gains * discount[: len(gains)]).sum() / ideal) if relevant else 0.0


def reciprocal_rank(ranked: Bools) -> float:
    """Return 1 / the rank of the first relevant document, 0 if there is none."""
    hits = np.flatnonzero(ranked)
    return float(1 / (hits[0] + 1)) if len(hits) else 0.0


def estimate(values: Sequence[float], seed: int, samples: int) -> Estimate:
    """Return the mean and its percentile bootstrap interval over queries."""
    data = np.asarray(values, float)
    if not len(data):
        return Estimate(0.0, 0.0, 0.0)
    random = np.random.default_rng(seed)
    means = data[random.integers(0, len(data), (samples, len(data)))].mean(axis=1)
    return Estimate(float(data.mean()), *(float(v) for v in np.percentile(means, [2.5, 97.5])))


def graded_ndcg(ranked: Sequence[int], judged: Sequence[int], depth: int) -> float:
    """Return nDCG at ``depth`` of grades in the order of a ranking, gains 2^grade - 1."""

    def dcg(grades: Sequence[int]) -> float:
        gains = 2.0 ** np.asarray(grades[:depth], float) - 1
        return float((gains / np.log2(np.arange(2, len(gains) + 2))).sum())

    best = dcg(sorted(judged, reverse=True))
    return dcg(ranked) / best if best else 0.0


def reliability(scores: Floats, right: Bools, bins: int = 10) -> list[dict[str, float]]:
    """Return, for each tenth of the scale, how many scores, their mean and the share right."""
    place = np.minimum((scores * bins).astype(int), bins - 1)
    return [
        {
            "from": n / bins,
            "count": int(here.sum()),
            "mean_score": round(float(scores[here].mean()), 3),
            "right": round(float(right[here].mean()), 3),
        }
        for n in range(bins)
        if (here := place == n).any()
    ]


def ece(scores: Floats, right: Bools, bins: int = 10) -> float:
    """Return the expected calibration error (Naeini, Cooper and Hauskrecht 2015)."""
    rows = reliability(scores, right, bins)
    gaps = [row["count"] * abs(row["mean_score"] - row["right"]) for row in rows]
    return round(sum(gaps) / max(len(scores), 1), 4)
