"""What lists, filters and searches need of an entry, worked out from it and what it links to."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kg.catalogue.territories import KINDS, Point, Territories
from kg.entry import Entry, Text, best
from kg.stores.protocol import Store
from kg.text.folding import fold
from kg.text.i18n import language
from kg.text.language import settle
from kg.text.stems import stems
from kg.vocabulary import CLASSES, DCT, GEO, LEVELS, PSR, SKOS, VOC, local_name, vocabulary

#: what entries can be narrowed by -> the scheme that the values come from, if any
FACETS = {
    "type": "",
    "theme": "theme",
    "country": "",
    "territory": "",
    "urban_rural": "urban-rural",
    "mountain": "mountain",
    "coast": "coast",
    "target_group": "target-group",
    "stage": "stage",
    "evidence": "evidence-level",
    "led_by": "actor-type",
    "participation": "participation",
    "instrument": "",
    "approach": "approach",
    "challenge": "",
    "principle": "pillar-principle",
    "esf_objective": "esf-objective",
    "language": "",
}
#: the facets whose values an entry states itself -> the property
_STATED = {
    "theme": DCT + "subject",
    "target_group": PSR + "targetGroup",
    "stage": PSR + "stage",
    "evidence": PSR + "evidenceLevel",
    "participation": PSR + "participation",
    "instrument": PSR + "usesInstrument",
    "approach": PSR + "approach",
    "principle": PSR + "pillarPrinciple",
    "esf_objective": PSR + "specificObjective",
}
#: the classes that browsing shows; the API lists places and matches too
LISTED = tuple(path for path in CLASSES if path not in {"territory", "match"})
LEAD = VOC + "role/lead"
#: how far a level is from the most local one
_BREADTH = {level: number for number, level in enumerate(LEVELS)}
_SUMMARY = tuple(PSR + name for name in ("solution", "problem", "offers", "changed", "objective"))
_PROSE = (*_SUMMARY, PSR + "context", PSR + "seeks")
#: what other rows are made from: where it changes, they are made again
_PASSED_ON = tuple(PSR + n for n in ("actorType", "pillarPrinciple", "specificObjective"))
#: what counts as a word in a search for words
WORD = re.compile(r"\w{3,}")
_UNDERSCORE = str.maketrans("_", " ")


@dataclass(frozen=True)
class Row:
    """An entry as lists show it; ``values`` are slugs and codes, broader ones included.

    ``point`` is latitude and longitude as the data state them: of the entry itself, or of the
    most local place that it names. There is none where neither has any; it is never a middle.
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


@dataclass(frozen=True)
class Derived:
    """A row, what is searched for it, and the entries that it was made from besides its own.

    ``words`` are those of its texts and its concepts' names in all languages, folded, and their
    stems; ``names`` its folded titles and other names, a line each. ``passed`` is what the rows
    of other entries take from this one.
    """

    row: Row
    words: str
    names: str
    needs: frozenset[str]
    passed: str


def derive(store: Store, territories: Territories, entries: Sequence[Entry]) -> list[Derived]:
    """Work out the rows of entries; what they link to is read together."""
    #: the leaders, challenges with all above them, and instruments
    linked: dict[str, Entry] = {}
    waiting = {iri for entry in entries for iri in _needed(entry)}
    while waiting:
        more = {entry.iri: entry for entry in store.several(sorted(waiting))}
        linked |= more
        above = (iri for entry in more.values() for iri in entry.links(SKOS + "broader"))
        waiting = set(above) - linked.keys()
    return [_derived(entry, territories, linked) for entry in entries]


def leaders(entry: Entry) -> list[str]:
    """The actors that lead a practice."""
    involved = entry.links(PSR + "hasInvolvement")
    leading = (node for node in involved if LEAD in entry.links(PSR + "role", node))
    return [actor for node in leading for actor in entry.links(PSR + "actor", node)]


def _needed(entry: Entry) -> list[str]:
    props = (PSR + "addresses", PSR + "usesInstrument", SKOS + "broader")
    return [*leaders(entry), *(iri for prop in props for iri in entry.links(prop))]


