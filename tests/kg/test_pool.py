"""Queries of strangers: every form, every limit, and nothing but an answer comes out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from kg.errors import (
    LimitExceeded,
    Malformed,
    Overloaded,
    QueryRefused,
    StoreUnusable,
    UnknownFormat,
)
from kg.sparql.pool import QueryPool, _Watch, _Worker
from kg.sparql.query import ALL, Dataset, Limits, PublicQuery, Result
from kg.sparql.scan import check_query
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from kg.vocabulary import PREFIXES
from tests.kg.conftest import Listener
from tests.kg.helpers import ACTOR, CHALLENGE, PRACTICE, practice

PREFIX = "".join(f"PREFIX {name}: <{iri}> " for name, iri in PREFIXES.items())
TITLES = PREFIX + "SELECT ?t { ?s a psr:Practice ; dct:title ?t } ORDER BY ?t"
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
DOUBLING = (
    'SELECT ?x { BIND("xxxxxxxxxxxxxxxx" AS ?v0) '
    + " ".join(f"BIND(CONCAT(?v{n}, ?v{n}) AS ?v{n + 1})" for n in range(28))
    + " BIND(STRLEN(?v28) AS ?x) }"
)


def make_pool(store: EmbeddedStore, folder: Path, **limits: float) -> QueryPool:
    wanted = {"seconds": 10.0, "concurrent": 2, "queue": 2} | limits
    return QueryPool(store, folder / "snapshots", Limits(**wanted))  # type: ignore[arg-type]


@pytest.fixture
def pool(still_disk_store: EmbeddedStore, tmp_path: Path) -> Iterator[QueryPool]:
    found = make_pool(still_disk_store, tmp_path)
    yield found
    found.close()


@pytest.fixture
def tight(still_disk_store: EmbeddedStore, tmp_path: Path) -> Iterator[QueryPool]:
    """A pool that allows little of everything."""
    found = make_pool(
        still_disk_store, tmp_path, seconds=1.0, rows=10, bytes=2_000, concurrent=1, queue=0,
        memory=400 * 1024**2,
    )  # fmt: skip
    yield found
    found.close()


def run(pool: QueryPool, query: str, form: str, dataset: Dataset = ALL) -> Result:
    return pool.run(check_query(query), form, dataset)


#: processes of other tests' services
_others: set[int] = set()


@pytest.fixture(autouse=True)
def _look_at_own_processes_only() -> None:
    _others.clear()
    _others.update(children())


def children() -> set[int]:
    """The processes that a test has started and that have not been waited for."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            found.update(map(int, (task / "children").read_text().split()))
    return found - _others


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        threading.Event().wait(0.01)


def texts(answer: Result) -> list[str]:
    rows = json.loads(answer.body)["results"]["bindings"]
    return [row["t"]["value"] for row in rows]


# Answers


def test_select_is_answered_from_the_union_of_all_graphs(pool: QueryPool) -> None:
    found = run(pool, TITLES, "json")
    assert texts(found) == ["Popravljaonica", "Repair café"]
    assert (found.kind, found.rows, found.version) == ("solutions", 2, 1)


def test_entries_have_named_graphs_and_vocabularies_are_there(pool: QueryPool) -> None:
    query = PREFIX + f"ASK {{ GRAPH <{PRACTICE}> {{ ?s a psr:Practice }} ?c a skos:ConceptScheme }}"
    assert json.loads(run(pool, query, "json").body)["boolean"] is True


@pytest.mark.parametrize("query", [f"DESCRIBE <{ACTOR}>", f"CONSTRUCT WHERE {{ <{ACTOR}> ?p ?o }}"])
def test_graphs_are_answered(pool: QueryPool, query: str) -> None:
    found = run(pool, query, "nt")
    assert found.kind == "graph"
    assert f"<{ACTOR}> <http://purl.org/dc/terms/title>" in found.body.decode()


ALL_NAMES = "SELECT ?s { { ?s a ?any } UNION { GRAPH ?g { ?s a ?any } } }"


