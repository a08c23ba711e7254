from __future__ import annotations

import time
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from rdflib import Graph, Namespace, URIRef
from werkzeug.test import TestResponse

from matcher.matcher import Matcher, Nearest
from matcher.question import Question
from service.core.runtime import Runtime
from tests.kg.test_pool import children
from tests.service.conftest import practice, until
from tests.service.protocol_cases import CASES, Case

SELECT = "SELECT ?s { ?s a <https://w3id.org/passerelle/ns#Call> } ORDER BY ?s LIMIT 2"
CONSTRUCT = "CONSTRUCT { ?s a ?t } WHERE { ?s a ?t } LIMIT 2"
RESULTS = "application/sparql-results+json"
VOID = Namespace("http://rdfs.org/ns/void#")
SD = Namespace("http://www.w3.org/ns/sparql-service-description#")
PSR_PRACTICE = URIRef("https://w3id.org/passerelle/ns#Practice")


def get(client: FlaskClient, query: str, accept: str = "*/*", **more: str) -> TestResponse:
    return client.get("/sparql", query_string={"query": query} | more, headers={"Accept": accept})


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.section} {c.says}")
def test_the_protocol(client: FlaskClient, case: Case) -> None:
    answer = client.open("/sparql", **case.sent)
    assert answer.status_code == case.status, answer.text
    assert case.media is None or answer.mimetype == case.media
    assert case.holds in answer.text
    for name, value in case.headers.items():
        assert value in answer.headers[name]


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


def test_a_browser_gets_a_form(client: FlaskClient) -> None:
    page = client.get("/sparql", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert 'name="query"' in page.text


def test_the_answer_says_which_data_it_is_from(client: FlaskClient) -> None:
    assert int(get(client, "ASK {}").headers["Passerelle-Data-Version"]) > 0


# Caches


def test_an_answer_is_kept_until_the_data_change(
    client: FlaskClient, auth: dict[str, str], runtime: Runtime
) -> None:
    first = get(client, SELECT, "text/csv")
    etag = first.headers["ETag"]
    again = client.get("/sparql", query_string={"query": SELECT}, headers={
        "Accept": "text/csv", "If-None-Match": etag})  # fmt: skip
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == etag
    assert get(client, SELECT, RESULTS).headers["ETag"] != etag
    body = practice("a-reason-to-ask-again")
    assert (
        client.post("/api/entries", data=body, content_type="text/turtle", headers=auth).status_code
        == 201
    )
    fresh = client.get("/sparql", query_string={"query": SELECT}, headers={
        "Accept": "text/csv", "If-None-Match": etag})  # fmt: skip
    assert fresh.status_code == 200
    assert until(lambda: get(client, SELECT, "text/csv").headers["ETag"] != etag)


def test_what_changes_by_itself_is_not_kept(client: FlaskClient) -> None:
    answer = get(client, "SELECT (NOW() AS ?now) {}")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers


# What the endpoint says of itself


@pytest.mark.parametrize("accept", ["text/turtle", "application/rdf+xml", "application/ld+json"])
@pytest.mark.parametrize("path", ["/sparql", "/.well-known/void"])
def test_a_machine_gets_a_description(client: FlaskClient, path: str, accept: str) -> None:
    answer = client.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (200, accept)
    graph = Graph().parse(data=answer.data, format=accept)
    assert len(graph) > 40
    known = client.get(path, headers={"Accept": accept, "If-None-Match": answer.headers["ETag"]})
    assert known.status_code == 304


def number(client: FlaskClient, query: str) -> int:
    rows = get(client, query).get_json()["results"]["bindings"]
    return int(rows[0]["n"]["value"])


def test_the_counts_of_the_description_are_true(client: FlaskClient) -> None:
    data = client.get("/.well-known/void", headers={"Accept": "text/turtle"}).data
    graph = Graph().parse(data=data, format="turtle")
    node = URIRef("https://passerelle.example/dataset")
    practices = "SELECT (COUNT(*) AS ?n) { ?s a <https://w3id.org/passerelle/ns#Practice> }"
    counted = {
        "triples": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }",
        "properties": "SELECT (COUNT(DISTINCT ?p) AS ?n) { ?s ?p ?o }",
        "classes": "SELECT (COUNT(DISTINCT ?c) AS ?n) { ?s a ?c }",
    }
    for name, query in counted.items():
        assert int(str(graph.value(node, VOID[name]))) == number(client, query), name
    part = graph.value(predicate=VOID["class"], object=PSR_PRACTICE)
    assert int(str(graph.value(part, VOID["entities"]))) == number(client, practices)


