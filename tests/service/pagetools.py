"""What tests of pages share: a page's text as a browser gets it, and as a reader sees it."""

from __future__ import annotations

import html
import re

from flask.testing import FlaskClient

#: the page of an entry of each class, and of one that is not there
ENTRIES = (
    "/id/practice/dom-mladih-split",
    "/id/practice/dom-mladih-split/history",
    "/id/challenge/loneliness",
    "/id/actor/city-hr-split",
    "/id/instrument/esf-plus",
    "/id/transfer/buurtzorg-to-sweden",
    "/id/plan/sea4neb-split",
    "/id/community/elif",
    "/id/call/elif-clsi-2024",
    "/id/territory/HR",
    "/id/practice/nowhere",
)


def page(client: FlaskClient, path: str, status: int = 200, **query: str | list[str]) -> str:
    """Return a page's source, having checked its status and type."""
    answer = client.get(path, query_string=query or None, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    assert answer.content_type == "text/html; charset=utf-8"
    return answer.text


def words(text: str) -> str:
    """Return what a reader sees of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())
