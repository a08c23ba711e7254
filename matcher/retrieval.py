"""From a text or an entry to a score for every entry: facets, words, calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kg.entry import Entry
from matcher import text
from matcher.index import Found, Index, Scores
from matcher.question import Filters

#: what the shared words add to a cosine at most; measured on SUSY, flat from 0.1 to 0.2
WORDS = 0.15
#: how much each facet counts when an entry is compared with an entry
FACET_WEIGHTS = {text.PROBLEM: 0.4, text.SOLUTION: 0.5, text.CONTEXT: 0.1}
#: score = 1 / (1 + exp(-(s - middle) / scale)). For questions fitted on the development half
#: of matcher/evaluation/questions.tsv, for entries on whether two practices of the starter
#: graph share a challenge; see docs/quality.md
QUESTION_SCALE = (0.295, 0.039)
ENTRY_SCALE = (0.334, 0.078)
STRONG, FAIR = 0.6, 0.25
#: a question whose best match has a plain cosine below this has no good match
DOUBTFUL = 0.27
#: an entry whose best match scores below this has none
UNLIKE = 0.05


@dataclass(frozen=True)
class Ranking:
    """Raw scores of all entries of one picture of the index, and which of them may be shown."""

    found: Found
    scores: Scores
    allowed: npt.NDArray[np.bool_]
    facets: dict[str, Scores]
    words: Scores
    scale: tuple[float, float]
    plain: Scores | None = None

    def best(self, limit: int) -> list[str]:
        """Return the IRIs of the best entries; ties are broken by IRI."""
        rows = np.flatnonzero(self.allowed & np.isfinite(self.scores))
        # iris are sorted, so a stable sort breaks ties by IRI
        order = rows[np.argsort(-self.scores[rows].round(6), kind="stable")]
        return [self.found.iris[n] for n in order[:limit]]

    def allows(self, iri: str) -> bool:
        """Return whether an entry is indexed and passes the filters."""
        at = self.found.position.get(iri)
        return at is not None and bool(self.allowed[at])

    def probability(self, iri: str) -> float:
        """Return the calibrated score of an entry, 0 to 1."""
        raw = float(self.scores[self.found.position[iri]])
        return calibrated(raw, *self.scale) if np.isfinite(raw) else 0.0

    def nothing_good(self) -> bool:
        """Return whether even the best entry is too far from what was asked."""
        best = self.best(1)
        if not best:
            return True
        if self.plain is None:
            return self.probability(best[0]) < UNLIKE
        return float(self.plain[self.found.position[best[0]]]) < DOUBTFUL

    def nearest_facet(self, iri: str) -> str:
        """Return the facet that is nearest to the question."""
        at = self.found.position[iri]
        known = {name: float(s[at]) for name, s in self.facets.items() if np.isfinite(s[at])}
        return max(known, key=lambda name: (known[name], name)) if known else text.SOLUTION


def calibrated(raw: float, middle: float, scale: float) -> float:
    """Return a raw score as a number from 0 to 1 that a person can read."""
    return float(1.0 / (1.0 + np.exp(-(raw - middle) / scale)))


def level(score: float) -> str:
    """Return ``strong``, ``fair`` or ``weak`` for a calibrated score."""
    return "strong" if score >= STRONG else "fair" if score >= FAIR else "weak"


def by_text(
    index: Index,
    question: str,
    lang: str,
    filters: Filters,
    facets: tuple[str, ...] = (text.PROBLEM, text.SOLUTION),
) -> Ranking:
    """Return scores for a free text.

    A question names a problem, a solution or both: half of the score is the nearer facet,
    half is their mean.
    """
    found = index.found
    vector, plain = index.question_vectors(question, lang, found)
    by_facet = {name: found.scores(name, vector) for name in facets}
    words = index.words(question, lang, found)
    fits = _blend([found.scores(name, plain, plain=True) for name in facets])
    scores = _blend(list(by_facet.values())) + WORDS * words
    return Ranking(found, scores, found.mask(filters), by_facet, words, QUESTION_SCALE, fits)


def _blend(scores: list[Scores]) -> Scores:
    """Return half the nearer facet and half the mean of the facets."""
    stacked = np.stack(scores)
    return 0.5 * _nan(np.fmax.reduce(stacked)) + 0.5 * _nan_mean(stacked)


def by_entry(index: Index, entry: Entry, filters: Filters) -> Ranking:
    """Return scores for an entry: facet by facet, the best pair of languages each."""
    found = index.found
    by_facet = {name: _facet_scores(found, entry, name) for name in text.FACETS}
    stacked = np.stack(list(by_facet.values()))
    weights = np.array([[FACET_WEIGHTS[name]] for name in by_facet], np.float32)
    known = np.where(np.isnan(stacked), 0.0, weights)
    total = known.sum(axis=0)
    scores = np.where(
        total > 0, np.nansum(stacked * weights, axis=0) / np.maximum(total, 1e-9), -np.inf
    )
    words = _entry_words(index, entry, found)
    allowed = found.mask(filters)
    if entry.iri in found.position:
        allowed[found.position[entry.iri]] = False
    scores = (scores + WORDS * words).astype(np.float32)
    return Ranking(found, scores, allowed, by_facet, words, ENTRY_SCALE)


def _facet_scores(found: Found, entry: Entry, facet: str) -> Scores:
    """Return the best cosine over the languages of the entry's facet; NaN where none."""
    vectors = found.vectors(entry.iri, facet)
    if not len(vectors):
        return np.full(len(found.iris), np.nan, np.float32)
    return np.asarray(np.fmax.reduce([found.scores(facet, v) for v in vectors]), np.float32)


def _entry_words(index: Index, entry: Entry, found: Found) -> Scores:
    """Return BM25 for the entry's own words in its first language."""
    texts = text.words(entry)
    if not texts:
        return np.zeros(len(found.iris), np.float32)
    return index.words(texts[0].text, texts[0].lang, found, skip=entry.iri)


def _nan(values: Scores) -> Scores:
    return np.where(np.isnan(values), -np.inf, values)


def _nan_mean(stacked: Scores) -> Scores:
    known = (~np.isnan(stacked)).sum(axis=0)
    total = np.nansum(stacked, axis=0)
    return np.where(known > 0, total / np.maximum(known, 1), -np.inf)
