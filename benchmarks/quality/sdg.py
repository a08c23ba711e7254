"""Which of the 17 goals a text concerns: expert-checked texts, no training on them.

The texts are indexed as practices. Each statement of a goal (its titles, targets and
indicators) asks as a question; a goal's score for a text is the mean of its statements'
scores. Scores can be compared within one answer only, so those of each goal are brought to
mean 0 and deviation 1 before goals are compared.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import average_precision_score

from benchmarks.quality.judged import Floats
from kg.errors import ImportFailed
from kg.vocabulary import VOC, vocabulary
from matcher.encoding.embedder import Embedder
from matcher.encoding.text import VERSION
from matcher.evaluation.collection import Bools, Document, Interval, estimate, indexed, interval
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


@dataclass(frozen=True)
class GoalTask:
    """The benchmark as arrays: each row's text, its goal from 0, and whether it is concerned."""

    texts: list[str]
    statements: Statements
    at: npt.NDArray[np.intp]
    goal: npt.NDArray[np.intp]
    right: Bools

    def scores(self, score: Callable[[str], Floats]) -> Floats:
        """A row a text, a column a goal: the mean over the goal's statements, standardised."""
        columns = []
        for goal in GOALS:
            mean = np.mean([score(words) for words in self.statements[goal]], axis=0)
            columns.append((mean - mean.mean()) / max(float(mean.std()), 1e-9))
        return np.stack(columns, axis=1)


def read_task(path: Path, goals: Path | None) -> GoalTask:
    """The benchmark with what the goals say."""
    rows = read(path)
    texts = list(dict.fromkeys(row.text for row in rows))
    return GoalTask(
        texts,
        read_statements(goals),
        at=np.array([texts.index(row.text) for row in rows]),
        goal=np.array([row.goal - 1 for row in rows]),
        right=np.array([row.concerned for row in rows]),
    )


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
    task = read_task(path, goals)
    with indexed(documents_of(task.texts), embedder, home, progress) as index:
        whole = index.corpus.whole
        own = task.scores(
            lambda words: by_text(index, words, "en", Filters(), picture=whole).scores
        )
    vectorizer = TfidfVectorizer(sublinear_tf=True)
    everything = [*task.texts, *chain.from_iterable(task.statements.values())]
    tfidf = vectorizer.fit_transform(everything)[: len(task.texts)]
    baseline = task.scores(
        lambda words: (tfidf @ vectorizer.transform([words]).T).toarray().ravel()
    )

    def measured(scores: Floats) -> dict[str, Interval]:
        first = (scores[task.at].argmax(axis=1) == task.goal)[task.right].astype(float)
        return {
            "ap": average_precision(scores[task.at, task.goal], task.right, seed, samples),
            "top1": estimate(first, seed, samples),
        }

    return {
        "collection": "sdg",
        "queries": len(task.at),
        "overall": measured(own),
        "baselines": {"tfidf": measured(baseline)},
        "statements": sum(map(len, task.statements.values())),
        "stamp": {"model": embedder.name, "text": VERSION, "seed": seed, "samples": samples},
    }


def documents_of(texts: Sequence[str]) -> list[Document]:
    """The texts as documents without a title."""
    return [Document(f"sdg-{n:05}", "", words, "en") for n, words in enumerate(texts)]


def average_precision(scores: Floats, right: Bools, seed: int, samples: int) -> Interval:
    """Average precision with its percentile bootstrap interval over rows, some of them right."""
    drawn = np.random.default_rng(seed).integers(0, len(right), (samples, len(right)))
    again = [average_precision_score(right[d], scores[d]) for d in drawn if right[d].any()]
    return interval(average_precision_score(right, scores), *np.percentile(again, [2.5, 97.5]))
