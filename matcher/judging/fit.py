"""How well a practice would fit a place, over what is known: the judgement of one practice.

Transferability can only be anticipated beforehand and is known after an evaluation, so
the answer says how much it rests on: ``fit`` is the weighted mean of the criteria that are
known, ``coverage`` the share of the weight that is known. Each criterion counts as packaged, as an
installation sets it, or as a question asks.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kg.entry import Entry
from kg.errors import Problem, Refused
from kg.text.i18n import gettext, language
from kg.text.number_formats import number
from matcher.judging.criteria import CRITERIA, GATES, WEIGHTS
from matcher.judging.verdict import Scene, Verdict

#: what an unknown criterion is taken for in the order of the list, never in the fit
NEUTRAL = 0.5
#: criteria that look at the practice only, so that their verdicts hold for every place
INTRINSIC = frozenset({"P3", "I1", "I2", "I4", "T1"})
#: the largest weight that can be given; only its share of all of them counts
MOST = 1e6
Verdicts = Mapping[str, Verdict]
Weights = Mapping[str, float]


@dataclass(frozen=True)
class Anticipated:
    """The judgement of one practice for one place."""

    practice: Entry
    scene: Scene
    verdicts: Verdicts
    weights: Weights
    fit: float
    coverage: float
    score: float

    @property
    def failed(self) -> list[str]:
        """The gates that are failed."""
        return [c for c in GATES if self.verdicts[c].gate == "failed"]

    def with_verdict(self, name: str, verdict: Verdict) -> Anticipated:
        """Judge one criterion otherwise, and sum up anew."""
        return _sum_up(self.practice, self.scene, {**self.verdicts, name: verdict}, self.weights)


def anticipate(practice: Entry, scene: Scene, need: float, weights: Weights) -> Anticipated:
    """Judge a practice; ``need`` is the calibrated score of the question's text, 0 to 1."""
    here, kept = scene.but(need=need), scene.world.kept(f"verdicts-{language()}")
    verdicts = {}
    for name, judge in CRITERIA.items():
        key = f"{name} {practice.iri}"
        verdict = kept.get(key) or judge(practice, here)
        if name in INTRINSIC:
            kept[key] = verdict
        verdicts[name] = verdict
    return _sum_up(practice, here, verdicts, weights)


def _sum_up(practice: Entry, scene: Scene, verdicts: Verdicts, weights: Weights) -> Anticipated:
    fit, coverage = weigh(verdicts, weights)
    return Anticipated(practice, scene, verdicts, weights, fit, coverage, rank(verdicts, weights))


def weigh(verdicts: Verdicts, weights: Weights) -> tuple[float, float]:
    """The fit (weighted mean of what is known) and the coverage (its weight)."""
    total = sum(weights[n] for n in verdicts)
    known = {n: v for n, v in verdicts.items() if v.value is not None}
    weight = sum(weights[n] * v.known for n, v in known.items())
    if not weight:
        return 0.0, 0.0
    value = sum(weights[n] * v.known * (v.value or 0.0) for n, v in known.items())
    return value / weight, weight / total


def rank(verdicts: Verdicts, weights: Weights) -> float:
    """The score that the list is ordered by.

    Need x (coverage x fit of the rest + (1 - coverage) x 0.5): a practice that answers
    another problem is of no use however well it would fit. A failed gate halves it.
    """
    rest, known = weigh({n: v for n, v in verdicts.items() if n != "P1"}, weights)
    score = need(verdicts, weights) * (known * rest + (1 - known) * NEUTRAL)
    return score / 2 if any(verdicts[c].gate == "failed" for c in GATES) else score


def need(verdicts: Verdicts, weights: Weights) -> float:
    """The factor of the need: P1 ** (its weight / its packaged weight).

    It is P1 itself with the packaged weights, and 1 for every practice with a weight of 0.
    Both weights are shares of a sum of 1.
    """
    return float((verdicts["P1"].value or 0.0) ** (weights["P1"] / WEIGHTS["P1"]))


def weighed(raw: Mapping[str, object], base: Weights = WEIGHTS) -> dict[str, float]:
    """Put the given weights into ``base`` and scale all to a sum of 1.

    Raises Refused for an unknown criterion, for what is no number from 0 to MOST, and where
    no criterion is left with a weight above 0.
    """
    problems = []
    for name, value in raw.items():
        path = f"weights.{name}"
        if name not in CRITERIA:
            hint = gettext("Use %(names)s.", names=", ".join(CRITERIA))
            problems.append(Problem(path, gettext("There is no such criterion."), hint=hint))
        elif not (isinstance(value, int | float) and math.isfinite(value) and 0 <= value <= MOST):
            text = gettext("A weight is a number from 0 to %(most)s.", most=number(MOST))
            hint = gettext("Write a number such as 0.3.")
            problems.append(Problem(path, text, value=str(value), hint=hint))
    if problems:
        raise Refused(gettext("The weights cannot be used."), problems)
    merged = {name: float(raw.get(name, base[name])) for name in CRITERIA}  # type: ignore[arg-type]
    total = sum(merged.values())
    if not total:
        text = gettext("All weights are 0, so nothing would count.")
        hint = gettext("Give at least one criterion more than 0.")
        raise Refused(gettext("The weights cannot be used."), [Problem("weights", text, hint=hint)])
    return {name: value / total for name, value in merged.items()}


def read_weights(path: Path) -> dict[str, float]:
    """Read a JSON file such as ``passerelle evaluate --feedback --write`` makes.

    Raises Refused, naming the file, if it cannot be read or used.
    """
    try:
        raw = json.loads(path.read_text("utf-8-sig"))
        given = raw.get("weights", raw)
        return weighed(dict(given))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        text = gettext("%(path)s holds no weights.", path=path)
        problem = Problem("weights", text, hint=gettext('Write {"P1": 0.3, ...}.'))
        whole = gettext("%(path)s holds no weights as a JSON object.", path=path)
        raise Refused(whole, [problem]) from error


def weights_hash(weights: Weights) -> str:
    """Eight hex digits that change with the weights."""
    rounded = {name: round(value, 9) for name, value in weights.items()}
    return hashlib.sha256(json.dumps(rounded, sort_keys=True).encode()).hexdigest()[:8]
