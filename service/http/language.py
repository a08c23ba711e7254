"""In which language a request is answered: as chosen on a page, else as the client prefers."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from kg.text import number_formats
from kg.text.i18n import SOURCE, available, gettext, language, ngettext, own_name, set_language
from kg.text.language import primary
from kg.text.number_formats import language_name
from service.http.negotiation import wants_page

COOKIE, SECONDS = "passerelle_language", 365 * 24 * 3600
#: blueprints with texts in what is no page
_WORDED = {"api", "matching", "finding", "graphstore"}


def install(app: Flask) -> None:
    """Let an application answer in the reader's language, and its pages write in it."""
    environment: Any = app.jinja_env
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)
    environment.globals |= {
        "page_language": language,
        "own_name": own_name,
        "language_name": language_name,
        "languages_offered": offered,
    }
    environment.filters |= {
        "number": number_formats.number,
        "percent": number_formats.percent,
        "day": number_formats.day,
    }  # fmt: skip
    app.before_request(_choose)
    app.after_request(_declare)


def preferred() -> str:
    """Return the language chosen on a page, else the first of Accept-Language that there is."""
    known = available()
    if (chosen := request.cookies.get(COOKIE)) in known:
        return str(chosen)
    wanted = (primary(tag) for tag, quality in request.accept_languages if quality > 0)
    return next((lang for lang in wanted if lang in known), SOURCE)


def offered() -> list[tuple[str, str, str]]:
    """Return each language with its own name and the address that chooses it, by name."""
    rest = [pair for pair in request.args.items(multi=True) if pair[0] != "ui"]
    here, known = _page(), available()
    found = [(c, own_name(c), f"{here}?{urlencode([*rest, ('ui', c)])}") for c in known]
    return sorted(found, key=lambda row: row[1].casefold())


def _page() -> str:
    """Return the address of this page, or of the one above what can only be sent to."""
    if request.url_rule is None or "GET" in (request.url_rule.methods or ()):
        return ""
    return f"{request.script_root}{request.path.rpartition('/')[0]}" or "/"


def _choose() -> BaseResponse | None:
    """Write texts in the reader's language; where ``?ui=`` asks for another, keep that."""
    set_language(preferred())
    if request.method != "GET" or "ui" not in request.args or not wants_page():
        return None
    rest = urlencode([pair for pair in request.args.items(multi=True) if pair[0] != "ui"])
    # One slash: an address that begins with two would lead to another host.
    here = f"{request.script_root}/{quote(request.path.lstrip('/'))}"
    answer = redirect(f"{here}?{rest}" if rest else here, 303)
    if (asked := request.args["ui"]) in available():
        answer.set_cookie(
            COOKIE, asked, max_age=SECONDS, path=f"{request.script_root}/",
            secure=request.is_secure, httponly=True, samesite="Lax",
        )  # fmt: skip
    return answer


def _declare(answer: Response) -> Response:
    """Say in which language texts are, and that this depends on who asks."""
    pages = {"text/html", "application/problem+json"}
    if answer.mimetype in pages or request.blueprint in _WORDED:
        answer.headers["Content-Language"] = language()
        answer.vary.update(["Accept-Language", "Cookie"])
    return answer
