"""What the pages of partners show: from what was typed to organisations and what ties them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from kg.errors import KgError, Problem, Refused
from kg.i18n import gettext, language, mark
from kg.shelf import Shelf
from kg.vocabulary import VOC, vocabulary
from matcher.question import KINDS
from service import schemas
from service.browse import Labels
from service.names import find
from service.pieces import Piece, local_href, tag
from service.places import PlaceBook
from service.runtime import Runtime
from service.searchview import Card, cards, check_text, clean

#: partners of one kind that are shown where several kinds are, and where only one is
PER_KIND, ONLY_KIND = 5, 15
#: what is shown at most of what ties somebody to who asks
MAX_THROUGH = 4
#: which end of the triples that a reason cites is what ties both sides: 0 subject, 2 object
_THROUGH = {"challenge": 2, "network": 2, "ties": 0, "practice": 0, "role": 0}
#: what a consortium can be for -> the key of the request that names it
ABOUT = {"call": "call", "practice": "entry", "challenge": "challenge"}
_FIELDS = {"text": "q", "territory": "place", "call": "about", "entry": "about",
           "challenge": "about", "kinds": "kind"}  # fmt: skip
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
Typed = MultiDict[str, str]
T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """Somebody who was found, what ties them to who asks, and who could stand in for them."""

    card: Card
    kind: str = ""
    through: tuple[Piece, ...] = ()
    instead: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a page shows: the question, what is wrong with it, and the matcher's answer.

    ``rows`` are the partners or the seats, ``about`` and ``place`` what the question named,
    ``told`` what goes with a reader's decision on one of them.
    """

    typed: Typed
    about: Piece | None = None
    place: str = ""
    told: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    status: int = 200
    rows: tuple[Row, ...] = ()
    found: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, str]:
        """Return the kinds of partners that there are, with their names."""
        return {row.kind: row.card.kind for row in self.rows}

    def href(self, **changes: str) -> str:
        """Return the address of the page with some fields changed, blank ones left out."""
        parts = dict(self.typed.lists()) | {name: [value] for name, value in changes.items()}
        kept = {name: [v for v in values if v.strip()] for name, values in parts.items()}
        return f"?{urlencode(kept, doseq=True)}"

    def ruled(self) -> bool:
        """Return whether a rule was typed."""
        return any(text.strip() for name in RULES for text in self.typed.getlist(name))

    def wrong(self, name: str) -> list[Problem]:
        """Return what is wrong with a field."""
        return [p for p in self.problems if p.path == name]


