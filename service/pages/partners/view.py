"""What the pages of partners show: from what was typed to organisations and what ties them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from kg.catalogue.places import NamedPlace
from kg.errors import KgError, Problem
from kg.text.i18n import gettext, language, mark
from kg.text.number_formats import read_whole
from kg.vocabulary import VOC
from matcher.kinds import KINDS
from matcher.model.answer import Answer, ConsortiumAnswer, PartnersAnswer
from matcher.model.filters import PARTNER_KINDS
from service.http.errors import check_ready, shown
from service.pages.parts.components import Piece
from service.pages.parts.forms import Draft
from service.pages.parts.labels import Labels, label
from service.pages.parts.match_cards import Card, cards

#: partners of one kind that are shown where several kinds are, and where only one is
PER_KIND, ONLY_KIND = 5, 15
#: what is shown at most of what ties somebody to who asks
MAX_THROUGH = 4
#: which end of the triples that a reason cites is what ties both sides: 0 subject, 2 object
_THROUGH = {"challenge": 2, "network": 2, "ties": 0, "practice": 0, "role": 0}
_NUMBERS = ("seats", "minimum_countries", "maximum_per_country")
RULES = {
    "seats": mark("Seats"),
    "minimum_countries": mark("Countries at least"),
    "maximum_per_country": mark("Organisations of one country at most"),
    "actor_types": mark("One of each of these kinds"),
    "must": mark("Must be in"),
    "exclude": mark("Must not be in"),
    "countries": mark("Only from these countries"),
    "eligible_types": mark("Open to these kinds"),
    "eligible_territories": mark("Open to these places"),
}
#: a part of the request -> the field of it, where that is called otherwise
FIELDS = {
    "text": "q",
    "territory": "place",
    "call": "about",
    "entry": "about",
    "challenge": "about",
    "kinds": "kind",
} | {f"rules.{name}": name for name in RULES}


@dataclass(frozen=True)
class PartnerRow:
    """Somebody who was found, what ties them to who asks, and who could stand in for them."""

    card: Card
    kind: str = ""
    through: tuple[Piece, ...] = ()
    instead: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class PartnerPage:
    """What a page shows: what was typed, what is wrong with it, and the matcher's answer.

    ``rows`` are the partners or the seats.
    """

    draft: Draft
    place: NamedPlace | None = None
    problems: tuple[Problem, ...] = ()
    status: int = 200
    rows: tuple[PartnerRow, ...] = ()
    answer: Answer | None = None

    @property
    def about(self) -> Piece | None:
        """The entry that the question is about."""
        return self.draft.labels.entry(self.draft.about) if self.draft.about else None

    @property
    def told(self) -> dict[str, str]:
        """What goes with a reader's decision on one of the rows."""
        place = self.place.code if self.place else ""
        return {"kind": self.draft.kind, "about": self.draft.about, "territory": place}

    @property
    def kinds(self) -> dict[str, str]:
        """The kinds that have a partner, with their names."""
        return {row.kind: row.card.kind for row in self.rows}

    def wrong(self, name: str) -> list[Problem]:
        """The problems to show at a field."""
        return [problem for problem in self.problems if problem.path == name]


def partners(draft: Draft) -> PartnerPage:
    """Possible partners of an organisation, or of who describes a need, kind by kind."""
    both = gettext("Name an organisation, or describe what you need: not both.")
    _take(draft, "actor", both)
    place, kinds = draft.territory(), draft.names("kind")
    draft.raw |= {"kinds": kinds or None, "limit": 100}

    def rows(answer: Answer) -> Iterable[PartnerRow]:
        assert isinstance(answer, PartnersAnswer)
        most = PER_KIND if len(kinds or PARTNER_KINDS) > 1 else ONLY_KIND
        each = ([m for m in answer.matches if m.kind == kind][:most] for kind in PARTNER_KINDS)
        matches = [match for some in each for match in some]
        for match, card in zip(matches, cards(draft.labels, matches), strict=True):
            cited = (
                triple[_THROUGH[reason.criterion]].strip("<>").partition("#")[0]
                for reason in match.reasons
                if reason.criterion in _THROUGH
                for triple in reason.evidence
            )
            own = {match.entry, draft.about}
            ties = draft.labels.entries(dict.fromkeys(iri for iri in cited if iri not in own))
            yield PartnerRow(card, match.kind, tuple(ties.values())[:MAX_THROUGH])

    return _page(draft, place, rows)


