"""Which of the 17 goals a text concerns: expert-checked texts, no training on them.

The texts are indexed as practices. Each statement of a goal (its titles, targets and
indicators) asks as a question; a goal's score for a text is the mean of its statements'
scores. Scores can be compared within one answer only, so those of each goal are brought to
mean 0 and deviation 1 before goals are compared.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import average_precision_score

from benchmarks.quality.judged import Floats
from kg.errors import ImportFailed
from kg.vocabulary import VOC, vocabulary
from matcher.encoding.embedder import Embedder
from matcher.encoding.text import VERSION
from matcher.evaluation.collection import Document, indexed
from matcher.evaluation.measures import Bools, Interval, estimate, interval
from matcher.model.filters import Filters
from matcher.search.index import Progress
from matcher.search.ranking import by_text

GOALS = range(1, 18)
Statements = dict[int, list[str]]


@dataclass(frozen=True)
class CheckedText:
    """A text, a goal, and whether experts say that the text concerns it."""

    text: str
    goal: int
    concerned: bool


def read(path: Path) -> list[CheckedText]:
    """The rows of the benchmark: columns text, sdg and label."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        return [CheckedText(r["text"], int(r["sdg"]), r["label"] == "True") for r in rows]
    except (OSError, ValueError, KeyError) as error:
        raise ImportFailed(f"{path.name} has not the columns text, sdg and label.") from error


def read_statements(path: Path | None) -> Statements:
    """What each goal says: by a table of the UN's texts, else by our own labels."""
    if path is None:
        words = vocabulary()
        iris = {goal: f"{VOC}sdg/goal-{goal}" for goal in GOALS}
        return {goal: [words.label(iri), words.definitions[iri]] for goal, iri in iris.items()}
    statements: Statements = {}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream, delimiter="\t"):
                if row["lang"] == "en":
                    goal = int(row["key"].partition("-")[0])
                    statements.setdefault(goal, []).append(row["text"])
    except (OSError, ValueError, KeyError) as error:
        raise ImportFailed(f"{path.name} has not the columns lang, key and text.") from error
    return statements


def evaluate(
    path: Path,
    goals: Path | None,
    embedder: Embedder,
    home: Path,
    *,
    seed: int = 1,
    samples: int = 1000,
    progress: Progress | None = None,
) -> dict[str, object]:
    """Average precision over all rows, and the share of first goals that are right."""
    rows, statements = read(path), read_statements(goals)
    texts = list(dict.fromkeys(r.text for r in rows))
    documents = [Document(f"sdg-{n:05}", "", t, "en") for n, t in enumerate(texts)]
    with indexed(documents, embedder, home, progress) as index:
        own = by_goal(statements, lambda said: by_text(index, said, "en", Filters()).scores)
    vectorizer = TfidfVectorizer(sublinear_tf=True)
    words = vectorizer.fit_transform([*texts, *(s for said in statements.values() for s in said)])
    tfidf = by_goal(
        statements,
        lambda said: (words[: len(texts)] @ vectorizer.transform([said]).T).toarray().ravel(),
    )
    at = [texts.index(r.text) for r in rows]
    goal = np.array([r.goal - 1 for r in rows])
    right = np.array([r.concerned for r in rows])

    def measured(scores: Floats) -> dict[str, Interval]:
        first = (scores[at].argmax(axis=1) == goal)[right].astype(float)
        return {
            "ap": average_precision(scores[at, goal], right, seed, samples),
            "top1": estimate(first, seed, samples),
        }

    return {
        "collection": "sdg",
        "queries": len(rows),
        "overall": measured(own),
        "baselines": {"tfidf": measured(tfidf)},
        "statements": sum(map(len, statements.values())),
        "stamp": {"model": embedder.name, "text": VERSION, "seed": seed, "samples": samples},
    }


def by_goal(statements: Statements, score: Callable[[str], Floats]) -> Floats:
    """A row a text, a column a goal: the mean over the goal's statements, standardised."""
    columns = []
    for goal in GOALS:
        mean = np.mean([score(said) for said in statements[goal]], axis=0)
        columns.append((mean - mean.mean()) / max(float(mean.std()), 1e-9))
    return np.stack(columns, axis=1)


def average_precision(scores: Floats, right: Bools, seed: int, samples: int) -> Interval:
    """Average precision with its percentile bootstrap interval over rows, some of them right."""
    drawn = np.random.default_rng(seed).integers(0, len(right), (samples, len(right)))
    again = [average_precision_score(right[d], scores[d]) for d in drawn if right[d].any()]
    return interval(average_precision_score(right, scores), *np.percentile(again, [2.5, 97.5]))
