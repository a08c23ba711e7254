"""The brief of a transfer: what a policy lab takes to its meeting, as HTML and as PDF."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from importlib.resources import files
from tempfile import TemporaryDirectory

import typst

from kg.entry import Entry
from kg.text.i18n import gettext, language
from kg.text.number_formats import day, number, percent
from kg.vocabulary import PSR
from matcher.graph.view import surviving
from service.pages.entry.contacts import reach
from service.pages.entry.view import EntryView, entry_view
from service.pages.parts.components import Field, Piece
from service.pages.parts.forms import Draft
from service.pages.parts.labels import Labels, labelled
from service.pages.parts.match_cards import CRITERIA
from service.pages.transfer.form import stated
from service.pages.transfer.view import JudgedPractice, View, ask

#: practices without a shortlist, organisations named, characters of the question printed
BEST, MOST, SHOWN = 3, 6, 1_000


@dataclass(frozen=True)
class Sheet:
    """One practice of the brief; ``blocks`` are headings with what stands below them.

    ``criteria`` are rows of name, value and what it rests on.
    """

    title: Piece
    meta: str
    fit: str
    then: str
    criteria: tuple[tuple[str, str, str], ...]
    blocks: tuple[Field, ...]


@dataclass(frozen=True)
class Brief:
    """Everything that the document says; ``words`` are its fixed texts, for the typesetter."""

    lang: str
    title: str
    head: tuple[tuple[str, str], ...]
    sheets: tuple[Sheet, ...]
    notes: tuple[str, ...]
    words: Mapping[str, str]


def brief_of(draft: Draft) -> Brief:
    """Write the brief of the shortlist, or of the best three; Refused as ``ask``."""
    view = ask(draft)
    chosen = view.shortlist or view.candidates[:BEST]
    usual, about = draft.labels.runtime.matcher.weights, draft.about
    question = draft.labels.entry(about).text if about else draft.form.one("q")
    head = [
        (gettext("Question"), question if len(question) <= SHOWN else question[:SHOWN] + "…"),
        (gettext("Place"), view.place.label),
        *stated(draft.form).values(),
    ]
    used = view.candidates[0].match.criteria if view.candidates else {}
    if any(abs(row.weight - usual[name]) > 0.001 for name, row in used.items()):
        points = (
            f"{gettext(CRITERIA[n])} {number(100 * row.weight, 0)}" for n, row in used.items()
        )
        head.append((gettext("Weights, of 100"), ", ".join(points)))
    stamp = gettext(
        "Data version %(data)s · model %(model)s · text version %(text)s · weights %(weights)s",
        **asdict(view.answer.stamp),
    )
    return Brief(
        lang=language(),
        title=gettext("What could work in %(place)s", place=view.place.label),
        head=(*head, (gettext("Rests on"), stamp)),
        sheets=tuple(surviving(chosen, lambda one: _sheet(draft.labels, view, one))),
        notes=view.notes,
        words={
            "criterion": gettext("Criterion"),
            "value": gettext("Value"),
            "rests": gettext("What it rests on"),
            "criteria": gettext("All criteria"),
            "meaning": gettext(
                "Fit is the weighted mean of what is known, from 0 to 1. What is not known counts"
                " neither for nor against. It is what can be expected beforehand, not the chance"
                " of success: read the sources, and call the people."
            ),
        },
    )


def _sheet(labels: Labels, view: View, candidate: JudgedPractice) -> Sheet:
    card = candidate.card
    entry = labels.runtime.store.get(card.iri)
    shown = entry_view(labels, entry)
    texts = [field for field in (shown.summary, *shown.prose) if field]
    unknown = [Piece(n, note=row.text) for n, row in card.criteria.items() if row.value is None]
    gates = [Piece(name, note=text) for _status, name, text in card.gates]
    changes = [Piece(change.text) for change in candidate.changes]
    criteria = []
    for name, row in card.criteria.items():
        share = gettext("not known") if row.value is None else percent(row.value)
        if row.value is not None and row.known < 1:
            share = gettext("%(share)s, partly known", share=share)
        criteria.append((name, share, row.text))
    payers = [
        Piece(piece.text, piece.href, note=" ".join(r.text for r in one.rules if r.status == "met"))
        for one in candidate.match.instruments
        for piece in labels.entries([one.entry]).values()
    ]
    if not candidate.match.instruments:
        payers = [Piece(gettext("No instrument is known that covers it here: that is a gap."))]
    blocks = (
        *(Field(f.label, tuple(Piece(p.text, lang=p.lang) for p in f.pieces)) for f in texts),
        Field(gettext("Mind"), tuple(map(Piece, card.warnings))),
        Field(gettext("Conditions"), tuple(gates)),
        Field(gettext("What would have to be adapted"), tuple(map(Piece, card.adaptations))),
        Field(gettext("What would raise the fit"), tuple(changes)),
        Field(gettext("What is not known"), tuple(unknown)),
        Field(gettext("Who could help"), tuple(_helpers(labels, view, entry, candidate))),
        Field(gettext("What could pay"), tuple(payers)),
        Field(gettext("Where this comes from"), tuple(_sources(shown))),
    )
    return Sheet(
        title=card.title,
        meta=" · ".join(part for part in (card.country, card.level_text) if part),
        fit=card.fit,
        then=gettext("If what is supposed comes true: %(change)s", change=candidate.then)
        if candidate.then
        else "",
        criteria=tuple(criteria),
        blocks=tuple(block for block in blocks if block.pieces),
    )


def _helpers(
    labels: Labels, view: View, entry: Entry, candidate: JudgedPractice
) -> Iterable[Piece]:
    """Yield who did it, then who of the kinds it needs is in the place, then in the country."""
    known = reach(labels, entry)
    for contact in known.contacts if known else ():
        name = f"{contact.actor.text} ({contact.role})" if contact.role else contact.actor.text
        pages = " ".join(page.href for page in contact.pages)
        yield Piece(gettext("Has done it: %(name)s", name=name), contact.actor.href, note=pages)
    needed, world = entry.links(PSR + "requiresActorType"), labels.runtime.matcher.world
    there = [p.actor for p in world.actors_in(world.place(view.place.entry)) if p.kind in needed]
    others = [who.entry for change in candidate.match.adaptations for who in change.who]
    for text, iris in (
        (gettext("Is in your place: %(name)s"), there),
        (gettext("Is in your country: %(name)s"), others),
    ):
        for _, piece in sorted(labels.entries(list(dict.fromkeys(iris))[:MOST]).items()):
            yield Piece(text % {"name": piece.text}, piece.href)


def _sources(shown: EntryView) -> Iterable[Piece]:
    """Yield sources with whole addresses, licence, credit and the day of the last check."""
    for field in shown.sources:
        for piece in field.pieces:
            text = piece.href if piece.text.endswith("…") else piece.text
            line = labelled(field.label, text)
            yield Piece(line, piece.href, piece.lang, external=piece.external)
    if not shown.licensed:
        yield Piece(gettext("Licence: not stated"))
    checked = day(shown.checked) if shown.checked else gettext("not stated")
    yield Piece(gettext("Last checked: %(date)s", date=checked))


def as_pdf(brief: Brief) -> bytes:
    """Set the brief as a tagged PDF; the same brief gives the same bytes.

    All texts go to the typesetter as data, so none of them is read as its markup, and it is
    given no file to read. A letter that none of its fonts has (an emoji) is not allowed in an
    accessible PDF (PDF/UA-1); then the document is tagged, but says nothing of that standard.
    """
    source = (files("service") / "templates" / "brief.typ").read_bytes()
    with TemporaryDirectory() as empty:
        typeset = partial(
            typst.compile,
            source,
            root=empty,
            ignore_system_fonts=True,
            format="pdf",
            sys_inputs={"data": json.dumps(asdict(brief))},
            timestamp=0,
        )
        try:
            made = typeset(pdf_standards=["ua-1"])
        except typst.TypstError:
            made = typeset()
    assert isinstance(made, bytes)
    return made
