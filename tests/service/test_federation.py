"""Other engines that ask us inside SERVICE write the query anew; the answer is the same."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from kg.stores.remote.http import Address
from tests.conftest import settled
from tests.engines import oxigraph
from tests.service.conftest import serve

pytestmark = pytest.mark.engines
TEXT = '"older people alone in villages"@en'
ENTRY = "<https://passerelle.example/id/practice/sopotniki-rural-rides>"
PREFIX = (
    "PREFIX psr: <https://w3id.org/passerelle/ns#> PREFIX dct: <http://purl.org/dc/terms/>"
    " PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> "
)
#: what stands inside SERVICE, and how many rows it has
PATTERNS = [
    (f"(?p ?score) psr:similarTo ({TEXT} 3)", 3),
    (f"?p psr:similarTo ({TEXT} 3)", 3),
    (f"?p psr:similarTo {ENTRY}", 10),
    (f"{TEXT} ^psr:similarTo ?p", 10),
    (f"({TEXT} 4) ^psr:similarTo (?p ?score)", 4),
    (f"[ psr:similarTo ({TEXT} 3) ; a ?p ] FILTER(?p = psr:Practice)", 3),
    (f"(?p ?score) psr:similarTo ({TEXT} 3) ; a psr:Practice", 3),
    (f"{TEXT} ^psr:similarTo/rdf:type ?p FILTER(?p = psr:Practice)", 10),
    (f"VALUES ?e {{ {ENTRY} {TEXT} }} (?p ?score) psr:similarTo (?e 3)", 6),
    (f"VALUES (?e ?n) {{ ({ENTRY} 2) ({TEXT} 5) }} (?p ?score) psr:similarTo (?e ?n)", 7),
    (f"OPTIONAL {{ ?p psr:similarTo ({TEXT} 3) . ?p a psr:Practice }}", 3),
    (f"{{ ?p psr:similarTo ({TEXT} 3) }} UNION {{ ?p psr:similarTo ({ENTRY} 2) }}", 5),
    (f"GRAPH ?p {{ ?p psr:similarTo ({TEXT} 3) ; a psr:Practice }}", 3),
    (f"{{ SELECT ?p {{ ?p psr:similarTo ({TEXT} 3) }} }}", 3),
    (f"?p a psr:Practice FILTER EXISTS {{ ?p psr:similarTo ({TEXT} 3) }}", 3),
    (f"?p psr:similarTo ({TEXT} 3) , ({TEXT} 5)", 3),
]  # fmt: skip


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with oxigraph(tmp_path_factory.mktemp("federating")) as found:
        yield found


@pytest.fixture(scope="module")
def ours(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = settled(prepared, tmp_path_factory.mktemp("federated") / "home")
    with serve(home) as process:
        assert process.stdout
        yield f"<{process.stdout.readline().split()[-1]}/sparql>"
        process.kill()


def ask(engine: Address, query: str) -> list[dict[str, dict[str, str]]]:
    body = urllib.parse.urlencode({"query": PREFIX + query}).encode()
    headers = {"Accept": "application/sparql-results+json"}
    with urllib.request.urlopen(urllib.request.Request(engine.query, body, headers)) as answer:
        text = answer.read()
    try:
        rows: list[dict[str, dict[str, str]]] = json.loads(text)["results"]["bindings"]
    except json.JSONDecodeError:  # the engine has sent rows before it came to our refusal
        pytest.fail(f"{query}: {text.decode()}")
    return rows


def test_a_federating_engine_gets_the_matches(engine: Address, ours: str) -> None:
    wrong = {}
    for pattern, count in PATTERNS:
        rows = ask(engine, f"SELECT ?p ?score {{ SERVICE {ours} {{ {pattern} }} }}")
        if len(rows) != count or not all("p" in row for row in rows):
            wrong[pattern] = rows
    assert not wrong
    bound = f"VALUES ?p {{ {ENTRY} }} SERVICE {ours} {{ ?p psr:similarTo ({TEXT} 100) }}"
    assert len(ask(engine, f"SELECT * {{ {bound} }}")) <= 1
