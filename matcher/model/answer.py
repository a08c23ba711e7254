"""Answers as values: JSON, RDF, pages, the console and the OpenAPI document are made from them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, cast

from pydantic import Field, TypeAdapter

from matcher.model.reasons import Reason, Triple

Share = Annotated[float, Field(ge=0, le=1)]
Level = Literal["strong", "fair", "weak"]
PartnerKind = Literal["peer", "mentor", "role", "exchange"]
ABSENT = Field(exclude_if=lambda value: value is None)


@dataclass(frozen=True)
class NamedEntry:
    """An entry by its IRI, with its class, title and country."""

    entry: str
    type: str
    title: str | None
    country: str | None


@dataclass(frozen=True)
class Match(NamedEntry):
    """An entry that answers a question, how well, and why."""

    score: Share
    level: Level
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class ReadAs:
    """How a question was read: its language, and what has to be said of it."""

    lang: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Stamp:
    """What an answer rests on: data, models, the way of reading texts, weights.

    ``statistics`` is the change after which the whole corpus was last counted.
    """

    data: int
    statistics: int
    model: str
    text: int | str
    weights: str


@dataclass(frozen=True)
class Answer:
    """Matches, best first."""

    query: ReadAs
    matches: tuple[Match, ...]
    abstained: Annotated[
        bool, Field(description="There is no good match; what is listed is the least bad.")
    ]
    stamp: Stamp


@dataclass(frozen=True)
class SimilarAnswer(Answer):
    """Matches with reasons."""


@dataclass(frozen=True)
class CriterionValue:
    """What one criterion says; ``known`` is the share of what it asks that is known."""

    value: float | None
    weight: float
    known: Share
    text: str


@dataclass(frozen=True)
class GateStatus:
    """A criterion that a practice cannot do without, and whether it is met."""

    criterion: str
    status: Literal["passed", "failed", "gap", "unknown"]
    text: str


@dataclass(frozen=True)
class NeededChange:
    """What would have to be adapted: the condition that fails, what meets it, who could help."""

    criterion: str
    condition: str
    text: str
    needs: tuple[str, ...]
    who: tuple[NamedEntry, ...]
    evidence: tuple[Triple, ...]


@dataclass(frozen=True)
class TransferWarning:
    """A warning of Dolowitz and Marsh, or from transfers that are recorded."""

    kind: Literal["uninformed", "incomplete", "inappropriate", "failed-before", "there-already"]
    text: str


@dataclass(frozen=True)
class SingleChange:
    """A single change that would raise the fit; ``change`` is a name and a value."""

    change: str
    criterion: str
    fit_before: Share
    fit_after: Share
    text: str


@dataclass(frozen=True)
class Supposition:
    """Fit and score now and under what the question supposes."""

    fit_before: Share
    fit_after: Share
    score_before: Share
    score_after: Share
    text: str


@dataclass(frozen=True)
class RuleStatus:
    """A hard rule of an instrument."""

    rule: str
    status: Literal["met", "failed", "unknown"]
    text: str


@dataclass(frozen=True)
class InstrumentRules(NamedEntry):
    """An instrument and its rules."""

    rules: tuple[RuleStatus, ...]


@dataclass(frozen=True)
class RecordedTransfer:
    """A transfer whose result is known."""

    transfer: str
    territory: str | None
    result: str


@dataclass(frozen=True)
class TransferMatch(Match):
    """A practice that could be carried over, with everything that the judgement rests on."""

    fit: Share
    coverage: Share
    criteria: Mapping[str, CriterionValue]
    gates: tuple[GateStatus, ...]
    adaptations: tuple[NeededChange, ...]
    warnings: tuple[TransferWarning, ...]
    counterfactuals: tuple[SingleChange, ...]
    instruments: tuple[InstrumentRules, ...]
    transfers: tuple[RecordedTransfer, ...]
    what_if: Annotated[Supposition | None, ABSENT] = None


@dataclass(frozen=True)
class MissingField:
    """A field that is not known; ``value`` is how many pairs would change order if it were."""

    field: str
    criterion: str
    entry: str | None
    value: float
    text: str


@dataclass(frozen=True)
class Cause:
    """What keeps a practice from the top of the list."""

    kind: str
    name: str
    text: str


@dataclass(frozen=True)
class WhyNot(NamedEntry):
    """Where a practice stands in the list, and why not higher."""

    rank: int
    of: int
    score: Share
    fit: Share
    listed: bool
    because: tuple[Cause, ...]


@dataclass(frozen=True)
class TransferAnswer(Answer):
    """Matches with criteria, gates and reasons."""

    matches: tuple[TransferMatch, ...]
    territory: str
    missing: tuple[MissingField, ...]
    why_not: Annotated[WhyNot | None, ABSENT] = None


@dataclass(frozen=True)
class PartnerMatch(Match):
    """An organisation to work with, and what it would have of it."""

    kind: PartnerKind
    for_them: tuple[Reason, ...]


@dataclass(frozen=True)
class PartnersAnswer(Answer):
    """Matches with both sides' reasons."""

    matches: tuple[PartnerMatch, ...]


@dataclass(frozen=True)
class InstrumentMatch(Match):
    """An instrument that breaks no rule."""

    rules: tuple[RuleStatus, ...]


@dataclass(frozen=True)
class InstrumentsAnswer(Answer):
    """Instruments that break no rule, and whether there is a gap."""

    matches: tuple[InstrumentMatch, ...]
    territory: str
    gap: str | None
    excluded: tuple[InstrumentRules, ...]


@dataclass(frozen=True)
class Seat(Match):
    """Who takes a seat, what they bring, and who could take it instead."""

    covers: tuple[str, ...]
    alternatives: tuple[NamedEntry, ...]


@dataclass(frozen=True)
class UnmetRule:
    """A rule, or a filter, that keeps a consortium from being possible; None for no single one."""

    rule: str | None
    text: str


@dataclass(frozen=True)
class ConsortiumAnswer(Answer):
    """The members, or the rules that cannot be met together."""

    matches: tuple[Seat, ...]
    rules: Mapping[str, Any]
    covered: tuple[str, ...]
    uncovered: tuple[str, ...]
    infeasible: tuple[UnmetRule, ...]
    candidates: int


@dataclass(frozen=True)
class GroupMember(NamedEntry):
    """A member, and the practices that it can teach and learn."""

    teaches: tuple[NamedEntry, ...]
    learns: tuple[NamedEntry, ...]


@dataclass(frozen=True)
class GroupMatch(Match):
    """A challenge and the members who face it."""

    members: tuple[GroupMember, ...]


@dataclass(frozen=True)
class GroupsAnswer(Answer):
    """Groups of members, by challenge; ``members`` counts those of the community."""

    matches: tuple[GroupMatch, ...]
    members: int


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("Any", kind))


def plain(value: object) -> dict[str, Any]:
    """Write an answer, or a part of one, as the JSON object of the contract."""
    made: dict[str, Any] = _adapter(cast("Hashable", type(value))).dump_python(value, mode="json")
    return made
