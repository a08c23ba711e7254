"""The transfer workspace: judge, weigh, suppose and compare practices, and print a brief."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, Response, render_template, request

from kg.errors import KgError, Problem, Refused
from service.core.lists import named
from service.core.runtime import current
from service.http.errors import shown, starting
from service.pages.parts.components import Piece
from service.pages.parts.entry_lookup import find
from service.pages.parts.match_cards import CRITERIA, Form, about
from service.pages.transfer.brief import Brief, as_pdf, brief_of
from service.pages.transfer.form import FIELDS, TransferForm, choices, read, stated, usual_points
from service.pages.transfer.view import MOST_COMPARED, View, ask

workspace = Blueprint("workspace", __name__, url_prefix="/transfer")


@workspace.get("")
def show() -> Response:
    """Show the form and, once it was sent, the practices with their judgement."""
    form, view, problems, status = read(request.args), None, list[Problem](), 200
    lists = current().lists
    if form.asked:
        try:
            view = _ask(form, request.script_root)
        except KgError as error:
            problems, status = shown(error)
    subject: Piece | None = None
    with suppress(Refused):  # what is wrong with it stands at its field
        subject = about(current().store, Form(mode="transfer", entry=form.one("entry")))
    page = render_template(
        "transfer.html",
        wanted=form,
        view=view,
        problems=problems,
        subject=subject,
        stated=stated(form),
        challenges=lists.offered("challenge"),
        practices=[named(title, slug) for slug, title in lists.offered("practice").items()],
        places=lists.places.offered(),
        usual=usual_points(current().matcher.weights),
        usual_query=form.query(**{f"w_{name}": () for name in CRITERIA}),
        criteria=CRITERIA,
        fields=FIELDS,
        choices=choices,
        most=MOST_COMPARED,
    )
    return _answer(page.encode(), "text/html; charset=utf-8", status)


@workspace.get("/brief")
def brief() -> Response:
    """Show the shortlist, or the best three, as a document to print."""
    form = read(request.args)
    page = render_template(
        "brief.html", brief=_brief(form, request.script_root), query=form.query()
    )
    return _answer(page.encode(), "text/html; charset=utf-8")


@workspace.get("/brief.pdf")
def brief_pdf() -> Response:
    """Send the same document as a PDF."""
    root = current().settings.address.rstrip("/")  # a document needs whole addresses
    answer = _answer(as_pdf(_brief(read(request.args), root)), "application/pdf")
    answer.headers["Content-Disposition"] = 'inline; filename="passerelle-brief.pdf"'
    return answer


def _answer(body: bytes, media: str, status: int = 200) -> Response:
    answer = Response(body, status, content_type=media)
    answer.cache_control.private = True
    if status == 503:
        answer.headers["Retry-After"] = "10"
    return answer


def _ask(form: TransferForm, root: str) -> View:
    """Answer the form. Raises Refused, or Overloaded while the matcher is starting."""
    runtime = current()
    if not runtime.ready:
        raise starting()
    titles, base = runtime.lists.titles, runtime.store.base

    def practice(text: str) -> str:
        return find(titles, base, text, ("practice",), "why_not")

    return ask(runtime.matcher, runtime.lists.places, practice, form, root)


def _brief(form: TransferForm, root: str) -> Brief:
    return brief_of(current().matcher, _ask(form, root), form, root)
