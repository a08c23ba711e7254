"""Ties between actors: who works with whom, and who is near whom through others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse

#: chance that the walk starts again, and the years after which a shared group counts 1/e;
#: chosen on the years up to 2018 of the benchmark, see docs/quality.md
RESTART, YEARS = 0.3, 3.0
_STEPS = 30
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Membership:
    """An actor in a group (a project, practice, network ...); the year may not be known."""

    actor: str
    group: str
    year: int | None = None


class Ties:
    """The graph of actors that share groups, from their memberships.

    Two actors are tied by each group that they share, with weight
    exp(-(last year - year) / 3) / (members - 1): a large group ties its members weakly
    (Newman 2001, https://doi.org/10.1103/PhysRevE.64.016132), an old one too.
    """

    def __init__(self, memberships: Iterable[Membership]) -> None:
        rows = sorted(set(memberships), key=lambda m: (m.actor, m.group, m.year or 0))
        self.actors = sorted({m.actor for m in rows})
        self._groups = sorted({m.group for m in rows})
        self._at = {actor: n for n, actor in enumerate(self.actors)}
        place = {group: n for n, group in enumerate(self._groups)}
        years: dict[int, int] = {place[m.group]: m.year for m in rows if m.year is not None}
        last = max(years.values(), default=0)
        age = np.array([last - years.get(n, last) for n in range(len(self._groups))], float)
        shape = (len(self.actors), len(self._groups))
        cells = ([self._at[m.actor] for m in rows], [place[m.group] for m in rows])
        found = sparse.csr_matrix((np.ones(len(rows)), cells), shape=shape)
        found.data[:] = 1.0
        self._member = found
        self._fresh = np.exp(-age / YEARS)

    @cached_property
    def _tied(self) -> sparse.csr_matrix:
        """Return the weights of the ties, actors x actors."""
        size = np.asarray(self._member.sum(axis=0)).ravel()
        weight = self._fresh / np.maximum(size - 1, 1)
        found = (self._member @ sparse.diags(weight) @ self._member.T).tolil()
        found.setdiag(0)
        return found.tocsr()

    def scores(self, actors: Sequence[str]) -> Floats:
        """Return the nearness of every actor to each of ``actors``, one row each.

        The chance that a random walk with restart (Tong et al. 2006,
        https://doi.org/10.1109/ICDM.2006.70) is at an actor, times the square root of the
        actor's own ties: who works with many is found by more.
        """
        degree = np.asarray(self._tied.sum(axis=1)).ravel()
        step = sparse.diags(1 / np.maximum(degree, 1e-12)) @ self._tied
        start = np.zeros((len(actors), len(self.actors)))
        for row, actor in enumerate(actors):
            start[row, self._at[actor]] = 1.0
        walk = start.copy()
        for _ in range(_STEPS):
            walk = RESTART * start + (1 - RESTART) * np.asarray((step.T @ walk.T).T)
        walk[start > 0] = 0.0
        found: Floats = walk * np.sqrt(degree)
        return found

    def near(self, actor: str) -> dict[str, float]:
        """Return the actors near one, with their score; none for one without ties."""
        if actor not in self._at:
            return {}
        row = self.scores([actor])[0]
        return {self.actors[n]: float(row[n]) for n in np.flatnonzero(row > 1e-9)}

    def tied(self, actor: str) -> frozenset[str]:
        """Return the actors that share a group with one."""
        if actor not in self._at:
            return frozenset()
        return frozenset(self.actors[n] for n in self._tied[self._at[actor]].indices)

    def between(self, one: str, other: str) -> list[str]:
        """Return at most three actors that share a group with both, by IRI."""
        return sorted(self.tied(one) & self.tied(other))[:3]


def grouped(memberships: Iterable[Membership]) -> dict[str, set[str]]:
    """Return the members of each group."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in memberships:
        found[one.group].add(one.actor)
    return found
