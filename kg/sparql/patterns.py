"""Read the groups of a query into triples: what stands where, and which VALUES bind it.

A reader of SPARQL's grammar for patterns, from the tokens of ``scan``. Expressions are passed
over but for the groups in them (EXISTS). All ways to write a triple come out as one: lists of
predicates and objects, blank nodes, collections, inverse paths and sequences of a property that
is looked for. What the reader does not know is refused, never skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import pyoxigraph as ox

from kg.errors import Malformed
from kg.sparql.scan import Token, tokens
from kg.vocabulary import RDF

FIRST, REST, NIL = RDF + "first", RDF + "rest", RDF + "nil"
#: members of one collection; the engine's parser does not survive many more
_LONGEST = 1_000
_ELEMENTS = {"OPTIONAL", "MINUS", "LATERAL", "GRAPH", "FILTER", "BIND", "VALUES"}
_CONSTANTS = {"string", "number", "iri", "name"}
_ABSOLUTE = re.compile("<[A-Za-z][A-Za-z0-9+.-]*:")


class Node(NamedTuple):
    """A term: ``var``, ``blank``, ``iri``, ``literal`` or ``undef``, as it is written in a query.

    Variables begin with ``?``, IRIs are absolute and in angle brackets.
    """

    kind: str
    text: str

    @property
    def iri(self) -> str | None:
        """The IRI without its brackets, None of another kind."""
        return self.text[1:-1] if self.kind == "iri" else None


class Triple(NamedTuple):
    """A triple pattern; ``predicate`` is an IRI if it is no path and no variable."""

    subject: Node
    path: str
    object: Node
    predicate: str | None
    start: int

    def nodes(self) -> set[Node]:
        """Subject and object."""
        return {self.subject, self.object}


@dataclass(eq=False)
class SubjectTriples:
    """Triples with one subject, from where to where they stand in the text."""

    start: int
    end: int
    triples: list[Triple] = field(default_factory=list)


class Table(NamedTuple):
    """A block of VALUES."""

    names: tuple[Node, ...]
    rows: tuple[tuple[Node, ...], ...]


@dataclass(eq=False)
class GroupPattern:
    """A group of patterns: statements in runs that nothing but filters interrupts.

    ``projected`` are the variables that a sub-select lets out to its parent, None for all.
    ``inner`` are groups of nothing but triples that are joined with this one, GRAPH among them.
    """

    parent: GroupPattern | None = None
    projected: set[str] | None = None
    runs: list[list[SubjectTriples]] = field(default_factory=lambda: [[]])
    tables: list[Table] = field(default_factory=list)
    template: bool = False
    pure: bool = True
    inner: list[GroupPattern] = field(default_factory=list)

    def together(self) -> list[GroupPattern]:
        """The group and its inner ones."""
        return [self, *(group for inner in self.inner for group in inner.together())]

    def triples(self) -> Iterator[Triple]:
        """Yield all triples of the group itself."""
        for run in self.runs:
            for statement in run:
                yield from statement.triples

    def binding(self, variable: Node) -> Table | None:
        """A block of VALUES that says all that a variable can be here."""
        for table in self.tables:
            if variable in table.names:
                column = table.names.index(variable)
                if all(row[column].kind != "undef" for row in table.rows):
                    return table
        if self.parent is None or not (self.projected is None or variable.text in self.projected):
            return None
        return self.parent.binding(variable)


class _Path(NamedTuple):
    """A property path: ``iri`` if it is one, ``inverse``, or a ``sequence`` of paths."""

    text: str
    iri: str | None = None
    inverse: _Path | None = None
    sequence: tuple[_Path, ...] = ()
    mentions: bool = False


def groups(text: str, base: str | None, sought: str) -> list[GroupPattern]:
    """All groups of a query.

    A path that holds the property ``sought`` is taken apart into triples; Malformed where that
    cannot be done, and for what is no query.
    """
    return _Reader(text, base, sought).query()


class _Reader:
    def __init__(self, text: str, base: str | None, sought: str) -> None:
        self._text, self._base, self._sought = text, base, sought
        self._tokens: list[Token] = []
        for token in tokens(text):  # the full stop after a name is one of its own
            name = token.text.rstrip(".")
            parted = token.kind == "name" and not name.endswith("\\")
            self._tokens.append(token._replace(text=name) if parted else token)
            stops = range(len(name), len(token.text)) if parted else ()
            self._tokens += [Token("mark", ".", token.start + at) for at in stops]
        self._tokens.append(Token("end", "", len(text)))
        self._at = 0
        self._prefixes: dict[str, str] = {}
        self._groups: list[GroupPattern] = []
        self._triples: list[Triple] = []
        self._fresh, self._label = 0, "_:similar"
        while self._label in text:
            self._label += "0"

    # Tokens

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _word(self) -> str:
        return self._next.text.upper() if self._next.kind == "word" else ""

    def _take(self, text: str | None = None) -> Token:
        token = self._next
        if token.kind == "end" or (text is not None and token.text != text):
            raise self._unknown()
        self._at += 1
        return token

    def _skip(self, *texts: str) -> bool:
        """Pass over one of some signs or words, if it is next."""
        there = self._next.text in texts or (self._word() in texts)
        self._at += there
        return there

    def _unknown(self) -> Malformed:
        return Unreadable(self._next.start)

    # The query

    def query(self) -> list[GroupPattern]:
        """Read everything."""
        while self._word() in {"BASE", "PREFIX"}:
            if self._take().text.upper() == "BASE":
                self._base = self._resolved(self._take().text)
                continue
            name = self._take().text
            self._prefixes[name.removesuffix(":")] = self._resolved(self._take().text)
        form = self._take().text.upper()
        if form == "SELECT":
            self._select(None)
        else:
            short = form == "CONSTRUCT"  # its pattern is its template, too
            if short and self._next.text == "{":
                self._balanced("{", "}")
                short = False
            while self._next.kind != "end" and self._next.text != "{" and self._word() != "WHERE":
                self._take()
            if self._next.kind != "end":
                self._body(GroupPattern(template=short))
        if self._next.kind != "end":
            raise self._unknown()
        return self._groups

    def _select(self, parent: GroupPattern | None) -> None:
        group = GroupPattern(parent, set())
        while self._next.text != "{" and self._word() not in {"WHERE", "FROM"}:
            if self._next.text == "*":
                group.projected = None
            elif self._next.text == "(":
                self._balanced("(", ")", group)
            elif self._next.kind == "var" and group.projected is not None:
                group.projected.add(_variable(self._next).text)
            elif self._word() not in {"DISTINCT", "REDUCED"}:
                raise self._unknown()
            self._take()
        while self._next.text != "{" and self._word() != "WHERE":
            self._take()
        self._body(group)

    def _body(self, group: GroupPattern) -> None:
        """Read a WHERE group and what comes after it."""
        self._skip("WHERE")
        self._group(group)
        while self._next.kind != "end" and self._next.text != "}":
            if self._word() == "VALUES":
                self._values(group)
            elif self._next.text == "(":
                self._balanced("(", ")", group)
                self._take(")")
            elif self._next.text == "{":
                self._group(GroupPattern(group))
            else:
                self._take()

    # Groups

    def _group(self, group: GroupPattern) -> GroupPattern:
        self._groups.append(group)
        self._take("{")
        if self._skip("SELECT"):
            group.pure = False
            self._select(group)
        while not self._skip("}"):
            self._element(group)
        return group

    def _element(self, group: GroupPattern) -> None:
        word = self._word()
        if word in _ELEMENTS or self._next.text == "{":
            group.pure &= word in {"", "GRAPH"}
            if word != "FILTER" and group.runs[-1]:
                group.runs.append([])
        match word:
            case "FILTER":
                self._filter(group)
            case "BIND":
                self._bind(group)
            case "VALUES":
                self._values(group)
            case "GRAPH":
                self._take()
                self._skip("SILENT")
                self._node()
                self._join(group, self._group(GroupPattern(group)))
            case "OPTIONAL" | "MINUS" | "LATERAL":
                self._take()
                self._group(GroupPattern(group))
            case _ if self._next.text == "{":
                self._nested(group)
            case _ if not self._skip("."):
                group.runs[-1].append(self._statement())

    def _nested(self, group: GroupPattern) -> None:
        inner = self._group(GroupPattern(group))
        if self._word() != "UNION":
            self._join(group, inner)
        while self._skip("UNION"):
            group.pure = False
            self._group(GroupPattern(group))

    def _join(self, group: GroupPattern, inner: GroupPattern) -> None:
        group.tables += inner.tables
        group.pure &= inner.pure
        if inner.pure:
            group.inner.append(inner)

    def _filter(self, group: GroupPattern) -> None:
        self._take()
        while self._next.text not in {"(", "{"}:
            if self._next.kind not in {"word", "name", "iri"}:
                raise self._unknown()
            self._take()
        if self._next.text == "{":
            self._group(GroupPattern(group))
        else:
            self._balanced("(", ")", group)
            self._take(")")

    def _bind(self, group: GroupPattern) -> None:
        """Read BIND; of a constant it is a block of VALUES with one row."""
        first = self._at + 2
        self._filter(group)
        end, constant = self._at, self._tokens[first : self._at - 3]
        if 0 < len(constant) <= 3 and constant[0].kind in _CONSTANTS:
            self._at = first
            value = self._node()
            if self._at == end - 3:
                group.tables.append(Table((_variable(self._tokens[end - 2]),), ((value,),)))
            self._at = end

    def _values(self, group: GroupPattern) -> None:
        self._take()
        several = self._skip("(")
        names = []
        while self._next.kind == "var":
            names.append(_variable(self._take()))
        if several:
            self._take(")")
        elif len(names) != 1:
            raise self._unknown()
        self._take("{")
        rows, undef = [], Node("undef", "UNDEF")
        while not self._skip("}"):
            if several:
                self._take("(")
            rows.append(tuple(undef if self._skip("UNDEF") else self._node() for _ in names))
            if several:
                self._take(")")
        group.tables.append(Table(tuple(names), tuple(rows)))

    def _balanced(self, start: str, end: str, group: GroupPattern | None = None) -> None:
        """Pass over a bracket up to the sign that closes it; read groups in it, if ``group``."""
        self._take(start)
        level = 1
        while level:
            token = self._next
            if group is not None and token.text == "{":
                self._group(GroupPattern(group))
                continue
            if token.kind == "iri" and group is not None and ")" in token.text:
                if not _ABSOLUTE.match(token.text):  # perhaps two comparisons
                    raise self._unknown()
            level += (token.text == start) - (token.text == end)
            if level:
                self._take()
        if start == "{":
            self._take(end)

    # Triples

    def _statement(self) -> SubjectTriples:
        start, self._triples = self._next.start, []
        bare = self._next.text in {"[", "("}
        subject = self._node()
        if self._begins_verb() or not (bare and self._triples):
            self._predicates(subject)
        before = self._tokens[self._at - 1]
        end = before.start + len(before.text)
        if self._next.text == ".":
            end = self._take().start + 1
        return SubjectTriples(start, end, self._triples)

    def _begins_verb(self) -> bool:
        signs = {"a", "^", "!", "("}
        return self._next.kind in {"var", "iri", "name"} or self._next.text in signs

    def _predicates(self, subject: Node) -> None:
        self._objects(subject)
        while self._skip(";"):
            if self._begins_verb():
                self._objects(subject)

    def _objects(self, subject: Node) -> None:
        token = self._next
        path = _Path(_variable(self._take()).text) if token.kind == "var" else self._path()
        self._add(subject, path, self._node(), token.start)
        while self._skip(","):
            self._add(subject, path, self._node(), token.start)

    def _add(self, subject: Node, path: _Path, object_: Node, start: int) -> None:
        if path.inverse:
            self._add(object_, path.inverse, subject, start)
        elif path.mentions and path.sequence:
            between = [self._blank() for _ in path.sequence[1:]]
            ends = zip([subject, *between], path.sequence, [*between, object_], strict=True)
            for one, step, other in ends:
                self._add(one, step, other, start)
        elif path.mentions and path.iri is None:
            raise Unreadable(start, "it stands in a path with | * + or ?")
        else:
            self._triples.append(Triple(subject, path.text, object_, path.iri, start))

    def _blank(self) -> Node:
        self._fresh += 1
        return Node("blank", f"{self._label}{self._fresh}")

    def _node(self) -> Node:
        token = self._take()
        if token.kind == "var":
            return _variable(token)
        if token.kind == "iri" or (token.kind == "name" and not token.text.startswith("_:")):
            return self._iri(token)
        if token.kind == "name":
            return Node("blank", token.text)
        if token.text == "[":
            node = self._blank()
            if not self._skip("]"):
                self._predicates(node)
                self._take("]")
            return node
        if token.text == "(":
            return self._collection()
        sign = token.text if token.text in {"+", "-"} else ""
        value = self._take() if sign else token
        text = sign + value.text
        if value.kind == "string" and self._next.kind == "tag":
            return Node("literal", text + self._take().text)
        if value.kind == "string" and self._skip("^^"):
            return Node("literal", f"{text}^^{self._iri(self._take()).text}")
        if value.kind in {"string", "number"} or text in {"true", "false"}:
            return Node("literal", text)
        self._at -= 1
        raise self._unknown()

    def _collection(self) -> Node:
        start, items = self._next.start, []
        while not self._skip(")"):
            items.append(self._node())
            if len(items) > _LONGEST:
                raise Unreadable(start, f"a list has {_LONGEST} members at most")
        cells = [self._blank() for _ in items]
        nil = Node("iri", f"<{NIL}>")
        for cell, item, rest in zip(cells, items, [*cells[1:], nil], strict=False):
            self._triples += [
                Triple(cell, f"<{FIRST}>", item, FIRST, start),
                Triple(cell, f"<{REST}>", rest, REST, start),
            ]
        return cells[0] if cells else nil

    def _iri(self, token: Token) -> Node:
        if token.kind == "iri":
            return Node("iri", f"<{self._resolved(token.text)}>")
        prefix, colon, local = token.text.partition(":")
        if token.kind != "name" or not colon or prefix not in self._prefixes:
            self._at -= 1
            raise self._unknown()
        plain = re.sub(r"\\(.)", r"\1", local)
        return Node("iri", f"<{self._prefixes[prefix]}{plain}>")

    def _resolved(self, written: str) -> str:
        """An IRI that stands in brackets as the engine reads it."""
        term = read_term(written, self._base)
        if not isinstance(term, ox.NamedNode):
            self._at -= 1
            raise self._unknown()
        return term.value

    # Paths

    def _path(self, signs: str = "|/") -> _Path:
        """Read ways parted by ``|``, of steps parted by ``/``."""
        if not signs:
            return self._step()
        start, parts = self._next.start, [self._path(signs[1:])]
        while self._skip(signs[0]):
            parts.append(self._path(signs[1:]))
        if len(parts) == 1:
            return parts[0]
        sequence = tuple(parts) if signs == "/" else ()
        mentions = any(part.mentions for part in parts)
        return _Path(self._since(start), sequence=sequence, mentions=mentions)

    def _step(self) -> _Path:
        start, inverse = self._next.start, self._skip("^")
        path = self._primary()
        sign, after = self._next, self._tokens[self._at + 1 : self._at + 2]
        signed = [(t.kind, t.start) for t in after] == [("number", sign.start + 1)]
        if not (sign.text == "+" and signed) and self._skip("*", "+", "?"):
            return _Path(self._since(start), mentions=path.mentions)
        if not inverse:
            return path
        return _Path(self._since(start), inverse=path, mentions=path.mentions)

    def _primary(self) -> _Path:
        start = self._next.start
        if self._skip("("):
            path = self._path()
            self._take(")")
            return path._replace(text=self._since(start))
        if self._skip("!"):
            # What is not this property is the same whether or not it is answered by a matcher.
            if self._next.text == "(":
                self._balanced("(", ")")
            else:
                self._skip("^")
            self._take()
            return _Path(self._since(start))
        if self._skip("a"):
            return _Path(f"<{RDF}type>", RDF + "type")
        node = self._iri(self._take())
        return _Path(node.text, node.iri, mentions=node.iri == self._sought)

    def _since(self, start: int) -> str:
        before = self._tokens[self._at - 1]
        return self._text[start : before.start + len(before.text)]


class Unreadable(Malformed):
    """What stands at ``start`` cannot be read, or not be answered: ``why``."""

    def __init__(self, start: int, why: str = "") -> None:
        super().__init__(f"The pattern at position {start} cannot be read.")
        self.start, self.why = start, why


def read_term(written: str, base: str | None = None) -> ox.NamedNode | ox.Literal | None:
    """An IRI or a literal as the engine's parser reads it, its escapes too; None of others."""
    line = f"<urn:x> <urn:x> {written} ."
    try:
        (quad,) = ox.parse(line, format=ox.RdfFormat.TURTLE, base_iri=base)
    except (SyntaxError, ValueError):
        return None
    return quad.object if isinstance(quad.object, ox.NamedNode | ox.Literal) else None


def _variable(token: Token) -> Node:
    return Node("var", "?" + token.text[1:])
