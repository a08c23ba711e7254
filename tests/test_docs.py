"""What the documents say of the code is so: paths, names of functions, the picture of the rooms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import house

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
FOLDERS = "kg|matcher|service|tests|benchmarks|ontology|shapes|docs"
PATH = re.compile(rf"(?:{FOLDERS})/[\w./-]*")
#: a name in capitals stands for any; the vendored scripts are made at set-up
PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b")
MADE = "service/static/vendor"
#: a file and what is in it: `kg/entries/intake.py` `Intake.create`
STATION = re.compile(r"`([\w/]+\.py)`\s+`([\w.]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    quoted = re.findall(r"`([^`\n]+)`", page.read_text("utf-8"))
    paths = {path for text in quoted for path in PATH.findall(text)}
    lost = [
        path
        for path in sorted(paths)
        if not PLACEHOLDER.search(path)
        and not path.startswith(MADE)
        and not (ROOT / path.rstrip(".")).exists()
    ]
    assert lost == []


def test_every_function_that_a_page_names_is_in_its_file() -> None:
    stations = [pair for page in PAGES for pair in STATION.findall(page.read_text("utf-8"))]
    assert len(stations) > 20
    lost = [
        f"{path} {name}"
        for path, name in stations
        for part in name.split(".")
        if not re.search(
            rf"^\s*(?:(?:def|class) {part}\b|{part}\b.* = )", (ROOT / path).read_text("utf-8"), re.M
        )
    ]
    assert lost == []


def test_the_picture_of_the_rooms_is_the_one_of_the_imports() -> None:
    shown = re.search(r"<!-- picture: .*? -->\n(.*?)\n<!-- /picture -->", ARCHITECTURE, re.DOTALL)
    assert shown
    assert shown[1] == house.picture(house.modules()), "run `python -m benchmarks.house --picture`"


def test_every_room_is_in_the_tables() -> None:
    rooms = [name.replace(".", "/") for name in house.arrows(house.modules()) if "." in name]
    lost = [r for r in rooms if f"`{r}/`" not in ARCHITECTURE and f"`{r}.py`" not in ARCHITECTURE]
    assert lost == []
