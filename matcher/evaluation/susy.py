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
from matcher.evaluation.collection import (
    Bools,
    Document,
    baselines,
    estimate,
    indexed,
    ndcg,
    reciprocal_rank,
)
from matcher.model.filters import Filters
from matcher.question import Question
from matcher.questions.similar import chosen
from matcher.search.index import Index, Progress
from matcher.search.ranking import RECIPE, Recipe, by_entry

JACCARD = 0.5
#: languages of fewer documents are not told apart
MANY = 20
Ints = npt.NDArray[np.intp]
#: what an asker may choose so that small languages are seen
SHOWN = {
    "matcher": Question(lang="en"),
    "quota_3": Question(lang="en", quota=3),
    "diversity_language": Question(lang="en", diversity="language"),
}
WITHOUT = {
    "without_letters": replace(RECIPE, letters=0.0),
    "without_feedback": replace(RECIPE, share=0.0),
}


def read(path: Path) -> list[Document]:
    """The initiatives with description and tags by IRI; the first of those that repeat a text."""
    try:
        features = json.loads(path.read_text("utf-8"))["features"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImportFailed(f"{path.name} is not a GeoJSON file of initiatives.") from error
    documents: dict[str, Document] = {}
    for feature in features:
        properties = feature["properties"]
        text = (properties.get("description") or "").strip()
        tags = frozenset(
            filter(None, re.split(r"[;,\s]+", properties.get("type_of_initiative") or ""))
        )
        key = re.sub(r"\W+", " ", text.lower()).strip()
        if key and tags and key not in documents:
            slug, title = f"susy-{properties['_id']}", properties["name"].strip()
            documents[key] = Document(slug, title, text, detect(text), tags)
    return sorted(documents.values(), key=lambda d: d.iri)


def evaluate(
    path: Path,
    embedder: Embedder,
    home: Path,
    *,
    seed: int = 1,
    samples: int = 1000,
    progress: Progress | None = None,
) -> dict[str, object]:
    """The report of nDCG@10 and MRR, the matcher's and its baselines', with 95 % intervals.

    ``overall`` asks with all documents, ``cross`` with those in other languages for English ones.
    """
    documents = read(path)
    with indexed(documents, embedder, home, progress) as index:
        order = [index.corpus.whole.position[d.iri] for d in documents]
        own, shown = _answers(index, documents, order)
        others = baselines(documents, index, order, seed)
        parts = {name: own_scores(index, order, recipe) for name, recipe in WITHOUT.items()}
    relevant = relevance(documents)
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
        "baselines": {name: measured(scores) for name, scores in others.items()},
        "ablation": {name: measured(scores) for name, scores in parts.items()},
        "exposure": {
            name: exposure(best, documents)
            for name, best in {**shown, "model_raw": first_ten(others["model_raw"])}.items()
        },
        "ndcg10_shown": {name: mean_ndcg(best, relevant) for name, best in shown.items()},
        "stamp": {"model": embedder.name, "text": VERSION, "seed": seed, "samples": samples},
    }


def exposure(shown: Ints, documents: list[Document]) -> dict[str, dict[str, float]]:
    """Each language's share of the documents, and of the first ten of other languages.

    ``shown`` are the numbers of the documents that each is answered with. A language that is
    shown to others as often as its documents would be by chance has the same share twice.
    """
    langs = np.array([d.lang for d in documents])
    shares = {}
    for lang in sorted(set(langs.tolist())):
        own = langs == lang
        if own.sum() >= MANY and not own.all():
            shares[lang] = {
                "documents": round(float(own.mean()), 3),
                "shown": round(float(own[shown[~own]].mean()), 3),
            }
    return shares


def first_ten(scores: Matrix) -> Ints:
    """The best ten of each asking document, the document itself left out."""
    scores = scores.copy()
    np.fill_diagonal(scores, -np.inf)
    return np.argsort(-scores, axis=1, kind="stable")[:, :10]


def _answers(
    index: Index, documents: list[Document], order: list[int]
) -> tuple[Matrix, dict[str, Ints]]:
    """The matcher's scores for each asking document, and what it then shows by SHOWN."""
    numbers = {d.iri: n for n, d in enumerate(documents)}
    whole = index.corpus.whole
    rows, shown = [], {name: list[list[int]]() for name in SHOWN}
    for document in documents:
        ranking = by_entry(index, index.store.get(document.iri), Filters(), picture=whole)
        rows.append(ranking.scores[order])
        for name, question in SHOWN.items():
            best = chosen(index.store, ranking, replace(question, lang=document.lang))
            shown[name].append([numbers[iri] for iri in best])
    return np.stack(rows), {name: np.array(best) for name, best in shown.items()}


def own_scores(
    index: Index, order: list[int], recipe: Recipe, queries: slice = slice(None)
) -> Matrix:
    """The matcher's scores by a recipe, a row for each asking document of ``queries``."""
    whole = index.corpus.whole
    entries = (index.store.get(whole.iris[n]) for n in order[queries])
    rankings = (by_entry(index, entry, Filters(), recipe, whole) for entry in entries)
    return np.stack([ranking.scores[order] for ranking in rankings])


def mean_ndcg(shown: Ints, relevant: Bools) -> float:
    """The mean nDCG@10 of what is shown to those who have a relevant document."""
    gains = [
        ndcg(row[best], [1] * int(row.sum()))
        for row, best in zip(relevant, shown, strict=True)
        if row.any()
    ]
    return round(float(np.mean(gains)), 4)


def relevance(documents: list[Document]) -> Bools:
    """Which documents share tags by JACCARD or more; none is relevant to itself."""
    tags = [d.tags for d in documents]
    relevant = np.array([[len(a & b) / len(a | b) >= JACCARD for b in tags] for a in tags])
    np.fill_diagonal(relevant, False)
    return relevant


def _measure(
    scores: Matrix, relevant: Bools, asking: Bools, documents: Bools, seed: int, samples: int
) -> dict[str, object]:
    """The measures over the queries of ``asking`` that have a relevant document."""
    gains, ranks = [], []
    for query in np.flatnonzero(asking):
        allowed = documents.copy()
        allowed[query] = False
        right = relevant[query] & allowed
        if right.any():
            rows = np.flatnonzero(allowed)
            ranked = right[rows[np.argsort(-scores[query][rows], kind="stable")]]
            gains.append(ndcg(ranked, [1] * int(right.sum())))
            ranks.append(reciprocal_rank(ranked))
    return {"ndcg10": estimate(gains, seed, samples), "mrr": estimate(ranks, seed, samples)}
