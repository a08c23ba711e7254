"""What a question is narrowed to and what its asker states, checked against the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kg.catalogue.filters import check, concepts, one_of
from kg.catalogue.places import Places
from kg.entry import Entry
from kg.errors import NotFound, refused
from kg.stores.protocol import Store
from kg.text.i18n import gettext
from kg.text.language import LANGUAGES, primary
from matcher.encoding.text import INDEXED

PARTNER_KINDS = ("peer", "mentor", "role", "exchange")


@dataclass(frozen=True)
class Filters:
    """What matches are narrowed to, inside the search; an empty tuple means no filter.

    Values are IRIs for territories and concepts, ISO codes for countries and languages.
    """

    type: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    not_country: tuple[str, ...] = ()
    territory: tuple[str, ...] = ()
    theme: tuple[str, ...] = ()
    target_group: tuple[str, ...] = ()
    stage: tuple[str, ...] = ()
    approach: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    urban_rural: tuple[str, ...] = ()
    mountain: tuple[str, ...] = ()
    coast: tuple[str, ...] = ()
    led_by: tuple[str, ...] = ()
    participation: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    instrument: tuple[str, ...] = ()
    challenge: tuple[str, ...] = ()
    principle: tuple[str, ...] = ()
    esf_objective: tuple[str, ...] = ()
    evidence_min: str | None = None

    @property
    def conditions(self) -> dict[str, tuple[str, ...]]:
        """The filters as the catalogue takes them."""
        least = (self.evidence_min,) if self.evidence_min else ()
        return {**vars(self), "evidence_min": least}


@dataclass(frozen=True)
class Target:
    """What the asker knows of the place: money per head, powers, actors, languages, people.

    ``actor_types`` says which kinds there are, and so which there are not; ``joined`` names
    kinds that would take part whatever else is there.
    """

    budget_per_head: float | None = None
    competences: tuple[str, ...] = ()
    actor_types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    target_groups: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()


def check_filters(places: Places, raw: Mapping[str, Sequence[str] | str]) -> Filters:
    """Check the values of filters; Refused names every wrong one."""
    checked = check(places, raw, prefix="filters.", classes=INDEXED)
    least = checked.pop("evidence_min", ())
    return Filters(**checked, evidence_min=least[0] if least else None)


def check_target(raw: Mapping[str, Any]) -> Target:
    """Read what was stated, concepts as IRIs; Refused names what is not known."""

    def listed(name: str, scheme: str) -> tuple[str, ...]:
        return concepts(scheme, f"target.{name}", raw.get(name, ()))

    spoken = map(primary, raw.get("languages", ()))
    return Target(
        budget_per_head=raw.get("budget_per_head"),
        competences=listed("competences", "competence"),
        actor_types=listed("actor_types", "actor-type"),
        languages=tuple(one_of(lang, LANGUAGES, "target.languages") for lang in spoken),
        target_groups=listed("target_groups", "target-group"),
    )


def read(store: Store, iri: str, *paths: str, field: str = "entry") -> Entry:
    """The entry that a question is about; Refused if unknown or of another class."""
    try:
        entry = store.get(iri)
    except (NotFound, ValueError) as error:
        raise refused(field, gettext("There is no such entry."), value=iri) from error
    if entry.path not in paths:
        text = gettext("The entry is of the class %(kind)s.", kind=entry.path)
        hint = gettext("Send one of: %(names)s.", names=", ".join(paths))
        raise refused(field, text, value=iri, hint=hint)
    return entry
