"""Reasons: a sentence for a person and the triples it rests on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kg.entry import Entry

Triple = tuple[str, str, str]
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_LONGEST = 240


@dataclass(frozen=True)
class Reason:
    """Why something was found. ``evidence`` holds triples in N-Triples notation."""

    criterion: str
    text: str
    evidence: tuple[Triple, ...] = ()


def cite(
    entry: Entry, prop: str, only: Iterable[str] | None = None, node: str | None = None
) -> tuple[Triple, ...]:
    """Return the entry's triples of a property, of all or of the given objects."""
    subject, objects = node or entry.iri, None if only is None else set(only)
    return tuple(
        (f"<{subject}>", f"<{prop}>", str(o))
        for o in entry.values(prop, subject)
        if objects is None or o.value in objects
    )


def excerpt(words: str) -> str:
    """Return the first sentence or two of a text, at most 240 characters."""
    beginning = ""
    for sentence in _SENTENCE.split(words.strip()):
        if beginning and len(beginning) + len(sentence) > _LONGEST:
            break
        beginning = f"{beginning} {sentence}".strip()
    return (
        beginning
        if len(beginning) <= _LONGEST
        else beginning[: _LONGEST - 1].rsplit(" ", 1)[0] + "…"
    )
