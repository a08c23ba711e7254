"""Answers in every format: a standard parser gives back the terms that were asked for."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from xml.etree import ElementTree

import pyoxigraph as ox
import pytest
import rdflib
from rdflib.query import Result
from rdflib.term import Node

from kg.errors import LimitExceeded
from kg.sparql.results import GRAPHS, TABLES, graph, run
from kg.vocabulary import XSD

SPARQL = "{http://www.w3.org/2005/sparql-results#}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
STRING = XSD + "string"
PLAIN: dict[str, ox.NamedNode | ox.Literal] = {
    "quotes": ox.Literal("a \"b\" 'c' \\ \\u0041 & <d> , ;"),
    "white": ox.Literal(" tab\tline\nreturn\rboth\r\n "),
    "unicode": ox.Literal("čšž 😀 \u2028 \x85 \ufeff"),
    "empty": ox.Literal(""),
    "language": ox.Literal("café", language="fr-be"),
    "number": ox.Literal(5),
    "decimal": ox.Literal("1.5", datatype=ox.NamedNode(XSD + "decimal")),
    "own": ox.Literal("x", datatype=ox.NamedNode("http://e/kind#a&b")),
    "iri": ox.NamedNode("http://münchen.example/ä?a=b&c='d'"),
}
CONTROL = ox.Literal("a\x00\x01\x0b\x1b\x7f\ufffeb")
TERMS = PLAIN | {"control": CONTROL}
ASKED = "SELECT ?s ?o ?nothing { ?s <http://e/p> ?o } ORDER BY ?s"


def filled(terms: dict[str, ox.NamedNode | ox.Literal]) -> ox.Store:
    store = ox.Store()
    prop, graph = ox.NamedNode("http://e/p"), ox.NamedNode("http://e/graph")
    store.extend(
        ox.Quad(ox.NamedNode(f"http://e/{name}"), prop, term, graph) for name, term in terms.items()
    )
    return store


def answer(query: str, form: str, rows: int = 100, size: int = 100_000) -> tuple[str, int, bytes]:
    return run(filled(TERMS), query, form, max_rows=rows, max_bytes=size)


def body(form: str) -> bytes:
    kind, rows, found = answer(ASKED, form)
    assert (kind, rows) == ("solutions", len(TERMS))
    return found


def of_json(cell: dict[str, str]) -> ox.NamedNode | ox.Literal:
    if cell["type"] == "uri":
        return ox.NamedNode(cell["value"])
    if language := cell.get("xml:lang"):
        return ox.Literal(cell["value"], language=language)
    return ox.Literal(cell["value"], datatype=ox.NamedNode(cell.get("datatype", STRING)))


def test_json_gives_back_the_terms() -> None:
    document = json.loads(body("json"))
    assert document["head"]["vars"] == ["s", "o", "nothing"]
    rows = document["results"]["bindings"]
    assert all(row.keys() == {"s", "o"} for row in rows)
    assert {row["s"]["value"][9:]: of_json(row["o"]) for row in rows} == TERMS


def of_xml(node: ElementTree.Element) -> ox.NamedNode | ox.Literal:
    text = node.text or ""
    if node.tag == SPARQL + "uri":
        return ox.NamedNode(text)
    if language := node.get(LANG):
        return ox.Literal(text, language=language)
    return ox.Literal(text, datatype=ox.NamedNode(node.get("datatype", STRING)))


def xml_rows(data: bytes) -> Iterator[dict[str, ox.NamedNode | ox.Literal]]:
    for result in ElementTree.fromstring(data).iter(SPARQL + "result"):
        yield {binding.attrib["name"]: of_xml(binding[0]) for binding in result}


def test_xml_gives_back_the_terms_and_replaces_what_xml_forbids() -> None:
    rows = list(xml_rows(body("xml")))
    assert all(row.keys() == {"s", "o"} for row in rows)
    found = {row["s"].value[9:]: row["o"] for row in rows}
    assert found == PLAIN | {"control": ox.Literal("a\ufffd\ufffd\ufffd\ufffd\x7f\ufffdb")}


def test_csv_gives_back_the_texts() -> None:
    rows = list(csv.DictReader(io.StringIO(body("csv").decode(), newline="")))
    assert {row["s"][9:]: row["o"] for row in rows} == {n: t.value for n, t in TERMS.items()}
    assert {row["nothing"] for row in rows} == {""}


def test_tsv_gives_back_the_terms() -> None:
    head, *lines = body("tsv").decode().split("\n")[:-1]
    assert head == "?s\t?o\t?nothing"
    found = {}
    for line in lines:
        name, term, nothing = line.split("\t")
        assert nothing == ""
        text = f"{name} <http://e/p> {term} ."
        (quad,) = ox.parse(text, format=ox.RdfFormat.N_TRIPLES)
        found[name[10:-1]] = quad.object
    assert found == TERMS


def by_rdflib(form: str, terms: dict[str, ox.NamedNode | ox.Literal]) -> dict[str, Node | None]:
    data = run(filled(terms), ASKED, form, max_rows=100, max_bytes=100_000)[2]
    subject, obj = rdflib.Variable("s"), rdflib.Variable("o")
    rows = Result.parse(io.BytesIO(data), format=form).bindings
    return {str(row[subject])[9:]: row.get(obj) for row in rows}


@pytest.mark.parametrize("form", ["json", "xml", "csv"])
def test_rdflib_reads_the_same_texts(form: str) -> None:
    terms = {name: term for name, term in PLAIN.items() if form != "csv" or name != "unicode"}
    found = by_rdflib(form, terms)  # its reader of CSV ends lines at U+0085
    assert {n: str(t or "") for n, t in found.items()} == {n: t.value for n, t in terms.items()}


@pytest.mark.parametrize("form", ["json", "xml"])
def test_rdflib_reads_the_same_terms(form: str) -> None:
    found = by_rdflib(form, PLAIN)
    assert found["language"] == rdflib.Literal("café", lang="fr-be")
    assert found["decimal"] == rdflib.Literal("1.5", datatype=rdflib.XSD.decimal)
    assert found["own"] == rdflib.Literal("x", datatype=rdflib.URIRef("http://e/kind#a&b"))


@pytest.mark.parametrize(
    ("form", "expected"), [("json", True), ("xml", True), ("csv", b"true"), ("tsv", b"true")]
)
def test_yes_and_no(form: str, expected: object) -> None:
    kind, rows, data = answer("ASK { ?s ?p ?o }", form)
    assert (kind, rows) == ("boolean", 1)
    if form in {"json", "xml"}:
        assert Result.parse(io.BytesIO(data), format=form).askAnswer is expected
    else:
        assert data == expected


@pytest.mark.parametrize(
    ("form", "name"), [("turtle", "turtle"), ("nt", "nt"), ("jsonld", "json-ld"), ("rdfxml", "xml")]
)
@pytest.mark.parametrize(
    "query", ["CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", "DESCRIBE ?s { ?s ?p ?o }"]
)
def test_graphs_are_read_by_rdflib(form: str, name: str, query: str) -> None:
    kind, rows, data = answer(query, form)
    graph = rdflib.Graph().parse(data=data, format=name)
    assert (kind, rows, len(graph)) == ("graph", len(TERMS), len(TERMS))
    texts = {t.value for t in PLAIN.values()}
    found = {str(o) for o in graph.objects()}
    assert texts <= found
    (other,) = found - texts
    assert other == ("a\ufffd\ufffd\ufffd\ufffd\x7f\ufffdb" if form == "rdfxml" else CONTROL.value)


def test_rdf_xml_keeps_language_and_type_of_what_it_must_repair() -> None:
    terms: dict[str, ox.NamedNode | ox.Literal] = {
        "a": ox.Literal("\x01", language="hr"),
        "b": ox.Literal("\x01", datatype=ox.NamedNode("http://e/kind")),
    }
    query = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
    data = run(filled(terms), query, "rdfxml", max_rows=9, max_bytes=9_999)[2]
    found = {o.n3() for o in rdflib.Graph().parse(data=data, format="xml").objects()}
    assert found == {'"\ufffd"@hr', '"\ufffd"^^<http://e/kind>'}


@pytest.mark.parametrize("prop", ["http://e/", "http://e/1", "http://e/a#", "http://e/a%C3%A4-"])
def test_a_property_that_rdf_xml_cannot_write_is_said(prop: str) -> None:
    query = f"CONSTRUCT {{ <http://e/s> <{prop}> 1 }} WHERE {{}}"
    if prop.endswith("-"):
        assert b"A4-" in answer(query, "rdfxml")[2]
    else:
        with pytest.raises(ValueError, match="cannot write the property"):
            answer(query, "rdfxml")


@pytest.mark.parametrize("form", TABLES)
def test_answers_without_rows_or_variables(form: str) -> None:
    assert answer("SELECT ?x { FILTER(false) }", form)[1] == 0
    assert answer("SELECT * {}", form)[1] == 1
    assert len(answer("SELECT ?x {}", form)[2]) > 0


def test_blank_nodes_and_triple_terms_are_written() -> None:
    query = "SELECT ?b ?t { BIND(BNODE() AS ?b) BIND(<<( <http://a> <http://b> 'c'@en )>> AS ?t) }"
    (row,) = json.loads(answer(query, "json")[2])["results"]["bindings"]
    assert row["b"]["type"] == "bnode"
    assert row["t"]["value"]["object"] == {"type": "literal", "value": "c", "xml:lang": "en"}
    assert b'<object><literal xml:lang="en">c</literal></object>' in answer(query, "xml")[2]
    assert b"_:" in answer(query, "csv")[2]


@pytest.mark.parametrize("form", TABLES)
@pytest.mark.parametrize(("rows", "size", "limit"), [(3, 10_000, "rows"), (100, 100, "bytes")])
def test_tables_have_limits(form: str, rows: int, size: int, limit: str) -> None:
    with pytest.raises(LimitExceeded) as error:
        answer(ASKED, form, rows, size)
    assert error.value.limit == limit


@pytest.mark.parametrize("form", GRAPHS)
@pytest.mark.parametrize(("rows", "size", "limit"), [(3, 10_000, "rows"), (100, 100, "bytes")])
def test_graphs_have_limits(form: str, rows: int, size: int, limit: str) -> None:
    with pytest.raises(LimitExceeded) as error:
        answer("CONSTRUCT WHERE { ?s ?p ?o }", form, rows, size)
    assert error.value.limit == limit


def test_bad_syntax_is_a_syntax_error() -> None:
    with pytest.raises(SyntaxError):
        answer("SELECT", "json")


def test_rdf_xml_is_well_formed_or_refused_whatever_a_property_is_called() -> None:
    """Readers know the letters of the fourth edition of XML 1.0, the engine writes the fifth's."""
    node, wrong, written = ox.NamedNode("http://e/a"), [], 0
    for code in [*range(0x21, 0x800), *range(0x800, 0x10500, 41)]:
        for form in ("http://e/x{}", "http://e/{}x", "http://e/x{}y", "http://e/1{}"):
            try:
                triple = ox.Triple(node, ox.NamedNode(form.format(chr(code))), ox.Literal("x"))
                body = graph([triple], "rdfxml")
            except ValueError:
                continue
            written += 1
            try:
                ElementTree.fromstring(body)
            except ElementTree.ParseError:
                wrong.append(triple.predicate.value)
                continue
            read = [str(quad.triple) for quad in ox.parse(body, format=ox.RdfFormat.RDF_XML)]
            if read != [str(triple)]:
                wrong.append(triple.predicate.value)
    assert wrong == []
    assert written > 1_000
