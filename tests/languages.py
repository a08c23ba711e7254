"""A reader's language for a block of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kg.text.i18n import language, set_language


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Write texts in ``code`` inside the block."""
    before = language()
    set_language(code)
    try:
        yield
    finally:
        set_language(before)
