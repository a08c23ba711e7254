"""From a text or an entry to a score for every entry: facets, letters, feedback, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, vstack

from kg.entry import Entry
from matcher.encoding import text
from matcher.model.answer import Level
from matcher.model.filters import Filters
from matcher.search.index import Index
from matcher.search.snapshot import Picture, QueryVectors, Scores


@dataclass(frozen=True)
class Recipe:
    """What makes a score; ``python -m benchmarks quality ablation`` leaves out each part in turn.

    ``facets`` says how much each facet counts; an entry is judged by those that it has.
    ``letters`` is what the cosine of shared letters adds, ``concepts`` that of the challenges,
    themes, target groups and approaches that two entries share, and ``share`` of the score is
    pseudo-relevance feedback (Rocchio 1971) from the ``feedback`` best entries. Without letters
    nDCG@10 on SUSY is .216 instead of .226, without feedback .219; see docs/quality.md.
    """

    facets: tuple[tuple[str, float], ...] = (
        (text.PROBLEM, 0.45),
        (text.SOLUTION, 0.45),
        (text.CONTEXT, 0.1),
    )
    letters: float = 0.8
    concepts: float = 0.3
    feedback: int = 3
    share: float = 0.4


RECIPE = Recipe()
#: probability = 1 / (1 + exp(-(a s + b fit + c))): a logistic regression on the development part
#: of the judged set, right being grade 2 or 3. ``fit`` is how near the three best lie to the
#: question without the corpus' shift, for an entry 0; see docs/quality.md
Logit = tuple[float, float, float]
QUESTION_LOGIT: Logit = (9.07, 8.32, -7.4)
ENTRY_LOGIT: Logit = (15.2, 0.0, -9.5)
STRONG, FAIR = 0.6, 0.25
#: an entry of a value that was shown before counts so much; so many times the limit is looked at
DISCOUNT, POOL = 0.8, 5
#: what an entry must have of the score of the last one shown to take a place by the quota
NEARLY = 0.5
#: a question with a ``fit`` below this has no good match
DOUBTFUL, NEAREST = 0.235, 3
#: an entry whose best match scores below this has none
UNLIKE = 0.05


@dataclass(frozen=True)
class Ranking:
    """Raw scores of all entries of one picture of the index, and which of them may be shown."""

    picture: Picture
    scores: Scores
    allowed: npt.NDArray[np.bool_]
    facets: Mapping[str, Scores]
    logit: Logit
    fit: float | None
    #: how near those of the three best lie that the filters let through; ``fit`` knows no filter
    near: float | None = None

    def best(self, limit: int) -> list[str]:
        """The IRIs of the best entries; ties are broken by IRI."""
        return [self.picture.iris[n] for n in _best(self.scores, self.allowed, limit)]

    def spread(self, limit: int, name: str) -> list[str]:
        """Take good entries of many values of a filter, such as ``country``.

        They are taken one by one from the best; with each, others of its values count DISCOUNT
        times as much. With ``language`` it lets small languages be seen.
        """
        pool = _best(self.scores, self.allowed, POOL * limit)
        values = self.picture.values(name, pool)
        left = {n: self.probability(self.picture.iris[n]) for n in pool}
        taken: list[int] = []
        while left and len(taken) < limit:
            best = max(left, key=lambda n: (round(left[n], 6), -n))
            taken.append(best)
            del left[best]
            for other in left:
                left[other] *= DISCOUNT ** len(values[best] & values[other])
        return [self.picture.iris[n] for n in taken]

    def small(self, order: Sequence[str], lang: str, limit: int) -> list[str]:
        """Good entries with texts in another language than ``lang`` and English.

        Good is at least NEARLY as good as the last that would be shown otherwise; none is if
        nothing is a good match at all.
        """
        if self.nothing_good():
            return []
        least = NEARLY * self.probability(order[:limit][-1])
        at = {self.picture.position[iri]: iri for iri in order if self.probability(iri) >= least}
        spoken = self.picture.values("language", list(at))
        return [iri for n, iri in at.items() if spoken[n] - {lang, "en"}]

    def allows(self, iri: str) -> bool:
        """Whether an entry is indexed and passes the filters."""
        at = self.picture.position.get(iri)
        return at is not None and bool(self.allowed[at])

    def probability(self, iri: str) -> float:
        """The calibrated score of an entry, 0 to 1: how probable it is that a match is right."""
        raw = float(self.scores[self.picture.position[iri]])
        a, b, c = self.logit
        return float(1 / (1 + np.exp(-(a * raw + b * (self.fit or 0.0) + c))))

    def probabilities(self, limit: int) -> dict[str, float]:
        """The calibrated scores of the best entries."""
        return {iri: self.probability(iri) for iri in self.best(limit)}

    def nothing_good(self) -> bool:
        """Whether even the best entries are too far from the question."""
        best = self.best(1)
        if not best:
            return True
        score = self.probability(best[0])
        if self.fit is None or self.near is None:
            return score < UNLIKE
        return self.fit < DOUBTFUL or (self.near < DOUBTFUL and level(score) == "weak")

    def nearest_facet(self, iri: str) -> str:
        """The facet of an entry that is nearest to the question."""
        at = self.picture.position[iri]
        known = {name: float(s[at]) for name, s in self.facets.items() if np.isfinite(s[at])}
        return max(known, key=lambda name: (known[name], name)) if known else text.SOLUTION


def level(score: float) -> Level:
    """How good a match is, by its calibrated score."""
    return "strong" if score >= STRONG else "fair" if score >= FAIR else "weak"


def by_text(
    index: Index,
    words: str,
    lang: str,
    filters: Filters,
    facets: Sequence[str] = text.FACETS,
    recipe: Recipe = RECIPE,
    picture: Picture | None = None,
) -> Ranking:
    """Rank all entries for a free text, comparing it with the facets named of each."""
    picture = picture or index.picture
    query = index.question(words, lang, picture)
    weights = tuple((name, weight) for name, weight in recipe.facets if name in facets)
    only = replace(recipe, facets=weights, concepts=0.0)
    return _rank(picture, query, filters, only, QUESTION_LOGIT)


def by_entry(
    index: Index,
    entry: Entry,
    filters: Filters,
    recipe: Recipe = RECIPE,
    picture: Picture | None = None,
    lang: str = "en",
) -> Ranking:
    """Rank all others for an entry: facet by facet, the best pair of languages each.

    An entry that the picture does not hold asks as a text, in ``lang`` if it has one in it.
    """
    picture = picture or index.picture
    at = picture.position.get(entry.iri)
    if at is not None:
        return _rank(picture, picture.query_of(at), filters, recipe, ENTRY_LOGIT, at)
    words = text.preferred(text.words(entry), lang) or text.FacetText("words", lang, "")
    return by_text(index, words.text, words.lang, filters, picture=picture)


def _rank(
    picture: Picture,
    query: QueryVectors,
    filters: Filters,
    recipe: Recipe,
    logit: Logit,
    itself: int | None = None,
) -> Ranking:
    """Score all entries, with feedback from the best ones of the types that are asked for.

    The other filters choose neither who gives feedback nor what the scores are measured by, so
    they do not change a score.
    """
    by_facet, (first,) = _compare(picture, [query], recipe)
    helpers = picture.mask(Filters(type=filters.type))
    allowed = picture.mask(filters)
    if itself is not None:
        helpers[itself] = allowed[itself] = False
    trusted = [n for n in _best(first, helpers, recipe.feedback) if first[n] > 0]
    scores, trust = first, first[trusted]
    if trusted:
        theirs = _compare(picture, [picture.query_of(n) for n in trusted], recipe)[1]
        # An entry that lacks what a helper has is judged by the question alone.
        theirs = np.where(np.isfinite(theirs), theirs, first)
        scores = (1 - recipe.share) * first + recipe.share * (trust / trust.sum()) @ theirs
    fit = near = None
    if query.plain is not None:
        fit = near = picture.nearness(query.plain, _best(scores, helpers, NEAREST))
        if not np.array_equal(helpers, allowed):
            near = picture.nearness(query.plain, _best(scores, allowed, NEAREST))
    return Ranking(picture, scores.astype(np.float32), allowed, by_facet, logit, fit, near)


def _best(scores: Scores, allowed: npt.NDArray[np.bool_], limit: int) -> list[int]:
    """The rows of the best entries; iris are sorted, so a stable sort breaks ties."""
    rows = np.flatnonzero(allowed & np.isfinite(scores))
    lost = -scores[rows].round(6)
    if 0 < limit < len(rows):
        near = lost <= np.partition(lost, limit - 1)[limit - 1]
        rows, lost = rows[near], lost[near]
    return list(rows[np.argsort(lost, kind="stable")][:limit])


def _compare(
    picture: Picture, queries: Sequence[QueryVectors], recipe: Recipe
) -> tuple[dict[str, Scores], Scores]:
    """The first query's cosines by facet, and a row of scores for each query.

    A score is the facets' weighted mean over those known to both, plus the shared letters and
    concepts; -inf where no facet is known. A facet's cosine is that of the query's best language
    with the entry's best.
    """
    total = np.zeros((len(queries), len(picture.iris)), np.float32)
    known = np.zeros_like(total)
    by_facet = {}
    for name, weight in recipe.facets:
        vectors = [query.facets[name] for query in queries]
        together = picture.cosines(name, np.concatenate(vectors))
        ends = np.cumsum([0, *map(len, vectors)])
        cosines = np.asarray(
            [np.fmax.reduce(together[a:b], axis=0, initial=np.nan) for a, b in pairwise(ends)],
            np.float32,
        )
        by_facet[name] = cosines[0]
        total += weight * np.nan_to_num(cosines)
        known += weight * np.isfinite(cosines)
    letters = picture.grams.cosines(csr_array(vstack([query.grams for query in queries])))
    scores = total / np.maximum(known, 1e-9) + recipe.letters * letters
    if recipe.concepts and (shared := [q.concepts for q in queries if q.concepts is not None]):
        scores += recipe.concepts * picture.shared(csr_array(vstack(shared)))
    scores = np.where(known > 0, scores, -np.inf)
    return by_facet, scores.astype(np.float32)
