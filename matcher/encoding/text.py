"""Which words of an entry make which facet, in which language, and how words are looked up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from kg.entry import Entry, Text
from kg.text.language import preference, primary, settle
from kg.vocabulary import DCT, PSR

#: change it when texts or attributes change, and the index is made anew
VERSION = "3"
PROBLEM, SOLUTION, CONTEXT = "problem", "solution", "context"
FACETS = (PROBLEM, SOLUTION, CONTEXT)

TITLE, DESCRIPTION = DCT + "title", DCT + "description"
_PROPERTIES: dict[str, dict[str, tuple[str, ...]]] = {
    "practice": {
        PROBLEM: (PSR + "problem",),
        SOLUTION: (TITLE, DESCRIPTION, PSR + "solution"),
        CONTEXT: (PSR + "context",),
    },
    "challenge": {PROBLEM: (TITLE, DESCRIPTION)},
    "actor": {PROBLEM: (PSR + "seeks",), SOLUTION: (TITLE, DESCRIPTION, PSR + "offers")},
    "instrument": {SOLUTION: (TITLE, DESCRIPTION)},
    "plan": {PROBLEM: (PSR + "objective",), SOLUTION: (TITLE, DESCRIPTION)},
    "community": {SOLUTION: (TITLE, DESCRIPTION)},
    "call": {SOLUTION: (TITLE, DESCRIPTION)},
}
_BODY = ("problem", "solution", "context", "offers", "seeks", "objective")
_MAIN = {DESCRIPTION} | {PSR + name for name in _BODY}
INDEXED = tuple(_PROPERTIES)


@dataclass(frozen=True)
class FacetText:
    """The text of one facet in one language."""

    facet: str
    lang: str
    text: str


T = TypeVar("T", Text, FacetText)


def preferred(texts: Iterable[T], lang: str) -> T | None:
    """Choose the first text in a language, else in English, else in any; None of none."""
    own = primary(lang)
    return min(texts, key=lambda t: preference(primary(t.lang), own)[:2], default=None)


def wording(entry: Entry, prop: str, lang: str) -> Text | None:
    """Choose an entry's text of a property in one language, which the text then names."""
    texts = (Text(t.value, _lang(t), t.prop) for t in entry.texts(prop))
    return preferred(texts, lang)


def facets(entry: Entry) -> list[FacetText]:
    """Put together the texts of an entry, one a facet and language.

    A title joins the texts of its own language; alone it makes a facet only where an entry
    has no other text at all.
    """
    made = []
    for facet, props in _PROPERTIES.get(entry.path, {}).items():
        texts = [t for p in props for t in entry.texts(p)]
        bodies = [t for t in texts if t.prop in _MAIN]
        langs = sorted({_lang(t) for t in (bodies or texts)})
        for lang in langs:
            own = [t.value for t in texts if _lang(t) == lang]
            made.append(FacetText(facet, lang, "\n".join(own)))
    return made


def _lang(text: Text) -> str:
    return settle(text.value, text.lang)


def stated(entry: Entry) -> dict[str, list[Text]]:
    """Group the texts that make the facets and names of an entry by language.

    Only languages that have a facet count: a title alone does not speak for another language.
    """
    props = [p for props in _PROPERTIES.get(entry.path, {}).values() for p in props]
    by_language: dict[str, list[Text]] = {f.lang: [] for f in facets(entry)}
    for text in (t for p in [*props, DCT + "alternative"] for t in entry.texts(p)):
        if _lang(text) in by_language:
            by_language[_lang(text)].append(text)
    return by_language


def words(entry: Entry) -> list[FacetText]:
    """Put together all words of an entry, one text a language, for the search by words."""
    parts: dict[str, list[str]] = {}
    for facet in facets(entry):
        parts.setdefault(facet.lang, []).append(facet.text)
    names = [t.value for t in entry.texts(DCT + "alternative")]
    return [FacetText("words", lang, "\n".join(own + names)) for lang, own in parts.items()]


def everything(entry: Entry) -> str:
    """All words of an entry in all its languages, for the search by letters."""
    return "\n".join(w.text for w in words(entry))
