"""The exact difference between two states of an entry, and the way from one to the other.

A state is a set of triples as N-Triples lines without their dots; entries hold no blank nodes,
so that lines can be compared.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import pyoxigraph as ox

from kg.entry import Entry

Lines = frozenset[str]


@dataclass(frozen=True)
class Difference:
    """What was added to a state and removed from it."""

    added: Lines
    removed: Lines

    @classmethod
    def between(cls, before: Entry | None, after: Entry | None) -> Difference:
        """Compare two states; None is no entry."""
        old, new = lines(before), lines(after)
        return cls(new - old, old - new)

    @classmethod
    def unpack(cls, packed: bytes) -> Difference:
        """Read what ``pack`` wrote."""
        rows = zlib.decompress(packed).decode().split("\n")
        return cls(
            frozenset(row[1:] for row in rows if row.startswith("+")),
            frozenset(row[1:] for row in rows if row.startswith("-")),
        )

    def pack(self) -> bytes:
        """Write the difference as compressed text, a sign before each line."""
        rows = [*("-" + line for line in self.removed), *("+" + line for line in self.added)]
        return zlib.compress("\n".join(sorted(rows)).encode())

    def forward(self, state: Lines) -> Lines:
        """The state after the difference, of the one before it."""
        return (state - self.removed) | self.added

    def back(self, state: Lines) -> Lines:
        """The state before the difference, of the one after it."""
        return (state - self.added) | self.removed


def lines(entry: Entry | None) -> Lines:
    """The state that an entry is in."""
    return frozenset(map(str, entry.triples)) if entry else frozenset()


def entry_in(iri: str, state: Lines) -> Entry | None:
    """The entry of a state, None of an empty one."""
    return Entry(iri, tuple(sorted(triples(state), key=str))) if state else None


def triples(state: Iterable[str]) -> list[ox.Triple]:
    """Read lines as triples."""
    text = "".join(f"{line} .\n" for line in state)
    return [quad.triple for quad in ox.parse(text, format=ox.RdfFormat.N_TRIPLES)]
