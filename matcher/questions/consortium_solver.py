"""The choice of a set under rules: a small integer programme, solved by HiGHS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from matcher.question import Rules


@dataclass(frozen=True)
class Candidate:
    """Who could take a seat, and what of the wanted it covers."""

    iri: str
    relevance: float
    country: str | None
    kinds: frozenset[str]
    places: frozenset[str]
    covers: frozenset[str]


def allows(rules: Rules, one: Candidate) -> bool:
    """Whether a candidate may be in the set at all."""
    return (
        one.iri not in rules.exclude
        and (not rules.countries or one.country in rules.countries)
        and (not rules.eligible_types or not one.kinds.isdisjoint(rules.eligible_types))
        and (
            not rules.eligible_territories or not one.places.isdisjoint(rules.eligible_territories)
        )
    )


def worth(chosen: Collection[Candidate], wishes: int) -> float:
    """Value a set by how much it covers, and among equals by its relevance."""
    covered = len(frozenset[str]().union(*(c.covers for c in chosen)))
    return covered + sum(c.relevance for c in chosen) / (len(chosen) + 1)


def broken(chosen: Collection[Candidate], rules: Rules) -> bool:
    """Whether a set breaks a rule."""
    countries = Counter(c.country for c in chosen if c.country)
    kinds = frozenset[str]().union(*(c.kinds for c in chosen))
    return (
        len(chosen) != rules.seats
        or not all(allows(rules, c) for c in chosen)
        or len(countries) < min(rules.minimum_countries, rules.seats + 1)
        or max(countries.values(), default=0) > (rules.maximum_per_country or len(chosen))
        or not kinds.issuperset(rules.actor_types)
        or not {c.iri for c in chosen}.issuperset(rules.must)
    )


def choose(
    pool: Sequence[Candidate], rules: Rules, wishes: Iterable[str]
) -> list[Candidate] | None:
    """The best set, what is most relevant first; None if no set keeps the rules.

    Variables: a candidate is in (0 or 1); a wanted item is covered, a country is there (at
    most the number of candidates in that have it). What is covered weighs 1, relevance less
    than 1 in all, so coverage goes first. The optimum is exact (HiGHS, branch and cut).
    """
    open_ = [c for c in pool if allows(rules, c)]
    if len(open_) < rules.seats or not {c.iri for c in open_}.issuperset(rules.must):
        return None
    countries = sorted({c.country for c in open_ if c.country})
    items = [[item in c.covers for c in open_] for item in wishes]
    homes = [[c.country == name for c in open_] for name in countries]
    member = np.array([*items, *homes], float).reshape(len(items) + len(homes), len(open_))
    size, extra = len(open_), len(member)
    gain = [c.relevance / (rules.seats + 1) - n * 1e-9 for n, c in enumerate(open_)]
    cost = -np.array([*gain, *[1.0] * len(items), *[0.0] * len(homes)])
    linked = LinearConstraint(np.hstack([member, -np.eye(extra)]), lb=0) if extra else None
    limits = [*([linked] if linked else []), *_limits(open_, rules, homes, size, extra)]
    low = np.array([float(c.iri in rules.must) for c in open_] + [0.0] * extra)
    integral = np.array([1] * size + [0] * len(items) + [1] * len(homes))
    solution = milp(cost, constraints=limits, bounds=Bounds(low, 1), integrality=integral)
    if solution.x is None:
        return None
    chosen = [c for c, taken in zip(open_, solution.x, strict=False) if taken > 0.5]
    return sorted(chosen, key=lambda c: (-round(c.relevance, 6), c.iri))


def _limits(
    open_: Sequence[Candidate], rules: Rules, homes: Sequence[Sequence[bool]], size: int, extra: int
) -> list[LinearConstraint]:
    """The rules that look at the whole set, as rows over candidates and extras."""
    pad = np.zeros(extra)
    countries = pad.copy()
    countries[extra - len(homes) :] = 1.0
    limits = [
        LinearConstraint(np.array([[*np.ones(size), *pad]]), lb=rules.seats, ub=rules.seats),
        LinearConstraint(np.array([[*np.zeros(size), *countries]]), lb=rules.minimum_countries)
        if rules.minimum_countries > 1
        else None,
    ]
    for kind in rules.actor_types:
        row = [[*(float(kind in c.kinds) for c in open_), *pad]]
        limits.append(LinearConstraint(np.array(row), lb=1))
    if rules.maximum_per_country:
        rows = [[*map(float, home), *pad] for home in homes]
        limits.append(LinearConstraint(np.array(rows), ub=rules.maximum_per_country))
    return [limit for limit in limits if limit is not None]
