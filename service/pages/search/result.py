"""Search and browse: from the address of a result to everything that its page shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from kg.catalogue.facets import FACETS, WORD, Row, Shelf
from kg.errors import Problem
from kg.text.folding import fold
from kg.text.i18n import gettext, language, mark
from kg.text.number_formats import read_whole
from kg.vocabulary import ISO
from matcher.encoding.text import INDEXED
from matcher.matcher import Search
from service.core.runtime import Runtime
from service.pages.parts.components import Piece, shortened, tag
from service.pages.parts.forms import Draft, Form
from service.pages.parts.labels import Labels, labelled
from service.pages.parts.map import Map, Spot, draw

PER_PAGE = 20
#: how many of the nearest are looked at; how many practices are shown in any case
MAX_FOUND, NEAREST = 60, 10
#: places that the address of a dot names at most
MAX_NAMED = 8
VIEWS = {"list": mark("List"), "map": mark("Map"), "table": mark("Table")}
SORTS = {
    "near": mark("Closest to your words"),
    "title": mark("Title"),
    "checked": mark("Checked last"),
    "evidence": mark("Strongest evidence"),
}
NAMES = {
    "type": mark("Kind of entry"),
    "theme": mark("Theme"),
    "country": mark("Country"),
    "territory": mark("Region or town"),
    "target_group": mark("Target group"),
    "stage": mark("Stage"),
    "evidence": mark("Strength of evidence"),
    "instrument": mark("Instrument"),
    "approach": mark("Approach"),
    "language": mark("Language of the texts"),
}


@dataclass(frozen=True)
class SearchForm:
    """What the address of a result says; ``chosen`` holds the values of each filter."""

    q: str = ""
    place: str = ""
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: str = ""
    view: str = "list"
    page: int = 1

    def href(self, **changes: object) -> str:
        """The address with some parts changed; any change but of the page leads to page 1."""
        parts: dict[str, Any] = {"q": self.q, "sort": self.sort, "view": self.view, "page": 1}
        parts |= {**self.chosen, **changes}
        parts = {k: v for k, v in parts.items() if v and (k, v) not in _PLAIN}
        return "/search" + (f"?{urlencode(parts, doseq=True)}" if parts else "")

    def with_place(self, label: str) -> str:
        """The address of the same page with another place."""
        return "?" + self.href(place=label).partition("?")[2]

    def toggled(self, name: str, value: str) -> str:
        """The address with one value of a filter added, or taken away if it is there."""
        values = self.chosen.get(name, ())
        rest = tuple(v for v in values if v != value)
        return self.href(**{name: rest if value in values else (*values, value)})


_PLAIN = {("view", "list"), ("page", 1)}


@dataclass(frozen=True)
class Choice:
    """A value of a filter: its label, how many it leaves, where it leads, whether it is on."""

    value: str
    label: str
    count: int
    href: str
    on: bool


@dataclass(frozen=True)
class Near:
    """What a search in words brings: all entries by closeness, and those that are worth showing.

    ``partial`` says that the matcher was starting or is behind, ``search`` what it says of them.
    """

    order: Mapping[str, int]
    worth: frozenset[str]
    abstained: bool
    partial: bool
    search: Search | None = None


@dataclass(frozen=True)
class SearchResult:
    """The whole result (``rows``, in order) and the page of it that is shown.

    ``facets`` are the values of each filter by its label, the most frequent first.
    """

    wanted: SearchForm
    rows: Sequence[Row] = ()
    shown: Sequence[Row] = ()
    facets: Mapping[str, Sequence[Choice]] = field(default_factory=dict)
    chips: Sequence[Choice] = ()
    pages: int = 1
    map: Map | None = None
    abstained: bool = False
    near: Near | None = None
    problems: Sequence[Problem] = ()


def read(draft: Draft) -> SearchForm:
    """Read an address; a known place becomes a filter, an unknown one a problem."""
    typed = draft.form
    chosen = {name: values for name in FACETS if (values := typed.many(name))}
    place, sort, view = typed.one("place"), typed.one("sort"), typed.one("view")
    if place and (known := draft.place("place", place)):
        name = "country" if known.kind == "country" else "territory"
        chosen[name], place = (ISO.get(known.code, known.code),), ""
    page = read_whole(typed.args.get("page", "1"), 6)
    return SearchForm(
        q=typed.one("q"),
        place=place,
        chosen=chosen,
        sort=sort if sort in SORTS else "",
        view=view if view in VIEWS else "list",
        page=1 if page is None else page,
    )


def find(labels: Labels, args: MultiDict[str, str]) -> SearchResult:
    """Find what an address names."""
    shelf, draft = labels.shelf, Draft("similar", labels, Form(args), {})
    form = read(draft)
    if form.q:
        draft.text()
    if any(problem.path == "q" for problem in draft.problems):
        return SearchResult(replace(form, page=1), problems=draft.problems)
    near = look(labels.runtime, shelf, form.q) if form.q else None
    among = shelf.all if near is None else shelf.set_of(near.worth)
    rows = _sorted(shelf.members(shelf.narrowed(form.chosen, among)), form.sort, near)
    if none := near is not None and not rows:
        left = shelf.narrowed(form.chosen, shelf.set_of(near.order))
        rows = _sorted(shelf.members(left), "near", near)[:NEAREST]
    chips = [
        Choice(value, labelled(gettext(NAMES[name]), labels.value(name, value)), 0, href, on=True)
        for name, values in form.chosen.items()
        for value in values
        for href in [form.toggled(name, value)]
    ]
    if form.q:
        text = labelled(gettext("Search"), form.q[:60])
        chips.insert(0, Choice(form.q, text, 0, form.href(q=""), on=True))
    pages = max(1, -(-len(rows) // PER_PAGE))
    page = min(max(form.page, 1), pages)
    return SearchResult(
        wanted=form,
        rows=rows,
        shown=rows[(page - 1) * PER_PAGE : page * PER_PAGE],
        facets={name: choices for name, choices in facets(labels, form, among) if choices},
        chips=chips,
        pages=pages,
        map=europe(rows, labels, form) if form.view == "map" else None,
        abstained=near is not None and (none or near.abstained),
        near=near,
        problems=draft.problems,
    )


def look(runtime: Runtime, shelf: Shelf, q: str) -> Near:
    """What is near a text.

    Worth showing are fair and strong matches, what holds the text, and the nearest
    practices. What holds a text has each longer word of it, or one that begins with it, in title,
    summary, or the names of themes, target groups and the like, in any language. While the
    matcher is starting there is only that.
    """
    typed = [f" {word}" for word in WORD.findall(fold(q))]
    held = [r.iri for r in shelf.rows if typed and all(word in r.words for word in typed)]
    if not runtime.ready:
        return Near({iri: n for n, iri in enumerate(held)}, frozenset(held), False, partial=True)
    question = runtime.matcher.question("similar", {"text": q, "filters": {"type": INDEXED}})
    search = runtime.matcher.search(question)
    order = {iri: n for n, iri in enumerate(dict.fromkeys([*search.order, *held]))}
    good = [iri for iri in search.order[:MAX_FOUND] if search.level(iri) != "weak"] + held
    practices = [iri for iri in search.order if "/practice/" in iri]
    worth = [*good, *practices[:NEAREST]] if good else search.order[:NEAREST]
    return Near(order, frozenset(worth), not good, runtime.matcher.index.lag() > 0, search)


def _sorted(rows: list[Row], sort: str, near: Near | None) -> list[Row]:
    """Rows in the chosen order; ties stay in the order of their IRIs."""
    lang = language()
    match sort or ("near" if near is not None else "title"):
        case "checked":
            return sorted(rows, key=lambda r: r.checked, reverse=True)
        case "evidence":
            return sorted(rows, key=lambda r: -r.evidence)
        case "near" if near is not None:
            return sorted(rows, key=lambda r: near.order[r.iri])
    return sorted(rows, key=lambda r: r.title(lang).value.casefold())


def summary(row: Row) -> Piece | None:
    """What an entry is about in short."""
    text = row.summary(language())
    return Piece(shortened(text.value, 240), lang=tag(text.lang)) if text else None


def facets(labels: Labels, form: SearchForm, among: int) -> Iterator[tuple[str, Sequence[Choice]]]:
    """Yield the label of each filter with its values: those that are on, then the frequent ones."""
    for name in FACETS:
        if name == "territory" and not form.chosen.keys() & {"country", "territory"}:
            continue
        on = form.chosen.get(name, ())
        counted = labels.shelf.counts(name, form.chosen, among)
        counted.sort(key=lambda pair: (pair[0] not in on, -pair[1], pair[0]))
        yield (
            gettext(NAMES[name]),
            [
                Choice(value, labels.value(name, value), n, form.toggled(name, value), value in on)
                for value, n in counted[:60]
            ],
        )


def europe(rows: Iterable[Row], labels: Labels, form: SearchForm) -> Map:
    """Map the rows; countries and dots narrow the result, or lead to one entry."""
    known, lang = tuple(rows), language()
    counts = Counter(code for row in known for code in row.values["country"])
    spots = [
        Spot(
            row.point,
            row.title(lang).value,
            labels.path(row.iri),
            max(row.values["territory"], key=len, default=""),
        )
        for row in known
        if row.point
    ]

    def among(here: Sequence[Spot]) -> str:
        """Where a dot leads: nowhere if it stands for too many places, or one without a code."""
        places = {spot.place for spot in here}
        named = "" not in places and len(places) <= MAX_NAMED
        return form.href(territory=tuple(sorted(places)), view="") if named else ""

    return draw(counts, spots, labels.place, lambda code: form.toggled("country", code), among)
