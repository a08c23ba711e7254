"""The real model over the real starter graph: does it find what people mean?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kg.stores.embedded import EmbeddedStore
from matcher.embedder import DEFAULT, SentenceEmbedder
from matcher.evaluation import questions, susy
from matcher.matcher import Matcher
from matcher.question import Question
from tests.conftest import BASE

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def matcher(starter_store: EmbeddedStore, home: Path) -> Iterator[Matcher]:
    found = Matcher(starter_store, SentenceEmbedder(DEFAULT, home), home)
    found.catch_up()
    yield found
    found.close()


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
    answer = matcher.transfer(Question(text=text, territory="HR035", limit=3))
    assert answer["query"]["lang"] == lang  # type: ignore[index]
    assert not answer["abstained"]
    first = answer["matches"][0]  # type: ignore[index]
    assert first["country"] in expected
    assert first["reasons"]


def test_the_judged_questions_are_answered(matcher: Matcher) -> None:
    found = questions.report(matcher.index)
    assert found["test"]["hit3"]["value"] >= 0.75  # type: ignore[index]
    assert found["false_alarms"]["value"] <= 0.15  # type: ignore[index]
    assert found["missed"]["value"] <= 0.15  # type: ignore[index]
    assert found["language_detected"]["value"] >= 0.95  # type: ignore[index]


def test_an_idle_question_gets_no_good_match(matcher: Matcher) -> None:
    answer = matcher.similar(Question(text="What is the boiling point of mercury?"))
    assert answer["abstained"]
    assert {m["level"] for m in answer["matches"]} == {"weak"}  # type: ignore[attr-defined]


def test_a_language_without_a_mean_says_so(matcher: Matcher) -> None:
    answer = matcher.similar(Question(text="Aldraðir búa einir í sveitum", lang="is"))
    assert "is" in answer["query"]["notes"][0]  # type: ignore[index]


def test_susy_is_above_its_floors(shared: Path, home: Path) -> None:
    path = shared / "sources" / "susy_initiatives.geojson"
    found = susy.evaluate(path, SentenceEmbedder(DEFAULT, home), home, samples=200)
    assert found["overall"]["ndcg10"]["value"] >= 0.20  # type: ignore[index]
    assert found["cross"]["ndcg10"]["value"] >= 0.08  # type: ignore[index]
    assert BASE in susy.BASE
