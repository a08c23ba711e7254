"""Does fit foretell adoption? Recorded transfers against places that could have adopted.

For each recorded transfer to a municipality: is its place ranked above the other municipalities
of the graph of similar size (half to twice the people) in other countries, by the context
criteria alone? Those that adopted the same practice are left out. No text is looked at: the name
of a city says nothing of its needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kg import starter
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from kg.vocabulary import PSR
from matcher.evaluation.collection import Interval, estimate
from matcher.graph.place import Place
from matcher.graph.view import Moved, World
from matcher.judging.criteria import CRITERIA, WEIGHTS
from matcher.judging.fit import NEUTRAL, weigh
from matcher.judging.verdict import Scene

CONTEXT = ("I5", "E1", "E2", "E3", "E4")
#: how many times as many people a place of similar size has at most
SIZE = 2.0
Score = Callable[[str, Place], float]


@dataclass(frozen=True)
class Adoption:
    """A practice, the place that adopted it, and places of its size that could have."""

    practice: str
    place: Place
    others: list[Place]

    def auc(self, score: Score) -> float:
        """The share of the other places that its own is ahead of; ties count half."""
        own = score(self.practice, self.place)
        others = np.array([score(self.practice, place) for place in self.others])
        return float((others < own - 1e-9).mean() + 0.5 * (abs(others - own) <= 1e-9).mean())


def starter_world() -> World:
    """The starter graph of this release, whatever a home holds."""
    store = EmbeddedStore(starter.FILES_BASE)
    entries = starter.entries(starter.FILES_BASE)
    store.write([Change(e.iri, e) for e in entries], "evaluation", "import")
    return World(store)


def evaluate(*, seed: int = 1, samples: int = 1000) -> dict[str, object]:
    """The report on the starter graph of this release."""
    return report(starter_world(), seed=seed, samples=samples)


def report(world: World, *, seed: int = 1, samples: int = 1000) -> dict[str, object]:
    """The AUC of the context criteria together and of each alone; intervals over transfers."""
    adoptions = recorded(world)

    def auc(*criteria: str) -> dict[str, Interval]:
        score = _score(world, criteria)
        return {"auc": estimate([a.auc(score) for a in adoptions], seed, samples)}

    return {
        "collection": "adoption",
        "queries": len(adoptions),
        "overall": auc(*CONTEXT),
        "baselines": {"chance": {"auc": {"value": 0.5, "low": 0.5, "high": 0.5}}},
        "criteria": {name: auc(name) for name in CONTEXT},
        "others": round(float(np.mean([len(a.others) for a in adoptions] or [0])), 1),
        "stamp": {"seed": seed, "samples": samples, "criteria": list(CONTEXT)},
    }


def recorded(world: World) -> list[Adoption]:
    """The transfers to a municipality that has others to be compared with."""
    towns = [
        (place, people)
        for entry in world.store.entries("territory")
        if (place := world.place(entry.iri)).level == "municipality"
        and (people := entry.number(PSR + "population"))
    ]

    def targets(moved: Moved) -> list[str]:
        """Where a practice was taken to: a town is often named with its region."""
        return world.get(moved.iri).links(PSR + "targetTerritory")

    adoptions = []
    for moved in world.all_moved():
        here = targets(moved)
        own, size = next((town for town in towns if town[0].iri in here), (None, 0.0))
        if own is None:
            continue
        took = {iri for m in world.moved(moved.practice) for iri in targets(m)}
        took |= {p.iri for p in world.places(world.get(moved.practice))}
        others = [
            town
            for town, people in towns
            if town.iri not in took
            and town.chain[-1].iri != own.chain[-1].iri
            and 1 / SIZE <= people / size <= SIZE
        ]
        if others:
            adoptions.append(Adoption(moved.practice, own, others))
    return adoptions


def _score(world: World, criteria: Sequence[str]) -> Score:
    def score(practice: str, place: Place) -> float:
        scene = Scene(world, place)
        verdicts = {name: CRITERIA[name](world.get(practice), scene) for name in criteria}
        fit, known = weigh(verdicts, WEIGHTS)
        return known * fit + (1 - known) * NEUTRAL

    return score