@pytest.mark.parametrize(
    ("clause", "dataset", "subjects"),
    [
        (f"FROM <{PRACTICE}>", ALL, {PRACTICE}),
        (f"FROM NAMED <{ACTOR}>", ALL, {ACTOR}),
        ("", Dataset(default=(PRACTICE, CHALLENGE)), {PRACTICE, CHALLENGE}),
        ("", Dataset(named=(ACTOR,)), {ACTOR}),
        ("", Dataset((PRACTICE,), (ACTOR,)), {PRACTICE, ACTOR}),
        (f"FROM <{ACTOR}>", Dataset(default=(CHALLENGE,)), {CHALLENGE}),
        ("FROM <http://nowhere.example/>", ALL, set()),
        ("FROM <file:///etc/passwd>", ALL, set()),
    ],
)
def test_a_dataset_is_what_is_asked_and_nothing_else(
    pool: QueryPool, clause: str, dataset: Dataset, subjects: set[str]
) -> None:
    query = ALL_NAMES.replace("?s {", f"?s {clause} {{", 1)
    rows = json.loads(run(pool, query, "json", dataset).body)["results"]["bindings"]
    names = {row["s"]["value"] for row in rows}
    assert {name for name in names if "#" not in name} == subjects


def test_a_graph_whose_name_is_no_iri_is_told(pool: QueryPool) -> None:
    with pytest.raises(Malformed, match="cannot be run"):
        run(pool, "ASK {}", "json", Dataset(default=("no iri",)))


def test_a_worker_is_used_again(pool: QueryPool) -> None:
    run(pool, TITLES, "json")
    before = children()
    assert texts(run(pool, TITLES, "json"))
    assert len(before) == 1
    assert children() == before


def test_closing_ends_the_workers(pool: QueryPool) -> None:
    run(pool, TITLES, "json")
    pool.close()
    assert children() == set()
    assert texts(run(pool, TITLES, "json"))


# What is wrong with a query


def test_a_syntax_error_is_told(pool: QueryPool) -> None:
    with pytest.raises(Malformed, match=r"at line 1, column 12, where it says \?s \?p }\.$"):
        run(pool, "SELECT * { ?s ?p }", "json")
    assert texts(run(pool, TITLES, "json"))


def test_what_the_scan_refuses_starts_no_process(pool: QueryPool) -> None:
    with pytest.raises(QueryRefused):
        run(pool, "SELECT * { SERVICE <http://e/> {} }", "json")
    assert children() == set()


@pytest.mark.parametrize(
    ("query", "form"),
    [(TITLES, "turtle"), ("ASK {}", "nt"), ("DESCRIBE <a:a>", "csv"), ("ASK {}", "?")],
)
def test_a_format_that_does_not_fit_is_told(pool: QueryPool, query: str, form: str) -> None:
    with pytest.raises(UnknownFormat, match="is written as"):
        run(pool, query, form)
    assert children() == set()


def test_a_graph_that_rdf_xml_cannot_write_is_told(pool: QueryPool) -> None:
    with pytest.raises(Malformed, match="RDF/XML cannot write"):
        run(pool, "CONSTRUCT { <http://e/s> <http://e/> 1 } WHERE {}", "rdfxml")
    assert texts(run(pool, TITLES, "json"))


LONG = "x" * 60_000
#: what the engine or the writer quotes in full when it refuses it
QUOTED = [
    (f"CONSTRUCT {{ <a:s> <a:{LONG}/> 1 }} {{}}", "rdfxml", ALL),
    (f"ASK {{ ?s ?p {LONG} }}", "json", ALL),
    (f"ASK {{ ?s {LONG}:a 1 }}", "json", ALL),
    (f"ASK {{ ?s ?p <{LONG}> }}", "json", ALL),
    (f"ASK {{ ?s ?p 'a'^^<{LONG}> }}", "json", ALL),
    (f"SELECT * {{ ?s ?p ?o }} LIMIT {'9' * 60_000}", "json", ALL),
    (f"SELECT * {{ ?s ?p ?o }} OFFSET -{'9' * 60_000}", "json", ALL),
    ("ASK {}", "json", Dataset(default=(f"no iri {LONG}",))),
    ("ASK {}", "json", Dataset(named=(LONG,))),
]


