"""Find the territory that a person means by a code or a name."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from dataclasses import dataclass

from kg.catalogue.lists import place_names
from kg.errors import Refused, refused
from kg.stores.protocol import Store
from kg.text.folding import fold
from kg.text.i18n import available, gettext
from kg.text.number_formats import country

#: which level is meant when one place has the same name on several
_PREFERRED = ("country", "nuts3", "nuts2", "nuts1", "municipality")
_OFFERED = ("country", "nuts1", "nuts2")
_ALIASES = {"gr": "el", "gb": "uk"}


@dataclass(frozen=True)
class Territory:
    """A territory: its IRI, the code that matching takes, its name and level."""

    iri: str
    code: str
    name: str
    level: str

    @property
    def label(self) -> str:
        """What the place field shows, for example ``Croatia (HR)``."""
        own = country(self.code) if self.level == "country" else ""
        return f"{own or self.name} ({self.code})"


class PlaceBook:
    """All names of all territories at one version of the data."""

    def __init__(self, store: Store) -> None:
        self.version = store.version()
        self._places: dict[str, Territory] = {}
        self._parents: dict[str, str | None] = {}
        self._by_name: dict[str, list[Territory]] = defaultdict(list)
        for row in place_names(store):
            code = row.iri.rsplit("/", 1)[-1]
            place = Territory(row.iri, code, row.name, row.level)
            self._places.setdefault(code.casefold(), place)
            self._parents[row.iri] = row.parent
            langs = available() if row.level == "country" else ()
            for name in (row.name, *(country(code, lang) for lang in langs)):
                if all(known.iri != row.iri for known in self._by_name[fold(name)]):
                    self._by_name[fold(name)].append(place)

    def offered(self) -> list[Territory]:
        """Countries and large regions, countries first, then by code."""
        large = [p for p in self._places.values() if p.level in _OFFERED]
        return sorted(large, key=lambda p: (p.level != "country", p.code))

    def find(self, text: str) -> Territory:
        """Look up the place that a code, a name or ``name (code)`` means.

        Raises Refused with the closest names if there is none, or with all of them if the
        name is that of several places.
        """
        in_brackets = re.search(r"\(([A-Za-z0-9-]{2,80})\)\s*$", text[-100:])
        for code in (in_brackets[1] if in_brackets else "", text.strip()):
            key = code.casefold()
            if place := self._places.get(_ALIASES.get(key, key)):
                return place
        named = self._by_name.get(fold(text), [])
        if not named:
            raise self._unknown(text)
        best = min(named, key=lambda p: (_PREFERRED.index(p.level), p.code))
        if not all(
            best.iri in self._above(other.iri) or other.iri in self._above(best.iri)
            for other in named
        ):
            names = ", ".join(sorted(p.label for p in named))
            raise refused(
                "place",
                gettext("Several places have this name: %(names)s.", names=names),
                value=text,
                hint=gettext("Write the code of the one you mean."),
            )
        return best

    def _above(self, iri: str) -> list[str]:
        """A place and all that it lies in, the smallest first."""
        places = [iri]
        while (parent := self._parents.get(places[-1])) and parent not in places:
            places.append(parent)
        return places

    def _unknown(self, text: str) -> Refused:
        shown = text if len(text) <= 60 else text[:60] + "…"
        close = difflib.get_close_matches(fold(text)[:60], list(self._by_name), n=3, cutoff=0.6)
        names = ", ".join(self._by_name[name][0].label for name in close)
        hint = (
            gettext("Did you mean %(names)s?", names=names)
            if names
            else gettext("Write a country, a region, a town or a NUTS 2021 code such as HR035.")
        )
        message = gettext("No place is called “%(place)s” here.", place=shown)
        return refused("place", message, value=text, hint=hint)
