"""The real model over the real starter graph: does it find what people mean?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.quality import judged
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


def test_susy_is_above_its_floors(shared: Path, matching: Matching, tmp_path: Path) -> None:
    path = shared / "sources" / "susy_initiatives.geojson"
    found = susy.evaluate(path, matching.embedder, tmp_path, samples=200)
    assert found["overall"]["ndcg10"]["value"] >= 0.215  # type: ignore[index]
    assert found["cross"]["ndcg10"]["value"] >= 0.095  # type: ignore[index]


def test_every_kind_of_answer_is_the_same_bytes_after_a_rebuild(matcher: Matcher) -> None:
    ids, need = f"{matcher.store.base}id/", "Stariji ljudi žive sami u selima bez autobusa."

    def answers() -> str:
        return json.dumps(
            [
                plain(put(matcher, "similar", Question(text=need))),
                plain(put(matcher, "similar", Question(entry=f"{ids}practice/repair-cafe"))),
                plain(put(matcher, "transfer", Question(text=need, territory="HR035"))),
                plain(put(matcher, "partners", Question(entry=f"{ids}actor/city-hr-split"))),
                plain(put(matcher, "instruments", Question(text=need, territory="HR035"))),
                plain(put(matcher, "consortium", Question(text=need, size=4))),
                plain(put(matcher, "groups", Question(entry=f"{ids}community/elif"))),
            ]
        )

    before = answers()
    assert answers() == before
    matcher.index.rebuild()
    assert answers() == before
