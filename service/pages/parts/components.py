"""What an entry page is made of: pieces, fields and sections, and how values become them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


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
class NestedNode:
    """A nested node: what it is about and its fields."""

    head: Piece
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Section:
    """A heading of the main column; ``more`` links are not shown."""

    title: str
    fields: tuple[Field, ...] = ()
    records: tuple[NestedNode, ...] = ()
    links: tuple[Piece, ...] = ()
    more: int = 0


def web_link(iri: str) -> Piece:
    """Link to a web page; only http and https become links."""
    shown = iri.split("://", 1)[-1].removeprefix("www.").rstrip("/")
    shown = shown if len(shown) <= 70 else shown[:69] + "…"
    safe = iri.startswith(("http://", "https://"))
    return Piece(shown if safe else iri, href=iri if safe else "", external=safe)


def licence_name(iri: str) -> str:
    """The short name of a Creative Commons licence, or the address."""
    parts = iri.rstrip("/").split("/")
    if "creativecommons.org" not in iri or len(parts) < 6:
        return web_link(iri).text
    zero = parts[3] == "publicdomain"
    return f"CC {'0' if zero else parts[4].upper()} {parts[5]}"


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
