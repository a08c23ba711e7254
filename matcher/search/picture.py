"""Some entries of the corpus, put together so that each of them is scored exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

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
        stated = concepts(self.catalogue, self.rows.tolist())
        columns: dict[Concept, int] = {}
        for concept in chain.from_iterable(stated):
            columns.setdefault(concept, len(columns))
        indices = np.array([columns[c] for own in stated for c in own], np.int32)
        ends = np.cumsum([0, *map(len, stated)])
        cells = (np.ones(len(indices), np.float32), indices, ends)
        rarity = np.array([self.statistics.rarity_of(c) for c in columns], np.float32)
        return weigh(csr_array(cells, shape=(len(stated), len(columns))), rarity)

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


def concepts(catalogue: CatalogueSnapshot, rows: Sequence[int]) -> list[list[Concept]]:
    """What each of some rows states, facet and value; a challenge is no concept of itself."""
    own = {facet: catalogue.values(facet, rows) for facet in CONCEPTS}
    for row in set(rows) & set(catalogue.passing({"type": ["challenge"]})):
        own["challenge"][row] = set()
    return [
        [(facet, value) for facet, values in own.items() for value in sorted(values[row])]
        for row in rows
    ]
