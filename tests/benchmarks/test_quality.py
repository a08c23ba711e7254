"""What is measured on judged questions, published benchmarks and recorded transfers."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.quality import adoption, coparticipation, judged, sdg
from kg.errors import ImportFailed
from kg.stores.embedded import EmbeddedStore
from matcher.graph.view import World
from matcher.matcher import Matcher
from tests.conftest import BASE
from tests.fake_embedder import HashingEmbedder


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
    assert (found["queries"], found["statements"]) == (4, 17)
    own: dict[str, dict[str, float]] = found["overall"]  # type: ignore[assignment]
    assert {name: figure["value"] for name, figure in own.items()} == {"ap": 1.0, "top1": 1.0}
    assert set(found["baselines"]["tfidf"]) == {"ap", "top1"}  # type: ignore[index]


def test_without_a_table_goals_say_what_our_vocabulary_says() -> None:
    said = sdg.read_statements(None)
    assert [*said] == [*sdg.GOALS]
    assert said[1][0] == "No poverty"


@pytest.mark.parametrize("read", [sdg.read, sdg.read_statements])
def test_a_table_with_other_columns_is_refused(
    read: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\nen\tx\n")
    with pytest.raises(ImportFailed, match="has not the columns"):
        read(path)


def test_the_judged_set_is_whole(starter_matcher: Matcher) -> None:
    known = {iri.rsplit("/", 1)[-1] for iri in starter_matcher.index.corpus.whole.iris}
    asked = judged.read_questions()
    assert len([q for q in asked if q.kind not in {"idle", "entry"}]) >= 40
    for question in asked:
        assert set(question.grades) <= known
        assert set(question.grades.values()) <= {1, 2, 3}
        assert question.split == ("development" if question.number % 2 else "test")
        if question.kind != "entry":
            assert set(question.texts) == {*judged.LANGUAGES, judged.REWORDED}
        assert bool(question.grades) == (question.kind != "idle")


@pytest.mark.slow
def test_the_report_on_the_judged_set_has_all_its_parts(starter_matcher: Matcher) -> None:
    some = [
        q for q in judged.read_questions() if q.number in {1, 2, 25, 26, 35, 36, 45, 46, 61, 62}
    ]
    found = judged.report(list(judged.answered(starter_matcher, some)), seed=1, samples=20)
    assert found["questions"] == 8
    names = {"ndcg10", *(f"ndcg10_{name}" for name in judged.KINDS)}
    languages = {f"ndcg10_{lang}" for lang in judged.LANGUAGES}
    assert set(found["development"]) == names  # type: ignore[call-overload]
    assert set(found["overall"]) == names | languages  # type: ignore[call-overload]
    for figures in (found["overall"], found["development"]):
        assert all(0 <= figure["value"] <= 1 for figure in figures.values())  # type: ignore[attr-defined]
    assert found["calibration"]["similar"]["matches"] == 80  # type: ignore[index]
    assert len(found["answers"]) == sum(len(q.texts) for q in some)  # type: ignore[arg-type]


def test_unjudged_matches_count_nothing_and_a_perfect_answer_one() -> None:
    asked = judged.JudgedQuestion(1, "test", "similar", "", {"a": 3, "b": 1}, {"en": "x"})
    best = judged.JudgedAnswer(asked, "en", (("a", 0.9), ("b", 0.5), ("unknown", 0.4)), False)
    worse = judged.JudgedAnswer(asked, "en", (("unknown", 0.9), ("a", 0.5)), False)
    assert best.ndcg == 1.0
    assert 0 < worse.ndcg < 0.7


@pytest.mark.slow
def test_adoption_compares_each_transfer_with_places_elsewhere(
    starter_store: EmbeddedStore,
) -> None:
    found = adoption.report(World(starter_store), samples=50)
    assert found["queries"] > 50  # type: ignore[operator]
    for part in (found["overall"], *found["criteria"].values()):  # type: ignore[attr-defined]
        figure = part["auc"]
        assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 1


def test_the_auc_is_the_share_that_is_ahead(starter_store: EmbeddedStore) -> None:
    world = World(starter_store)
    own, *others = [world.place(f"{BASE}id/territory/{c}") for c in ("HR", "LV", "SI", "DE", "AT")]
    points = {"HR": 2.0, "LV": 1.0, "SI": 2.0, "DE": 3.0, "AT": 0.0}
    case = adoption.Adoption("p", own, others)
    assert case.auc(lambda _p, place: points[place.entry.slug]) == pytest.approx((2 + 0.5) / 4)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file in which a and c first meet in 2019, through b."""
    rows = ["rcn\tpic\tstart_date"]
    for group, members, year in (
        ("1", "ab", 2016),
        ("2", "bc", 2017),
        ("3", "de", 2017),
        ("4", "acf", 2019),
    ):
        rows += [f"{group}\t{m}\t{year}-01-01" for m in members]
    path = tmp_path / "table.tsv"
    path.write_text("\n".join(rows))
    return path


def test_only_new_pairs_of_known_organisations_are_asked_for(table: Path) -> None:
    task = coparticipation.task(coparticipation.read(table))
    assert task.actors == ("a", "c")
    assert task.fresh["a"] == {"c"}


def test_the_report_finds_the_pair_and_has_intervals(table: Path) -> None:
    found = coparticipation.evaluate(table, samples=20)
    assert found["overall"]["mrr"] == {"value": 1.0, "low": 1.0, "high": 1.0}  # type: ignore[index]
    assert set(found["baselines"]) == {"random", "popularity", "adamic_adar"}  # type: ignore[call-overload]
    assert json.dumps(found)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("a,b\n1,2\n")
    with pytest.raises(ImportFailed, match="participations"):
        coparticipation.read(tmp_path / "x")


@pytest.mark.data
def test_the_published_table_is_foretold_better_than_by_adamic_adar(shared: Path) -> None:
    path = shared / "benchmarks" / "coparticipation" / "participations_sc6_swafs.tsv"
    overall: dict[str, dict[str, float]] = coparticipation.evaluate(path, samples=20)["overall"]  # type: ignore[assignment]
    assert overall["mrr"]["value"] > 0.225
    assert overall["recall20"]["value"] > 0.13
