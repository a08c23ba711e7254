"""What stores of entries share: the queries, the text of an update, entries kept in memory."""

from __future__ import annotations

import re
import threading
import uuid
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import pyoxigraph as ox

from kg.entry import Entry
from kg.errors import (
    EngineRefused,
    KgError,
    LimitExceeded,
    NoSpace,
    NotFound,
    Overloaded,
    StoreUnusable,
)
from kg.ledger.difference import entry_in, lines
from kg.ledger.ledger import IDENTITY, NOTHING, Change, Ledger, Note, Recorded
from kg.stores.protocol import Binding, Term, Values, Version
from kg.text.i18n import gettext
from kg.vocabulary import CLASSES, ONTOLOGY, PREFIXES, VOC, graphs

#: how many entries are kept in memory between two writes
MAX_KNOWN = 20_000
SITE = ox.NamedNode(ONTOLOGY + "/installation")
HEADER = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in PREFIXES.items())
_BASE = (
    "SELECT ?base ?number ?identity { GRAPH ?g { $site psr:base ?base"
    " OPTIONAL { $site psr:dataVersion ?number } OPTIONAL { $site psr:storeIdentity ?identity } } }"
)
_STANDS = (
    "SELECT ?number ?mark { GRAPH $prov { $site psr:dataVersion ?number"
    " OPTIONAL { $site psr:change ?mark } } }"
)
_KNOWN_OF_OLD = (
    "SELECT ?number ?when ?agent ?action ?entry ?class { GRAPH $prov {"
    " ?entry psr:dataVersion ?number ; prov:wasGeneratedBy ?made ."
    " ?made prov:startedAtTime ?when ; prov:wasAssociatedWith ?agent ; psr:action ?action }"
    " OPTIONAL { GRAPH ?entry { ?entry a ?class } VALUES ?class { $classes } } }"
)
#: what the names of visitors began with before version 1.0; they are in no history
VISITORS = "session-"
_PROVENANCE = (
    "SELECT ?number ?when ?agent ?action { GRAPH $prov {"
    " $entry psr:dataVersion ?number ; prov:wasGeneratedBy ?made ."
    " ?made prov:startedAtTime ?when ; prov:wasAssociatedWith ?agent ; psr:action ?action } }"
)
_NOTED = "SELECT ?p ?o { GRAPH $prov { $entry ?p ?o } }"
_WRITTEN_BY = (
    "SELECT ?entry ?when { GRAPH $prov {"
    " ?entry psr:dataVersion ?number ; prov:wasGeneratedBy ?made ."
    " ?made prov:startedAtTime ?when ; prov:wasAssociatedWith ?agent }"
    " FILTER(STRSTARTS(STR(?agent), $agents)) } ORDER BY ?entry"
)
_FORGET = (
    "DELETE {{ GRAPH {prov} {{ ?made ?p ?o }} }} WHERE {{ GRAPH {prov} {{ ?made ?p ?o ;"
    " prov:wasAssociatedWith ?agent }} FILTER(STRSTARTS(STR(?agent), {agents})) }}"
)
_KINDS = (
    "SELECT DISTINCT ?iri ?class ?scheme { VALUES ?iri { $iris }"
    " { ?iri a ?class } UNION { ?iri skos:inScheme ?scheme } }"
)
_ENTRIES = "SELECT DISTINCT ?entry { GRAPH ?entry { ?entry a ?class } VALUES ?class { $classes } }"


