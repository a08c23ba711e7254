"""Compare our SPARQL endpoint with ``oxigraph serve`` over the same data, in one run.

``python -m benchmarks.sparql [--json]`` needs the package ``oxigraph`` (in the extra ``dev``).
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from benchmarks.common import report, run, serving

OXIGRAPH = str(Path(sys.executable).with_name("oxigraph"))
SMALL = (
    "SELECT ?t { <https://passerelle.example/id/practice/repair-cafe>"
    " <http://purl.org/dc/terms/title> ?t }"
)
LARGE = "SELECT ?s ?p ?o { { ?s ?p ?o } UNION { ?s ?p ?o } } LIMIT 100000"
HOSTILE = [
    "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(?c != ?f) }",
    "SELECT ?a ?d { ?a ?b ?c . ?d ?e ?f FILTER(?c != ?f) } ORDER BY ?c ?f LIMIT 10",
    "SELECT (COUNT(*) AS ?n) { ?a (!<urn:a>)* ?b . ?b (!<urn:a>)* ?c }",
    "SELECT (COUNT(DISTINCT CONCAT(STR(?a), STR(?d))) AS ?n) { ?a ?b ?c . ?d ?e ?f }",
]


class Client:
    """One keep-alive connection that sends the same bytes and reads whole answers."""

    def __init__(self, address: str, path: str, accept: str = "*/*") -> None:
        parts = urlsplit(address)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sent = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: {accept}\r\n\r\n"
        self._file = self._socket.makefile("rb")

    def ask(self) -> tuple[int, int]:
        """Return status and length of one answer."""
        self._socket.sendall(self._sent.encode())
        status = int(self._file.readline().split()[1])
        length, chunked = 0, False
        while (line := self._file.readline().lower()) not in (b"\r\n", b""):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            chunked |= line.startswith(b"transfer-encoding: chunked")
        if not chunked:
            return status, len(self._file.read(length))
        total = 0
        while size := int(self._file.readline(), 16):
            total += len(self._file.read(size))
            self._file.readline()
        self._file.readline()
        return status, total


def path_of(query: str) -> str:
    """Return the path of a query by GET; oxigraph serve has it at /query."""
    return "?" + urlencode({"query": query})


def latencies(address: str, path: str, times: int, accept: str = "*/*") -> list[float]:
    """Return the milliseconds of so many answers over one connection."""
    client = Client(address, path, accept)
    client.ask()
    spans = []
    for _ in range(times):
        start = time.perf_counter()
        status, _ = client.ask()
        spans.append((time.perf_counter() - start) * 1000)
        assert status == 200, status
    return spans


def throughput(address: str, path: str, seconds: float, clients: int = 8) -> float:
    """Return how many answers a second this many clients get together."""
    end = time.perf_counter() + seconds

    def work(_: int) -> int:
        client, done = Client(address, path), 0
        while time.perf_counter() < end:
            assert client.ask()[0] == 200
            done += 1
        return done

    with ThreadPoolExecutor(clients) as threads:
        return sum(threads.map(work, range(clients))) / seconds


@contextmanager
def oxigraph(data: bytes, folder: Path) -> Iterator[str]:
    """Serve N-Quads by ``oxigraph serve``; yield its address."""
    file = folder / "data.nq"
    file.write_bytes(data)
    place = ["--location", str(folder / "oxigraph")]
    subprocess.run([OXIGRAPH, "load", *place, "--file", str(file)], check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [OXIGRAPH, "serve", *place, "--bind", f"127.0.0.1:{port}", "--union-default-graph"],
        stderr=subprocess.DEVNULL,
    )
    try:
        while process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def under_attack(address: str, seconds: float) -> list[float]:
    """Return the milliseconds of /health while eight hostile queries run all the time."""
    stop = threading.Event()

    def attack(number: int) -> None:
        while not stop.is_set():
            with suppress(OSError, IndexError):
                Client(address, "/sparql" + path_of(HOSTILE[number % len(HOSTILE)])).ask()

    threads = [threading.Thread(target=attack, args=(n,), daemon=True) for n in range(8)]
    for thread in threads:
        thread.start()
    spans, client = [], Client(address, "/health")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        client.ask()
        spans.append((time.perf_counter() - start) * 1000)
        stop.wait(0.01)
    stop.set()
    return spans


def measure(attack_seconds: float = 15) -> dict[str, float]:
    """Run all parts and return the figures."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        with serving(home):
            pass
        run("export", "--output", str(Path(scratch) / "all.nq"), home=home)
        data = (Path(scratch) / "all.nq").read_bytes()
        with oxigraph(data, Path(scratch)) as other, serving(home) as (_, ours, _):
            return compare(ours + "/sparql", other + "/query") | {
                "/health, answers/s with 8 clients": round(throughput(ours, "/health", 5)),
                "small query, ours, answers/s with 8 clients": round(
                    throughput(ours, "/sparql" + path_of(SMALL), 5)
                ),
                "/health while 8 hostile queries run, p99 ms": round(
                    statistics.quantiles(under_attack(ours, attack_seconds), n=100)[98], 1
                ),
            }


def compare(ours: str, other: str) -> dict[str, float]:
    """Return medians of a small and a large query at both."""
    medians = {}
    for name, query, times, accept in (
        ("small query", SMALL, 300, "application/sparql-results+json"),
        ("100,000 rows as CSV", LARGE, 9, "text/csv"),
    ):
        for who, address in (("ours", ours), ("oxigraph serve", other)):
            path = urlsplit(address).path + path_of(query)
            spans = latencies(address, path, times, accept)
            medians[f"{name}, {who}, median ms"] = round(statistics.median(spans), 2)
    return medians


if __name__ == "__main__":
    report("benchmarks.sparql", lambda data: measure())
