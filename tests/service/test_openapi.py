from __future__ import annotations

import re

from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from service.api.requests import REQUESTS

PAGES = {"static", "pages", "finding", "contribute", "partnering", "workspace"}


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
    for model in REQUESTS.values():
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
