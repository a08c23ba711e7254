"""The SPARQL endpoint: queries only, run in killable processes within limits."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request

from kg.errors import Malformed, QueryRefused, UnknownFormat
from kg.scan import check_query
from service.answers import document
from service.negotiate import GRAPH, TABLE, choose, wants_page
from service.runtime import current

sparql = Blueprint("sparql", __name__)
FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"
_DATASET = ("default-graph-uri", "named-graph-uri", "using-graph-uri", "using-named-graph-uri")


@sparql.route("/sparql", methods=["GET", "POST"])
def run() -> Response:
    """Answer a query of the SPARQL 1.1 Protocol, or show a form to a browser."""
    query = _query()
    if query is None:
        if request.method == "GET" and wants_page():
            return document(render_template("sparql.html"), "text/html")
        raise Malformed("Send a query as ?query=, as a form or as application/sparql-query.")
    offers = TABLE if check_query(query) in {"SELECT", "ASK"} else GRAPH
    media, form = choose(offers)
    found = current().queries.run(query, form)
    answer = document(found.body, media)
    answer.headers["Passerelle-Data-Version"] = str(found.version)
    return answer


@sparql.after_request
def allow_any_origin(answer: Response) -> Response:
    """Let pages of other sites read the answers; there is nothing secret here."""
    answer.headers["Access-Control-Allow-Origin"] = "*"
    if request.method == "OPTIONS":
        answer.headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST, OPTIONS"
        answer.headers["Access-Control-Allow-Headers"] = "Accept, Content-Type"
    return answer


def _query() -> str | None:
    """Return the text of the query, None if there is none; refuses what is not supported."""
    if request.method == "POST" and request.mimetype == QUERY:
        sent = [*request.args.items(multi=True), ("query", _decode(request.get_data()))]
    elif request.method == "POST":
        _check_type()
        sent = [*request.args.items(multi=True), *request.form.items(multi=True)]
    else:
        sent = list(request.args.items(multi=True))
    names = [name for name, _ in sent]
    if "update" in names:
        raise QueryRefused("This endpoint only reads; updates are refused.")
    if named := sorted(set(names) & set(_DATASET)):
        raise Malformed(f"{named[0]} is not supported yet; write FROM or GRAPH into the query.")
    queries = [value for name, value in sent if name == "query" and value.strip()]
    if len(queries) > 1:
        raise Malformed("Send one query at a time.")
    return queries[0] if queries else None


def _check_type() -> None:
    if request.mimetype == "application/sparql-update":
        raise QueryRefused("This endpoint only reads; updates are refused.")
    if request.mimetype != FORM:
        raise UnknownFormat(f"Send {FORM} or {QUERY}; {request.mimetype or 'nothing'} is not read.")


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"The query is not UTF-8: byte {error.start} cannot be read.") from error
