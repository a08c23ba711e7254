"""Read Turtle, N-Triples and JSON-LD that a stranger sent into one entry.

Size and depth are checked before a parser sees the bytes, JSON-LD is read with our own
context only, and what comes out has absolute http IRIs and no blank nodes.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from itertools import chain, count
from typing import Any
from urllib.parse import unquote

import pyoxigraph as ox

from kg.entries import jsonld
from kg.entries.jsonld import MAX_ADDRESS, MAX_DEPTH, NOWHERE, tag_problem
from kg.entry import (
    CONTROL,
    SLUG,
    TOP_CLASSES,
    Entry,
    field_name,
    make,
    name_of,
    top_class,
    whole_as_decimal,
)
from kg.errors import Malformed, Problem, Refused, TooLarge, UnknownFormat, refused
from kg.sparql import scan
from kg.text.i18n import gettext, mark
from kg.text.number_formats import number
from kg.vocabulary import CLASSES, DCT, OWL, PROV, PSR, RDF, RDF_TYPE, XSD, curie, local_name

MAX_ENTRY = 1024 * 1024
MAX_TRIPLES = 5_000
MAX_LITERAL = 20_000

FORMATS = {
    "text/turtle": ox.RdfFormat.TURTLE,
    "application/n-triples": ox.RdfFormat.N_TRIPLES,
    "application/ld+json": ox.RdfFormat.JSON_LD,
    "application/json": ox.RdfFormat.JSON_LD,
}
_NO_TRIPLE_TERMS = mark("Statements about statements (triple terms) are not read here.")
_NOTED_HERE = {PSR + "dataVersion", PSR + "action", DCT + "creator"}
#: an address of an entry, here or at another installation
_ENTRY = re.compile(f"^https?://[^?#]*/id/({'|'.join(CLASSES)})/", re.IGNORECASE)
_FLOAT = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
#: the types of literals that are read, with the form of those that a parser may choke on
_DATATYPES = {
    XSD + "integer": re.compile(r"[+-]?[0-9]{1,18}"),
    XSD + "decimal": re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?"),
    XSD + "double": _FLOAT,
    XSD + "float": _FLOAT,
    XSD + "boolean": re.compile("true|false"),
    RDF + "langString": None,
    **dict.fromkeys(
        XSD + name for name in ("string", "date", "dateTime", "gYear", "gYearMonth", "anyURI")
    ),
}


#: from the name of an entry to what provenance says of it
Noted = Callable[[str], Collection[ox.Triple]]


def nothing_noted(iri: str) -> Collection[ox.Triple]:
    """Provenance of an entry that is not stored: none."""
    return ()


def parse(data: bytes, media_type: str) -> list[ox.Triple]:
    """Parse a document into triples.

    Raises UnknownFormat, TooLarge, Malformed (with the position where the parser knows
    it) or Refused (a key or an IRI that cannot stand).
    """
    form = FORMATS.get(media_type)
    if form is None:
        formats, kind = ", ".join(sorted(FORMATS)), media_type or "nothing"
        message = gettext("Send %(formats)s; %(kind)s is not read.", formats=formats, kind=kind)
        raise UnknownFormat(message)
    if len(data) > MAX_ENTRY:
        raise TooLarge(gettext("One entry may be at most 1 MiB."))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(
            gettext("The text is not UTF-8: byte %(number)s cannot be read.", number=error.start)
        ) from error
    if form == ox.RdfFormat.JSON_LD:
        text = jsonld.prepare(text)
    elif scan.depth(scan.tokens(text)) > MAX_DEPTH:
        raise Malformed(gettext("Brackets may be nested %(most)s deep at most.", most=MAX_DEPTH))
    return _triples(text, form)


def _triples(text: str, form: ox.RdfFormat) -> list[ox.Triple]:
    triples: list[ox.Triple] = []
    base = None if form == ox.RdfFormat.N_TRIPLES else NOWHERE
    try:
        for quad in ox.parse(text, format=form, base_iri=base):
            if quad.graph_name != ox.DefaultGraph():
                raise Malformed(gettext("Send one entry without named graphs."))
            if isinstance(quad.object, ox.Triple):
                raise Malformed(gettext(_NO_TRIPLE_TERMS))
            triples.append(quad.triple)
            if len(triples) > MAX_TRIPLES:
                message = gettext("One entry may have at most %(most)s triples.", most=MAX_TRIPLES)
                raise TooLarge(message)
    except (SyntaxError, ValueError) as error:
        raise Malformed(gettext("The text cannot be read: %(error)s", error=error)) from error
    return triples


def read_entry(
    data: bytes,
    media_type: str,
    base: str,
    *,
    iri: str | None = None,
    noted: Noted = nothing_noted,
    gone: Callable[[str], bool] = lambda name: False,
) -> Entry:
    """The one entry that a document describes.

    ``iri`` is the name that the address asks for; without it a document that names its
    entry by a blank node gets a name made from its class and title, none of those that are
    ``gone``.
    """
    return entry_of(parse(data, media_type), base, iri=iri, noted=noted, gone=gone)


def entry_of(
    triples: list[ox.Triple],
    base: str,
    *,
    iri: str | None = None,
    noted: Noted = nothing_noted,
    gone: Callable[[str], bool] = lambda name: False,
) -> Entry:
    """The entry that triples describe, its nested nodes renamed to fragments.

    What is truly noted here of the entry, as a DESCRIBE query shows it, is left out; whatever
    else only we can know is refused.
    """
    root = _root(triples, iri)
    name = root.value if isinstance(root, ox.NamedNode) else iri
    if not name:
        own = [t for t in triples if t.subject == root]
        titles = sorted(name_of(t.object) for t in own if t.predicate.value == DCT + "title")
        path = next(TOP_CLASSES[kind] for t in own if (kind := name_of(t.object)) in TOP_CLASSES)
        if not titles:
            hint = gettext("Add a title with its language.")
            raise refused("title", gettext("The entry has no title."), hint=hint)
        name = name_for(base, path, titles[0], gone)
    _check_name(name, base, iri)
    if any(ours_to_say(triple) for triple in triples):
        true = noted(name)
        triples = [triple for triple in triples if triple not in true]
    entry = make(name, [whole_as_decimal(t) for t in _rename(triples, root, name)])
    problems = [problem for triple in entry.triples for problem in _problems(triple, entry)]
    if problems:
        raise Refused(gettext("Some values of the entry cannot stand."), problems)
    if top_class(entry) != entry.path:
        message = gettext(
            "An entry under /id/%(path)s/ is of the class %(kind)s.",
            path=entry.path,
            kind=local_name(CLASSES[entry.path]),
        )
        types = ", ".join(sorted(t for t in entry.types if t in TOP_CLASSES)) or None
        hint = gettext("Give the entry this class and no other top class.")
        raise refused("type", message, value=types, hint=hint)
    return entry


def _root(triples: list[ox.Triple], iri: str | None) -> ox.NamedNode | ox.BlankNode:
    typed = [t for t in triples if t.predicate == RDF_TYPE and name_of(t.object) in TOP_CLASSES]
    roots = sorted({t.subject for t in typed}, key=str)
    if not roots and iri:
        roots = [ox.NamedNode(iri)] if any(name_of(t.subject) == iri for t in triples) else []
    if len(roots) != 1:
        names = ", ".join(path.capitalize() for path in CLASSES)
        several, none = (
            gettext("One entry was expected."),
            gettext("The entry does not say what it is."),
        )
        hint = gettext(
            "Send one thing with one of the classes %(names)s (ActionPlan for a plan).", names=names
        )
        value = ", ".join(map(str, roots)) or None
        raise refused("type", several if roots else none, value=value, hint=hint)
    root = roots[0]
    assert not isinstance(root, ox.Triple)
    return root


def name_for(base: str, path: str, title: str, gone: Callable[[str], bool]) -> str:
    """A name for an entry of a class, made of its title; none of those that are ``gone``."""
    name = f"{base}id/{path}/{slug_of(title)}"
    further = (f"{name}-{number}" for number in count(2))
    return next(one for one in chain([name], further) if not gone(one))


def slug_of(title: str) -> str:
    """A title as the last part of an IRI: lower case, ASCII, hyphens."""
    folded = title.translate(str.maketrans("łøđßŁØĐ", "lodsLOD"))
    plain = unicodedata.normalize("NFKD", folded).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].strip("-") or "entry"


def _check_name(name: str, base: str, iri: str | None) -> None:
    if iri and name != iri:
        message = gettext(
            "The entry names itself %(name)s, the address names %(entry)s.", name=name, entry=iri
        )
        raise refused("id", message, value=name)
    path, _, slug = name.removeprefix(base + "id/").partition("/")
    if not name.startswith(base + "id/") or path not in CLASSES or not SLUG.fullmatch(slug):
        form = f"{base}id/CLASS/NAME"
        hint = gettext("Use %(form)s with letters, digits and hyphens, or leave it out.", form=form)
        message = gettext("This is not a name for an entry here.")
        raise refused("id", message, value=_sent(name), hint=hint)


def _rename(
    triples: list[ox.Triple], root: ox.NamedNode | ox.BlankNode, name: str
) -> list[ox.Triple]:
    """The triples with blank nodes named ``{name}#{class}-{n}`` in a stable order."""
    # A blank node that is pointed to twice is refused: what is left are trees.
    blank = [t for t in triples if isinstance(t.object, ox.BlankNode)]
    uses = Counter(t.object for t in blank)
    if shared := next((t for t in blank if uses[t.object] > 1), None):
        raise used_twice(shared)
    children: dict[Any, list[ox.Triple]] = defaultdict(list)
    for triple in triples:
        children[triple.subject].append(triple)
    names: dict[Any, ox.NamedNode] = {root: ox.NamedNode(name)}
    taken = {name_of(node) for t in triples for node in (t.subject, t.object)}
    numbers: dict[str, count[int]] = defaultdict(lambda: count(1))

    def name_below(node: Any) -> None:  # noqa: ANN401
        """Number the blank nodes below a node, ordered by property and content."""
        below = [t for t in children.get(node, ()) if isinstance(t.object, ox.BlankNode)]
        below.sort(key=lambda t: (t.predicate.value, _content(t.object, children)))
        for triple in below:
            kind = local_name(triple.predicate.value).removeprefix("has").lower()
            free = (f"{name}#{kind}-{number}" for number in numbers[kind])
            names[triple.object] = ox.NamedNode(next(part for part in free if part not in taken))
            name_below(triple.object)

    nodes = (s for s in children if isinstance(s, ox.NamedNode))
    parts = sorted((node for node in nodes if node.value.startswith(name + "#")), key=str)
    for start in (root, *parts):
        name_below(start)
    strays = [s for s in children if s not in names and s not in parts]
    if strays:
        message = gettext("The document also describes another thing.")
        hint = gettext("Send one entry at a time; link to others by their IRI.")
        raise refused("id", message, value=str(strays[0]), hint=hint)
    return [
        ox.Triple(names.get(t.subject, t.subject), t.predicate, names.get(t.object, t.object))
        for t in triples
    ]


