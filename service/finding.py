"""The pages to find entries by: search and browse with its files, site map, the numbers."""

from __future__ import annotations

from collections import defaultdict
from typing import cast

from flask import Blueprint, Response, current_app, render_template, request

from kg.i18n import language
from kg.shelf import Shelf
from kg.store import Store
from service.answers import document
from service.browse import SORTS, VIEWS, Labels, find
from service.exports import FORMATS
from service.negotiate import choose_named
from service.places import PlaceBook
from service.runtime import current

finding = Blueprint("finding", __name__)
MAX_SITEMAP = 50_000
MAX_OFFERED = 500
_PAGES = ("", "search", "transfer", "partners", "consortium", "groups", "numbers")
_ASKED = ("/transfer?", "/transfer/", "/partners?", "/consortium?", "/groups?")


@finding.get("/search")
def search() -> Response:
    """Show the entries that an address asks for, or send them as a file."""
    runtime, shelf = current(), shelf_of(current().store)
    result = find(runtime, shelf, places_of(runtime.store), request.args)
    if named := request.args.get("format"):
        media, form = choose_named({m: name for name, (m, _) in FORMATS.items()}, named)
        _, write = FORMATS[form]
        labels = Labels(shelf, runtime.store.base)
        answer = document(write(runtime.store, result.rows, labels), media)
        answer.headers["Content-Disposition"] = f'attachment; filename="passerelle.{form}"'
        return answer
    page = render_template(
        "search.html",
        result=result,
        views=VIEWS,
        sorts=SORTS,
        files=FORMATS,
        places=places_of(runtime.store).offered(),
    )
    answer = Response(page, 422 if result.problems else 200, mimetype="text/html")
    answer.cache_control.private = True
    return answer


@finding.get("/numbers")
def numbers() -> str:
    """Say in plain words how a match comes about and what its numbers mean."""
    return render_template("numbers.html", model=current().matcher.model_name)


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
    store = current().store
    paths = [row.iri.removeprefix(store.base) for row in shelf_of(store).rows[:MAX_SITEMAP]]
    body = render_template(
        "sitemap.xml", paths=[*_PAGES, *paths], address=current().settings.address
    )
    return document(body, "application/xml")


def shelf_of(store: Store) -> Shelf:
    """Return the lists of the present data version, brought up to date after a write."""
    known = cast(Shelf | None, current_app.extensions.get("passerelle.shelf"))
    if known is None or known.version != store.version():
        known = current_app.extensions["passerelle.shelf"] = Shelf(store, known)
    return known


def places_of(store: Store) -> PlaceBook:
    """Return the names of places, read again after a write."""
    known = cast(PlaceBook | None, current_app.extensions.get("passerelle.places"))
    if known is None or known.version != store.version():
        known = current_app.extensions["passerelle.places"] = PlaceBook(store)
    return known


def titles() -> dict[str, dict[str, str]]:
    """Return the entries of each class by title, and by title with name."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in shelf_of(current().store).rows:
        for title in row.titles:
            found[row.path].setdefault(title.value.casefold(), row.iri)
            found[row.path][named(title.value, row.iri).casefold()] = row.iri
    return found


def named(title: str, iri: str) -> str:
    """Return what an entry is called where it can be chosen: its title with its name."""
    return f"{title} ({iri.rsplit('/', 1)[-1]})"


def offered(path: str) -> dict[str, str]:
    """Return the titles of up to 500 entries of a class to choose from, by name."""
    shelf = shelf_of(current().store)
    rows = shelf.members(shelf.narrowed({"type": (path,)}, shelf.all))[:MAX_OFFERED]
    return {row.iri.rsplit("/", 1)[-1]: row.title(language()).value for row in rows}
