"""What a match request may say, as pydantic models; from JSON to questions of the matcher."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.functional_validators import AfterValidator

from kg.entries.jsonld import load
from kg.entry import CONTROL
from kg.errors import Malformed, Problem, Refused
from kg.stores.protocol import Store
from kg.text.i18n import gettext, mark
from kg.text.number_formats import number
from matcher.matcher import Matcher
from matcher.model.answer import Answer
from matcher.model.question import Filters, Question, Target, WhatIf, check_filters
from matcher.model.question import read as read_subject


def _plain(text: str) -> str:
    if CONTROL.search(text):
        raise ValueError(gettext("The text holds a control character."))
    if not text.strip():
        raise ValueError(gettext("The text is empty."))
    return text


Words = Annotated[str, Field(min_length=1, max_length=20_000), AfterValidator(_plain)]
Name = Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(_plain)]
Names = Annotated[list[Name], Field(max_length=100)]
Money = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Tag = Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35)]
Kind = Literal["peer", "mentor", "role", "exchange"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class InstrumentFilters(_Strict):
    """What instruments are narrowed to; each list says *any of these*."""

    country: Names | None = None
    not_country: Names | None = None
    theme: Names | None = None
    target_group: Names | None = None
    stage: Names | None = None
    approach: Names | None = None
    language: Names | None = None
    evidence_min: Name | None = None


class PlacedFilters(InstrumentFilters):
    """What practices, or actors, are narrowed to; each list says *any of these*."""

    territory: Names | None = None


class FilterFields(PlacedFilters):
    """What entries of any class are narrowed to; each list says *any of these*."""

    type: Names | None = None


class TargetFields(_Strict):
    """What the asker knows of the place that a practice would come to."""

    budget_per_head: Money | None = None
    competences: Names | None = None
    actor_types: Names | None = None
    languages: Names | None = None
    target_groups: Names | None = None


class WhatIfFields(_Strict):
    """What the asker supposes besides: kinds that take part, powers held, a larger budget."""

    actor_types: Names | None = None
    competences: Names | None = None
    budget_per_head: Money | None = None


class RuleFields(_Strict):
    """The rules that a consortium keeps; a call's own hold too, and the stricter of two numbers."""

    seats: Annotated[int, Field(ge=1, le=50)] | None = None
    minimum_countries: Annotated[int, Field(ge=1, le=50)] | None = None
    maximum_per_country: Annotated[int, Field(ge=1, le=50)] | None = None
    actor_types: Names | None = None
    must: Names | None = None
    exclude: Names | None = None
    countries: Names | None = None


class _Request(_Strict):
    lang: Tag | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 10


class SimilarRequest(_Request):
    """Asks for entries like an entry, or like a text."""

    entry: Name | None = None
    text: Words | None = None
    filters: FilterFields | None = None
    diversity: Literal["country", "approach", "language"] | None = None
    quota: Annotated[int, Field(ge=1, le=100)] | None = None


class TransferRequest(_Request):
    """Asks which practices could be carried over to a territory."""

    challenge: Name | None = None
    entry: Name | None = None
    text: Words | None = None
    filters: PlacedFilters | None = None
    territory: Name
    target: TargetFields | None = None
    weights: dict[Name, float] | None = None
    what_if: WhatIfFields | None = None
    why_not: Name | None = None


class InstrumentsRequest(_Request):
    """Asks what could pay for a practice, or for what a text describes, in a territory."""

    challenge: Name | None = None
    entry: Name | None = None
    text: Words | None = None
    filters: InstrumentFilters | None = None
    territory: Name
    actor_types: Names | None = None
    amount: Money | None = None
    partners: Annotated[int, Field(ge=1, le=10_000)] | None = None


class ConsortiumRequest(_Request):
    """Asks for a set of actors for a call, for a practice that is carried over, or for a text."""

    call: Name | None = None
    entry: Name | None = None
    challenge: Name | None = None
    text: Words | None = None
    filters: PlacedFilters | None = None
    territory: Name | None = None
    rules: RuleFields | None = None


