"""The transfer workspace: judge, weigh, suppose and compare practices, and print a brief."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request

from kg.errors import Overloaded, Problem, Refused
from kg.i18n import gettext
from service.brief import Brief, as_pdf, brief_of
from service.lists import named
from service.names import find
from service.pieces import Piece
from service.runtime import current
from service.searchview import CRITERIA, Form, about
from service.transferform import FIELDS, Wanted, choices, read, stated, usual_points
from service.transferview import MOST_COMPARED, View, ask

workspace = Blueprint("workspace", __name__, url_prefix="/transfer")


@workspace.get("")
def show() -> Response:
    """Show the form and, once it was sent, the practices with their judgement."""
    wanted, view, problems, status = read(request.args), None, list[Problem](), 200
    lists = current().lists
    if wanted.asked:
        try:
            view = _ask(wanted, request.script_root)
        except Refused as error:
            problems, status = error.problems, 422
        except Overloaded as error:
            problems, status = [Problem("", str(error))], 503
    page = render_template(
        "transfer.html",
        wanted=wanted,
        view=view,
        problems=problems,
        subject=_subject(wanted),
        stated=stated(wanted),
        challenges=lists.offered("challenge"),
        practices=[named(title, slug) for slug, title in lists.offered("practice").items()],
        places=lists.places.offered(),
        usual=usual_points(current().matcher.weights),
        usual_query=wanted.query(**{f"w_{name}": () for name in CRITERIA}),
        criteria=CRITERIA,
        fields=FIELDS,
        choices=choices,
        most=MOST_COMPARED,
    )
    return _answer(page.encode(), "text/html; charset=utf-8", status)


@workspace.get("/brief")
def brief() -> Response:
    """Show the shortlist, or the best three, as a document to print."""
    wanted = read(request.args)
    page = render_template("brief.html", brief=_brief(wanted), query=wanted.query())
    return _answer(page.encode(), "text/html; charset=utf-8")


@workspace.get("/brief.pdf")
def brief_pdf() -> Response:
    """Send the same document as a PDF."""
    answer = _answer(as_pdf(_brief(read(request.args))), "application/pdf")
    answer.headers["Content-Disposition"] = 'inline; filename="passerelle-brief.pdf"'
    return answer


def _answer(body: bytes, media: str, status: int = 200) -> Response:
    answer = Response(body, status, content_type=media)
    answer.cache_control.private = True
    if status == 503:
        answer.headers["Retry-After"] = "10"
    return answer


def _ask(wanted: Wanted, root: str) -> View:
    """Return the answer. Raises Refused, or Overloaded while the matcher is starting."""
    runtime = current()
    if not runtime.ready:
        raise Overloaded(
            gettext("The matcher is still starting. Try again in a minute; nothing is lost."), 10
        )
    titles, base = runtime.lists.titles, runtime.store.base

    def practice(text: str) -> str:
        return find(titles, base, text, ("practice",), "why_not")

    return ask(runtime.matcher, runtime.lists.places, practice, wanted, root)


def _brief(wanted: Wanted) -> Brief:
    root = request.url_root.rstrip("/")
    return brief_of(current().matcher, _ask(wanted, root), wanted, root)


def _subject(wanted: Wanted) -> Piece | None:
    """Return the entry that is asked about, if there is one."""
    try:
        return about(current().store, Form(mode="transfer", entry=wanted.one("entry")))
    except Refused:
        return None
