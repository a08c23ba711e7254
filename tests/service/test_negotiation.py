from __future__ import annotations

import json

import pyoxigraph as ox
import pytest
from flask.testing import FlaskClient

from kg.vocabulary import VOC, graphs

DOM = "/id/practice/dom-mladih-split"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
DOCUMENTS = [DOM, "/ns", "/voc/theme"]


@pytest.mark.parametrize("path", DOCUMENTS)
@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (BROWSER, "text/html"),
        ("text/turtle", "text/turtle"),
        ("text/turtle;charset=utf-8", "text/turtle"),
        ("application/n-triples", "application/n-triples"),
        ('application/ld+json;profile="http://a/#compacted"', "application/ld+json"),
        ("application/json", "application/json"),
        ("text/html;q=0.2, text/turtle;q=0.9", "text/turtle"),
        ("text/html;q=0, */*", "text/turtle"),
        ("image/png, text/turtle;q=0.1", "text/turtle"),
        ("text/*", "text/html"),
    ],
)  # fmt: skip
def test_accept_is_followed(client: FlaskClient, path: str, accept: str, media: str) -> None:
    answer = client.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (200, media)
    assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize("path", DOCUMENTS)
@pytest.mark.parametrize(
    ("form", "media"),
    [
        ("html", "text/html"),
        ("ttl", "text/turtle"),
        ("turtle", "text/turtle"),
        ("nt", "application/n-triples"),
        ("jsonld", "application/ld+json"),
        ("json-ld", "application/ld+json"),
        ("application/n-triples", "application/n-triples"),
    ],
)
def test_format_goes_before_accept(client: FlaskClient, path: str, form: str, media: str) -> None:
    answer = client.get(path, query_string={"format": form}, headers={"Accept": BROWSER})
    assert answer.mimetype == media


@pytest.mark.parametrize("path", [*DOCUMENTS, f"/api/entries{DOM.removeprefix('/id')}"])
def test_what_there_is_not_is_said(client: FlaskClient, path: str) -> None:
    for answer in (
        client.get(path, headers={"Accept": "image/png"}),
        client.get(f"{path}?format=doc"),
    ):
        assert (answer.status_code, answer.mimetype) == (406, "application/problem+json")
        assert "text/turtle" in answer.get_json()["detail"]


def triples(data: bytes, form: ox.RdfFormat, document: str = "") -> set[str]:
    if document:
        body = json.loads(data)
        body["@context"] = json.loads(document)["@context"]
        data = json.dumps(body).encode()
    return {str(quad.triple) for quad in ox.parse(data, format=form)}


@pytest.mark.parametrize("path", DOCUMENTS)
def test_all_formats_say_the_same(client: FlaskClient, path: str) -> None:
    context = client.get("/context.jsonld").text
    turtle = triples(client.get(f"{path}?format=ttl").data, ox.RdfFormat.TURTLE)
    plain = triples(client.get(f"{path}?format=nt").data, ox.RdfFormat.N_TRIPLES)
    linked = triples(client.get(f"{path}?format=jsonld").data, ox.RdfFormat.JSON_LD, context)
    assert turtle == plain == linked


def test_json_ld_has_our_context_as_an_address_and_nests_the_parts(client: FlaskClient) -> None:
    found = client.get(DOM, headers={"Accept": "application/ld+json"}).get_json()
    assert found["@context"] == "http://127.0.0.1:8000/context.jsonld"
    assert found["type"] == "Practice"
    assert {part["type"] for part in found["hasInvolvement"]} == {"Involvement"}


def test_turtle_has_our_prefixes(client: FlaskClient) -> None:
    text = client.get(f"{DOM}?format=ttl").text
    assert "a psr:Practice" in text
    assert "@prefix psr: <https://w3id.org/passerelle/ns#>" in text


@pytest.mark.parametrize("path", [*DOCUMENTS, "/context.jsonld"])
def test_a_document_is_sent_once(client: FlaskClient, path: str) -> None:
    first = client.get(path, headers={"Accept": "text/turtle, */*;q=0.1"})
    again = client.get(
        path, headers={"Accept": "text/turtle, */*;q=0.1", "If-None-Match": first.headers["ETag"]}
    )
    assert (again.status_code, again.data) == (304, b"")


def test_a_page_is_sent_once_and_dated(client: FlaskClient) -> None:
    first = client.get(DOM, headers={"Accept": BROWSER})
    assert first.headers["Last-Modified"]
    tag = {"If-None-Match": first.headers["ETag"]}
    assert client.get(DOM, headers={"Accept": BROWSER} | tag).status_code == 304
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert client.get(DOM, headers={"Accept": BROWSER} | since).status_code == 200


def test_an_entry_says_when_it_changed(client: FlaskClient) -> None:
    first = client.get(f"{DOM}?format=ttl")
    again = client.get(
        f"{DOM}?format=ttl", headers={"If-Modified-Since": first.headers["Last-Modified"]}
    )
    assert again.status_code == 304
    other = client.get(f"{DOM}?format=nt").headers["ETag"]
    assert other != first.headers["ETag"]


@pytest.mark.parametrize(
    "name",
    [name.rsplit("/", 1)[-1] for name, _ in graphs() if name.startswith(VOC)],
)
def test_every_scheme_is_served(client: FlaskClient, name: str) -> None:
    page = client.get(f"/voc/{name}", headers={"Accept": BROWSER})
    assert page.status_code == 200
    assert VOC + name in page.text


def test_a_concept_leads_to_its_scheme(client: FlaskClient) -> None:
    answer = client.get("/voc/theme/culture?format=ttl")
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        "/voc/theme?format=ttl#culture",
    )
    for path in ("/voc/theme/nothing", "/voc/nothing", "/voc/stage/culture"):
        assert client.get(path).status_code == 404


def test_an_error_is_a_page_for_a_browser_and_a_problem_for_others(client: FlaskClient) -> None:
    page = client.get("/id/practice/none", headers={"Accept": BROWSER})
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "none" in page.text
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "text/turtle"}):
        answer = client.get("/id/practice/none", headers=headers)
        assert answer.mimetype == "application/problem+json"
    answer = client.get("/api/entries/practice/none", headers={"Accept": BROWSER})
    assert answer.mimetype == "application/problem+json"


def test_a_method_that_is_not_there_names_those_that_are(client: FlaskClient) -> None:
    answer = client.delete("/api/stats")
    assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "path", ["/", DOM, "/ns", "/api/stats", "/health", "/ready", "/nothing", "/sparql", "/api/docs"]
)
def test_every_answer_has_the_data_version_and_keeps_browsers_safe(
    client: FlaskClient, path: str
) -> None:
    answer = client.get(path, headers={"Accept": BROWSER})
    assert int(answer.headers["Passerelle-Data-Version"]) > 0
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Referrer-Policy" in answer.headers
    assert " style=" not in answer.text
    assert "<script>" not in answer.text
