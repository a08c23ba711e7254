"""What a question is narrowed to and what its asker states, checked against the graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from kg.catalogue.places import Places
from kg.entry import Entry
from kg.errors import NotFound, Problem, Refused, refused
from kg.stores.protocol import Store
from kg.text.i18n import gettext
from kg.text.language import LANGUAGES, primary
from kg.vocabulary import VOC, vocabulary
from matcher.encoding.text import INDEXED

#: filter -> the scheme its values come from
SCHEMES = {
    "theme": "theme",
    "target_group": "target-group",
    "stage": "stage",
    "approach": "approach",
}
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
    evidence_min: str | None = None


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
    """Check the values of filters; Refused names every wrong one.

    A ``place`` is a territory by its name.
    """
    problems: list[Problem] = []
    known = sorted({"place", *(f.name for f in fields(Filters))})
    checked: dict[str, tuple[str, ...]] = {}
    for name, values in raw.items():
        path = f"filters.{name}"
        if name not in known:
            hint = gettext("Use %(names)s.", names=", ".join(known))
            problems.append(Problem(path, gettext("This filter is not known."), hint=hint))
            continue
        try:
            listed = [values] if isinstance(values, str) else values
            kind = "territory" if name == "place" else name
            values = [_value(places, name, value) for value in listed]
            checked[kind] = (*checked.get(kind, ()), *values)
        except Refused as error:
            problems += [replace(problem, path=path) for problem in error.problems]
    if problems:
        raise Refused(gettext("A filter cannot be used."), problems)
    evidence = checked.pop("evidence_min", ())
    return Filters(**checked, evidence_min=evidence[0] if evidence else None)


def _value(places: Places, name: str, value: str) -> str:
    """A filter value as the index keeps it; Refused if it is not known."""
    if name in {"country", "not_country"}:
        return places.territories.country(value)
    if name == "territory":
        return places.territories.known(value).iri
    if name == "place":
        return places.meant(value).entry
    if name == "type":
        return _one_of(value, INDEXED)
    if name == "language":
        return _one_of(primary(value), LANGUAGES)
    return concept(SCHEMES.get(name, "evidence-level"), name, value)


def _one_of(value: str, known: tuple[str, ...], path: str = "") -> str:
    if value not in known:
        text = gettext("%(value)s is not known.", value=repr(value))
        hint = gettext("Use one of %(names)s.", names=", ".join(known))
        raise refused(path, text, value=value, hint=hint)
    return value


def concept(scheme: str, path: str, value: str) -> str:
    """The concept's IRI for a slug or IRI of a scheme; Refused if there is none."""
    iri = vocabulary().find(scheme, value)
    if iri is None:
        text = gettext("%(value)s is not in the list.", value=repr(value))
        hint = gettext("See %(scheme)s.", scheme=VOC + scheme)
        raise refused(path, text, value=value, hint=hint)
    return iri


def concepts(scheme: str, path: str, values: Iterable[str]) -> tuple[str, ...]:
    """The concepts' IRIs for a list; Refused for the first that is not known."""
    return tuple(concept(scheme, path, value) for value in values)


def check_target(raw: Mapping[str, Any]) -> Target:
    """Read what was stated, concepts as IRIs; Refused names what is not known."""

    def listed(name: str, scheme: str) -> tuple[str, ...]:
        return concepts(scheme, f"target.{name}", raw.get(name, ()))

    spoken = map(primary, raw.get("languages", ()))
    return Target(
        budget_per_head=raw.get("budget_per_head"),
        competences=listed("competences", "competence"),
        actor_types=listed("actor_types", "actor-type"),
        languages=tuple(_one_of(lang, LANGUAGES, "target.languages") for lang in spoken),
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
