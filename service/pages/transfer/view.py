"""The transfer workspace: from a question to what its page and its brief show."""

from __future__ import annotations

from dataclasses import dataclass

from kg.catalogue.places import NamedPlace
from kg.text.i18n import gettext
from kg.text.number_formats import number
from matcher.model.answer import TransferAnswer, TransferMatch
from matcher.questions.transfer import FAR
from service.http.errors import check_ready
from service.pages.parts.components import Piece
from service.pages.parts.forms import Draft, Form
from service.pages.parts.match_cards import Card, cards
from service.pages.transfer.form import fill

#: how many practices are listed, put on a shortlist and compared
LISTED, MOST_PICKED, MOST_COMPARED = 12, 12, 4
#: the single change that the matcher names -> the field that supposes it
_CHANGES = {
    "actor_types": "if_actor_type",
    "competences": "if_competence",
    "budget_per_head": "if_budget",
}


@dataclass(frozen=True)
class JudgedPractice:
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

    place: NamedPlace
    candidates: tuple[JudgedPractice, ...]
    shortlist: tuple[JudgedPractice, ...]
    compared: tuple[JudgedPractice, ...]
    notes: tuple[str, ...]
    answer: TransferAnswer


def ask(draft: Draft) -> View:
    """Put the question to the matcher. Raises Refused, or Overloaded while it is starting."""
    check_ready()
    labels, form, raw = draft.labels, draft.form, draft.raw
    place = fill(draft, labels.runtime.matcher.weights)
    own = raw.get("entry", "")
    picks = [f"{labels.runtime.store.base}id/practice/{slug}" for slug in form.many("pick")]
    raw["limit"] = LISTED
    answer = draft.ask(tuple(iri for iri in (own, *picks) if iri))
    assert isinstance(answer, TransferAnswer)
    assert place
    matches = sorted(answer.matches, key=lambda match: match.entry != own)
    candidates = {
        card.iri: _candidate(card, match, form)
        for card, match in zip(cards(labels, matches), matches, strict=True)
    }
    shortlist = [candidates[iri] for iri in picks if iri in candidates][:MOST_PICKED]
    marked = [c for c in shortlist if c.slug in form.many("compare")]
    compared = marked if len(shortlist) > MOST_COMPARED and len(marked) > 1 else shortlist
    away = [iri.rsplit("/", 1)[-1] for iri in picks if iri not in candidates]
    text = gettext("“%(name)s” is not among the %(count)s nearest and is left out.")
    notes = [*answer.query.notes, *(text % {"name": slug[:60], "count": FAR} for slug in away)]
    if len(form.many("pick")) > MOST_PICKED:
        text = gettext("A shortlist has room for %(count)s practices; the others are left out.")
        notes.append(text % {"count": MOST_PICKED})
    if len(form.many("compare")) > MOST_COMPARED:
        text = gettext("%(count)s practices can stand side by side; the first ones are shown.")
        notes.append(text % {"count": MOST_COMPARED})
    return View(
        place=place,
        candidates=tuple(candidates.values()),
        shortlist=tuple(shortlist),
        compared=tuple(compared[:MOST_COMPARED] if len(compared) > 1 else ()),
        notes=tuple(notes),
        answer=answer,
    )


def _candidate(card: Card, match: TransferMatch, form: Form) -> JudgedPractice:
    after = match.what_if
    seen = after and number(after.fit_before, 2) != number(after.fit_after, 2)
    changes = []
    for change in match.counterfactuals:
        kind, _, value = change.change.partition(":")
        field, slug = _CHANGES.get(kind, ""), value.rsplit("/", 1)[-1]
        kept = () if field == "if_budget" else form.many(field)
        new = field and slug not in form.many(field)
        query = form.query(**{field: (*kept, slug)}) if new else ""
        changes.append(Piece(change.text, query))
    slug = card.iri.rsplit("/", 1)[-1]
    return JudgedPractice(slug, card, match, after.text if after and seen else "", tuple(changes))
