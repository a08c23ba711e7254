"""The evaluation hides the labels, drops repeats and says what it compares with."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kg.errors import ImportFailed
from matcher.evaluation import judged, sdg, susy
from matcher.evaluation.collection import Document, entry
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
    texts = {str(t.object) for t in entry(document).triples}
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


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    rows = [
        ("Poverty is ended when no poor family is left in poverty.", 1, True),
        ("The poor live in poverty, and hunger follows.", 2, False),
        ("Hunger ends with food for all who are hungry.", 2, True),
        ("Hunger and food are another matter.", 1, False),
    ]
    path = tmp_path / "benchmark.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "text", "sdg", "label"])
        writer.writerows([(n, *row) for n, row in enumerate(rows)])
    return path


def test_goals_are_found_by_what_they_say(benchmark: Path, tmp_path: Path) -> None:
    goals = tmp_path / "goals.tsv"
    said = ["fr\t1-title\tnon", "en\t1-title\tEnd poverty", "en\t2-title\tEnd hunger by food"]
    other = [f"en\t{n}-title\tSeas and oceans number {n}" for n in range(3, 18)]
    goals.write_text("\n".join(["lang\tkey\ttext", *said, *other]))
    found = sdg.evaluate(benchmark, goals, HashingEmbedder(), tmp_path, samples=20)
    assert (found["rows"], found["statements"]) == (4, 17)
    assert found["top1"]["value"] == 1.0  # type: ignore[index]
    assert found["average_precision"]["value"] == 1.0  # type: ignore[index]


def test_without_a_table_goals_say_what_our_vocabulary_says() -> None:
    said = sdg.statements(None)
    assert len(said) == sdg.GOALS
    assert said[1][0] == "No poverty"


@pytest.mark.parametrize("read", [sdg.read, sdg.statements])
def test_a_table_with_other_columns_is_refused(
    read: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\nen\tx\n")
    with pytest.raises(ImportFailed, match="has not the columns"):
        read(path)


def test_the_judged_set_is_whole(starter_matcher: Matcher) -> None:
    known = {iri.rsplit("/", 1)[-1] for iri in starter_matcher.index.found.iris}
    asked = judged.questions()
    assert len([q for q in asked if q.kind not in {"idle", "entry"}]) >= 40
    for question in asked:
        assert set(question.grades) <= known
        assert set(question.grades.values()) <= {1, 2, 3}
        assert question.split == ("development" if question.number % 2 else "test")
        if question.kind != "entry":
            assert set(question.texts) == {*judged.LANGUAGES, judged.REWORDED}
        assert bool(question.grades) == (question.kind != "idle")


def test_the_report_on_the_judged_set_has_all_its_parts(starter_matcher: Matcher) -> None:
    some = [q for q in judged.questions() if q.number in {1, 2, 25, 26, 35, 36, 45, 46, 61, 62}]
    found = judged.report(list(judged.ask(starter_matcher, some)), seed=1, samples=20)
    assert found["questions"] == 8
    for split in ("development", "test"):
        for kind in ("all", *judged.KINDS):
            assert 0 <= found["ndcg10"][split][kind]["value"] <= 1  # type: ignore[index]
    assert set(found["test_by_language"]) == set(judged.LANGUAGES)  # type: ignore[call-overload]
    assert found["calibration"]["similar"]["matches"] == 80  # type: ignore[index]
    assert len(found["answers"]) == sum(len(q.texts) for q in some)  # type: ignore[arg-type]


def test_unjudged_matches_count_nothing_and_a_perfect_answer_one() -> None:
    asked = judged.Judged(1, "test", "similar", "", {"a": 3, "b": 1}, {"en": "x"})
    best = judged.Answer(asked, "en", (("a", 0.9), ("b", 0.5), ("unknown", 0.4)), False)
    worse = judged.Answer(asked, "en", (("unknown", 0.9), ("a", 0.5)), False)
    assert best.ndcg == 1.0
    assert 0 < worse.ndcg < 0.7
