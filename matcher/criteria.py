"""The fourteen criteria of anticipated fit: small functions of a practice and a scene.

Each returns a ``Verdict``: a value from 0 to 1, or None where nothing is known (unknown is
never 0 and never 1), a sentence, the triples it rests on, and what would have to change.
The list follows the transferability models PIET-T (Schloemer and Schröder-Bäck 2018,
https://doi.org/10.1186/s13012-018-0751-8) and ASTAIRE (Cambon et al. 2013,
https://doi.org/10.1186/1471-2458-13-1184); the formulas are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pyoxigraph as ox

from kg.entry import Entry, year
from kg.i18n import gettext as _
from kg.store import Store
from kg.vocabulary import DCT, PSR, SCHEMA, SKOS, vocabulary
from matcher.evidence import Triple, cite
from matcher.place import Place, actors_in, likeness, practice_places
from matcher.question import Target

#: what each criterion counts for; they add up to 1
WEIGHTS = {
    "P1": 0.20, "P2": 0.08, "P3": 0.05, "I1": 0.10, "I2": 0.06, "I3": 0.05, "I4": 0.04,
    "I5": 0.06, "E1": 0.08, "E2": 0.08, "E3": 0.06, "E4": 0.06, "T1": 0.04, "T2": 0.04,
}  # fmt: skip
GATES = ("E1", "E4")
_STAGES = {1: 0.1, 2: 0.2, 3: 0.4, 4: 0.8, 5: 0.9, 6: 1.0}
_RESULTS = {
    "adopted": 1.0,
    "adapted": 1.0,
    "partly-adopted": 0.5,
    "not-adopted": 0.0,
    "discontinued": 0.0,
}
_MANY = 8


@dataclass(frozen=True)
class Verdict:
    """What one criterion says. ``gate`` is ``passed``, ``failed``, ``gap`` or None.

    ``known`` is the share of what the criterion asks that is known: of its weight, only
    this share counts.
    """

    value: float | None
    text: str
    evidence: tuple[Triple, ...] = ()
    adaptations: tuple[str, ...] = ()
    gate: str | None = None
    known: float = 1.0


@dataclass(frozen=True)
class Scene:
    """What a practice is judged against: the need, the place and what is known of it."""

    store: Store
    place: Place
    target: Target
    need: float
    challenge: Entry | None = None
    instruments: tuple[Entry, ...] = ()
    actors: tuple[dict[str, str], ...] = ()
    languages: tuple[str, ...] = field(default=())


def scene(store: Store, place: Place, target: Target, challenge: Entry | None) -> Scene:
    """Return the scene with the graph's instruments and the place's actors looked up once."""
    return Scene(
        store, place, target, 0.0, challenge, tuple(store.entries("instrument")),
        tuple(actors_in(store, place)),
    )  # fmt: skip


def need(practice: Entry, scene: Scene) -> Verdict:
    """P1: the larger of the text's calibrated score and the challenge's nearness.

    Nearness is 1 / (1 + steps) on the shortest path over broader challenges.
    """
    own = practice.links(PSR + "addresses")
    if scene.challenge is None:
        return Verdict(
            scene.need,
            _("The texts are about the same problem to this degree."),
            cite(practice, PSR + "problem"),
        )
    steps = {c: _steps(scene.store, scene.challenge.iri, c) for c in own}
    near = {c: 1 / (1 + n) for c, n in steps.items() if n is not None}
    best = max(near, key=lambda c: (near[c], c), default=None)
    if best is None or near[best] < scene.need:
        return Verdict(
            scene.need,
            _("The texts are about the same problem to this degree."),
            cite(practice, PSR + "problem"),
        )
    name = scene.store.get(best).text(DCT + "title") or best
    return Verdict(
        near[best],
        _("It addresses “{name}”.").format(name=name),
        cite(practice, PSR + "addresses", [best]),
    )


def _steps(store: Store, one: str, other: str) -> int | None:
    """Return how many broader or narrower steps lie between two challenges."""
    left, right = _broader(store, one), _broader(store, other)
    shared = [left[c] + right[c] for c in left if c in right]
    return min(shared) if shared else None


def _broader(store: Store, iri: str) -> dict[str, int]:
    found, queue = {iri: 0}, [iri]
    while queue:
        here = queue.pop(0)
        for parent in store.get(here).links(SKOS + "broader"):
            if parent not in found:
                found[parent] = found[here] + 1
                queue.append(parent)
    return found


def target_groups(practice: Entry, scene: Scene) -> Verdict:
    """P2: mean over the wanted groups of their likeness to the practice's nearest group.

    Likeness of two concepts is 2 x shared ancestors / (ancestors of both), after Wu and
    Palmer 1994.
    """
    wanted = scene.target.target_groups or tuple(
        scene.challenge.links(PSR + "targetGroup") if scene.challenge else ()
    )
    own = practice.links(PSR + "targetGroup")
    if not wanted or not own:
        return Verdict(None, _("Whom it is for was not asked, or is not stated."))
    value = sum(max(_concept_likeness(w, o) for o in own) for w in wanted) / len(wanted)
    names = ", ".join(vocabulary().label(o) for o in own)
    return Verdict(
        value, _("It is for: {names}.").format(names=names), cite(practice, PSR + "targetGroup")
    )


def _concept_likeness(one: str, other: str) -> float:
    left, right = (set(vocabulary().ancestors(c)) for c in (one, other))
    return 2 * len(left & right) / (len(left) + len(right))


def acceptability(practice: Entry, scene: Scene) -> Verdict:
    """P3: rank of the beneficiaries' part in it, informed 0.25 to co-managed 1."""
    return _ordinal(
        practice,
        "participation",
        0,
        4,
        _("The people it is for were {name}."),
        _("What part its users had is not stated."),
    )


