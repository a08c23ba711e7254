"""A question that was checked: everything below the door takes this value as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from kg.entry import Entry
from matcher.graph.place import Place
from matcher.model.filters import Filters, Target


@dataclass(frozen=True)
class Rules:
    """What a consortium must keep. ``actor_types`` are kinds of which one must be in it each.

    Empty lists and None ask for nothing.
    """

    seats: int = 1
    minimum_countries: int = 1
    maximum_per_country: int | None = None
    actor_types: tuple[str, ...] = ()
    must: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    eligible_types: tuple[str, ...] = ()
    eligible_territories: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return the rules that ask for something."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class Question:
    """What a question is about, ``entry`` or ``text``, and what only some kinds take.

    ``place`` is where it should work or where the asker is, ``named_place`` what it was called
    where it was sent, ``supposed`` the target if what is
    supposed came true, ``also`` are practices that *transfer* shows beyond the limit. ``weights``
    add up to 1.
    """

    lang: str
    text: str | None = None
    entry: Entry | None = None
    limit: int = 10
    filters: Filters = field(default_factory=Filters)
    place: Place | None = None
    named_place: str = ""
    target: Target = field(default_factory=Target)
    supposed: Target | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    why_not: Entry | None = None
    kinds: tuple[str, ...] = ()
    actor_types: tuple[str, ...] = ()
    amount: float | None = None
    partners: int | None = None
    rules: Rules = field(default_factory=Rules)
    size: int | None = None
    diversity: str | None = None
    quota: int = 0
    also: tuple[str, ...] = ()
