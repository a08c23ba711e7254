"""The form of the transfer workspace: from an address to a request in the words of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from werkzeug.datastructures import MultiDict

from kg.catalogue.places import NamedPlace
from kg.errors import Problem
from kg.text.i18n import gettext, mark, own_names
from kg.text.number_formats import exact, is_euro, read_number
from matcher.judging.criteria import CRITERIA
from service.pages.parts.forms import Draft, Form
from service.pages.parts.labels import Labels, options


class Input(NamedTuple):
    """A field: where its value stands in a request, its label, the scheme of several values."""

    path: str
    label: str = ""
    scheme: str = ""


FIELDS = {
    "q": Input("text"),
    "challenge": Input("challenge"),
    "entry": Input("entry"),
    "place": Input("territory"),
    "budget": Input("target.budget_per_head", mark("Budget per head (EUR a year)")),
    "actor_type": Input("target.actor_types", mark("Organisations that are there"), "actor-type"),
    "competence": Input("target.competences", mark("Powers that the place holds"), "competence"),
    "target_group": Input("target.target_groups", mark("People who live there"), "target-group"),
    "speaks": Input("target.languages", mark("Languages spoken there"), "language"),
    "if_actor_type": Input("what_if.actor_types", mark("This organisation joins"), "actor-type"),
    "if_competence": Input("what_if.competences", mark("The place gets this power"), "competence"),
    "if_budget": Input("what_if.budget_per_head", mark("The budget per head rises to (EUR)")),
    "why_not": Input("why_not"),
} | {f"w_{name}": Input(f"weights.{name}") for name in CRITERIA}
#: a weight nearer than this to the usual one, in points of 100, is the usual one
_SAME = 0.25


def read(labels: Labels, args: MultiDict[str, str]) -> Draft:
    """Begin the request that an address makes; of its fields only those that are known count."""
    form = Form(args, (*FIELDS, "pick", "compare"))
    if form.sent("place"):
        form.values = {"place": ("",)} | form.values  # so that each link asks again
    return Draft("transfer", labels, form, {field.path: name for name, field in FIELDS.items()})


def usual_points(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights in points of 100, as the sliders show them."""
    return {name: round(100 * weight, 1) for name, weight in weights.items()}


def choices(name: str) -> dict[str, str]:
    """What can be chosen in a field: value and label, by label."""
    if name == "speaks":
        return own_names()
    return {iri.rsplit("/", 1)[-1]: text for iri, text in options(FIELDS[name].scheme)}


def stated(form: Form) -> dict[str, tuple[str, str]]:
    """The label and the values of each field that says or supposes something."""
    statements = {}
    for name, field in FIELDS.items():
        if field.label and (values := form.many(name)):
            known = choices(name) if field.scheme else {}
            statements[name] = gettext(field.label), ", ".join(known.get(v, v) for v in values)
    return statements


def fill(draft: Draft, weights: Mapping[str, float]) -> NamedPlace | None:
    """Make the request of what was typed, and give the place; ``weights`` are the usual ones."""
    form, raw, base = draft.form, draft.raw, draft.labels.runtime.store.base
    for name, field in FIELDS.items():
        if form.one(name):
            part, _, key = field.path.rpartition(".")
            to = raw.setdefault(part, {}) if part else raw
            to[key] = list(form.many(name)) if field.scheme else _value(draft, name)
    usual, given = usual_points(weights), raw.pop("weights", {})
    if not all(isinstance(v, float) and abs(v - usual[n]) <= _SAME for n, v in given.items()):
        raw["weights"] = usual | given
    subjects = [name for name in ("q", "challenge", "entry") if name in form.values]
    if len(subjects) > 1:
        message = gettext("A challenge is chosen and another one described.")
        hint = gettext("Empty the text, or choose “described above” in the list.")
        draft.problems.append(Problem("q", message, hint=hint))
    elif subjects in ([], ["q"]):
        draft.text()
    for name, ids in (("challenge", f"{base}id/challenge/"), ("entry", f"{base}id/")):
        if name in raw:
            raw[name] = draft.about = ids + raw[name]
    place = draft.territory(needed=True)
    if text := form.one("why_not"):
        raw["why_not"] = draft.entry("why_not", text, "practice")
    return place


def _value(draft: Draft, name: str) -> float | str:
    """What a field says; what should be a number and is none the checks will refuse.

    An address is passed on to readers of other languages, so what they would read otherwise is
    noted as a problem.
    """
    text, money = draft.form.one(name), name.endswith("budget")
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
        draft.problems.append(Problem(name, message, value=text, hint=hint))
    return float(figure.value) if not figure.unit or (money and is_euro(figure.unit)) else text
