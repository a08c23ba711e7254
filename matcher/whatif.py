"""What would change a judgement: what the asker supposes, and the best single changes."""

from __future__ import annotations

from dataclasses import fields, replace

from kg.errors import Problem, Refused
from kg.i18n import gettext as _
from kg.vocabulary import PSR, vocabulary
from matcher.criteria import CRITERIA
from matcher.criteria.intervention import cost_here
from matcher.criteria.verdict import Verdict
from matcher.fit import Anticipated, anticipate
from matcher.question import Target, WhatIf, concept
from matcher.world import ancestors

#: how many single changes are named for a match
SHOWN = 3
#: the smallest rise of the fit that is worth naming
SEEN = 0.001
Json = dict[str, object]


def suppose(target: Target, raw: WhatIf) -> Target:
    """Return the target as it would be; Refused where the supposition says nothing new.

    Both come with IRIs or slugs of concepts; the target's were checked before.
    """
    joined = tuple(concept("actor-type", v, "what_if.actor_types") for v in raw.actor_types)
    held = tuple(concept("competence", v, "what_if.competences") for v in raw.competences)
    problems = [_known("actor_types", v) for v in joined if v in _there(target)]
    problems += [_known("competences", v) for v in held if v in target.competences]
    budget, raised = target.budget_per_head, raw.budget_per_head
    if budget is not None and raised is not None and raised <= budget:
        text = f"The target has {budget:g} a head already, so {raised:g} would not be more."
        hint = "Suppose a larger budget than the target's."
        problems.append(Problem("what_if.budget_per_head", text, value=str(raised), hint=hint))
    if raw == WhatIf():
        hint = f"Name at least one of {', '.join(f.name for f in fields(WhatIf))}."
        problems.append(Problem("what_if", "Nothing is supposed.", hint=hint))
    if problems:
        raise Refused("The supposition contradicts the target, or says nothing.", problems)
    return replace(
        target,
        joined=joined,
        competences=target.competences + held,
        budget_per_head=budget if raised is None else raised,
    )


def _there(target: Target) -> set[str]:
    return {a for kind in target.actor_types for a in ancestors(kind)}


def _known(field: str, value: str) -> Problem:
    hint = f"Leave it out of target.{field}, or out of what_if."
    return Problem(f"what_if.{field}", "The target says that it is there.", value=value, hint=hint)


def supposed(found: Anticipated, target: Target) -> Json:
    """Return fit and score now and under the supposition."""
    after = anticipate(found.practice, found.scene.but(target=target), 0.0, found.weights)
    after = after.with_verdict("P1", found.verdicts["P1"])
    return {
        "fit_before": round(found.fit, 4), "fit_after": round(after.fit, 4),
        "score_before": round(found.score, 4), "score_after": round(after.score, 4),
        "text": _told(found.fit, after.fit),
    }  # fmt: skip


def _told(before: float, after: float) -> str:
    return _("Fit goes from {before:.2f} to {after:.2f}.").format(before=before, after=after)


def changes(found: Anticipated) -> list[Json]:
    """Return the single changes that would raise the fit most, the best first."""
    scene, target = found.scene, found.scene.target
    label = vocabulary().label
    options: list[tuple[str, str, str, Verdict]] = []

    def option(change: str, name: str, said: str, after: Target) -> None:
        verdict = CRITERIA[name](found.practice, scene.but(target=after))
        options.append((change, name, said, verdict))

    for adaptation in found.verdicts["E3"].adaptations:
        for kind in adaptation.needs:
            after = replace(target, joined=(*target.joined, kind))
            said = _("a partner of the kind “{name}” takes part").format(name=label(kind).lower())
            option(f"actor_types:{kind}", "E3", said, after)
    for power in found.practice.links(PSR + "requiresCompetence"):
        after = replace(target, competences=(*target.competences, power))
        said = _("the place holds the power over “{name}”").format(name=label(power).lower())
        option(f"competences:{power}", "E1", said, after)
    price = cost_here(found.practice, scene)
    if price and (target.budget_per_head is None or target.budget_per_head < price[0]):
        said = _("there are {cost:.0f} euro a head").format(cost=price[0])
        after = replace(target, budget_per_head=price[0])
        option(f"budget_per_head:{price[0]:.2f}", "I5", said, after)
    if found.verdicts["E4"].gate == "gap":
        there = Verdict(1.0, "", gate="passed", known=0.5)
        options.append(("instrument", "E4", _("an instrument covers it here"), there))
    rows = [_row(found, change, name, said, v) for change, name, said, v in options]
    better = [row for row in rows if row[0] >= SEEN]
    return [row for _gain, _name, row in sorted(better, key=lambda r: (-r[0], r[1]))[:SHOWN]]


def _row(
    found: Anticipated, change: str, name: str, said: str, verdict: Verdict
) -> tuple[float, str, Json]:
    after = found.with_verdict(name, verdict).fit
    text = _("Fit goes from {before:.2f} to {after:.2f} if {change}.").format(
        before=found.fit, after=after, change=said
    )
    row: Json = {
        "change": change, "criterion": name,
        "fit_before": round(found.fit, 4), "fit_after": round(after, 4), "text": text,
    }  # fmt: skip
    return after - found.fit, change, row
