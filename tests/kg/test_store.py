"""Every store: what is written stays, together with who wrote it and when."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.catalogue import lists
from kg.entry import Entry
from kg.errors import NotFound, StoreUnusable
from kg.stores.base import SITE
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change, Store
from kg.vocabulary import ONTOLOGY, PSR, SKOS, VOC, graphs
from tests.engines import ENGINES, NAMES
from tests.kg.helpers import (
    ACTOR,
    BASE,
    CHALLENGE,
    CROATIA,
    ID,
    PRACTICE,
    SPLIT,
    practice,
    turtle,
    world,
)


@pytest.fixture(params=["store", "disk_store", *ENGINES])
def kept(request: pytest.FixtureRequest) -> Store:
    """The small world, in memory, on disk and in other engines."""
    return filled(request)


@pytest.fixture(params=["still_store", "still_disk_store", *ENGINES])
def still(request: pytest.FixtureRequest) -> Store:
    """The same for tests that only read."""
    return filled(request)


def filled(request: pytest.FixtureRequest) -> Store:
    name = request.param
    if name in NAMES:
        return request.getfixturevalue("served")(name).filled()  # type: ignore[no-any-return]
    return request.getfixturevalue(name)  # type: ignore[no-any-return]


def lines(store: Store) -> list[bytes]:
    return sorted(store.dump().splitlines())


def put(store: Store, entry: Entry, agent: str = "tester") -> int:
    return store.write([Change(entry.iri, entry)], agent, "replace")


# Reading and writing


def test_entries_come_back_as_they_were(still: Store) -> None:
    for iri, entry in world().items():
        assert still.get(iri) == entry
    assert [e.iri for e in still.entries()] == sorted(world())
    assert [e.iri for e in still.entries("territory")] == [CROATIA, SPLIT]


VALUES = [
    "'\\\\u0041 \\\\\\\\u0041 \\u0041'", "'\"; } . DROP ALL #'", "'\\t\\n\\r\\\\'",
    "'\u2028\x85 😀'",
    "1.50", "007", "1e3", "true", "'1'^^xsd:boolean", "'x'@EN-gb", "'+5'^^xsd:integer", "''",
    "'2019-01-01T00:00:00.000+00:00'^^xsd:dateTime", "'2019-02-31'^^xsd:date", "'1994'^^xsd:gYear",
    "<http://münchen.example/ä?a=b&c>", "<http://e/'x'>",
]  # fmt: skip


def test_values_are_equal_after_a_round_trip(kept: Store) -> None:
    entry = practice(extra=f"psr:extra {', '.join(VALUES)}")
    put(kept, entry)
    assert kept.get(entry.iri) == entry
    assert len(entry.values(PSR + "extra")) == len(VALUES) - 1  # true is '1'^^xsd:boolean


def test_a_replaced_entry_keeps_nothing_of_the_old(kept: Store) -> None:
    fresh = turtle(f"<{PRACTICE}> a psr:Practice ; dct:title 'New'@en .")
    assert put(kept, fresh) == 2
    assert kept.get(PRACTICE) == fresh
    assert kept.get(ACTOR) == world()[ACTOR]


def test_a_deleted_entry_is_gone_and_remembered(kept: Store) -> None:
    assert kept.write([Change(PRACTICE, None)], "someone", "delete") == 2
    with pytest.raises(NotFound):
        kept.get(PRACTICE)
    seen = kept.provenance(PRACTICE)
    assert seen is not None
    assert (seen.number, seen.agent, seen.action) == (2, "someone", "delete")
    assert PRACTICE not in {e.iri for e in kept.entries()}


NO_ENTRIES = [
    ID + "practice/none", BASE, "", "no address", "\ud800", ID + "practice/a b", "javascript:x",
    BASE + "graph/provenance", ONTOLOGY, VOC + "theme", PRACTICE + "#outcome-1",
]  # fmt: skip


def test_what_is_no_entry_is_not_found(still: Store) -> None:
    for iri in NO_ENTRIES:
        with pytest.raises(NotFound):
            still.get(iri)
        assert still.provenance(iri) is None, iri


def test_an_entry_deleted_while_listing_is_left_out(store: EmbeddedStore) -> None:
    listed = store.entries()
    assert next(listed).iri == ACTOR
    store.write([Change(CHALLENGE, None)], "tester", "delete")
    assert CHALLENGE not in [e.iri for e in listed]


# Provenance


def test_every_write_says_who_when_and_what(kept: Store) -> None:
    before = datetime.now(UTC)
    put(kept, world()[PRACTICE], "import-susy")
    seen = kept.provenance(PRACTICE)
    assert seen is not None
    assert (seen.number, seen.agent, seen.action) == (2, "import-susy", "replace")
    when = datetime.fromisoformat(seen.when)
    assert abs((when - before).total_seconds()) < 60
    other = kept.provenance(ACTOR)
    assert other is not None
    assert (other.number, other.agent, other.action) == (1, "tester", "create")


@pytest.mark.parametrize("agent", ["a b", "x> . <a:a> <a:b> <a:c", '"', "\ud800"])
def test_an_agent_that_is_no_name_writes_nothing(store: EmbeddedStore, agent: str) -> None:
    before = store.dump()
    with pytest.raises(ValueError, match=r".+"):
        put(store, practice(), agent)
    assert (store.version(), store.dump()) == (1, before)


def test_changes_since_a_version(kept: Store) -> None:
    fresh = practice()
    put(kept, fresh)
    kept.write([Change(PRACTICE, None), Change(ACTOR, world()[ACTOR])], "tester", "mixed")
    assert kept.changes_since(3) == []
    assert kept.changes_since(2) == [(ACTOR, True), (PRACTICE, False)]
    assert kept.changes_since(1) == [(ACTOR, True), (fresh.iri, True), (PRACTICE, False)]
    assert len(kept.changes_since(0)) == len(world()) + 1


def test_writing_nothing_changes_nothing(kept: Store) -> None:
    before = lines(kept)
    assert kept.write([], "tester", "nothing") == 1
    assert lines(kept) == before


def test_a_write_is_whole_or_not_at_all(kept: Store) -> None:
    before = lines(kept)
    broken = Change(f"{ID}practice/a b", practice())
    with pytest.raises((ValueError, SyntaxError)):
        kept.write([Change(PRACTICE, None), broken], "tester", "mixed")
    assert (kept.version(), lines(kept)) == (1, before)


# What things are


def test_kinds_name_classes_and_schemes(still: Store) -> None:
    theme = VOC + "theme/energy"
    found = still.kinds([PRACTICE, theme, "http://elsewhere.example/", f"{ID}actor/none"])
    assert found.keys() == {PRACTICE, theme}
    assert found[PRACTICE] == ["https://w3id.org/passerelle/ns#Practice"]
    assert sorted(found[theme]) == [SKOS + "Concept", f"scheme:{VOC}theme"]


def test_select_escapes_the_values_it_is_given(still: Store) -> None:
    text = '"} UNION { ?s ?p ?o } #\\'
    assert still.select("SELECT ?s { ?s dct:title $text }", {"text": ox.Literal(text)}) == []
    rows = still.select(
        "SELECT ?s ?none { ?s dct:title $text }", {"text": ox.Literal("Waste", language="en")}
    )
    assert rows == [{"s": CHALLENGE}]


# The folder


def test_everything_is_there_after_opening_again(tmp_path: Path) -> None:
    store = EmbeddedStore(BASE, tmp_path / "store")
    put(store, world()[ACTOR])
    put(store, practice())
    before, seen = store.dump(), store.provenance(ACTOR)
    del store
    again = EmbeddedStore(BASE, tmp_path / "store")
    assert (again.version(), again.dump(), again.provenance(ACTOR)) == (2, before, seen)
    assert put(again, practice("later")) == 3


@pytest.mark.parametrize("writes", [0, 1])
def test_another_base_is_refused(tmp_path: Path, writes: int) -> None:
    store = EmbeddedStore(BASE, tmp_path / "store")
    for _ in range(writes):
        put(store, practice())
    del store
    with pytest.raises(StoreUnusable, match=BASE):
        EmbeddedStore("https://other.example/", tmp_path / "store")
    assert EmbeddedStore(BASE, tmp_path / "store").version() == writes


def test_a_second_opening_is_refused(tmp_path: Path) -> None:
    store = EmbeddedStore(BASE, tmp_path / "store")
    with pytest.raises(StoreUnusable, match="another process"):
        EmbeddedStore(BASE, tmp_path / "store")
    code = (
        "import sys; from pathlib import Path; from kg.errors import StoreUnusable\n"
        "from kg.stores.embedded import EmbeddedStore\n"
        "try: EmbeddedStore(sys.argv[1], Path(sys.argv[2]))\n"
        "except StoreUnusable: print('refused')"
    )
    found = subprocess.run(
        [sys.executable, "-I", "-c", code, BASE, str(tmp_path / "store")],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert found.stdout == "refused\n"
    assert put(store, practice()) == 1


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("no store")
    with pytest.raises(StoreUnusable):
        EmbeddedStore(BASE, tmp_path / "store")


def test_snapshots_are_copies(disk_store: EmbeddedStore, tmp_path: Path) -> None:
    disk_store.snapshot(tmp_path / "copy")
    disk_store.write([Change(PRACTICE, None)], "tester", "delete")
    copy = ox.Store.read_only(str(tmp_path / "copy"))
    assert copy.contains_named_graph(ox.NamedNode(PRACTICE))
    assert copy.contains_named_graph(ox.NamedNode(ACTOR))


# Writers


def test_concurrent_writers_lose_nothing(kept: Store) -> None:
    def write(number: int) -> int:
        return put(kept, practice(f"p{number}"), f"agent-{number % 4}")

    with ThreadPoolExecutor(4) as threads:
        versions = list(threads.map(write, range(60)))
    assert sorted(versions) == list(range(2, 62))
    assert kept.version() == 61
    assert len(list(kept.entries("practice"))) == 61
    for number, version in enumerate(versions):
        seen = kept.provenance(f"{ID}practice/p{number}")
        assert seen is not None
        assert (seen.number, seen.agent) == (version, f"agent-{number % 4}")


def test_concurrent_writers_of_one_entry_leave_one_state(kept: Store) -> None:
    states = [practice(problem=f'psr:problem "State {n}"@en') for n in range(40)]
    with ThreadPoolExecutor(4) as threads:
        versions = dict(zip(threads.map(lambda s: put(kept, s), states), states, strict=True))
    assert len(versions) == len(states)
    assert kept.get(states[0].iri) == versions[kept.version()]


# The vocabularies


def test_vocabularies_are_there_and_are_put_right(tmp_path: Path) -> None:
    store = EmbeddedStore(BASE, tmp_path / "store")
    before = store.dump()
    theme, wrong = ox.NamedNode(VOC + "theme"), ox.NamedNode("http://e/wrong")
    store._store.add(ox.Quad(wrong, wrong, wrong, theme))
    store._store.remove_graph(ox.NamedNode(ONTOLOGY))
    del store
    assert EmbeddedStore(BASE, tmp_path / "store").dump() == before


def test_every_packaged_graph_is_in_the_store(store: EmbeddedStore) -> None:
    for name, triples in graphs():
        found = store._store.quads_for_pattern(None, None, None, ox.NamedNode(name))
        assert {q.triple for q in found} == set(triples)


AWKWARD = [
    BASE + "id/challenge/" + name
    for name in ("$x", "$iris", "$iri", "${x}", "a$b$c", "\\1", "\\g<0>", "%24x", "?x", "$", "é$x")
]


def test_what_stands_in_an_iri_is_never_a_part_of_a_query(still: Store) -> None:
    """Names in our own queries begin with $, and so may a part of an IRI."""
    valid = [iri for iri in AWKWARD if _is_iri(iri)]
    assert len(valid) >= 7
    assert still.kinds([*valid, PRACTICE]) == {PRACTICE: [PSR + "Practice"]}
    for iri in valid:
        assert still.several([iri]) == []
        assert still.provenance(iri) is None
        assert lists.links_to(still, iri) == []
        assert lists.countries(still, iri) == []
    rows = still.select("SELECT ?x { VALUES ?x { $a } }", {"a": [ox.Literal("$a $b"), SITE]})
    assert [row["x"] for row in rows] == ["$a $b", SITE.value]


def _is_iri(text: str) -> bool:
    try:
        ox.NamedNode(text)
    except ValueError:
        return False
    return True
