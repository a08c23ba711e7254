"""How well similar initiatives are found: SUSY's 1,794 initiatives and their type tags.

Two initiatives are relevant to each other when the Jaccard index of their tags is 0.5 or
more. The matcher sees names and descriptions only; the tags are the labels.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyoxigraph as ox

from kg.entry import Entry, make
from kg.errors import ImportFailed
from kg.language import detect
from kg.store import Change
from kg.stores.embedded import EmbeddedStore
from kg.vocabulary import DCT, PSR, RDF_TYPE
from matcher.centring import for_model
from matcher.embedder import Embedder, Matrix
from matcher.evaluation.measures import Bools, estimate, ndcg, reciprocal_rank
from matcher.index import Index
from matcher.question import Filters
from matcher.retrieval import by_entry
from matcher.text import SOLUTION, VERSION

BASE = "https://passerelle.example/"
JACCARD = 0.5
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Document:
    """An initiative: its name and description, their language, and the hidden tags."""

    iri: str
    title: str
    text: str
    lang: str
    tags: frozenset[str]


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
            iri = f"{BASE}id/practice/susy-{properties['_id']}"
            found[key] = Document(iri, properties["name"].strip(), text, detect(text), tags)
    return sorted(found.values(), key=lambda d: d.iri)


def evaluate(
    path: Path, embedder: Embedder, home: Path, *, seed: int = 1, samples: int = 1000,
    progress: Progress | None = None,
) -> dict[str, object]:  # fmt: skip
    """Return nDCG@10 and MRR of the matcher and its baselines, overall and across languages."""
    documents = read(path)
    with tempfile.TemporaryDirectory() as scratch:
        index = _index(documents, embedder, home, Path(scratch), progress)
        order = [index.found.position[d.iri] for d in documents]
        systems = _baselines(documents, index, order, seed) | {"matcher": _matcher(index, order)}
        index.close()
    relevant = _relevance(documents)
    english = np.array([d.lang == "en" for d in documents])
    everyone = np.ones(len(documents), bool)
    report = {
        name: {
            "overall": _measure(scores, relevant, everyone, everyone, seed, samples),
            "cross": _measure(scores, relevant, ~english, english, seed, samples),
        }
        for name, scores in systems.items()
    }
    own = report.pop("matcher")
    return {
        "collection": "susy",
        "documents": len(documents),
        "queries": int((relevant.sum(axis=1) > 0).sum()),
        "queries_cross": int((relevant[~english][:, english].sum(axis=1) > 0).sum()),
        **own,
        "baselines": report,
        "stamp": {"model": embedder.name, "text": VERSION, "seed": seed, "samples": samples},
    }


def _index(
    documents: list[Document],
    embedder: Embedder,
    home: Path,
    scratch: Path,
    progress: Progress | None,
) -> Index:
    store = EmbeddedStore(BASE)
    store.write([Change(d.iri, _entry(d)) for d in documents], "evaluation", "import")
    index = Index(store, embedder, for_model(embedder, home), scratch)
    index.catch_up(progress)
    return index


def _entry(document: Document) -> Entry:
    node = ox.NamedNode(document.iri)
    return make(
        document.iri,
        [
            ox.Triple(node, RDF_TYPE, ox.NamedNode(PSR + "Practice")),
            ox.Triple(
                node,
                ox.NamedNode(DCT + "title"),
                ox.Literal(document.title, language=document.lang),
            ),
            ox.Triple(
                node,
                ox.NamedNode(PSR + "solution"),
                ox.Literal(document.text, language=document.lang),
            ),
        ],
    )


def _relevance(documents: list[Document]) -> Bools:
    tags = [d.tags for d in documents]
    found = np.array([[len(a & b) / len(a | b) >= JACCARD for b in tags] for a in tags])
    np.fill_diagonal(found, False)
    return found


def _matcher(index: Index, order: list[int]) -> Matrix:
    """Return the product's own scores, one question an initiative."""
    store, found = index.store, index.found
    rows = [by_entry(index, store.get(found.iris[n]), Filters()).scores[order] for n in order]
    return np.stack(rows)


def _baselines(
    documents: list[Document], index: Index, order: list[int], seed: int
) -> dict[str, Matrix]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    found = index.found
    rows = found.facets[SOLUTION]
    row = np.argsort(rows.entry)[order]
    words = TfidfVectorizer().fit_transform([f"{d.title}\n{d.text}" for d in documents])
    return {
        "random": np.random.default_rng(seed).random((len(order), len(order))).astype(np.float32),
        "tfidf": (words @ words.T).toarray(),
        "model_raw": rows.raw[row] @ rows.raw[row].T,
        "model_centred": rows.matrix[row] @ rows.matrix[row].T,
    }


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
