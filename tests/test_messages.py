"""The catalogues: every text of the source is there in every language, with its placeholders."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from kg.text.i18n import SOURCE, available

ROOT = Path(__file__).parents[1]
LANGUAGES = [lang for lang in available() if lang != SOURCE]
#: what a translation must hold as its source does: %(name)s, %%, {name}, <tag>
HOLES = re.compile(r"%\(\w+\)[sdr]|%%|\{\w+\}|</?[a-z][^>]*>")


def forms(text: object) -> tuple[str, ...]:
    return tuple(map(str, text)) if isinstance(text, list | tuple) else (str(text),)


@cache
def catalogue(lang: str) -> Catalog:
    path = ROOT / "kg" / "locale" / lang / "LC_MESSAGES" / "passerelle.po"
    with path.open("rb") as file:
        return read_po(file, locale=lang)


def messages(found: Catalog) -> dict[tuple[str, ...], Message]:
    return {forms(message.id): message for message in found if message.id}


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, ...]]:
    """Every text of the source, as ``make messages`` collects them."""
    path = tmp_path_factory.mktemp("messages") / "messages.pot"
    command = ["-q", "extract", "-F", "pyproject.toml", "-k", "mark", "-o", str(path), "."]
    tool = [sys.executable, "-m", "babel.messages.frontend"]
    subprocess.run([*tool, *command], cwd=ROOT, check=True)
    with path.open("rb") as file:
        return set(messages(read_po(file)))


def test_texts_of_code_templates_and_shapes_are_collected(source: set[tuple[str, ...]]) -> None:
    assert ("practice", "practices") in source
    assert ("Find matches",) in source
    assert (
        "This property is not one that a practice has here; it is kept but not used.",
    ) in source


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_catalogue_has_the_texts_of_the_source(lang: str, source: set[tuple[str, ...]]) -> None:
    known = messages(catalogue(lang))
    assert sorted(source - set(known)) == [], "run `make messages` and translate"
    assert sorted(set(known) - source) == [], "run `make messages`"
    assert not catalogue(lang).obsolete


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_text_is_translated(lang: str) -> None:
    found = messages(catalogue(lang))
    assert [i for i, m in found.items() if m.fuzzy] == []
    assert [i for i, m in found.items() if not all(t.strip() for t in forms(m.string))] == []
    counts = {i: len(forms(m.string)) for i, m in found.items()}
    wanted = {1: 1, 2: catalogue(lang).num_plurals}
    assert [i for i, count in counts.items() if count != wanted[len(i)]] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_placeholders_and_tags_are_those_of_the_source(lang: str) -> None:
    for ids, message in messages(catalogue(lang)).items():
        allowed = [sorted(HOLES.findall(text)) for text in ids]
        for text in forms(message.string):
            assert sorted(HOLES.findall(text)) in allowed, ids
            assert "%" not in HOLES.sub("", text) or "%" in HOLES.sub("", ids[0]), ids
            assert text == text.strip(), ids
