"""Stores of several copies of the service over one engine: none loses what another writes."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.entries.intake import Intake
from kg.entries.validation import Validator
from kg.errors import Changed, LimitExceeded, NotFound, Overloaded, StoreUnusable
from kg.ledger import database
from kg.ledger.database import Database
from kg.ledger.ledger import Ledger
from kg.sparql.query import Limits
from kg.sparql.remote import RemoteQueries
from kg.sparql.scan import check_query
from kg.stores.protocol import Change
from kg.stores.remote import store as remote_store
from kg.stores.remote.http import Address, Engine
from kg.stores.remote.store import RemoteStore
from kg.vocabulary import ONTOLOGY, PREFIXES, VOC, graphs
from tests import engines
from tests.engines import ENGINES, Served
from tests.fake_engine import HEAD, ROWS, TRUE, Step, Visit, fake, says
from tests.kg.helpers import ACTOR, BASE, ID, PRACTICE, practice, world

PREFIX = "".join(f"PREFIX {name}: <{iri}> " for name, iri in PREFIXES.items())


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, served: Callable[[str], Served]) -> Served:
    """Each engine, with the small world in it."""
    found = served(request.param)
    found.filled()
    return found


@pytest.fixture
def store(engine: Served) -> RemoteStore:
    return engine.filled()


def another(engine: Served) -> RemoteStore:
    return engine.store()


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        threading.Event().wait(0.01)


# Several writers


def write(address: Address, ledger: Path, name: str, times: int) -> list[int]:
    """Write entries of our own and, each time, our state of one that all write."""
    store = RemoteStore(BASE, Engine(address), Ledger(Database.in_file(ledger)))
    versions = []
    for number in range(times):
        own, shared = practice(f"{name}-{number}"), practice("all", problem=f"psr:x '{name}'")
        versions.append(store.write([Change(e.iri, e) for e in (own, shared)], name, "create"))
    return versions


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_writers_of_several_copies_lose_nothing(engine: Served, kind: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    makes: dict[str, Callable[[], Executor]] = {
        "threads": lambda: ThreadPoolExecutor(3),
        "processes": lambda: ProcessPoolExecutor(2, spawn),
    }
    names = ["ana", "bob", "eve"]
    with makes[kind]() as executor:
        found = list(
            executor.map(write, [engine.address] * 3, [engine.ledger_file] * 3, names, [5] * 3)
        )
    store = another(engine)
    assert sorted(v for versions in found for v in versions) == list(range(2, 17))
    assert store.version() == 16
    for name, versions in zip(names, found, strict=True):
        for number, version in enumerate(versions):
            entry = practice(f"{name}-{number}")
            assert store.get(entry.iri) == entry
            seen = store.provenance(entry.iri)
            assert seen is not None
            assert (seen.number, seen.agent) == (version, name)
    last = store.provenance(ID + "practice/all")
    assert last is not None
    assert store.get(ID + "practice/all") == practice("all", problem=f"psr:x '{last.agent}'")


def test_two_who_saw_the_same_version_do_not_both_replace_it(
    engine: Served, validator: Validator
) -> None:
    copies = [Intake(another(engine), validator) for _ in range(2)]

    def replace(number: int) -> str:
        try:
            copies[number].replace(practice("repair-cafe"), f"a{number}", expected=1)
        except Changed:
            return "changed"
        return "done"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(replace, range(2))) == ["changed", "done"]


def test_another_copy_sees_a_write_soon(engine: Served, store: RemoteStore) -> None:
    copy = another(engine)
    assert copy.get(ACTOR) == world()[ACTOR]
    fresh = practice("fresh")
    assert store.write([Change(fresh.iri, fresh), Change(ACTOR, None)], "x", "mixed") == 2
    until(lambda: copy.version() == 2, 1.0)
    assert copy.get(fresh.iri) == fresh
    with pytest.raises(NotFound):
        copy.get(ACTOR)


def test_an_entry_is_never_older_than_the_version_told_of_it(
    engine: Served, store: RemoteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_store, "FRESH", 3600.0)
    copy = another(engine)
    copy.get(PRACTICE)
    fresh = practice("repair-cafe")
    store.write([Change(PRACTICE, fresh)], "x", "replace")
    seen = copy.provenance(PRACTICE)
    assert seen is not None
    assert seen.number == 2
    assert copy.get(PRACTICE) == fresh


def test_many_entries_are_several_updates(
    store: RemoteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_store, "MOST", 25)
    many = [practice(f"p{n}") for n in range(12)]  # 5 triples each
    assert store.write([Change(e.iri, e) for e in many], "x", "import") == 4
    assert [store.get(e.iri) for e in many] == many
    assert len(store.changes_since(1)) == 12


# Turns


def put(store: RemoteStore) -> int:
    entry = practice("written")
    return store.write([Change(entry.iri, entry)], "x", "create")


def test_who_waits_too_long_for_another_writer_is_told(
    engine: Served, store: RemoteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = another(engine)
    monkeypatch.setattr(database, "WAIT", 0.2)
    with other.exclusive(), pytest.raises(Overloaded, match="Somebody else is writing"):
        put(store)
    assert put(store) == 2


# The start


def test_a_graph_of_another_ledger_is_refused(engine: Served) -> None:
    with pytest.raises(StoreUnusable, match="do not belong together"):
        RemoteStore(BASE, Engine(engine.address), Ledger())


def test_another_base_is_refused(engine: Served) -> None:
    with pytest.raises(StoreUnusable, match=BASE):
        RemoteStore("https://other.example/", Engine(engine.address), Ledger())


def test_vocabularies_are_put_right(engine: Served) -> None:
    engine.engine.put(VOC + "theme", b"<http://e/x> <http://e/x> <http://e/x> .\n")
    engine.engine.put(ONTOLOGY, b"")
    store = another(engine)
    for name, triples in graphs():
        assert store._graph(name) == set(triples), name


def test_an_export_holds_entries_provenance_and_vocabularies(store: RemoteStore) -> None:
    quads = list(ox.parse(store.dump(), format=ox.RdfFormat.N_QUADS))
    names = {str(quad.graph_name)[1:-1] for quad in quads}
    assert names == {*world(), BASE + "graph/provenance", *(name for name, _ in graphs())}
    found = {q.triple for q in quads if q.graph_name == ox.NamedNode(PRACTICE)}
    assert found == set(world()[PRACTICE].triples)


def knows_no_union(visit: Visit) -> None:
    """Answer as an engine whose default graph is empty."""
    query = visit.server.seen[-1][2].get("query", [""])[0]
    step: Step = says(HEAD + b"]}}")
    if visit.path.startswith("/graphs"):
        step = says(b"", 404 if visit.command == "GET" else 204)
    elif "GRAPH ?g" in query:
        row = f'{{"base":{{"type":"literal","value":"{BASE}"}}}}]}}}}'
        step = says(HEAD.replace(b'"x"', b'"base","number"') + row.encode())
    step(visit)


def test_an_engine_without_the_union_is_refused() -> None:
    with fake(knows_no_union) as engine, pytest.raises(StoreUnusable, match=r"docs/engines\.md"):
        RemoteStore(BASE, Engine(engine.address), Ledger())


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (says(b"no such keyword: OPTIONAL", 400), "do not understand each other: .*OPTIONAL"),
        (says(ROWS + b"Error"), "do not understand each other"),
        (says(ROWS[:-5], Content_Length=""), "do not understand each other"),
        (says(TRUE), "none to SELECT"),
        (says(b"", 401), "does not let us in"),
    ],
)
def test_an_engine_that_cannot_be_used_is_told(step: Step, told: str) -> None:
    with fake(step) as engine, pytest.raises(StoreUnusable, match=told):
        RemoteStore(BASE, Engine(engine.address), Ledger())


@pytest.mark.engines
def test_an_engine_that_goes_away_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_store, "AGAIN", 0.0)
    with engines.oxigraph(tmp_path) as address:
        store = RemoteStore(BASE, Engine(address), Ledger())
        store.write([Change(i, e) for i, e in world().items()], "x", "create")
        store.check()
    until(lambda: store.version() == 1 and not store._reachable)
    with pytest.raises(StoreUnusable, match="cannot be reached"):
        store.check()
    with pytest.raises(StoreUnusable, match="cannot be reached"):
        store.get(ID + "practice/none")
    monkeypatch.setattr(engines, "free_port", lambda: int(address.query.split(":")[2][:-6]))
    with engines.oxigraph(tmp_path):
        until(lambda: store.version() == 1 and store._reachable)
        assert store.get(PRACTICE) == world()[PRACTICE]


# Queries


@pytest.fixture
def queries(engine: Served, store: RemoteStore) -> RemoteQueries:
    return RemoteQueries(engine.engine, store.version, Limits(rows=1_000))


TITLE = "<http://purl.org/dc/terms/title>"


@pytest.mark.parametrize(
    ("query", "form", "body"),
    [
        ("SELECT ?t { ?s a psr:Practice ; dct:title ?t } ORDER BY STR(?t)", "csv",
         "t\r\nPopravljaonica\r\nRepair café\r\n"),
        (f"SELECT ?n {{ GRAPH <{PRACTICE}> {{ ?s psr:value ?n }} }}", "csv", "n\r\n120\r\n"),
        (f"ASK {{ GRAPH <{PRACTICE}> {{ <{PRACTICE}> a psr:Practice }} }}", "tsv", "true"),
        ("ASK { ?s a psr:Call }", "csv", "false"),
        ("SELECT ?p { ?p dct:spatial/psr:countryCode 'HR' ; a psr:Actor }", "csv",
         f"p\r\n{ACTOR}\r\n"),
        (f"SELECT ?t FROM <{ACTOR}> {{ ?s dct:title ?t }}", "csv", "t\r\nMenders\r\n"),
        (f"CONSTRUCT {{ ?s dct:title ?t }} WHERE {{ GRAPH <{ACTOR}> {{ ?s dct:title ?t }} }}",
         "nt", f'<{ACTOR}> {TITLE} "Menders"@en .\n'),
    ],
)  # fmt: skip
def test_every_engine_gives_the_same_answer(
    queries: RemoteQueries, query: str, form: str, body: str
) -> None:
    found = queries.run(check_query(PREFIX + query), form)
    assert found.body.decode() == body
    assert found.version == 1


def test_an_entry_is_described(queries: RemoteQueries) -> None:
    found = queries.run(check_query(f"DESCRIBE <{ACTOR}>"), "nt")
    assert found.kind == "graph"
    assert f"<{ACTOR}>" in found.body.decode()  # what a description is, each engine decides


@pytest.mark.parametrize(
    ("query", "form", "limit"),
    [
        ("SELECT ?a { ?a ?b ?c }", "json", "rows"),
        ("CONSTRUCT WHERE { ?a ?b ?c }", "nt", "rows"),
        ("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }", "json", "time"),
    ],
)
def test_limits_end_a_query(queries: RemoteQueries, query: str, form: str, limit: str) -> None:
    if limit == "time":
        queries.limits = Limits(seconds=1.5)
    with pytest.raises(LimitExceeded) as error:
        queries.run(check_query(query), form)
    assert error.value.limit == limit
