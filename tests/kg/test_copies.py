"""Several copies of the service: one engine behind a line that fails, one PostgreSQL."""

from __future__ import annotations

import random
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa

from kg.entry import Entry
from kg.errors import KgError, LimitExceeded, Overloaded, StoreUnusable
from kg.ledger.database import Database
from kg.ledger.difference import entry_in
from kg.ledger.ledger import Change, Ledger
from kg.stores.remote.http import Address, Engine
from kg.stores.remote.store import RemoteStore
from tests import engines
from tests.kg.helpers import BASE, ID, practice

pytestmark = pytest.mark.engines


class Line(ThreadingHTTPServer):
    """A proxy that does to updates what it is told: a list of ways, then none."""

    daemon_threads = True

    def __init__(self, engine: Address) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.engine = engine
        self.ways: Callable[[], str] = lambda: "pass"
        self.late: list[threading.Thread] = []

    @property
    def address(self) -> Address:
        root = f"http://127.0.0.1:{self.server_port}"
        return Address(f"{root}/query", f"{root}/update", f"{root}/store")


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Line

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        way = self.server.ways() if self.path.startswith("/update") else "pass"
        if way == "swallow":  # it never arrives, and nobody answers
            self.close_connection = True
            return
        if way == "late":  # it arrives when its writer has given up

            def send() -> None:
                time.sleep(random.uniform(0.05, 0.6))
                self._forward(body)

            thread = threading.Thread(target=send)
            thread.start()
            self.server.late.append(thread)
            self.close_connection = True
            return
        answer = self._forward(body)
        if way == "repeat":
            answer = self._forward(body)
        if way == "lose":  # it is carried out, and its answer is lost
            self.close_connection = True
            return
        status, headers, text = answer
        self.send_response(status)
        for name in ("Content-Type", "Server"):
            if name in headers:
                self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST

    def _forward(self, body: bytes) -> tuple[int, Message, bytes]:
        root = self.server.engine.query.rsplit("/", 1)[0]
        headers = {n: self.headers[n] for n in ("Content-Type", "Accept") if n in self.headers}
        request = urllib.request.Request(
            root + self.path, body or None, headers, method=self.command
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def line(engine: Address) -> Iterator[Line]:
    server = Line(engine)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    for late in server.late:
        late.join(10)
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with engines.postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Address]:
    with engines.oxigraph(tmp_path) as address:
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def ledgers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Ledger]]:
    """Open the ledger once more, as another copy does."""
    opened: list[Database] = []
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    else:
        whole: str = request.getfixturevalue("database")
        schema = f"s{time.monotonic_ns()}"
        made = sa.create_engine(sa.make_url(whole).set(drivername="postgresql+psycopg"))
        with made.begin() as connection:
            connection.execute(sa.text(f"CREATE SCHEMA {schema}"))
        made.dispose()
        url = f"{whole}&options=-csearch_path%3D{schema}"

    def ledger() -> Ledger:
        opened.append(Database(url))
        return Ledger(opened[-1])

    yield ledger
    for database in opened:
        database.close()


def told(ledger: Ledger) -> dict[str, Entry]:
    """What all differences of the ledger make of nothing."""
    state: dict[str, frozenset[str]] = {}
    for change in ledger.after(0, limit=100_000):
        for iri, difference in change.differences.items():
            state[iri] = difference.forward(state.get(iri, frozenset()))
    return {iri: entry for iri, known in state.items() if (entry := entry_in(iri, known))}


def test_nothing_is_lost_and_nothing_twice_on_a_line_that_fails(
    engine: Address, ledgers: Callable[[], Ledger]
) -> None:
    chance = random.Random(7)
    lock = threading.Lock()

    def ways() -> str:
        with lock:
            return chance.choices(["pass", "lose", "repeat", "swallow", "late"], [8, 2, 2, 1, 1])[0]

    acknowledged: dict[int, Entry] = {}
    unknown: list[Entry] = []
    with line(engine) as proxy:
        copies = [RemoteStore(BASE, Engine(proxy.address), ledgers()) for _ in range(2)]
        proxy.ways = ways

        def write(number: int) -> None:
            entry = practice(f"n{number}", problem=f'psr:problem "Written by {number}."@en')
            try:
                version = copies[number % 2].write(
                    [Change(entry.iri, entry)], f"w{number}", "create"
                )
            except (LimitExceeded, Overloaded, StoreUnusable):
                unknown.append(entry)
            else:
                acknowledged[version] = entry

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(write, range(60)))
        proxy.ways = lambda: "pass"
        for late in proxy.late:
            late.join(10)
        last = practice("last")
        begun = time.monotonic()
        number = copies[0].write([Change(last.iri, last)], "x", "create")
        assert time.monotonic() - begun < 5
        copies[1].settle(0.0)
    assert len(acknowledged) + len(unknown) == 60  # each number was given once
    assert len(acknowledged) > 30
    store = RemoteStore(BASE, Engine(engine), ledgers())
    there = {entry.iri: entry for entry in store.entries()}
    for version, entry in acknowledged.items():
        assert there[entry.iri] == entry
        (only,) = store.ledger.history(entry.iri)
        assert only.version == version
    assert there == told(store.ledger)
    assert store.ledger.open() == []
    assert store.version() == number == store.ledger.last()
    counts = Counter(change.number for change in store.ledger.after(0, limit=1_000))
    assert counts == Counter(range(1, number + 1))


def test_a_write_after_a_lost_one_works_at_once(
    engine: Address, ledgers: Callable[[], Ledger]
) -> None:
    with line(engine) as proxy:
        one, two = (RemoteStore(BASE, Engine(proxy.address), ledgers()) for _ in range(2))
        first, second = practice("first"), practice("second")
        proxy.ways = lambda: "swallow"
        with pytest.raises(KgError):
            one.write([Change(first.iri, first)], "x", "create")
        proxy.ways = lambda: "pass"
        begun = time.monotonic()
        assert two.write([Change(second.iri, second)], "x", "create") == 2
        assert time.monotonic() - begun < 5
        assert two.get(first.iri) == first  # carried out by the next who had the turn


def test_an_answer_that_is_lost_is_looked_up(
    engine: Address, ledgers: Callable[[], Ledger]
) -> None:
    with line(engine) as proxy:
        store = RemoteStore(BASE, Engine(proxy.address), ledgers())
        proxy.ways = lambda: "lose"
        entry = practice("first")
        assert store.write([Change(entry.iri, entry)], "x", "create") == 1
        assert store.get(entry.iri) == entry


def test_edits_of_one_entry_by_two_copies_are_all_there(
    engine: Address, ledgers: Callable[[], Ledger]
) -> None:
    copies = [RemoteStore(BASE, Engine(engine), ledgers()) for _ in range(2)]

    def write(number: int) -> int:
        entry = practice("all", problem=f'psr:problem "State {number}."@en')
        return copies[number % 2].write([Change(entry.iri, entry)], "x", "replace")

    with ThreadPoolExecutor(4) as threads:
        numbers = list(threads.map(write, range(24)))
    assert sorted(numbers) == list(range(1, 25))
    past = copies[0].ledger.history(f"{ID}practice/all")
    assert [version.version for version in past] == list(range(24, 0, -1))
    now = copies[0].get(f"{ID}practice/all")
    states = {copies[1].ledger.state(now.iri, version, now) for version in numbers}
    assert len(states) == 24
    assert told(copies[1].ledger) == {now.iri: now}
