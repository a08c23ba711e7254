"""Words without their endings, in the languages that have a stemmer."""

from __future__ import annotations

import re
import threading
from functools import lru_cache

import Stemmer

from kg.text.language import LANGUAGES

_WORD = re.compile(r"\w{2,}")


@lru_cache(maxsize=256)
def _stemmer(lang: str, thread: int) -> Stemmer.Stemmer | None:
    """A stemmer of an EU language that has one; it remembers words, so it is one thread's own."""
    try:
        return Stemmer.Stemmer(lang) if lang in LANGUAGES else None
    except KeyError:
        return None


def stems(text: str, lang: str) -> list[str]:
    """Stem the words of a text in lower case, in their order; as they are without a stemmer."""
    words, stemmer = _WORD.findall(text.lower()), _stemmer(lang, threading.get_ident())
    return list(stemmer.stemWords(words)) if stemmer else words
