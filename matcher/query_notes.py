"""What an asker should know of how the question was read: too short, too long, which language."""

from __future__ import annotations

import unicodedata

from kg.text.i18n import gettext as _
from kg.text.language import UNKNOWN, detect_surely
from kg.text.number_formats import language_name, number
from matcher.encoding.centring import Means
from matcher.encoding.embedder import BREAK, PASSAGE, PASSAGES

SHORT = 2
#: sentences of fewer words are not told apart by language
TELLING = 5
_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")


def told(asked: str | None, lang: str, means: Means) -> list[str]:
    """Return a sentence for each thing that may make the answer worse than it could be."""
    found = []
    if not means.knows(lang):
        said = _("No mean is known for {lang}; the one of all languages is used.")
        found.append(said.format(lang=language_name(lang)))
    if not asked:
        return found
    words = asked.split()
    if _foreign(asked):
        found.append(
            _("The model knows Latin, Greek and Cyrillic letters; most of these are others.")
        )
    if len(words) <= SHORT:
        found.append(_("So few words say little; a sentence or two finds more."))
    if len(words) > PASSAGE * PASSAGES:
        said = _("Only about the first {count} words were read.")
        found.append(said.format(count=number(PASSAGE * PASSAGES)))
    mixed = _languages(asked)
    if len(mixed) > 1:
        said = _("The question is in several languages ({langs}); it was read as {lang}.")
        langs = ", ".join(map(language_name, mixed))
        found.append(said.format(langs=langs, lang=language_name(lang)))
    return found


def _foreign(asked: str) -> bool:
    """Return whether most letters are of a script that the model does not know."""
    letters = [c for c in asked[:2000] if c.isalpha()]
    known = sum(unicodedata.name(c, "").startswith(_SCRIPTS) for c in letters)
    return known < len(letters) / 2


def _languages(asked: str) -> list[str]:
    """Return the languages that whole sentences are surely in."""
    sentences = [s for s in BREAK.split(asked)[:20] if len(s.split()) >= TELLING]
    return sorted({detect_surely(s) for s in sentences} - {UNKNOWN})
