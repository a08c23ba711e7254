"""The page of an entry's history: who changed what, when and why, in the reader's words."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import pyoxigraph as ox

from kg.entries import history
from kg.entry import name_of
from kg.errors import NotFound
from kg.ledger.difference import triples
from kg.ledger.ledger import PastVersion
from kg.text.i18n import gettext, language, mark
from kg.text.number_formats import language_name
from kg.vocabulary import RDF_TYPE, VOC, vocabulary
from service.pages.parts.components import Piece, tag, web_link
from service.pages.parts.labels import Labels, label

#: what an action is called
ACTIONS = {
    "create": mark("added"),
    "replace": mark("changed"),
    "delete": mark("removed"),
    "merge": mark("merged into another entry"),
    "restore": mark("made what it was before"),
    "undo": mark("taken back"),
}
#: versions on a page, and statements shown of one
MANY, SHOWN = 50, 40


@dataclass(frozen=True)
class ChangedStatement:
    """A statement that a version added or removed: its field, and the value."""

    added: bool
    field: str
    value: Piece


@dataclass(frozen=True)
class Step:
    """A version with what it changed; ``more`` statements are not shown."""

    version: PastVersion
    action: str
    statements: tuple[ChangedStatement, ...]
    more: int
    present: bool


@dataclass(frozen=True)
class Past:
    """The steps of an entry's history, the newest first; ``older`` is where the rest begins."""

    title: Piece
    steps: tuple[Step, ...]
    older: int | None


def past(labels: Labels, iri: str, before: int | None) -> Past:
    """The history of an entry, from the newest version or from the one before ``before``.

    Raises NotFound, or Removed: what a removed entry said is for curators.
    """
    runtime = labels.runtime
    runtime.intake.check_name(iri)
    entry, versions = runtime.store.get(iri), history.versions(runtime.store, iri)
    rest = [v for v in versions if before is None or v.version < before]
    steps = []
    for version in rest[:MANY]:
        lines: list[tuple[bool, ox.Triple]] = []
        with suppress(NotFound):
            difference = runtime.store.ledger.difference(iri, version.version)
            lines += [(False, t) for t in triples(difference.removed)]
            lines += [(True, t) for t in triples(difference.added)]
        names = labels.entries(
            name_of(t.object) for _, t in lines if isinstance(t.object, ox.NamedNode)
        )
        statements = [
            ChangedStatement(added, label(t.predicate.value), _value(labels, iri, t.object, names))
            for added, t in lines
            if t.predicate != RDF_TYPE
        ]
        statements.sort(key=lambda s: (s.field, s.added, s.value.text))
        action, more = gettext(ACTIONS.get(version.action, version.action)), statements[SHOWN:]
        present = version.version == versions[0].version
        steps.append(Step(version, action, tuple(statements[:SHOWN]), len(more), present))
    title = labels.entries([iri]).get(iri)
    shown = replace(title, href="") if title else Piece(entry.slug)
    return Past(shown, tuple(steps), rest[MANY - 1].version if len(rest) > MANY else None)


def _value(
    labels: Labels,
    iri: str,
    value: ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple,
    names: dict[str, Piece],
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
        return labels.concept(text)
    known = vocabulary().label(text, language())
    return Piece(known) if known != text and not text.startswith("http") else web_link(text)
