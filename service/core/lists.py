"""The lists that the pages share: what there is to find, and what places and entries are called."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from kg.catalogue.facets import Row, Shelf
from kg.catalogue.places import Atlas, Places
from kg.errors import refused
from kg.stores.protocol import Store
from kg.text.folding import fold
from kg.text.i18n import gettext
from kg.vocabulary import CLASSES, local_name

#: how many entries of a class are offered to choose from
MAX_OFFERED = 500
#: how many titles a refusal names, how many letters are compared with titles
MAX_NAMED, MAX_TYPED = 5, 200


@dataclass(frozen=True)
class Titles:
    """What the entries of a shelf are called."""

    shelf: Shelf

    @cached_property
    def _exact(self) -> dict[tuple[str, str], str]:
        exact: dict[tuple[str, str], str] = {}
        for row, title in self._all():
            exact.setdefault((row.path, title.casefold()), row.iri)
            exact[row.path, fold(f"{title} ({local_name(row.iri)})")] = row.iri
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

    def meant(self, text: str, paths: tuple[str, ...]) -> str:
        """The entry meant by a title or a part of one, an address, a name or ``class/name``.

        Raises Refused with the closest titles if there is none, or with some if there are several.
        """
        shelf, choose = self.shelf, gettext("Choose from the list as you type.")
        if not text:
            raise refused("", choose)
        ids = f"{shelf.base}id/"
        for iri in (text, f"{ids}{text}", *(f"{ids}{path}/{text}" for path in paths)):
            if iri in shelf.position and shelf.rows[shelf.position[iri]].path in paths:
                return iri
        for path in paths:
            if titled := self.find(path, text):
                return titled
        typed = fold(text[:MAX_TYPED])
        folded = sorted(
            (t, iri) for path in paths for t, iris in self.folded[path].items() for iri in iris
        )
        holding = dict.fromkeys(
            [i for t, i in folded if t == typed] or [i for t, i in folded if typed in t]
        )
        if len(holding) == 1:
            return next(iter(holding))
        close = difflib.get_close_matches(typed, dict(folded), n=3, cutoff=0.6)
        likely = list(holding) or [iri for title in close for t, iri in folded if t == title]
        rows = (shelf.rows[shelf.position[iri]] for iri in likely[:MAX_NAMED])
        names = "; ".join(dict.fromkeys(row.label for row in rows))
        raise refused(
            "",
            gettext("Several entries are called so.")
            if holding
            else gettext("Nothing of this kind is called “%(name)s” here.", name=text[:60]),
            value=text[:MAX_TYPED],
            hint=gettext("Did you mean %(names)s?", names=names) if names else choose,
        )


class Lists:
    """Keeps the lists of the present data version; after a write the first who asks renews them.

    Whoever asks meanwhile waits for the same lists, so that they are never made twice.
    """

    def __init__(self, store: Store, atlas: Atlas) -> None:
        self._store, self._atlas, self._lock = store, atlas, threading.RLock()
        self._titles: Titles | None = None

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
    def places(self) -> Places:
        """The names of places."""
        return self._atlas.places

    def offered(self, path: str) -> list[Row]:
        """The entries of a class to choose from."""
        shelf = self.shelf
        return shelf.members(shelf.narrowed({"type": (path,)}, shelf.all))[:MAX_OFFERED]
