"""Whom to work with: peers, mentors, missing roles, and need meets offer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from kg.entry import Entry, Text
from kg.text.i18n import gettext as _
from kg.text.i18n import language, ngettext
from kg.vocabulary import DCT, ORG, PSR
from matcher.encoding import text
from matcher.engine import Namer, Snapshot
from matcher.graph import ties as graph
from matcher.graph.place import Place, likeness, mean
from matcher.graph.ties import grouped
from matcher.graph.view import Moved, World, names, surviving, title
from matcher.judging.criteria import RESULTS, involved
from matcher.model.answer import PartnerKind, PartnerMatch, PartnersAnswer
from matcher.model.filters import PARTNER_KINDS, Filters
from matcher.model.reasons import Reason, cite, excerpt
from matcher.question import Question
from matcher.search.ranking import Sought

#: how many actors are compared with the asker, and how many of the nearest practices are looked at
SHORT_LIST, NEAREST = 40, 10
#: below this a likeness of texts says nothing
ALIKE = 0.2
#: what likeness of texts counts for a peer, beside a challenge that both work on
CONCERN = 0.5
#: how far the strongest tie in the graph lifts a peer towards 1
TIES = 0.5
#: what taking a practice over with success counts, beside running it
TAKEN_OVER = 0.9


@dataclass(frozen=True)
class Partner:
    """A possible partner with both sides' reasons."""

    actor: Entry
    kind: PartnerKind
    score: float
    reasons: tuple[Reason, ...]
    for_them: Reason


@dataclass(frozen=True)
class Asker:
    """Who asks: the actor's entry if there is one, the place, and the nearest practices."""

    world: World
    entry: Entry | None
    place: Place | None
    practices: tuple[tuple[Entry, float], ...]


def answer(snapshot: Snapshot, question: Question) -> PartnersAnswer:
    """Find partners of the kinds asked for (else of every kind), with both sides' reasons."""
    me, lang, world = question.entry, question.lang, snapshot.world
    kinds, mine = question.kinds or PARTNER_KINDS, me.iri if me else ""
    practices = snapshot.rank(question, Filters(type=("practice",)))
    near = world.several(practices.best(NEAREST))
    nearest = tuple((p, practices.probability(p.iri)) for p in near if mine not in involved(p))
    asker = Asker(world, me, question.place, nearest)

    def alike(words: Text | None, facet: str) -> dict[str, float]:
        """How near the actors' texts of one facet are to a text, which is in its language."""
        if words is None or not words.value:
            return {}
        sought = Sought(Filters(type=("actor",)), SHORT_LIST)
        actors = snapshot.rank_text(words.value, words.lang, sought, (facet,))
        return actors.probabilities(SHORT_LIST)

    candidates: list[Partner] = []
    if "peer" in kinds:
        actors = snapshot.rank(question, Filters(type=("actor",)))
        candidates += peers(asker, actors.probabilities(SHORT_LIST))
    if "mentor" in kinds:
        candidates += mentors(asker)
    if "role" in kinds:
        candidates += missing_roles(asker)
    if "exchange" in kinds:
        need = text.wording(me, PSR + "seeks", lang) if me else Text(question.text or "", lang, "")
        offer = text.wording(me, PSR + "offers", lang) if me else None
        candidates += exchanges(world, alike(need, text.SOLUTION), alike(offer, text.PROBLEM))
    filters = replace(question.filters, type=("actor",))
    allowed = snapshot.passing(filters, {p.actor.iri for p in candidates} - {mine})
    best = best_of((p for p in candidates if p.actor.iri in allowed), question.limit)
    namer = Namer(world, lang)

    def matched(p: Partner) -> PartnerMatch:
        more = {"kind": p.kind, "for_them": (p.for_them,)}
        return namer.match(PartnerMatch, p.actor.iri, p.score, p.reasons, **more)

    matches = list(surviving(best, matched))
    nothing = (me is None and practices.nothing_good()) or not matches
    weights = {**snapshot.desk.weights, **numbers()}
    return snapshot.answer(PartnersAnswer, question, matches, nothing, weights=weights)


def numbers() -> dict[str, float]:
    """The constants of a partner's score, for the stamp of an answer."""
    return {"CONCERN": CONCERN, "TIES": TIES, "TAKEN_OVER": TAKEN_OVER, "YEARS": graph.YEARS}


