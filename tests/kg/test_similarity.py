"""Similarity inside a query: what is asked of the matcher, and what the engine then reads."""

from __future__ import annotations

import itertools
import math
import time

import pyoxigraph as ox
import pytest

from kg.errors import LimitExceeded, Malformed, TooLarge
from kg.sparql.query import PublicQuery
from kg.sparql.scan import check_query
from kg.sparql.similar_to import MAX_LISTS, mentions, plan
from kg.sparql.similar_to import SimilarQuery as Query

E, F = "https://passerelle.example/id/practice/e", "https://passerelle.example/id/practice/f"
P, Q = "https://passerelle.example/id/practice/p", "https://passerelle.example/id/practice/q"
BASE = "https://passerelle.example/sparql"
PREFIX = (
    "PREFIX psr: <https://w3id.org/passerelle/ns#>"
    " PREFIX it: <https://passerelle.example/id/practice/>"
    " PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> "
)
TEXT, ENTRY = Query(10, "practice", text="bread", lang="en"), Query(10, "practice", entry=E)
THREE = Query(3, "practice", text="bread", lang="en")


class Finder:
    """Answers every question with two practices, and remembers the questions."""

    def __init__(self) -> None:
        self.asked: list[Query] = []

    def __call__(self, asked: Query) -> list[tuple[str, float]]:
        self.asked.append(asked)
        return [(P, 0.75), (Q, 0.5)]


def store() -> ox.Store:
    made = ox.Store()
    made.update(
        f"INSERT DATA {{ <{P}> <urn:country> 'SI' . <{Q}> <urn:country> 'AT' ."
        f" <{E}> <urn:country> 'HR' ; <urn:of> <{P}> . <{F}> <urn:country> 'HR' }} ;"
        f" INSERT DATA {{ GRAPH <urn:g> {{ <{P}> <urn:country> 'SI' }} }}"
    )
    return made


def filled(query: str, finder: Finder) -> PublicQuery:
    return plan(check_query(query, BASE)).fill(finder, math.inf)


def rows(query: str, finder: Finder) -> list[dict[str, str]]:
    """Fill a query, run it and return its rows."""
    ready = filled(PREFIX + query, finder)
    solutions = store().query(ready.text, base_iri=BASE)
    assert isinstance(solutions, ox.QuerySolutions)
    names = [v.value for v in solutions.variables]
    return [{n: row[n].value for n in names if row[n] is not None} for row in solutions]


@pytest.mark.parametrize(
    ("pattern", "asked"),
    [
        (f"?p psr:similarTo (<{E}> 5)", Query(5, "practice", entry=E)),
        (f"?p psr:similarTo (<{E}>)", Query(10, "practice", entry=E)),
        ("?p psr:similarTo (it:e 7 psr:Actor)", Query(7, "actor", entry=E)),
        ("?p psr:similarTo (it:e psr:Actor)", Query(10, "actor", entry=E)),
        (f"?p <https://w3id.org/passerelle/ns#similarTo> (<{E}> 5)", Query(5, "practice", E)),
        ("?p psr:similarTo ('bread' 3)", Query(3, "practice", text="bread")),
        ('?p psr:similarTo ("""a "b" \\u0107"""@hr 3) .',
         Query(3, "practice", text='a "b" ć', lang="hr")),
        ("(?p ?score) psr:similarTo ('(not a list)'@en)",
         Query(10, "practice", text="(not a list)", lang="en")),
        ("?p psr:similarTo (<id/practice/e> 5)", Query(5, "practice", entry=E)),
    ],
)  # fmt: skip
def test_a_pattern_asks_the_matcher_and_binds_its_matches(pattern: str, asked: Query) -> None:
    finder = Finder()
    found = rows(f"SELECT ?p {{ {pattern} }}", finder)
    assert finder.asked == [asked]
    assert [row["p"] for row in found] == [P, Q]


