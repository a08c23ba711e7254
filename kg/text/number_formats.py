"""Numbers, amounts, days and countries as the reader's language writes them, and read back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from babel import Locale
from babel.dates import format_date, format_skeleton, get_month_names
from babel.numbers import (
    format_currency,
    format_decimal,
    format_percent,
    get_currency_name,
    get_decimal_symbol,
    get_group_symbol,
)

from kg.text.folding import fold
from kg.text.i18n import SOURCE, language
from kg.text.language import primary
from kg.vocabulary import ISO

_LONGEST = 100
_SIGNS = str.maketrans({"’": "'", "−": "-"})
_FIGURE = re.compile(
    r"([+-]?) ?([^0-9.,'+-]*?) ?([+-]?)([.,]?[0-9]+(?:[.,' ][0-9]+)*)([^0-9]*)", re.DOTALL
)
_GROUPS = r"[1-9][0-9]{0,2}([.,' ])[0-9]{3}(?:\1[0-9]{3})*"
_GROUPED = re.compile(_GROUPS)
_PARTED = re.compile(rf"(?:[0-9]*|{_GROUPS})((?!\1)[.,])[0-9]+")
_XSD_DAY = re.compile("([0-9]{4}-[0-9]{2}-[0-9]{2})(Z|[+-][0-9]{2}:[0-9]{2}|)")


@dataclass(frozen=True)
class Figure:
    """A number that somebody wrote, with the unit before or behind it.

    ``other`` is what the same text means elsewhere: ``1.500`` is 1500 in German, 1.5 in English.
    """

    value: Decimal
    unit: str = ""
    other: Decimal | None = None


def _locale(code: str = "") -> Locale:
    """The locale of a language, else of the reader's; English is written as in Europe."""
    code = code or language()
    return Locale.parse("en_GB" if code == SOURCE else code)


def number(value: float | str | Decimal, digits: int | None = None) -> str:
    """A number with ``digits`` after the point, else without trailing zeros."""
    pattern = "#,##0." + ("#" * 6 if digits is None else "0" * digits)
    return format_decimal(value, pattern, _locale(), group_separator=True)


