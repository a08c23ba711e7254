"""What an entry can be filtered by, gathered once when it is indexed."""

from __future__ import annotations

import pyoxigraph as ox

from kg.entry import Entry
from kg.stores.protocol import Store
from kg.vocabulary import DCT, PSR, vocabulary
from matcher.encoding.text import facets
from matcher.model.filters import Filters

Attributes = dict[str, list[str]]
_CONCEPTS = {
    "theme": DCT + "subject",
    "target_group": PSR + "targetGroup",
    "stage": PSR + "stage",
    "approach": PSR + "approach",
}


def attributes(entry: Entry, store: Store) -> Attributes:
    """Gather an entry's values of each filter, broader concepts and larger territories too."""
    words, node = vocabulary(), {"entry": ox.NamedNode(entry.iri)}
    above = store.select("SELECT DISTINCT ?c { $entry psr:addresses/skos:broader* ?c }", node)
    places = store.select(
        "SELECT DISTINCT ?t ?code { $entry dct:spatial/dct:isPartOf* ?t"
        " OPTIONAL { ?t psr:countryCode ?code } }",
        node,
    )
    rank = max((words.rank.get(c, 0) for c in entry.links(PSR + "evidenceLevel")), default=0)
    return {
        "type": [entry.path],
        "language": sorted({f.lang for f in facets(entry)}),
        **{
            name: sorted({a for c in entry.links(prop) for a in words.ancestors(c)})
            for name, prop in _CONCEPTS.items()
        },
        "challenge": sorted(row["c"] for row in above),
        "territory": sorted({row["t"] for row in places}),
        "country": sorted({row["code"] for row in places if "code" in row}),
        "evidence": [str(n) for n in range(1, rank + 1)],
    }


def required(filters: Filters) -> dict[str, tuple[str, ...]]:
    """Translate filters into attributes, of each of which an entry must have one value."""
    names = ("type", "country", "territory", "theme", "target_group", "stage", "approach")
    values = {name: getattr(filters, name) for name in (*names, "language")}
    if filters.evidence_min:
        values["evidence"] = (str(vocabulary().rank[filters.evidence_min]),)
    return {name: any_of for name, any_of in values.items() if any_of}
