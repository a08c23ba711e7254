"""The SPARQL endpoint: queries only, run within limits, and a description of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyoxigraph as ox
from flask import Blueprint, Response, render_template, request

from kg.errors import Malformed
from kg.sparql import results
from kg.sparql.scan import check_query
from kg.sparql.similar_to import SimilarQuery, mentions, plan
from kg.vocabulary import CLASSES, PSR
from matcher.encoding.text import INDEXED
from service.core.runtime import current
from service.http.negotiation import GRAPH, TABLE, choose, wants_page
from service.http.responses import HEADERS, document
from service.sparql import protocol
from service.sparql.samples import first_query, samples

if TYPE_CHECKING:
    from matcher.matcher import Matcher

sparql = Blueprint("sparql", __name__)
_ALWAYS = (
    ("Access-Control-Allow-Origin", "*"),
    (
        "Access-Control-Expose-Headers",
        "ETag, Retry-After, Passerelle-Data-Version, Passerelle-Index-Version, Passerelle-Model,"
        " Passerelle-No-Good-Match, Passerelle-Limits",
    ),
)
_ENDINGS = {
    "json": "json", "xml": "xml", "csv": "csv", "tsv": "tsv",
    "turtle": "ttl", "nt": "nt", "jsonld": "jsonld", "rdfxml": "rdf",
}  # fmt: skip


@sparql.route("/sparql", methods=["GET", "POST"])
def run() -> Response:
    """Answer a query of the SPARQL 1.1 Protocol, or say what this endpoint is."""
    sent = protocol.read(request)
    if sent.query is None:
        return _about(sent.format)
    runtime = current()
    with runtime.query_log.watch(sent.query) as logged:
        query = check_query(sent.query, _address())
        media, form = choose(TABLE if query.form in {"SELECT", "ASK"} else GRAPH, sent.format or "")
        fresh = query.volatile or request.method == "POST"
        if not fresh and "If-None-Match" in request.headers:
            index = runtime.matcher.index.corpus.version if mentions(query.text) else None
            etag = _etag(runtime.store.version(), index, form)
            if request.if_none_match.contains(etag):
                logged.outcome = "not-modified"
                unchanged = Response(status=304)
                unchanged.set_etag(etag)
                unchanged.vary.add("Accept")
                return unchanged
        finder = Finder(runtime.matcher)
        planned = plan(query)
        answer = runtime.queries.run(
            query, form, sent.dataset, lambda _, end: planned.fill(finder, end)
        )
        logged.answered(query.form, form, answer, similar=finder.used)
    response = document(answer.body, media)
    response.headers["Passerelle-Data-Version"] = str(answer.version)
    response.headers.extend(finder.stamp())
    if fresh:
        response.headers["Cache-Control"] = "no-store"
    else:
        response.headers["Cache-Control"] = "public, no-cache"
        response.set_etag(_etag(answer.version, finder.version, form))
    if sent.format:
        how = "attachment" if form in {"csv", "tsv"} else "inline"
        response.headers.set("Content-Disposition", how, filename=f"passerelle.{_ENDINGS[form]}")
    return response


def _address() -> str:
    """The address of the endpoint, which relative IRIs are relative to."""
    return current().settings.address + "sparql"


def _etag(data: int, index: int | None, form: str) -> str:
    return f"{data}-{form}" if index is None else f"{data}-{index}-{form}"


@dataclass
class Finder:
    """Finds similar entries as the API does, and says what they were found with."""

    matcher: Matcher
    version: int | None = None
    abstained: bool = False

    @property
    def used(self) -> bool:
        """Whether a query took similar entries."""
        return self.version is not None

    def __call__(self, query: SimilarQuery) -> Sequence[tuple[str, float]]:
        """Find entries with their scores, as POST /api/match/similar answers them."""
        if query.path not in INDEXED:
            known = ", ".join("psr:" + CLASSES[path].removeprefix(PSR) for path in INDEXED)
            raise Malformed(f"psr:similarTo compares entries of the classes {known}.")
        raw = {
            "text": query.text,
            "entry": query.entry,
            "lang": query.lang,
            "limit": query.limit,
            "filters": {"type": [query.path]},
        }
        nearest = self.matcher.nearest(self.matcher.question("similar", raw))
        self.version = nearest.version
        self.abstained |= nearest.nothing_good
        return nearest.scores

    def stamp(self) -> dict[str, str]:
        """The headers that say which index and model the matches are from; none without matches."""
        if self.version is None:
            return {}
        headers = {
            "Passerelle-Index-Version": str(self.version),
            "Passerelle-Model": self.matcher.embedder.name,
        }
        return headers | ({"Passerelle-No-Good-Match": "true"} if self.abstained else {})


def _about(form: str | None) -> Response:
    """Answer a browser with the query page, a machine with the service description.

    The page has a sample in it where ?sample= names one.
    """
    if request.method == "POST":
        raise Malformed("Send a query as ?query=, as a form or as application/sparql-query.")
    runtime = current()
    if form is not None or not wants_page():
        return _described(runtime.describer.service(_address()))
    known = samples(runtime.store.base)
    chosen = next((s for s in known if s.name == request.args.get("sample")), None)
    page = render_template(
        "sparql.html",
        samples=known,
        chosen=chosen,
        query=chosen.query if chosen else first_query(),
        limits=runtime.queries.limits,
    )
    answer = document(page, "text/html")
    # The editor sets style attributes; no other page of ours may.
    policy = HEADERS["Content-Security-Policy"]
    allowed = policy.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
    answer.headers["Content-Security-Policy"] = allowed
    return answer


@sparql.get("/.well-known/void")
def dataset() -> Response:
    """Describe the graph by VoID, with its true counts."""
    return _described(current().describer.dataset(current().settings.address))


def _described(triples: list[ox.Triple]) -> Response:
    media, form = choose(GRAPH)
    answer = document(results.graph(triples, form), media)
    answer.cache_control.no_cache = True
    answer.set_etag(_etag(current().store.version(), None, form))
    answer.make_conditional(request)
    return answer


@sparql.after_request
def open_to_all(answer: Response) -> Response:
    """Let pages of other sites read the answers, and say the limits; nothing is secret here."""
    answer.headers.extend([*_ALWAYS, ("Passerelle-Limits", current().limits_header)])
    if request.method == "OPTIONS":
        answer.headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST, OPTIONS"
        answer.headers["Access-Control-Allow-Headers"] = "Accept, Content-Type, If-None-Match"
        answer.headers["Access-Control-Max-Age"] = "86400"
    return answer
