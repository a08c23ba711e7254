"""Stores with a small world, the shapes parsed once, and a listener that counts visitors."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kg.entries.intake import Intake
from kg.entries.validation import Validator
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from tests.kg.helpers import BASE, world


@pytest.fixture(scope="session")
def validator() -> Validator:
    return Validator()


def filled(path: Path | None = None) -> EmbeddedStore:
    store = EmbeddedStore(BASE, path)
    store.write([Change(iri, entry) for iri, entry in world().items()], "tester", "create")
    return store


@pytest.fixture
def store() -> EmbeddedStore:
    """A store in memory with the small world in it, data version 1."""
    return filled()


@pytest.fixture(scope="session")
def still_store() -> EmbeddedStore:
    """The same for tests that only read."""
    return filled()


@pytest.fixture
def disk_store(tmp_path: Path) -> EmbeddedStore:
    return filled(tmp_path / "store")


@pytest.fixture
def intake(store: EmbeddedStore, validator: Validator) -> Intake:
    return Intake(store, validator)


@pytest.fixture
def short_lots(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many entries are looked at together, for tests of what happens between such lots."""
    monkeypatch.setattr("kg.entries.intake.BATCH", 8)
    return 8


@pytest.fixture(scope="session")
def still_disk_store(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedStore:
    """The same on disk, for tests that only read."""
    return filled(tmp_path_factory.mktemp("still") / "store")


class Listener:
    """A server on this machine that notes who connects and answers nothing."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._visitors = 0
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"

    def _listen(self) -> None:
        while True:
            visitor, _ = self._socket.accept()
            with visitor:
                if visitor.recv(1) == b"!":
                    return
            self._visitors += 1

    def close(self) -> int:
        """End, and return how many connections there were."""
        with socket.create_connection(self._socket.getsockname()) as own:
            own.sendall(b"!")
        self._thread.join(10)
        self._socket.close()
        return self._visitors


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A listener that nobody may have visited by the end of the test."""
    found = Listener()
    yield found
    assert found.close() == 0
