"""A consortium for a call or a transfer: a set chosen for coverage under rules, not one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from itertools import islice
from typing import Any

from kg.catalogue.lists import country_code
from kg.entry import Entry
from kg.errors import Refused, refused
from kg.stores.protocol import Store
from kg.text.i18n import gettext as _
from kg.vocabulary import DCT, PSR
from matcher.answer import match, names
from matcher.engine import Snapshot
from matcher.graph.view import World, ancestors, surviving
from matcher.graph.view import names as labels
from matcher.model.answer import ConsortiumAnswer, Seat, UnmetRule
from matcher.model.filters import Filters, concept, read
from matcher.model.reasons import Reason, cite
from matcher.question import Question, Rules
from matcher.questions.consortium_solver import Candidate, broken, choose, worth
from matcher.search.ranking import Ranking

#: how many actors are looked at, and how many alternatives each seat gets
CANDIDATES, ALTERNATIVES = 500, 3
SEATS = 6


def answer(snapshot: Snapshot, question: Question) -> ConsortiumAnswer:
    """Choose the members of the best consortium, or name the rules that cannot be met together."""
    world, rules, lang = snapshot.world, question.rules, question.lang
    wishes = _wishes(question)
    ranking = snapshot.rank(question, _narrowed(question.filters))
    pool = _candidates(world, ranking, rules, wishes)
    chosen = choose(pool, rules, tuple(wishes))

    def seat(one: Candidate) -> Seat:
        return _member(world, one, chosen, pool, rules, wishes, lang)

    covered = {item for c in chosen or () for item in c.covers}
    infeasible: list[UnmetRule] = []
    if chosen is None:
        infeasible = _filtered(snapshot, question.filters, ranking, rules, wishes)
        infeasible += _blame(pool, rules, tuple(wishes))
        if not infeasible:
            text = _(
                "No single rule is to blame: even without any one of them there is no solution."
            )
            infeasible = [UnmetRule(None, text)]
    return snapshot.answer(
        ConsortiumAnswer,
        question,
        list(surviving(chosen or (), seat)),
        chosen is None or (question.entry is None and ranking.nothing_good()),
        rules=rules.as_dict(),
        covered=tuple(text for item, text in wishes.items() if item in covered),
        uncovered=tuple(text for item, text in wishes.items() if item not in covered),
        infeasible=tuple(infeasible),
        candidates=len(pool),
    )


def read_rules(raw: Mapping[str, Any], store: Store, call: Entry | None) -> Rules:
    """Read the rules that were sent and add the call's own; of two numbers the stricter.

    Refused for fewer seats than the call asks for, and for what is not known.
    """
    least = int(call.number(PSR + "minimumPartners") or 1) if call else 1
    seats = raw.get("seats") or max(SEATS, least)
    if seats < least:
        text = _("Least number of partners that the call asks for: {least}.").format(least=least)
        raise refused("rules.seats", text, value=str(seats), hint=_("Give it more seats."))
    stated = int(call.number(PSR + "minimumCountries") or 1) if call else 1

    def actors(name: str) -> tuple[str, ...]:
        return tuple(read(store, v, "actor", field=f"rules.{name}").iri for v in raw.get(name, ()))

    return Rules(
        seats=seats,
        minimum_countries=max(raw.get("minimum_countries") or 1, stated),
        maximum_per_country=raw.get("maximum_per_country"),
        actor_types=tuple(
            concept("actor-type", value, "rules.actor_types")
            for value in raw.get("actor_types", ())
        ),
        must=actors("must"),
        exclude=actors("exclude"),
        countries=tuple(_country(store, value) for value in raw.get("countries", ())),
        eligible_types=tuple(call.links(PSR + "eligibleActorType")) if call else (),
        eligible_territories=tuple(call.links(PSR + "eligibleTerritory")) if call else (),
    )


def _country(store: Store, code: str) -> str:
    try:
        return country_code(store, code)
    except Refused as error:
        problems = [replace(problem, path="rules.countries") for problem in error.problems]
        raise Refused(str(error), problems) from error


def _wishes(question: Question) -> dict[str, str]:
    """What the consortium should cover, with its words: kinds, themes, place, owner."""
    about = question.entry
    needed = about.links(PSR + "requiresActorType") if about else ()
    kinds = [*question.rules.actor_types, *needed]
    wishes = {k: _("organisation: {name}").format(name=labels([k])) for k in kinds}
    for theme in question.filters.theme or (about.links(DCT + "subject") if about else ()):
        wishes[theme] = _("theme: {name}").format(name=labels([theme]))
    if place := question.place:
        wishes[place.iri] = _("somebody from {place}").format(place=place.name)
    if about is not None and about.path == "practice":
        wishes[about.iri] = _("somebody who has done it")
    return wishes


def _narrowed(filters: Filters) -> Filters:
    """Filters for actors: a theme is something to cover and keeps nobody out."""
    return replace(filters, type=("actor",), theme=())


def _candidates(
    world: World, ranking: Ranking, rules: Rules, wishes: Mapping[str, str]
) -> list[Candidate]:
    """The most relevant actors, and all that must be there."""
    best = ranking.best(CANDIDATES)
    extra = [iri for iri in rules.must if iri not in best and iri in ranking.picture.position]

    def candidate(iri: str) -> Candidate:
        return _candidate(world, iri, ranking.probability(iri), wishes)

    return list(surviving([*extra, *best], candidate))


def _filtered(
    snapshot: Snapshot, filters: Filters, ranking: Ranking, rules: Rules, wishes: Mapping[str, str]
) -> list[UnmetRule]:
    """The filters each of which, left out alone, would make a consortium possible.

    Where nobody passes and no single filter is to blame, it is all of them.
    """
    text = _("The filter “{name}” leaves too few fitting actors.")
    used = [f for f in fields(Filters) if f.name not in {"type", "theme"}]
    used = [f for f in used if getattr(filters, f.name)]

    def possible(name: str, default: object) -> bool:
        wider: dict[str, Any] = {name: default}
        mask = ranking.picture.mask(_narrowed(replace(filters, **wider)))
        pool = _candidates(
            snapshot.world, snapshot.standing(replace(ranking, allowed=mask)), rules, wishes
        )
        return choose(pool, rules, tuple(wishes)) is not None

    blamed = [f.name for f in used if possible(f.name, f.default)]
    if not blamed and not ranking.best(1):
        blamed = [f.name for f in used]
    return [UnmetRule(f"filters.{name}", text.format(name=name)) for name in blamed]


def _candidate(world: World, iri: str, relevance: float, wishes: Mapping[str, str]) -> Candidate:
    actor, practices = world.get(iri), world.involved.get(iri, [])
    kinds = {a for k in actor.links(PSR + "actorType") for a in ancestors(k)}
    own = [actor, *world.several(practices)]
    themes = {a for e in own for t in e.links(DCT + "subject") for a in ancestors(t)}
    places = {iri for place in world.places(actor) for iri in place.iris}
    brings = kinds | themes | places | set(practices)
    country = next(iter(world.countries(actor)), None)
    covers = frozenset(item for item in wishes if item in brings)
    return Candidate(iri, relevance, country, frozenset(kinds), frozenset(places), covers)


def _member(
    world: World,
    one: Candidate,
    chosen: Sequence[Candidate] | None,
    pool: Sequence[Candidate],
    rules: Rules,
    wishes: Mapping[str, str],
    lang: str,
) -> Seat:
    """A seat: who, what they bring, and who could take it instead."""
    actor, others = world.get(one.iri), [c for c in chosen or () if c.iri != one.iri]
    brings = [text for item, text in wishes.items() if item in one.covers]
    sentence = _("What it does is near the question.")
    if brings:
        sentence = _("Brings: {names}.").format(names="; ".join(brings))
    cited = cite(actor, PSR + "actorType") + cite(actor, DCT + "spatial")
    free = (c for c in pool if c.iri != one.iri and c not in others)
    fits = [c for c in free if not broken([*others, c], rules)]
    fits.sort(key=lambda c: (-round(worth([*others, c], len(wishes)), 9), c.iri))
    others_named = surviving((c.iri for c in fits), partial(names, world, lang=lang))
    return match(
        world,
        one.iri,
        one.relevance,
        lang,
        [Reason("coverage", sentence, cited)],
        Seat,
        covers=tuple(brings),
        alternatives=tuple(islice(others_named, ALTERNATIVES)),
    )


def _blame(pool: Sequence[Candidate], rules: Rules, wishes: Sequence[str]) -> list[UnmetRule]:
    """The rules each of which, left out alone, would make a consortium possible."""
    plain: dict[str, Any] = {f.name: f.default for f in fields(Rules)}
    return [
        UnmetRule(name, text.format(value=_shown(getattr(rules, name))))
        for name, text in _texts().items()
        if (relaxed := replace(rules, **{name: plain[name]})) != rules
        and choose(pool, relaxed, wishes) is not None
    ]


def _texts() -> dict[str, str]:
    return {
        "seats": _("Number of seats that cannot be filled under the other rules: {value}."),
        "minimum_countries": _(
            "Number of countries for which there are not enough fitting actors: {value}."
        ),
        "maximum_per_country": _("Too few are left with this limit of actors a country: {value}."),
        "actor_types": _("There is no fitting actor of each of these kinds: {value}."),
        "must": _("These actors cannot all take part under the other rules: {value}."),
        "exclude": _("Leaving these out leaves too few: {value}."),
        "countries": _("There are not enough fitting actors in: {value}."),
        "eligible_types": _("The call is open to these kinds only: {value}."),
        "eligible_territories": _("The call is open in these places only: {value}."),
    }


def _shown(value: object) -> str:
    items: Iterable[object] = value if isinstance(value, tuple) else (value,)
    return ", ".join(str(v).rsplit("/", 1)[-1] for v in items)
