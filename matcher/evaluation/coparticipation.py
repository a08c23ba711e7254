"""Whether the ties of the graph foretell new partners: Horizon 2020, ids only.

Trained on the projects that start up to a year, the pairs of organisations that first meet
in a later project are to be found. An organisation is asked about if it has such a partner
and was there before; all others that it has not met are candidates.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kg.errors import ImportFailed
from matcher.evaluation.measures import estimate, reciprocal_rank
from matcher.graph.ties import Membership, Ties, grouped

DEPTH = 20
#: the last year that is learnt from
LEARNT = 2018
Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Task:
    """What was known, who was asked about, and whom each of them met first later on."""

    ties: Ties
    sizes: dict[str, int]
    asked: tuple[str, ...]
    met: dict[str, frozenset[str]]
    fresh: dict[str, frozenset[str]]


def read(path: Path) -> list[Membership]:
    """Return who took part in which project, starting when; ImportFailed for another file."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
        return [Membership(r["pic"], r["rcn"], int(r["start_date"][:4])) for r in rows]
    except (OSError, ValueError, KeyError) as error:
        raise ImportFailed(f"{path.name} is not a table of participations.") from error


def task(rows: Iterable[Membership], learnt: int = LEARNT) -> Task:
    """Return the task of a split by year."""
    rows = list(rows)
    before = [m for m in rows if (m.year or 0) <= learnt]
    known = {m.actor for m in before}
    met = _partners(grouped(before).values(), known)
    after = _partners(grouped(m for m in rows if (m.year or 0) > learnt).values(), known)
    fresh = {a: frozenset(after[a] - met.get(a, set())) for a in after}
    asked = tuple(sorted(a for a in fresh if fresh[a]))
    sizes = {a: 0 for a in known}
    for one in set(before):
        sizes[one.actor] += 1
    return Task(Ties(before), sizes, asked, {a: frozenset(p) for a, p in met.items()}, fresh)


def _partners(groups: Iterable[set[str]], known: set[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for group in groups:
        there = group & known
        for actor in there:
            found.setdefault(actor, set()).update(there - {actor})
    return found


def evaluate(path: Path, *, seed: int = 1, samples: int = 1000) -> dict[str, object]:
    """Return MRR and recall among the first 20, with intervals, beside three baselines."""
    given = task(read(path))
    return {
        "collection": "coparticipation", "queries": len(given.asked),
        **_measured(given, given.ties.scores(given.asked), seed, samples),
        "baselines": {
            name: _measured(given, scores, seed, samples)
            for name, scores in _baselines(given, seed).items()
        },
        "stamp": {"learnt_until": LEARNT, "seed": seed, "samples": samples},
    }  # fmt: skip


def _baselines(given: Task, seed: int) -> dict[str, Floats]:
    actors = given.ties.actors
    at = {a: n for n, a in enumerate(actors)}
    linked = np.zeros((len(actors), len(actors)))
    for actor, partners in given.met.items():
        linked[at[actor], [at[p] for p in partners]] = 1.0
    degree = np.maximum(linked.sum(axis=1), 2)
    rows = [at[a] for a in given.asked]
    size = np.array([given.sizes[a] for a in actors], float)
    return {
        "random": np.random.default_rng(seed).random((len(rows), len(actors))),
        "popularity": np.tile(size, (len(rows), 1)),
        "adamic_adar": linked[rows] / np.log(degree) @ linked,
    }


def _measured(given: Task, scores: Floats, seed: int, samples: int) -> dict[str, object]:
    ranks, recalls = [], []
    for actor, row in zip(given.asked, scores, strict=True):
        hits = np.array(_ranked(given, actor, row))
        ranks.append(reciprocal_rank(hits))
        recalls.append(float(hits[:DEPTH].sum() / len(given.fresh[actor])))
    return {
        "mrr": estimate(ranks, seed, samples).as_dict(),
        f"recall{DEPTH}": estimate(recalls, seed, samples).as_dict(),
    }


def _ranked(given: Task, actor: str, row: Sequence[float] | Floats) -> list[bool]:
    """Return which of the candidates are new partners, best first; ties by id."""
    out, fresh = given.met.get(actor, frozenset()) | {actor}, given.fresh[actor]
    order = np.argsort(-np.asarray(row), kind="stable")
    names = (given.ties.actors[n] for n in order)
    return [name in fresh for name in names if name not in out]
