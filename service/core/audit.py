"""Who was let in or turned away, and what was done to rights: kept for ninety days."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from kg.errors import KgError
from kg.ledger.database import Database
from kg.ledger.tables import audit

KEPT = 90 * 86_400.0
log = logging.getLogger("passerelle.audit")


@dataclass(frozen=True)
class Noted:
    """A line of the audit; ``at`` in seconds of the clock, ``who`` a label or an address."""

    at: float
    event: str
    who: str
    detail: str | None

    def as_dict(self) -> dict[str, str | None]:
        """The line with its time in UTC."""
        when = datetime.fromtimestamp(self.at, UTC).isoformat(timespec="seconds")
        return {"at": when, "event": self.event, "who": self.who, "detail": self.detail}


class Audit:
    """The audit lines of a ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, event: str, who: str, detail: str | None = None) -> None:
        """Add a line, also to the log; a ledger that cannot be written stops nobody."""
        log.info("%s: %s%s", event, who, f" ({detail})" if detail else "")
        now = time.time()
        row = {"at": now, "event": event, "who": who, "detail": detail}
        try:
            with self._database.begin() as connection:
                connection.execute(sa.delete(audit).where(audit.c.at < now - KEPT))
                connection.execute(sa.insert(audit), row)
        except KgError as error:
            log.warning("This could not be kept: %s", error)

    def lines(self, limit: int = 100) -> list[Noted]:
        """The latest lines, the newest first."""
        columns = (audit.c.at, audit.c.event, audit.c.who, audit.c.detail)
        query = sa.select(*columns).order_by(audit.c.id.desc()).limit(limit)
        with self._database.begin(writing=False) as connection:
            return [Noted(*row) for row in connection.execute(query)]
