"""The command that measures quality, and the fits that it prints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality import command, fit
from matcher.search.ranking import QUESTION_LOGIT, RECIPE


def test_without_a_name_the_command_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    command.main([])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [*command.NAMES]


@pytest.mark.parametrize(
    "words", [["nothing"], ["sdg", "--data", "/nowhere"], ["coparticipation", "--data", "/nowhere"]]
)
def test_what_cannot_be_measured_is_one_sentence(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(words)
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)


def test_figures_are_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "coparticipation"
    folder.mkdir()
    rows = ["1 a 2016", "1 b 2016", "2 b 2017", "2 c 2017", "3 a 2019", "3 c 2019"]
    lines = ["\t".join(["rcn", "pic", "start_date"]), *(row.replace(" ", "\t") for row in rows)]
    (folder / "participations_sc6_swafs.tsv").write_text("\n".join(lines))
    command.main(["coparticipation", "--data", str(tmp_path), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert report["queries"] == 2
    assert set(report) == {"collection", "queries", "overall", "baselines", "stamp"}


def test_the_best_value_wins_and_of_equals_the_one_in_the_code() -> None:
    number = fit.scan("x", 0.4, "data", [0.0, 0.2, 0.4, 0.6], lambda value: min(value, 0.2))
    assert (number.code, number.fitted) == (0.4, 0.4)
    assert fit.scan("x", 0.4, "data", [0.0, 0.6], lambda value: value).fitted == 0.6


def test_a_threshold_parts_idle_from_real_questions() -> None:
    values = np.array([0.1, 0.2, 0.15, 0.4, 0.5, 0.6])
    assert fit.threshold(values, values > 0.3) == 0.3


def test_a_number_without_its_data_says_so(tmp_path: Path) -> None:
    number = fit.from_projects(tmp_path / "table.tsv")
    assert (number.code, number.fitted) == (4.0, None)
    assert number.data == "not there: table.tsv"


def test_the_table_shows_each_number_and_what_was_set_by_hand() -> None:
    numbers = [{"name": "LOGIT", "code": QUESTION_LOGIT, "fitted": None, "data": "-"}]
    lines = fit.table({"numbers": numbers, "by_hand": fit.BY_HAND}).splitlines()
    assert "9.07, 8.32, -7.4" in lines[1]
    assert len(lines) == 4 + len(fit.BY_HAND)


def test_a_recipe_is_changed_in_one_part() -> None:
    assert fit.with_part("context", 0.1) == RECIPE
    assert fit.with_part("share", 0.0).letters == RECIPE.letters
