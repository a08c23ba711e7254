"""Which format a client wants, and entries and vocabularies written in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import flask
import pyoxigraph as ox
from flask import request
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import NotAcceptable

from kg.entries import jsonld_writer
from kg.entry import Entry
from kg.sparql import results
from kg.text.i18n import gettext
from kg.vocabulary import PREFIXES

#: media type -> format; in the order of our preference
Offers = Mapping[str, str]
#: what is read
RDF: Offers = {
    "text/turtle": "turtle",
    "application/n-triples": "nt",
    "application/ld+json": "jsonld",
    "application/json": "jsonld",
}
GRAPH: Offers = dict(RDF) | {"application/rdf+xml": "rdfxml"}
MATCHES: Offers = {"application/json": "json"} | {
    k: v for k, v in RDF.items() if k != "application/json"
}
PAGE: Offers = {"text/html": "html"} | dict(GRAPH)
DATA: Offers = {"application/ld+json": "jsonld", "application/json": "jsonld"} | dict(GRAPH)
TABLE: Offers = {
    "application/sparql-results+json": "json",
    "application/json": "json",
    "application/sparql-results+xml": "xml",
    "application/xml": "xml",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
}
#: what ``?format=`` may say beside the formats and media types themselves
_NAMES = {
    name: forms
    for forms, names in {
        ("turtle",): "ttl n3",
        ("nt",): "ntriples n-triples text/ntriples",
        ("jsonld",): "json-ld ld+json",
        ("rdfxml",): "rdf rdf/xml rdf-xml rdf+xml owl",
        ("json",): "srj sparql-json sparql-results+json",
        ("xml",): "srx sparql-xml sparql-results+xml text/xml application/xml",
        ("tsv",): "tab-separated-values text/tsv",
        ("json", "jsonld"): "json",
        ("xml", "rdfxml"): "xml",
    }.items()
    for name in names.split()
}
#: what clients call our media types, before these had names of their own or since
_ALIASES = {
    "text/n3": ("text/turtle",),
    "text/rdf+n3": ("text/turtle",),
    "application/x-turtle": ("text/turtle",),
    "application/turtle": ("text/turtle",),
    "text/plain": ("application/n-triples",),
    "text/xml": ("application/rdf+xml", "application/sparql-results+xml"),
    "application/xml": ("application/rdf+xml", "application/sparql-results+xml"),
}
#: who names one of these is no browser; XML and plain text are named by browsers too
_MACHINES = {
    *GRAPH,
    *(alias for alias in _ALIASES if alias not in {"text/plain", "text/xml", "application/xml"}),
    "application/trig",
    "application/trix",
    "application/n-quads",
    "application/owl+xml",
    "application/rdf+json",
} - {"application/json"}
_QUALITY = re.compile(r";\s*[qQ]\s*=\s*(\d*)\.(\d*)")


class Request(flask.Request):
    """A request whose q-values are whole: werkzeug drops what Java sends, ``*; q=.2``."""

    def __init__(self, environ: dict[str, Any], *args: Any, **more: Any) -> None:  # noqa: ANN401
        for name in [key for key in environ if key.startswith("HTTP_ACCEPT")]:
            environ[name] = _QUALITY.sub(
                lambda match: f";q={match[1] or 0}.{match[2] or 0}", environ[name]
            )
        super().__init__(environ, *args, **more)


def accept() -> MIMEAccept:
    """The Accept header without parameters such as charset or profile."""
    named = [(v.partition(";")[0].strip().lower(), q) for v, q in request.accept_mimetypes]
    return MIMEAccept([("*/*" if media == "*" else media, q) for media, q in named])


def _names_rdf(ranges: MIMEAccept) -> bool:
    return any(quality and media in _MACHINES for media, quality in ranges)


def wants_page() -> bool:
    """Whether the client would rather have HTML than JSON or RDF, as browsers do."""
    ranges = accept()
    html = ranges.quality("text/html")
    return html > ranges.quality("application/json") and not _names_rdf(ranges)


def choose(offers: Offers, named: str | None = None) -> tuple[str, str]:
    """Choose media type and format: the named one, else by Accept's q-values.

    What is named is that of ``?format=`` unless the caller says otherwise; empty for nothing.

    Who names any type of RDF never gets the page; of equal q-values the type that is named goes
    before one that only a wildcard allows. Raises NotAcceptable (406), naming what there is.
    """
    if named := request.args.get("format") if named is None else named:
        # In an address a bare plus sign is a space.
        name = named.partition(";")[0].strip().lower().replace(" ", "+")
        for media in (name, *_ALIASES.get(name, ())):
            if media in offers:
                return media, offers[media]
        for form in _NAMES.get(name, (name,)):
            for media, offered in offers.items():
                if offered == form:
                    return media, form
        _refuse(offers)
    header = request.headers.get("Accept", "")
    if header in {"", "*/*"}:
        return next(iter(offers.items()))
    if header in offers:
        return header, offers[header]
    ranges = accept()
    left = {m: f for m, f in offers.items() if f != "html" or not _names_rdf(ranges)}
    weights = {media: _weight(media, ranges, offers) for media in left}
    best = max(left, key=weights.__getitem__)
    if not weights[best][0]:
        _refuse(offers)
    return best, offers[best]


def _weight(media: str, ranges: MIMEAccept, offers: Offers) -> tuple[float, int]:
    """Weigh an offer: its q-value, then whether it is named, by an alias, or not at all."""
    plainly = {name: quality for name, quality in ranges if quality}
    if media in plainly:
        return plainly[media], 2
    aliases = [
        plainly[alias]
        for alias, ours in _ALIASES.items()
        if media in ours
        and alias in plainly
        and alias not in offers
        and not ("xml" in alias and "text/html" in plainly)  # a browser names XML and means pages
    ]
    quality = float(ranges.quality(media))
    return max([(quality, 0), *((q, 1) for q in aliases)])


def _refuse(offers: Offers) -> NoReturn:
    names = [f"{media} ({form})" for media, form in offers.items()]
    raise NotAcceptable(
        gettext("There is %(names)s; ask for one of these.", names=", ".join(names))
    )


def write(what: Entry | Sequence[ox.Triple], form: str, named: str | Mapping[str, Any]) -> bytes:
    """Write triples, or an entry, as ``turtle``, ``nt``, ``rdfxml`` or ``jsonld`` (in our context).

    ``named`` is the address of the context, or the context itself. In JSON-LD the parts of an
    entry are nested.
    """
    triples = what.triples if isinstance(what, Entry) else what
    match form:
        case "jsonld":
            writer = jsonld_writer
            body = writer.entry_object(what) if isinstance(what, Entry) else writer.flat(what)
            return json.dumps({"@context": named} | body, ensure_ascii=False, indent=1).encode()
        case "turtle":
            return turtle(triples)
        case "rdfxml":
            try:
                return results.graph(triples, form)
            except ValueError as error:
                raise NotAcceptable(str(error)) from error
    return "".join(f"{triple} .\n" for triple in triples).encode()


def turtle(triples: Iterable[ox.Triple]) -> bytes:
    """Write triples as Turtle with our prefixes."""
    body = ox.serialize(triples, format=ox.RdfFormat.TURTLE, prefixes=PREFIXES)
    assert body is not None
    return body
