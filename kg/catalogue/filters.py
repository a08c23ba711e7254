"""What lists and matches are narrowed by: one set of names, and the values that each takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kg.catalogue.lists import country_code, territory_iri
from kg.catalogue.rows import FACETS
from kg.errors import Problem, Refused, refused
from kg.stores.protocol import Store
from kg.text.i18n import gettext
from kg.text.language import LANGUAGES, primary
from kg.vocabulary import CLASSES, VOC, vocabulary

#: the filters that are no facets: what is left out, and the weakest evidence that will do
OTHERS = ("not_country", "evidence_min")
NAMES = (*FACETS, *OTHERS)
#: the facets whose values are entries
LINKED = ("instrument", "challenge")


def check(
    store: Store,
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
            checked[name] = tuple(_value(store, name, value, classes) for value in listed)
        except Refused as error:
            problems += [replace(problem, path=prefix + name) for problem in error.problems]
    if problems:
        raise Refused(gettext("A filter cannot be used."), problems)
    return checked


def _value(store: Store, name: str, value: str, classes: Sequence[str]) -> str:
    if name in {"country", "not_country"}:
        return country_code(store, value)
    if name == "territory":
        return territory_iri(store, value)
    if name == "type":
        return one_of(value, classes)
    if name == "language":
        return one_of(primary(value), LANGUAGES)
    if name in LINKED:
        return _entry(store, name, value)
    return concept(FACETS.get(name, "evidence-level"), name, value)


def _entry(store: Store, name: str, value: str) -> str:
    """The IRI of an entry of a class by it or by its name; Refused if there is none."""
    iri = value if value.startswith(store.base) else f"{store.base}id/{name}/{value}"
    if iri.startswith(f"{store.base}id/{name}/") and store.several([iri]):
        return iri
    raise refused(name, gettext("There is no such entry."), value=value)


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
