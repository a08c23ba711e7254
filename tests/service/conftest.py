"""One home with the starter graph for the whole run, and clients of a service over it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from kg.ledger.tables import parts
from service import create_app
from service.core import server
from service.core.runtime import Runtime
from service.core.settings import Settings
from tests.conftest import settled
from tests.fake_embedder import HashingEmbedder

BASE = "https://passerelle.example/"
UNLIMITED = 10.0**6
#: writes whatever the entry is now
ANY = {"If-Match": "*"}
_ADDRESSES = count(1)
_SERVE = (
    "import pkgutil, sys, service.core.runtime as r; made = pkgutil.resolve_name(sys.argv.pop(1));"
    " r.make_embedder = lambda *_: made(); from service.cli.commands import main; main()"
)
_ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(prepared: Path, tmp_path: Path) -> Path:
    """A home of its own for one test."""
    return settled(prepared, tmp_path / "home")


@pytest.fixture(scope="session")
def runtime(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A running service's inside, shared: tests write entries of their own only."""
    home = settled(prepared, tmp_path_factory.mktemp("shared") / "home")
    settings = Settings(home=home, rate=UNLIMITED, burst=int(UNLIMITED))
    with Runtime(settings, HashingEmbedder()) as found:
        assert found.wait_ready(60)
        yield found


@pytest.fixture(scope="session")
def app(runtime: Runtime) -> Flask:
    return create_app(runtime)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client with an address of its own, so that no test is limited by another."""
    client, number = app.test_client(), next(_ADDRESSES)
    client.environ_base["REMOTE_ADDR"] = f"127.1.{number // 250}.{number % 250 + 1}"
    return client


@pytest.fixture(scope="session")
def token(runtime: Runtime) -> str:
    return runtime.tokens.create("test-organisation")


@pytest.fixture
def auth(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def serve(
    home: Path, *words: str, port: str = "0", environment: Mapping[str, str] = os.environ,
    model: str = "tests.fake_embedder.HashingEmbedder",
) -> subprocess.Popen[str]:  # fmt: skip
    """Start the program's own command, with vectors that know letters, not meanings."""
    return subprocess.Popen(
        [sys.executable, "-c", _SERVE, model, "serve", "--home", str(home), *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=_ROOT,
        env={**environment, "PORT": port},
    )  # fmt: skip


@pytest.fixture
def address(app: Flask) -> Iterator[tuple[str, int]]:
    bound = server.bind("127.0.0.1", 0)
    name = bound.getsockname()
    running = server.make(app, bound)
    thread = threading.Thread(target=running.run)
    thread.start()
    yield name
    running.trigger.pull_trigger(lambda: running.asyncore.close_all(running._map))
    running.task_dispatcher.shutdown()
    thread.join(20)


def practice(slug: str, *, title: str = "A bus that comes when called", more: str = "") -> bytes:
    """Return a small practice that conforms, in Turtle."""
    return f"""
        @base <{BASE}> .
        @prefix psr: <https://w3id.org/passerelle/ns#> .
        @prefix dct: <http://purl.org/dc/terms/> .
        @prefix schema: <https://schema.org/> .
        @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
        <id/practice/{slug}> a psr:Practice ;
            dct:title "{title}"@en ;
            psr:problem "No bus comes to the hamlets of {slug}, and nobody can get out."@en ;
            psr:solution "Neighbours share a small van that anybody can call."@en ;
            dct:spatial <id/territory/HR035> {more} .
        """.encode()


def never_was(runtime: Runtime, iri: str) -> None:
    """Take an entry and its history away, so that another test may use its name."""
    if runtime.intake.present(iri):
        runtime.intake.delete(iri, "tester")
    # All that follows the ledger has to hear of it before it is forgotten.
    runtime.catalogue.snapshot()
    runtime.matcher.catch_up()
    assert runtime.store.several([iri]) == []
    with runtime.store.ledger.database.begin() as connection:
        connection.execute(sa.delete(parts).where(parts.c.entry == iri))


def until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Return whether a condition came true before the deadline."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        if time.monotonic() > end:
            return False
        pause.wait(0.01)
    return True
