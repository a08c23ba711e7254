"""Words as they are looked up: lower case, stemmed in their language where a stemmer exists."""

from __future__ import annotations

import re

import Stemmer

#: the EU languages that PyStemmer knows; the others keep their words as they are
STEMMERS = {
    "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "et": "estonian", "fi": "finnish", "fr": "french", "ga": "irish", "hu": "hungarian",
    "it": "italian", "lt": "lithuanian", "nl": "dutch", "pl": "polish", "pt": "portuguese",
    "ro": "romanian", "sv": "swedish",
}  # fmt: skip
_KNOWN = frozenset(Stemmer.algorithms())
_WORD = re.compile(r"\w{2,}")


def stems(text: str, lang: str) -> list[str]:
    """Return the stems of a text in the order of the words.

    A stemmer must not be shared by threads, and it takes less than a microsecond to make one.
    """
    words = _WORD.findall(text.lower())
    name = STEMMERS.get(lang)
    return list(Stemmer.Stemmer(name).stemWords(words)) if name in _KNOWN else words
