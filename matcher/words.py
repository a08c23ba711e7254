"""Words as they are looked up: lower case, stemmed in their language where a stemmer exists."""

from __future__ import annotations

import re
from functools import lru_cache

import Stemmer

#: the EU languages that PyStemmer knows; the others keep their words as they are
STEMMERS = {
    "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "et": "estonian", "fi": "finnish", "fr": "french", "ga": "irish", "hu": "hungarian",
    "it": "italian", "lt": "lithuanian", "nl": "dutch", "pl": "polish", "pt": "portuguese",
    "ro": "romanian", "sv": "swedish",
}  # fmt: skip
_WORD = re.compile(r"\w{2,}")


@lru_cache(maxsize=32)
def _stemmer(lang: str) -> Stemmer.Stemmer | None:
    name = STEMMERS.get(lang)
    return Stemmer.Stemmer(name) if name in Stemmer.algorithms() else None


def stems(text: str, lang: str) -> list[str]:
    """Return the stems of a text in the order of the words."""
    found = _WORD.findall(text.lower())
    stemmer = _stemmer(lang)
    return list(stemmer.stemWords(found)) if stemmer else found
