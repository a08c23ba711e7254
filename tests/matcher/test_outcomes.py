"""Weights learnt from results: by the model that is documented, and never much from little."""

from __future__ import annotations

import json

import pytest

from kg.stores.embedded import EmbeddedStore
from matcher.graph.view import World
from matcher.judging import learned_weights
from matcher.judging.criteria import WEIGHTS
from matcher.judging.fit import weighed
from matcher.judging.learned_weights import Outcome
from tests.conftest import BASE


@pytest.fixture(scope="module")
def world(starter_store: EmbeddedStore) -> World:
    return World(starter_store)


def test_without_outcomes_nothing_moves(world: World) -> None:
    posterior, *_ = learned_weights.learn(world, [], WEIGHTS)
    assert posterior == pytest.approx(weighed({}), abs=1e-4)


def test_what_is_not_known_of_a_result_is_not_learnt_from(world: World) -> None:
    known = learned_weights.recorded(world)
    assert 0 < len(known) < len(world.all_moved())
    assert {o.success for o in known} == {0.0, 0.5, 1.0}


def test_a_criterion_that_foretells_gains_weight_and_stays_near_its_prior(world: World) -> None:
    """Places alike where it worked and unlike where it did not: E2 gains, within a factor."""
    practice = BASE + "id/practice/sopotniki-rural-rides"
    from matcher.judging.criteria import CRITERIA
    from matcher.judging.verdict import Scene

    regions = [t for t in world.store.entries("territory") if world.place(t.iri).level == "nuts3"]
    scores = {
        t.iri: CRITERIA["E2"](world.get(practice), Scene(world, world.place(t.iri))).value or 0.5
        for t in regions[:400]
    }
    order = sorted(scores, key=lambda iri: (scores[iri], iri))
    rows = [Outcome(practice, iri, 1.0) for iri in order[-60:]]
    rows += [Outcome(practice, iri, 0.0) for iri in order[:60]]
    posterior, low, high, losses = learned_weights.learn(world, rows, WEIGHTS)
    gains = {c: posterior[c] / WEIGHTS[c] for c in learned_weights.LEARNT}
    assert max(gains, key=lambda c: gains[c]) == "E2"
    assert 1.2 < gains["E2"] < 6
    assert low["E2"] < posterior["E2"] < high["E2"]
    assert losses[1] < losses[0]


def test_the_report_says_how_little_is_known(world: World) -> None:
    found = learned_weights.report(world, WEIGHTS)
    assert found["with_result"] == len(learned_weights.recorded(world))
    assert sum(found["weights"].values()) == pytest.approx(1.0)  # type: ignore[attr-defined]
    assert found["moved_most"] < 0.2  # type: ignore[operator]
    assert json.dumps(found)
