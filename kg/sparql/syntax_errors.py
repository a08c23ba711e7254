"""Say to a person why the engine cannot read a query.

The engine's parser knows no tokens. It says where it gave up and which of its rules it tried
there, ``error at 1:41: expected one of LATERAL, SERVICE, [_]``; keywords are tried by reading
as many characters as they have, so the fault lies before that place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from kg.errors import Malformed
from kg.sparql.scan import Token, place, tokens
from kg.vocabulary import PREFIXES

_REASON = re.compile(r"error at (\d+):(\d+):? ?(?:expected )?(?:one of )?(.*)", re.DOTALL)
_SENTENCE = re.compile(r"[A-Z][A-Za-z]+(?: [A-Za-z]+)+")
_KEYWORD = re.compile(r"(?<![\w'\"])[A-Za-z][A-Za-z0-9_]+(?![\w'\"])")
_SIGN = re.compile(r'"([^\w\s"\\]+)"')
_PAIRS = {")": "(", "]": "[", "}": "{"}
#: characters of the query that are shown, and signs that are named as what could stand there
_SHOWN, _SIGNS = 40, 6


def explain(query: str, reason: str, ran: str | None = None) -> str:
    """Say in one or two sentences where a query breaks, the text there, and what is wrong.

    ``ran`` is what was made of the query, if the engine had that to read.
    """
    if seen := mistake(query):
        return seen
    ran = query if ran is None else ran
    complaint = _REASON.match(reason)
    if not complaint:
        return f"The query cannot be read: {_cut(reason.partition(chr(10))[0], 200)}"
    line, column, rules = int(complaint[1]), int(complaint[2]), complaint[3]
    offset = sum(len(part) + 1 for part in ran.split("\n")[: line - 1]) + column - 1
    sentences = _SENTENCE.findall(rules)
    signs = [] if sentences else _SIGN.findall(rules)
    if not sentences and not signs:
        offset -= max(map(len, _KEYWORD.findall(rules)), default=0)
    expected = f"expected here: {' '.join(signs)}" if 0 < len(signs) <= _SIGNS else ""
    # From the place in the text that ran to that in the query of which it was made.
    if offset >= len(ran) - _alike(ran[::-1], query[::-1]):
        offset += len(query) - len(ran)
    else:
        offset = min(offset, _alike(ran, query))
    return _cannot(query, max(0, offset), sentences[0] if sentences else expected)


def mistake(query: str) -> str | None:
    """The fault of a query that no engine reads, None where we see none."""
    try:
        read = tokens(query)
    except Malformed as error:
        return str(error)
    for bracket, scheme in pairwise(read):
        inside = bracket.text == "<" and scheme.start == bracket.start + 1
        if inside and scheme.kind == "name" and scheme.text.startswith(("http:", "https:")):
            return _cannot(query, bracket.start, "This address holds a space or another bad letter")
    names = [name for name, iri in pairwise(read) if name.kind == "name" and iri.kind == "iri"]
    known = {"_", *(name.text[:-1] for name in names if name.text.endswith(":"))}
    for token in read:
        prefix, colon, _ = token.text.partition(":")
        if token.kind == "name" and colon and prefix not in known:
            usual = f" <{PREFIXES[prefix]}>" if prefix in PREFIXES else " and its address in < >"
            return (
                f"The prefix {_cut(prefix)}: at {place(query, token.start)} is not declared. Write"
                f" PREFIX {_cut(prefix)}:{usual} before the query."
            )
    return _unbalanced(query, read)


def _unbalanced(query: str, read: Sequence[Token]) -> str | None:
    """The fault of the brackets, None if each is closed by its own kind."""
    opened: list[Token] = []
    for token in read:
        if token.kind == "mark" and token.text in _PAIRS.values():
            opened.append(token)
        elif token.kind == "mark" and token.text in _PAIRS:
            if not opened:
                return _cannot(query, token.start, f"This {token.text} closes nothing")
            if opened[-1].text != _PAIRS[token.text]:
                break
            opened.pop()
    if not opened:
        return None
    return _cannot(query, opened[-1].start, f"This {opened[-1].text} is not closed")


def _alike(one: str, other: str) -> int:
    """The length of the common beginning of two texts."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _cannot(query: str, offset: int, why: str) -> str:
    rest = " ".join(query[offset : offset + 4 * _SHOWN].split())
    there = f"where it says {_cut(rest, _SHOWN)}" if rest else "where it ends"
    ended = f": {why}." if why else "."
    return f"The query cannot be read at {place(query, offset)}, {there}{ended}"


def _cut(text: str, most: int = _SHOWN) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
