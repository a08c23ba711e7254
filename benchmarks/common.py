"""What the benchmarks share: the program, a served home, answers over HTTP, and the print-out."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError

PROGRAM = str(Path(sys.executable).with_name("passerelle"))
DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "sources"


def median_ms(work: Callable[[int], object], times: int) -> float:
    """Return the median of so many calls in milliseconds, after one warm-up call."""
    work(0)
    spans = []
    for number in range(times):
        start = time.perf_counter()
        work(number)
        spans.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(spans), 1)


def run(*words: str, home: Path | None = None) -> tuple[float, str]:
    """Run the program and return seconds and standard output; an import may exit with 1."""
    start = time.perf_counter()
    environment = os.environ | ({"PASSERELLE_HOME": str(home)} if home else {})
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, env=environment)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    return time.perf_counter() - start, done.stdout


@contextmanager
def serving(home: Path) -> Iterator[tuple[float, str, int]]:
    """Serve a home; yield seconds until ready, the address and the process number."""
    environment = os.environ | {
        "PASSERELLE_HOME": str(home),
        "PORT": "0",
        "PASSERELLE_RATE": "100000",
        "PASSERELLE_BURST": "100000",
    }
    start = time.perf_counter()
    process = subprocess.Popen(
        [PROGRAM, "serve"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    line = process.stdout.readline()
    try:
        yield time.perf_counter() - start, line.split()[-1], process.pid
    finally:
        process.terminate()
        process.wait()


def fetch(address: str, body: object = None, **headers: str) -> bytes:
    """Return the body of an answer; a body to send goes as JSON."""
    data = None if body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} | headers
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data, sent)) as answer:
            content: bytes = answer.read()
    except HTTPError as error:
        raise SystemExit(f"{address}: {error.code} {error.read().decode()}") from error
    return content


def fill(home: Path, data: Path) -> dict[str, float]:
    """Import both published lists; return rows a second."""
    rates = {}
    for name, file in (("susy", "susy_initiatives.geojson"), ("esif", "esif_croatia.csv")):
        seconds, out = run("import", name, str(data / file), "--json", home=home)
        rates[f"import {name}, rows/s"] = round(json.loads(out)["rows"] / seconds)
    return rates


def report(name: str, measure: Callable[[Path], Mapping[str, float | str]]) -> None:
    """Read the command line of a benchmark, measure, and print a line or a JSON key a figure."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures = measure(given.data)
    if given.json:
        print(json.dumps(figures, indent=1))
        return
    for figure, value in figures.items():
        print(f"{figure:50} {value}")
