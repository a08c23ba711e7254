"""Find the territory that a person means by a code or a name."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict

from kg.catalogue.territories import Territories, Territory
from kg.errors import refused
from kg.text.folding import fold
from kg.text.i18n import available, gettext
from kg.text.number_formats import country

#: which level is meant when one place has the same name on several
_PREFERRED = ("country", "nuts3", "nuts2", "nuts1", "municipality")
_OFFERED = ("country", "nuts1", "nuts2")
_ALIASES = {"gr": "el", "gb": "uk"}


class PlaceBook:
    """All names of all territories."""

    def __init__(self, territories: Territories) -> None:
        self.territories = territories
        self._by_code: dict[str, Territory] = {}
        self._by_name: dict[str, dict[str, Territory]] = defaultdict(dict)
        for place in territories.values():
            self._by_code.setdefault(place.code.casefold(), place)
            langs = available() if place.level == "country" else ()
            names = (*place.names.values(), *place.others, *(country(place.code, c) for c in langs))
            for name in names:
                self._by_name[fold(name)][place.iri] = place

    def offered(self) -> list[Territory]:
        """Countries and large regions, countries first, then by code."""
        large = [p for p in self._by_code.values() if p.level in _OFFERED]
        return sorted(large, key=lambda p: (p.level != "country", p.code))

    def find(self, text: str) -> Territory:
        """Look up the place that a code, a name or ``name (code)`` means.

        Raises Refused with the closest names if there is none, or with all of them if the
        name is that of several places.
        """
        in_brackets = re.search(r"\(([A-Za-z0-9-]{2,80})\)\s*$", text[-100:])
        for code in (in_brackets[1] if in_brackets else "", text.strip()):
            key = code.casefold()
            if place := self._by_code.get(_ALIASES.get(key, key)):
                return place
        named = self._by_name.get(fold(text), {}).values()
        if not named:
            shown = text if len(text) <= 60 else text[:60] + "…"
            close = difflib.get_close_matches(fold(text)[:60], self._by_name, n=3, cutoff=0.6)
            names = ", ".join(next(iter(self._by_name[name].values())).label for name in close)
            raise refused(
                "place",
                gettext("No place is called “%(place)s” here.", place=shown),
                value=text,
                hint=gettext("Did you mean %(names)s?", names=names)
                if names
                else gettext(
                    "Write a country, a region, a town or a NUTS 2021 code such as HR035."
                ),
            )
        best = min(named, key=lambda p: (_PREFERRED.index(p.level), p.code))
        above = self.territories.above
        if any(
            best.iri not in above(other.iri) and other.iri not in above(best.iri) for other in named
        ):
            names = ", ".join(sorted(p.label for p in named))
            raise refused(
                "place",
                gettext("Several places have this name: %(names)s.", names=names),
                value=text,
                hint=gettext("Write the code of the one you mean."),
            )
        return best
