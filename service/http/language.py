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
    }
    app.before_request(_choose)
    app.after_request(_declare)
    # Whatever else this thread does is not in the reader's language.
    app.teardown_request(lambda _: set_language(SOURCE))


def preferred() -> str:
    """The language chosen on a page, else the first of Accept-Language that there is."""
    known = available()
    if (chosen := request.cookies.get(COOKIE)) in known:
        return str(chosen)
    langs = (primary(tag) for tag, quality in request.accept_languages if quality > 0)
    return next((lang for lang in langs if lang in known), SOURCE)


def offered() -> list[tuple[str, str, str]]:
    """Each language with its own name and the address that chooses it, by name.

    The address is that of this page, or of the one above an address that can only be sent to.
    """
    here = ""
    if request.url_rule and "GET" not in (request.url_rule.methods or ()):
        here = f"{request.script_root}{request.path.rpartition('/')[0]}" or "/"
    rest = _other_fields()
    links = [(c, own_name(c), f"{here}?{urlencode([*rest, ('ui', c)])}") for c in available()]
    return sorted(links, key=lambda link: link[1].casefold())


def _other_fields() -> list[tuple[str, str]]:
    return [pair for pair in request.args.items(multi=True) if pair[0] != "ui"]


def _choose() -> BaseResponse | None:
    """Write texts in the reader's language; where ``?ui=`` asks for another, keep that."""
    set_language(preferred())
    if request.method != "GET" or "ui" not in request.args or not wants_page():
        return None
    rest = urlencode(_other_fields())
    # One slash: an address that begins with two would lead to another host.
    here = f"{request.script_root}/{quote(request.path.lstrip('/'))}"
    answer = redirect(f"{here}?{rest}" if rest else here, 303)
    if (lang := request.args["ui"]) in available():
        answer.set_cookie(
            COOKIE,
            lang,
            max_age=SECONDS,
            path=f"{request.script_root}/",
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
        )
    return answer


def _declare(answer: Response) -> Response:
    """Say in which language texts are, and that this depends on who asks."""
    pages = {"text/html", "application/problem+json"}
    if answer.mimetype in pages or request.blueprint in _WORDED:
        answer.headers["Content-Language"] = language()
        answer.vary.update(["Accept-Language", "Cookie"])
    return answer
