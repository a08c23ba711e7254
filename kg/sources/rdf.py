"""Entries as RDF: a file of many, as ``passerelle export`` writes it or as a person does."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from kg import scan
from kg.entry import Entry, name_of
from kg.errors import ImportFailed, KgError, Problem, Refused
from kg.jsonld import MAX_DEPTH
from kg.reading import entry_of, read_entry
from kg.sources import Row, not_utf8
from kg.vocabulary import context

FORMATS = {
    ".ttl": ox.RdfFormat.TURTLE,
    ".nt": ox.RdfFormat.N_TRIPLES,
    ".nq": ox.RdfFormat.N_QUADS,
}
JSON = (".jsonld", ".json")


def rows(path: Path, base: str) -> Iterator[Row]:
    """Yield the entries of a Turtle, N-Triples, N-Quads or JSON-LD file.

    Of N-Quads, what stands in an entry's own graph is read: provenance and vocabularies are
    made here. Raises ImportFailed if the file as a whole cannot be read.
    """
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from error
    if path.suffix in JSON:
        yield from _json_rows(path, text, base)
    elif path.suffix in FORMATS:
        yield from _graph_rows(path, text, base)
    else:
        known = ", ".join([*FORMATS, *JSON])
        raise ImportFailed(f"{path.name} is of no kind that is read; name it {known}.")


def _json_rows(path: Path, text: str, base: str) -> Iterator[Row]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ImportFailed(f"{path.name} is not JSON: {error}") from error
    for number, item in enumerate(_items(path, document), 1):
        name = str(item.get("id", "")) if isinstance(item, dict) else None
        data = json.dumps(item, ensure_ascii=False).encode("utf-8", "surrogatepass")
        yield _row(number, name, partial(read_entry, data, "application/ld+json", base))


def _items(path: Path, document: Any) -> list[Any]:  # noqa: ANN401
    if isinstance(document, dict) and "@graph" in document:
        if document.get("@context") not in (None, "/context.jsonld", context()):
            raise ImportFailed(f"{path.name} has a context of its own; only ours is used.")
        document = document["@graph"]
    return document if isinstance(document, list) else [document]


def _graph_rows(path: Path, text: str, base: str) -> Iterator[Row]:
    if path.suffix == ".ttl" and scan.depth(scan.tokens(text)) > MAX_DEPTH:
        raise ImportFailed(f"{path.name} is nested more than {MAX_DEPTH} deep.")
    try:
        quads = list(ox.parse(text, format=FORMATS[path.suffix]))
    except (SyntaxError, ValueError) as error:
        raise ImportFailed(f"{path.name} cannot be read: {error}") from error
    found = _grouped(quads, base)
    if not found:
        raise ImportFailed(f"{path.name} holds no entry under {base}id/.")
    for number, (name, triples) in enumerate(sorted(found.items()), 1):
        yield _row(number, name, partial(entry_of, triples, base, iri=name))


def _grouped(quads: list[ox.Quad], base: str) -> dict[str, list[ox.Triple]]:
    """Return the triples of each entry: its own, its fragments' and its blank nodes'."""
    parents = {q.object: q.subject for q in quads if isinstance(q.object, ox.BlankNode)}
    found: dict[str, list[ox.Triple]] = defaultdict(list)
    for quad in quads:
        owner = quad.subject
        for _ in range(MAX_DEPTH):
            if not isinstance(owner, ox.BlankNode) or owner not in parents:
                break
            owner = parents[owner]
        name = name_of(owner).partition("#")[0]
        in_place = quad.graph_name in (ox.DefaultGraph(), ox.NamedNode(name))
        if name.startswith(base + "id/") and in_place:
            found[name].append(quad.triple)
    return found


def _row(number: int, name: str | None, make: Callable[[], Entry]) -> Row:
    try:
        entry = make()
    except Refused as error:
        return Row(number, name, None, tuple(error.problems))
    except KgError as error:
        return Row(number, name, None, (Problem("", str(error)),))
    return Row(number, entry.iri, entry, ())