LIST = '"bread"@en 3'
CELLS = '?l rdf:first "bread"@en ; rdf:rest ?m . ?m rdf:first 3 ; rdf:rest rdf:nil .'
#: a pattern, and what it binds besides ?p where that is more than nothing
SPELLINGS = [
    f"?p psr:similarTo ({LIST})",
    f"$p psr:similarTo ({LIST}).",
    f"({LIST}) ^psr:similarTo ?p",
    f"({LIST}) ^(psr:similarTo) ?p",
    f"?p (psr:similarTo) ({LIST})",
    f"?p ((psr:similarTo)) ({LIST})",
    f"?p ^(^psr:similarTo) ({LIST})",
    f"?p <https://w3id.org/passerelle/ns#similarTo> ({LIST})",
    f"?p <https://w3id.org/passerelle/ns#similar\\u0054o> ({LIST})",
    f"?p psr:similarTo # (a comment)\n ({LIST}) # }}\n",
    "?p psr:similarTo [ rdf:first 'bread'@en ; rdf:rest (3) ]",
    "?p psr:similarTo [ rdf:first 'bread'@en ; rdf:rest [ rdf:rest () ; rdf:first 3 ] ]",
    f"{CELLS} ?p psr:similarTo ?l",
    f"?p psr:similarTo ?l . {CELLS}",
    f"{CELLS.replace('?l', '_:l').replace('?m', '_:m')} ?p psr:similarTo _:l .",
    f"{CELLS} ?l ^psr:similarTo ?p",
    f'?p psr:similarTo ?l . {CELLS.replace("3", chr(34) + "3" + chr(34) + "^^<http://www.w3.org/2001/XMLSchema#integer>")}',
    f"{{ ?p psr:similarTo ({LIST}) }}",
    f"{{ {{ ?p psr:similarTo ({LIST}) }} }}",
    f"{{ SELECT ?p {{ ?p psr:similarTo ({LIST}) }} }}",
    f"{{ SELECT DISTINCT * WHERE {{ ?p psr:similarTo ({LIST}) }} LIMIT 9 }}",
    f"{{ SELECT (?x AS ?p) {{ ?x psr:similarTo ({LIST}) }} }}",
    f"OPTIONAL {{ ?p psr:similarTo ({LIST}) }}",
    f"{{ ?p <urn:none> ?any }} UNION {{ ?p psr:similarTo ({LIST}) }}",
    f"{{ ?p psr:similarTo ({LIST}) }} UNION {{ ?p <urn:none> ?any }}",
    f"GRAPH <urn:g> {{ ?p psr:similarTo ({LIST}) }}",
    "GRAPH <urn:g> { ?p psr:similarTo ?l } GRAPH <urn:g> { ?l rdf:first 'bread'@en }"
    " { ?l rdf:rest ?m } { { ?m rdf:first 3 } ?m rdf:rest () }",
    f"?p <urn:country> ?any FILTER EXISTS {{ ?p psr:similarTo ({LIST}) }}",
    f"?p <urn:country> ?any FILTER(1 < 2 && EXISTS {{ ?p psr:similarTo ({LIST}) }})",
    f"?p <urn:country> ?any BIND(EXISTS {{ ?p psr:similarTo ({LIST}) }} AS ?b) FILTER(?b)",
    f"?p <urn:country> ?any MINUS {{ ?p <urn:country> 'HR' }} ?p psr:similarTo ({LIST})",
    f"BIND(1 AS ?one) ?p psr:similarTo ({LIST}) BIND(2 AS ?two)",
    f"?p <urn:country> ?any ; psr:similarTo ({LIST})",
    f"?p psr:similarTo ({LIST}) ; <urn:country> ?any",
    f"?p psr:similarTo ({LIST}) , ({LIST})",
    f"?p psr:similarTo ({LIST}) ;; psr:similarTo ({LIST}) ;",
    "?p psr:similarTo ?t VALUES ?t { 'bread'@en }".replace("?t V", "(?t 3) V"),
    "VALUES (?n ?t) { (3 'bread'@en) } ?p psr:similarTo (?t ?n)",
    "VALUES (?t) { ('bread'@en) } VALUES ?n { 3 } VALUES ?c { psr:Practice }"
    " ?p psr:similarTo (?t ?n ?c)",
    "{ VALUES ?t { 'bread'@en } } ?p psr:similarTo (?t 3)",
    "VALUES ?t { 'bread'@en } OPTIONAL { ?p psr:similarTo (?t 3) }",
    "VALUES ?t { 'bread'@en } { SELECT * { ?p psr:similarTo (?t 3) } }",
    "?p psr:similarTo (?t 3) } VALUES (?t ?x) { ('bread'@en UNDEF)",
    f"?p <urn:country>?any.?p psr:similarTo({LIST}).?p <urn:country>?any",
    f"<{E}> <urn:of>?any.?p psr:similarTo({LIST})",
]  # fmt: skip


