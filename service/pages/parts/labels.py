"""What everything is called in the reader's language: entries, places, concepts, properties."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from flask import request

from kg.catalogue.rows import FACETS, Row, derive
from kg.entry import Entry, Text
from kg.text.i18n import gettext, language, mark
from kg.text.number_formats import language_name
from kg.vocabulary import (
    CLASSES,
    DCT,
    GEO,
    ORG,
    SCHEMA,
    SKOS,
    VOC,
    vocabulary,
)
from service.core.runtime import Runtime, current
from service.pages.parts.components import Piece, tag

#: names of the properties that are not of our own namespace
FOREIGN = {
    DCT + "title": mark("Title"),
    DCT + "alternative": mark("Also called"),
    DCT + "description": mark("Description"),
    DCT + "source": mark("Source"),
    DCT + "identifier": mark("Identifier at the source"),
    DCT + "license": mark("Licence"),
    DCT + "language": mark("Languages"),
    DCT + "subject": mark("Themes"),
    DCT + "spatial": mark("Place"),
    DCT + "isPartOf": mark("Part of"),
    SCHEMA + "url": mark("Web page"),
    SCHEMA + "creditText": mark("Credit"),
    SCHEMA + "startDate": mark("Started"),
    SCHEMA + "endDate": mark("Ended"),
    SKOS + "broader": mark("Part of the wider challenge"),
    SKOS + "notation": mark("NUTS code"),
    SKOS + "exactMatch": mark("Same as"),
    ORG + "memberOf": mark("Member of"),
    ORG + "hasMember": mark("Members"),
    GEO + "lat": mark("Latitude"),
    GEO + "long": mark("Longitude"),
}


def label(term: str) -> str:
    """The label of a property, a class or a concept."""
    return gettext(FOREIGN[term]) if term in FOREIGN else vocabulary().label(term, language())


def labelled(name: str, value: str) -> str:
    """A value behind what it is called."""
    return gettext("%(name)s: %(value)s", name=name, value=value)


def options(scheme: str) -> list[tuple[str, str]]:
    """The concepts of a scheme with their labels, by label."""
    labelled = [(iri, label(iri)) for iri in vocabulary().concepts(scheme)]
    return sorted(labelled, key=lambda pair: pair[1].casefold())


class Labels:
    """The labels of one number of the graph, linked; ``root`` is where links to pages begin."""

    def __init__(self, runtime: Runtime, root: str) -> None:
        self.runtime, self.root, self._base = runtime, root, runtime.store.base
        self.snapshot = runtime.catalogue.snapshot()
        self._titles: dict[str, Text] = {}

    def path(self, iri: str) -> str:
        """The path of an entry's page, without the root."""
        return f"/{quote(iri.removeprefix(self._base))}"

    def titles(self, iris: Iterable[str]) -> dict[str, Text]:
        """What entries and places are called, in the order given; what is not here is left out."""
        names = list(iris)
        if new := [iri for iri in names if iri not in self._titles]:
            self._titles |= self.snapshot.titles(new, language())
        return {iri: self._titles[iri] for iri in names if iri in self._titles}

    def entries(self, iris: Iterable[str]) -> dict[str, Piece]:
        """Entries and places by their titles, in the order given; what is not here is left out."""
        return {
            iri: Piece(title.value, self.root + self.path(iri), tag(title.lang))
            for iri, title in self.titles(iris).items()
        }

    def row(self, entry: Entry) -> Row:
        """What lists show of an entry, also of one that is not stored like this."""
        (derived,) = derive(self.runtime.store, self.snapshot.territories, [entry])
        return derived.row

    def entry(self, iri: str) -> Piece:
        """An entry or a place by its title, else by its IRI."""
        return self.entries([iri]).get(iri) or Piece(iri, self.root + self.path(iri))

    def place(self, code: str) -> str:
        """The name of a country or region by its code."""
        return self.snapshot.territories.name(code, language())

    def concept(self, iri: str) -> Piece:
        """A concept, linked to its place in the page of its scheme."""
        scheme, _, slug = iri.removeprefix(VOC).partition("/")
        known = vocabulary().labels.get(iri, {})
        lang = "" if language() in known or "en" not in known else "en"
        return Piece(label(iri), f"{self.root}/voc/{quote(scheme)}#{quote(slug)}", lang)

    def value(self, name: str, value: str) -> str:
        """The label of a filter's value, or the value itself if it is not known."""
        match name:
            case "type":
                return label(CLASSES[value]) if value in CLASSES else value
            case "country" | "not_country" | "territory":
                return self.place(value)
            case "language":
                return language_name(value)
            case "instrument" | "challenge":
                titles = self.titles([f"{self._base}id/{name}/{value}"])
                return next((title.value for title in titles.values()), value)
        scheme = FACETS.get(name, "evidence-level")
        return label(f"{VOC}{scheme}/{value}") if scheme else value

    def values(self, row: Row, name: str, most: int | None = None, between: str = ", ") -> str:
        """The labels of what an entry has for a filter, ``most`` of them."""
        return between.join(self.value(name, value) for value in row.values[name][:most])


def labels() -> Labels:
    """What everything is called in the present answer."""
    return Labels(current(), request.script_root)
