"""The store in somebody's SPARQL 1.1 engine, which several copies of the service may share."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from traceback import clear_frames

import pyoxigraph as ox

from kg.entry import Entry, make, whole_as_decimal
from kg.errors import EngineRefused, LimitExceeded, Malformed, Overloaded, StoreUnusable
from kg.ledger.ledger import Change, Ledger
from kg.stores.base import HEADER, SITE, GraphStore, filled
from kg.stores.protocol import Binding, Values
from kg.stores.remote.http import PATIENCE, Engine
from kg.text.i18n import gettext
from kg.vocabulary import graphs

#: triples of one update; Virtuoso takes 900, and needs more time for each the more there are
MOST = 120
#: seconds that a data version is believed, and how long to wait before an engine is asked again
FRESH, AGAIN = 0.3, 5.0
#: seconds that an update may take: a writer without an answer gives up its turn
UPDATE = 3.0
_VERSION = "SELECT ?number { GRAPH ?g { $site psr:base ?base ; psr:dataVersion ?number } }"

_GRAPHS = "SELECT ?g ?s ?p ?o { VALUES ?g { $graphs } GRAPH ?g { ?s ?p ?o } }"


class RemoteStore(GraphStore):
    """Entries in named graphs of an engine.

    Raises StoreUnusable if the engine cannot be reached, does not query the union of its
    graphs, or holds entries of another base IRI or ledger. What another copy of the service
    writes is seen after ``FRESH`` seconds.
    """

    at_once = 10
    #: Virtuoso keeps the operations of an update that were done before one that failed
    whole_updates = False

    def __init__(self, base: str, engine: Engine, ledger: Ledger) -> None:
        super().__init__(base, ledger)
        self._engine = engine
        self._asking = threading.Lock()
        self._reachable, self._due = True, 0.0
        self._open()
        self._refresh_vocabulary()
        if not self.select("SELECT ?base { $site psr:base ?base } LIMIT 1", {"site": SITE}):
            raise StoreUnusable(
                "The SPARQL engine does not query the union of its named graphs by default;"
                " switch that on (see docs/engines.md)."
            )

    def version(self) -> int:
        """The data version as of ``FRESH`` seconds ago; the last known if nobody answers."""
        if time.monotonic() > self._due and self._asking.acquire(blocking=False):
            try:
                self._note(self._ask_version(2.0))
            except (LimitExceeded, Overloaded, StoreUnusable):
                self._reachable, self._due = False, time.monotonic() + AGAIN
            finally:
                self._asking.release()
        return self._version

    def check(self) -> None:
        """Raise StoreUnusable if the engine did not answer when it was last asked."""
        self.version()
        if not self._reachable:
            raise StoreUnusable(
                gettext("The SPARQL engine cannot be reached. Try again in a moment.")
            )

    def _note(self, version: int) -> None:
        super()._note(version)
        self._reachable, self._due = True, time.monotonic() + FRESH

    def _ask_version(self, seconds: float) -> int:
        text = HEADER + filled(_VERSION, {"site": SITE})
        with _ours():
            return max(
                (int(row["number"].value) for row in self._solutions(text, seconds)), default=0
            )

    def _portions(self, changes: Sequence[Change]) -> Iterable[Sequence[Change]]:
        """Divide changes so that each update has at most ``MOST`` triples, or one entry."""
        portions: list[list[Change]] = []
        size = 0
        for change in changes:
            more = len(change.entry.triples) if change.entry else 0
            if not portions or size + more > MOST:
                portions.append([])
                size = 0
            portions[-1].append(change)
            size += more
        return portions

    def select(self, query: str, values: Values) -> list[Binding]:
        """Run one of our own SELECT queries, filled in with values."""
        with _ours():
            return super().select(query, values)

    def _update(self, text: str) -> None:
        try:
            self._engine.update(HEADER + text, UPDATE)
        except Malformed as error:
            raise EngineRefused(f"The SPARQL engine refuses what we write: {error}") from error

    def _solutions(self, query: str, seconds: float = PATIENCE) -> ox.QuerySolutions:
        with self._engine.query(query, seconds=seconds) as reply:
            rows = ox.parse_query_results(reply.all(), format=ox.QueryResultsFormat.JSON)
        if isinstance(rows, ox.QueryBoolean):
            raise StoreUnusable("The SPARQL engine's answer is none to SELECT.")
        return rows

    def _read(self, iris: Sequence[str]) -> list[Entry]:
        query = filled(_GRAPHS, {"graphs": [ox.NamedNode(iri) for iri in iris]})
        triples: dict[str, list[ox.Triple]] = defaultdict(list)
        with _ours():
            for row in self._solutions(query):
                triple = ox.Triple(row["s"], row["p"], row["o"])
                # Virtuoso makes an integer of 5.0.
                triples[row["g"].value].append(whole_as_decimal(triple))
        return [make(iri, some) for iri, some in triples.items()]

    def _graph(self, name: str) -> set[ox.Triple]:
        with _ours():
            quads = ox.parse(self._engine.graph(name), format=ox.RdfFormat.N_TRIPLES)
            return set(make(name, [quad.triple for quad in quads]).triples)

    def _replace(self, name: str, triples: list[ox.Triple]) -> None:
        self._engine.put(name, ox.serialize(triples, format=ox.RdfFormat.N_TRIPLES) or b"")

    def dump(self) -> bytes:
        """All entries, provenance and vocabularies as N-Quads."""
        named = [(entry.iri, entry.triples) for entry in self.entries()]
        for name in (self._provenance.value, *(name for name, _ in graphs())):
            named.append((name, tuple(self._graph(name))))
        quads = (
            ox.Quad(t.subject, t.predicate, t.object, ox.NamedNode(name))
            for name, triples in named
            for t in triples
        )
        return ox.serialize(quads, format=ox.RdfFormat.N_QUADS) or b""


@contextmanager
def _ours() -> Iterator[None]:
    """Turn errors of parsing into StoreUnusable: the client is not at fault."""
    try:
        yield
    except (Malformed, SyntaxError) as error:
        clear_frames(error.__traceback__)  # a reader must end in the thread it began in
        reason = str(error).partition("\n")[0]
        raise StoreUnusable(
            f"The SPARQL engine and we do not understand each other: {reason}"
        ) from error
