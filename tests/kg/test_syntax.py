"""What a person reads of a query that the engine cannot read."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from kg.sparql.scan import check_query
from kg.sparql.syntax_errors import explain

P = "PREFIX dct: <http://purl.org/dc/terms/>\n"


def explained(query: str) -> str:
    with pytest.raises(SyntaxError) as error:
        ox.Store().query(check_query(query).text)
    return explain(query, str(error.value))


def test_a_prefix_that_is_not_declared_is_named_in_every_position() -> None:
    pattern = "ASK { ?s ?p ?o %s }"
    for part in (
        ". ?s xsd:a ?o", ". xsd:a ?p ?o", ". ?s ?p xsd:a", ". ?s ?p \"1\"^^xsd:a",
        ". ?s dct:a/xsd:a* ?o", ". ?s ^xsd:a ?o", ". ?s !(dct:a|^xsd:a) ?o",
        ". ?s ?p [ xsd:a 1 ]", ". ?s ?p (1 xsd:a)", "BIND(STRDT(\"a\",xsd:string) AS ?x)",
        "FILTER(?o IN (1, xsd:a))", "FILTER xsd:a(?o)", "FILTER EXISTS { ?s a xsd:a }",
        "GRAPH xsd:a {}", "VALUES ?s { xsd:a }", "OPTIONAL { ?s a xsd:a }",
        "{ SELECT (COUNT(xsd:a) AS ?n) {} }",
    ):  # fmt: skip
        text = explained(P + pattern % part)
        assert text.startswith("The prefix xsd: at line 2, column "), (part, text)
        assert "Write PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> before" in text, part
    assert "PREFIX nope: and its address" in explained(P + pattern % ". ?s nope:a ?o")
    assert "ex: at line 1, column 10" in explained("DESCRIBE ex:a")
    assert "ex: at line 1, column 15" in explained("SELECT * FROM ex:a {}")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ASK {\n ?s ?p }", "at line 2, column 2, where it says ?s ?p }."),
        ("ASK { ?s ?p ?o", "at line 1, column 5, where it says { ?s ?p ?o: This { is not closed."),
        ("ASK { FILTER(?o > (1) }", "column 13, where it says (?o > (1) }: This ( is not closed."),
        ("ASK { ?s ?p ?o } }", "column 18, where it says }: This } closes nothing."),
        ("SELECT ?x { ?s ?p ?o } GROUP BY ?s", "contains a variable that is unbound."),
        ("SELECT (1 AS ?x) (2 AS ?x) {}", "Duplicated variable name in SELECT."),
        ("SELECT ?s WHERE ?s ?p ?o", "where it says ?s ?p ?o: expected here: {."),
        (f"SELECT * {{}} LIMIT {'9' * 4_000}", "should be a non negative integer."),
        ("SELECT * {} ORDER ?s", "at line 1, column 19, where it says ?s."),
        ("ASK { ?s ?p <a b> }", "IRI parsing failed."),
        (f"ASK {{ ?s {'x' * 4_000} ?o }}", "where it says ?o }: expected here: . :."),
        (f"ASK {{ ?s ?p ?o . {'x' * 4_000} ?o }}", "expected here: . :."),
    ],
)
def test_place_and_text_are_told_and_no_grammar(query: str, expected: str) -> None:
    text = explained(query)
    assert text.endswith(expected), text
    assert len(text) < 200
    assert "[" not in text


def test_what_has_no_place_is_told_as_it_is() -> None:
    assert explain("ASK {}", "out of luck\nat all") == "The query cannot be read: out of luck"


def test_the_place_is_that_of_the_query_that_was_sent() -> None:
    sent = P + "SELECT * { ASKED . ?s ?p }"
    ran = sent.replace("ASKED", "VALUES ?p { <a:a> <b:b> }")
    line = ran.split("\n")[1]
    for part, place in (
        ("?s ?p }", "line 2, column 20, where it says ?s ?p }."),
        ("SELECT", "line 2, column 1, where it says SELECT"),
        ("<b:b>", "line 2, column 12, where it says ASKED"),
    ):
        reason = f"error at 2:{line.index(part) + 1}: expected [_]"
        assert place in explain(sent, reason, ran)
