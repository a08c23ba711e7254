"""All entries of a store as one file."""

from __future__ import annotations

import json
from collections.abc import Callable

import pyoxigraph as ox

from kg.entries.jsonld_writer import entry_object
from kg.stores.protocol import Store
from kg.vocabulary import PREFIXES, context


def export_all(store: Store, form: str, tell: Callable[[int, int], None]) -> bytes:
    """The file of all entries, as ``nquads``, ``turtle`` or ``jsonld``.

    ``nquads`` is everything, with graphs, provenance and vocabularies.
    """
    if form == "nquads":
        return store.dump()
    entries = list(store.entries())
    if form == "turtle":
        triples = [triple for entry in entries for triple in entry.triples]
        return ox.serialize(triples, format=ox.RdfFormat.TURTLE, prefixes=PREFIXES) or b""
    objects = []
    for number, entry in enumerate(entries, 1):
        objects.append(entry_object(entry))
        tell(number, len(entries))
    document = {"@context": context(), "@graph": objects}
    return json.dumps(document, ensure_ascii=False, indent=1).encode()
