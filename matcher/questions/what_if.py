"""What would change a judgement: what the asker supposes, and the best single changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kg.catalogue.filters import concepts
from kg.errors import Problem, Refused
from kg.text.i18n import gettext, mark
from kg.text.number_formats import euro, number
from kg.vocabulary import PSR
from matcher.graph.view import ancestors, word
from matcher.judging.criteria import CRITERIA, cost_here
from matcher.judging.fit import Anticipated, anticipate
from matcher.judging.verdict import Verdict
from matcher.model.answer import SingleChange, Supposition
from matcher.model.filters import Target

#: how many single changes are named for a match
SHOWN = 3
#: the smallest rise of the fit that is worth naming
SEEN = 0.001
_SUPPOSED = ("actor_types", "competences", "budget_per_head")
_JOINED = mark(
    "If a partner of the kind “%(what)s” takes part, fit goes from %(before)s to %(after)s."
)
_HELD = mark("If the place holds the power over “%(what)s”, fit goes from %(before)s to %(after)s.")
_PAID = mark("If there are %(what)s a head, fit goes from %(before)s to %(after)s.")
_COVERED = mark("If an instrument covers it here, fit goes from %(before)s to %(after)s.")


def suppose(target: Target, raw: Mapping[str, Any]) -> Target:
    """Change the target as was supposed; Refused where the supposition says nothing new."""
    joined = concepts("actor-type", "what_if.actor_types", raw.get("actor_types", ()))
    held = concepts("competence", "what_if.competences", raw.get("competences", ()))
    budget, raised = target.budget_per_head, raw.get("budget_per_head")
    there = {a for kind in target.actor_types for a in ancestors(kind)}
    known = [("actor_types", v) for v in joined if v in there]
    known += [("competences", v) for v in held if v in target.competences]
    problems = [
        Problem(
            f"what_if.{field}",
            gettext("The target says that it is there."),
            value=value,
            hint=gettext("Leave it out of target.%(field)s, or out of what_if.", field=field),
        )
        for field, value in known
    ]
    if budget is not None and raised is not None and raised <= budget:
        text = gettext(
            "The target has %(budget)s a head already, so %(raised)s would not be more.",
            budget=euro(budget),
            raised=euro(raised),
        )
        hint = gettext("Suppose a larger budget than the target's.")
        problems.append(Problem("what_if.budget_per_head", text, value=str(raised), hint=hint))
    if not (joined or held or raised is not None):
        hint = gettext("Name at least one of %(names)s.", names=", ".join(_SUPPOSED))
        problems.append(Problem("what_if", gettext("Nothing is supposed."), hint=hint))
    if problems:
        raise Refused(gettext("The supposition contradicts the target, or says nothing."), problems)
    return replace(
        target,
        joined=joined,
        competences=target.competences + held,
        budget_per_head=budget if raised is None else raised,
    )


def supposed(judgement: Anticipated, target: Target) -> Supposition:
    """Fit and score now and under the supposition."""
    after = anticipate(
        judgement.practice, judgement.scene.but(target=target), 0.0, judgement.weights
    )
    after = after.with_verdict("P1", judgement.verdicts["P1"])
    return Supposition(
        fit_before=round(judgement.fit, 4),
        fit_after=round(after.fit, 4),
        score_before=round(judgement.score, 4),
        score_after=round(after.score, 4),
        text=gettext(
            "Fit goes from %(before)s to %(after)s.",
            before=number(judgement.fit, 2),
            after=number(after.fit, 2),
        ),
    )


def changes(judgement: Anticipated) -> list[SingleChange]:
    """The single changes that would raise the fit most, the best first."""
    scene, target, practice = judgement.scene, judgement.scene.target, judgement.practice
    rows: list[tuple[float, SingleChange]] = []

    def judged(name: str, after: Target) -> Verdict:
        return CRITERIA[name](practice, scene.but(target=after))

    def option(change: str, name: str, sentence: str, what: str, verdict: Verdict) -> None:
        now, after = judgement.fit, judgement.with_verdict(name, verdict).fit
        text = gettext(sentence, what=what, before=number(now, 2), after=number(after, 2))
        row = SingleChange(change, name, round(now, 4), round(after, 4), text)
        rows.append((after - now, row))

    for adaptation in judgement.verdicts["E3"].adaptations:
        for kind in adaptation.needs:
            after = replace(target, joined=(*target.joined, kind))
            option(f"actor_types:{kind}", "E3", _JOINED, word(kind), judged("E3", after))
    for power in practice.links(PSR + "requiresCompetence"):
        after = replace(target, competences=(*target.competences, power))
        option(f"competences:{power}", "E1", _HELD, word(power), judged("E1", after))
    price = cost_here(practice, scene)
    if price and (target.budget_per_head is None or target.budget_per_head < price[0]):
        after = replace(target, budget_per_head=price[0])
        cost = euro(round(price[0]))
        option(f"budget_per_head:{price[0]:.2f}", "I5", _PAID, cost, judged("I5", after))
    if judgement.verdicts["E4"].gate == "gap":
        there = Verdict(1.0, "", gate="passed", known=0.5)
        option("instrument", "E4", _COVERED, "", there)
    better = [(gain, row) for gain, row in rows if gain >= SEEN]
    return [row for _, row in sorted(better, key=lambda pair: (-pair[0], pair[1].change))[:SHOWN]]
