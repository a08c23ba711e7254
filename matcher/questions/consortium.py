"""A consortium for a call or a transfer: a set chosen for coverage under rules, not one by one.

The choice is a small integer programme, solved by HiGHS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from kg.catalogue.filters import concepts
from kg.catalogue.territories import Territories
from kg.entry import Entry
from kg.errors import Refused, refused
from kg.stores.protocol import Store
from kg.text.i18n import gettext as _
from kg.vocabulary import DCT, PSR
from matcher.engine import Namer, Snapshot
from matcher.graph.view import World, ancestors, surviving
from matcher.graph.view import names as labels
from matcher.model.answer import ConsortiumAnswer, Seat, UnmetRule
from matcher.model.filters import Filters, read
from matcher.model.reasons import Reason, cite
from matcher.question import Question, Rules
from matcher.search.ranking import Ranking

#: how many actors are looked at, and how many alternatives each seat gets
CANDIDATES, ALTERNATIVES = 500, 3
SEATS = 6
F = TypeVar("F", Filters, Rules)


@dataclass(frozen=True)
class Candidate:
    """Who could take a seat, and what of the wanted it covers."""

    iri: str
    relevance: float
    country: str | None
    kinds: frozenset[str]
    places: frozenset[str]
    covers: frozenset[str]


def answer(snapshot: Snapshot, question: Question) -> ConsortiumAnswer:
    """Choose the members of the best consortium, or name the rules that cannot be met together."""
    world, rules, wishes = snapshot.world, question.rules, _wishes(question)
    # A theme is something to cover and keeps nobody out.
    filters = replace(question.filters, type=("actor",), theme=())
    ranking = snapshot.rank(question, filters, CANDIDATES, rules.must)
    pool = _candidates(world, ranking, rules, wishes)
    chosen = choose(pool, rules, wishes)
    namer = Namer(world, question.lang)

    def seat(one: Candidate) -> Seat:
        """Who, what they bring, and who could take the seat instead."""
        actor, others = world.get(one.iri), [c for c in chosen or () if c.iri != one.iri]
        brings = tuple(text for item, text in wishes.items() if item in one.covers)
        sentence = _("What it does is near the question.")
        if brings:
            sentence = _("Brings: {names}.").format(names="; ".join(brings))
        cited = cite(actor, PSR + "actorType") + cite(actor, DCT + "spatial")
        free = (c for c in pool if c.iri != one.iri and c not in others)
        fits = [c for c in free if not broken([*others, c], rules)]
        fits.sort(key=lambda c: (-round(worth([*others, c]), 9), c.iri))
        instead = islice(surviving((c.iri for c in fits), namer.entry), ALTERNATIVES)
        reason = Reason("coverage", sentence, cited)
        return namer.match(
            Seat, one.iri, one.relevance, [reason], covers=brings, alternatives=tuple(instead)
        )

    covered = {item for c in chosen or () for item in c.covers}
    infeasible = []
    if chosen is None:
        infeasible = _blamed(snapshot, question, filters, ranking, pool, wishes)
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


def read_rules(
    raw: Mapping[str, Any], store: Store, territories: Territories, call: Entry | None
) -> Rules:
    """Read the rules that were sent and add the call's own; of two numbers the stricter.

    Refused for fewer seats than the call asks for, and for what is not known.
    """

    def least(name: str) -> int:
        return int((call and call.number(PSR + name)) or 1)

    def actors(name: str) -> tuple[str, ...]:
        return tuple(read(store, v, "actor", field=f"rules.{name}").iri for v in raw.get(name, ()))

    def country(code: str) -> str:
        try:
            return territories.country(code)
        except Refused as error:
            problems = [replace(problem, path="rules.countries") for problem in error.problems]
            raise Refused(str(error), problems) from error

    fewest = least("minimumPartners")
    seats = raw.get("seats") or max(SEATS, fewest)
    if seats < fewest:
        text = _("Least number of partners that the call asks for: {least}.").format(least=fewest)
        raise refused("rules.seats", text, value=str(seats), hint=_("Give it more seats."))
    return Rules(
        seats=seats,
        minimum_countries=max(raw.get("minimum_countries") or 1, least("minimumCountries")),
        maximum_per_country=raw.get("maximum_per_country"),
        actor_types=concepts("actor-type", "rules.actor_types", raw.get("actor_types", ())),
        must=actors("must"),
        exclude=actors("exclude"),
        countries=tuple(country(code) for code in raw.get("countries", ())),
        eligible_types=tuple(call.links(PSR + "eligibleActorType")) if call else (),
        eligible_territories=tuple(call.links(PSR + "eligibleTerritory")) if call else (),
    )


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


def _candidates(
    world: World, ranking: Ranking, rules: Rules, wishes: Mapping[str, str]
) -> list[Candidate]:
    """The most relevant actors, and all that must be there."""
    best = ranking.best(CANDIDATES)
    extra = [iri for iri in rules.must if iri not in best and iri in ranking.picture.position]

    def candidate(iri: str) -> Candidate:
        actor, practices = world.get(iri), world.involved.get(iri, [])
        kinds = frozenset(a for k in actor.links(PSR + "actorType") for a in ancestors(k))
        own = [actor, *world.several(practices)]
        themes = {a for e in own for t in e.links(DCT + "subject") for a in ancestors(t)}
        places = frozenset(iri for place in world.places(actor) for iri in place.iris)
        country = next(iter(world.countries(actor)), None)
        covers = (kinds | places | themes | {*practices}) & frozenset(wishes)
        return Candidate(iri, ranking.probability(iri), country, kinds, places, covers)

    return list(surviving([*extra, *best], candidate))


def _blamed(
    snapshot: Snapshot,
    question: Question,
    filters: Filters,
    ranking: Ranking,
    pool: Sequence[Candidate],
    wishes: Mapping[str, str],
) -> list[UnmetRule]:
    """The filters and rules each of which, left out alone, would make a consortium possible.

    Where nobody passes and no single filter is to blame, it is all of them.
    """
    rules = question.rules
    used = [name for name, value in vars(filters).items() if value and name != "type"]

    def without(part: F, name: str) -> F:
        return replace(part, **{name: getattr(type(part)(), name)})

    def possible(name: str) -> bool:
        wider = snapshot.rank(question, without(filters, name), CANDIDATES, rules.must)
        return choose(_candidates(snapshot.world, wider, rules, wishes), rules, wishes) is not None

    text = _("The filter “{name}” leaves too few fitting actors.")
    names = [name for name in used if possible(name)] or ([] if ranking.best(1) else used)
    blamed = [UnmetRule(f"filters.{name}", text.format(name=name)) for name in names]
    texts = {
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
    for name, text in texts.items():
        relaxed = without(rules, name)
        if relaxed != rules and choose(pool, relaxed, wishes) is not None:
            value = getattr(rules, name)
            items = value if isinstance(value, tuple) else (value,)
            shown = ", ".join(str(v).rsplit("/", 1)[-1] for v in items)
            blamed.append(UnmetRule(name, text.format(value=shown)))
    text = _("No single rule is to blame: even without any one of them there is no solution.")
    return blamed or [UnmetRule(None, text)]


def allows(rules: Rules, one: Candidate) -> bool:
    """Whether a candidate may be in the set at all."""
    return (
        one.iri not in rules.exclude
        and (not rules.countries or one.country in rules.countries)
        and (not rules.eligible_types or not one.kinds.isdisjoint(rules.eligible_types))
        and (
            not rules.eligible_territories or not one.places.isdisjoint(rules.eligible_territories)
        )
    )


def worth(chosen: Collection[Candidate]) -> float:
    """Value a set by how much it covers, and among equals by its relevance."""
    covered = len(frozenset[str]().union(*(c.covers for c in chosen)))
    return covered + sum(c.relevance for c in chosen) / (len(chosen) + 1)


def broken(chosen: Collection[Candidate], rules: Rules) -> bool:
    """Whether a set breaks a rule."""
    countries = Counter(c.country for c in chosen if c.country)
    kinds = frozenset[str]().union(*(c.kinds for c in chosen))
    return (
        len(chosen) != rules.seats
        or not all(allows(rules, c) for c in chosen)
        or len(countries) < min(rules.minimum_countries, rules.seats + 1)
        or max(countries.values(), default=0) > (rules.maximum_per_country or len(chosen))
        or not kinds.issuperset(rules.actor_types)
        or not {c.iri for c in chosen}.issuperset(rules.must)
    )


def choose(
    pool: Sequence[Candidate], rules: Rules, wishes: Iterable[str]
) -> list[Candidate] | None:
    """The best set, what is most relevant first; None if no set keeps the rules.

    Variables: a candidate is in (0 or 1); a wanted item is covered, a country is there (at
    most the number of candidates in that have it). What is covered weighs 1, relevance less
    than 1 in all, so coverage goes first. The optimum is exact (HiGHS, branch and cut).
    """
    open_ = [c for c in pool if allows(rules, c)]
    if len(open_) < rules.seats or not {c.iri for c in open_}.issuperset(rules.must):
        return None
    countries = sorted({c.country for c in open_ if c.country})
    items = [[item in c.covers for c in open_] for item in wishes]
    homes = [[c.country == name for c in open_] for name in countries]
    size, extra = len(open_), len(items) + len(homes)
    free = np.zeros(extra)
    #: over the candidates, over items and countries, at least, at most
    rows: list[tuple[Iterable[float], Iterable[float], float, float]] = [
        (members, -unit, 0, np.inf)
        for members, unit in zip([*items, *homes], np.eye(extra), strict=True)
    ]
    rows.append(([1] * size, free, rules.seats, rules.seats))
    if rules.minimum_countries > 1:
        there = [0] * len(items) + [1] * len(homes)
        rows.append(([0] * size, there, rules.minimum_countries, np.inf))
    rows += [([kind in c.kinds for c in open_], free, 1, np.inf) for kind in rules.actor_types]
    if rules.maximum_per_country:
        rows += [(home, free, -np.inf, rules.maximum_per_country) for home in homes]
    matrix = np.array([[*members, *extras] for members, extras, *_ in rows], float)
    gain = [c.relevance / (rules.seats + 1) - n * 1e-9 for n, c in enumerate(open_)]
    solution = milp(
        -np.array([*gain, *[1.0] * len(items), *[0.0] * len(homes)]),
        constraints=LinearConstraint(matrix, [row[2] for row in rows], [row[3] for row in rows]),
        bounds=Bounds([float(c.iri in rules.must) for c in open_] + [0.0] * extra, 1),
        integrality=[1] * size + [0] * len(items) + [1] * len(homes),
    )
    if solution.x is None:
        return None
    chosen = [c for c, taken in zip(open_, solution.x, strict=False) if taken > 0.5]
    return sorted(chosen, key=lambda c: (-round(c.relevance, 6), c.iri))
