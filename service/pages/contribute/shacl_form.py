"""Entry forms made from the shapes: which fields there are, and what was typed as triples.

A field is named as problems name it (``psr:problem``; ``outcome-1/dct:description`` in a part of
the entry), so that what is wrong is shown where it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

import pyoxigraph as ox
from rdflib import Graph, URIRef
from rdflib.namespace import SH
from rdflib.term import Node
from werkzeug.datastructures import MultiDict

from kg.entries.reading import MAX_LITERAL
from kg.entries.validation import MAX_PARTS
from kg.entry import Entry
from kg.errors import Problem, Refused, refused
from kg.text.i18n import gettext, language
from kg.vocabulary import CLASSES, PREFIXES, PSH, PSR, RDF, RDF_TYPE, XSD
from service.core.places import PlaceBook
from service.pages.parts.labels import label

LONG = 500
#: language tags stand beside their texts under this name
TAG = "@"
_PATHS = {iri: path for path, iri in CLASSES.items()}
_PLAIN = {
    XSD + "integer": "number", XSD + "decimal": "number", XSD + "boolean": "yes",
    XSD + "date": "date", XSD + "gYear": "date",
}  # fmt: skip
Typed = MultiDict[str, str]


@dataclass(frozen=True)
class Ask:
    """A field: ``kind`` is text, long, number, date, yes, link, choice, entry or part.

    ``advised`` says that an entry is much better with it.

    ``source`` is the scheme of a choice, the class path of an entry or the class of a part.
    """

    name: str
    prop: str
    kind: str
    label: str
    hint: str
    order: int
    required: bool
    advised: bool
    many: bool
    datatype: str = ""
    source: str = ""
    longest: int = MAX_LITERAL
    parts: tuple[Ask, ...] = ()

    @property
    def spoken(self) -> bool:
        """Whether each text says its language."""
        return self.datatype == RDF + "langString"

    @property
    def fragment(self) -> str:
        """What the names of parts begin with, such as ``outcome``."""
        return self.prop.rpartition("#")[2].removeprefix("has").lower()


@dataclass(frozen=True)
class Control:
    """A field with what was typed into it (text and language) and what is wrong with it."""

    ask: Ask
    name: str
    values: tuple[tuple[str, str], ...]
    problems: tuple[Problem, ...]
    parts: tuple[tuple[str, tuple[Control, ...]], ...] = ()


def curie(iri: str) -> str:
    """Shorten an IRI by a prefix of ours, or leave it as it is."""
    for prefix, namespace in PREFIXES.items():
        if iri.startswith(namespace):
            return f"{prefix}:{iri.removeprefix(namespace)}"
    return iri


def asks(shapes: Graph, kind: str, depth: int = 0) -> tuple[Ask, ...]:
    """Read the fields of a class from its shape: required ones first, then in its order."""
    name = PSH + kind.removeprefix(PSR)
    shape, advised = URIRef(f"{name}Shape"), URIRef(f"{name}Recommendations")
    helpful = {shapes.value(node, SH.path) for node in shapes.objects(advised, SH.property)}
    fields: dict[str, Ask] = {}
    for node in shapes.objects(shape, SH.property):
        path = shapes.value(node, SH.path)
        ask = _ask(shapes, node, path, depth) if isinstance(path, URIRef) else None
        if ask and (ask.name not in fields or ask.datatype):
            fields[ask.name] = replace(ask, advised=path in helpful or ask.kind == "long")
    return tuple(sorted(fields.values(), key=lambda a: (not a.required, a.order, a.name)))


def _ask(shapes: Graph, node: Node, path: URIRef, depth: int) -> Ask | None:
    prop, (kind, datatype, source) = str(path), _kind(shapes, node)
    if not kind or (kind == "part" and depth):
        return None
    most, order = shapes.value(node, SH.maxCount), shapes.value(node, SH.order)
    return Ask(
        name=curie(prop),
        prop=prop,
        kind=kind,
        label=_said(shapes, node, SH.name) or label(prop),
        hint=_said(shapes, node, SH.description),
        order=int(str(order or 0)),
        required=bool(shapes.value(node, SH.minCount)),
        advised=False,
        many=most is None or int(str(most)) > 1,
        datatype=datatype,
        source=source,
        longest=int(str(shapes.value(node, SH.maxLength) or MAX_LITERAL)),
        parts=asks(shapes, source, depth + 1) if kind == "part" else (),
    )


def _said(shapes: Graph, node: Node, prop: URIRef) -> str:
    """A text of a shape in the reader's language."""
    return gettext(str(shapes.value(node, prop) or ""))


def _kind(shapes: Graph, node: Node) -> tuple[str, str, str]:
    """The kind of a field, its datatype, and the scheme or class of its values."""
    kind, listed = shapes.value(node, SH["class"]), shapes.value(node, SH.node)
    if kind:
        path = _PATHS.get(str(kind))
        return ("entry", "", path) if path else ("part", "", str(kind))
    if listed:
        return "choice", "", str(listed).partition("ConceptOf-")[2]
    either = [one for start in shapes.objects(node, SH["or"]) for one in shapes.items(start)]
    types = {str(t) for one in either for t in shapes.objects(one, SH.datatype)}
    datatype = str(shapes.value(node, SH.datatype) or next(iter(sorted(types, reverse=True)), ""))
    if datatype in _PLAIN:
        return _PLAIN[datatype], datatype, ""
    if datatype:
        longest = int(str(shapes.value(node, SH.maxLength) or 0))
        spoken = RDF + "langString" if RDF + "langString" in types else datatype
        return "long" if longest > LONG else "text", spoken, ""
    return ("link", "", "") if shapes.value(node, SH.nodeKind) == SH.IRI else ("", "", "")


