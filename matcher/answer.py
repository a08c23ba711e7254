"""What every answer has in common: the match's names, its score, level and reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from kg.vocabulary import DCT
from matcher.graph.view import World, surviving
from matcher.model.answer import Match, NamedEntry
from matcher.model.reasons import Reason
from matcher.search.ranking import level

M = TypeVar("M", bound=Match)
N = TypeVar("N", bound=NamedEntry)


@dataclass(frozen=True)
class Names:
    """Entries by class, title and country, the title in the language of a question."""

    world: World
    lang: str

    def named(self, kind: type[N], iri: str, /, **more: Any) -> N:  # noqa: ANN401
        """Name an entry, with the other fields of ``kind``."""
        entry = self.world.get(iri)
        country = next(iter(self.world.countries(entry)), None)
        title = entry.text(DCT + "title", self.lang)
        return kind(entry=iri, type=entry.path, title=title, country=country, **more)

    def entry(self, iri: str) -> NamedEntry:
        """Name an entry and say no more of it."""
        return self.named(NamedEntry, iri)

    def entries(self, iris: Iterable[str]) -> tuple[NamedEntry, ...]:
        """Name those that are still there."""
        return tuple(surviving(iris, self.entry))

    def match(
        self, kind: type[M], iri: str, score: float, reasons: Iterable[Reason], /, **more: object
    ) -> M:
        """Make a match with its score, level and reasons, and the other fields of ``kind``."""
        own = {"score": round(score, 4), "level": level(score), "reasons": tuple(reasons)}
        return self.named(kind, iri, **own | more)
