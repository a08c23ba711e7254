"""Everything that the graph knows of one entry, in the order in which its page shows it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain

import pyoxigraph as ox

from kg.catalogue.lists import Link, countries, links_to
from kg.entry import Entry
from kg.stores.protocol import Version
from kg.text.i18n import gettext, language
from kg.text.language import preference
from kg.text.number_formats import day, language_name
from kg.vocabulary import CLASSES, DCT, ORG, PSR, SCHEMA, VOC, XSD
from service.pages.entry.layout import ELSEWHERE, INVERSE, layout_of, written
from service.pages.parts.components import (
    Field,
    NestedNode,
    Piece,
    Section,
    by_text,
    licence_name,
    tag,
    web_link,
)
from service.pages.parts.labels import Labels, label, labelled

MAX_LINKS = 60
_NUMBERS = {XSD + "integer", XSD + "decimal", XSD + "double"}
_MEMBERSHIP = {ORG + "memberOf": ORG + "hasMember", ORG + "hasMember": ORG + "memberOf"}
_HEADS = (DCT + "description", PSR + "approach", PSR + "evidenceLevel", PSR + "actor")


@dataclass(frozen=True)
class EntryView:
    """What the template of an entry page needs."""

    iri: str
    path: str
    kind: str
    title: Piece
    other_titles: tuple[Piece, ...]
    country: str
    summary: Field | None
    prose: tuple[Field, ...]
    sections: tuple[Section, ...]
    facts: tuple[Field, ...]
    sources: tuple[Field, ...]
    licensed: bool
    checked: str
    version: Version | None


def entry_view(labels: Labels, entry: Entry) -> EntryView:
    """Gather all that an entry's page shows."""
    return _Builder(labels, entry).view()


