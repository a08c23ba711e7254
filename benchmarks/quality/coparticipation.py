"""Whether the ties of the graph foretell new partners: Horizon 2020, ids only.

Trained on the projects that start up to a year, the pairs of organisations that first meet
in a later project are to be found. An organisation is asked about if it has such a partner
and was there before; all others that it has not met are candidates.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.quality.judged import Floats
from kg.errors import ImportFailed
from matcher.evaluation.collection import Bools, Interval, estimate, reciprocal_rank
from matcher.graph.ties import YEARS, Membership, Ties, grouped

DEPTH = 20
#: the last year that is learnt from
LEARNT = 2018


@dataclass(frozen=True)
class PartnerTask:
    """What was known, who is asked about, and whom each of them met first later on."""

    ties: Ties
    projects: Counter[str]
    actors: tuple[str, ...]
    met: dict[str, set[str]]
    fresh: dict[str, set[str]]


def read(path: Path) -> list[Membership]:
    """Who took part in which project, starting when; ImportFailed for another file."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
        return [Membership(r["pic"], r["rcn"], int(r["start_date"][:4])) for r in rows]
    except (OSError, ValueError, KeyError) as error:
        raise ImportFailed(f"{path.name} is not a table of participations.") from error


def task(
    rows: Iterable[Membership], learnt: int = LEARNT, until: int = 9999, fade: float = YEARS
) -> PartnerTask:
    """The task of a split by year; ``fade`` is the years after which a tie counts 1/e."""
    rows = sorted(set(rows), key=lambda m: (m.actor, m.group))
    before = [m for m in rows if (m.year or 0) <= learnt]
    projects = Counter(m.actor for m in before)
    met = _partners(before, projects)
    after = _partners((m for m in rows if learnt < (m.year or 0) <= until), projects)
    fresh = {actor: partners - met.get(actor, set()) for actor, partners in after.items()}
    actors = tuple(sorted(actor for actor in fresh if fresh[actor]))
    return PartnerTask(Ties(before, fade), projects, actors, met, fresh)


def _partners(rows: Iterable[Membership], known: Container[str]) -> dict[str, set[str]]:
    partners: dict[str, set[str]] = {}
    for group in grouped((m.group, m.actor) for m in rows if m.actor in known).values():
        for actor in group:
            partners.setdefault(actor, set()).update({*group} - {actor})
    return partners


def evaluate(path: Path, *, seed: int = 1, samples: int = 1000) -> dict[str, object]:
    """MRR and recall among the first 20, with intervals, beside three baselines."""
    given = task(read(path))
    return {
        "collection": "coparticipation",
        "queries": len(given.actors),
        "overall": measured(given, given.ties.scores(given.actors), seed, samples),
        "baselines": {
            name: measured(given, scores, seed, samples)
            for name, scores in baselines(given, seed).items()
        },
        "stamp": {"learnt_until": LEARNT, "seed": seed, "samples": samples},
    }


def baselines(given: PartnerTask, seed: int) -> dict[str, Floats]:
    """A row of scores for each actor that is asked about: chance, activity, Adamic-Adar."""
    actors = given.ties.actors
    at = {actor: n for n, actor in enumerate(actors)}
    linked = np.zeros((len(actors), len(actors)))
    for actor, partners in given.met.items():
        linked[at[actor], [at[p] for p in partners]] = 1.0
    degree = np.maximum(linked.sum(axis=1), 2)
    rows = [at[actor] for actor in given.actors]
    size = np.array([given.projects[actor] for actor in actors], float)
    return {
        "random": np.random.default_rng(seed).random((len(rows), len(actors))),
        "popularity": np.tile(size, (len(rows), 1)),
        "adamic_adar": linked[rows] / np.log(degree) @ linked,
    }


def measured(given: PartnerTask, scores: Floats, seed: int, samples: int) -> dict[str, Interval]:
    """The measures of a row of scores for each actor."""
    rows = hits(given, scores)
    fresh = [len(given.fresh[actor]) for actor in given.actors]
    recalls = [row[:DEPTH].sum() / count for row, count in zip(rows, fresh, strict=True)]
    return {
        "mrr": estimate([reciprocal_rank(row) for row in rows], seed, samples),
        f"recall{DEPTH}": estimate(recalls, seed, samples),
    }


def hits(given: PartnerTask, scores: Floats) -> list[Bools]:
    """Which candidates of each actor are new partners, best first; equal scores by id."""
    rows = []
    for actor, row in zip(given.actors, scores, strict=True):
        out, fresh = given.met.get(actor, set()) | {actor}, given.fresh[actor]
        names = (given.ties.actors[n] for n in np.argsort(-row, kind="stable"))
        rows.append(np.array([name in fresh for name in names if name not in out]))
    return rows