class GroupsRequest(_Request):
    """Asks for groups of a community's members that can teach each other."""

    community: Name
    size: Annotated[int, Field(ge=2, le=50)] | None = None


class PartnersRequest(_Request):
    """Asks with whom an actor, or whoever writes the text, could work."""

    actor: Name | None = None
    text: Words | None = None
    filters: PlacedFilters | None = None
    territory: Name | None = None
    kinds: Annotated[list[Kind], Field(min_length=1)] | None = None


class StampFields(_Strict):
    """The stamp of the answer that is spoken of, as the answer gave it."""

    data: Annotated[int, Field(ge=0)]
    model: Name
    text: Name
    weights: Name


class FeedbackRequest(_Strict):
    """Tells what became of a suggestion; the words of a question are not taken."""

    kind: Literal["similar", "transfer", "partners", "instruments", "consortium", "groups"]
    entry: Name
    about: Name | None = None
    territory: Name | None = None
    decision: Literal["accepted", "rejected", "tried", "worked", "worked-partly", "did-not-work"]
    score: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    stamp: StampFields | None = None


REQUESTS: dict[str, type[_Request]] = {
    "similar": SimilarRequest,
    "transfer": TransferRequest,
    "partners": PartnersRequest,
    "instruments": InstrumentsRequest,
    "consortium": ConsortiumRequest,
    "groups": GroupsRequest,
}
#: of these keys exactly one says what a question is about
SUBJECTS = {
    "similar": ("entry", "text"),
    "transfer": ("challenge", "entry", "text"),
    "partners": ("actor", "text"),
    "instruments": ("challenge", "entry", "text"),
    "consortium": ("call", "entry", "challenge", "text"),
    "groups": ("community",),
}
#: the class that a key of a request asks for, where the matcher would take others too
_CLASSES = {"challenge": "challenge", "call": "call"}


