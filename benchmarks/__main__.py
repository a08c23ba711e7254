"""Print speed and size on this machine: ``python -m benchmarks [--data DIR] [--json]``.

``python -m benchmarks quality NAME`` measures how good the answers are; see ``quality.command``.
``python -m benchmarks growth`` measures how the cost grows with the entries; see ``growth``.

Everything is measured in one run on the installed program, over HTTP where a user would be.
DIR holds ``susy_initiatives.geojson`` and ``esif_croatia.csv`` as published; without it the
parts that need them are left out, and said so.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import fetch, fill, median_ms, report, run, serving

QUESTIONS = [
    "Stariji ljudi žive sami u selima bez autobusa",
    "Vecpilsētā brūk tukšas vēsturiskas ēkas",
    "school meals from local organic farms",
    "Langzeitarbeitslose finden keine Arbeit",
]
CHALLENGES = [
    f"https://passerelle.example/id/challenge/{name}"
    for name in ("loneliness", "rural-mobility-gap", "declining-places", "rural-depopulation")
]
PLACES = ["HR035", "LV", "DE300", "FI1B"]
ACTORS = [
    f"https://passerelle.example/id/actor/{name}"
    for name in ("city-hr-split", "city-be-ghent", "city-be-leuven", "platforma-doma-mladih")
]
CALL = "https://passerelle.example/id/call/esf-si-2023-ncc-01"
ENTRIES = ["repair-cafe", "sopotniki-rural-rides", "housing-first-finland", "bee-path-ljubljana"]


def tree_memory(pid: int) -> float:
    """Return the proportional set size of a process and its children in MB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    size = sum(tree_memory(int(child)) for child in children)
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            size += int(line.split()[1]) / 1000
    return round(size, 0)


def guard_figures(home: Path) -> dict[str, float]:
    """Measure the validation and the guarded write of one entry, without a model."""
    from kg.entries.intake import Intake
    from kg.entries.validation import Validator
    from kg.entry import Entry, make
    from kg.stores.embedded import EmbeddedStore

    store = EmbeddedStore("https://passerelle.example/", home / "store")
    intake = Intake(store, Validator())
    practices = list(store.entries("practice"))

    def write(number: int) -> None:
        old: Entry = practices[number % len(practices)]
        intake.replace(make(old.iri, list(old.triples)), "benchmark")

    return {
        "validate one entry, ms": median_ms(
            lambda n: intake.check(practices[n % len(practices)]), 40
        ),
        "guarded write, ms": median_ms(write, 40),
    }


def embedding_figures(home: Path, data: Path) -> dict[str, float]:
    """Measure how many SUSY texts are embedded a second."""
    from matcher.encoding.embedder import DEFAULT, SentenceEmbedder
    from matcher.evaluation.susy import read

    texts = [d.text for d in read(data / "susy_initiatives.geojson")]
    model = SentenceEmbedder(DEFAULT, home)
    model.encode(texts[:8])
    start = time.perf_counter()
    model.encode(texts)
    return {"embed SUSY texts, texts/s": round(len(texts) / (time.perf_counter() - start), 1)}


def batch_figures(home: Path) -> dict[str, float]:
    """Measure the batch of a country by the seconds it takes for each entry."""
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "it.jsonl"
        words = ("match", "batch", "--country", "IT", "--output", str(output), "--json")
        seconds, out = run(*words, home=home)
        entries = json.loads(out)["entries"]
    return {"batch of a country, ms an entry, start included": round(1000 * seconds / entries)}


def http_figures(home: Path) -> dict[str, float]:
    """Serve a full home and measure questions over HTTP."""
    with serving(home) as (seconds, address, pid):
        base = "https://passerelle.example/id/practice/"
        similar = f"{address}/api/match/similar"
        figures = {
            "entries": float(sum(json.loads(fetch(f"{address}/api/stats"))["entries"].values())),
            "later start, s": round(seconds, 1),
            "match by entry, ms": median_ms(
                lambda n: fetch(similar, {"entry": base + ENTRIES[n % 4]}), 60
            ),
            "match by text, ms": median_ms(
                lambda n: fetch(similar, {"text": QUESTIONS[n % 4]}), 60
            ),
            "transfer by text, ms": median_ms(
                lambda n: fetch(
                    f"{address}/api/match/transfer",
                    {"text": QUESTIONS[n % 4], "territory": "HR035"},
                ),
                20,
            ),
            "transfer by challenge, ms": median_ms(
                lambda n: fetch(
                    f"{address}/api/match/transfer",
                    {"challenge": CHALLENGES[n % 4], "territory": PLACES[n % 4]},
                ),
                20,
            ),
            "partners by actor, ms": median_ms(
                lambda n: fetch(f"{address}/api/match/partners", {"actor": ACTORS[n % 4]}), 20
            ),
            "consortium of six, ms": median_ms(
                lambda n: fetch(
                    f"{address}/api/match/consortium",
                    {"call": CALL, "rules": {"minimum_countries": 4, "maximum_per_country": 2}},
                ),
                10,
            ),
            "entry page, ms": median_ms(
                lambda n: fetch(f"{address}/id/practice/{ENTRIES[n % 4]}?format=ttl"), 40
            ),
        }
        query = "SELECT%20%28COUNT%28%2A%29%20AS%20%3Fn%29%20%7B%20%3Fs%20%3Fp%20%3Fo%20%7D"
        figures["count all triples by SPARQL, ms"] = median_ms(
            lambda n: fetch(f"{address}/sparql?query={query}"), 20
        )
        figures["memory of the process tree (PSS), MB"] = tree_memory(pid)
    return figures


def measure(data: Path) -> dict[str, float | str]:
    """Run all parts and return the figures."""
    figures: dict[str, float | str] = {
        "passerelle --help, ms": median_ms(lambda _: run("--help"), 5)
    }
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        with serving(home) as (seconds, _, _):
            figures["first start, s"] = round(seconds, 1)
        figures |= guard_figures(home)
        if data.is_dir():
            figures |= fill(home, data)
            figures |= embedding_figures(home, data)
            run("match", "similar", "warm up", "--limit", "1", home=home)
        else:
            figures["imports, embedding"] = f"left out: {data.name} is not there"
        figures |= http_figures(home)
        figures |= batch_figures(home)
    return figures


def main() -> None:
    """Measure speed, or quality or growth where the first word says so."""
    if sys.argv[1:2] == ["quality"]:
        from benchmarks.quality.command import main as quality

        quality(sys.argv[2:])
    elif sys.argv[1:2] == ["growth"]:
        from benchmarks.growth import main as growth

        growth(sys.argv[2:])
    else:
        report("benchmarks", measure)


if __name__ == "__main__":
    main()
