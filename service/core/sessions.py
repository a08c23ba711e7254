"""Who is signed in at the pages: rows of the ledger, ended by time, sign-out or lost rights."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa

from kg.errors import KgError
from kg.ledger.database import Database
from kg.ledger.tables import sessions
from service.core.accounts import Accounts
from service.core.rights import Principal
from service.core.tokens import Tokens, digest

#: seconds from sign-in to the end, and without a request
LONGEST, IDLE = 12 * 3600.0, 3600.0
#: seconds between two notes of when a session was last used
NOTED = 60.0


@dataclass(frozen=True)
class SignedIn:
    """Somebody who is signed in, and the secret that their forms carry."""

    principal: Principal
    csrf: str


class Sessions:
    """The sessions of a ledger, each known by the hash of what its cookie holds."""

    def __init__(self, database: Database, tokens: Tokens, accounts: Accounts) -> None:
        self._database, self._tokens, self._accounts = database, tokens, accounts

    def begin(self, principal: Principal, former: str | None = None) -> str:
        """Open a session and give what its cookie holds; ``former`` is the one it replaces."""
        secret, now = secrets.token_urlsafe(32), time.time()
        row = {
            "digest": digest(secret),
            "token": principal.token,
            "account": principal.account,
            "rights": principal.rights,
            "csrf": secrets.token_urlsafe(16),
            "begun": now,
            "seen": now,
        }
        with self._database.begin() as connection:
            if former:
                connection.execute(sa.delete(sessions).where(sessions.c.digest == digest(former)))
            # Whatever is over for any reason; a clock that went back ends what is in its future.
            over = sa.or_(
                sessions.c.seen < now - IDLE,
                sessions.c.begun < now - LONGEST,
                sessions.c.seen > now + IDLE,
            )
            connection.execute(sa.delete(sessions).where(over))
            connection.execute(sa.insert(sessions), row)
        return secret

    def find(self, secret: str) -> SignedIn | None:
        """Who a cookie signs in; None where the session is over or rights have changed."""
        now, query = time.time(), sa.select(sessions).where(sessions.c.digest == digest(secret))
        with self._database.begin(writing=False) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        principal = (
            self._tokens.still(row.token) if row.token else self._accounts.still(row.account)
        )
        over = abs(now - row.seen) > IDLE or not 0 <= now - row.begun <= LONGEST
        if over or principal is None or principal.rights != row.rights:
            self.end(secret)
            return None
        if now - row.seen > NOTED:
            seen = sa.update(sessions).where(sessions.c.digest == row.digest)
            with suppress(KgError), self._database.begin() as connection:
                connection.execute(seen, {"seen": now})
        return SignedIn(principal, row.csrf)

    def end(self, secret: str) -> None:
        """End a session."""
        with self._database.begin() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.digest == digest(secret)))