def filled(entry: Entry, fields: Sequence[Ask], names: dict[str, str], node: str = "") -> Typed:
    """Fill a form with an entry; ``names`` says what linked entries are called."""
    typed: Typed = MultiDict()
    here, before = node or entry.iri, node.partition("#")[2] + "/" if node else ""
    for ask in fields:
        for value in entry.values(ask.prop, here):
            text = value.value
            if ask.kind == "part":
                text = text.partition("#")[2]
                typed.update(filled(entry, ask.parts, names, value.value))
            elif ask.kind == "entry":
                text = names.get(text, text)
            typed.add(before + ask.name, text)
            if ask.spoken:
                tag = value.language if isinstance(value, ox.Literal) else ""
                typed.add(before + ask.name + TAG, tag or "")
    return typed


def controls(
    fields: Sequence[Ask], typed: Typed, problems: Sequence[Problem], before: str = ""
) -> tuple[Control, ...]:
    """Join each field with what was typed and with what is wrong."""
    made = []
    for ask in fields:
        name = before + ask.name
        wrong = tuple(p for p in problems if curie(p.path) == name)
        parts = tuple(
            (fragment, controls(ask.parts, typed, problems, fragment + "/"))
            for fragment in (_fragments(ask, typed, name) if ask.kind == "part" else ())
        )
        made.append(Control(ask, name, tuple(_typed(ask, typed, name)), wrong, parts))
    return tuple(made)


def _typed(ask: Ask, typed: Typed, name: str) -> Iterator[tuple[str, str]]:
    """Yield what was typed into a field, with its language; what is blank is left out."""
    tags = typed.getlist(name + TAG)
    for number, text in enumerate(typed.getlist(name)):
        if text.strip():
            clean = text.replace("\r\n", "\n").strip()
            yield clean, tags[number] if ask.spoken and number < len(tags) else ""


def _fragments(ask: Ask, typed: Typed, name: str) -> list[str]:
    """The parts that were there and the next free one."""
    known = dict.fromkeys(f for f in typed.getlist(name) if re.fullmatch(r"[a-z0-9-]{1,60}", f))
    free = next(n for n in count(1) if f"{ask.fragment}-{n}" not in known)
    return [*known, f"{ask.fragment}-{free}"]


def check_size(fields: Sequence[Ask], typed: Typed) -> None:
    """Raise Refused for more parts than a form shows; none of them is dropped in silence."""
    parts = sum(len(typed.getlist(ask.name)) for ask in fields if ask.kind == "part")
    if parts >= MAX_PARTS:
        raise refused(
            "",
            gettext("The entry has more parts than a form can show."),
            hint=gettext("Change it through the API, or describe it in several entries."),
        )


class Reader:
    """Makes triples of what was typed; collects what cannot be one in ``problems``."""

    def __init__(
        self, base: str, places: PlaceBook, named: Callable[[str, str], str | None]
    ) -> None:
        self._base, self._places, self._named = base, places, named
        self.problems: list[Problem] = []

    def triples(
        self, node: ox.NamedNode, kind: str, fields: Sequence[Ask], typed: Typed, before: str = ""
    ) -> list[ox.Triple]:
        """The triples of an entry or a part; none for a part without any value."""
        graph = []
        for ask in fields:
            name, prop = before + ask.name, ox.NamedNode(ask.prop)
            if ask.kind == "part":
                for fragment in _fragments(ask, typed, name):
                    part = ox.NamedNode(f"{node.value}#{fragment}")
                    inside = self.triples(part, ask.source, ask.parts, typed, fragment + "/")
                    graph += [ox.Triple(node, prop, part), *inside] if inside else []
                continue
            for text, lang in _typed(ask, typed, name):
                if term := self._term(ask, name, text, lang):
                    graph.append(ox.Triple(node, prop, term))
        typed_as = ox.Triple(node, RDF_TYPE, ox.NamedNode(kind))
        return [typed_as, *graph] if graph or not before else []

    def _term(self, ask: Ask, name: str, text: str, lang: str) -> ox.NamedNode | ox.Literal | None:
        try:
            match ask.kind:
                case "entry":
                    return ox.NamedNode(self._entry(ask, text))
                case "choice" | "link":
                    return ox.NamedNode(text)
            if ask.spoken:
                return ox.Literal(text, language=lang or language())
            year = ask.kind == "date" and re.fullmatch(r"\d{4}", text)
            kind = XSD + "gYear" if year else ask.datatype
            kind = XSD + "date" if ask.kind == "date" and not year else kind
            return ox.Literal(text, datatype=ox.NamedNode(kind))
        except Refused as error:
            self.problems += [Problem(name, p.message, p.value, p.hint) for p in error.problems]
        except ValueError:
            self.problems.append(Problem(name, gettext("This cannot be read."), text, ask.hint))
        return None

    def _entry(self, ask: Ask, text: str) -> str:
        """The entry that a title, ``title (name)`` or address means."""
        if ask.source == "territory":
            return self._places.find(text.removeprefix(f"{self._base}id/territory/")).iri
        if iri := self._named(ask.source, text):
            return iri
        name = re.search(r"\(([A-Za-z0-9._-]+)\)$", text)
        return f"{self._base}id/{ask.source}/{name[1]}" if name else text
