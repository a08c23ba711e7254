"""The transfer workspace: judge, weigh, suppose and compare practices, and print a brief."""

from __future__ import annotations

from flask import Blueprint, Response, request

from kg.catalogue.titles import offered
from kg.errors import KgError, Problem
from kg.text.i18n import language
from kg.vocabulary import local_name
from matcher.kinds import KINDS
from service.core.runtime import current
from service.http.errors import shown
from service.http.responses import html_page
from service.pages.parts.labels import Labels, labels
from service.pages.parts.match_cards import CRITERIA
from service.pages.transfer.brief import as_pdf, brief_of
from service.pages.transfer.form import FIELDS, choices, read, stated, usual_points
from service.pages.transfer.view import MOST_COMPARED, ask

workspace = Blueprint("workspace", __name__, url_prefix="/transfer")


@workspace.get("")
def show() -> Response:
    """Show the form and, once it was sent, the practices with their judgement."""
    here, view, problems, status = labels(), None, list[Problem](), 200
    draft = read(here, request.args)
    form, usual = draft.form, here.runtime.matcher.weights
    if sent := form.sent("place"):
        try:
            view = ask(draft)
        except KgError as error:
            problems, status = shown(error)
    path, iri = (
        form.one("entry").partition("/")[0],
        f"{here.runtime.store.base}id/{form.one('entry')}",
    )
    return html_page(
        "transfer.html",
        status,
        form=form,
        asked=sent,
        view=view,
        problems=problems,
        subject=here.entries([iri]).get(iri) if path in KINDS["transfer"].paths else None,
        stated=stated(form),
        challenges={
            local_name(row.iri): row.title(language()).value
            for row in offered(here.snapshot, "challenge")
        },
        practices=[row.label for row in offered(here.snapshot, "practice")],
        places=here.runtime.places.offered(),
        usual=usual_points(usual),
        usual_query=form.query(**{f"w_{name}": () for name in CRITERIA}),
        criteria=CRITERIA,
        fields=FIELDS,
        choices=choices,
        most=MOST_COMPARED,
    )


@workspace.get("/brief")
def brief() -> Response:
    """Show the shortlist, or the best three, as a document to print."""
    draft = read(labels(), request.args)
    return html_page("brief.html", brief=brief_of(draft), query=draft.form.query())


@workspace.get("/brief.pdf")
def brief_pdf() -> Response:
    """Send the same document as a PDF."""
    root = current().settings.address.rstrip("/")  # a document needs whole addresses
    body = as_pdf(brief_of(read(Labels(current(), root), request.args)))
    answer = Response(body, content_type="application/pdf")
    answer.cache_control.private = True
    answer.headers["Content-Disposition"] = 'inline; filename="passerelle-brief.pdf"'
    return answer
