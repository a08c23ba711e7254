"""Numbers, amounts and days in eight languages; narrow and fixed spaces are shown as ``_``."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kg.text.i18n import speaking
from kg.text.number_formats import country, day, euro, number, percent


def spaced(text: str) -> str:
    return text.replace("\u202f", "_").replace("\xa0", "_")


@pytest.mark.parametrize(
    ("lang", "many", "share", "money", "when"),
    [
        ("en", "1,234,567.5", "58%", "€1,200", "3 May 2024"),
        ("de", "1.234.567,5", "58_%", "1.200_€", "3. Mai 2024"),
        ("fr", "1_234_567,5", "58_%", "1_200_€", "3 mai 2024"),
        ("it", "1.234.567,5", "58%", "1.200_€", "3 maggio 2024"),
        ("es", "1.234.567,5", "58_%", "1.200_€", "3 de mayo de 2024"),
        ("pl", "1_234_567,5", "58%", "1_200_€", "3 maja 2024"),
        ("hr", "1.234.567,5", "58_%", "1.200_€", "3. svibnja 2024."),
        ("lv", "1_234_567,5", "58%", "1_200_€", "2024. gada 3. maijs"),
    ],
)
def test_each_language_writes_them_its_own_way(
    lang: str, many: str, share: str, money: str, when: str
) -> None:
    with speaking(lang):
        found = number(1234567.5), percent(0.584), euro(1200), day("2024-05-03")
    assert tuple(map(spaced, found)) == (many, share, money, when)


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (number, 0, "0"),
        (number, "12500.50", "12.500,5"),
        (number, 0.000001, "0,000001"),
        (number, -4.0, "-4"),
        (lambda v: number(v, 2), 0.5, "0,50"),
        (lambda v: percent(v, 2), 0.0634, "6,34_%"),
        (percent, 0, "0_%"),
        (euro, 12.5, "12,50_€"),
        (euro, 0, "0_€"),
        (day, "2024-05", "Mai 2024"),
        (day, "2024", "2024"),
        (day, "2024-02-31", "2024-02-31"),
        (day, "", ""),
    ],
)
def test_edges_are_written_too(write: Callable[..., str], value: object, text: str) -> None:
    with speaking("de"):
        assert spaced(write(value)) == text


def test_countries_are_named_by_either_code() -> None:
    assert [country(code, "de") for code in ("HR", "EL", "GR", "HR035")] == [
        "Kroatien", "Griechenland", "Griechenland", "",
    ]  # fmt: skip
    with speaking("lv"):
        assert country("HR") == "Horvātija"