def test_every_spelling_is_answered() -> None:
    for prologue in ("", "PREFIX : <x#> BASE <http://e/> "):
        for spelling in SPELLINGS:
            finder = Finder()
            found = rows(f"{prologue}SELECT DISTINCT ?p {{ {spelling} }}", finder)
            assert sorted(row.get("p", "") for row in found) == [P, Q], spelling
            assert finder.asked == [THREE], spelling


def test_the_name_is_known_whatever_it_is_made_of() -> None:
    ns = "https://w3id.org/passerelle/"
    for prologue, name in (
        (f"PREFIX a: <{ns}ns#similarTo>", "a:"),
        (f"PREFIX a: <{ns}ns#similar>", "a:To"),
        (f"PREFIX a: <{ns}ns#s>", "a:imilarTo"),
        (f"PREFIX : <{ns}ns#>", ":similarTo"),
        (f"BASE <{ns}>", "<ns#similarTo>"),
        (f"BASE <{ns}ns>", "<#similarTo>"),
        (f"BASE <{ns}voc/> PREFIX a: <../ns#>", "a:similarTo"),
        (f"PREFIX a: <{ns}ns#simi\\u006c>", "a:arTo"),
        (f"BASE <{ns}> PREFIX a: <\\u006es#sim>", "a:ilarTo"),
        (f"PREFIX a: <http://e/> PREFIX a: <{ns}ns#>", "a:similarTo"),
        (f"prefix a: <{ns}ns#>", "a:similarTo"),
    ):
        finder = Finder()
        query = f"{prologue} SELECT ?p {{ ?p {name} 'bread'@en. ?p {name} ('bread'@en) }}"
        assert mentions(query), name
        store().query(filled(query, finder).text, base_iri=BASE)
        assert finder.asked == [TEXT], (prologue, name)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"SELECT ?c ?score {{ (?p ?score) psr:similarTo (<{E}> 5) . ?p <urn:country> ?c }}",
         [("SI", "0.75"), ("AT", "0.5")]),
        (f"SELECT ?c {{ ?p psr:similarTo (<{E}> 5) ; <urn:country> ?c FILTER(?c != 'AT') }}",
         [("SI",)]),
        (f"SELECT ?c {{ (?p ?s) psr:similarTo (<{E}> 5) ; <urn:country> ?c ; }} ORDER BY ?c",
         [("AT",), ("SI",)]),
        (f"SELECT ?c {{ ?p <urn:country> ?c FILTER(?c>'B') ?p psr:similarTo (<{E}> 5) ; }}",
         [("SI",)]),
        (f"SELECT ?c {{ ?p <urn:country> ?c FILTER NOT EXISTS {{ ?p psr:similarTo (<{E}>) }} }}"
         " ORDER BY ?c", [("HR",), ("HR",)]),
        (f"SELECT ?n {{ VALUES ?e {{ <{E}> it:f }} (?p ?s) psr:similarTo (?e 2) ."
         " ?e <urn:country> ?a . ?p <urn:country> ?b BIND(CONCAT(?a, ?b) AS ?n) } ORDER BY ?n",
         [("HRAT",), ("HRAT",), ("HRSI",), ("HRSI",)]),
        ("SELECT * { [ psr:similarTo 'bread' ; <urn:country> ?c ] } ORDER BY ?c",
         [("AT",), ("SI",)]),
        ("SELECT * { [] psr:similarTo 'bread' ; <urn:country> ?c } ORDER BY ?c",
         [("AT",), ("SI",)]),
        ("SELECT * { _:x <urn:country> ?c . FILTER(?c != 'HR') _:x psr:similarTo 'bread' }"
         " ORDER BY ?c", [("AT",), ("SI",)]),
        ("SELECT * { 'bread' ^psr:similarTo/<urn:country> ?c } ORDER BY ?c", [("AT",), ("SI",)]),
        ("SELECT * { ?e <urn:of> [ psr:similarTo ('bread') ; <urn:country> ?c ] }",
         [("SI", E)]),
        ("SELECT * { ?e <urn:of>/psr:similarTo ('bread') }", [(E,)]),
        ("SELECT * { ([ <urn:country> ?c ] ?s) psr:similarTo 'bread' } ORDER BY ?c",
         [("AT", "0.5"), ("SI", "0.75")]),
        (f"SELECT (COUNT(*) AS ?n) {{ <{P}> psr:similarTo 'bread' }}", [("1",)]),
        ("SELECT (COUNT(*) AS ?n) { it:e psr:similarTo 'bread' }", [("0",)]),
        ("SELECT ?s { (it:q ?s) psr:similarTo 'bread' }", [("0.5",)]),
        ("SELECT (COUNT(*) AS ?n) { [] psr:similarTo 'bread' }", [("2",)]),
        (f"SELECT * {{ [] psr:similarTo 'bread' . <{E}> <urn:country> ?c }}", [("HR",), ("HR",)]),
        ("SELECT ?p { ?x rdf:first ?p ; rdf:rest ?y . ?y rdf:first ?s ; rdf:rest () ."
         " ?x psr:similarTo 'bread' ; <urn:country> 'AT' }", [(Q,)]),
        ("SELECT * { VALUES (?t ?n) { ('a' 1) (it:e 2) ('a' 1) } ?p psr:similarTo (?t ?n)"
         f" FILTER(?p = <{P}>) }} ORDER BY ?n", [("1", P, "a"), ("1", P, "a"), ("2", P, E)]),
    ],
)  # fmt: skip
def test_matches_join_with_the_rest(query: str, expected: list[tuple[str, ...]]) -> None:
    assert [tuple(v for _, v in sorted(row.items())) for row in rows(query, Finder())] == [
        tuple(row) for row in expected
    ]


