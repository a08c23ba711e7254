"""The OpenAPI 3.1 description of every path, and a page to read it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from inspect import getdoc
from typing import Any, get_type_hints

from flask import Blueprint, Response, render_template
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from kg.vocabulary import CLASSES
from matcher.kinds import KINDS, Kind
from service.api.entries import EntryList, ShapesReport, State, Stats
from service.api.matches import Counted
from service.api.requests import FeedbackRequest
from service.api.writes import Stored
from service.http.errors import ProblemDetails
from service.http.login import COOKIE
from service.http.negotiation import DATA, GRAPH, MATCHES, PAGE, RDF, TABLE, Offers
from service.http.responses import as_json, document

documentation = Blueprint("documentation", __name__)
Json = dict[str, Any]
_REF = "#/components/schemas/{model}"
_FORMAT: Json = {
    "name": "format", "in": "query", "description": "Goes before the Accept header.",
    "schema": {"type": "string", "enum": sorted(set(MATCHES.values()))},
}  # fmt: skip
#: what is answered in JSON besides matches
ANSWERS = (Counted, Stored, EntryList, ShapesReport, Stats, State, ProblemDetails)
ERRORS = {
    400: "The request cannot be read",
    401: "No token was sent, or one that is not known",
    403: "This is not done here, or not from another site",
    404: "There is no such thing",
    406: "There is no such format",
    409: "There is such an entry already, or others link to it",
    412: "The entry changed since",
    413: "Too large",
    415: "A body of this type is not read",
    422: "Understood and refused; “problems” says why, field by field",
    429: "Too many requests; see Retry-After",
    503: "Not ready, or too busy; see Retry-After",
    504: "A limit was hit; “limit” says which",
}
_STORED = {200: "Stored", 201: "Created"}
_TOKEN: list[dict[str, list[str]]] = [{"token": []}]


@documentation.get("/openapi.json")
def openapi() -> Response:
    """The description as JSON."""
    return as_json(describe())


@documentation.get("/api/docs")
def docs() -> Response:
    """The description as a page."""
    return document(
        render_template("docs.html", api=describe(), operations=operations()), "text/html"
    )


def operations() -> Iterator[tuple[str, str, Json]]:
    """Yield method, path and description of every operation."""
    for path, methods in _paths().items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def describe() -> Json:
    """Make the whole OpenAPI document."""
    kinds: dict[JsonSchemaMode, tuple[type, ...]] = {
        "validation": (*(kind.request for kind in KINDS.values()), FeedbackRequest),
        "serialization": (*(_answer_of(kind) for kind in KINDS.values()), *ANSWERS),
    }
    adapters: list[tuple[type, JsonSchemaMode, TypeAdapter[Any]]]
    adapters = [(kind, mode, TypeAdapter(kind)) for mode in kinds for kind in kinds[mode]]
    _, schemas = TypeAdapter.json_schemas(adapters, ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Passerelle",
            "version": version("passerelle"),
            "description": "Social innovation practices in Europe: what could be carried over from"
            " there to here, and with whom. Every answer carries Passerelle-Data-Version. Texts for"
            " people follow Accept-Language (Content-Language says which language they are in);"
            " “lang” of a match request is the language of its text.",
            "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        },
        "servers": [{"url": "/"}],
        "paths": _paths(),
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }


def _paths() -> Json:
    return _entry_paths() | _match_paths() | _query_paths() | _document_paths()


def _entry_paths() -> Json:
    named = [_in_path("path", sorted(CLASSES)), _in_path("slug")]
    iri = [_query("iri", "The IRI of one entry.")]
    listing = [
        _query("type", "A class.", {"type": "string", "enum": list(CLASSES)}),
        _query("country", "An ISO 3166 code of two letters."),
        _query("territory", "A NUTS 2021 code, or an ISO code of a country."),
        _query("theme", "A slug of the scheme “theme”."),
        _query("q", "Words of the title."),
        _query("limit", "Rows a page.", {"type": "integer", "minimum": 1, "maximum": 200}),
        _query("cursor", "What the page before gave as “next”."),
        _query("lang", "The language of the titles, where there is a choice."),
        *iri,
    ]
    match = {"name": "If-Match", "in": "header", "schema": {"type": "string"}}
    return {
        "/api/entries": {
            "get": _operation(
                "List entries, or read one by ?iri=", "Entries", listing, {}, EntryList
            ),
            "post": _write("Store a new entry", [], {201: "Created"}, [409]),
            "put": _write("Replace the entry of ?iri=", [*iri, match], _STORED, [404, 412]),
            "delete": _delete("Delete the entry of ?iri=", [*iri, match]),
        },
        "/api/entries/{path}/{slug}": {
            "get": _document("Read one entry", "Entries", DATA, named),
            "put": _write("Replace or create an entry", [*named, match], _STORED, [404, 412]),
            "delete": _delete("Delete an entry that no other links to", [*named, match]),
        },
        "/api/validate": {
            "post": _operation(
                "Check an entry without storing it", "Entries", [], _rdf_body(), ShapesReport
            ),
        },
    }


def _match_paths() -> Json:
    paths: Json = {}
    for name, kind in KINDS.items():
        body, answer = _json_body(kind.request), _answer_of(kind)
        match = _operation(kind.title, "Matches", [_FORMAT], body, answer, 406)
        match["responses"]["200"]["content"] |= {
            media: {"schema": {}} for media in MATCHES if "json" not in media
        }
        paths[f"/api/match/{name}"] = {"post": match}
    title = "Tell what became of a suggestion"
    feedback = _operation(title, "Matches", [], _json_body(FeedbackRequest), Counted, 401, 403)
    feedback["responses"]["201"] = _answer(Stored)
    feedback["security"] = [*_TOKEN, {"session": []}]
    return paths | {"/api/match/feedback": {"post": feedback}}


def _query_paths() -> Json:
    errors = [403, 406, 413, 415, 503, 504]
    form = {"type": "object", "required": ["query"], "properties": {"query": {"type": "string"}}}
    graph = [
        _query("graph", "The IRI of an entry; to read, of any graph."),
        _query("default", "Instead of ?graph=: all graphs. Only to read."),
    ]
    body = {
        "content": {
            "application/x-www-form-urlencoded": {"schema": form},
            "application/sparql-query": {"schema": {"type": "string"}},
        }
    }
    offers = dict(TABLE) | dict(GRAPH)
    parameters = [
        _query("query", "SELECT, ASK, CONSTRUCT or DESCRIBE; at most 64 KiB."),
        _query("default-graph-uri", "A graph to ask instead of all; may come more than once."),
        _query("named-graph-uri", "A graph that GRAPH may name; may come more than once."),
    ]
    return {
        "/sparql": {
            "get": _document(
                "Run a query, or describe the service", "SPARQL", offers, parameters, errors
            ),
            "post": _document("Run a query", "SPARQL", offers, [], errors) | {"requestBody": body},
        },
        "/.well-known/void": {"get": _document("What the data are", "SPARQL", GRAPH, [])},
        "/graph-store": {
            "get": _document("Read a graph", "Graph store", GRAPH, graph, [404, 406, 504]),
            "put": _write("Replace or create an entry", graph, _STORED, [404, 412]),
            "post": _write("Add statements to an entry", graph, _STORED, [404, 409, 412]),
            "delete": _delete("Delete an entry", graph),
        },
    }


def _document_paths() -> Json:
    entry = [_in_path("path", sorted(CLASSES)), _in_path("slug")]
    scheme = [_in_path("scheme")]
    html: Offers = {"text/html": "html"}
    moved = {"303": {"description": "The scheme that the concept is in"}}
    concept = _document("A concept of a scheme", "Documents", PAGE, [*scheme, _in_path("slug")])
    return {
        "/id/{path}/{slug}": {
            "get": _document("An entry", "Documents", PAGE, entry),
            "put": _write("Replace or create an entry", entry, _STORED, [404, 412]),
            "post": _write("Add statements to an entry", entry, _STORED, [404, 412]),
            "delete": _delete("Delete an entry that no other links to", entry),
        },
        "/ns": {"get": _document("The ontology", "Documents", PAGE, [])},
        "/context.jsonld": {
            "get": _document("The JSON-LD context", "Documents", {"application/ld+json": ""}, [])
        },
        "/voc": {"get": _document("The concept schemes", "Documents", PAGE, [])},
        "/voc/{scheme}": {"get": _document("A concept scheme", "Documents", PAGE, scheme)},
        "/voc/{scheme}/{slug}": {"get": concept | {"responses": moved | _errors([404])}},
        "/api/stats": {"get": _operation("Numbers of the graph", "State", [], {}, Stats)},
        "/health": {"get": _operation("Whether the process lives", "State", [], {}, State)},
        "/ready": {
            "get": _operation("Whether questions can be asked", "State", [], {}, State, 503)
        },
        "/metrics": {
            "get": _document("Figures for Prometheus", "State", {"text/plain": "text"}, [])
        },
        "/openapi.json": {"get": _operation("This description", "State", [], {}, None)},
        "/api/docs": {"get": _document("This description as a page", "State", html, [])},
    }


def _operation(
    summary: str, tag: str, parameters: list[Json], body: Json, answer: type | None, *errors: int
) -> Json:
    """An operation that answers in JSON."""
    usual = [400, 429, *([413, 415, 422] if body else [422] if parameters else []), *errors]
    operation: Json = {
        "summary": summary,
        "tags": [tag],
        "parameters": parameters,
        "responses": {"200": _answer(answer)} | _errors(usual),
    }
    return operation | ({"requestBody": body} if body else {})


def _answer_of(kind: Kind) -> type:
    answer: type = get_type_hints(kind.answer)["return"]
    return answer


def _answer(kind: type | None) -> Json:
    """An answer in JSON, described as its class is; None for any object."""
    if kind is None:
        schema: Json = {"type": "object"}
        return {"description": "A JSON object", "content": {"application/json": {"schema": schema}}}
    content = {"application/json": {"schema": {"$ref": _REF.format(model=kind.__name__)}}}
    return {"description": (getdoc(kind) or "").partition("\n")[0], "content": content}


def _document(
    summary: str, tag: str, offers: Offers, parameters: list[Json], errors: list[int] | None = None
) -> Json:
    """An operation that answers a document in one of several formats."""
    forms = {"type": "string", "enum": sorted(set(offers.values()))}
    many = [_query("format", "Goes before the Accept header.", forms)] if len(offers) > 1 else []
    content: Json = {media: {"schema": {}} for media in offers}
    codes = [404, 406] if errors is None else errors
    return {
        "summary": summary,
        "tags": [tag],
        "parameters": [*parameters, *many],
        "responses": {"200": {"description": summary, "content": content}}
        | _errors([400, 429, *codes]),
    }


def _write(summary: str, parameters: list[Json], good: dict[int, str], errors: list[int]) -> Json:
    operation = _operation(summary, "Entries", parameters, _rdf_body(), Stored)
    content = operation["responses"].pop("200")["content"]
    stored = {str(code): {"description": text, "content": content} for code, text in good.items()}
    refused = _errors([400, 401, 403, *errors, 413, 415, 422, 429])
    return operation | {"security": _TOKEN, "responses": stored | refused}


def _delete(summary: str, parameters: list[Json]) -> Json:
    responses = {"204": {"description": "Deleted"}} | _errors([401, 403, 404, 409, 412, 429])
    return {
        "summary": summary,
        "tags": ["Entries"],
        "parameters": parameters,
        "security": _TOKEN,
        "responses": responses,
    }


def _errors(codes: list[int]) -> Json:
    problem = {
        "application/problem+json": {"schema": {"$ref": _REF.format(model=ProblemDetails.__name__)}}
    }
    return {str(c): {"description": ERRORS[c], "content": problem} for c in sorted(set(codes))}


def _rdf_body() -> Json:
    return {"required": True, "content": {media: {"schema": {}} for media in RDF}}


def _json_body(model: type) -> Json:
    schema = {"$ref": _REF.format(model=model.__name__)}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _query(name: str, description: str, schema: Json | None = None) -> Json:
    schema = schema or {"type": "string"}
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _in_path(name: str, values: list[str] | None = None) -> Json:
    schema: Json = {"type": "string"} | ({"enum": values} if values else {})
    return {"name": name, "in": "path", "required": True, "schema": schema}
