"""From a text or an entry to a score for each entry of a short list.

Facets, letters, concepts, feedback and calibration make a score; the short list is found by one
vector an entry, by words and by shared concepts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from pyroaring import FrozenBitMap
from scipy.sparse import csr_array, vstack

from kg.entry import Entry
from matcher.encoding import text
from matcher.encoding.embedder import Matrix
from matcher.encoding.ngrams import cosines
from matcher.model.answer import Level
from matcher.model.filters import Filters
from matcher.search.corpus import FACET_WEIGHTS, Corpus, Slots
from matcher.search.index import Index
from matcher.search.picture import Picture, QueryVectors, Scores


@dataclass(frozen=True)
class Recipe:
    """What makes a score; ``python -m benchmarks quality ablation`` leaves out each part in turn.

    ``facets`` says how much each facet counts; an entry is judged by those that it has.
    ``letters`` is what the cosine of shared letters adds, ``concepts`` that of the challenges,
    themes, target groups and approaches that two entries share, and ``share`` of the score is
    pseudo-relevance feedback (Rocchio 1971) from the ``feedback`` best entries. Without letters
    nDCG@10 on SUSY is .216 instead of .226, without feedback .219; see docs/quality.md.
    """

    facets: tuple[tuple[str, float], ...] = FACET_WEIGHTS
    letters: float = 0.8
    concepts: float = 0.3
    feedback: int = 3
    share: float = 0.4


RECIPE = Recipe()
#: how many candidates each way to find them brings, of a question in words half as many, as there
#: are more ways; classes of so many are scored whole
SHORT = 400
#: of the nearest at first sight so many are scored to find those who give feedback
TRUSTED = 50
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
    """Raw scores of the entries of a short list, and which of them may be shown."""

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
        """Whether an entry is on the list and passes the filters."""
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

    def by_probability(self, iris: Iterable[str]) -> Iterator[tuple[str, float]]:
        """Entries of the list with their calibrated scores, the best first."""
        scored = ((iri, self.probability(iri)) for iri in iris)
        yield from sorted(scored, key=lambda pair: (-pair[1], pair[0]))

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


@dataclass(frozen=True)
class Sought:
    """What is listed: entries that pass filters, so many, and in any case some by IRI.

    With a ``challenge`` (its slug) also as many of those that address it.
    """

    filters: Filters
    count: int = 0
    also: tuple[str, ...] = ()
    challenge: str = ""


def by_text(
    index: Index,
    words: str,
    lang: str,
    sought: Sought | Filters,
    facets: Sequence[str] = text.FACETS,
    recipe: Recipe = RECIPE,
    picture: Picture | None = None,
    corpus: Corpus | None = None,
) -> Ranking:
    """Rank entries for a free text, comparing it with the facets named of each.

    Of a large corpus those on a short list are ranked, of a ``picture`` all.
    """
    corpus = corpus or index.corpus
    query = index.question(words, lang, corpus)
    weights = tuple((name, weight) for name, weight in recipe.facets if name in facets)
    only = replace(recipe, facets=weights, concepts=0.0)
    listing = sought if isinstance(sought, Sought) else Sought(sought)
    picture = picture or _listed(corpus, query, listing, only, (words, lang))
    return _rank(picture, query, listing.filters, only, QUESTION_LOGIT)


def by_entry(
    index: Index,
    entry: Entry,
    sought: Sought | Filters,
    recipe: Recipe = RECIPE,
    picture: Picture | None = None,
    lang: str = "en",
    corpus: Corpus | None = None,
) -> Ranking:
    """Rank others for an entry: facet by facet, the best pair of languages each.

    An entry that is not indexed asks as a text, in ``lang`` if it has one in it.
    """
    corpus = corpus or index.corpus
    listing = sought if isinstance(sought, Sought) else Sought(sought)
    if not len(itself := corpus.slots_of([entry.iri])):
        words = text.preferred(text.words(entry), lang) or text.FacetText("words", lang, "")
        return by_text(index, words.text, words.lang, listing, picture=picture, corpus=corpus)
    if picture is None:
        listing = replace(listing, also=(*listing.also, entry.iri))
        query = corpus.picture(itself).query_of(0)
        picture = _listed(corpus, query, listing, recipe, itself=entry.iri)
    at = picture.position[entry.iri]
    return _rank(picture, picture.query_of(at), listing.filters, recipe, ENTRY_LOGIT, at)


def _listed(
    corpus: Corpus,
    query: QueryVectors,
    sought: Sought,
    recipe: Recipe,
    worded: tuple[str, str] | None = None,
    itself: str = "",
) -> Picture:
    """A picture of the candidates; of a whole class where it is no larger than their number.

    Who gives feedback is chosen among the types that are asked for, so of these too the nearest
    are listed, whatever the other filters are.
    """
    of_types = corpus.catalogue.passing({"type": sought.filters.type or text.INDEXED})
    through = corpus.catalogue.passing(sought.filters.conditions) & of_types
    types, also = corpus.slots(of_types), corpus.slots_of(sought.also)
    size = max(SHORT, 2 * sought.count)
    if len(types) <= size:
        if np.isin(also, types).all():
            return corpus.picture(types, keep=True)
        return corpus.picture(np.union1d(types, also))
    each = size if itself else size // 2
    own = corpus.slots_of([itself]) if itself else also[:0]
    concepts = corpus.concepts_of(itself) if itself and recipe.concepts else {}
    bonus = recipe.concepts * corpus.sharing(concepts)[types] if concepts else 0.0
    shown = corpus.among(through)[types]

    def nearest(gist: Matrix) -> tuple[Slots, Slots]:
        """The candidates by a vector, and of all of the types those who may give feedback."""
        scores = corpus.nearness(gist, types) + bonus
        scores[np.isin(types, own)] = -np.inf
        return types[_top(np.where(shown, scores, -np.inf), each)], types[_top(scores, TRUSTED)]

    candidates, near = nearest(query.gist)
    lists = [also, candidates, near]
    if recipe.share:
        few = corpus.picture(np.union1d(near, own))
        asking = few.query_of(few.position[itself]) if itself else query
        first = _compare(few, [asking], recipe)[1][0]
        if itself:
            first[few.position[itself]] = -np.inf
        if trusted := _trusted(first, np.ones(len(first), bool), recipe):
            theirs = np.average(few.gists[trusted], axis=0, weights=first[trusted])
            lists += nearest((1 - recipe.share) * query.gist + recipe.share * theirs)
    if sought.challenge:
        addressing = corpus.catalogue.passing({"challenge": [sought.challenge]}) & through
        shown = corpus.among(addressing)[types]
        lists.append(nearest(query.gist)[0])
    if worded:
        sharing = corpus.catalogue.words(*worded, through, each)
        lists.append(corpus.slots(FrozenBitMap(sharing)))
    return corpus.picture(np.unique(np.concatenate(lists)))


def _top(scores: npt.NDArray[np.floating], limit: int) -> npt.NDArray[np.intp]:
    """The places of the highest scores, in no order."""
    if limit < len(scores):
        places = np.argpartition(-scores, limit - 1)[:limit]
    else:
        places = np.arange(len(scores))
    return np.asarray(places[np.isfinite(scores[places])], np.intp)


def _trusted(first: Scores, helpers: npt.NDArray[np.bool_], recipe: Recipe) -> list[int]:
    """Who gives feedback: the best at first sight."""
    return [n for n in _best(first, helpers, recipe.feedback) if first[n] > 0]


def _rank(
    picture: Picture,
    query: QueryVectors,
    filters: Filters,
    recipe: Recipe,
    logit: Logit,
    itself: int | None = None,
) -> Ranking:
    """Score the entries of a picture, with feedback from the best ones of the types asked for.

    The other filters choose neither who gives feedback nor what the scores are measured by, so
    they do not change a score.
    """
    by_facet, (first,) = _compare(picture, [query], recipe)
    helpers = picture.mask(Filters(type=filters.type))
    allowed = picture.mask(filters)
    if itself is not None:
        helpers[itself] = allowed[itself] = False
    trusted = _trusted(first, helpers, recipe)
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
        nearest = np.asarray(
            [np.fmax.reduce(together[a:b], axis=0, initial=np.nan) for a, b in pairwise(ends)],
            np.float32,
        )
        by_facet[name] = nearest[0]
        total += weight * np.nan_to_num(nearest)
        known += weight * np.isfinite(nearest)
    letters = cosines(csr_array(vstack([query.letters for query in queries])), picture.letters)
    scores = total / np.maximum(known, 1e-9) + recipe.letters * letters
    if recipe.concepts and (entries := [q.entry for q in queries if q.entry is not None]):
        scores += recipe.concepts * picture.shared(entries)
    scores = np.where(known > 0, scores, -np.inf)
    return by_facet, scores.astype(np.float32)
