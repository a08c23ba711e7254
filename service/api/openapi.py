"""The OpenAPI 3.1 description of every path, and a page to read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from inspect import getdoc
from typing import Any, get_type_hints

from flask import Blueprint, Response, render_template
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from kg.catalogue.filters import LINKED
from kg.catalogue.rows import FACETS
from kg.entries.history import UndoReport
from kg.vocabulary import CLASSES
from matcher.kinds import KINDS, Kind
from service.api.entries import EntryList, PlaceList, ShapesReport, State, Stats
from service.api.history import Compared, History
from service.api.matches import Counted
from service.api.requests import FeedbackRequest, MergeRequest, ReasonRequest, RestoreRequest
from service.api.writes import Stored
from service.http.errors import ProblemDetails
from service.http.login import COOKIE
from service.http.negotiation import DATA, GRAPH, MATCHES, PAGE, RDF, TABLE, Offers
from service.http.responses import as_json, document

documentation = Blueprint("documentation", __name__)
Json = dict[str, Any]
_REF = "#/components/schemas/{model}"
#: what is answered in JSON besides matches
ANSWERS = (
    *(Counted, Stored, EntryList, PlaceList, ShapesReport, Stats, State, ProblemDetails),
    *(History, Compared, UndoReport),
)
REQUESTS = (FeedbackRequest, RestoreRequest, MergeRequest, ReasonRequest)
ERRORS = {
    400: "The request cannot be read",
    401: "No token was sent, or one that is not known",
    403: "This is not done here, or not from another site",
    404: "There is no such thing",
    406: "There is no such format",
    409: "There is such an entry already, it was merged, or others link to it",
    410: "The entry was removed; “removed” says when",
    412: "The entry changed since",
    413: "Too large",
    415: "A body of this type is not read",
    422: "Understood and refused; “problems” says why, field by field",
    428: "Say by If-Match which version of the entry you saw",
    429: "Too many requests; see Retry-After",
    503: "Not ready, or too busy; see Retry-After",
    504: "A limit was hit; “limit” says which",
    507: "No space left to write; see Retry-After",
}
_STORED = {200: "Stored", 201: "Created"}
#: what a write over an entry may meet
_OVER = (404, 409, 410, 412, 428, 507)
_TOKEN: list[dict[str, list[str]]] = [{"token": []}]
_RDF_BODY: Json = {"required": True, "content": {media: {"schema": {}} for media in RDF}}


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
        "validation": (*(kind.request for kind in KINDS.values()), *REQUESTS),
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
    named, html = [_in_path("path", sorted(CLASSES)), _in_path("slug")], {"text/html": "html"}
    iri, scheme = _query("iri", "The IRI of one entry."), _in_path("scheme")
    concept = _document("A concept of a scheme", "Documents", PAGE, [scheme, _in_path("slug")])
    moved = {"303": {"description": "The scheme that the concept is in"}} | _errors(404)
    match = _header("If-Match", "The ETag that you last saw of the entry, or *.")
    key = _header("Idempotency-Key", "A request with the same key and body is carried out once.")
    reason = _query("reason", "Why, for the history; at most 500 letters.")
    former = _query("version", "A former version, by its number in the history.", "integer")
    listing = [
        _query("type", "A class.", enum=list(CLASSES)),
        _query("country", "An ISO 3166 code of two letters."),
        _query("territory", "A NUTS 2021 code, or an ISO code of a country."),
        _query("place", "The name of a place instead of its code."),
        *(_query(n, f"A slug of the scheme “{s}”.") for n, s in FACETS.items() if s),
        *(_query(name, f"The name of a{'n' * (name[0] in 'aeiou')} {name}.") for name in LINKED),
        _query("language", "A language of the texts, such as hr."),
        _query("not_country", "A country that is left out."),
        _query("evidence_min", "The weakest level of evidence that will do, a slug."),
        _query("q", "Words of the title."),
        _query("limit", "Rows a page.", "integer", minimum=1, maximum=200),
        _query("cursor", "What the page before gave as “next”."),
        _query("lang", "The language of the titles, where there is a choice."),
        iri,
    ]
    place = [
        _query("q", "A name, or how it begins, or a code; at most 200 letters."),
        _query("lang", "The language of the names, where there is a choice."),
        _query("limit", "How many at most, 10 if not said.", "integer", minimum=1, maximum=50),
    ]
    return {
        "/api/entries": {
            "get": _json("List entries, or read one by ?iri=", "Entries", EntryList, listing),
            "post": _write("Store a new entry", [key, reason], 409, 410, good={201: "Created"}),
            "put": _write("Replace the entry of ?iri=", [iri, match, reason], *_OVER),
            "delete": _delete("Delete the entry of ?iri=", [iri, match, reason]),
        },
        "/api/entries/{path}/{slug}": {
            "get": _document(
                "Read one entry", "Entries", DATA, [*named, former], 301, 404, 406, 410
            ),
            "put": _write("Replace or create an entry", [*named, match, reason], *_OVER),
            "delete": _delete("Delete an entry that no other links to", [*named, match, reason]),
        },
        **_history_paths(named, match),
        "/api/places": {
            "get": _json("Find places by name", "Places", PlaceList, place),
        },
        "/api/validate": {
            "post": _json(
                "Check an entry without storing it", "Entries", ShapesReport, body=_RDF_BODY
            ),
        },
        **_match_paths(),
        **_query_paths(match),
        "/id/{path}/{slug}": {
            "get": _document("An entry", "Documents", PAGE, [*named, former], 301, 404, 406, 410),
            "put": _write("Replace or create an entry", [*named, match, reason], *_OVER),
            "post": _write("Add statements to an entry", [*named, reason], 404, 409, 410, 412),
            "delete": _delete("Delete an entry that no other links to", [*named, match, reason]),
        },
        "/id/{path}/{slug}/history": {
            "get": _document(
                "The history of an entry as a page", "Documents", html, named, 301, 410
            )
        },
        "/ns": {"get": _document("The ontology", "Documents", PAGE)},
        "/context.jsonld": {
            "get": _document("The JSON-LD context", "Documents", {"application/ld+json": ""})
        },
        "/voc": {"get": _document("The concept schemes", "Documents", PAGE)},
        "/voc/{scheme}": {"get": _document("A concept scheme", "Documents", PAGE, [scheme])},
        "/voc/{scheme}/{slug}": {"get": concept | {"responses": moved}},
        "/api/stats": {"get": _json("Numbers of the graph", "State", Stats)},
        "/health": {"get": _json("Whether the process lives", "State", State)},
        "/ready": {"get": _json("Whether questions can be asked", "State", State, [], 503)},
        "/metrics": {"get": _document("Figures for Prometheus", "State", {"text/plain": "text"})},
        "/openapi.json": {"get": _json("This description", "State", None)},
        "/api/docs": {"get": _document("This description as a page", "State", html)},
    }


def _history_paths(named: Sequence[Json], match: Json) -> Json:
    """What an entry was, and the way back."""
    entry, tag = "/api/entries/{path}/{slug}", "History"
    between = [
        _query(name, "With the other: what is between.", "integer") for name in ("from", "to")
    ]
    read = _json(
        "List the versions of an entry, or compare two", tag, History, [*named, *between], 404
    )
    read["responses"]["200"]["content"]["application/json"]["schema"] = {
        "anyOf": [_schema(History), _schema(Compared)]
    }

    def back(summary: str, answer: type, request: type, *errors: int) -> Json:
        body = _json_body(request)
        done = _json(summary, tag, answer, named, 401, 403, 404, *errors, body=body)
        return {"post": done | {"security": _TOKEN}}

    restore = back("Make a former version the present one", Stored, RestoreRequest, 409, 412)
    restore["post"]["parameters"].append(match)
    return {
        f"{entry}/history": {"get": read},
        f"{entry}/restore": restore,
        f"{entry}/merge": back("Make it one with another entry", Stored, MergeRequest, 409, 410),
        f"{entry}/unmerge": back("Take a merge back", UndoReport, ReasonRequest),
    }


def _match_paths() -> Json:
    paths: Json = {}
    for name, kind in KINDS.items():
        body = _json_body(kind.request)
        match = _json(
            kind.title,
            "Matches",
            _answer_of(kind),
            [
                _query(
                    "format", "Goes before the Accept header.", enum=sorted(set(MATCHES.values()))
                )
            ],
            406,
            body=body,
        )
        match["responses"]["200"]["content"] |= {
            media: {"schema": {}} for media in MATCHES if "json" not in media
        }
        paths[f"/api/match/{name}"] = {"post": match}
    title, body = "Tell what became of a suggestion", _json_body(FeedbackRequest)
    feedback = _json(title, "Matches", Counted, [], 401, 403, body=body)
    feedback["responses"]["201"] = _answer(Stored)
    feedback["security"] = [*_TOKEN, {"session": []}]
    return paths | {"/api/match/feedback": {"post": feedback}}


def _query_paths(match: Json) -> Json:
    errors = (403, 406, 413, 415, 503, 504)
    form = {"type": "object", "required": ["query"], "properties": {"query": {"type": "string"}}}
    body = {
        "content": {
            "application/x-www-form-urlencoded": {"schema": form},
            "application/sparql-query": {"schema": {"type": "string"}},
        }
    }
    offers = dict(TABLE) | dict(GRAPH)
    query = [
        _query("query", "SELECT, ASK, CONSTRUCT or DESCRIBE; at most 64 KiB."),
        _query("default-graph-uri", "A graph to ask instead of all; may come more than once."),
        _query("named-graph-uri", "A graph that GRAPH may name; may come more than once."),
    ]
    graph = [
        _query("graph", "The IRI of an entry; to read, of any graph."),
        _query("default", "Instead of ?graph=: all graphs. Only to read."),
    ]
    about = "Run a query, or describe the service"
    return {
        "/sparql": {
            "get": _document(about, "SPARQL", offers, query, *errors),
            "post": _document("Run a query", "SPARQL", offers, [], *errors) | {"requestBody": body},
        },
        "/.well-known/void": {"get": _document("What the data are", "SPARQL", GRAPH)},
        "/graph-store": {
            "get": _document("Read a graph", "Graph store", GRAPH, graph, 404, 406, 504),
            "put": _write("Replace or create an entry", [*graph, match], *_OVER),
            "post": _write("Add statements to an entry", graph, 404, 409, 410, 412),
            "delete": _delete("Delete an entry", [*graph, match]),
        },
    }


def _json(
    summary: str,
    tag: str,
    answer: type | None,
    parameters: Sequence[Json] = (),
    *errors: int,
    body: Json | None = None,
) -> Json:
    """An operation that answers in JSON."""
    usual = [400, 429, *([413, 415, 422] if body else [422] if parameters else [])]
    operation = _operation(summary, tag, parameters, {"200": _answer(answer)}, *usual, *errors)
    return operation | ({"requestBody": body} if body else {})


def _document(
    summary: str, tag: str, offers: Offers, parameters: Sequence[Json] = (), *errors: int
) -> Json:
    """An operation that answers a document in one of several formats."""
    forms = sorted(set(offers.values()))
    many = (
        [_query("format", "Goes before the Accept header.", enum=forms)] if len(offers) > 1 else []
    )
    content: Json = {media: {"schema": {}} for media in offers}
    good = {"200": {"description": summary, "content": content}}
    return _operation(summary, tag, [*parameters, *many], good, 400, 429, *(errors or (404, 406)))


def _write(
    summary: str, parameters: Sequence[Json], *errors: int, good: dict[int, str] = _STORED
) -> Json:
    content = _answer(Stored)["content"]
    stored = {str(code): {"description": text, "content": content} for code, text in good.items()}
    refused = (400, 401, 403, *errors, 413, 415, 422, 429)
    operation = _operation(summary, "Entries", parameters, stored, *refused)
    return operation | {"requestBody": _RDF_BODY, "security": _TOKEN}


def _delete(summary: str, parameters: Sequence[Json]) -> Json:
    good = {"204": {"description": "Deleted"}}
    return _operation(summary, "Entries", parameters, good, 401, 403, *_OVER, 429)


def _operation(
    summary: str, tag: str, parameters: Sequence[Json], good: Json, *errors: int
) -> Json:
    head = {"summary": summary, "tags": [tag], "parameters": [*parameters]}
    head |= {"security": _TOKEN} if "204" in good else {}
    return head | {"responses": good | _errors(*errors)}


def _answer_of(kind: Kind) -> type:
    answer: type = get_type_hints(kind.answer)["return"]
    return answer


def _answer(kind: type | None) -> Json:
    """An answer in JSON, described as its class is; None for any object."""
    described = (getdoc(kind) or "").partition("\n")[0] if kind else "A JSON object"
    schema = _schema(kind) if kind else {"type": "object"}
    return {"description": described, "content": {"application/json": {"schema": schema}}}


def _schema(model: type) -> Json:
    return {"$ref": _REF.format(model=model.__name__)}


def _errors(*codes: int) -> Json:
    problem = {"application/problem+json": {"schema": _schema(ProblemDetails)}}
    moved = {str(c): {"description": "It was merged into another"} for c in codes if c == 301}
    return moved | {
        str(c): {"description": ERRORS[c], "content": problem} for c in sorted(set(codes) - {301})
    }


def _json_body(model: type) -> Json:
    return {"required": True, "content": {"application/json": {"schema": _schema(model)}}}


def _query(name: str, description: str, kind: str = "string", **more: object) -> Json:
    schema = {"type": kind, **more}
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _header(name: str, description: str) -> Json:
    schema = {"type": "string"}
    return {"name": name, "in": "header", "description": description, "schema": schema}


def _in_path(name: str, values: Sequence[str] = ()) -> Json:
    schema: Json = {"type": "string"} | ({"enum": values} if values else {})
    return {"name": name, "in": "path", "required": True, "schema": schema}
