"""What values are called, in the reader's language."""

from __future__ import annotations

from kg.catalogue.facets import Row, Shelf
from kg.text.i18n import language
from kg.text.number_formats import language_name
from kg.vocabulary import CLASSES, VOC, vocabulary
from matcher.model.filters import SCHEMES


class Labels:
    """What the values of filters are called, in the reader's language."""

    def __init__(self, shelf: Shelf, base: str) -> None:
        self._shelf, self._base = shelf, base

    def of(self, name: str, value: str) -> str:
        """The label of a filter's value, or the value itself if it is not known."""
        words, lang = vocabulary(), language()
        match name:
            case "type":
                return words.label(CLASSES[value], lang) if value in CLASSES else value
            case "country" | "territory":
                return self.place(value)
            case "language":
                return language_name(value)
            case "instrument":
                at = self._shelf.position.get(f"{self._base}id/instrument/{value}")
                return value if at is None else self._shelf.rows[at].title(lang).value
        scheme = SCHEMES.get(name, "evidence-level")
        return words.label(f"{VOC}{scheme}/{value}", lang)

    def place(self, code: str) -> str:
        """The name of a country or region by its code."""
        return self._shelf.place_name(code, language())

    def href(self, row: Row) -> str:
        """The path of an entry's page, without the root of the service."""
        return f"/{row.iri.removeprefix(self._base)}"


def options(scheme: str) -> list[tuple[str, str]]:
    """The concepts of a scheme with their labels, by label."""
    words = vocabulary()
    labelled = [(iri, words.label(iri, language())) for iri in words.concepts(scheme)]
    return sorted(labelled, key=lambda pair: pair[1].casefold())
