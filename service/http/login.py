"""Signing in on pages: a token, shown once to whoever holds it, opens a session of twelve hours.

The cookie is signed by a key of the home and holds the token's hash, never the token; a token
that is revoked ends its sessions.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from pathlib import Path

from flask import Flask, request, session
from flask.sessions import SecureCookieSessionInterface

from service.core.page_sessions import secret
from service.core.runtime import current

HOURS = 12


class _Cookies(SecureCookieSessionInterface):
    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether the cookie is for https only: where the request came by it."""
        return request.is_secure


def install(app: Flask, home: Path) -> None:
    """Let an application's pages know who is signed in."""
    app.secret_key = secret(home / "session.key")
    app.session_interface = _Cookies()
    app.config |= {
        "SESSION_COOKIE_NAME": "passerelle_login",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Strict",
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=HOURS),
        # Else every answer, even a picture's, sends the cookie again: also after signing out.
        "SESSION_REFRESH_EACH_REQUEST": False,
    }


def who() -> str | None:
    """Return who is signed in, None if nobody is or the token was revoked since."""
    wanted = session.get("token", "")
    return next((t.label for t in current().tokens.all() if t.sha256 == wanted), None)


def sign_in(token: str) -> str | None:
    """Open a session for a token and return its holder; None if it is not known."""
    if holder := current().tokens.holder(token.strip()):
        session.clear()
        session.permanent = True
        session["token"] = hashlib.sha256(token.strip().encode()).hexdigest()
    return holder


def csrf() -> str:
    """Return the secret that every form of this session carries."""
    return str(session.setdefault("csrf", secrets.token_urlsafe(16)))


def writer() -> str | None:
    """Return who sends a form: by its token, else by the session if the form is of it."""
    if token := request.form.get("token", ""):
        return sign_in(token)
    sent, known = request.form.get("csrf", ""), session.get("csrf", "")
    ours = bool(known) and hmac.compare_digest(sent.encode(), known.encode())
    return who() if ours else None