def test_the_answer_of_an_engine_that_federates() -> None:
    """So ``oxigraph serve`` writes a pattern inside SERVICE."""
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    cells = [
        ("7fa4", "first", "?score"), ("7fa4", "rest", f"<{rdf}nil>"),
        ("1fbe", "first", "?p"), ("1fbe", "rest", "?7fa4"),
        ("415c", "first", '"3"^^<http://www.w3.org/2001/XMLSchema#integer>'),
        ("415c", "rest", f"<{rdf}nil>"),
        ("8cde", "first", '"bread"@en'), ("8cde", "rest", "?415c"),
    ]  # fmt: skip
    triples = [f"?{cell} <{rdf}{name}> {value} ." for cell, name, value in cells]
    triples.append("?1fbe <https://w3id.org/passerelle/ns#similarTo> ?8cde .")
    for order in itertools.islice(itertools.permutations(triples), 0, 300_000, 30_011):
        finder = Finder()
        query = f"BASE <http://127.0.0.1:36665/query>\nSELECT * WHERE {{ {''.join(order)} }} "
        solutions = store().query(filled(query, finder).text)
        assert isinstance(solutions, ox.QuerySolutions)
        assert sorted(v.value for v in solutions.variables) == ["p", "score"]
        assert len(list(solutions)) == 2
        assert finder.asked == [THREE]


