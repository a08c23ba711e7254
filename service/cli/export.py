"""All entries of a store as one file."""

from __future__ import annotations

import json
from collections.abc import Callable

from kg.entries.jsonld_writer import entry_object
from kg.stores.protocol import Store
from kg.vocabulary import context
from service.http.negotiation import turtle


def export_all(store: Store, form: str, tell: Callable[[int, int], None]) -> tuple[int, bytes]:
    """The number of entries and the file, as ``nquads``, ``turtle`` or ``jsonld``.

    ``nquads`` is everything, with graphs, provenance and vocabularies.
    """
    entries = list(store.entries())
    if form == "nquads":
        return len(entries), store.dump()
    if form == "turtle":
        triples = [triple for entry in entries for triple in entry.triples]
        return len(entries), turtle(triples)
    objects = []
    for number, entry in enumerate(entries, 1):
        objects.append(entry_object(entry))
        tell(number, len(entries))
    document = {"@context": context(), "@graph": objects}
    return len(entries), json.dumps(document, ensure_ascii=False, indent=1).encode()
