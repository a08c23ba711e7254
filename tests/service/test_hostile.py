"""Every kind of hostile query, against a real process: it lives, and answers others at once."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import settled
from tests.kg.conftest import Listener
from tests.kg.conftest import listener as listener
from tests.service.conftest import serve

pytestmark = pytest.mark.slow
#: how many seconds /health may take after a hostile query
PATIENCE = 2
Running = tuple[subprocess.Popen[str], str]


@pytest.fixture(scope="module")
def process(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A served home whose queries may take four seconds and 256 MiB."""
    home = settled(prepared, tmp_path_factory.mktemp("hostile") / "home")
    limits = {"PASSERELLE_SPARQL_SECONDS": "4", "PASSERELLE_SPARQL_MEMORY": str(256 * 1024**2)}
    with serve(home, environment=os.environ | limits) as found:
        assert found.stdout
        line = found.stdout.readline()
        yield found, line.split()[-1]
        found.kill()


def ask(address: str, query: str | bytes, **more: str) -> tuple[int, dict[str, object]]:
    """Send a query by POST and return the status and the body's JSON."""
    text = query if isinstance(query, bytes) else query.encode("utf-8", "surrogatepass")
    body = b"&".join([b"query=" + urllib.parse.quote_from_bytes(text).encode(),
                      urllib.parse.urlencode(more).encode()])  # fmt: skip
    request = urllib.request.Request(address + "/sparql", body.rstrip(b"&"))
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def chain(link: str, times: int = 10_000) -> str:
    return f"SELECT * {{ ?s ?p ?x FILTER({link.join(['1'] * times)}) }}"


def nested(start: str, end: str, times: int = 5_000) -> str:
    return f"SELECT * {{ {start * times} ?s ?p ?o {end * times} }}"


CLIQUE = " . ".join(f"?n{a} (<urn:p>|!<urn:p>)* ?n{b}" for a in range(6) for b in range(a))
DOUBLING = (
    'SELECT ?x { BIND("xxxxxxxxxxxxxxxx" AS ?v0) '
    + " ".join(f"BIND(CONCAT(?v{n}, ?v{n}) AS ?v{n + 1})" for n in range(28))
    + " BIND(STRLEN(?v28) AS ?x) }"
)
SUBSELECTS = "{ SELECT * { " * 2_000 + "?s ?p ?o" + " } }" * 2_000

#: what it is, the query, the answer's status and the limit that it names
HOSTILE = [
    ("a cartesian product", "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }", 504,
     "time"),
    ("a sorted cartesian product",
     "SELECT * { ?a ?b ?c . ?d ?e ?f FILTER(?c != ?f) } ORDER BY ?c ?f LIMIT 10", 504, None),
    ("paths of a clique", f"SELECT (COUNT(*) AS ?n) {{ {CLIQUE} }}", 504, None),
    ("texts that double", DOUBLING, 504, "memory"),
    ("nested {", nested("{", "}"), 400, None),
    ("nested (", f"SELECT * {{ FILTER({'(' * 5_000}1{')' * 5_000}) }}", 400, None),
    ("nested [", nested("[ ?p ", "]"), 400, None),
    ("nested <<", f"SELECT * {{ ?s ?p {'<<(?a ?b ' * 5_000}?c{')>>' * 5_000} }}", 400, None),
    ("nested !", f"SELECT * {{ FILTER({'!' * 10_000}true) }}", 400, None),
    ("nested sub-selects", f"SELECT * {{ {SUBSELECTS} }}", 400, None),
    ("a chain of +", chain("+"), 400, None),
    ("a chain of ||", chain("||"), 400, None),
    ("a chain of UNION", f"SELECT * {{ {'{} UNION ' * 7_000}{{}} }}", 400, None),
    ("a chain of / in a path", f"SELECT * {{ ?s {'/'.join(['<a:>'] * 9_000)} ?o }}", 400, None),
    ("2,000 OPTIONALs", f"SELECT * {{ {'OPTIONAL { ?s ?p ?o } ' * 2_000} }}", 400, None),
    ("braces written as escapes", "SELECT * { " + "\\u007B" * 5_000 + " }", 400, None),
    ("a huge VALUES", f"SELECT * {{ VALUES ?x {{ {'<a:> ' * 12_000} }} }}", 200, None),
    ("a list too long for the engine", f"SELECT * {{ ?s ?p ({'1 ' * 30_000}) }}", 504,
     "complexity"),
    ("more than 64 KiB", "ASK {} #" + "x" * 65_536, 413, None),
    ("malformed UTF-8", b"ASK {} #\xff\xfe", 400, None),
    ("half a character", "ASK {} #\ud800", 400, None),
    ("a NUL", "ASK {} #\0", 400, None),
    ("an update as a query", "DELETE WHERE { ?s ?p ?o }", 403, None),
    ("an update with a comment in front", "# SELECT\nCLEAR ALL", 403, None),
    ("an update after a query", "ASK {} ; CLEAR ALL", 400, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "status", "limit"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE]
)
def test_it_is_answered_and_nobody_else_notices(
    process: Running, query: str | bytes, status: int, limit: str | None
) -> None:
    running, address = process
    found, body = ask(address, query)
    assert found == status, body
    assert limit is None or body["limit"] == limit
    assert status == 200 or "Traceback" not in str(body)
    assert running.poll() is None
    with urllib.request.urlopen(address + "/health", timeout=PATIENCE) as answer:
        assert answer.status == 200


def test_both_query_and_update(process: Running) -> None:
    assert ask(process[1], "ASK {}", update="CLEAR ALL")[0] == 403
    assert ask(process[1], "ASK { ?s a ?o }") == (200, {"head": {}, "boolean": True})


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("SELECT * FROM <%s> {{ ?s ?p ?o }}", 200),
        ("SELECT * FROM NAMED <%s> {{ GRAPH ?g { ?s ?p ?o } }}", 200),
        ("DESCRIBE <%s>", 200),
        ("SELECT * { SERVICE <%s> { ?s ?p ?o } }", 403),
        ("SELECT * { SERVICE SILENT <%s> { ?s ?p ?o } }", 403),
        ("ASK { FILTER EXISTS { { { SERVICE <%s> { ?s ?p ?o } } } } }", 403),
        ("SELECT * { \\u0053ERVICE <%s> { ?s ?p ?o } }", 403),
        ("LOAD <%s>", 403),
    ],
)
def test_nothing_is_fetched(process: Running, listener: Listener, query: str, status: int) -> None:
    text = query.replace("{{", "{").replace("}}", "}") % listener.url
    form = "nt" if "DESCRIBE" in query else "json"
    body = urllib.parse.urlencode({"query": text, "format": form})
    request = urllib.request.Request(process[1] + "/sparql", body.encode())
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = answer.status
    except urllib.error.HTTPError as error:
        with error:
            found = error.code
    assert found == status


def test_no_file_is_read(process: Running, tmp_path: Path) -> None:
    secret = tmp_path / "secret.ttl"
    secret.write_text("<urn:a> <urn:b> 'secret' .")
    for clause in (f"FROM <file://{secret}>", f"FROM NAMED <file://{secret}>"):
        pattern = "{ { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }"
        _, body = ask(process[1], f"SELECT * {clause} {pattern}")
        assert body == {"head": {"vars": ["g", "o", "p", "s"]}, "results": {"bindings": []}}
