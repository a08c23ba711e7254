"""What every form of a page reads alike: texts, whole numbers, places, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from kg.entry import CONTROL
from kg.errors import Problem, Refused, refused
from kg.text.i18n import gettext
from kg.text.number_formats import number
from service.core.places import PlaceBook, Territory

MAX_QUESTION = 20_000
T = TypeVar("T")


def clean(text: str) -> str:
    """Keep a text as it was typed, but control characters as spaces."""
    return CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", " "))


def attempt(problems: list[Problem], field: str, work: Callable[[], T]) -> T | None:
    """Run a check or a look-up; if it is refused, note why at the field and return None."""
    try:
        return work()
    except Refused as error:
        problems += [replace(problem, path=field) for problem in error.problems]
        return None


def find_place(places: PlaceBook, text: str) -> Territory:
    """Find the place that a text means. Raises Refused if there is none, or no text."""
    if not text:
        raise refused(
            "place",
            gettext("Say in which place it should work."),
            hint=gettext("Write a country, a region, a town or a NUTS 2021 code such as HR035."),
        )
    return places.find(text)


def check_text(text: str) -> None:
    """Raise Refused for a question that is empty or too long."""
    if not text.strip():
        raise refused(
            "q",
            gettext("The question is empty."),
            hint=gettext("Describe in a sentence or two what you do or need."),
        )
    if len(text) > MAX_QUESTION:
        raise refused(
            "q",
            gettext(
                "The question has %(length)s characters; at most %(most)s can be read.",
                length=number(len(text)),
                most=number(MAX_QUESTION),
            ),
            hint=gettext("Shorten it to what matters."),
        )
