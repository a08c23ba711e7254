"""Entry forms made from the shapes: which fields there are, and what was typed as triples.

A field is named as problems name it (``psr:problem``; ``outcome-1/dct:description`` in a part of
the entry), so that what is wrong is shown where it was typed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count

import pyoxigraph as ox
from rdflib import Graph, URIRef
from rdflib.namespace import SH
from rdflib.term import Node
from werkzeug.datastructures import MultiDict

from kg.catalogue.places import Places
from kg.entries.jsonld import NOWHERE
from kg.entries.reading import MAX_LITERAL
from kg.entries.validation import MAX_PARTS
from kg.entry import Entry
from kg.errors import Problem, Refused, refused
from kg.text.i18n import gettext, language, mark
from kg.text.number_formats import day, exact, is_euro, plain, read_day, read_number
from kg.vocabulary import CLASSES, PSH, PSR, RDF, RDF_TYPE, XSD, curie
from service.pages.entry.layout import MONEY, written
from service.pages.parts.labels import label

LONG = 500
#: how many places of an entry are looked up
MAX_PLACES = 50
#: language tags stand beside their texts under this name
TAG = "@"
_PATHS = {iri: path for path, iri in CLASSES.items()}
_PLAIN = {
    XSD + "integer": "number", XSD + "decimal": "number", XSD + "boolean": "yes",
    XSD + "date": "date", XSD + "gYear": "date",
}  # fmt: skip
_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*:")
#: what is wrong with a text of a kind, as far as there is more to say than of the others
_UNREADABLE = {
    "number": mark("This is not a number."),
    "date": mark("This is not a day of the calendar."),
    "link": mark("This is not an address."),
}
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
class FilledField:
    """A field with what was typed into it (text and language) and what is wrong with it."""

    ask: Ask
    name: str
    values: tuple[tuple[str, str], ...]
    problems: tuple[Problem, ...]
    parts: tuple[tuple[str, tuple[FilledField, ...]], ...] = ()


def asks(shapes: Graph, kind: str, depth: int = 0) -> tuple[Ask, ...]:
    """Read the fields of a class from its shape: required ones first, then in its order."""
    shape, advised = (
        URIRef(PSH + kind.removeprefix(PSR) + end) for end in ("Shape", "Recommendations")
    )
    helpful = {shapes.value(node, SH.path) for node in shapes.objects(advised, SH.property)}
    fields: dict[str, Ask] = {}
    for node in shapes.objects(shape, SH.property):
        path, (kind, datatype, source) = shapes.value(node, SH.path), _kind(shapes, node)
        name = curie(str(path))
        unknown = not kind or (kind == "part" and depth) or not isinstance(path, URIRef)
        if unknown or (name in fields and not datatype):
            continue
        fields[name] = Ask(
            name=name,
            prop=str(path),
            kind=kind,
            label=_said(shapes, node, SH.name) or label(str(path)),
            hint=_said(shapes, node, SH.description),
            order=_number(shapes, node, SH.order),
            required=bool(shapes.value(node, SH.minCount)),
            advised=path in helpful or kind == "long",
            many=_number(shapes, node, SH.maxCount, 2) > 1,
            datatype=datatype,
            source=source,
            longest=_number(shapes, node, SH.maxLength, MAX_LITERAL),
            parts=asks(shapes, source, depth + 1) if kind == "part" else (),
        )
    return tuple(sorted(fields.values(), key=lambda a: (not a.required, a.order, a.name)))


def _number(shapes: Graph, node: Node, prop: URIRef, default: int = 0) -> int:
    return int(str(shapes.value(node, prop) or default))


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
        spoken = RDF + "langString" if RDF + "langString" in types else datatype
        return "long" if _number(shapes, node, SH.maxLength) > LONG else "text", spoken, ""
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
            elif ask.kind == "number" and isinstance(value, ox.Literal):
                text = exact(Decimal(text)) if value.datatype.value == ask.datatype else text
            typed.add(before + ask.name, text)
            if ask.spoken:
                tag = value.language if isinstance(value, ox.Literal) else ""
                typed.add(before + ask.name + TAG, tag or "")
    return typed


def controls(
    fields: Sequence[Ask], typed: Typed, problems: Sequence[Problem], before: str = ""
) -> tuple[FilledField, ...]:
    """Join each field with what was typed and with what is wrong."""
    made = []
    for ask in fields:
        name = before + ask.name
        wrong = tuple(p for p in problems if p.path == name)
        parts = tuple(
            (fragment, controls(ask.parts, typed, problems, fragment + "/"))
            for fragment in (_fragments(ask, typed, name) if ask.kind == "part" else ())
        )
        made.append(FilledField(ask, name, tuple(_typed(ask, typed, name)), wrong, parts))
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


def as_chosen(sent: Typed) -> Typed:
    """What was typed, with the place that was chosen instead of one that was not plain.

    A choice is sent as ``instead``: a JSON list of the field, what was typed there, and the place.
    """
    typed: Typed = MultiDict(sent)
    for choice in typed.poplist("instead"):
        with suppress(ValueError, RecursionError):
            match json.loads(choice):
                case [str(name), str(text), str(label)]:
                    values = (label if v.strip() == text else v for v in typed.getlist(name))
                    typed.setlist(name, list(values))
    return typed


class Reader:
    """Makes triples of what was typed, in the reader's language where it comes to numbers.

    What cannot be one is collected in ``problems``, and in ``notes`` what has two readings.
    """

    def __init__(self, base: str, places: Places, named: Callable[[str, str], str | None]) -> None:
        self._base, self._places, self._named = base, places, named
        self._placed = 0
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []

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
                case "choice":
                    return ox.NamedNode(text)
                case "link":  # one without http:// is refused as in every other document
                    return ox.NamedNode(text if _SCHEME.match(text) else NOWHERE + text)
                case "number":
                    return self._figure(ask, name, text)
                case "date":
                    year = re.fullmatch("[0-9]{4}", text)
                    kind = ox.NamedNode(XSD + ("gYear" if year else "date"))
                    return ox.Literal(text if year else read_day(text), datatype=kind)
            if ask.spoken:
                return ox.Literal(text, language=lang or language())
            return ox.Literal(text, datatype=ox.NamedNode(ask.datatype))
        except Refused as error:
            self.problems += [replace(problem, path=name) for problem in error.problems]
        except ValueError:
            message = gettext(_UNREADABLE.get(ask.kind, mark("This cannot be read.")))
            self.problems.append(Problem(name, message, text, _advice(ask)))
        return None

    def _figure(self, ask: Ask, name: str, text: str) -> ox.Literal:
        figure, example = read_number(text), written(ask.prop, 1)
        value, unit = plain(figure.value), figure.unit
        euros = ask.prop in MONEY and is_euro(unit)
        if unit and unit != read_number(example).unit and not euros:
            message = gettext("“%(unit)s” is not the unit of this field.", unit=unit)
            raise refused(name, message, value=text, hint=_advice(ask))
        if ask.datatype == XSD + "integer" and "." in value:
            message = gettext("This is not a whole number.")
            raise refused(name, message, value=text, hint=_advice(ask))
        if figure.other is not None:
            message = gettext(
                "“%(text)s” is read as %(number)s here; elsewhere it is %(other)s.",
                text=text,
                number=exact(figure.value),
                other=exact(figure.other),
            )
            self.notes.append(Problem(name, message, text, severity="warning"))
        return ox.Literal(value, datatype=ox.NamedNode(ask.datatype))

    def _entry(self, ask: Ask, text: str) -> str:
        """The entry that a title, ``title (name)`` or address means."""
        if ask.source == "territory":
            self._placed += 1
            if self._placed > MAX_PLACES:
                message = gettext("At most %(most)s can be named here.", most=MAX_PLACES)
                raise refused("", message, value=text)
            return self._places.meant(text).entry
        if iri := self._named(ask.source, text):
            return iri
        name = re.search(r"\(([A-Za-z0-9._-]+)\)$", text)
        return f"{self._base}id/{ask.source}/{name[1]}" if name else text


def _advice(ask: Ask) -> str:
    """How to write what a field takes, with an example in the reader's own form."""
    match ask.kind:
        case "number":
            example = written(ask.prop, 12 if ask.datatype == XSD + "integer" else 12.5)
        case "date":
            example = day("2019-05-31", "medium")
        case "link":
            return gettext("Write a full http or https address.")
        case _:
            return ask.hint
    return gettext("Write it like %(example)s.", example=example)