def test_however_long_an_error_is_no_process_is_lost(pool: QueryPool) -> None:
    for query, form, dataset in QUOTED * 3:
        with pytest.raises(Malformed) as error:
            pool.run(PublicQuery(query, query.split()[0]), form, dataset)
        assert len(str(error.value)) < 400, query[:40]
    assert len(children()) == 1
    pool.close()
    assert children() == set()


def test_a_worker_whose_answer_cannot_be_used_is_ended(
    pool: QueryPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in (json.JSONDecodeError("", "", 0), KeyboardInterrupt(), MemoryError()):

        def receive(self: _Worker, wrong: BaseException = wrong) -> None:
            raise wrong

        run(pool, TITLES, "json")
        for started in (True, False):  # by the first answer of a worker, or by a later one
            with monkeypatch.context() as patch:
                patch.setattr(_Worker, "_receive", receive)
                with pytest.raises(type(wrong)):
                    run(pool, TITLES, "json")
            assert children() == set(), (wrong, started)


def test_a_worker_that_died_after_its_last_query_is_replaced(
    pool: QueryPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(pool, TITLES, "json")
    (process,) = children()
    monkeypatch.setattr(_Worker, "alive", lambda self: True)
    os.kill(process, signal.SIGKILL)
    ended = Path(f"/proc/{process}")
    until(lambda: "(zombie)" in (ended / "status").read_text())
    until(lambda: len(list((ended / "task").iterdir())) == 1)  # its threads hold the pipe, too
    assert texts(run(pool, TITLES, "json"))
    assert len(children() - {process}) == 1


def test_a_stopped_worker_is_not_waited_for(
    still_disk_store: EmbeddedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kg.sparql.pool.MARGIN", 0.1)
    pool = make_pool(still_disk_store, tmp_path)
    run(pool, TITLES, "json")
    (process,) = children()
    os.kill(process, signal.SIGSTOP)
    pool.limits = Limits(seconds=0.2)
    with pytest.raises(LimitExceeded) as error:
        run(pool, TITLES, "json")
    assert error.value.limit == "time"
    assert children() == set()
    pool.close()


def test_a_worker_that_is_at_work_when_the_pool_closes_ends_after_its_query(
    pool: QueryPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = _Worker.ask

    def close_meanwhile(self: _Worker, line: dict[str, object]) -> object:
        pool.close()
        return ask(self, line)

    monkeypatch.setattr(_Worker, "ask", close_meanwhile)
    assert texts(run(pool, TITLES, "json"))
    assert children() == set()


def test_a_store_that_cannot_be_copied_is_told(
    pool: QueryPool, still_disk_store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(still_disk_store, "snapshot", full)
        with pytest.raises(StoreUnusable):
            run(pool, TITLES, "json")
    assert texts(run(pool, TITLES, "json"))


def test_a_process_that_cannot_be_started_is_told(
    pool: QueryPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", none_left)
        with pytest.raises(Overloaded):
            run(pool, TITLES, "json")
    assert texts(run(pool, TITLES, "json"))


def test_relative_addresses_are_relative_to_the_endpoint(pool: QueryPool) -> None:
    for prologue, expected in (
        ("", "http://here.example/x"),
        ("BASE <deep/> ", "http://here.example/deep/x"),
        ("BASE <http://e/> ", "http://e/x"),
    ):
        query = check_query(prologue + "SELECT (STR(<x>) AS ?t) {}", "http://here.example/sparql")
        assert texts(pool.run(query, "json")) == [expected]


# Limits


def test_what_comes_before_a_query_takes_of_its_time(tight: QueryPool) -> None:
    def slow(query: PublicQuery, end: float) -> PublicQuery:
        until(lambda: time.monotonic() > end)
        return query

    with pytest.raises(LimitExceeded) as error:
        tight.run(check_query(TITLES), "json", prepare=slow)
    assert error.value.limit == "time"
    assert len(texts(run(tight, TITLES, "json"))) == 2


@pytest.mark.parametrize(
    ("query", "form", "limit"),
    [
        (ENDLESS, "json", "time"),
        ("SELECT (1 AS ?n) { ?s ?p ?o } LIMIT 11", "json", "rows"),
        ("CONSTRUCT WHERE { ?s ?p ?o }", "nt", "rows"),
        ("SELECT (CONCAT(STR(?s), STR(?p), STR(?o)) AS ?x) (?x AS ?y) (?x AS ?z) (?x AS ?a)"
         " (?x AS ?b) (?x AS ?c) { ?s ?p ?o } LIMIT 9", "json", "bytes"),
        ("CONSTRUCT { ?s ?p ?x } { ?s ?p ?o BIND(CONCAT(STR(?s), STR(?p), STR(?s), STR(?s),"
         " STR(?p), STR(?s), STR(?p), STR(RAND())) AS ?x) } LIMIT 9", "nt", "bytes"),
    ],
)  # fmt: skip
def test_limits_end_one_query_and_nothing_else(
    tight: QueryPool, query: str, form: str, limit: str
) -> None:
    with pytest.raises(LimitExceeded) as error:
        run(tight, query, form)
    assert error.value.limit == limit
    assert len(children()) == (limit in {"rows", "bytes"})
    assert len(texts(run(tight, TITLES, "json"))) == 2


def test_a_query_that_fills_the_memory_ends_its_process_only(
    still_disk_store: EmbeddedStore, tmp_path: Path
) -> None:
    pool = make_pool(still_disk_store, tmp_path, memory=400 * 1024**2)
    with pytest.raises(LimitExceeded) as error:
        run(pool, DOUBLING, "json")
    assert error.value.limit == "memory"
    assert children() == set()
    pool.close()


def test_a_query_that_crashes_the_engine_ends_its_process_only(tight: QueryPool) -> None:
    with pytest.raises(LimitExceeded) as error:
        run(tight, "SELECT * { ?s ?p (" + "1 " * 20_000 + ") }", "json")
    assert error.value.limit == "complexity"
    assert children() == set()
    assert texts(run(tight, TITLES, "json"))


def test_other_queries_survive_a_killed_one(
    still_disk_store: EmbeddedStore, tmp_path: Path
) -> None:
    pool = make_pool(still_disk_store, tmp_path, seconds=0.5)
    with ThreadPoolExecutor(2) as threads:
        hostile = threads.submit(run, pool, ENDLESS, "json")
        while not hostile.done():
            assert len(texts(run(pool, TITLES, "json"))) == 2
        assert isinstance(hostile.exception(), LimitExceeded)
    assert len(children()) == 1
    pool.close()


def test_too_many_waiting_queries_are_turned_away(tight: QueryPool) -> None:
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(run, tight, ENDLESS, "json")
        until(lambda: bool(children()))
        with pytest.raises(Overloaded) as error:
            run(tight, TITLES, "json")
        assert error.value.retry_after >= 1
        assert isinstance(slow.exception(), LimitExceeded)
    assert texts(run(tight, TITLES, "json"))


def test_a_query_in_the_queue_gets_its_turn(
    still_disk_store: EmbeddedStore, tmp_path: Path
) -> None:
    pool = make_pool(still_disk_store, tmp_path, concurrent=1, queue=8)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: texts(run(pool, TITLES, "json")), range(8)))
    assert found == [["Popravljaonica", "Repair café"]] * 8
    assert len(children()) == 1
    pool.close()


def test_a_worker_that_cannot_start_leaves_no_process(
    still_disk_store: EmbeddedStore, tmp_path: Path
) -> None:
    pool = make_pool(still_disk_store, tmp_path, memory=1024)
    with pytest.raises(LimitExceeded):
        run(pool, TITLES, "json")
    assert children() == set()
    pool.close()


# Snapshots


def test_a_write_is_seen_soon_and_old_snapshots_are_removed(
    disk_store: EmbeddedStore, tmp_path: Path
) -> None:
    pool = make_pool(disk_store, tmp_path)
    for title in ("Practice a", "Practice b"):
        fresh = practice(title[-1])
        disk_store.write([Change(fresh.iri, fresh)], "t", "create")
        seen = partial(lambda wanted: wanted in texts(run(pool, TITLES, "json")), title)
        until(seen, 2.0)
    assert run(pool, TITLES, "json").version == disk_store.version()
    assert len(list((tmp_path / "snapshots").iterdir())) == 1
    assert len(children()) == 1
    pool.close()


def test_a_running_query_keeps_its_snapshot(disk_store: EmbeddedStore, tmp_path: Path) -> None:
    pool = make_pool(disk_store, tmp_path, seconds=0.5)
    folder = tmp_path / "snapshots"
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(run, pool, ENDLESS, "json")
        until(lambda: bool(children()))
        disk_store.write([Change(CHALLENGE, None)], "t", "delete")
        until(lambda: run(pool, TITLES, "json").version == 2 or slow.done())
        assert len(list(folder.iterdir())) == 2 or slow.done()
        slow.exception()
    run(pool, TITLES, "json")
    assert len(list(folder.iterdir())) == 1
    pool.close()


def test_leftover_snapshots_of_an_earlier_run_are_removed(
    still_disk_store: EmbeddedStore, tmp_path: Path
) -> None:
    (tmp_path / "snapshots" / "7").mkdir(parents=True)
    make_pool(still_disk_store, tmp_path).close()
    assert list((tmp_path / "snapshots").iterdir()) == []


# The network


def service(url: str, silent: str = "SILENT") -> str:
    return f"SELECT * {{ SERVICE {silent} <{url}> {{ ?s ?p ?o }} }}"


def request(query: str) -> dict[str, object]:
    limits = {"seconds": 5.0, "max_rows": 10, "max_bytes": 1_000, "base": None, "describe": False}
    return limits | {"query": query, "form": "json", "union": True, "default": [], "named": []}


@pytest.fixture
def snapshot(still_disk_store: EmbeddedStore, tmp_path: Path) -> Path:
    still_disk_store.snapshot(tmp_path / "copy")
    return tmp_path / "copy"


def test_service_reaches_nothing_even_without_the_scan(snapshot: Path, listener: Listener) -> None:
    worker = _Worker(snapshot, Limits(), _Watch())
    for silent in ("", "SILENT"):
        head, _ = worker.ask(request(service(listener.url, silent)))
        assert ("failed" in head) is (silent == "")
    worker.ask(request(f"SELECT * FROM <{listener.url}> {{ ?s ?p ?o }}"))
    head, _ = worker.ask(request(f"LOAD <{listener.url}>"))
    assert "syntax" in head
    head, _ = worker.ask(request("ASK {}"))
    assert head["kind"] == "boolean"
    worker.kill()


def test_service_reaches_nothing_where_the_host_forbids_namespaces(
    snapshot: Path, listener: Listener
) -> None:
    """The worker's second way: no descriptor is left to make a socket with."""
    code = "import kg.sparql.worker as w; w._unshare_network = lambda: False; w.main()"
    asked = [request(service(listener.url, "")), request(service(listener.url)), request("ASK {}")]
    found = subprocess.run(
        [sys.executable, "-I", "-c", code, str(snapshot), str(1024**3)],
        input="".join(json.dumps(line) + "\n" for line in asked).encode(),
        capture_output=True, timeout=30, check=True, env={"PATH": os.defpath},
    ).stdout.decode()  # fmt: skip
    assert '"network": "descriptors"' in found
    assert '"failed"' in found
    assert '"boolean":true' in found


def test_an_open_listener_is_heard_without_the_guard(still_disk_store: EmbeddedStore) -> None:
    """The other tests would prove nothing if the engine could not reach it at all."""
    heard = Listener()
    with pytest.raises(OSError, match=r".+"):
        list(still_disk_store._store.query(service(heard.url, "")))  # type: ignore[arg-type]
    assert heard.close() > 0
