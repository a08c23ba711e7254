"""Entries as RDF: a file of many, as ``passerelle export`` writes it or as a person does."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyoxigraph as ox

from kg.entries import jsonld
from kg.entries.jsonld import MAX_DEPTH, NOWHERE
from kg.entries.reading import Noted, entry_of, nothing_noted, read_entry, used_twice
from kg.entry import TOP_CLASSES, Entry, name_of
from kg.errors import ImportFailed, KgError, Malformed, Problem, Refused
from kg.imports.sources import ImportedRow, not_utf8
from kg.sparql import scan
from kg.text.i18n import gettext
from kg.vocabulary import RDF_TYPE, context, local_name

FORMATS = {
    ".ttl": ox.RdfFormat.TURTLE,
    ".nt": ox.RdfFormat.N_TRIPLES,
    ".nq": ox.RdfFormat.N_QUADS,
}
JSON = (".jsonld", ".json")
Node = ox.NamedNode | ox.BlankNode
T = TypeVar("T")


def rows(path: Path, base: str, noted: Noted = nothing_noted) -> Iterator[ImportedRow]:
    """Yield the entries of a Turtle, N-Triples, N-Quads or JSON-LD file.

    Of N-Quads, what stands in an entry's own graph is read: provenance and vocabularies are
    made here. Raises ImportFailed if the file as a whole cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from error
    kind = path.suffix.lower()
    taken: set[str | None] = set()
    if kind not in {*FORMATS, *JSON}:
        known = ", ".join([*FORMATS, *JSON])
        raise ImportFailed(f"{path.name} is of no kind that is read; name it {known}.")
    read = _json_rows if kind in JSON else _graph_rows
    for row in read(path, text, base, noted):
        if row.entry and row.entry.iri in taken:  # perhaps a name made from a title
            message = gettext("An earlier row of the file has the same name.")
            hint = gettext("Give each its own address, or titles that differ.")
            problem = Problem("id", message, row.identifier, hint)
            row = replace(row, entry=None, problems=(problem,))
        yield row
        taken.add(row.identifier)


def _json_rows(path: Path, text: str, base: str, noted: Noted) -> Iterator[ImportedRow]:
    reference = None  # our own context
    try:
        document = jsonld.load(text)
        if isinstance(document, dict):
            if (own := document.pop("@context", None)) != context():
                reference = own
                jsonld.contexts(reference)
            document = document.get("@graph", document)
    except Malformed as error:
        raise ImportFailed(f"{path.name} cannot be read: {error}") from error
    except Refused as error:
        why = error.problems[0].message
        raise ImportFailed(f"{path.name} has a context of its own: {why}") from error
    items = document if isinstance(document, list) else [document]

    def is_ours(node: object) -> bool:
        """Tell whether a node may be an entry, as in a graph: by its name or its class.

        What has no class or a misspelt one is looked at all the same: its row says what is wrong.
        """
        if not isinstance(node, dict) or _json_name(node).startswith(base + "id/"):
            return True
        types = node.get("@type", node.get("type"))
        named = types if isinstance(types, list) else [types]
        ours = {local_name(iri) for iri in TOP_CLASSES}
        words = [re.split("[:/#]", str(name)) for name in named]
        return types is None or any(len(parts) == 1 or parts[-1] in ours for parts in words)

    entries = [nodes for nodes in _json_entries(items) if is_ours(nodes[0])]
    if not entries:
        raise ImportFailed(f"{path.name} holds no entry under {base}id/.")
    for number, nodes in enumerate(entries, 1):
        known = isinstance(nodes[0], dict)
        body = {"@context": reference, "@graph": nodes} if known else nodes[0]
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        make = partial(read_entry, data, "application/ld+json", base, noted=noted)
        yield _row(number, _json_name(nodes[0]) or None, make)


def _json_name(node: object) -> str:
    known = node if isinstance(node, dict) else {}
    return str(known.get("@id", known.get("id", "")))


def _json_entries(items: list[Any]) -> Iterator[list[Any]]:
    """Yield each entry's node with those of its parts, which tools list beside it."""
    first = {_json_name(item): number for number, item in reversed([*enumerate(items)])}
    users = {name: number for number, item in enumerate(items) for name in _blank_names(item)}

    def parent(number: int, name: str) -> int:
        """Find where the same node, or the one that this is a part of, stands."""
        around = (first[name], first.get(name.partition("#")[0]), users.get(name))
        return next((n for n in around if name and n not in (None, number)), number)

    names = enumerate(map(_json_name, items))
    parents = {number: parent(number, name) for number, name in names}
    root_of = _roots({number: above for number, above in parents.items() if above != number})
    entries: dict[int, list[Any]] = {n: [] for n in parents if root_of(n) == n}
    for number, item in enumerate(items):
        entries[root_of(number)].append(item)
    yield from entries.values()


