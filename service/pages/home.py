"""The pages for people: the search with its results, and the page of an entry."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, Response, render_template, request

from kg.catalogue.facets import Shelf
from kg.catalogue.lists import class_counts
from kg.errors import KgError, Problem, Refused
from kg.text.i18n import gettext, mark, ngettext
from service.api import feedback
from service.api.requests import read_feedback
from service.core.runtime import Runtime, current
from service.http import login
from service.http.errors import shown
from service.pages.parts.components import Piece
from service.pages.parts.labels import Labels
from service.pages.parts.map import Map
from service.pages.parts.match_cards import (
    Results,
    about,
    ask,
    modes,
    read_form,
)
from service.pages.search.result import SearchForm, europe

pages = Blueprint("pages", __name__)
log = logging.getLogger("passerelle")
#: question, its language, kind of question, place
EXAMPLES = (
    ("We want to turn an empty building into a place that residents run.", "en", "similar", ""),
    ("Kako starijim osobama na selu osigurati prijevoz do liječnika?", "hr", "transfer", "HR"),
    ("Wie finden Langzeitarbeitslose wieder Arbeit?", "de", "transfer", "DE"),
    ("Recuperare il cibo invenduto per le famiglie in difficoltà.", "it", "similar", ""),
    ("Jauniešiem bez darba trūkst prasmju un kontaktu.", "lv", "transfer", "LV"),
    ("Rompre l’isolement des personnes âgées.", "fr", "partners", "FR"),
)
#: the pages whose suggestions can be decided on
_DECIDED = ("/", "/partners")
MODE_NAMES = {
    "similar": mark("Similar practices"),
    "transfer": mark("Could it work in my place?"),
    "partners": mark("Partners"),
}
_COUNTED: dict[str, Callable[[int], str]] = {
    "practice": lambda n: ngettext("practice", "practices", n),
    "actor": lambda n: ngettext("organisation", "organisations", n),
    "transfer": lambda n: ngettext("transfer", "transfers", n),
    "challenge": lambda n: ngettext("challenge", "challenges", n),
    "instrument": lambda n: ngettext("instrument", "instruments", n),
    "community": lambda n: ngettext("community", "communities", n),
    "plan": lambda n: ngettext("action plan", "action plans", n),
    "call": lambda n: ngettext("call", "calls", n),
}


@pages.get("/")
def home() -> Response:
    """Show the search form and, for a question, the matches with their reasons."""
    form, runtime = read_form(request.args), current()
    shelf = runtime.lists.shelf
    known = dict(shelf.counts("type", {}, shelf.all))
    matched: Results | None = None
    problems: list[Problem] = []
    status = 200
    if form.asked:
        lists, root = runtime.lists, request.script_root
        try:
            matched = ask(runtime.store, runtime.matcher, lists.places, form, root)
        except KgError as error:
            problems, status = shown(error)
    subject: Piece | None = None
    with suppress(Refused):
        subject = about(runtime.store, form)
    page = render_template(
        "home.html",
        form=form,
        results=matched,
        problems=problems,
        subject=subject,
        modes={mode: gettext(MODE_NAMES[mode]) for mode in modes(form)},
        places=runtime.lists.places.offered(),
        counts=[(p, known.get(p, 0), name(known.get(p, 0))) for p, name in _COUNTED.items()],
        place_count=class_counts(runtime.store)["territory"],
        map=None if form.asked else _practices(runtime, shelf),
        examples=[
            dict(zip(("q", "lang", "mode", "place"), row, strict=True))
            | {"mode_name": gettext(MODE_NAMES[row[2]])}
            for row in EXAMPLES
        ],
        told={
            "kind": form.mode,
            "about": f"{runtime.store.base}id/{form.entry}" if form.entry else "",
            "territory": matched.place.code if matched and matched.place else "",
        },
        ready=runtime.ready,
    )
    answer = Response(page, status, content_type="text/html; charset=utf-8")
    answer.cache_control.private = True
    if matched:
        login.start_session()
    return answer


@pages.post("/feedback")
def tell() -> Response:
    """Count what the page's reader decided on a suggestion, and lead back to the question."""
    sent = {name: value for name, value in request.form.items() if value}
    address, card = sent.pop("asked", "/"), sent.pop("card", "")
    if not login.has_session():
        return _back(address, "late")
    feedback.vote(read_feedback(sent))
    return _back(address, card)


def _back(question: str, thanks: str) -> Response:
    """Lead to the page that was decided on, and to no other; ``told`` says what to thank for."""
    path, _, query = question.partition("?")
    fields = [pair for pair in parse_qsl(query) if pair[0] != "told"]
    here = path if path in _DECIDED else "/"
    address = f"{request.script_root}{here}?{urlencode([*fields, ('told', thanks)])}#told"
    return Response(status=303, headers={"Location": address})


def _practices(runtime: Runtime, shelf: Shelf) -> Map:
    """The map of all practices, each country leading to its own."""
    rows = shelf.members(shelf.narrowed({"type": ("practice",)}, shelf.all))
    plain = SearchForm(chosen={"type": ("practice",)})
    labels = Labels(shelf, runtime.store.base)
    return europe(rows, labels, plain)
