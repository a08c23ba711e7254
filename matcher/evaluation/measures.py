"""Measures of a ranking, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import bootstrap

Bools = npt.NDArray[np.bool_]
Interval = dict[str, float]


def estimate(
    values: Sequence[float] | npt.NDArray[np.floating], seed: int, samples: int
) -> Interval:
    """The mean over queries with its 95 % percentile bootstrap interval; zeros for no query."""
    data = np.asarray(values, float)
    value = low = high = float(data.mean()) if len(data) else 0.0
    if len(data) > 1:
        low, high = bootstrap(
            (data,),
            np.mean,
            n_resamples=samples,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).confidence_interval
    return interval(value, low, high)


def interval(value: float, low: float, high: float) -> Interval:
    """A figure as reports give it: the value and its interval, to four places."""
    return {n: round(float(v), 4) for n, v in {"value": value, "low": low, "high": high}.items()}


def ndcg(ranked: Sequence[int] | Bools, judged: Sequence[int], depth: int = 10) -> float:
    """The nDCG at ``depth`` of grades in the order of a ranking, gains 2^grade - 1.

    DCG is the sum of gain / log2(rank + 1) (Järvelin and Kekäläinen 2002); the ideal order is
    that of all ``judged`` grades. 0 where nothing is relevant.
    """

    def dcg(grades: Sequence[int] | Bools) -> float:
        gains = 2.0 ** np.asarray(grades[:depth], float) - 1
        return float((gains / np.log2(np.arange(2, len(gains) + 2))).sum())

    best = dcg(sorted(judged, reverse=True))
    return dcg(ranked) / best if best else 0.0


def reciprocal_rank(ranked: Bools) -> float:
    """1 / the rank of the first relevant document, 0 if there is none."""
    hits = np.flatnonzero(ranked)
    return float(1 / (hits[0] + 1)) if len(hits) else 0.0
