"""How the cost grows with the number of entries: ``python -m benchmarks growth``.

``[--sizes 1000,10000,100000] [--validated 1000] [--json]``. For each size a home is filled with the
starter graph and made-up practices in eight languages (``generated``), beside a static model that
knows only shared pieces of words: what is measured is the service and not the model. A sample goes
through the guard, which gives the entries a second; the others are written past it. Then the
service is started twice, and questions are asked over HTTP: medians in milliseconds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks import generated
from benchmarks.common import fetch, run, serving
from kg import starter
from kg.entries.intake import Intake
from kg.entries.validation import Validator
from kg.ledger.database import Database
from kg.ledger.ledger import Change, Ledger
from kg.stores.embedded import EmbeddedStore

BASE = "https://passerelle.example/"
TEXTS = (
    "Older people in villages cannot reach the doctor",
    "Stariji ljudi žive sami u selima bez autobusa",
    "Langzeitarbeitslose finden keine Arbeit",
    "school meals from local farms",
    "young people without work need skills",
)
WORDS = ("volunteers", "school", "older people", "Arbeit", "housing")
COUNTRIES, THEMES = (
    ("HR", "LV", "DE", "IT", "PL"),
    ("housing", "employment", "environment", "democracy"),
)
PLACES = ("HR035", "LV008", "DE212", "ITH10", "PL213")
COUNT = (
    "PREFIX psr: <https://w3id.org/passerelle/ns#> PREFIX dct: <http://purl.org/dc/terms/>"
    " SELECT ?t (COUNT(?p) AS ?n) { ?p a psr:Practice ; dct:subject ?t } GROUP BY ?t"
)
BATCH = 2_000


@dataclass(frozen=True)
class Growth:
    """What one size costs; ``ms`` are medians over HTTP, the first ones after a start apart."""

    entries: int
    import_per_s: float
    first_ready_s: float
    ready_s: float
    pss_mb: float
    anonymous_mb: float
    disk_mb: float
    bytes_an_entry: int
    ms: dict[str, float] = field(default_factory=dict)


def filled(home: Path, size: int, validated: int) -> float:
    """Fill a home; entries a second of those that went through the guard."""
    ledger = Ledger(Database.in_file(home / "ledger.sqlite", flush=False))
    store = EmbeddedStore(BASE, home / "store", ledger)
    store.write([Change(e.iri, e) for e in starter.entries(BASE)], "benchmark", "create")
    checked = min(validated, size)
    entries = generated.practices(BASE, size)
    sample = list(itertools.islice(entries, checked))
    start = time.perf_counter()
    report = Intake(store, Validator()).submit_many(sample, "benchmark", keep_others=False)
    rate = checked / (time.perf_counter() - start)
    if report.refused:
        raise SystemExit(f"The shapes refuse what was made: {next(iter(report.refused.items()))}")
    while some := list(itertools.islice(entries, BATCH)):
        store.write([Change(e.iri, e) for e in some], "benchmark", "create")
    ledger.database.close()
    return round(rate, 1)


def memory(pid: int) -> tuple[float, float]:
    """The proportional set size of a process tree in MB, and its part that is no mapped file."""
    whole = own = 0.0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "Pss":
            whole += int(rest.split()[0]) / 1000
        elif name in {"Pss_Anon", "Pss_Shmem"}:
            own += int(rest.split()[0]) / 1000
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        more, more_own = memory(int(child))
        whole, own = whole + more, own + more_own
    return whole, own


def milliseconds(work: Callable[[], object]) -> float:
    """How long something takes once."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def median(work: Callable[[int], object], times: int = 20) -> float:
    """The median of several times, after one that does not count."""
    work(0)
    return round(statistics.median(milliseconds(lambda n=n: work(n)) for n in range(times)), 1)  # type: ignore[misc]