def evidence(practice: Entry, scene: Scene) -> Verdict:
    """I1: strength of evidence, anecdote 0, monitored 0.25 ... randomised 1."""
    return _ordinal(
        practice,
        "evidenceLevel",
        1,
        5,
        _("Evidence: {name}."),
        _("How well it is proven is not stated."),
    )


def _ordinal(practice: Entry, prop: str, low: int, high: int, known: str, unknown: str) -> Verdict:
    words = vocabulary()
    concept = max(practice.links(PSR + prop), key=lambda c: words.rank.get(c, 0), default=None)
    if concept is None:
        return Verdict(None, unknown)
    value = (words.rank.get(concept, low) - low) / (high - low)
    text = known.format(name=words.label(concept).lower())
    return Verdict(value, text, cite(practice, PSR + prop, [concept]))


def maturity(practice: Entry, scene: Scene) -> Verdict:
    """I2: mean of the stage and of years running / 5 (at most 1), of what is known.

    Years run to the stated end or to the date the entry was last checked, so that the
    answer does not change with the calendar.
    """
    stage = [_STAGES[vocabulary().rank.get(c, 1)] for c in practice.links(PSR + "stage")]
    start = year(practice, SCHEMA + "startDate")
    end = year(practice, SCHEMA + "endDate") or year(practice, PSR + "checkedOn")
    known = stage + ([min(1.0, max(0, end - start) / 5)] if start and end else [])
    if not known:
        return Verdict(None, _("How far developed it is, and since when, is not stated."))
    text = (
        _("Running since {year}.").format(year=start)
        if start
        else _("Its stage is known, not its age.")
    )
    return Verdict(
        sum(known) / len(known),
        text,
        cite(practice, PSR + "stage") + cite(practice, SCHEMA + "startDate"),
    )


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