def plain(value: Decimal) -> str:
    """A number in plain digits, as XSD and JSON write it."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def exact(value: Decimal) -> str:
    """A number with every digit and no groups, so that it can be read in one way only."""
    digits = plain(value)
    text = format_decimal(digits, "0.#", _locale(), decimal_quantization=False)
    return text + "0" if digits[-4:-3] == "." else text


def percent(share: float, digits: int = 0) -> str:
    """A share of 1 in per cent, with at most ``digits`` after the point."""
    locale = _locale()
    pattern = locale.percent_formats[None].pattern.replace("0", "0." + "#" * digits)
    return format_percent(share, pattern, locale)


def euro(amount: float | Decimal) -> str:
    """An amount of money, its cents only where there are some."""
    locale = _locale()
    pattern = locale.currency_formats["standard"].pattern
    if amount == round(amount):
        pattern = pattern.replace("0.00", "0")
    return format_currency(amount, "EUR", pattern, locale, currency_digits=False)


def day(text: str, length: Literal["long", "medium"] = "long") -> str:
    """An ISO date or month in words; what is neither, such as a year, as it is."""
    try:
        if len(text) == len("2026-01"):
            return format_skeleton("yMMMM", date.fromisoformat(f"{text}-01"), locale=_locale())
        return format_date(date.fromisoformat(text), length, _locale())
    except ValueError:
        return text


def read_whole(text: str, digits: int) -> int | None:
    """A number of at most ``digits`` plain digits; None for anything else, a sign included."""
    known = text.isascii() and text.isdecimal() and len(text) <= digits
    return int(text) if known else None


def read_number(text: str, *, strictly: str = "") -> Figure:
    """The number in a text that anybody in Europe may have written.

    Groups of three digits may be parted by points, commas, apostrophes or spaces of any width.
    Where that leaves two readings, the reader's language decides. With a language to read
    ``strictly`` in, its own signs only are taken. Raises ValueError if there is no such number.
    """
    short = len(text) <= _LONGEST
    match = _FIGURE.fullmatch(" ".join(text.translate(_SIGNS).split())) if short else None
    if match is None or (match[1] and match[3]):
        raise ValueError(text)
    locale = _locale(strictly)
    point, readings = get_decimal_symbol(locale), list(_readings(match[4]))
    if strictly:
        own = {"", get_group_symbol(locale).strip() or " "}
        readings = [r for r in readings if r[0] in own and r[1] in {"", point}]
    if not readings:
        raise ValueError(text)
    sign = -1 if "-" in match[1] + match[3] else 1
    readings.sort(key=lambda reading: reading[1] not in {"", point})
    values = [sign * value for _, _, value in readings]
    other = values[1] if len(values) > 1 else None
    return Figure(values[0], f"{match[2]} {match[5]}".strip(" .,-–—"), other)


def _readings(digits: str) -> Iterator[tuple[str, str, Decimal]]:
    """What digits can mean, with the sign between their groups and the one before decimals."""
    if match := _PARTED.fullmatch(digits):
        whole, _, rest = digits.rpartition(match[2])
        yield match[1] or "", match[2], Decimal(f"{re.sub('[^0-9]', '', whole)}.{rest}")
    if match := _GROUPED.fullmatch(digits):
        yield match[1], "", Decimal(re.sub("[^0-9]", "", digits))
    if digits.isdecimal():
        yield "", "", Decimal(digits)


def is_euro(unit: str) -> bool:
    """Whether a unit is the euro: its sign, its code or its name in the reader's language."""
    names = (get_currency_name("EUR", count, _locale()) for count in (1, 2, 5))
    return fold(unit) in {"€", "eur", *map(fold, names)}


def read_day(text: str) -> str:
    """The day in a text, as XSD writes it.

    Taken are XSD's own form, and day, month and year, or year, month and day, in digits or with
    the month by its name in the reader's language or English. Raises ValueError for all else.
    """
    if match := _XSD_DAY.fullmatch(text):
        return f"{date.fromisoformat(match[1])}{match[2]}"
    names = _months(SOURCE) | _months(language())
    joining = re.findall(r"'(\w+)'", _locale().date_formats["long"].pattern)
    words, numbers = re.findall(r"[^\W\d]+", fold(text)), re.findall("[0-9]+", text)
    if (
        not numbers
        or not {*names, *joining}.issuperset(words)
        or not re.fullmatch(r"[\w\s./,-]*", text)
    ):
        raise ValueError(text)
    months = [str(names[word]) for word in words if word in names]
    parts = [*numbers[:1], *months, *numbers[1:]]
    if len(parts[0]) != len("2026"):
        parts.reverse()
    return date.fromisoformat("-".join(part.zfill(2) for part in parts)).isoformat()


def _months(code: str) -> dict[str, int]:
    """The months by their names in a language, whole or cut short."""
    return {
        fold(name).strip("."): month
        for width in ("abbreviated", "wide")
        for context in ("stand-alone", "format")
        for month, name in get_month_names(width, context, _locale(code)).items()
    }


def country(code: str, lang: str = "") -> str:
    """A country's name in a language, else the reader's; empty if it is not known."""
    return str(Locale.parse(lang or language()).territories.get(ISO.get(code, code), ""))


def countries(lang: str) -> dict[str, str]:
    """The names of all countries of the world in a language, by ISO code."""
    names = Locale.parse(lang).territories.items()
    return {code: str(name) for code, name in names if len(code) == len("HR")}


def language_name(code: str) -> str:
    """A language's name as the reader's language has it, or its code if it is not known."""
    return str(Locale.parse(language()).languages.get(primary(code), code))
