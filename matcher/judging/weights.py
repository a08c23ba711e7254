"""What each criterion counts for: as packaged, as an installation sets it, as a question asks."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path

from kg.errors import Problem, Refused
from kg.text.i18n import gettext
from kg.text.number_formats import number
from matcher.judging.criteria import CRITERIA, WEIGHTS

Weights = Mapping[str, float]
#: the largest weight that can be given; only its share of all of them counts
MOST = 1e6


def weighed(raw: Mapping[str, object], base: Weights = WEIGHTS) -> dict[str, float]:
    """Put the given weights into ``base`` and scale all to a sum of 1.

    Raises Refused for an unknown criterion, for what is no number from 0 to MOST, and where
    no criterion is left with a weight above 0.
    """
    problems = [_problem(name, value) for name, value in raw.items()]
    if wrong := [p for p in problems if p]:
        raise Refused(gettext("The weights cannot be used."), wrong)
    merged = {name: float(raw.get(name, base[name])) for name in CRITERIA}  # type: ignore[arg-type]
    total = sum(merged.values())
    if not total:
        text = gettext("All weights are 0, so nothing would count.")
        hint = gettext("Give at least one criterion more than 0.")
        problem = Problem("weights", text, hint=hint)
        raise Refused(gettext("The weights cannot be used."), [problem])
    return {name: value / total for name, value in merged.items()}


def _problem(name: str, value: object) -> Problem | None:
    path = f"weights.{name}"
    if name not in CRITERIA:
        return Problem(
            path,
            gettext("There is no such criterion."),
            hint=gettext("Use %(names)s.", names=", ".join(CRITERIA)),
        )
    if not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= MOST:
        text = gettext("A weight is a number from 0 to %(most)s.", most=number(MOST))
        return Problem(path, text, value=str(value), hint=gettext("Write a number such as 0.3."))
    return None


def read_weights(path: Path) -> dict[str, float]:
    """Read a JSON file such as ``passerelle evaluate --feedback --write`` makes.

    Raises Refused, naming the file, if it cannot be read or used.
    """
    try:
        raw = json.loads(path.read_text("utf-8-sig"))
        given = raw.get("weights", raw)
        return weighed(dict(given))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        problem = Problem(
            "weights",
            gettext("%(path)s holds no weights.", path=path),
            hint=gettext('Write {"P1": 0.3, ...}.'),
        )
        raise Refused(
            gettext("%(path)s holds no weights as a JSON object.", path=path), [problem]
        ) from error


def weights_hash(weights: Weights) -> str:
    """Eight hex digits that change with the weights."""
    rounded = {name: round(value, 9) for name, value in weights.items()}
    return hashlib.sha256(json.dumps(rounded, sort_keys=True).encode()).hexdigest()[:8]
