"""What stores of entries share: the queries, the text of an update, entries kept in memory."""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import pyoxigraph as ox

from kg.entry import Entry
from kg.errors import NotFound, StoreUnusable
from kg.stores.protocol import Binding, Change, Term, Values, Version
from kg.text.i18n import gettext
from kg.vocabulary import CLASSES, ONTOLOGY, PREFIXES, VOC, graphs

#: how many entries are kept in memory between two writes
MAX_KNOWN = 20_000
SITE = ox.NamedNode(ONTOLOGY + "/installation")
HEADER = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in PREFIXES.items())
_BASE = (
    "SELECT ?base ?number { GRAPH ?g { $site psr:base ?base"
    " OPTIONAL { $site psr:dataVersion ?number } } }"
)
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
_CHANGES = (
    "SELECT DISTINCT ?entry ?alive { GRAPH $prov {"
    " ?entry psr:dataVersion ?v ; prov:wasGeneratedBy ?a } FILTER(?v > $since)"
    " OPTIONAL { GRAPH ?entry { ?entry a ?alive } } }"
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

    def __init__(self, base: str) -> None:
        self.base = base
        self._provenance = ox.NamedNode(base + "graph/provenance")
        self._lock = threading.Lock()
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
        """Those of some entries that exist."""

    @abstractmethod
    def _graph(self, name: str) -> set[ox.Triple]:
        """The triples of a graph."""

    @abstractmethod
    def _replace(self, name: str, triples: list[ox.Triple]) -> None:
        """Put triples into a graph in the place of what it holds."""

    def _open(self) -> int:
        """The data version; notes the base IRI at the first start, refuses another."""
        noted = self.select(_BASE, {"site": SITE})
        if not noted:
            self._update(
                f"INSERT DATA {{ GRAPH {self._provenance}"
                f" {{ {SITE} psr:base {ox.Literal(self.base)} }} }}"
            )
            return 0
        if noted[0]["base"] != self.base:
            raise StoreUnusable(
                f"This store was made for the base {noted[0]['base']}; set PASSERELLE_BASE to it,"
                " or use another home."
            )
        return int(noted[0].get("number", 0))

    def _refresh_vocabulary(self) -> None:
        """Put the packaged ontology and schemes into their graphs if they differ."""
        for name, triples in graphs():
            if self._graph(name) != set(triples):
                self._replace(name, triples)

    def get(self, iri: str) -> Entry:
        """An entry; raises NotFound."""
        ours = iri.startswith(self.base + "id/") and _node(iri)
        if not ours or not (found := self.several([iri])):
            raise NotFound(gettext("There is no entry %(entry)s.", entry=iri))
        return found[0]

    def several(self, iris: Sequence[str]) -> list[Entry]:
        """Those of some entries that exist, in the same order."""
        return [entry for some in _parts(iris, self.at_once) for entry in self._some(some)]

    def _some(self, iris: Sequence[str]) -> list[Entry]:
        version = self.version()
        with self._lock:
            if self._known_at != version or len(self._known) >= MAX_KNOWN:
                self._known, self._known_at = {}, version
            found = {iri: self._known[iri] for iri in iris if iri in self._known}
        if missing := [iri for iri in iris if iri not in found]:
            read = {entry.iri: entry for entry in self._read(missing)}
            with self._lock:
                if self._known_at == version:  # else a write came between
                    self._known |= read
            found |= read
        return [found[iri] for iri in iris if iri in found]

    def provenance(self, iri: str) -> Version | None:
        """The last write of an entry, also of a deleted one; None if never seen."""
        if (node := _node(iri)) is None:
            return None
        rows = self.select(_PROVENANCE, {"prov": self._provenance, "entry": node})
        if not rows:
            return None
        row = rows[0]
        agent = row["agent"].removeprefix(self.base + "agent/")
        return Version(int(row["number"]), row["when"], agent, row["action"])

    def noted(self, iri: str) -> set[ox.Triple]:
        """What provenance says of an entry itself."""
        if (node := _node(iri)) is None:
            return set()
        rows = self._solutions(filled(_NOTED, {"prov": self._provenance, "entry": node}))
        return {ox.Triple(node, row["p"], row["o"]) for row in rows}

    def written_by(self, prefix: str) -> list[tuple[str, str]]:
        """Entries whose last writer has such a name, each with when it was, by IRI."""
        agents = ox.Literal(f"{self.base}agent/{prefix}")
        rows = self.select(_WRITTEN_BY, {"prov": self._provenance, "agents": agents})
        return [(row["entry"], row["when"]) for row in rows]

    def forget_agents(self, prefix: str) -> None:
        """Remove from provenance what was done by those whose names begin so."""
        agents = ox.Literal(f"{self.base}agent/{prefix}")
        self._update(_FORGET.format(prov=self._provenance, agents=agents))

    def changes_since(self, version: int) -> list[tuple[str, bool]]:
        """The entries written after a version, and whether each still exists."""
        values: dict[str, ox.NamedNode | ox.Literal]
        values = {"prov": self._provenance, "since": ox.Literal(version)}
        return sorted({(row["entry"], "alive" in row) for row in self.select(_CHANGES, values)})

    def kinds(self, iris: Iterable[str]) -> dict[str, list[str]]:
        """The classes of entries and concepts; ``scheme:IRI`` for the scheme."""
        found: dict[str, list[str]] = defaultdict(list)
        ours = sorted({iri for iri in iris if iri.startswith((self.base, VOC))})
        for some in _parts(ours, 200):
            for row in self.select(_KINDS, {"iris": [ox.NamedNode(iri) for iri in some]}):
                found[row["iri"]].append(row.get("class") or "scheme:" + row["scheme"])
        return {iri: sorted(kinds) for iri, kinds in found.items()}

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
        found = self._solutions(HEADER + filled(query, values))
        names = [v.value for v in found.variables]
        return [{name: row[name].value for name in names if row[name] is not None} for row in found]

    def _change(self, changes: Sequence[Change], agent: str, action: str, number: int) -> str:
        """The update that carries out changes as data version ``number``.

        Three operations whatever the number of entries: an engine such as Virtuoso needs far
        longer for more.
        """
        prov = self._provenance
        activity = ox.NamedNode(f"{self.base}activity/{number}")
        who = ox.NamedNode(f"{self.base}agent/{agent}")
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        noted = (
            f"{SITE} psr:dataVersion {number} ; psr:base {ox.Literal(self.base)} ."
            f" {activity} a prov:Activity ; prov:startedAtTime {ox.Literal(now)}^^xsd:dateTime ;"
            f" prov:wasAssociatedWith {who} ; psr:action {ox.Literal(action)} ."
        )
        nodes = " ".join(str(ox.NamedNode(change.iri)) for change in changes)
        new = "".join(
            f" GRAPH {ox.NamedNode(change.iri)} {{ {change.entry.n_triples()} }}"
            for change in changes
            if change.entry
        )
        for change in changes:
            entry = ox.NamedNode(change.iri)
            noted += f" {entry} psr:dataVersion {number} ; prov:wasGeneratedBy {activity} ."
        return (
            f"DELETE {{ GRAPH ?g {{ ?s ?p ?o }} }}"
            f" WHERE {{ VALUES ?g {{ {nodes} }} GRAPH ?g {{ ?s ?p ?o }} }} ;\n"
            f"DELETE {{ GRAPH {prov} {{ ?s ?p ?o }} }}"
            f" WHERE {{ VALUES ?s {{ {SITE} {nodes} }} GRAPH {prov} {{ ?s ?p ?o }} }} ;\n"
            f"INSERT DATA {{ GRAPH {prov} {{ {noted} }}{new} }}"
        )


def filled(query: str, values: Values) -> str:
    """A query with each ``$name`` replaced by a term, or by several with spaces between.

    In one pass: what looks like a name inside a term stays as it is. No term goes into the text
    of a query in any other way.
    """
    return re.sub(r"\$(\w+)", lambda match: _written(values[match[1]]), query)


def _written(value: Term | Sequence[Term]) -> str:
    return str(value) if isinstance(value, Term) else " ".join(map(str, value))


def _parts(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]


def _node(iri: str) -> ox.NamedNode | None:
    try:
        return ox.NamedNode(iri)
    except ValueError:
        return None
