from __future__ import annotations

import re

from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from matcher.kinds import KINDS
from tests.conftest import BASE

PAGES = {"static", "pages", "finding", "contribute", "identity", "partnering", "workspace"}


def test_the_document_is_valid_openapi(client: FlaskClient) -> None:
    found = client.get("/openapi.json").get_json()
    validate(found)
    assert found["openapi"].startswith("3.1")


def test_every_route_is_described_and_nothing_else(app: Flask, client: FlaskClient) -> None:
    described = {
        (path, method)
        for path, methods in client.get("/openapi.json").get_json()["paths"].items()
        for method in methods
    }
    there = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint.partition(".")[0] not in PAGES
    }
    assert described == there


def test_requests_are_described_by_what_checks_them(client: FlaskClient) -> None:
    schemas = client.get("/openapi.json").get_json()["components"]["schemas"]
    for model in (kind.request for kind in KINDS.values()):
        assert set(schemas[model.__name__]["properties"]) == set(model.model_fields)
        assert schemas[model.__name__]["additionalProperties"] is False


def test_every_reference_leads_somewhere(client: FlaskClient) -> None:
    found = client.get("/openapi.json").get_json()

    def references(part: object) -> set[str]:
        if isinstance(part, list):
            return {r for item in part for r in references(item)}
        if not isinstance(part, dict):
            return set()
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own | {r for item in part.values() for r in references(item)}

    names = {r.rsplit("/", 1)[-1] for r in references(found)}
    assert names <= set(found["components"]["schemas"])


def test_the_page_shows_every_operation(client: FlaskClient) -> None:
    page = client.get("/api/docs").text
    for path, methods in client.get("/openapi.json").get_json()["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in page


#: a question of each kind, with everything that an answer may hold
QUESTIONS: dict[str, dict[str, object]] = {
    "similar": {"text": "No bus comes to the village any more."},
    "transfer": {
        "entry": f"{BASE}id/practice/sopotniki-rural-rides",
        "territory": "HR035",
        "limit": 100,
        "what_if": {"budget_per_head": 900.0},
        "why_not": f"{BASE}id/practice/repair-cafe",
    },
    "partners": {"actor": f"{BASE}id/actor/city-hr-split"},
    "instruments": {"text": "A repair café", "territory": "HR035"},
    "consortium": {"call": f"{BASE}id/call/esf-si-2023-ncc-01"},
    "groups": {"community": f"{BASE}id/community/elif"},
}


def test_answers_are_what_the_document_says(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    answers = {
        ("post", f"/api/match/{kind}"): client.post(f"/api/match/{kind}", json=question)
        for kind, question in QUESTIONS.items()
    }
    for path in ("/api/stats", "/api/entries", "/ready", "/health"):
        answers["get", path] = client.get(path)
    answers["post", "/api/validate"] = client.post("/api/validate", content_type="text/turtle")
    assert set(QUESTIONS) == set(KINDS)
    wrong = []
    for (method, path), answer in answers.items():
        assert answer.status_code == 200, (path, answer.text)
        content = document["paths"][path][method]["responses"]["200"]["content"]
        schema = content["application/json"]["schema"]
        known = {"components": document["components"]} | schema
        faults = Draft202012Validator(known).iter_errors(answer.get_json())
        wrong += [(path, fault.json_path, fault.message[:200]) for fault in faults]
        name = schema["$ref"].rpartition("/")[2]
        described = document["components"]["schemas"][name]["properties"]
        wrong += [(path, key, "not described") for key in answer.get_json() if key not in described]
    assert wrong == []


def test_errors_are_what_the_document_says(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    schema = {"components": document["components"], "$ref": "#/components/schemas/ProblemDetails"}
    for kind, body in (("similar", {}), ("groups", {"community": "x"}), ("transfer", {"a": 1})):
        answer = client.post(f"/api/match/{kind}", json=body)
        assert answer.status_code == 422
        assert answer.get_json()["problems"]
        assert [*Draft202012Validator(schema).iter_errors(answer.get_json())] == []
    assert "problems" not in client.get("/api/nothing").get_json()
