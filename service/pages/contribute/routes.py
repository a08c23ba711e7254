"""The pages to sign in, and to write, check, change and remove an entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyoxigraph as ox
from flask import Blueprint, Response, redirect, render_template, request, session, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from kg.catalogue.facets import LISTED
from kg.entries.reading import entry_of, ours_to_say, slug_of
from kg.entry import Entry
from kg.errors import KgError, NotFound, Problem, Refused
from kg.text.i18n import gettext, language, own_names
from kg.vocabulary import CLASSES, vocabulary
from matcher.encoding.text import INDEXED, preferred
from matcher.encoding.text import words as in_all_languages
from service.core.runtime import current
from service.http import login
from service.http.errors import shown
from service.http.responses import entry_iri, refuse_foreign, visitor, whole
from service.pages.contribute.shacl_form import (
    Ask,
    Control,
    Reader,
    Typed,
    asks,
    check_size,
    controls,
    filled,
)
from service.pages.parts.labels import labels, options
from service.pages.parts.match_cards import Card, results

contribute = Blueprint("contribute", __name__, url_prefix="/contribute")


@dataclass(frozen=True)
class Form:
    """An entry form as it is shown; ``checked`` when it could be sent as it is.

    ``removing`` when the entry was to be removed and was not.
    """

    path: str
    slug: str
    kind: str
    controls: tuple[Control, ...]
    problems: tuple[Problem, ...]
    version: str
    fresh: bool = False
    checked: bool = False
    removing: bool = False
    similar: tuple[Card, ...] = ()


@contribute.get("")
def start() -> str:
    """Offer to sign in and to describe something of each class."""
    words = vocabulary()
    kinds = [(path, words.label(CLASSES[path], language())) for path in LISTED]
    return render_template(
        "contribute.html",
        kinds=kinds,
        who=login.who(),
        csrf=login.csrf(),
        removed="removed" in request.args,
    )


@contribute.post("/sign-in")
def sign_in() -> BaseResponse | tuple[str, int]:
    """Open a session for a token."""
    refuse_foreign()
    if login.sign_in(request.form.get("token", "")):
        return redirect(url_for("contribute.start"), 303)
    return render_template(
        "contribute.html", kinds=(), who=None, csrf=login.csrf(), wrong=True
    ), 401


@contribute.post("/sign-out")
def sign_out() -> BaseResponse:
    """Close the session."""
    if login.writer():
        session.clear()
    return redirect(url_for("contribute.start"), 303)


@contribute.route("/<path>", methods=["GET", "POST"])
def create(path: str) -> BaseResponse:
    """Show the empty form of a class, check what was typed, or store a new entry."""
    if path not in LISTED:
        raise NotFound(gettext("There is no form for %(path)s.", path=path))
    return _edit(path, None)


@contribute.route("/<path>/<slug>", methods=["GET", "POST"])
def change(path: str, slug: str) -> BaseResponse:
    """Show an entry in its form, check what was typed, or replace it."""
    return _edit(path, current().store.get(entry_iri(path, slug)))


@contribute.post("/<path>/<slug>/delete")
def remove(path: str, slug: str) -> BaseResponse:
    """Remove an entry that no other links to, if the person is sure."""
    entry, agent = current().store.get(entry_iri(path, slug)), login.writer()
    if agent is None or "sure" not in request.form:
        message = gettext("Tick that you are sure.") if agent else _sign_in_first()
        return _kept(entry, [Problem("", message)], 422 if agent else 401)
    try:
        current().intake.delete(entry.iri, agent)
    except KgError as error:
        return _kept(entry, *shown(error))
    current().written()
    return redirect(url_for("contribute.start", removed=1), 303)


def _kept(entry: Entry, problems: list[Problem], status: int) -> Response:
    """Say why an entry was not removed, with what was typed into its form."""
    form = _form(entry.path, entry.slug, request.form, problems)
    return _answer(replace(form, removing=True), status)


def _sign_in_first() -> str:
    return gettext("Sign in with your token below; nothing of what you typed is lost.")


def _edit(path: str, entry: Entry | None) -> BaseResponse:
    if request.method == "GET":
        return _answer(_stored(entry) if entry else _form(path, "", MultiDict(), fresh=True))
    typed, agent = request.form, login.writer()
    check_size(_fields(path), typed)
    slug = entry.slug if entry else ""
    try:
        if typed.get("do") == "send" and agent:
            return _store(_draft(path, entry, typed), entry, agent, typed.get("version", ""))
        draft, report = current().intake.examine(lambda: _draft(path, entry, typed), visitor())
        problems = list(report.problems)
        form = _form(path, slug, typed, problems, draft=draft if report.conforms else None)
        if typed.get("do") == "send":
            return _answer(
                _form(path, slug, typed, [Problem("", _sign_in_first()), *problems]), 401
            )
        return _answer(form, 200 if report.conforms else 422)
    except KgError as error:
        problems, status = shown(error)
        return _answer(_form(path, slug, typed, problems), status)


def _store(draft: Entry, before: Entry | None, agent: str, version: str) -> BaseResponse:
    runtime = current()
    if before is None:
        runtime.intake.create(draft, agent)
    else:
        runtime.intake.replace(draft, agent, whole(version))
    runtime.written()
    return redirect(f"{request.script_root}/id/{draft.path}/{draft.slug}", 303)


def _fields(path: str) -> tuple[Ask, ...]:
    return asks(current().intake.validator.shapes, CLASSES[path])


def _draft(path: str, before: Entry | None, typed: Typed) -> Entry:
    """The entry that was typed, with what the form does not show left as it was."""
    store, lists, fields = current().store, current().lists, _fields(path)
    title = next((t for t in typed.getlist("dct:title") if t.strip()), "")
    iri = before.iri if before else f"{store.base}id/{path}/{slug_of(title)}"
    reader = Reader(store.base, lists.places, lists.titles.find)
    made = reader.triples(ox.NamedNode(iri), CLASSES[path], fields, typed)
    if reader.problems:
        raise Refused(gettext("Some fields cannot be read."), reader.problems)
    properties = {ask.prop for ask in fields} | {a.prop for ask in fields for a in ask.parts}
    kept = before.triples if before else ()
    there = {str(t.subject) for t in made}
    left = [
        t
        for t in kept
        if t.predicate.value not in properties and str(t.subject) in there and not ours_to_say(t)
    ]
    return entry_of([*made, *left], store.base, iri=iri)


def _stored(entry: Entry) -> Form:
    """The form of an entry as it is now."""
    shelf = current().lists.shelf
    names = {row.iri: row.label for row in shelf.rows}
    typed = filled(entry, _fields(entry.path), names)
    check_size(_fields(entry.path), typed)
    seen = current().store.provenance(entry.iri)
    typed["version"] = str(seen.number) if seen else ""
    return _form(entry.path, entry.slug, typed, fresh=True)


def _form(
    path: str,
    slug: str,
    typed: Typed,
    problems: Sequence[Problem] = (),
    *,
    draft: Entry | None = None,
    fresh: bool = False,
) -> Form:
    return Form(
        path=path,
        slug=slug,
        kind=vocabulary().label(CLASSES[path], language()),
        controls=controls(_fields(path), typed, problems),
        problems=tuple(problems),
        version=typed.get("version", ""),
        fresh=fresh,
        checked=draft is not None,
        similar=_similar(draft) if draft else (),
    )


def _similar(draft: Entry) -> tuple[Card, ...]:
    """Entries much like a draft, as far as the index knows them."""
    runtime = current()
    if not runtime.ready or draft.path not in INDEXED:
        return ()
    words = preferred(in_all_languages(draft), language())
    if words is None:
        return ()
    raw = {
        "text": words.text[:5_000],
        "lang": words.lang,
        "limit": 4,
        "filters": {"type": [draft.path]},
    }
    try:
        answer = runtime.matcher.ask("similar", raw)
    except Refused:  # the model cannot read it, which is no fault of the form
        return ()
    cards = results(labels(), answer).cards
    own = f"{request.script_root}/id/{draft.path}/{draft.slug}"
    return tuple(card for card in cards if card.title.href != own)[:3]


def _answer(form: Form, status: int = 200) -> Response:
    page = render_template(
        "form.html",
        form=form,
        who=login.who(),
        csrf=login.csrf(),
        listed=_listed(form.path),
        options=options,
        languages=own_names(),
    )
    answer = Response(page, status, mimetype="text/html")
    answer.cache_control.no_store = True
    return answer


def _listed(path: str) -> dict[str, list[str]]:
    """What a form offers to choose from, by class: up to 500 entries each."""
    fields = [part for ask in _fields(path) for part in (ask, *ask.parts)]
    return {
        source: [row.label for row in current().lists.offered(source)]
        for source in {ask.source for ask in fields if ask.kind == "entry"} & {*LISTED}
    }