def governance(practice: Entry, scene: Scene) -> Verdict:
    """E1, a gate: share of the needed public powers that the place's level holds."""
    needed = practice.links(PSR + "requiresCompetence")
    held = {c: _held(scene, c) for c in needed}
    known = {c: h for c, h in held.items() if h is not None}
    cited = cite(practice, PSR + "requiresCompetence") + tuple(
        t for h in known.values() for t in h[1]
    )
    if not known:
        return Verdict(
            None,
            _("Which public powers it needs, or who holds them, is not known."),
            cited if needed else (),
        )
    missing = sorted(vocabulary().label(c).lower() for c, h in known.items() if not h[0])
    value, share = 1 - len(missing) / len(known), len(known) / len(needed)
    if not missing:
        status = "passed" if share == 1 else None
        return Verdict(
            value,
            _("The place holds the powers that it needs, as far as known."),
            cited,
            (),
            status,
            share,
        )
    names = ", ".join(missing)
    change = _("Agree with the level of government that holds the power over: {names}.").format(
        names=names
    )
    return Verdict(
        value,
        _("The place does not hold the power over: {names}.").format(names=names),
        cited,
        (change,),
        "failed",
        share,
    )


def _held(scene: Scene, competence: str) -> tuple[bool, tuple[Triple, ...]] | None:
    """Return whether a power is held: as the asker says, else as the graph knows."""
    if competence in scene.target.competences:
        return True, ()
    known = scene.place.holder(competence)
    return (known[0], known[1].evidence) if known else None


def territory(practice: Entry, scene: Scene) -> Verdict:
    """E2: mean likeness of the place to the practice's nearest place (see ``likeness``)."""
    found = [
        (sum(v for v, _e in alike.values()) / len(alike), alike)
        for place in practice_places(scene.store, practice)
        if (alike := likeness(place, scene.place))
    ]
    if not found:
        return Verdict(None, _("Too little is known of the two places to compare them."))
    value, alike = max(found, key=lambda pair: (len(pair[1]), pair[0]))
    names = {
        "urbanRural": _("urban or rural"), "mountain": _("mountains"), "coast": _("coast"),
        "gdpPerHead": _("wealth"), "unemploymentRate": _("unemployment"), "population": _("size"),
    }  # fmt: skip
    apart = [names[n] for n, (v, _e) in alike.items() if v < 0.5]
    cited = cite(practice, DCT + "spatial") + tuple(t for _v, e in alike.values() for t in e)
    if not apart:
        return Verdict(
            value,
            _("The places are alike in: {names}.").format(names=", ".join(names[n] for n in alike)),
            cited,
        )
    text = _("The places differ in: {names}.").format(names=", ".join(apart))
    return Verdict(
        value,
        text,
        cited,
        (_("Check what the difference means ({names}).").format(names=", ".join(apart)),),
    )


def actors(practice: Entry, scene: Scene) -> Verdict:
    """E3: share of the needed kinds of organisation that are there, of those known.

    The graph does not list every organisation: one it does not know is unknown, not absent,
    unless the asker said which kinds there are.
    """
    needed = practice.links(PSR + "requiresActorType")
    words = vocabulary()
    said = {a for t in scene.target.actor_types for a in words.ancestors(t)}
    there = {row["type"]: row for row in reversed(scene.actors)}
    present = [t for t in needed if t in said or t in there]
    missing = [t for t in needed if t not in present]
    known = len(needed) if scene.target.actor_types else len(present)
    names = ", ".join(words.label(t).lower() for t in missing)
    change = (_("Find a partner of the kind: {names}.").format(names=names),) if missing else ()
    cited = cite(practice, PSR + "requiresActorType") + tuple(_actor_triples(there, present))
    if not known:
        return Verdict(
            None,
            _("Which organisations it needs, or which are there, is not known."),
            cited if needed else (),
            change,
        )
    text = _("{present} of {needed} needed kinds of organisation are known there.").format(
        present=len(present), needed=len(needed)
    )
    return Verdict(len(present) / known, text, cited, change, None, known / len(needed))


def _actor_triples(there: dict[str, dict[str, str]], present: list[str]) -> list[Triple]:
    return [
        (f"<{there[t]['actor']}>", f"<{DCT}spatial>", f"<{there[t]['place']}>")
        for t in present
        if t in there
    ]


