"""What every answer has in common: the match's names, its score, level and reasons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from kg.vocabulary import DCT
from matcher.graph.view import World
from matcher.model.answer import Match, NamedEntry
from matcher.model.reasons import Reason
from matcher.search.ranking import level

M = TypeVar("M", bound=Match)
N = TypeVar("N", bound=NamedEntry)


def named(world: World, iri: str, lang: str, kind: type[N], /, **more: Any) -> N:  # noqa: ANN401
    """Name an entry by its class, title and country, with the other fields of ``kind``."""
    entry = world.get(iri)
    country = next(iter(world.countries(entry)), None)
    title = entry.text(DCT + "title", lang)
    return kind(entry=iri, type=entry.path, title=title, country=country, **more)


def names(world: World, iri: str, lang: str) -> NamedEntry:
    """Name an entry by its class, title and country."""
    return named(world, iri, lang, NamedEntry)


def match(
    world: World,
    iri: str,
    score: float,
    lang: str,
    reasons: Iterable[Reason],
    kind: type[M],
    /,
    **more: Any,  # noqa: ANN401
) -> M:
    """Make a match: the entry's names, score, level and reasons, with the fields of ``kind``."""
    own: dict[str, Any] = {"score": round(score, 4), "level": level(score)}
    return named(world, iri, lang, kind, **own | {"reasons": tuple(reasons)} | more)
