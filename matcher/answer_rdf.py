"""An answer as RDF: each match with its reasons, citing the statements that they rest on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pyoxigraph as ox

from kg.entry import decimal
from kg.text.i18n import language
from kg.vocabulary import DCT, PROV, PSR, RDF, RDF_TYPE
from matcher.model.answer import (
    Answer,
    CriterionValue,
    InstrumentsAnswer,
    Match,
    TransferAnswer,
    TransferMatch,
    plain,
)
from matcher.model.reasons import Reason, excerpt

Node = ox.NamedNode
Pair = tuple[str, Node | ox.Literal]
_NUMBERS = ("score", "fit", "coverage")


def triples(kind: str, answer: Answer, base: str, about: str | None) -> list[ox.Triple]:
    """An answer as ``psr:Match`` nodes with PROV; ``about`` is the entry asked about.

    Nodes are named after the answer's content, so that the same answer has the same names.
    Words of a question are not in it.
    """
    digest = hashlib.sha256(json.dumps(plain(answer), sort_keys=True).encode()).hexdigest()[:16]
    name = Node(f"{base}answer/{digest}")
    graph = _described(
        name,
        (RDF_TYPE.value, Node(PROV + "Activity")),
        (PSR + "abstained", ox.Literal(answer.abstained)),
        *_texts("warning", getattr(answer, "infeasible", ())),
        *([(PROV + "used", Node(about))] if about else []),
    )
    for number, match in enumerate(answer.matches, 1):
        node = Node(f"{name.value}#match-{number}")
        query = [(PSR + "query", Node(about))] if about else []
        values = _match(kind, match, answer)
        graph += _described(node, *values, (PROV + "wasGeneratedBy", name), *query)
        criteria = match.criteria if isinstance(match, TransferMatch) else {}
        for place, reason in enumerate(match.reasons, 1):
            own = Node(f"{node.value}-reason-{place}")
            graph.append(ox.Triple(node, Node(PSR + "hasReason"), own))
            graph += _reason(name.value, own, reason, criteria.get(reason.criterion))
    return list(dict.fromkeys(graph))


def _described(node: Node, *pairs: Pair) -> list[ox.Triple]:
    return [ox.Triple(node, Node(prop), value) for prop, value in pairs]


def _texts(name: str, items: Iterable[Any]) -> list[Pair]:
    """The texts of items as values of one property, in the reader's language."""
    return [(PSR + name, ox.Literal(item.text, language=language())) for item in items]


def _match(kind: str, match: Match, answer: Answer) -> Iterator[Pair]:
    stamp = answer.stamp
    yield RDF_TYPE.value, Node(PSR + "Match")
    yield PSR + "matchKind", ox.Literal(kind)
    yield PSR + "candidate", Node(match.entry)
    yield PSR + "modelVersion", ox.Literal(stamp.model)
    yield PSR + "dataVersion", ox.Literal(stamp.data)
    yield PSR + "statisticsVersion", ox.Literal(stamp.statistics)
    yield PSR + "weightsVersion", ox.Literal(stamp.weights)
    yield PSR + "textVersion", ox.Literal(stamp.text)
    yield PSR + "abstained", ox.Literal(answer.abstained)
    for name in _NUMBERS:
        if hasattr(match, name):
            yield PSR + name, _decimal(getattr(match, name))
    if isinstance(answer, TransferAnswer | InstrumentsAnswer):
        yield DCT + "spatial", Node(answer.territory)
    for gate in match.gates if isinstance(match, TransferMatch) else ():
        if gate.status == "failed":
            yield PSR + "failedGate", ox.Literal(gate.criterion)
    yield from _texts("warning", getattr(match, "warnings", ()))
    yield from _texts("adaptation", getattr(match, "adaptations", ()))


def _reason(
    answer: str, node: Node, reason: Reason, criterion: CriterionValue | None
) -> list[ox.Triple]:
    """A reason with the triples cited as RDF statements, each from its entry, and words quoted."""
    graph = _described(
        node,
        (RDF_TYPE.value, Node(PSR + "Reason")),
        (PSR + "criterion", ox.Literal(reason.criterion)),
        (DCT + "description", ox.Literal(reason.text, language=language())),
    )
    if criterion and criterion.value is not None:
        graph += _described(node, (PSR + "strength", _decimal(criterion.value)))
    text = "".join(" ".join(triple) + " .\n" for triple in reason.evidence)
    for quad in ox.parse(text, format=ox.RdfFormat.N_TRIPLES):
        digest = hashlib.sha256(str(quad.triple).encode()).hexdigest()[:16]
        statement, entry = Node(f"{answer}#statement-{digest}"), str(quad.subject)[1:-1]
        graph += _described(node, (PROV + "wasDerivedFrom", statement))
        graph += _described(
            statement,
            (RDF_TYPE.value, Node(RDF + "Statement")),
            (RDF + "subject", quad.subject),
            (RDF + "predicate", quad.predicate),
            (RDF + "object", quad.object),
            (PROV + "wasDerivedFrom", Node(entry.partition("#")[0])),
        )
        if isinstance(quad.object, ox.Literal) and quad.object.language:
            words = excerpt(quad.object.value).rstrip("…")
            graph += _described(node, (PSR + "quote", ox.Literal(words)))
    return graph


def _decimal(value: float) -> ox.Literal:
    return decimal(f"{value:.4f}".rstrip("0").rstrip("."))
