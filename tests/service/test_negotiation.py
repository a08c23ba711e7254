from __future__ import annotations

import json
from urllib.parse import quote
from xml.etree import ElementTree

import pyoxigraph as ox
import pytest
from flask import Flask
from flask.testing import FlaskClient
from rdflib import Graph

from kg.vocabulary import VOC, graphs
from tests.service.conftest import ANY, practice

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


#: what programs really send, and what they mean
CLIENTS = {
    # Protégé by way of the OWL API
    "application/rdf+xml, application/xml; q=0.7, text/xml; q=0.6, text/plain; q=0.1, */*; q=0.09":
        "application/rdf+xml",
    # rdflib: parse(url, format=...)
    "application/rdf+xml, */*;q=0.1": "application/rdf+xml",
    "text/n3, */*;q=0.1": "text/turtle",
    "text/turtle, application/x-turtle, */*;q=0.1": "text/turtle",
    "text/plain, */*;q=0.1": "application/n-triples",
    "application/trig, */*;q=0.1": "text/turtle",
    "application/ld+json, application/json;q=0.9, */*;q=0.1": "application/ld+json",
    # Jena
    "text/turtle,application/n-triples;q=0.9,application/ld+json;q=0.8,application/rdf+xml;q=0.7,"
    "application/trig,application/n-quads;q=0.9,*/*;q=0.3": "text/turtle",
    # whoever names RDF wants data, also with a lower weight
    "text/html, application/rdf+xml;q=0.5": "application/rdf+xml",
    "text/html, text/turtle;q=0.1, */*": "application/n-triples",
    "*/*, application/n-triples;q=.2": "text/turtle",
    "application/xml": "application/rdf+xml",
    "text/xml, */*;q=0.1": "application/rdf+xml",
    # of equals the one that is named
    "application/rdf+xml, */*": "application/rdf+xml",
    "application/json, text/plain, */*": "application/json",
    "APPLICATION/RDF+XML": "application/rdf+xml",
    # browsers, and Java's own list, which werkzeug reads in part only
    BROWSER: "text/html",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8":
        "text/html",
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2": "text/html",
    "text/html;q=.9, text/plain;q=.1": "text/html",
    "*": "text/html",
    "image/gif, *; q=.2": "text/html",
}  # fmt: skip


@pytest.mark.parametrize("path", [*DOCUMENTS, "/voc"])
def test_every_client_gets_what_it_reads(client: FlaskClient, path: str) -> None:
    got = {a: str(client.get(path, headers={"Accept": a}).mimetype) for a in CLIENTS}
    wrong = {a: m for a, m in got.items() if m.replace("ld+json", "json") !=
             CLIENTS[a].replace("ld+json", "json")}  # fmt: skip
    assert wrong == {}


@pytest.mark.parametrize("accept", ["*; q=.2", "text/html, *; q=.2, */*; q=.2", "*/*;Q=1."])
def test_weights_without_a_first_or_last_digit_count_everywhere(
    client: FlaskClient, accept: str
) -> None:
    for path in ("/sparql?query=ASK{}", "/api/entries/practice/dom-mladih-split", "/graph-store"
                 "?graph=https://passerelle.example/id/practice/dom-mladih-split"):  # fmt: skip
        assert client.get(path, headers={"Accept": accept}).status_code == 200, path
    page = client.get("/", headers={"Accept": "text/html", "Accept-Language": "de;q=.9, en;q=.2"})
    assert page.headers["Content-Language"] == "de"


NAMED = {
    "text/turtle": "ttl turtle TTL Turtle n3 N3 text/turtle text/n3 application/x-turtle",
    "application/n-triples": "nt NT ntriples n-triples N-Triples application/n-triples",
    "application/ld+json": "jsonld json-ld JSON-LD ld+json json application/ld+json",
    "application/rdf+xml": "rdf rdfxml RDFXML rdf+xml rdf/xml xml owl application/rdf+xml",
}


@pytest.mark.parametrize("path", [*DOCUMENTS, "/voc", "/api/entries/practice/dom-mladih-split"])
def test_formats_have_their_usual_names(client: FlaskClient, path: str) -> None:
    """In an address as people write it: the plus sign stands bare and arrives as a space."""
    wrong = [
        (name, answer.mimetype)
        for media, names in NAMED.items()
        for name in [*names.split(), f"{media};charset=utf-8", media.upper()]
        if (answer := client.get(f"{path}?format={name}")).mimetype
        not in {media, media.replace("ld+json", "json")}
    ]
    assert wrong == []


