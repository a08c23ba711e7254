"""Tokens for writing: kept as hashes, named after who holds them, with a role, until a day."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from kg.errors import KgError, NotFound, refused
from kg.ledger.database import Database
from kg.ledger.tables import tokens
from service.core.rights import Principal, Role

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
#: names of our own agents: what they wrote is not somebody's edit
RESERVED = {"starter", "import", "session", "upgrade", "operator", "undo"}
#: seconds between two notes of when a token was last used
NOTED = 60.0
DAY = 86_400.0


def check_label(label: str, field: str = "label") -> None:
    """Raise Refused for a name of an organisation that is no slug or is a name of our own."""
    if not LABEL.fullmatch(label) or label.partition("-")[0] in RESERVED:
        raise refused(
            field,
            f"The label {label!r} cannot be used.",
            value=label,
            hint="Name the organisation with a-z, 0-9 and hyphens, not one of our own names.",
        )


@dataclass(frozen=True)
class KnownToken:
    """A token as it is listed: never the token itself; times are seconds of the clock."""

    holder: Principal
    created: float
    expires: float | None
    used: float | None

    def as_dict(self) -> dict[str, str | None]:
        """What is listed of it; days and times in UTC."""
        who = self.holder
        return {
            "label": who.name,
            "role": who.role,
            "countries": " ".join(who.countries) or None,
            "communities": " ".join(who.communities) or None,
            "organisation": who.organisation,
            "created": _day(self.created),
            "expires": _day(self.expires),
            "used": _day(self.used),
        }


class Tokens:
    """The tokens of a ledger; what one process changes the others see at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        label: str,
        role: Role = "curator",
        *,
        countries: tuple[str, ...] = (),
        communities: tuple[str, ...] = (),
        organisation: str | None = None,
        days: int | None = None,
    ) -> str:
        """Make a new token of 32 random bytes; it cannot be shown again.

        Raises Refused for a label that is no slug or is a name of our own, and for a
        contributor of no organisation.
        """
        check_label(label)
        if role == "contributor" and not organisation:
            raise refused(
                "organisation",
                "A contributor writes for an organisation.",
                hint="Name its entry by --organisation IRI.",
            )
        secret, now = secrets.token_urlsafe(32), time.time()
        row = {
            "id": secrets.token_hex(8),
            "name": label,
            "digest": digest(secret),
            "role": role,
            "countries": sorted({code.upper() for code in countries}),
            "communities": sorted(set(communities)),
            "organisation": organisation,
            "created": now,
            "expires": now + days * DAY if days else None,
        }
        with self._database.begin() as connection:
            connection.execute(sa.insert(tokens), row)
        return secret

    def revoke(self, label: str) -> int:
        """End all tokens of a label and return how many; NotFound if there are none."""
        valid = sa.update(tokens).where(tokens.c.name == label, tokens.c.revoked.is_(None))
        with self._database.begin() as connection:
            count = connection.execute(valid, {"revoked": time.time()}).rowcount
        if not count:
            raise NotFound(f"There is no token with the label {label!r}.")
        return count

    def all(self) -> list[KnownToken]:
        """All tokens that were not revoked, oldest first."""
        query = sa.select(tokens).where(tokens.c.revoked.is_(None))
        with self._database.begin(writing=False) as connection:
            rows = connection.execute(query.order_by(tokens.c.created, tokens.c.id)).all()
        return [_known(row) for row in rows]

    def holder(self, secret: str) -> Principal | None:
        """Who holds a token and what they may do; None for one that is unknown or has ended.

        Its digest is looked up, so that the time tells nothing of the tokens there are.
        """
        return self._valid(tokens.c.digest == digest(secret))

    def still(self, identifier: str) -> Principal | None:
        """Who holds the token of a row now; None where it has ended."""
        return self._valid(tokens.c.id == identifier)

    def _valid(self, which: sa.ColumnElement[bool]) -> Principal | None:
        now = time.time()
        query = sa.select(tokens).where(which, tokens.c.revoked.is_(None))
        with self._database.begin(writing=False) as connection:
            row = connection.execute(query).first()
        if row is None or (row.expires is not None and row.expires <= now):
            return None
        if row.used is None or not 0 <= now - row.used < NOTED:
            # A full disk must not keep a reader out.
            with suppress(KgError), self._database.begin() as connection:
                connection.execute(sa.update(tokens).where(tokens.c.id == row.id), {"used": now})
        return _known(row).holder


def _known(row: sa.Row[Any]) -> KnownToken:
    holder = Principal(
        name=row.name,
        role=row.role,
        countries=tuple(row.countries),
        communities=tuple(row.communities),
        organisation=row.organisation,
        token=row.id,
    )
    return KnownToken(holder, row.created, row.expires, row.used)


def _day(seconds: float | None) -> str | None:
    """A time of the clock as a day."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).date().isoformat()


def digest(secret: str) -> str:
    """The hash that a secret is kept as."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
