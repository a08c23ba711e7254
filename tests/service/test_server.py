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

from kg.pool import QueryPool
from kg.query import Limits
from kg.stores.embedded import EmbeddedStore
from matcher.embedder import Matrix, ModelUnusable
from service.runtime import Runtime
from tests.fake_embedder import HashingEmbedder
from tests.service.conftest import serve


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


def test_a_port_in_use_is_one_sentence(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with serve(home, port=port) as process:
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert port in err
    assert len(err.strip().splitlines()) == 1


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

    def encode(self, texts: Sequence[str], progress: bool = False) -> Matrix:
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
