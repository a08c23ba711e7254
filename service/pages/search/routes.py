"""The pages to find entries by: search and browse with its files, site map, the numbers."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request

from service.core.runtime import current
from service.http.negotiation import choose
from service.http.responses import document, html_page
from service.pages.parts.labels import labels
from service.pages.parts.match_cards import LEVELS
from service.pages.search.files import FORMATS
from service.pages.search.result import SORTS, VIEWS, find, summary

finding = Blueprint("finding", __name__)
MAX_SITEMAP = 50_000
_PAGES = ("", "search", "transfer", "partners", "consortium", "groups", "numbers")
_ASKED = ("/transfer?", "/transfer/", "/partners?", "/consortium?", "/groups?")


@finding.get("/search")
def search() -> Response:
    """Show the entries that an address asks for, or send them as a file."""
    here = labels()
    result = find(here, request.args)
    if named := request.args.get("format"):
        media, form = choose({m: name for name, (m, _) in FORMATS.items()}, named)
        _, write = FORMATS[form]
        answer = document(write(here.runtime.store, list(result.rows), here), media)
        name = f"passerelle.{'ttl' if form == 'turtle' else form}"
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer
    return html_page(
        "search.html",
        422 if result.problems else 200,
        result=result,
        here=here,
        summary=summary,
        views=VIEWS,
        sorts=SORTS,
        levels=LEVELS,
        files=FORMATS,
        places=here.runtime.places.offered(),
    )


@finding.get("/numbers")
def numbers() -> str:
    """Say in plain words how a match comes about and what its numbers mean."""
    return render_template("numbers.html", model=current().matcher.embedder.name)


@finding.get("/robots.txt")
def robots() -> Response:
    """Keep robots from what is made anew for every question."""
    closed = ("/search?", "/?", "/sparql?", "/api/", "/contribute", *_ASKED)
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed)]
    return document(
        "\n".join([*lines, f"Sitemap: {current().settings.address}sitemap.xml", ""]), "text/plain"
    )


@finding.get("/sitemap.xml")
def sitemap() -> Response:
    """List the pages of all entries but places."""
    snapshot = current().catalogue.snapshot()
    rows = snapshot.page(snapshot.listed, "iri", 0, MAX_SITEMAP)
    paths = sorted(iri.removeprefix(snapshot.base) for iri in snapshot.iris(rows).values())
    body = render_template(
        "sitemap.xml", paths=[*_PAGES, *paths], address=current().settings.address
    )
    return document(body, "application/xml")
