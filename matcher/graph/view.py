"""The graph as the questions need it: places, who is there, transfers; once a data version."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Generic, TypeVar

from kg.entry import Entry
from kg.errors import NotFound
from kg.stores.protocol import Store
from kg.text.i18n import language
from kg.vocabulary import CLASSES, DCT, LEVELS, PSR, SCHEMA, SKOS, vocabulary
from matcher.graph.place import Place
from matcher.graph.ties import Membership, Ties, grouped

T = TypeVar("T")
U = TypeVar("U")
S = TypeVar("S")


@dataclass(frozen=True, order=True)
class Presence:
    """An actor of a kind in a place; the kind is its own or a broader one."""

    actor: str
    place: str
    kind: str


@dataclass(frozen=True, order=True)
class Moved:
    """A recorded transfer: of which practice, by whom, to where, with which result."""

    iri: str
    practice: str
    adopter: str | None
    territory: str | None
    result: str


class Gathered(Generic[S]):
    """What entries say of one thing and another; what one of them says can be replaced.

    A row is the entry, what it speaks of, and what it says of that.
    """

    def __init__(self, rows: Iterable[tuple[str, str, S]]) -> None:
        self._said: dict[str, set[tuple[str, S]]] = {}
        for entry, about, item in rows:
            self._said.setdefault(entry, set()).add((about, item))
        self._times = Counter(pair for pairs in self._said.values() for pair in pairs)
        self.by_key = grouped(sorted(self._times))

    def put(self, entry: str, pairs: Iterable[tuple[str, S]]) -> bool:
        """Replace what an entry says; whether that is something else than before."""
        now, before = set(pairs), self._said.get(entry, set())
        if now == before:
            return False
        self._said[entry] = now
        self._times.update(now - before)
        self._times.subtract(before - now)
        by_key = dict(self.by_key)  # somebody may be reading the old one
        for about in {about for about, _item in now ^ before}:
            known = {*by_key.pop(about, ()), *(item for key, item in now if key == about)}
            if still := sorted(item for item in known if self._times[about, item] > 0):
                by_key[about] = still
        self.by_key = by_key
        return True


class World:
    """What follows from the graph at one data version; each part is worked out when asked for.

    ``following`` keeps the parts that no later change touched. An entry is read when it is
    needed, as it is then. It may have been deleted since another part was worked out: ``get``
    raises NotFound for it, ``several`` leaves it out.
    """

    def __init__(self, store: Store) -> None:
        self.store, self.version = store, store.ledger.last()
        self.get, self.several = store.get, store.several
        self._places: dict[str, Place] = {}
        self._kept: dict[str, dict[str, Any]] = {}

    def following(self) -> World:
        """The world at the present version, with all parts that nothing touched since."""
        fresh = World(self.store)
        changed = {i: i.rsplit("/", 2)[-2] for i, _ in self.store.changes_since(self.version)}
        now, kinds = {e.iri: e for e in self.several([*changed])}, {*changed.values()}
        stale = {part for kind in kinds for part in _RESTS_ON.get(kind, ())}
        if not kinds.isdisjoint({"actor", "territory"}) or not self._still_as_of(now, [*changed]):
            stale |= {"_kept", "_newest"}
        for name, (speakers, say) in _SAID.items():
            if name in vars(self) and name not in stale:
                for iri in (iri for iri, kind in changed.items() if kind in speakers):
                    if vars(self)[name].put(iri, say(self, now[iri]) if iri in now else ()):
                        stale |= _MADE_FROM.get(name, set())
        vars(fresh).update((n, part) for n, part in vars(self).items() if n in _PARTS - stale)
        for kept in fresh._kept.values():
            for key in [key for key in [*kept] if key.rpartition(" ")[2] in changed]:
                kept.pop(key, None)
        return fresh

    def kept(self, name: str) -> dict[str, Any]:
        """A dictionary of that name for what holds at this version of the data.

        Of what is kept under a key that ends with a changed entry nothing is left.
        """
        return self._kept.setdefault(name, {})

    def _still_as_of(self, now: Mapping[str, Entry], changed: Iterable[str]) -> bool:
        """Whether the day of the data is still the same, as far as it was asked for."""
        if "_newest" not in vars(self):
            return False
        day, holders = self._newest
        later = any((entry.text(PSR + "checkedOn") or "") > day for entry in now.values())
        left = holders - {i for i in changed if i not in now}
        left -= {i for i, entry in now.items() if entry.text(PSR + "checkedOn") != day}
        return not later and bool(left)

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

    @property
    def as_of(self) -> str:
        """The day that the data speak of: the latest on which an entry was checked.

        Answers must not change with the calendar, so this stands for today.
        """
        return self._newest[0]

    @cached_property
    def _newest(self) -> tuple[str, frozenset[str]]:
        """The latest day on which an entry was checked, and those that were."""
        rows = self.store.select(
            "SELECT ?e ?day { ?e psr:checkedOn ?day"
            " { SELECT (MAX(?d) AS ?day) { ?any psr:checkedOn ?d } } }",
            {},
        )
        day = rows[0]["day"] if rows else ""
        return day, frozenset(row["e"] for row in rows)

    @cached_property
    def _moved(self) -> Gathered[Moved]:
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
        return Gathered((one.iri, one.practice, one) for one in moved.values())

    def moved(self, practice: str) -> list[Moved]:
        """The recorded transfers of a practice, by IRI."""
        return self._moved.by_key.get(practice, [])

    def all_moved(self) -> list[Moved]:
        """All recorded transfers, by practice and IRI."""
        return [one for _practice, moved in sorted(self._moved.by_key.items()) for one in moved]

    @cached_property
    def _there(self) -> Gathered[Presence]:
        """Who is at each place itself."""
        rows = self.store.select(
            "SELECT DISTINCT ?actor ?place ?kind {"
            " ?actor a psr:Actor ; dct:spatial ?place ; psr:actorType ?kind }",
            {},
        )
        return Gathered(
            (row["actor"], row["place"], Presence(row["actor"], row["place"], kind))
            for row in rows
            for kind in ancestors(row["kind"])
        )

    @cached_property
    def _inside(self) -> dict[str, list[Presence]]:
        """Who is at each place or anywhere inside it."""
        present = (one for some in self._there.by_key.values() for one in some)
        return grouped((iri, one) for one in present for iri in self.place(one.place).iris)

    def actors_in(self, place: Place) -> list[Presence]:
        """The actors within a place or working for a larger one, with broader kinds."""
        at, inside = self._there.by_key, self._inside
        here = {*inside.get(place.iri, ())}.union(*(at.get(p, ()) for p in place.iris[1:]))
        return sorted(here)

    @property
    def involved(self) -> Mapping[str, list[str]]:
        """The practices that each actor is involved in or has taken over, by IRI."""
        return self._involved.by_key

    @cached_property
    def _involved(self) -> Gathered[str]:
        rows = self.store.select(
            "SELECT DISTINCT ?said ?a ?p { { ?said psr:hasInvolvement/psr:actor ?a"
            " BIND(?said AS ?p) } UNION { ?said psr:adopter ?a ; psr:sourcePractice ?p } }",
            {},
        )
        return Gathered((row["said"], row["a"], row["p"]) for row in rows)

    @cached_property
    def fellows(self) -> dict[str, list[str]]:
        """The actors of the practices that address each challenge."""
        return grouped((c, actor) for actor in self.involved for c in self.challenges(actor))

    @cached_property
    def memberships(self) -> tuple[Membership, ...]:
        """Who is part of which practice, community or plan, or took a practice over."""
        rows = self.store.select(
            "SELECT DISTINCT ?a ?g { { ?g psr:hasInvolvement/psr:actor ?a } UNION"
            " { ?a org:memberOf ?g } UNION { ?g org:hasMember|psr:host|psr:owner ?a } UNION"
            " { ?t psr:adopter ?a ; psr:sourcePractice ?g }"
            " ?a a psr:Actor } ORDER BY ?a ?g",
            {},
        )
        started = self._started.by_key
        dated = ((r["a"], r["g"], since) for r in rows for since in started.get(r["g"], [""]))
        year = re.compile(r"\d{4}")
        return tuple(
            Membership(a, g, int(y[0]) if (y := year.match(since)) else None)
            for a, g, since in dated
        )

    @cached_property
    def _started(self) -> Gathered[str]:
        """When what actors are part of began."""
        rows = self.store.select("SELECT ?g ?since { ?g schema:startDate ?since }", {})
        return Gathered((row["g"], row["g"], row["since"]) for row in rows)

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
        return self._addressing.by_key.get(challenge, [])

    @cached_property
    def _addressing(self) -> Gathered[str]:
        rows = self.store.select("SELECT ?p ?c { ?p a psr:Practice ; psr:addresses ?c }", {})
        above = {challenge: self.broader(challenge) for challenge in {row["c"] for row in rows}}
        return Gathered((row["p"], c, row["p"]) for row in rows for c in above[row["c"]])

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


def _transferred(_world: World, entry: Entry) -> Iterator[tuple[str, Moved]]:
    def first(name: str) -> str | None:
        return min(entry.links(PSR + name), default=None)

    result = (first("result") or "").rsplit("/", 1)[-1]
    for practice in entry.links(PSR + "sourcePractice"):
        adopter, place = first("adopter"), first("targetTerritory")
        yield practice, Moved(entry.iri, practice, adopter, place, result)


def _taking_part(_world: World, entry: Entry) -> Iterator[tuple[str, str]]:
    for node in entry.links(PSR + "hasInvolvement"):
        yield from ((actor, entry.iri) for actor in entry.links(PSR + "actor", node))
    for adopter in entry.links(PSR + "adopter"):
        yield from ((adopter, practice) for practice in entry.links(PSR + "sourcePractice"))


def _addressed(world: World, entry: Entry) -> Iterator[tuple[str, str]]:
    for challenge in entry.links(PSR + "addresses"):
        yield from ((above, entry.iri) for above in world.broader(challenge))


def _begun(_world: World, entry: Entry) -> Iterator[tuple[str, str]]:
    return ((entry.iri, value.value) for value in entry.values(SCHEMA + "startDate"))


#: what is kept from one version to the next
_PARTS = {
    *("instruments", "_newest", "_moved", "_there", "_inside", "_involved", "fellows"),
    *("memberships", "members", "ties", "_started", "_addressing", "_places", "_kept"),
}
_OF_GROUPS = {"memberships", "members", "ties"}
#: class -> the parts that are worked out anew when one of its entries changes
_RESTS_ON = {
    "instrument": {"instruments", "_kept"},
    "actor": {"_there", "_inside", *_OF_GROUPS},
    "territory": {"_places", "_inside"},
    "challenge": {"_addressing"},
    "transfer": _OF_GROUPS,
    "community": _OF_GROUPS,
    "plan": _OF_GROUPS,
    "call": _OF_GROUPS,
}
#: part -> the classes whose entries speak of it, and what one of them says
_SAID: Mapping[str, tuple[tuple[str, ...], Callable[[World, Entry], Iterator[Any]]]] = {
    "_moved": (("transfer",), _transferred),
    "_involved": (("practice", "transfer"), _taking_part),
    "_addressing": (("practice",), _addressed),
    "_started": (tuple(CLASSES), _begun),
}
#: part -> what is worked out from it
_MADE_FROM = {
    "_moved": {"_kept"},
    "_involved": {"fellows", *_OF_GROUPS},
    "_started": _OF_GROUPS,
    "_addressing": {"fellows"},
}


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
