"""The Graph Store Protocol: every entry is a named graph, written through the one guard.

https://www.w3.org/TR/sparql11-http-rdf-update/ . Indirectly at ``/graph-store?graph=IRI``,
directly at an entry's own address.
"""

from __future__ import annotations

import pyoxigraph as ox
from flask import Blueprint, Response, request
from werkzeug.exceptions import Forbidden

from kg.entries.reading import parse
from kg.errors import Malformed, NotFound
from kg.sparql.query import ALL, EVERYTHING, Dataset
from kg.text.i18n import gettext
from service.api import writes
from service.core.runtime import current
from service.http.idempotency import once
from service.http.negotiation import GRAPH, choose
from service.http.permissions import writer
from service.http.responses import check_iri, document, entry_answer, entry_iri, stored_entry

graphstore = Blueprint("graphstore", __name__)
ADDRESS = "/graph-store"
_DIRECT = "/id/<path>/<slug>"


@graphstore.get(ADDRESS)
def read() -> Response:
    """Read a graph: an entry, a vocabulary, provenance, or with ?default all of them."""
    name = _graph()
    media, form = choose(GRAPH)
    if name is not None and _is_entry(name):
        return entry_answer(stored_entry(check_iri(name)), media, form)
    dataset = ALL if name is None else Dataset(default=(name,))
    answer = current().queries.run(EVERYTHING, form, dataset)
    if not answer.rows:
        raise NotFound(gettext("There is no graph %(name)s.", name=name))
    response = document(answer.body, media)
    response.set_etag(f"{answer.version}-{form}")
    response.make_conditional(request)
    return response


@graphstore.put(ADDRESS)
def replace() -> Response:
    """Replace an entry, or store a new one."""
    return writes.stored(*writes.replace(_entry()))


@graphstore.post(ADDRESS)
@once
def add() -> Response:
    """Add statements to an entry; without ?graph= store a new entry under its own name."""
    if "graph" not in request.args and "default" not in request.args:
        return writes.stored(writes.create(), 201)
    return _add(_entry())


@graphstore.delete(ADDRESS)
def delete() -> Response:
    """Delete an entry that no other links to."""
    return writes.delete(_entry())


@graphstore.put(_DIRECT)
def replace_directly(path: str, slug: str) -> Response:
    """Replace an entry at its own address, or store a new one."""
    return writes.stored(*writes.replace(entry_iri(path, slug)))


@graphstore.post(_DIRECT)
def add_directly(path: str, slug: str) -> Response:
    """Add statements to an entry at its own address."""
    return _add(entry_iri(path, slug))


@graphstore.delete(_DIRECT)
def delete_directly(path: str, slug: str) -> Response:
    """Delete an entry at its own address."""
    return writes.delete(entry_iri(path, slug))


def _add(iri: str) -> Response:
    who, runtime = writer(), current()
    runtime.intake.check_name(iri)
    expected = writes.expected_version(iri, needed=False)
    triples = parse(request.get_data(), request.mimetype)
    note, allow = writes.note(who), writes.allowed(who)
    accepted = runtime.intake.add(iri, triples, who.name, expected, note, allow=allow)
    return writes.stored(accepted, writes.status(accepted))


def _entry() -> str:
    """The IRI of the entry that a write names; Forbidden for what is no entry."""
    name = _graph()
    if name is None or not _is_entry(name):
        raise Forbidden(gettext("Only entries are written here: name one by ?graph=."))
    return check_iri(name)


def _is_entry(name: str) -> bool:
    return name.startswith(current().store.base + "id/")


def _graph() -> str | None:
    """The graph that the request names, None for ?default."""
    named, default = request.args.getlist("graph"), "default" in request.args
    if len(named) + default != 1:
        raise Malformed(gettext("Name one graph: ?graph= with its IRI, or ?default."))
    if default:
        return None
    try:
        return ox.NamedNode(named[0]).value
    except ValueError as error:
        raise Malformed(
            gettext("%(text)s is no absolute IRI; name the graph by one.", text=repr(named[0]))
        ) from error


@graphstore.after_request
def open_to_all(answer: Response) -> Response:
    """Let pages of other sites read, and write with a token of their user."""
    answer.headers["Access-Control-Allow-Origin"] = "*"
    if request.method == "OPTIONS":
        answer.headers["Access-Control-Allow-Methods"] = "GET, HEAD, PUT, POST, DELETE, OPTIONS"
        answer.headers["Access-Control-Allow-Headers"] = (
            "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match"
        )
    return answer
