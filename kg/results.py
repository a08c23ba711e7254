"""Run a query and write its answer, within a number of rows and bytes."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable
from xml.sax.saxutils import escape, quoteattr

import pyoxigraph as ox

from kg.errors import UnknownFormat
from kg.query import ALL, Dataset

Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple | None

TABLES = {
    "json": "application/sparql-results+json",
    "xml": "application/sparql-results+xml",
    "csv": "text/csv; charset=utf-8",
    "tsv": "text/tab-separated-values; charset=utf-8",
}
GRAPHS = {
    "turtle": ("text/turtle; charset=utf-8", ox.RdfFormat.TURTLE),
    "nt": ("application/n-triples; charset=utf-8", ox.RdfFormat.N_TRIPLES),
    "jsonld": ("application/ld+json", ox.RdfFormat.JSON_LD),
    "rdfxml": ("application/rdf+xml", ox.RdfFormat.RDF_XML),
}
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_XML_NAME = re.compile(r"[^\W\d][\w.-]*\Z")
_XSD_STRING = "http://www.w3.org/2001/XMLSchema#string"


class TooMuch(Exception):
    """The answer is larger than a limit; ``limit`` is ``rows`` or ``bytes``."""

    def __init__(self, limit: str) -> None:
        super().__init__(limit)
        self.limit = limit


def check_form(kind: str, form: str) -> None:
    """Raise UnknownFormat if the answer to a query of this kind is not written as ``form``."""
    known = TABLES if kind in {"SELECT", "ASK"} else GRAPHS
    if form not in known:
        raise UnknownFormat(f"The answer to {kind} is written as {', '.join(known)}.")


def run(
    store: ox.Store, query: str, form: str, *, max_rows: int, max_bytes: int,
    dataset: Dataset = ALL, union: bool = True,
) -> tuple[str, int, bytes]:  # fmt: skip
    """Return what ``write`` returns for a query of a store.

    ``union`` asks all graphs at once; the engine then ignores FROM. Raises SyntaxError too,
    and ValueError for a graph that is no IRI.
    """
    everything = dataset == ALL
    found = store.query(
        query, use_default_graph_as_union=union,
        default_graph=None if everything else [ox.NamedNode(iri) for iri in dataset.default],
        named_graphs=None if everything else [ox.NamedNode(iri) for iri in dataset.named],
    )  # fmt: skip
    return write(found, form, max_rows=max_rows, max_bytes=max_bytes)


def write(
    found: ox.QuerySolutions | ox.QueryBoolean | Iterable[ox.Triple],
    form: str, *, max_rows: int, max_bytes: int,
) -> tuple[str, int, bytes]:  # fmt: skip
    """Return the kind of answer (``solutions``, ``boolean``, ``graph``), its rows and bytes.

    ``form`` is a key of TABLES or GRAPHS. Raises TooMuch, and ValueError for a property that
    RDF/XML cannot write.
    """
    if isinstance(found, ox.QueryBoolean):
        return "boolean", 1, _boolean(bool(found), form)
    if isinstance(found, ox.QuerySolutions):
        names = [v.value for v in found.variables]
        rows = _capped_rows(found, names, max_rows, max_bytes)
        kind, count, body = "solutions", len(rows), WRITERS[form](names, rows)
    else:
        triples = _capped(found, max_rows)
        kind, count, body = "graph", len(triples), graph(triples, form)
    if len(body) > max_bytes:
        raise TooMuch("bytes")
    return kind, count, body


def graph(triples: Iterable[ox.Triple], form: str) -> bytes:
    """Return triples in a form of GRAPHS; ValueError for what RDF/XML cannot write."""
    written = map(_for_xml, triples) if form == "rdfxml" else triples
    body = ox.serialize(written, format=GRAPHS[form][1])
    assert body is not None
    return body.replace(b"\r", b"&#13;") if form == "rdfxml" else body


def _for_xml(triple: ox.Triple) -> ox.Triple:
    """Return a triple without what XML forbids: the engine's writer lets it through."""
    name, obj = triple.predicate.value, triple.object
    if not _XML_NAME.search(name):
        raise ValueError(f"RDF/XML cannot write the property {name}; ask for another format.")
    if not isinstance(obj, ox.Literal) or not _FORBIDDEN.search(obj.value):
        return triple
    text = _FORBIDDEN.sub("\ufffd", obj.value)
    kind = {"language": obj.language} if obj.language else {"datatype": obj.datatype}
    return ox.Triple(triple.subject, triple.predicate, ox.Literal(text, **kind))