def _blank_names(item: object, *, top: bool = True) -> Iterator[str]:
    """Yield the names of blank nodes that a node points to."""
    if isinstance(item, str) and item.startswith("_:"):
        yield item
    elif isinstance(item, dict | list):
        members = item.items() if isinstance(item, dict) else enumerate(item)
        for key, inner in members:
            if not (top and key in {"@id", "id"}):
                yield from _blank_names(inner, top=False)


def _roots(parents: Mapping[T, T]) -> Callable[[T], T]:
    """What finds the topmost ancestor of a node, in a circle the same one for all of it."""
    known: dict[T, T] = {}

    def root_of(node: T) -> T:
        way: dict[T, None] = {}
        while node in parents and node not in known and node not in way:
            way[node] = None
            node = parents[node]
        root = known.get(node, node)
        if node in way:
            passed = list(way)
            root = min(passed[passed.index(node) :], key=str)
        known.update(dict.fromkeys(way, root))
        return root

    return root_of


def _graph_rows(path: Path, text: str, base: str, noted: Noted) -> Iterator[ImportedRow]:
    form = FORMATS[path.suffix.lower()]
    turtle = form == ox.RdfFormat.TURTLE
    try:
        if turtle and scan.depth(scan.tokens(text)) > MAX_DEPTH:
            raise ImportFailed(f"{path.name} is nested more than {MAX_DEPTH} deep.")
        quads = list(ox.parse(text, format=form, base_iri=NOWHERE if turtle else None))
    except (SyntaxError, ValueError, Malformed) as error:
        raise ImportFailed(f"{path.name} cannot be read: {error}") from error
    entries = _grouped(quads, base)
    if not entries:
        raise ImportFailed(f"{path.name} holds no entry under {base}id/.")
    users: dict[object, set[Node]] = defaultdict(set)
    for root, triples in entries.items():
        for triple in triples:
            if isinstance(triple.object, ox.BlankNode):
                users[triple.object].add(root)

    def make(triples: list[ox.Triple], name: str | None) -> Entry:
        if shared := next((t for t in triples if len(users.get(t.object, ())) > 1), None):
            raise used_twice(shared)
        return entry_of(triples, base, iri=name, noted=noted)

    for number, (root, triples) in enumerate(entries.items(), 1):
        name = root.value if isinstance(root, ox.NamedNode) else None
        yield _row(number, name, partial(make, triples, name))


def _grouped(quads: list[ox.Quad], base: str) -> dict[Node, list[ox.Triple]]:
    """Collect the triples of each entry: its own, its fragments' and its blank nodes'.

    An entry is what has a name of ours or one of our classes, whatever its name: a foreign
    or a relative one, or none. All else in a file is not for us.
    """
    parents: dict[object, object] = {
        q.object: q.subject for q in quads if isinstance(q.object, ox.BlankNode)
    }
    root_of = _roots(parents)
    groups: dict[Node, list[ox.Triple]] = defaultdict(list)
    ours: set[Node] = set()
    for quad in quads:
        root = root_of(quad.subject)
        if isinstance(root, ox.NamedNode):
            root = ox.NamedNode(root.value.partition("#")[0])
        if not isinstance(root, ox.NamedNode | ox.BlankNode):
            continue
        if quad.graph_name not in (ox.DefaultGraph(), root):
            continue
        groups[root].append(quad.triple)
        typed = quad.predicate == RDF_TYPE and name_of(quad.object) in TOP_CLASSES
        if typed or root.value.startswith(base + "id/"):
            ours.add(root)
    # Those with a name by it, the others as the file has them.
    order = sorted(groups, key=lambda n: n.value if isinstance(n, ox.NamedNode) else "~")
    return {root: groups[root] for root in order if root in ours}


def _row(number: int, name: str | None, make: Callable[[], Entry]) -> ImportedRow:
    try:
        entry = make()
    except Refused as error:
        return ImportedRow(number, name, None, tuple(error.problems))
    except KgError as error:
        return ImportedRow(number, name, None, (Problem("", str(error)),))
    return ImportedRow(number, entry.iri, entry, ())
