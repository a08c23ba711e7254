"""An order of rows that grows by one row at a time, and from which a page of any set is cut."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pyroaring import AbstractBitMap, FrozenBitMap

#: rows in a block at first; it is divided when it has twice as many
BLOCK = 1024


@dataclass(frozen=True)
class Block:
    """Neighbours in an order: their keys, their rows, and the rows as a set."""

    keys: Sequence[str]
    rows: Sequence[int]
    members: FrozenBitMap

    @classmethod
    def of(cls, keys: Sequence[str], rows: Sequence[int]) -> Block:
        """Make a block of rows that are in order already."""
        return cls(keys, rows, FrozenBitMap(rows))


class Order:
    """Rows by key. Blocks are replaced, never changed, so that readers need no lock.

    A block without a row of a set is passed over, so that a page far down a large set costs the
    blocks before it and not the rows. A row stays after its entry is gone, until it is swept out:
    the sets that are asked for say which rows count.
    """

    def __init__(self, rows: Iterable[tuple[str, int]]) -> None:
        self._lock = threading.Lock()
        ordered = list(rows)
        starts = range(0, len(ordered), BLOCK)
        some = (list(zip(*ordered[start : start + BLOCK], strict=True)) for start in starts)
        self._blocks = tuple(Block.of(keys, rows) for keys, rows in some)

    def add(self, key: str, row: int) -> None:
        """Put a row in its place."""
        with self._lock:
            blocks = self._blocks
            at = max(bisect_left(blocks, key, key=lambda block: block.keys[0]) - 1, 0)
            keys, rows = (list(blocks[at].keys), list(blocks[at].rows)) if blocks else ([], [])
            place = bisect_left(keys, key)
            keys.insert(place, key)
            rows.insert(place, row)
            cuts = [0, BLOCK, len(keys)] if len(keys) >= 2 * BLOCK else [0, len(keys)]
            new = (Block.of(keys[a:b], rows[a:b]) for a, b in pairwise(cuts))
            self._blocks = (*blocks[:at], *new, *blocks[at + 1 :])

    def sweep(self, gone: AbstractBitMap) -> None:
        """Leave out rows that no set holds any more."""
        with self._lock:
            kept = []
            for block in self._blocks:
                if block.members.isdisjoint(gone):
                    kept.append(block)
                    continue
                pairs = zip(block.keys, block.rows, strict=True)
                if left := [(key, row) for key, row in pairs if row not in gone]:
                    kept.append(Block.of(*map(list, zip(*left, strict=True))))
            self._blocks = tuple(kept)

    def page(
        self, among: AbstractBitMap, offset: int, limit: int, after: str | None = None
    ) -> list[int]:
        """Rows ``offset`` to ``offset + limit`` of a set, or of those of it behind a key."""
        page: list[int] = []
        for block in self._blocks:
            if len(page) == limit:
                break
            if after is not None and block.keys[-1] <= after:
                continue
            here = block.members & among
            if after is None and offset >= len(here):
                offset -= len(here)
                continue
            if not here:
                continue
            pairs = zip(block.keys, block.rows, strict=True)
            rows = [r for k, r in pairs if r in here and (after is None or k > after)]
            page += rows[offset:][: limit - len(page)]
            offset = max(0, offset - len(rows))
        return page