def used_twice(triple: ox.Triple) -> Refused:
    """Refuse the second use of a blank node: a part belongs to one whole."""
    return refused(
        curie(triple.predicate.value),
        gettext("A nested part is used in two places."),
        hint=gettext("Write it twice, or give it an address of its own."),
    )


def _content(node: Any, children: dict[Any, list[ox.Triple]], level: int = 0) -> str:  # noqa: ANN401
    """The content of a nested node without the names of blank nodes, to sort by."""
    if level > MAX_DEPTH:
        raise Malformed(gettext("Parts may be nested %(most)s deep at most.", most=MAX_DEPTH))
    parts = [
        f"{t.predicate} {_content(t.object, children, level + 1)}"
        if isinstance(t.object, ox.BlankNode)
        else f"{t.predicate} {t.object}"
        for t in children.get(node, ())
    ]
    return "[" + "; ".join(sorted(parts)) + "]"


def _problems(triple: ox.Triple, entry: Entry) -> Iterator[Problem]:
    """Yield what is wrong with the terms of a triple, and what only we can say."""
    name, obj = triple.predicate.value, triple.object
    path = field_name(name_of(triple.subject), name)[:MAX_ADDRESS]
    for node in (triple.subject, triple.predicate, obj):
        if isinstance(node, ox.NamedNode) and (why := _iri_fault(node.value)):
            hint = gettext("Write a full http or https address.")
            yield Problem(path, why, value=_sent(node.value)[:200], hint=hint)
    if isinstance(obj, ox.Triple):
        yield Problem(path, gettext(_NO_TRIPLE_TERMS))
    if isinstance(obj, ox.Literal):
        if fault := _literal_fault(obj):
            yield Problem(path, fault, value=obj.value[:80])
        if obj.language and (problem := tag_problem(path, obj.language)):
            yield problem
    # Which data a match was made from is part of it.
    of_match = name == PSR + "dataVersion" and entry.path == "match"
    address = re.sub(r"(?<!:)/(\.?/)+", "/", unquote(name_of(obj)))  # however it is spelt
    if ours_to_say(triple) and not of_match:
        message = gettext("This is noted here with every change and cannot be sent.")
        yield Problem(path, message, name_of(obj)[:200], gettext("Leave it out."))
    elif name == OWL + "sameAs" and _ENTRY.search(address):
        message = gettext("That two entries are the same is decided here and cannot be sent.")
        hint = gettext("Leave it out, or link to the other one as source.")
        yield Problem(path, message, name_of(obj)[:200], hint)


