"""Speed and size of the look-up of places: ``python -m benchmarks.places [--json]``.

Types the names of ``tests/data/places.tsv`` letter by letter and as a whole, and misspelt. Times
are those of the processor, which other programs on the machine hardly change.
"""

from __future__ import annotations

import csv
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from benchmarks.common import report
from kg import starter
from kg.catalogue.gazetteer import KNOWN, PLACES, REGIONS
from kg.catalogue.places import Atlas
from kg.errors import Refused
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change

BASE = "https://passerelle.example/"
NAMES = Path(__file__).resolve().parent.parent / "tests" / "data" / "places.tsv"


def spans(work: Callable[[str], object], texts: Iterable[str]) -> dict[str, float]:
    """Milliseconds of a call: the median, and what one in a hundred exceeds."""
    taken = []
    for text in texts:
        start = time.process_time()
        with suppress(Refused):
            work(text)
        taken.append((time.process_time() - start) * 1000)
    taken.sort()
    late = taken[int(len(taken) * 0.99)]
    return {"median": round(statistics.median(taken), 2), "p99": round(late, 1)}


def memory() -> float:
    """What this process holds, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def opened(store: EmbeddedStore, home: Path) -> tuple[Atlas, float]:
    """The places of a home after a first look-up, and the seconds that it took."""
    start = time.process_time()
    atlas = Atlas.of(store, home)
    atlas.places.meant("Karlovac")
    return atlas, time.process_time() - start


def measure(data: Path) -> Mapping[str, float | str]:
    """Measure on the starter graph in memory and a home that is new, and then one that is not."""
    store = EmbeddedStore(BASE)
    store.write([Change(e.iri, e) for e in starter.territories(BASE)], "starter", "import")
    with NAMES.open(encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        names = [row["typed"] for row in rows]
    before = memory()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        first = opened(store, home)[1]
        atlas, start = opened(store, home)
        places = atlas.places
        letters = [name[:end] for name in names for end in range(1, len(name) + 1)]
        typing = spans(lambda text: places.beginning(text, 8), letters)
        whole = spans(places.meant, names)
        misspelt = spans(places.meant, [f"{name[:3]}x{name[4:]}" for name in names])
        written = sum(file.stat().st_size for file in home.rglob("*.sqlite"))
        held = memory() - before
    packed = [len((files("kg.catalogue") / name).read_bytes()) for name in (PLACES, REGIONS, KNOWN)]
    return {
        "type-ahead, ms median": typing["median"],
        "type-ahead, ms p99": typing["p99"],
        "look-up, ms median": whole["median"],
        "look-up, ms p99": whole["p99"],
        "misspelt, ms median": misspelt["median"],
        "misspelt, ms p99": misspelt["p99"],
        "first look-up of a release, ms": round(first * 1000),
        "first look-up of a start, ms": round(start * 1000),
        "memory, MB": round(held, 1),
        "packed, MB": round(sum(packed) / 1e6, 2),
        "written into the home, MB": round(written / 1e6, 1),
    }


if __name__ == "__main__":
    report("benchmarks.places", measure)
