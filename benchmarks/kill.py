"""Kill the service while it is written to, and see that nothing is lost, torn or told twice.

``python -m benchmarks.kill [--rounds 50] [--json]`` serves a home of its own with the embedder
of the tests, needs no model, and takes some six seconds a round. Four writers create and replace
entries over HTTP until the process gets SIGKILL after one to three seconds; then it starts again.
"""

from __future__ import annotations

import argparse
import gc
import http.client
import json
import os
import random
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path

from kg.entries.reading import read_entry
from kg.entry import Entry
from kg.ledger.database import Database
from kg.ledger.difference import Lines, entry_in
from kg.ledger.ledger import Ledger
from kg.stores.embedded import EmbeddedStore
from service.core.runtime import LEDGER
from service.core.tokens import Tokens
from tests.conftest import prepare
from tests.fake_embedder import HashingEmbedder
from tests.service.conftest import BASE, practice, serve

WRITERS, ENTRIES = 4, 40
ENVIRONMENT = {
    "PASSERELLE_REQUIRE_IF_MATCH": "off",
    "PASSERELLE_RATE": "100000",
    "PASSERELLE_BURST": "100000",
}


@dataclass(frozen=True)
class Result:
    """What became of all rounds; everything but rounds and writes must be 0."""

    rounds: int
    acknowledged: int
    unacknowledged: int
    #: acknowledged versions that are not in the ledger, or not what was sent
    lost: int
    #: versions that nobody sent
    torn: int
    #: versions that were sent once and are there more than once
    doubled: int
    #: entries in which graph and ledger differ, and versions that only one of both tells of
    differences: int
    #: changes left open once the service was ready
    open: int
    ready_median_seconds: float
    ready_most_seconds: float

    @property
    def flawless(self) -> bool:
        """Whether there is nothing to complain of."""
        return not (self.lost or self.torn or self.doubled or self.differences or self.open)


@dataclass
class Record:
    """What was sent and what was acknowledged, by entry; safe from several threads."""

    sent: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    acknowledged: dict[tuple[str, int], Entry] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: Iterator[int] = field(default_factory=count)

    def write(self, port: int, token: str) -> None:
        """Send one entry after another until the connection breaks."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/turtle"}
        while True:
            with self.lock:
                slug, title = f"kill-{random.randrange(ENTRIES)}", f"State {next(self.numbers)}"
                body = practice(slug, title=title, more=f'; dct:description "{title}"@en')
                entry = read_entry(body, "text/turtle", BASE)
                self.sent[entry.iri].append(entry)
            try:
                connection.request("PUT", f"/api/entries/practice/{slug}", body, headers)
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                return
            assert answer.status in (200, 201), text
            with self.lock:
                self.acknowledged[entry.iri, json.loads(text)["version"]] = entry

    @contextmanager
    def serving(self, home: Path) -> Iterator[int]:
        """Serve a home, note the seconds until it is ready, and kill it in the end."""
        start = time.perf_counter()
        with serve(home, environment=os.environ | ENVIRONMENT) as process:
            try:
                assert process.stdout
                line = process.stdout.readline()
                if not line.startswith("Passerelle is ready at "):
                    process.kill()
                    raise SystemExit(process.communicate()[1])
                self.seconds.append(time.perf_counter() - start)
                yield int(line.rsplit(":", 1)[-1])
            finally:
                process.kill()
                process.communicate()

    def round(self, home: Path, token: str) -> None:
        """Write to a served home until it is killed."""
        with ThreadPoolExecutor(WRITERS) as threads:
            with self.serving(home) as port:
                writers = [threads.submit(self.write, port, token) for _ in range(WRITERS)]
                time.sleep(random.uniform(1, 3))
            for writer in writers:
                writer.result()

    def judge(self, home: Path) -> Result:
        """Compare what was sent with the graph and the ledger."""
        ledger = Ledger(Database.in_file(home / LEDGER))
        left = len(ledger.open())
        store = EmbeddedStore(BASE, home / "store", ledger)
        present = {entry.iri: entry for entry in store.entries()}
        states, recorded = replayed(ledger, set(self.sent))
        sent = {iri: set(entries) for iri, entries in self.sent.items()}
        return Result(
            rounds=len(self.seconds) - 1,
            acknowledged=len(self.acknowledged),
            unacknowledged=sum(map(len, sent.values())) - len(self.acknowledged),
            lost=sum(recorded.get(key) != entry for key, entry in self.acknowledged.items()),
            torn=sum(entry not in sent[iri] for (iri, _), entry in recorded.items()),
            doubled=len(recorded) - len(set(recorded.values())),
            differences=sum(
                states.get(iri) != present.get(iri) for iri in states.keys() | present.keys()
            )
            + len(recorded.keys() ^ {(i, v.version) for i in sent for v in ledger.history(i)}),
            open=left,
            ready_median_seconds=round(statistics.median(self.seconds), 1),
            ready_most_seconds=round(max(self.seconds), 1),
        )


def replayed(
    ledger: Ledger, iris: set[str]
) -> tuple[dict[str, Entry | None], dict[tuple[str, int], Entry | None]]:
    """Apply all differences to nothing: the last state of each entry, all those of ``iris``."""
    states: dict[str, Lines] = {}
    versions: dict[tuple[str, int], Entry | None] = {}
    number = 0
    while changes := ledger.after(number):
        for change in changes:
            for iri, difference in change.differences.items():
                states[iri] = difference.forward(states.get(iri, frozenset()))
                if iri in iris:
                    versions[iri, change.number] = entry_in(iri, states[iri])
        number = changes[-1].number
    return {iri: entry_in(iri, state) for iri, state in states.items() if state}, versions


def token_of(home: Path) -> str:
    """A token to write with."""
    database = Database.in_file(home / LEDGER)
    token = Tokens(database).create("writers")
    database.close()
    return token


def measure(home: Path, rounds: int) -> Result:
    """Kill the service of a prepared home so often; the last start is for what was left open."""
    record, token = Record(), token_of(home)
    for _ in range(rounds):
        record.round(home, token)
    with record.serving(home):
        pass
    return record.judge(home)


def main() -> None:
    """Prepare a home, measure, and print; exit with 1 where something is amiss."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        prepare(home, HashingEmbedder())
        gc.collect()  # the store closes when nothing holds it
        result = measure(home, given.rounds)
    if given.json:
        print(json.dumps(asdict(result), indent=1))
    else:
        for name, value in asdict(result).items():
            print(f"{name.replace('_', ' '):50} {value}")
    raise SystemExit(not result.flawless)


if __name__ == "__main__":
    main()
