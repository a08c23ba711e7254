"""List entries with filters, in a stable order, page by page."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import pyoxigraph as ox

from kg.errors import NotFound, refused
from kg.stores.protocol import Page, Store, Term
from kg.text.folding import fold
from kg.text.i18n import gettext
from kg.vocabulary import CLASSES, DCT, VOC, vocabulary

MAX_LIMIT = 200
#: what a title has in it that ``fold`` changes, besides capitals
_FOLDED = "[^ -~]|  |^ | $"


@dataclass(frozen=True)
class Filter:
    """The filters of a list; every field may be absent.

    ``country`` is an ISO code as entries carry it, ``territory`` an IRI.
    """

    type: str | None = None
    country: str | None = None
    territory: str | None = None
    theme: str | None = None
    q: str | None = None


@dataclass(frozen=True)
class Link:
    """A link from another entry: who, by which property; ``note`` is a role or a result."""

    entry: str
    prop: str
    note: str | None


def list_entries(
    store: Store, filters: Filter, *, limit: int = 50, cursor: str | None = None, lang: str = "en"
) -> Page:
    """One page of entries by IRI, with title and country.

    ``cursor`` is the IRI of the last row seen, so that writes between two pages neither
    repeat nor skip what stays. Raises Refused for an unknown class or theme.
    """
    if not 1 <= limit <= MAX_LIMIT:
        message = gettext("The limit is a number from 1 to %(most)s.", most=MAX_LIMIT)
        raise refused("limit", message, value=str(limit))
    pattern, values = _pattern(store, filters)
    after = cursor or ""
    if filters.q:
        # SPARQL cannot fold a text, so all titles with an accent are read; of plain ones those
        # only that hold the words as they are.
        words = fold(filters.q)
        rows = store.select(
            f"SELECT DISTINCT ?entry ?title {{ {pattern} ?entry dct:title|dct:alternative ?title"
            f" FILTER(CONTAINS(LCASE(STR(?title)), $words) || REGEX(STR(?title), '{_FOLDED}')) }}",
            {**values, "words": ox.Literal(words)},
        )
        every = sorted({row["entry"] for row in rows if words in fold(row["title"])})
        iris, total = [iri for iri in every if iri > after][: limit + 1], len(every)
    else:
        counted = store.select(f"SELECT (COUNT(DISTINCT ?entry) AS ?n) {{ {pattern} }}", values)
        rows = store.select(
            f"SELECT DISTINCT ?entry {{ {pattern} FILTER(STR(?entry) > $after) }}"
            f" ORDER BY STR(?entry) LIMIT {limit + 1}",
            {**values, "after": ox.Literal(after)},
        )
        iris, total = [row["entry"] for row in rows], int(counted[0]["n"])
    shown = iris[:limit]
    summaries = []
    for iri in shown:
        with suppress(NotFound):  # deleted since it was listed
            summaries.append(summary(store, iri, lang))
    return Page(summaries, total, shown[-1] if len(iris) > limit else None)


def summary(store: Store, iri: str, lang: str = "en") -> dict[str, str | None]:
    """An entry's IRI, class, title and country."""
    entry = store.get(iri)
    return {
        "entry": iri,
        "type": entry.path,
        "title": entry.text(DCT + "title", lang),
        "country": next(iter(countries(store, iri)), None),
    }


def countries(store: Store, iri: str) -> list[str]:
    """The ISO codes of the countries that an entry lies in (its own if a territory)."""
    rows = store.select(
        "SELECT DISTINCT ?code { { $entry dct:spatial ?t } UNION { BIND($entry AS ?t) }"
        " ?t psr:countryCode ?code } ORDER BY ?code",
        {"entry": ox.NamedNode(iri)},
    )
    return [row["code"] for row in rows]


def links_to(store: Store, iri: str) -> list[Link]:
    """The links of other entries (and of their nested nodes) to an entry, by IRI."""
    rows = store.select(
        "SELECT DISTINCT ?entry ?prop ?note { GRAPH ?entry { ?node ?prop $iri"
        " OPTIONAL { ?node psr:role|psr:result ?note } }"
        " FILTER(?entry != $iri && STRSTARTS(STR(?entry), $ids)) } ORDER BY ?entry ?prop ?note",
        {"iri": ox.NamedNode(iri), "ids": ox.Literal(store.base + "id/")},
    )
    return [Link(row["entry"], row["prop"], row.get("note")) for row in rows]


def class_counts(store: Store) -> dict[str, int]:
    """How many entries each class has, by class path."""
    rows = store.select(
        "SELECT ?class (COUNT(DISTINCT ?e) AS ?n) { GRAPH ?e { ?e a ?class } } GROUP BY ?class", {}
    )
    known = {row["class"]: int(row["n"]) for row in rows}
    return {path: known.get(iri, 0) for path, iri in CLASSES.items()}


def _pattern(store: Store, filters: Filter) -> tuple[str, dict[str, Term]]:
    parts = ["GRAPH ?entry { ?entry a ?class }", "FILTER(STRSTARTS(STR(?entry), $ids))"]
    values: dict[str, Term] = {"ids": ox.Literal(store.base + "id/")}
    if filters.type and filters.type not in CLASSES:
        message = gettext("There is no class %(name)s.", name=repr(filters.type))
        hint = gettext("Use one of %(names)s.", names=", ".join(CLASSES))
        raise refused("type", message, value=filters.type, hint=hint)
    classes = [CLASSES[filters.type]] if filters.type else list(CLASSES.values())
    parts.append("VALUES ?class { " + " ".join(f"<{c}>" for c in classes) + " }")
    if filters.country:
        values["country"] = ox.Literal(filters.country)
        parts.append(
            "{ ?entry dct:spatial/psr:countryCode $country }"
            " UNION { ?entry psr:countryCode $country }"
        )
    if filters.territory:
        values["territory"] = ox.NamedNode(filters.territory)
        parts.append("?entry dct:spatial/dct:isPartOf* $territory .")
    if filters.theme:
        theme = vocabulary().find("theme", filters.theme)
        if theme is None:
            message = gettext("There is no theme %(name)s.", name=repr(filters.theme))
            hint = gettext("See %(scheme)s.", scheme=VOC + "theme")
            raise refused("theme", message, value=filters.theme, hint=hint)
        values["theme"] = ox.NamedNode(theme)
        parts.append("?entry dct:subject/skos:broader* $theme .")
    return " ".join(parts), values
