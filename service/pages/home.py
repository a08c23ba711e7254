"""The pages for people: the search with its results, and the page of an entry."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, Response, request

from kg.catalogue.places import NamedPlace
from kg.errors import KgError, Problem
from kg.text.i18n import gettext, mark, ngettext
from matcher.kinds import KINDS
from service.api import feedback
from service.api.requests import read_feedback
from service.core.runtime import current
from service.http import login
from service.http.errors import shown
from service.http.responses import html_page
from service.pages.parts.forms import Draft, Form
from service.pages.parts.labels import labels
from service.pages.parts.match_cards import MAX_CARDS, results
from service.pages.search.result import SearchForm, europe

pages = Blueprint("pages", __name__)
#: question, its language, kind of question, place
EXAMPLES = (
    ("We want to turn an empty building into a place that residents run.", "en", "similar", ""),
    ("Kako starijim osobama na selu osigurati prijevoz do liječnika?", "hr", "transfer", "HR"),
    ("Wie finden Langzeitarbeitslose wieder Arbeit?", "de", "transfer", "DE"),
    ("Recuperare il cibo invenduto per le famiglie in difficoltà.", "it", "similar", ""),
    ("Jauniešiem bez darba trūkst prasmju un kontaktu.", "lv", "transfer", "LV"),
    ("Rompre l’isolement des personnes âgées.", "fr", "partners", "FR"),
)
#: a part of the request -> the field of it
FIELDS = {"text": "q", "territory": "place"}
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
    form, here = Form(request.args), labels()
    runtime, snapshot, entry = here.runtime, here.snapshot, form.one("entry")
    mode = form.one("mode") if form.one("mode") in MODE_NAMES else "similar"
    draft, sent = Draft(mode, here, form, FIELDS), form.sent("q", "entry")
    place, matched, problems, status = None, None, list[Problem](), 200
    if sent:
        place = _fill(draft)
        try:
            matched = results(here, draft.ask(), draft.about)
        except KgError as error:
            problems, status = shown(error)
    modes = [m for m in MODE_NAMES if entry.partition("/")[0] in KINDS[m].paths] or MODE_NAMES
    known = snapshot.counts("type", snapshot.listed)
    practices = SearchForm(chosen={"type": ("practice",)})
    page = html_page(
        "home.html",
        status,
        form=form,
        asked=sent,
        mode=mode,
        results=matched,
        place=place,
        problems=problems,
        subject=here.entry(draft.about) if draft.about else None,
        modes={mode: gettext(MODE_NAMES[mode]) for mode in modes},
        places=runtime.places.offered(),
        counts=[(p, known.get(p, 0), name(known.get(p, 0))) for p, name in _COUNTED.items()],
        place_count=len(snapshot.territories),
        map=None if sent else europe(snapshot.passing(practices.chosen), here, practices),
        examples=[(*row, gettext(MODE_NAMES[row[2]])) for row in EXAMPLES],
        told={
            "kind": mode,
            "about": f"{runtime.store.base}id/{entry}" if entry else "",
            "territory": place.code if place else "",
        },
        ready=runtime.ready,
    )
    if matched:
        login.start_session()
    return page


def _fill(draft: Draft) -> NamedPlace | None:
    """Take what was typed: a question or an entry, and the place."""
    kind, name = draft.kind, draft.form.one("entry")
    iri = f"{current().store.base}id/{name}"
    if not name:
        draft.text()
    elif name.partition("/")[0] in KINDS[kind].paths and iri in draft.labels.snapshot:
        draft.subject(iri)
    else:
        message = gettext("There is no such entry to ask about.")
        hint = gettext("Describe what you do or need instead.")
        draft.problems.append(Problem("entry", message, hint=hint))
    place = draft.territory(needed=kind == "transfer")
    # A practice asked about may be far down the list; it is shown first all the same.
    draft.raw["limit"] = 100 if name and kind == "transfer" else MAX_CARDS
    if kind == "similar":
        draft.raw["filters"] = {"type": ["practice"]}
        draft.raw.pop("territory", None)  # it only leads on to *transfer*
    return place


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
