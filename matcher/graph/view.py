"""The graph as the questions need it: places, who is there, transfers; once a data version."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from kg.entry import Entry
from kg.errors import NotFound
from kg.stores.protocol import Store
from kg.text.i18n import language
from kg.vocabulary import DCT, LEVELS, PSR, SCHEMA, SKOS, vocabulary
from matcher.graph.place import Place
from matcher.graph.ties import Membership, Ties, grouped

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Presence:
    """An actor of a kind in a place; the kind is its own or a broader one."""

    actor: str
    place: str
    kind: str


@dataclass(frozen=True)
class Moved:
    """A recorded transfer: of which practice, by whom, to where, with which result."""

    iri: str
    practice: str
    adopter: str | None
    territory: str | None
    result: str


class World:
    """What follows from the graph at one data version; each part is worked out when asked for.

    An entry is read when it is needed, as it is then. It may have been deleted since another
    part was worked out: ``get`` raises NotFound for it, ``several`` leaves it out.
    """

    def __init__(self, store: Store) -> None:
        self.store, self.version = store, store.version()
        self.get, self.several = store.get, store.several
        self._places: dict[str, Place] = {}
        self._kept: dict[str, dict[str, Any]] = {}

    def kept(self, name: str) -> dict[str, Any]:
        """A dictionary of that name for what holds at this version of the data."""
        return self._kept.setdefault(name, {})

    def place(self, iri: str) -> Place:
        """A territory with everything that contains it, by the first of several parents."""
        if iri not in self._places:
            chain = [self.get(iri)]
            while len(chain) < 10 and (
                parents := self.several(sorted(chain[-1].links(DCT + "isPartOf"))[:1])
            ):
                chain += parents
            self._places[iri] = Place(tuple(chain))
        return self._places[iri]

    def places(self, entry: Entry) -> list[Place]:
        """The places of an entry, the smallest first."""
        places = surviving(entry.links(DCT + "spatial"), self.place)
        return sorted(places, key=lambda p: (LEVELS.index(p.level or "country"), p.iri))

    def countries(self, entry: Entry) -> list[str]:
        """The ISO codes of the countries that an entry lies in, sorted."""
        places = [entry] if entry.path == "territory" else [p.entry for p in self.places(entry)]
        return sorted({t.value for place in places for t in place.texts(PSR + "countryCode")})

    @cached_property
    def instruments(self) -> tuple[Entry, ...]:
        """All instruments, by IRI."""
        return tuple(self.store.entries("instrument"))

    @cached_property
    def as_of(self) -> str:
        """The day that the data speak of: the latest on which an entry was checked.

        Answers must not change with the calendar, so this stands for today.
        """
        rows = self.store.select("SELECT (MAX(?d) AS ?day) { ?e psr:checkedOn ?d }", {})
        return rows[0].get("day", "") if rows else ""

    @cached_property
    def _moved(self) -> dict[str, list[Moved]]:
        rows = self.store.select(
            "SELECT ?t ?p ?a ?place ?result { ?t psr:sourcePractice ?p"
            " OPTIONAL { ?t psr:adopter ?a } OPTIONAL { ?t psr:targetTerritory ?place }"
            " OPTIONAL { ?t psr:result ?result } }"
            " ORDER BY ?t ?p ?a ?place ?result",
            {},
        )
        moved: dict[tuple[str, str], Moved] = {}
        for r in rows:
            result = r.get("result", "").rsplit("/", 1)[-1]
            one = Moved(r["t"], r["p"], r.get("a"), r.get("place"), result)
            moved.setdefault((one.practice, one.iri), one)
        return grouped((one.practice, one) for one in moved.values())

    def moved(self, practice: str) -> list[Moved]:
        """The recorded transfers of a practice, by IRI."""
        return self._moved.get(practice, [])

    def all_moved(self) -> list[Moved]:
        """All recorded transfers, by practice and IRI."""
        return [m for practice in sorted(self._moved) for m in self._moved[practice]]

    @cached_property
    def _presence(self) -> tuple[dict[str, list[Presence]], dict[str, list[Presence]]]:
        """Who is at each place itself, and who is at it or anywhere inside it."""
        rows = self.store.select(
            "SELECT DISTINCT ?actor ?place ?kind {"
            " ?actor a psr:Actor ; dct:spatial ?place ; psr:actorType ?kind }"
            " ORDER BY ?actor ?place ?kind",
            {},
        )
        present = [
            Presence(row["actor"], row["place"], kind)
            for row in rows
            for kind in ancestors(row["kind"])
        ]
        inside = grouped((iri, p) for p in present for iri in self.place(p.place).iris)
        return grouped((p.place, p) for p in present), inside

    def actors_in(self, place: Place) -> list[Presence]:
        """The actors within a place or working for a larger one, with broader kinds."""
        at, inside = self._presence
        here = {*inside.get(place.iri, ())}.union(*(at.get(p, ()) for p in place.iris[1:]))
        return sorted(here, key=lambda p: (p.actor, p.place, p.kind))

    @cached_property
    def involved(self) -> dict[str, list[str]]:
        """The practices that each actor is involved in or has taken over, by IRI."""
        rows = self.store.select(
            "SELECT DISTINCT ?a ?p { { ?p psr:hasInvolvement/psr:actor ?a } UNION"
            " { ?t psr:adopter ?a ; psr:sourcePractice ?p } } ORDER BY ?a ?p",
            {},
        )
        return grouped((row["a"], row["p"]) for row in rows)

    @cached_property
    def fellows(self) -> dict[str, list[str]]:
        """The actors of the practices that address each challenge."""
        return grouped((c, actor) for actor in self.involved for c in self.challenges(actor))

    @cached_property
    def memberships(self) -> tuple[Membership, ...]:
        """Who is part of which practice, community or plan, or took a practice over."""
        rows = self.store.select(
            "SELECT DISTINCT ?a ?g ?since { { ?g psr:hasInvolvement/psr:actor ?a } UNION"
            " { ?a org:memberOf ?g } UNION { ?g org:hasMember|psr:host|psr:owner ?a } UNION"
            " { ?t psr:adopter ?a ; psr:sourcePractice ?g }"
            " ?a a psr:Actor OPTIONAL { ?g schema:startDate ?since } } ORDER BY ?a ?g",
            {},
        )
        year = re.compile(r"\d{4}")
        dated = ((r["a"], r["g"], year.match(r.get("since", ""))) for r in rows)
        return tuple(Membership(a, g, int(y[0]) if y else None) for a, g, y in dated)

    @cached_property
    def members(self) -> dict[str, list[str]]:
        """The actors of each practice, community and plan."""
        return grouped((m.group, m.actor) for m in self.memberships)

    @cached_property
    def ties(self) -> Ties:
        """Who is near whom in the graph."""
        return Ties(self.memberships)

    def challenges(self, actor: str) -> set[str]:
        """The challenges of the practices that an actor is involved in."""
        practices = self.several(self.involved.get(actor, ()))
        return {c for practice in practices for c in practice.links(PSR + "addresses")}

    def addressing(self, challenge: str) -> list[str]:
        """The practices that address a challenge or one below it, by IRI."""
        return sorted(set(self._addressing.get(challenge, ())))

    @cached_property
    def _addressing(self) -> dict[str, list[str]]:
        rows = self.store.select("SELECT ?p ?c { ?p a psr:Practice ; psr:addresses ?c }", {})
        above = {challenge: self.broader(challenge) for challenge in {row["c"] for row in rows}}
        return grouped((c, row["p"]) for row in rows for c in above[row["c"]])

    def broader(self, challenge: str) -> dict[str, int]:
        """A challenge and those above it, with the number of steps to each."""
        steps, queue = {challenge: 0}, [challenge]
        while queue:
            for here in self.several([queue.pop(0)]):
                for parent in here.links(SKOS + "broader"):
                    if parent not in steps:
                        steps[parent] = steps[here.iri] + 1
                        queue.append(parent)
        return steps

    def over(self, entry: Entry) -> bool:
        """Whether what an entry describes ended before the day of the data."""
        ends = [t.value for p in (SCHEMA + "endDate", PSR + "closesOn") for t in entry.texts(p)]
        return any(end < self.as_of[: len(end)] for end in ends)


def surviving(items: Iterable[T], make: Callable[[T], U]) -> Iterator[U]:
    """Yield what is made of each item, leaving out those about an entry that is gone by now."""
    for item in items:
        try:
            made = make(item)
        except NotFound:
            continue
        yield made


@lru_cache(maxsize=4096)
def ancestors(concept: str) -> tuple[str, ...]:
    """A concept and everything broader, nearest first."""
    return tuple(vocabulary().ancestors(concept))


def word(concept: str) -> str:
    """A concept's label in the reader's language, as it stands within a sentence."""
    label = vocabulary().label(concept, language())
    keep = language() == "de" or label[:2].isupper()
    return label if keep else label[:1].lower() + label[1:]


def names(concepts: Iterable[str]) -> str:
    """The labels of concepts with commas between them."""
    return ", ".join(word(c) for c in concepts)


def title(entry: Entry) -> str:
    """An entry's title, in the reader's language if it has one in it, else its slug."""
    return entry.text(DCT + "title", language()) or entry.slug
