"""Look at a text of SPARQL or Turtle token by token before any parser sees it.

The engines' own parsers recurse: 2,265 nested braces end the process. This scan is one
regular expression of linear time that knows strings, IRIs and comments, and one loop.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from kg.errors import Malformed, QueryRefused, TooLarge
from kg.sparql.query import PublicQuery

MAX_QUERY = 64 * 1024
MAX_DEPTH = 64
#: characters of one token that is no string: an address, a number, a name
MAX_TERM = 4_096
MAX_OPERATORS = 2_000
MAX_REPEATED = 200

_TOKEN = re.compile(
    r"""
    (?P<space>\s++) | (?P<comment>\#[^\n\r]*+)
  | (?P<string>\"{3}(?:\"{0,2}(?:[^\"\\]|\\.))*+\"{3} | '{3}(?:'{0,2}(?:[^'\\]|\\.))*+'{3}
        | (?!\"{3})\"(?:[^\"\\\n\r]|\\.)*+\" | (?!'{3})'(?:[^'\\\n\r]|\\.)*+')
  | (?P<open>["'])
  | (?P<iri><(?:[^<>"{}|^`\\\x00-\x20]|\\[uU][0-9A-Fa-f]{4})*+>)
  | (?P<var>[?$]\w++) | (?P<tag>@\w++(?:-\w++)*+)
  | (?P<name>(?:[^\W\d][\w-]*+)?+:(?:[\w:%.-]|\\.)*+)
  | (?P<word>[^\W\d][\w-]*+)
  | (?P<number>(?:\d++(?:\.\d++)?+|\.\d++)(?:[eE][+-]?\d++)?+)
  | (?P<mark>\|\||&&|\^\^|!=|<=|>=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_OPEN, _CLOSE = "{([", "})]"
_UPDATES = {
    "INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH",
}  # fmt: skip
_FORMS = {"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"}
_VOLATILE = {"NOW", "RAND", "UUID", "STRUUID", "BNODE"}
_OPERATORS = set("+-*/|&!=<>^.;,") | {"||", "&&", "!=", "<=", ">="}
_REPEATED = {"OPTIONAL", "UNION", "MINUS", "FILTER", "BIND", "EXISTS", "SELECT", "GRAPH", "VALUES"}
_OPERANDS = {"var", "iri", "name", "string", "tag", "number", "word"}
#: an address that cannot be read as ``<`` and the right side of a comparison
_CLEAR = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]*:(?://.*|[A-Za-z0-9:._-]*)>", re.DOTALL)
_SCHEME = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]*:")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")


class Token(NamedTuple):
    """A kind (``word``, ``string``, ``iri``, ``mark`` ...), its text and where it starts."""

    kind: str
    text: str
    start: int


def place(text: str, offset: int) -> str:
    """``line 1, column 5`` for an offset; both count from 1, in characters."""
    before = text[:offset]
    return f"line {before.count(chr(10)) + 1}, column {offset - before.rfind(chr(10))}"


_NOTHING = Token("mark", "", -1)


def tokens(text: str) -> list[Token]:
    """The tokens of a SPARQL or Turtle text, without space and comments.

    Raises Malformed for a string that is not closed: parsers differ in what they make of
    the rest.
    """
    read = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "mark"
        if kind == "open":
            start = place(text, match.start())
            raise Malformed(f"The string that starts at {start} is not closed.")
        if kind not in {"space", "comment"}:
            read.append(Token(kind, match[0], match.start()))
    return read


def depth(read: list[Token]) -> int:
    """How deep brackets of any kind, ``<<`` among them, are nested."""
    level = deepest = 0
    for before, token in pairwise([_NOTHING, *read]):
        if token.kind == "mark":
            doubled = before.text == token.text and before.start + 1 == token.start
            level += token.text in _OPEN or (token.text == "<" and doubled)
            level -= token.text in _CLOSE or (token.text == ">" and doubled)
            deepest = max(deepest, level)
    return deepest


def _plainly(text: str, read: list[Token]) -> Iterator[Token]:
    """Yield the tokens of a query as the engine reads them, which knows no tokens.

    In an expression ``?a<?b#>`` compares with ``?b`` and opens a comment, elsewhere the same
    text is an address. What stands between is looked at as well; where the two readings
    differ in what follows, QueryRefused.
    """
    inside: list[str] = []
    for before, token in pairwise([_NOTHING, *read]):
        if token.kind == "mark" and token.text in _OPEN:
            inside.append(token.text)
        elif token.kind == "mark" and token.text in _CLOSE:
            del inside[-1:]
        yield token
        argument = token.kind == "iri" and inside[-1:] == ["("]
        if argument and _is_operand(before) and not _CLEAR.fullmatch(token.text):
            if "#" in token.text or "\\" in token.text:
                raise QueryRefused(
                    f"At {place(text, token.start)} it is not clear whether < compares or starts"
                    " an address. Write a space after it, or the address in full."
                )
            yield from (t for t in tokens(token.text[1:-1]) if t.text not in _CLOSE)


def decode_escapes(text: str) -> str:
    r"""The text with ``\uXXXX`` and ``\UXXXXXXXX`` replaced, as SPARQL reads it.

    Raises Malformed for a surrogate or a number that is no character.
    """

    def character(match: re.Match[str]) -> str:
        number = int(match[1] or match[2], 16)
        if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
            where = place(text, match.start())
            raise Malformed(f"The escape {match[0]} at {where} is no character.")
        return chr(number)

    return _ESCAPE.sub(character, text)


def check_query(text: str, base: str | None = None) -> PublicQuery:
    """Let a query through, or refuse what the public endpoint does not run.

    ``base`` is the address that its relative IRIs are relative to. Raises TooLarge (more than
    64 KiB), Malformed (no query form, bad escapes, absurd depth or number of operators) or
    QueryRefused (an update, SERVICE).
    """
    text = text.removeprefix("\ufeff")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_QUERY:
        raise TooLarge("A query may be at most 64 KiB long. Ask in several parts.")
    if _SURROGATE.search(text):
        raise Malformed("The query holds half a character (a lone surrogate).")
    if "\x00" in text:
        where = place(text, text.index(chr(0)))
        raise Malformed(f"The query holds a NUL character at {where}.")
    read = tokens(text)
    words = _check_tokens(text, read)
    if "\\" in text:
        decoded = decode_escapes(text)
        words |= _check_tokens(decoded, tokens(decoded))
    return PublicQuery(
        text, _form(read), own_dataset="FROM" in words, volatile=bool(words & _VOLATILE), base=base
    )


def is_relative(text: str) -> bool:
    """Whether a query holds an IRI without a scheme."""
    return any(t.kind == "iri" and not _SCHEME.match(t.text) for t in tokens(text))


def _check_tokens(text: str, read: list[Token]) -> set[str]:
    """The keywords of a text that may be run, in capitals."""
    plain = list(_plainly(text, read))
    if longest := next((t for t in plain if t.kind != "string" and len(t.text) > MAX_TERM), None):
        raise Malformed(
            f"What starts at {place(text, longest.start)} is longer than {MAX_TERM} characters."
        )
    if depth(plain) > MAX_DEPTH:
        raise Malformed(f"Brackets may be nested {MAX_DEPTH} deep at most.")
    words = Counter(t.text.upper() for t in plain if t.kind == "word")
    if _operators(plain) > MAX_OPERATORS or any(words[w] > MAX_REPEATED for w in _REPEATED):
        hint = "" if "VALUES" in words else " Long lists of values belong into VALUES."
        raise Malformed("The query has too many operators or patterns." + hint)
    form = _form(plain)
    if form in _UPDATES:
        raise QueryRefused(f"This endpoint only reads: {form} is an update and is refused.")
    # A keyword may be glued to a name: the engine reads SERVICEex:x {}. Only in GRAPH service:x {}
    # such a name stands before a brace and calls nobody.
    glued = any(
        token.kind == "name" and "SERVICE" in token.text.partition(":")[0].upper()
        for before, token, after in zip(plain, plain[1:], plain[2:], strict=False)
        if after.text == "{" and before.text.upper() != "GRAPH"
    )
    if glued or any("SERVICE" in word for word in words):
        raise QueryRefused("SERVICE is refused: this endpoint does not ask other servers.")
    if form not in _FORMS:
        raise Malformed(_no_form(text, plain))
    return set(words)


def _operators(read: list[Token]) -> int:
    """How many operators there are: what makes the engine's parser or planner recurse.

    Data are none: what a VALUES block holds, the sign of a number, and the commas of an
    argument list, which the engine keeps in an array.
    """
    count, data = 0, False
    inside: list[str] = []
    for before, token, after in zip([_NOTHING, *read], read, [*read[1:], _NOTHING], strict=False):
        if token.kind == "word" and token.text.upper() == "VALUES":
            data = True
        if token.kind != "mark":
            continue
        if token.text in _OPEN:
            inside.append(token.text)
        elif token.text in _CLOSE:
            del inside[-1:]
            data = data and token.text != "}"
        listed = token.text == "," and inside[-1:] == ["("]
        signed = token.text in "+-" and after.kind == "number" and not _is_operand(before)
        count += token.text in _OPERATORS and not (data or listed or signed)
    return count


def _is_operand(token: Token) -> bool:
    return token.kind in _OPERANDS or token.text in {")", "]"}


def _no_form(text: str, read: list[Token]) -> str:
    """Why no query was found: most often the prologue is written as in Turtle."""
    for before, token in zip([_NOTHING, *read], read, strict=False):
        if token.kind == "tag" and token.text.lower() in {"@prefix", "@base"}:
            word = token.text[1:].upper()
            return f"Write {word} without @ and without a full stop at the end of its line."
        if before.text.upper() == "PREFIX" and token.kind == "word":
            return f"A prefix ends with a colon: write PREFIX {token.text[:40]}: and its address."
        if before.kind == "name" and token.kind == "string":
            return f"The address of a prefix stands in < >, at {place(text, token.start)} too."
        if before.kind == "iri" and token.text in {".", ";"}:
            at = place(text, token.start)
            return f"PREFIX and BASE take no full stop: remove the {token.text} at {at}."
        if token.kind == "word" and token.text.upper() not in {"PREFIX", "BASE", *_FORMS}:
            return (
                f"A query begins with SELECT, ASK, CONSTRUCT or DESCRIBE, not with"
                f" {token.text[:40]} at {place(text, token.start)}."
            )
    return "No SELECT, ASK, CONSTRUCT or DESCRIBE was found in the query."


def _form(read: list[Token]) -> str:
    """The first keyword after the prologue (BASE and PREFIX lines)."""
    for token in read:
        if token.kind == "word" and token.text.upper() not in {"BASE", "PREFIX"}:
            return token.text.upper()
        if token.kind in {"mark", "var", "string"}:
            break
    return ""
