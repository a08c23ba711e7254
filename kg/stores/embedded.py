"""The embedded store: pyoxigraph on disk, one writer at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyoxigraph as ox

from kg.entry import Entry
from kg.errors import StoreUnusable
from kg.ledger.database import Database
from kg.ledger.ledger import Ledger
from kg.stores.base import HEADER, GraphStore


class EmbeddedStore(GraphStore):
    """Entries in named graphs of a pyoxigraph store; ``path`` None keeps it in memory.

    A change is not flushed here: the ledger has flushed it, and brings a graph forward that lost
    its last changes with the power.

    Raises StoreUnusable if another process holds the folder or it was made for another
    base IRI.
    """

    def __init__(self, base: str, path: Path | None = None, ledger: Ledger | None = None) -> None:
        beside = Database.in_file(path.with_name("ledger.sqlite")) if path and not ledger else None
        super().__init__(base, ledger or Ledger(beside))
        try:
            self._store = ox.Store(path) if path else ox.Store()
        except OSError as error:
            raise StoreUnusable(
                f"The store in {path} cannot be opened; is another process using it?"
            ) from error
        self._open()
        self._refresh_vocabulary()

    def version(self) -> int:
        """The data version: how many writes there have been."""
        return self._version

    def _latest(self) -> int:
        """The number of the last write: nobody else holds the folder."""
        return self._version

    def check(self) -> None:
        """Do nothing: an open store can be reached."""

    def _update(self, text: str) -> None:
        self._store.update(HEADER + text)

    def _solutions(self, query: str) -> ox.QuerySolutions:
        rows = self._store.query(query, use_default_graph_as_union=True)
        assert isinstance(rows, ox.QuerySolutions)
        return rows

    def _read(self, iris: Sequence[str]) -> list[Entry]:
        graphs = ((iri, self._graph(iri)) for iri in iris)
        return [Entry(iri, tuple(sorted(triples, key=str))) for iri, triples in graphs if triples]

    def _graph(self, name: str) -> set[ox.Triple]:
        quads = self._store.quads_for_pattern(None, None, None, ox.NamedNode(name))
        return {quad.triple for quad in quads}

    def _replace(self, name: str, triples: list[ox.Triple]) -> None:
        graph = ox.NamedNode(name)
        self._store.remove_graph(graph)
        self._store.extend(ox.Quad(t.subject, t.predicate, t.object, graph) for t in triples)

    def snapshot(self, folder: Path) -> None:
        """Write a copy (hard links) for readers into a new folder."""
        self._store.backup(folder)

    def dump(self) -> bytes:
        """All entries, provenance and vocabularies as N-Quads."""
        return self._store.dump(format=ox.RdfFormat.N_QUADS) or b""
