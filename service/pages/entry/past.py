"""The page of an entry's history: who changed what, when and why, in the reader's words."""

from __future__ import annotations

from dataclasses import dataclass

import pyoxigraph as ox

from kg.catalogue.lists import titles
from kg.entries import history
from kg.entry import name_of
from kg.errors import NotFound
from kg.ledger.difference import triples
from kg.ledger.ledger import PastVersion
from kg.stores.protocol import Store
from kg.text.i18n import gettext, language, mark
from kg.text.number_formats import language_name
from kg.vocabulary import RDF_TYPE, VOC, vocabulary
from service.core.runtime import current
from service.pages.parts.components import Piece, concept, label, local_href, tag, web_link

#: what an action is called
ACTIONS = {
    "create": mark("added"),
    "replace": mark("changed"),
    "delete": mark("removed"),
    "merge": mark("merged into another entry"),
}
#: versions on a page, and statements shown of one
MANY, SHOWN = 50, 40


@dataclass(frozen=True)
class Statement:
    """A statement that a version added or removed: its field, and the value."""

    added: bool
    field: str
    value: Piece


@dataclass(frozen=True)
class Step:
    """A version with what it changed; ``more`` statements are not shown."""

    version: PastVersion
    action: str
    statements: tuple[Statement, ...]
    more: int
    present: bool


@dataclass(frozen=True)
class Past:
    """The steps of an entry's history, the newest first; ``older`` is where the rest begins."""

    title: Piece
    steps: tuple[Step, ...]
    older: int | None


def past(iri: str, before: int | None, root: str) -> Past:
    """The history of an entry, from the newest version or from the one before ``before``.

    Raises NotFound, or Removed: what a removed entry said is for curators.
    """
    runtime = current()
    runtime.intake.check_name(iri)
    entry, versions = runtime.store.get(iri), history.versions(runtime.store, iri)
    newest = versions[0].version
    rest = [v for v in versions if before is None or v.version < before]
    steps = tuple(_step(runtime.store, iri, v, newest, root) for v in rest[:MANY])
    title = titles(runtime.store, [iri], language()).get(iri)
    shown = Piece(title.value, lang=tag(title.lang)) if title else Piece(entry.slug)
    return Past(shown, steps, rest[MANY - 1].version if len(rest) > MANY else None)


def _step(store: Store, iri: str, version: PastVersion, newest: int, root: str) -> Step:
    action = gettext(ACTIONS.get(version.action, version.action))
    try:
        difference = store.ledger.difference(iri, version.version)
    except NotFound:
        return Step(version, action, (), 0, version.version == newest)
    lines = [(False, t) for t in triples(difference.removed)]
    lines += [(True, t) for t in triples(difference.added)]
    linked = [name_of(t.object) for _, t in lines if isinstance(t.object, ox.NamedNode)]
    names = {
        name: Piece(text.value, local_href(store, name, root), tag(text.lang))
        for name, text in titles(
            store, (i for i in linked if i.startswith(store.base + "id/")), language()
        ).items()
    }
    statements = sorted(
        (
            Statement(added, label(t.predicate.value), _value(iri, t.object, names, root))
            for added, t in lines
            if t.predicate != RDF_TYPE
        ),
        key=lambda s: (s.field, s.added, s.value.text),
    )
    return Step(
        version,
        action,
        tuple(statements[:SHOWN]),
        max(0, len(statements) - SHOWN),
        version.version == newest,
    )


def _value(
    iri: str,
    value: ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple,
    names: dict[str, Piece],
    root: str,
) -> Piece:
    """A value as a reader reads it: a text, an entry's title, a concept's label, an address."""
    text = name_of(value)
    if isinstance(value, ox.Literal):
        lang = (value.language or "").lower()
        return Piece(text, lang=tag(lang or "und"), note=language_name(lang) if lang else "")
    if text in names:
        return names[text]
    if text.startswith(iri + "#"):
        return Piece(gettext("a part of its own"))
    if text.startswith(VOC):
        return concept(text, root)
    known = vocabulary().label(text, language())
    return Piece(known) if known != text and not text.startswith("http") else web_link(text)
