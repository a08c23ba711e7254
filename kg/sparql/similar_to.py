"""Similarity inside SPARQL: ``psr:similarTo`` is answered by a matcher and joined as VALUES.

``?p psr:similarTo (<entry> 10)`` binds ``?p`` to what is most like an entry,
``(?p ?score) psr:similarTo ("a need in words"@en 10 psr:Actor)`` to what fits a text, with its
score. What stands in the list: an entry or a text; then how many (10 if it is left out); then a
class (practices if it is left out). Each may be a variable that a VALUES block binds. However
the pattern is written, it is answered or refused. Nothing here knows how matches are found.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyoxigraph as ox

from kg.errors import LimitExceeded, Malformed, TooLarge
from kg.sparql.patterns import (
    FIRST,
    NIL,
    REST,
    GroupPattern,
    Node,
    SubjectTriples,
    Triple,
    Unreadable,
    groups,
    read_term,
)
from kg.sparql.query import PublicQuery
from kg.sparql.scan import decode_escapes, place
from kg.sparql.syntax_errors import mistake
from kg.vocabulary import CLASSES, PSR, RDF, XSD

SIMILAR = PSR + "similarTo"
MAX_MATCHES = 100
#: how many lists of matches one query may ask for
MAX_LISTS = 20
#: characters of one text, and of a query with all its matches in it
MAX_TEXT, MAX_EXPANDED = 20_000, 1024**2
_PATHS = {iri: path for path, iri in CLASSES.items()}
_USAGE = (
    "Write ?practice psr:similarTo (<entry> 10) or (?practice ?score) psr:similarTo (<entry> 10)."
)
_TOO_MANY = f"A query may ask for {MAX_LISTS} lists of similar entries at most."
#: members of a list, and rows of VALUES before equal ones are taken together
_LONGEST, _MOST_ROWS = 3, 10_000
_TEXTS = {XSD + "string", RDF + "langString"}
#: the name in full, or the beginning of it as the address of a prefix
_MENTIONED = re.compile("similarTo|#s[A-Za-z]*>")


@dataclass(frozen=True)
class SimilarQuery:
    """What a pattern looks for: entries like an ``entry`` or a ``text``, of one class."""

    limit: int
    path: str
    entry: str | None = None
    text: str | None = None
    lang: str | None = None


Matches = Sequence[tuple[str, float]]
#: from a query to entries with their scores, best first
Find = Callable[[SimilarQuery], Matches]


@dataclass(frozen=True)
class _Call:
    """A pattern: the columns of its table, and the query for each row of known values."""

    known: tuple[Node, ...]
    subject: Node
    score: Node | None
    queries: tuple[tuple[tuple[Node, ...], SimilarQuery], ...]

    def values(self, matches: Mapping[SimilarQuery, Matches]) -> str:
        """The matches as a VALUES block.

        A subject that is an entry gives one row if it is among the matches; a blank node of which
        nothing else is said gives a row for each match. Neither has a column.
        """
        variable = self.subject.kind == "var"
        names = [*self.known, *([self.subject] if variable else []), *filter(None, [self.score])]
        rows = []
        for known, query in self.queries:
            for iri, score in matches[query]:
                if self.subject.iri in {None, iri}:
                    cells = [node.text for node in known]
                    cells += [f"<{iri}>"] * variable + [f"{score:.4f}"] * (self.score is not None)
                    rows.append(f"({' '.join(cells)})")
        return f"VALUES ({' '.join(node.text for node in names)}) {{ {' '.join(rows)} }} "


#: a part of the text: as it is, or a call whose matches stand there
_Part = str | _Call


@dataclass(frozen=True)
class Plan:
    """A query in parts: its text, and between the parts the lists of matches it needs."""

    query: PublicQuery
    parts: tuple[_Part, ...]

    def fill(self, find: Find, end: float) -> PublicQuery:
        """The query with its matches in it.

        Raises what ``find`` raises, LimitExceeded after ``end`` of the monotonic clock, and
        TooLarge for a text that would have to be repeated too often.
        """
        matches: dict[SimilarQuery, Matches] = {}
        for call in self.calls():
            for _, query in call.queries:
                if time.monotonic() > end:
                    raise LimitExceeded("The query took longer than it may.", "time")
                if query not in matches:
                    matches[query] = find(query)
        text = "".join(p if isinstance(p, str) else p.values(matches) for p in self.parts)
        if len(text) > MAX_EXPANDED:
            raise TooLarge("The texts that psr:similarTo is asked about are too long together.")
        return replace(self.query, text=text)

    def calls(self) -> list[_Call]:
        """The patterns that are asked of the matcher."""
        return [part for part in self.parts if isinstance(part, _Call)]


def mentions(query: str) -> bool:
    """Whether a query may name ``psr:similarTo``, in whatever spelling."""
    return bool(_MENTIONED.search(decode_escapes(query) if "\\" in query else query))


def plan(query: PublicQuery) -> Plan:
    """Split a query at its patterns; one without a pattern stays one part.

    Raises Malformed, saying where, for a pattern that cannot be answered.
    """
    if not mentions(query.text):
        return Plan(query, (query.text,))
    try:
        edits = list(_edits(groups(query.text, query.base, SIMILAR)))
    except Unreadable as error:
        why = f": {error.why}" if error.why else ""
        message = f"psr:similarTo cannot be read at {place(query.text, error.start)}{why}. {_USAGE}"
        raise Malformed(mistake(query.text) or message) from error
    at = 0
    parts: list[_Part] = []
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        lines = "\n" * query.text.count("\n", start, end)  # so that later ones keep their numbers
        parts += [query.text[at:start], *new, lines]
        at = end
    made = Plan(query, (*parts, query.text[at:]))
    if sum(len(call.queries) for call in made.calls()) > MAX_LISTS:
        raise Malformed(_TOO_MANY)
    return made


#: from where to where the text is replaced, and what comes there
_Edit = tuple[int, int, list[_Part]]


def _edits(all_groups: list[GroupPattern]) -> Iterator[_Edit]:
    """Yield the edits of a query: calls go before the run in which their patterns stood."""
    patterns = 0
    for group in all_groups:
        for triple in group.triples():
            patterns += triple.predicate == SIMILAR
            # No triple is stored that a variable in the place of the property could find.
            variable = Node("var", triple.path)
            table = group.binding(variable) if triple.path.startswith("?") else None
            column = table.names.index(variable) if table else 0
            if table and any(row[column].iri == SIMILAR for row in table.rows):
                raise Unreadable(triple.start, f"{triple.path} stands for it; write it there")
    if patterns > MAX_LISTS:
        raise Malformed(_TOO_MANY)
    joined = {inner for group in all_groups for inner in group.inner}
    for root in all_groups:
        if root in joined:
            continue
        spelling = _Spelling(root.together())
        calls = [
            (run, [spelling.call(t, group) for t in _triples(run) if t.predicate == SIMILAR])
            for group in spelling.groups
            for run in group.runs
        ]
        for run, called in calls:
            yield from _run_edits(run, called, spelling)


def _triples(run: list[SubjectTriples]) -> list[Triple]:
    return [triple for statement in run for triple in statement.triples]


def _run_edits(
    run: list[SubjectTriples], calls: list[_Call], spelling: _Spelling
) -> Iterator[_Edit]:
    hidden, shown = spelling.split(_triples(run))
    inner = [call for call in calls if call.subject in spelling.fresh.values()]
    parts: list[_Part] = [call for call in calls if call not in inner]
    if inner:
        kept = spelling.visible(hidden, inner)
        written = [spelling.written(triple) for triple in hidden]
        if kept:  # so that SELECT * does not show the variable that stands for a blank node
            parts += [f"{{ SELECT {' '.join(kept)} {{ ", *inner, *written, "} } "]
        elif not hidden and len(inner) == 1:
            parts += [replace(inner[0], subject=Node("blank", "[]"))]
        else:
            parts += [*inner, *written]
    if parts:
        yield run[0].start, run[0].start, parts
    for statement in run:
        left = [triple for triple in statement.triples if triple in shown]
        if len(left) < len(statement.triples) or any(map(spelling.changes, left)):
            yield statement.start, statement.end, [spelling.written(triple) for triple in left]


@dataclass
class _Spelling:
    """Reads the patterns of joined groups, and notes which triples only spell them.

    A blank node that is asked for gets a variable of its own, as VALUES binds no other. What is
    said of the list ``(?practice ?score)`` itself is said of the practice.
    """

    groups: list[GroupPattern]
    used: set[Triple] = field(default_factory=set)
    fresh: dict[Node, Node] = field(default_factory=dict)
    entries: dict[Node, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._cells: dict[tuple[str | None, Node], list[Triple]] = {}
        for group in self.groups:
            for triple in group.triples():
                self._cells.setdefault((triple.predicate, triple.subject), []).append(triple)

    def call(self, triple: Triple, group: GroupPattern) -> _Call:
        """Read one pattern of a group."""
        if group.template:
            raise Unreadable(triple.start, "CONSTRUCT needs a template before WHERE")
        self.used.add(triple)
        columns = self._list(triple.subject, triple)
        words = self._list(triple.object, triple)
        if not columns or len(columns) > 2 or not words:
            raise Unreadable(triple.start, "a list is empty or too long")
        if columns[0] != triple.subject:
            self.entries[triple.subject] = columns[0]
        subject, score = columns[0], columns[1] if len(columns) > 1 else None
        if subject.kind == "blank":
            variable = Node("var", f"?similarTo_{triple.start}_{len(self.fresh)}")
            subject = self.fresh.setdefault(subject, variable)
        if subject.kind == "literal" or (score and score.kind != "var"):
            raise Unreadable(triple.start, "its subject is a variable or two: entry and score")
        known, rows = _known(words, triple, group)
        if len({*known, *columns}) < len(known) + len(columns):
            raise Unreadable(triple.start, "a variable stands in it twice")
        queries = tuple((values, _query(list_, triple)) for values, list_ in rows)
        return _Call(known, subject, score, queries)

    def _list(self, node: Node, call: Triple) -> list[Node]:
        """The members of an RDF list; what is none is a list of its own."""
        if node.iri != NIL and (FIRST, node) not in self._cells:
            if node.kind == "blank" and node == call.object:
                raise Unreadable(call.start, "a blank node is like nothing")
            return [node]
        members: list[Node] = []
        while node.iri != NIL:
            cells = [c for p in (FIRST, REST) for c in self._cells.get((p, node), ())]
            if len(cells) != 2 or len(members) > _LONGEST:
                raise Unreadable(call.start, "a list cannot be read")
            self.used.update(cells)
            members.append(cells[0].object)
            node = cells[1].object
        return members

    def split(self, triples: list[Triple]) -> tuple[list[Triple], set[Triple]]:
        """Part the triples about fresh variables and what these lead to from the rest."""
        left = [triple for triple in triples if triple not in self.used]
        about: dict[Node, list[Triple]] = {}
        for triple in left:
            for node in self._nodes(triple):
                about.setdefault(node, []).append(triple)
        hidden: dict[Triple, None] = {}
        nodes = list(self.fresh)
        while nodes:
            for triple in about.pop(nodes.pop(), ()):
                hidden[triple] = None
                nodes += [node for node in self._nodes(triple) if node.kind == "blank"]
        return list(hidden), set(left) - hidden.keys()

    def _nodes(self, triple: Triple) -> set[Node]:
        return {self.entries.get(node, node) for node in triple.nodes()}

    def visible(self, triples: list[Triple], calls: list[_Call]) -> list[str]:
        """The variables of triples and calls that the query wrote itself."""
        nodes = {node for triple in triples for node in self._nodes(triple)}
        for call in calls:
            nodes |= {*call.known, *filter(None, [call.score])}
        names = {node.text for node in nodes if node.kind == "var"}
        return sorted(names | {triple.path for triple in triples if triple.path.startswith("?")})

    def changes(self, triple: Triple) -> bool:
        """Whether a triple mentions the list of an entry and its score."""
        return not self.entries.keys().isdisjoint(triple.nodes())

    def written(self, triple: Triple) -> str:
        """A triple as text, with its fresh variables."""
        ends = [self.entries.get(node, node) for node in (triple.subject, triple.object)]
        subject, object_ = (self.fresh.get(node, node).text for node in ends)
        return f"{subject} {triple.path} {object_} . "


def _known(
    words: list[Node], call: Triple, group: GroupPattern
) -> tuple[tuple[Node, ...], list[tuple[tuple[Node, ...], list[Node]]]]:
    """The variables of a list, and its rows: their values, and the list with these."""
    rows: list[dict[Node, Node]] = [{}]
    for variable in [word for word in words if word.kind == "var"]:
        if variable in rows[0]:
            continue
        table = group.binding(variable)
        if table is None or not table.rows:
            example = f"VALUES {variable.text} {{ <entry> }}"
            raise Unreadable(call.start, f"{variable.text} must be bound, as by {example}")
        bound = [
            {n: v for n, v in zip(table.names, row, strict=True) if n in words}
            for row in table.rows
        ]
        if len(rows) * len(bound) > _MOST_ROWS:
            raise Malformed(_TOO_MANY)
        rows = [row | values for row in rows for values in bound]
    known = tuple(rows[0])
    different = dict.fromkeys(tuple(row[name] for name in known) for row in rows)
    named = [(values, dict(zip(known, values, strict=True))) for values in different]
    return known, [(values, [row.get(word, word) for word in words]) for values, row in named]


def _query(words: list[Node], call: Triple) -> SimilarQuery:
    """Read a list without variables."""
    about, *rest = words
    limit, path = 10, "practice"
    if rest and rest[0].kind == "literal":
        number = read_term(rest.pop(0).text)
        digits = number.value if number else ""
        limit = int(digits) if re.fullmatch(r"\+?0*\d{1,9}", digits) else 0
    if rest:
        path = _PATHS.get(rest.pop(0).iri or "", "")
    if rest or not path or not 1 <= limit <= MAX_MATCHES:
        raise Unreadable(
            call.start,
            f"after what it is about comes a number from 1 to {MAX_MATCHES}, then a class such as"
            " psr:Practice",
        )
    if about.iri:
        return SimilarQuery(limit, path, entry=about.iri)
    text = read_term(about.text) if about.kind == "literal" else None
    if (
        not isinstance(text, ox.Literal)
        or text.datatype.value not in _TEXTS
        or len(text.value) > MAX_TEXT
    ):
        raise Unreadable(call.start, f"it takes an entry or a text of up to {MAX_TEXT} characters")
    return SimilarQuery(limit, path, text=text.value, lang=text.language)
