from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

SELECT = "SELECT ?s { ?s a <https://w3id.org/passerelle/ns#Call> } ORDER BY ?s LIMIT 2"
CONSTRUCT = "CONSTRUCT { ?s a ?t } WHERE { ?s a ?t } LIMIT 2"
RESULTS = "application/sparql-results+json"


def get(client: FlaskClient, query: str, accept: str = "*/*", **more: str) -> TestResponse:
    return client.get("/sparql", query_string={"query": query} | more, headers={"Accept": accept})


@pytest.mark.parametrize(
    ("query", "accept", "media"),
    [
        (SELECT, "*/*", RESULTS),
        (SELECT, "application/sparql-results+xml", "application/sparql-results+xml"),
        (SELECT, "text/csv", "text/csv"),
        (SELECT, "text/tab-separated-values", "text/tab-separated-values"),
        (SELECT, "application/json", "application/json"),
        (SELECT, "text/html,application/xml;q=0.9,*/*;q=0.8", "application/xml"),
        ("ASK {}", "application/sparql-results+xml", "application/sparql-results+xml"),
        (CONSTRUCT, "*/*", "text/turtle"),
        (CONSTRUCT, "application/n-triples", "application/n-triples"),
        (CONSTRUCT, "application/ld+json", "application/ld+json"),
        (CONSTRUCT, "application/rdf+xml", "application/rdf+xml"),
        (CONSTRUCT, f"{RESULTS}, text/turtle;q=0.5", "text/turtle"),
        ("DESCRIBE <https://w3id.org/passerelle/voc/theme>", "*/*", "text/turtle"),
    ],
)
def test_the_format_follows_the_form_of_the_query(
    client: FlaskClient, query: str, accept: str, media: str
) -> None:
    answer = get(client, query, accept)
    assert (answer.status_code, answer.mimetype) == (200, media), answer.text


@pytest.mark.parametrize(
    ("query", "form", "media"),
    [
        (SELECT, "json", RESULTS),
        (SELECT, "csv", "text/csv"),
        (SELECT, "xml", "application/sparql-results+xml"),
        (CONSTRUCT, "json", "application/ld+json"),
        (CONSTRUCT, "rdf+xml", "application/rdf+xml"),
        (CONSTRUCT, "xml", "application/rdf+xml"),
    ],
)
def test_the_format_can_be_named(client: FlaskClient, query: str, form: str, media: str) -> None:
    assert get(client, query, format=form).mimetype == media
    assert client.post("/sparql", data={"query": query, "format": form}).mimetype == media


def test_all_ways_of_the_protocol_give_the_same(client: FlaskClient) -> None:
    wanted = get(client, SELECT, RESULTS).get_json()
    assert len(wanted["results"]["bindings"]) == 2
    assert client.post("/sparql", data={"query": SELECT}).get_json() == wanted
    direct = client.post("/sparql", data=SELECT, content_type="application/sparql-query")
    assert direct.get_json() == wanted


def test_the_union_has_entries_provenance_ontology_and_schemes(client: FlaskClient) -> None:
    for pattern in (
        "?s a psr:Practice",
        "?s a prov:Activity",
        "psr:Practice a owl:Class",
        "?s a skos:ConceptScheme",
        "GRAPH ?s { ?s a psr:Practice }",
    ):
        query = (
            "PREFIX psr: <https://w3id.org/passerelle/ns#> PREFIX prov: <http://www.w3.org/ns/prov#>"
            " PREFIX owl: <http://www.w3.org/2002/07/owl#>"
            f" PREFIX skos: <http://www.w3.org/2004/02/skos/core#> ASK {{ {pattern} }}"
        )
        assert get(client, query).get_json()["boolean"], pattern


@pytest.mark.parametrize("query", ["", "SELEC", "SELECT * {", "SELECT ?x { ?x }", "'"])
def test_what_cannot_be_read_is_never_a_200(client: FlaskClient, query: str) -> None:
    answer = get(client, query)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")


@pytest.mark.parametrize("name", ["default-graph-uri", "named-graph-uri"])
def test_a_dataset_of_the_protocol_is_not_supported_yet(client: FlaskClient, name: str) -> None:
    answer = get(client, SELECT, **{name: "http://example.org/"})
    assert answer.status_code == 400
    assert "not supported yet" in answer.get_json()["detail"]


def test_two_queries_and_updates_are_refused(client: FlaskClient) -> None:
    assert client.get("/sparql?query=ASK{}&query=ASK{}").status_code == 400
    assert client.post("/sparql", data={"update": "DROP ALL"}).status_code == 403
    update = client.post("/sparql", data="DROP ALL", content_type="application/sparql-update")
    assert update.status_code == 403


def test_not_utf_8(client: FlaskClient) -> None:
    answer = client.post("/sparql", data=b"ASK {} #\xff", content_type="application/sparql-query")
    assert answer.status_code == 400


def test_no_format_that_fits(client: FlaskClient) -> None:
    assert get(client, SELECT, "text/turtle").status_code == 406
    assert get(client, CONSTRUCT, "text/csv").status_code == 406


def test_a_browser_gets_a_form(client: FlaskClient) -> None:
    page = client.get("/sparql", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert 'name="query"' in page.text


def test_other_sites_may_ask(client: FlaskClient) -> None:
    assert get(client, "ASK {}").headers["Access-Control-Allow-Origin"] == "*"
    assert get(client, "SELEC").headers["Access-Control-Allow-Origin"] == "*"
    preflight = client.options("/sparql")
    assert preflight.status_code == 200
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    head = client.head("/sparql", query_string={"query": "ASK {}"})
    assert (head.status_code, head.data) == (200, b"")


def test_the_answer_says_which_data_it_is_from(client: FlaskClient) -> None:
    assert int(get(client, "ASK {}").headers["Passerelle-Data-Version"]) > 0
