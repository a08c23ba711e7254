"""The transfer workspace: from a question to everything that its page and its brief show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kg.errors import Refused
from kg.i18n import gettext, language_name
from matcher.matcher import Matcher
from service import schemas
from service.pieces import Piece
from service.places import Place, PlaceBook
from service.searchview import Card, cards
from service.transferform import FIELDS, Wanted, at_field, make_request

#: how many practices are listed, put on a shortlist and compared; how far others are looked for
LISTED, MOST_PICKED, MOST_COMPARED, FAR = 12, 12, 4, 100
#: the single change that the matcher names -> the field that supposes it
_CHANGES = {
    "actor_types": "if_actor_type",
    "competences": "if_competence",
    "budget_per_head": "if_budget",
}


@dataclass(frozen=True)
class Candidate:
    """A practice with its judgement; ``then`` says what the supposition does to its fit.

    ``changes`` are single changes that would help, each with the query that supposes it.
    """

    slug: str
    card: Card
    fit: float
    coverage: int
    then: str
    changes: tuple[Piece, ...]
    match: Mapping[str, Any]


@dataclass(frozen=True)
class WhyNot:
    """Where a practice that was missed stands, and what keeps it there."""

    title: Piece
    text: str
    because: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """An answer, ready to show; a practice that was asked about comes first."""

    place: Place
    candidates: tuple[Candidate, ...]
    shortlist: tuple[Candidate, ...]
    compared: tuple[Candidate, ...]
    missing: tuple[Piece, ...]
    why_not: WhyNot | None
    notes: tuple[str, ...]
    read_as: str
    abstained: bool
    stamp: Mapping[str, Any]


def usual_weights(matcher: Matcher) -> dict[str, float]:
    """Return what each criterion counts here, in points of 100."""
    return {name: round(100 * value, 1) for name, value in matcher.weights.items()}


def ask(
    matcher: Matcher, places: PlaceBook, practices: Mapping[str, str], wanted: Wanted, root: str
) -> View:
    """Put the question to the matcher. Raises Refused with every field that is wrong."""
    base = matcher.store.base
    raw = make_request(wanted, base, places, practices, usual_weights(matcher))
    own, picks = raw.get("entry", ""), [f"{base}id/practice/{s}" for s in wanted.many("pick")]
    named = [iri for iri in dict.fromkeys([own, *picks]) if iri]
    try:
        answer = schemas.ask("transfer", raw | {"limit": LISTED}, matcher)
        found = {m["entry"]: m for m in answer["matches"]}
        if not found.keys() >= set(named):
            more = schemas.ask("transfer", raw | {"limit": FAR, "why_not": None}, matcher)
            found |= {m["entry"]: m for m in more["matches"] if m["entry"] in named}
    except Refused as error:
        raise Refused(str(error), [at_field(p) for p in error.problems]) from error
    listed = dict.fromkeys([*([own] if own in found else []), *found])
    known = _candidates(matcher, [found[iri] for iri in listed], wanted, root)
    by_iri = {candidate.card.iri: candidate for candidate in known}
    shortlist = [by_iri[iri] for iri in picks if iri in by_iri][:MOST_PICKED]
    return View(
        place=places.find(raw["territory"]),
        candidates=tuple(known),
        shortlist=tuple(shortlist),
        compared=tuple(_compared(shortlist, wanted)),
        missing=tuple(_missing(answer["missing"], base, root)),
        why_not=_why_not(answer.get("why_not"), base, root),
        notes=(*answer["query"]["notes"], *_left_out(picks, by_iri, wanted)),
        read_as=language_name(answer["query"]["lang"]) if wanted.one("q") else "",
        abstained=bool(answer["abstained"]),
        stamp=answer["stamp"],
    )


def _candidates(
    matcher: Matcher, matches: Sequence[Mapping[str, Any]], wanted: Wanted, root: str
) -> list[Candidate]:
    return [
        Candidate(
            slug=card.iri.rsplit("/", 1)[-1],
            card=card,
            fit=match["fit"],
            coverage=round(100 * match["coverage"]),
            then=_then(match.get("what_if")),
            changes=tuple(_change(row, wanted) for row in match["counterfactuals"]),
            match=match,
        )
        for card, match in zip(cards(matcher.store, matches, root), matches, strict=True)
    ]


def _then(told: Mapping[str, Any] | None) -> str:
    """Return what the supposition does to the fit; nothing where no reader would see it."""
    seen = told is not None and f"{told['fit_before']:.2f}" != f"{told['fit_after']:.2f}"
    return str(told["text"]) if told is not None and seen else ""


def _change(row: Mapping[str, str], wanted: Wanted) -> Piece:
    """Return a single change that would help, with the query that supposes it if it is new."""
    kind, _, value = row["change"].partition(":")
    field, slug = _CHANGES.get(kind, ""), value.rsplit("/", 1)[-1]
    if not field or slug in wanted.many(field):
        return Piece(row["text"])
    kept = () if field == "if_budget" else wanted.many(field)
    return Piece(row["text"], wanted.query(**{field: (*kept, slug)}))


def _compared(shortlist: Sequence[Candidate], wanted: Wanted) -> list[Candidate]:
    """Return the practices to stand side by side: those marked, else the first four."""
    marked = [c for c in shortlist if c.slug in wanted.many("compare")]
    chosen = marked if len(shortlist) > MOST_COMPARED and len(marked) > 1 else shortlist
    return list(chosen)[:MOST_COMPARED] if len(chosen) > 1 else []


def _left_out(
    picks: Sequence[str], known: Mapping[str, Candidate], wanted: Wanted
) -> Iterable[str]:
    """Yield what was wanted of the shortlist and is not shown."""
    for iri in picks:
        if iri not in known:
            said = gettext(
                "“%(name)s” cannot be shortlisted: it is not among the %(count)s nearest."
            )
            yield said % {"name": iri.rsplit("/", 1)[-1][:60], "count": FAR}
    if len(picks) > MOST_PICKED:
        said = gettext("A shortlist has room for %(count)s practices; the others are left out.")
        yield said % {"count": MOST_PICKED}
    if len(wanted.many("compare")) > MOST_COMPARED:
        said = gettext("%(count)s practices can stand side by side; the first ones are shown.")
        yield said % {"count": MOST_COMPARED}


def _missing(rows: Sequence[Mapping[str, Any]], base: str, root: str) -> Iterable[Piece]:
    """Yield what is not known and matters most, with where it can be said."""
    fields = {path: field for field, path in FIELDS.items()}
    for row in rows:
        entry = row["entry"]
        href = f"{root}/{entry.removeprefix(base)}" if entry else f"#{fields[row['field']]}"
        yield Piece(row["text"], href)


def _why_not(told: Mapping[str, Any] | None, base: str, root: str) -> WhyNot | None:
    if told is None:
        return None
    text = gettext(
        "It stands at place %(rank)s of %(of)s for this question, with a fit of %(fit)s."
    )
    return WhyNot(
        Piece(told["title"], f"{root}/{told['entry'].removeprefix(base)}"),
        text % {"rank": told["rank"], "of": told["of"], "fit": f"{told['fit']:.2f}"},
        tuple(dict.fromkeys(cause["text"] for cause in told["because"])),
    )
