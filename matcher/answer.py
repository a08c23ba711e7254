"""What every answer has in common: the match's names, its score, level and reasons."""

from __future__ import annotations

from collections.abc import Sequence

from kg.vocabulary import DCT
from matcher.graph.view import World
from matcher.model.reasons import Reason
from matcher.search.ranking import level

Json = dict[str, object]


def names(world: World, iri: str, lang: str) -> Json:
    """Return an entry's IRI, class, title and country."""
    entry = world.get(iri)
    country = next(iter(world.countries(entry)), None)
    title = entry.text(DCT + "title", lang)
    return {"entry": iri, "type": entry.path, "title": title, "country": country}


def match(world: World, iri: str, score: float, lang: str, reasons: Sequence[Reason]) -> Json:
    """Return a match: the entry's names, score, level and reasons."""
    return names(world, iri, lang) | {
        "score": round(score, 4),
        "level": level(score),
        "reasons": [r.as_dict() for r in reasons],
    }
