"""Find the place that a person means by what they type: the one look-up of places.

What is typed is read as a code, or as a name with hints. A **code** is a NUTS or ISO code, a slug
or an IRI. A **hint** stands behind the name, after a comma or in brackets, and says in which
country or region the place lies; it narrows and never takes the place of the name. Post codes and
words for a kind of place ("Landkreis", "Comune di") in front of the name are left out.

A place is **taken** if it is plain which one is meant, in this order:

1. a name of a country means the country;
2. a name that one place has means it; of places that lie in each other (Wien: town, NUTS 3, NUTS 2
   region) the NUTS 3 region counts, or a larger one that is hardly larger than the town;
3. else the place that has OVERWHELMING times as many people as each of the others.

Otherwise the places are **asked about**: Refused names them, the largest first. So it is with a
historical region that has several codes now, with a hint that nothing fits, with a name that is
misspelt, and with that of a country that is not here (Andorra is a town in Spain as well). A place
that the graph has no entry of stands for its municipality's entry, if the name and the region are
the same, else for that of its NUTS 3 region.
"""

from __future__ import annotations

import difflib
import math
import re
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from heapq import nlargest
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from kg.catalogue.gazetteer import (
    KNOWN,
    OTHER_NAME,
    REGIONS,
    Gazetteer,
    Toponym,
    key,
    without_umlauts,
)
from kg.catalogue.territories import Territories, Territory
from kg.errors import Problem, Refused
from kg.stores.protocol import Store
from kg.text.i18n import available, gettext, language
from kg.text.number_formats import countries

#: how many letters are read, how many places a refusal holds, and how many its hint names
MAX_TYPED, MAX_CANDIDATES, MAX_NAMED = 200, 12, 5
#: how many times more people the place has that is taken than any other of its name
OVERWHELMING = 100
#: up to how many times the people of its town a region has that is as good as the town
_SAME = 1.5
#: what the name of a region counts without its brackets: Frankfurt (Oder)
_CUT = 0.25
#: how many of its letters a name has in common with what was mistyped for which it is offered
_ALIKE = 0.7
#: which level is meant when one place has the same name on several
_PREFERRED = ("country", "nuts3", "nuts2", "nuts1", "municipality")
#: what is not part of a place as JSON
UNSEEN = Field(exclude=True)
#: what people write in front of the name of a town
_TOWN = (
    "grad|opcina|mestna obcina|obcina|stadt|stadtgemeinde|marktgemeinde|gemeinde|hansestadt"
    "|landeshauptstadt|kreisfreie stadt|stadtkreis|comune di|comune|citta di|ville de|ville d"
    "|commune de|commune d|mairie de|gmina|miasto|city of|town of|village of|municipality of"
    "|ayuntamiento de|municipio de|ciudad de|ajuntament de|concello de|camara municipal de"
    "|concelho de|cidade de|gemeente|stad|kommune|kommun|obec|mesto|hlavni mesto|municipiul|orasul"
    "|comuna|dimos|δημος|община|град"
).split("|")
#: the same of larger districts
_DISTRICT = (
    "landkreis|kreis|lk|powiat|okres|zupanija|provincia autonoma di|provincia di|provincia de"
    "|provincia|province of|province de|province|provincie|prov|arr|county of|county"
    "|departement|departement de|kanton|canton of|canton de|canton|bezirk|regione|region of|region"
    "|region de|judetul|judet|kraj|wojewodztwo|oblast|lan|fylke|maakunta|apskritis|megye|district"
    "|comunidad de|comunidad foral de|principado de|regierungsbezirk|bundesland|land|periferia"
    "|nomos|maakond"
).split("|")
#: what they write behind it
_BEHIND = (
    "city|town|municipality|county|province|region|district|kommun|kommune|novads|pilseta|vald"
    "|linn|savivaldybe|belediyesi|megye|apskritis|zupanija|kraj|oblast|lan|fylke|maakunta|maakond"
    "|kreis|ili"
).split("|")
_FRONT = re.compile(f"({'|'.join(sorted((*_TOWN, *_DISTRICT), key=len, reverse=True))}) (?=..)")
_BACK = re.compile(f"(?<=..) ({'|'.join(_BEHIND)})$")
#: a post code in front: 10000, D-10115, 110 00, 00-950, LV-1010, 1012 AB
_CODE = r"(?:[A-Z]{1,3}[- ]?)?(?:\d{3,5}(?:[- ]\d{2,3})?|\d\d-\d{3})"
_POST = re.compile(rf"^{_CODE}(?: ?[A-Z]{{2}}(?= ))?\s*[-–,]?\s+(?=\D)")
_POST_ONLY = re.compile(rf"{_CODE}(?: ?[A-Z]{{2}})?")
_AS_REGION = re.compile(", (Kreisfreie Stadt|Stadtkreis)$")
_CODE_FIRST = re.compile(r"([A-Z]{2}[A-Z0-9]{0,3})\s*[-–]\s*(?=\w{3})")
_CODE_LAST = re.compile(r"(.+?)\s*\(([A-Za-z]{2}[A-Za-z0-9-]{0,78})\)$")
_PARTS = re.compile(r"\s*[,()\[\]]\s*|\s+[-–—|]\s+")
#: by whether it is for a town, how a text begins that says what kind of place it means
_STARTS = {
    towns: tuple(f"{w} " for w in words) for towns, words in ((True, _TOWN), (False, _DISTRICT))
}
_NOISE = frozenset({"nuts", "eu", "europe", *_TOWN, *_DISTRICT, *_BEHIND})


