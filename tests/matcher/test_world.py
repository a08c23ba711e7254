"""What is known of the graph follows each change, and what a change did not touch stays."""

from __future__ import annotations

from collections.abc import Iterator

import pyoxigraph as ox
import pytest

from kg import starter
from kg.entry import Entry, make
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from kg.vocabulary import PSR, SCHEMA
from matcher.graph.view import World
from tests.conftest import BASE

PARTS = ("instruments", "as_of", "involved", "fellows", "memberships", "members")


@pytest.fixture(scope="module")
def store() -> EmbeddedStore:
    store = EmbeddedStore(BASE)
    store.write([Change(e.iri, e) for e in starter.entries(BASE)], "starter", "import")
    return store


def state(world: World) -> dict[str, object]:
    """All that is worked out of a world."""
    places = [world.place(f"{BASE}id/territory/{code}") for code in ("HR", "HR035", "IT", "LV")]
    challenges = [e.iri for e in world.store.entries("challenge")]
    actors = [e.iri for e in world.store.entries("actor")]
    parts: dict[str, object] = {name: getattr(world, name) for name in PARTS}
    for name in ("involved", "fellows", "members"):
        parts[name] = {k: sorted(v) for k, v in getattr(world, name).items() if v}
    return parts | {
        "moved": world.all_moved(),
        "places": [(place.iris, [e.triples for e in place.chain]) for place in places],
        "actors": [world.actors_in(place) for place in places],
        "addressing": {c: world.addressing(c) for c in challenges},
        "ties": {a: {k: round(v, 9) for k, v in world.ties.near(a).items()} for a in actors[:40]},
    }


def without(entry: Entry, prop: str, *more: tuple[str, ox.NamedNode | ox.Literal]) -> Change:
    """The entry with other values of a property."""
    node = ox.NamedNode(entry.iri)
    kept = [t for t in entry.triples if t.predicate.value != prop]
    added = [ox.Triple(node, ox.NamedNode(p), value) for p, value in more]
    return Change(entry.iri, make(entry.iri, [*kept, *added]))


def changes(store: EmbeddedStore) -> Iterator[tuple[str, list[Change]]]:
    """A change of each kind, one after the other."""

    def first(path: str, prop: str) -> Entry:
        return next(e for e in store.entries(path) if e.values(PSR + prop))

    year = ox.Literal("1999", datatype=ox.NamedNode("http://www.w3.org/2001/XMLSchema#gYear"))
    day = ox.Literal("2031-01-01", datatype=ox.NamedNode("http://www.w3.org/2001/XMLSchema#date"))
    practice = first("practice", "hasInvolvement")
    addresses, starts, checked = PSR + "addresses", SCHEMA + "startDate", PSR + "checkedOn"
    known = practice.links(addresses)
    other = next(ox.NamedNode(e.iri) for e in store.entries("challenge") if e.iri not in known)
    yield "addresses", [without(practice, addresses, (addresses, other))]
    yield "began", [without(store.get(practice.iri), starts, (starts, year))]
    yield "later", [without(first("actor", "checkedOn"), checked, (checked, day))]
    later = next(e for e in store.entries("actor") if e.text(checked) == "2031-01-01")
    yield "earlier again", [without(later, checked)]
    yield "no longer involved", [without(store.get(practice.iri), PSR + "hasInvolvement")]
    yield "no practice", [Change(practice.iri, None)]
    transfer = first("transfer", "adopter")
    yield "no adopter", [without(transfer, PSR + "adopter")]
    yield "no transfer", [Change(transfer.iri, None)]
    yield "moved away", [without(first("actor", "actorType"), PSR + "actorType")]
    yield "no instrument", [Change(next(store.entries("instrument")).iri, None)]
    above = "http://www.w3.org/2004/02/skos/core#broader"
    narrow = next(e for e in store.entries("challenge") if e.values(above))
    yield "no broader challenge", [without(narrow, above)]
    region = store.get(f"{BASE}id/territory/HR035")
    yield "another country", [
        without(region, "http://purl.org/dc/terms/isPartOf",
                ("http://purl.org/dc/terms/isPartOf", ox.NamedNode(f"{BASE}id/territory/IT")))
    ]  # fmt: skip
    yield "practice back", [Change(practice.iri, practice)]


def test_a_world_that_followed_is_as_one_that_was_made_anew(store: EmbeddedStore) -> None:
    world, wrong = World(store), []
    before = state(world)
    for name, some in changes(store):
        store.write(some, "tests", "replace")
        world = world.following()
        now, fresh = state(world), state(World(store))
        wrong += [(name, part) for part in fresh if now[part] != fresh[part]]
    assert wrong == []
    assert before != now


def test_what_a_change_does_not_touch_is_not_worked_out_again(store: EmbeddedStore) -> None:
    world = World(store)
    state(world)
    verdicts = world.kept("verdicts-en")
    practices = [e.iri for e in store.entries("practice")]
    verdicts |= {f"P3 {iri}": iri for iri in practices[:2]}
    entry = store.get(practices[0])
    store.write([Change(entry.iri, entry)], "tests", "replace")
    after = world.following()
    parts = ("instruments", "ties", "memberships", "fellows", "_there", "_inside", "_involved")
    assert [name for name in parts if vars(after).get(name) is not vars(world)[name]] == []
    assert after.kept("verdicts-en") == {f"P3 {practices[1]}": practices[1]}
    assert after.version == store.version()