def test_every_graph_that_is_no_entry_is_described(client: FlaskClient) -> None:
    data = client.get("/sparql", headers={"Accept": "text/turtle"}).data
    graph = Graph().parse(data=data, format="turtle")
    query = (
        "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o }"
        " FILTER(!STRSTARTS(STR(?g), 'https://passerelle.example/id/')) }"
    )
    rows = get(client, query).get_json()["results"]["bindings"]
    assert {str(o) for o in graph.objects(None, SD["name"])} == {r["g"]["value"] for r in rows}


# Similarity inside a query


def test_similar_entries_join_and_equal_what_the_api_says(client: FlaskClient) -> None:
    entry = "https://passerelle.example/id/practice/sopotniki-rural-rides"
    body = {"entry": entry, "limit": 12}
    api = client.post("/api/match/similar", json=body).get_json()
    query = (
        "PREFIX psr: <https://w3id.org/passerelle/ns#>"
        f" SELECT ?p ?score {{ (?p ?score) psr:similarTo (<{entry}> 12) . ?p a psr:Practice }}"
        " ORDER BY DESC(?score) ?p"
    )
    answer = get(client, query)
    rows = answer.get_json()["results"]["bindings"]
    found = [(row["p"]["value"], float(row["score"]["value"])) for row in rows]
    assert len(found) == 12
    assert sorted(found) == sorted((m["entry"], m["score"]) for m in api["matches"])
    assert int(answer.headers["Passerelle-Index-Version"]) == api["stamp"]["data"]
    assert answer.headers["Passerelle-Model"] == api["stamp"]["model"]


SOPOTNIKI = "<https://passerelle.example/id/practice/sopotniki-rural-rides>"
PSR = "PREFIX psr: <https://w3id.org/passerelle/ns#> "


def test_a_text_in_a_query_finds_what_the_api_finds(client: FlaskClient) -> None:
    body = {"text": "older people alone in villages", "lang": "en", "limit": 7}
    body["filters"] = {"type": ["actor"]}
    api = client.post("/api/match/similar", json=body).get_json()["matches"]
    query = PSR + f'SELECT * {{ ("{body["text"]}"@en 7 psr:Actor) ^psr:similarTo (?p ?score) }}'
    rows = get(client, query).get_json()["results"]["bindings"]
    found = sorted((row["p"]["value"], float(row["score"]["value"])) for row in rows)
    assert found == sorted((match["entry"], match["score"]) for match in api)
    assert len(found) == 7


