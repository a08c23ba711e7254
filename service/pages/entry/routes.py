"""Entries, ontology, context and schemes at their own addresses, by content negotiation."""

from __future__ import annotations

from collections.abc import Iterator
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

from kg.text.i18n import gettext, language
from kg.vocabulary import (
    DCT,
    ONTOLOGY,
    PSR,
    RDFS,
    SKOS,
    VOC,
    folder,
    graphs,
    local_name,
    vocabulary,
)
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
    if "version" in request.args:
        return _conditional(document(entry_page(stored, whole(request.args["version"])), media))
    answer = _conditional(document(entry_page(stored), media))
    # The page also shows who links here: its date is told, but no page is kept by it.
    return dated(answer, current().store.provenance(stored.iri))


@content.get("/id/<path>/<slug>/history")
def past(path: str, slug: str) -> Response:
    """Show who changed what of an entry, when and why."""
    before, who = request.args.get("before"), login.who()
    shown = history_of(
        entry_iri(path, slug), whole(before) if before else None, request.script_root
    )
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
    return _vocabulary(ONTOLOGY, gettext("The Passerelle ontology"))


@content.get("/voc")
def schemes() -> Response:
    """List the concept schemes, as a page or as RDF."""
    heads = {
        name: [t for t in triples if t.subject == ox.NamedNode(name)]
        for name, triples in sorted(graphs())
        if name.startswith(VOC)
    }
    media, form = choose(PAGE)
    if form != "html":
        triples = [triple for head in heads.values() for triple in head]
        return _conditional(document(write(triples, form, context_url()), media))
    terms = [_head(name, triples) for name, triples in heads.items()]
    title = gettext("Vocabularies")
    page = render_template("vocabulary.html", title=title, iri=VOC, terms=terms)
    return _conditional(document(page, media))


@content.get("/voc/<scheme>")
def scheme(scheme: str) -> Response:
    """Send a concept scheme as a page or as RDF."""
    return _vocabulary(VOC + scheme, scheme)


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


def _vocabulary(name: str, title: str) -> Response:
    triples = dict(graphs()).get(name)
    if triples is None:
        raise NotFound
    media, form = choose(PAGE)
    if form != "html":
        return _conditional(document(write(triples, form, context_url()), media))
    title = _title(triples, name) or title
    page = render_template("vocabulary.html", title=title, iri=name, terms=list(_terms(triples)))
    return _conditional(document(page, media))


def _head(name: str, triples: list[ox.Triple]) -> Term:
    """Show a scheme as a row of the list of schemes."""
    slug = local_name(name)
    descriptions = (t.object for t in triples if t.predicate.value == DCT + "description")
    definition = next((o.value for o in descriptions if isinstance(o, ox.Literal)), "")
    page = url_for("content.scheme", scheme=slug)
    return Term(name, slug, _title(triples, name) or slug, definition, page=page)


def _conditional(answer: Response) -> Response:
    answer.cache_control.no_cache = True
    answer.add_etag()
    answer.make_conditional(request)
    return answer


def _title(triples: list[ox.Triple], name: str) -> str | None:
    properties = {DCT + "title", SKOS + "prefLabel", RDFS + "label"}
    node = ox.NamedNode(name)
    titles = [t.object for t in triples if t.subject == node and t.predicate.value in properties]
    texts = [o for o in titles if isinstance(o, ox.Literal)]
    known = {o.language: o.value for o in texts}
    return known.get(language()) or known.get("en") or known.get(None)


def _terms(triples: list[ox.Triple]) -> Iterator[Term]:
    words = vocabulary()
    for iri in sorted({t.subject.value for t in triples if isinstance(t.subject, ox.NamedNode)}):
        if iri.startswith((PSR, VOC)) and iri in words.definitions:
            parents = tuple(sorted(local_name(p) for p in words.broader.get(iri, ())))
            yield Term(
                iri, local_name(iri), words.label(iri, language()), words.definitions[iri], parents
            )
