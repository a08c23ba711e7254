"""Does fit foretell adoption? Recorded transfers against places that could have adopted.

For each recorded transfer to a municipality: is its place ranked above the other municipalities
of the graph of similar size (half to twice the people) in other countries, by the context
criteria alone? Those that adopted the same practice are left out. No text is looked at: the name
of a city says nothing of its needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kg import starter
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from kg.vocabulary import PSR
from matcher.evaluation.measures import estimate
from matcher.graph.place import Place
from matcher.graph.view import Moved, World
from matcher.judging.criteria import CRITERIA, WEIGHTS
from matcher.judging.criteria.verdict import Scene
from matcher.judging.fit import NEUTRAL, weigh

CONTEXT = ("I5", "E1", "E2", "E3", "E4")
#: how many times as many people a place of similar size has at most
SIZE = 2.0
Score = Callable[[str, Place], float]


def evaluate(*, seed: int = 1, samples: int = 1000) -> dict[str, object]:
    """Return the report on the starter graph of this release."""
    store = EmbeddedStore(starter.FILES_BASE)
    entries = starter.entries(starter.FILES_BASE)
    store.write([Change(e.iri, e) for e in entries], "evaluation", "import")
    return report(World(store), seed=seed, samples=samples)


def report(world: World, *, seed: int = 1, samples: int = 1000) -> dict[str, object]:
    """Return the AUC of the context criteria together, and of each alone, with intervals.

    The AUC of a transfer is the share of the other places that its own place is ahead of,
    ties counting half; the interval is over transfers.
    """
    cases = _cases(world)
    systems = {"context": CONTEXT} | {name: (name,) for name in CONTEXT}
    scores = {name: _score(world, only) for name, only in systems.items()}
    rows = {
        name: [_auc(score, practice, own, others) for practice, own, others in cases]
        for name, score in scores.items()
    }
    return {
        "collection": "adoption", "transfers": len(cases),
        "others": round(float(np.mean([len(o) for _p, _own, o in cases] or [0])), 1),
        "auc": {name: estimate(row, seed, samples).as_dict() for name, row in rows.items()},
        "stamp": {"seed": seed, "samples": samples, "criteria": list(CONTEXT)},
    }  # fmt: skip


def _cases(world: World) -> list[tuple[str, Place, list[Place]]]:
    """Return practice, place of the adopter and the other places of each transfer."""
    towns = [
        place
        for entry in world.store.entries("territory")
        if (place := world.place(entry.iri)).level == "municipality" and _people(place)
    ]
    found = []
    for moved in world.all_moved():
        own = next((t for t in towns if t.iri in _targets(world, moved)), None)
        took = {iri for m in world.moved(moved.practice) for iri in _targets(world, m)}
        took |= {p.iri for p in world.places(world.get(moved.practice))}
        if own is not None:
            others = [t for t in towns if t.iri not in took and _alike(own, t)]
            found.append((moved.practice, own, others))
    return [case for case in found if case[2]]


def _targets(world: World, moved: Moved) -> list[str]:
    """Return where a practice was taken to: a town is often named with its region."""
    return world.get(moved.iri).links(PSR + "targetTerritory")


def _people(place: Place) -> float:
    return place.entry.number(PSR + "population") or 0.0


def _alike(own: Place, other: Place) -> bool:
    ratio = _people(other) / _people(own)
    return own.chain[-1].iri != other.chain[-1].iri and 1 / SIZE <= ratio <= SIZE


def _score(world: World, only: Sequence[str]) -> Score:
    def score(practice: str, place: Place) -> float:
        scene = Scene(world, place)
        verdicts = {name: CRITERIA[name](world.get(practice), scene) for name in only}
        fit, known = weigh(verdicts, WEIGHTS)
        return known * fit + (1 - known) * NEUTRAL

    return score


def _auc(score: Score, practice: str, own: Place, others: Sequence[Place]) -> float:
    mine, theirs = score(practice, own), np.array([score(practice, o) for o in others])
    return float((theirs < mine - 1e-9).mean() + 0.5 * (abs(theirs - mine) <= 1e-9).mean())