@dataclass(frozen=True)
class NamedPlace:
    """A place by the name that it was found under.

    ``territory`` is a NUTS code, ``entry`` the IRI of the entry that stands for it (``own``), which
    may be a municipality's; ``within`` is the region or the country that it lies in, in the
    reader's language. ``label`` means this place and no other when it is typed, such as
    ``Karlovac, Karlovačka županija``; ``exact`` says that the whole name was typed; ``weight`` is
    how many people live there, less if the name is not the usual one.
    """

    name: str
    territory: str
    entry: str
    within: str
    country: str
    lat: float | None
    long: float | None
    kind: Literal["country", "region", "municipality", "settlement"]
    label: Annotated[str, UNSEEN]
    own: Annotated[Territory, UNSEEN]
    weight: Annotated[float, UNSEEN]
    exact: bool = True

    @property
    def code(self) -> str:
        """The code of the entry that stands for it."""
        return self.own.code

    @property
    def local(self) -> bool:
        """Whether it is a town or a village."""
        return self.kind in {"municipality", "settlement"}


@dataclass(frozen=True)
class UnclearPlace(Problem):
    """A place that cannot be taken; ``candidates`` are those that may have been meant."""

    candidates: tuple[NamedPlace, ...] = ()


@dataclass(frozen=True)
class TypedName:
    """What was typed: the keys of names to try in turn, and hints."""

    names: tuple[str, ...]
    hints: tuple[str, ...]


