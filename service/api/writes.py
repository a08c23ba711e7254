"""Writes that arrive over HTTP: who may, on what version, why, and through the one guard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request

from kg.entries.intake import Accepted
from kg.entries.reading import read_entry
from kg.entry import Entry
from kg.errors import Changed, Exists, NotFound, Problem, VersionMissing, refused
from kg.ledger.ledger import Note
from kg.text.i18n import gettext
from service.core.rights import Principal, check_write
from service.core.runtime import current
from service.http.permissions import writer
from service.http.responses import as_json, location

#: letters of a reason
MAX_REASON = 500


@dataclass(frozen=True)
class Stored:
    """What was stored, as which version, and what would make it better."""

    entry: str
    version: int
    problems: tuple[Problem, ...] = ()


def note(who: Principal, reason: str | None = None) -> Note:
    """What is noted with a change: the reason that the address or the body gives."""
    reason = (reason if reason is not None else request.args.get("reason", "")).strip()
    if len(reason) > MAX_REASON:
        text = gettext("A reason has at most %(most)s letters.", most=MAX_REASON)
        raise refused("reason", text, hint=gettext("Say it in fewer words."))
    return Note(reason or None, person=who.account)


def allowed(who: Principal) -> Callable[[Entry | None, Entry | None], None]:
    """Make the check of what somebody may write, asked when it is their turn to write.

    It raises Forbidden; also where a token or a role was taken away since the request began.
    """
    runtime = current()

    def check(before: Entry | None, after: Entry | None) -> None:
        check_write(runtime.store, runtime.still(who), before, after)

    return check


def _sent(iri: str | None) -> Entry:
    """Read the entry that the request's body describes, under the name of the address."""
    body, intake = request.get_data(), current().intake
    store = intake.store
    return read_entry(
        body, request.mimetype, store.base, iri=iri, noted=store.noted, gone=intake.gone
    )


def create() -> Accepted:
    """Store the new entry that the request's body describes."""
    who = writer()
    return current().intake.create(_sent(None), who.name, note(who), allow=allowed(who))


def replace(iri: str) -> tuple[Accepted, int]:
    """Store the body as the state of an entry; return it with 201 if it is new, else 200.

    With ``If-None-Match: *`` only a new one is stored.
    """
    who, intake = writer(), current().intake
    intake.check_name(iri)
    if request.if_none_match.star_tag:
        try:
            return intake.create(_sent(iri), who.name, note(who), allow=allowed(who)), 201
        except Exists as error:
            raise Changed(gettext("There is an entry %(entry)s already.", entry=iri)) from error
    expected = expected_version(iri)
    entry = _sent(iri)
    accepted = intake.replace(entry, who.name, expected, note(who), allow=allowed(who))
    return accepted, status(accepted)


def status(accepted: Accepted) -> int:
    """The status of a write: 201 if it made the entry, else 200."""
    return 200 if accepted.before else 201


def delete(iri: str) -> Response:
    """Delete an entry that no other links to, and answer 204."""
    who, runtime = writer(), current()
    runtime.intake.check_name(iri)
    runtime.store.get(iri)
    expected = expected_version(iri)
    runtime.intake.delete(iri, who.name, expected, note(who), allow=allowed(who))
    runtime.written()
    return Response(status=204)


def expected_version(iri: str, *, needed: bool = True) -> int | None:
    """The version that If-Match names; None where the entry does not exist, or any will do.

    Raises Changed where it is not the present one, and VersionMissing where an entry exists,
    no version is named and one is ``needed``.
    """
    seen = current().store.provenance(iri)
    try:
        current().store.get(iri)
    except NotFound:
        seen = None
    if "If-Match" not in request.headers:
        if seen and needed and current().settings.if_match:
            raise VersionMissing(
                gettext(
                    "Send If-Match with the ETag that you last saw of %(entry)s, or * to"
                    " write whatever it is now.",
                    entry=iri,
                )
            )
        return None
    versions = {str(tag).partition("-")[0] for tag in request.if_match.as_set()}
    if seen is None or not (request.if_match.star_tag or str(seen.number) in versions):
        raise Changed(
            gettext("%(entry)s is not what you last saw; read it again first.", entry=iri)
        )
    return None if request.if_match.star_tag else seen.number


def stored(accepted: Accepted, status: int) -> Response:
    """Say what was stored, where it is and what would make it better."""
    current().written()
    entry = accepted.entry
    answer = as_json(Stored(entry.iri, accepted.version, tuple(accepted.warnings)), status)
    answer.set_etag(f"{accepted.version}-jsonld")
    answer.headers["Location"] = location(f"api/entries/{entry.path}/{entry.slug}")
    return answer
