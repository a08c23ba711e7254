"""The territories that the graph holds: what they are called and what lies in what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kg.entry import Text
from kg.errors import refused
from kg.stores.protocol import Store
from kg.text.i18n import gettext, language
from kg.text.number_formats import country
from kg.vocabulary import ISO, NUTS, local_name

Point = tuple[float, float]
#: the kinds of place, and the property of each
KINDS = {"urban_rural": "urbanRural", "mountain": "mountain", "coast": "coast"}
_FACTS = (
    "SELECT * { GRAPH ?t {"
    " ?t psr:countryCode ?code ; dct:title ?name OPTIONAL { ?t psr:territoryLevel ?level }"
    + "".join(f" OPTIONAL {{ ?t psr:{prop} ?{name} }}" for name, prop in KINDS.items())
    + " OPTIONAL { ?t psr:population ?people } OPTIONAL { ?t geo:lat ?lat ; geo:long ?long }"
    " OPTIONAL { ?t dct:alternative ?other } OPTIONAL { ?t dct:isPartOf ?parent } }"
    " BIND(LANG(?name) AS ?lang) } ORDER BY ?t ?parent ?name ?other"
)


@dataclass(frozen=True)
class Territory:
    """A territory; ``code`` is the end of its IRI, ``country`` an ISO code, ``level`` a slug.

    ``kinds`` are the slugs of what is stated of KINDS, ``names`` its titles by language, ``others``
    what else it is called; ``people`` is 0 where nobody says how many live there.
    """

    iri: str
    code: str
    country: str
    level: str
    parent: str | None
    point: Point | None
    people: int
    kinds: Mapping[str, str]
    names: Mapping[str, str]
    others: Mapping[str, None]

    def title(self, lang: str) -> Text:
        """The name in a language, for a country as the language has it, else English, else any."""
        if own := self.names.get(lang) or country(self.code, lang):
            return Text(own, lang, "")
        first = "en" if "en" in self.names else next(iter(self.names))
        return Text(self.names[first], first, "")

    @property
    def label(self) -> str:
        """What the place field shows, for example ``Croatia (HR)``."""
        return f"{self.title(language()).value} ({self.code})"


class Territories(Mapping[str, Territory]):
    """All territories of one data version by their IRIs."""

    def __init__(self, store: Store) -> None:
        self._base = store.base
        self._by_iri: dict[str, Territory] = {}
        self._by_code: dict[str, Territory] = {}
        names: dict[str, dict[str, str]] = defaultdict(dict)
        others: dict[str, dict[str, None]] = defaultdict(dict)
        for row in store.select(_FACTS, {}):
            iri, level = row["t"], local_name(row.get("level", ""))
            names[iri].setdefault(row["lang"] or "und", row["name"])
            if "other" in row:
                others[iri][row["other"]] = None
            point = (float(row["lat"]), float(row["long"])) if "lat" in row else None
            place = Territory(
                iri,
                local_name(iri),
                row["code"],
                level,
                row.get("parent"),
                point,
                int(float(row.get("people", 0))),
                {name: local_name(row[name]) for name in KINDS if name in row},
                names[iri],
                others[iri],
            )
            self._by_iri.setdefault(iri, place)
            self._by_code.setdefault(place.code.casefold(), place)

    def __getitem__(self, iri: str) -> Territory:
        return self._by_iri[iri]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_iri)

    def __len__(self) -> int:
        return len(self._by_iri)

    def coded(self, text: str) -> Territory | None:
        """The territory of a NUTS or ISO code, a slug or an IRI; letters may be small."""
        plain = text.strip()
        slug = NUTS.get(plain.upper(), plain).casefold()
        return self._by_iri.get(plain) or self._by_code.get(slug)

    def known(self, code: str, path: str = "territory") -> Territory:
        """The territory of a code as above; Refused, with ``path``, if there is none."""
        if place := self.coded(code):
            return place
        message = gettext("There is no territory %(code)s.", code=repr(code))
        hint = gettext("Write a NUTS 2021 code such as HR035 or a country code such as HR.")
        raise refused(path, message, value=code, hint=hint)

    def country(self, code: str) -> str:
        """An ISO country code as entries carry it; raises Refused."""
        plain = code.strip().upper()
        iso = ISO.get(plain, plain)
        if not any(place.country == iso for place in self._by_iri.values()):
            message = gettext("There is no country %(code)s.", code=repr(code))
            hint = gettext("Write an ISO 3166 code of two letters such as HR.")
            raise refused("country", message, value=code, hint=hint)
        return iso

    def name(self, code: str, lang: str) -> str:
        """The name of a place by its slug or ISO country code, or the code itself."""
        place = self._by_iri.get(f"{self._base}id/territory/{NUTS.get(code, code)}")
        return place.title(lang).value if place else code

    def kind(self, iri: str, name: str) -> str | None:
        """The kind of a place, of the nearest that it lies in where it states none itself."""
        chain = (self._by_iri[above].kinds.get(name) for above in self.above(iri))
        return next(filter(None, chain), None)

    def above(self, iri: str | None) -> list[str]:
        """A place and all that it lies in, the smallest first; nothing for what is no place."""
        chain: list[str] = []
        while iri in self._by_iri and iri not in chain:
            chain.append(iri)
            iri = self._by_iri[iri].parent
        return chain
