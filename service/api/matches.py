"""The API of matching: one route for each kind of question, and what became of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyoxigraph as ox
from flask import Blueprint, Response, request

from kg.errors import UnknownFormat
from kg.text.i18n import gettext
from matcher import answer_rdf
from matcher.kinds import KINDS
from matcher.model.answer import Answer
from service.api import feedback, requests
from service.api.writes import Stored
from service.core.runtime import current
from service.core.votes import Vote
from service.http import login
from service.http.negotiation import MATCHES, choose, write
from service.http.responses import as_json, context_url, document


@dataclass(frozen=True)
class Counted:
    """What was counted, as nobody's in particular."""

    counted: Vote


matching = Blueprint("matching", __name__, url_prefix="/api/match")


def answer_match(kind: str) -> Response:
    """Answer one question, as JSON or as RDF that cites what it rests on."""
    media, form = choose(MATCHES)
    raw, matcher = _body(), current().matcher
    answer = requests.answer(kind, raw, matcher)
    if form == "json":
        return as_json(answer)
    triples = as_rdf(kind, raw, answer, matcher.store.base)
    return document(write(triples, form, context_url()), media)


def as_rdf(kind: str, raw: Mapping[str, Any], answer: Answer, base: str) -> list[ox.Triple]:
    """The answer to a request as triples, with the entry that the question is about."""
    subjects = KINDS[kind].subjects
    about = next((raw[key] for key in subjects if key != "text" and key in raw), None)
    return answer_rdf.triples(kind, answer, base, about)


def _body() -> dict[str, Any]:
    if request.mimetype != "application/json":
        kind = request.mimetype or "nothing"
        raise UnknownFormat(gettext("Send application/json; %(kind)s is not read.", kind=kind))
    return requests.read_json(request.get_data())


for name in KINDS:
    matching.add_url_rule(f"/{name}", name, answer_match, methods=["POST"], defaults={"kind": name})


@matching.post("/feedback")
def receive_feedback() -> Response:
    """Store what the holder of a token says of a suggestion; count what a page's reader says."""
    received = requests.read_feedback(_body())
    if request.authorization is None and login.has_session():
        return as_json(Counted(feedback.vote(received)))
    runtime = current()
    who = login.by_token().name
    accepted = feedback.record(runtime.intake, runtime.places, received, who)
    runtime.written()
    return as_json(Stored(accepted.entry.iri, accepted.version), 201)
