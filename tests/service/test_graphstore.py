"""The Graph Store Protocol: the graph is the entry, and the guard is the API's."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from rdflib import Graph

from kg.vocabulary import ONTOLOGY, VOC
from service.core.runtime import Runtime
from tests.service.conftest import ANY, BASE, practice, until

TURTLE = "text/turtle"
STORE = "/graph-store"


def named(slug: str) -> dict[str, str]:
    return {"graph": f"{BASE}id/practice/{slug}"}


@pytest.mark.parametrize("direct", [False, True])
def test_a_graph_is_put_read_extended_and_deleted(
    client: FlaskClient, auth: dict[str, str], direct: bool
) -> None:
    slug = f"gsp-{direct}".lower()
    place = (
        {"path": f"/id/practice/{slug}"} if direct else {"path": STORE, "query_string": named(slug)}
    )
    made = client.put(data=practice(slug), content_type=TURTLE, headers=auth, **place)
    assert (made.status_code, made.get_json()["entry"]) == (201, named(slug)["graph"]), made.text
    assert client.put(
        data=practice(slug, title="A second title"), content_type=TURTLE, headers=auth | ANY,
        **place
    ).status_code == 200  # fmt: skip
    read = client.get(headers={"Accept": "application/n-triples"}, **place)
    assert (read.status_code, read.mimetype) == (200, "application/n-triples")
    assert "A second title" in read.text
    assert client.head(headers={"Accept": TURTLE}, **place).status_code == 200
    more = f'<{named(slug)["graph"]}> <http://purl.org/dc/terms/title> "Drugi naslov"@hr .'
    added = client.post(data=more, content_type=TURTLE, headers=auth, **place)
    assert added.status_code == 200, added.text
    titles = client.get(headers={"Accept": TURTLE}, **place).text
    assert "A second title" in titles
    assert "Drugi naslov" in titles
    assert client.delete(headers=auth | ANY, **place).status_code == 204
    assert client.get(headers={"Accept": TURTLE}, **place).status_code == 410


def test_a_graph_is_what_sparql_sees(client: FlaskClient, auth: dict[str, str]) -> None:
    client.put(STORE, query_string=named("gsp-seen"), data=practice("gsp-seen"),
               content_type=TURTLE, headers=auth)  # fmt: skip
    query = f"ASK {{ GRAPH <{named('gsp-seen')['graph']}> {{ ?s ?p ?o }} }}"
    ask = {"query": query, "format": "json"}
    assert until(lambda: client.get("/sparql", query_string=ask).get_json()["boolean"], 2)


def test_post_without_a_graph_makes_a_new_entry(client: FlaskClient, auth: dict[str, str]) -> None:
    made = client.post(STORE, data=practice("gsp-new"), content_type=TURTLE, headers=auth)
    assert made.status_code == 201
    assert made.headers["Location"].endswith("/practice/gsp-new")
    again = client.post(STORE, data=practice("gsp-new"), content_type=TURTLE, headers=auth)
    assert again.status_code == 409


def test_post_to_a_graph_that_is_not_there_makes_it(
    client: FlaskClient, auth: dict[str, str]
) -> None:
    made = client.post(STORE, query_string=named("gsp-added"), data=practice("gsp-added"),
                       content_type=TURTLE, headers=auth)  # fmt: skip
    assert made.status_code == 201


def test_what_does_not_conform_is_reported_and_not_stored(
    client: FlaskClient, auth: dict[str, str], runtime: Runtime
) -> None:
    client.put(STORE, query_string=named("gsp-kept"), data=practice("gsp-kept"),
               content_type=TURTLE, headers=auth)  # fmt: skip
    version = runtime.store.version()
    node = f"<{named('gsp-kept')['graph']}>"
    bad = f"{node} <http://purl.org/dc/terms/spatial> <{BASE}id/territory/ZZ999> ."
    for send in (client.post, client.put):
        answer = send(STORE, query_string=named("gsp-kept"), data=bad, content_type=TURTLE,
                      headers=auth | ANY)  # fmt: skip
        assert answer.status_code == 422, answer.text
        assert answer.get_json()["problems"]
    assert runtime.store.version() == version


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_writing_needs_a_token(client: FlaskClient, method: str) -> None:
    for address in (f"{STORE}?graph={BASE}id/practice/x", "/id/practice/x"):
        wrong = {"Authorization": "Bearer wrong"}
        assert client.open(address, method=method).status_code == 401
        assert client.open(address, method=method, headers=wrong).status_code == 401


@pytest.mark.parametrize(
    "graph", [ONTOLOGY, f"{BASE}graph/provenance", "http://elsewhere.example/"]
)
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_only_entries_are_written(
    client: FlaskClient, auth: dict[str, str], method: str, graph: str
) -> None:
    answer = client.open(STORE, method=method, query_string={"graph": graph}, headers=auth,
                         data=practice("x"), content_type=TURTLE)  # fmt: skip
    assert answer.status_code == 403
    default = client.open(f"{STORE}?default", method=method, headers=auth)
    assert default.status_code == 403


def test_if_match_and_if_none_match(client: FlaskClient, auth: dict[str, str]) -> None:
    where: dict[str, Any] = {"query_string": named("gsp-match"), "content_type": TURTLE}
    only_new = auth | {"If-None-Match": "*"}
    body = practice("gsp-match")
    assert client.put(STORE, data=body, headers=only_new, **where).status_code == 201
    assert client.put(STORE, data=body, headers=only_new, **where).status_code == 412
    etag = client.get(STORE, query_string=named("gsp-match")).headers["ETag"]
    changed = practice("gsp-match", title="Changed")
    assert (
        client.put(STORE, data=changed, headers=auth | {"If-Match": etag}, **where).status_code
        == 200
    )
    assert (
        client.post(STORE, data=body, headers=auth | {"If-Match": etag}, **where).status_code == 412
    )
    assert client.delete(STORE, headers=auth | {"If-Match": etag}, **where).status_code == 412


@pytest.mark.parametrize(
    "graph", [ONTOLOGY, VOC + "theme", f"{BASE}graph/provenance", f"{BASE}id/territory/HR"]
)
@pytest.mark.parametrize("accept", ["text/turtle", "application/rdf+xml"])
def test_every_named_graph_can_be_read(client: FlaskClient, graph: str, accept: str) -> None:
    answer = client.get(STORE, query_string={"graph": graph}, headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (200, accept), answer.text
    assert len(Graph().parse(data=answer.data, format=accept)) > 3


def test_the_default_graph_is_all_of_them(client: FlaskClient) -> None:
    query = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
    rows = client.get("/sparql", query_string={"query": query}).get_json()["results"]["bindings"]
    answer = client.get(f"{STORE}?default", headers={"Accept": "application/n-triples"})
    assert len(answer.data.splitlines()) == int(rows[0]["n"]["value"])


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 400), ("?graph=a&default", 400), ("?graph=a&graph=b", 400), ("?graph=no%20iri", 400),
     ("?graph=http://nowhere.example/", 404), (f"?graph={BASE}id/practice/nobody", 404),
     (f"?graph={BASE}id/nothing/x", 404), ("?default&format=pdf", 406)],
)  # fmt: skip
def test_what_cannot_be_read_is_told(client: FlaskClient, query: str, status: int) -> None:
    answer = client.get(STORE + query, headers={"Accept": "application/json;q=0.5, */*;q=0.1"})
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


@pytest.mark.parametrize("media", ["application/rdf+xml", "multipart/form-data", "text/plain", ""])
def test_other_media_types_are_not_read(
    client: FlaskClient, auth: dict[str, str], media: str
) -> None:
    answer = client.put(
        STORE, query_string=named("x"), data=b"<x/>", content_type=media, headers=auth
    )
    assert answer.status_code == 415
    assert client.patch(STORE, query_string=named("x")).status_code == 405


def test_pages_of_other_sites_may_read_and_write_with_a_token(client: FlaskClient) -> None:
    answer = client.options(STORE)
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
