"""Could this practice work in that place: anticipated fit, coverage, gates, adaptations.

Transferability can only be anticipated beforehand and is known after an evaluation, so
the answer says how much it rests on: ``fit`` is the weighted mean of the criteria that are
known, ``coverage`` the share of the weight that is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kg.entry import Entry
from kg.i18n import gettext as _
from matcher.criteria import CRITERIA, GATES, WEIGHTS
from matcher.criteria.verdict import Scene, Verdict
from matcher.evidence import Reason

#: below this share of known weight a transfer would be uninformed
INFORMED = 0.5
ALIKE = 0.4
#: what an unknown criterion is taken for in the order of the list, never in the fit
NEUTRAL = 0.5


@dataclass(frozen=True)
class Anticipated:
    """The judgement of one practice for one place."""

    practice: Entry
    verdicts: dict[str, Verdict]
    fit: float
    coverage: float
    score: float

    @property
    def failed(self) -> list[str]:
        """Return the gates that are failed."""
        return [c for c in GATES if self.verdicts[c].gate == "failed"]


def anticipate(practice: Entry, scene: Scene, need: float) -> Anticipated:
    """Judge a practice; ``need`` is the calibrated score of the question's text, 0 to 1.

    The order is by need x (coverage x fit of the rest + (1 - coverage) x 0.5): a practice
    that answers another problem is of no use however well it would fit. A failed gate
    halves it.
    """
    here = replace(scene, need=need)
    verdicts = {name: judge(practice, here) for name, judge in CRITERIA.items()}
    fit, coverage = weigh(verdicts)
    rest, known = weigh({n: v for n, v in verdicts.items() if n != "P1"})
    score = (verdicts["P1"].value or 0.0) * (known * rest + (1 - known) * NEUTRAL)
    found = Anticipated(practice, verdicts, fit, coverage, score)
    return replace(found, score=score / 2) if found.failed else found


def weigh(verdicts: dict[str, Verdict]) -> tuple[float, float]:
    """Return the fit (weighted mean of what is known) and the coverage (its weight)."""
    total = sum(WEIGHTS[n] for n in verdicts)
    known = {n: v for n, v in verdicts.items() if v.value is not None}
    weight = sum(WEIGHTS[n] * v.known for n, v in known.items())
    if not weight:
        return 0.0, 0.0
    return sum(
        WEIGHTS[n] * v.known * (v.value or 0.0) for n, v in known.items()
    ) / weight, weight / total


def criteria_table(found: Anticipated) -> dict[str, dict[str, object]]:
    """Return the fourteen criteria with value, weight and sentence."""
    return {
        name: {
            "value": None if v.value is None else round(v.value, 4),
            "weight": WEIGHTS[name],
            "known": 0.0 if v.value is None else round(v.known, 4),
            "text": v.text,
        }
        for name, v in found.verdicts.items()
    }


def gates(found: Anticipated) -> list[dict[str, object]]:
    """Return each gate with its status: ``passed``, ``failed``, ``gap`` or ``unknown``."""
    return [
        {
            "criterion": c,
            "status": found.verdicts[c].gate or "unknown",
            "text": found.verdicts[c].text,
        }
        for c in GATES
    ]


def adaptations(found: Anticipated) -> list[dict[str, object]]:
    """Return what would have to change, with the criterion that asks for it."""
    return [
        {"criterion": name, "text": text, "evidence": [list(t) for t in v.evidence]}
        for name, v in found.verdicts.items()
        for text in v.adaptations
    ]


def warnings(found: Anticipated) -> list[dict[str, str]]:
    """Return the warnings against uninformed, incomplete and inappropriate transfer.

    After Dolowitz and Marsh 2000, "Learning from abroad",
    https://doi.org/10.1111/0952-1895.00121.
    """
    said = []
    if found.coverage < INFORMED:
        said.append(
            ("uninformed", _("Too little is known to judge it: find out more before you decide."))
        )
    if found.failed:
        said.append(
            (
                "incomplete",
                _("A part that it cannot do without is not possible here as things are."),
            )
        )
    alike = found.verdicts["E2"].value
    if alike is not None and alike < ALIKE:
        said.append(("inappropriate", _("The place is very different from where it worked.")))
    return [{"kind": kind, "text": text} for kind, text in said]


def reasons(found: Anticipated) -> list[Reason]:
    """Return the reasons: what speaks for it first, then what speaks against it."""
    known = [(n, v) for n, v in found.verdicts.items() if v.value is not None]
    known.sort(key=lambda pair: -WEIGHTS[pair[0]] * (pair[1].value or 0.0))
    return [Reason(name, verdict.text, verdict.evidence) for name, verdict in known]
