"""All entries of the index at one change: candidates for a question, and pictures of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numkong
import numpy as np
import numpy.typing as npt
from pyroaring import FrozenBitMap
from scipy.sparse import csr_array

from kg.catalogue.catalogue import CatalogueSnapshot
from matcher.encoding import ngrams, text
from matcher.encoding.centring import Means
from matcher.encoding.embedder import Matrix, unit
from matcher.search.columns import Records
from matcher.search.picture import FacetRows, Picture, stated
from matcher.search.statistics import Concept, Statistics

#: what each facet counts for; an entry is judged by those that it has
FACET_WEIGHTS = ((text.PROBLEM, 0.45), (text.SOLUTION, 0.45), (text.CONTEXT, 0.1))
#: steps of a gist's int8 for 1.0; what is beyond 127 steps is cut off
STEPS = 256
#: up to this share of all entries their gists are gathered; otherwise all are scanned
GATHERED = 0.12
#: how many pictures of whole classes are kept
KEPT = 16
#: of a text of an entry; of a run of letters in it; where an entry's texts and letters end
TEXT = np.dtype([("facet", "u1"), ("lang", "S8")])
LETTER = np.dtype([("place", "<i4"), ("count", "<u2")])
END = np.dtype([("texts", "<i8"), ("letters", "<i8")])
Slots = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]
NOWHERE = -1


@dataclass(frozen=True)
class Corpus:
    """What the index holds after change ``version``; it stays so while the index follows.

    An entry has a slot, given once: its number in ``ends`` and ``gists``. Its texts are rows of
    ``texts`` and ``vectors``, its runs of letters rows of ``letters``. ``slot_of`` leads from a
    row of the catalogue to the slot; an entry is there while its row passes the catalogue.
    """

    version: int
    catalogue: CatalogueSnapshot
    statistics: Statistics
    means: Means
    slot_of: npt.NDArray[np.int64]
    row_of: npt.NDArray[np.int32]
    ends: Records
    texts: Records
    vectors: Matrix
    letters: Records
    gists: npt.NDArray[np.int8]
    kept: dict[bytes, Picture] = field(default_factory=dict)

    @property
    def state(self) -> tuple[int, int, int]:
        """What tells it from the corpus before and after it."""
        return self.version, self.statistics.number, len(self.ends)

    def slots(self, rows: FrozenBitMap) -> Slots:
        """The slots of the catalogue's rows, of those that are indexed, rising."""
        numbers = np.asarray(rows.to_array(), np.int64)
        slots = self.slot_of[numbers[numbers < len(self.slot_of)]]
        return np.sort(slots[(slots != NOWHERE) & (slots < len(self.ends))], kind="stable")

    def slots_of(self, iris: Iterable[str]) -> Slots:
        """The slots of entries, of those that are indexed, rising."""
        return self.slots(FrozenBitMap(self.catalogue.rows(iris).values()))

    def holds(self, row: int) -> bool:
        """Whether a row of the catalogue is that of an indexed entry."""
        return row < len(self.slot_of) and 0 <= self.slot_of[row] < len(self.ends)

    def all(self) -> Slots:
        """The slots of all entries that are indexed."""
        return self.slots(self.catalogue.live)

    @property
    def whole(self) -> Picture:
        """A picture of all entries; for a small corpus."""
        return self.picture(self.all(), keep=True)

    def nearness(self, gist: Matrix, slots: Slots) -> Scores:
        """About how near entries are to what has a gist."""
        few = len(slots) < GATHERED * len(self.gists)
        matrix = self.gists[slots] if few else self.gists
        if not len(matrix):
            return np.zeros(len(slots))
        scanned = numkong.cdist(matrix, quantised(gist[None]), metric="dot")
        scores = np.asarray(scanned).ravel() / STEPS**2
        return scores if few else scores[slots]

    def sharing(self, weights: Mapping[Concept, float]) -> Scores:
        """For each slot the summed weight of the concepts that its entry has."""
        total = np.zeros(len(self.ends))
        for (facet, value), weight in weights.items():
            total[self.slots(self.catalogue.passing({facet: [value]}))] += weight
        return total

    def concepts_of(self, iri: str) -> dict[Concept, float]:
        """The concepts of an entry, weighed so that their sum for itself is 1."""
        row = FrozenBitMap(self.catalogue.rows([iri]).values())
        rarity = self.statistics.rarity_of
        weights = {concept: rarity(concept) ** 2 for concept, _rows in stated(self.catalogue, row)}
        total = sum(weights.values())
        return {concept: weight / total for concept, weight in weights.items()} if total else {}

    def picture(self, slots: Slots, *, keep: bool = False) -> Picture:
        """Put together some entries; with ``keep`` for the next who asks for the same."""
        key = slots.tobytes() if keep else b""
        if keep and (kept := self.kept.get(key)):
            return kept
        rows = self.row_of[slots]
        named = self.catalogue.iris(rows.tolist())
        iris = [named[row] for row in rows.tolist()]
        order = np.array(sorted(range(len(iris)), key=iris.__getitem__), np.int64)
        slots, rows, iris = slots[order], rows[order], [iris[n] for n in order]
        starts, stops = self._spans(slots, "texts")
        raw, about = _joined(self.vectors, starts, stops), _joined(self.texts, starts, stops)
        owner = np.repeat(np.arange(len(slots)), stops - starts)
        centred = self.means.centre(raw, about["lang"], self.statistics.shift)
        facets = {}
        for number, name in enumerate(text.FACETS):
            own = about["facet"] == number
            facets[name] = FacetRows(owner[own], centred[own], about["lang"][own], raw[own])
        picture = Picture(
            iris,
            rows,
            facets,
            self._letters(slots),
            np.asarray(self.gists[slots] / np.float32(STEPS), np.float32),
            self.catalogue,
            self.means,
            self.statistics,
            {iri: n for n, iri in enumerate(iris)},
        )
        if keep:
            if len(self.kept) >= KEPT:
                self.kept.clear()
            self.kept[key] = picture
        return picture

    def _spans(self, slots: Slots, name: str) -> tuple[Slots, Slots]:
        """Where the rows of entries begin and end in another column."""
        ends = self.ends[name]
        return np.where(slots > 0, ends[slots - 1], 0), ends[slots]

    def _letters(self, slots: Slots) -> ngrams.Sparse:
        starts, stops = self._spans(slots, "letters")
        letters = _joined(self.letters, starts, stops)
        ends = np.concatenate([[0], np.cumsum(stops - starts)])
        cells = (letters["count"].astype(np.float32), letters["place"].copy(), ends)
        counted = csr_array(cells, shape=(len(slots), ngrams.PLACES))
        return ngrams.weigh(counted, self.statistics.rarity)