def _derived(entry: Entry, territories: Territories, linked: Mapping[str, Entry]) -> Derived:
    words = vocabulary()
    spatial = entry.links(DCT + "spatial") or entry.links(PSR + "targetTerritory")
    above = list(dict.fromkeys(p for iri in spatial for p in territories.above(iri)))
    needs, challenges = set(_needed(entry)), _upwards(entry, linked)
    needs |= challenges - {entry.iri}
    concepts: dict[str, set[str]] = defaultdict(set)
    for name, prop in _STATED.items():
        concepts[name] |= {a for iri in entry.links(prop) for a in words.ancestors(iri)}
    for iri in (linked[c] for c in challenges if c in linked):
        concepts["principle"] |= set(iri.links(PSR + "pillarPrinciple"))
    for iri in (linked[i] for i in entry.links(PSR + "usesInstrument") if i in linked):
        concepts["esf_objective"] |= set(iri.links(PSR + "specificObjective"))
    kinds = (k for a in leaders(entry) if a in linked for k in linked[a].links(PSR + "actorType"))
    concepts["led_by"] = {above for kind in kinds for above in words.ancestors(kind)}
    titles = tuple(entry.texts(DCT + "title"))
    summaries = tuple(t for p in (DCT + "description", *_SUMMARY) for t in entry.texts(p))
    prose = [t for p in (DCT + "description", *_PROSE) for t in entry.texts(p)]
    own = territories.get(entry.iri)
    values: dict[str, Iterable[str]] = {
        **{name: map(local_name, iris) for name, iris in concepts.items()},
        "type": [entry.path],
        "challenge": map(local_name, challenges),
        "country": [own.country] if own else [territories[p].country for p in above],
        "territory": map(local_name, above),
        "language": {settle(t.value, t.lang) for t in prose or titles},
    }
    for name in KINDS:
        values[name] = {k for iri in (*spatial, entry.iri) if (k := territories.kind(iri, name))}
    row = Row(
        iri=entry.iri,
        path=entry.path,
        titles=titles,
        summaries=summaries,
        values={name: tuple(sorted(set(values[name]))) for name in FACETS},
        point=_point(entry, territories, spatial),
        checked=entry.text(PSR + "checkedOn") or "",
        source=next(iter(entry.links(DCT + "source")), ""),
        licence=next(iter(entry.links(DCT + "license")), ""),
        evidence=max((words.rank.get(c, 0) for c in entry.links(PSR + "evidenceLevel")), default=0),
    )
    labels = [a for name in _STATED for iri in concepts[name] for a in words.names(iri)]
    others = entry.texts(DCT + "alternative")
    return Derived(
        row,
        _words([*titles, *others, *prose], labels),
        "\n".join(dict.fromkeys(fold(text.value) for text in (*titles, *others))),
        frozenset(needs),
        " ".join(iri for prop in (*_PASSED_ON, SKOS + "broader") for iri in entry.links(prop)),
    )


def _upwards(entry: Entry, linked: Mapping[str, Entry]) -> set[str]:
    """The challenges that an entry addresses, or is, with all above them."""
    start = [entry.iri] if entry.path == "challenge" else entry.links(PSR + "addresses")
    known, waiting = set[str](), list(start)
    while waiting:
        iri = waiting.pop()
        if iri not in known:
            known.add(iri)
            at = entry if iri == entry.iri else linked.get(iri)
            waiting += at.links(SKOS + "broader") if at else []
    return known


def _point(entry: Entry, territories: Territories, spatial: Sequence[str]) -> Point | None:
    lat, long = entry.number(GEO + "lat"), entry.number(GEO + "long")
    if lat is not None and long is not None:
        return lat, long
    places = [place for iri in sorted(spatial) if (place := territories.get(iri)) and place.point]
    return min(places, key=lambda p: _BREADTH.get(p.level, len(LEVELS))).point if places else None


def _words(texts: Iterable[Text], labels: Iterable[str]) -> str:
    """The folded words of texts and labels, and the stems that are no words of them."""
    folded = " ".join([*(fold(text.value) for text in texts), *map(fold, labels)])
    words = dict.fromkeys(WORD.findall(folded.translate(_UNDERSCORE)))
    for text in texts:
        words |= dict.fromkeys(fold(s) for s in stems(text.value, text.lang.partition("-")[0]))
    return " ".join(words)


def stronger(level: str) -> list[str]:
    """The slugs of the levels of evidence that are as strong as one, or stronger."""
    words = vocabulary()
    least = words.rank[f"{VOC}evidence-level/{local_name(level)}"]
    levels = words.concepts("evidence-level")
    return [local_name(iri) for iri in levels if words.rank.get(iri, 0) >= least]
