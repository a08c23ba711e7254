"""What is cited is what counts: a cited triple taken away changes the score, another does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pytest

from kg.entry import Entry
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from matcher.graph.place import Place
from matcher.graph.view import World
from matcher.judging.criteria import CRITERIA
from matcher.judging.verdict import Scene
from matcher.model.filters import Target
from matcher.model.reasons import Reason
from matcher.questions.similar import _shared_concepts, _shared_words
from tests.conftest import BASE

VOC = "https://w3id.org/passerelle/voc/"
#: what the search compares is the business of P1's text score, which is frozen here
TEXTS = {"problem", "solution", "title", "description", "alternative", "context"}
PRACTICES = ("sopotniki-rural-rides", "repair-cafe", "organic-school-canteens-mouans-sartoux")
TARGETS = {
    "HR035": Target(),
    "LV": Target(competences=(VOC + "competence/social-services",), languages=("lv", "en")),
    "DE300": Target(budget_per_head=20.0, target_groups=(VOC + "target-group/older-people",)),
    "FI1B": Target(actor_types=(VOC + "actor-type/ngo", VOC + "actor-type/municipality")),
}


def without(entry: Entry) -> Iterator[tuple[tuple[str, str, str], Entry]]:
    """Yield each triple of an entry with the entry that lacks it."""
    for gone in entry.triples:
        name = (str(gone.subject), str(gone.predicate), str(gone.object))
        yield name, Entry(entry.iri, tuple(t for t in entry.triples if t != gone))


@pytest.fixture(scope="module")
def world(starter_store: EmbeddedStore) -> World:
    return World(starter_store)


#: every practice for every target, or else every other practice for one of the targets
STEPS = pytest.mark.parametrize("step", [2 * len(TARGETS), pytest.param(1, marks=pytest.mark.slow)])


@STEPS
@pytest.mark.parametrize("code", TARGETS)
def test_of_the_practice_exactly_what_is_cited_counts(world: World, code: str, step: int) -> None:
    first = [*TARGETS].index(code) % step
    challenge = world.get(BASE + "id/challenge/rural-mobility-gap")
    place = world.place(f"{BASE}id/territory/{code}")
    scene = Scene(world, place, TARGETS[code], 0.0, challenge, ("en",))
    wrong = []
    for practice in islice(world.store.entries("practice"), first, None, step):
        said = {name: judge(practice, scene) for name, judge in CRITERIA.items()}
        for triple, other in without(practice):
            for name, verdict in said.items():
                if name == "P1" and triple[1].rsplit("#")[-1].rstrip(">").rsplit("/")[-1] in TEXTS:
                    continue
                changed = CRITERIA[name](other, scene).score != verdict.score
                if changed != (triple in verdict.evidence):
                    wrong.append((practice.slug, name, changed, triple))
    assert not wrong, "\n".join(map(str, wrong[:20]))


@STEPS
@pytest.mark.parametrize("code", TARGETS)
def test_of_the_target_exactly_what_is_cited_counts(world: World, code: str, step: int) -> None:
    first = [*TARGETS].index(code) % step
    place = world.place(f"{BASE}id/territory/{code}")
    scene = Scene(world, place, TARGETS[code], 0.0, None, ("en",))
    wrong, elsewhere = [], {}
    for triple, other in without(place.entry):
        parents = () if triple[1].endswith("isPartOf>") else place.chain[1:]
        elsewhere[triple] = replace(scene, place=Place((other, *parents)))
    for practice in islice(world.store.entries("practice"), first, None, step):
        if any(place.iri in p.iris for p in world.places(practice)):
            continue
        for name, judge in CRITERIA.items():
            verdict = judge(practice, scene)
            for triple, changed_scene in elsewhere.items():
                changed = judge(practice, changed_scene).score != verdict.score
                if changed != (triple in verdict.evidence):
                    wrong.append((practice.slug, name, changed, triple))
    assert not wrong, "\n".join(map(str, wrong[:20]))


def test_of_other_entries_what_is_cited_counts(starter_store: EmbeddedStore) -> None:
    """Cited triples of actors, instruments, transfers and other places, on a store of its own."""
    store = EmbeddedStore(BASE)
    store.write([Change(e.iri, e) for e in starter_store.entries()], "tests", "create")
    world = World(store)
    place = world.place(BASE + "id/territory/HR035")
    practices = [world.get(f"{BASE}id/practice/{slug}") for slug in PRACTICES]
    seen, wrong = 0, []
    for practice in practices:
        for name, judge in CRITERIA.items():
            verdict = judge(practice, Scene(world, place, Target(), 0.0, None, ("en",)))
            for triple in verdict.evidence:
                owner = triple[0][1:-1].partition("#")[0]
                if owner in {practice.iri, place.iri} or "isPartOf" in triple[1]:
                    continue
                whole, lacking = store.get(owner), dict(without(store.get(owner)))[triple]
                store.write([Change(owner, lacking)], "tests", "replace")
                fresh = World(store)
                scene = Scene(fresh, fresh.place(place.iri), Target(), 0.0, None, ("en",))
                seen += 1
                if judge(practice, scene).score == verdict.score:
                    wrong.append((practice.slug, name, triple))
                store.write([Change(owner, whole)], "tests", "replace")
    assert seen > 20
    assert not wrong, "\n".join(map(str, wrong[:20]))


def test_shared_concepts_cite_exactly_what_is_shared(starter_store: EmbeddedStore) -> None:
    asked = starter_store.get(f"{BASE}id/practice/{PRACTICES[0]}")
    seen = 0
    for entry in starter_store.entries("practice"):
        reasons = [*_shared_concepts(starter_store, entry, asked)]
        if not reasons:
            continue
        for triple, other in (*without(entry), *without(asked)):
            pair = (other, asked) if other.iri == entry.iri else (entry, other)
            left = [*_shared_concepts(starter_store, *pair)]
            for reason in reasons:
                assert (reason in left) == (triple not in reason.evidence), (entry.slug, triple)
                seen += reason not in left
    assert seen > 20


def test_shared_words_cite_the_texts_that_hold_them(starter_store: EmbeddedStore) -> None:
    """The cited texts alone give the reason, and without one of them words are missing."""
    question = "Older people in villages cannot repair a broken bicycle or get to the doctor."
    cited: list[tuple[str, str, str]] = []
    for entry in starter_store.entries("practice"):
        reason = _shared_words(entry, question, "en")
        if reason is None:
            continue
        for triple, other in without(entry):
            left = _shared_words(other, question, "en") == reason
            assert left == (triple not in reason.evidence), (entry.slug, triple)
        alone = _only(entry, reason)
        assert _words(_shared_words(alone, question, "en")) == _words(reason)
        for triple, other in without(alone):
            assert triple in reason.evidence
            assert _words(_shared_words(other, question, "en")) < _words(reason)
        cited += reason.evidence
    assert len(cited) > 20
    assert any(not triple[1].endswith("title>") for triple in cited)


def _only(entry: Entry, reason: Reason) -> Entry:
    """Return an entry with the triples that a reason cites and no other."""
    held = set(reason.evidence)
    kept = (t for t in entry.triples if (str(t.subject), str(t.predicate), str(t.object)) in held)
    return Entry(entry.iri, tuple(kept))


def _words(reason: Reason | None) -> set[str]:
    return set(reason.text.partition(": ")[2].rstrip(".").split(", ")) if reason else set()
