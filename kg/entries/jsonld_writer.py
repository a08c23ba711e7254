"""Write triples as JSON-LD in our own context: an entry as a tree of its parts, others flat.

What comes out is what a JSON-LD processor makes of the same triples by framing and
compaction, in one walk: https://www.w3.org/TR/json-ld11-api/#compaction-algorithm
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyoxigraph as ox

from kg.entry import Entry, name_of
from kg.vocabulary import RDF_TYPE, XSD, context

Json = dict[str, Any]
Node = ox.NamedNode | ox.BlankNode
#: how deep parts stand in each other; a deeper one is listed beside the entry instead, so
#: that the document stays within the depth that is read
MAX_NESTED = 12


@dataclass(frozen=True)
class Key:
    """A key of our context for a property: ``kind`` is the type of value that it is for.

    That is ``@id``, a datatype, ``@language`` for texts by language, or None for any value.
    """

    name: str
    kind: str | None
    many: bool

    def takes(self, value: Node | ox.Literal) -> bool:
        """Whether the value can be written under this key without loss."""
        if self.kind is None:
            return True
        if not isinstance(value, ox.Literal):
            return self.kind == "@id"
        if value.language or value.datatype.value == XSD + "string":
            return self.kind == "@language"
        return self.kind == value.datatype.value


@dataclass(frozen=True)
class Names:
    """Our context turned round: from addresses to keys."""

    prefixes: tuple[tuple[str, str], ...]
    classes: dict[str, str]
    keys: dict[str, Key]

    def short(self, iri: str) -> str:
        """The address with one of our prefixes, or as it is."""
        for prefix, namespace in self.prefixes:
            local = iri.removeprefix(namespace)
            # A name that begins with two slashes would be read as another address.
            if local and local != iri and not local.startswith("//"):
                return f"{prefix}:{local}"
        return iri

    def word(self, iri: str) -> str:
        """The name of a class or datatype."""
        return self.classes.get(iri) or self.short(iri)


@lru_cache(maxsize=1)
def names() -> Names:
    """Turn our context round; it does not change while we run."""
    plain = {k: v for k, v in context().items() if isinstance(v, str) and not v.startswith("@")}
    prefixes = {k: v for k, v in plain.items() if v.endswith(("#", "/"))}

    def full(name: str) -> str:
        prefix, _, local = name.partition(":")
        return prefixes[prefix] + local if prefix in prefixes else name

    keys = {full(v): Key(k, None, many=False) for k, v in plain.items() if k not in prefixes}
    for name, definition in context().items():
        if isinstance(definition, dict):
            containers = definition.get("@container", [])
            kind = full(definition["@type"]) if "@type" in definition else None
            if "@language" in containers:
                kind = "@language"
            keys[full(definition["@id"])] = Key(name, kind, "@set" in containers)
    classes = {iri: key.name for iri, key in keys.items() if key.name in plain}
    return Names(tuple(sorted(prefixes.items())), classes, keys)


def entry_object(entry: Entry) -> Json:
    """An entry as a JSON-LD object without its context.

    A part stands where it is first mentioned; what nothing leads to is ``@included``.
    """
    left = _by_subject(entry.triples)

    def take(node: Node, level: int) -> Json:
        def part(inner: Node) -> Json | None:
            return take(inner, level + 1) if level < MAX_NESTED and inner in left else None

        return _object(node, left.pop(node, []), part)

    tree = take(ox.NamedNode(entry.iri), 0)
    others = [take(node, 1) for node in sorted(left, key=name_of) if node in left]
    return tree | ({"@included": others} if others else {})


def flat(triples: Iterable[ox.Triple]) -> Json:
    """Triples as a ``@graph`` of nodes by address, without the context."""
    nodes = _by_subject(triples)
    return {
        "@graph": [
            _object(node, nodes[node], lambda part: None) for node in sorted(nodes, key=name_of)
        ]
    }


def _by_subject(triples: Iterable[ox.Triple]) -> dict[Node, list[ox.Triple]]:
    nodes: dict[Node, list[ox.Triple]] = defaultdict(list)
    for triple in dict.fromkeys(triples):
        if not isinstance(triple.subject, ox.Triple):
            nodes[triple.subject].append(triple)
    return dict(nodes)


def _object(node: Node, triples: list[ox.Triple], part: Callable[[Node], Json | None]) -> Json:
    """Write a node with its properties by address; ``part`` gives what nests under it."""
    body: Json = {"id": _address(node)}
    for triple in sorted(triples, key=lambda t: (t.predicate != RDF_TYPE, t.predicate.value)):
        value = triple.object
        assert not isinstance(value, ox.Triple)
        if triple.predicate == RDF_TYPE and isinstance(value, ox.NamedNode):
            _add(body, "type", names().word(value.value))
            continue
        key = names().keys.get(triple.predicate.value)
        if key is None or not key.takes(value):
            key = Key(names().short(triple.predicate.value), None, many=False)
        written: str | Json
        if not isinstance(value, ox.Literal):
            address = _address(value)
            written = part(value) or (address if key.kind == "@id" else {"id": address})
        elif key.kind == "@language":
            texts = body.setdefault(key.name, {})
            _add(texts, value.language or "@none", value.value, many=key.many)
            continue
        elif value.language:
            written = {"@language": value.language, "@value": value.value}
        elif value.datatype.value in {key.kind, XSD + "string"}:
            written = value.value
        else:
            written = {"type": names().word(value.datatype.value), "@value": value.value}
        _add(body, key.name, written, many=key.many)
    return body


def _address(node: Node) -> str:
    return names().short(node.value) if isinstance(node, ox.NamedNode) else str(node)


def _add(body: Json, key: str, value: str | Json, *, many: bool = False) -> None:
    """Set a key, or add to it: one value stands alone unless there may be many."""
    if key not in body:
        body[key] = [value] if many else value
    elif isinstance(body[key], list):
        body[key].append(value)
    else:
        body[key] = [body[key], value]
