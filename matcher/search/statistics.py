"""What follows from the corpus as a whole: its shift, and how rare letters and concepts are.

It is made at one change and used until the corpus has changed by a share, so that a write moves
no other entry's scores. It is counted so that the order of entries does not matter: the same
corpus gives the same numbers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from matcher.encoding import ngrams
from matcher.encoding.centring import Means
from matcher.encoding.embedder import Matrix

#: the facets whose values entries share, besides their texts
CONCEPTS = ("approach", "challenge", "target_group", "theme")
#: they are made anew when so much of the corpus has changed, and with every write while it holds
#: fewer entries than this
STALE, SMALL = 0.05, 2_000
Holders = npt.NDArray[np.int32]
Concept = tuple[str, str]


@dataclass(frozen=True)
class Statistics:
    """Numbers of a corpus; ``number`` is the change after which they were made.

    ``holders`` says how many entries have each run of letters, ``concepts`` how many have each
    concept, ``size`` how many entries there were.
    """

    number: int
    size: int
    shift: Matrix
    holders: Holders
    concepts: Mapping[Concept, int]

    @classmethod
    def none(cls, means: Means) -> Statistics:
        """Those of a corpus without entries."""
        holders = np.zeros(ngrams.PLACES, np.int32)
        return cls(0, 0, np.zeros_like(means.vectors["*"]), holders, {})

    @cached_property
    def rarity(self) -> npt.NDArray[np.float32]:
        """How much each run of letters counts."""
        return ngrams.rarity(self.holders, self.size)

    @cached_property
    def concept_rarity(self) -> dict[Concept, float]:
        """How much each concept counts."""
        weights = ngrams.rarity(np.array([*self.concepts.values()], np.int64), self.size)
        return dict(zip(self.concepts, weights.tolist(), strict=True))

    @cached_property
    def unseen(self) -> float:
        """How much a concept counts that no entry had."""
        return float(ngrams.rarity(np.array(0), self.size))

    def rarity_of(self, concept: Concept) -> float:
        """How much a concept counts; one that no entry had is rarest."""
        return self.concept_rarity.get(concept, self.unseen)

    def stale(self, changed: int, now: int) -> bool:
        """Whether so many changes, or so many entries now, ask for new statistics."""
        return changed > 0 and (min(self.size, now) < SMALL or changed >= STALE * self.size)

    def save(self, path: Path) -> None:
        """Write them to a file, which is there as a whole or not at all."""
        places = np.flatnonzero(self.holders)
        concepts = json.dumps([[*key, n] for key, n in sorted(self.concepts.items())])
        scratch = path.with_suffix(".part")
        with scratch.open("wb") as stream:
            np.savez(
                stream,
                number=np.array([self.number, self.size]),
                shift=self.shift,
                places=places.astype(np.int32),
                holders=self.holders[places],
                concepts=np.array(concepts),
            )
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(scratch, path)

    @classmethod
    def load(cls, path: Path) -> Statistics:
        """Read what ``save`` wrote; OSError, ValueError or KeyError for anything else."""
        with np.load(path, allow_pickle=False) as stored:
            holders = np.zeros(ngrams.PLACES, np.int32)
            holders[stored["places"]] = stored["holders"]
            concepts = {(f, v): n for f, v, n in json.loads(str(stored["concepts"]))}
            number, size = map(int, stored["number"])
            return cls(number, size, stored["shift"], holders, concepts)
