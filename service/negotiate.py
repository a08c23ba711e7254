"""Which format a client wants, and entries and vocabularies written in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import pyoxigraph as ox
from flask import request
from pyld import jsonld
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import NotAcceptable

from kg import results
from kg.entry import Entry
from kg.i18n import gettext
from kg.vocabulary import PREFIXES, context

#: media type -> format; in the order of our preference
Offers = Mapping[str, str]
RDF: Offers = {
    "text/turtle": "turtle",
    "application/n-triples": "nt",
    "application/ld+json": "jsonld",
    "application/json": "jsonld",
}
MATCHES: Offers = {"application/json": "json"} | {
    k: v for k, v in RDF.items() if k != "application/json"
}
PAGE: Offers = {"text/html": "html"} | dict(RDF)
DATA: Offers = {"application/ld+json": "jsonld", "application/json": "jsonld"} | dict(RDF)
GRAPH: Offers = dict(RDF) | {"application/rdf+xml": "rdfxml"}
TABLE: Offers = {
    "application/sparql-results+json": "json",
    "application/json": "json",
    "application/sparql-results+xml": "xml",
    "application/xml": "xml",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
}
_NAMES = {
    "ttl": ("turtle",),
    "n3": ("turtle",),
    "ntriples": ("nt",),
    "json-ld": ("jsonld",),
    "json": ("json", "jsonld"),
    "xml": ("xml", "rdfxml"),
    "rdf": ("rdfxml",),
    "rdf+xml": ("rdfxml",),
}


def accept() -> MIMEAccept:
    """Return the Accept header without parameters such as charset or profile."""
    return MIMEAccept([(v.partition(";")[0].strip(), q) for v, q in request.accept_mimetypes])


def wants_page() -> bool:
    """Return whether the client would rather have HTML than JSON, as browsers do."""
    wanted = accept()
    return wanted.quality("text/html") > wanted.quality("application/json")


def choose(offers: Offers) -> tuple[str, str]:
    """Return media type and format: ``?format=``, else by Accept's q-values.

    Raises NotAcceptable (406), naming what there is.
    """
    return choose_named(offers, request.args.get("format"))


def choose_named(offers: Offers, named: str | None) -> tuple[str, str]:
    """Return media type and format: the named one, else by Accept's q-values."""
    if named:
        return _named(named.lower(), offers)
    if request.headers.get("Accept", "") in {"", "*/*"}:
        return next(iter(offers.items()))
    wanted = accept()
    best = max(offers, key=wanted.quality)
    if not wanted.quality(best):
        _refuse(offers)
    return best, offers[best]


def _named(name: str, offers: Offers) -> tuple[str, str]:
    if name in offers:
        return name, offers[name]
    for form in _NAMES.get(name, (name,)):
        for media, offered in offers.items():
            if offered == form:
                return media, form
    _refuse(offers)


def _refuse(offers: Offers) -> NoReturn:
    raise NotAcceptable(
        gettext("There is %(names)s; ask for one of these.", names=", ".join(offers))
    )


def write(triples: Sequence[ox.Triple], form: str, named: str | Mapping[str, Any]) -> bytes:
    """Return triples as ``turtle``, ``nt``, ``rdfxml`` or ``jsonld`` (in our context).

    ``named`` is the address of the context, or the context itself.
    """
    if form == "jsonld":
        document = jsonld.compact(_expand(triples), context(), _OPTIONS | {"graph": True})
        return _document(document, named)
    return _serialize(triples, form)


def write_entry(entry: Entry, form: str, context_url: str) -> bytes:
    """Return an entry as ``turtle``, ``nt``, ``rdfxml`` or ``jsonld`` (its parts nested)."""
    if form != "jsonld":
        return _serialize(entry.triples, form)
    return _document(entry_object(entry), context_url)


def entry_object(entry: Entry) -> dict[str, Any]:
    """Return an entry as a JSON-LD object with its parts nested, context left out."""
    frame = {"@context": context(), "@id": entry.iri}
    found: dict[str, Any] = jsonld.frame(_expand(entry.triples), frame, _OPTIONS)
    return {key: value for key, value in found.items() if key != "@context"}


def _serialize(triples: Sequence[ox.Triple], form: str) -> bytes:
    if form == "turtle":
        return turtle(triples)
    if form == "rdfxml":
        try:
            return results.graph(triples, form)
        except ValueError as error:
            raise NotAcceptable(str(error)) from error
    return "".join(f"{triple} .\n" for triple in triples).encode()


def turtle(triples: Iterable[ox.Triple]) -> bytes:
    """Return triples as Turtle with our prefixes."""
    body = ox.serialize(triples, format=ox.RdfFormat.TURTLE, prefixes=PREFIXES)
    assert body is not None
    return body


def _expand(triples: Iterable[ox.Triple]) -> Any:  # noqa: ANN401
    text = "".join(f"{triple} .\n" for triple in triples)
    return jsonld.from_rdf(text, _OPTIONS | {"format": "application/n-quads"})


def _document(body: dict[str, Any], named: str | Mapping[str, Any]) -> bytes:
    document = {"@context": named} | {k: v for k, v in body.items() if k != "@context"}
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _load_nothing(url: str, options: object = None) -> NoReturn:
    raise jsonld.JsonLdError(f"{url} is not fetched", "loading remote context failed")


_OPTIONS: dict[str, Any] = {
    "documentLoader": _load_nothing,
    "embed": "@always",
    "omitGraph": True,
}
