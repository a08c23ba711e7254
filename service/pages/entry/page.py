"""The page of an entry."""

from __future__ import annotations

import logging

from flask import render_template

from kg.entry import Entry
from kg.errors import KgError
from kg.text.i18n import language
from kg.vocabulary import DCT, PSR
from matcher.encoding.text import INDEXED
from service.pages.entry.contacts import reach, report
from service.pages.entry.schema_org import structured
from service.pages.entry.view import entry_view
from service.pages.parts.components import shortened
from service.pages.parts.labels import Labels, labels
from service.pages.parts.map import zoom
from service.pages.parts.match_cards import Card, results

log = logging.getLogger("passerelle")


def entry_page(iri: str) -> str:
    """Write the page of an entry. Raises NotFound."""
    here = labels()
    entry = here.runtime.store.get(iri)
    view = entry_view(here, entry)
    title, (point, code) = view.title.text, here.shelf.spot(entry)
    props = (DCT + "description", PSR + "problem", PSR + "solution")
    about = next((words for prop in props if (words := entry.text(prop, language()))), "")
    about = shortened(about, 160)
    return render_template(
        "entry.html",
        view=view,
        slug=entry.slug,
        reach=reach(here, entry),
        report=report(here.runtime.settings.contact, title, iri, view.checked),
        similar=_similar(here, entry),
        description=about,
        map=zoom(point, title, here.place, code) if point else None,
        structured=structured(entry, view, point, about),
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
