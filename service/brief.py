"""The brief of a transfer: what a policy lab takes to its meeting, as HTML and as PDF."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from importlib.resources import files
from tempfile import TemporaryDirectory

import typst

from kg.catalogue import titles
from kg.entry import Entry
from kg.i18n import gettext, language
from kg.vocabulary import DCT, PSR
from matcher.matcher import Matcher
from service.entryview import entry_view
from service.pieces import Piece, local_href
from service.reach import reach
from service.searchview import CRITERIA, Criterion
from service.transferform import Wanted, stated
from service.transferview import Candidate, View

#: how many practices there are without a shortlist, how many organisations are named
BEST, MOST = 3, 6
#: how many characters of the question are printed
SHOWN = 1_000


@dataclass(frozen=True)
class Block:
    """A heading and what stands below it."""

    title: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Sheet:
    """One practice of the brief."""

    title: Piece
    meta: str
    fit: str
    then: str
    criteria: tuple[Criterion, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Brief:
    """Everything that the document says; ``words`` are its fixed texts, for the typesetter."""

    lang: str
    title: str
    head: tuple[tuple[str, str], ...]
    sheets: tuple[Sheet, ...]
    notes: tuple[str, ...]
    words: Mapping[str, str]


def brief_of(matcher: Matcher, view: View, wanted: Wanted, root: str) -> Brief:
    """Return the brief of the shortlist, or of the best three; ``root`` begins its links."""
    chosen = view.shortlist or view.candidates[:BEST]
    return Brief(
        lang=language(),
        title=gettext("What could work in %(place)s") % {"place": view.place.label},
        head=tuple(_head(matcher, view, wanted)),
        sheets=tuple(_sheet(matcher, view, candidate, root) for candidate in chosen),
        notes=view.notes,
        words={
            "criterion": gettext("Criterion"),
            "value": gettext("Value"),
            "rests": gettext("What it rests on"),
            "unknown": gettext("not known"),
            "partly": gettext("partly known"),
            "criteria": gettext("All criteria"),
            "fit": gettext("Anticipated fit"),
            "meaning": gettext(
                "Fit is the weighted mean of what is known, from 0 to 1. What is not known counts"
                " neither for nor against. It is what can be expected beforehand, not the chance"
                " of success: read the sources, and call the people."
            ),
        },
    )


def _head(matcher: Matcher, view: View, wanted: Wanted) -> Iterable[tuple[str, str]]:
    """Yield what was asked, stated and supposed, and what the answer rests on."""
    question = wanted.one("q")
    if subject := wanted.one("entry") or wanted.one("challenge"):
        path = subject if "/" in subject else f"challenge/{subject}"
        entry = matcher.store.get(f"{matcher.store.base}id/{path}")
        question = entry.text(DCT + "title", language()) or entry.slug
    short = question if len(question) <= SHOWN else question[:SHOWN] + "…"
    yield gettext("Question"), short
    yield gettext("Place"), view.place.label
    for _field, label, text in stated(wanted):
        yield label, text
    if weights := _changed_weights(matcher, view):
        yield gettext("Weights, of 100"), weights
    stamp = gettext("data version %(data)s, model %(model)s, text %(text)s, weights %(weights)s")
    yield gettext("Rests on"), stamp % view.stamp


def _changed_weights(matcher: Matcher, view: View) -> str:
    """Return what the criteria count for in this answer, if that is not the usual."""
    used = view.candidates[0].match["criteria"] if view.candidates else {}
    if all(abs(row["weight"] - matcher.weights[name]) < 0.001 for name, row in used.items()):
        return ""
    return ", ".join(f"{gettext(CRITERIA[n])} {100 * r['weight']:.0f}" for n, r in used.items())


def _sheet(matcher: Matcher, view: View, candidate: Candidate, root: str) -> Sheet:
    card, store = candidate.card, matcher.store
    entry = store.get(card.iri)
    shown = entry_view(store, entry, root)
    told = [f for f in (shown.summary, *shown.prose) if f]
    sources = [
        Piece(f"{field.label}: {piece.text}", piece.href, piece.lang)
        for field in shown.sources for piece in field.pieces
    ]  # fmt: skip
    if not shown.licensed:
        sources.append(Piece(gettext("Licence: not stated")))
    checked = gettext("Last checked: %(date)s")
    sources.append(Piece(checked % {"date": shown.checked or gettext("not stated")}))
    unknown = [Piece(f"{c.name}: {c.text}") for c in card.criteria if c.percent is None]
    blocks = (
        *(Block(field.label, field.pieces) for field in told),
        Block(gettext("Mind"), _plain(card.warnings)),
        Block(gettext("Conditions"), _plain(f"{name}. {text}" for _, name, text in card.gates)),
        Block(gettext("What would have to be adapted"), _plain(card.adaptations)),
        Block(gettext("What would raise the fit"), _plain(c.text for c in candidate.changes)),
        Block(gettext("What is not known"), tuple(unknown)),
        Block(gettext("Who could help"), tuple(_helpers(matcher, view, entry, candidate, root))),
        Block(gettext("What could pay"), tuple(_payers(candidate, store.base, root))),
        Block(gettext("Where this comes from"), tuple(sources)),
    )
    return Sheet(
        title=card.title,
        meta=" · ".join(part for part in (card.country, card.level_text) if part),
        fit=card.fit,
        then=candidate.then,
        criteria=card.criteria,
        blocks=tuple(block for block in blocks if block.pieces),
    )


def _plain(texts: Iterable[str]) -> tuple[Piece, ...]:
    return tuple(Piece(text) for text in texts)


def _helpers(
    matcher: Matcher, view: View, entry: Entry, candidate: Candidate, root: str
) -> Iterable[Piece]:
    """Yield who did it, then who of the kinds it needs is in the place, then in the country."""
    known = reach(matcher.store, entry, root)
    for contact in known.contacts if known else ():
        page = contact.pages[0].href if contact.pages else contact.actor.href
        role = f" ({contact.role})" if contact.role else ""
        yield Piece(
            gettext("Has done it: %(name)s") % {"name": contact.actor.text + role}, page, note=page
        )
    needed, world = entry.links(PSR + "requiresActorType"), matcher.world
    there = [p.actor for p in world.actors_in(world.place(view.place.iri)) if p.kind in needed]
    here, near = gettext("Is in your place: %(name)s"), gettext("Is in your country: %(name)s")
    others = [who["entry"] for row in candidate.match["adaptations"] for who in row["who"]]
    for text, iris in ((here, there), (near, others)):
        names = titles(matcher.store, dict.fromkeys(iris[:MOST]), language())
        for iri, name in sorted(names.items()):
            yield Piece(text % {"name": name.value}, local_href(matcher.store, iri, root))


def _payers(candidate: Candidate, base: str, root: str) -> Iterable[Piece]:
    """Yield the instruments with their reasons, or that none is known."""
    for row in candidate.match["instruments"]:
        said = " ".join(rule["text"] for rule in row["rules"] if rule["status"] == "met")
        yield Piece(f"{row['title']}. {said}", f"{root}/{row['entry'].removeprefix(base)}")
    if not candidate.match["instruments"]:
        yield Piece(gettext("No instrument is known that covers it here: that is a gap."))


def as_pdf(brief: Brief) -> bytes:
    """Return the brief as a tagged PDF; the same brief gives the same bytes.

    All texts go to the typesetter as data, so none of them is read as its markup, and it is
    given no file to read. A letter that none of its fonts has (an emoji) is not allowed in an
    accessible PDF (PDF/UA-1); then the document is tagged, but says nothing of that standard.
    """
    source = (files("service") / "templates" / "brief.typ").read_bytes()
    with TemporaryDirectory() as empty:
        typeset = partial(
            typst.compile, source, root=empty, ignore_system_fonts=True, format="pdf",
            sys_inputs={"data": json.dumps(asdict(brief))}, timestamp=0,
        )  # fmt: skip
        try:
            made = typeset(pdf_standards=["ua-1"])
        except typst.TypstError:
            made = typeset()
    assert isinstance(made, bytes)
    return made
