"""What a reader should know of how the question was read: too short, too long, which language."""

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


def notes_on(question: str | None, lang: str, means: Means) -> list[str]:
    """Write a sentence for each thing that may make the answer worse than it could be."""
    notes = []
    if not means.knows(lang):
        unknown = _("No mean is known for {lang}; the one of all languages is used.")
        notes.append(unknown.format(lang=language_name(lang)))
    if not question:
        return notes
    letters = [c for c in question[:2000] if c.isalpha()]
    if sum(unicodedata.name(c, "").startswith(_SCRIPTS) for c in letters) < len(letters) / 2:
        notes.append(
            _("The model knows Latin, Greek and Cyrillic letters; most of these are others.")
        )
    words = len(question.split())
    if words <= SHORT:
        notes.append(_("So few words say little; a sentence or two finds more."))
    if words > PASSAGE * PASSAGES:
        long = _("Only about the first {count} words were read.")
        notes.append(long.format(count=number(PASSAGE * PASSAGES)))
    sentences = [s for s in BREAK.split(question)[:20] if len(s.split()) >= TELLING]
    spoken = sorted({detect_surely(s) for s in sentences} - {UNKNOWN})
    if len(spoken) > 1:
        mixed = _("The question is in several languages ({langs}); it was read as {lang}.")
        langs = ", ".join(map(language_name, spoken))
        notes.append(mixed.format(langs=langs, lang=language_name(lang)))
    return notes
