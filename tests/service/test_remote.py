"""The service over somebody's engine: the same answers, and nothing lost between two copies."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from kg.stores.remote.http import Address
from service import create_app
from service.core.runtime import Runtime
from service.core.settings import Settings
from tests import engines
from tests.fake_embedder import HashingEmbedder
from tests.service.conftest import ANY, BASE, UNLIMITED, practice, until

TURTLE = "text/turtle"


def runtime(home: Path, address: Address) -> Runtime:
    settings = Settings(
        home=home,
        engine=address,
        database=f"sqlite:///{home.parent / 'ledger.sqlite'}",
        rate=UNLIMITED,
        burst=int(UNLIMITED),
    )
    return Runtime(settings, HashingEmbedder())


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Runtime]]:
    """Two services over one engine, ready."""
    folder = tmp_path_factory.mktemp("remote")
    with (
        engines.oxigraph(folder) as address,
        runtime(folder / "a", address) as first,
        runtime(folder / "b", address) as second,
    ):
        assert first.wait_ready(120)
        assert second.wait_ready(120)
        yield [first, second]


@pytest.fixture
def clients(copies: list[Runtime]) -> list[FlaskClient]:
    found = []
    for copy in copies:
        client = create_app(copy).test_client()
        token = copy.tokens.create("test")
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        found.append(client)
    return found


@pytest.mark.engines
def test_a_write_is_found_by_sparql_and_by_matching(clients: list[FlaskClient]) -> None:
    first, second = clients
    text = practice("remote", title="Zebra bus for remote hamlets")
    made = first.post("/api/entries", data=text, content_type=TURTLE)
    assert made.status_code == 201, made.text
    iri = f"{BASE}id/practice/remote"
    query = f"SELECT ?t {{ <{iri}> <http://purl.org/dc/terms/title> ?t }}"
    for client in clients:
        answer = client.get("/sparql", query_string={"query": query, "format": "csv"})
        assert answer.text == "t\r\nZebra bus for remote hamlets\r\n"

    def matched() -> bool:
        asked = {"text": "Zebra bus for remote hamlets"}
        found = second.post("/api/match/similar", json=asked).get_json()["matches"]
        return any(match["entry"] == iri for match in found)

    assert until(matched, 5)
    page = second.get("/id/practice/remote", headers={"Accept": TURTLE})
    assert "Zebra bus" in page.text
    changed = second.put(
        "/api/entries/practice/remote", data=practice("remote", title="Changed"),
        content_type=TURTLE, headers={"If-Match": page.headers["ETag"]},
    )  # fmt: skip
    assert changed.status_code == 200, changed.text
    late = first.put(
        "/api/entries/practice/remote", data=practice("remote", title="Late"),
        content_type=TURTLE, headers={"If-Match": page.headers["ETag"]},
    )  # fmt: skip
    assert late.status_code == 412
    assert first.delete("/api/entries/practice/remote", headers=ANY).status_code == 204


@pytest.mark.engines
def test_two_services_lose_nothing(clients: list[FlaskClient], copies: list[Runtime]) -> None:
    before = copies[0].store.version()

    def write(number: int) -> int:
        client = clients[number % 2]
        return client.post(
            "/api/entries", data=practice(f"both-{number}"), content_type=TURTLE
        ).status_code

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(write, range(12))) == [201] * 12
    for copy in copies:
        assert until(lambda copy=copy: copy.store.version() == before + 12, 2)  # type: ignore[misc]
        listed = {e.iri for e in copy.store.entries("practice")}
        assert {f"{BASE}id/practice/both-{n}" for n in range(12)} <= listed
        assert len(copy.store.changes_since(before)) == 12


@pytest.mark.engines
def test_the_second_copy_wrote_the_starter_graph_no_second_time(copies: list[Runtime]) -> None:
    dom = copies[1].store.provenance(f"{BASE}id/practice/dom-mladih-split")
    assert dom is not None
    assert (dom.agent, dom.action) == ("starter", "create")


@pytest.mark.engines
def test_an_engine_that_goes_away_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with engines.oxigraph(tmp_path) as address:
        running = runtime(tmp_path / "home", address)
    with running:
        client = create_app(running).test_client()
        assert until(lambda: "SPARQL engine" in client.get("/ready").text, 10)
        for path in ("/ready", "/api/entries", "/sparql?query=ASK{}"):
            answer = client.get(path)
            assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
            assert "The SPARQL engine cannot be reached" in answer.get_json()["detail"]
        assert client.get("/health").status_code == 200


@pytest.mark.slow
def test_a_start_without_the_engine_ends_with_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    variables = {f"PASSERELLE_SPARQL_{name}": url for name in ("QUERY", "UPDATE", "GSP")}
    command = [str(Path(sys.executable).with_name("passerelle")), "serve", "--home", str(tmp_path)]
    found = subprocess.run(
        command, env=variables | {"PORT": "0"}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == "The SPARQL engine cannot be reached: Connection refused.\n"
