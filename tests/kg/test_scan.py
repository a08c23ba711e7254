"""What the public endpoint refuses before any parser sees it."""

from __future__ import annotations

from contextlib import suppress

import pytest

from kg.errors import Malformed, QueryRefused, TooLarge
from kg.sparql.scan import (
    MAX_DEPTH,
    MAX_OPERATORS,
    MAX_QUERY,
    check_query,
    decode_escapes,
    depth,
    tokens,
)

EVIL = "<http://evil.example/>"
NAMES = "PREFIX : <http://e/> PREFIX ex: <http://e/> PREFIX service: <http://e/> "


@pytest.mark.parametrize(
    ("query", "form"),
    [
        ("SELECT * { ?s ?p ?o }", "SELECT"),
        ("select*{?s?p?o}", "SELECT"),
        ("ASK{}", "ASK"),
        ("# SELECT\nBASE <http://x/> PREFIX ex: <#> CONSTRUCT WHERE { ?s ?p ?o }", "CONSTRUCT"),
        ("PREFIX select:<http://x/> DESCRIBE select:x", "DESCRIBE"),
    ],
)
def test_form_is_the_first_keyword_after_the_prologue(query: str, form: str) -> None:
    assert check_query(query).form == form


@pytest.mark.parametrize(
    "pattern",
    [
        f"SERVICE {EVIL} {{}}",
        f"SeRvIcE{EVIL}{{}}",
        f"SERVICE SILENT {EVIL} {{}}",
        f"SERVICESILENT{EVIL}{{}}",
        "VALUES ?v { <http://e/> } SERVICE ?v {}",
        f"\\u0053ERVICE {EVIL} {{}}",
        f"SERV\\U00000049CE {EVIL} {{}}",
        f"SERVICE# <a comment>\n{EVIL} {{}}",
        f"?s ?p 5 SERVICE {EVIL} {{}}",
        f"?s ?p 5SERVICE {EVIL} {{}}",
        f"?s ?p 5.SERVICE {EVIL} {{}}",
        f"?s ?p 5e5SERVICE {EVIL} {{}}",
        f"?s ?p 5.e5SERVICE {EVIL} {{}}",
        f"?s ?p true.SERVICE {EVIL} {{}}",
        f"?s ?p trueSERVICE {EVIL} {{}}",
        f"?s ?p ?o.SERVICE {EVIL} {{}}",
        f"?s ?p []SERVICE {EVIL} {{}}",
        f"?s ?p ''SERVICE {EVIL} {{}}",
        f"?s ?p '''SERVICE'''SERVICE {EVIL} {{}}",
        f"{{}}SERVICE {EVIL} {{}}",
        f"{{{{SERVICE {EVIL} {{}}}}}}",
        "SERVICE ex:x {}",
        "SERVICEex:x {}",
        "SERVICE:x{}",
        "SERVICESILENTex:x # a comment\n {}",
        "?s ?p 5SERVICE:x{}",
        "?s ?p 5e5serviceex:x {}",
        f"FILTER(1 < 2) SERVICE {EVIL} {{}}",
    ],
)
def test_service_is_refused_in_every_disguise(pattern: str) -> None:
    with pytest.raises(QueryRefused, match="SERVICE"):
        check_query(NAMES + f"SELECT * {{ {pattern} }}")


@pytest.mark.parametrize(
    "pattern",
    [
        "?a ?p ?b FILTER(?a<?b)SERVICE?v#>\n{}",
        f'?a ?p ?b FILTER(?a<?b#>"""\n)SERVICE {EVIL} {{}} #"""\n',
        f"?a ?p ?b FILTER(?a<ex:b#>'''\n)SERVICE {EVIL} {{}} #'''\n",
        f"?a ?p ?b FILTER(1<2#>'''\n)SERVICE {EVIL} {{}} #'''\n",
        f"?a ?p ?b FILTER(STR(?a)<'b'#>'''\n)SERVICE {EVIL} {{}} #'''\n",
    ],
)
def test_service_cannot_hide_in_what_may_be_a_comparison(pattern: str) -> None:
    with pytest.raises(QueryRefused):
        check_query(NAMES + f"SELECT * {{ {pattern} }}")


