"""The page of an entry, and what it says to search engines and to programs that cite."""

from __future__ import annotations

import logging
from typing import Any

from flask import render_template

from kg.catalogue.territories import Point
from kg.entry import Entry
from kg.errors import KgError
from kg.text.i18n import language
from kg.vocabulary import DCT, PSR, SCHEMA
from matcher.encoding.text import INDEXED
from service.pages.entry.contacts import reach, report
from service.pages.entry.view import EntryView, entry_view
from service.pages.parts.components import shortened
from service.pages.parts.labels import Labels, labels
from service.pages.parts.map import zoom
from service.pages.parts.match_cards import Card, results

log = logging.getLogger("passerelle")
#: class path -> type of schema.org; what is described, not its page
TYPES = {
    "practice": "Project",
    "challenge": "DefinedTerm",
    "actor": "Organization",
    "instrument": "GovernmentService",
    "transfer": "Action",
    "plan": "CreativeWork",
    "community": "Organization",
    "call": "Event",
    "territory": "Place",
}
_DATES = {
    "Project": ("foundingDate", "dissolutionDate"),
    "Action": ("startTime", "endTime"),
    "Event": ("startDate", "endDate"),
}


def entry_page(entry: Entry, version: int | None = None) -> str:
    """Write the page of an entry, as it is or as it was in a former version."""
    here = labels()
    view = entry_view(here, entry)
    title, row = view.title.text, here.row(entry)
    props = (DCT + "description", PSR + "problem", PSR + "solution")
    about = next((words for prop in props if (words := entry.text(prop, language()))), "")
    about = shortened(about, 160)
    return render_template(
        "entry.html",
        view=view,
        former=version,
        slug=entry.slug,
        reach=reach(here, entry),
        report=report(here.runtime.settings.contact, title, entry.iri, view.checked),
        similar=_similar(here, entry),
        description=about,
        map=zoom(row.point, title, here.place, next(iter(row.values["country"]), ""))
        if row.point
        else None,
        structured=structured(entry, view, row.point, about),
    )


def _similar(here: Labels, entry: Entry) -> tuple[Card, ...]:
    """Three similar practices; none while the matcher cannot answer."""
    if entry.path not in INDEXED or not here.runtime.ready:
        return ()
    raw = {"entry": entry.iri, "limit": 3, "filters": {"type": ["practice"]}}
    try:
        return results(here, here.runtime.matcher.ask("similar", raw)).cards
    except KgError as error:  # the page must not fail with what stands beside it
        log.warning("No similar practices for %s: %s.", entry.iri, type(error).__name__)
        return ()


def structured(entry: Entry, view: EntryView, point: Point | None, about: str) -> dict[str, Any]:
    """Describe the entry in JSON-LD of schema.org; ``about`` is its text in short."""
    kind = TYPES.get(entry.path, "Thing")
    starts, ends = _DATES.get(kind, ("", ""))
    body: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": kind,
        "@id": entry.iri,
        "name": view.title.text,
        "description": about,
        "url": next(iter(entry.links(SCHEMA + "url")), ""),
        starts: entry.text(SCHEMA + "startDate") or entry.text(PSR + "opensOn"),
        ends: entry.text(SCHEMA + "endDate") or entry.text(PSR + "closesOn"),
        "subjectOf": {
            "@type": "Dataset",
            "name": f"{view.title.text} – Passerelle",
            "license": next(iter(entry.links(DCT + "license")), ""),
            "isBasedOn": entry.links(DCT + "source"),
            "dateModified": view.version.when[:10] if view.version else "",
        },
    }
    if point:
        place = {"@type": "GeoCoordinates", "latitude": point[0], "longitude": point[1]}
        body |= (
            {"geo": place} if kind == "Place" else {"location": {"@type": "Place", "geo": place}}
        )
    dataset = {key: value for key, value in body["subjectOf"].items() if value}
    return {key: value for key, value in body.items() if key and value} | {"subjectOf": dataset}
