"""The intervention: how well proven, ripe, adaptable, simple and cheap it is (I1 to I5)."""

from __future__ import annotations

from kg.entry import Entry, year
from kg.i18n import gettext as _
from kg.store import Store
from kg.vocabulary import DCT, PSR, SCHEMA, vocabulary
from matcher.criteria.verdict import Scene, Verdict, ordinal
from matcher.evidence import Triple, cite
from matcher.place import practice_places

_STAGES = {1: 0.1, 2: 0.2, 3: 0.4, 4: 0.8, 5: 0.9, 6: 1.0}
_MANY = 8


def evidence(practice: Entry, scene: Scene) -> Verdict:
    """I1: strength of evidence, anecdote 0, monitored 0.25 ... randomised 1."""
    return ordinal(
        practice,
        "evidenceLevel",
        1,
        5,
        _("Evidence: {name}."),
        _("How well it is proven is not stated."),
    )


def maturity(practice: Entry, scene: Scene) -> Verdict:
    """I2: mean of the stage and of years running / 5 (at most 1), of what is known.

    Years run to the stated end or to the date the entry was last checked, so that the
    answer does not change with the calendar.
    """
    stages = practice.links(PSR + "stage")
    stage = [_STAGES[vocabulary().rank.get(c, 1)] for c in stages]
    start = year(practice, SCHEMA + "startDate")
    end = year(practice, SCHEMA + "endDate") or year(practice, PSR + "checkedOn")
    known = stage + ([min(1.0, max(0, end - start) / 5)] if start and end else [])
    if not known:
        return Verdict(None, _("How far developed it is, and since when, is not stated."))
    told = [_("Stage: {name}.").format(name=vocabulary().label(c).lower()) for c in stages]
    told += [_("Running since {year}.").format(year=start)] if start else []
    props = (PSR + "stage", SCHEMA + "startDate", SCHEMA + "endDate", PSR + "checkedOn")
    cited = tuple(t for p in (props if start else props[:1]) for t in cite(practice, p))
    return Verdict(sum(known) / len(known), " ".join(told), cited)


def adaptability(practice: Entry, scene: Scene) -> Verdict:
    """I3: share of: core parts listed, adaptable parts listed, materials, their language fits."""
    props = {
        "corePart": _("core parts"),
        "adaptablePart": _("parts that may change"),
        "toolkit": _("a tool kit"),
    }
    there = [name for name in props if practice.values(PSR + name)]
    languages = {t.value for t in practice.texts(DCT + "language")}
    fits = bool(languages & set(scene.target.languages or scene.languages))
    if not there and not languages:
        return Verdict(None, _("Nothing is said of how it can be adapted."))
    listed = ", ".join(props[n] for n in there) or _("languages of materials")
    cited = tuple(t for n in there for t in cite(practice, PSR + n)) + cite(
        practice, DCT + "language"
    )
    change = (
        ()
        if fits or not languages or not scene.target.languages
        else (_("Translate the materials."),)
    )
    return Verdict(
        (len(there) + fits) / 4, _("Described: {listed}.").format(listed=listed), cited, change
    )


def simplicity(practice: Entry, scene: Scene) -> Verdict:
    """I4: 1 - (parts - 1) / 8, at least 0; parts are core parts and kinds of organisation."""
    parts = len(practice.values(PSR + "corePart")) + len(practice.links(PSR + "requiresActorType"))
    if not parts:
        return Verdict(None, _("Its parts are not listed."))
    text = _("It takes {count} parts and kinds of organisation.").format(count=parts)
    cited = cite(practice, PSR + "corePart") + cite(practice, PSR + "requiresActorType")
    return Verdict(max(0.0, 1 - (parts - 1) / _MANY), text, cited)


def cost(practice: Entry, scene: Scene) -> Verdict:
    """I5: budget / cost per head, at most 1; the cost is moved by GDP per head in PPS.

    GDP per head stands in for the price level where no price index is known.
    """
    price, budget = practice.number(PSR + "costPerHead"), scene.target.budget_per_head
    if price is None or budget is None:
        return Verdict(None, _("The cost per head, or the budget for it, is not known."))
    here, there = scene.place.fact("gdpPerHead"), _first_fact(scene.store, practice, "gdpPerHead")
    ratio = float(here.value) / float(there[0]) if here and there else 1.0
    moved = price * ratio
    cited = (
        cite(practice, PSR + "costPerHead")
        + (here.evidence if here else ())
        + (there[1] if there else ())
    )
    text = _("About {cost:.0f} euro a head here, {budget:.0f} are there.").format(
        cost=moved, budget=budget
    )
    change = (_("Find more money or a smaller version."),) if moved > budget else ()
    return Verdict(min(1.0, budget / moved) if moved else 1.0, text, cited, change)


def _first_fact(store: Store, practice: Entry, name: str) -> tuple[str, tuple[Triple, ...]] | None:
    for place in practice_places(store, practice):
        if fact := place.fact(name):
            return fact.value, fact.evidence
    return None
