"""Search in words: what is near the question, what holds its words, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kg.catalogue.facets import WORD, Row, Shelf
from kg.text.folding import fold
from matcher.encoding.text import INDEXED
from matcher.matcher import Search
from service.core.runtime import Runtime
from service.pages.parts.forms import check_text

#: how many of the nearest are looked at; how many practices are shown in any case
MAX_FOUND, NEAREST = 60, 10


@dataclass(frozen=True)
class Near:
    """What a search found: all entries by closeness, and those that are worth showing.

    ``partial`` says that the matcher was starting or is behind, ``search`` what it found.
    """

    order: Mapping[str, int]
    worth: frozenset[str]
    abstained: bool
    partial: bool
    search: Search | None = None

    def nearest(self, rows: Iterable[Row]) -> list[Row]:
        """The nearest of some rows."""
        known = [row for row in rows if row.iri in self.order]
        return sorted(known, key=lambda row: self.order[row.iri])[:NEAREST]


def look(runtime: Runtime, shelf: Shelf, q: str) -> Near | None:
    """What is near a text, None without one; Refused for one that is too long.

    Worth showing are fair and strong matches, what holds all the words, and the nearest
    practices. While the matcher is starting there is only what holds the words.
    """
    if not q:
        return None
    check_text(q)
    held = holding(shelf, q)
    if not runtime.ready:
        return Near({iri: n for n, iri in enumerate(held)}, frozenset(held), False, True)
    question = runtime.matcher.question("similar", {"text": q, "filters": {"type": INDEXED}})
    search = runtime.matcher.search(question)
    order = {iri: n for n, iri in enumerate(search.order)}
    order |= {iri: len(order) + n for n, iri in enumerate(i for i in held if i not in order)}
    good = [iri for iri in search.order[:MAX_FOUND] if search.level(iri) != "weak"] + held
    practices = [iri for iri in search.order if "/practice/" in iri]
    worth = [*good, *practices[:NEAREST]] if good else search.order[:NEAREST]
    return Near(order, frozenset(worth), not good, runtime.matcher.index.lag() > 0, search)


def holding(shelf: Shelf, q: str) -> list[str]:
    """The entries that hold each longer word of a text, or one that begins with it.

    In title, summary, or the names of themes, target groups and the like, in any language.
    """
    typed = [f" {word}" for word in WORD.findall(fold(q))]
    if not typed:
        return []
    return [row.iri for row in shelf.rows if all(word in row.words for word in typed)]
