"""Numbers, amounts and days in eight languages; narrow and fixed spaces are shown as ``_``."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal

import pytest

from kg.text.number_formats import (
    country,
    day,
    euro,
    exact,
    is_euro,
    number,
    percent,
    plain,
    read_day,
    read_number,
)
from tests.languages import speaking


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


# Reading


LANGUAGES = ("en", "de", "fr", "it", "es", "pl", "hr", "lv")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_written_is_read_again(lang: str) -> None:
    draw = random.Random(lang)
    wrong: list[str] = []
    with speaking(lang):
        for places in [*range(7)] * 25:
            value = Decimal(draw.randrange(-(10**9), 10**9)).scaleb(-places)
            amount = round(value, 2)
            for text, right in (
                (number(value), value),
                (exact(value), value),
                (euro(amount), amount),
                (percent(float(amount) / 100, 4), amount),
            ):
                figure = read_number(text)
                if figure.value != right or (text == exact(value) and figure.other is not None):
                    wrong.append(f"{text}: {figure}")
            assert is_euro(read_number(euro(amount)).unit)
        for start in range(0, 20_000, 397):
            then = (date(1970, 1, 1) + timedelta(start)).isoformat()
            wrong += [text for text in written_days(then) if read_day(text) != then]
    assert wrong == []


def written_days(iso: str) -> list[str]:
    year, month, number = iso.split("-")
    return [
        iso, day(iso), day(iso, "medium"), f"{number}.{month}.{year}", f"{number}/{month}/{year}",
        f"{int(number)}. {int(month)}. {year}.", f"{year}/{month}/{number}",
    ]  # fmt: skip


@pytest.mark.parametrize("lang", LANGUAGES)
def test_other_ways_to_write_are_read_in_every_language(lang: str) -> None:
    texts = {
        "1.500,50": "1500.5", "1,500.50": "1500.5", "46,16": "46.16", "46.16": "46.16",
        "1 500,5": "1500.5", "1\u202f500.5": "1500.5", "1’500.50": "1500.5", "−5": "-5",
        "15.414.794": "15414794", "294,455,198": "294455198", "4 500 000 €": "4500000",
        "£999.269,00": "999269", "€ 8.239.560": "8239560", "-€12": "-12", "€-12": "-12",
        "12,– €": "12", "0.125": "0.125", "0,125": "0.125", ",5": "0.5", "10.863,00 ": "10863",
        "1234,567": "1234.567", "12 km²": "12", "+7": "7", "007": "7",
    }  # fmt: skip
    with speaking(lang):
        assert {text: plain(read_number(text).value) for text in texts} == texts


@pytest.mark.parametrize("lang", LANGUAGES)
def test_two_readings_are_decided_by_the_language_and_told(lang: str) -> None:
    whole, part = Decimal(1500), Decimal("1.5")
    point, comma = (part, whole) if lang == "en" else (whole, part)
    with speaking(lang):
        for text, value, other in (("1.500", point, comma), ("-1,500 €", -comma, -point)):
            figure = read_number(text)
            assert (figure.value, figure.other) == (value, other), text


def test_what_is_no_number_or_day_is_refused() -> None:
    figures = (
        "", "x", "1.2.3", "1.23,45", "1,23,456", "1.234,567,890", "--1", "12-13", "٣", "1e3", "1_0",
        "NaN", "inf", "12,500 250", "01.500.000", "1 " * 200, "9" * 101, "2019/2020", "1.5 or 2",
    )  # fmt: skip
    days = (
        "", "x", "31.02.2019", "18.13.2015", "18.06.15", "2015", "2015-06", "Mai 2015", "9" * 30,
        "18:06:2015", "18.06.2015.1", "18 juin 2015", "2019-02-31", "2019-02-31Z", "١٨.06.2015",
    )  # fmt: skip
    taken = []
    with speaking("de"):
        for read, texts in ((read_number, figures), (read_day, days)):
            for text in texts:
                with suppress(ValueError):
                    taken.append((text, read(text)))
    assert taken == []


def test_days_of_other_forms_are_read() -> None:
    with speaking("fr"):
        for text in ("18 juin 2015", "18 June 2015", "June 18, 2015", "18-06-2015", "2015 06 18"):
            assert read_day(text) == "2015-06-18"
        assert read_day("2015-06-18+02:00") == "2015-06-18+02:00"


@pytest.mark.parametrize(("text", "value"), [("1.234,5 kn", "1234.5"), ("12", "12")])
def test_a_list_is_read_strictly_in_its_language(text: str, value: str) -> None:
    assert plain(read_number(text, strictly="de").value) == value
    for other in ("1,234.5", "1.5", "1 234", "1'234"):
        with pytest.raises(ValueError, match=re.escape(other)):
            read_number(other, strictly="de")
