"""The history of entries: versions, differences, the way back, and two entries made one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from flask import Blueprint, Response, request
from pydantic import BaseModel

from kg.entries import history
from kg.errors import UnknownFormat, refused
from kg.text.i18n import gettext
from matcher.model.answer import ABSENT
from service.api import requests, writes
from service.core.runtime import current
from service.http import login
from service.http.permissions import writer
from service.http.responses import as_json, check_iri, entry_iri, whole

past = Blueprint("history", __name__, url_prefix="/api/entries/<path>/<slug>")


@dataclass(frozen=True)
class EntryVersion:
    """A version of an entry; ``added`` and ``removed`` count statements.

    They are null where history began with it. ``person`` is told to curators only.
    """

    version: int
    at: str
    by: str
    action: str
    reason: str | None
    added: int | None
    removed: int | None
    person: Annotated[str | None, ABSENT] = None


@dataclass(frozen=True)
class History:
    """Every version of an entry, the newest first."""

    versions: tuple[EntryVersion, ...]


@dataclass(frozen=True)
class Compared:
    """What one version of an entry has and another has not, as N-Triples lines."""

    older: int
    newer: int
    added: tuple[str, ...]
    removed: tuple[str, ...]


@past.get("/history")
def read(path: str, slug: str) -> Response:
    """List the versions of an entry, or with ?from= and ?to= what is between two of them.

    Of a removed entry only its removal is public; curators read on.
    """
    runtime, iri = current(), entry_iri(path, slug)
    versions = history.versions(runtime.store, iri)
    curator = request.authorization is not None and login.by_token().at_least("curator")
    fate = runtime.store.ledger.fate(iri)
    hidden = fate is not None and fate.target is None and not curator
    if unknown := sorted(set(request.args) - {"from", "to"}):
        text = gettext("This parameter is not known.")
        raise refused(unknown[0], text, hint=gettext("Use %(names)s.", names="from, to"))
    if "from" in request.args or "to" in request.args:
        if hidden:
            runtime.intake.check_name(iri)
        older, newer = (whole(request.args.get(name, "")) for name in ("from", "to"))
        if older < 0 or newer < 0:
            name = "from" if older < 0 else "to"
            raise refused(
                name,
                gettext("This is no version of an entry."),
                value=request.args.get(name, "")[:80] or None,
                hint=gettext("Send from and to, two numbers of the entry's history."),
            )
        between = runtime.store.ledger.compared(iri, older, newer, runtime.intake.present(iri))
        lines = (tuple(sorted(some)) for some in (between.added, between.removed))
        return as_json(Compared(older, newer, *lines))
    shown = versions[:1] if hidden else versions  # the newest of a removed entry is its removal
    return as_json(
        History(
            tuple(
                EntryVersion(
                    version.version,
                    version.at,
                    version.by,
                    version.action,
                    None if hidden else version.reason,
                    version.added if version.known else None,
                    version.removed if version.known else None,
                    version.person if curator else None,
                )
                for version in shown
            )
        )
    )


@past.post("/restore")
def restore(path: str, slug: str) -> Response:
    """Make a former version of an entry the present one."""
    who, runtime, iri = writer(), current(), entry_iri(path, slug)
    sent = _sent(requests.RestoreRequest)
    accepted = history.restore(
        runtime.intake,
        iri,
        sent["version"],
        who.name,
        writes.note(who, sent.get("reason")),
        writes.expected_version(iri, needed=False),
        allow=writes.allowed(who),
    )
    return writes.stored(accepted, 200)


@past.post("/merge")
def merge(path: str, slug: str) -> Response:
    """Make an entry one with the entry ``into``, which stays."""
    who, runtime, iri = writer(), current(), entry_iri(path, slug)
    sent = _sent(requests.MergeRequest)
    accepted = history.merge(
        runtime.intake,
        iri,
        check_iri(sent["into"]),
        who.name,
        writes.note(who, sent.get("reason")),
        allow=writes.allowed(who),
    )
    return writes.stored(accepted, 200)


@past.post("/unmerge")
def unmerge(path: str, slug: str) -> Response:
    """Take back the merge of an entry, and say what was edited since and left."""
    who, runtime, iri = writer(), current(), entry_iri(path, slug)
    note = writes.note(who, _sent(requests.ReasonRequest).get("reason"))
    report = history.unmerge(runtime.intake, iri, who.name, note, allow=writes.allowed(who))
    runtime.written()
    return as_json(report)


def _sent(model: type[BaseModel]) -> dict[str, Any]:
    """Read the JSON object of a request; none is an empty one."""
    if not (body := request.get_data()):
        return requests.fields(model, {})
    if request.mimetype != "application/json":
        kind = request.mimetype or "nothing"
        raise UnknownFormat(gettext("Send application/json; %(kind)s is not read.", kind=kind))
    return requests.fields(model, requests.read_json(body))
