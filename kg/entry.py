"""An entry: one thing of the graph with the triples of its own named graph."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import pyoxigraph as ox

from kg.text.language import preference
from kg.vocabulary import CLASSES, RDF_TYPE, XSD, curie, decimals

#: characters that no text of an entry holds
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
SLUG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,118}[A-Za-z0-9])?")
TOP_CLASSES = {iri: path for path, iri in CLASSES.items()}


@dataclass(frozen=True)
class Text:
    """A text with its language tag (lower case, ``und`` if it has none) and its property."""

    value: str
    lang: str
    prop: str


@dataclass(frozen=True)
class Entry:
    """An entry's IRI and its triples, sorted; nested nodes are fragments of the IRI."""

    iri: str
    triples: tuple[ox.Triple, ...]

    @property
    def path(self) -> str:
        """The class part of the IRI, for example ``practice``."""
        return self.iri.rsplit("/", 2)[-2]

    @property
    def slug(self) -> str:
        """The last part of the IRI."""
        return self.iri.rsplit("/", 1)[-1]

    @cached_property
    def _objects(self) -> dict[tuple[str, str], list[ox.NamedNode | ox.Literal]]:
        objects: dict[tuple[str, str], list[ox.NamedNode | ox.Literal]] = defaultdict(list)
        for triple in self.triples:
            if isinstance(triple.object, ox.NamedNode | ox.Literal):
                objects[name_of(triple.subject), triple.predicate.value].append(triple.object)
        return objects

    @property
    def types(self) -> list[str]:
        """The IRIs of the entry's classes."""
        return self.links(RDF_TYPE.value)

    def values(self, prop: str, node: str | None = None) -> list[ox.NamedNode | ox.Literal]:
        """What the entry (or a nested node) has for a property."""
        return self._objects.get((node or self.iri, prop), [])

    def links(self, prop: str, node: str | None = None) -> list[str]:
        """The IRIs that a property points to."""
        return [o.value for o in self.values(prop, node) if isinstance(o, ox.NamedNode)]

    def texts(self, prop: str, node: str | None = None) -> list[Text]:
        """The texts of a property with their languages."""
        return [
            Text(o.value, (o.language or "und").lower(), prop)
            for o in self.values(prop, node)
            if isinstance(o, ox.Literal)
        ]

    def text(self, prop: str, lang: str = "en", node: str | None = None) -> str | None:
        """One text, in ``lang`` if there is one, else English, else the first."""
        text = best(self.texts(prop, node), lang)
        return text.value if text else None

    def number(self, prop: str, node: str | None = None) -> float | None:
        """The first number of a property, or None."""
        for value in self.values(prop, node):
            try:
                return float(value.value)
            except ValueError:
                continue
        return None

    def linked(self) -> set[str]:
        """Every IRI that the entry points to, outside its own fragments."""
        links = (t.object.value for t in self.triples if isinstance(t.object, ox.NamedNode))
        return {iri for iri in links if iri.partition("#")[0] != self.iri}

    def nodes(self) -> list[str]:
        """The IRIs of the entry and of its nested nodes."""
        return sorted({name_of(t.subject) for t in self.triples})

    def n_triples(self) -> str:
        """The triples as sorted N-Triples lines."""
        return "".join(f"{triple} .\n" for triple in self.triples)


def best(texts: Iterable[Text], lang: str) -> Text | None:
    """The first text in a language, else in English, else in any; None of none."""
    return min(texts, key=lambda text: preference(text.lang, lang), default=None)


def name_of(term: ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple) -> str:
    """A term's IRI, label or text (of a triple term, which is never stored, its source)."""
    return str(term) if isinstance(term, ox.Triple) else term.value


def field_name(node: str, prop: str) -> str:
    """A property as problems name it: ``dct:title``, in a part ``outcome-1/dct:title``."""
    return "/".join(filter(None, (node.partition("#")[2], curie(prop))))


def decimal(number: object) -> ox.Literal:
    """An xsd:decimal of a number in plain digits."""
    return ox.Literal(str(number), datatype=ox.NamedNode(XSD + "decimal"))


def whole_as_decimal(triple: ox.Triple) -> ox.Triple:
    """A triple with a whole number as a decimal where its property asks for decimals."""
    obj = triple.object
    whole = isinstance(obj, ox.Literal) and obj.datatype.value == XSD + "integer"
    if not whole or triple.predicate.value not in decimals():
        return triple
    return ox.Triple(triple.subject, triple.predicate, decimal(name_of(obj)))


def make(iri: str, triples: list[ox.Triple]) -> Entry:
    """An entry with its triples sorted and its literals as a store writes them.

    A store turns ``1.50`` into ``1.5``; going through one makes entries comparable.
    """
    store = ox.Store()
    store.extend(ox.Quad(t.subject, t.predicate, t.object) for t in triples)
    return Entry(iri, tuple(sorted((q.triple for q in store), key=str)))


def top_class(entry: Entry) -> str:
    """The class path that the entry's types name, or an empty text."""
    paths = {TOP_CLASSES[t] for t in entry.types if t in TOP_CLASSES}
    return paths.pop() if len(paths) == 1 else ""


def year(entry: Entry, prop: str) -> int | None:
    """The year of a date or year property."""
    for text in entry.texts(prop):
        if match := re.match(r"-?\d{4}", text.value):
            return int(match[0])
    return None
