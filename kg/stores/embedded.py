"""The embedded store: pyoxigraph on disk, one writer at a time."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyoxigraph as ox

from kg.entry import Entry, name_of
from kg.errors import NotFound, StoreUnusable
from kg.store import Binding, Change, Version
from kg.vocabulary import CLASSES, ONTOLOGY, PREFIXES, PROV, PSR, RDF_TYPE, SKOS, VOC, graphs

#: how many entries are kept in memory between two writes
MAX_KNOWN = 20_000
_HEADER = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in PREFIXES.items())


class EmbeddedStore:
    """Entries in named graphs of a pyoxigraph store; ``path`` None keeps it in memory.

    Raises StoreUnusable if another process holds the folder or it was made for another
    base IRI.
    """

    def __init__(self, base: str, path: Path | None = None) -> None:
        self.base = base
        self._provenance = ox.NamedNode(base + "graph/provenance")
        self._lock = threading.Lock()
        self._known: dict[str, Entry] = {}
        try:
            self._store = ox.Store(path) if path else ox.Store()
        except OSError as error:
            raise StoreUnusable(
                f"The store in {path} cannot be opened; is another process using it?"
            ) from error
        self._check_base()
        self._version = self._read_version()
        self._refresh_vocabulary()

    def _check_base(self) -> None:
        """Note the base IRI at the first start, refuse another one later."""
        site, prop = ox.NamedNode(ONTOLOGY + "/installation"), ox.NamedNode(PSR + "base")
        # In whatever graph: the graph's own name starts with the base.
        noted = self._store.quads_for_pattern(site, prop, None, None)
        known = next((name_of(quad.object) for quad in noted), None)
        if known is None:
            self._store.add(ox.Quad(site, prop, ox.Literal(self.base), self._provenance))
        elif known != self.base:
            raise StoreUnusable(
                f"This home was made for the base {known}; set PASSERELLE_BASE to it,"
                " or use another home."
            )

    def _read_version(self) -> int:
        return int(self._one(ox.NamedNode(ONTOLOGY + "/installation"), PSR + "dataVersion") or 0)

    def _one(self, subject: ox.NamedNode, predicate: str) -> str | None:
        found = self._store.quads_for_pattern(
            subject, ox.NamedNode(predicate), None, self._provenance
        )
        return next((name_of(q.object) for q in found), None)

    def _refresh_vocabulary(self) -> None:
        """Put the packaged ontology and schemes into their graphs if they differ."""
        for name, triples in graphs():
            graph = ox.NamedNode(name)
            if {q.triple for q in self._store.quads_for_pattern(None, None, None, graph)} != set(
                triples
            ):
                self._store.remove_graph(graph)
                self._store.extend(
                    ox.Quad(t.subject, t.predicate, t.object, graph) for t in triples
                )

    def version(self) -> int:
        """Return the data version: how many writes there have been."""
        return self._version

    def get(self, iri: str) -> Entry:
        """Return an entry, or raise NotFound."""
        version, known = self._version, self._known.get(iri)
        if known is None:
            known = self._get(iri)
            self._remember(known, version)
        return known

    def _remember(self, entry: Entry, version: int) -> None:
        """Keep an entry for the next reader, unless a write came between."""
        with self._lock:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            if self._version == version:
                self._known[entry.iri] = entry

    def _get(self, iri: str) -> Entry:
        graph = _node(iri) if iri.startswith(self.base + "id/") else None
        quads = self._store.quads_for_pattern(None, None, None, graph) if graph else ()
        if not (triples := [q.triple for q in quads]):
            raise NotFound(f"There is no entry {iri}.")
        return Entry(iri, tuple(sorted(triples, key=str)))

    def provenance(self, iri: str) -> Version | None:
        """Return the last write of an entry, also of a deleted one; None if never seen."""
        node = _node(iri)
        number = node and self._one(node, PSR + "dataVersion")
        activity = node and self._one(node, PROV + "wasGeneratedBy")
        if number is None or activity is None:
            return None
        made = ox.NamedNode(activity)
        return Version(
            number=int(number),
            when=self._one(made, PROV + "startedAtTime") or "",
            agent=(self._one(made, PROV + "wasAssociatedWith") or "").removeprefix(
                self.base + "agent/"
            ),
            action=self._one(made, PSR + "action") or "",
        )

    def write(self, changes: Sequence[Change], agent: str, action: str) -> int:
        """Carry out all changes in one atomic update and return the new data version."""
        if not changes:
            return self._version
        with self._lock:
            number = self._version + 1
            self._store.update(self._update(changes, agent, action, number))
            self._version = number
            self._known.clear()
        return number

    def _update(self, changes: Sequence[Change], agent: str, action: str, number: int) -> str:
        prov, activity = self._provenance, f"<{self.base}activity/{number}>"
        site, who = f"<{ONTOLOGY}/installation>", ox.NamedNode(f"{self.base}agent/{agent}")
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        noted = (
            f"{site} psr:dataVersion {number} ; psr:base {_literal(self.base)} ."
            f" {activity} a prov:Activity ; prov:startedAtTime {_literal(now)}^^xsd:dateTime ;"
            f" prov:wasAssociatedWith {who} ; psr:action {_literal(action)} ."
        )
        parts = [f"DELETE WHERE {{ GRAPH {prov} {{ {site} ?p ?o }} }}"]
        for change in changes:
            node = f"<{change.iri}>"
            old = f"{node} psr:dataVersion ?v ; prov:wasGeneratedBy ?g"
            parts += [
                f"DROP SILENT GRAPH {node}",
                f"DELETE WHERE {{ GRAPH {prov} {{ {old} }} }}",
            ]
            if change.entry:
                parts.append(f"INSERT DATA {{ GRAPH {node} {{ {change.entry.n_triples()} }} }}")
            noted += f" {node} psr:dataVersion {number} ; prov:wasGeneratedBy {activity} ."
        parts.append(f"INSERT DATA {{ GRAPH {prov} {{ {noted} }} }}")
        return _HEADER + " ;\n".join(parts)

    def changes_since(self, version: int) -> list[tuple[str, bool]]:
        """Return the entries written after a version, and whether each still exists."""
        rows = self.select(
            "SELECT ?entry ?alive {"
            " GRAPH $prov { ?entry psr:dataVersion ?v ; prov:wasGeneratedBy ?a }"
            " FILTER(?v > $since) BIND(EXISTS { GRAPH ?entry { ?s ?p ?o } } AS ?alive) }"
            " ORDER BY ?entry",
            {"prov": self._provenance, "since": ox.Literal(version)},
        )
        return [(row["entry"], row["alive"] == "true") for row in rows]

    def kinds(self, iris: Iterable[str]) -> dict[str, list[str]]:
        """Return the classes of entries and concepts; ``scheme:IRI`` for the scheme."""
        found: dict[str, list[str]] = defaultdict(list)
        for iri in iris:
            if not iri.startswith((self.base, VOC)):
                continue
            node = ox.NamedNode(iri)
            for quad in self._store.quads_for_pattern(node, RDF_TYPE, None, None):
                found[iri].append(name_of(quad.object))
            for quad in self._store.quads_for_pattern(
                node, ox.NamedNode(SKOS + "inScheme"), None, None
            ):
                found[iri].append("scheme:" + name_of(quad.object))
        return found

    def entries(self, path: str | None = None) -> Iterator[Entry]:
        """Yield the entries of a class, or all, by IRI."""
        classes = [CLASSES[path]] if path else list(CLASSES.values())
        names = {
            name_of(quad.subject)
            for kind in classes
            for quad in self._store.quads_for_pattern(None, RDF_TYPE, ox.NamedNode(kind), None)
        }
        for name in sorted(n for n in names if n.startswith(self.base + "id/")):
            try:
                found = self.get(name)
            except NotFound:  # deleted since the list was made
                continue
            yield found

    def select(self, query: str, values: Mapping[str, ox.NamedNode | ox.Literal]) -> list[Binding]:
        """Run one of our own SELECT queries; ``$name`` is replaced by an escaped term."""
        text = re.sub(r"\$(\w+)", lambda match: str(values[match[1]]), query)
        found = self._store.query(_HEADER + text, use_default_graph_as_union=True)
        assert isinstance(found, ox.QuerySolutions)
        names = [v.value for v in found.variables]
        return [{name: row[name].value for name in names if row[name] is not None} for row in found]

    def snapshot(self, folder: Path) -> None:
        """Write a copy (hard links) for readers into a new folder."""
        self._store.backup(folder)

    def dump(self) -> bytes:
        """Return all entries, provenance and vocabularies as N-Quads."""
        return self._store.dump(format=ox.RdfFormat.N_QUADS) or b""


def _node(iri: str) -> ox.NamedNode | None:
    try:
        return ox.NamedNode(iri)
    except ValueError:
        return None


def _literal(text: str) -> str:
    return str(ox.Literal(text))