@pytest.mark.parametrize(
    "pattern",
    [
        "?service ?p $SERVICE",
        "?s ?p 'SERVICE'",
        '?s ?p "it is \\" SERVICE <x> {}"',
        "?s ?p '''a ' '' SERVICE '''",
        '?s ?p """\nSERVICE\n"""',
        "?s <http://x.eu/SERVICE/a#b> ?o",
        "?s ?p ?o # SERVICE <x> {}\n",
        "?s service:SERVICE ex:SERVICE",
        "ex:a.SERVICE ?p 'x'@service",
        "GRAPH service:g { service:a ?p ?o }",
        "?s ?p _:service",
        "?s ?p ?o FILTER(?o < 5 && ?o > 3)",
        "?s ?p ?o FILTER(?o<5&&?o>3)",
        "?s ?p ?o FILTER(?o<ex:b)",
        "VALUES (?a ?b) { (<http://x/#a> <http://x/#b>) (<urn:a:b> <urn:c:d>) }",
        "?s <#relative> ?o",
        "?s (<http://x/#a>|^<http://x/#b>)* ?o",
    ],
)
def test_the_word_alone_and_common_patterns_are_no_reason_to_refuse(pattern: str) -> None:
    assert check_query(NAMES + f"SELECT * {{ {pattern} }}").form == "SELECT"


@pytest.mark.parametrize(
    "update",
    [
        "INSERT DATA { <a:a> <a:b> <a:c> }",
        "delete where { ?s ?p ?o }",
        "PREFIX x: <http://x/> WITH x:g DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }",
        "LOAD <http://evil.example/>",
        "CLEAR ALL",
        "# a comment\nDROP GRAPH <http://x/>",
        "CREATE GRAPH <http://x/>",
        "COPY DEFAULT TO <http://x/>",
        "MOVE DEFAULT TO <http://x/>",
        "ADD DEFAULT TO <http://x/>",
    ],
)
def test_updates_are_refused(update: str) -> None:
    with pytest.raises(QueryRefused, match="only reads"):
        check_query(update)


@pytest.mark.parametrize("query", ["", "  # only a comment", "FOO", "{}", "?x SELECT", "'SELECT'"])
def test_text_without_a_query_form_is_malformed(query: str) -> None:
    with pytest.raises(Malformed, match="SELECT, ASK, CONSTRUCT or DESCRIBE"):
        check_query(query)


@pytest.mark.parametrize(("start", "end"), [("{", "}"), ("(", ")"), ("[", "]"), ("<<", ">>")])
def test_depth_is_limited_for_each_bracket(start: str, end: str) -> None:
    inner = "SELECT * {" + start * 3_000 + end * 3_000 + "}"
    with pytest.raises(Malformed, match="nested"):
        check_query(inner)


def test_depth_of_brackets_in_what_may_be_a_comparison_counts() -> None:
    query = "SELECT * { ?a ?p ?b FILTER(?a<" + "(" * MAX_DEPTH + "?b" + ")" * MAX_DEPTH + ">1) }"
    with pytest.raises(Malformed, match="nested"):
        check_query(query)


def test_depth_at_the_limit_passes_and_strings_do_not_count() -> None:
    body = "{" * (MAX_DEPTH - 1) + "?s ?p '{{{{'" + "}" * (MAX_DEPTH - 1)
    assert check_query(f"SELECT * {{{body}}}").form == "SELECT"


@pytest.mark.parametrize(
    "chain",
    ["?x" + "+1" * MAX_OPERATORS, "?x" + "||1" * MAX_OPERATORS, "!" * (MAX_OPERATORS + 1) + "?x"],
)
def test_long_chains_of_operators_are_malformed(chain: str) -> None:
    with pytest.raises(Malformed, match="too many"):
        check_query(f"SELECT * {{ FILTER({chain}) }}")


@pytest.mark.parametrize(
    "word", ["OPTIONAL{}", "{}UNION", "MINUS{}", "BIND(1AS ?x)", "{SELECT*{}}"]
)
def test_many_patterns_are_malformed(word: str) -> None:
    with pytest.raises(Malformed, match="too many"):
        check_query(f"SELECT * {{ {word * 201} {{}} }}")


def test_data_are_no_operators() -> None:
    rows = " ".join(f'("p{n}" {n}.5 -{n}.25)' for n in range(2_001))
    listed = ", ".join(f"-{n}.5" for n in range(2_001))
    for query in (
        f"SELECT * {{ VALUES (?name ?lat ?long) {{ {rows} }} ?s ?p ?name }}",
        f"SELECT * {{ ?s ?p ?o }} VALUES (?name ?lat ?long) {{ {rows} }}",
        f"SELECT * {{ ?s ?p ?o FILTER(?o IN ({listed})) }}",
    ):
        assert check_query(query).form == "SELECT"


@pytest.mark.parametrize(
    "chain",
    [
        "VALUES ?x { 1 } FILTER(1" + " -1.5" * 2_001 + ")",
        "VALUES ?x { 1 } FILTER(?x" + "-1" * 2_001 + ")",
        "?s ?p 1.5 " + "; ?p -1.5 " * 2_001,
        "?s ?p 1" + ", 1" * 2_001,
        "?s <a:a>" + "/<a:a>" * 2_001 + " VALUES { 1 }",
    ],
)
def test_data_hide_no_chain(chain: str) -> None:
    with pytest.raises(Malformed, match="too many"):
        check_query(f"SELECT * {{ {chain} }}")


