"""Page sessions: who looks at pages can say what became of a suggestion, without an account.

A session is a random number in a signed cookie of one day; nothing about a person is kept.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from flask import Response, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from kg.errors import StoreUnusable

COOKIE, SECONDS = "passerelle_session", 24 * 3600


class Sessions:
    """Signs and reads session cookies by a key that is made once in the home."""

    def __init__(self, key: Path) -> None:
        self._serializer = URLSafeTimedSerializer(secret(key), salt="page-session")

    def start(self, answer: Response) -> None:
        """Give the client a session, unless it has one that is good."""
        if self.name() is None:
            answer.set_cookie(
                COOKIE, self._serializer.dumps(secrets.token_hex(8)), max_age=SECONDS,
                secure=request.is_secure, httponly=True, samesite="Strict",
            )  # fmt: skip

    def name(self) -> str | None:
        """Return ``session-`` and the number of the request's session, None without a good one."""
        try:
            found = self._serializer.loads(request.cookies.get(COOKIE, ""), max_age=SECONDS)
        except BadSignature:
            return None
        return f"session-{found}"


def secret(key: Path) -> bytes:
    """Return the key of the home, made at the first use and readable by its owner only."""
    try:
        descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        found = key.read_bytes()
        if len(found) != 32:
            raise StoreUnusable(f"{key} is damaged; remove it and start again.") from None
        return found
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(made := secrets.token_bytes(32))
    return made
