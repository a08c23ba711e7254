"""Similarity inside SPARQL: ``psr:similarTo`` is answered by a matcher and joined as VALUES.

``?p psr:similarTo (<entry> 10)`` binds ``?p`` to what is most like an entry,
``(?p ?score) psr:similarTo ("a need in words"@en 10 psr:Actor)`` to what fits a text, with its
score. What stands in the list: an entry, a text, or a variable that a VALUES block of the same
query binds to entries; then how many (10 if it is left out); then a class (practices if it is
left out). Nothing here knows how the matches are found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyoxigraph as ox

from kg.errors import Malformed
from kg.query import PublicQuery
from kg.scan import Token, tokens
from kg.vocabulary import CLASSES, PSR

SIMILAR = PSR + "similarTo"
MAX_MATCHES = 100
#: how many lists of matches one query may ask for
MAX_LISTS = 20
_PATHS = {iri: path for path, iri in CLASSES.items()}
_USAGE = (
    "Write it first in its statement, as ?practice psr:similarTo (<entry> 10) or"
    " (?practice ?score) psr:similarTo (<entry> 10)."
)


@dataclass(frozen=True)
class Asked:
    """What a pattern asks: entries like an ``entry`` or a ``text``, of one class."""

    limit: int
    path: str
    entry: str | None = None
    text: str | None = None
    lang: str | None = None


#: from what is asked to entries with their scores, best first
Find = Callable[[Asked], Sequence[tuple[str, float]]]


@dataclass(frozen=True)
class _Call:
    """A pattern in the text: from where to where, its variables and what it asks."""

    start: int
    end: int
    names: tuple[str, ...]
    subject: str
    lists: tuple[tuple[str | None, Asked], ...]
    goes_on: bool


def expand(query: PublicQuery, find: Find) -> PublicQuery:
    """Return the query with every ``psr:similarTo`` pattern replaced by its matches.

    A query without one comes back as it is. Raises Malformed, saying where, for a pattern
    that cannot be read, and whatever ``find`` raises.
    """
    if "similarTo" not in query.text:
        return query
    calls = list(_calls(tokens(query.text)))
    if sum(len(call.lists) for call in calls) > MAX_LISTS:
        raise Malformed(f"A query may ask for {MAX_LISTS} lists of similar entries at most.")
    text = query.text
    for call in reversed(calls):
        text = text[: call.start] + _values(call, find) + text[call.end :]
    return replace(query, text=text)


def _values(call: _Call, find: Find) -> str:
    rows = [
        " ".join(part for part in (known, f"<{iri}>", f"{score:.4f}") if part)
        for known, asked in call.lists
        for iri, score in find(asked)
    ]
    if len(call.names) == (1 if not call.lists[0][0] else 2):  # no variable for the score
        rows = [row.rsplit(" ", 1)[0] for row in rows]
    block = f"VALUES ({' '.join(call.names)}) {{ {' '.join(f'({row})' for row in rows)} }}"
    return f"{block} {call.subject} " if call.goes_on else block


def _calls(found: list[Token]) -> Iterator[_Call]:
    prefixes = dict(_prefixes(found))
    for at, token in enumerate(found[:-1]):
        if _iri(token, prefixes) == SIMILAR and found[at + 1].text == "(":
            yield _call(found, at, prefixes)


def _call(found: list[Token], at: int, prefixes: dict[str, str]) -> _Call:
    first, names = _subject(found, at)
    last = at + 2
    while last < len(found) and found[last].text not in {")", "("}:
        last += 1
    if last == len(found) or found[last].text == "(":
        raise Malformed(f"The list of psr:similarTo {_at(found[at])} is not closed. {_USAGE}")
    lists = tuple(_lists(found[at + 2 : last], found, prefixes))
    known = [found[at + 2].text] if lists[0][0] else []
    end, goes_on = found[last].start + 1, False
    after = [token.text for token in found[last + 1 : last + 3]]
    if after[:1] == [";"]:
        end, goes_on = found[last + 1].start + 1, after[1:] not in (["."], ["}"])
    return _Call(found[first].start, end, (*known, *names), names[0], lists, goes_on)


def _subject(found: list[Token], at: int) -> tuple[int, tuple[str, ...]]:
    """Return where the subject begins, and its one or two variables."""
    first = at - 1
    if found[first].text == ")":
        while first > 0 and found[first].text != "(":
            first -= 1
        names = [token.text for token in found[first + 1 : at - 1]]
    else:
        names = [found[first].text]
    fresh = first > 0 and found[first - 1].text in {".", "{", "}", ")"}
    if not fresh or not 1 <= len(names) <= 2 or any(name[0] not in "?$" for name in names):
        raise Malformed(f"psr:similarTo {_at(found[at])} cannot be read. {_USAGE}")
    return first, tuple(names)


def _lists(
    words: list[Token], found: list[Token], prefixes: dict[str, str]
) -> Iterator[tuple[str | None, Asked]]:
    """Yield what is asked; for a variable each of its entries, with the entry as a term."""
    if not words:
        raise Malformed(f"The list of psr:similarTo is empty. {_USAGE}")
    about, rest = words[0], words[1:]
    tag = rest.pop(0).text[1:] if rest and rest[0].kind == "tag" else None
    limit = int(rest.pop(0).text[:9]) if rest and rest[0].kind == "number" else 10
    path = _PATHS.get(_iri(rest.pop(0), prefixes) or "") if rest else "practice"
    if rest or path is None or not 1 <= limit <= MAX_MATCHES:
        raise Malformed(
            f"After what psr:similarTo {_at(about)} is about comes a number from 1 to"
            f" {MAX_MATCHES}, then a class such as psr:Practice."
        )
    if about.kind == "string":
        yield None, Asked(limit, path, text=_text(about), lang=tag)
    elif about.kind == "var":
        for bound in _bound(about, found, prefixes):
            yield f"<{bound}>", Asked(limit, path, entry=bound)
    elif iri := _iri(about, prefixes):
        yield None, Asked(limit, path, entry=iri)
    else:
        raise Malformed(f"psr:similarTo takes an entry or a text {_at(about)}. {_USAGE}")


def _bound(variable: Token, found: list[Token], prefixes: dict[str, str]) -> list[str]:
    """Return the IRIs that ``VALUES ?variable { ... }`` binds a variable to."""
    for at, token in enumerate(found[:-2]):
        opened = (token.text.upper(), found[at + 1].text, found[at + 2].text)
        if opened == ("VALUES", variable.text, "{"):
            rest = found[at + 3 :]
            closed = next((n for n, t in enumerate(rest) if t.text == "}"), 0)
            iris = [_iri(t, prefixes) for t in rest[:closed]]
            if iris and all(iris):
                return [iri for iri in iris if iri]
    raise Malformed(
        f"{variable.text} {_at(variable)} must be bound to entries by a block of its own:"
        f" VALUES {variable.text} {{ <entry> }}."
    )


def _prefixes(found: list[Token]) -> Iterator[tuple[str, str]]:
    for word, name, iri in zip(found, found[1:], found[2:], strict=False):
        if word.text.upper() == "PREFIX" and name.kind == "name" and iri.kind == "iri":
            yield name.text[:-1], iri.text[1:-1]


def _iri(token: Token, prefixes: dict[str, str]) -> str | None:
    if token.kind == "iri":
        return token.text[1:-1]
    prefix, colon, local = token.text.partition(":")
    if token.kind != "name" or not colon or prefix not in prefixes:
        return None
    return prefixes[prefix] + re.sub(r"\\(.)", r"\1", local)


def _text(token: Token) -> str:
    """Return the text of a literal, its quotes and escapes read by the engine's parser."""
    line = f"<urn:x:s> <urn:x:p> {token.text} ."
    try:
        literal = next(iter(ox.parse(line, format=ox.RdfFormat.TURTLE))).object
    except SyntaxError as error:
        raise Malformed(f"The text {_at(token)} cannot be read: {error}") from error
    assert isinstance(literal, ox.Literal)
    return literal.value


def _at(token: Token) -> str:
    return f"at position {token.start}"
