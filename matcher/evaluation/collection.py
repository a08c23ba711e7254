"""A collection of texts as an index, what the matcher is compared with on it, and the measures."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyoxigraph as ox
from scipy.stats import bootstrap

from kg.catalogue.catalogue import Catalogue
from kg.entry import Entry, make
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from kg.text.stems import stems
from kg.vocabulary import DCT, PSR, RDF_TYPE
from matcher.encoding.centring import for_model
from matcher.encoding.embedder import Embedder, Matrix
from matcher.encoding.text import SOLUTION
from matcher.search.index import Index, Progress

BASE = "https://passerelle.example/"
Bools = npt.NDArray[np.bool_]
Interval = dict[str, float]
#: of BM25; Robertson and Zaragoza 2009, "The probabilistic relevance framework", the usual values
K1, B = 1.2, 0.75


@dataclass(frozen=True)
class Document:
    """A text with its name, its language and, hidden from the matcher, its labels."""

    slug: str
    title: str
    text: str
    lang: str
    tags: frozenset[str] = frozenset()

    @property
    def iri(self) -> str:
        """The IRI that it gets as a practice."""
        return f"{BASE}id/practice/{self.slug}"

    def entry(self) -> Entry:
        """A practice with the document's title and text, and nothing else."""
        node = ox.NamedNode(self.iri)
        texts = ((DCT + "title", self.title), (PSR + "solution", self.text))
        return make(
            self.iri,
            [ox.Triple(node, RDF_TYPE, ox.NamedNode(PSR + "Practice"))]
            + [
                ox.Triple(node, ox.NamedNode(prop), ox.Literal(words, language=self.lang))
                for prop, words in texts
                if words
            ],
        )


@contextmanager
def indexed(
    documents: Sequence[Document], embedder: Embedder, home: Path, progress: Progress | None
) -> Iterator[Index]:
    """Yield an index of the documents that lasts as long as it is measured."""
    store = EmbeddedStore(BASE)
    store.write([Change(d.iri, d.entry()) for d in documents], "evaluation", "import")
    with tempfile.TemporaryDirectory() as scratch:
        catalogue, folder = Catalogue(store, Path(scratch) / "catalogue"), Path(scratch) / "index"
        index = Index(store, embedder, for_model(embedder, home), folder, catalogue)
        index.catch_up(progress)
        yield index
        index.close()
        catalogue.close()


def baselines(
    documents: Sequence[Document], index: Index, order: Sequence[int], seed: int
) -> dict[str, Matrix]:
    """Scores of every document for every asking one: chance, words, the model by itself."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [f"{d.title}\n{d.text}" for d in documents]
    words = TfidfVectorizer().fit_transform(texts)
    rows = index.corpus.whole.facets[SOLUTION]
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
    """Okapi BM25 of every text for every asking one, each different word of which counts once."""
    from sklearn.feature_extraction.text import CountVectorizer

    counts = CountVectorizer(analyzer=list).fit_transform(texts).tocsr().astype(np.float64)
    words = counts.astype(bool).astype(np.float64)
    holders = np.asarray(words.sum(axis=0)).ravel()
    rarity = np.log(1 + (len(texts) - holders + 0.5) / (holders + 0.5))
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    damping = K1 * (1 - B + B * lengths / lengths.mean())
    counts.data *= (K1 + 1) / (counts.data + np.repeat(damping, np.diff(counts.indptr)))
    return np.asarray((words.multiply(rarity) @ counts.T).todense(), np.float32)


def estimate(
    values: Sequence[float] | npt.NDArray[np.floating], seed: int, samples: int
) -> Interval:
    """The mean over queries with its 95 % percentile bootstrap interval; zeros for no query."""
    data = np.asarray(values, float)
    value = low = high = float(data.mean()) if len(data) else 0.0
    if len(data) > 1:
        low, high = bootstrap(
            (data,),
            np.mean,
            n_resamples=samples,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).confidence_interval
    return interval(value, low, high)


def interval(value: float, low: float, high: float) -> Interval:
    """A figure as reports give it: the value and its interval, to four places."""
    return {n: round(float(v), 4) for n, v in {"value": value, "low": low, "high": high}.items()}


def ndcg(ranked: Sequence[int] | Bools, judged: Sequence[int], depth: int = 10) -> float:
    """The nDCG at ``depth`` of grades in the order of a ranking, gains 2^grade - 1.

    DCG is the sum of gain / log2(rank + 1) (Järvelin and Kekäläinen 2002); the ideal order is
    that of all ``judged`` grades. 0 where nothing is relevant.
    """

    def dcg(grades: Sequence[int] | Bools) -> float:
        gains = 2.0 ** np.asarray(grades[:depth], float) - 1
        return float((gains / np.log2(np.arange(2, len(gains) + 2))).sum())

    best = dcg(sorted(judged, reverse=True))
    return dcg(ranked) / best if best else 0.0


def reciprocal_rank(ranked: Bools) -> float:
    """1 / the rank of the first relevant document, 0 if there is none."""
    hits = np.flatnonzero(ranked)
    return float(1 / (hits[0] + 1)) if len(hits) else 0.0
