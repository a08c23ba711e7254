"""Which property of an entry goes where on its page: as the shapes group and order them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pyoxigraph as ox

from kg.text.i18n import gettext, mark
from kg.text.number_formats import euro, number, percent
from kg.vocabulary import CLASSES, DCT, ORG, PSH, PSR, RDF_TYPE, RDFS, SCHEMA, SKOS, turtle_files

MONEY = frozenset(PSR + n for n in ("budget", "costPerHead", "minimumGrant", "maximumGrant"))
PER_CENT = frozenset(
    PSR + n for n in ("fundingRate", "unemploymentRate", "povertyRisk", "share65plus")
)
_SH = "http://www.w3.org/ns/shacl#"
_PROSE, _FACTS = PSH + "Group-prose", PSH + "Group-facts"
UNITS = {
    PSR + "costPerHead": mark("%(number)s a year"),
    PSR + "staff": mark("%(number)s full-time equivalents"),
    PSR + "durationMonths": mark("%(number)s months"),
    PSR + "populationDensity": mark("%(number)s people per km²"),
    PSR + "gdpPerHead": mark("%(number)s (EU = 100, in purchasing power)"),
}


def written(prop: str, amount: float) -> str:
    """A number of a property as pages write it: as money or share, with its unit."""
    if prop in PER_CENT:
        return percent(amount / 100, 2)
    text = euro(amount) if prop in MONEY else number(amount)
    return gettext(UNITS[prop], number=text) if prop in UNITS else text


@dataclass(frozen=True)
class PropertyGroup:
    """A heading of the main column and the properties below it, in order."""

    title: str
    props: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """The page of a class: long texts, groups of the main column, facts beside them."""

    prose: tuple[str, ...] = ()
    groups: tuple[PropertyGroup, ...] = ()
    facts: tuple[str, ...] = ()


@cache
def layout_of(path: str) -> Layout:
    """The properties of a class by ``sh:group``, in the order of ``sh:order`` as in its form."""
    shapes = _shapes()
    name = PSH + CLASSES[path].removeprefix(PSR) + "Shape"
    rows = [shapes[node] for node in shapes[name].get(_SH + "property", ())]
    props: dict[str, dict[str, None]] = {}
    for row in sorted(rows, key=_order):
        for group in row.get(_SH + "group", ()):
            props.setdefault(group, {})[row[_SH + "path"][0]] = None
    headings = sorted(props.keys() - {_PROSE, _FACTS}, key=lambda iri: _order(shapes[iri]))
    return Layout(
        tuple(props.get(_PROSE, ())),
        tuple(PropertyGroup(shapes[iri][RDFS + "label"][0], tuple(props[iri])) for iri in headings),
        tuple(props.get(_FACTS, ())),
    )


def _order(row: dict[str, list[str]]) -> float:
    return float(row.get(_SH + "order", ["0"])[0])


@cache
def _shapes() -> dict[str, dict[str, list[str]]]:
    """What the shapes say, by subject and property; anonymous parts are left out."""
    rows: dict[str, dict[str, list[str]]] = {}
    for file in turtle_files("shapes"):
        for quad in ox.parse(file.read_bytes(), format=ox.RdfFormat.TURTLE):
            if isinstance(quad.subject, ox.NamedNode) and not isinstance(quad.object, ox.BlankNode):
                row = rows.setdefault(quad.subject.value, {})
                row.setdefault(quad.predicate.value, []).append(quad.object.value)
    return rows


#: shown in places of their own, on the page of every class
ELSEWHERE = frozenset(
    {
        RDF_TYPE.value,
        DCT + "title",
        DCT + "alternative",
        DCT + "description",
        DCT + "source",
        DCT + "license",
        DCT + "identifier",
        SCHEMA + "creditText",
        SCHEMA + "url",
        *(PSR + n for n in ("checkedOn", "contactPage", "contactCheckedOn", "estimatedFigure")),
    }
)
#: what a list of links from other entries is called: (class that links, property)
INVERSE = {
    ("practice", PSR + "addresses"): mark("Practices that address it"),
    ("practice", PSR + "actor"): mark("Practices it takes part in"),
    ("practice", PSR + "adaptedFrom"): mark("Practices adapted from it"),
    ("practice", PSR + "usesInstrument"): mark("Practices that use it"),
    ("practice", DCT + "spatial"): mark("Practices here"),
    ("challenge", SKOS + "broader"): mark("Narrower challenges"),
    ("actor", ORG + "memberOf"): mark("Members"),
    ("actor", DCT + "spatial"): mark("Organisations here"),
    ("instrument", DCT + "isPartOf"): mark("Instruments within it"),
    ("instrument", PSR + "eligibleTerritory"): mark("Instruments that cover it"),
    ("transfer", PSR + "sourcePractice"): mark("Transfers to other places"),
    ("transfer", PSR + "adopter"): mark("Transfers it carried out"),
    ("transfer", PSR + "targetTerritory"): mark("Transfers to here"),
    ("transfer", PSR + "within"): mark("Transfers within it"),
    ("transfer", PSR + "usesInstrument"): mark("Transfers that use it"),
    ("plan", PSR + "addresses"): mark("Action plans that address it"),
    ("plan", PSR + "basedOn"): mark("Action plans that build on it"),
    ("plan", PSR + "owner"): mark("Its action plans"),
    ("plan", PSR + "actor"): mark("Action plans it takes part in"),
    ("plan", PSR + "usesInstrument"): mark("Action plans that use it"),
    ("plan", DCT + "spatial"): mark("Action plans here"),
    ("community", ORG + "hasMember"): mark("Communities it is a member of"),
    ("community", PSR + "host"): mark("Communities it hosts"),
    ("community", PSR + "addresses"): mark("Communities that work on it"),
    ("community", DCT + "isPartOf"): mark("Communities within it"),
    ("community", DCT + "spatial"): mark("Communities here"),
    ("call", PSR + "organiser"): mark("Calls it organises"),
    ("call", PSR + "usesInstrument"): mark("Calls that use it"),
    ("call", PSR + "eligibleTerritory"): mark("Calls open to it"),
    ("territory", DCT + "isPartOf"): mark("Places within it"),
}
