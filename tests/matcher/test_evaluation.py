"""The evaluation hides the labels, drops repeats and says what it compares with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kg.errors import ImportFailed
from matcher.evaluation import questions, susy
from matcher.matcher import Matcher
from tests.fake_embedder import HashingEmbedder


def _feature(name: str, text: str, tags: str) -> dict[str, object]:
    return {
        "properties": {"_id": name, "name": name, "description": text, "type_of_initiative": tags}
    }


@pytest.fixture
def geojson(tmp_path: Path) -> Path:
    rows = [
        _feature("a", "A food bank that saves surplus bread.", "food;rescue"),
        _feature("b", "Surplus bread is saved by this food bank!", "food;rescue"),
        _feature("c", "A food bank that saves SURPLUS bread", "food"),
        _feature("d", "Fahrräder werden gemeinsam repariert und verliehen.", "bicycle"),
        _feature("e", "Bicycles are repaired and lent together here.", "bicycle"),
        _feature("f", "", "bicycle"),
        _feature("g", "No tags at all in this one.", ""),
    ]
    path = tmp_path / "susy.geojson"
    path.write_text(json.dumps({"features": rows}), "utf-8")
    return path


def test_repeats_and_rows_without_text_or_tags_are_dropped(geojson: Path) -> None:
    assert [d.title for d in susy.read(geojson)] == ["a", "b", "d", "e"]


def test_the_report_has_the_shape_of_the_contract(geojson: Path, tmp_path: Path) -> None:
    found = susy.evaluate(geojson, HashingEmbedder(), tmp_path, samples=20)
    assert (found["documents"], found["queries"], found["queries_cross"]) == (4, 4, 1)
    assert set(found["baselines"]) == {"random", "tfidf", "model_raw", "model_centred"}  # type: ignore[call-overload]
    for part in (found, *found["baselines"].values()):  # type: ignore[attr-defined]
        for group in ("overall", "cross"):
            for measure in ("ndcg10", "mrr"):
                assert set(part[group][measure]) == {"value", "low", "high"}


def test_the_tags_are_hidden_from_the_matcher(geojson: Path, tmp_path: Path) -> None:
    rows = json.loads(geojson.read_text())
    before = susy.evaluate(geojson, HashingEmbedder(), tmp_path, samples=20)
    document = susy.read(geojson)[0]
    texts = {str(t.object) for t in susy._entry(document).triples}
    assert not any("rescue" in t for t in texts)
    assert rows["features"]
    assert before["overall"]


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("[1, 2]")
    with pytest.raises(ImportFailed, match="not a GeoJSON"):
        susy.read(tmp_path / "x")


def test_the_judged_questions_name_practices_that_exist(starter_matcher: Matcher) -> None:
    known = {iri.rsplit("/", 1)[-1] for iri in starter_matcher.index.found.iris}
    asked = questions.questions()
    assert {slug for q in asked for slug in q.relevant} <= known
    assert len({q.lang for q in asked}) >= 8
    assert {q.split for q in asked} == {"dev", "test"}


def test_the_report_on_questions_has_intervals(starter_matcher: Matcher) -> None:
    found = questions.report(starter_matcher.index, samples=20)
    assert found["queries"] == sum(bool(q.relevant) for q in questions.questions())
    assert found["all"]["hit1"]["low"] <= found["all"]["hit1"]["high"]  # type: ignore[index]