def instruments(practice: Entry, scene: Scene) -> Verdict:
    """E4, a gate or a gap: 1 if an instrument covers a theme of it and the place."""
    places = set(scene.place.iris())
    themes = {a for t in practice.links(DCT + "subject") for a in vocabulary().ancestors(t)}
    found = []
    for instrument in scene.instruments:
        here = [t for t in instrument.links(PSR + "eligibleTerritory") if t in places]
        fits = [t for t in instrument.links(DCT + "subject") if t in themes]
        if here and fits:
            found.append((instrument, here, fits))
    if not found:
        return Verdict(
            None,
            _("No instrument is known that covers its theme here."),
            (),
            (_("Look for an instrument that can pay for it."),),
            "gap",
        )
    names = ", ".join(i.text(DCT + "title") or i.slug for i, _h, _f in found[:3])
    cited = tuple(
        t
        for i, h, f in found[:3]
        for t in cite(i, PSR + "eligibleTerritory", h) + cite(i, DCT + "subject", f)
    )
    return Verdict(
        1.0, _("Can be paid or supported by: {names}.").format(names=names), cited, gate="passed"
    )


def support(practice: Entry, scene: Scene) -> Verdict:
    """T1: share of: an owner willing to mentor, a tool kit, a web page to reach them."""
    owners = [scene.store.get(a) for a in involved(practice)]
    willing = tuple(t for o in owners for t in cite(o, PSR + "willingToMentor", ["true"]))
    kit = cite(practice, PSR + "toolkit")
    reach = cite(practice, SCHEMA + "url") + tuple(
        t for o in owners for t in cite(o, SCHEMA + "url")
    )
    parts = [
        (willing, _("an owner willing to mentor")),
        (kit, _("a tool kit")),
        (reach, _("a web page")),
    ]
    there = [(cited, name) for cited, name in parts if cited]
    if not there:
        return Verdict(None, _("Whether its owners help others is not known."))
    text = _("There is: {names}.").format(names=", ".join(name for _c, name in there))
    return Verdict(len(there) / len(parts), text, tuple(t for cited, _n in there for t in cited))


def involved(practice: Entry) -> list[str]:
    """Return the actors involved in a practice."""
    nodes = practice.links(PSR + "hasInvolvement")
    return sorted({a for n in nodes for a in practice.links(PSR + "actor", n)})


def record(practice: Entry, scene: Scene) -> Verdict:
    """T2: (successes + 1) / (transfers with a known result + 2), Laplace's rule of succession."""
    known, cited, failed = [], [], 0
    for transfer in transfers_of(scene.store, practice.iri):
        for result in transfer.links(PSR + "result"):
            value = _RESULTS.get(result.rsplit("/", 1)[-1])
            if value is not None:
                known.append(value)
                failed += value == 0.0
                cited += [
                    *cite(transfer, PSR + "sourcePractice"),
                    *cite(transfer, PSR + "result", [result]),
                ]
    if not known:
        return Verdict(None, _("No transfer with a known result is recorded."))
    text = _("{count} transfers with a known result, {failed} of them failed.").format(
        count=len(known), failed=failed
    )
    return Verdict((sum(known) + 1) / (len(known) + 2), text, tuple(cited))


def transfers_of(store: Store, practice: str) -> list[Entry]:
    """Return the recorded transfers of a practice, by IRI."""
    rows = store.select(
        "SELECT DISTINCT ?t { ?t psr:sourcePractice $p } ORDER BY ?t", {"p": ox.NamedNode(practice)}
    )
    return [store.get(row["t"]) for row in rows]


CRITERIA: dict[str, Callable[[Entry, Scene], Verdict]] = {
    "P1": need,
    "P2": target_groups,
    "P3": acceptability,
    "I1": evidence,
    "I2": maturity,
    "I3": adaptability,
    "I4": simplicity,
    "I5": cost,
    "E1": governance,
    "E2": territory,
    "E3": actors,
    "E4": instruments,
    "T1": support,
    "T2": record,
}
