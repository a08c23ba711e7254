"""The store in somebody's SPARQL 1.1 engine, which several copies of the service may share."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from traceback import clear_frames

import pyoxigraph as ox

from kg.entry import Entry, make, whole_as_decimal
from kg.errors import LimitExceeded, Malformed, Overloaded, StoreUnusable
from kg.stores.base import HEADER, SITE, GraphStore, filled
from kg.stores.protocol import Binding, Change, Values, Version
from kg.stores.remote.http import PATIENCE, Engine
from kg.text.i18n import gettext
from kg.vocabulary import graphs

#: triples of one update; Virtuoso takes 900, and needs more time for each the more there are
MOST = 120
#: seconds that a data version is believed, and how long to wait before an engine is asked again
FRESH, AGAIN = 0.3, 5.0
#: seconds that a writer waits for its turn
WAIT = 20.0
#: seconds after which a claim without a write counts as left behind; more than an update may take
LEFT = 180.0
_CLAIMS = (
    "SELECT ?claim ?number { GRAPH $claims { ?claim a psr:Claim }"
    " OPTIONAL { GRAPH ?g { ?site psr:dataVersion ?number ; psr:base ?base } } }"
)
_VERSION = "SELECT ?number { GRAPH ?g { $site psr:base ?base ; psr:dataVersion ?number } }"

_GRAPHS = "SELECT ?g ?s ?p ?o { VALUES ?g { $graphs } GRAPH ?g { ?s ?p ?o } }"


class Claims:
    """Turns of writers in several processes, with nothing but what every engine keeps: inserts.

    Of two updates at a time an engine may lose one, but no insert. So a writer notes a claim in the
    graph ``name``, looks at all claims, and writes if its own is the only one. Of two who look, the
    later sees both. ``select`` and ``update`` run a query and an update.
    """

    def __init__(
        self,
        name: str,
        select: Callable[[str, Values], list[Binding]],
        update: Callable[[str], None],
    ) -> None:
        self._name, self._select, self._update = ox.NamedNode(name), select, update
        self._seen: dict[tuple[str, str], float] = {}

    def take(self) -> str:
        """Wait until nobody else writes and return our claim; raises Overloaded."""
        end = time.monotonic() + WAIT
        for attempt in count():
            mine = f"{self._name.value}/{uuid.uuid4().hex}"
            self._update(
                f"INSERT DATA {{ GRAPH {self._name} {{ {ox.NamedNode(mine)} a psr:Claim }} }}"
            )
            rows = self._select(_CLAIMS, {"claims": self._name})
            others = {(r["claim"], r.get("number", "")) for r in rows if r["claim"] != mine}
            now = time.monotonic()
            self._seen = {key: self._seen.get(key, now) for key in others}
            # Of writers that are gone: nothing was written for a long time.
            left = [claim for (claim, _), since in self._seen.items() if now - since > LEFT]
            if len(left) == len(others):
                self.give_back(*left)
                return mine
            self.give_back(mine)
            if time.monotonic() > end:
                break
            time.sleep(random.uniform(0, min(0.02 * 2**attempt, 0.5)))
        raise Overloaded(gettext("Somebody else is writing. Try again in a moment."), 5)

    def give_back(self, *claims: str) -> None:
        """Remove claims."""
        for claim in claims:
            self._update(f"DELETE WHERE {{ GRAPH {self._name} {{ {ox.NamedNode(claim)} ?p ?o }} }}")


class RemoteStore(GraphStore):
    """Entries in named graphs of an engine.

    Raises StoreUnusable if the engine cannot be reached, does not query the union of its
    graphs, or holds entries of another base IRI. What another copy of the service writes is
    seen after ``FRESH`` seconds.
    """

    at_once = 10

    def __init__(self, base: str, engine: Engine) -> None:
        super().__init__(base)
        self._engine = engine
        self._claims = Claims(base + "graph/claims", self.select, self._update)
        self._claim: str | None = None
        self._writing, self._asking = threading.RLock(), threading.Lock()
        self._reachable = True
        self._version, self._due = self._open(), 0.0
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

    def provenance(self, iri: str) -> Version | None:
        """The last write of an entry; ``get`` then brings no older state of it."""
        if seen := super().provenance(iri):
            self._version = max(seen.number, self._version)
        return seen

    def _note(self, version: int) -> None:
        self._version = max(version, self._version)
        self._reachable, self._due = True, time.monotonic() + FRESH

    def _ask_version(self, seconds: float) -> int:
        text = HEADER + filled(_VERSION, {"site": SITE})
        with _ours():
            return max(
                (int(row["number"].value) for row in self._solutions(text, seconds)), default=0
            )

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep the writers of all copies of the service away while the block runs."""
        with self._writing:
            if self._claim:
                yield
                return
            self._claim = self._claims.take()
            try:
                self._note(self._ask_version(PATIENCE))
                yield
            finally:
                claim, self._claim = self._claim, None
                self._claims.give_back(claim)

    def write(self, changes: Sequence[Change], agent: str, action: str) -> int:
        """Carry out changes, several entries of more than ``MOST`` triples in several updates."""
        if not changes:
            return self.version()
        parts: list[list[Change]] = []
        size = 0
        for change in changes:
            more = len(change.entry.triples) if change.entry else 0
            if not parts or size + more > MOST:
                parts.append([])
                size = 0
            parts[-1].append(change)
            size += more
        with self.exclusive():
            for some in parts:
                number = self._version + 1
                text = self._change(some, agent, action, number)
                assert self._claim
                claim = {"claim": ox.NamedNode(self._claim)}
                if not self.select("SELECT ?c { $claim a ?c }", claim):  # somebody took it away
                    raise Overloaded(
                        gettext("The write took too long and lost its turn. Try again."), 5
                    )
                self._update(text)
                self._note(number)
        return self._version

    def select(self, query: str, values: Values) -> list[Binding]:
        """Run one of our own SELECT queries, filled in with values."""
        with _ours():
            return super().select(query, values)

    def _update(self, text: str) -> None:
        with _ours():
            self._engine.update(HEADER + text)

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
