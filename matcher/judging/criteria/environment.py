"""The environment: powers, territory, organisations and money there (E1 to E4).

What is met counts in full; how much of a criterion is known is n / (n + 1) for n conditions
that are known, since a list of conditions may lack one.
"""

from __future__ import annotations

from collections.abc import Sequence

from kg.entry import Entry
from kg.text.i18n import gettext as _
from kg.vocabulary import DCT, PSR, VOC
from matcher.graph.place import FEATURES, Holder, likeness, mean
from matcher.graph.view import ancestors, names, title
from matcher.judging.criteria.verdict import Adaptation, Gate, Scene, Verdict, listed
from matcher.model.reasons import Triple, cite

_AUTHORITY = VOC + "actor-type/public-authority"
_SHOWN = 5
#: how many instruments are named
_NAMED = 3


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
    who = tuple(dict.fromkeys(a for c in missing for a in _authorities(scene, known[c].by)))
    return Verdict(
        value,
        _("The place does not hold the power over: {names}.").format(names=powers),
        cited,
        (Adaptation(change.format(names=powers), tuple(missing), who[:_SHOWN]),),
        "failed",
        share,
    )


def _authorities(scene: Scene, territory: str) -> list[str]:
    """The territory that holds a power, then the public authorities known there."""
    there = scene.world.actors_in(scene.world.place(territory))
    own = {p.actor for p in there if p.place == territory and p.kind == _AUTHORITY}
    return [territory, *sorted(own)]


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
    text, change = _("The places are alike in: {names}."), ()
    if apart:
        text = _("The places differ in: {names}.")
        check = _("Check what the difference means ({names}).").format(names=", ".join(apart))
        change = (Adaptation(check),)  # type: ignore[assignment]
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
    change = ()
    if missing:
        text = _("Find a partner of the kind: {names}.").format(names=names(missing))
        others = sorted({a for kind in missing for a in scene.here.elsewhere.get(kind, ())})
        change = (Adaptation(text, tuple(missing), tuple(others[:_SHOWN])),)  # type: ignore[assignment]
    if not known:
        text = _("Which organisations it needs, or which are there, is not known.")
        return Verdict(None, text, (), change)
    cited = cite(practice, PSR + "requiresActorType")
    cited += _only_ones(scene, [t for t in present if t not in stated])
    text = _("None of what it needs is there.")
    if present:
        text = _("Known there: {names}.").format(names=names(present))
    if missing and len(known) < len(needed):
        text += " " + _("Not known whether there is: {names}.").format(names=names(missing))
    value = len(present) / len(known)
    return Verdict(value, text, cited, change, known=len(known) / (len(needed) + 1))


def _only_ones(scene: Scene, kinds: Sequence[str]) -> tuple[Triple, ...]:
    """The triples that the presence of a kind rests on.

    That is where its actor is, if there is only one; and the way up to the nearest of them,
    if all work for a larger territory.
    """
    cited: list[Triple] = []
    for kind in kinds:
        there, iris = scene.here.present[kind], scene.place.iris
        if len(there) == 1:
            cited.append((f"<{there[0].actor}>", f"<{DCT}spatial>", f"<{there[0].place}>"))
        if all(one.place in iris for one in there):
            cited += scene.place.path(min(iris.index(one.place) for one in there))
    return tuple(cited)


def instruments(practice: Entry, scene: Scene) -> Verdict:
    """E4, a gate or a gap: 1 if an instrument covers a theme of it and the place.

    One that has ended does not count. What is known is n / (n + 1) for n ways in which
    instruments, their themes and their territories cover it.
    """
    themes = practice.links(DCT + "subject")
    wider = [(own, theme) for own in themes for theme in ancestors(own)]
    covering = [
        (own, scene.here.covering[theme]) for own, theme in wider if theme in scene.here.covering
    ]
    if not covering:
        text = _("No instrument is known that covers its theme here.")
        change = Adaptation(_("Look for an instrument that can pay for it."), tuple(themes))
        return Verdict(None, text, (), (change,), "gap")
    named: dict[str, str] = {}
    for instrument in (way.instrument for _own, ways in covering for way in ways):
        if len(named) == _NAMED:
            break
        named[instrument.iri] = title(instrument)
    titles = ", ".join(named.values())
    text = _("Can be paid or supported by: {names}.").format(names=titles)

    def cited() -> tuple[Triple, ...]:
        return tuple(
            triple
            for own, ways in covering
            for way in ways
            for triple in (
                *cite(practice, DCT + "subject", [own]),
                *cite(way.instrument, PSR + "eligibleTerritory", [way.place]),
                *cite(way.instrument, DCT + "subject", [way.theme]),
                *scene.place.path(scene.place.iris.index(way.place)),
            )
        )

    count = sum(len(ways) for _own, ways in covering)
    return Verdict(1.0, text, cited, gate="passed", known=listed(count))