def read_json(data: bytes) -> dict[str, Any]:
    """Return the JSON object that a body holds, or raise Malformed."""
    try:
        body = load(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Malformed(gettext("This is not JSON: %(error)s", error=error)) from error
    if not isinstance(body, dict):
        raise Malformed(gettext("Send one JSON object."))
    return body


def ask(kind: str, raw: dict[str, Any], matcher: Matcher, also: tuple[str, ...] = ()) -> Answer:
    """Put a request to the matcher; Refused names every key or value that is wrong."""
    asked = replace(question(kind, raw, matcher.store), also=also)
    subject = next(key for key in SUBJECTS[kind] if raw.get(key) is not None)
    try:
        found: Answer = getattr(matcher, kind)(asked)
    except Refused as error:
        told = [replace(p, path=subject) if p.path == "entry" else p for p in error.problems]
        raise Refused(str(error), told) from error
    return found


def question(kind: str, raw: dict[str, Any], store: Store) -> Question:
    """Return the question of a request; Refused names every key or value that is wrong."""
    given = _read(REQUESTS[kind], raw)
    subject = _subject(kind, given)
    if subject in _CLASSES:
        read_subject(store, given[subject], _CLASSES[subject], field=subject)
    filters = given.pop("filters", None)
    about = {key: given.pop(key) for key in SUBJECTS[kind] if key in given}
    if "what_if" in given:
        given["what_if"] = WhatIf(**_tuples(given["what_if"]))
    return Question(
        text=about.get("text"),
        entry=about[subject] if subject != "text" else None,
        filters=check_filters(store, filters) if filters else Filters(),
        target=Target(**_tuples(given.pop("target", {}))),
        **_tuples(given),
    )


def read_feedback(raw: dict[str, Any]) -> dict[str, Any]:
    """Return what became of a suggestion; Refused names every key or value that is wrong."""
    return _read(FeedbackRequest, raw)


def _read(model: type[BaseModel], raw: dict[str, Any]) -> dict[str, Any]:
    try:
        return model.model_validate(raw).model_dump(exclude_none=True)
    except ValidationError as error:
        problems = [_problem(model, dict(e)) for e in error.errors(include_url=False)]
        raise Refused(gettext("The request cannot be understood."), problems) from error


def _tuples(given: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}


def _subject(kind: str, given: dict[str, Any]) -> str:
    """Return the key that says what the question is about."""
    found = [key for key in SUBJECTS[kind] if key in given]
    keys = ", ".join(SUBJECTS[kind])
    if len(found) != 1:
        problem = Problem(
            found[1] if found else SUBJECTS[kind][-1],
            gettext("The request says twice what it is about.")
            if found
            else gettext("The request asks nothing."),
            hint=gettext("Send exactly one of %(names)s.", names=keys),
        )
        raise Refused(gettext("The request cannot be understood."), [problem])
    if kind == "partners" and found == ["text"] and "territory" not in given:
        problem = Problem(
            "territory",
            gettext("This field is missing."),
            hint=gettext("Say where the text is from."),
        )
        raise Refused(gettext("The request cannot be understood."), [problem])
    return found[0]


def _problem(model: type[BaseModel], error: dict[str, Any]) -> Problem:
    """Return what pydantic found as a problem with a path and a hint."""
    path = ".".join(str(part) for part in error["loc"])
    value = None if error["type"] == "missing" else str(error["input"])[:200]
    said, told = _MESSAGES.get(error["type"], (error["msg"].removeprefix("Value error, "), ""))
    bounds = {k: number(v) if isinstance(v, int | float) else v
              for k, v in error.get("ctx", {}).items()}  # fmt: skip
    message, hint = gettext(said), gettext(told, **bounds) or None
    if error["type"] == "extra_forbidden":
        hint = gettext("Use %(names)s.", names=", ".join(sorted(_siblings(model, error["loc"]))))
    return Problem(path, message, value=value, hint=hint)


def _siblings(model: type[BaseModel], path: tuple[str | int, ...]) -> set[str]:
    inner = get_args(model.model_fields[str(path[0])].annotation) if len(path) > 1 else ()
    found = next((t for t in inner if issubclass(t, BaseModel)), model)
    return set(found.model_fields)


#: what pydantic finds -> what is wrong, and what to do
_MESSAGES: dict[str, tuple[str, str]] = {
    "extra_forbidden": (mark("This key is not known."), ""),
    "missing": (mark("This field is missing."), mark("Add it.")),
    "string_type": (mark("A text was expected."), mark("Write it in quotation marks.")),
    "string_unicode": (
        mark("The text holds half a character (a lone surrogate)."), mark("Retype it."),
    ),
    "string_too_short": (mark("The text is empty."), ""),
    "string_too_long": (
        mark("The text is too long."), mark("Send at most %(max_length)s characters of text."),
    ),
    "string_pattern_mismatch": (
        mark("This is not the tag of a language."), mark("Write a tag such as “de”."),
    ),
    "int_type": (mark("This is not a whole number."), mark("Write it in digits, such as 6.")),
    "float_type": (mark("A number was expected."), ""),
    "finite_number": (mark("A number was expected."), ""),
    "greater_than_equal": (mark("The number is too small."), mark("Send %(ge)s or more.")),
    "less_than_equal": (mark("The number is too large."), mark("Send %(le)s at most.")),
    "list_type": (mark("A list was expected."), mark("Write it in square brackets.")),
    "too_long": (mark("The list is too long."), mark("Send %(max_length)s at most.")),
    "too_short": (mark("The list is empty."), mark("Name at least one, or leave it out.")),
    "dict_type": (mark("An object was expected."), mark("Write it in curly brackets.")),
    "model_type": (mark("An object was expected."), mark("Write it in curly brackets.")),
    "literal_error": (mark("This value is not known."), mark("Use %(expected)s.")),
}  # fmt: skip
