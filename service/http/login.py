"""Who sends a request: by a token, or by a session of the pages.

Two cookies: readers of results have Flask's, signed by a secret of the ledger, which says only that
there is one. Who signs in has one that names a row of the ledger; it is another after each sign-in.
"""

from __future__ import annotations

import hmac
import math
import secrets
from datetime import timedelta

from flask import Flask, Response, after_this_request, g, request, session
from flask.sessions import SecureCookieSessionInterface
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import TooManyRequests, Unauthorized

from kg.text.i18n import gettext
from service.core.rights import Principal
from service.core.runtime import current
from service.core.sessions import LONGEST, SignedIn
from service.http.responses import visitor

COOKIE, HOURS = "passerelle_session", 12
#: the cookie of who is signed in
SIGNED_IN = "passerelle_sign_in"


class _Cookies(SecureCookieSessionInterface):
    def get_cookie_secure(self, app: Flask) -> bool:
        """For https only where the request came by it."""
        return request.is_secure


def install(app: Flask) -> None:
    """Let an application's pages keep sessions."""
    ledger = app.extensions["passerelle"].store.ledger
    app.secret_key = ledger.keep("session secret", secrets.token_hex(32))
    app.session_interface = _Cookies()
    app.config |= {
        "SESSION_COOKIE_NAME": COOKIE,
        "SESSION_COOKIE_HTTPONLY": True,
        # An identity provider leads back here from its own site: Strict would lose the way.
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=HOURS),
        # Else every answer, even a picture's, sends the cookie again: also after signing out.
        "SESSION_REFRESH_EACH_REQUEST": False,
    }


def start_session() -> None:
    """Give the reader of results a session; the cookie is sent only to who has none."""
    if not session.permanent:
        session.permanent = True


def has_session() -> bool:
    """Whether the request is of somebody whom results were shown to, or who is signed in."""
    return session.permanent or who() is not None


def by_token() -> Principal:
    """Who holds the token of the request.

    Raises 401 without one, or with one that is unknown or has ended, and 429 after ten of those
    from one address in a minute.
    """
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        raise _unauthorized(gettext("Writing needs a token: send 'Authorization: Bearer TOKEN'."))
    if holder := known(given.token):
        return holder
    text = gettext("This token is not known, or was revoked.")
    raise _unauthorized(text, error="invalid_token")


def known(token: str) -> Principal | None:
    """Who holds a token; None for a wrong one, which is counted and noted.

    Raises 429 where too many wrong ones came from one address; a right one is always let in.
    """
    runtime = current()
    if holder := runtime.tokens.holder(token.strip()):
        return holder
    failed("token")
    return None


def failed(event: str) -> None:
    """Count and note a failed attempt to be let in; raises 429 after ten a minute."""
    runtime = current()
    if wait := runtime.failures.wait(visitor()):
        text = gettext("Too many failed attempts; wait a minute.")
        raise TooManyRequests(text, retry_after=math.ceil(wait))
    runtime.audit.note(f"refused {event}", visitor())


def _unauthorized(why: str, **more: str) -> Unauthorized:
    """Make a 401 that says how to prove who one is (RFC 6750)."""
    known: dict[str, str | None] = {"realm": "passerelle", **more}
    return Unauthorized(why, www_authenticate=WWWAuthenticate("bearer", known))


def _signed_in() -> SignedIn | None:
    if "signed_in" not in g:
        secret = request.cookies.get(SIGNED_IN)
        g.signed_in = current().sessions.find(secret) if secret else None
    signed_in: SignedIn | None = g.signed_in
    return signed_in


def who() -> Principal | None:
    """Who is signed in at the pages; None also where the rights of then have changed since."""
    signed_in = _signed_in()
    return signed_in.principal if signed_in else None


def csrf() -> str:
    """The secret that every form of who is signed in carries."""
    signed_in = _signed_in()
    return signed_in.csrf if signed_in else ""


def begin(principal: Principal) -> None:
    """Open a session for somebody, in the place of the one there was."""
    runtime = current()
    secret = runtime.sessions.begin(principal, request.cookies.get(SIGNED_IN))
    g.signed_in = runtime.sessions.find(secret)
    runtime.audit.note("signed in", principal.name)
    _send_cookie(secret)


def sign_in(token: str) -> Principal | None:
    """Open a session for the holder of a token; None for a wrong one, 429 for too many."""
    if holder := known(token):
        begin(holder)
    return holder


def sign_out() -> None:
    """End the session, here and in the ledger."""
    if secret := request.cookies.get(SIGNED_IN):
        current().sessions.end(secret)
    g.signed_in = None
    session.clear()
    _send_cookie("")


def _send_cookie(secret: str) -> None:
    @after_this_request
    def send(answer: Response) -> Response:
        """Set the cookie, or take it away."""
        answer.set_cookie(
            SIGNED_IN,
            secret,
            max_age=int(LONGEST) if secret else 0,
            path=request.script_root or "/",
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
        )
        return answer


def by_form() -> Principal | None:
    """Who sends a form: by the token in it, else by the session if the form is of it."""
    if token := request.form.get("token", ""):
        return sign_in(token)
    sent, own = request.form.get("csrf", ""), csrf()
    ours = bool(own) and hmac.compare_digest(sent.encode(), own.encode())
    return who() if ours else None