@dataclass(frozen=True)
class Client:
    """Asks a service that runs over ``size`` practices."""

    address: str
    token: str
    size: int
    source: generated.Source

    def get(self, path: str, **args: object) -> bytes:
        """Ask for a page or a list."""
        query = f"?{urllib.parse.urlencode(args, doseq=True)}" if args else ""
        return fetch(self.address + path + query)

    def match(self, kind: str, **question: object) -> dict[str, object]:
        """Ask a question."""
        answer: dict[str, object] = json.loads(fetch(f"{self.address}/api/match/{kind}", question))
        return answer

    def practice(self, number: int) -> str:
        """The name of a practice of the sample."""
        return f"generated-{(number * 7919) % self.size}"

    def put(self, number: int, marked: str = "") -> int:
        """Write a practice again with another problem, and give the number of the change."""
        entry = self.source.practice((number * 7919) % self.size)
        body = entry.n_triples()
        if marked:
            body = body.replace('" @', '"@').replace(
                '/ns#problem> "', f'/ns#problem> "{marked} ', 1
            )
        request = urllib.request.Request(
            f"{self.address}/api/entries/practice/{self.practice(number)}",
            body.encode(),
            {
                "Content-Type": "application/n-triples",
                "Authorization": f"Bearer {self.token}",
                "If-Match": "*",
            },
            method="PUT",
        )
        with urllib.request.urlopen(request) as answer:
            return int(json.loads(answer.read())["version"])

    def put_to_matched(self, number: int) -> None:
        """Write a practice, and ask until the answer stands at that change."""
        version = self.put(number, f"marked {time.monotonic_ns()}")
        while True:
            stamp = self.match("similar", text=TEXTS[0], limit=1)["stamp"]
            assert isinstance(stamp, dict)
            if stamp["data"] >= version:
                return

    def after_write(self, number: int) -> float:
        """The milliseconds of a search page right after a write."""
        self.put(number, f"searched {number}")
        return milliseconds(lambda: self.get("/search", q=WORDS[number % len(WORDS)]))

    def figures(self) -> dict[str, float]:
        """Everything that is asked over HTTP."""
        names = [self.practice(n) for n in range(40)]
        self.source.practice(0)  # what practices are made from is read now
        ids = [f"{BASE}id/practice/{name}" for name in names]
        first = round(milliseconds(lambda: self.get("/search")), 1)
        return {
            "search_page_first": first,
            "similar_entry": median(lambda n: self.match("similar", entry=ids[n % 40])),
            "similar_text": median(lambda n: self.match("similar", text=TEXTS[n % 5])),
            "similar_filtered": median(
                lambda n: self.match(
                    "similar", text=TEXTS[n % 5], filters={"country": [COUNTRIES[n % 5]]}
                )
            ),
            "transfer": median(
                lambda n: self.match("transfer", text=TEXTS[n % 5], territory=PLACES[n % 5]), 10
            ),
            "list_type": median(lambda n: self.get("/api/entries", type="practice", limit=50)),
            "list_country_theme": median(
                lambda n: self.get("/api/entries", country=COUNTRIES[n % 5], theme=THEMES[n % 4])
            ),
            "list_words": median(lambda n: self.get("/api/entries", q=WORDS[n % 5])),
            "list_filters": median(
                lambda n: self.get(
                    "/api/entries", type="practice", urban_rural="rural", led_by="municipality"
                )
            ),
            "search_page": median(lambda n: self.get("/search", type="practice", page=n + 1)),
            "search_words": median(lambda n: self.get("/search", q=WORDS[n % 5]), 10),
            "search_page_after_write": round(
                statistics.median(self.after_write(n) for n in range(10)), 1
            ),
            "home_page": median(lambda _: self.get("/"), 10),
            "entry_page": median(lambda n: self.get(f"/id/practice/{names[n % 40]}"), 10),
            "put": median(lambda n: self.put(n, f"put {n}")),
            "put_to_matched": median(self.put_to_matched, 10),
            "sparql_count": median(lambda _: self.get("/sparql", query=COUNT), 5),
        }


def size_of(folder: Path) -> int:
    """The bytes of the files in a folder."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())


def measure(size: int, validated: int) -> Growth:
    """Fill a home and measure it."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        home.mkdir()
        os.environ["PASSERELLE_MODEL"] = str(
            generated.static_model(Path(scratch), Path(scratch) / "model")
        )
        rate = filled(home, size, validated)
        token = run("token", "create", "benchmark", home=home)[1].split()[-1]
        with serving(home) as (first, _, _):
            pass
        with serving(home) as (ready, address, pid):
            ms = Client(address, token, size, generated.Source(BASE)).figures()
            whole, own = memory(pid)
        disk = size_of(home)
    return Growth(
        size, rate, round(first, 1), round(ready, 1), round(whole), round(own),
        round(disk / 1e6), round(disk / size), ms,
    )  # fmt: skip


def main(words: list[str]) -> None:
    """Measure each size, and print a line a figure and size, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks growth")
    parser.add_argument("--sizes", default="1000,10000,100000", help="with commas between")
    parser.add_argument("--validated", type=int, default=1_000, help="entries through the guard")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(words)
    measured = [asdict(measure(int(size), given.validated)) for size in given.sizes.split(",")]
    if given.json:
        print(json.dumps(measured, indent=1))
        return
    rows = [{**{k: v for k, v in one.items() if k != "ms"}, **one["ms"]} for one in measured]
    for name in rows[0]:
        print(f"{name:26}", *(f"{row[name]:>12,}" for row in rows))
