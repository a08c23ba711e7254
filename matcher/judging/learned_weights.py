"""Weights corrected by what became of transfers and suggestions: reported, never done silently.

The model: a transfer works with the odds exp(b + 4 x (fit - 0.5)), the fit being the weighted
mean of the criteria that are known. Priors: the logarithm of each weight is normal around the
logarithm of its present weight with a standard deviation of 0.5 (two thirds of the belief
within a factor of 1.65), and b is normal around 0 with 2. The posterior is taken at its mode,
with the standard deviations of a normal approximation (Laplace; MacKay 2003, chapter 27,
https://www.inference.org.uk/mackay/itila/). P1 is left out, since no question is recorded, and
T2, since it counts the same results.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from kg.vocabulary import DCT, PSR
from matcher.graph.view import World
from matcher.judging.criteria import CRITERIA, RESULTS
from matcher.judging.fit import Weights, weighed, weights_hash
from matcher.judging.verdict import Scene

SPREAD, OFFSET, STEEP, STEP = 0.5, 2.0, 4.0, 1e-3
LEARNT = tuple(c for c in CRITERIA if c not in {"P1", "T2"})
#: decision -> how far it was a success, and how much it counts beside a recorded result
DECISIONS = {
    "worked": (1.0, 1.0), "worked-partly": (0.5, 1.0), "did-not-work": (0.0, 1.0),
    "accepted": (1.0, 0.25), "rejected": (0.0, 0.25),
}  # fmt: skip
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """What became of a practice in a place: success from 0 to 1, and how much it counts."""

    practice: str
    place: str
    success: float
    counts: float = 1.0


def recorded(world: World) -> list[Outcome]:
    """The transfers with a known result, by practice and IRI."""
    return [
        Outcome(m.practice, m.territory, RESULTS[m.result])
        for m in world.all_moved()
        if m.result in RESULTS and m.territory
    ]


def decided(world: World) -> tuple[list[Outcome], dict[str, int]]:
    """What was decided on suggested transfers, and how often each decision was taken."""
    decisions, counts = [], Counter[str]()
    for match in world.store.entries("match"):
        decision = match.links(PSR + "decision")[0].rsplit("/", 1)[-1]
        counts[decision] += 1
        practices = [i for i in match.links(PSR + "candidate") if "/id/practice/" in i]
        places = match.links(DCT + "spatial")
        if decision in DECISIONS and practices and places:
            decisions.append(Outcome(practices[0], places[0], *DECISIONS[decision]))
    return decisions, dict(sorted(counts.items()))


def report(world: World, prior: Weights) -> dict[str, object]:
    """Prior and posterior weights with 95 % intervals, and what they rest on."""
    rows, decisions = decided(world)
    results = recorded(world)
    posterior, low, high, losses = learn(world, [*results, *rows], prior)
    now = weighed({}, prior)
    shown = {"prior": now, "posterior": posterior, "low": low, "high": high}
    return {
        "collection": "outcomes",
        "transfers": len(world.all_moved()),
        "with_result": len(results),
        "successes": sum(o.success >= 0.5 for o in results),
        "decisions": decisions,
        "decisions_used": len(rows),
        "loss": {"prior": round(losses[0], 4), "posterior": round(losses[1], 4)},
        "moved_most": round(max(abs(posterior[c] / now[c] - 1) for c in LEARNT if now[c]), 4),
        "criteria": {
            c: {name: round(weights[c], 4) for name, weights in shown.items()} for c in CRITERIA
        },
        "weights": posterior,
        "stamp": {
            "prior": weights_hash(now),
            "posterior": weights_hash(posterior),
            "data": world.version,
        },
    }


def learn(
    world: World, outcomes: Sequence[Outcome], prior: Weights
) -> tuple[dict[str, float], dict[str, float], dict[str, float], tuple[float, float]]:
    """The posterior weights, the ends of their intervals, and the mean losses.

    The losses are the mean negative log-likelihoods before and after, on the same outcomes.
    """
    now = weighed({}, prior)
    rows = []
    for outcome in outcomes:
        scene, practice = Scene(world, world.place(outcome.place)), world.get(outcome.practice)
        scores = (CRITERIA[c](practice, scene).score for c in LEARNT)
        rows.append([(value or 0.0, share) for value, share in scores])
    table = np.array(rows, float).reshape(len(rows), len(LEARNT), 2)
    values, known = table.transpose(2, 0, 1).copy()
    success = np.array([o.success for o in outcomes])
    counts = np.array([o.counts for o in outcomes])
    base = np.array([now[c] for c in LEARNT])

    def loss(point: Floats) -> float:
        weight = known * base * np.exp(point[1:])
        fit = (weight * values).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9)
        odds = point[0] + STEEP * (fit - 0.5)
        return float((counts * (np.logaddexp(0, odds) - success * odds)).sum())

    def against(point: Floats) -> float:
        prior = (point[0] / OFFSET) ** 2 + ((point[1:] / SPREAD) ** 2).sum()
        return loss(point) + float(prior) / 2

    optimum = minimize(against, np.zeros(len(LEARNT) + 1), method="BFGS")
    # The second derivative along each axis, by central differences.
    moves, middle = np.eye(len(optimum.x)) * STEP, 2 * against(optimum.x)
    bent = [against(optimum.x + m) + against(optimum.x - m) - middle for m in moves]
    spread = 1 / np.sqrt(np.array(bent) / STEP**2)[1:]
    total, plain = max(counts.sum(), 1e-9), np.zeros(len(LEARNT) + 1)
    plain[0] = optimum.x[0]
    ends = [_scaled(now, optimum.x[1:] + sign * 1.96 * spread) for sign in (-1, 1)]
    made = weighed(_scaled(now, optimum.x[1:]))
    return made, ends[0], ends[1], (loss(plain) / total, loss(optimum.x) / total)


def _scaled(now: Weights, moved: Floats) -> dict[str, float]:
    factor = dict(zip(LEARNT, np.exp(moved), strict=True))
    return {c: float(now[c] * factor.get(c, 1.0)) for c in CRITERIA}