def _capped(found: Iterable[ox.Triple], most: int) -> list[ox.Triple]:
    triples = []
    for triple in found:
        triples.append(triple)
        if len(triples) > most:
            raise TooMuch("rows")
    return triples


def _capped_rows(
    found: ox.QuerySolutions, names: list[str], most: int, max_bytes: int
) -> list[list[Term]]:
    rows: list[list[Term]] = []
    size = 0
    for solution in found:
        row: list[Term] = [solution[name] for name in names]
        rows.append(row)
        size += sum(len(t.value) for t in row if isinstance(t, ox.NamedNode | ox.Literal))
        if len(rows) > most or size > max_bytes:
            raise TooMuch("rows" if len(rows) > most else "bytes")
    return rows


def _boolean(value: bool, form: str) -> bytes:
    word = str(value).lower()
    if form == "xml":
        return (
            '<?xml version="1.0"?>\n<sparql xmlns="http://www.w3.org/2005/sparql-results#">'
            f"<head/><boolean>{word}</boolean></sparql>\n"
        ).encode()
    return json.dumps({"head": {}, "boolean": value}).encode() if form == "json" else word.encode()


def _json_term(term: Term) -> dict[str, object]:
    if isinstance(term, ox.Literal):
        found: dict[str, object] = {"type": "literal", "value": term.value}
        if term.language:
            found["xml:lang"] = term.language
        elif term.datatype.value != _XSD_STRING:
            found["datatype"] = term.datatype.value
        return found
    if isinstance(term, ox.Triple):
        parts = {"subject": term.subject, "predicate": term.predicate, "object": term.object}
        return {"type": "triple", "value": {k: _json_term(v) for k, v in parts.items()}}
    assert term is not None
    return {"type": "uri" if isinstance(term, ox.NamedNode) else "bnode", "value": term.value}


def _json(names: list[str], rows: list[list[Term]]) -> bytes:
    bindings = [
        {n: _json_term(t) for n, t in zip(names, row, strict=True) if t is not None} for row in rows
    ]
    document = {"head": {"vars": names}, "results": {"bindings": bindings}}
    return json.dumps(document, ensure_ascii=False).encode()


def _xml_text(text: str) -> str:
    return escape(_FORBIDDEN.sub("\ufffd", text), {"\r": "&#13;"})


def _xml_term(term: Term) -> str:
    if isinstance(term, ox.Literal):
        extra = ""
        if term.language:
            extra = f" xml:lang={quoteattr(term.language)}"
        elif term.datatype.value != _XSD_STRING:
            extra = f" datatype={quoteattr(term.datatype.value)}"
        return f"<literal{extra}>{_xml_text(term.value)}</literal>"
    if isinstance(term, ox.Triple):
        parts = (("subject", term.subject), ("predicate", term.predicate), ("object", term.object))
        inner = "".join(f"<{name}>{_xml_term(part)}</{name}>" for name, part in parts)
        return f"<triple>{inner}</triple>"
    assert term is not None
    tag = "uri" if isinstance(term, ox.NamedNode) else "bnode"
    return f"<{tag}>{_xml_text(term.value)}</{tag}>"


def _xml(names: list[str], rows: list[list[Term]]) -> bytes:
    head = "".join(f"<variable name={quoteattr(n)}/>" for n in names)
    body = "".join(
        "<result>"
        + "".join(
            f"<binding name={quoteattr(n)}>{_xml_term(t)}</binding>"
            for n, t in zip(names, row, strict=True)
            if t is not None
        )
        + "</result>\n"
        for row in rows
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<sparql xmlns="http://www.w3.org/2005/sparql-results#">\n'
        f"<head>{head}</head>\n<results>\n{body}</results>\n</sparql>\n"
    ).encode()


def _csv(names: list[str], rows: list[list[Term]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow(["" if t is None else _plain(t) for t in row])
    return out.getvalue().encode()


def _plain(term: Term) -> str:
    if isinstance(term, ox.BlankNode | ox.Triple):
        return str(term)
    assert term is not None
    return term.value


def _tsv(names: list[str], rows: list[list[Term]]) -> bytes:
    lines = ["\t".join("?" + n for n in names)]
    lines += [
        "\t".join("" if t is None else str(t).replace("\t", "\\t") for t in row) for row in rows
    ]
    return ("\n".join(lines) + "\n").encode()


WRITERS: dict[str, Callable[[list[str], list[list[Term]]], bytes]] = {
    "json": _json,
    "xml": _xml,
    "csv": _csv,
    "tsv": _tsv,
}
