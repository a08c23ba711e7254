"""Which of the 17 goals a text concerns: expert-checked texts, no training on them.

The texts are indexed as practices. Each statement of a goal (its titles, targets and
indicators) asks as a question; a goal's score for a text is the mean of its statements'
scores. Scores can be compared within one answer only, so those of each goal are brought to
mean 0 and deviation 1 before goals are compared.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kg.errors import ImportFailed
from kg.vocabulary import VOC, vocabulary
from matcher.encoding.embedder import Embedder
from matcher.encoding.text import VERSION
from matcher.evaluation.collection import Document, indexed
from matcher.evaluation.measures import Bools, Floats, estimate
from matcher.model.question import Filters
from matcher.search.index import Index, Progress
from matcher.search.ranking import by_text

GOALS = 17
Statements = dict[int, list[str]]


@dataclass(frozen=True)
class Row:
    """A text, a goal, and whether experts say that the text concerns it."""

    text: str
    goal: int
    concerned: bool


def read(path: Path) -> list[Row]:
    """Return the rows of the benchmark: columns text, sdg and label."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        return [Row(r["text"], int(r["sdg"]), r["label"] == "True") for r in rows]
    except (OSError, ValueError, KeyError) as error:
        raise ImportFailed(f"{path.name} has not the columns text, sdg and label.") from error


def statements(path: Path | None) -> Statements:
    """Return what each goal says: from a table of the UN's texts, else our own labels."""
    found: Statements = defaultdict(list)
    if path is None:
        words = vocabulary()
        for goal in range(1, GOALS + 1):
            iri = f"{VOC}sdg/goal-{goal}"
            found[goal] = [words.label(iri), words.definitions[iri]]
        return found
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream, delimiter="\t"):
                if row["lang"] == "en":
                    found[int(row["key"].partition("-")[0])].append(row["text"])
    except (OSError, ValueError, KeyError) as error:
        raise ImportFailed(f"{path.name} has not the columns lang, key and text.") from error
    return found


def evaluate(
    path: Path, goals: Path | None, embedder: Embedder, home: Path, *, seed: int = 1,
    samples: int = 1000, progress: Progress | None = None,
) -> dict[str, object]:  # fmt: skip
    """Return average precision over all rows and the share of first goals that are right."""
    rows, said = read(path), statements(goals)
    texts = list(dict.fromkeys(r.text for r in rows))
    documents = [Document(f"sdg-{n:05}", "", t, "en") for n, t in enumerate(texts)]
    with indexed(documents, embedder, home, progress) as index:
        scores = np.stack([_goal(index, said[goal]) for goal in range(1, GOALS + 1)], axis=1)
    at = [texts.index(r.text) for r in rows]
    goal = np.array([r.goal - 1 for r in rows])
    right = np.array([r.concerned for r in rows])
    first = (scores[at].argmax(axis=1) == goal)[right].astype(float)
    return {
        "collection": "sdg",
        "rows": len(rows),
        "statements": sum(map(len, said.values())),
        "average_precision": _precision(scores[at, goal], right, seed, samples),
        "top1": estimate(first, seed, samples).as_dict(),
        "stamp": {"model": embedder.name, "text": VERSION, "seed": seed, "samples": samples},
    }


def _goal(index: Index, said: list[str]) -> Floats:
    """Return one score a text: the mean over the goal's statements, standardised."""
    found = np.mean([by_text(index, s, "en", Filters()).scores for s in said], axis=0)
    return np.asarray((found - found.mean()) / max(float(found.std()), 1e-9))


def _precision(scores: Floats, right: Bools, seed: int, samples: int) -> dict[str, float]:
    """Return average precision with its percentile bootstrap interval over rows."""
    from sklearn.metrics import average_precision_score

    random = np.random.default_rng(seed)
    drawn = random.integers(0, len(right), (samples, len(right)))
    again = [average_precision_score(right[d], scores[d]) for d in drawn if right[d].any()]
    low, high = np.percentile(again, [2.5, 97.5])
    value = average_precision_score(right, scores)
    return {"value": round(value, 4), "low": round(float(low), 4), "high": round(float(high), 4)}
