"""An entry as schema.org, for search engines and for programs that cite."""

from __future__ import annotations

from typing import Any

from kg.catalogue.facets import Point
from kg.entry import Entry
from kg.vocabulary import DCT, PSR, SCHEMA
from service.pages.entry.view import EntryView

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
