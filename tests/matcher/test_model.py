"""The real model over the real starter graph: does it find what people mean?"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from benchmarks.quality import judged
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from matcher.evaluation import susy
from matcher.matcher import Matcher
from matcher.model.answer import plain
from service.core.runtime import Matching
from service.core.settings import Settings
from tests.conftest import settled
from tests.matcher.asking import Question, put

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def matching(prepared_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matching]:
    home = settled(prepared_model, tmp_path_factory.mktemp("model") / "home")
    with Matching(Settings(home=home)) as opened:
        yield opened


@pytest.fixture
def matcher(matching: Matching) -> Matcher:
    return matching.matcher


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("hr", "Stariji ljudi žive sami u selima bez autobusa.", {"SI", "LU", "HU"}),
        ("lv", "Vecpilsētā brūk tukšas vēsturiskas ēkas, un īpašnieki neko nedara.", {"DE"}),
        ("it", "Gli anziani dei paesi non hanno autobus: chi li porta?", {"SI", "LU", "HU"}),
        ("de", "Jung und Alt kennen sich kaum; könnten sie in einem Haus wohnen?", {"SE"}),
    ],
)
def test_a_question_in_another_language_finds_a_sensible_practice(
    matcher: Matcher, lang: str, text: str, expected: set[str]
) -> None:
    answer = plain(put(matcher, "transfer", Question(text=text, territory="HR035", limit=3)))
    assert answer["query"]["lang"] == lang
    assert not answer["abstained"]
    first = answer["matches"][0]
    assert first["country"] in expected
    assert first["reasons"]


def test_the_judged_questions_are_answered(matcher: Matcher) -> None:
    asked = [q for q in judged.read_questions() if q.kind in {"similar", "entry", "idle"}]
    found: dict[str, Any] = judged.report(
        list(judged.answered(matcher, asked)), seed=1, samples=100
    )
    assert found["overall"]["ndcg10_similar"]["value"] >= 0.75
    assert found["abstention"]["test"]["false_alarms"] <= 0.1
    assert found["abstention"]["test"]["missed"] <= 0.1
    assert found["calibration"]["similar"]["ece"] <= 0.06
    assert found["language_detected"] >= 0.95


def test_an_idle_question_gets_no_good_match(matcher: Matcher) -> None:
    answer = plain(put(matcher, "similar", Question(text="What is the boiling point of mercury?")))
    assert answer["abstained"]
    assert {m["level"] for m in answer["matches"]} == {"weak"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Aldraðir búa einir í sveitum án strætisvagna", "Icelandic"),
        ("Vijana wengi hawana kazi na hawajui pa kupata mafunzo", "Swahili"),
        ("Молодь не може знайти роботу в нашому місті", "Ukrainian"),
    ],
)
def test_a_language_that_the_model_does_not_know_is_said(
    matcher: Matcher, text: str, name: str
) -> None:
    answer = plain(put(matcher, "similar", Question(text=text)))
    assert f"No mean is known for {name}" in answer["query"]["notes"][0]


@pytest.mark.parametrize(
    ("initiatives", "overall", "cross"),
    [(300, 0.2, 0.19), pytest.param(1_794, 0.215, 0.095, marks=pytest.mark.quality)],
)
def test_susy_is_above_its_floors(
    shared: Path, matching: Matching, tmp_path: Path, initiatives: int, overall: float, cross: float
) -> None:
    published = shared / "sources" / "susy_initiatives.geojson"
    features = json.loads(published.read_text("utf-8"))["features"]
    sample = sorted(random.Random(1).sample(range(len(features)), initiatives))
    path = tmp_path / published.name
    path.write_text(json.dumps({"features": [features[n] for n in sample]}), "utf-8")
    report: dict[str, Any] = susy.evaluate(path, matching.embedder, tmp_path, samples=200)
    assert report["overall"]["ndcg10"]["value"] >= overall
    assert report["cross"]["ndcg10"]["value"] >= cross


@pytest.fixture(params=[12, pytest.param(1, marks=pytest.mark.quality)])
def rebuilt(
    request: pytest.FixtureRequest, matching: Matching, tmp_path: Path
) -> Iterator[Matcher]:
    """A matcher over one in so many of the entries that are searched, and what is asked about."""
    store = EmbeddedStore(matching.store.base)
    searched = matching.matcher.index.corpus.whole.iris
    left_out = {*searched} - {*searched[:: request.param]} - {f"{store.base}id/{s}" for s in NAMED}
    kept = (e for e in matching.store.entries() if e.iri not in left_out)
    store.write([Change(e.iri, e) for e in kept], "tests", "create")
    with closing(Matcher(store, matching.embedder, tmp_path)) as matcher:
        matcher.catch_up()
        yield matcher


NAMED = ("practice/repair-cafe", "actor/city-hr-split", "community/elif")


def test_every_kind_of_answer_is_the_same_bytes_after_a_rebuild(rebuilt: Matcher) -> None:
    need = "Stariji ljudi žive sami u selima bez autobusa."
    practice, actor, community = (f"{rebuilt.store.base}id/{slug}" for slug in NAMED)

    def answers() -> str:
        return json.dumps(
            [
                plain(put(rebuilt, "similar", Question(text=need))),
                plain(put(rebuilt, "similar", Question(entry=practice))),
                plain(put(rebuilt, "transfer", Question(text=need, territory="HR035"))),
                plain(put(rebuilt, "partners", Question(entry=actor))),
                plain(put(rebuilt, "instruments", Question(text=need, territory="HR035"))),
                plain(put(rebuilt, "consortium", Question(text=need, size=4))),
                plain(put(rebuilt, "groups", Question(entry=community))),
            ]
        )

    before = answers()
    assert answers() == before
    rebuilt.index.rebuild()
    assert answers() == before
