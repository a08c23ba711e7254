"""Whom to work with: peers, mentors, missing roles, and need meets offer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from kg.entry import Entry, Text
from kg.text.i18n import gettext as _
from kg.text.i18n import language, ngettext
from kg.vocabulary import DCT, ORG, PSR
from matcher.answer import match
from matcher.encoding import text
from matcher.engine import Snapshot
from matcher.graph import ties as graph
from matcher.graph.place import Place, likeness, mean
from matcher.graph.view import Moved, World, names, surviving, title
from matcher.judging.criteria.transfer import RESULTS, involved
from matcher.model.answer import PartnerKind, PartnerMatch, PartnersAnswer
from matcher.model.filters import PARTNER_KINDS, Filters
from matcher.model.reasons import Reason, Triple, cite, excerpt
from matcher.question import Question

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


@dataclass
class Partner:
    """A possible partner with both sides' reasons."""

    actor: Entry
    kind: PartnerKind
    score: float
    reasons: list[Reason] = field(default_factory=list)
    for_them: list[Reason] = field(default_factory=list)


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
    kinds = question.kinds or PARTNER_KINDS
    practices = snapshot.rank(question, Filters(type=("practice",)))
    near = world.several(practices.best(NEAREST))
    mine = me.iri if me else ""
    nearest = tuple((p, practices.probability(p.iri)) for p in near if mine not in involved(p))
    asker = Asker(world, me, question.place, nearest)
    candidates: list[Partner] = []
    if "peer" in kinds:
        actors = snapshot.rank(question, Filters(type=("actor",)))
        likely = {iri: actors.probability(iri) for iri in actors.best(SHORT_LIST)}
        candidates += peers(asker, likely)
    if "mentor" in kinds:
        candidates += mentors(asker)
    if "role" in kinds:
        candidates += missing_roles(asker)
    if "exchange" in kinds:
        candidates += exchanges(world, *_exchange_scores(snapshot, question))
    allowed = snapshot.picture.mask(replace(question.filters, type=("actor",)))
    at = snapshot.picture.position
    open_ = (p for p in candidates if p.actor.iri != mine and p.actor.iri in at)
    best = best_of((p for p in open_ if allowed[at[p.actor.iri]]), question.limit)

    def matched(partner: Partner) -> PartnerMatch:
        return match(
            world,
            partner.actor.iri,
            partner.score,
            lang,
            partner.reasons,
            PartnerMatch,
            kind=partner.kind,
            for_them=tuple(partner.for_them),
        )

    matches = list(surviving(best, matched))
    nothing = (me is None and practices.nothing_good()) or not matches
    weights = {**snapshot.weights, **numbers()}
    return snapshot.answer(PartnersAnswer, question, matches, nothing, weights=weights)


def numbers() -> dict[str, float]:
    """The constants of a partner's score, for the stamp of an answer."""
    return {"CONCERN": CONCERN, "TIES": TIES, "TAKEN_OVER": TAKEN_OVER, "YEARS": graph.YEARS}


def _exchange_scores(
    snapshot: Snapshot, question: Question
) -> tuple[dict[str, float], dict[str, float]]:
    """How well others' offers meet the need, and others' needs the offer."""
    me, lang = question.entry, question.lang
    needs: Text | None = Text(question.text or "", lang, "")
    offers: Text | None = None
    if me is not None:
        needs, offers = (text.wording(me, PSR + name, lang) for name in ("seeks", "offers"))
    return _facet(snapshot, needs, text.SOLUTION), _facet(snapshot, offers, text.PROBLEM)


def _facet(snapshot: Snapshot, words: Text | None, facet: str) -> dict[str, float]:
    """How near the actors' texts of one facet are to a text, which is in its language."""
    if words is None or not words.value:
        return {}
    ranking = snapshot.rank_text(words.value, words.lang, Filters(type=("actor",)), (facet,))
    return {iri: ranking.probability(iri) for iri in ranking.best(SHORT_LIST)}


