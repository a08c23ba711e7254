"""Queries over a remote engine: whatever it does, there is a whole answer or a clear error."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import replace
from email.utils import formatdate

import pytest

from kg.errors import (
    KgError,
    LimitExceeded,
    Malformed,
    Overloaded,
    QueryRefused,
    StoreUnusable,
    UnknownFormat,
)
from kg.sparql.query import Dataset, Limits, PublicQuery, Result
from kg.sparql.remote import RemoteQueries
from kg.sparql.results import TABLES
from kg.sparql.scan import check_query
from kg.stores.remote.http import Address, Engine
from tests.fake_engine import HEAD, ROW, ROWS, TRUE, Step, Visit, fake, says

SELECT = "SELECT ?x { ?s ?p ?x }"
CONSTRUCT = "CONSTRUCT WHERE { ?s ?p ?o }"
TRIPLE = b"<http://e/s> <http://e/p> <http://e/o> .\n"
NT = "application/n-triples"


def ask(address: Address, query: str = SELECT, form: str = "json", **limits: float) -> Result:
    wanted = Limits(**({"seconds": 5.0} | limits))  # type: ignore[arg-type]
    return RemoteQueries(Engine(address), lambda: 7, wanted).run(check_query(query), form)


def told(*steps: Step, query: str = SELECT, form: str = "json", **limits: float) -> KgError:
    """Return what is raised for an engine that behaves like this."""
    with fake(*steps) as engine, pytest.raises(KgError) as error:
        ask(engine.address, query, form, **limits)
    return error.value


# Good answers


@pytest.mark.parametrize(
    ("query", "form", "step", "kind", "body"),
    [
        (SELECT, "csv", says(), "solutions", b"x\r\none\r\n"),
        ("ASK {}", "tsv", says(TRUE), "boolean", b"true"),
        ("ASK {}", "csv", says(HEAD.replace(b'"x"', b'"__ASK_RETVAL"')
         + b'{"__ASK_RETVAL":{"type":"typed-literal","value":"0",'
         b'"datatype":"http://www.w3.org/2001/XMLSchema#integer"}}]}}'), "boolean", b"false"),
        (CONSTRUCT, "nt", says(TRIPLE, kind=NT), "graph", TRIPLE),
        ("DESCRIBE <a:a>", "nt", says(b"# Empty NT\n", kind="text/plain"), "graph", b""),
    ],
)  # fmt: skip
def test_answers_come_in_our_forms(
    query: str, form: str, step: Step, kind: str, body: bytes
) -> None:
    with fake(step) as engine:
        found = ask(engine.address, query, form)
    assert (found.kind, found.body, found.version) == (kind, body, 7)


def test_the_request_is_a_form_to_the_query_address_whatever_the_text_says() -> None:
    text = "#\n#INSERT DATA {}\nSELECT ?x { ?s ?p ?x } # INSERT"
    with fake(says()) as engine:
        ask(engine.address, text, seconds=3.5)
        ((path, headers, form),) = engine.seen
    assert (path, headers["Content-Type"]) == ("/query", "application/x-www-form-urlencoded")
    assert form == {"query": [text], "union-default-graph": ["true"], "timeout": ["4"]}


def test_virtuoso_counts_its_time_in_milliseconds() -> None:
    with fake(says(Server="Virtuoso/07")) as engine:
        queries = RemoteQueries(Engine(engine.address), lambda: 7, Limits(seconds=3.0))
        for _ in range(2):
            queries.run(check_query(SELECT), "json")
        assert [form["timeout"] for _, _, form in engine.seen] == [["3"], ["3000"]]


@pytest.mark.parametrize(
    ("text", "dataset", "sent"),
    [
        (SELECT, Dataset(("a:a", "b:b"), ()), {"default-graph-uri": ["a:a", "b:b"]}),
        (SELECT, Dataset((), ("a:a",)), {"named-graph-uri": ["a:a"]}),
        ("SELECT ?x FROM <a:a> { ?s ?p ?x }", Dataset(), {}),
    ],
)
def test_a_dataset_is_passed_on(text: str, dataset: Dataset, sent: dict[str, list[str]]) -> None:
    with fake(says()) as engine:
        queries = RemoteQueries(Engine(engine.address), lambda: 7)
        queries.run(check_query(text), "json", dataset)
        ((_, _, form),) = engine.seen
    assert {name: form[name] for name in form.keys() - {"query", "timeout"}} == sent


def test_relative_addresses_are_relative_to_our_endpoint() -> None:
    for text, sent in (
        ("SELECT ?x { <s> ?p ?x }", "BASE <http://here.example/sparql> SELECT ?x { <s> ?p ?x }"),
        ("BASE <a/> SELECT ?x {}", "BASE <http://here.example/sparql> BASE <a/> SELECT ?x {}"),
        ("SELECT ?x { <a:s> ?p ?x }", "SELECT ?x { <a:s> ?p ?x }"),
    ):
        with fake(says()) as engine:
            queries = RemoteQueries(Engine(engine.address), lambda: 7)
            queries.run(check_query(text, "http://here.example/sparql"), "json")
            assert engine.seen[0][2]["query"] == [sent]


def test_a_prefix_that_is_not_declared_is_named_whatever_the_engine_says() -> None:
    error = told(says(b"Virtuoso 37000 Error SP030", 400), query="ASK { ?s xsd:a ?o }")
    assert "The prefix xsd: at line 1, column 10 is not declared" in str(error)


# Who we are


def test_a_token_is_sent_as_bearer() -> None:
    with fake(says()) as engine:
        ask(replace(engine.address, token="s3cret"))
        assert engine.seen[0][1]["Authorization"] == "Bearer s3cret"


def test_basic_authentication() -> None:
    with fake(says()) as engine:
        ask(replace(engine.address, user="ana", password="č:1"))
        assert engine.seen[0][1]["Authorization"] == "Basic YW5hOsSNOjE="


def test_digest_authentication_answers_the_challenge() -> None:
    challenge = says(b"", 401, WWW_Authenticate='Digest realm="any", nonce="n", qop="auth"')
    with fake(challenge, says()) as engine:
        ask(replace(engine.address, user="ana", password="p", digest=True))
        first, second = engine.seen
    assert "Authorization" not in first[1]
    assert second[1]["Authorization"].startswith('Digest username="ana", realm="any"')
    assert second[2] == first[2]


def test_secrets_are_not_shown() -> None:
    assert "s3cret" not in repr(Address("q", "u", "g", "ana", "s3cret", token="s3cret"))


# Trying again


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("after", ["0", "", "soon", formatdate(0)])
def test_a_busy_engine_is_asked_again(status: int, after: str) -> None:
    with fake(says(b"later", status, Retry_After=after), says()) as engine:
        assert ask(engine.address).rows == 1
        assert len(engine.seen) == 2


def test_a_transaction_that_virtuoso_undid_is_tried_again() -> None:
    undone = says(b"Virtuoso 40001 Error SR172: Transaction deadlocked", 500)
    with fake(undone, says(b"", 204)) as engine:
        Engine(engine.address).update("INSERT DATA { <a:a> <a:a> <a:a> }")
        (path, _, form), again = engine.seen
    assert (path, form) == ("/update", {"update": ["INSERT DATA { <a:a> <a:a> <a:a> }"]})
    assert again[2] == form


def test_a_wait_beyond_the_limit_is_not_waited_for() -> None:
    error = told(says(b"", 503, Retry_After="3600"))
    assert isinstance(error, Overloaded)
    assert error.retry_after == 3600


def test_an_engine_that_stays_busy_is_told() -> None:
    assert isinstance(told(says(b"", 503), seconds=0.5), Overloaded)


# Limits


def stalls(*, after: bytes | None) -> Step:
    """Send the head and ``after``, or nothing at all, and then wait for the end of the test."""

    def step(visit: Visit) -> None:
        if after is not None:
            says(after, Content_Length="999")(visit)
        visit.server.released.wait(30)

    return step


@pytest.mark.parametrize("after", [None, b"", HEAD + ROW], ids=["head", "body", "rows"])
def test_at_our_time_limit_the_connection_is_closed(after: bytes | None) -> None:
    error = told(stalls(after=after), seconds=0.3)
    assert isinstance(error, LimitExceeded)
    assert error.limit == "time"


def endless(start: bytes, more: bytes, kind: str) -> Step:
    def step(visit: Visit) -> None:
        says(start, kind=kind, Content_Length="")(visit)
        with suppress(OSError):
            while True:
                visit.wfile.write(more * 100)

    return step


@pytest.mark.parametrize(("form", "limit"), [("json", "bytes"), ("csv", "bytes"), ("tsv", "rows")])
def test_an_endless_table_is_read_to_a_limit_only(form: str, limit: str) -> None:
    endless_rows = endless(HEAD + ROW, b"," + ROW, "application/sparql-results+json")
    error = told(endless_rows, form=form, rows=5_000, bytes=1_000_000)
    assert isinstance(error, LimitExceeded)
    assert error.limit == limit


@pytest.mark.parametrize("form", TABLES)
def test_too_many_rows_are_refused(form: str) -> None:
    error = told(says(HEAD + b",".join([ROW] * 11) + b"]}}"), form=form, rows=10)
    assert isinstance(error, LimitExceeded)
    assert error.limit == "rows"


def test_an_endless_graph_is_read_to_the_limit_only() -> None:
    error = told(endless(b"", TRIPLE, NT), query=CONSTRUCT, form="nt", rows=5_000)
    assert isinstance(error, LimitExceeded)
    assert error.limit == "rows"


@pytest.mark.parametrize(
    ("step", "limit"),
    [
        (says(X_SQL_State="S1TAT"), "time"),
        (says(b"Virtuoso S1T00 Error SR171: Transaction timed out", 500), "time"),
        (says(b"The estimated execution time exceeds the limit of 400", 500), "time"),
        (says(X_SPARQL_MaxRows="1"), "rows"),
    ],
)
def test_limits_of_the_engine_are_told(step: Step, limit: str) -> None:
    error = told(step)
    assert isinstance(error, LimitExceeded)
    assert error.limit == limit


def test_a_graph_that_virtuoso_may_have_cut_is_refused() -> None:
    graph = says(TRIPLE * 3, kind=NT, Server="Virtuoso/07")
    for most, cut in (("3", True), ("4", False)):
        table = says(Server="Virtuoso/07", X_SPARQL_MaxRows=most)
        with fake(graph, table) as engine:
            if cut:
                with pytest.raises(LimitExceeded, match="at 3 rows"):
                    ask(engine.address, CONSTRUCT, "nt")
            else:
                assert ask(engine.address, CONSTRUCT, "nt").rows == 3


def test_queries_take_turns() -> None:
    with fake(stalls(after=None)) as engine:
        queries = RemoteQueries(Engine(engine.address), lambda: 7, Limits(concurrent=1, queue=0))
        with queries._slots.turn(), pytest.raises(Overloaded):
            queries.run(check_query(SELECT), "json")
        assert engine.seen == []


def test_what_is_made_of_a_query_in_its_turn_is_sent_with_the_time_that_is_left() -> None:
    def longer(query: PublicQuery, end: float) -> PublicQuery:
        return replace(query, text=query.text + " LIMIT 5")

    def late(query: PublicQuery, end: float) -> PublicQuery:
        raise LimitExceeded("too late", "time")

    with fake(says()) as engine:
        queries = RemoteQueries(Engine(engine.address), lambda: 7, Limits(seconds=0.5))
        queries.run(check_query(SELECT), "json", prepare=longer)
        assert engine.seen[0][2]["query"] == [SELECT + " LIMIT 5"]
        with pytest.raises(LimitExceeded):
            queries.run(check_query(SELECT), "json", prepare=late)
        assert len(engine.seen) == 1


# Answers that are none


def chunks(*parts: bytes) -> Step:
    """Send a body in chunks and break off before its end."""

    def step(visit: Visit) -> None:
        says(b"", Transfer_Encoding="chunked", Content_Length="")(visit)
        for part in parts:
            visit.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))

    return step


@pytest.mark.parametrize(
    "step",
    [
        says(ROWS, Content_Length=str(len(ROWS) + 1)),
        says(HEAD + ROW, Content_Length="999"),
        chunks(ROWS),
        chunks(HEAD, ROW),
        says(HEAD + ROW),
        says(HEAD + ROW, Content_Length=""),
        says(ROWS + b"Error: out of memory"),
        says(b"Virtuoso 22026 Error"),
        says(TRUE),
        says(b""),
        says(b"<html>", kind="text/html"),
        says(ROWS, kind="text/plain"),
        says(ROWS, kind=""),
        says(b"", 204),
        says(X_SQL_State="22026"),
        says(b"out of memory", 500),
        says(b"", 404),
        says(b"", 302, Location="http://127.0.0.1:9/"),
        lambda visit: visit.wfile.write(b"no HTTP\r\n\r\n"),
        lambda visit: None,
    ],
)
def test_a_broken_answer_is_never_an_answer(step: Step) -> None:
    error = told(step)
    assert isinstance(error, StoreUnusable)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    "step",
    [
        says(TRIPLE + TRIPLE[:20], kind=NT),
        says(TRIPLE, kind=NT, Content_Length="999"),
        says(TRIPLE + b"Error: out of memory\n", kind=NT),
        says(TRIPLE, kind="text/html"),
    ],
)
def test_a_broken_graph_is_never_an_answer(step: Step) -> None:
    assert isinstance(told(step, query=CONSTRUCT, form="turtle"), StoreUnusable)


def test_rows_in_the_place_of_a_truth() -> None:
    assert isinstance(told(says(), query="ASK {}"), StoreUnusable)


def test_an_engine_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    with pytest.raises(StoreUnusable, match="cannot be reached: Connection refused"):
        ask(Address(url, url, url))


@pytest.mark.parametrize("status", [401, 403])
def test_an_engine_that_does_not_let_us_in_names_the_settings(status: int) -> None:
    assert "PASSERELLE_SPARQL_USER" in str(told(says(b"", status)))


# What is wrong with a query


def test_what_the_engine_cannot_read_is_told() -> None:
    error = told(says(b"error at 1:9: expected }\nmore", 400))
    assert isinstance(error, Malformed)
    assert str(error).endswith("error at 1:9: expected }")


def test_what_is_refused_reaches_no_engine() -> None:
    with fake(says()) as engine:
        with pytest.raises(QueryRefused):
            ask(engine.address, "SELECT * { SERVICE <http://e/> {} }")
        with pytest.raises(UnknownFormat):
            ask(engine.address, SELECT, "turtle")
        assert engine.seen == []


def test_a_graph_that_rdf_xml_cannot_write_is_told() -> None:
    graph = says(b"<http://e/s> <http://e/> <http://e/o> .\n", kind=NT)
    assert isinstance(told(graph, query=CONSTRUCT, form="rdfxml"), Malformed)