def test_queries_take_the_same_names(client: FlaskClient) -> None:
    named = {"srj": "json", "srx": "xml", "CSV": "csv", "application/sparql-results+json": "json"}
    for name, media in named.items():
        answer = client.get(f"/sparql?query=ASK{{}}&format={name}")
        assert media in str(answer.mimetype), name
    query = "CONSTRUCT WHERE { ?s ?p ?o } LIMIT 1"
    for name in ("n-triples", "rdf+xml", "OWL", "ttl"):
        answer = client.get(f"/sparql?format={name}&query={quote(query)}")
        assert answer.status_code == 200, name


@pytest.mark.parametrize("path", [*DOCUMENTS, "/voc"])
def test_rdf_xml_says_the_same(client: FlaskClient, path: str) -> None:
    turtle = triples(client.get(f"{path}?format=ttl").data, ox.RdfFormat.TURTLE)
    body = client.get(f"{path}?format=rdf").data
    ElementTree.fromstring(body)
    assert triples(body, ox.RdfFormat.RDF_XML) == turtle
    assert len(Graph().parse(data=body, format="xml")) == len(turtle)


def test_what_there_is_not_names_what_there_is(client: FlaskClient) -> None:
    for path in ("/ns?format=doc", "/search?q=bus&format=json", "/sparql?query=ASK{}&format=doc"):
        answer = client.get(path)
        assert (answer.status_code, answer.mimetype) == (406, "application/problem+json"), path
        assert "(csv)" in answer.text or "(turtle)" in answer.text, path


@pytest.mark.parametrize("name", ["ttl", "TTL", "turtle", "CSV", "csv", "GeoJSON"])
def test_search_takes_names_in_any_case(client: FlaskClient, name: str) -> None:
    answer = client.get("/search", query_string={"q": "bus", "format": name})
    assert answer.status_code == 200
    assert answer.mimetype != "text/html"


def test_schemes_are_listed(client: FlaskClient) -> None:
    page = client.get("/voc", headers={"Accept": BROWSER})
    assert 'href="/voc/theme"' in page.text
    found = triples(client.get("/voc?format=nt").data, ox.RdfFormat.N_TRIPLES)
    names = {name for name, _ in graphs() if name.startswith(VOC)}
    assert {line.split()[0].strip("<>") for line in found} == names


def test_a_slash_after_an_address_leads_to_it(app: Flask, client: FlaskClient) -> None:
    values = {"path": "practice", "slug": "dom-mladih-split", "scheme": "theme", "filename": "x"}
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.rule == "/" or "<path:" in rule.rule:
            continue
        plain = rule.rule
        for name, value in values.items():
            plain = plain.replace(f"<{name}>", value)
        for ending in ("/", "//"):
            answer = client.get(f"{plain}{ending}?a=b%20c&d=%C4%8D+")
            assert (answer.status_code, answer.headers.get("Location")) == (
                308,
                f"{plain}?a=b%20c&d=%C4%8D+",
            ), rule.rule


def test_only_a_known_address_is_led_to(client: FlaskClient) -> None:
    for path in ("/nothing/", "/id/practice/", "/voc/theme/culture/more/", "/api/match/similar/"):
        assert client.get(path).status_code in {404, 405}, path
    answer = client.post("/sparql/", data={"query": "ASK {}"}, follow_redirects=True)
    assert answer.get_json() == {"head": {}, "boolean": True}


def test_a_text_with_separators_of_lines_comes_back_in_every_format(
    client: FlaskClient, auth: dict[str, str]
) -> None:
    """U+2028 and U+0085 are in texts copied from Word; JSON-LD of such an entry was 500."""
    text = "a\u2028b\u2029c\x85d\ufeffe\u0301 \\r\\n \U0001f600 ]]> &amp;"
    data = practice("separators", more=f'; psr:context "{text}"@en').replace(b"\\\\", b"\\")
    path = "/api/entries/practice/separators"
    answer = client.put(path, data=data, content_type="text/turtle", headers=auth)
    assert answer.status_code == 201, answer.text
    context = client.get("/context.jsonld").text
    turtle = triples(client.get(f"{path}?format=ttl").data, ox.RdfFormat.TURTLE)
    assert any("\u2028" in line or "\\u2028" in line for line in turtle)
    assert triples(client.get(path).data, ox.RdfFormat.JSON_LD, context) == turtle
    assert triples(client.get(f"{path}?format=rdf").data, ox.RdfFormat.RDF_XML) == turtle
    assert client.delete(path, headers=auth | ANY).status_code == 204
