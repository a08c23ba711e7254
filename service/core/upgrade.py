"""What a home of version 0.1 keeps in files of its own comes into the ledger, once.

The files are renamed to ``*.before-1.0`` when everything of them is there.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from kg.errors import StoreUnusable
from kg.ledger.ledger import Ledger
from kg.ledger.tables import tokens
from kg.stores.base import VISITORS
from kg.stores.protocol import Change, Store
from kg.vocabulary import DCT, PSR
from service.core.votes import Vote, count

#: who removes the entries that visitors' decisions were before version 1.0
AGENT = "upgrade"
BEFORE = ".before-1.0"
_FOLDED = "votes of entries"


def bring_over(store: Store, home: Path) -> None:
    """Bring tokens, votes and the note of the starter graph of version 0.1 into the ledger."""
    ledger = store.ledger
    _file(home / "tokens.json", lambda path: _tokens(ledger, path))
    _file(home / "votes.sqlite", lambda path: _votes(ledger, path))
    _file(
        home / "starter.json",
        lambda path: ledger.keep(
            "starter graph", json.dumps({"digest": json.loads(path.read_text("utf-8"))["digest"]})
        ),
    )
    _file(home / "session.key", lambda path: None)  # sessions begin anew
    _fold_entries(store)


def _file(path: Path, read: Callable[[Path], object]) -> None:
    """Bring a file over and rename it; what was broken off is brought over again, not twice."""
    if not path.exists():
        return
    try:
        read(path)
    except (ValueError, TypeError, KeyError, sqlite3.Error) as error:
        raise StoreUnusable(
            f"{path} cannot be read; restore it from a backup, or remove it to go on without it."
        ) from error
    path.rename(path.with_name(path.name + BEFORE))


def _tokens(ledger: Ledger, path: Path) -> None:
    """Make curators of everything of those who had tokens."""
    rows = json.loads(path.read_text("utf-8"))
    with ledger.database.begin() as connection:
        known = set(connection.scalars(sa.select(tokens.c.digest)))
        for row in rows:
            if row["sha256"] in known:
                continue
            day = datetime.fromisoformat(row["created"]).replace(tzinfo=UTC)
            fields = {"id": secrets.token_hex(8), "name": row["label"], "digest": row["sha256"]}
            scope = {"role": "curator", "countries": [], "communities": []}
            times = {"created": min(day.timestamp(), time.time())}
            connection.execute(sa.insert(tokens), fields | scope | times)


def _votes(ledger: Ledger, path: Path) -> None:
    """Add the counts, and note that they were, in one transaction."""
    with closing(sqlite3.connect(path)) as file:
        rows = [
            (day, Vote(*vote), number) for day, *vote, number in file.execute("SELECT * FROM votes")
        ]
        folded = bool(file.execute("PRAGMA user_version").fetchone()[0])
    with ledger.database.begin() as connection:
        if ledger.keep_in(connection, "votes of votes.sqlite", "yes"):
            count(connection, rows)
        if folded:
            ledger.keep_in(connection, _FOLDED, "yes")


def _fold_entries(store: Store) -> None:
    """Turn what visitors decided in version 0.1 from entries into counts, once a home.

    Their pseudonyms leave the public provenance, too.
    """
    ledger = store.ledger
    if ledger.value(_FOLDED):
        return
    with store.exclusive():
        written = dict(store.written_by(VISITORS))
        matches = [e for e in store.several(sorted(written)) if e.path == "match"]
        rows = []
        for match in matches:
            candidate, about, place, decision = (
                next(iter(match.links(prop)), "")
                for prop in (PSR + "candidate", PSR + "query", DCT + "spatial", PSR + "decision")
            )
            kind = match.text(PSR + "matchKind") or ""
            vote = Vote(kind, candidate, about, place, decision.rpartition("/")[2])
            rows.append((written[match.iri][:10], vote, 1))
        with ledger.database.begin() as connection:
            if ledger.keep_in(connection, _FOLDED + ", counted", "yes"):
                count(connection, rows)
        store.write([Change(entry.iri, None) for entry in matches], AGENT, "delete")
        store.forget_agents(VISITORS)
    ledger.keep(_FOLDED, "yes")
