"""What became of a suggestion: an entry of the class match by token, a count by a visitor."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import pyoxigraph as ox
from werkzeug.exceptions import TooManyRequests

from kg.catalogue.places import Places
from kg.entries.intake import Accepted, Intake
from kg.entry import Entry, decimal, make
from kg.stores.protocol import Store
from kg.text.i18n import gettext
from kg.vocabulary import CLASSES, DCT, PSR, RDF_TYPE, VOC, vocabulary
from matcher.kinds import KINDS, place_of
from matcher.model.filters import read
from service.core.runtime import current
from service.core.votes import VOTES_AN_HOUR, Vote
from service.http.responses import refuse_foreign, visitor


def record(intake: Intake, places: Places, feedback: Mapping[str, Any], agent: str) -> Accepted:
    """Store what became of a suggestion, in the place of what the agent said of it before."""
    return intake.replace(match_entry(intake.store, places, feedback, agent), agent)


def vote(feedback: Mapping[str, Any]) -> Vote:
    """Count what a visitor decided on a suggestion, and give what was counted.

    Raises Refused for what is not there, 403 for what another site sent, and 429 beyond
    VOTES_AN_HOUR from one address.
    """
    refuse_foreign()
    runtime = current()
    candidate, about, place = _suggestion(runtime.store, runtime.places, feedback)
    counted = Vote(feedback["kind"], candidate.iri, about or "", place or "", feedback["decision"])
    if wait := runtime.votes.add(counted, visitor()):
        limit = gettext("At most %(most)s answers an hour are counted.", most=VOTES_AN_HOUR)
        raise TooManyRequests(limit, retry_after=math.ceil(wait))
    return counted


def _suggestion(
    store: Store, places: Places, feedback: Mapping[str, Any]
) -> tuple[Entry, str | None, str | None]:
    """Look up the candidate, the subject of the question and the place, or raise Refused.

    The candidate must be of a class that such a question is answered with.
    """
    known = tuple(path for path in CLASSES if path not in {"match", "territory"})
    candidate = read(store, feedback["entry"], *KINDS[feedback["kind"]].candidates)
    about = (
        read(store, feedback["about"], *known, field="about").iri if "about" in feedback else None
    )
    place = place_of(places, feedback)
    return candidate, about, place.entry if place else None


def match_entry(store: Store, places: Places, feedback: Mapping[str, Any], agent: str) -> Entry:
    """Make the match that is to be stored.

    Its name is made from the agent and the suggestion, so that a later decision on the same
    suggestion takes the place of the earlier one. Raises Refused for what is not there, or is
    not what such a question is answered with.
    """
    candidate, about, place = _suggestion(store, places, feedback)
    key = "\n".join([agent, feedback["kind"], candidate.iri, about or "", place or ""])
    iri = f"{store.base}id/match/{hashlib.sha256(key.encode()).hexdigest()[:20]}"
    concept = f"{VOC}decision/{feedback['decision']}"
    title = f"{candidate.text(DCT + 'title') or candidate.slug}: {vocabulary().label(concept)}"
    stamp = feedback.get("stamp", {})
    values: dict[str, Any] = {
        DCT + "title": ox.Literal(title[:200], language="en"),
        PSR + "matchKind": ox.Literal(feedback["kind"]),
        PSR + "candidate": ox.NamedNode(candidate.iri),
        PSR + "decision": ox.NamedNode(concept),
        PSR + "query": ox.NamedNode(about) if about else None,
        DCT + "spatial": ox.NamedNode(place) if place else None,
        PSR + "score": decimal(f"{feedback['score']:.4f}") if "score" in feedback else None,
        PSR + "modelVersion": ox.Literal(stamp["model"]) if stamp else None,
        PSR + "dataVersion": ox.Literal(stamp["data"]) if stamp else None,
        PSR + "statisticsVersion": (
            ox.Literal(stamp["statistics"]) if "statistics" in stamp else None
        ),
        PSR + "weightsVersion": ox.Literal(stamp["weights"]) if stamp else None,
        PSR + "textVersion": ox.Literal(stamp["text"]) if stamp else None,
    }
    node = ox.NamedNode(iri)
    triples = [ox.Triple(node, RDF_TYPE, ox.NamedNode(CLASSES["match"]))]
    triples += [ox.Triple(node, ox.NamedNode(p), v) for p, v in values.items() if v is not None]
    return make(iri, triples)
