"""The Flask application around one runtime: views, limits, headers, errors."""

from __future__ import annotations

import math

from flask import Flask, Response, request
from werkzeug.exceptions import RequestEntityTooLarge, TooManyRequests

from kg.errors import Malformed, Overloaded
from kg.text.i18n import gettext
from kg.text.number_formats import number
from service.api.entries import api
from service.api.graph_store import graphstore
from service.api.history import past
from service.api.matches import matching
from service.api.openapi import documentation
from service.core.door import FREE, REFUSED, Door, Refusal
from service.core.proxies import HOST_NAMED, ProxyMiddleware
from service.core.runtime import Runtime
from service.http import errors, language, login, permissions
from service.http.negotiation import Request
from service.http.responses import HEADERS, visitor
from service.pages.contribute import identity
from service.pages.contribute.routes import contribute
from service.pages.entry.routes import content
from service.pages.home import pages
from service.pages.partners.routes import partnering
from service.pages.parts.forms import MAX_QUESTION
from service.pages.search.routes import finding
from service.pages.transfer.routes import workspace
from service.sparql.endpoint import sparql

_DATA = (api, past, matching, sparql, graphstore, content, documentation)


def build(runtime: Runtime) -> Flask:
    """Make the application of an open runtime."""
    app = Flask(__name__)
    app.request_class = Request
    app.extensions["passerelle"] = runtime
    settings = runtime.settings
    app.config["MAX_CONTENT_LENGTH"] = settings.body
    app.config["MAX_FORM_MEMORY_SIZE"] = min(settings.body, 1024**2)
    door = app.extensions["passerelle.door"] = Door(settings, runtime.tokens)
    app.wsgi_app = ProxyMiddleware(  # type: ignore[method-assign]
        app.wsgi_app, door.proxies, settings.address, public=settings.public_url is not None
    )

    @app.before_request
    def limit() -> None:
        """Refuse other hosts, too many requests of one client, and bodies over the limit unread."""
        if request.path in FREE:
            return
        if not settings.serves(host := request.environ[HOST_NAMED]):
            raise Malformed(
                gettext(
                    "This service is not asked by the name %(host)s; use %(address)s.",
                    host=repr(host[:80]),
                    address=settings.address,
                )
            )
        if reason := request.environ.get(REFUSED):
            _refuse(door, reason)
        if wait := door.limiter.wait(visitor()):
            raise _too_many(wait)
        if (request.content_length or 0) > door.largest:
            raise _too_large(door)

    app.jinja_env.globals["most_letters"] = MAX_QUESTION
    errors.register(app)
    language.install(app)
    login.install(app)
    identity.install(app, settings.oidc)
    for blueprint in (*_DATA, finding, contribute, identity.identity, workspace, partnering, pages):
        app.register_blueprint(blueprint)
    permissions.install(app)

    @app.after_request
    def headers(answer: Response) -> Response:
        """Add the data version and what keeps browsers safe."""
        runtime.metrics.request(request.blueprint or "none", answer.status_code)
        answer.headers.setdefault("Passerelle-Data-Version", str(runtime.store.version()))
        answer.headers.extend((n, v) for n, v in HEADERS.items() if n not in answer.headers)
        return answer

    return app


def _refuse(door: Door, reason: Refusal) -> None:
    """Say why a request was refused before its body was read."""
    if reason == "token":
        login.by_token()
    if reason == "length":
        raise _too_large(door)
    if reason == "rate":
        raise _too_many(1)
    raise Overloaded(
        gettext("Too much is being sent at the moment. Try again soon."), 5, limit="bodies"
    )


def _too_many(wait: float) -> TooManyRequests:
    text = gettext("Too many requests; wait a little.")
    return TooManyRequests(text, retry_after=math.ceil(wait))


def _too_large(door: Door) -> RequestEntityTooLarge:
    return RequestEntityTooLarge(
        gettext("The body may be at most %(most)s bytes.", most=number(door.largest))
    )
