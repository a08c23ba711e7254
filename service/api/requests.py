"""What a match request may say, as pydantic models; from JSON to questions of the matcher."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, GetPydanticSchema, ValidationError
from pydantic_core.core_schema import literal_schema

from kg.entries.jsonld import load
from kg.errors import Malformed, Problem, Refused
from kg.text.i18n import gettext, mark
from kg.text.number_formats import number
from matcher.kinds import KINDS
from matcher.matcher import Matcher
from matcher.model.answer import Answer
from matcher.model.requests import Name, PlaceName, Strict
from matcher.question import Question


class StampFields(Strict):
    """The stamp of the answer that is spoken of, as the answer gave it."""

    data: Annotated[int, Field(ge=0)]
    statistics: Annotated[int, Field(ge=0)] | None = None
    model: Name
    text: Name
    weights: Name


class FeedbackRequest(Strict):
    """Tells what became of a suggestion; the words of a question are not taken."""

    kind: Annotated[str, GetPydanticSchema(lambda *_: literal_schema([*KINDS]))]
    entry: Name
    about: Name | None = None
    territory: Name | None = None
    place: PlaceName | None = None
    decision: Literal["accepted", "rejected", "tried", "worked", "worked-partly", "did-not-work"]
    score: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    stamp: StampFields | None = None


class ReasonRequest(Strict):
    """Says why something is done."""

    reason: Annotated[str, Field(max_length=500)] | None = None


class RestoreRequest(ReasonRequest):
    """Names the version of an entry that is to be the present one again."""

    version: Annotated[int, Field(ge=0, le=10**15)]


class MergeRequest(ReasonRequest):
    """Names the entry that stays."""

    into: Name


def read_json(data: bytes) -> dict[str, Any]:
    """Read a body that holds one JSON object; raises Malformed for any other."""
    try:
        body = load(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Malformed(gettext("This is not JSON: %(error)s", error=error)) from error
    if not isinstance(body, dict):
        raise Malformed(gettext("Send one JSON object."))
    return body


def answer(kind: str, raw: dict[str, Any], matcher: Matcher, also: tuple[str, ...] = ()) -> Answer:
    """Put a request to the matcher; Refused names every key or value that is wrong."""
    return matcher.ask(kind, fields(KINDS[kind].request, raw), also)


def question(kind: str, raw: dict[str, Any], matcher: Matcher) -> Question:
    """Read a request into a question; Refused names every key or value that is wrong."""
    return matcher.question(kind, fields(KINDS[kind].request, raw))


def read_feedback(raw: dict[str, Any]) -> dict[str, Any]:
    """Read what became of a suggestion; Refused names every key or value that is wrong."""
    return fields(FeedbackRequest, raw)


def fields(model: type[BaseModel], raw: dict[str, Any]) -> dict[str, Any]:
    """Check a request against its model; Refused names every key or value that is wrong."""
    try:
        return model.model_validate(raw).model_dump(exclude_none=True)
    except ValidationError as error:
        problems = []
        for fault in error.errors(include_url=False):
            path = ".".join(str(part) for part in fault["loc"])
            value = None if fault["type"] == "missing" else str(fault["input"])[:200]
            usual = fault["msg"].removeprefix("Value error, "), ""
            message, advice = _MESSAGES.get(fault["type"], usual)
            bounds = {
                name: number(bound) if isinstance(bound, int | float) else bound
                for name, bound in fault.get("ctx", {}).items()
            }
            hint = gettext(advice, **bounds) or None
            if fault["type"] == "extra_forbidden":
                first, *inner = fault["loc"]
                parts = get_args(model.model_fields[str(first)].annotation) if inner else ()
                owner = next((part for part in parts if issubclass(part, BaseModel)), model)
                hint = gettext("Use %(names)s.", names=", ".join(sorted(owner.model_fields)))
            problems.append(Problem(path, gettext(message), value=value, hint=hint))
        raise Refused(gettext("The request cannot be understood."), problems) from error


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
