"""The pages to sign in, and to write, check, change and remove an entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pyoxigraph as ox
from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from kg.catalogue import titles
from kg.catalogue.rows import LISTED
from kg.entries import history
from kg.entries.reading import entry_of, name_for, ours_to_say
from kg.entry import Entry
from kg.errors import KgError, NotFound, Problem, Refused
from kg.text.i18n import gettext, language, own_names
from kg.vocabulary import CLASSES, vocabulary
from matcher.encoding.text import INDEXED, preferred
from matcher.encoding.text import words as in_all_languages
from service.api import writes
from service.core.rights import Principal
from service.core.runtime import current
from service.http import login
from service.http.errors import shown
from service.http.permissions import require
from service.http.responses import (
    entry_iri,
    refuse_foreign,
    stored_entry,
    visitor,
    whole,
)
from service.pages.contribute.shacl_form import (
    FilledField,
    Reader,
    Typed,
    as_chosen,
    asks,
    check_size,
    controls,
    filled,
)
from service.pages.parts.labels import labels, options
from service.pages.parts.match_cards import Card, results

contribute = Blueprint("contribute", __name__, url_prefix="/contribute")


@dataclass(frozen=True)
class EntryForm:
    """An entry form as it is shown; ``checked`` when it could be sent as it is.

    ``notes`` say how numbers were read that have two readings, ``removing`` that the entry was to
    be removed and was not.
    """

    path: str
    slug: str
    kind: str
    controls: tuple[FilledField, ...]
    problems: tuple[Problem, ...]
    version: str
    fresh: bool = False
    checked: bool = False
    notes: tuple[Problem, ...] = ()
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
        who=_name(login.who()),
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
    if login.by_form():
        login.sign_out()
    return redirect(url_for("contribute.start"), 303)


@contribute.route("/<path>", methods=["GET", "POST"])
def create(path: str) -> BaseResponse:
    """Show the empty form of a class, check what was typed, or store a new entry."""
    if path not in LISTED:
        raise NotFound(gettext("There is no form for %(path)s.", path=path))
    editor = _Editor(path)
    return editor.receive() if request.method == "POST" else editor.show(MultiDict(), fresh=True)


@contribute.route("/<path>/<slug>", methods=["GET", "POST"])
def change(path: str, slug: str) -> BaseResponse:
    """Show an entry in its form, check what was typed, or replace it."""
    editor = _Editor(path, stored_entry(entry_iri(path, slug)))
    return editor.receive() if request.method == "POST" else editor.open()


@contribute.post("/<path>/<slug>/delete")
def remove(path: str, slug: str) -> BaseResponse:
    """Remove an entry that no other links to, if the person is sure."""
    entry, who = stored_entry(entry_iri(path, slug)), login.by_form()
    problems, status = [Problem("", _sign_in_first())], 401
    if who is not None and "sure" not in request.form:
        problems, status = [Problem("", gettext("Tick that you are sure."))], 422
    elif who is not None:
        seen, reason = whole(request.form.get("version", "")), request.form.get("reason", "")
        try:
            note, allow = writes.note(who, reason), writes.allowed(who)
            current().intake.delete(entry.iri, who.name, seen, note, allow=allow)
        except KgError as error:
            problems, status = shown(error)
        else:
            current().written()
            return redirect(url_for("contribute.start", removed=1), 303)
    return _Editor(path, entry).show(request.form, problems, status=status, removing=True)


@contribute.post("/<path>/<slug>/restore")
def restore(path: str, slug: str) -> BaseResponse:
    """Make a former version of an entry the present one, for a curator."""
    who, iri = login.by_form(), entry_iri(path, slug)
    if who is None:
        return redirect(url_for("contribute.start"), 303)
    require(who, "curator")
    version, seen = (whole(request.form.get(name, "")) for name in ("version", "seen"))
    note = writes.note(who, request.form.get("reason", ""))
    intake, allow = current().intake, writes.allowed(who)
    history.restore(intake, iri, version, who.name, note, seen, allow=allow)
    current().written()
    return redirect(url_for("content.past", path=path, slug=slug), 303)


def _name(who: Principal | None) -> str | None:
    return who.name if who else None


def _sign_in_first() -> str:
    return gettext("Sign in with your token below; nothing of what you typed is lost.")


class _Editor:
    """The form of a class, empty or of one entry: shown, and read when it comes back."""

    def __init__(self, path: str, entry: Entry | None = None) -> None:
        self._path, self._entry = path, entry
        self._fields = asks(current().intake.validator.shapes, CLASSES[path])

    def open(self) -> Response:
        """Show the entry as it is now."""
        assert self._entry
        linked, places = sorted(self._entry.linked()), current().places
        rows = current().catalogue.snapshot().entries(linked)
        names = {row.iri: row.label for row in rows if row.path in LISTED}
        for iri in places.territories.keys() & set(linked):
            names[iri] = places.of(places.territories[iri]).label
        typed = filled(self._entry, self._fields, names)
        check_size(self._fields, typed)
        seen = current().store.provenance(self._entry.iri)
        typed["version"] = str(seen.number) if seen else ""
        return self.show(typed, fresh=True)

    def receive(self) -> BaseResponse:
        """Check what was typed, or store it; what cannot be stored is shown again."""
        runtime, typed, who = current(), as_chosen(request.form), login.by_form()
        check_size(self._fields, typed)
        find = partial(titles.find, runtime.catalogue.snapshot())
        reader = Reader(runtime.store.base, runtime.places, find)
        send = typed.get("do") == "send"
        try:
            if send and who:
                draft, note = self._draft(typed, reader), writes.note(who, typed.get("reason", ""))
                allow, seen = writes.allowed(who), typed.get("version", "")
                if self._entry is None:
                    runtime.intake.create(draft, who.name, note, allow=allow)
                else:
                    runtime.intake.replace(draft, who.name, whole(seen), note, allow=allow)
                runtime.written()
                return redirect(f"{request.script_root}/id/{draft.path}/{draft.slug}", 303)
            draft, report = runtime.intake.examine(lambda: self._draft(typed, reader), visitor())
            if send:
                problems = [Problem("", _sign_in_first()), *report.problems]
                return self.show(typed, problems, reader.notes, status=401)
            if report.conforms:
                return self.show(typed, report.problems, reader.notes, draft=draft)
            return self.show(typed, report.problems, reader.notes, status=422)
        except KgError as error:
            problems, status = shown(error)
            return self.show(typed, problems, reader.notes, status=status)

    def _draft(self, typed: Typed, reader: Reader) -> Entry:
        """The entry that was typed, with what the form does not show left as it was."""
        base, before, fields = current().store.base, self._entry, self._fields
        title = next((t for t in typed.getlist("dct:title") if t.strip()), "")
        gone = current().intake.gone
        iri = before.iri if before else name_for(base, self._path, title, gone)
        made = reader.triples(ox.NamedNode(iri), CLASSES[self._path], fields, typed)
        if reader.problems:
            raise Refused(gettext("Some fields cannot be read."), reader.problems)
        properties = {ask.prop for ask in fields} | {a.prop for ask in fields for a in ask.parts}
        there = {str(t.subject) for t in made}
        left = [
            t
            for t in (before.triples if before else ())
            if t.predicate.value not in properties
            and str(t.subject) in there
            and not ours_to_say(t)
        ]
        return entry_of([*made, *left], base, iri=iri)

    def show(
        self,
        typed: Typed,
        problems: Sequence[Problem] = (),
        notes: Sequence[Problem] = (),
        *,
        status: int = 200,
        draft: Entry | None = None,
        fresh: bool = False,
        removing: bool = False,
    ) -> Response:
        """Show the form with what was typed, and what there is to say of it."""
        form = EntryForm(
            path=self._path,
            slug=self._entry.slug if self._entry else "",
            kind=vocabulary().label(CLASSES[self._path], language()),
            controls=controls(self._fields, typed, [*problems, *notes]),
            problems=tuple(problems),
            version=typed.get("version", ""),
            fresh=fresh,
            checked=draft is not None,
            notes=tuple(notes),
            removing=removing,
            similar=_similar(draft) if draft else (),
        )
        parts = [part for ask in self._fields for part in (ask, *ask.parts)]
        sources = {ask.source for ask in parts if ask.kind == "entry"} & {*LISTED}
        snapshot = current().catalogue.snapshot()
        offered = {source: titles.offered(snapshot, source) for source in sorted(sources)}
        page = render_template(
            "form.html",
            form=form,
            who=_name(login.who()),
            csrf=login.csrf(),
            listed={source: [row.label for row in rows] for source, rows in offered.items()},
            options=options,
            languages=own_names(),
        )
        answer = Response(page, status, mimetype="text/html")
        answer.cache_control.no_store = True
        return answer


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
