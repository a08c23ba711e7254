"""The lists that the pages share: what there is to find, and what places and entries are called."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from kg.catalogue.facets import Row, Shelf
from kg.stores.protocol import Store
from kg.text.folding import fold
from kg.text.i18n import language
from kg.vocabulary import CLASSES
from service.core.places import PlaceBook

#: how many entries of a class are offered to choose from
MAX_OFFERED = 500


@dataclass(frozen=True)
class Titles:
    """What the entries of a shelf are called."""

    shelf: Shelf

    @cached_property
    def _exact(self) -> dict[tuple[str, str], str]:
        exact: dict[tuple[str, str], str] = {}
        for row, title in self._all():
            exact.setdefault((row.path, title.casefold()), row.iri)
            exact[row.path, fold(named(title, row.iri))] = row.iri
        return exact

    @cached_property
    def folded(self) -> dict[str, dict[str, list[str]]]:
        """By class and folded title the IRIs of entries that are called so, one a title."""
        folded: dict[str, dict[str, dict[str, str]]] = {path: {} for path in CLASSES}
        for row, title in self._all():
            folded[row.path].setdefault(fold(title), {}).setdefault(title.casefold(), row.iri)
        return {
            path: {plain: sorted(set(iris.values())) for plain, iris in titles.items()}
            for path, titles in folded.items()
        }

    def _all(self) -> Iterator[tuple[Row, str]]:
        return ((row, title.value) for row in self.shelf.rows for title in row.titles)

    def find(self, path: str, text: str) -> str | None:
        """Look up the entry of a class with this title or ``title (name)``.

        What was typed without accents is found too, unless it could be several titles.
        """
        if iri := self._exact.get((path, text.casefold())):
            return iri
        plain = fold(text)
        match self.folded[path].get(plain, []):
            case [iri]:
                return iri
            case []:
                return self._exact.get((path, plain))
        return None


class Lists:
    """Keeps the lists of the present data version; after a write the first who asks renews them.

    Whoever asks meanwhile waits for the same lists, so that they are never made twice.
    """

    def __init__(self, store: Store) -> None:
        self._store, self._lock = store, threading.RLock()
        self._titles: Titles | None = None
        self._places: PlaceBook | None = None

    @property
    def titles(self) -> Titles:
        """What all entries but places are called."""
        with self._lock:
            before = self._titles.shelf if self._titles else None
            if self._titles is None or self._titles.shelf.version != self._store.version():
                self._titles = Titles(Shelf(self._store, before))
            return self._titles

    @property
    def shelf(self) -> Shelf:
        """All entries but places."""
        return self.titles.shelf

    @property
    def places(self) -> PlaceBook:
        """The names of places."""
        with self._lock:
            if self._places is None or self._places.version != self._store.version():
                self._places = PlaceBook(self._store)
            return self._places

    def offered(self, path: str) -> dict[str, str]:
        """Titles of entries of a class to choose from, by name, in the reader's language."""
        shelf = self.shelf
        rows = shelf.members(shelf.narrowed({"type": (path,)}, shelf.all))[:MAX_OFFERED]
        return {row.iri.rsplit("/", 1)[-1]: row.title(language()).value for row in rows}


def named(title: str, iri: str) -> str:
    """What an entry is called where it can be chosen: its title with its name."""
    return f"{title} ({iri.rsplit('/', 1)[-1]})"