def consortium(draft: Draft) -> PartnerPage:
    """The seats of the best consortium under the rules that were typed."""
    _take(draft, "about", gettext("Choose what it is for, or describe it: not both."))
    place = draft.territory()
    rules: dict[str, Any] = {n: _number(text) for n in _NUMBERS if (text := draft.form.one(n))}
    rules["actor_types"] = draft.names("actor_types")
    for name in ("must", "exclude"):
        typed = draft.names(name)
        rules[name] = [iri for text in typed if (iri := draft.entry(name, text, "actor"))]
    for iri in set(rules["must"]) & set(rules["exclude"]):
        actor = draft.labels.entry(iri).text
        message = gettext("%(name)s must be in and must not be in: choose one.", name=actor)
        draft.problems.append(Problem("exclude", message))
    typed = draft.names("countries", commas=True)
    places = (draft.place("countries", text) for text in typed)
    rules["countries"] = [place.code for place in places if place]
    draft.raw["rules"] = {n: value for n, value in rules.items() if value or n in _NUMBERS}

    def rows(answer: Answer) -> Iterable[PartnerRow]:
        assert isinstance(answer, ConsortiumAnswer)
        for seat, card in zip(answer.matches, cards(draft.labels, answer.matches), strict=True):
            instead = tuple(draft.labels.entry(other.entry) for other in seat.alternatives)
            yield PartnerRow(card, through=tuple(map(Piece, seat.covers)), instead=instead)

    return _page(draft, place, rows)


def groups(draft: Draft) -> PartnerPage:
    """Groups of a community's members that can teach each other."""
    _take(draft, "community")
    draft.raw["lang"] = language()
    if size := draft.form.one("size"):
        draft.raw["size"] = _number(size)
    return _page(draft, None, lambda answer: ())


def _take(draft: Draft, field: str, both: str = "") -> None:
    """Take an entry, or the question in words; ``both`` is the problem of naming both."""
    name = draft.form.one(field)
    if both and not name:
        draft.text()
        return
    draft.subject(draft.entry(field, name, *KINDS[draft.kind].paths))
    if both and draft.form.one("q"):
        draft.problems.append(Problem("q", both))


def _number(text: str) -> int | str:
    """A whole number, or what was typed instead, which the request then refuses."""
    number = read_whole(text, 8)
    return text if number is None else number


def _page(
    draft: Draft, place: NamedPlace | None, rows: Callable[[Answer], Iterable[PartnerRow]]
) -> PartnerPage:
    """Ask the matcher; where something is wrong the page says all of it at once."""
    try:
        check_ready()
        draft.check_rest()
        answer = draft.ask()
    except KgError as error:
        problems, status = shown(error)
        return PartnerPage(draft, place, tuple(problems), status)
    return PartnerPage(draft, place, rows=tuple(rows(answer)), answer=answer)


def rules_kept(labels: Labels, answer: Answer | None) -> Iterable[tuple[str, str]]:
    """Yield the rules of an answer with their names: those typed, and the call's own."""
    kept = answer.rules if isinstance(answer, ConsortiumAnswer) else {}
    for key, name in RULES.items():
        if value := kept.get(key):
            values = [*map(str, value if isinstance(value, list | tuple) else [value])]
            entries = labels.entries(values)
            texts = (
                entries[v].text
                if v in entries
                else label(v)
                if v.startswith(VOC)
                else labels.place(v)
                for v in values
            )
            yield gettext(name), ", ".join(texts)
