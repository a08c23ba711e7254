"""Whatever is sent: a clear error, and graph and process as they were."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kg.pool import QueryPool
from kg.query import Limits
from kg.stores.embedded import EmbeddedStore
from service.runtime import Runtime
from tests.service.conftest import BASE, practice

TURTLE = "text/turtle"
GOOD: dict[str, Any] = {
    "id": f"{BASE}id/practice/bad",
    "type": "Practice",
    "title": {"en": "A title"},
    "problem": {"en": "A problem that people have in a place that is far away."},
    "solution": {"en": "A solution that people have found in a place that is far away."},
    "spatial": [f"{BASE}id/territory/HR035"],
}


@pytest.fixture(autouse=True)
def unchanged(runtime: Runtime) -> Iterator[None]:
    """Whatever these tests send, nothing is written."""
    version = runtime.store.version()
    yield
    assert runtime.store.version() == version


def send(client: FlaskClient, auth: dict[str, str], **changed: object) -> TestResponse:
    body = json.dumps(GOOD | changed)
    return client.post("/api/entries", data=body, content_type="application/ld+json", headers=auth)


def check(answer: TestResponse, status: int, path: str = "") -> None:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert set(answer.get_json()) >= {"type", "title", "status", "detail"}
    assert answer.get_json()["status"] == status
    assert "Traceback" not in answer.text
    if path:
        assert any(path in p["path"] for p in answer.get_json()["problems"]), answer.text


def test_the_good_entry_would_be_accepted(client: FlaskClient) -> None:
    answer = client.post("/api/validate", json=GOOD)
    assert answer.get_json()["conforms"], answer.text


def test_a_link_may_hold_what_our_own_queries_are_made_of(
    client: FlaskClient, auth: dict[str, str]
) -> None:
    for name in ("$x", "$iris", "$iri$iris", "a$", "$$", "%24x", "?iri", "\\1", "{x}", "x>y"):
        for link in (f"{BASE}id/challenge/{name}", f"https://w3id.org/passerelle/voc/theme/{name}"):
            for field in ("addresses", "subject", "spatial"):
                body = GOOD | {field: [link]}
                answer = client.post("/api/validate", json=body)
                assert answer.status_code in {200, 400, 422}, (field, link, answer.text)
                assert not answer.get_json().get("conforms"), (field, link)
                assert send(client, auth, **{field: [link]}).status_code in {400, 422}


def test_a_body_of_50_megabytes(client: FlaskClient, auth: dict[str, str]) -> None:
    body = b" " * 50 * 1024**2
    for path in ("/api/entries", "/api/validate", "/api/match/similar", "/sparql"):
        check(client.post(path, data=body, content_type="application/json", headers=auth), 413)


def test_an_entry_over_one_megabyte(client: FlaskClient, auth: dict[str, str]) -> None:
    body = practice("bad") + b"#" * 1024**2
    check(client.post("/api/entries", data=body, content_type=TURTLE, headers=auth), 413)


@pytest.mark.parametrize("depth", [100, 100_000])
def test_deep_json(client: FlaskClient, auth: dict[str, str], depth: int) -> None:
    body = '{"a":' * depth + "1" + "}" * depth
    media = "application/json"
    check(client.post("/api/entries", data=body, content_type=media, headers=auth), 400)
    answer = client.post("/api/match/similar", data=body, content_type=media)
    check(answer, 400 if depth > 1000 else 422)


def test_deep_turtle(client: FlaskClient, auth: dict[str, str]) -> None:
    body = practice("bad", more="; dct:subject " + "[ dct:subject " * 500 + "1" + "]" * 500)
    check(client.post("/api/entries", data=body, content_type=TURTLE, headers=auth), 400)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server that nobody may call; checked at the end."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        found.setblocking(False)
        yield found
        with pytest.raises(BlockingIOError):
            found.accept()


@pytest.fixture
def elsewhere(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_a_remote_context_is_not_fetched(
    client: FlaskClient, auth: dict[str, str], elsewhere: str
) -> None:
    for reference in (elsewhere, [elsewhere], {"@import": elsewhere}, {"a": elsewhere}):
        check(send(client, auth, **{"@context": reference}), 422, "@context")
    nested = {"@context": elsewhere, "description": {"en": "x"}}
    check(send(client, auth, hasOutcome=[nested]), 422, "@context")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * {{ SERVICE <{url}> {{ ?s ?p ?o }} }}",
        "SELECT * {{ SERVICE SILENT <{url}> {{ ?s ?p ?o }} }}",
        "SELECT * {{ s\\u0065rvice <{url}> {{ ?s ?p ?o }} }}",
        "LOAD <{url}>",
        "INSERT DATA {{ <{url}> <{url}> 1 }}",
        "DROP ALL",
    ],
)
def test_the_endpoint_only_reads_and_reaches_nothing(
    client: FlaskClient, elsewhere: str, query: str
) -> None:
    text = query.format(url=elsewhere)
    check(client.get("/sparql", query_string={"query": text}), 403)
    check(client.post("/sparql", data={"query": text}), 403)
    check(client.post("/sparql", data=text, content_type="application/sparql-query"), 403)


def test_from_fetches_nothing(client: FlaskClient, elsewhere: str) -> None:
    text = f"SELECT * FROM <{elsewhere}> {{ ?s ?p ?o }}"
    assert client.get("/sparql", query_string={"query": text}).status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "over/there"),
        ("url", "javascript:alert(1)"),
        ("url", "data:text/html,x"),
    ],
)
def test_a_relative_or_dangerous_address(
    client: FlaskClient, auth: dict[str, str], field: str, value: object
) -> None:
    answer = send(client, auth, **{field: value})
    assert answer.status_code in {400, 422}
    check(answer, answer.status_code, "url" if answer.status_code == 422 else "")


def test_half_a_character(client: FlaskClient, auth: dict[str, str]) -> None:
    check(send(client, auth, title={"en": "half \ud83d"}), 422, "title")
    body = {"text": "half \ud83d"}
    check(client.post("/api/match/similar", json=body), 422, "text")
    check(client.get("/sparql", query_string={"query": "ASK { ?s ?p '\\uD83D' }"}), 400)


def test_a_date_that_does_not_exist(client: FlaskClient, auth: dict[str, str]) -> None:
    check(send(client, auth, checkedOn="31.02.2019"), 422, "checkedOn")
    check(send(client, auth, checkedOn="2019-02-31"), 422, "checkedOn")


def test_a_territory_that_does_not_exist(client: FlaskClient, auth: dict[str, str]) -> None:
    check(send(client, auth, spatial=[f"{BASE}id/territory/ZZ999"]), 422, "spatial")
    body = {"text": "a bus on call", "territory": "ZZ999"}
    check(client.post("/api/match/transfer", json=body), 422, "territory")


def test_a_title_without_a_language(client: FlaskClient, auth: dict[str, str]) -> None:
    check(send(client, auth, title="In no language"), 422, "title")


def test_an_actor_linked_as_a_practice(client: FlaskClient, auth: dict[str, str]) -> None:
    actor = f"{BASE}id/actor/platforma-doma-mladih"
    check(send(client, auth, adaptedFrom=[actor]), 422, "adaptedFrom")


def test_not_a_number(client: FlaskClient, auth: dict[str, str]) -> None:
    check(send(client, auth, budget=float("nan")), 400)
    body = '{"text": "x", "territory": "HR", "target": {"budget_per_head": Infinity}}'
    answer = client.post("/api/match/transfer", data=body, content_type="application/json")
    check(answer, 400)


@pytest.mark.parametrize("brackets", ["{}", "()"])
def test_3000_brackets(client: FlaskClient, brackets: str) -> None:
    query = f"SELECT * {{ {brackets[0] * 3000} {brackets[1] * 3000} }}"
    check(client.post("/sparql", data={"query": query}), 400)
    assert client.get("/health").status_code == 200


def test_a_query_over_64_kilobytes(client: FlaskClient) -> None:
    check(client.post("/sparql", data={"query": "ASK {} #" + "x" * 64 * 1024}), 413)


@pytest.fixture
def hasty(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Short limits for queries."""
    limits = Limits(seconds=0.5, rows=100, bytes=10_000)
    assert isinstance(runtime.store, EmbeddedStore)
    pool = QueryPool(runtime.store, tmp_path_factory.mktemp("hasty") / "snapshots", limits)
    monkeypatch.setattr(runtime, "queries", pool)
    yield
    pool.close()


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("query", "limit"),
    [
        ("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }", "time"),
        ("SELECT (1 AS ?n) { ?s ?p ?o } LIMIT 101", "rows"),
        ("CONSTRUCT WHERE { ?s ?p ?o }", "rows"),
        ("SELECT ?o { ?s <https://w3id.org/passerelle/ns#problem> ?o } LIMIT 50", "bytes"),
    ],
)
def test_a_limit_is_named(client: FlaskClient, query: str, limit: str) -> None:
    answer = client.get("/sparql", query_string={"query": query})
    check(answer, 504)
    assert answer.get_json()["limit"] == limit
    assert client.get("/sparql", query_string={"query": "ASK {}"}).status_code == 200


@pytest.mark.parametrize("media", ["application/xml", "application/rdf+xml", "text/plain", ""])
def test_another_media_type(client: FlaskClient, auth: dict[str, str], media: str) -> None:
    for path in ("/api/entries", "/api/validate", "/api/match/similar", "/sparql"):
        check(client.post(path, data=b"<x/>", content_type=media, headers=auth), 415)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"null"])
def test_json_that_is_no_object(client: FlaskClient, body: bytes) -> None:
    for path in ("/api/validate", "/api/match/partners"):
        check(client.post(path, data=body, content_type="application/json"), 400)


@pytest.mark.parametrize("body", [b"<a", b"@prefix : <x", b"\xff"])
def test_turtle_that_cannot_be_read(client: FlaskClient, body: bytes) -> None:
    check(client.post("/api/validate", data=body, content_type=TURTLE), 400)
