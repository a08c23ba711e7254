"""Numbers, amounts, days and countries as the reader's language writes them."""

from __future__ import annotations

from datetime import date
from typing import Literal

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_currency, format_decimal, format_percent

from kg.text.i18n import SOURCE, language
from kg.text.language import primary
from kg.vocabulary import ISO


def _locale() -> Locale:
    """The reader's locale; English is written as in Europe."""
    return Locale.parse("en_GB" if language() == SOURCE else language())


def number(value: float | str, digits: int | None = None) -> str:
    """A number, with so many digits after the point or without idle zeros."""
    pattern = "#,##0." + ("#" * 6 if digits is None else "0" * digits)
    return format_decimal(value, pattern, _locale(), group_separator=True)


def percent(share: float, digits: int = 0) -> str:
    """A share of 1 in per cent, with so many digits after the point at most."""
    locale = _locale()
    pattern = locale.percent_formats[None].pattern.replace("0", "0." + "#" * digits)
    return format_percent(share, pattern, locale)


def euro(amount: float) -> str:
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


def country(code: str, lang: str = "") -> str:
    """A country's name in a language, else the reader's; empty if it is not known."""
    return str(Locale.parse(lang or language()).territories.get(ISO.get(code, code), ""))


def language_name(code: str) -> str:
    """A language's name as the reader's language has it, or its code if it is not known."""
    return str(Locale.parse(language()).languages.get(primary(code), code))
