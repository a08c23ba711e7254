"""Answers that several views give: JSON, and documents with their validators."""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Response, request
from werkzeug.exceptions import Forbidden

from kg.entries import history
from kg.entry import SLUG, Entry
from kg.errors import NotFound
from kg.stores.protocol import Version
from kg.text.i18n import gettext
from kg.text.number_formats import read_whole
from kg.vocabulary import CLASSES
from matcher.model.answer import plain
from service.core.proxies import HOST_NAMED, household
from service.core.runtime import current
from service.http.negotiation import write_entry

#: what keeps browsers safe; on every answer
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}


def as_json(body: object, status: int = 200) -> Response:
    """Answer in JSON: a value, or what is JSON already."""
    if is_dataclass(body):
        body = plain(body)
    text = json.dumps(body, ensure_ascii=False, allow_nan=False)
    return Response(text, status, content_type="application/json")


def document(body: bytes | str, media: str) -> Response:
    """Answer with a document in a media type, named as UTF-8 where it is text."""
    charset = "; charset=utf-8" if media.startswith("text/") else ""
    answer = Response(body, content_type=media + charset)
    answer.vary.add("Accept")
    return answer


def context_url() -> str:
    """The address of our JSON-LD context at this service."""
    return current().settings.address + "context.jsonld"


def visitor() -> str:
    """Who sends the request, as limits count clients."""
    return household(request.remote_addr or "?")


def refuse_foreign() -> None:
    """Raise Forbidden for what a page of another site sent."""
    origin, settings = request.headers.get("Origin"), current().settings
    host = urlsplit(origin or "").netloc.lower()
    named = request.environ[HOST_NAMED].lower()
    own = settings.serves(host) if settings.public_url else host == named
    cross = request.headers.get("Sec-Fetch-Site", "") == "cross-site"
    if cross or (origin is not None and not (host and own)):
        raise Forbidden(gettext("This was sent from another site; send it from a page here."))


def whole(text: str) -> int:
    """Read a whole number as it was sent; -1 for what is none, or is absurdly long."""
    number = read_whole(text, 15)
    return -1 if number is None else number


def location(path: str) -> str:
    """Where something is: under the public address, else relative to this service."""
    return f"{current().settings.public_url or request.script_root}/{path}"


def entry_iri(path: str, slug: str) -> str:
    """The IRI of an entry's address; raises NotFound for an address of no class."""
    if path not in CLASSES or not SLUG.fullmatch(slug):
        raise NotFound(gettext("There is no entry %(path)s/%(slug)s.", path=path, slug=slug))
    return f"{current().store.base}id/{path}/{slug}"


def check_iri(iri: str) -> str:
    """Give back an IRI that may name an entry here, or raise NotFound."""
    path, _, slug = iri.removeprefix(current().store.base + "id/").partition("/")
    if entry_iri(path, slug) != iri:
        raise NotFound(gettext("There is no entry %(entry)s.", entry=iri))
    return iri


def stored_entry(iri: str) -> Entry:
    """An entry as it is, or as it was in the version that ``?version=`` names.

    Raises NotFound, Removed, or Merged.
    """
    intake = current().intake
    intake.check_name(iri)
    if "version" not in request.args:
        return intake.store.get(iri)
    return history.state(intake, iri, whole(request.args["version"]))


def entry_answer(entry: Entry, media: str, form: str) -> Response:
    """Answer with an entry, ETag and Last-Modified; 304 where the client has it already.

    A former version has the ETag of that version, and does not change any more.
    """
    if "version" in request.args:
        answer = document(write_entry(entry, form, context_url()), media)
        answer.set_etag(f"{whole(request.args['version'])}-{form}")
        answer.make_conditional(request)
        return answer
    seen = current().store.provenance(entry.iri)
    # Read after its version: should a write come between, the tag is too old, never too new.
    entry = current().store.get(entry.iri)
    answer = document(write_entry(entry, form, context_url()), media)
    if seen:
        answer.set_etag(f"{seen.number}-{form}")
    answer.cache_control.no_cache = True
    dated(answer, seen).make_conditional(request)
    return answer


def dated(answer: Response, seen: Version | None) -> Response:
    """Add the time of an entry's last write."""
    if seen:
        answer.last_modified = datetime.fromisoformat(seen.when).astimezone(UTC)
    return answer
