"""Whom to work with: peers, mentors, missing roles, and need meets offer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyoxigraph as ox

from kg.entry import Entry
from kg.i18n import gettext as _
from kg.store import Store
from kg.vocabulary import DCT, ORG, PSR, vocabulary
from matcher.criteria.carrying import transfers_of
from matcher.evidence import Reason, cite, excerpt
from matcher.place import Place, actors_in, likeness


@dataclass
class Partner:
    """A possible partner with both sides' reasons."""

    actor: Entry
    kind: str
    score: float
    reasons: list[Reason] = field(default_factory=list)
    for_them: list[Reason] = field(default_factory=list)


@dataclass(frozen=True)
class Asker:
    """Who asks: the actor's entry if there is one, the place, and the nearest practices."""

    entry: Entry | None
    place: Place | None
    practices: tuple[tuple[Entry, float], ...]
    doubtful: bool = False


def peers(store: Store, asker: Asker, texts: dict[str, float]) -> list[Partner]:
    """Return actors with the same concern in a similar place.

    Score: likeness of the texts (1 for a shared challenge) x (0.6 + 0.4 x likeness of the
    places); a place that is not known counts as 0.5.
    """
    mine = _challenges(asker.entry, store) if asker.entry else set()
    found = []
    for iri, likeness_of_text in (_fellows(store, mine) | texts).items():
        actor = store.get(iri)
        shared = sorted(mine & _challenges(actor, store))
        near = _nearness(store, asker.place, actor)
        same = max(likeness_of_text, 1.0 if shared else 0.0)
        if same < 0.2:
            continue
        partner = Partner(actor, "peer", same * (0.6 + 0.4 * (0.5 if near is None else near)))
        partner.reasons = _peer_reasons(store, asker, actor, shared, near)
        partner.for_them = [
            Reason(
                "peer",
                _("They would meet somebody with the same concern."),
                cite(actor, DCT + "description"),
            )
        ]
        found.append(partner)
    return found


def _peer_reasons(
    store: Store, asker: Asker, actor: Entry, shared: list[str], near: float | None
) -> list[Reason]:
    found = []
    if shared:
        names = ", ".join(store.get(c).text(DCT + "title") or c for c in shared)
        triples = tuple(
            t for p in _practices(store, actor.iri) for t in cite(p, PSR + "addresses", shared)
        )
        found.append(
            Reason(
                "challenge", _("Works on the same challenge: {names}.").format(names=names), triples
            )
        )
    if near is not None and near >= 0.5:
        found.append(Reason("place", _("Its place is like yours."), cite(actor, DCT + "spatial")))
    ties = (
        sorted(set(asker.entry.links(ORG + "memberOf")) & set(actor.links(ORG + "memberOf")))
        if asker.entry
        else []
    )
    if ties:
        names = ", ".join(store.get(c).text(DCT + "title") or c for c in ties)
        found.append(
            Reason(
                "network",
                _("You are both members of: {names}.").format(names=names),
                cite(actor, ORG + "memberOf", ties),
            )
        )
    said = actor.text(DCT + "description")
    if said or not found:
        prop = DCT + "description" if said else DCT + "title"
        found.append(Reason("profile", excerpt(said or actor.slug), cite(actor, prop)))
    return found


def mentors(store: Store, asker: Asker) -> list[Partner]:
    """Return actors that run a practice like the one asked about.

    Score: the practice's own, raised by a fifth (to 1 at most) if they say that they mentor
    or if the practice was carried over before.
    """
    found = []
    for practice, score in asker.practices:
        for node in practice.links(PSR + "hasInvolvement"):
            for iri in practice.links(PSR + "actor", node):
                actor = store.get(iri)
                willing = cite(actor, PSR + "willingToMentor", ["true"])
                moved = [t.iri for t in transfers_of(store, practice.iri)]
                raised = min(1.0, score * 1.2) if willing or moved else score
                found.append(_mentor(actor, practice, node, raised, willing, moved))
    return found


def _mentor(
    actor: Entry,
    practice: Entry,
    node: str,
    score: float,
    willing: tuple[tuple[str, str, str], ...],
    moved: list[str],
) -> Partner:
    title = practice.text(DCT + "title") or practice.slug
    partner = Partner(actor, "mentor", score)
    partner.reasons.append(
        Reason(
            "practice",
            _("Has done it: {title}.").format(title=title),
            cite(practice, PSR + "actor", node=node),
        )
    )
    if willing:
        partner.reasons.append(Reason("willing", _("Says that it helps others to start."), willing))
    if moved:
        triples = tuple(
            (f"<{t}>", f"<{PSR}sourcePractice>", f"<{practice.iri}>") for t in moved[:5]
        )
        partner.reasons.append(
            Reason(
                "record",
                _("Its practice was taken up by others {count} times.").format(count=len(moved)),
                triples,
            )
        )
    partner.for_them.append(
        Reason(
            "reach", _("Their practice would reach one more place."), cite(practice, DCT + "title")
        )
    )
    return partner


