"""The intervention: how well proven, ripe, adaptable, simple and cheap it is (I1 to I5)."""

from __future__ import annotations

from kg.entry import Entry, year
from kg.text.i18n import gettext as _
from kg.text.number_formats import euro
from kg.vocabulary import DCT, PSR, SCHEMA, vocabulary
from matcher.graph.view import word
from matcher.judging.criteria.verdict import Adaptation, Scene, Verdict, listed, ordinal
from matcher.model.reasons import Triple, cite

_STAGES = {1: 0.1, 2: 0.2, 3: 0.4, 4: 0.8, 5: 0.9, 6: 1.0}
_RIPE = 5


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

    Years run to the stated end, or to the day that the data speak of.
    """
    stages = practice.links(PSR + "stage")[:1]
    start, end = year(practice, SCHEMA + "startDate"), year(practice, SCHEMA + "endDate")
    last = end or int(scene.world.as_of[:4] or 0)
    parts = [_STAGES[vocabulary().rank.get(c, 1)] for c in stages]
    parts += [min(1.0, max(0, last - start) / _RIPE)] if start and last else []
    if not parts:
        return Verdict(None, _("How far developed it is, and since when, is not stated."))
    facts = [_("Stage: {name}.").format(name=word(c)) for c in stages]
    facts += [_("Running since {year}.").format(year=start)] if start else []
    cited = cite(practice, PSR + "stage") + cite(practice, SCHEMA + "startDate")
    if start and end and end - start < _RIPE:
        cited += cite(practice, SCHEMA + "endDate")
    return Verdict(sum(parts) / len(parts), " ".join(facts), cited, known=len(parts) / 2)


def adaptability(practice: Entry, scene: Scene) -> Verdict:
    """I3: mean of: core parts and parts that may change (n / (n + 1)), tool kit, its language.

    The language counts by the share of the place's languages that materials are in.
    """
    props = {
        "corePart": _("core parts"),
        "adaptablePart": _("parts that may change"),
        "toolkit": _("a tool kit"),
    }
    counts = {name: len(practice.values(PSR + name)) for name in props}
    own = {t.value for t in practice.texts(DCT + "language")}
    spoken = set(scene.target.languages or scene.languages)
    if not any(counts.values()) and not own:
        return Verdict(None, _("Nothing is said of how it can be adapted."))
    parts = [listed(counts["corePart"]), listed(counts["adaptablePart"])]
    parts += [min(1.0, counts["toolkit"]), len(own & spoken) / max(len(spoken), 1)]
    there = [n for n in props if counts[n]]
    cited = tuple(t for n in there for t in cite(practice, PSR + n))
    cited += cite(practice, DCT + "language", own & spoken if there else None)
    missing = sorted(set(scene.target.languages) - own) if own else []
    change = (Adaptation(_("Translate the materials."), tuple(missing)),) if missing else ()
    listed_parts = ", ".join(props[n] for n in there) or _("languages of materials")
    text = _("Described: {listed}.").format(listed=listed_parts)
    return Verdict(sum(parts) / len(parts), text, cited, change)


def simplicity(practice: Entry, scene: Scene) -> Verdict:
    """I4: 1 / (1 + (parts - 1) / 4); parts are core parts and kinds of organisation."""
    parts = len(practice.values(PSR + "corePart")) + len(practice.links(PSR + "requiresActorType"))
    if not parts:
        return Verdict(None, _("Its parts are not listed."))
    text = _("Number of parts and kinds of organisation that it takes: {count}.")
    cited = cite(practice, PSR + "corePart") + cite(practice, PSR + "requiresActorType")
    return Verdict(1 / (1 + (parts - 1) / 4), text.format(count=parts), cited)


def cost(practice: Entry, scene: Scene) -> Verdict:
    """I5: budget / cost per head, at most 1; the cost is moved by GDP per head in PPS.

    GDP per head stands in for the price level where no price index is known.
    """
    budget, moved = scene.target.budget_per_head, cost_here(practice, scene)
    if budget is None or moved is None:
        return Verdict(None, _("The cost per head, or the budget for it, is not known."))
    price, prices = moved
    cited = cite(practice, PSR + "costPerHead") + (prices if price > budget else ())
    text = _("About {cost} a head here; {budget} a head are there.").format(
        cost=euro(round(price)), budget=euro(round(budget))
    )
    change = Adaptation(_("Find more money or a smaller version."))
    value = min(1.0, budget / price) if price else 1.0
    return Verdict(value, text, cited, (change,) if price > budget else ())


def cost_here(practice: Entry, scene: Scene) -> tuple[float, tuple[Triple, ...]] | None:
    """The cost per head at the target's prices, and the triples of the prices."""
    price = practice.number(PSR + "costPerHead")
    if price is None:
        return None
    here = scene.place.facts.get("gdpPerHead")
    facts = [p.facts["gdpPerHead"] for p in scene.world.places(practice) if "gdpPerHead" in p.facts]
    if not here or not facts or not float(facts[0].value):
        return price, ()
    cited = here.evidence + facts[0].evidence + cite(practice, DCT + "spatial")
    return price * float(here.value) / float(facts[0].value), cited
