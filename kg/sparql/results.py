"""Run a query and write its answer, within a number of rows and bytes."""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import pyoxigraph as ox

from kg.errors import LimitExceeded, UnknownFormat

if TYPE_CHECKING:
    from typing_extensions import Buffer

TABLES = {
    "json": ox.QueryResultsFormat.JSON,
    "xml": ox.QueryResultsFormat.XML,
    "csv": ox.QueryResultsFormat.CSV,
    "tsv": ox.QueryResultsFormat.TSV,
}
GRAPHS = {
    "turtle": ox.RdfFormat.TURTLE,
    "nt": ox.RdfFormat.N_TRIPLES,
    "jsonld": ox.RdfFormat.JSON_LD,
    "rdfxml": ox.RdfFormat.RDF_XML,
}
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_FORBIDDEN_BYTES = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")
#: Latin, Greek and Cyrillic letters that every edition of XML 1.0 has in names: readers differ
#: on the rest, and the engine's writer takes symbols for letters
_LETTERS = (
    "A-Za-z_\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u0131\u0134-\u013e\u0141-\u0148\u014a-\u017e"
    "\u0388-\u038a\u038e-\u03a1\u03a3-\u03ce\u0401-\u040c\u040e-\u044f\u0451-\u045c"
)
_NO_NAME = re.compile(r"[\x00-,/:-@\[-^`{-\x7f]")
_NAME = re.compile(rf"[0-9.-]*[{_LETTERS}][{_LETTERS}0-9.-]*")


def too_much(limit: str) -> LimitExceeded:
    """The error for an answer of more ``rows``, ``bytes`` or the like than it may have."""
    return LimitExceeded(f"The answer goes beyond the limit of {limit}.", limit)


def check_form(kind: str, form: str) -> None:
    """Raise UnknownFormat if the answer to a query of this kind is not written as ``form``."""
    known = TABLES if kind in {"SELECT", "ASK"} else GRAPHS
    if form not in known:
        raise UnknownFormat(f"The answer to {kind} is written as {', '.join(known)}.")


def run(
    store: ox.Store,
    query: str,
    form: str,
    *,
    max_rows: int,
    max_bytes: int,
    default: Sequence[str] = (),
    named: Sequence[str] = (),
    union: bool = True,
    base: str | None = None,
    describe: bool = False,
) -> tuple[str, int, bytes]:
    """Ask a store, or only its ``default`` and ``named`` graphs, and ``write`` the answer.

    ``union`` asks all graphs at once; the engine then ignores FROM. ``base`` is what relative
    IRIs are relative to. With ``describe`` an entry comes with its parts. Raises SyntaxError
    too, and ValueError for a graph that is no IRI.
    """
    some = default or named
    result = store.query(
        query,
        base_iri=base,
        use_default_graph_as_union=union,
        default_graph=[ox.NamedNode(iri) for iri in default] if some else None,
        named_graphs=[ox.NamedNode(iri) for iri in named] if some else None,
    )
    if describe and union and isinstance(result, ox.QueryTriples):
        return write(_with_parts(store, result), form, max_rows=max_rows, max_bytes=max_bytes)
    return write(result, form, max_rows=max_rows, max_bytes=max_bytes)


def _with_parts(store: ox.Store, described: Iterable[ox.Triple]) -> Iterator[ox.Triple]:
    """Yield triples with those of the fragments that they lead to, in place of blank nodes.

    The engine describes a name by what is said of it, and follows blank nodes only.
    """
    open_, seen = deque([described]), set[ox.NamedNode]()
    while open_:
        for triple in open_.popleft():
            yield triple
            node, part = triple.subject, triple.object
            if not isinstance(node, ox.NamedNode) or not isinstance(part, ox.NamedNode):
                continue
            owner = node.value.partition("#")[0]
            if "/id/" in owner and part.value.startswith(f"{owner}#") and part not in seen:
                seen.add(part)
                open_.append(q.triple for q in store.quads_for_pattern(part, None, None, None))


