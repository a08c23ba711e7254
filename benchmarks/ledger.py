"""Measure guarded writes, the growth of the ledger and histories on homes of several sizes.

``python -m benchmarks.ledger [--entries 1000,40000] [--writes 200] [--json]`` needs no model.
Of a write also the seconds of the processor are told: on a machine that others use they say more.
"""

from __future__ import annotations

import argparse
import gc
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path

import pyoxigraph as ox

from benchmarks.common import median_ms
from kg import starter
from kg.entries.intake import Intake
from kg.entries.validation import Validator
from kg.entry import Entry, make
from kg.ledger.database import Database
from kg.ledger.ledger import Change, Ledger
from kg.stores.embedded import EmbeddedStore
from kg.vocabulary import DCT, PSR, RDF_TYPE

BASE = "https://passerelle.example/"
PLACE = f"{BASE}id/territory/HR035"
#: practices of the starter graph that are written again: those with the fewest statements
WRITTEN = 8
BATCH = 2_000
#: writes that do not count
WARMING = 8
SMALL_CHANGES = 200
VERSIONS = 1_000
_NUMBERS = count()


@dataclass
class Clock:
    """Milliseconds of whole writes, of the processor in them, and of their parts added up."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=dict)

    def watch(self, owner: object, name: str, part: str) -> None:
        """Count the time of a method of one object to a part, from now on."""
        method: Callable[..., object] = getattr(owner, name)

        def timed(*values: object, **named: object) -> object:
            start = time.perf_counter()
            try:
                return method(*values, **named)
            finally:
                self.parts[part] = self.parts.get(part, 0) + _since(start, time.perf_counter())

        setattr(owner, name, timed)

    def run(self, work: Callable[[], object], times: int) -> None:
        """Do some work so often, after a few times that do not count."""
        for _ in range(WARMING):
            work()
        self.parts.clear()
        for _ in range(times):
            wall, processor = time.perf_counter(), time.process_time()
            work()
            self.wall.append(_since(wall, time.perf_counter()))
            self.processor.append(_since(processor, time.process_time()))

    def figures(self, name: str) -> dict[str, float]:
        """Medians, the slowest tenth, and the share of each part."""
        shares = {part: spent / sum(self.wall) for part, spent in self.parts.items()}
        shares["the rest"] = 1 - sum(shares.values())
        return {
            f"{name}, p50 ms": round(statistics.median(self.wall), 1),
            f"{name}, p90 ms": round(statistics.quantiles(self.wall, n=10)[-1], 1),
            f"{name}, p50 ms of the processor": round(statistics.median(self.processor), 1),
            **{f"{name}, {part}, %": round(100 * share) for part, share in shares.items()},
        }


def _since(start: float, end: float) -> float:
    return (end - start) * 1000


def practice(number: int) -> Entry:
    """A small practice with a name of its own."""
    iri = f"{BASE}id/practice/small-{number}"
    values: dict[str, ox.NamedNode | ox.Literal] = {
        RDF_TYPE.value: ox.NamedNode(f"{PSR}Practice"),
        f"{DCT}title": ox.Literal(f"Practice {number}", language="en"),
        f"{PSR}problem": ox.Literal("No bus comes to the hamlets.", language="en"),
        f"{PSR}solution": ox.Literal("Neighbours share a van.", language="en"),
        f"{DCT}spatial": ox.NamedNode(PLACE),
    }
    node = ox.NamedNode(iri)
    return make(iri, [ox.Triple(node, ox.NamedNode(p), o) for p, o in values.items()])


def changed(entry: Entry) -> Entry:
    """The entry with another description."""
    node, prop = ox.NamedNode(entry.iri), ox.NamedNode(f"{DCT}description")
    text = f"Neighbours mend and share what they own, and meet over it: state {next(_NUMBERS)}."
    kept = [t for t in entry.triples if (t.subject, t.predicate) != (node, prop)]
    return make(entry.iri, [*kept, ox.Triple(node, prop, ox.Literal(text, language="en"))])


def opened(home: Path, *, flush: bool) -> EmbeddedStore:
    """Open the store of a home, with or without the wait for the disk."""
    gc.collect()  # the last one closes when nothing holds it
    ledger = Ledger(Database.in_file(home / "ledger.sqlite", flush=flush))
    return EmbeddedStore(BASE, home / "store", ledger)


def fill(home: Path, size: int) -> list[Entry]:
    """Make a home of so many entries, and give the practices of it that are written again."""
    entries = {entry.iri: entry for entry in starter.entries(BASE)}
    practices = [entry for entry in entries.values() if entry.path == "practice"]
    written = sorted(practices, key=lambda entry: len(entry.triples))[:WRITTEN]
    needed = {entry.iri: entry for entry in written}
    ways = [PLACE, *(iri for entry in written for iri in entry.linked())]
    while ways:  # and all that they link to, directly or through others
        if (iri := ways.pop().partition("#")[0]) in entries.keys() - needed.keys():
            needed[iri] = entries[iri]
            ways += entries[iri].linked()
    whole = [*needed.values(), *map(practice, range(size - len(needed)))]
    store = opened(home, flush=False)
    for start in range(0, len(whole), BATCH):
        some = whole[start : start + BATCH]
        store.write([Change(entry.iri, entry) for entry in some], "benchmark", "create")
    return written


def write_figures(home: Path, written: list[Entry], times: int, *, flush: bool) -> dict[str, float]:
    """Measure guarded writes of entries of some 55 statements."""
    store, clock = opened(home, flush=flush), Clock()
    intake = Intake(store, Validator())
    clock.watch(intake.validator, "validate", "shapes")
    for name in ("intend", "close", "open", "fates"):
        clock.watch(store.ledger, name, "ledger")
    for name in ("_update", "_solutions"):
        clock.watch(store, name, "graph")
    states = (changed(entry) for entry in cycle(written))
    ready = iter([next(states) for _ in range(times + WARMING)])
    clock.run(lambda: intake.replace(next(ready), "benchmark"), times)
    return clock.figures("write" if flush else "write without waiting for the disk")


def ledger_figures(home: Path, entry: Entry) -> dict[str, float]:
    """Measure what small changes add to the ledger, and how long a long history takes."""
    store = opened(home, flush=False)

    def change(times: int) -> int:
        for _ in range(times):
            store.write([Change(entry.iri, changed(entry))], "benchmark", "replace")
        with closing(sqlite3.connect(home / "ledger.sqlite")) as file, file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return (home / "ledger.sqlite").stat().st_size

    before = change(1)
    grown = (change(SMALL_CHANGES) - before) / SMALL_CHANGES
    change(VERSIONS - len(store.ledger.history(entry.iri)))
    past, now = store.ledger.history(entry.iri), store.get(entry.iri)
    return {
        "ledger, bytes a small change": round(grown),
        f"history of {len(past):,} versions, ms": median_ms(
            lambda _: store.ledger.history(entry.iri), 20
        ),
        "its oldest version, ms": median_ms(
            lambda _: store.ledger.state(entry.iri, past[-1].version, now), 10
        ),
    }


def measure(size: int, times: int) -> dict[str, float]:
    """Make a home of so many entries and measure all of it there."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        written = fill(home, size)
        figures = write_figures(home, written, times, flush=True)
        figures |= write_figures(home, written, times, flush=False)
        figures |= ledger_figures(home, written[0])
    return {f"{size:,} entries: {name}": value for name, value in figures.items()}


def main() -> None:
    """Measure each size, and print a line or a JSON key a figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger")
    parser.add_argument("--entries", default="1000,40000", help="sizes, with commas between")
    parser.add_argument("--writes", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures: dict[str, float] = {}
    for size in given.entries.split(","):
        figures |= measure(int(size), given.writes)
    if given.json:
        print(json.dumps(figures, indent=1))
        return
    for name, value in figures.items():
        print(f"{name:75} {value}")


if __name__ == "__main__":
    main()
