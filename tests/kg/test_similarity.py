"""Similarity inside a query: what is asked of the matcher, and what the engine then reads."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from kg.errors import Malformed
from kg.query import PublicQuery
from kg.scan import check_query
from kg.similarity import MAX_LISTS, Asked, expand

E, F = "https://passerelle.example/id/practice/e", "https://passerelle.example/id/practice/f"
P, Q = "https://passerelle.example/id/practice/p", "https://passerelle.example/id/practice/q"
PREFIX = (
    "PREFIX psr: <https://w3id.org/passerelle/ns#>"
    " PREFIX it: <https://passerelle.example/id/practice/> "
)


class Finder:
    """Answers every question with two practices, and remembers the questions."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    def __call__(self, asked: Asked) -> list[tuple[str, float]]:
        self.asked.append(asked)
        return [(P, 0.75), (Q, 0.5)]


def store() -> ox.Store:
    found = ox.Store()
    found.update(
        f"INSERT DATA {{ <{P}> <urn:country> 'SI' . <{Q}> <urn:country> 'AT' ."
        f" <{E}> <urn:country> 'HR' . <{F}> <urn:country> 'HR' }}"
    )
    return found


def rows(query: str, finder: Finder) -> list[dict[str, str]]:
    """Expand a query, run it and return its rows."""
    found = store().query(expand(check_query(PREFIX + query), finder).text)
    assert isinstance(found, ox.QuerySolutions)
    names = [v.value for v in found.variables]
    return [{n: row[n].value for n in names if row[n] is not None} for row in found]


@pytest.mark.parametrize(
    ("pattern", "asked"),
    [
        (f"?p psr:similarTo (<{E}> 5)", Asked(5, "practice", entry=E)),
        (f"?p psr:similarTo (<{E}>)", Asked(10, "practice", entry=E)),
        ("?p psr:similarTo (it:e 7 psr:Actor)", Asked(7, "actor", entry=E)),
        (f"?p <https://w3id.org/passerelle/ns#similarTo> (<{E}> 5)", Asked(5, "practice", E)),
        ("?p psr:similarTo ('bread' 3)", Asked(3, "practice", text="bread")),
        ('?p psr:similarTo ("""a "b" \\u0107"""@hr 3) .',
         Asked(3, "practice", text='a "b" ć', lang="hr")),
        ("(?p ?score) psr:similarTo ('(not a list)'@en)",
         Asked(10, "practice", text="(not a list)", lang="en")),
    ],
)  # fmt: skip
def test_a_pattern_asks_the_matcher_and_binds_its_matches(pattern: str, asked: Asked) -> None:
    finder = Finder()
    found = rows(f"SELECT ?p {{ {pattern} }}", finder)
    assert finder.asked == [asked]
    assert [row["p"] for row in found] == [P, Q]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"SELECT ?c ?score {{ (?p ?score) psr:similarTo (<{E}> 5) . ?p <urn:country> ?c }}",
         [("SI", "0.75"), ("AT", "0.5")]),
        (f"SELECT ?c {{ ?p psr:similarTo (<{E}> 5) ; <urn:country> ?c FILTER(?c != 'AT') }}",
         [("SI",)]),
        (f"SELECT ?c {{ (?p ?s) psr:similarTo (<{E}> 5) ; <urn:country> ?c ; }}",
         [("SI",), ("AT",)]),
        (f"SELECT ?c {{ ?p <urn:country> ?c FILTER(?c>'B') ?p psr:similarTo (<{E}> 5) ; }}",
         [("SI",)]),
        (f"SELECT ?c {{ ?p <urn:country> ?c FILTER NOT EXISTS {{ ?p psr:similarTo (<{E}>) }} }}"
         " ORDER BY ?c", [("HR",), ("HR",)]),
        (f"SELECT ?n {{ VALUES ?e {{ <{E}> it:f }} (?p ?s) psr:similarTo (?e 2) ."
         " ?e <urn:country> ?a . ?p <urn:country> ?b BIND(CONCAT(?a, ?b) AS ?n) } ORDER BY ?n",
         [("HRAT",), ("HRAT",), ("HRSI",), ("HRSI",)]),
    ],
)  # fmt: skip
def test_matches_join_with_the_rest(query: str, expected: list[tuple[str, ...]]) -> None:
    assert [tuple(row.values()) for row in rows(query, Finder())] == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "?p a ?c ; psr:similarTo (it:e 5)",
        "?p a psr:similarTo (it:e 5)",
        "it:q psr:similarTo (it:e 5)",
        "(?p ?s ?t) psr:similarTo (it:e 5)",
        "() psr:similarTo (it:e 5)",
        "?p psr:similarTo ()",
        "?p psr:similarTo (5)",
        "?p psr:similarTo (it:e 0)",
        "?p psr:similarTo (it:e 101)",
        "?p psr:similarTo (it:e 5 psr:Nothing)",
        "?p psr:similarTo (it:e 5 psr:Actor 5)",
        "?p psr:similarTo (it:e (5))",
        "?p psr:similarTo (nowhere:e)",
        "?p psr:similarTo (?e 5)",
        "VALUES (?e) { (it:e) } ?p psr:similarTo (?e 5)",
        "VALUES ?e { 'text' } ?p psr:similarTo (?e 5)",
        "?p psr:similarTo ('\\q' 5)",
        "?p psr:similarTo ('bread' 5",
    ],
)
def test_what_cannot_be_read_is_told_and_asks_nothing(pattern: str) -> None:
    finder = Finder()
    with pytest.raises(Malformed, match=r"similarTo|position"):
        expand(PublicQuery(PREFIX + f"SELECT * {{ {pattern} }}", "SELECT"), finder)
    assert finder.asked == []


def test_the_number_of_lists_is_limited() -> None:
    finder = Finder()
    many = "?p psr:similarTo (it:e 1) . " * (MAX_LISTS + 1)
    with pytest.raises(Malformed, match=f"{MAX_LISTS} lists"):
        expand(check_query(PREFIX + f"SELECT * {{ {many} }}"), finder)
    assert finder.asked == []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { ?p psr:similarTo ?q }",
        "CONSTRUCT { ?p psr:similarTo ?q } WHERE { ?p a ?q }",
        "SELECT * { ?p a 'psr:similarTo (x)' } # ?p psr:similarTo (it:e)",
        "SELECT * { ?p other:similarTo (it:e 10) }",
    ],
)
def test_other_texts_stay_as_they_are(query: str) -> None:
    checked = check_query(PREFIX + query)
    assert expand(checked, Finder()) is checked or expand(checked, Finder()) == checked