def _joined(column: Records, starts: Slots, stops: Slots) -> Records:
    """The rows of some spans; whole spans are copied much faster than rows one by one."""
    # As bytes: records are compared field by field, in Python, for each span.
    flat = column.view(np.uint8).reshape(len(column), column.itemsize * column[0:1].size)
    spans = zip(starts.tolist(), stops.tolist(), strict=True)
    joined = np.concatenate([flat[:0], *(flat[start:stop] for start, stop in spans)])
    return joined.view(column.dtype).reshape(-1, *column.shape[1:])


def holders_of(catalogue: CatalogueSnapshot, rows: FrozenBitMap) -> dict[Concept, int]:
    """How many of some rows state each concept."""
    return {concept: len(having) for concept, having in stated(catalogue, rows)}


def gists(size: int, owner: Slots, facet: npt.NDArray[np.uint8], centred: Matrix) -> Matrix:
    """One vector an entry: its facets' weighted mean, each the mean of its languages.

    The dot product with the vector of a question is then the weighted mean of the facets'
    cosines, of an entry in one language.
    """
    total = np.zeros((size, centred.shape[1]), np.float32)
    known = np.zeros((size, 1), np.float32)
    for number, (_name, weight) in enumerate(FACET_WEIGHTS):
        own = np.flatnonzero(facet == number)
        if len(own):
            starts = np.flatnonzero(np.diff(owner[own], prepend=-1))
            at = owner[own][starts]
            total[at] += weight * unit(np.add.reduceat(centred[own], starts, axis=0))
            known[at] += weight
    return np.asarray(total / np.maximum(known, 1e-9), np.float32)


def quantised(vectors: Matrix) -> npt.NDArray[np.int8]:
    """Vectors in whole steps."""
    return np.rint(vectors * STEPS).clip(-127, 127).astype(np.int8)