def peers(asker: Asker, texts: Mapping[str, float]) -> list[Partner]:
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
    partners = []
    for actor in world.several(sorted({*fellows, *texts, *near_by})):
        iri = actor.iri
        shared = sorted(mine & world.challenges(iri))
        near = _nearness(asker, actor)
        tie = ties.get(iri, 0.0) / strongest
        alike = texts.get(iri, 0.0)
        same = 1.0 if shared else CONCERN * alike
        score = same * (0.6 + 0.4 * (0.5 if near is None else near))
        score += (1 - score) * TIES * tie
        if shared or max(alike, tie) >= ALIKE:
            reasons = _peer_reasons(asker, actor, shared, near)
            theirs = _("They would meet somebody with the same concern.")
            cited = cite(me, DCT + "description") if me else cite(actor, DCT + "description")
            partners.append(Partner(actor, "peer", score, reasons, [Reason("peer", theirs, cited)]))
    return partners


def _peer_reasons(
    asker: Asker, actor: Entry, shared: list[str], near: float | None
) -> list[Reason]:
    world, reasons = asker.world, list[Reason]()
    if shared:
        own = world.several(world.involved.get(actor.iri, ()))
        triples = tuple(t for p in own for t in cite(p, PSR + "addresses", shared))
        sentence = _("Works on the same challenge: {names}.").format(names=_titles(world, shared))
        reasons.append(Reason("challenge", sentence, triples))
    if near is not None and near >= 0.5:
        reasons.append(Reason("place", _("Its place is like yours."), cite(actor, DCT + "spatial")))
    if asker.entry is not None:
        reasons += _tie_reasons(world, asker.entry, actor)
    sentence = actor.text(DCT + "description", language()) or ""
    if sentence or not reasons:
        prop = DCT + "description" if sentence else DCT + "title"
        reasons.append(Reason("profile", excerpt(sentence or actor.slug), cite(actor, prop)))
    return reasons


def _tie_reasons(world: World, me: Entry, actor: Entry) -> list[Reason]:
    """What ties two actors: what both are part of, else partners of both."""
    reasons = []
    networks = sorted(set(me.links(ORG + "memberOf")) & set(actor.links(ORG + "memberOf")))
    if networks:
        sentence = _("You are both members of: {names}.").format(names=_titles(world, networks))
        reasons.append(Reason("network", sentence, cite(actor, ORG + "memberOf", networks)))
    between = world.ties.between(me.iri, actor.iri)
    if between and not networks:
        sentence = _("You have partners in common: {names}.").format(names=_titles(world, between))
        cited = tuple(t for a in world.several(between) for t in cite(a, ORG + "memberOf"))
        reasons.append(Reason("ties", sentence, cited))
    return reasons


def _titles(world: World, iris: Iterable[str]) -> str:
    return ", ".join(title(entry) for entry in world.several([*iris]))


def mentors(asker: Asker) -> list[Partner]:
    """Actors that run a practice like the one asked about, or took it over.

    Score: the practice's own, raised by a fifth (to 1 at most) if they say that they mentor
    or if the practice was carried over before. For who took it over: the practice's own x
    0.9 x how far that was a success; a result that is not known is no experience.
    """
    partners: list[Partner] = []
    for practice, score in asker.practices:
        took = [m for m in asker.world.moved(practice.iri) if m.adopter and RESULTS.get(m.result)]
        partners += surviving(took, partial(_successor, asker.world, practice, score * TAKEN_OVER))
        for node in practice.links(PSR + "hasInvolvement"):
            for actor in asker.world.several(practice.links(PSR + "actor", node)):
                willing = cite(actor, PSR + "willingToMentor", ["true"])
                moved = [m.iri for m in asker.world.moved(practice.iri)]
                raised = min(1.0, score * 1.2) if willing or moved else score
                partners.append(_mentor(actor, practice, node, raised, willing, moved))
    return partners


def _successor(world: World, practice: Entry, most: float, moved: Moved) -> Partner:
    sentence = _("Took it over from elsewhere: {title}.").format(title=title(practice))
    transfer, adopter = world.get(moved.iri), moved.adopter or ""
    cited = tuple(
        triple
        for name, value in (
            ("sourcePractice", practice.iri),
            ("adopter", adopter),
            ("result", None),
        )
        for triple in cite(transfer, PSR + name, [value] if value else None)
    )
    back = Reason("reach", _("They could compare notes with one more place."), cited)
    score, reasons = most * RESULTS[moved.result], [Reason("transfer", sentence, cited)]
    return Partner(world.get(adopter), "mentor", score, reasons, [back])