#: patterns that are refused with the usage, and those that other words explain
REFUSED = [
    "?p psr:similarTo ?q", "?p psr:similarTo (?q 5)", "?p psr:similarTo []",
    "VALUES ?r { psr:similarTo } ?p ?r ('bread' 5)", "BIND(psr:similarTo AS ?r) ?p ?r it:e",
    "VALUES (?r ?x) { (it:b it:e) (psr:similarTo it:e) } OPTIONAL { ?p ?r ?x }",
    "?p psr:similarTo [ a psr:Practice ]", "?p psr:similarTo _:b", "'text' psr:similarTo ?p",
    "?p psr:similarTo/<urn:country> ?c", "?p psr:similarTo|<urn:country> ('bread')",
    "?p <urn:country>|psr:similarTo ('bread')", "?p psr:similarTo+ ('bread')",
    "?p psr:similarTo* ('bread')", "?p psr:similarTo? ('bread')", "?p (psr:similarTo)+ ('bread')",
    "?p (psr:similarTo/psr:similarTo)* ('bread')", "?p (a|^psr:similarTo) ?q",
    "?p a/(psr:similarTo|a) ('bread')", "?p ^psr:similarTo+ ('bread')",
    "(?p ?s ?t) psr:similarTo (it:e 5)", "() psr:similarTo (it:e 5)", "(?p 5) psr:similarTo (it:e)",
    "(?p ?p) psr:similarTo (it:e)", "?p psr:similarTo ()", "?p psr:similarTo rdf:nil",
    "?p psr:similarTo (5)", "?p psr:similarTo 5", "?p psr:similarTo true",
    "?p psr:similarTo (it:e 0)", "?p psr:similarTo (it:e 101)", "?p psr:similarTo (it:e -1)",
    "?p psr:similarTo (it:e 5.5)", f"?p psr:similarTo (it:e {'9' * 4_000})",
    "?p psr:similarTo (it:e 5 psr:Nothing)", "?p psr:similarTo (it:e 5 psr:Actor 5)",
    "?p psr:similarTo (it:e (5))", "?p psr:similarTo ('\\q' 5)", "?p psr:similarTo ('bread' ?n)",
    "?p psr:similarTo ('a' 'b')", f"?p psr:similarTo '{'x' * 20_001}'",
    "VALUES ?e { 5 } ?p psr:similarTo (?e 5)", "VALUES ?e { UNDEF } ?p psr:similarTo (?e 5)",
    "BIND(STR('a') AS ?e) ?p psr:similarTo ?e", "BIND(it:f(1) AS ?e) ?p psr:similarTo ?e",
    "BIND(?x AS ?e) ?p psr:similarTo ?e", "VALUES ?e {} ?p psr:similarTo (?e 5)",
    "OPTIONAL { VALUES ?e { it:e } } ?p psr:similarTo ?e",
    "{ SELECT ?x { VALUES ?e { it:e } } } ?p psr:similarTo ?e",
    "VALUES ?e { it:e } { SELECT ?p { ?p psr:similarTo ?e } }", "?e psr:similarTo ?e",
    "VALUES ?e { it:e } ?e psr:similarTo ?e",
    "?l rdf:first 'a' . ?p psr:similarTo ?l",
    "?l rdf:first 'a' ; rdf:rest ?l . ?p psr:similarTo ?l",
    "?l rdf:first 'a' , 'b' ; rdf:rest () . ?p psr:similarTo ?l",
    "?l rdf:first 'a' ; rdf:rest/rdf:first 3 . ?p psr:similarTo ?l",
    "?p psr:similarTo 'x' VALUES { it:e }", "?p psr:similarTo 'x' VALUES ?a ?b { 1 2 }",
    "<< ?p psr:similarTo 'x' >> ?a ?b", "?a ?b ?c {| psr:similarTo 'x' |}",
    "?p psr:similarTo 'x' FILTER(?a<?b&&(?c)>?d)",
]  # fmt: skip


def test_what_cannot_be_answered_is_told_and_asks_nothing() -> None:
    for pattern in REFUSED:
        finder = Finder()
        with pytest.raises(Malformed, match=r"psr:similarTo cannot be read at line 2, column") as e:
            plan(PublicQuery(PREFIX + f"\nSELECT * {{ {pattern} }}", "SELECT")).fill(finder, 9e9)
        assert "Write ?practice psr:similarTo" in str(e.value), pattern
        assert len(str(e.value)) < 400
    with pytest.raises(Malformed, match="CONSTRUCT needs a template"):
        filled(PREFIX + "CONSTRUCT WHERE { ?p psr:similarTo 'x' }", Finder())
    with pytest.raises(Malformed, match="The prefix nowhere: at line 1"):
        filled(PREFIX + "ASK { ?p psr:similarTo (nowhere:e) }", Finder())
    for words in ("?p psr:similarTo", "?p psr:similarTo 'a' ;", "?p psr:similarTo ('a'"):
        with pytest.raises(Malformed, match="is not closed"):
            filled(PREFIX + "ASK { " + words, Finder())
    with pytest.raises(Malformed, match=r"This \( is not closed"):
        filled(PREFIX + "ASK { ?p psr:similarTo ('bread' 5 }", Finder())


