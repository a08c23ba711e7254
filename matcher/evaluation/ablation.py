"""What each part of the matcher adds on the judged questions, and what simpler ways reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from matcher.encoding import text
from matcher.evaluation.judged import LANGUAGES, Answer, Judged, by_question
from matcher.evaluation.measures import estimate
from matcher.model.question import Filters
from matcher.search.index import Index
from matcher.search.ranking import RECIPE, Recipe, by_entry, by_text
from matcher.search.snapshot import Scores

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
ENTRY = {
    "passerelle": RECIPE,
    "without_concepts": replace(RECIPE, concepts=0.0),
    "without_letters": replace(RECIPE, letters=0.0),
    "without_feedback": replace(RECIPE, share=0.0),
    "without_context": replace(RECIPE, facets=RECIPE.facets[:2]),
}
Score = Callable[[str, str], Scores]
#: from a question and a language to the IRIs of the first ten
Way = Callable[[Judged, str], list[str]]


def ablation(index: Index, asked: Sequence[Judged], seed: int, samples: int) -> dict[str, object]:
    """Return nDCG@10 of *similar* and of *entry* by part of the judged set, for each way."""
    plain = {"model_raw": _raw(index), "tfidf": _tfidf(index), "random": _random(index, seed)}
    ways = {
        "similar": {n: _by_text(index, recipe) for n, recipe in WITHOUT.items()}
        | {n: _ten(index, score) for n, score in plain.items()},
        "entry": {n: _by_entry(index, recipe) for n, recipe in ENTRY.items()},
    }
    return {
        kind: {
            name: {
                split: estimate(by_question(_answers(way, chosen)), seed, samples).as_dict()
                for split in ("development", "test")
                for chosen in [[q for q in asked if q.kind == kind and q.split == split]]
            }
            for name, way in some.items()
        }
        for kind, some in ways.items()
    }


def _answers(way: Way, asked: Sequence[Judged]) -> list[Answer]:
    return [
        Answer(q, lang, tuple((iri.rpartition("/")[2], 0.0) for iri in way(q, lang)), False)
        for q in asked
        for lang in (LANGUAGES if q.kind == "similar" else q.texts)
    ]


def _by_text(index: Index, recipe: Recipe) -> Way:
    return lambda q, lang: by_text(index, q.texts[lang], lang, PRACTICES, recipe=recipe).best(10)


def _by_entry(index: Index, recipe: Recipe) -> Way:
    base = f"{index.store.base}id/practice/"
    return lambda q, _: by_entry(index, index.store.get(base + q.about), PRACTICES, recipe).best(10)


def _ten(index: Index, score: Score) -> Way:
    found = index.found
    rows = np.flatnonzero(found.mask(PRACTICES))

    def way(question: Judged, lang: str) -> list[str]:
        scores = score(question.texts[lang], lang)[rows]
        return [found.iris[n] for n in rows[np.argsort(-scores.round(6), kind="stable")][:10]]

    return way


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
