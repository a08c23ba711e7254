"""The form of the transfer workspace: from an address to a request in the words of the API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from kg.errors import Problem, Refused, refused
from kg.i18n import LANGUAGES, gettext, mark
from matcher.criteria import CRITERIA
from service.places import PlaceBook
from service.searchview import check_text, clean
from service.shapeform import options

T = TypeVar("T")
#: field of the form -> where its value stands in a request
FIELDS = {
    "q": "text",
    "challenge": "challenge",
    "entry": "entry",
    "place": "territory",
    "budget": "target.budget_per_head",
    "actor_type": "target.actor_types",
    "competence": "target.competences",
    "target_group": "target.target_groups",
    "speaks": "target.languages",
    "if_actor_type": "what_if.actor_types",
    "if_competence": "what_if.competences",
    "if_budget": "what_if.budget_per_head",
    "why_not": "why_not",
} | {f"w_{name}": f"weights.{name}" for name in CRITERIA}
#: fields that may have several values -> the scheme of these
SCHEMES = {
    "actor_type": "actor-type",
    "competence": "competence",
    "target_group": "target-group",
    "speaks": "",
    "if_actor_type": "actor-type",
    "if_competence": "competence",
}
LABELS = {
    "budget": mark("Budget per head (EUR a year)"),
    "actor_type": mark("Kinds of organisation that are there"),
    "competence": mark("Powers that the place holds"),
    "target_group": mark("Groups of people who live there"),
    "speaks": mark("Languages spoken there"),
    "if_actor_type": mark("This kind of organisation joins"),
    "if_competence": mark("The place gets this power"),
    "if_budget": mark("The budget per head rises to (EUR a year)"),
}
SUPPOSED = ("if_actor_type", "if_competence", "if_budget")
_LISTS = {*SCHEMES, "pick", "compare"}
#: 1,200 or 1.200 may be a thousand or one
_AMBIGUOUS = re.compile(r"[1-9]\d{0,2}([.,]\d{3})+")
#: a weight nearer than this to the usual one, in points of 100, is the usual one
_SAME = 0.25


@dataclass(frozen=True)
class Wanted:
    """What an address asks for, as it was typed."""

    values: Mapping[str, tuple[str, ...]]

    def one(self, name: str) -> str:
        """Return the value of a field, or the empty text."""
        return next(iter(self.many(name)), "")

    def many(self, name: str) -> tuple[str, ...]:
        """Return all values of a field."""
        return self.values.get(name, ())

    def query(self, **changes: tuple[str, ...]) -> str:
        """Return the query of the address, with some fields changed."""
        return urlencode({k: v for k, v in {**self.values, **changes}.items() if v}, doseq=True)

    @property
    def asked(self) -> bool:
        """Return whether the form was sent, and not only opened."""
        return "place" in self.values


def read(args: MultiDict[str, str]) -> Wanted:
    """Return what an address asks for; only what is empty is left out."""
    found: dict[str, tuple[str, ...]] = {}
    for name in (*FIELDS, "pick", "compare"):
        typed = (clean(value).strip() for value in args.getlist(name))
        if values := tuple(dict.fromkeys(value for value in typed if value)):
            found[name] = values if name in _LISTS else values[:1]
    if "place" in args:
        found.setdefault("place", ("",))
    path, _, slug = found.get("entry", ("",))[0].partition("/")
    if path == "challenge":
        found["challenge"] = (slug,)
        del found["entry"]
    return Wanted(found)


def choices(name: str) -> dict[str, str]:
    """Return what can be chosen in a field: value and label, by label."""
    if name == "speaks":
        return LANGUAGES
    return {iri.rsplit("/", 1)[-1]: text for iri, text in options(SCHEMES[name])}


def stated(wanted: Wanted) -> tuple[tuple[str, str, str], ...]:
    """Return what is said of the place and supposed: field, its label, its values."""
    found = []
    for name, label in LABELS.items():
        known = choices(name) if name in SCHEMES else {}
        if values := wanted.many(name):
            found.append((name, gettext(label), ", ".join(known.get(v, v) for v in values)))
    return tuple(found)


def make_request(
    wanted: Wanted,
    base: str,
    places: PlaceBook,
    practices: Mapping[str, str],
    usual: Mapping[str, float],
) -> dict[str, Any]:
    """Return the request that an address makes.

    ``practices`` are IRIs by title, ``usual`` the weights in points of 100. Raises Refused
    with what only the form can know to be wrong; the rest is left to the API's own checks.
    """
    problems: list[Problem] = []

    def tried(field: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Refused as error:
            problems.extend(replace(problem, path=field) for problem in error.problems)
            return None

    made: dict[str, Any] = {}
    for name, path in FIELDS.items():
        if (values := wanted.many(name)) and any(values):
            part, _, key = path.rpartition(".")
            to = made.setdefault(part, {}) if part else made
            to[key] = list(values) if name in SCHEMES else _number_or_text(name, values[0])
    made["weights"] = _weights(made.pop("weights", {}), usual)
    tried("q", lambda: _check_subject(wanted))
    made["territory"] = tried("place", lambda: _place(wanted.one("place"), places))
    made["why_not"] = tried("why_not", lambda: _practice(wanted.one("why_not"), practices))
    if "challenge" in made:
        made["challenge"] = f"{base}id/challenge/{made['challenge']}"
    if "entry" in made:
        made["entry"] = f"{base}id/{made['entry']}"
    if problems:
        raise Refused(gettext("The question cannot be answered yet."), problems)
    return made


def _check_subject(wanted: Wanted) -> None:
    """Raise Refused unless exactly one thing is asked about."""
    subjects = [name for name in ("q", "challenge", "entry") if wanted.many(name)]
    if len(subjects) > 1:
        raise refused(
            "q",
            gettext("A challenge is chosen and another one described."),
            hint=gettext("Empty the text, or choose “described above” in the list."),
        )
    if subjects in ([], ["q"]):
        check_text(wanted.one("q"))


def _place(text: str, places: PlaceBook) -> str:
    if not text:
        raise refused(
            "place",
            gettext("Say in which place it should work."),
            hint=gettext("Write a country, a region, a town or a NUTS 2021 code such as HR035."),
        )
    return places.find(text).code


def _practice(text: str, practices: Mapping[str, str]) -> str | None:
    """Return the IRI of a practice by its title or IRI; None of none."""
    if not text or text in practices.values():
        return text or None
    if found := practices.get(text.casefold()):
        return found
    raise refused(
        "why_not",
        gettext("No practice has this title."),
        value=text[:200],
        hint=gettext("Choose one from the list that opens as you type."),
    )


def _number_or_text(name: str, text: str) -> float | str:
    """Return what a number field says; what is no number is left for the checks to refuse."""
    if "budget" not in name and not name.startswith("w_"):
        return text
    plain = "".join(text.split())
    try:
        return text if _AMBIGUOUS.fullmatch(plain) else float(plain.replace(",", "."))
    except ValueError:
        return text


def _weights(given: Mapping[str, Any], usual: Mapping[str, float]) -> dict[str, Any] | None:
    """Return all weights if one differs from the usual; None if none does."""
    changed = [
        name for name, value in given.items()
        if not isinstance(value, float) or not abs(value - usual[name]) <= _SAME
    ]  # fmt: skip
    return {**usual, **given} if changed else None


def at_field(problem: Problem) -> Problem:
    """Return a problem of a request at the field of the form where it was typed."""
    path = problem.path
    field = next((f for f, p in FIELDS.items() if path == p or path.startswith(f"{p}.")), path)
    return replace(problem, path=field)
