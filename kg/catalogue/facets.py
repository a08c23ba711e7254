"""All entries but places, as lists and counts need them: made once, kept up to date.

A filter's value holds a set of entries as the bits of one whole number, so that the counts of
all values for five thousand entries take a few milliseconds.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

from kg.catalogue.territories import Point, Territories
from kg.entry import Entry, Text, best
from kg.stores.protocol import Store
from kg.text.folding import fold
from kg.text.i18n import language
from kg.vocabulary import CLASSES, DCT, GEO, LEVELS, PSR, local_name, vocabulary

#: what entries can be narrowed by -> the property that it comes from
FACETS = {
    "type": "",
    "theme": DCT + "subject",
    "country": "",
    "territory": "",
    "target_group": PSR + "targetGroup",
    "stage": PSR + "stage",
    "evidence": PSR + "evidenceLevel",
    "instrument": PSR + "usesInstrument",
    "approach": PSR + "approach",
    "language": "",
}
#: how far a level is from the most local one
_BREADTH = {level: number for number, level in enumerate(LEVELS)}
LISTED = tuple(path for path in CLASSES if path not in {"territory", "match"})
_SUMMARY = tuple(PSR + name for name in ("solution", "problem", "offers", "changed", "objective"))
#: what counts as a word in a search for words
WORD = re.compile(r"\w{3,}")
Chosen = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Row:
    """An entry as lists show it; ``values`` are slugs.

    ``point`` is latitude and longitude as the data state them: of the entry itself, or of the
    most local place that it names. There is none where neither has any; it is never a middle.
    ``words`` are those of its texts and its concepts' names in all languages, folded, a space
    before each.
    """

    iri: str
    path: str
    titles: tuple[Text, ...]
    summaries: tuple[Text, ...]
    values: Mapping[str, tuple[str, ...]]
    point: Point | None
    checked: str
    source: str
    licence: str
    evidence: int
    words: str

    @property
    def label(self) -> str:
        """What it is called where it can be chosen, for example ``Repair café (repair-cafe)``."""
        return f"{self.title(language()).value} ({local_name(self.iri)})"

    def title(self, lang: str) -> Text:
        """The title in a language, else English, else the first."""
        return best(self.titles, lang) or Text(local_name(self.iri), "und", "")

    def summary(self, lang: str) -> Text | None:
        """What the entry is about in one text, in a language if there is one."""
        return best(self.summaries, lang)


class Shelf:
    """The rows of one data version in the order of their IRIs."""

    def __init__(self, store: Store, before: Shelf | None = None) -> None:
        self.version, self.base = store.version(), store.base
        changed = [iri for iri, _ in store.changes_since(before.version)] if before else []
        paths = {iri: iri.removeprefix(f"{self.base}id/").partition("/")[0] for iri in changed}
        if before is None or "territory" in paths.values():  # on places the others depend
            known: dict[str, Row] = {}
            self.territories = Territories(store)
            fresh: Iterable[Entry] = (e for path in LISTED for e in store.entries(path))
        else:
            known = {row.iri: row for row in before.rows if row.iri not in paths}
            self.territories = before.territories
            fresh = store.several([iri for iri in changed if paths[iri] in LISTED])
        known.update((entry.iri, self._row(entry)) for entry in fresh)
        self.rows: list[Row] = [known[iri] for iri in sorted(known)]
        self.position = {row.iri: number for number, row in enumerate(self.rows)}
        members: dict[str, dict[str, list[int]]] = {name: defaultdict(list) for name in FACETS}
        for number, row in enumerate(self.rows):
            for name, values in row.values.items():
                for value in values:
                    members[name][value].append(number)
        self.bits = {
            name: {value: bits_of(numbers) for value, numbers in values.items()}
            for name, values in members.items()
        }
        self.all = (1 << len(self.rows)) - 1

    def _row(self, entry: Entry) -> Row:
        words = vocabulary()
        spatial = entry.links(DCT + "spatial") or entry.links(PSR + "targetTerritory")
        above = list(dict.fromkeys(p for iri in spatial for p in self.territories.above(iri)))
        values: dict[str, Iterable[str]] = {
            name: (a for iri in entry.links(prop) for a in words.ancestors(iri))
            for name, prop in FACETS.items()
            if prop
        }
        values = {name: sorted(set(concepts)) for name, concepts in values.items()}
        titles = tuple(entry.texts(DCT + "title"))
        texts = [t for prop in (DCT + "description", *_SUMMARY) for t in entry.texts(prop)]
        labels = (a for concepts in values.values() for c in concepts for a in words.names(c))
        prose = " ".join([*(t.value for t in (*titles, *texts)), *labels])
        values["type"] = [entry.path]
        values["country"] = (self.territories[p].country for p in above)
        values["territory"] = above
        values["language"] = (t.lang.partition("-")[0] for t in texts if t.lang != "und")
        lat, long = entry.number(GEO + "lat"), entry.number(GEO + "long")
        point = (lat, long) if lat is not None and long is not None else None
        if point is None:
            places = (self.territories.get(iri) for iri in sorted(spatial))
            located = (place for place in places if place and place.point)
            local = min(
                located, key=lambda place: _BREADTH.get(place.level, len(LEVELS)), default=None
            )
            point = local.point if local else None
        return Row(
            iri=entry.iri,
            path=entry.path,
            titles=titles,
            summaries=tuple(texts),
            values={n: tuple(sorted({local_name(v) for v in some})) for n, some in values.items()},
            point=point,
            checked=entry.text(PSR + "checkedOn") or "",
            source=next(iter(entry.links(DCT + "source")), ""),
            licence=next(iter(entry.links(DCT + "license")), ""),
            evidence=max(
                (words.rank.get(c, 0) for c in entry.links(PSR + "evidenceLevel")), default=0
            ),
            words="".join(f" {word}" for word in WORD.findall(fold(prose))),
        )

    def title(self, iri: str, lang: str) -> Text | None:
        """What an entry or a place is called, None if neither is here."""
        if place := self.territories.get(iri):
            return place.title(lang)
        at = self.position.get(iri)
        return None if at is None else self.rows[at].title(lang)

    def spot(self, entry: Entry) -> tuple[Point | None, str]:
        """The point of an entry or a place, and the code of its country, if known."""
        if place := self.territories.get(entry.iri):
            return place.point, place.country
        at = self.position.get(entry.iri)
        row = self.rows[at] if at is not None else self._row(entry)
        return row.point, next(iter(row.values["country"]), "")

    def narrowed(self, chosen: Chosen, among: int) -> int:
        """Those of a set that have one of the chosen values of each filter."""
        for name, values in chosen.items():
            if values:
                known, some = self.bits[name], 0
                for value in values:
                    some |= known.get(value, 0)
                among &= some
        return among

    def counts(self, name: str, chosen: Chosen, among: int) -> list[tuple[str, int]]:
        """Each value of a filter with how many it leaves, the other filters applied."""
        others = {other: values for other, values in chosen.items() if other != name}
        left = self.narrowed(others, among)
        sizes = ((value, (bits & left).bit_count()) for value, bits in self.bits[name].items())
        return sorted(((v, n) for v, n in sizes if n), key=lambda pair: (-pair[1], pair[0]))

    def members(self, bits: int) -> list[Row]:
        """The rows of a set, by IRI."""
        return list(compress(self.rows, (digit == "1" for digit in reversed(f"{bits:b}"))))

    def set_of(self, iris: Iterable[str]) -> int:
        """The set of entries; those that are not here are left out."""
        return bits_of(self.position[iri] for iri in iris if iri in self.position)


def bits_of(numbers: Iterable[int]) -> int:
    """A whole number with these bits set."""
    octets = bytearray()
    for number in numbers:
        at, bit = divmod(number, 8)
        octets.extend(b"\0" * (at + 1 - len(octets)))
        octets[at] |= 1 << bit
    return int.from_bytes(octets, "little")
