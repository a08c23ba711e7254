"""Commands beside a running service: over the socket of its home, and nowhere else."""

from __future__ import annotations

import json
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from kg.errors import StoreUnusable
from service import create_app
from service.cli.commands import main
from service.core.control import SOCKET, Beside, ControlSocket, reachable
from service.core.runtime import Runtime
from service.core.settings import Settings
from tests.fake_embedder import HashingEmbedder
from tests.service.conftest import BASE, practice

IRI = f"{BASE}id/practice/beside"


@pytest.fixture
def served(home: Path) -> Iterator[Runtime]:
    with Runtime(Settings(home=home), HashingEmbedder()) as runtime, ControlSocket(runtime):
        yield runtime


@pytest.fixture
def client(served: Runtime) -> FlaskClient:
    return create_app(served).test_client()


def run(home: Path, *words: str) -> tuple[int, Any]:
    done = CliRunner().invoke(main, [*words, "--home", str(home), "--json"])
    return done.exit_code, json.loads(done.stdout) if done.stdout else done.stderr


def test_it_is_the_owners_and_goes_with_the_service(home: Path) -> None:
    path = home / SOCKET
    path.write_text("left by a service that was killed")
    with Runtime(Settings(home=home), HashingEmbedder()) as runtime, ControlSocket(runtime):
        mode = path.stat().st_mode
        assert (stat.S_ISSOCK(mode), mode & 0o777) == (True, 0o600)
        assert Beside.of(home)
    assert not path.exists()
    assert Beside.of(home) is None


def test_entries_come_in_and_out_beside_the_service_and_are_undone(
    served: Runtime, client: FlaskClient, home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "entries.ttl"
    file.write_bytes(practice("beside"))
    status, report = run(home, "import", "rdf", str(file))
    assert (status, report["accepted"]) == (0, 1)
    assert client.get("/api/entries/practice/beside").status_code == 200
    status, told = run(home, "export", "--output", str(tmp_path / "all.nq"))
    assert (status, told["format"]) == (0, "nquads")
    assert told["entries"] == sum(1 for _ in served.store.entries())
    assert IRI in (tmp_path / "all.nq").read_text()
    status, planned = run(home, "undo", "--job", report["job"], "--dry-run")
    assert (status, planned["removed"], planned["job"]) == (0, [IRI], None)
    status, undone = run(home, "undo", "--job", report["job"], "--reason", "a wrong file")
    assert (status, undone["removed"], undone["left"]) == (0, [IRI], {})
    assert client.get("/api/entries/practice/beside").status_code == 410
    (newest, *_) = served.store.ledger.history(IRI)
    assert (newest.by, newest.reason) == ("operator", "a wrong file")


def test_tokens_are_made_beside_the_service(client: FlaskClient, home: Path) -> None:
    status, made = run(home, "token", "create", "beside", "--country", "hr", "--days", "2")
    assert (status, made["role"]) == (0, "curator")
    auth = {"Authorization": f"Bearer {made['token']}"}
    body, turtle = practice("beside"), "text/turtle"
    answer = client.post("/api/entries", data=body, content_type=turtle, headers=auth)
    assert answer.status_code == 201
    (row,) = run(home, "token", "list")[1]["tokens"]
    assert (row["label"], row["countries"], bool(row["used"])) == ("beside", "HR", True)
    status, undone = run(home, "undo", "--token", "beside", "--since", "2020-01-01")
    assert (status, undone["removed"]) == (0, [IRI])
    assert run(home, "token", "revoke", "beside") == (0, {"label": "beside", "revoked": 1})
    answer = client.post("/api/entries", data=body, content_type=turtle, headers=auth)
    assert answer.status_code == 401


def test_what_is_wrong_is_one_sentence(served: Runtime, home: Path) -> None:
    wrong = []
    for words, sentence in (
        (("undo",), "Name a --job"),
        (("undo", "--job", "x", "--token", "y"), "Name a --job"),
        (("undo", "--token", "y"), "Name a --job"),
        (("undo", "--job", "import-0"), "There was no job"),
        (("undo", "--token", "y", "--since", "yesterday"), "is no time"),
        (("import", "rdf", "pyproject.toml"), "pyproject.toml"),
        (("import", "nothing", "pyproject.toml"), "nothing"),
    ):
        status, told = run(home, *words)
        if (status, sentence in told, told.count("\n")) != (2, True, 1):
            wrong.append((words, status, told))
    assert wrong == []


def test_what_is_no_command_harms_nobody(served: Runtime, home: Path) -> None:
    for line in (b"", b"\n", b"{", b"[]\n", b'{"command": "rm"}\n', b"x" * 10_000 + b"\n"):
        with socket.socket(socket.AF_UNIX) as connection, reachable(home / SOCKET) as address:
            connection.connect(address)
            connection.sendall(line)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.makefile("rb").read()
        assert b"does not know this command" in answer, line
    assert Beside.of(home)


def test_a_service_that_ends_in_between_is_told(home: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, reachable(tmp_path / SOCKET) as address:
        server.bind(address)
        server.listen()
        beside = Beside.of(tmp_path)
        assert beside
        server.accept()[0].close()
        silent = threading.Thread(target=lambda: server.accept()[0].close())
        silent.start()
        with pytest.raises(StoreUnusable, match="run it again"):
            beside.undo("x", None, None, True, None, lambda done, total: None)
        silent.join(10)
