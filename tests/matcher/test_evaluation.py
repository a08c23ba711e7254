"""The evaluation hides the labels, drops repeats and says what it compares with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kg.errors import ImportFailed
from matcher.evaluation import susy
from matcher.evaluation.collection import Document
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
    names = {"random", "tfidf", "bm25", "model_raw", "model_centred"}
    assert set(found["baselines"]) == names  # type: ignore[call-overload]
    for part in (found, *found["baselines"].values()):  # type: ignore[attr-defined]
        for group in ("overall", "cross"):
            for measure in ("ndcg10", "mrr"):
                assert set(part[group][measure]) == {"value", "low", "high"}


def test_the_tags_are_hidden_from_the_matcher(geojson: Path, tmp_path: Path) -> None:
    rows = json.loads(geojson.read_text())
    before = susy.evaluate(geojson, HashingEmbedder(), tmp_path, samples=20)
    document = susy.read(geojson)[0]
    texts = {str(t.object) for t in document.entry().triples}
    assert not any("rescue" in t for t in texts)
    assert rows["features"]
    assert before["overall"]


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("[1, 2]")
    with pytest.raises(ImportFailed, match="not a GeoJSON"):
        susy.read(tmp_path / "x")


def test_exposure_compares_what_is_there_with_what_others_are_shown() -> None:
    langs = ["en"] * 30 + ["hr"] * 20
    documents = [Document(str(n), "", "x", lang) for n, lang in enumerate(langs)]
    shown = np.tile(np.arange(10), (50, 1))
    shown[:30, :5] = range(30, 35)
    found = susy.exposure(shown, documents)
    assert found["hr"] == {"documents": 0.4, "shown": 0.5}
    assert found["en"]["shown"] == 1.0
