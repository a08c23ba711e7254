"""What can be asked, and the checks of it against the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from kg.catalogue.lists import country_code, territory_iri
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
KINDS = ("peer", "mentor", "role", "exchange")


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


@dataclass(frozen=True)
class WhatIf:
    """What the asker supposes: kinds that take part, powers held, a budget raised to this."""

    actor_types: tuple[str, ...] = ()
    competences: tuple[str, ...] = ()
    budget_per_head: float | None = None


@dataclass(frozen=True)
class Question:
    """What is asked; ``entry`` or ``text`` says what it is about, the rest is for some kinds.

    ``also`` are practices that *transfer* shows beyond the limit; no request can name them.
    """

    text: str | None = None
    entry: str | None = None
    lang: str | None = None
    limit: int = 10
    filters: Filters = field(default_factory=Filters)
    territory: str | None = None
    target: Target = field(default_factory=Target)
    kinds: tuple[str, ...] = ()
    weights: Mapping[str, object] = field(default_factory=dict)
    what_if: WhatIf | None = None
    why_not: str | None = None
    actor_types: tuple[str, ...] = ()
    amount: float | None = None
    partners: int | None = None
    rules: Mapping[str, object] = field(default_factory=dict)
    size: int | None = None
    diversity: str | None = None
    quota: int | None = None
    also: tuple[str, ...] = ()


def check_filters(store: Store, raw: Mapping[str, Sequence[str] | str]) -> Filters:
    """Return the filters with their values checked; Refused names every wrong one."""
    problems: list[Problem] = []
    known = {f.name for f in fields(Filters)}
    found: dict[str, tuple[str, ...]] = {}
    for name, values in raw.items():
        path = f"filters.{name}"
        if name not in known:
            problems.append(
                Problem(
                    path,
                    gettext("This filter is not known."),
                    hint=gettext("Use %(names)s.", names=", ".join(sorted(known))),
                )
            )
            continue
        try:
            found[name] = tuple(
                _value(store, name, v) for v in ([values] if isinstance(values, str) else values)
            )
        except Refused as error:
            problems += [
                Problem(path, p.message, value=p.value, hint=p.hint) for p in error.problems
            ]
    if problems:
        raise Refused(gettext("A filter cannot be used."), problems)
    evidence = found.pop("evidence_min", ())
    return Filters(**found, evidence_min=evidence[0] if evidence else None)


def _value(store: Store, name: str, value: str) -> str:
    """Return a filter value as the index keeps it, or raise Refused."""
    if name in {"country", "not_country"}:
        return country_code(store, value)
    if name == "territory":
        return territory_iri(store, value)
    if name == "type":
        return _one_of(value, INDEXED)
    if name == "language":
        return _one_of(primary(value), LANGUAGES)
    return concept(SCHEMES.get(name, "evidence-level"), value, name)


def _one_of(value: str, known: tuple[str, ...], path: str = "") -> str:
    if value not in known:
        raise refused(
            path,
            gettext("%(value)s is not known.", value=repr(value)),
            value=value,
            hint=gettext("Use one of %(names)s.", names=", ".join(known)),
        )
    return value


def concept(scheme: str, value: str, path: str) -> str:
    """Return the concept's IRI for a slug or IRI of a scheme; Refused if there is none."""
    found = vocabulary().find(scheme, value)
    if found is None:
        raise refused(
            path,
            gettext("%(value)s is not in the list.", value=repr(value)),
            value=value,
            hint=gettext("See %(scheme)s.", scheme=VOC + scheme),
        )
    return found


def check_target(raw: Target) -> Target:
    """Return the target with concepts as IRIs; Refused names what is not known."""
    return Target(
        raw.budget_per_head,
        tuple(concept("competence", v, "target.competences") for v in raw.competences),
        tuple(concept("actor-type", v, "target.actor_types") for v in raw.actor_types),
        tuple(_one_of(primary(v), LANGUAGES, "target.languages") for v in raw.languages),
        tuple(concept("target-group", v, "target.target_groups") for v in raw.target_groups),
    )


def read(store: Store, iri: str, *paths: str, field: str = "entry") -> Entry:
    """Return the entry that a question is about; Refused if unknown or of another class."""
    try:
        entry = store.get(iri)
    except (NotFound, ValueError) as error:
        raise refused(field, gettext("There is no such entry."), value=iri) from error
    if entry.path not in paths:
        raise refused(
            field, gettext("The entry is of the class %(kind)s.", kind=entry.path), value=iri,
            hint=gettext("Send one of: %(names)s.", names=', '.join(paths)),
        )  # fmt: skip
    return entry
