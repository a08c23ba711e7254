"""What an entry can be filtered by, gathered once when it is indexed."""

from __future__ import annotations

import pyoxigraph as ox

from kg.entry import Entry
from kg.stores.protocol import Store
from kg.vocabulary import DCT, PSR, vocabulary
from matcher.encoding.text import facets
from matcher.model.question import Filters

Attributes = dict[str, list[str]]
_CONCEPTS = {
    "theme": DCT + "subject",
    "target_group": PSR + "targetGroup",
    "stage": PSR + "stage",
    "approach": PSR + "approach",
}


def attributes(entry: Entry, store: Store) -> Attributes:
    """Return the values of each filter; broader concepts and larger territories count too."""
    words = vocabulary()
    found: Attributes = {"type": [entry.path], "language": sorted({f.lang for f in facets(entry)})}
    for name, prop in _CONCEPTS.items():
        found[name] = sorted({a for c in entry.links(prop) for a in words.ancestors(c)})
    above = store.select(
        "SELECT DISTINCT ?c { $entry psr:addresses/skos:broader* ?c }",
        {"entry": ox.NamedNode(entry.iri)},
    )
    found["challenge"] = sorted(row["c"] for row in above)
    places = store.select(
        "SELECT DISTINCT ?t ?code { $entry dct:spatial/dct:isPartOf* ?t"
        " OPTIONAL { ?t psr:countryCode ?code } }",
        {"entry": ox.NamedNode(entry.iri)},
    )
    found["territory"] = sorted({row["t"] for row in places})
    found["country"] = sorted({row["code"] for row in places if "code" in row})
    rank = max((words.rank.get(c, 0) for c in entry.links(PSR + "evidenceLevel")), default=0)
    found["evidence"] = [str(n) for n in range(1, rank + 1)]
    return found


def wanted(filters: Filters) -> tuple[list[tuple[str, tuple[str, ...]]], tuple[str, ...]]:
    """Return what must hold (name and values, any of them) and the countries left out."""
    names = (
        "type",
        "country",
        "territory",
        "theme",
        "target_group",
        "stage",
        "approach",
        "language",
    )
    found = [(name, getattr(filters, name)) for name in names if getattr(filters, name)]
    if filters.evidence_min:
        found.append(("evidence", (str(vocabulary().rank[filters.evidence_min]),)))
    return found, filters.not_country