class Places:
    """All names of all places at one data version; ``territories`` are those of the graph."""

    def __init__(self, territories: Territories, gazetteer: Gazetteer) -> None:
        self.territories, self._gazetteer = territories, gazetteer

    @cached_property
    def _named(self) -> dict[str, dict[str, tuple[str, float]]]:
        """By key the territories that are called so: the spelling, and what the name counts."""
        named: dict[str, dict[str, tuple[str, float]]] = defaultdict(dict)
        for territory in self.territories.values():
            for name in (*territory.names.values(), *territory.others):
                for spelling in spellings(name, territory.level):
                    counts = _CUT if "(" in name and "(" not in spelling else 1.0
                    named[key(spelling)].setdefault(territory.iri, (spelling, counts))
        for table, counts in ((KNOWN, 1.0), (REGIONS, OTHER_NAME)):
            for line in (files("kg.catalogue") / table).read_text("utf-8").splitlines():
                codes, _, names = line.partition("\t")
                entries = [p for code in codes.split() if (p := self.territories.coded(code))]
                for name in names.split("|"):
                    for entry in entries:  # of a region of several codes each by its own name
                        spelling = name if len(entries) == 1 else ""
                        named[key(name)].setdefault(entry.iri, (spelling, counts))
        return named

    @cached_property
    def _elsewhere(self) -> frozenset[str]:
        """Keys of the names of countries that are not in the graph."""
        here = {place.country for place in self.territories.values()}
        named = (pair for lang in available() for pair in countries(lang).items())
        return frozenset(key(name) for code, name in named if code not in here)

    @cached_property
    def _keys(self) -> list[str]:
        return sorted(self._named)

    @cached_property
    def _municipalities(self) -> dict[tuple[str, str | None], Territory]:
        return {
            (key(name), territory.parent): territory
            for territory in self.territories.values()
            if territory.level == "municipality"
            for name in (*territory.names.values(), *territory.others)
        }

    def offered(self) -> list[NamedPlace]:
        """Countries and large regions, countries first, then by code."""
        large = (t for t in self.territories.values() if t.level in {"country", "nuts1", "nuts2"})
        ordered = sorted(large, key=lambda t: (t.level != "country", t.code))
        return [self.of(territory) for territory in ordered]

    def of(self, territory: Territory, name: str = "", weight: float = 1.0) -> NamedPlace:
        """The place that an entry of the graph stands for."""
        above = [self.territories[iri] for iri in self.territories.above(territory.iri)]
        town = territory.level == "municipality"
        outer = above[1:2] if town else above[-1:] if len(above) > 1 else []
        region = next((t for t in above if t.level != "municipality"), territory)
        within = _around(outer[0]) if outer else ""
        if not name or territory.level == "country":
            name = territory.title(language()).value
        lat, long = territory.point or (None, None)
        return NamedPlace(
            name=name,
            territory=region.code,
            entry=territory.iri,
            within=within,
            country=territory.country,
            lat=lat,
            long=long,
            kind="country"
            if territory.level == "country"
            else "municipality"
            if town
            else "region",
            label=self._label(name, territory, within if town else ""),
            own=territory,
            weight=max(territory.people, 1) * weight,
        )

    def _settled(self, place: Toponym) -> NamedPlace | None:
        """A place of the gazetteer; None if the graph does not have its region."""
        region = self.territories.coded(place.region)
        if region is None:
            return None
        names = (key(place.usual), key(place.name))
        own = (self._municipalities.get((name, region.iri)) for name in names)
        entry, within = next(filter(None, own), region), _around(region)
        return NamedPlace(
            name=place.name,
            territory=region.code,
            entry=entry.iri,
            within=within,
            country=region.country,
            lat=place.lat,
            long=place.long,
            kind="settlement" if entry is region else "municipality",
            label=self._label(place.name, entry, within),
            own=entry,
            weight=max(place.weight, 1),
        )

    def _label(self, name: str, entry: Territory, within: str) -> str:
        """The region behind a town, but the code behind one that its region is named after."""
        named_after = entry.level == "municipality" and entry.parent in self._named.get(
            key(name), {}
        )
        return f"{name}, {within}" if within and not named_after else f"{name} ({entry.code})"

    def meant(self, text: str, path: str = "place") -> NamedPlace:
        """The place that a code or a name means, see above.

        Raises Refused, with ``path`` and the candidates, if it is not plain.
        """
        if len(text) > MAX_TYPED:
            message = gettext("The name of a place has at most %(most)s letters.", most=MAX_TYPED)
            raise Refused(message, [UnclearPlace(path, message, text[:MAX_TYPED])])
        if territory := self.territories.coded(text):
            return self.of(territory)
        several = [part for part in text.split(";") if part.strip()][:MAX_CANDIDATES]
        if len(several) > 1:
            each = [place for part in several for place in self.likely(part)[:1]]
            raise _unclear(gettext("Name one place only."), path, text, each)
        places, failed = self._read(text)
        if failed is None and key(text) not in self._elsewhere and (place := self._plain(places)):
            return place
        if failed is None:
            message = gettext("Several places have this name.")
        elif places:
            where = ", ".join(failed.hints)[:60]
            message = gettext("No place of this name is known in “%(where)s”.", where=where)
        else:
            shown = text.strip() if len(text) <= 60 else text[:60] + "…"
            message = gettext("No place is called “%(place)s” here.", place=shown)
        raise _unclear(message, path, text, places or self._like(failed))

    def likely(self, text: str) -> list[NamedPlace]:
        """The places that a code or a name may mean, or that are called like it, best first."""
        if territory := self.territories.coded(text):
            return [self.of(territory)]
        places, failed = self._read(text)
        return places or self._like(failed)

    def beginning(self, text: str, limit: int) -> list[NamedPlace]:
        """Places for who is still typing: those of the name, then those whose name begins so.

        If there are none, those that are called like it.
        """
        text = text[:MAX_TYPED]
        territory, (places, failed) = self.territories.coded(text), self._read(text)
        exact = [self.of(territory)] if territory else places if failed is None else []
        starting = map(partial(self._starting, limit=limit), _stripped(text))
        others = [*next(filter(None, starting), []), *places]
        if not exact and not others:
            others = self._like(failed)
        begun = (replace(place, exact=False) for place in others)
        return list(islice(_distinct([*exact, *begun]), limit))

    def _read(self, text: str) -> tuple[list[NamedPlace], TypedName | None]:
        """The places that a text may mean, the likeliest first; what was typed if none fits it."""
        *tried, last = readings(text)
        for typed in (*tried, last):
            if places := self._narrowed(self._called(typed), typed.hints):
                return self._sorted(places), None
        typed = tried[-1] if last.hints else last
        return self._sorted(self._called(typed)), typed

    def _called(self, typed: TypedName) -> list[NamedPlace]:
        """The places with the first of the names that there is, of the kind that was said."""
        for name in typed.names:
            if named := self._of_name(name):
                places, towns = _heaviest(named), {p.entry for p in named if p.local}
                if name != typed.names[0] and typed.names[0].startswith(_STARTS[True]):
                    return [p for p in places if p.entry in towns] or places
                if name != typed.names[0] and typed.names[0].startswith(_STARTS[False]):
                    return [p for p in places if not p.local] or places
                return places
        return []

    def _sorted(self, places: Sequence[NamedPlace]) -> list[NamedPlace]:
        """Sort by weight, but a town before a region that is named after it, as large as it is.

        A town is left out if its NUTS 3 region has the same name.
        """
        regions = {p.entry for p in places if p.own.level == "nuts3"}
        apart = [p for p in places if p.own.level != "municipality" or p.own.parent not in regions]

        def order(place: NamedPlace) -> tuple[float, bool, int, float]:
            around = (p.weight for p in apart if self._nested(p, place))
            near = (weight for weight in around if weight < OVERWHELMING * place.weight)
            return -max(near), not place.local, _preference(place), -place.weight

        return sorted(apart, key=order)

    def _of_name(self, plain: str) -> list[NamedPlace]:
        """The places with a name of a key, by another spelling of it if need be."""
        spellings = [plain, without_umlauts(plain)]
        if plain.startswith("st "):
            spellings += [f"{word} {plain[3:]}" for word in ("sankt", "saint", "sint", "san")]
        for spelling in dict.fromkeys(spellings):
            places = [
                self.of(self.territories[iri], name, weight)
                for iri, (name, weight) in self._named.get(spelling, {}).items()
            ]
            places += filter(None, map(self._settled, self._gazetteer.named(spelling)))
            if places:
                return places
        return []

    def _starting(self, plain: str, limit: int) -> list[NamedPlace]:
        """Places with a name that begins so, the heaviest first, each once."""
        largest: list[tuple[float, str, str, float]] = []
        for name in islice(self._keys, bisect_left(self._keys, plain), None):
            if not name.startswith(plain):
                break
            for iri, (spelling, counts) in self._named[name].items():
                largest.append((self.territories[iri].people * counts, iri, spelling, counts))
        places = [
            self.of(self.territories[iri], spelling, counts)
            for _, iri, spelling, counts in nlargest(2 * limit, largest)
        ]
        places += filter(None, map(self._settled, self._gazetteer.beginning(plain, 4 * limit)))
        return _heaviest(places, apart=True)

    def _narrowed(self, places: Sequence[NamedPlace], hints: Iterable[str]) -> list[NamedPlace]:
        """Those places that all hints allow; a post code allows all."""
        left = list(places)
        for hint in hints:
            own = self.territories.coded(hint)
            if own is None and _POST_ONLY.fullmatch(hint):
                continue
            areas = {own.iri} if own else set(self._named.get(key(hint), ()))
            if not areas:
                towns = map(self._settled, self._gazetteer.named(key(hint))[:MAX_CANDIDATES])
                areas = {place.entry for place in towns if place}
            exactly = [p for p in left if own and p.entry == own.iri and p.kind != "settlement"]
            left = exactly or [
                p for p in left if not areas.isdisjoint(self.territories.above(p.entry))
            ]
        return left

    def _plain(self, places: Sequence[NamedPlace]) -> NamedPlace | None:
        """The place that is taken, if it is plain which."""
        if country := next((place for place in places if place.kind == "country"), None):
            return country
        most = max(place.weight for place in places)
        related = [place for place in places if place.weight * OVERWHELMING > most]
        if not all(self._nested(one, other) for one in related for other in related):
            return None
        towns = [p for p in related if p.local]
        large = max((_SAME * max(p.weight, p.own.people) for p in towns), default=math.inf)
        regions = [
            p for p in related if not p.local and (p.own.level == "nuts3" or p.weight <= large)
        ]
        if towns and not regions and len(towns) < len(related):
            return None  # the town, or the region around it?
        best = min(regions or related, key=lambda p: (_preference(p), -p.weight))
        # Of Prague, the town, and a NUTS 2 region the town's own region is as large.
        own = (p for p in towns if p.own.level == "nuts3" != best.own.level)
        return next((p for p in own if p.own.people * _SAME >= best.weight), best)

    def _nested(self, one: NamedPlace, other: NamedPlace) -> bool:
        above = self.territories.above
        return one.entry in above(other.entry) or other.entry in above(one.entry)

    def _like(self, typed: TypedName | None) -> list[NamedPlace]:
        """Places with names like what was typed: where the hint says and beginning so first."""
        if typed is None or not typed.names:
            return []
        plain = typed.names[-1]
        own = [
            name for name in self._keys if name[:1] == plain[:1] and abs(len(name) - len(plain)) < 4
        ]
        places = [
            p for name in difflib.get_close_matches(plain, own, 5) for p in self._of_name(name)
        ]
        rows = [*self._gazetteer.beginning(plain, 5), *self._gazetteer.like(plain, 40)]
        places += filter(None, map(self._settled, rows))
        matcher = difflib.SequenceMatcher(b=plain, autojunk=False)

        def likeness(place: NamedPlace) -> float:
            name = key(place.name)
            matcher.set_seq1(name)
            common = next((n for n in range(5, 0, -1) if name[:n] == plain[:n]), 0)
            hinted = bool(typed.hints and self._narrowed([place], typed.hints))
            alike, large = matcher.ratio(), math.log10(place.weight)
            return (alike >= _ALIKE) * (alike + 0.03 * common + 0.3 * hinted + 0.03 * large)

        scored = sorted(((likeness(place), place) for place in places), key=lambda pair: -pair[0])
        return [replace(p, exact=False) for p in _distinct(p for score, p in scored if score)]


