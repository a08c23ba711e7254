"""What the pages of partners show: from what was typed to organisations and what ties them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kg.errors import Problem
from kg.text.i18n import gettext, language, mark
from kg.vocabulary import VOC, vocabulary
from matcher.model.question import KINDS
from service.pages.partners.form import Answer, Asking, Row, answer
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


def partners(asking: Asking) -> Answer:
    """Return possible partners of an organisation, or of who describes a need."""
    if asking.word("actor"):
        asking.subject("actor", {"actor": "actor"})
        if asking.word("q"):
            said = gettext("Name an organisation, or describe what you need: not both.")
            asking.problems.append(Problem("q", said))
    else:
        asking.text()
    asking.territory()
    kinds = asking.words("kind")
    asking.raw |= {"kinds": kinds or None, "limit": 100}
    return answer("partners", asking, lambda found: _by_kind(asking, found))


def consortium(asking: Asking) -> Answer:
    """Return the seats of the best consortium under the rules that were typed."""
    if asking.word("about"):
        asking.subject("about", ABOUT)
        if asking.word("q"):
            said = gettext("Choose what it is for, or describe it: not both.")
            asking.problems.append(Problem("q", said))
    else:
        asking.text()
    asking.territory()
    asking.raw["rules"] = _rules(asking)
    return answer("consortium", asking, lambda found: _seats(asking, found["matches"]))


def groups(asking: Asking) -> Answer:
    """Return groups of a community's members that can teach each other."""
    asking.subject("community", {"community": "community"})
    asking.raw["lang"] = language()
    if size := asking.word("size"):
        asking.raw["size"] = _number(size)
    return answer("groups", asking, lambda found: ())


def _rules(asking: Asking) -> dict[str, Any]:
    """Return the rules that were typed, as a request has them."""
    rules: dict[str, Any] = {n: _number(t) for n in _NUMBERS if (t := asking.word(n))}
    rules["actor_types"] = asking.words("actor_types")
    for name in ("must", "exclude"):
        found = [asking.entry(name, text, "actor") for text in asking.words(name)]
        rules[name] = [iri for iri in found if iri]
    for iri in set(rules["must"]) & set(rules["exclude"]):
        name = asking.title(iri).text
        said = gettext("%(name)s must be in and must not be in: choose one.", name=name)
        asking.problems.append(Problem("exclude", said))
    named = asking.words("countries", commas=True)
    countries = [asking.place("countries", text) for text in named]
    rules["countries"] = [code for code in countries if code]
    return {name: value for name, value in rules.items() if value or name in _NUMBERS}


def _number(text: str) -> int | str:
    """Return a whole number, or what was typed instead, which the request then refuses."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else text


def _by_kind(asking: Asking, found: Mapping[str, Any]) -> Iterable[Row]:
    """Return the best partners of each kind, kind by kind."""
    asked = asking.raw["kinds"] or KINDS
    most = PER_KIND if len(asked) > 1 else ONLY_KIND
    kinds = ([m for m in found["matches"] if m["kind"] == kind][:most] for kind in KINDS)
    matches = [match for kind in kinds for match in kind]
    made = cards(asking.runtime.store, matches, asking.root)
    for one, card in zip(matches, made, strict=True):
        own = {one["entry"], asking.about}
        yield Row(card, one["kind"], _through(asking, one, own))


def _through(asking: Asking, one: Mapping[str, Any], own: set[str]) -> tuple[Piece, ...]:
    """Return the challenges, practices, networks and others that a partner's reasons rest on."""
    cited = (
        triple[_THROUGH[reason["criterion"]]].strip("<>").partition("#")[0]
        for reason in one["reasons"]
        if reason["criterion"] in _THROUGH
        for triple in reason["evidence"]
    )
    known = dict.fromkeys(i for i in cited if i in asking.shelf.position and i not in own)
    return tuple(asking.title(iri) for iri in list(known)[:MAX_THROUGH])


def _seats(asking: Asking, matches: list[Mapping[str, Any]]) -> Iterable[Row]:
    made = cards(asking.runtime.store, matches, asking.root)
    for one, card in zip(matches, made, strict=True):
        instead = tuple(asking.title(other["entry"]) for other in one["alternatives"])
        yield Row(card, through=tuple(Piece(text) for text in one["covers"]), instead=instead)


def rules_kept(asking: Asking, found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the rules of an answer with their names: those typed, and the call's own."""
    kept: Mapping[str, Any] = found.get("rules", {})
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
