"""The fourteen criteria of anticipated fit: small functions of a practice and a scene.

Each returns a ``Verdict``: a value from 0 to 1, or None where nothing is known (unknown is
never 0 and never 1), a sentence, the triples it rests on, and what would have to change.
The list follows the transferability models PIET-T (Schloemer and Schröder-Bäck 2018,
https://doi.org/10.1186/s13012-018-0751-8) and ASTAIRE (Cambon et al. 2013,
https://doi.org/10.1186/1471-2458-13-1184); the formulas are ours.
"""

from __future__ import annotations

from collections.abc import Callable

from kg.entry import Entry
from matcher.judging.criteria.environment import actors, governance, instruments, territory
from matcher.judging.criteria.intervention import adaptability, cost, evidence, maturity, simplicity
from matcher.judging.criteria.population import acceptability, need, target_groups
from matcher.judging.criteria.transfer import record, support
from matcher.judging.criteria.verdict import Scene, Verdict

#: what each criterion counts for; they add up to 1
WEIGHTS = {
    "P1": 0.20, "P2": 0.08, "P3": 0.05, "I1": 0.10, "I2": 0.06, "I3": 0.05, "I4": 0.04,
    "I5": 0.06, "E1": 0.08, "E2": 0.08, "E3": 0.06, "E4": 0.06, "T1": 0.04, "T2": 0.04,
}  # fmt: skip
GATES = ("E1", "E4")

CRITERIA: dict[str, Callable[[Entry, Scene], Verdict]] = {
    "P1": need,
    "P2": target_groups,
    "P3": acceptability,
    "I1": evidence,
    "I2": maturity,
    "I3": adaptability,
    "I4": simplicity,
    "I5": cost,
    "E1": governance,
    "E2": territory,
    "E3": actors,
    "E4": instruments,
    "T1": support,
    "T2": record,
}
