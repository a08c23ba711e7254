from __future__ import annotations

import http.client
import json
import select
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import cast
from urllib.parse import urlencode

import pytest
from flask import Flask
from waitress.buffers import OverflowableBuffer

from kg.sparql.pool import QueryPool
from kg.sparql.query import Limits
from kg.stores.embedded import EmbeddedStore
from matcher.encoding.embedder import Matrix, ModelUnusable
from service.core.door import Door, Room
from service.core.rate_limit import RateLimiter
from service.core.runtime import Runtime
from service.core.server import SMALL
from tests.fake_embedder import HashingEmbedder
from tests.service.conftest import serve, until


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_serve_says_when_it_is_ready_and_stops_cleanly(home: Path, stop: signal.Signals) -> None:
    with serve(home, "--demo") as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith("Passerelle is ready at http://127.0.0.1:")
            port = int(line.rsplit(":", 1)[-1])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/ready")
            assert connection.getresponse().status == 200
            connection.close()
            while not line.startswith("1. "):
                line = process.stdout.readline()
                assert line
            process.send_signal(stop)
            process.communicate(timeout=120)
            assert process.returncode == 0
        finally:
            process.kill()


@pytest.mark.slow
def test_a_port_in_use_is_one_sentence(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with serve(home, port=port) as process:
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert port in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_model_that_cannot_be_loaded_ends_the_service_in_one_sentence(home: Path) -> None:
    """It is found out once the service listens: loading takes seconds."""
    with serve(home, model="tests.service.test_server.Damaged") as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "is ready" not in out
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1] == "The model /m cannot be loaded; download it anew."


class Damaged(HashingEmbedder):
    """A model whose folder is damaged."""

    def encode(self, texts: Sequence[str]) -> Matrix:
        raise ModelUnusable("The model /m cannot be loaded; download it anew.")


def answer(address: tuple[str, int], sent: bytes) -> tuple[int, str, dict[str, object]]:
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(sent)
        found = http.client.HTTPResponse(connection)
        found.begin()
        return found.status, found.headers["Content-Type"], json.loads(found.read())


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /api/entries HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 300_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n", 400),
    ],
)
def test_what_waitress_refuses_is_a_problem_too(
    address: tuple[str, int], sent: bytes, status: int
) -> None:
    found, media, body = answer(address, sent)
    assert (found, media, body["status"]) == (status, "application/problem+json", status)


def test_a_large_body_is_told_our_limit(address: tuple[str, int]) -> None:
    size = 11 * 1024**2
    head = f"POST /api/validate HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode()
    found, media, body = answer(address, head + b" " * size)
    assert (found, media) == (413, "application/problem+json")
    assert "10,485,760" in str(body["detail"])


MIB = 1024**2
ROUTES = ["POST /api/entries", "PUT /id/practice/x", "PUT /graph-store?graph=x"]


def head(route: str, length: int | None, *more: str) -> bytes:
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return "\r\n".join([f"{route} HTTP/1.1", "Host: a", size, *more, "", ""]).encode()


def held(door: Door) -> int:
    return door.room._total


@pytest.fixture
def door(app: Flask) -> Door:
    found = app.extensions["passerelle.door"]
    assert isinstance(found, Door)
    return found


