"""The JSON API: entries, validation, matches, and how the service is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, cast

from flask import Blueprint, Response, request

from kg.catalogue import lists
from kg.catalogue.filters import NAMES, check
from kg.entries.reading import read_entry
from kg.errors import Overloaded, Problem, Refused
from kg.text.i18n import gettext
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
        message = gettext("This parameter is not known.")
        hint = gettext("Use %(names)s.", names=", ".join(sorted(_PARAMETERS)))
        problems = [Problem(name, message, value=name, hint=hint) for name in unknown]
        raise Refused(gettext("The list cannot be narrowed like this."), problems)
    typed = {name: list(filter(None, request.args.getlist(name))) for name in NAMES}
    page = lists.list_entries(
        current().catalogue.snapshot(),
        check(current().store, typed),
        q=request.args.get("q", ""),
        limit=whole(request.args.get("limit", "50")),
        cursor=request.args.get("cursor"),
        lang=request.args.get("lang", "en"),
    )
    rows = tuple(NamedEntry(**cast("dict[str, Any]", row)) for row in page.rows)
    return as_json(EntryList(rows, page.next, page.total))


@api.get("/api/entries/<path>/<slug>")
def read(path: str, slug: str) -> Response:
    """Read one entry."""
    return _read(entry_iri(path, slug))


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
