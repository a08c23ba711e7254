"""A picture of the index in memory, from which one question is answered exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array, csr_array

from matcher.encoding import text
from matcher.encoding.centring import Means
from matcher.encoding.embedder import Matrix
from matcher.encoding.ngrams import Grams, Sparse
from matcher.model.filters import Filters
from matcher.search.filter_values import Attributes, required

#: the attributes by which entries are alike, besides their texts
CONCEPTS = ("approach", "challenge", "target_group", "theme")
#: what stands in where an entry has no concepts: about the mean of the ten entries that are
#: nearest by their texts (0.24 on the development part of the judged set)
UNSTATED = 0.2
Scores = npt.NDArray[np.float32]
Row = tuple[str, str, str, bytes]


@dataclass(frozen=True)
class QueryVectors:
    """What is compared with all entries: unit vectors of each facet, and runs of letters.

    ``concepts`` are those of an entry; ``plain`` are the vectors of a question in words without
    the corpus' shift.
    """

    facets: Mapping[str, Matrix]
    grams: Sparse
    concepts: Sparse | None = None
    plain: Matrix | None = None


@dataclass(frozen=True)
class FacetRows:
    """The rows of one facet: whose they are, the centred vectors and the packaged mean's."""

    entry: npt.NDArray[np.int32]
    matrix: Matrix
    lang: tuple[str, ...]
    raw: Matrix

    def only(self, at: npt.NDArray[np.int64]) -> FacetRows:
        """Keep the rows of some entries, which are numbered anew."""
        spans = [_span(self.entry, int(n)) for n in at]
        keep = np.concatenate([np.arange(s.start, s.stop) for s in spans])
        owners = np.repeat(np.arange(len(at), dtype=np.int32), [s.stop - s.start for s in spans])
        lang = tuple(self.lang[n] for n in keep)
        return FacetRows(owners, self.matrix[keep], lang, self.raw[keep])


@dataclass(frozen=True)
class Picture:
    """An immutable picture of the index."""

    version: int
    iris: list[str]
    facets: dict[str, FacetRows]
    grams: Grams
    concepts: Grams
    shift: Matrix
    means: Means
    postings: dict[tuple[str, str], npt.NDArray[np.int32]]
    position: dict[str, int]
    failed: frozenset[str] = frozenset()  # what the model cannot read and no other field has

    @classmethod
    def of(
        cls,
        version: int,
        entries: Mapping[str, Attributes],
        rows: Sequence[Row],
        grams: Grams,
        means: Means,
        failed: frozenset[str] = frozenset(),
    ) -> Picture:
        """Make the picture: entries with their attributes, rows sorted by entry."""
        position = {iri: n for n, iri in enumerate(entries)}
        size = len(means.vectors["*"])
        raw = np.frombuffer(b"".join(r[3] for r in rows), np.float32).reshape(-1, size)
        langs = [r[2] for r in rows]
        shift = means.shift(raw, langs)
        centred = means.centre(raw, langs, shift)
        facets = {}
        for name in text.FACETS:
            mine = [n for n, row in enumerate(rows) if row[1] == name]
            owners = np.array([position[rows[n][0]] for n in mine], np.int32)
            spoken = tuple(langs[n] for n in mine)
            facets[name] = FacetRows(owners, centred[mine], spoken, raw[mine])
        numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
        for n, gathered in enumerate(entries.values()):
            for name, values in gathered.items():
                for value in values:
                    numbers[name, value].append(n)
        postings = {key: np.array(own, np.int32) for key, own in numbers.items()}
        columns = [postings[key] for key in sorted(postings) if key[0] in CONCEPTS]
        ends = np.cumsum([0, *map(len, columns)])
        indices = np.concatenate([np.empty(0, np.int32), *columns])
        cells = (np.ones(len(indices), np.float32), indices, ends)
        shape = (len(position), len(columns))
        return cls(
            version,
            iris=list(position),
            facets=facets,
            grams=grams,
            concepts=Grams.of(csr_array(csc_array(cells, shape=shape))),
            shift=shift,
            means=means,
            postings=postings,
            position=position,
            failed=failed,
        )

    def only(self, at: npt.NDArray[np.int64]) -> Picture:
        """Keep some entries, by rising row, without what they are filtered by.

        Runs and concepts stay as rare as they are among all, so that scores stay the same.
        """
        iris = [self.iris[n] for n in at]
        return replace(
            self,
            iris=iris,
            facets={name: rows.only(at) for name, rows in self.facets.items()},
            grams=self.grams.only(at),
            concepts=self.concepts.only(at),
            postings={},
            position={iri: n for n, iri in enumerate(iris)},
        )

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

    def shared(self, concepts: Sparse) -> Scores:
        """Cosines of concepts with those of each entry; UNSTATED where either has none."""
        cosines = self.concepts.cosines(concepts)
        cosines[:, np.diff(self.concepts.rows.indptr) == 0] = UNSTATED
        cosines[np.diff(concepts.indptr) == 0] = UNSTATED
        return cosines

    def query_of(self, at: int) -> QueryVectors:
        """Turn an entry into what is compared with the others."""
        facets = {n: f.matrix[_span(f.entry, at)] for n, f in self.facets.items()}
        return QueryVectors(facets, self.grams.rows[[at]], self.concepts.rows[[at]])

    def nearness(self, plain: Matrix, at: Sequence[int]) -> float:
        """The mean, over entries, of their best cosine without the corpus' shift; -1 for none."""
        best = np.full(len(at), -1.0)
        for rows in self.facets.values():
            for n, entry in enumerate(at):
                span = _span(rows.entry, entry)
                own = self.means.centre(rows.raw[span], rows.lang[span])
                best[n] = max(best[n], (own @ plain.T).max(initial=-1.0))
        return float(best.mean()) if len(at) else -1.0

    def mask(self, filters: Filters) -> npt.NDArray[np.bool_]:
        """Which entries pass all filters."""
        keep = ~self._any("country", filters.not_country)
        for name, values in required(filters).items():
            keep &= self._any(name, values)
        return keep

    def values(self, name: str, at: Sequence[int]) -> dict[int, set[str]]:
        """The values of a filter that each of some entries has."""
        values: dict[int, set[str]] = {n: set() for n in at}
        for (kind, value), rows in self.postings.items():
            if kind == name:
                for n in np.intersect1d(rows, at):
                    values[int(n)].add(value)
        return values

    def _any(self, name: str, values: Iterable[str]) -> npt.NDArray[np.bool_]:
        mask = np.zeros(len(self.iris), bool)
        for value in values:
            mask[self.postings.get((name, value), np.empty(0, np.int32))] = True
        return mask


def _span(owners: npt.NDArray[np.int32], entry: int) -> slice:
    """Where the rows of an entry stand; they are sorted by entry."""
    return slice(*np.searchsorted(owners, [entry, entry + 1]))
