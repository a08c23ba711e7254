"""What the matcher is compared with: chance, words, and the model by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from matcher.encoding.embedder import Matrix
from matcher.encoding.stems import stems
from matcher.encoding.text import SOLUTION
from matcher.evaluation.collection import Document
from matcher.search.snapshot import Found

#: Robertson and Zaragoza 2009, "The probabilistic relevance framework", the usual values
K1, B = 1.2, 0.75


def baselines(
    documents: Sequence[Document], found: Found, order: Sequence[int], seed: int
) -> dict[str, Matrix]:
    """Return a matrix of scores for each baseline, every document asking all."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [f"{d.title}\n{d.text}" for d in documents]
    words = TfidfVectorizer().fit_transform(texts)
    rows = found.facets[SOLUTION]
    row = np.argsort(rows.entry)[order]
    random = np.random.default_rng(seed).random((len(texts), len(texts)))
    return {
        "random": random.astype(np.float32),
        "tfidf": (words @ words.T).toarray(),
        "bm25": bm25([stems(t, d.lang) for t, d in zip(texts, documents, strict=True)]),
        "model_raw": rows.raw[row] @ rows.raw[row].T,
        "model_centred": rows.matrix[row] @ rows.matrix[row].T,
    }


def bm25(texts: Sequence[Sequence[str]]) -> Matrix:
    """Return Okapi BM25 of every text asking all, each different word of it once."""
    from sklearn.feature_extraction.text import CountVectorizer

    counts = CountVectorizer(analyzer=list).fit_transform(texts).tocsr().astype(np.float64)
    asked = counts.astype(bool).astype(np.float64)
    holders = np.asarray(asked.sum(axis=0)).ravel()
    rarity = np.log(1 + (len(texts) - holders + 0.5) / (holders + 0.5))
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    damping = K1 * (1 - B + B * lengths / lengths.mean())
    counts.data *= (K1 + 1) / (counts.data + np.repeat(damping, np.diff(counts.indptr)))
    return np.asarray((asked.multiply(rarity) @ counts.T).todense(), np.float32)
