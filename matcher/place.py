"""A place: what the graph and the asker know of a territory."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pyoxigraph as ox

from kg.entry import Entry
from kg.store import Store
from kg.vocabulary import DCT, PSR, VOC
from matcher.evidence import Triple, cite

TYPES = ("urbanRural", "mountain", "coast")
FIGURES = ("gdpPerHead", "unemploymentRate")
_LEVELS = ("municipality", "nuts3", "nuts2", "nuts1", "country")
_HOLDERS = {
    "municipalCompetence": ("municipality", "nuts3", "nuts2", "nuts1", "country"),
    "regionalCompetence": ("nuts2", "nuts1", "country"),
    "nationalCompetence": ("country",),
}
_ORDER = {
    "urban": 0.0, "intermediate": 0.5, "rural": 1.0,
    "on-coast": 0.0, "near-coast": 0.5, "inland": 1.0,
    "mountain": 0.0, "non-mountain": 1.0,
}  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """A value with the triples it comes from."""

    value: str
    evidence: tuple[Triple, ...]


class Place:
    """A territory with everything that contains it, nearest first."""

    def __init__(self, store: Store, iri: str) -> None:
        self.chain = _chain(store, iri)
        self.entry = self.chain[0]
        self.iri = iri

    @property
    def name(self) -> str:
        """Return the territory's English name."""
        return self.entry.text(DCT + "title") or self.entry.slug

    @property
    def level(self) -> str:
        """Return ``municipality``, ``nuts3``, ``nuts2``, ``nuts1`` or ``country``."""
        links = self.entry.links(PSR + "territoryLevel")
        return links[0].rsplit("/", 1)[-1] if links else "country"

    @property
    def country(self) -> str | None:
        """Return the ISO code of the country."""
        return self.entry.text(PSR + "countryCode")

    def iris(self) -> list[str]:
        """Return the territory and all that contain it, nearest first."""
        return [e.iri for e in self.chain]

    def fact(self, name: str) -> Fact | None:
        """Return a type or figure of the territory, or of the nearest that has it."""
        for entry in self.chain:
            values = entry.values(PSR + name)
            if values:
                return Fact(values[0].value, cite(entry, PSR + name))
        return None

    def holder(self, competence: str) -> tuple[bool, Fact] | None:
        """Return whether this level holds a power, and the fact; None if not known."""
        country = self.chain[-1]
        for name, levels in _HOLDERS.items():
            if competence in country.links(PSR + name):
                return self.level in levels, Fact(name, cite(country, PSR + name, [competence]))
        return None


def _chain(store: Store, iri: str) -> list[Entry]:
    found = [store.get(iri)]
    while parents := found[-1].links(DCT + "isPartOf"):
        found.append(store.get(sorted(parents)[0]))
    return found


def practice_places(store: Store, practice: Entry) -> list[Place]:
    """Return the places of a practice, the smallest first."""
    places = [Place(store, iri) for iri in sorted(practice.links(DCT + "spatial"))]
    return sorted(places, key=lambda p: (_LEVELS.index(p.level), p.iri))


def likeness(one: Place, other: Place) -> dict[str, tuple[float, tuple[Triple, ...]]]:
    """Return how alike two places are, 0 to 1 for each feature that both have.

    Types: 1 minus the distance on the scale urban, intermediate, rural (and the like).
    Size: exp(-|ln(population ratio)| / 2) between territories of the same level. Wealth:
    exp(-|difference of GDP per head in PPS, EU = 100| / 50). Unemployment:
    exp(-|difference in points| / 5).
    """
    found: dict[str, tuple[float, tuple[Triple, ...]]] = {}
    for name in (*TYPES, *FIGURES, "population"):
        left, right = one.fact(name), other.fact(name)
        if left and right and (name != "population" or one.level == other.level):
            found[name] = (_alike(name, left.value, right.value), left.evidence + right.evidence)
    return found


def _alike(name: str, left: str, right: str) -> float:
    if name in TYPES:
        a, b = (_ORDER.get(v.removeprefix(VOC).partition("/")[2], 0.5) for v in (left, right))
        return 1.0 - abs(a - b)
    a, b = float(left), float(right)
    if name == "population":
        return math.exp(-abs(math.log(max(a, 1) / max(b, 1))) / 2)
    return math.exp(-abs(a - b) / (50 if name == "gdpPerHead" else 5))


def actors_in(store: Store, place: Place) -> list[dict[str, str]]:
    """Return the actors within a territory or working for a larger one, with their types."""
    return store.select(
        "SELECT DISTINCT ?actor ?place ?type {"
        " { ?place dct:isPartOf* $here } UNION { $here dct:isPartOf+ ?place }"
        " ?actor dct:spatial ?place ; a psr:Actor ; psr:actorType ?own . ?own skos:broader* ?type }"
        " ORDER BY ?actor ?place ?type",
        {"here": ox.NamedNode(place.iri)},
    )