class GraphStore(ABC):
    """A ``Store`` that is asked by SPARQL; a subclass brings what touches its engine."""

    #: how many entries are read at once
    at_once = 1
    #: whether an update is carried out whole or not at all
    whole_updates = True

    def __init__(self, base: str, ledger: Ledger) -> None:
        self.base, self.ledger = base, ledger
        self._provenance = ox.NamedNode(base + "graph/provenance")
        self._lock, self._writing = threading.Lock(), threading.RLock()
        self._depth = self._version = 0
        self._known: dict[str, Entry] = {}
        self._known_at = -1

    @abstractmethod
    def version(self) -> int:
        """The data version: how many writes there have been."""

    @abstractmethod
    def _solutions(self, query: str) -> ox.QuerySolutions:
        """Run a SELECT query over the union of all graphs."""

    @abstractmethod
    def _update(self, text: str) -> None:
        """Run an update, whole or not at all."""

    @abstractmethod
    def _read(self, iris: Sequence[str]) -> list[Entry]:
        """Read entries; those that do not exist are left out."""

    @abstractmethod
    def _graph(self, name: str) -> set[ox.Triple]:
        """The triples of a graph."""

    @abstractmethod
    def _replace(self, name: str, triples: list[ox.Triple]) -> None:
        """Put triples into a graph in the place of what it holds."""

    def _open(self) -> None:
        """Bring graph and ledger together: to one base, one identity and one number.

        Raises StoreUnusable where they do not belong together.
        """
        with self.ledger.database.turn():
            if not (noted := self.select(_BASE, {"site": SITE})):
                self._found(0)
            elif noted[0]["base"] != self.base:
                raise StoreUnusable(
                    f"This store was made for the base {noted[0]['base']}; set PASSERELLE_BASE to"
                    " it, or use another home."
                )
            elif "identity" not in noted[0]:
                self._found(int(noted[0].get("number", 0)))
            elif noted[0]["identity"] != self.ledger.identity:
                raise StoreUnusable(
                    "The graph and the ledger do not belong together; restore both from the same"
                    " backup, or use the home and the PASSERELLE_DATABASE that they were made in."
                )
            # What the ledger holds and the graph does not is carried out again.
            while closed := self.ledger.after(self._stands()[0]):
                for change in closed:
                    self._carry_out(change)
            self._settle()
            number, last = self._stands()[0], self.ledger.last()
            if number != last:
                raise StoreUnusable(
                    f"The graph stands at change {number}, its ledger at {last}; restore both from"
                    " the same backup."
                )
            self._note(number)

    def _found(self, number: int) -> None:
        """Give a graph its identity, and a ledger that begins with what is known of it."""
        if self.ledger.identity is not None:
            raise StoreUnusable(
                "The graph of this ledger is missing: the store is empty or another one; restore"
                " it from a backup, or move the ledger away to begin anew."
            )
        if number:
            classes = [ox.NamedNode(iri) for iri in CLASSES.values()]
            rows = self.select(_KNOWN_OF_OLD, {"prov": self._provenance, "classes": classes})
            self.ledger.adopt(
                (int(row["number"]), row["when"], agent, row["action"], row["entry"], done)
                for row in rows
                if not (agent := row["agent"].removeprefix(self.base + "agent/")).startswith(
                    VISITORS
                )
                if (done := row["action"] if "class" in row else "delete")
            )
        identity = ox.Literal(self.ledger.keep(IDENTITY, uuid.uuid4().hex))
        self._update(
            f"INSERT {{ GRAPH {self._provenance} {{ {SITE} psr:base {ox.Literal(self.base)} ;"
            f' psr:storeIdentity {identity} ; psr:dataVersion {number} ; psr:change "" }} }}'
            f" WHERE {{ FILTER NOT EXISTS {{ GRAPH {self._provenance}"
            f" {{ {SITE} psr:storeIdentity ?other }} }} }}"
        )

    def _stands(self) -> tuple[int, str]:
        """At which change the graph stands, and that change's mark."""
        rows = self.select(_STANDS, {"prov": self._provenance, "site": SITE})
        newest = max(rows, key=lambda row: int(row["number"]), default={"number": "0"})
        return int(newest["number"]), newest.get("mark", "")

    def _note(self, version: int) -> None:
        """Keep the number at which the graph was seen to stand."""
        self._version = max(version, self._version)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep every other writer away while the block runs; may be nested in one thread.

        What a writer that has ended left open is settled first.
        """
        with self._writing:
            if self._depth:
                yield
                return
            with self.ledger.database.turn():
                self._settle()
                self._note(self._latest())
                self._depth = 1
                try:
                    yield
                finally:
                    self._depth = 0

    def settle(self, seconds: float) -> None:
        """Carry out what has been open for so long; its writer has ended."""
        if self.ledger.open(seconds):
            with self.exclusive():
                pass

    def write(
        self, changes: Sequence[Change], agent: str, action: str, note: Note = NOTHING
    ) -> int:
        """Record and carry out changes, several entries of a large write as several changes."""
        if not changes:
            return self.version()
        with self.exclusive():
            for some in self._portions(changes):
                number = self._version + 1
                before = {entry.iri: entry for entry in self.several([c.iri for c in some])}
                whole = not self.whole_updates
                recorded = self.ledger.intend(
                    number, some, before, agent, action, note, whole=whole
                )
                try:
                    self._send(recorded, some)
                except EngineRefused:
                    self._give_up(recorded)
                    raise
                except OSError as error:  # of the embedded store: nothing was written
                    with suppress(KgError):
                        self.ledger.withdraw(number)
                    raise NoSpace(
                        gettext("There is no space left to write. Try again later.")
                    ) from error
                self.ledger.close(number)
                self._note(number)
            return self._version

    def _settle(self) -> None:
        """Carry out what writers that have ended left open, or give it up if it cannot be."""
        for change in self.ledger.open():
            try:
                self._carry_out(change)
            except EngineRefused:
                self._give_up(change)
            else:
                self.ledger.close(change.number)

    def _carry_out(self, change: Recorded) -> None:
        """Make a recorded change, unless the graph has it already."""
        if self._stands()[0] < change.number:
            now = {entry.iri: lines(entry) for entry in self._read(list(change.differences))}
            states = {
                iri: difference.forward(now.get(iri, frozenset()))
                for iri, difference in change.differences.items()
            } | {**change.states}
            after = [
                Change(iri, entry_in(iri, state), change.targets.get(iri))
                for iri, state in states.items()
            ]
            self._send(change, after)
        self._note(change.number)

    def _give_up(self, change: Recorded) -> None:
        """Let a change that the engine refuses do nothing, also where it still comes late."""
        nothing = replace(change, action="void", mark=uuid.uuid4().hex, differences={})
        self._send(nothing, ())
        self.ledger.void(nothing)
        self._note(change.number)

    def _send(self, change: Recorded, after: Sequence[Change]) -> None:
        """Send the update of a change, and make sure that it is what the graph stands at.

        Raises EngineRefused if the engine will not have it, StoreUnusable where the answer is
        lost and the graph does not show it.
        """
        lost: KgError | None = None
        try:
            self._update(self._text(change, after))
        except (LimitExceeded, Overloaded, StoreUnusable) as error:
            if isinstance(error, EngineRefused):
                raise
            lost = error
        stands = self._stands()
        if stands != (change.number, change.mark) and not (
            # Somebody else settled it, and wrote since.
            stands[0] > change.number and self.ledger.is_closed(change)
        ):
            raise StoreUnusable(
                gettext("It is not known whether this was stored; read it again first.")
            ) from lost

    def _portions(self, changes: Sequence[Change]) -> Iterable[Sequence[Change]]:
        """Divide a write into what one update takes."""
        return [changes]

    def _latest(self) -> int:
        """The number at which the graph stands, asked for in a turn of writing."""
        return self._stands()[0]

    def _refresh_vocabulary(self) -> None:
        """Put the packaged ontology and schemes into their graphs if they differ."""
        for name, triples in graphs():
            if self._graph(name) != set(triples):
                self._replace(name, triples)

    def get(self, iri: str) -> Entry:
        """An entry; raises NotFound."""
        ours = iri.startswith(self.base + "id/") and _node(iri)
        if ours and (entries := self.several([iri])):
            return entries[0]
        raise NotFound(gettext("There is no entry %(entry)s.", entry=iri))

    def several(self, iris: Sequence[str]) -> list[Entry]:
        """Entries in the order of ``iris``; those that do not exist are left out."""
        return [entry for some in _parts(iris, self.at_once) for entry in self._some(some)]

    def _some(self, iris: Sequence[str]) -> list[Entry]:
        version = self.version()
        with self._lock:
            if not 0 <= self._known_at <= version or len(self._known) >= MAX_KNOWN:
                self._known = {}
            elif self._known_at != version and self._known:
                for changed, _ in self.ledger.entries_since(self._known_at, opened=True):
                    self._known.pop(changed, None)
            self._known_at = version
            entries = {iri: self._known[iri] for iri in iris if iri in self._known}
        if missing := [iri for iri in iris if iri not in entries]:
            read = {entry.iri: entry for entry in self._read(missing)}
            with self._lock:
                if self._known_at == version:  # else a write came between
                    self._known |= read
            entries |= read
        return [entries[iri] for iri in iris if iri in entries]

    def provenance(self, iri: str) -> Version | None:
        """The last write of an entry, also of a deleted one; None if never seen.

        ``get`` then brings no older state of it, also while the write is being closed.
        """
        if (node := _node(iri)) is None:
            return None
        rows = self.select(_PROVENANCE, {"prov": self._provenance, "entry": node})
        if not rows:
            return None
        row = rows[0]
        agent = row["agent"].removeprefix(self.base + "agent/")
        self._version = max(int(row["number"]), self._version)
        return Version(int(row["number"]), row["when"], agent, row["action"])

    def noted(self, iri: str) -> set[ox.Triple]:
        """The statements of the provenance graph about an entry."""
        if (node := _node(iri)) is None:
            return set()
        rows = self._solutions(filled(_NOTED, {"prov": self._provenance, "entry": node}))
        return {ox.Triple(node, row["p"], row["o"]) for row in rows}

    def written_by(self, prefix: str) -> list[tuple[str, str]]:
        """Entries by IRI whose last agent's name begins with ``prefix``, each with the time."""
        agents = ox.Literal(f"{self.base}agent/{prefix}")
        rows = self.select(_WRITTEN_BY, {"prov": self._provenance, "agents": agents})
        return [(row["entry"], row["when"]) for row in rows]

    def forget_agents(self, prefix: str) -> None:
        """Remove from provenance the activities of agents whose names begin with ``prefix``."""
        agents = ox.Literal(f"{self.base}agent/{prefix}")
        self._update(_FORGET.format(prov=self._provenance, agents=agents))

    def changes_since(self, version: int) -> list[tuple[str, bool]]:
        """The entries written after a data version, and whether each still exists."""
        return self.ledger.entries_since(version)

    def kinds(self, iris: Iterable[str]) -> dict[str, list[str]]:
        """The classes of entries and concepts; ``scheme:IRI`` for the scheme."""
        classes: dict[str, list[str]] = defaultdict(list)
        ours = sorted({iri for iri in iris if iri.startswith((self.base, VOC))})
        for some in _parts(ours, 200):
            for row in self.select(_KINDS, {"iris": [ox.NamedNode(iri) for iri in some]}):
                classes[row["iri"]].append(row.get("class") or "scheme:" + row["scheme"])
        return {iri: sorted(kinds) for iri, kinds in classes.items()}

    def entries(self, path: str | None = None) -> Iterator[Entry]:
        """Yield the entries of a class, or all, by IRI."""
        classes = [CLASSES[path]] if path else CLASSES.values()
        rows = self.select(_ENTRIES, {"classes": [ox.NamedNode(iri) for iri in classes]})
        names = (row["entry"] for row in rows)
        ours = sorted(name for name in names if name.startswith(self.base + "id/"))
        for some in _parts(ours, self.at_once):
            yield from self._some(some)

    def select(self, query: str, values: Values) -> list[Binding]:
        """Run one of our own SELECT queries, filled in with values."""
        rows = self._solutions(HEADER + filled(query, values))
        names = [v.value for v in rows.variables]
        return [{name: row[name].value for name in names if row[name] is not None} for row in rows]

    def _text(self, change: Recorded, after: Sequence[Change]) -> str:
        """Write the update of a change, which does nothing unless the graph stands just before it.

        Four operations whatever the number of entries: an engine such as Virtuoso needs far
        longer for more. The last one moves the number, so that each finds it as it was.
        """
        prov, number = self._provenance, change.number
        activity = ox.NamedNode(f"{self.base}activity/{number}")
        who = ox.NamedNode(f"{self.base}agent/{change.agent}")
        due = f"GRAPH {prov} {{ {SITE} psr:dataVersion {number - 1} }}"
        nodes = " ".join(str(ox.NamedNode(c.iri)) for c in after)
        new = "".join(
            f" GRAPH {ox.NamedNode(c.iri)} {{ {c.entry.n_triples()} }}" for c in after if c.entry
        )
        noted = "".join(
            f" {ox.NamedNode(c.iri)} psr:dataVersion {number} ; prov:wasGeneratedBy {activity} ."
            for c in after
        )
        noted += "".join(
            f" {ox.NamedNode(c.target)} owl:sameAs {ox.NamedNode(c.iri)} ."
            for c in after
            if c.target
        )
        again = " ".join(str(ox.NamedNode(c.iri)) for c in after if c.entry)
        cleared = (
            f"DELETE {{ GRAPH ?g {{ ?s ?p ?o }} }}"
            f" WHERE {{ {due} VALUES ?g {{ {nodes} }} GRAPH ?g {{ ?s ?p ?o }} }} ;\n"
            f"DELETE {{ GRAPH {prov} {{ ?s ?p ?o }} }}"
            f" WHERE {{ {due} VALUES ?s {{ {nodes} }} GRAPH {prov} {{ ?s ?p ?o }}"
            f" FILTER(?p != owl:sameAs) }} ;\n"
        )
        # An entry that comes back after it was merged is itself again.
        parted = (
            f"DELETE {{ GRAPH {prov} {{ ?s owl:sameAs ?o }} }}"
            f" WHERE {{ {due} VALUES ?o {{ {again} }} GRAPH {prov} {{ ?s owl:sameAs ?o }} }} ;\n"
        )
        return (
            (cleared if after else "")
            + (parted if again else "")
            + (
                f"DELETE {{ GRAPH {prov}"
                f" {{ {SITE} psr:dataVersion {number - 1} ; psr:change ?last }} }}"
                f" INSERT {{ GRAPH {prov} {{ {SITE} psr:dataVersion {number} ;"
                f" psr:change {ox.Literal(change.mark)} ."
                f" {activity} a prov:Activity ; prov:wasAssociatedWith {who} ;"
                f" prov:startedAtTime {ox.Literal(change.at)}^^xsd:dateTime ;"
                f" psr:action {ox.Literal(change.action)} .{noted} }}{new} }}"
                f" WHERE {{ {due} GRAPH {prov} {{ {SITE} psr:change ?last }} }}"
            )
        )


def filled(query: str, values: Values) -> str:
    """Replace each ``$name`` of a query by a term, or by several with spaces between.

    In one pass: what looks like a name inside a term stays as it is. No term goes into the text
    of a query in any other way.
    """

    def written(match: re.Match[str]) -> str:
        value = values[match[1]]
        return str(value) if isinstance(value, Term) else " ".join(map(str, value))

    return re.sub(r"\$(\w+)", written, query)


def _parts(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]


def _node(iri: str) -> ox.NamedNode | None:
    try:
        return ox.NamedNode(iri)
    except ValueError:
        return None