def test_advice_fits_the_query() -> None:
    chain = "FILTER(?x = 1" + " || ?x = 1" * 2_001 + ")"
    for query, advised in (
        (f"SELECT * {{ ?s ?p ?x {chain} }}", True),
        (f"SELECT * {{ VALUES ?x {{ 1 }} {chain} }}", False),
        ("SELECT * { VALUES ?x { " + "<a:aaaa> " * 9_000 + "} }", False),
    ):
        with pytest.raises((Malformed, TooLarge)) as error:
            check_query(query)
        assert ("VALUES" in str(error.value)) is advised, query[:60]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("PREFIX x: <http://e/> . SELECT * {}", "no full stop: remove the . at line 1, column 23"),
        ("BASE <http://e/> . SELECT * {}", "no full stop: remove the . at line 1, column 18"),
        ("@prefix x: <http://e/> . SELECT * {}", "Write PREFIX without @"),
        ("@base <http://e/> . SELECT * {}", "Write BASE without @"),
        ("PREFIX x <http://e/> SELECT * {}", "write PREFIX x:"),
    ],
)
def test_a_prologue_as_in_turtle_is_told(query: str, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        check_query(query)


def test_a_byte_order_mark_is_no_part_of_a_query() -> None:
    assert check_query("\ufeffASK {}").text == "ASK {}"


def test_length_is_limited_in_bytes() -> None:
    query = "SELECT * {} #"
    assert check_query(query.ljust(MAX_QUERY, "x")).form == "SELECT"
    with pytest.raises(TooLarge):
        check_query(query.ljust(MAX_QUERY, "š"))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT *\n{ ?s ?p 'open }", "at line 2, column 9 is not closed"),
        ('SELECT * { ?s ?p """open" }', "not closed"),
        ("SELECT * { ?s ?p 'a\nb' }", "not closed"),
        ("SELECT * { ?s ?p '\\uD800' }", "no character"),
        ("SELECT * { ?s ?p '\\UFFFFFFFF' }", "no character"),
        ("SELECT * { ?s ?p '\ud800' }", "surrogate"),
        ("SELECT * { ?s ?p 'a\0b' }", "NUL character at line 1, column 20"),
    ],
)
def test_broken_texts_are_malformed(query: str, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        check_query(query)


@pytest.mark.parametrize(
    ("query", "own", "volatile"),
    [
        ("SELECT * FROM <http://e/> { ?s ?p ?o }", True, False),
        ("SELECT*from named ex:g { GRAPH ?g { ?s ?p ?o } }", True, False),
        ("SELECT * \\u0046ROM <http://e/> { ?s ?p ?o }", True, False),
        ("SELECT ?from { ?from ex:from 'FROM' } # FROM", False, False),
        ("SELECT (now() AS ?n) {}", False, True),
        ("SELECT * { ?s ?p ?o BIND(STRUUID() AS ?u) }", False, True),
    ],
)
def test_a_dataset_and_what_changes_by_itself_are_noticed(
    query: str, own: bool, volatile: bool
) -> None:
    found = check_query(query)
    assert (found.own_dataset, found.volatile) == (own, volatile)


def test_escapes_are_read_once() -> None:
    assert decode_escapes("\\u0041\\U0001F600 \\u00zz \\\\") == "A😀 \\u00zz \\\\"


def test_tokens_say_kind_and_place() -> None:
    found = tokens("SELECT ?x{<a:b#c> ex:d 'e'@en-GB} # f")
    assert [(t.kind, t.text, t.start) for t in found] == [
        ("word", "SELECT", 0),
        ("var", "?x", 7),
        ("mark", "{", 9),
        ("iri", "<a:b#c>", 10),
        ("name", "ex:d", 18),
        ("string", "'e'", 23),
        ("tag", "@en-GB", 26),
        ("mark", "}", 32),
    ]
    assert depth(found) == 1


def test_an_escape_in_an_address_does_not_open_a_comment() -> None:
    assert depth(tokens("<http://x/\\u0041#> <a:b> [[[[ ]]]] .")) == 4


@pytest.mark.parametrize(
    "part",
    ["-", "1-", "1a", "a-", "<", "<a", '"\\', "''a", '"', "\\", "@a-", ":", "a:\\", "$", "#", "ſ"],
)
def test_hostile_repetitions_come_to_an_end(part: str) -> None:
    """With a backtracking or rescanning expression these would run for hours."""
    with suppress(Malformed):
        assert tokens(part * (50_000 // len(part))) is not None
