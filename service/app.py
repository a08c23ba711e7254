"""The Flask application around one runtime: views, limits, headers, errors."""

from __future__ import annotations

import math

from flask import Flask, Response, request
from werkzeug.exceptions import RequestEntityTooLarge, TooManyRequests

from kg.figures import number
from kg.i18n import gettext
from service import errors, languages, login
from service.answers import HEADERS
from service.api import api
from service.content import content
from service.contribute import contribute
from service.finding import finding
from service.graphstore import graphstore
from service.limits import RateLimiter
from service.matchapi import matching
from service.openapi import documentation
from service.pages import pages
from service.partnering import partnering
from service.runtime import Runtime
from service.searchview import MAX_QUESTION
from service.sparql import sparql
from service.workspace import workspace

_FREE = {"/health", "/ready"}
_DATA = (api, matching, sparql, graphstore, content, documentation)


def build(runtime: Runtime) -> Flask:
    """Return the application of an open runtime."""
    app = Flask(__name__)
    app.extensions["passerelle"] = runtime
    app.config["MAX_CONTENT_LENGTH"] = runtime.settings.body
    app.config["MAX_FORM_MEMORY_SIZE"] = min(runtime.settings.body, 1024**2)
    _add_limits(app, RateLimiter(runtime.settings.rate, runtime.settings.burst))
    app.jinja_env.globals["most_letters"] = MAX_QUESTION
    errors.register(app)
    languages.install(app)
    login.install(app, runtime.settings.home)
    for blueprint in (*_DATA, finding, contribute, workspace, partnering, pages):
        app.register_blueprint(blueprint)
    _add_headers(app, runtime)
    return app


def _add_limits(app: Flask, limiter: RateLimiter) -> None:
    @app.before_request
    def limit() -> None:
        """Refuse too many requests of one client, and bodies over the limit unread."""
        if request.path in _FREE:
            return
        if wait := limiter.wait(request.remote_addr or "?"):
            raise TooManyRequests(
                gettext("Too many requests; wait a little."), retry_after=math.ceil(wait)
            )
        if (request.content_length or 0) > app.config["MAX_CONTENT_LENGTH"]:
            raise RequestEntityTooLarge(
                gettext(
                    "The body may be at most %(most)s bytes.",
                    most=number(app.config["MAX_CONTENT_LENGTH"]),
                )
            )


def _add_headers(app: Flask, runtime: Runtime) -> None:
    @app.after_request
    def headers(answer: Response) -> Response:
        """Add the data version and what keeps browsers safe."""
        runtime.metrics.request(request.blueprint or "none", answer.status_code)
        answer.headers.setdefault("Passerelle-Data-Version", str(runtime.store.version()))
        answer.headers.extend((n, v) for n, v in HEADERS.items() if n not in answer.headers)
        return answer
