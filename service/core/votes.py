"""What visitors think of suggestions: counts by day, in a small file of the home and not the graph.

A row says how often a decision was taken on a day on a candidate for a question of a kind, about
an entry and a place or none. No text, time, address or pseudonym is kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path

from kg.entry import Entry
from kg.errors import StoreUnusable
from kg.stores.protocol import Change, Store
from kg.vocabulary import DCT, PSR

#: who removes the entries that visitors' decisions were before version 1.0
AGENT = "upgrade"
#: what the names of visitors began with then
VISITORS = "session-"
_TABLES = """
CREATE TABLE IF NOT EXISTS votes (
    day TEXT NOT NULL, kind TEXT NOT NULL, candidate TEXT NOT NULL, about TEXT NOT NULL,
    territory TEXT NOT NULL, decision TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (day, kind, candidate, about, territory, decision)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS folded (entry TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_ADD = "INSERT INTO votes VALUES (?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1"


@dataclass(frozen=True)
class Vote:
    """A decision on a candidate, an IRI; ``about`` and ``territory`` are IRIs or empty."""

    kind: str
    candidate: str
    about: str
    territory: str
    decision: str


class Votes:
    """The counts of a home; safe to use from several threads and processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as file:
            file.executescript(_TABLES)

    def add(self, vote: Vote) -> None:
        """Count a vote of today. Raises StoreUnusable where the file cannot be written."""
        with self._open() as file:
            file.execute(_ADD, (datetime.now(UTC).date().isoformat(), *astuple(vote)))

    def rows(self) -> list[tuple[str, Vote, int]]:
        """Day, vote and count of every row."""
        with self._open() as file:
            rows = file.execute("SELECT * FROM votes").fetchall()
        return [(day, Vote(*vote), count) for day, *vote, count in rows]

    def decisions(self) -> dict[str, int]:
        """How often each decision was taken."""
        with self._open() as file:
            return dict(file.execute("SELECT decision, SUM(count) FROM votes GROUP BY decision"))

    @property
    def folded(self) -> bool:
        """Whether what visitors decided before version 1.0 is in the counts."""
        with self._open() as file:
            return bool(file.execute("PRAGMA user_version").fetchone()[0])

    def fold(self, votes: Iterable[tuple[str, str, Vote]]) -> None:
        """Count entries with their day once, however often an upgrade is broken off."""
        with self._open() as file:
            for entry, day, vote in votes:
                if file.execute("INSERT OR IGNORE INTO folded VALUES (?)", (entry,)).rowcount:
                    file.execute(_ADD, (day, *astuple(vote)))

    def end_fold(self) -> None:
        """Note that nothing is left to fold."""
        with self._open() as file:
            file.execute("DELETE FROM folded")
            file.execute("PRAGMA user_version = 1")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=5)) as file, file:
                yield file
        except sqlite3.Error as error:
            raise StoreUnusable(
                f"{self._path.name} in the home cannot be used: {error}; make room or move it away."
            ) from error


def fold_entries(store: Store, votes: Votes) -> None:
    """Turn what visitors decided before version 1.0 from entries into counts, once a home.

    Their pseudonyms leave the public provenance, too.
    """
    if votes.folded:
        return
    with store.exclusive():
        written = dict(store.written_by(VISITORS))
        matches = [e for e in store.several(sorted(written)) if e.path == "match"]
        votes.fold((e.iri, written[e.iri][:10], _vote(e)) for e in matches)
        store.write([Change(entry.iri, None) for entry in matches], AGENT, "delete")
        store.forget_agents(VISITORS)
    votes.end_fold()


def _vote(match: Entry) -> Vote:
    """What an entry of the class match says."""

    def link(prop: str) -> str:
        return next(iter(match.links(prop)), "")

    decision = link(PSR + "decision").rpartition("/")[2]
    kind = match.text(PSR + "matchKind") or ""
    return Vote(kind, link(PSR + "candidate"), link(PSR + "query"), link(DCT + "spatial"), decision)
