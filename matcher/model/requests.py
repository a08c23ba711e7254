"""What a question may say, as it is sent: names and texts, checked for type and size only."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.functional_validators import AfterValidator

from kg.entry import CONTROL
from kg.text.i18n import gettext


def _plain(text: str) -> str:
    if CONTROL.search(text):
        raise ValueError(gettext("The text holds a control character."))
    if not text.strip():
        raise ValueError(gettext("The text is empty."))
    return text


Words = Annotated[str, Field(min_length=1, max_length=20_000), AfterValidator(_plain)]
Name = Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(_plain)]
Names = Annotated[list[Name], Field(max_length=100)]
#: places by their names, which are looked up one by one
PlaceName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
PlaceNames = Annotated[list[PlaceName], Field(max_length=10)]
Money = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Tag = Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35)]
Kind = Literal["peer", "mentor", "role", "exchange"]


class Strict(BaseModel):
    """Takes no key that it does not know, and no value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class InstrumentFilters(Strict):
    """What instruments are narrowed to; each list says *any of these*."""

    country: Names | None = None
    not_country: Names | None = None
    theme: Names | None = None
    target_group: Names | None = None
    stage: Names | None = None
    approach: Names | None = None
    language: Names | None = None
    evidence_min: Name | None = None
    esf_objective: Names | None = None


class PlacedFilters(InstrumentFilters):
    """What practices, or actors, are narrowed to; each list says *any of these*."""

    territory: Names | None = None
    place: PlaceNames | None = None
    urban_rural: Names | None = None
    mountain: Names | None = None
    coast: Names | None = None
    led_by: Names | None = None
    participation: Names | None = None
    evidence: Names | None = None
    instrument: Names | None = None
    challenge: Names | None = None
    principle: Names | None = None


class FilterFields(PlacedFilters):
    """What entries of any class are narrowed to; each list says *any of these*."""

    type: Names | None = None


class TargetFields(Strict):
    """What the asker knows of the place that a practice would come to."""

    budget_per_head: Money | None = None
    competences: Names | None = None
    actor_types: Names | None = None
    languages: Names | None = None
    target_groups: Names | None = None


class WhatIfFields(Strict):
    """What the asker supposes besides: kinds that take part, powers held, a larger budget."""

    actor_types: Names | None = None
    competences: Names | None = None
    budget_per_head: Money | None = None


class RuleFields(Strict):
    """The rules that a consortium keeps; a call's own hold too, and the stricter of two numbers."""

    seats: Annotated[int, Field(ge=1, le=50)] | None = None
    minimum_countries: Annotated[int, Field(ge=1, le=50)] | None = None
    maximum_per_country: Annotated[int, Field(ge=1, le=50)] | None = None
    actor_types: Names | None = None
    must: Names | None = None
    exclude: Names | None = None
    countries: Names | None = None


class MatchRequest(Strict):
    """What every question may say."""

    lang: Tag | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 10


class SimilarRequest(MatchRequest):
    """Asks for entries like an entry, or like a text."""

    entry: Name | None = None
    text: Words | None = None
    filters: FilterFields | None = None
    diversity: Literal["country", "approach", "language"] | None = None
    quota: Annotated[int, Field(ge=1, le=100)] | None = None


class TransferRequest(MatchRequest):
    """Asks which practices could be carried over to a territory."""

    challenge: Name | None = None
    entry: Name | None = None
    text: Words | None = None
    filters: PlacedFilters | None = None
    territory: Name | None = None
    place: PlaceName | None = None
    target: TargetFields | None = None
    weights: dict[Name, float] | None = None
    what_if: WhatIfFields | None = None
    why_not: Name | None = None


class InstrumentsRequest(MatchRequest):
    """Asks what could pay for a practice, or for what a text describes, in a territory."""

    challenge: Name | None = None
    entry: Name | None = None
    text: Words | None = None
    filters: InstrumentFilters | None = None
    territory: Name | None = None
    place: PlaceName | None = None
    actor_types: Names | None = None
    amount: Money | None = None
    partners: Annotated[int, Field(ge=1, le=10_000)] | None = None


class ConsortiumRequest(MatchRequest):
    """Asks for a set of actors for a call, for a practice that is carried over, or for a text."""

    call: Name | None = None
    entry: Name | None = None
    challenge: Name | None = None
    text: Words | None = None
    filters: PlacedFilters | None = None
    territory: Name | None = None
    place: PlaceName | None = None
    rules: RuleFields | None = None


class GroupsRequest(MatchRequest):
    """Asks for groups of a community's members that can teach each other."""

    community: Name
    size: Annotated[int, Field(ge=2, le=50)] | None = None


class PartnersRequest(MatchRequest):
    """Asks with whom an actor, or whoever writes the text, could work."""

    actor: Name | None = None
    text: Words | None = None
    filters: PlacedFilters | None = None
    territory: Name | None = None
    place: PlaceName | None = None
    kinds: Annotated[list[Kind], Field(min_length=1)] | None = None
