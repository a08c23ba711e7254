"""What a request of the SPARQL 1.1 Protocol says: one query, and the graphs it is about.

https://www.w3.org/TR/sparql11-protocol/#query-operation
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

import pyoxigraph as ox
from flask import Request

from kg.errors import Malformed, QueryRefused, TooLarge, UnknownFormat
from kg.sparql.query import Dataset
from kg.sparql.scan import MAX_TERM

FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"
UPDATE = "application/sparql-update"
MAX_FIELDS = 1_000
#: bytes of all graphs that a request names
MAX_GRAPHS = 64 * 1024
_UPDATES = ("update", "using-graph-uri", "using-named-graph-uri")


@dataclass(frozen=True)
class ProtocolRequest:
    """A request: its query, None if there is none, its dataset and the format it names."""

    query: str | None
    dataset: Dataset
    format: str | None


def read(request: Request) -> ProtocolRequest:
    """Read a request.

    Raises Malformed (two queries, an empty one, not UTF-8), QueryRefused (an update) or
    UnknownFormat (a POST of another media type or charset).
    """
    fields = _fields(request.query_string)
    if request.method == "POST":
        if request.mimetype == UPDATE:
            raise QueryRefused("This endpoint only reads; updates are refused.")
        charset = request.mimetype_params.get("charset", "utf-8").lower()
        if request.mimetype not in {FORM, QUERY} or charset not in {"utf-8", "utf8"}:
            media = (request.content_type or "nothing")[:100]
            raise UnknownFormat(f"Send {FORM} or {QUERY} in UTF-8; {media} is not read.")
        data = request.get_data()
        fields += _fields(data) if request.mimetype == FORM else [("query", _decode(data))]
    if any(name in _UPDATES for name, _ in fields):
        raise QueryRefused("This endpoint only reads; updates are refused.")
    queries = [value for name, value in fields if name == "query"]
    if len(queries) > 1:
        raise Malformed("Send one query at a time.")
    if queries and not queries[0].strip("\ufeff \t\r\n"):
        raise Malformed("The query is empty. Send a SELECT, ASK, CONSTRUCT or DESCRIBE.")
    return ProtocolRequest(
        queries[0] if queries else None,
        Dataset(_graphs(fields, "default-graph-uri"), _graphs(fields, "named-graph-uri")),
        next((value for name, value in fields if name == "format" and value.strip()), None),
    )


def _graphs(fields: list[tuple[str, str]], parameter: str) -> tuple[str, ...]:
    """The graphs that a parameter names; an empty one, as forms send it, names none."""
    graphs = tuple(value for name, value in fields if name == parameter and value.strip())
    if sum(map(len, graphs)) > MAX_GRAPHS:
        raise TooLarge(f"The values of {parameter} are longer than {MAX_GRAPHS} bytes together.")
    for graph in graphs:
        try:
            ox.NamedNode(graph)
        except ValueError as error:
            raise Malformed(f"{parameter} is no absolute IRI: {graph[:100]!r}.") from error
        if len(graph) > MAX_TERM:
            raise Malformed(f"{parameter} is longer than {MAX_TERM} characters.")
    return graphs


def _fields(data: bytes) -> list[tuple[str, str]]:
    """Names and values, decoded strictly: a broken byte is never replaced."""
    try:
        return parse_qsl(
            _decode(data), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except UnicodeDecodeError as error:
        raise Malformed(f"The request is not UTF-8: byte {error.start} of a value.") from error
    except ValueError as error:
        raise Malformed(f"Send at most {MAX_FIELDS} parameters.") from error


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Malformed(f"The query is not UTF-8: byte {error.start} cannot be read.") from error
