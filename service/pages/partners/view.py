"""What the pages of partners show: from what was typed to organisations and what ties them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kg.errors import Problem
from kg.text.i18n import gettext, language, mark
from kg.text.number_formats import read_whole
from kg.vocabulary import VOC, vocabulary
from matcher.model.answer import Answer, ConsortiumAnswer, PartnerMatch, PartnersAnswer
from matcher.model.filters import PARTNER_KINDS
from service.pages.partners.form import Asking, PartnerPage, Row, answer
from service.pages.parts.components import Piece
from service.pages.parts.match_cards import cards

#: partners of one kind that are shown where several kinds are, and where only one is
PER_KIND, ONLY_KIND = 5, 15
#: what is shown at most of what ties somebody to who asks
MAX_THROUGH = 4
#: which end of the triples that a reason cites is what ties both sides: 0 subject, 2 object
_THROUGH = {"challenge": 2, "network": 2, "ties": 0, "practice": 0, "role": 0}
#: what a consortium can be for -> the key of the request that names it
ABOUT = {"call": "call", "practice": "entry", "challenge": "challenge"}
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


def partners(asking: Asking) -> PartnerPage:
    """Possible partners of an organisation, or of who describes a need."""
    both = gettext("Name an organisation, or describe what you need: not both.")
    asking.either("actor", {"actor": "actor"}, both)
    asking.territory()
    kinds = asking.words("kind")
    asking.raw |= {"kinds": kinds or None, "limit": 100}
    return answer("partners", asking, lambda matched: _by_kind(asking, matched))


def consortium(asking: Asking) -> PartnerPage:
    """The seats of the best consortium under the rules that were typed."""
    both = gettext("Choose what it is for, or describe it: not both.")
    asking.either("about", ABOUT, both)
    asking.territory()
    asking.raw["rules"] = _rules(asking)
    return answer("consortium", asking, lambda matched: _seats(asking, matched))


def groups(asking: Asking) -> PartnerPage:
    """Groups of a community's members that can teach each other."""
    asking.subject("community", {"community": "community"})
    asking.raw["lang"] = language()
    if size := asking.word("size"):
        asking.raw["size"] = _number(size)
    return answer("groups", asking, lambda _matched: ())


def _rules(asking: Asking) -> dict[str, Any]:
    """The rules that were typed, as a request has them."""
    rules: dict[str, Any] = {n: _number(t) for n in _NUMBERS if (t := asking.word(n))}
    rules["actor_types"] = asking.words("actor_types")
    for name in ("must", "exclude"):
        actors = [asking.entry(name, text, "actor") for text in asking.words(name)]
        rules[name] = [iri for iri in actors if iri]
    for iri in set(rules["must"]) & set(rules["exclude"]):
        name = asking.title(iri).text
        message = gettext("%(name)s must be in and must not be in: choose one.", name=name)
        asking.problems.append(Problem("exclude", message))
    named = asking.words("countries", commas=True)
    countries = [asking.place("countries", text) for text in named]
    rules["countries"] = [code for code in countries if code]
    return {name: value for name, value in rules.items() if value or name in _NUMBERS}


def _number(text: str) -> int | str:
    """A whole number, or what was typed instead, which the request then refuses."""
    number = read_whole(text, 8)
    return text if number is None else number


def _by_kind(asking: Asking, answer: Answer) -> Iterable[Row]:
    """The best partners of each kind, kind by kind."""
    assert isinstance(answer, PartnersAnswer)
    most = PER_KIND if len(asking.raw["kinds"] or PARTNER_KINDS) > 1 else ONLY_KIND
    kinds = ([m for m in answer.matches if m.kind == kind][:most] for kind in PARTNER_KINDS)
    matches = [match for kind in kinds for match in kind]
    for match, card in zip(matches, cards(asking.runtime.store, matches, asking.root), strict=True):
        yield Row(card, match.kind, _through(asking, match))


def _through(asking: Asking, match: PartnerMatch) -> tuple[Piece, ...]:
    """The challenges, practices, networks and others that a partner's reasons rest on."""
    own = {match.entry, asking.about}
    cited = (
        triple[_THROUGH[reason.criterion]].strip("<>").partition("#")[0]
        for reason in match.reasons
        if reason.criterion in _THROUGH
        for triple in reason.evidence
    )
    known = dict.fromkeys(i for i in cited if i in asking.shelf.position and i not in own)
    return tuple(asking.title(iri) for iri in list(known)[:MAX_THROUGH])


def _seats(asking: Asking, answer: Answer) -> Iterable[Row]:
    assert isinstance(answer, ConsortiumAnswer)
    made = cards(asking.runtime.store, answer.matches, asking.root)
    for seat, card in zip(answer.matches, made, strict=True):
        instead = tuple(asking.title(other.entry) for other in seat.alternatives)
        yield Row(card, through=tuple(map(Piece, seat.covers)), instead=instead)


def rules_kept(asking: Asking, answer: Answer | None) -> list[tuple[str, str]]:
    """The rules of an answer with their names: those typed, and the call's own."""
    kept = answer.rules if isinstance(answer, ConsortiumAnswer) else {}
    return [
        (gettext(name), ", ".join(_said(asking, one) for one in _listed(kept[key])))
        for key, name in RULES.items()
        if kept.get(key)
    ]


def _listed(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _said(asking: Asking, value: object) -> str:
    text, base = str(value), asking.runtime.store.base
    if text in asking.shelf.position:
        return asking.title(text).text
    if text.startswith(VOC):
        return vocabulary().label(text, language())
    return asking.labels.place(text.removeprefix(f"{base}id/territory/"))