def _mentor(
    actor: Entry,
    practice: Entry,
    node: str,
    score: float,
    willing: tuple[Triple, ...],
    moved: list[str],
) -> Partner:
    done = _("Has done it: {title}.").format(title=title(practice))
    reasons = [Reason("practice", done, cite(practice, PSR + "actor", node=node))]
    if willing:
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
    back = [Reason("reach", theirs, cite(practice, DCT + "title"))]
    return Partner(actor, "mentor", score, reasons, back)


def missing_roles(asker: Asker) -> list[Partner]:
    """Actors in the place of a kind that the nearest practices need.

    Score: the practice's own x share of its needed kinds that this actor brings.
    """
    if asker.place is None:
        return []
    have = set(asker.entry.links(PSR + "actorType")) if asker.entry else set()
    local: dict[str, set[str]] = {}
    for one in asker.world.actors_in(asker.place):
        local.setdefault(one.actor, set()).add(one.kind)
    partners = []
    for practice, score in asker.practices:
        needed = [t for t in practice.links(PSR + "requiresActorType") if t not in have]
        brought = {iri: [t for t in needed if t in kinds] for iri, kinds in local.items()}
        for actor in asker.world.several([iri for iri, brings in brought.items() if brings]):
            share = score * len(brought[actor.iri]) / len(needed)
            partners.append(_role(actor, practice, brought[actor.iri], share))
    return partners


def _role(actor: Entry, practice: Entry, brings: list[str], score: float) -> Partner:
    sentence = _("Is in your place and of a kind that “{title}” needs: {names}.").format(
        title=title(practice), names=names(brings)
    )
    triples = (
        cite(practice, PSR + "requiresActorType", brings)
        + cite(actor, PSR + "actorType")
        + cite(actor, DCT + "spatial")
    )
    theirs = _("They could take part in a practice that needs this: {names}.").format(
        names=names(brings)
    )
    return Partner(
        actor, "role", score, [Reason("role", sentence, triples)], [Reason("role", theirs, triples)]
    )


def exchanges(
    world: World, needed: Mapping[str, float], offered: Mapping[str, float]
) -> list[Partner]:
    """Actors whose offer meets the asker's need, or whose need meets the offer.

    Score: the better direction + a fifth of the way to 1 x the other direction.
    """
    partners = []
    for actor in world.several(sorted(needed.keys() | offered.keys())):
        iri = actor.iri
        gives = needed.get(iri, 0.0) if actor.texts(PSR + "offers") else 0.0
        takes = offered.get(iri, 0.0) if actor.texts(PSR + "seeks") else 0.0
        best, other = max(gives, takes), min(gives, takes)
        if best >= ALIKE:
            partner = Partner(actor, "exchange", best + (1 - best) * other / 5)
            _say_both(partner, gives >= ALIKE, takes >= ALIKE)
            partners.append(partner)
    return partners


def _say_both(partner: Partner, gives: bool, takes: bool) -> None:
    """Add the reasons of both sides of an exchange."""
    actor = partner.actor
    offers, seeks = (excerpt(actor.text(PSR + p, language()) or "") for p in ("offers", "seeks"))
    offer, need = cite(actor, PSR + "offers"), cite(actor, PSR + "seeks")
    if gives:
        sentence = _("Offers what you look for: {words}").format(words=offers)
        partner.reasons.append(Reason("offer", sentence, offer))
    if takes:
        sentence = _("You have what they look for: {words}").format(words=seeks)
        partner.reasons.append(Reason("need", sentence, need))
        sentence = _("Looks for what you offer: {words}").format(words=seeks)
        partner.for_them.append(Reason("need", sentence, need))
    else:
        sentence = _("What they offer would be of use in one more place.")
        partner.for_them.append(Reason("offer", sentence, offer))


def best_of(partners: Iterable[Partner], limit: int) -> list[Partner]:
    """Each actor's best offer of each kind, by score; ties by IRI and kind."""
    kept: dict[tuple[str, str], Partner] = {}
    for partner in partners:
        key = (partner.actor.iri, partner.kind)
        if key not in kept or partner.score > kept[key].score:
            kept[key] = partner
    ranked = sorted(kept.values(), key=lambda p: (-round(p.score, 6), p.actor.iri, p.kind))
    return ranked[:limit]


def _nearness(asker: Asker, actor: Entry) -> float | None:
    """The mean likeness of the asker's place and the actor's nearest place."""
    if asker.place is None:
        return None
    spots = asker.world.places(actor)
    known = [mean(alike) for spot in spots if (alike := likeness(asker.place, spot))]
    return max(known, default=None)
