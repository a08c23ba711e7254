"""What each part of the matcher adds on the judged questions, and what simpler ways reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from matcher import text
from matcher.evaluation.judged import LANGUAGES, Answer, Judged, by_question
from matcher.evaluation.measures import estimate
from matcher.index import Index
from matcher.picture import Scores
from matcher.question import Filters
from matcher.retrieval import RECIPE, by_text

PRACTICES = Filters(type=("practice",))
WITHOUT = {
    "passerelle": RECIPE,
    "without_letters": replace(RECIPE, letters=0.0),
    "without_feedback": replace(RECIPE, share=0.0),
    "without_context": replace(RECIPE, facets=RECIPE.facets[:2]),
    "problem_only": replace(RECIPE, facets=RECIPE.facets[:1]),
    "solution_only": replace(RECIPE, facets=RECIPE.facets[1:2]),
    "model_centred": replace(RECIPE, letters=0.0, share=0.0),
}
Score = Callable[[str, str], Scores]


def ablation(index: Index, asked: Sequence[Judged], seed: int, samples: int) -> dict[str, object]:
    """Return nDCG@10 of *similar* by part of the judged set, for each way of scoring."""
    ways: dict[str, Score] = {
        name: lambda words, lang, recipe=recipe: (
            by_text(  # type: ignore[misc]
                index, words, lang, PRACTICES, recipe=recipe
            ).scores
        )
        for name, recipe in WITHOUT.items()
    }
    ways |= {"model_raw": _raw(index), "tfidf": _tfidf(index), "random": _random(index, seed)}
    chosen = [q for q in asked if q.kind == "similar"]
    return {
        name: {
            split: estimate(
                by_question(_answers(index, way, [q for q in chosen if q.split == split])),
                seed, samples,
            ).as_dict()
            for split in ("development", "test")
        }
        for name, way in ways.items()
    }  # fmt: skip


def _answers(index: Index, way: Score, asked: Sequence[Judged]) -> list[Answer]:
    found = index.found
    rows = np.flatnonzero(found.mask(PRACTICES))
    answers = []
    for question in asked:
        for lang in LANGUAGES:
            scores = way(question.texts[lang], lang)[rows]
            best = rows[np.argsort(-scores.round(6), kind="stable")][:10]
            slugs = tuple((found.iris[n].rpartition("/")[2], 0.0) for n in best)
            answers.append(Answer(question, lang, slugs, False))
    return answers


def _raw(index: Index) -> Score:
    found = index.found
    rows = {name: found.facets[name] for name in (text.PROBLEM, text.SOLUTION)}

    def way(words: str, lang: str) -> Scores:
        vector = index.embedder.encode([words])[0]
        total = np.zeros(len(found.iris), np.float32)
        for facet in rows.values():
            np.maximum.at(best := np.zeros_like(total), facet.entry, facet.raw @ vector)
            total += best
        return total

    return way


def _tfidf(index: Index) -> Score:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [text.everything(index.store.get(iri)) for iri in index.found.iris]
    vectorizer = TfidfVectorizer()
    documents = vectorizer.fit_transform(texts)
    return lambda words, lang: np.asarray(
        (documents @ vectorizer.transform([words]).T).todense(), np.float32
    ).ravel()


def _random(index: Index, seed: int) -> Score:
    random = np.random.default_rng(seed)
    return lambda words, lang: random.random(len(index.found.iris)).astype(np.float32)