def peers(asker: Asker, texts: Mapping[str, float]) -> Iterator[Partner]:
    """Actors with the same concern in a similar place.

    Score: 1 for a shared challenge, else half the likeness of the texts, x (0.6 + 0.4 x
    likeness of the places), a place that is not known counting as 0.5; then half of the way
    to 1 times the strength of their tie in the graph, the asker's strongest tie being 1.
    """
    world, me = asker.world, asker.entry
    mine = world.challenges(me.iri) if me else set()
    ties = world.ties.near(me.iri) if me else {}
    strongest = max(ties.values(), default=1.0)
    fellows = {a for c in mine for a in world.fellows.get(c, ())}
    near_by = sorted(ties, key=lambda a: (-ties[a], a))[:SHORT_LIST]
    for actor in world.several(sorted({*fellows, *texts, *near_by})):
        shared = sorted(mine & world.challenges(actor.iri))
        tie, alike = ties.get(actor.iri, 0.0) / strongest, texts.get(actor.iri, 0.0)
        if not shared and max(alike, tie) < ALIKE:
            continue
        here, spots = asker.place, world.places(actor) if asker.place else ()
        places = [mean(both) for spot in spots if here and (both := likeness(here, spot))]
        near = max(places, default=None)
        score = (1.0 if shared else CONCERN * alike) * (0.6 + 0.4 * (0.5 if near is None else near))
        score += (1 - score) * TIES * tie
        reasons = [*_in_common(asker, actor, shared, near)]
        words = actor.text(DCT + "description", language()) or ""
        if words or not reasons:
            cited = cite(actor, DCT + ("description" if words else "title"))
            reasons.append(Reason("profile", excerpt(words or actor.slug), cited))
        theirs = _("They would meet somebody with the same concern.")
        back = Reason("peer", theirs, cite(me or actor, DCT + "description"))
        yield Partner(actor, "peer", score, tuple(reasons), back)


def _in_common(
    asker: Asker, actor: Entry, shared: list[str], near: float | None
) -> Iterator[Reason]:
    """The challenge, a place that is alike, and what both are part of, else partners of both."""
    world, me, member = asker.world, asker.entry, ORG + "memberOf"

    def titles(iris: Iterable[str]) -> str:
        return ", ".join(title(entry) for entry in world.several([*iris]))

    if shared:
        own = world.several(world.involved.get(actor.iri, ()))
        triples = tuple(t for p in own for t in cite(p, PSR + "addresses", shared))
        sentence = _("Works on the same challenge: {names}.").format(names=titles(shared))
        yield Reason("challenge", sentence, triples)
    if near is not None and near >= 0.5:
        yield Reason("place", _("Its place is like yours."), cite(actor, DCT + "spatial"))
    if me and (networks := sorted(set(me.links(member)) & set(actor.links(member)))):
        sentence = _("You are both members of: {names}.").format(names=titles(networks))
        yield Reason("network", sentence, cite(actor, member, networks))
    elif me and (between := world.ties.between(me.iri, actor.iri)):
        sentence = _("You have partners in common: {names}.").format(names=titles(between))
        cited = tuple(t for a in world.several(between) for t in cite(a, member))
        yield Reason("ties", sentence, cited)


def mentors(asker: Asker) -> Iterator[Partner]:
    """Actors that run a practice like the one asked about, or took it over.

    Score: the practice's own, raised by a fifth (to 1 at most) if they say that they mentor
    or if the practice was carried over before. For who took it over: the practice's own x
    0.9 x how far that was a success; a result that is not known is no experience.
    """
    for practice, score in asker.practices:
        moved = asker.world.moved(practice.iri)
        took = [m for m in moved if m.adopter and RESULTS.get(m.result)]
        yield from surviving(took, partial(_successor, asker.world, practice, score * TAKEN_OVER))
        for node in practice.links(PSR + "hasInvolvement"):
            for actor in asker.world.several(practice.links(PSR + "actor", node)):
                yield _mentor(actor, practice, node, score, [m.iri for m in moved])


def _successor(world: World, practice: Entry, most: float, moved: Moved) -> Partner:
    sentence = _("Took it over from elsewhere: {title}.").format(title=title(practice))
    transfer, adopter = world.get(moved.iri), moved.adopter or ""
    cited = cite(transfer, PSR + "sourcePractice", [practice.iri])
    cited += cite(transfer, PSR + "adopter", [adopter]) + cite(transfer, PSR + "result")
    back = Reason("reach", _("They could compare notes with one more place."), cited)
    reasons = (Reason("transfer", sentence, cited),)
    return Partner(world.get(adopter), "mentor", most * RESULTS[moved.result], reasons, back)


