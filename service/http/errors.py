"""The one place where errors become answers: problem+json, or a page for a browser."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from flask import Flask, Response, current_app, render_template, request
from werkzeug.exceptions import HTTPException

from kg import errors as kg
from kg.catalogue.places import UnclearPlace
from kg.text.i18n import gettext, mark
from matcher.encoding.embedder import ModelUnusable
from matcher.model.answer import ABSENT, plain
from service.core.runtime import current
from service.http.negotiation import wants_page

STATUS: dict[type[kg.KgError], int] = {
    kg.Malformed: 400,
    kg.Forbidden: 403,
    kg.QueryRefused: 403,
    kg.NotFound: 404,
    kg.Exists: 409,
    kg.InUse: 409,
    kg.Merged: 409,
    kg.Removed: 410,
    kg.Changed: 412,
    kg.TooLarge: 413,
    kg.UnknownFormat: 415,
    kg.Refused: 422,
    kg.VersionMissing: 428,
    kg.Overloaded: 503,
    kg.StoreUnusable: 503,
    kg.EngineRefused: 503,
    ModelUnusable: 503,
    kg.LimitExceeded: 504,
    kg.NoSpace: 507,
}
#: what pages say above the error
HEADINGS = {
    400: mark("This cannot be read"),
    401: mark("A token is needed"),
    403: mark("This is not allowed here"),
    404: mark("This footbridge leads nowhere"),
    405: mark("This is not done here"),
    406: mark("There is no such format"),
    409: mark("It is in use, or there already"),
    410: mark("This entry was removed"),
    412: mark("It was changed meanwhile"),
    413: mark("Too large"),
    415: mark("This format is not read"),
    422: mark("Something is not right yet"),
    428: mark("Which version did you see?"),
    429: mark("Too many requests"),
    500: mark("Something went wrong"),
    503: mark("Not ready"),
    504: mark("It took too long"),
    507: mark("No space left"),
}
#: seconds after which a write may find room again
RETRY = 30
_NO_METHOD = mark("The method is not allowed for the requested URL.")


@dataclass(frozen=True)
class Tombstone:
    """What is told of a removed entry: its name, class, when, and as which version."""

    entry: str
    type: str
    at: str
    version: int

    @classmethod
    def of(cls, error: kg.Removed) -> Tombstone:
        """Tell it of the error that it was found by."""
        return cls(error.iri, error.iri.rsplit("/", 2)[-2], error.at, error.version)


@dataclass(frozen=True)
class ProblemDetails:
    """An error after RFC 9457; ``limit`` says which limit was hit, ``problems`` which fields."""

    type: str
    title: str
    status: int
    detail: str
    limit: Annotated[str | None, ABSENT] = None
    problems: Annotated[tuple[UnclearPlace | kg.Problem, ...] | None, ABSENT] = None
    removed: Annotated[Tombstone | None, ABSENT] = None


def status_of(error: kg.KgError) -> int:
    """The status that an error of the graph is answered with, whoever answers it."""
    return STATUS.get(type(error), 500)


def shown(error: kg.KgError) -> tuple[list[kg.Problem], int]:
    """What a page says of an error beside what was typed, and the status of the page.

    Raises the error again where no page can help with it.
    """
    status = status_of(error)
    if status == 500:
        raise error
    return error.problems if isinstance(error, kg.Refused) else [kg.Problem("", str(error))], status


def register(app: Flask) -> None:
    """Answer every error of the application here."""
    app.register_error_handler(kg.KgError, _of_graph)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _unforeseen)


def _of_graph(error: kg.KgError) -> Response:
    if (status := status_of(error)) == 500:
        return _unforeseen(error)
    if isinstance(error, kg.Merged) and request.method in {"GET", "HEAD"}:
        # To the entry that this one was merged into, at the same kind of address.
        old, new = ("/".join(iri.split("/")[-2:]) for iri in (error.iri, error.target))
        query = request.query_string.decode("ascii", "replace")
        for one, other in (
            (error.iri, error.target),
            (quote(error.iri, ""), quote(error.target, "")),
        ):
            query = query.replace(one, other)
        path = quote(request.path.replace(old, new, 1).lstrip("/"))
        here = f"{request.script_root}/{path}"
        return Response(status=301, headers={"Location": f"{here}?{query}" if query else here})
    wait = error.retry_after if isinstance(error, kg.Overloaded) else None
    wait = RETRY if isinstance(error, kg.NoSpace) else wait
    return problem(
        status,
        str(error),
        {"Retry-After": str(wait)} if wait else {},
        limit=error.limit if isinstance(error, kg.Overloaded | kg.LimitExceeded) else None,
        problems=tuple(error.problems) if isinstance(error, kg.Refused) else None,
        removed=Tombstone.of(error) if isinstance(error, kg.Removed) else None,
    )


def _of_http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        # Lead to another path of this service, whatever name it was called by.
        redirect = error.get_response(request.environ)
        here = redirect.headers["Location"].removeprefix(request.host_url.rstrip("/"))
        return Response(redirect.get_data(), redirect.status_code, {"Location": here})
    kept = {"Allow", "Retry-After", "WWW-Authenticate"}
    headers = {k: v for k, v in error.get_headers(request.environ) if k in kept}
    detail = gettext(error.description or HTTPStatus(error.code).description)
    if error.code == 404:
        detail = gettext("There is nothing at %(path)s.", path=request.path)
    limit = "rate" if error.code == HTTPStatus.TOO_MANY_REQUESTS else None
    return problem(error.code, detail, headers, limit=limit)


def _unforeseen(error: Exception) -> Response:
    """Log where it happened, without the message: it may quote what a person asked."""
    place = "".join(traceback.format_tb(error.__traceback__))
    current_app.logger.error("%s in %s\n%s", type(error).__name__, request.path, place)
    return problem(500, gettext("Something went wrong here; it has been noted."), {})


def problem(
    status: int,
    detail: str,
    headers: dict[str, str],
    limit: str | None = None,
    problems: tuple[kg.Problem, ...] | None = None,
    removed: Tombstone | None = None,
) -> Response:
    """Answer an error as problem+json, or as a page where a browser asks outside /api."""
    title = HTTPStatus(status).phrase
    if wants_page() and not request.path.startswith("/api/"):
        heading = gettext(HEADINGS.get(status, title))
        page = render_template(
            "error.html", status=status, title=heading, detail=detail, problems=problems
        )
        return Response(page, status, headers, content_type="text/html; charset=utf-8")
    body = plain(
        ProblemDetails("about:blank", title, status, detail, limit or None, problems, removed)
    )
    return Response(
        json.dumps(body, ensure_ascii=True),
        status,
        headers,
        content_type="application/problem+json",
    )


def check_ready() -> None:
    """Raise Overloaded while questions cannot be answered yet."""
    if not current().ready:
        raise kg.Overloaded(
            gettext("The matcher is still starting. Try again in a minute; nothing is lost."), 10
        )