def ours_to_say(triple: ox.Triple) -> bool:
    """Whether a property is provenance, which is noted here with every change."""
    name = triple.predicate.value
    if triple.predicate == RDF_TYPE:
        name = name_of(triple.object)
    plain = name.replace("https:", "http:", 1)
    return plain.startswith(PROV) or name in _NOTED_HERE or plain in _NOTED_HERE


def _sent(iri: str) -> str:
    """A relative address as it was sent."""
    return iri.removeprefix(NOWHERE).removeprefix(NOWHERE.partition("//")[0])


def _iri_fault(iri: str) -> str | None:
    if iri != _sent(iri):
        return gettext("The address %(address)s is not complete.", address=repr(_sent(iri)[:200]))
    if not iri.startswith(("http://", "https://")):
        return gettext(
            "Addresses of the kind %(scheme)s are not accepted.",
            scheme=repr(iri.partition(":")[0][:40]),
        )
    if not iri.isprintable() or " " in iri:
        return gettext("The address holds a space or a character that cannot be seen.")
    if len(iri) > MAX_ADDRESS:
        return gettext("The address is longer than 2,000 characters.")
    return None


def _literal_fault(literal: ox.Literal) -> str | None:
    text, kind = literal.value, literal.datatype.value
    if literal.direction:
        return gettext("A direction of writing is not read here.")
    if kind not in _DATATYPES:
        return gettext(
            "Values of the kind %(kind)s are not read here.", kind=repr(_sent(kind)[:200])
        )
    if (form := _DATATYPES[kind]) and not form.fullmatch(text):
        if kind == XSD + "boolean":
            return gettext("This is neither true nor false.")
        return gettext("This is not a number in plain digits.")
    if len(text) > MAX_LITERAL:
        return gettext("The text is longer than %(most)s characters.", most=number(MAX_LITERAL))
    if CONTROL.search(text):
        return gettext("The text holds a control character.")
    return None
