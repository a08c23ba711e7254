"""How well questions of practitioners are answered: small, in eleven languages.

``questions.tsv`` holds 22 needs in two to five languages each, with the practices of the
starter graph that answer them, and 14 questions that no practice answers. The development
half (by need) was used to fit the calibration; the test half was not.
"""

from __future__ import annotations

import csv
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from kg import starter
from kg.language import detect
from kg.store import Change
from kg.stores.embedded import EmbeddedStore
from matcher.centring import for_model
from matcher.embedder import Embedder
from matcher.evaluation.measures import estimate, reciprocal_rank
from matcher.index import Index, Progress
from matcher.question import Filters
from matcher.retrieval import by_text

DEPTH = 3


@dataclass(frozen=True)
class Judged:
    """A question and the practices that answer it (none for an idle question)."""

    split: str
    lang: str
    text: str
    relevant: frozenset[str]


@dataclass(frozen=True)
class Outcome:
    """What became of a question: ranks of relevance, and whether no match was offered."""

    question: Judged
    ranked: tuple[bool, ...]
    abstained: bool


def questions() -> list[Judged]:
    """Return the packaged questions."""
    lines = (files("matcher.evaluation") / "questions.tsv").read_text("utf-8").splitlines()
    return [
        Judged(r["split"], r["lang"], r["text"], frozenset(filter(None, r["relevant"].split(","))))
        for r in csv.DictReader(lines, delimiter="\t")
    ]


def ask(index: Index, question: Judged) -> Outcome:
    """Return what the index answers to a question."""
    ranking = by_text(index, question.text, question.lang, Filters(type=("practice",)))
    best = ranking.best(len(ranking.found.iris))
    ranked = tuple(iri.rsplit("/", 1)[-1] in question.relevant for iri in best)
    return Outcome(question, ranked, ranking.nothing_good())


def evaluate(
    embedder: Embedder, home: Path, *, seed: int = 1, samples: int = 1000,
    progress: Progress | None = None,
) -> dict[str, object]:  # fmt: skip
    """Return the report on the starter graph of this release, whatever the home holds."""
    store = EmbeddedStore(starter.FILES_BASE)
    entries = starter.entries(starter.FILES_BASE)
    store.write([Change(e.iri, e) for e in entries], "evaluation", "import")
    with tempfile.TemporaryDirectory() as scratch:
        index = Index(store, embedder, for_model(embedder, home), Path(scratch))
        index.catch_up(progress)
        found = report(index, seed=seed, samples=samples)
        index.close()
    return found


def report(index: Index, *, seed: int = 1, samples: int = 1000) -> dict[str, object]:
    """Return hits, abstention and false alarms, by split and language, with intervals."""
    outcomes = [ask(index, q) for q in questions()]
    real = [o for o in outcomes if o.question.relevant]
    idle = [o for o in outcomes if not o.question.relevant]
    languages: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in real:
        languages[outcome.question.lang].append(outcome)
    detected = [float(detect(o.question.text) == o.question.lang) for o in outcomes]
    return {
        "collection": "questions",
        "queries": len(real),
        "all": _hits(real, seed, samples),
        "test": _hits([o for o in real if o.question.split == "test"], seed, samples),
        "by_language": {
            lang: _hits(found, seed, samples) for lang, found in sorted(languages.items())
        },
        "false_alarms": estimate([float(not o.abstained) for o in idle], seed, samples).as_dict(),
        "missed": estimate([float(o.abstained) for o in real], seed, samples).as_dict(),
        "language_detected": estimate(detected, seed, samples).as_dict(),
        "stamp": {"model": index.model_name, "seed": seed, "samples": samples},
    }


def _hits(outcomes: list[Outcome], seed: int, samples: int) -> dict[str, object]:
    first = [float(o.ranked[0]) for o in outcomes]
    near = [float(any(o.ranked[:DEPTH])) for o in outcomes]
    ranks = [reciprocal_rank(np.array(o.ranked)) for o in outcomes]
    names = {"hit1": first, f"hit{DEPTH}": near, "mrr": ranks}
    return {name: estimate(values, seed, samples).as_dict() for name, values in names.items()}
