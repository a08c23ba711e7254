"""The page of an entry."""

from __future__ import annotations

import logging

from flask import render_template, request

from kg.entry import Entry
from kg.errors import KgError
from kg.text.i18n import language
from kg.vocabulary import PSR
from matcher.encoding.text import INDEXED
from service.core.runtime import Runtime, current
from service.pages.entry.contacts import reach, report
from service.pages.entry.schema_org import structured
from service.pages.entry.view import entry_view
from service.pages.parts.components import shortened
from service.pages.parts.labels import Labels
from service.pages.parts.map import zoom
from service.pages.parts.match_cards import Card, results

log = logging.getLogger("passerelle")


def entry_page(entry: Entry, version: int | None = None) -> str:
    """Write the page of an entry, as it is or as it was in a former version."""
    runtime, root, iri = current(), request.script_root, entry.iri
    view = entry_view(runtime.store, entry, root)
    contact = runtime.settings.contact
    shelf, about = runtime.lists.shelf, _description(entry)
    (point, code), labels = shelf.spot(entry), Labels(shelf, runtime.store.base)
    return render_template(
        "entry.html",
        view=view,
        former=version,
        slug=entry.slug,
        reach=reach(runtime.store, entry, root),
        report=report(contact, view.title.text, iri, view.checked),
        similar=_similar(runtime, entry, root),
        description=about,
        map=zoom(point, view.title.text, labels.place, code) if point else None,
        structured=structured(entry, view, point, about),
    )


def _similar(runtime: Runtime, entry: Entry, root: str) -> tuple[Card, ...]:
    """Three similar practices; none while the matcher cannot answer."""
    if entry.path not in INDEXED or not runtime.ready:
        return ()
    raw = {"entry": entry.iri, "limit": 3, "filters": {"type": ["practice"]}}
    try:
        answer = runtime.matcher.ask("similar", raw)
        return results(runtime.store, answer, None, root).cards
    except KgError as error:  # the page must not fail with what stands beside it
        log.warning("No similar practices for %s: %s.", entry.iri, type(error).__name__)
        return ()


def _description(entry: Entry) -> str:
    """One or two sentences for search engines and link previews."""
    props = ("http://purl.org/dc/terms/description", PSR + "problem", PSR + "solution")
    text = next((words for prop in props if (words := entry.text(prop, language()))), "")
    return shortened(text, 160)
