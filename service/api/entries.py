"""The JSON API: entries, validation, matches, and how the service is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, cast

from flask import Blueprint, Response, request

from kg.catalogue import lists
from kg.catalogue.filters import NAMES, check
from kg.catalogue.gazetteer import CREDIT
from kg.catalogue.places import MAX_TYPED, NamedPlace
from kg.entries.reading import read_entry
from kg.errors import Overloaded, Problem, Refused, refused
from kg.text.i18n import available, gettext, language, set_language
from kg.text.language import primary
from kg.vocabulary import CLASSES
from matcher.model.answer import ABSENT, NamedEntry
from service.api import writes
from service.core.metrics import MEDIA
from service.core.runtime import current
from service.http.idempotency import once
from service.http.negotiation import DATA, choose
from service.http.responses import (
    as_json,
    check_iri,
    entry_answer,
    entry_iri,
    stored_entry,
    visitor,
    whole,
)

api = Blueprint("api", __name__)
#: the tag of a language
TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,8}")
#: how many places are listed at most
MAX_PLACES = 50
_PARAMETERS = {*NAMES, "q", "limit", "cursor", "lang"}


@dataclass(frozen=True)
class State:
    """The state; ``failed`` counts the entries that the model cannot read."""

    status: str
    index_lag: Annotated[int | None, ABSENT] = None
    failed: Annotated[int | None, ABSENT] = None


@dataclass(frozen=True)
class Stats:
    """Numbers of the graph: entries by class, and how far the index is behind."""

    entries: Mapping[str, int]
    data_version: int
    index_lag: int
    failed: int
    model: str


@dataclass(frozen=True)
class EntryList:
    """A page of entries; ``next`` is the cursor of the page after it."""

    entries: tuple[NamedEntry, ...]
    next: str | None
    total: int


@dataclass(frozen=True)
class PlaceList:
    """Places, best first; ``credit`` says whose names and codes they are."""

    places: tuple[NamedPlace, ...]
    credit: str = CREDIT


@dataclass(frozen=True)
class ShapesReport:
    """What the shapes say."""

    entry: str | None
    conforms: bool
    problems: tuple[Problem, ...]


@api.get("/health")
def health() -> Response:
    """Say that the process lives."""
    return as_json(State("alive"))


@api.get("/ready")
def ready() -> Response:
    """Say whether questions can be answered, or raise StoreUnusable or Overloaded."""
    runtime = current()
    runtime.store.check()
    if runtime.unusable:
        raise runtime.unusable
    if not runtime.ready:
        raise Overloaded(
            gettext("The model is being loaded and the index filled. Try again soon."), 2
        )
    matcher = runtime.matcher
    return as_json(State("ready", matcher.index.lag(), matcher.failed))


@api.get("/api/stats")
def stats() -> Response:
    """Count entries by class, and say how far the index is behind."""
    runtime = current()
    snapshot = runtime.catalogue.snapshot()
    known = snapshot.counts("type", snapshot.live)
    return as_json(
        Stats(
            entries={path: known.get(path, 0) for path in CLASSES},
            data_version=runtime.store.version(),
            index_lag=runtime.matcher.index.lag(),
            failed=runtime.matcher.failed,
            model=runtime.matcher.embedder.name,
        )
    )


@api.get("/api/entries")
def list_or_read() -> Response:
    """List a page of entries, or read the one that ``?iri=`` names."""
    if "iri" in request.args:
        return _read(check_iri(request.args["iri"]))
    if unknown := sorted(set(request.args) - _PARAMETERS):
        raise _unknown(unknown, sorted(_PARAMETERS))
    runtime = current()
    typed = {n: values for n in NAMES if (values := [v for v in request.args.getlist(n) if v])}
    page = lists.list_entries(
        runtime.catalogue.snapshot(),
        check(runtime.places, typed),
        q=request.args.get("q", ""),
        limit=whole(request.args.get("limit", "50")),
        cursor=request.args.get("cursor"),
        lang=request.args.get("lang", "en"),
    )
    rows = tuple(NamedEntry(**cast("dict[str, Any]", row)) for row in page.rows)
    return as_json(EntryList(rows, page.next, page.total))


def _unknown(names: Iterable[str], known: Iterable[str]) -> Refused:
    message = gettext("This parameter is not known.")
    hint = gettext("Use %(names)s.", names=", ".join(known))
    problems = [Problem(name, message, value=name, hint=hint) for name in names]
    return Refused(gettext("The list cannot be narrowed like this."), problems)


@api.get("/api/entries/<path>/<slug>")
def read(path: str, slug: str) -> Response:
    """Read one entry."""
    return _read(entry_iri(path, slug))


@api.get("/api/places")
def find_places() -> Response:
    """Find places by what was typed so far, their names as the reader's language has them."""
    if unknown := sorted(set(request.args) - {"q", "lang", "limit"}):
        raise _unknown(unknown, ("lang", "limit", "q"))
    text, limit = request.args.get("q", "").strip(), whole(request.args.get("limit", "10"))
    if not text or len(text) > MAX_TYPED:
        message = gettext("Write a name of 1 to %(most)s letters.", most=MAX_TYPED)
        raise refused("q", message, value=text[:MAX_TYPED])
    if not 1 <= limit <= MAX_PLACES:
        message = gettext("The limit is a number from 1 to %(most)s.", most=MAX_PLACES)
        raise refused("limit", message, value=str(limit))
    lang = request.args.get("lang", language())
    if not TAG.fullmatch(lang):
        message = gettext("This is not the tag of a language.")
        raise refused("lang", message, value=lang[:35], hint=gettext("Write a tag such as “de”."))
    if (spoken := primary(lang)) in available():
        set_language(spoken)
    return as_json(PlaceList(tuple(current().places.beginning(text, limit))))


def _read(iri: str) -> Response:
    entry = stored_entry(iri)
    media, form = choose(DATA)
    return entry_answer(entry, media, form)


@api.post("/api/entries")
@once
def create() -> Response:
    """Store a new entry and say where it is."""
    return writes.stored(writes.create(), 201)


@api.put("/api/entries")
def replace_by_iri() -> Response:
    """Replace the entry that ``?iri=`` names."""
    return writes.stored(*writes.replace(check_iri(request.args.get("iri", ""))))


@api.put("/api/entries/<path>/<slug>")
def replace(path: str, slug: str) -> Response:
    """Replace an entry, or store a new one under this name."""
    return writes.stored(*writes.replace(entry_iri(path, slug)))


@api.delete("/api/entries")
def delete_by_iri() -> Response:
    """Delete the entry that ``?iri=`` names."""
    return writes.delete(check_iri(request.args.get("iri", "")))


@api.delete("/api/entries/<path>/<slug>")
def delete(path: str, slug: str) -> Response:
    """Delete an entry that no other links to."""
    return writes.delete(entry_iri(path, slug))


@api.post("/api/validate")
def validate() -> Response:
    """Say what the shapes find in an entry, without storing it."""
    intake = current().intake
    data, media = request.get_data(), request.mimetype
    try:
        entry, report = intake.examine(
            lambda: read_entry(data, media, intake.store.base, noted=intake.store.noted), visitor()
        )
    except Refused as error:
        return as_json(ShapesReport(None, False, tuple(error.problems)))
    return as_json(ShapesReport(entry.iri, report.conforms, tuple(report.problems)))


@api.get("/metrics")
def metrics() -> Response:
    """Show the figures of this service to Prometheus."""
    return Response(current().metrics.text(), content_type=MEDIA)
