"""What a criterion looks at, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field

from kg.entry import Entry
from kg.store import Store
from kg.vocabulary import PSR, vocabulary
from matcher.evidence import Triple, cite
from matcher.place import Place, actors_in
from matcher.question import Target


@dataclass(frozen=True)
class Verdict:
    """What one criterion says. ``gate`` is ``passed``, ``failed``, ``gap`` or None.

    ``known`` is the share of what the criterion asks that is known: of its weight, only
    this share counts.
    """

    value: float | None
    text: str
    evidence: tuple[Triple, ...] = ()
    adaptations: tuple[str, ...] = ()
    gate: str | None = None
    known: float = 1.0


@dataclass(frozen=True)
class Scene:
    """What a practice is judged against: the need, the place and what is known of it."""

    store: Store
    place: Place
    target: Target
    need: float
    challenge: Entry | None = None
    instruments: tuple[Entry, ...] = ()
    actors: tuple[dict[str, str], ...] = ()
    languages: tuple[str, ...] = field(default=())


def scene(store: Store, place: Place, target: Target, challenge: Entry | None) -> Scene:
    """Return the scene with the graph's instruments and the place's actors looked up once."""
    return Scene(
        store, place, target, 0.0, challenge, tuple(store.entries("instrument")),
        tuple(actors_in(store, place)),
    )  # fmt: skip


def ordinal(practice: Entry, prop: str, low: int, high: int, known: str, unknown: str) -> Verdict:
    """Return a verdict from the rank of a concept between two ranks."""
    words = vocabulary()
    concept = max(practice.links(PSR + prop), key=lambda c: words.rank.get(c, 0), default=None)
    if concept is None:
        return Verdict(None, unknown)
    value = (words.rank.get(concept, low) - low) / (high - low)
    text = known.format(name=words.label(concept).lower())
    return Verdict(value, text, cite(practice, PSR + prop, [concept]))
