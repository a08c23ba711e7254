"""A place: what the graph knows of a territory and of what contains it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from kg.entry import Entry
from kg.text.i18n import language
from kg.text.number_formats import country
from kg.vocabulary import DCT, PSR, VOC
from matcher.model.reasons import Triple, cite

TYPES = ("urbanRural", "mountain", "coast")
FIGURES = ("gdpPerHead", "unemploymentRate")
FEATURES = (*TYPES, *FIGURES, "population")
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
Likeness = dict[str, tuple[float, tuple[Triple, ...]]]


@dataclass(frozen=True)
class Fact:
    """A value with the triples it comes from, the way up to a larger territory among them."""

    value: str
    evidence: tuple[Triple, ...]


@dataclass(frozen=True)
class Holder:
    """Whether a level of government holds a power, which territory does, and the triples."""

    held: bool
    by: str
    evidence: tuple[Triple, ...]


@dataclass(frozen=True)
class Place:
    """A territory with everything that contains it, nearest first."""

    chain: tuple[Entry, ...]

    @property
    def entry(self) -> Entry:
        """The territory itself."""
        return self.chain[0]

    @property
    def iri(self) -> str:
        """The territory's IRI."""
        return self.chain[0].iri

    @property
    def name(self) -> str:
        """The territory's name, in the reader's language if it has one in it."""
        own = country(self.entry.slug) if self.level == "country" else ""
        return own or self.entry.text(DCT + "title", language()) or self.entry.slug

    @cached_property
    def level(self) -> str | None:
        """``municipality``, ``nuts3``, ``nuts2``, ``nuts1`` or ``country``, if stated."""
        links = self.entry.links(PSR + "territoryLevel")
        return links[0].rsplit("/", 1)[-1] if links else None

    @cached_property
    def iris(self) -> tuple[str, ...]:
        """The territory and all that contain it, nearest first."""
        return tuple(e.iri for e in self.chain)

    def path(self, up: int) -> tuple[Triple, ...]:
        """The triples that lead from the territory to the one ``up`` steps above it."""
        pairs = zip(self.chain[:up], self.chain[1 : up + 1], strict=False)
        return tuple(t for low, high in pairs for t in cite(low, DCT + "isPartOf", [high.iri]))

    @cached_property
    def facts(self) -> dict[str, Fact]:
        """Each type and figure of the territory, or of the nearest that has it.

        Where the next larger territory states the same value, none of both is cited.
        """
        facts = {}
        for name in FEATURES:
            values = [
                (up, v[0].value) for up, e in enumerate(self.chain) if (v := e.values(PSR + name))
            ]
            if values:
                up, value = values[0]
                same = any(other == value for _up, other in values[1:2])
                cited = () if same else cite(self.chain[up], PSR + name)
                facts[name] = Fact(value, self.path(up) + cited)
        return facts

    @cached_property
    def holders(self) -> dict[str, Holder]:
        """For each power that is known whether this level holds it, and which territory does."""
        country, holders = self.chain[-1], dict[str, Holder]()
        known = self.path(len(self.chain) - 1) + cite(self.entry, PSR + "territoryLevel")
        for name, levels in _HOLDERS.items() if self.level else ():
            by = next((e for e in self.chain if Place((e,)).level in levels), country).iri
            for power in country.links(PSR + name):
                cited = known + cite(country, PSR + name, [power])
                holders.setdefault(power, Holder(self.level in levels, by, cited))
        return holders


def likeness(one: Place, other: Place) -> Likeness:
    """How alike two places are, 0 to 1 for each feature that both have.

    Types: 1 minus the distance on the scale urban, intermediate, rural (and the like).
    Size: exp(-|ln(population ratio)| / 2) between territories of the same level. Wealth:
    exp(-|difference of GDP per head in PPS, EU = 100| / 50). Unemployment:
    exp(-|difference in points| / 5).
    """
    alike: Likeness = {}
    for name in FEATURES:
        left, right = one.facts.get(name), other.facts.get(name)
        if left and right and (name != "population" or one.level == other.level):
            cited = left.evidence + right.evidence
            if name == "population":
                cited += cite(one.entry, PSR + "territoryLevel")
                cited += cite(other.entry, PSR + "territoryLevel")
            alike[name] = (_alike(name, left.value, right.value), cited)
    return alike


def mean(alike: Likeness) -> float:
    """The mean likeness over the features that were compared; there is at least one."""
    return sum(value for value, _evidence in alike.values()) / len(alike)


def _alike(name: str, left: str, right: str) -> float:
    if name in TYPES:
        a, b = (_ORDER.get(v.removeprefix(VOC).partition("/")[2], 0.5) for v in (left, right))
        return 1.0 - abs(a - b)
    a, b = float(left), float(right)
    if name == "population":
        return math.exp(-abs(math.log(max(a, 1) / max(b, 1))) / 2)
    return math.exp(-abs(a - b) / (50 if name == "gdpPerHead" else 5))