def _mentor(actor: Entry, practice: Entry, node: str, score: float, moved: list[str]) -> Partner:
    done = _("Has done it: {title}.").format(title=title(practice))
    reasons = [Reason("practice", done, cite(practice, PSR + "actor", node=node))]
    if willing := cite(actor, PSR + "willingToMentor", ["true"]):
        reasons.append(Reason("willing", _("Says that it helps others to start."), willing))
    if moved:
        sentence = ngettext(
            "Its practice was taken up by others once.",
            "Its practice was taken up by others {count} times.",
            len(moved),
        ).format(count=len(moved))
        cited = tuple((f"<{t}>", f"<{PSR}sourcePractice>", f"<{practice.iri}>") for t in moved[:5])
        reasons.append(Reason("record", sentence, cited))
    theirs = _("Their practice would reach one more place.")
    back = Reason("reach", theirs, cite(practice, DCT + "title"))
    raised = min(1.0, score * 1.2) if willing or moved else score
    return Partner(actor, "mentor", raised, tuple(reasons), back)


def missing_roles(asker: Asker) -> Iterator[Partner]:
    """Actors in the place of a kind that the nearest practices need.

    Score: the practice's own x share of its needed kinds that this actor brings.
    """
    if asker.place is None:
        return
    have = set(asker.entry.links(PSR + "actorType")) if asker.entry else set()
    local = grouped((p.actor, p.kind) for p in asker.world.actors_in(asker.place))
    for practice, score in asker.practices:
        needed = [t for t in practice.links(PSR + "requiresActorType") if t not in have]
        brought = {iri: [t for t in needed if t in kinds] for iri, kinds in local.items()}
        for actor in asker.world.several([iri for iri, brings in brought.items() if brings]):
            brings = brought[actor.iri]
            sentence = _("Is in your place and of a kind that “{title}” needs: {names}.").format(
                title=title(practice), names=names(brings)
            )
            theirs = _("They could take part in a practice that needs this: {names}.")
            cited = cite(practice, PSR + "requiresActorType", brings)
            cited += cite(actor, PSR + "actorType") + cite(actor, DCT + "spatial")
            back = Reason("role", theirs.format(names=names(brings)), cited)
            share, reasons = len(brings) / len(needed), (Reason("role", sentence, cited),)
            yield Partner(actor, "role", score * share, reasons, back)


def exchanges(
    world: World, needed: Mapping[str, float], offered: Mapping[str, float]
) -> Iterator[Partner]:
    """Actors whose offer meets the asker's need, or whose need meets the offer.

    Score: the better direction + a fifth of the way to 1 x the other direction.
    """
    for actor in world.several(sorted(needed.keys() | offered.keys())):
        offers, seeks = cite(actor, PSR + "offers"), cite(actor, PSR + "seeks")
        gives = needed.get(actor.iri, 0.0) if offers else 0.0
        takes = offered.get(actor.iri, 0.0) if seeks else 0.0
        best, other = max(gives, takes), min(gives, takes)
        if best < ALIKE:
            continue
        offer, need = (excerpt(actor.text(PSR + p, language()) or "") for p in ("offers", "seeks"))
        reasons = []
        theirs = Reason("offer", _("What they offer would be of use in one more place."), offers)
        if gives >= ALIKE:
            sentence = _("Offers what you look for: {words}").format(words=offer)
            reasons.append(Reason("offer", sentence, offers))
        if takes >= ALIKE:
            sentence = _("You have what they look for: {words}").format(words=need)
            reasons.append(Reason("need", sentence, seeks))
            sentence = _("Looks for what you offer: {words}").format(words=need)
            theirs = Reason("need", sentence, seeks)
        yield Partner(actor, "exchange", best + (1 - best) * other / 5, tuple(reasons), theirs)


def best_of(partners: Iterable[Partner], limit: int) -> list[Partner]:
    """Each actor's best offer of each kind, by score; ties by IRI and kind."""
    kept: dict[tuple[str, str], Partner] = {}
    for partner in partners:
        key = (partner.actor.iri, partner.kind)
        if key not in kept or partner.score > kept[key].score:
            kept[key] = partner
    ranked = sorted(kept.values(), key=lambda p: (-round(p.score, 6), p.actor.iri, p.kind))
    return ranked[:limit]
