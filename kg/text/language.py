"""In which language a text is written: one of the 24 official ones of the EU, or surely another."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from langcodes import Language, tag_is_valid
from langcodes.tag_parser import LanguageTagError

LANGUAGES = tuple("bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv".split())
UNKNOWN = "und"
SURE = 0.5
#: a text of three words is in another language if all official ones together are less probable
TELLING, OUTSIDE = 3, 0.02
#: codes of ISO 639 that name no language: several, none of the list, none, privately agreed
_SPECIAL = re.compile("mul|mis|zxx|q[a-t][a-z]")
#: what the identifier calls a text in no language
NONE = {"zxx"}


def primary(tag: str) -> str:
    """The language of a tag without region or script."""
    return tag.lower().partition("-")[0]


def preference(code: str, reader: str) -> tuple[bool, bool, str]:
    """Sort key of texts: first those in the reader's language, then English, then any other."""
    return code != reader, code != "en", code


@lru_cache(maxsize=1_000)
def proper_tag(tag: str) -> str | None:
    """The tag as it is to be written, None if it names no language.

    A language with a code of two letters is written by it, whatever other code it has
    (``de`` for ``deu`` and ``ger``): https://www.rfc-editor.org/rfc/rfc5646#section-2.2.1
    ``und`` stands: lists are imported whose texts are too short to be sure of their language.
    """
    code = primary(tag)
    try:
        Language.get(tag, normalize=False)
    except LanguageTagError:
        return None
    if not re.fullmatch("[a-z]{2,3}", code) or _SPECIAL.fullmatch(code) or not tag_is_valid(code):
        return None
    short = Language.get(code)
    overlong = len(code) == 3 and len(short.language or "") == 2
    if overlong and code in {short.to_alpha3(), short.to_alpha3(variant="B")}:
        return f"{short.language}{tag[3:]}"
    return tag


def detect(text: str) -> str:
    """The likeliest official language, or another one that the text is surely in.

    Right in 99 % of texts of eight words in twelve official languages. Of 3,149 such texts in seven
    of them none is taken for another language, of most others 96 to 100 % are, but Russian
    (72 %), Catalan (53 %), Norwegian (18 %) and Montenegrin (0 %) look like official ones.
    """
    return _likeliest(text)[0]


def detect_surely(text: str) -> str:
    """The language of a text, or ``und`` if it is too short to be sure."""
    code, probability = _likeliest(text)
    return code if probability >= SURE else UNKNOWN


def _likeliest(text: str) -> tuple[str, float]:
    """The language of a text, and how probable it is among the official ones."""
    known = dict(_identifier().rank(text))
    first = max(known, key=lambda code: known[code])
    ours = {code: known[code] for code in LANGUAGES}
    total = float(sum(ours.values()))
    telling = len(text.split()) >= TELLING and first not in NONE
    if telling and total < OUTSIDE:
        return first, 1.0
    best = max(ours, key=lambda code: ours[code])
    return best, float(ours[best]) / (total or 1.0)


def settle(text: str, tag: str | None) -> str:
    """The primary language of a tag, or the detected one if there is none."""
    return primary(tag) if tag and tag != UNKNOWN else detect(text)


@lru_cache(maxsize=1)
def _identifier() -> Any:  # noqa: ANN401
    """Load the model of py3langid once; about half a second and 20 MB."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
