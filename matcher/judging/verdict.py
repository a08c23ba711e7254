"""What a criterion looks at, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any, Literal

from kg.entry import Entry
from kg.vocabulary import DCT, PSR, vocabulary
from matcher.graph.place import Place
from matcher.graph.ties import grouped
from matcher.graph.view import Presence, World, word
from matcher.model.filters import Target
from matcher.model.reasons import Triple, cite

Gate = Literal["passed", "failed", "gap"]


@dataclass(frozen=True)
class Adaptation:
    """What would have to change: what would meet the condition, and who there could help."""

    text: str
    needs: tuple[str, ...] = ()
    who: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What one criterion says. ``gate`` is ``passed``, ``failed``, ``gap`` or None.

    ``known`` is the share of what the criterion asks that is known: of its weight, only
    this share counts. ``cited`` is the evidence, or what gathers it when it is asked for.
    """

    value: float | None
    text: str
    cited: tuple[Triple, ...] | Callable[[], tuple[Triple, ...]] = ()
    adaptations: tuple[Adaptation, ...] = ()
    gate: Gate | None = None
    known: float = 1.0

    @cached_property
    def evidence(self) -> tuple[Triple, ...]:
        """The triples that the score rests on, each once."""
        triples = self.cited() if callable(self.cited) else self.cited
        return tuple(dict.fromkeys(triples))

    @property
    def score(self) -> tuple[float | None, float]:
        """What counts in the fit: the value, and the share that is known."""
        return self.value, 0.0 if self.value is None else self.known


@dataclass(frozen=True)
class Way:
    """An instrument by one of its themes and one of the places that it is open in."""

    instrument: Entry
    place: str
    theme: str


@dataclass(frozen=True)
class Surroundings:
    """Who and what there is at a place: looked up once for all that is judged there."""

    world: World
    place: Place

    @cached_property
    def elsewhere(self) -> dict[str, list[str]]:
        """The actors of each kind in the whole country, by IRI."""
        actors = self.world.actors_in(Place(self.place.chain[-1:]))
        return grouped((one.kind, one.actor) for one in actors)

    @cached_property
    def present(self) -> dict[str, list[Presence]]:
        """The actors there by kind, broader kinds included."""
        return grouped((one.kind, one) for one in self.world.actors_in(self.place))

    @cached_property
    def covering(self) -> dict[str, list[Way]]:
        """By theme the ways in which instruments that have not ended cover it here."""
        here = set(self.place.iris)
        return grouped(
            (theme, Way(instrument, place, theme))
            for instrument in self.world.instruments
            for theme in instrument.links(DCT + "subject")
            for place in instrument.links(PSR + "eligibleTerritory")
            if place in here and not self.world.over(instrument)
        )


@dataclass(frozen=True)
class Scene:
    """What a practice is judged against: the need, the place and what is known of it.

    ``example`` is the practice that the question is about, if it is about one; ``around`` is
    what was looked up of the place already.
    """

    world: World
    place: Place
    target: Target = field(default_factory=Target)
    need: float = 0.0
    challenge: Entry | None = None
    languages: tuple[str, ...] = ()
    example: Entry | None = None
    around: Surroundings | None = None

    @cached_property
    def here(self) -> Surroundings:
        """Looked up once, and kept by scenes made from this one."""
        return self.around or Surroundings(self.world, self.place)

    def but(self, **changes: Any) -> Scene:  # noqa: ANN401
        """Change need or target, and keep what was looked up of the place."""
        return replace(self, around=self.here, **changes)


def ordinal(practice: Entry, prop: str, low: int, high: int, known: str, unknown: str) -> Verdict:
    """Score the highest stated concept by where its rank lies between two ranks."""
    words = vocabulary()
    concept = max(practice.links(PSR + prop), key=lambda c: words.rank.get(c, 0), default=None)
    if concept is None:
        return Verdict(None, unknown)
    value = (words.rank.get(concept, low) - low) / (high - low)
    text = known.format(name=word(concept))
    return Verdict(value, text, cite(practice, PSR + prop, [concept]))


def any_of(chances: Iterable[float]) -> float:
    """The chance that at least one of independent ones holds (noisy-or, Pearl 1988)."""
    return 1 - prod(1 - chance for chance in chances)


def listed(count: int) -> float:
    """N / (n + 1): a list of n tells more with each item, and may lack one."""
    return count / (count + 1)
