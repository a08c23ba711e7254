"""What lists and matches are narrowed by: one set of names, and the values that each takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kg.catalogue.places import Places
from kg.catalogue.rows import FACETS
from kg.errors import Problem, Refused, refused
from kg.text.i18n import gettext
from kg.text.language import LANGUAGES, primary
from kg.vocabulary import CLASSES, VOC, local_name, vocabulary

#: the filters that are no facets: what is left out, the weakest evidence that will do, and a
#: territory by its name
OTHERS = ("not_country", "evidence_min", "place")
NAMES = (*FACETS, *OTHERS)
#: the facets whose values are entries, by their names; one that nothing has leaves nothing
LINKED = ("instrument", "challenge")


def check(
    places: Places,
    raw: Mapping[str, Sequence[str] | str],
    *,
    prefix: str = "",
    classes: Sequence[str] = tuple(CLASSES),
) -> dict[str, tuple[str, ...]]:
    """The values of filters as entries carry them: codes, and IRIs of concepts and entries.

    Refused names every wrong one, by the name of its filter behind ``prefix``.
    """
    problems: list[Problem] = []
    checked: dict[str, tuple[str, ...]] = {}
    for name, values in raw.items():
        if name not in NAMES:
            hint = gettext("Use %(names)s.", names=", ".join(sorted(NAMES)))
            text = gettext("This filter is not known.")
            problems.append(Problem(prefix + name, text, hint=hint))
            continue
        try:
            listed = [values] if isinstance(values, str) else values
            kind = "territory" if name == "place" else name
            known = (_value(places, name, value, classes) for value in listed)
            checked[kind] = (*checked.get(kind, ()), *known)
        except Refused as error:
            problems += [replace(problem, path=prefix + name) for problem in error.problems]
    if problems:
        raise Refused(gettext("A filter cannot be used."), problems)
    return checked


def _value(places: Places, name: str, value: str, classes: Sequence[str]) -> str:
    if name in {"country", "not_country"}:
        return places.territories.country(value)
    if name == "territory":
        return places.territories.known(value).iri
    if name == "place":
        return places.meant(value).entry
    if name == "type":
        return one_of(value, classes)
    if name == "language":
        return one_of(primary(value), LANGUAGES)
    if name in LINKED:
        return local_name(value)
    return concept(FACETS.get(name, "evidence-level"), name, value)


def one_of(value: str, known: Sequence[str], path: str = "") -> str:
    """A value of a short list; Refused with the list if it is none of it."""
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