class Question:
    """A request to the matcher in the making; collects what is wrong with what was typed."""

    def __init__(
        self, runtime: Runtime, shelf: Shelf, places: PlaceBook, typed: Typed, root: str
    ) -> None:  # fmt: skip
        self.runtime, self.shelf, self.places = runtime, shelf, places
        self.typed, self.root = typed, root
        self.labels = Labels(shelf, runtime.store.base)
        self.problems: list[Problem] = []
        self.about = ""
        self.raw: dict[str, Any] = {}

    def link(self, iri: str) -> str:
        """Return the path of an entry's page."""
        return local_href(self.runtime.store, iri, self.root)

    def word(self, name: str) -> str:
        """Return what was typed into a field."""
        return clean(self.typed.get(name, "")).strip()

    def words(self, name: str) -> list[str]:
        """Return what was typed into all fields of a name, without blank ones."""
        return [text for value in self.typed.getlist(name) if (text := clean(value).strip())]

    def entry(self, name: str, text: str, *paths: str) -> str | None:
        """Return the entry that was typed, None and a problem if there is no such one."""
        base = self.runtime.store.base
        return self._tried(name, lambda: find(self.shelf, base, text, paths, name))

    def place(self, name: str, text: str) -> str | None:
        """Return the code of the place that was typed, None and a problem if there is none."""
        return self._tried(name, lambda: self.places.find(text).code)

    def text(self) -> None:
        """Take the question in words."""
        self.raw["text"] = self.word("q")
        self._tried("q", lambda: check_text(self.raw["text"]))

    def subject(self, name: str, keys: Mapping[str, str]) -> None:
        """Take the entry that the question is about, by the key of its class."""
        if found := self.entry(name, self.word(name), *keys):
            self.about = found
            self.raw[keys[self.shelf.rows[self.shelf.position[found]].path]] = found

    def territory(self) -> None:
        """Take the place, if one was typed."""
        if text := self.word("place"):
            self.raw["territory"] = self.place("place", text)

    def _tried(self, name: str, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except Refused as error:
            self.problems += [replace(p, path=name) for p in error.problems]
            return None


def partners(question: Question) -> Answer:
    """Return possible partners of an organisation, or of who describes a need."""
    if question.word("actor"):
        question.subject("actor", {"actor": "actor"})
        if question.word("q"):
            said = gettext("Name an organisation, or describe what you need: not both.")
            question.problems.append(Problem("q", said))
    else:
        question.text()
    question.territory()
    kinds = question.words("kind")
    question.raw |= {"kinds": kinds or None, "limit": 100}
    return answer("partners", question, lambda found: _by_kind(question, found))


def consortium(question: Question) -> Answer:
    """Return the seats of the best consortium under the rules that were typed."""
    if question.word("about"):
        question.subject("about", ABOUT)
        if question.word("q"):
            said = gettext("Choose what it is for, or describe it: not both.")
            question.problems.append(Problem("q", said))
    else:
        question.text()
    question.territory()
    question.raw["rules"] = _rules(question)
    return answer("consortium", question, lambda found: _seats(question, found["matches"]))


def groups(question: Question) -> Answer:
    """Return groups of a community's members that can teach each other."""
    question.subject("community", {"community": "community"})
    question.raw["lang"] = language()
    if size := question.word("size"):
        question.raw["size"] = _number(size)
    return answer("groups", question, lambda found: ())


def answer(
    kind: str, question: Question, rows: Callable[[Mapping[str, Any]], Iterable[Row]]
) -> Answer:
    """Return the matcher's answer as rows, or all that is wrong with the question."""
    about = _title(question, question.about) if question.about else None
    place = question.raw.get("territory") or ""
    shown_place = f"{question.labels.place(place)} ({place})" if place else ""
    told = {"kind": kind, "about": question.about, "territory": place}
    made = Answer(question.typed, about, shown_place, told)
    if not question.runtime.ready:
        said = gettext("The matcher is still starting; ask again in a minute.")
        return replace(made, problems=(Problem("", said),), status=503)
    found: Mapping[str, Any] = {}
    told_already = {p.path for p in question.problems} | (
        {"q", "place"} if question.problems else set()
    )
    try:
        if question.problems:
            schemas.question(kind, question.raw, question.runtime.store)
        else:
            found = schemas.ask(kind, question.raw, question.runtime.matcher)
    except Refused as error:
        more = (replace(p, path=_field(p.path)) for p in error.problems)
        question.problems += [p for p in more if p.path not in told_already]
    except KgError as error:
        return replace(made, problems=(Problem("", str(error)),), status=503)
    if question.problems:
        return replace(made, problems=tuple(question.problems), status=422)
    return replace(made, found=found, rows=tuple(rows(found)))


def _field(path: str) -> str:
    """Return the field of the page that a part of the request was typed into."""
    name = path.removeprefix("rules.").partition(".")[0]
    return _FIELDS.get(name, name)


def _rules(question: Question) -> dict[str, Any]:
    """Return the rules that were typed, as a request has them."""
    rules: dict[str, Any] = {n: _number(t) for n in _NUMBERS if (t := question.word(n))}
    rules["actor_types"] = question.words("actor_types")
    for name in ("must", "exclude"):
        found = [question.entry(name, text, "actor") for text in question.words(name)]
        rules[name] = [iri for iri in found if iri]
    for iri in set(rules["must"]) & set(rules["exclude"]):
        said = gettext("%(name)s must be in and must not be in: choose one.")
        question.problems.append(Problem("exclude", said % {"name": _title(question, iri).text}))
    named = ",".join(question.words("countries")).split(",")
    countries = [question.place("countries", text.strip()) for text in named if text.strip()]
    rules["countries"] = [code for code in countries if code]
    return {name: value for name, value in rules.items() if value or name in _NUMBERS}


def _number(text: str) -> int | str:
    """Return a whole number, or what was typed instead, which the request then refuses."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else text


def _by_kind(question: Question, found: Mapping[str, Any]) -> Iterable[Row]:
    """Return the best partners of each kind, kind by kind."""
    asked = question.raw["kinds"] or KINDS
    most = PER_KIND if len(asked) > 1 else ONLY_KIND
    matches = [m for kind in KINDS for m in _of_kind(found, kind)[:most]]
    made = cards(question.runtime.store, matches, question.root)
    for one, card in zip(matches, made, strict=True):
        own = {one["entry"], question.about}
        yield Row(card, one["kind"], _through(question, one, own))


def _of_kind(found: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    return [m for m in found["matches"] if m["kind"] == kind]


def _through(question: Question, one: Mapping[str, Any], own: set[str]) -> tuple[Piece, ...]:
    """Return the challenges, practices, networks and others that a partner's reasons rest on."""
    cited = (
        triple[_THROUGH[reason["criterion"]]].strip("<>").partition("#")[0]
        for reason in one["reasons"]
        if reason["criterion"] in _THROUGH
        for triple in reason["evidence"]
    )
    known = dict.fromkeys(i for i in cited if i in question.shelf.position and i not in own)
    return tuple(_title(question, iri) for iri in list(known)[:MAX_THROUGH])


def _seats(question: Question, matches: list[Mapping[str, Any]]) -> Iterable[Row]:
    made = cards(question.runtime.store, matches, question.root)
    for one, card in zip(matches, made, strict=True):
        instead = tuple(_title(question, other["entry"]) for other in one["alternatives"])
        yield Row(card, through=tuple(Piece(text) for text in one["covers"]), instead=instead)


def _title(question: Question, iri: str) -> Piece:
    """Return an entry by its title, linked to its page."""
    row = question.shelf.rows[question.shelf.position[iri]]
    text = row.title(language())
    return Piece(text.value, question.link(iri), tag(text.lang))


def rules_kept(question: Question, found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the rules of an answer with their names: those typed, and the call's own."""
    kept: Mapping[str, Any] = found.get("rules", {})
    return [
        (gettext(name), ", ".join(_said(question, one) for one in _listed(kept[key])))
        for key, name in RULES.items()
        if kept.get(key)
    ]


def _listed(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _said(question: Question, value: object) -> str:
    text, base = str(value), question.runtime.store.base
    if text in question.shelf.position:
        return _title(question, text).text
    if text.startswith(VOC):
        return vocabulary().label(text, language())
    return question.labels.place(text.removeprefix(f"{base}id/territory/"))
