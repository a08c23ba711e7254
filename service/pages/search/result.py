"""Search and browse: from the address of a result to everything that its page shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from kg.catalogue.facets import FACETS, Row, Shelf
from kg.errors import Problem, Refused
from kg.text.i18n import gettext, language, mark
from kg.text.number_formats import read_whole
from kg.vocabulary import CLASSES, ISO, vocabulary
from service.core.places import PlaceBook
from service.core.runtime import Runtime
from service.pages.parts.components import Piece, shortened, tag
from service.pages.parts.forms import clean
from service.pages.parts.labels import Labels
from service.pages.parts.map import Map, Spot, draw
from service.pages.parts.match_cards import LEVELS
from service.pages.search.semantic import Near, look

PER_PAGE, SHOWN = 20, 8
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
class Facet:
    """A filter with its values, the most frequent first; ``more`` are folded away."""

    name: str
    label: str
    choices: tuple[Choice, ...]
    more: tuple[Choice, ...]


@dataclass(frozen=True)
class Item:
    """A row of the result as it is shown; level and reason only for a search in words."""

    title: Piece
    kind: str
    place: str
    summary: Piece | None
    themes: str
    checked: str
    evidence: str
    level: str = ""
    level_text: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Result:
    """The whole result (``rows``, in order) and the page of it that is shown."""

    wanted: SearchForm
    rows: tuple[Row, ...]
    items: tuple[Item, ...] = ()
    facets: tuple[Facet, ...] = ()
    chips: tuple[Choice, ...] = ()
    pages: int = 1
    map: Map | None = None
    abstained: bool = False
    partial: bool = False
    problems: tuple[Problem, ...] = ()


def read(args: MultiDict[str, str], places: PlaceBook) -> tuple[SearchForm, tuple[Problem, ...]]:
    """Read an address, with what of it is not understood; a known place becomes a filter."""
    chosen = {n: tuple(dict.fromkeys(v for v in args.getlist(n) if v)) for n in FACETS}
    place = clean(args.get("place", "")).strip()
    problems: tuple[Problem, ...] = ()
    if place:
        try:
            known = places.find(place)
            chosen["country" if known.level == "country" else "territory"] = (
                ISO.get(known.code, known.code),
            )
            place = ""
        except Refused as error:
            problems = tuple(error.problems)
    page = read_whole(args.get("page", "1"), 6)
    sort, view = args.get("sort", ""), args.get("view", "list")
    form = SearchForm(
        q=clean(args.get("q", "")).strip(),
        place=place,
        chosen={name: values for name, values in chosen.items() if values},
        sort=sort if sort in SORTS else "",
        view=view if view in VIEWS else "list",
        page=1 if page is None else page,
    )
    return form, problems


def find(
    runtime: Runtime, shelf: Shelf, places: PlaceBook, args: MultiDict[str, str], root: str
) -> Result:
    """Find what an address names; ``root`` begins the links of its entries."""
    form, problems = read(args, places)
    try:
        near = look(runtime, shelf, form.q)
    except Refused as error:
        form = SearchForm(form.q, form.place, form.chosen, form.sort, form.view)
        return Result(form, (), problems=(*problems, *error.problems))
    among = shelf.all if near is None else shelf.set_of(near.worth)
    rows = _sorted(shelf.members(shelf.narrowed(form.chosen, among)), form, near)
    if none := near is not None and not rows:
        rows = near.nearest(shelf.members(shelf.narrowed(form.chosen, shelf.all)))
    pages = max(1, -(-len(rows) // PER_PAGE))
    page = min(max(form.page, 1), pages)
    labels = Labels(shelf, runtime.store.base)
    shown = rows[(page - 1) * PER_PAGE : page * PER_PAGE]
    return Result(
        wanted=form,
        rows=tuple(rows),
        items=tuple(_item(row, labels, near, root) for row in shown),
        facets=tuple(_facets(shelf, form, among, labels)),
        chips=tuple(_chips(form, labels)),
        pages=pages,
        map=europe(rows, labels, form) if form.view == "map" else None,
        abstained=near is not None and (none or near.abstained),
        partial=near is not None and near.partial,
        problems=problems,
    )


def _sorted(rows: list[Row], form: SearchForm, near: Near | None) -> list[Row]:
    """Rows in the chosen order; ties stay in the order of their IRIs."""
    lang = language()
    match form.sort or ("near" if near is not None else "title"):
        case "checked":
            return sorted(rows, key=lambda r: r.checked, reverse=True)
        case "evidence":
            return sorted(rows, key=lambda r: -r.evidence)
        case "near" if near is not None:
            return sorted(rows, key=lambda r: near.order[r.iri])
    return sorted(rows, key=lambda r: r.title(lang).value.casefold())


def _item(row: Row, labels: Labels, near: Near | None, root: str) -> Item:
    lang, words = language(), vocabulary()
    title, summary = row.title(lang), row.summary(lang)
    search = near.search if near else None
    level = search.level(row.iri) if search else ""
    return Item(
        title=Piece(title.value, root + labels.href(row), tag(title.lang)),
        kind=words.label(CLASSES[row.path], lang),
        place=", ".join(labels.place(code) for code in row.values["country"][:3]),
        summary=Piece(shortened(summary.value, 240), lang=tag(summary.lang)) if summary else None,
        themes=", ".join(labels.of("theme", value) for value in row.values["theme"][:4]),
        checked=row.checked,
        evidence=", ".join(labels.of("evidence", value) for value in row.values["evidence"]),
        level=level,
        level_text=gettext(LEVELS[level]) if level else "",
        reason=search.reason(row.iri) if search else "",
    )


def _facets(shelf: Shelf, form: SearchForm, among: int, labels: Labels) -> list[Facet]:
    facets = []
    for name in FACETS:
        if name == "territory" and not form.chosen.keys() & {"country", "territory"}:
            continue
        counted = shelf.counts(name, form.chosen, among)
        on = form.chosen.get(name, ())
        counted.sort(key=lambda pair: (pair[0] not in on, -pair[1], pair[0]))
        choices = [
            Choice(value, labels.of(name, value), n, form.toggled(name, value), value in on)
            for value, n in counted[:60]
        ]
        if choices:
            facets.append(
                Facet(name, gettext(NAMES[name]), tuple(choices[:SHOWN]), tuple(choices[SHOWN:]))
            )
    return facets


def _chips(form: SearchForm, labels: Labels) -> list[Choice]:
    chips = []
    for name, values in form.chosen.items():
        for value in values:
            what = labels.of(name, value)
            text = gettext("%(name)s: %(value)s", name=gettext(NAMES[name]), value=what)
            chips.append(Choice(value, text, 0, form.toggled(name, value), on=True))
    if form.q:
        text = gettext("%(name)s: %(value)s", name=gettext("Search"), value=form.q[:60])
        chips.insert(0, Choice(form.q, text, 0, form.href(q=""), on=True))
    return chips


def europe(rows: Iterable[Row], labels: Labels, form: SearchForm) -> Map:
    """Map the rows; countries and dots narrow the result, or lead to one entry."""
    known, lang = tuple(rows), language()
    counts = Counter(code for row in known for code in row.values["country"])
    spots = [
        Spot(
            row.point,
            row.title(lang).value,
            labels.href(row),
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
