"""How well similar initiatives are found: SUSY's 1,794 initiatives and their type tags.

Two initiatives are relevant to each other when the Jaccard index of their tags is 0.5 or
more. The matcher sees names and descriptions only; the tags are the labels.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kg.errors import ImportFailed
from kg.text.language import detect
from matcher.encoding.embedder import Embedder, Matrix
from matcher.encoding.text import VERSION
from matcher.evaluation.baselines import baselines
from matcher.evaluation.collection import Document, indexed
from matcher.evaluation.measures import Bools, estimate, ndcg, reciprocal_rank
from matcher.model.question import Filters, Question
from matcher.questions.similar import chosen
from matcher.search.index import Index, Progress
from matcher.search.ranking import RECIPE, Recipe, by_entry

JACCARD = 0.5
#: languages of fewer documents are not told apart
MANY = 20
Ints = npt.NDArray[np.intp]
#: what an asker may choose so that small languages are seen
SHOWN = {
    "matcher": Question(),
    "quota_3": Question(quota=3),
    "diversity_language": Question(diversity="language"),
}
WITHOUT = {
    "without_letters": replace(RECIPE, letters=0.0),
    "without_feedback": replace(RECIPE, share=0.0),
}


def read(path: Path) -> list[Document]:
    """Return the initiatives with description and tags, without repeated descriptions."""
    try:
        features = json.loads(path.read_text("utf-8"))["features"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImportFailed(f"{path.name} is not a GeoJSON file of initiatives.") from error
    found: dict[str, Document] = {}
    for feature in features:
        properties = feature["properties"]
        text = (properties.get("description") or "").strip()
        tags = frozenset(
            filter(None, re.split(r"[;,\s]+", properties.get("type_of_initiative") or ""))
        )
        key = re.sub(r"\W+", " ", text.lower()).strip()
        if key and tags and key not in found:
            slug, title = f"susy-{properties['_id']}", properties["name"].strip()
            found[key] = Document(slug, title, text, detect(text), tags)
    return sorted(found.values(), key=lambda d: d.iri)


def evaluate(
    path: Path, embedder: Embedder, home: Path, *, seed: int = 1, samples: int = 1000,
    progress: Progress | None = None,
) -> dict[str, object]:  # fmt: skip
    """Return nDCG@10 and MRR of the matcher and its baselines, overall and across languages."""
    documents = read(path)
    with indexed(documents, embedder, home, progress) as index:
        order = [index.found.position[d.iri] for d in documents]
        own, shown = _asked(index, documents, order)
        parts = {name: _matcher(index, order, recipe) for name, recipe in WITHOUT.items()}
        systems = baselines(documents, index.found, order, seed) | parts
    relevant = _relevance(documents)
    english = np.array([d.lang == "en" for d in documents])
    everyone = np.ones(len(documents), bool)

    def measured(scores: Matrix) -> dict[str, object]:
        return {
            "overall": _measure(scores, relevant, everyone, everyone, seed, samples),
            "cross": _measure(scores, relevant, ~english, english, seed, samples),
        }

    return {
        "collection": "susy",
        "documents": len(documents),
        "queries": int((relevant.sum(axis=1) > 0).sum()),
        "queries_cross": int((relevant[~english][:, english].sum(axis=1) > 0).sum()),
        **measured(own),
        "baselines": {n: measured(s) for n, s in systems.items() if n not in WITHOUT},
        "ablation": {n: measured(s) for n, s in systems.items() if n in WITHOUT},
        "exposure": {
            name: exposure(found, documents)
            for name, found in {**shown, "model_raw": _best(systems["model_raw"])}.items()
        },
        "ndcg10_shown": {name: _gain(found, relevant) for name, found in shown.items()},
        "stamp": {"model": embedder.name, "text": VERSION, "seed": seed, "samples": samples},
    }


def exposure(shown: Ints, documents: list[Document]) -> dict[str, dict[str, float]]:
    """Return each language's share of the documents, and of the first ten of other languages.

    ``shown`` are the numbers of the documents that each is answered with. A language that is
    shown to others as often as its documents would be by chance has the same share twice.
    """
    langs = np.array([d.lang for d in documents])
    found = {}
    for lang in sorted({d.lang for d in documents}):
        mine = langs == lang
        if mine.sum() >= MANY and not mine.all():
            shares = {"documents": mine.mean(), "shown": mine[shown[~mine]].mean()}
            found[lang] = {name: round(float(v), 3) for name, v in shares.items()}
    return found


def _best(scores: Matrix) -> Ints:
    """Return the first ten of each row, itself left out."""
    scores = scores.copy()
    np.fill_diagonal(scores, -np.inf)
    return np.argsort(-scores, axis=1, kind="stable")[:, :10]


def _asked(
    index: Index, documents: list[Document], order: list[int]
) -> tuple[Matrix, dict[str, Ints]]:
    """Return the matcher's scores to whoever asks with each document, and what it then shows."""
    at = {d.iri: n for n, d in enumerate(documents)}
    rows, shown = [], {name: list[list[int]]() for name in SHOWN}
    for document in documents:
        ranking = by_entry(index, index.store.get(document.iri), Filters())
        rows.append(ranking.scores[order])
        for name, question in SHOWN.items():
            best = chosen(index.store, ranking, question, document.lang)
            shown[name].append([at[iri] for iri in best])
    return np.stack(rows), {name: np.array(found) for name, found in shown.items()}


def _gain(shown: Ints, relevant: Bools) -> float:
    """Return the mean nDCG@10 of what is shown."""
    asked = np.flatnonzero(relevant.any(axis=1))
    gains = [ndcg(relevant[n][shown[n]], int(relevant[n].sum())) for n in asked]
    return round(float(np.mean(gains)), 4)


def _relevance(documents: list[Document]) -> Bools:
    tags = [d.tags for d in documents]
    found = np.array([[len(a & b) / len(a | b) >= JACCARD for b in tags] for a in tags])
    np.fill_diagonal(found, False)
    return found


def _matcher(index: Index, order: list[int], recipe: Recipe) -> Matrix:
    """Return the product's own scores, one question an initiative."""
    store, iris = index.store, index.found.iris
    rows = [
        by_entry(index, store.get(iris[n]), Filters(), recipe=recipe).scores[order] for n in order
    ]
    return np.stack(rows)


def _measure(
    scores: Matrix, relevant: Bools, asked: Bools, documents: Bools, seed: int, samples: int
) -> dict[str, object]:
    """Return the measures over the queries of ``asked`` that have a relevant document."""
    gains, ranks = [], []
    for query in np.flatnonzero(asked):
        allowed = documents.copy()
        allowed[query] = False
        there = relevant[query] & allowed
        if there.any():
            rows = np.flatnonzero(allowed)
            ranked = there[rows[np.argsort(-scores[query][rows], kind="stable")]]
            gains.append(ndcg(ranked, int(there.sum())))
            ranks.append(reciprocal_rank(ranked))
    return {
        "ndcg10": estimate(gains, seed, samples).as_dict(),
        "mrr": estimate(ranks, seed, samples).as_dict(),
    }