@pytest.mark.parametrize("route", ROUTES)
def test_a_write_without_a_good_token_is_refused_before_its_body_is_kept(
    address: tuple[str, int], door: Door, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    append = OverflowableBuffer.append

    def noted(buffer: OverflowableBuffer, data: bytes) -> None:
        kept.append(len(data))
        append(buffer, data)

    monkeypatch.setattr(OverflowableBuffer, "append", noted)
    for more in ([], ["Authorization: Bearer wrong"], ["Authorization: Basic eDp5"]):
        status, media, _ = answer(address, head(route, 2 * MIB, *more) + b" " * 2 * MIB)
        assert (status, media) == (401, "application/problem+json")
    assert sum(kept) < 64 * 1024  # answers only
    assert held(door) == 0


def test_who_asks_before_sending_is_answered_before_sending(address: tuple[str, int]) -> None:
    for sent, status in (
        (head("POST /api/entries", 5 * MIB, "Expect: 100-continue"), 401),
        (head("POST /api/validate", 11 * MIB, "Expect: 100-continue"), 413),
    ):
        found, _, body = answer(address, sent)
        assert (found, body["status"]) == (status, status)
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(head("POST /api/validate", 5, "Expect: 100-continue"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")


def chunks(size: int) -> bytes:
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    return piece * (size // 0x10000) + b"0\r\n\r\n"


TURTLE = "Content-Type: text/turtle"


def test_a_body_of_unknown_length_is_cut_off_at_our_limit(
    address: tuple[str, int], door: Door
) -> None:
    status, _, body = answer(address, head("POST /api/validate", None) + chunks(12 * MIB))
    assert (status, body["status"]) == (413, 413)
    assert held(door) == 0
    small = head("POST /api/validate", None, TURTLE) + b"1\r\n#\r\n0\r\n\r\n"
    assert answer(address, small)[0] == 200


def test_too_many_requests_are_refused_before_a_body(
    address: tuple[str, int], door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "limiter", RateLimiter(0.01, 1))
    assert answer(address, head("POST /api/validate", 1, TURTLE) + b"#")[0] == 200
    status, _, body = answer(address, head("POST /api/validate", 2 * MIB) + b" " * 2 * MIB)
    assert (status, body["limit"]) == (429, "rate")


def test_strangers_bodies_share_a_room(
    address: tuple[str, int], door: Door, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "room", Room(8 * MIB))  # half of it for one client: 4 MiB
    waiting = [socket.create_connection(address, timeout=20) for _ in range(2)]
    for number, connection in enumerate(waiting, 1):
        connection.sendall(head("POST /api/validate", 3 * MIB) + b" " * 2 * MIB)
        room = number * (2 * MIB - SMALL)
        assert until(lambda room=room: held(door) == room)  # type: ignore[misc]
    assert answer(address, head("POST /api/validate", 1, TURTLE) + b"#")[0] == 200
    large = b"#" * (MIB - 1)
    status, _, body = answer(address, head("POST /api/validate", MIB - 1, TURTLE) + large)
    assert (status, body["limit"]) == (503, "bodies")
    own = (TURTLE, f"Authorization: Bearer {token}")
    assert answer(address, head("POST /api/entries", MIB - 1, *own) + large)[0] == 422
    for connection in waiting:
        connection.close()
    assert until(lambda: held(door) == 0)
    assert answer(address, head("POST /api/validate", MIB - 1, TURTLE) + large)[0] == 200
    assert until(lambda: held(door) == 0)


def test_room_is_for_all_and_half_of_it_for_one() -> None:
    room = Room(10)
    assert [room.take("a", 5), room.take("a", 1), room.take("b", 5), room.take("c", 1)] == [
        True, False, True, False,
    ]  # fmt: skip
    room.give_back("a", 5)
    assert room.take("c", 5)


def test_slow_queries_leave_threads_for_others(
    address: tuple[str, int], runtime: Runtime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A pool of its own: what still waits at the end must not keep other tests waiting.
    own = QueryPool(cast(EmbeddedStore, runtime.store), tmp_path / "snapshots", Limits(seconds=1.0))
    monkeypatch.setattr(runtime, "queries", own)
    query = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
    slow = "/sparql?" + urlencode({"query": query})
    limits = runtime.settings
    waiting = []
    for _ in range(limits.sparql_concurrent + limits.sparql_queue):
        connection = http.client.HTTPConnection(*address, timeout=60)
        connection.request("GET", slow)
        waiting.append(connection)
    quick = http.client.HTTPConnection(*address, timeout=60)
    quick.request("GET", "/health")
    assert quick.getresponse().status == 200
    assert all(c.sock and not select.select([c.sock], [], [], 0)[0] for c in waiting[1:2])
    for connection in (*waiting, quick):
        connection.close()
    own.close()
