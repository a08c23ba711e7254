"""A small home as version 0.1 left it: a graph with provenance in it, and files beside it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pyoxigraph as ox

from kg import starter
from kg.entry import Entry
from kg.stores.base import SITE
from kg.vocabulary import PREFIXES

BASE = "https://passerelle.example/"
_HEADER = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in PREFIXES.items())
#: each write: who, what was done, and the entry's slug
Write = tuple[str, str, Entry | None, str]


def make(home: Path, writes: list[Write], token: str, votes: list[tuple[str, ...]]) -> None:
    """Make the home; ``votes`` are rows of day, kind, candidate, about, territory, decision."""
    home.mkdir(parents=True)
    store = ox.Store(str(home / "store"))

    def write(text: str) -> None:
        store.update(_HEADER + text.replace("$prov", f"<{BASE}graph/provenance>"))

    write(f'INSERT DATA {{ GRAPH $prov {{ {SITE} psr:base "{BASE}" ; psr:dataVersion 0 }} }}')
    for number, (agent, action, entry, iri) in enumerate(writes, 1):
        activity, node = f"<{BASE}activity/{number}>", f"<{iri}>"
        new = f"GRAPH {node} {{ {entry.n_triples()} }}" if entry else ""
        write(
            f"DELETE {{ GRAPH {node} {{ ?s ?p ?o }} }} WHERE {{ GRAPH {node} {{ ?s ?p ?o }} }} ;"
            f"DELETE {{ GRAPH $prov {{ ?s ?p ?o }} }}"
            f" WHERE {{ VALUES ?s {{ {SITE} {node} }} GRAPH $prov {{ ?s ?p ?o }} }} ;"
            f'INSERT DATA {{ GRAPH $prov {{ {SITE} psr:dataVersion {number} ; psr:base "{BASE}" .'
            f" {activity} a prov:Activity ; prov:startedAtTime"
            f' "2026-0{number}-01T10:00:00Z"^^xsd:dateTime ;'
            f' prov:wasAssociatedWith <{BASE}agent/{agent}> ; psr:action "{action}" .'
            f" {node} psr:dataVersion {number} ; prov:wasGeneratedBy {activity} }} {new} }}"
        )
    store.flush()
    known = hashlib.sha256(token.encode()).hexdigest()
    rows = [{"label": "city-of-split", "sha256": known, "created": "2026-02-03"}]
    (home / "tokens.json").write_text(json.dumps(rows))
    note = {"digest": starter.digest(), "kept": [], "refused": []}
    (home / "starter.json").write_text(json.dumps(note))
    (home / "session.key").write_bytes(b"k" * 32)
    with closing(sqlite3.connect(home / "votes.sqlite")) as file, file:
        file.execute(
            "CREATE TABLE votes (day TEXT NOT NULL, kind TEXT NOT NULL, candidate TEXT NOT NULL,"
            " about TEXT NOT NULL, territory TEXT NOT NULL, decision TEXT NOT NULL,"
            " count INTEGER NOT NULL) "
        )
        file.executemany("INSERT INTO votes VALUES (?, ?, ?, ?, ?, ?, 2)", votes)
        file.execute("PRAGMA user_version = 1")
