"""Words as they are looked up: lower case, stemmed in their language where a stemmer exists."""

from __future__ import annotations

import re
import threading
from functools import lru_cache

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


@lru_cache(maxsize=256)
def _stemmer(name: str, thread: int) -> Stemmer.Stemmer:
    """Make a stemmer, which remembers words and so belongs to one thread."""
    return Stemmer.Stemmer(name)


def stems(text: str, lang: str) -> list[str]:
    """Stem the words of a text, in their order; as they are where there is no stemmer."""
    words = _WORD.findall(text.lower())
    name = STEMMERS.get(lang)
    if name not in _KNOWN:
        return words
    return list(_stemmer(name, threading.get_ident()).stemWords(words))
