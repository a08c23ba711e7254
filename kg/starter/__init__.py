"""The starter graph: practices, actors, transfers and territories that come with the package.

The Turtle files hold many entries each; the territories are a table, because 2,169 entries
of the same form are easier to read and to check that way.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from importlib.resources import files

import pyoxigraph as ox

from kg.entry import Entry, decimal, make, name_of
from kg.vocabulary import DCT, GEO, PSR, RDF_TYPE, SCHEMA, SKOS, VOC

FILES_BASE = "https://passerelle.example/"
_FIGURES = {
    "density": "populationDensity",
    "gdp": "gdpPerHead",
    "unemployment": "unemploymentRate",
    "poverty": "povertyRisk",
    "over65": "share65plus",
}
_TYPES = {"urban_rural": "urban-rural", "mountain": "mountain", "coast": "coast"}
_PROPERTY = {"urban_rural": "urbanRural", "mountain": "mountain", "coast": "coast"}
_LEVELS = {
    "municipality": "municipalCompetence",
    "intermediate": "regionalCompetence",
    "national": "nationalCompetence",
}
_EUROSTAT = "https://ec.europa.eu/eurostat/web/nuts"
_GEONAMES = "https://www.geonames.org/"
_CREDIT = {
    _EUROSTAT: "Source: Eurostat; figures partly derived, see psr:estimatedFigure",
    _GEONAMES: "GeoNames, CC BY 4.0",
}


def digest() -> str:
    """A number of 16 digits that changes with the starter graph's files."""
    found = hashlib.sha256()
    for file in sorted(files("kg.starter").iterdir(), key=lambda f: f.name):
        if file.name.endswith((".ttl", ".tsv")):
            found.update(file.read_bytes())
    return found.hexdigest()[:16]


def entries(base: str) -> Iterator[Entry]:
    """Yield every entry of the starter graph, named under ``base``."""
    yield from territories(base)
    for file in sorted(files("kg.starter").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".ttl"):
            yield from _split(file.read_bytes(), base)


def _split(data: bytes, base: str) -> Iterator[Entry]:
    """Yield the entries of a Turtle file: what is said of one IRI and its fragments."""
    text = data.decode("utf-8").replace(f"@base <{FILES_BASE}>", f"@base <{base}>")
    found: dict[str, list[ox.Triple]] = defaultdict(list)
    for quad in ox.parse(text, format=ox.RdfFormat.TURTLE):
        found[name_of(quad.subject).partition("#")[0]].append(quad.triple)
    for iri in sorted(found):
        yield make(iri, found[iri])


def territories(base: str) -> Iterator[Entry]:
    """Yield the NUTS 2021 regions, the countries and the municipalities of the table."""
    held = _competences()
    for row in _table("territories.tsv"):
        yield _territory(row, base, held.get(row["country"], []))


def _table(name: str) -> Iterator[dict[str, str]]:
    lines = (files("kg.starter") / name).read_text("utf-8").splitlines()
    yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


def _competences() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in _table("competences.tsv"):
        found[row["country"]].append((_LEVELS[row["level"]], row["competence"]))
    return found


def _territory(row: dict[str, str], base: str, held: list[tuple[str, str]]) -> Entry:
    iri = f"{base}id/territory/{row['code']}"
    town = row["level"] == "municipality"
    source = _GEONAMES if town else _EUROSTAT
    facts: list[tuple[str, ox.NamedNode | ox.Literal]] = [
        (RDF_TYPE.value, ox.NamedNode(PSR + "Territory")),
        (PSR + "territoryLevel", ox.NamedNode(f"{VOC}territory-level/{row['level']}")),
        (PSR + "countryCode", ox.Literal(row["country"])),
        (DCT + "source", ox.NamedNode(source)),
        (SCHEMA + "creditText", ox.Literal(_CREDIT[source])),
        *_names(row),
        *_figures(row),
    ]
    if row["parent"]:
        facts.append((DCT + "isPartOf", ox.NamedNode(f"{base}id/territory/{row['parent']}")))
    if not town:
        code = ox.NamedNode(f"http://data.europa.eu/nuts/code/{row['code']}")
        facts += [(SKOS + "notation", ox.Literal(row["code"])), (SKOS + "exactMatch", code)]
    if row["level"] == "country":
        facts += [(PSR + level, ox.NamedNode(f"{VOC}competence/{slug}")) for level, slug in held]
    subject = ox.NamedNode(iri)
    return make(iri, [ox.Triple(subject, ox.NamedNode(p), o) for p, o in facts])


def _names(row: dict[str, str]) -> list[tuple[str, ox.NamedNode | ox.Literal]]:
    """The title in English (or as it is) and the name of the place's own language."""
    english = row["name_en"] or row["name"]
    found: list[tuple[str, ox.NamedNode | ox.Literal]] = [
        (DCT + "title", ox.Literal(english, language="en"))
    ]
    if row["name"] != english:
        found.append((DCT + "alternative", ox.Literal(row["name"])))
    return found


def _figures(row: dict[str, str]) -> list[tuple[str, ox.NamedNode | ox.Literal]]:
    found: list[tuple[str, ox.NamedNode | ox.Literal]] = []
    for column, scheme in _TYPES.items():
        if row[column]:
            found.append((PSR + _PROPERTY[column], ox.NamedNode(f"{VOC}{scheme}/{row[column]}")))
    for column, name in {"lat": GEO + "lat", "long": GEO + "long"}.items():
        if row[column]:
            found.append((name, decimal(row[column])))
    if row["population"]:
        found.append((PSR + "population", ox.Literal(int(row["population"]))))
    for column, name in _FIGURES.items():
        if row[column]:
            found.append((PSR + name, decimal(row[column])))
    known = {"population": "population"} | _FIGURES
    for column in filter(None, row["estimated"].split(",")):
        found.append((PSR + "estimatedFigure", ox.NamedNode(PSR + known[column])))
    if row["years"]:
        found.append(
            (
                DCT + "description",
                ox.Literal(f"Years of the figures: {row['years']}.", language="en"),
            )
        )
    return found