def write(
    result: ox.QuerySolutions | ox.QueryBoolean | Iterable[ox.Triple],
    form: str,
    *,
    max_rows: int,
    max_bytes: int,
) -> tuple[str, int, bytes]:
    """The kind of answer (``solutions``, ``boolean``, ``graph``), its rows and bytes.

    ``form`` is a key of TABLES or GRAPHS. Raises LimitExceeded, and ValueError for a property that
    RDF/XML cannot write.
    """
    out = _Capped(max_bytes)
    if isinstance(result, ox.QueryBoolean):
        result.serialize(out, format=TABLES[form])
        return "boolean", 1, out.getvalue()
    if isinstance(result, ox.QuerySolutions) and form == "tsv":
        # The engine's own writer leaves tabs in texts.
        names = [v.value for v in result.variables]
        out.write(("\t".join("?" + n for n in names) + "\n").encode())
        kind, count = "solutions", 0
        for solution in islice(result, max_rows + 1):
            terms = (solution[name] for name in names)
            cells = ("" if t is None else str(t).replace("\t", "\\t") for t in terms)
            out.write(("\t".join(cells) + "\n").encode())
            count += 1
    elif isinstance(result, ox.QuerySolutions):
        result.serialize(out, format=TABLES[form])
        kind, count = "solutions", COUNTERS[form](out.getvalue())
    else:
        triples = list(islice(result, max_rows + 1))
        if len(triples) > max_rows:
            raise too_much("rows")
        out.write(graph(triples, form))
        kind, count = "graph", len(triples)
    if count > max_rows:
        raise too_much("rows")
    body = out.getvalue()
    if form == "xml":
        body = _FORBIDDEN_BYTES.sub(b"\xef\xbf\xbd", body).replace(b"\r", b"&#13;")
    return kind, count, body


class _Capped(io.BytesIO):
    """A buffer that raises LimitExceeded beyond ``most`` bytes."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, data: Buffer) -> int:
        """Keep the data, or raise LimitExceeded."""
        if super().write(data) and self.tell() > self._most:
            raise too_much("bytes")
        return len(memoryview(data))


def graph(triples: Iterable[ox.Triple], form: str) -> bytes:
    """Triples in a form of GRAPHS; ValueError for what RDF/XML cannot write."""
    written = map(_for_xml, triples) if form == "rdfxml" else triples
    body = ox.serialize(written, format=GRAPHS[form])
    assert body is not None
    return body.replace(b"\r", b"&#13;") if form == "rdfxml" else body


def _for_xml(triple: ox.Triple) -> ox.Triple:
    """A triple without what XML forbids: the engine's writer lets it through."""
    name, obj = triple.predicate.value, triple.object
    if not _NAME.fullmatch(_NO_NAME.split(name)[-1]):
        shown = name if len(name) < 100 else name[:99] + "…"
        raise ValueError(f"RDF/XML cannot write the property {shown}; ask for another format.")
    if not isinstance(obj, ox.Literal) or not _FORBIDDEN.search(obj.value):
        return triple
    text = _FORBIDDEN.sub("\ufffd", obj.value)
    kind = {"language": obj.language} if obj.language else {"datatype": obj.datatype}
    return ox.Triple(triple.subject, triple.predicate, ox.Literal(text, **kind))


def _outside_quotes(body: bytes) -> bytes:
    return b"".join(body.split(b'"')[::2])


def _json_rows(body: bytes) -> int:
    bare = _outside_quotes(body.replace(b"\\\\", b"").replace(b'\\"', b""))
    return bare.count(b"},{") + (not bare.endswith(b"[]}}"))


#: how many rows a body has that the engine has written
COUNTERS: dict[str, Callable[[bytes], int]] = {
    "json": _json_rows,
    "xml": lambda body: body.count(b"<result>"),
    "csv": lambda body: _outside_quotes(body).count(b"\n") - 1,
}
