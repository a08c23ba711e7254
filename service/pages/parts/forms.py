"""Forms of pages: what was typed becomes a request, what is wrong with it stands at its field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from kg.catalogue.places import NamedPlace
from kg.catalogue.titles import meant
from kg.entry import CONTROL
from kg.errors import Problem, Refused
from kg.text.i18n import gettext
from kg.text.number_formats import number
from matcher.kinds import KINDS
from matcher.model.answer import Answer
from service.api import requests
from service.pages.parts.labels import Labels

#: how many letters a question may have, and how often one field may be typed
MAX_QUESTION, MAX_NAMES = 20_000, 50
T = TypeVar("T")


def clean(text: str) -> str:
    """Keep a text as it was typed, but control characters as spaces."""
    return CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", " "))


class Form:
    """What was typed into the fields of a page: trimmed, each value once, nothing that is blank.

    ``names`` are the fields that the page knows, all that were sent if there are none.
    """

    def __init__(self, args: MultiDict[str, str], names: Iterable[str] = ()) -> None:
        self.args = args
        self.values: dict[str, tuple[str, ...]] = {}
        for name in names or args:
            texts = (clean(text).strip() for text in args.getlist(name))
            if values := tuple(dict.fromkeys(text for text in texts if text)):
                self.values[name] = values

    def sent(self, *names: str) -> bool:
        """Whether one of the fields was sent, if only a blank one."""
        return any(name in self.args for name in names)

    def typed(self, name: str) -> str:
        """A field as it was typed, but control characters as spaces."""
        return clean(self.args.get(name, ""))

    def one(self, name: str) -> str:
        """The first value of a field, or the empty text."""
        return next(iter(self.many(name)), "")

    def many(self, name: str) -> tuple[str, ...]:
        """All values of a field, in the order typed."""
        return self.values.get(name, ())

    def query(self, **changes: tuple[str, ...]) -> str:
        """The query of the page's address, with some fields changed."""
        return urlencode({k: v for k, v in {**self.values, **changes}.items() if v}, doseq=True)

    def with_place(self, label: str) -> str:
        """The address of the same page with another place."""
        return f"?{self.query(place=(label,))}"


class Draft:
    """A request of a kind that is made of a form; ``problems`` stand at fields of the form.

    ``fields`` says for a part of the request in which field it is typed; ``about`` is the IRI of
    the entry that the question is about.
    """

    def __init__(self, kind: str, labels: Labels, form: Form, fields: Mapping[str, str]) -> None:
        self.kind, self.labels, self.form, self._fields = kind, labels, form, fields
        self.raw: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self.about = ""

    def check(self, field: str, work: Callable[[], T]) -> T | None:
        """Run a check or a look-up; if it is refused, note why at the field and return None."""
        try:
            return work()
        except Refused as error:
            self.problems += [replace(problem, path=field) for problem in error.problems]
            return None

    def entry(self, field: str, text: str, *paths: str) -> str | None:
        """Find the entry that was typed; None, and a problem at the field, if there is none."""
        return self.check(field, lambda: meant(self.labels.snapshot, text, paths))

    def place(self, field: str, text: str) -> NamedPlace | None:
        """Find the place that was typed; None, and a problem at the field, if there is none."""
        return self.check(field, lambda: self.labels.runtime.places.meant(text))

    def names(self, field: str, *, commas: bool = False) -> list[str]:
        """What was typed into all fields of a name; ``commas`` also part one field's text."""
        typed = self.form.args.getlist(field)
        parts = ",".join(typed).split(",") if commas else typed
        names = [name for part in parts if (name := clean(part).strip())]
        if len(names) > MAX_NAMES:
            message = gettext("At most %(most)s can be named here.", most=MAX_NAMES)
            self.problems.append(Problem(field, message))
        return names[:MAX_NAMES]

    def subject(self, iri: str | None) -> None:
        """Take the entry that the question is about."""
        if iri:
            self.about = iri
            self.raw[KINDS[self.kind].key_of(iri.rsplit("/", 2)[-2])] = iri

    def text(self) -> None:
        """Take the question in words."""
        self.raw["text"] = text = self.form.one("q")
        if not text:
            message = gettext("The question is empty.")
            hint = gettext("Describe in a sentence or two what you do or need.")
            self.problems.append(Problem("q", message, hint=hint))
        elif len(text) > MAX_QUESTION:
            message = gettext(
                "The question has %(length)s characters; at most %(most)s can be read.",
                length=number(len(text)),
                most=number(MAX_QUESTION),
            )
            self.problems.append(Problem("q", message, hint=gettext("Shorten it to what matters.")))

    def territory(self, *, needed: bool = False) -> NamedPlace | None:
        """Take the place, if one was typed or has to be."""
        place, text = None, self.form.one("place")
        if text:
            place = self.place("place", text)
        elif needed:
            message = gettext("Say in which place it should work.")
            hint = gettext("Write a country, a region, a town or a NUTS 2021 code such as HR035.")
            self.problems.append(Problem("place", message, hint=hint))
        if text or needed:
            self.raw["territory"] = place and place.code
        return place

    def check_rest(self) -> None:
        """Where something is wrong, note what else the matcher would refuse."""
        wrong = {problem.path for problem in self.problems}
        try:
            if wrong:
                requests.question(self.kind, self.raw, self.labels.runtime.matcher)
        except Refused as error:
            # Of the question and the place the form has said what is wrong with them.
            noted = wrong | {"q", "place"}
            self.problems += [p for p in self._at_fields(error) if p.path not in noted]

    def ask(self, also: tuple[str, ...] = ()) -> Answer:
        """Put the request to the matcher. Raises Refused with what is wrong at which field."""
        if self.problems:
            raise Refused(gettext("The question cannot be answered yet."), self.problems)
        try:
            return requests.answer(self.kind, self.raw, self.labels.runtime.matcher, also)
        except Refused as error:
            raise Refused(str(error), self._at_fields(error)) from error

    def _at_fields(self, error: Refused) -> list[Problem]:
        """The problems of a request, each at the field where its part of it is typed."""
        problems = []
        for problem in error.problems:
            part = problem.path
            while part and part not in self._fields:
                part = part.rpartition(".")[0]
            problems.append(replace(problem, path=self._fields.get(part, problem.path)))
        return problems
