"""Ties between actors: who works with whom, and who is near whom through others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

#: the years after which a shared group counts 1/e; chosen on the years before 2019 of the
#: benchmark, see docs/quality.md
YEARS = 4.0
Floats = npt.NDArray[np.float64]
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class Membership:
    """An actor in a group (a project, practice, network ...); the year may not be known."""

    actor: str
    group: str
    year: int | None = None


class Ties:
    """The graph of actors that share groups, from their memberships.

    Two actors are tied by tanh of the sum of exp(-(last year - year) / 4) over the groups
    that they share: an old group ties less, and a second one adds less than the first.
    """

    def __init__(self, memberships: Iterable[Membership], fade: float = YEARS) -> None:
        rows = sorted(set(memberships), key=lambda m: (m.actor, m.group))
        self.actors = sorted({m.actor for m in rows})
        groups = {name: n for n, name in enumerate(sorted({m.group for m in rows}))}
        self._at = {actor: n for n, actor in enumerate(self.actors)}
        years = {groups[m.group]: m.year for m in rows if m.year is not None}
        last = max(years.values(), default=0)
        age = np.array([last - years.get(n, last) for n in range(len(groups))], float)
        cells = ([self._at[m.actor] for m in rows], [groups[m.group] for m in rows])
        shape = (len(self.actors), len(groups))
        member = sparse.csr_matrix((np.ones(len(rows)), cells), shape=shape)
        fresh = member @ sparse.diags(np.exp(-age / fade))
        tied = (fresh @ member.T).tocsr()
        tied.setdiag(0)
        tied.eliminate_zeros()
        self._tied = tied.tanh()
        self._active = np.asarray(fresh.sum(axis=1)).ravel()

    def scores(self, actors: Sequence[str]) -> Floats:
        """Score how near every actor is to each of ``actors``, one row each.

        The sum over partners in common of both ties / log(2 + the partner's partners), after
        Adamic and Adar 2003 (https://doi.org/10.1016/S0378-8733(03)00009-1): a partner of few
        says more than one of many. That times the square root of how active the actor has
        been lately, since who takes part often does so again.
        """
        rows = self._tied[[self._at[actor] for actor in actors]]
        partners = np.diff(self._tied.indptr)
        rare = sparse.diags(1 / np.log(2 + np.maximum(partners, 1)))
        scores: Floats = (rows @ rare @ self._tied).toarray() * np.sqrt(self._active)
        return scores

    def near(self, actor: str) -> dict[str, float]:
        """The actors near one, with their score; none for one without ties."""
        if actor not in self._at:
            return {}
        row = self.scores([actor])[0]
        row[self._at[actor]] = 0.0
        return {self.actors[n]: float(row[n]) for n in np.flatnonzero(row)}

    def tied(self, actor: str) -> frozenset[str]:
        """The actors that share a group with one."""
        if actor not in self._at:
            return frozenset()
        start, end = self._tied.indptr[self._at[actor] : self._at[actor] + 2]
        return frozenset(self.actors[n] for n in self._tied.indices[start:end])

    def between(self, one: str, other: str) -> list[str]:
        """At most three actors that share a group with both, by IRI."""
        return sorted(self.tied(one) & self.tied(other))[:3]


def grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    """The second ones by the first ones, in their order."""
    groups: dict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups
