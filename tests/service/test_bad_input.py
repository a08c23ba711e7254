"""Whatever is sent: a clear error, and graph and process as they were."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kg.sparql.pool import QueryPool
from kg.sparql.query import Limits
from kg.stores.embedded import EmbeddedStore
from service.core.runtime import Runtime
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
        assert send(client, auth, addresses=[link]).status_code in {400, 422}


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
    for reference in (elsewhere, [elsewhere], {"@import": elsewhere}, {"@vocab": elsewhere}):
        check(send(client, auth, **{"@context": reference}), 422, "@context")
    names = GOOD | {"@context": {"a": elsewhere, "b": {"@id": elsewhere + "b"}}, "a:x": 1, "b": "x"}
    assert client.post("/api/validate", json=names).get_json()["conforms"]
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


DIGITS = ["1" * 5_000, "-" + "1" * 5_000, "1" * 399, "1e400", "-1e400", "1e-400"]
#: where a request takes a number: the body with %s for it, and where it is sent
NUMBERS = [
    ("/api/validate", '{"type": "Practice", "title": {"en": "X"}, "budget": %s}'),
    ("/api/validate", '{"type": "Practice", "title": {"en": "X"}, "durationMonths": %s}'),
    ("/api/validate", '{"type": "Practice", "title": {"en": "X"}, "psr:value": [%s]}'),
    ("/api/validate", '{"type": "Practice", "title": {"en": %s}}'),
    ("/api/validate", '{"type": "Practice", "identifier": {"@value": %s}}'),
    ("/api/validate", '{"type": "Practice", "year": {"@value": %s, "type": "xsd:gYear"}}'),
    ("/api/validate", '{"@context": {"@version": %s}, "type": "Practice"}'),
    ("/api/validate", '{"@context": {"a": %s}, "type": "Practice"}'),
    ("/api/match/similar", '{"text": "bus", "limit": %s}'),
    ("/api/match/similar", '{"text": "bus", "quota": %s, "diversity": "country"}'),
    ("/api/match/instruments", '{"text": "bus", "territory": "HR", "amount": %s}'),
    ("/api/match/instruments", '{"text": "bus", "territory": "HR", "partners": %s}'),
    ("/api/match/transfer", '{"text": "bus", "territory": "HR", "weights": {"P1": %s}}'),
    (
        "/api/match/transfer",
        '{"text": "bus", "territory": "HR", "target": {"budget_per_head": %s}}',
    ),
    ("/api/match/consortium", '{"text": "bus", "rules": {"seats": %s}}'),
    ("/api/match/groups", '{"community": "x", "size": %s}'),
    ("/api/match/feedback", '{"kind": %s}'),
]


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_numbers_of_any_length_are_answered(
    client: FlaskClient, auth: dict[str, str], step: int
) -> None:
    """All numbers in all places, or else two in each place."""
    wrong = []
    for first, digits in enumerate(DIGITS):
        for path, body in NUMBERS[first % step :: step]:
            answer = client.post(path, data=body % digits, content_type="application/json",
                                 headers=auth)  # fmt: skip
            if answer.status_code >= 500:
                wrong.append((path, body % digits[:9], answer.status_code))
        said = f"; psr:durationMonths {digits} ; psr:budget {digits}"
        answer = client.post("/api/validate", data=practice("n", more=said), content_type=TURTLE)
        good = answer.status_code == 200 and answer.get_json()["conforms"]
        if answer.status_code >= 500 or good:
            wrong.append(("turtle", digits[:9], answer.status_code))
        for address in ("/api/entries?limit=", "/api/entries?cursor=", "/api/entries?offset=",
                        "/search?page=", "/id/practice/dom-mladih-split?version="):  # fmt: skip
            if client.get(address + digits).status_code >= 500:
                wrong.append((address, digits[:9], 500))
    assert wrong == []


def test_addresses_of_any_length_are_answered(client: FlaskClient, auth: dict[str, str]) -> None:
    long = "x" * 60_000
    for iri in (f"{BASE}id/practice/{long}", f"http://e.example/{long}", long):
        check(client.get("/api/entries", query_string={"iri": iri}), 404)
        for store in (client.get, client.put, client.delete):
            answer = store("/graph-store", query_string={"graph": iri}, headers=auth)
            check(answer, answer.status_code)
            assert answer.status_code < 500
        check(client.post("/api/match/similar", json={"entry": iri}), 422)
        for field in ("spatial", "source", "url", "adaptedFrom", "subject"):
            check(send(client, auth, **{field: iri}), 422, field)
        for field in ("id", "type"):
            check(send(client, auth, **{field: iri}), 422)
        answer = send(client, auth, **{iri: 1})
        check(answer, 422)
        assert len(answer.text) < 20_000
    for path in ("/id/practice/", "/api/entries/practice/", "/voc/", "/voc/theme/", "/"):
        check(client.get(path + long), 404)
        assert client.get(f"{path}{long}/").status_code in {308, 404}
    for words in ({"format": long}, {"lang": long}):
        assert client.get("/ns", query_string=words).status_code < 500
    assert client.get("/ns", headers={"Accept": long}).status_code == 406


@pytest.mark.parametrize("body", [GOOD, {"text": "an on-call bus"}])
def test_a_byte_order_mark_is_skipped_at_every_door(
    client: FlaskClient, auth: dict[str, str], body: dict[str, Any]
) -> None:
    data = b"\xef\xbb\xbf" + json.dumps(body).encode()
    if "text" in body:
        answer = client.post("/api/match/similar", data=data, content_type="application/json")
        assert answer.status_code == 200
        return
    for media, text in (("application/ld+json", data), (TURTLE, b"\xef\xbb\xbf" + practice("bom"))):
        answer = client.post("/api/validate", data=text, content_type=media)
        assert answer.get_json()["conforms"], answer.text
        # The name of the address differs: it is read, and refused for that alone.
        for address in ("/api/entries/practice/other", "/id/practice/other",
                        f"/graph-store?graph={BASE}id/practice/other"):  # fmt: skip
            answer = client.put(address, data=text, content_type=media, headers=auth)
            check(answer, 422, "id")


def test_what_is_noted_here_is_refused_at_every_door(
    client: FlaskClient, auth: dict[str, str]
) -> None:
    said = "; <http://www.w3.org/ns/prov#wasAttributedTo> <http://e.example/me>"
    data, known = practice("claims", more=said), f"{BASE}id/practice/dom-mladih-split"
    more = f"<{known}> <http://purl.org/dc/terms/creator> 'Me' .".encode()
    new = f"{BASE}id/practice/claims"
    answers = [
        client.post("/api/entries", data=data, content_type=TURTLE, headers=auth),
        client.put("/api/entries/practice/claims", data=data, content_type=TURTLE, headers=auth),
        client.put(f"/graph-store?graph={new}", data=data, content_type=TURTLE, headers=auth),
        client.post("/graph-store", data=data, content_type=TURTLE, headers=auth),
        client.post(f"/graph-store?graph={known}", data=more, content_type=TURTLE, headers=auth),
        client.put("/id/practice/claims", data=data, content_type=TURTLE, headers=auth),
        client.post("/id/practice/dom-mladih-split", data=more, content_type=TURTLE, headers=auth),
        send(client, auth, dataVersion=5),
        send(client, auth, **{"prov:wasGeneratedBy": {"@id": "http://e.example/"}}),
        send(client, auth, title={"english": "A title"}),
        send(client, auth, title={"deu": "Ein Titel"}),
    ]
    for answer in answers:
        check(answer, 422)
        (problem,) = answer.get_json()["problems"]
        assert problem["hint"]
        assert problem["severity"] == "violation"


def test_rdf_of_the_endpoint_itself_is_read(client: FlaskClient) -> None:
    """A whole graph as JSON-LD is an entry; so is what DESCRIBE says, with who and when."""
    name = f"{BASE}id/practice/dom-mladih-split"
    for query in (
        f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{name}> {{ ?s ?p ?o }} }}",
        f"DESCRIBE <{name}>",
    ):
        data = client.get("/sparql", query_string={"query": query, "format": "jsonld"}).data
        answer = client.post("/api/validate", data=data, content_type="application/ld+json")
        assert answer.get_json()["conforms"], answer.text


def test_half_a_character_in_the_name_of_a_context_is_told(client: FlaskClient) -> None:
    body = b'{"@context": {"\\ud800": "http://x/"}, "type": "Practice"}'
    report = client.post("/api/validate", data=body, content_type="application/ld+json")
    check_told = report.get_json()["problems"][0]
    assert report.status_code == 200
    assert check_told["path"].startswith("@context")


@pytest.mark.parametrize(
    "more",
    [
        "a <http://www.w3.org/ns/prov#Activity>",
        "<https://www.w3.org/ns/prov#wasGeneratedBy> <http://e.example/x>",
        "<http://www.w3.org/2002/07/owl#sameAs> <https://e.example/%69d/practice/y>",
        "<http://www.w3.org/2002/07/owl#sameAs> <https://e.example/id%2Fpractice%2Fy>",
        "<http://www.w3.org/2002/07/owl#sameAs> <https://e.example//id//practice/y>",
        "<http://www.w3.org/2002/07/owl#sameAs> <https://e.example/id/./practice/y>",
    ],
)
def test_provenance_is_refused_however_it_is_spelt(
    client: FlaskClient, auth: dict[str, str], more: str
) -> None:
    body = practice("forged", more=f"; {more}")
    check(client.post("/api/entries", data=body, content_type=TURTLE, headers=auth), 422)


def test_a_class_that_is_not_matched_is_refused_and_not_answered_with_nothing(
    client: FlaskClient,
) -> None:
    for kind in ("territory", "transfer", "match"):
        body = {"text": "bread", "filters": {"type": [kind]}}
        check(client.post("/api/match/similar", json=body), 422)
        query = (
            "PREFIX psr: <https://w3id.org/passerelle/ns#>"
            f' SELECT * {{ ?p psr:similarTo ("bread" 3 psr:{kind.title()}) }}'
        )
        answer = client.get("/sparql", query_string={"query": query})
        check(answer, 400)
        assert "psr:Practice" in answer.get_json()["detail"]


def test_a_bad_date_leaves_no_traceback_in_the_log(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    date = "http://www.w3.org/2001/XMLSchema#date"
    body = practice("dated", more=f'; psr:checkedOn "2019-02-31"^^<{date}>')
    report = client.post("/api/validate", data=body, content_type=TURTLE).get_json()
    assert [p["path"] for p in report["problems"] if p["severity"] == "violation"] == [
        "psr:checkedOn"
    ]
    assert "Traceback" not in caplog.text
