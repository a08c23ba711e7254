"""Texts without what people leave out when they type: capitals, accents, other forms of letters.

No library fits. Transliterators (``unidecode``, ``anyascii``) turn Greek and Cyrillic into
Latin letters, which makes different words alike; ``str.casefold`` and Unicode's decomposition
know neither ł nor ø, which have no accent that could be taken away, and take the й, a letter
of its own, apart like the ё, which is written е as often as not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

#: letters that Unicode does not take apart, as they are typed where they are not on the keyboard
_LETTERS = {
    "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ŧ": "t",
    "ŋ": "n", "ı": "i", "ĸ": "k", "ə": "e", "ƒ": "f", "ɓ": "b", "ɖ": "d", "ǥ": "g", "ɨ": "i",
}  # fmt: skip
#: letters of their own, not accented ones: in Cyrillic as Unicode's collation has them
_OWN = "йўїѓќ"
#: marks that a keyboard makes in one form only; a middle dot only parts two letters (col·lectiu)
_MARKS = {
    "’": "'", "‘": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
    "‐": "-", "‒": "-", "–": "-", "—": "-", "−": "-", "·": "",
}  # fmt: skip
#: Latin, combining marks, Greek, Cyrillic; more Latin and Greek, marks that are not seen
_BLOCKS = ((0x80, 0x530), (0x1AB0, 0x1B00), (0x1DC0, 0x2070), (0xFE00, 0xFE30), (0xFEFF, 0xFF00))

_OTHER = re.compile(r"[^\x00-\x7f]")


def fold(text: str) -> str:
    """A text as it is compared with what people type, spaces in it single.

    Two texts that differ in case, accents, forms of letters (ł and l, ß and ss, a final ς),
    apostrophes, dashes, or in how Unicode writes them, fold to the same. Greek and Cyrillic
    letters stay what they are.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    composed = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    table = _table()
    plain = _OTHER.sub(lambda match: table.get(match[0], match[0]), composed)
    return " ".join(plain.split())


@lru_cache(maxsize=1)
def _table() -> dict[str, str]:
    letters = {c: _plain(c) for c in _characters() if c not in _OWN}
    return letters | _LETTERS | _MARKS


def _characters() -> Iterable[str]:
    return (chr(code) for first, end in _BLOCKS for code in range(first, end))


def _plain(character: str) -> str:
    """Take the accents off a character; nothing is left of a mark that stands for itself."""
    parts = unicodedata.normalize("NFD", character)
    kept = "".join(c for c in parts if unicodedata.category(c) not in {"Mn", "Me", "Cf"})
    return "".join(_LETTERS.get(c, c) for c in kept)
