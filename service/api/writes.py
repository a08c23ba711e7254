"""Writes that arrive over HTTP: who may, on what version, and through the one guard."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from kg.entries.intake import Accepted
from kg.entries.reading import read_entry
from kg.entry import Entry
from kg.errors import Changed, Exists, NotFound, Problem
from kg.text.i18n import gettext
from service.core.runtime import current
from service.http.responses import as_json, location


@dataclass(frozen=True)
class Stored:
    """What was stored, as which version, and what would make it better."""

    entry: str
    version: int
    problems: tuple[Problem, ...] = ()


def writer() -> str:
    """Who holds the token of the request; 401 without one that is known."""
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        raise _unauthorized(gettext("Writing needs a token: send 'Authorization: Bearer TOKEN'."))
    holder = current().tokens.holder(given.token)
    if holder is None:
        text = gettext("This token is not known, or was revoked.")
        raise _unauthorized(text, error="invalid_token")
    return holder


def _unauthorized(why: str, **more: str) -> Unauthorized:
    """Make a 401 that says how to prove who one is (RFC 6750)."""
    known: dict[str, str | None] = {"realm": "passerelle", **more}
    return Unauthorized(why, www_authenticate=WWWAuthenticate("bearer", known))


def _sent(iri: str | None) -> Entry:
    """Read the entry that the request's body describes, under the name of the address."""
    body, store = request.get_data(), current().store
    return read_entry(body, request.mimetype, store.base, iri=iri, noted=store.noted)


def create() -> Accepted:
    """Store the new entry that the request's body describes."""
    agent = writer()
    return current().intake.create(_sent(None), agent)


def replace(iri: str) -> tuple[Accepted, int]:
    """Store the body as the state of an entry; return it with 201 if it is new, else 200.

    With ``If-None-Match: *`` only a new one is stored.
    """
    agent, runtime = writer(), current()
    expected = expected_version(iri)
    entry = _sent(iri)
    if not request.if_none_match.star_tag:
        accepted = runtime.intake.replace(entry, agent, expected)
        return accepted, status(accepted)
    try:
        return runtime.intake.create(entry, agent), 201
    except Exists as error:
        raise Changed(gettext("There is an entry %(entry)s already.", entry=iri)) from error


def status(accepted: Accepted) -> int:
    """The status of a write: 201 if it made the entry, else 200."""
    seen = current().store.provenance(accepted.entry.iri)
    return 201 if seen and seen.action == "create" else 200


def delete(iri: str) -> Response:
    """Delete an entry that no other links to, and answer 204."""
    agent, runtime = writer(), current()
    runtime.store.get(iri)
    runtime.intake.delete(iri, agent, expected_version(iri))
    runtime.written()
    return Response(status=204)


def expected_version(iri: str) -> int | None:
    """The version that If-Match names, None without it; raises Changed where it is not current."""
    if "If-Match" not in request.headers:
        return None
    seen = current().store.provenance(iri)
    try:
        current().store.get(iri)
    except NotFound:
        seen = None
    versions = {str(tag).partition("-")[0] for tag in request.if_match.as_set()}
    if seen is None or not (request.if_match.star_tag or str(seen.number) in versions):
        raise Changed(
            gettext("%(entry)s is not what you last saw; read it again first.", entry=iri)
        )
    return seen.number


def stored(accepted: Accepted, status: int) -> Response:
    """Say what was stored, where it is and what would make it better."""
    current().written()
    entry = accepted.entry
    answer = as_json(Stored(entry.iri, accepted.version, tuple(accepted.warnings)), status)
    answer.set_etag(f"{accepted.version}-jsonld")
    answer.headers["Location"] = location(f"api/entries/{entry.path}/{entry.slug}")
    return answer
