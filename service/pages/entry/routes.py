"""Entries, ontology, context and schemes at their own addresses, by content negotiation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import pyoxigraph as ox
from flask import (
    Blueprint,
    Response,
    current_app,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as BaseResponse

from kg.entry import Entry
from kg.text.i18n import gettext, language
from kg.vocabulary import DCT, ONTOLOGY, PSR, VOC, folder, graphs, local_name, vocabulary
from service.core.runtime import current
from service.http import login
from service.http.negotiation import PAGE, choose, write
from service.http.responses import (
    context_url,
    dated,
    document,
    entry_answer,
    entry_iri,
    stored_entry,
    whole,
)
from service.pages.entry.page import entry_page
from service.pages.entry.past import past as history_of
from service.pages.parts.labels import label, labels

content = Blueprint("content", __name__)


@dataclass(frozen=True)
class Term:
    """A row of a vocabulary's page; ``parents`` are the slugs of what is broader.

    ``page`` is where there is more about it.
    """

    iri: str
    slug: str
    label: str
    definition: str
    parents: tuple[str, ...] = ()
    page: str = ""


@content.get("/id/<path>/<slug>")
def entry(path: str, slug: str) -> Response:
    """Send an entry as a page or as RDF."""
    stored = stored_entry(entry_iri(path, slug))
    media, form = choose(PAGE)
    if form != "html":
        return entry_answer(stored, media, form)
    seen = current().store.provenance(stored.iri)
    former = whole(request.args["version"]) if "version" in request.args else None
    if former is not None and seen and former != seen.number:
        return _conditional(document(entry_page(stored, former), media))
    answer = _conditional(document(entry_page(stored), media))
    # The page also shows who links here: its date is told, but no page is kept by it.
    return dated(answer, seen)


@content.get("/id/<path>/<slug>/history")
def past(path: str, slug: str) -> Response:
    """Show who changed what of an entry, when and why."""
    before, who = request.args.get("before"), login.who()
    shown = history_of(labels(), entry_iri(path, slug), whole(before) if before else None)
    page = render_template(
        "past.html",
        past=shown,
        path=path,
        slug=slug,
        csrf=login.csrf(),
        may_restore=who is not None and who.at_least("curator"),
    )
    answer = document(page, "text/html")
    answer.cache_control.private = True if who else None
    return _conditional(answer)


@content.get("/ns")
def ontology() -> Response:
    """Send the ontology as a page or as RDF."""
    return _graph(ONTOLOGY, gettext("The Passerelle ontology"))


@content.get("/voc")
def schemes() -> Response:
    """List the concept schemes, as a page or as RDF."""
    schemes = ((name, triples) for name, triples in sorted(graphs()) if name.startswith(VOC))
    heads = [Entry(name, tuple(triples)) for name, triples in schemes]
    triples = [t for head in heads for t in head.triples if t.subject == ox.NamedNode(head.iri)]
    terms = (
        Term(
            head.iri,
            head.slug,
            head.text(DCT + "title", language()) or head.slug,
            head.text(DCT + "description") or "",
            page=url_for("content.scheme", scheme=head.slug),
        )
        for head in heads
    )
    return _vocabulary(VOC, gettext("Vocabularies"), triples, terms)


@content.get("/voc/<scheme>")
def scheme(scheme: str) -> Response:
    """Send a concept scheme as a page or as RDF."""
    return _graph(VOC + scheme, scheme)


@content.get("/voc/<scheme>/<slug>")
def concept(scheme: str, slug: str) -> BaseResponse:
    """Send a reader of a concept to its scheme."""
    if vocabulary().find(scheme, slug) is None:
        raise NotFound
    form = request.args.get("format")
    return redirect(url_for("content.scheme", scheme=scheme, format=form, _anchor=slug), 303)


@content.get("/context.jsonld")
def context() -> Response:
    """Send our JSON-LD context."""
    body = (folder("ontology") / "context.jsonld").read_bytes()
    return _conditional(document(body, "application/ld+json"))


@content.before_app_request
def without_slash() -> BaseResponse | None:
    """Send whoever writes a slash after an address to the address without it."""
    path = request.path.rstrip("/")
    unknown = isinstance(request.routing_exception, NotFound)
    if not unknown or path in {"", request.path} or {".", ".."} & set(path.split("/")):
        return None
    try:
        adapter = current_app.create_url_adapter(request)
        assert adapter is not None
        adapter.match(path)
    except HTTPException:
        return None
    query = request.environ.get("QUERY_STRING", "")
    # One slash: an address that begins with two would lead to another host.
    here = f"{request.script_root}/{quote(path.lstrip('/'))}"
    return redirect(f"{here}?{query}" if query else here, 308)


@content.after_request
def allow_any_origin(answer: Response) -> Response:
    """Let pages of other sites read what is open data anyway."""
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


def _graph(name: str, title: str) -> Response:
    triples, words = dict(graphs()).get(name), vocabulary()
    if triples is None:
        raise NotFound
    graph = Entry(name, tuple(triples))
    terms = (
        Term(
            iri,
            local_name(iri),
            label(iri),
            words.definitions[iri],
            tuple(sorted(local_name(parent) for parent in words.broader.get(iri, ()))),
        )
        for iri in graph.nodes()
        if iri.startswith((PSR, VOC)) and iri in words.definitions
    )
    return _vocabulary(name, graph.text(DCT + "title", language()) or title, graph.triples, terms)


def _vocabulary(
    iri: str, title: str, triples: Sequence[ox.Triple], terms: Iterable[Term]
) -> Response:
    media, form = choose(PAGE)
    if form == "html":
        page = render_template("vocabulary.html", title=title, iri=iri, terms=terms)
        return _conditional(document(page, media))
    return _conditional(document(write(triples, form, context_url()), media))


def _conditional(answer: Response) -> Response:
    answer.cache_control.no_cache = True
    answer.add_etag()
    answer.make_conditional(request)
    return answer