def test_the_number_of_lists_is_limited() -> None:
    entries = " ".join(f"it:e{n}" for n in range(MAX_LISTS + 1))
    for many in (
        "?p psr:similarTo (it:e 1) . " * (MAX_LISTS + 1),
        f"VALUES ?e {{ {entries} }} ?p psr:similarTo ?e",
        f"VALUES ?e {{ {entries} }} VALUES ?n {{ {'5 ' * 600} }} ?p psr:similarTo (?e ?n)",
    ):
        finder = Finder()
        with pytest.raises(Malformed, match=f"{MAX_LISTS} lists"):
            filled(PREFIX + f"SELECT * {{ {many} }}", finder)
        assert finder.asked == []


def test_what_is_asked_twice_is_found_once() -> None:
    finder = Finder()
    filled(PREFIX + "ASK { ?p psr:similarTo it:e . ?q psr:similarTo (it:e 10) }", finder)
    assert finder.asked == [ENTRY]


def test_no_list_is_begun_when_the_time_is_over() -> None:
    planned = plan(check_query(PREFIX + "ASK { ?p psr:similarTo 'a', 'b' }"))
    finder = Finder()
    with pytest.raises(LimitExceeded) as error:
        planned.fill(finder, time.monotonic() - 1)
    assert (error.value.limit, finder.asked) == ("time", [])


def test_a_text_is_not_repeated_without_end() -> None:
    class Many(Finder):
        def __call__(self, asked: Query) -> list[tuple[str, float]]:
            return [(f"{P}{n}", 0.5) for n in range(100)]

    query = f"SELECT * {{ VALUES ?t {{ '{'x' * 15_000}' }} ?p psr:similarTo (?t 100) }}"
    with pytest.raises(TooLarge):
        filled(PREFIX + query, Many())


@pytest.mark.parametrize(
    "query",
    [
        "CONSTRUCT { ?p psr:similarTo ?q } WHERE { ?p a ?q }",
        "CONSTRUCT { ?p psr:similarTo (?q 5) } WHERE { ?p a ?q }",
        "SELECT * { ?p a 'psr:similarTo (x)' } # ?p psr:similarTo (it:e)",
        "SELECT * { ?p it:similarTo (it:e 10) }",
        "SELECT * { psr:similarTo ?p ?o ; a ?type . ?s ?q psr:similarTo }",
        "SELECT * { ?s ?p ?o FILTER(?p = psr:similarTo || ?p IN (psr:similarTo)) }",
        "SELECT * { ?s !psr:similarTo ?o . ?s !(a|^psr:similarTo) ?o }",
        "DESCRIBE psr:similarTo",
        "DESCRIBE ?s FROM psr:similarTo WHERE { GRAPH psr:similarTo { ?s ?p ?o } }",
        "SELECT (COUNT(DISTINCT ?s) AS ?n) { ?s a psr:similarTo } GROUP BY ?s HAVING(?n > 1)"
        " ORDER BY DESC(?n) ?s LIMIT 5 OFFSET 0",
        "ASK FROM NAMED it:g { { ?s a ?t . } OPTIONAL { psr:similarTo a ?t } MINUS { ?s a 5 } }",
    ],
)
def test_other_texts_stay_as_they_are(query: str) -> None:
    checked = check_query(PREFIX + query)
    assert mentions(checked.text)
    finder = Finder()
    assert plan(checked).fill(finder, math.inf) == checked
    assert finder.asked == []


def test_lines_keep_their_numbers() -> None:
    query = PREFIX + "SELECT *\n{ ?p psr:similarTo\n ('bread'\n 3) ; a ?c .\n ?c a ?d\n}"
    ready = filled(query, Finder())
    assert ready.text.split("\n")[4:] == query.split("\n")[4:]
