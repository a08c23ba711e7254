"""Matches as RDF: the same answer, with the statements and words that it rests on."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from rdflib import PROV, RDF, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from matcher.search import ranking
from service.core.runtime import Runtime
from tests.service.conftest import BASE

PSR = Namespace("https://w3id.org/passerelle/ns#")
CHALLENGE = f"{BASE}id/challenge/rural-mobility-gap"
QUESTIONS: dict[str, dict[str, Any]] = {
    "similar": {"entry": f"{BASE}id/practice/sopotniki-rural-rides"},
    "transfer": {"challenge": CHALLENGE, "territory": "HR035"},
    "partners": {"actor": f"{BASE}id/actor/city-hr-split"},
    "instruments": {"challenge": CHALLENGE, "territory": "HR035"},
    "consortium": {"call": f"{BASE}id/call/esf-si-2023-ncc-01"},
    "groups": {"community": f"{BASE}id/community/none"},
}


def graph(client: FlaskClient, kind: str, accept: str = "text/turtle") -> Graph:
    answer = client.post(f"/api/match/{kind}", json=QUESTIONS[kind], headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    assert answer.content_type.startswith(accept)
    return Graph().parse(data=answer.data, format="turtle")


@pytest.fixture
def community(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask about a community that is there."""
    known = next(runtime.store.entries("community")).iri
    monkeypatch.setitem(QUESTIONS, "groups", {"community": known})


@pytest.mark.parametrize("kind", QUESTIONS)
@pytest.mark.usefixtures("community")
def test_rdf_says_what_the_json_says(client: FlaskClient, kind: str) -> None:
    found = graph(client, kind)
    answer = client.post(f"/api/match/{kind}", json=QUESTIONS[kind]).get_json()
    matches = set(found.subjects(RDF.type, PSR.Match))
    assert len(matches) == len(answer["matches"])
    candidates = {str(found.value(m, PSR.candidate)) for m in matches}
    assert candidates == {m["entry"] for m in answer["matches"]}
    reasons = sum(len(m["reasons"]) for m in answer["matches"])
    assert len(set(found.subjects(RDF.type, PSR.Reason))) == reasons
    cited = {
        (triple[0], triple[1])
        for m in answer["matches"]
        for r in m["reasons"]
        for triple in r["evidence"]
    }
    stated = {
        (f"<{found.value(s, RDF.subject)}>", f"<{found.value(s, RDF.predicate)}>")
        for s in found.subjects(RDF.type, RDF.Statement)
    }
    assert stated == cited


def test_every_statement_stands_in_the_entry_it_comes_from(
    client: FlaskClient, runtime: Runtime
) -> None:
    found = graph(client, "transfer")
    statements = list(found.subjects(RDF.type, RDF.Statement))
    assert statements
    for statement in statements:
        entry = runtime.store.get(str(found.value(statement, PROV.wasDerivedFrom)))
        subject, predicate = (str(found.value(statement, p)) for p in (RDF.subject, RDF.predicate))
        obj = str(found.value(statement, RDF.object))
        assert obj in [v.value for v in entry.values(predicate, subject)]


def test_quotes_are_the_words_of_the_entry(client: FlaskClient, runtime: Runtime) -> None:
    found = graph(client, "similar")
    quotes = list(found.subject_objects(PSR.quote))
    assert quotes
    for reason, quote in quotes:
        statements = list(found.objects(reason, PROV.wasDerivedFrom))
        texts = [str(found.value(s, RDF.object)) for s in statements]
        assert any(str(quote) in " ".join(text.split()) for text in texts)


def test_the_match_names_what_it_was_made_with_and_not_the_question(client: FlaskClient) -> None:
    found = graph(client, "transfer")
    match = next(found.subjects(RDF.type, PSR.Match))
    for prop in (PSR.modelVersion, PSR.dataVersion, PSR.weightsVersion, PSR.fit, PSR.score):
        assert found.value(match, prop) is not None, prop
    assert found.value(match, PSR["query"]) == URIRef(CHALLENGE)
    text = {"text": "zebra words of mine", "territory": "HR"}
    answer = client.post("/api/match/transfer?format=ttl", json=text)
    assert "zebra" not in answer.text


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("transfer", QUESTIONS["transfer"] | {"limit": 50}),
        ("similar", {"text": "quantum chromodynamics on a lattice of gluons"}),
        ("consortium", QUESTIONS["consortium"] | {"rules": {"countries": ["MT"], "seats": 50}}),
    ],
)
def test_what_speaks_against_a_match_is_said(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, kind: str, asked: dict[str, Any]
) -> None:
    monkeypatch.setattr(ranking, "DOUBTFUL", 2.0)
    answer = client.post(f"/api/match/{kind}", json=asked).get_json()
    rdf = client.post(f"/api/match/{kind}?format=ttl", json=asked)
    found = Graph().parse(data=rdf.data, format="turtle")
    (told,) = found.subjects(RDF.type, PROV.Activity)
    assert found.value(told, PSR.abstained) == Literal(answer["abstained"])
    assert _texts(found, told, "warning") == {i["text"] for i in answer.get("infeasible", [])}
    assert answer["abstained"] == (kind != "transfer")
    for match in answer["matches"]:
        (node,) = found.subjects(PSR.candidate, URIRef(match["entry"]))
        assert found.value(node, PSR.abstained) == Literal(answer["abstained"])
        assert str(found.value(node, PSR.textVersion)) == answer["stamp"]["text"]
        gates = {g["criterion"] for g in match.get("gates", []) if g["status"] == "failed"}
        assert _texts(found, node, "failedGate") == gates
        for name in ("warning", "adaptation"):
            assert _texts(found, node, name) == {i["text"] for i in match.get(name + "s", [])}
    if kind == "transfer":
        for prop in (PSR.failedGate, PSR.warning, PSR.adaptation):
            assert set(found.objects(None, prop)), prop


def _texts(found: Graph, node: Node, name: str) -> set[str]:
    return {str(value) for value in found.objects(node, PSR[name])}


def test_formats_are_negotiated(client: FlaskClient) -> None:
    body = QUESTIONS["similar"]
    for given, expected in (
        ({"Accept": "application/json"}, "application/json"),
        ({"Accept": "*/*"}, "application/json"),
        ({"Accept": "application/ld+json"}, "application/ld+json"),
        ({"Accept": "application/n-triples"}, "application/n-triples"),
    ):
        answer = client.post("/api/match/similar", json=body, headers=given)
        assert answer.content_type.startswith(expected)
    assert client.post("/api/match/similar?format=xml", json=body).status_code == 406
