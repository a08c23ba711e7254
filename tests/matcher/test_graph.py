"""Ties: who is near whom through others, and how well that foretells new partners."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kg.errors import ImportFailed
from matcher.evaluation import coparticipation
from matcher.graph.ties import Membership, Ties


def ties(*rows: tuple[str, str, int | None]) -> Ties:
    return Ties(Membership(*row) for row in rows)


def test_partners_of_partners_are_near_and_strangers_are_not() -> None:
    found = ties(
        ("a", "1", 2020), ("b", "1", 2020), ("b", "2", 2020), ("c", "2", 2020), ("d", "3", 2020)
    )
    assert set(found.near("a")) == {"c"}
    assert found.between("a", "c") == ["b"]
    assert found.near("d") == {}
    assert found.near("nobody") == {}


def test_a_partner_of_few_says_more_than_one_of_many() -> None:
    few = [("a", "1", None), ("b", "1", None), ("b", "2", None), ("x", "2", None)]
    many = [("a", "3", None), ("h", "3", None), ("h", "4", None), ("y", "4", None)]
    hub = [
        (name, group, None)
        for n in range(9)
        for name, group in (("h", f"g{n}"), (f"z{n}", f"g{n}"))
    ]
    near = ties(*few, *many, *hub).near("a")
    assert near["x"] > near["y"]


def test_what_is_long_ago_ties_less() -> None:
    rows = [("a", "1", 2020), ("b", "1", 2020), ("b", "2", 2020), ("new", "2", 2020),
            ("a", "3", 2000), ("c", "3", 2000), ("c", "4", 2000), ("old", "4", 2000)]  # fmt: skip
    near = ties(*rows).near("a")
    assert near["new"] > near["old"]


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
    assert task.asked == ("a", "c")
    assert task.fresh["a"] == {"c"}


def test_the_report_finds_the_pair_and_has_intervals(table: Path) -> None:
    found = coparticipation.evaluate(table, samples=20)
    assert found["mrr"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert set(found["baselines"]) == {"random", "popularity", "adamic_adar"}  # type: ignore[call-overload]
    assert json.dumps(found)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("a,b\n1,2\n")
    with pytest.raises(ImportFailed, match="participations"):
        coparticipation.read(tmp_path / "x")


@pytest.mark.data
def test_the_published_table_is_foretold_better_than_by_adamic_adar(shared: Path) -> None:
    path = shared / "benchmarks" / "coparticipation" / "participations_sc6_swafs.tsv"
    found: dict[str, dict[str, float]] = coparticipation.evaluate(path, samples=20)  # type: ignore[assignment]
    assert found["mrr"]["value"] > 0.225
    assert found["recall20"]["value"] > 0.13
