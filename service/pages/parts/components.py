"""What an entry page is made of: pieces, fields and sections, and how values become them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from kg.catalogue.lists import countries, territory_iri, titles
from kg.entry import Text
from kg.errors import Refused
from kg.stores.protocol import Store
from kg.text.i18n import gettext, language, mark
from kg.text.number_formats import country, language_name
from kg.vocabulary import DCT, GEO, ORG, SCHEMA, SKOS, VOC, vocabulary

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


@dataclass(frozen=True)
class Piece:
    """One thing shown: a text, perhaps a link, with its language if it is known."""

    text: str
    href: str = ""
    lang: str = ""
    note: str = ""
    external: bool = False


@dataclass(frozen=True)
class Field:
    """A property with its values; ``others`` are the same texts in more languages."""

    label: str
    pieces: tuple[Piece, ...]
    others: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Record:
    """A nested node: what it is about and its fields."""

    head: Piece
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Section:
    """A heading of the main column; ``more`` links are not shown."""

    title: str
    fields: tuple[Field, ...] = ()
    records: tuple[Record, ...] = ()
    links: tuple[Piece, ...] = ()
    more: int = 0


def country_name(store: Store, iri: str) -> str:
    """The names of the countries that an entry lies in, or the empty text."""
    return ", ".join(name_of_country(store, code) for code in countries(store, iri))


def name_of_country(store: Store, code: str) -> str:
    """A country's name for its ISO code, or the code itself."""
    try:
        iri = territory_iri(store, code)
    except Refused:
        return code
    title = titles(store, [iri], language()).get(iri)
    own = title.value if title and title.lang == language() else ""
    return own or country(code) or (title.value if title else code)


def local_href(store: Store, iri: str, root: str = "") -> str:
    """The path of an entry's page in this service."""
    return f"{root}/{quote(iri.removeprefix(store.base))}"


def web_link(iri: str) -> Piece:
    """Link to a web page; only http and https become links."""
    shown = iri.split("://", 1)[-1].removeprefix("www.").rstrip("/")
    shown = shown if len(shown) <= 70 else shown[:69] + "…"
    safe = iri.startswith(("http://", "https://"))
    return Piece(shown if safe else iri, href=iri if safe else "", external=safe)


def label(prop: str) -> str:
    """The name of a property, in the language of the page."""
    return gettext(FOREIGN[prop]) if prop in FOREIGN else vocabulary().label(prop, language())


def concept(iri: str, root: str = "") -> Piece:
    """A concept by its label, linked to its place in the scheme's page."""
    scheme, _, slug = iri.removeprefix(VOC).partition("/")
    known = vocabulary().labels.get(iri, {})
    lang = "" if language() in known or "en" not in known else "en"
    href = f"{root}/voc/{quote(scheme)}#{quote(slug)}"
    return Piece(vocabulary().label(iri, language()), href, lang)


def licence_name(iri: str) -> str:
    """The short name of a Creative Commons licence, or the address."""
    parts = iri.rstrip("/").split("/")
    if "creativecommons.org" not in iri or len(parts) < 6:
        return web_link(iri).text
    zero = parts[3] == "publicdomain"
    return f"CC {'0' if zero else parts[4].upper()} {parts[5]}"


def spoken(text: Text) -> Piece:
    """A text marked with its language, also in words."""
    return Piece(text.value, lang=tag(text.lang), note=language_name(text.lang))


def tag(lang: str) -> str:
    """Tag for HTML; empty if the language is not known."""
    return "" if lang == "und" else lang


def shortened(text: str, most: int) -> str:
    """Cut a text between two words where it has more letters than fit."""
    return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + "…"


def by_text(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Sort by text, numbers in it by size."""

    def order(piece: Piece) -> tuple[list[tuple[int, str]], str]:
        parts = re.split(r"(\d{1,15})", piece.text.casefold())
        return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts], piece.href

    return tuple(sorted(pieces, key=order))