class Atlas:
    """Keeps the places of the present territories; for several threads.

    Into the folder ``places`` of the home the names of Europe's places are written at first use.
    """

    def __init__(self, territories: Callable[[], Territories], home: Path) -> None:
        self._territories, self._lock = territories, threading.Lock()
        self._gazetteer = Gazetteer(home / "places")
        self._places: Places | None = None

    @classmethod
    def of(cls, store: Store, home: Path) -> Atlas:
        """The places of a store without a catalogue, whose territories are read when asked for."""
        return cls(partial(Territories, store), home)

    def prepare(self) -> None:
        """Look up a name, which the first time takes seconds: the names are written then."""
        self.places.beginning("a", 1)

    @property
    def places(self) -> Places:
        """The places, made anew after a territory was written."""
        with self._lock:
            territories = self._territories()
            if self._places is None or self._places.territories is not territories:
                self._places = Places(territories, self._gazetteer)
            return self._places


def _around(territory: Territory) -> str:
    """What a region is called behind a town in it: Köln, which as a region says that it is one."""
    return _AS_REGION.sub("", territory.title(language()).value)


def spellings(name: str, level: str) -> Iterator[str]:
    """Yield a territory's name as it is, its parts, and without what says which kind it is.

    A district around a town ("München, Landkreis") does not go by the name of the town.
    """
    yield name
    parts = [part.strip() for part in name.split("/")]
    for part in parts:
        yield part
        first, comma, kind = part.partition(", ")
        if comma:
            yield f"{kind} {first}"
        if not comma or key(kind) in _TOWN:
            yield first
            bare = re.sub(r"\s*\([^)]*\)$", "", first)
            yield bare
            if level != "municipality":
                plain = _FRONT.sub("", key(bare), count=1)
                if plain != key(bare):
                    yield bare[-len(plain) :] if key(bare[-len(plain) :]) == plain else plain


