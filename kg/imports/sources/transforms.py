"""The named transforms that a mapping may ask for: the text of a cell in, RDF terms out.

Each raises Refused, naming the column, for a text that it cannot use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from textwrap import shorten
from typing import Any
from urllib.parse import quote, urlsplit

import pyoxigraph as ox

from kg.catalogue.places import Places
from kg.entry import decimal
from kg.errors import Refused, refused
from kg.text.number_formats import read_number
from kg.vocabulary import PREFIXES, XSD

Term = ox.NamedNode | ox.Literal
_ILLEGAL = re.compile(r'[\x00-\x20<>"{}|\\^`\x7f]')
_DEGREES = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{1,40})?(?:[eE]-[0-9]{1,2})?")
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Cell:
    """A text without outer spaces, its column, and what its rule and mapping say of it."""

    column: str
    value: str
    language: str
    options: dict[str, Any]
    table: dict[str, list[str]]
    base: str
    territories: Collection[str]
    places: Places | None = None

    def fault(self, message: str, hint: str) -> Refused:
        """A refusal that names the column and the value."""
        return refused(self.column, message, value=self.value[:200], hint=hint)

    def parts(self) -> list[str]:
        """The different texts between the rule's separators (a pattern)."""
        pattern = self.options.get("separator")
        pieces = re.split(pattern, self.value) if pattern else [self.value]
        return list(dict.fromkeys(piece.strip() for piece in pieces if piece.strip()))


def text(cell: Cell) -> list[Term]:
    """Each part with its language, or plain if the rule's language is empty."""
    return [
        ox.Literal(part, language=cell.language) if cell.language else ox.Literal(part)
        for part in cell.parts()
    ]


def title(cell: Cell) -> list[Term]:
    """The text on one line, shortened to ``maximum`` characters."""
    short = shorten(cell.value, cell.options["maximum"], placeholder="…")
    return [ox.Literal(short, language=cell.language)]


def overlong(cell: Cell) -> list[Term]:
    """The whole text if ``title`` has to shorten it."""
    whole = " ".join(cell.value.split())
    fits = len(whole) <= cell.options["maximum"]
    return [] if fits else [ox.Literal(whole, language=cell.language)]


def address(cell: Cell) -> list[Term]:
    """The first http address, characters that an IRI forbids percent-encoded."""
    first = re.split(r"\s*;\s*|\s+(?=https?://)", cell.value)[0]
    try:
        parts = urlsplit(first)
        if (
            parts.scheme in {"http", "https"}
            and "." in parts.netloc
            and not re.search(r"\s", first)
        ):
            return [ox.NamedNode(_ILLEGAL.sub(lambda match: quote(match[0]), first))]
    except ValueError:
        pass
    raise cell.fault(
        "This is not a web address.", "Write one address with its http:// or https://."
    )


def day(cell: Cell) -> list[Term]:
    """A date in the rule's ``format``: that of ``strptime``, or ``milliseconds``."""
    form = cell.options["format"]
    try:
        if form == "milliseconds":
            moment = datetime.fromtimestamp(int(cell.value) / 1000, UTC)
        else:
            moment = datetime.strptime(cell.value, form)
    except (ValueError, OverflowError, OSError) as error:
        raise cell.fault(
            "This is not a day of the calendar.", f"Write it like {cell.options['example']}."
        ) from error
    return [ox.Literal(moment.date().isoformat(), datatype=ox.NamedNode(XSD + "date"))]


def amount(cell: Cell) -> list[Term]:
    """Euros of ``1.234,56 kn``; ``per_euro`` has how many of a unit make one euro."""
    try:
        figure = read_number(cell.value, strictly="de")
        rate = Decimal(cell.options["per_euro"][figure.unit])
        if figure.value < 0 or figure.value % _CENT or not cell.value.endswith(figure.unit):
            raise ValueError(cell.value)
    except (ValueError, KeyError) as error:
        units = " or ".join(cell.options["per_euro"])
        raise cell.fault(
            "This is not an amount.", f"Write it like 1.234,56 with {units}."
        ) from error
    return [decimal(f"{(figure.value / rate).quantize(_CENT):f}")]


def degrees(cell: Cell) -> list[Term]:
    """A number of degrees with six decimals at most."""
    if not _DEGREES.fullmatch(cell.value):
        raise cell.fault("This is not a number of degrees.", "Write it like 15.98.")
    return [decimal(f"{round(Decimal(cell.value), 6):f}")]


def lookup(cell: Cell) -> list[Term]:
    """The things that the rule's table gives for each part, compared without case.

    A part that the table lacks stands for itself if it is the code of a territory and
    ``territories`` is set, is left out if ``quiet`` is set, and cannot be used otherwise.
    """
    slugs: list[str] = []
    for part in cell.parts():
        known = cell.table.get(part.casefold())
        if known is None and cell.options.get("territories") and part in cell.territories:
            known = [part]
        if known is None and not cell.options.get("quiet"):
            raise cell.fault(f"{part[:80]!r} is not known here.", cell.options["hint"])
        slugs += known or []
    into = expand(cell.options["into"], cell.base)
    return [ox.NamedNode(into + slug) for slug in dict.fromkeys(slugs)]


def place(cell: Cell) -> list[Term]:
    """The entries of the places that the parts name, by codes or names.

    ``within`` says for all rows in which country or region they lie.
    """
    if cell.places is None:
        raise cell.fault("Places cannot be looked up here.", "Import it with the program.")
    within, entries = cell.options.get("within"), []
    for part in cell.parts():
        own = cell.places.territories.coded(part)
        try:
            entries.append(
                own.iri if own else cell.places.meant(f"{part}, {within}" if within else part).entry
            )
        except Refused as error:
            raise cell.fault(str(error), error.problems[0].hint or "") from error
    return [ox.NamedNode(iri) for iri in dict.fromkeys(entries)]


def expand(name: str, base: str = "") -> str:
    """The IRI of ``prefix:name``, or of a path under ``base``."""
    prefix, colon, rest = name.partition(":")
    return PREFIXES[prefix] + rest if colon else base + name


_ALL = (text, title, overlong, address, day, amount, degrees, lookup, place)
TRANSFORMS: dict[str, Callable[[Cell], list[Term]]] = {f.__name__: f for f in _ALL}
