"""Sessions of pages: who reads results may vote on them, who has shown a token may write.

A session is Flask's cookie of twelve hours, signed by a key of the home. A reader's says only that
there is one. A writer's holds the token's hash, never the token; a token that is revoked ends its
sessions.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from datetime import timedelta
from pathlib import Path

from flask import Flask, request, session
from flask.sessions import SecureCookieSessionInterface

from kg.errors import StoreUnusable
from service.core.runtime import current

COOKIE, HOURS = "passerelle_session", 12


class _Cookies(SecureCookieSessionInterface):
    def get_cookie_secure(self, app: Flask) -> bool:
        """For https only where the request came by it."""
        return request.is_secure


def install(app: Flask, home: Path) -> None:
    """Let an application's pages keep sessions."""
    app.secret_key = secret(home / "session.key")
    app.session_interface = _Cookies()
    app.config |= {
        "SESSION_COOKIE_NAME": COOKIE,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Strict",
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=HOURS),
        # Else every answer, even a picture's, sends the cookie again: also after signing out.
        "SESSION_REFRESH_EACH_REQUEST": False,
    }


def secret(key: Path) -> bytes:
    """Read the key of the home; it is made at the first use, readable by its owner only."""
    try:
        descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        kept = key.read_bytes()
        if len(kept) != 32:
            raise StoreUnusable(f"{key} is damaged; remove it and start again.") from None
        return kept
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(made := secrets.token_bytes(32))
    return made


def start_session() -> None:
    """Give the reader of results a session; the cookie is sent only to who has none."""
    if not session.permanent:
        session.permanent = True


def has_session() -> bool:
    """Whether the request is of somebody whom results were shown to, or who is signed in."""
    return session.permanent


def who() -> str | None:
    """The label of the signed-in organisation; None also where its token was revoked since."""
    digest = session.get("token", "")
    return next((t.label for t in current().tokens.all() if t.sha256 == digest), None)


def sign_in(token: str) -> str | None:
    """Open a session for the holder of a token, whose label it gives; None for an unknown one."""
    if holder := current().tokens.holder(token.strip()):
        session.clear()
        session.permanent = True
        session["token"] = hashlib.sha256(token.strip().encode()).hexdigest()
    return holder


def csrf() -> str:
    """The secret that every form of this session carries."""
    return str(session.setdefault("csrf", secrets.token_urlsafe(16)))


def writer() -> str | None:
    """Who sends a form: by its token, else by the session if the form is of it."""
    if token := request.form.get("token", ""):
        return sign_in(token)
    sent, known = request.form.get("csrf", ""), session.get("csrf", "")
    ours = bool(known) and hmac.compare_digest(sent.encode(), known.encode())
    return who() if ours else None
