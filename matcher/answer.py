"""What every answer has in common: the match's names, the stamp, no good match."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from kg.catalogue import summary
from kg.store import Store
from matcher.evidence import Reason
from matcher.retrieval import level

Json = dict[str, object]


def match(store: Store, iri: str, score: float, lang: str, reasons: list[Reason]) -> Json:
    """Return a match: the entry's names, score, level and reasons."""
    found: Json = dict(summary(store, iri, lang))
    return found | {
        "score": round(score, 4),
        "level": level(score),
        "reasons": [r.as_dict() for r in reasons],
    }


def weights_hash(weights: Mapping[str, float]) -> str:
    """Return eight hex digits that change with the weights."""
    return hashlib.sha256(json.dumps(weights, sort_keys=True).encode()).hexdigest()[:8]
