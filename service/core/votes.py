"""What visitors think of suggestions: counts by day, beside the graph and not in it.

A row says how often a decision was taken on a day on a candidate for a question of a kind, about
an entry and a place or none. No text, time, address or pseudonym is kept.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from kg.ledger.ledger import Ledger
from kg.ledger.tables import voters, votes

#: how many votes are counted from one address in an hour
VOTES_AN_HOUR, HOUR = 30, 3600.0


@dataclass(frozen=True)
class Vote:
    """A decision on a candidate, an IRI; ``about`` and ``territory`` are IRIs or empty."""

    kind: str
    candidate: str
    about: str
    territory: str
    decision: str


class Votes:
    """The counts of a ledger; safe to use from several threads and processes."""

    def __init__(self, ledger: Ledger) -> None:
        self._database = ledger.database
        self._key = ledger.keep("voter key", secrets.token_hex(32)).encode()

    def add(self, vote: Vote, voter: str) -> float:
        """Count a vote of today and give 0, or the seconds until its address may vote again.

        Raises StoreUnusable or NoSpace where it cannot be written.
        """
        digest = hashlib.blake2b(voter.encode(), key=self._key, digest_size=32).hexdigest()
        own, now = voters.c.digest == digest, time.time()
        with self._database.begin() as connection:
            # A clock that went back bars nobody.
            old = sa.or_(voters.c.at <= now - HOUR, voters.c.at > now)
            connection.execute(sa.delete(voters).where(old))
            number, first = connection.execute(
                sa.select(sa.func.count(), sa.func.min(voters.c.at)).where(own)
            ).one()
            if number >= VOTES_AN_HOUR:
                return float(first) + HOUR - now
            connection.execute(sa.insert(voters), {"digest": digest, "at": now})
            count(connection, [(datetime.now(UTC).date().isoformat(), vote, 1)])
        return 0.0

    def rows(self) -> list[tuple[str, Vote, int]]:
        """Day, vote and count of every row."""
        with self._database.begin(writing=False) as connection:
            rows = connection.execute(sa.select(votes)).all()
        return [(day, Vote(*vote), number) for day, *vote, number in rows]

    def decisions(self) -> dict[str, int]:
        """How often each decision was taken."""
        query = sa.select(votes.c.decision, sa.func.sum(votes.c.count)).group_by(votes.c.decision)
        with self._database.begin(writing=False) as connection:
            return {decision: int(number) for decision, number in connection.execute(query)}


def count(connection: sa.Connection, rows: Iterable[tuple[str, Vote, int]]) -> None:
    """Add votes with their day and number to the counts."""
    for day, vote, number in rows:
        key = {"day": day, **asdict(vote)}
        same = sa.and_(*(votes.c[name] == value for name, value in key.items()))
        more = sa.update(votes).where(same).values(count=votes.c.count + number)
        if not connection.execute(more).rowcount:
            connection.execute(sa.insert(votes), key | {"count": number})