def test_matches_are_found_in_the_turn_of_the_query_and_without_reasons(
    client: FlaskClient, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = []
    nearest = Matcher.nearest

    def noted(self: Matcher, question: Question) -> Nearest:
        turns.append(runtime.queries._slots._inside)
        return nearest(self, question)

    def refuse(*_: object) -> None:
        raise AssertionError("reasons were looked for")

    monkeypatch.setattr(Matcher, "nearest", noted)
    monkeypatch.setattr("matcher.questions.similar.reasons", refuse)
    query = PSR + f"SELECT * {{ ?p psr:similarTo {SOPOTNIKI}, 'bread', ('bread'), ('bread' 5) }}"
    assert get(client, query).status_code == 200
    assert turns == [1, 1, 1]
    assert runtime.queries._slots._inside == 0


def test_the_time_for_matches_is_the_time_of_the_query(
    client: FlaskClient, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def slow(self: Matcher, question: Question) -> Nearest:
        asked.append(question)
        now = time.monotonic()
        monkeypatch.setattr("kg.sparql.similar_to.time.monotonic", lambda: now + 60)
        return Nearest((), nothing_good=True, version=1)

    monkeypatch.setattr(Matcher, "nearest", slow)
    query = PSR + "ASK { ?p psr:similarTo 'a', 'b', 'c' }"
    answer = get(client, query)
    assert (answer.status_code, answer.get_json()["limit"]) == (504, "time")
    assert len(asked) == 1


def test_a_query_for_matches_is_kept_until_the_index_changes(client: FlaskClient) -> None:
    for name in ("psr:similarTo", "<https://w3id.org/passerelle/ns#similar\\u0054o>"):
        query = PSR + f"SELECT * {{ ?p {name} {SOPOTNIKI} }}"
        first = get(client, query)
        assert len(first.get_json()["results"]["bindings"]) == 10
        again = client.get("/sparql", query_string={"query": query}, headers={
            "If-None-Match": first.headers["ETag"]})  # fmt: skip
        assert again.status_code == 304


def test_what_cannot_be_asked_of_the_matcher_is_no_error_of_ours(client: FlaskClient) -> None:
    for object_ in (
        f"({SOPOTNIKI} {'9' * 5_001})", f"({SOPOTNIKI} -{'9' * 400})", f"('{'x' * 30_000}')",
        "('' 5)", "(' ')", f"('a'@{'x' * 300})", f"<http://e/{'x' * 60_000}>", "<urn:x:y>",
        "<https://passerelle.example/id/practice/$x>", "<https://passerelle.example/id/practice/>",
        "<https://passerelle.example/id/territory/HR>", "('a' 5 psr:Practice 5)", "?x", "[]",
    ):  # fmt: skip
        answer = get(client, PSR + f"SELECT * {{ ?p psr:similarTo {object_} }}")
        assert answer.status_code in {400, 422}, (object_[:60], answer.text)
        assert answer.mimetype == "application/problem+json"
        assert len(answer.text) < 1_500, object_[:60]


def test_similar_to_what_is_not_there_is_told(client: FlaskClient) -> None:
    query = (
        "SELECT * { ?p <https://w3id.org/passerelle/ns#similarTo>"
        " (<https://passerelle.example/id/practice/nobody>) }"
    )
    answer = get(client, query)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")


# Well-formed whatever the data hold


@pytest.mark.parametrize("text", ["\x01", "\x0b", "\ufffe", "]]>", "\r\n", "<&'\""])
def test_xml_is_well_formed(client: FlaskClient, text: str) -> None:
    escaped = "".join(f"\\u{ord(c):04X}" for c in text if c not in '\r\n"')
    select = get(client, f'SELECT ("a{escaped}b" AS ?x) {{}}', "application/sparql-results+xml")
    assert ElementTree.fromstring(select.data) is not None
    graph = get(client, f'CONSTRUCT {{ <a:a> <a:b> "a{escaped}b" }} {{}}', "application/rdf+xml")
    assert ElementTree.fromstring(graph.data) is not None


def test_a_worker_is_never_lost_for_an_error_that_quotes_the_query(client: FlaskClient) -> None:
    """The engine quotes what it could not write: the name is longer than one read of the pipe."""
    before = children()
    letters = "STR('" + "x" * 4_000 + "')"
    longer = f"CONCAT({', '.join([letters] * 8)})"
    query = f"CONSTRUCT {{ <a:s> ?p 1 }} {{ BIND(IRI(CONCAT('a:/', {longer}, '/')) AS ?p) }}"
    for _ in range(12):
        answer = client.post("/sparql", data={"query": query, "format": "rdfxml"})
        assert answer.status_code == 400, answer.text
        assert len(answer.text) < 600
    assert len(children() - before) <= 1