def readings(text: str) -> Iterator[TypedName]:
    """Yield what a text may be, the surest first: a name as it stands, a name with its hints."""
    text, first = text.strip(), _CODE_FIRST.match(text.strip())
    code = [first[1]] if first else []
    bare = _POST.sub("", text[first.end() :] if first else text, count=1)
    yield TypedName((key(text),), ())
    if coded := _CODE_LAST.match(bare):
        yield TypedName(_stripped(coded[1]), (coded[2],))
    name, _, region = bare.partition(", ")
    if region:
        yield TypedName(_stripped(name), (region,))
    shown, *hints = [part for part in _PARTS.split(bare) if part] or [""]
    hints = code + [part for part in hints if key(part) not in _NOISE]
    yield TypedName(
        _stripped(shown) if hints else (*_stripped(bare), *_stripped(shown)), tuple(hints)
    )
    if hints:  # the country before the town
        yield TypedName((key(hints[-1]),), (shown, *hints[:-1]))


def _stripped(name: str) -> tuple[str, ...]:
    """The key of a name, then without the words in front and behind for what kind it is."""
    names = [plain := key(name)]
    while (bare := _BACK.sub("", _FRONT.sub("", plain, count=1))) != plain:
        names.append(plain := bare)
    return tuple(filter(None, names))


