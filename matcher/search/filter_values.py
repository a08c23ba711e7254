"""What entries are filtered by: the catalogue's rows, and filters as its conditions."""

from __future__ import annotations

import threading
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyoxigraph as ox
from pyroaring import FrozenBitMap

from kg.entry import Entry
from kg.stores.protocol import Store
from kg.vocabulary import DCT, PSR, local_name, vocabulary
from matcher.encoding.text import INDEXED, facets
from matcher.model.filters import Filters

Attributes = dict[str, list[str]]
_CONCEPTS = {
    "theme": DCT + "subject",
    "target_group": PSR + "targetGroup",
    "stage": PSR + "stage",
    "approach": PSR + "approach",
}
_NAMED = ("type", "country", "territory", "theme", "target_group", "stage", "approach", "language")


class Rows(Protocol):
    """One version of the catalogue: a row an entry, which never changes and is never given again.

    Numbers of rows are those of a ``generation``; values of facets are slugs.
    """

    @property
    def version(self) -> int:
        """At which change of the graph it stands."""

    @property
    def generation(self) -> str:
        """Whose numbers the rows are."""

    @property
    def live(self) -> FrozenBitMap:
        """The rows of all entries."""

    def rows(self, iris: Iterable[str]) -> dict[str, int]:
        """The rows of those entries that there are."""

    def iris(self, rows: Iterable[int]) -> dict[int, str]:
        """The entries of rows."""

    def passing(self, conditions: Mapping[str, Sequence[str]]) -> FrozenBitMap:
        """The rows that have any of the values of each facet."""

    def values(self, facet: str, rows: Iterable[int]) -> dict[int, set[str]]:
        """The values of a facet that each of some rows has."""

    def words(self, text: str, lang: str, among: FrozenBitMap, limit: int) -> list[int]:
        """The rows that share most words with a text, the best first."""


class RowKeeper(Protocol):
    """What keeps the rows in step with the store."""

    def snapshot(self) -> Rows:
        """The rows as the store is now."""


@dataclass(frozen=True)
class NoRows:
    """The catalogue before it was asked."""

    version: int = 0
    generation: str = ""
    live: FrozenBitMap = field(default_factory=FrozenBitMap)

    def rows(self, iris: Iterable[str]) -> dict[str, int]:
        """None of them."""
        return {}

    def iris(self, rows: Iterable[int]) -> dict[int, str]:
        """None of them."""
        return {}

    def passing(self, conditions: Mapping[str, Sequence[str]]) -> FrozenBitMap:
        """None of them."""
        return self.live

    def values(self, facet: str, rows: Iterable[int]) -> dict[int, set[str]]:
        """None of them."""
        return {}

    def words(self, text: str, lang: str, among: FrozenBitMap, limit: int) -> list[int]:
        """None of them."""
        return []


def attributes(entry: Entry, store: Store) -> Attributes:
    """Gather an entry's values of each filter, broader concepts and larger territories too."""
    words, node = vocabulary(), {"entry": ox.NamedNode(entry.iri)}
    above = store.select("SELECT DISTINCT ?c { $entry psr:addresses/skos:broader* ?c }", node)
    places = store.select(
        "SELECT DISTINCT ?t ?code { $entry dct:spatial/dct:isPartOf* ?t"
        " OPTIONAL { ?t psr:countryCode ?code } }",
        node,
    )
    rank = max((words.rank.get(c, 0) for c in entry.links(PSR + "evidenceLevel")), default=0)
    return {
        "type": [entry.path],
        "language": sorted({f.lang for f in facets(entry)}),
        **{
            name: sorted({local_name(a) for c in entry.links(prop) for a in words.ancestors(c)})
            for name, prop in _CONCEPTS.items()
        },
        "challenge": sorted(local_name(row["c"]) for row in above),
        "territory": sorted({local_name(row["t"]) for row in places}),
        "country": sorted({row["code"] for row in places if "code" in row}),
        "evidence_rank": [str(n) for n in range(1, rank + 1)],
    }


@dataclass(frozen=True)
class MemoryRows:
    """Rows held in memory."""

    version: int
    generation: str
    live: FrozenBitMap
    names: Mapping[str, int]
    entries: Sequence[str]
    attributes: Mapping[int, Attributes]
    postings: Mapping[tuple[str, str], FrozenBitMap]

    def rows(self, iris: Iterable[str]) -> dict[str, int]:
        """The rows of those entries that there are."""
        return {iri: self.names[iri] for iri in iris if iri in self.names}

    def iris(self, rows: Iterable[int]) -> dict[int, str]:
        """The entries of rows."""
        return {row: self.entries[row] for row in rows}

    def passing(self, conditions: Mapping[str, Sequence[str]]) -> FrozenBitMap:
        """The rows that have any of the values of each facet."""
        rows = self.live
        for facet, values in conditions.items():
            own = (self.postings.get((facet, value), FrozenBitMap()) for value in values)
            rows = rows & FrozenBitMap.union(FrozenBitMap(), *own)
        return rows

    def values(self, facet: str, rows: Iterable[int]) -> dict[int, set[str]]:
        """The values of a facet that each of some rows has."""
        return {row: set(self.attributes[row][facet]) for row in rows}

    def words(self, text: str, lang: str, among: FrozenBitMap, limit: int) -> list[int]:
        """None: the letters find them."""
        return []


@dataclass
class MemoryCatalogue:
    """Follows a store from its beginning, in memory."""

    store: Store
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _rows: MemoryRows | None = None

    def snapshot(self) -> Rows:
        """The rows as the store is now."""
        with self._lock:
            before = self._rows or MemoryRows(0, uuid.uuid4().hex, FrozenBitMap(), {}, [], {}, {})
            if (version := self.store.version()) == before.version:
                return before
            if version < before.version or not before.version:
                touched = [e.iri for path in INDEXED for e in self.store.entries(path)]
            else:
                touched = [iri for iri, _ in self.store.changes_since(before.version)]
            touched = [i for i in touched if i.rsplit("/", 2)[-2] in INDEXED]
            gathered = {e.iri: attributes(e, self.store) for e in self.store.several(touched)}
            names = {k: v for k, v in before.names.items() if k not in {*touched}}
            entries = [*before.entries, *gathered]
            names |= {
                iri: row
                for row, iri in enumerate(entries[len(before.entries) :], len(before.entries))
            }
            known = dict(before.attributes)
            known |= {names[iri]: own for iri, own in gathered.items()}
            live = FrozenBitMap(names.values())
            postings = defaultdict[tuple[str, str], list[int]](list)
            for row in live:
                for name, values in known[row].items():
                    for value in values:
                        postings[name, value].append(row)
            frozen = {key: FrozenBitMap(rows) for key, rows in postings.items()}
            self._rows = MemoryRows(version, before.generation, live, names, entries, known, frozen)
            return self._rows


def passing(rows: Rows, filters: Filters) -> FrozenBitMap:
    """The rows of the entries that the filters let through."""
    conditions: dict[str, Sequence[str]] = {
        name: [local_name(value) for value in values]
        for name in _NAMED
        if (values := getattr(filters, name))
    }
    if filters.evidence_min:
        conditions["evidence_rank"] = [str(vocabulary().rank[filters.evidence_min])]
    through = rows.passing(conditions)
    if filters.not_country:
        through = through - rows.passing({"country": filters.not_country})
    return through
