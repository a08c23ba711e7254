"""An answer as RDF: each match with its reasons, citing the statements that they rest on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import pyoxigraph as ox

from kg.entry import decimal
from kg.text.i18n import language
from kg.vocabulary import DCT, PROV, PSR, RDF, RDF_TYPE
from matcher.model.answer import (
    Answer,
    InstrumentsAnswer,
    Match,
    TransferAnswer,
    TransferMatch,
    plain,
)
from matcher.model.reasons import excerpt

Node = ox.NamedNode
_NUMBERS = ("score", "fit", "coverage")


def triples(kind: str, answer: Answer, base: str, about: str | None) -> list[ox.Triple]:
    """Return an answer as ``psr:Match`` nodes with PROV; ``about`` is the entry asked about.

    Nodes are named after the answer's content, so that the same answer has the same names.
    Words of a question are not in it.
    """
    digest = hashlib.sha256(json.dumps(plain(answer), sort_keys=True).encode()).hexdigest()[:16]
    name = f"{base}answer/{digest}"
    graph = [ox.Triple(Node(name), RDF_TYPE, Node(PROV + "Activity"))]
    graph.append(ox.Triple(Node(name), Node(PSR + "abstained"), ox.Literal(answer.abstained)))
    graph += _texts(Node(name), "warning", getattr(answer, "infeasible", ()))
    if about:
        graph.append(ox.Triple(Node(name), Node(PROV + "used"), Node(about)))
    for number, match in enumerate(answer.matches, 1):
        node = Node(f"{name}#match-{number}")
        graph += _match(node, kind, match, answer)
        graph.append(ox.Triple(node, Node(PROV + "wasGeneratedBy"), Node(name)))
        if about:
            graph.append(ox.Triple(node, Node(PSR + "query"), Node(about)))
        graph += _reasons(node, match)
    return list(dict.fromkeys(graph))


def _match(node: Node, kind: str, match: Match, answer: Answer) -> list[ox.Triple]:
    stamp = answer.stamp
    values: dict[str, Node | ox.Literal] = {
        RDF_TYPE.value: Node(PSR + "Match"),
        PSR + "matchKind": ox.Literal(kind),
        PSR + "candidate": Node(match.entry),
        PSR + "modelVersion": ox.Literal(stamp.model),
        PSR + "dataVersion": ox.Literal(stamp.data),
        PSR + "weightsVersion": ox.Literal(stamp.weights),
        PSR + "textVersion": ox.Literal(stamp.text),
        PSR + "abstained": ox.Literal(answer.abstained),
    }
    values |= {PSR + n: _decimal(getattr(match, n)) for n in _NUMBERS if hasattr(match, n)}
    if isinstance(answer, TransferAnswer | InstrumentsAnswer):
        values[DCT + "spatial"] = Node(answer.territory)
    gates = match.gates if isinstance(match, TransferMatch) else ()
    failed = [gate.criterion for gate in gates if gate.status == "failed"]
    return [
        *(ox.Triple(node, Node(prop), value) for prop, value in values.items()),
        *(ox.Triple(node, Node(PSR + "failedGate"), ox.Literal(name)) for name in failed),
        *_texts(node, "warning", getattr(match, "warnings", ())),
        *_texts(node, "adaptation", getattr(match, "adaptations", ())),
    ]


def _texts(node: Node, name: str, items: Iterable[Any]) -> list[ox.Triple]:
    """Return the texts of items as values of one property, in the reader's language."""
    texts = (ox.Literal(item.text, language=language()) for item in items)
    return [ox.Triple(node, Node(PSR + name), text) for text in texts]


def _reasons(node: Node, match: Match) -> list[ox.Triple]:
    graph = []
    criteria = match.criteria if isinstance(match, TransferMatch) else {}
    for number, reason in enumerate(match.reasons, 1):
        own = Node(f"{node.value}-reason-{number}")
        criterion = criteria.get(reason.criterion)
        values: list[tuple[str, Node | ox.Literal]] = [
            (RDF_TYPE.value, Node(PSR + "Reason")),
            (PSR + "criterion", ox.Literal(reason.criterion)),
            (DCT + "description", ox.Literal(reason.text, language=language())),
        ]
        if criterion and criterion.value is not None:
            values.append((PSR + "strength", _decimal(criterion.value)))
        graph.append(ox.Triple(node, Node(PSR + "hasReason"), own))
        graph += [ox.Triple(own, Node(prop), value) for prop, value in values]
        graph += _statements(node.value.partition("#")[0], own, reason.evidence)
    return graph


def _statements(name: str, reason: Node, evidence: Iterable[Iterable[str]]) -> list[ox.Triple]:
    """Return the cited triples as RDF statements, each from its entry, and the words quoted."""
    graph = []
    text = "".join(" ".join(triple) + " .\n" for triple in evidence)
    for quad in ox.parse(text, format=ox.RdfFormat.N_TRIPLES):
        digest = hashlib.sha256(str(quad.triple).encode()).hexdigest()[:16]
        node, entry = Node(f"{name}#statement-{digest}"), str(quad.subject)[1:-1].partition("#")[0]
        values: list[tuple[str, Any]] = [
            (RDF_TYPE.value, Node(RDF + "Statement")),
            (RDF + "subject", quad.subject),
            (RDF + "predicate", quad.predicate),
            (RDF + "object", quad.object),
            (PROV + "wasDerivedFrom", Node(entry)),
        ]
        graph.append(ox.Triple(reason, Node(PROV + "wasDerivedFrom"), node))
        graph += [ox.Triple(node, Node(prop), value) for prop, value in values]
        if isinstance(quad.object, ox.Literal) and quad.object.language:
            words = ox.Literal(excerpt(quad.object.value).rstrip("…"))
            graph.append(ox.Triple(reason, Node(PSR + "quote"), words))
    return graph


def _decimal(value: float) -> ox.Literal:
    return decimal(f"{value:.4f}".rstrip("0").rstrip("."))