def _heaviest(places: Iterable[NamedPlace], *, apart: bool = False) -> list[NamedPlace]:
    """One place an entry, the entry itself if it is among them, the heaviest first.

    With ``apart`` towns and villages of one region stay, but each once.
    """
    kept: dict[object, NamedPlace] = {}
    for place in sorted(places, key=lambda p: (p.local, -p.weight, p.label)):
        kept.setdefault((place.entry, apart and place.local and (place.lat, place.long)), place)
    return sorted(kept.values(), key=lambda p: (-p.weight, _preference(p), p.entry))


def _preference(place: NamedPlace) -> int:
    return _PREFERRED.index(place.own.level or "country")


def _distinct(places: Iterable[NamedPlace]) -> Iterator[NamedPlace]:
    """Yield each place once, and of regions that are the same land the first."""
    seen: set[object] = set()
    for place in places:
        land = (place.own.country, place.own.people or place.entry)
        spot = (place.entry, place.lat, place.long) if place.local else land
        names = {place.label, spot, (place.entry, key(place.name))}
        if seen.isdisjoint(names):
            yield place
        seen |= names


def _unclear(message: str, path: str, text: str, places: Sequence[NamedPlace]) -> Refused:
    candidates = tuple(islice(_distinct(places), MAX_CANDIDATES))
    names = "; ".join(place.label for place in candidates[:MAX_NAMED])
    hint = (
        gettext("Did you mean %(names)s?", names=names)
        if names
        else gettext("Write a country, a region, a town or a NUTS 2021 code such as HR035.")
    )
    return Refused(message, [UnclearPlace(path, message, text, hint, candidates=candidates)])
