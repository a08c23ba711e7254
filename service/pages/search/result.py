"""Search and browse: from the address of a result to everything that its page shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from kg.catalogue.catalogue import CatalogueSnapshot, Rows
from kg.catalogue.rows import Row
from kg.errors import Problem
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
#: places that the address of a dot names at most; entries that have a dot of their own
MAX_NAMED, MAX_SPOTS = 8, 2_000
#: values of a filter that are shown; rows that a file reads at a time
SHOWN, AT_ONCE = 60, 500
#: entries that hold the words of a search before they are listed by title
RANKED = 20_000
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
    "urban_rural": mark("Urban or rural"),
    "mountain": mark("Mountains"),
    "coast": mark("Coast"),
    "target_group": mark("Target group"),
    "stage": mark("Stage"),
    "evidence": mark("Strength of evidence"),
    "led_by": mark("Led by"),
    "participation": mark("How far users take part"),
    "instrument": mark("Instrument"),
    "approach": mark("Approach"),
    "principle": mark("Principle of the Pillar of Social Rights"),
    "esf_objective": mark("ESF+ objective"),
    "language": mark("Language of the texts"),
    # what an address may say, and no box offers
    "challenge": mark("Challenge"),
    "not_country": mark("Not in"),
    "evidence_min": mark("Evidence at least"),
}
OFFERED = tuple(NAMES)[:-3]


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
    """What a search in words brings: rows by closeness, and those that are worth showing.

    ``held`` are the rows that hold the words; they come after those whose closeness is known.
    ``partial`` says that the matcher was starting or is behind, ``search`` what it says of them.
    """

    order: Sequence[int]
    worth: Rows
    held: Rows
    abstained: bool
    partial: bool
    search: Search | None = None

    @property
    def many(self) -> bool:
        """Whether so many entries hold the words that they are in the order of their titles."""
        return len(self.held) > RANKED


@dataclass(frozen=True)
class OrderedRows:
    """The rows of a search in their order, of which pages are read."""

    snapshot: CatalogueSnapshot
    rows: Rows
    sort: str
    first: Sequence[int] = ()

    def page(self, offset: int, limit: int) -> list[Row]:
        """Some rows in their order: those of ``first``, then the others as they are sorted."""
        head = self.first[offset : offset + limit]
        rest = self.rows - Rows(self.first)
        start, more = max(0, offset - len(self.first)), limit - len(head)
        return self.snapshot.read([*head, *self.snapshot.page(rest, self.sort, start, more)])

    def __iter__(self) -> Iterator[Row]:
        for start in range(0, len(self.rows), AT_ONCE):
            yield from self.page(start, AT_ONCE)


@dataclass(frozen=True)
class SearchResult:
    """The whole result and the page of it that is shown.

    ``facets`` are the values of each filter by its label, the most frequent first.
    """

    wanted: SearchForm
    rows: Iterable[Row] = ()
    total: int = 0
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
    chosen = {name: values for name in NAMES if (values := typed.many(name))}
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
    snapshot, draft = labels.snapshot, Draft("similar", labels, Form(args), {})
    form = read(draft)
    if form.q:
        draft.text()
    if any(problem.path == "q" for problem in draft.problems):
        return SearchResult(replace(form, page=1), problems=draft.problems)
    near = look(labels.runtime, snapshot, form.q) if form.q else None
    passing, among = snapshot.passing(form.chosen), near.worth if near else snapshot.listed
    result = _result(snapshot, passing & among, form.sort, near)
    if none := near is not None and not result.rows:
        left = _result(snapshot, passing & (Rows(near.order) | near.held), "near", near)
        nearest = [row for row in left.first if row in left.rows][:NEAREST]
        result = replace(left, rows=Rows(nearest), first=nearest)
    chips = [
        Choice(value, labelled(gettext(NAMES[name]), labels.value(name, value)), 0, href, on=True)
        for name, values in form.chosen.items()
        for value in values
        for href in [form.toggled(name, value)]
    ]
    if form.q:
        text = labelled(gettext("Search"), form.q[:60])
        chips.insert(0, Choice(form.q, text, 0, form.href(q=""), on=True))
    pages = max(1, -(-len(result.rows) // PER_PAGE))
    page = min(max(form.page, 1), pages)
    return SearchResult(
        wanted=form,
        rows=result,
        total=len(result.rows),
        shown=result.page((page - 1) * PER_PAGE, PER_PAGE),
        facets={name: choices for name, choices in facets(labels, form, among) if choices},
        chips=chips,
        pages=pages,
        map=europe(result.rows, labels, form) if form.view == "map" else None,
        abstained=near is not None and (none or near.abstained),
        near=near,
        problems=draft.problems,
    )


def look(runtime: Runtime, snapshot: CatalogueSnapshot, q: str) -> Near:
    """What is near a text.

    Worth showing are fair and strong matches, what holds the text, and the nearest
    practices. What holds a text has each longer word of it, or one that begins with it, in title,
    summary, or the names of themes, target groups and the like, in any language. While the
    matcher is starting there is only that.
    """
    held = snapshot.holding(q) & snapshot.listed
    if not runtime.ready:
        return Near((), held, held, False, partial=True)
    question = runtime.matcher.question("similar", {"text": q, "filters": {"type": INDEXED}})
    search = runtime.matcher.search(question)
    good = [iri for iri in search.order[:MAX_FOUND] if search.level(iri) != "weak"]
    abstained = not good and not held
    practices = [iri for iri in search.order if "/practice/" in iri][:NEAREST]
    worth = search.order[:NEAREST] if abstained else [*good, *practices]
    rows = snapshot.rows(search.order)
    order = [rows[iri] for iri in search.order if iri in rows]
    shown = Rows(rows[iri] for iri in worth if iri in rows) | held
    return Near(order, shown, held, abstained, runtime.matcher.index.lag() > 0, search)


def _result(snapshot: CatalogueSnapshot, rows: Rows, sort: str, near: Near | None) -> OrderedRows:
    """Rows in the chosen order; ties stay in the order of their IRIs."""
    title = f"title-{language()}"
    if near is None or sort in {"title", "checked", "evidence"}:
        return OrderedRows(snapshot, rows, sort if sort in {"checked", "evidence"} else title)
    return OrderedRows(snapshot, rows, title, [row for row in near.order if row in rows])


def summary(row: Row) -> Piece | None:
    """What an entry is about in short."""
    text = row.summary(language())
    return Piece(shortened(text.value, 240), lang=tag(text.lang)) if text else None


def facets(labels: Labels, form: SearchForm, among: Rows) -> Iterator[tuple[str, list[Choice]]]:
    """Yield the label of each filter with its values: those that are on, then the frequent ones."""
    snapshot = labels.snapshot
    left = snapshot.passing(form.chosen) & among
    for name in OFFERED:
        if name == "territory" and not form.chosen.keys() & {"country", "territory"}:
            continue
        if on := form.chosen.get(name, ()):
            others = {other: values for other, values in form.chosen.items() if other != name}
            counts = snapshot.counts(name, snapshot.passing(others) & among)
        else:
            counts = snapshot.counts(name, left)
        most = sorted(counts.items(), key=lambda pair: (pair[0] not in on, -pair[1], pair[0]))
        if name == "instrument":  # all at once
            labels.titles(f"{snapshot.base}id/instrument/{value}" for value, _ in most[:SHOWN])
        yield (
            gettext(NAMES[name]),
            [
                Choice(value, labels.value(name, value), n, form.toggled(name, value), value in on)
                for value, n in most[:SHOWN]
            ],
        )


def europe(rows: Rows, labels: Labels, form: SearchForm) -> Map:
    """Map rows; countries and dots narrow the result, or lead to one entry.

    Of very many there is a dot for each region, and none for each place.
    """
    snapshot, lang = labels.snapshot, language()
    counts = snapshot.counts("country", rows)
    if len(rows) > MAX_SPOTS:
        regions = snapshot.counts("territory", rows)
        ids = f"{snapshot.base}id/territory/"
        places = ((snapshot.territories.get(ids + code), n) for code, n in regions.items())
        spots = [
            Spot(p.point, p.title(lang).value, form.href(territory=(p.code,), view=""), p.code, n)
            for p, n in places
            if p and p.point and p.level == "nuts3"
        ]
    else:
        spots = [
            Spot(
                row.point,
                row.title(lang).value,
                labels.path(row.iri),
                max(row.values["territory"], key=len, default=""),
            )
            for row in snapshot.read(snapshot.page(rows, "iri", 0, MAX_SPOTS))
            if row.point
        ]

    def among(here: Sequence[Spot]) -> str:
        """Where a dot leads: nowhere if it stands for too many places, or one without a code."""
        places = {spot.place for spot in here}
        named = "" not in places and len(places) <= MAX_NAMED
        return form.href(territory=tuple(sorted(places)), view="") if named else ""

    return draw(counts, spots, labels.place, lambda code: form.toggled("country", code), among)
