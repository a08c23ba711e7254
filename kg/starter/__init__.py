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
#: column -> property, and the scheme of its concepts, nothing for a number
_COLUMNS = {
    "urban_rural": (PSR + "urbanRural", "urban-rural"),
    "mountain": (PSR + "mountain", "mountain"),
    "coast": (PSR + "coast", "coast"),
    "lat": (GEO + "lat", ""),
    "long": (GEO + "long", ""),
    "population": (PSR + "population", ""),
    "density": (PSR + "populationDensity", ""),
    "gdp": (PSR + "gdpPerHead", ""),
    "unemployment": (PSR + "unemploymentRate", ""),
    "poverty": (PSR + "povertyRisk", ""),
    "over65": (PSR + "share65plus", ""),
}
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
    content = hashlib.sha256()
    for file in sorted(files("kg.starter").iterdir(), key=lambda f: f.name):
        if file.name.endswith((".ttl", ".tsv")):
            content.update(file.read_bytes())
    return content.hexdigest()[:16]


def entries(base: str) -> Iterator[Entry]:
    """Yield every entry of the starter graph, named under ``base``."""
    yield from territories(base)
    for file in sorted(files("kg.starter").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".ttl"):
            text = file.read_text("utf-8").replace(f"@base <{FILES_BASE}>", f"@base <{base}>")
            triples: dict[str, list[ox.Triple]] = defaultdict(list)
            for quad in ox.parse(text, format=ox.RdfFormat.TURTLE):
                triples[name_of(quad.subject).partition("#")[0]].append(quad.triple)
            for iri in sorted(triples):
                yield make(iri, triples[iri])


def territories(base: str) -> Iterator[Entry]:
    """Yield the NUTS 2021 regions, the countries and the municipalities of the table."""
    held: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in _table("competences.tsv"):
        held[row["country"]].append((_LEVELS[row["level"]], row["competence"]))
    for row in _table("territories.tsv"):
        iri = f"{base}id/territory/{row['code']}"
        town = row["level"] == "municipality"
        source = _GEONAMES if town else _EUROSTAT
        facts: list[tuple[str, ox.NamedNode | ox.Literal]] = [
            (RDF_TYPE.value, ox.NamedNode(PSR + "Territory")),
            (PSR + "territoryLevel", ox.NamedNode(f"{VOC}territory-level/{row['level']}")),
            (PSR + "countryCode", ox.Literal(row["country"])),
            (DCT + "source", ox.NamedNode(source)),
            (SCHEMA + "creditText", ox.Literal(_CREDIT[source])),
            (DCT + "title", ox.Literal(row["name_en"] or row["name"], language="en")),
        ]
        for column, (prop, scheme) in _COLUMNS.items():
            if text := row[column]:
                number = ox.Literal(int(text)) if column == "population" else decimal(text)
                facts.append((prop, ox.NamedNode(f"{VOC}{scheme}/{text}") if scheme else number))
        estimated = (_COLUMNS[name][0] for name in row["estimated"].split(",") if name)
        facts += [(PSR + "estimatedFigure", ox.NamedNode(prop)) for prop in estimated]
        if years := row["years"]:
            text = f"Years of the figures: {years}."
            facts.append((DCT + "description", ox.Literal(text, language="en")))
        if row["name_en"] not in {"", row["name"]}:  # its name in its own language
            facts.append((DCT + "alternative", ox.Literal(row["name"])))
        if row["parent"]:
            facts.append((DCT + "isPartOf", ox.NamedNode(f"{base}id/territory/{row['parent']}")))
        if not town:
            code = ox.NamedNode(f"http://data.europa.eu/nuts/code/{row['code']}")
            facts += [(SKOS + "notation", ox.Literal(row["code"])), (SKOS + "exactMatch", code)]
        if row["level"] == "country":
            facts += [
                (PSR + level, ox.NamedNode(f"{VOC}competence/{slug}"))
                for level, slug in held[row["country"]]
            ]
        subject = ox.NamedNode(iri)
        yield make(iri, [ox.Triple(subject, ox.NamedNode(p), o) for p, o in facts])


def _table(name: str) -> Iterator[dict[str, str]]:
    lines = (files("kg.starter") / name).read_text("utf-8").splitlines()
    yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