def missing_roles(store: Store, asker: Asker) -> list[Partner]:
    """Return actors in the place of a kind that the nearest practices need.

    Score: the practice's own x share of its needed kinds that this actor brings.
    """
    if asker.place is None:
        return []
    have = set(asker.entry.links(PSR + "actorType")) if asker.entry else set()
    local = _by_actor(actors_in(store, asker.place))
    found = []
    for practice, score in asker.practices:
        needed = [t for t in practice.links(PSR + "requiresActorType") if t not in have]
        for iri, kinds in local.items():
            brings = [t for t in needed if t in kinds]
            if brings and iri != (asker.entry.iri if asker.entry else None):
                found.append(
                    _role(store.get(iri), practice, brings, score * len(brings) / len(needed))
                )
    return found


def _role(actor: Entry, practice: Entry, brings: list[str], score: float) -> Partner:
    names = ", ".join(vocabulary().label(t).lower() for t in brings)
    title = practice.text(DCT + "title") or practice.slug
    said = _("Is in your place and of a kind that “{title}” needs: {names}.").format(
        title=title, names=names
    )
    triples = (
        cite(practice, PSR + "requiresActorType", brings)
        + cite(actor, PSR + "actorType")
        + cite(actor, DCT + "spatial")
    )
    theirs = _("They could take part in a practice that needs a {names}.").format(names=names)
    return Partner(
        actor, "role", score, [Reason("role", said, triples)], [Reason("role", theirs, triples)]
    )


def exchanges(
    store: Store, asker: Asker, wanted: dict[str, float], offered: dict[str, float]
) -> list[Partner]:
    """Return actors whose offer meets the asker's need, or whose need meets the offer.

    Score: the better direction + a fifth of the way to 1 x the other direction.
    """
    found = []
    for iri in sorted(wanted.keys() | offered.keys()):
        actor = store.get(iri)
        gives = wanted.get(iri, 0.0) if actor.texts(PSR + "offers") else 0.0
        takes = offered.get(iri, 0.0) if actor.texts(PSR + "seeks") else 0.0
        best, other = max(gives, takes), min(gives, takes)
        if best < 0.2:
            continue
        partner = Partner(actor, "exchange", best + (1 - best) * other / 5)
        if gives >= 0.2:
            said = _("Offers what you look for: {words}").format(
                words=excerpt(actor.text(PSR + "offers") or "")
            )
            partner.reasons.append(Reason("offer", said, cite(actor, PSR + "offers")))
        if takes >= 0.2:
            said = _("Looks for what you offer: {words}").format(
                words=excerpt(actor.text(PSR + "seeks") or "")
            )
            partner.for_them.append(Reason("need", said, cite(actor, PSR + "seeks")))
        found.append(partner)
    return found


def best_of(partners: Iterable[Partner], limit: int) -> list[Partner]:
    """Return each actor's best offer of each kind, by score; ties by IRI and kind."""
    kept: dict[tuple[str, str], Partner] = {}
    for partner in partners:
        key = (partner.actor.iri, partner.kind)
        if key not in kept or partner.score > kept[key].score:
            kept[key] = partner
    ranked = sorted(kept.values(), key=lambda p: (-round(p.score, 6), p.actor.iri, p.kind))
    return ranked[:limit]


def _by_actor(rows: list[dict[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["actor"], set()).add(row["type"])
    return found


def _practices(store: Store, actor: str) -> list[Entry]:
    """Return the practices that an actor is involved in or has taken over."""
    rows = store.select(
        "SELECT DISTINCT ?p { { ?p psr:hasInvolvement/psr:actor $a } UNION"
        " { ?t psr:adopter $a ; psr:sourcePractice ?p } } ORDER BY ?p",
        {"a": ox.NamedNode(actor)},
    )
    return [store.get(row["p"]) for row in rows]


def _fellows(store: Store, challenges: set[str]) -> dict[str, float]:
    """Return who is involved in a practice, or took one over, for one of the challenges."""
    wanted = " ".join(f"<{c}>" for c in sorted(challenges))
    rows = store.select(
        f"SELECT DISTINCT ?a {{ VALUES ?c {{ {wanted} }} ?p psr:addresses ?c ."
        " { ?p psr:hasInvolvement/psr:actor ?a } UNION"
        " { ?t psr:sourcePractice ?p ; psr:adopter ?a } } ORDER BY ?a",
        {},
    )
    return {row["a"]: 0.0 for row in rows}


def _challenges(actor: Entry | None, store: Store) -> set[str]:
    if actor is None:
        return set()
    return {c for p in _practices(store, actor.iri) for c in p.links(PSR + "addresses")}


def _nearness(store: Store, place: Place | None, actor: Entry) -> float | None:
    """Return the mean likeness of the asker's place and the actor's smallest place."""
    spots = [Place(store, iri) for iri in actor.links(DCT + "spatial")]
    if place is None or not spots:
        return None
    features = [likeness(place, spot) for spot in spots]
    known = [sum(v for v, _e in f.values()) / len(f) for f in features if f]
    return max(known, default=None)
