"""What every store of entries can do; one implementation per file in ``kg.stores``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import pyoxigraph as ox

from kg.entry import Entry
from kg.ledger.ledger import NOTHING, Ledger, Note
from kg.ledger.ledger import Change as Change

Binding = dict[str, str]
Term = ox.NamedNode | ox.Literal
#: what the names in one of our own queries stand for
Values = Mapping[str, Term | Sequence[Term]]


@dataclass(frozen=True)
class Version:
    """The last write of an entry: data version, when, by whom, and what was done."""

    number: int
    when: str
    agent: str
    action: str


@dataclass(frozen=True)
class Page:
    """One page of a list: rows, how many there are in all, and where the next begins."""

    rows: list[dict[str, str | None]]
    total: int
    next: str | None


class Store(Protocol):
    """A store of entries, one named graph each, with who and when of every write."""

    base: str
    ledger: Ledger

    def version(self) -> int:
        """The data version: how many writes there have been."""

    def check(self) -> None:
        """Raise StoreUnusable if the store cannot be reached."""

    def get(self, iri: str) -> Entry:
        """An entry; raises NotFound."""

    def several(self, iris: Sequence[str]) -> list[Entry]:
        """Entries in the order of ``iris``; those that do not exist are left out."""

    def provenance(self, iri: str) -> Version | None:
        """The last write of an entry, also of a deleted one; None if never seen."""

    def noted(self, iri: str) -> set[ox.Triple]:
        """The statements of the provenance graph about an entry."""

    def written_by(self, prefix: str) -> list[tuple[str, str]]:
        """Entries by IRI whose last agent's name begins with ``prefix``, each with the time."""

    def forget_agents(self, prefix: str) -> None:
        """Remove from provenance the activities of agents whose names begin with ``prefix``."""

    def exclusive(self) -> AbstractContextManager[object]:
        """Keep every other writer away while the block runs; may be nested in one thread."""

    def write(
        self, changes: Sequence[Change], agent: str, action: str, note: Note = NOTHING
    ) -> int:
        """Record and carry out changes, all or none, and return the new data version.

        A remote engine takes so much at a time: there many entries are several changes.
        """

    def settle(self, seconds: float) -> None:
        """Carry out what writers that have ended left open for so long."""

    def changes_since(self, version: int) -> list[tuple[str, bool]]:
        """The entries written after a data version, and whether each still exists."""

    def kinds(self, iris: Iterable[str]) -> dict[str, list[str]]:
        """The classes of entries and concepts; ``scheme:IRI`` for the scheme."""

    def entries(self, path: str | None = None) -> Iterator[Entry]:
        """Yield the entries of a class, or all, by IRI."""

    def dump(self) -> bytes:
        """All entries, provenance and vocabularies as N-Quads."""

    def select(self, query: str, values: Values) -> list[Binding]:
        """Run one of our own SELECT queries; ``$name`` is replaced by an escaped term or terms."""
