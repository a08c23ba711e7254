"""Look at a text of SPARQL or Turtle token by token before any parser sees it.

The engines' own parsers recurse: 2,265 nested braces end the process. This scan is one
regular expression of linear time that knows strings, IRIs and comments, and one loop.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kg.errors import Malformed, QueryRefused, TooLarge

MAX_QUERY = 64 * 1024
MAX_DEPTH = 64
MAX_OPERATORS = 2_000
MAX_REPEATED = 200

_TOKEN = re.compile(
    r"""
    (?P<space>\s++) | (?P<comment>\#[^\n\r]*+)
  | (?P<string>\"{3}(?:\"{0,2}(?:[^\"\\]|\\.))*+\"{3} | '{3}(?:'{0,2}(?:[^'\\]|\\.))*+'{3}
        | (?!\"{3})\"(?:[^\"\\\n\r]|\\.)*+\" | (?!'{3})'(?:[^'\\\n\r]|\\.)*+')
  | (?P<open>["'])
  | (?P<iri><[^<>"{}|^`\\\x00-\x20]*+>)
  | (?P<var>[?$]\w++) | (?P<tag>@\w++(?:-\w++)*+)
  | (?P<name>[\w-]*+:(?:[\w:%.-]|\\.)*+)
  | (?P<word>[^\W\d][\w-]*+)
  | (?P<number>\d++)
  | (?P<mark>\|\||&&|\^\^|!=|<=|>=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_OPEN, _CLOSE = "{([", "})]"
_UPDATES = {
    "INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH",
}  # fmt: skip
_FORMS = {"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"}
_OPERATORS = set("+-*/|&!=<>^.;,") | {"||", "&&", "!=", "<=", ">="}
_REPEATED = {"OPTIONAL", "UNION", "MINUS", "FILTER", "BIND", "EXISTS", "SELECT", "GRAPH", "VALUES"}
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")


@dataclass(frozen=True)
class Token:
    """A kind (``word``, ``string``, ``iri``, ``mark`` ...), its text and where it starts."""

    kind: str
    text: str
    start: int


def tokens(text: str) -> list[Token]:
    """Return the tokens of a SPARQL or Turtle text, without space and comments.

    Raises Malformed for a string that is not closed: parsers differ in what they make of
    the rest.
    """
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "mark"
        if kind == "open":
            raise Malformed(f"The string that starts at position {match.start()} is not closed.")
        if kind not in {"space", "comment"}:
            found.append(Token(kind, match[0], match.start()))
    return found


def depth(found: list[Token]) -> int:
    """Return how deep brackets of any kind are nested."""
    level = deepest = 0
    for token in found:
        if token.kind == "mark" and token.text in _OPEN:
            level += 1
            deepest = max(deepest, level)
        elif token.kind == "mark" and token.text in _CLOSE:
            level -= 1
    return deepest


def decode_escapes(text: str) -> str:
    r"""Return the text with ``\uXXXX`` and ``\UXXXXXXXX`` replaced, as SPARQL reads it.

    Raises Malformed for a surrogate or a number that is no character.
    """

    def character(match: re.Match[str]) -> str:
        number = int(match[1] or match[2], 16)
        if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
            raise Malformed(f"The escape {match[0]} at position {match.start()} is no character.")
        return chr(number)

    return _ESCAPE.sub(character, text)


def check_query(text: str) -> str:
    """Return the query's form (SELECT ...), or refuse what the public endpoint does not run.

    Raises TooLarge (more than 64 KiB), Malformed (no query form, bad escapes, absurd depth
    or number of operators) or QueryRefused (an update, SERVICE).
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_QUERY:
        raise TooLarge("A query may be at most 64 KiB long. Shorten it, for example with VALUES.")
    if any(0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise Malformed("The query holds half a character (a lone surrogate).")
    decoded = decode_escapes(text)
    _check_tokens(tokens(decoded))
    return _check_tokens(tokens(text))


def _check_tokens(found: list[Token]) -> str:
    if depth(found) > MAX_DEPTH:
        raise Malformed(f"Brackets may be nested {MAX_DEPTH} deep at most.")
    words = [t.text.upper() for t in found if t.kind == "word"]
    if sum(t.kind == "mark" and t.text in _OPERATORS for t in found) > MAX_OPERATORS or any(
        words.count(word) > MAX_REPEATED for word in _REPEATED
    ):
        raise Malformed("The query has too many operators or patterns.")
    form = _form(found)
    if form in _UPDATES:
        raise QueryRefused(f"This endpoint only reads: {form} is an update and is refused.")
    if "SERVICE" in words:
        raise QueryRefused("SERVICE is refused: this endpoint does not ask other servers.")
    if form not in _FORMS:
        raise Malformed("No SELECT, ASK, CONSTRUCT or DESCRIBE was found in the query.")
    return form


def _form(found: list[Token]) -> str:
    """Return the first keyword after the prologue (BASE and PREFIX lines)."""
    for token in found:
        if token.kind == "word" and token.text.upper() not in {"BASE", "PREFIX"}:
            return token.text.upper()
        if token.kind in {"mark", "var", "string"}:
            break
    return ""
