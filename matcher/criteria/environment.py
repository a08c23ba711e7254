"""The environment: powers, territory, organisations and money there (E1 to E4)."""

from __future__ import annotations

from kg.entry import Entry, year
from kg.i18n import gettext as _
from kg.vocabulary import DCT, PSR, SCHEMA, vocabulary
from matcher.criteria.verdict import Scene, Verdict
from matcher.evidence import Triple, cite
from matcher.place import likeness, practice_places


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
    text = _("Known there: {names}.").format(
        names=", ".join(words.label(t).lower() for t in present) or _("none of what it needs")
    )
    if missing and known < len(needed):
        text += " " + _("Not known whether there is: {names}.").format(names=names)
    return Verdict(len(present) / known, text, cited, change, None, known / len(needed))


def _actor_triples(there: dict[str, dict[str, str]], present: list[str]) -> list[Triple]:
    return [
        (f"<{there[t]['actor']}>", f"<{DCT}spatial>", f"<{there[t]['place']}>")
        for t in present
        if t in there
    ]


def instruments(practice: Entry, scene: Scene) -> Verdict:
    """E4, a gate or a gap: 1 if an instrument covers a theme of it and the place.

    One that had ended when the practice was last checked does not count.
    """
    places = set(scene.place.iris())
    themes = {a: t for t in practice.links(DCT + "subject") for a in vocabulary().ancestors(t)}
    found = []
    for instrument in scene.instruments:
        here = [t for t in instrument.links(PSR + "eligibleTerritory") if t in places]
        fits = [t for t in instrument.links(DCT + "subject") if t in themes]
        if here and fits and not _ended(instrument, practice):
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
    own = {themes[theme] for _i, _h, fits in found[:3] for theme in fits}
    cited = cite(practice, DCT + "subject", own) + cited
    return Verdict(
        1.0, _("Can be paid or supported by: {names}.").format(names=names), cited, gate="passed"
    )


def _ended(instrument: Entry, practice: Entry) -> bool:
    end, seen = year(instrument, SCHEMA + "endDate"), year(practice, PSR + "checkedOn")
    return end is not None and seen is not None and end < seen
