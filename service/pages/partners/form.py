"""A question typed into a page: what was typed, what is wrong with it, what the matcher says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from kg.errors import KgError, Problem, Refused
from kg.text.i18n import gettext, language
from matcher.model.answer import Answer
from service.api import requests
from service.core.runtime import Runtime
from service.http.errors import shown, starting
from service.pages.parts.components import Piece, local_href, tag
from service.pages.parts.entry_lookup import find
from service.pages.parts.forms import attempt, check_text, clean
from service.pages.parts.labels import Labels
from service.pages.parts.match_cards import Card

#: how often one field may be typed
MAX_NAMES = 50
_FIELDS = {
    "text": "q",
    "territory": "place",
    "call": "about",
    "entry": "about",
    "challenge": "about",
    "kinds": "kind",
}
Typed = MultiDict[str, str]


@dataclass(frozen=True)
class Row:
    """Somebody who was found, what ties them to who asks, and who could stand in for them."""

    card: Card
    kind: str = ""
    through: tuple[Piece, ...] = ()
    instead: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class PartnerPage:
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
    answer: Answer | None = None

    @property
    def kinds(self) -> dict[str, str]:
        """The kinds that have a partner, with their names."""
        return {row.kind: row.card.kind for row in self.rows}

    def href(self, **changes: str) -> str:
        """The address of the page with some fields changed, blank ones left out."""
        parts = dict(self.typed.lists()) | {name: [value] for name, value in changes.items()}
        kept = {name: [v for v in values if v.strip()] for name, values in parts.items()}
        return f"?{urlencode(kept, doseq=True)}"

    def wrong(self, name: str) -> list[Problem]:
        """The problems to show at a field."""
        return [p for p in self.problems if p.path == name]


class Asking:
    """A request to the matcher in the making; collects what is wrong with what was typed."""

    def __init__(self, runtime: Runtime, typed: Typed, root: str) -> None:
        self.runtime, self.typed, self.root = runtime, typed, root
        self.titles, self.places = runtime.lists.titles, runtime.lists.places
        self.shelf = self.titles.shelf
        self.labels = Labels(self.shelf, runtime.store.base)
        self.problems: list[Problem] = []
        self.about = ""
        self.raw: dict[str, Any] = {}

    def title(self, iri: str) -> Piece:
        """Link an entry by its title; by its IRI where it is not on the shelf."""
        at = self.shelf.position.get(iri)
        if at is None:
            return Piece(iri, self.link(iri))
        text = self.shelf.rows[at].title(language())
        return Piece(text.value, self.link(iri), tag(text.lang))

    def link(self, iri: str) -> str:
        """The path of an entry's page, with the root of the service."""
        return local_href(self.runtime.store, iri, self.root)

    def word(self, name: str) -> str:
        """What was typed into a field, cleaned and trimmed."""
        return clean(self.typed.get(name, "")).strip()

    def words(self, name: str, *, commas: bool = False) -> list[str]:
        """What was typed into all fields of a name; ``commas`` also part one field's text."""
        typed = self.typed.getlist(name)
        parts = ",".join(typed).split(",") if commas else typed
        named = [text for part in parts if (text := clean(part).strip())]
        if len(named) > MAX_NAMES:
            message = gettext("At most %(most)s can be named here.", most=MAX_NAMES)
            self.problems.append(Problem(name, message))
        return named[:MAX_NAMES]

    def entry(self, name: str, text: str, *paths: str) -> str | None:
        """Find the entry that was typed; None, and a problem at the field, if there is none."""
        base = self.runtime.store.base
        return attempt(self.problems, name, lambda: find(self.titles, base, text, paths, name))

    def place(self, name: str, text: str) -> str | None:
        """Find the code of the place that was typed; None, and a problem, if there is none."""
        return attempt(self.problems, name, lambda: self.places.find(text).code)

    def text(self) -> None:
        """Take the question in words."""
        self.raw["text"] = self.word("q")
        attempt(self.problems, "q", lambda: check_text(self.raw["text"]))

    def subject(self, name: str, keys: Mapping[str, str]) -> None:
        """Take the entry that the question is about, by the key of its class."""
        if iri := self.entry(name, self.word(name), *keys):
            self.about = iri
            self.raw[keys[self.shelf.rows[self.shelf.position[iri]].path]] = iri

    def either(self, name: str, keys: Mapping[str, str], both: str) -> None:
        """Take an entry, or the question in words; ``both`` is the problem of naming both."""
        if not self.word(name):
            self.text()
            return
        self.subject(name, keys)
        if self.word("q"):
            self.problems.append(Problem("q", both))

    def territory(self) -> None:
        """Take the place, if one was typed."""
        if text := self.word("place"):
            self.raw["territory"] = self.place("place", text)


def answer(kind: str, asking: Asking, rows: Callable[[Answer], Iterable[Row]]) -> PartnerPage:
    """Ask the matcher; where something is wrong the page says all of it at once."""
    about = asking.title(asking.about) if asking.about else None
    place = asking.raw.get("territory") or ""
    shown_place = f"{asking.labels.place(place)} ({place})" if place else ""
    decided_on = {"kind": kind, "about": asking.about, "territory": place}
    made = PartnerPage(asking.typed, about, shown_place, decided_on)
    if not asking.runtime.ready:
        problems, status = shown(starting())
        return replace(made, problems=tuple(problems), status=status)
    matched: Answer | None = None
    known = {p.path for p in asking.problems}
    known |= {"q", "place"} if known else set()
    try:
        if asking.problems:
            requests.question(kind, asking.raw, asking.runtime.matcher)
        else:
            matched = requests.answer(kind, asking.raw, asking.runtime.matcher)
    except Refused as error:
        for problem in error.problems:
            name = problem.path.removeprefix("rules.").partition(".")[0]
            if (at := _FIELDS.get(name, name)) not in known:
                asking.problems.append(replace(problem, path=at))
    except KgError as error:
        problems, status = shown(error)
        return replace(made, problems=tuple(problems), status=status)
    if matched is None:
        return replace(made, problems=tuple(asking.problems), status=422)
    return replace(made, answer=matched, rows=tuple(rows(matched)))
