"""The transfer workspace: from a question to what its page and its brief show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kg.errors import Refused
from kg.text.i18n import gettext
from kg.text.number_formats import number
from matcher.matcher import Matcher
from matcher.model.answer import SingleChange, TransferAnswer, TransferMatch
from matcher.questions.transfer import FAR
from service.api import requests
from service.core.places import PlaceBook, Territory
from service.pages.parts.components import Piece
from service.pages.parts.match_cards import Card, cards
from service.pages.transfer.form import TransferForm, at_field, make_request

#: how many practices are listed, put on a shortlist and compared
LISTED, MOST_PICKED, MOST_COMPARED = 12, 12, 4
#: the single change that the matcher names -> the field that supposes it
_CHANGES = {
    "actor_types": "if_actor_type",
    "competences": "if_competence",
    "budget_per_head": "if_budget",
}


@dataclass(frozen=True)
class Candidate:
    """A practice: its card, the matcher's own ``match``, what a supposition does to its fit.

    ``changes`` are single changes that would help, each with the query that supposes it.
    """

    slug: str
    card: Card
    match: TransferMatch
    then: str
    changes: tuple[Piece, ...]


@dataclass(frozen=True)
class View:
    """The matcher's ``answer``, ready to show; a practice that was asked about comes first."""

    place: Territory
    candidates: tuple[Candidate, ...]
    shortlist: tuple[Candidate, ...]
    compared: tuple[Candidate, ...]
    notes: tuple[str, ...]
    answer: TransferAnswer


def ask(
    matcher: Matcher,
    places: PlaceBook,
    practice: Callable[[str], str],
    form: TransferForm,
    root: str,
) -> View:
    """Put the question to the matcher. Raises Refused with every field that is wrong."""
    base = matcher.store.base
    raw = make_request(form, base, places, practice, matcher.weights)
    own, picks = raw.get("entry", ""), [f"{base}id/practice/{s}" for s in form.many("pick")]
    named = tuple(filter(None, (own, *picks)))
    try:
        answer = requests.answer("transfer", raw | {"limit": LISTED}, matcher, named)
    except Refused as error:
        raise Refused(str(error), [at_field(p) for p in error.problems]) from error
    assert isinstance(answer, TransferAnswer)
    matches = sorted(answer.matches, key=lambda match: match.entry != own)
    known = {
        card.iri: _candidate(card, match, form)
        for card, match in zip(cards(matcher.store, matches, root), matches, strict=True)
    }
    shortlist = [known[iri] for iri in picks if iri in known][:MOST_PICKED]
    return View(
        place=places.find(raw["territory"]),
        candidates=tuple(known.values()),
        shortlist=tuple(shortlist),
        compared=tuple(_compared(shortlist, form)),
        notes=(*answer.query.notes, *_left_out(picks, known, form)),
        answer=answer,
    )


def _candidate(card: Card, match: TransferMatch, form: TransferForm) -> Candidate:
    after = match.what_if
    seen = after and number(after.fit_before, 2) != number(after.fit_after, 2)
    changes = tuple(_change(change, form) for change in match.counterfactuals)
    slug = card.iri.rsplit("/", 1)[-1]
    return Candidate(slug, card, match, after.text if after and seen else "", changes)


def _change(change: SingleChange, form: TransferForm) -> Piece:
    """A single change that would help, with the query that supposes it if it is new."""
    kind, _, value = change.change.partition(":")
    field, slug = _CHANGES.get(kind, ""), value.rsplit("/", 1)[-1]
    if not field or slug in form.many(field):
        return Piece(change.text)
    kept = () if field == "if_budget" else form.many(field)
    return Piece(change.text, form.query(**{field: (*kept, slug)}))


def _compared(shortlist: Sequence[Candidate], form: TransferForm) -> Sequence[Candidate]:
    """The practices to stand side by side: those marked, else the first four."""
    marked = [c for c in shortlist if c.slug in form.many("compare")]
    chosen = marked if len(shortlist) > MOST_COMPARED and len(marked) > 1 else shortlist
    return chosen[:MOST_COMPARED] if len(chosen) > 1 else ()


def _left_out(
    picks: Sequence[str], known: Mapping[str, Candidate], form: TransferForm
) -> Iterable[str]:
    """Yield what was wanted of the shortlist and is not shown."""
    for iri in picks:
        if iri not in known:
            name = iri.rsplit("/", 1)[-1][:60]
            text = gettext("“%(name)s” is not among the %(count)s nearest and is left out.")
            yield text % {"name": name, "count": FAR}
    if len(picks) > MOST_PICKED:
        text = gettext("A shortlist has room for %(count)s practices; the others are left out.")
        yield text % {"count": MOST_PICKED}
    if len(form.many("compare")) > MOST_COMPARED:
        text = gettext("%(count)s practices can stand side by side; the first ones are shown.")
        yield text % {"count": MOST_COMPARED}
