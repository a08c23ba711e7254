"""Some entries of the corpus, put together so that each of them is scored exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from pyroaring import FrozenBitMap
from scipy.sparse import csc_array, csr_array

from kg.catalogue.catalogue import CatalogueSnapshot
from matcher.encoding.centring import Means
from matcher.encoding.embedder import Matrix
from matcher.encoding.ngrams import Sparse, cosines, weigh
from matcher.model.filters import Filters
from matcher.search.statistics import CONCEPTS, Concept, Statistics

#: what stands in where an entry has no concepts: about the mean of the ten entries that are
#: nearest by their texts (0.24 on the development part of the judged set)
UNSTATED = 0.2
Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class QueryVectors:
    """What entries are compared with: unit vectors of each facet, and runs of letters.

    ``gist`` stands for all facets where candidates are sought. ``entry`` is the number of an
    entry in its picture; ``plain`` are a question's vectors without the corpus' shift.
    """

    facets: Mapping[str, Matrix]
    letters: Sparse
    gist: Matrix
    entry: int | None = None
    plain: Matrix | None = None


@dataclass(frozen=True)
class FacetRows:
    """The rows of one facet: whose they are, the centred vectors and those of the model."""

    entry: npt.NDArray[np.int64]
    matrix: Matrix
    lang: npt.NDArray[np.bytes_]
    raw: Matrix

    def of(self, entry: int) -> slice:
        """Where the rows of an entry stand; they are sorted by entry."""
        return slice(*np.searchsorted(self.entry, [entry, entry + 1]))


@dataclass(frozen=True)
class Picture:
    """Entries by IRI with all that their scores are made of; ``rows`` are the catalogue's."""

    iris: list[str]
    rows: npt.NDArray[np.int32]
    facets: dict[str, FacetRows]
    letters: Sparse
    gists: Matrix
    catalogue: CatalogueSnapshot
    means: Means
    statistics: Statistics
    position: dict[str, int]

    @cached_property
    def concepts(self) -> Sparse:
        """What each entry states of its concepts, weighed."""
        order = np.argsort(self.rows)
        columns, weights = [], []
        for concept, having in stated(self.catalogue, FrozenBitMap(self.rows.tolist())):
            columns.append(order[np.searchsorted(self.rows[order], np.asarray(having.to_array()))])
            weights.append(self.statistics.rarity_of(concept))
        indices = np.concatenate([np.empty(0, np.int64), *columns])
        ends = np.cumsum([0, *map(len, columns)])
        cells = (np.ones(len(indices), np.float32), indices, ends)
        counted = csr_array(csc_array(cells, shape=(len(self.rows), len(columns))))
        return weigh(counted, np.array(weights, np.float32))

    def cosines(self, facet: str, vectors: Matrix) -> Scores:
        """The best cosine of each entry's facet with each vector; NaN for entries without it."""
        rows = self.facets[facet]
        best = np.full((len(vectors), len(self.iris)), np.nan, np.float32)
        if len(rows.entry) and len(vectors):
            starts = np.flatnonzero(np.diff(rows.entry, prepend=-1))
            best[:, rows.entry[starts]] = np.maximum.reduceat(
                vectors @ rows.matrix.T, starts, axis=1
            )
        return best

    def shared(self, entries: Sequence[int]) -> Scores:
        """Cosines of some entries' concepts with those of each; UNSTATED where either has none."""
        likeness = cosines(self.concepts[list(entries)], self.concepts)
        silent = np.diff(self.concepts.indptr) == 0
        likeness[:, silent] = UNSTATED
        likeness[silent[list(entries)]] = UNSTATED
        return likeness

    def query_of(self, at: int) -> QueryVectors:
        """Turn an entry into what is compared with the others."""
        facets = {name: rows.matrix[rows.of(at)] for name, rows in self.facets.items()}
        return QueryVectors(facets, self.letters[[at]], self.gists[at], at)

    def nearness(self, plain: Matrix, at: Sequence[int]) -> float:
        """The mean, over entries, of their best cosine without the corpus' shift; -1 for none."""
        best = np.full(len(at), -1.0)
        for rows in self.facets.values():
            for n, entry in enumerate(at):
                span = rows.of(entry)
                own = self.means.centre(rows.raw[span], rows.lang[span])
                best[n] = max(best[n], (own @ plain.T).max(initial=-1.0))
        return float(best.mean()) if len(at) else -1.0

    def mask(self, filters: Filters) -> npt.NDArray[np.bool_]:
        """Which entries pass all filters."""
        through = self.catalogue.passing(filters.conditions)
        return np.fromiter((row in through for row in self.rows.tolist()), bool, len(self.rows))

    def values(self, name: str, at: Sequence[int]) -> dict[int, set[str]]:
        """The values of a filter that each of some entries has."""
        rows = {int(self.rows[n]): n for n in at}
        return {rows[row]: own for row, own in self.catalogue.values(name, rows).items()}


def stated(
    catalogue: CatalogueSnapshot, rows: FrozenBitMap
) -> Iterator[tuple[Concept, FrozenBitMap]]:
    """The concepts that some rows state, with those that do; a challenge is none of its own."""
    among = dict.fromkeys(CONCEPTS, rows)
    among["challenge"] = rows - catalogue.passing({"type": ["challenge"]})
    for facet, some in among.items():
        for value, code in sorted(catalogue.codes.get(facet, {}).items()):
            if having := catalogue.postings.get(code, FrozenBitMap()) & some:
                yield (facet, value), having
