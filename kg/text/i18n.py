"""The one place where a text meets its translation: gettext with a language per request.

Translations are message files ``locale/<language>/LC_MESSAGES/passerelle.po`` in ``kg``, compiled
when they are first needed: that takes 0.1 s, and a checkout and a wheel can never differ. A
language without a file gets the English text of the source.
"""

from __future__ import annotations

import gettext as stdlib
import io
from contextvars import ContextVar
from functools import lru_cache
from importlib.resources import files

from babel import Locale

from kg.text.language import LANGUAGES, primary

DOMAIN = "passerelle"
SOURCE = "en"
_language: ContextVar[str] = ContextVar("passerelle_language", default=SOURCE)


def language() -> str:
    """The current language of texts."""
    return _language.get()


def set_language(code: str) -> None:
    """Write texts in ``code`` from now on, in this request or thread only."""
    _language.set(code)


@lru_cache(maxsize=1)
def available() -> tuple[str, ...]:
    """The languages that texts can be written in, the source's first."""
    folder = files("kg") / "locale"
    names = [f.name for f in folder.iterdir() if f.is_dir()] if folder.is_dir() else []
    return SOURCE, *sorted(name for name in names if name != SOURCE)


@lru_cache(maxsize=64)
def _translations(code: str) -> stdlib.NullTranslations:
    """The translations of a language, about 0.1 s at the first time."""
    file = files("kg") / "locale" / code / "LC_MESSAGES" / f"{DOMAIN}.po"
    if code not in available() or code == SOURCE:
        return stdlib.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(file.read_bytes()), locale=code))
    compiled.seek(0)
    return stdlib.GNUTranslations(compiled)


def gettext(text: str, /, **values: object) -> str:
    """Translate ``text`` into the current language and fill in its ``%(name)s``."""
    translation = _translations(language()).gettext(text) if text else ""
    return translation % values if values else translation


def ngettext(one: str, many: str, number: int, /, **values: object) -> str:
    """Translate the form for ``number`` and fill in its ``%(name)s``."""
    translation = _translations(language()).ngettext(one, many, number)
    return translation % values if values else translation


def mark(text: str) -> str:
    """Mark ``text`` for translators; it is translated where it is shown."""
    return text


@lru_cache(maxsize=1)
def own_names() -> dict[str, str]:
    """The official languages of the EU by their own names; 0.2 s at the first time."""
    return {code: str(Locale.parse(code).get_display_name()) for code in LANGUAGES}


def own_name(code: str) -> str:
    """An official language of the EU by its own name, another by its code."""
    return own_names().get(primary(code), code)