class _Builder:
    def __init__(self, labels: Labels, entry: Entry) -> None:
        self.labels, self.entry = labels, entry
        self.store, self.lang = labels.runtime.store, language()
        self.layout = layout_of(entry.path)
        self.names = labels.entries(entry.linked())

    def view(self) -> EntryView:
        entry = self.entry
        title = self.decided() or self.field(DCT + "title") or Field("", (Piece(entry.slug),))
        also = self.field(DCT + "alternative")
        named = (*title.others, *title.pieces[1:], *(also.pieces + also.others if also else ()))
        return EntryView(
            iri=entry.iri,
            path=entry.path,
            kind=self.kind(),
            title=title.pieces[0],
            other_titles=named,
            country=", ".join(
                self.labels.place(code)
                for code in countries(self.store, entry.iri)
                if entry.path != "territory"
            ),
            summary=self.field(DCT + "description"),
            prose=self.fields(self.layout.prose),
            sections=(*self.groups(), *self.rest(), *self.inverse()),
            facts=self.fields(self.layout.facts),
            sources=self.sources(),
            licensed=bool(entry.values(DCT + "license")),
            checked=entry.text(PSR + "checkedOn") or "",
            version=self.store.provenance(entry.iri),
        )

    def decided(self) -> Field | None:
        """What a match is called in the reader's language; None for other entries."""
        of, decision = (self.entry.links(PSR + name) for name in ("candidate", "decision"))
        if self.entry.path != "match" or not of or not decision or of[0] not in self.names:
            return None
        name = labelled(self.names[of[0]].text, label(decision[0]))
        return Field("", (Piece(name),))

    def kind(self) -> str:
        top = CLASSES[self.entry.path]
        finer = [t for t in self.entry.types if t.startswith(PSR) and t != top]
        return ", ".join(map(label, finer or [top]))

    def groups(self) -> Iterable[Section]:
        for group in self.layout.groups:
            nested = [node for prop in group.props for node in self.nested(prop)]
            section = Section(
                gettext(group.title),
                self.fields(p for p in group.props if not self.nested(p)),
                tuple(self.record(node) for node in nested),
            )
            if section.fields or section.records:
                yield section

    def rest(self) -> Iterable[Section]:
        """Yield what no group names, so that nothing the graph knows is left out."""
        named = {*self.layout.prose, *self.layout.facts, *ELSEWHERE}
        named.update(prop for group in self.layout.groups for prop in group.props)
        fields = self.fields(sorted(self.props(self.entry.iri) - named))
        if fields:
            yield Section(gettext("More facts"), fields)

    def sources(self) -> tuple[Field, ...]:
        return self.fields(
            (DCT + "source", DCT + "license", SCHEMA + "creditText", DCT + "identifier")
        )

    def props(self, node: str) -> set[str]:
        return {t.predicate.value for t in self.entry.triples if str(t.subject) == f"<{node}>"}

    def nested(self, prop: str) -> list[str]:
        own = self.entry.iri + "#"
        return [iri for iri in self.entry.links(prop) if iri.startswith(own)]

    def record(self, node: str) -> NestedNode:
        """Show a nested node, headed by its text or by what it links to first."""
        props = self.props(node)
        heading = next((p for p in _HEADS if p in props), None)
        shown = self.field(heading, node) if heading else None
        head = shown.pieces[0] if shown else Piece(node.partition("#")[2])
        skip = {heading, *ELSEWHERE} - {DCT + "source"}
        fields = []
        for prop in sorted(props - skip, key=lambda p: (p == DCT + "source", p)):
            if prop == PSR + "unit" and PSR + "value" in props:
                continue
            if field := self.field(prop, node):
                fields.append(replace(field, label="") if prop == PSR + "value" else field)
        return NestedNode(head, tuple(fields))

    def fields(self, props: Iterable[str]) -> tuple[Field, ...]:
        return tuple(field for prop in props if (field := self.field(prop)))

    def field(self, prop: str, node: str | None = None) -> Field | None:
        """Show a property's values: texts in the page's language first, others apart."""
        values = self.entry.values(prop, node)
        if not values:
            return None
        plain: list[Piece] = []
        texts: dict[str, list[Piece]] = {}
        for value in values:
            if isinstance(value, ox.Literal) and value.language:
                lang = value.language.lower()
                piece = Piece(value.value, lang=tag(lang), note=language_name(lang))
                texts.setdefault(lang, []).append(piece)
            else:
                plain.append(self.piece(prop, value, node))
        order = sorted(texts, key=lambda code: preference(code, self.lang))
        shown, *others = [texts[code] for code in order] or [[]]
        return Field(label(prop), (*shown, *by_text(plain)), tuple(chain.from_iterable(others)))

    def piece(self, prop: str, value: ox.NamedNode | ox.Literal, node: str | None) -> Piece:
        if isinstance(value, ox.NamedNode):
            return self.link(prop, value.value)
        if value.datatype.value in _NUMBERS:
            return self.figure(prop, value, node)
        if prop == DCT + "language":
            return Piece(language_name(value.value))
        if value.datatype.value == XSD + "boolean":
            return Piece(gettext("yes") if value.value in {"true", "1"} else gettext("no"))
        return Piece(day(value.value) if value.datatype.value == XSD + "date" else value.value)

    def figure(self, prop: str, value: ox.Literal, node: str | None) -> Piece:
        text = written(prop, float(value.value))
        if prop == PSR + "value":
            text = f"{text} {self.entry.text(PSR + 'unit', self.lang, node) or ''}".strip()
        derived = prop in self.entry.links(PSR + "estimatedFigure")
        note = gettext("estimated") if derived else ""
        return Piece(text, note=note)

    def link(self, prop: str, iri: str) -> Piece:
        if iri.startswith(VOC):
            return self.labels.concept(iri)
        if iri in self.names:
            return self.names[iri]
        if prop == DCT + "license":
            return Piece(licence_name(iri), web_link(iri).href, external=True)
        return web_link(iri)

    def inverse(self) -> Iterable[Section]:
        """Yield the links of other entries to this one, by class and property."""
        groups: dict[tuple[str, str], list[Link]] = defaultdict(list)
        for link in links_to(self.store, self.entry.iri):
            if link.entry not in self.entry.links(_MEMBERSHIP.get(link.prop, "")):
                groups[link.entry.rsplit("/", 2)[-2], link.prop].append(link)
        order = list(INVERSE)
        known = sorted((k for k in groups if k in INVERSE), key=order.index)
        for key in [*known, *sorted(k for k in groups if k not in INVERSE)]:
            yield self.links(key, groups[key])

    def links(self, key: tuple[str, str], links: list[Link]) -> Section:
        notes: dict[str, list[str]] = defaultdict(list)
        for link in links:
            notes[link.entry] += [label(link.note)] if link.note else []
        shown = list(notes)[:MAX_LINKS]
        names = self.labels.entries(shown)
        pieces = (
            replace(names.get(iri) or self.labels.entry(iri), note=", ".join(notes[iri]))
            for iri in shown
        )
        path, prop = key
        fallback = labelled(label(CLASSES.get(path, path)), label(prop))
        title = gettext(INVERSE[key]) if key in INVERSE else fallback
        return Section(title, links=by_text(pieces), more=len(notes) - len(shown))
