"""List entries with filters, in a stable order, page by page."""

from __future__ import annotations

from dataclasses import dataclass

import pyoxigraph as ox

from kg.catalogue.catalogue import CatalogueSnapshot, Conditions
from kg.catalogue.rows import Row
from kg.errors import refused
from kg.stores.protocol import Page, Store
from kg.text.i18n import gettext
from kg.vocabulary import CLASSES

MAX_LIMIT = 200


@dataclass(frozen=True)
class Link:
    """A link from another entry: who, by which property; ``note`` is a role or a result."""

    entry: str
    prop: str
    note: str | None


def list_entries(
    snapshot: CatalogueSnapshot,
    chosen: Conditions,
    *,
    q: str = "",
    limit: int = 50,
    cursor: str | None = None,
    lang: str = "en",
) -> Page:
    """One page of entries by IRI, with title and country.

    ``chosen`` are checked values of filters, ``q`` is a part of a title or another name. ``cursor``
    is the IRI of the last row seen, so that writes between two pages neither repeat nor skip what
    stays. Raises Refused for a limit that is none.
    """
    if not 1 <= limit <= MAX_LIMIT:
        message = gettext("The limit is a number from 1 to %(most)s.", most=MAX_LIMIT)
        raise refused("limit", message, value=str(limit))
    among = snapshot.passing(chosen)
    if q:
        among &= snapshot.named(q)
    numbers = snapshot.page(among, "iri", 0, limit + 1, cursor or "")
    shown = snapshot.read(numbers[:limit])
    more = shown[-1].iri if len(numbers) > limit else None
    return Page([summary(row, lang) for row in shown], len(among), more)


def summary(row: Row, lang: str = "en") -> dict[str, str | None]:
    """An entry's IRI, class, title and country."""
    return {
        "entry": row.iri,
        "type": row.path,
        "title": row.title(lang).value if row.titles else None,
        "country": next(iter(row.values["country"]), None),
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
