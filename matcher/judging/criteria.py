"""The fourteen criteria of anticipated fit: small functions of a practice and a scene.

Each returns a ``Verdict``: a value from 0 to 1, or None where nothing is known (unknown is
never 0 and never 1), a sentence, the triples it rests on, and what would have to change.
The list follows the transferability models PIET-T (Schloemer and Schröder-Bäck 2018,
https://doi.org/10.1186/s13012-018-0751-8) and ASTAIRE (Cambon et al. 2013,
https://doi.org/10.1186/1471-2458-13-1184); the formulas are ours. They ask for the population
(P1 to P3), the intervention (I1 to I5), the environment (E1 to E4) and the transfer itself (T1
and T2). Where a criterion is a list of conditions, what is met counts in full, and n / (n + 1) of
it is known for n conditions that are known, since a list may lack one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kg.entry import Entry, year
from kg.text.i18n import gettext as _
from kg.text.i18n import language, ngettext
from kg.text.number_formats import euro
from kg.vocabulary import DCT, PSR, SCHEMA, VOC, vocabulary
from matcher.graph.place import FEATURES, Holder, likeness, mean
from matcher.graph.view import Moved, ancestors, names, title, word
from matcher.judging.verdict import Adaptation, Gate, Scene, Verdict, any_of, listed, ordinal
from matcher.model.reasons import Triple, cite, excerpt

#: what each criterion counts for; they add up to 1
WEIGHTS = {
    "P1": 0.20, "P2": 0.08, "P3": 0.05, "I1": 0.10, "I2": 0.06, "I3": 0.05, "I4": 0.04,
    "I5": 0.06, "E1": 0.08, "E2": 0.08, "E3": 0.06, "E4": 0.06, "T1": 0.04, "T2": 0.04,
}  # fmt: skip
GATES = ("E1", "E4")
#: how far a recorded result was a success; a result that is not listed is not known
RESULTS = {
    "adopted": 1.0,
    "adapted": 1.0,
    "partly-adopted": 0.5,
    "not-adopted": 0.0,
    "discontinued": 0.0,
}
#: what a transfer to another kind of place counts against one to the same kind
ELSEWHERE = 0.5
#: the texts and the concepts that the search compares with those of a question
_COMPARED = (
    PSR + "problem",
    PSR + "solution",
    DCT + "title",
    DCT + "description",
    DCT + "alternative",
    PSR + "context",
)
_CONCEPTS = (PSR + "addresses", DCT + "subject", PSR + "targetGroup", PSR + "approach")
_STAGES = {1: 0.1, 2: 0.2, 3: 0.4, 4: 0.8, 5: 0.9, 6: 1.0}
_RIPE = 5
_AUTHORITY = VOC + "actor-type/public-authority"
#: how many actors and how many instruments are named
_SHOWN, _NAMED = 5, 3


def need(practice: Entry, scene: Scene) -> Verdict:
    """P1: the larger of the text's calibrated score and the nearness of the challenge.

    Nearness is 1 / (1 + steps) on the shortest path over broader challenges; several
    challenges of a practice count as independent chances.
    """
    world, near = scene.world, dict[str, float]()
    sought = world.broader(scene.challenge.iri) if scene.challenge else {}
    for challenge in practice.links(PSR + "addresses") if sought else ():
        above = world.broader(challenge)
        if steps := [sought[c] + above[c] for c in sought.keys() & above.keys()]:
            near[challenge] = 1 / (1 + min(steps))
    value = any_of(near.values())
    if value < scene.need or not near:
        words = next((w for p in _COMPARED if (w := practice.text(p, language()))), practice.slug)
        text = _("Its text is compared with yours: {words}")
        if scene.example:
            text = _("Its text and themes are compared with what you ask about: {words}")
        sentence = text.format(words=excerpt(words))
        props = (*_COMPARED, *(_CONCEPTS if scene.example else ()))
        return Verdict(
            scene.need, sentence, lambda: tuple(t for prop in props for t in cite(practice, prop))
        )
    telling = [c for c in near if near[c] == 1.0] or sorted(near, key=lambda c: (-near[c], c))
    titles = ", ".join(title(c) for c in world.several(telling))
    sentence = _("It addresses “{name}”.").format(name=titles)
    return Verdict(value, sentence, cite(practice, PSR + "addresses", telling))


def target_groups(practice: Entry, scene: Scene) -> Verdict:
    """P2: mean over the wanted groups of their likeness to the practice's groups.

    Likeness of two concepts is 2 x shared ancestors / (ancestors of both), after Wu and
    Palmer 1994 (https://doi.org/10.3115/981732.981751); several groups of a practice count
    as independent chances.
    """
    groups: Sequence[str] = scene.target.target_groups
    if not groups and scene.challenge:
        groups = scene.challenge.links(PSR + "targetGroup")
    own = practice.links(PSR + "targetGroup")
    if not groups or not own:
        return Verdict(None, _("Whom it is for was not asked, or is not stated."))

    def alike(one: str, other: str) -> float:
        left, right = set(ancestors(one)), set(ancestors(other))
        return 2 * len(left & right) / (len(left) + len(right))

    rows = [{o: alike(w, o) for o in own} for w in groups]
    value = sum(any_of(row.values()) for row in rows) / len(groups)
    telling = {o for row in rows for o in row if row[o] and (row[o] == 1 or 1 not in row.values())}
    # Where nothing is alike the only group matters all the same: without it all is unknown.
    cited = cite(practice, PSR + "targetGroup", telling if telling or len(own) > 1 else None)
    return Verdict(value, _("It is for: {names}.").format(names=names(own)), cited)


def acceptability(practice: Entry, scene: Scene) -> Verdict:
    """P3: rank of the beneficiaries' part in it, informed 0.25 to co-managed 1."""
    known = _("Part that its users had: {name}.")
    unknown = _("What part its users had is not stated.")
    return ordinal(practice, "participation", 0, 4, known, unknown)


def evidence(practice: Entry, scene: Scene) -> Verdict:
    """I1: strength of evidence, anecdote 0, monitored 0.25 ... randomised 1."""
    known, unknown = _("Evidence: {name}."), _("How well it is proven is not stated.")
    return ordinal(practice, "evidenceLevel", 1, 5, known, unknown)


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


def governance(practice: Entry, scene: Scene) -> Verdict:
    """E1, a gate: share of the needed public powers that the place's level holds."""
    needed = practice.links(PSR + "requiresCompetence")
    # What the asker says goes before what the graph knows.
    stated = dict.fromkeys(scene.target.competences, Holder(True, scene.place.iri, ()))
    holders = {**scene.place.holders, **stated}
    known = {c: holders[c] for c in needed if c in holders}
    if not known:
        return Verdict(None, _("Which public powers it needs, or who holds them, is not known."))
    cited = cite(practice, PSR + "requiresCompetence")
    cited += tuple(t for h in known.values() for t in h.evidence)
    missing = sorted(c for c, h in known.items() if not h.held)
    value, share = 1 - len(missing) / len(known), len(known) / (len(needed) + 1)
    if not missing:
        passed: Gate | None = "passed" if len(known) == len(needed) else None
        text = _("The place holds the powers that it needs, as far as known.")
        return Verdict(value, text, cited, gate=passed, known=share)
    powers = names(missing)
    change = _("Agree with the level of government that holds the power over: {names}.")
    who: dict[str, None] = {}
    for territory in (known[power].by for power in missing):
        # The territory that holds the power, then the public authorities known there.
        there = scene.world.actors_in(scene.world.place(territory))
        own = {p.actor for p in there if p.place == territory and p.kind == _AUTHORITY}
        who |= dict.fromkeys((territory, *sorted(own)))
    adaptation = Adaptation(change.format(names=powers), tuple(missing), tuple(who)[:_SHOWN])
    text = _("The place does not hold the power over: {names}.").format(names=powers)
    return Verdict(value, text, cited, (adaptation,), "failed", share)


def territory(practice: Entry, scene: Scene) -> Verdict:
    """E2: mean likeness of the place to the practice's nearest place (see ``likeness``).

    What is known is the share of the six features that both places have.
    """
    likenesses = [
        (place, alike)
        for place in scene.world.places(practice)
        if (alike := likeness(place, scene.place))
    ]
    if not likenesses:
        return Verdict(None, _("Too little is known of the two places to compare them."))
    best = max((len(alike), mean(alike)) for _place, alike in likenesses)
    nearest = [pair for pair in likenesses if (len(pair[1]), mean(pair[1])) == best]
    place, alike = nearest[0]
    words = {
        "urbanRural": _("urban or rural"),
        "mountain": _("mountains"),
        "coast": _("coast"),
        "gdpPerHead": _("wealth"),
        "unemploymentRate": _("unemployment"),
        "population": _("size"),
    }
    apart = [words[n] for n, (v, _e) in alike.items() if v < 0.5]
    cited = cite(practice, DCT + "spatial", [place.iri] if len(nearest) == 1 else ())
    cited += tuple(t for _v, e in alike.values() for t in e)
    text, change = _("The places are alike in: {names}."), tuple[Adaptation, ...]()
    if apart:
        text = _("The places differ in: {names}.")
        check = _("Check what the difference means ({names}).").format(names=", ".join(apart))
        change = (Adaptation(check),)
    sentence = text.format(names=", ".join(apart or [words[n] for n in alike]))
    return Verdict(mean(alike), sentence, cited, change, known=len(alike) / len(FEATURES))


def actors(practice: Entry, scene: Scene) -> Verdict:
    """E3: share of the needed kinds of organisation that are there, of those known.

    The graph does not list every organisation: one it does not know is unknown, not absent,
    unless the asker said which kinds there are.
    """
    needed = practice.links(PSR + "requiresActorType")
    stated = {a for t in (*scene.target.actor_types, *scene.target.joined) for a in ancestors(t)}
    present = [t for t in needed if t in stated or t in scene.here.present]
    missing = [t for t in needed if t not in present]
    known = needed if scene.target.actor_types else present
    change = tuple[Adaptation, ...]()
    if missing:
        text = _("Find a partner of the kind: {names}.").format(names=names(missing))
        others = sorted({a for kind in missing for a in scene.here.elsewhere.get(kind, ())})
        change = (Adaptation(text, tuple(missing), tuple(others[:_SHOWN])),)
    if not known:
        text = _("Which organisations it needs, or which are there, is not known.")
        return Verdict(None, text, (), change)
    cited, iris = [*cite(practice, PSR + "requiresActorType")], scene.place.iris
    for there in (scene.here.present[kind] for kind in present if kind not in stated):
        # Where its actor is, if there is only one; the way up to the nearest of them, if all
        # work for a larger territory.
        if len(there) == 1:
            cited.append((f"<{there[0].actor}>", f"<{DCT}spatial>", f"<{there[0].place}>"))
        if all(one.place in iris for one in there):
            cited += scene.place.path(min(iris.index(one.place) for one in there))
    text = _("None of what it needs is there.")
    if present:
        text = _("Known there: {names}.").format(names=names(present))
    if missing and len(known) < len(needed):
        text += " " + _("Not known whether there is: {names}.").format(names=names(missing))
    value, share = len(present) / len(known), len(known) / (len(needed) + 1)
    return Verdict(value, text, tuple(cited), change, known=share)


def instruments(practice: Entry, scene: Scene) -> Verdict:
    """E4, a gate or a gap: 1 if an instrument covers a theme of it and the place.

    One that has ended does not count. What is known is n / (n + 1) for n ways in which
    instruments, their themes and their territories cover it.
    """
    themes, here = practice.links(DCT + "subject"), scene.here.covering
    covering = [(own, way) for own in themes for t in ancestors(own) for way in here.get(t, ())]
    if not covering:
        text = _("No instrument is known that covers its theme here.")
        change = Adaptation(_("Look for an instrument that can pay for it."), tuple(themes))
        return Verdict(None, text, (), (change,), "gap")
    named = {way.instrument.iri: way.instrument for _own, way in covering}
    titles = ", ".join(title(instrument) for instrument in [*named.values()][:_NAMED])
    text = _("Can be paid or supported by: {names}.").format(names=titles)

    def cited() -> tuple[Triple, ...]:
        return tuple(
            triple
            for own, way in covering
            for triple in (
                *cite(practice, DCT + "subject", [own]),
                *cite(way.instrument, PSR + "eligibleTerritory", [way.place]),
                *cite(way.instrument, DCT + "subject", [way.theme]),
                *scene.place.path(scene.place.iris.index(way.place)),
            )
        )

    return Verdict(1.0, text, cited, gate="passed", known=listed(len(covering)))


def support(practice: Entry, scene: Scene) -> Verdict:
    """T1: mean of: owners willing to mentor, owners' contact checked, tool kit, web page.

    Owners count by their share, the others are there or not.
    """
    owners = scene.world.several(involved(practice))
    willing = [cite(o, PSR + "willingToMentor", ["true"]) for o in owners]
    checked = [cite(o, PSR + "contactCheckedOn") for o in owners]
    kit, page = cite(practice, PSR + "toolkit"), cite(practice, SCHEMA + "url")
    share = max(len(owners), 1)
    parts = [
        (sum(map(bool, willing)) / share, willing, _("an owner willing to mentor")),
        (sum(map(bool, checked)) / share, checked, _("a contact that was checked")),
        (float(bool(kit)), [kit], _("a tool kit")),
        (float(bool(page)), [page], _("a web page")),
    ]
    there = [part for part in parts if part[0]]
    if not there:
        return Verdict(None, _("Whether its owners help others is not known."))
    cited = tuple(t for _v, groups, _n in there for group in groups for t in group)
    if any(willing) or any(checked):
        nodes = practice.links(PSR + "hasInvolvement")
        cited += cite(practice, PSR + "hasInvolvement")
        cited += tuple(t for n in nodes for t in cite(practice, PSR + "actor", node=n))
    text = _("There is: {names}.").format(names=", ".join(name for _v, _g, name in there))
    return Verdict(sum(v for v, *_rest in parts) / len(parts), text, cited)


def involved(practice: Entry) -> list[str]:
    """The actors that a practice names as involved, by IRI."""
    nodes = practice.links(PSR + "hasInvolvement")
    return sorted({a for n in nodes for a in practice.links(PSR + "actor", n)})


def record(practice: Entry, scene: Scene) -> Verdict:
    """T2: (successes + 1) / (transfers with a known result + 2), Laplace's rule of succession.

    A transfer to another kind of place (urban, intermediate, rural) counts half.
    """
    here = scene.place.facts.get("urbanRural")
    counts, cited, kinds = [], list[Triple](), list[Triple]()
    for moved in known_results(scene, practice.iri):
        where = scene.world.place(moved.territory) if moved.territory else None
        there = where.facts.get("urbanRural") if where else None
        same = bool(here and there and here.value == there.value)
        counts.append((1.0 if same else ELSEWHERE, RESULTS[moved.result]))
        transfer = scene.world.get(moved.iri)
        cited += cite(transfer, PSR + "sourcePractice", [practice.iri])
        cited += cite(transfer, PSR + "result")
        if here and there and same:
            kinds += cite(transfer, PSR + "targetTerritory") + here.evidence + there.evidence
    if not counts:
        return Verdict(None, _("No transfer with a known result is recorded."))
    failed = sum(value == 0.0 for _w, value in counts)
    text = ngettext(
        "{count} transfer with a known result; failed: {failed}.",
        "{count} transfers with a known result; failed: {failed}.",
        len(counts),
    ).format(count=len(counts), failed=failed)
    value = _laplace(counts)
    if value != _laplace([(ELSEWHERE, v) for _w, v in counts]):
        cited += kinds
    return Verdict(value, text, tuple(cited))


def _laplace(counts: list[tuple[float, float]]) -> float:
    return (sum(w * v for w, v in counts) + 1) / (sum(w for w, _v in counts) + 2)


def known_results(scene: Scene, practice: str) -> list[Moved]:
    """The transfers of a practice whose result is known, by IRI."""
    return [m for m in scene.world.moved(practice) if m.result in RESULTS]


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
