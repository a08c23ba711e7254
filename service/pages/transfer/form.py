"""The form of the transfer workspace: from an address to a request in the words of the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from kg.errors import Problem, Refused, refused
from kg.text.i18n import gettext, mark, own_names
from kg.text.number_formats import exact, is_euro, read_number
from matcher.judging.criteria import CRITERIA
from service.core.places import PlaceBook
from service.pages.parts.forms import attempt, check_text, clean, find_place
from service.pages.parts.labels import options


class Field(NamedTuple):
    """A field: where its value stands in a request, its label, the scheme of several values."""

    path: str
    label: str = ""
    scheme: str = ""


FIELDS = {
    "q": Field("text"),
    "challenge": Field("challenge"),
    "entry": Field("entry"),
    "place": Field("territory"),
    "budget": Field("target.budget_per_head", mark("Budget per head (EUR a year)")),
    "actor_type": Field("target.actor_types", mark("Organisations that are there"), "actor-type"),
    "competence": Field("target.competences", mark("Powers that the place holds"), "competence"),
    "target_group": Field("target.target_groups", mark("People who live there"), "target-group"),
    "speaks": Field("target.languages", mark("Languages spoken there"), "language"),
    "if_actor_type": Field("what_if.actor_types", mark("This organisation joins"), "actor-type"),
    "if_competence": Field("what_if.competences", mark("The place gets this power"), "competence"),
    "if_budget": Field("what_if.budget_per_head", mark("The budget per head rises to (EUR)")),
    "why_not": Field("why_not"),
} | {f"w_{name}": Field(f"weights.{name}") for name in CRITERIA}
_LISTS = {name for name, field in FIELDS.items() if field.scheme} | {"pick", "compare"}
#: a weight nearer than this to the usual one, in points of 100, is the usual one
_SAME = 0.25


@dataclass(frozen=True)
class TransferForm:
    """What an address asks for, as it was typed."""

    values: Mapping[str, tuple[str, ...]]

    def one(self, name: str) -> str:
        """The first value of a field, or the empty text."""
        return next(iter(self.many(name)), "")

    def many(self, name: str) -> tuple[str, ...]:
        """All values of a field, in the order typed."""
        return self.values.get(name, ())

    def query(self, **changes: tuple[str, ...]) -> str:
        """The query of the address, with some fields changed."""
        return urlencode({k: v for k, v in {**self.values, **changes}.items() if v}, doseq=True)

    @property
    def about(self) -> str:
        """Class and name of the entry that is asked about, or the empty text."""
        challenge = self.one("challenge")
        return f"challenge/{challenge}" if challenge else self.one("entry")

    @property
    def asked(self) -> bool:
        """Whether the form was sent, and not only opened."""
        return "place" in self.values


def read(args: MultiDict[str, str]) -> TransferForm:
    """What an address asks for; only what is empty is left out."""
    values_of: dict[str, tuple[str, ...]] = {}
    for name in (*FIELDS, "pick", "compare"):
        typed = (clean(value).strip() for value in args.getlist(name))
        if values := tuple(dict.fromkeys(value for value in typed if value)):
            values_of[name] = values if name in _LISTS else values[:1]
    return TransferForm({"place": ("",)} | values_of if "place" in args else values_of)


def usual_points(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights in points of 100, as the sliders show them."""
    return {name: round(100 * weight, 1) for name, weight in weights.items()}


def choices(name: str) -> dict[str, str]:
    """What can be chosen in a field: value and label, by label."""
    if name == "speaks":
        return own_names()
    return {iri.rsplit("/", 1)[-1]: text for iri, text in options(FIELDS[name].scheme)}


def stated(form: TransferForm) -> dict[str, tuple[str, str]]:
    """The label and the values of each field that says or supposes something."""
    statements = {}
    for name, field in FIELDS.items():
        if field.label and (values := form.many(name)):
            known = choices(name) if field.scheme else {}
            statements[name] = gettext(field.label), ", ".join(known.get(v, v) for v in values)
    return statements


def make_request(
    form: TransferForm,
    base: str,
    places: PlaceBook,
    practice: Callable[[str], str],
    weights: Mapping[str, float],
) -> dict[str, Any]:
    """Make the request of the API from what an address says.

    ``practice`` finds the IRI of one by its title, ``weights`` are the usual ones. Raises
    Refused with what only the form can know to be wrong; the rest the API's own checks find.
    """
    problems: list[Problem] = []

    made: dict[str, Any] = {}
    for name, field in FIELDS.items():
        if form.one(name):
            part, _, key = field.path.rpartition(".")
            to = made.setdefault(part, {}) if part else made
            to[key] = list(form.many(name)) if field.scheme else _value(form, name, problems)
    made["weights"] = _weights(made.pop("weights", {}), usual_points(weights))
    attempt(problems, "q", lambda: _check_subject(form))
    place = attempt(problems, "place", lambda: find_place(places, form.one("place")))
    if "why_not" in made:
        made["why_not"] = attempt(problems, "why_not", lambda: practice(form.one("why_not")))
    made |= {key: f"{base}id/{form.about}" for key in ("challenge", "entry") if key in made}
    if problems or place is None:
        raise Refused(gettext("The question cannot be answered yet."), problems)
    return made | {"territory": place.code}


def _check_subject(form: TransferForm) -> None:
    """Raise Refused unless exactly one thing is asked about."""
    subjects = [name for name in ("q", "challenge", "entry") if form.one(name)]
    if len(subjects) > 1:
        raise refused(
            "q",
            gettext("A challenge is chosen and another one described."),
            hint=gettext("Empty the text, or choose “described above” in the list."),
        )
    if subjects in ([], ["q"]):
        check_text(form.one("q"))


def _value(form: TransferForm, name: str, problems: list[Problem]) -> float | str:
    """What a field says; what should be a number and is none the checks will refuse.

    An address is passed on to readers of other languages, so what they would read otherwise is
    noted as a problem.
    """
    text, money = form.one(name), name.endswith("budget")
    if not money and not name.startswith("w_"):
        return text
    try:
        figure = read_number(text)
    except ValueError:
        return text
    if figure.other is not None:
        message = gettext(
            "This number can be read as %(number)s or as %(other)s.",
            number=exact(figure.value),
            other=exact(figure.other),
        )
        hint = gettext("Write it as one of the two.")
        problems.append(Problem(name, message, value=text, hint=hint))
    return float(figure.value) if not figure.unit or (money and is_euro(figure.unit)) else text


def _weights(given: Mapping[str, Any], usual: Mapping[str, float]) -> dict[str, Any] | None:
    """All weights if one differs from the usual; None if none does."""
    same = all(
        isinstance(value, float) and abs(value - usual[name]) <= _SAME
        for name, value in given.items()
    )
    return None if same else {**usual, **given}


def at_field(problem: Problem) -> Problem:
    """Move a problem of a request to the field of the form where it was typed."""
    path = problem.path
    known = (n for n, f in FIELDS.items() if path == f.path or path.startswith(f"{f.path}."))
    return replace(problem, path=next(known, path))
