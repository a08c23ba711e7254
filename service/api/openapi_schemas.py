"""The words of the OpenAPI document: what answers look like and what errors mean."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

ERRORS = {
    400: "The request cannot be read",
    401: "No token was sent, or one that is not known",
    403: "This is not done here, or not from another site",
    404: "There is no such thing",
    406: "There is no such format",
    409: "There is such an entry already, or others link to it",
    412: "The entry changed since",
    413: "Too large",
    415: "A body of this type is not read",
    422: "Understood and refused; “problems” says why, field by field",
    429: "Too many requests; see Retry-After",
    503: "Not ready, or too busy; see Retry-After",
    504: "A limit was hit; “limit” says which",
}
ANSWERS = {
    "Entries": "A page of entries",
    "Stored": "What was stored",
    "Counted": "What was counted, as nobody's in particular",
    "Report": "What the shapes say",
    "Stats": "Numbers of the graph",
    "State": "The state",
    "Any": "A JSON object",
    "SimilarMatches": "Matches with reasons",
    "TransferMatches": "Matches with criteria, gates and reasons",
    "PartnersMatches": "Matches with both sides' reasons",
    "InstrumentsMatches": "Instruments that break no rule, and whether there is a gap",
    "ConsortiumMatches": "The members, or the rules that cannot be met together",
    "GroupsMatches": "Groups of members, by challenge",
}


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


_TEXT: Json = {"type": "string"}
_MAYBE: Json = {"type": ["string", "null"]}
_WHOLE: Json = {"type": "integer"}
_SHARE: Json = {"type": "number", "minimum": 0, "maximum": 1}
_YES: Json = {"type": "boolean"}
_ROW = {"entry": _TEXT, "type": _TEXT, "title": _MAYBE, "country": _MAYBE}
_MATCH = _ROW | {
    "score": _SHARE,
    "level": {"enum": ["strong", "fair", "weak"]},
    "reasons": _list(_ref("Reason")),
}
_TRANSFER = _MATCH | {
    "fit": _SHARE,
    "coverage": _SHARE,
    "criteria": {"type": "object", "additionalProperties": _ref("Criterion")},
    "gates": _list(_ref("Gate")),
    "adaptations": _list(_ref("Adaptation")),
    "warnings": _list(_ref("Warning")),
    "counterfactuals": _list(_ref("Change")),
    "what_if": _ref("WhatIf"),
    "instruments": _list(_ref("Instrument")),
    "transfers": _list(_object(transfer=_TEXT, territory=_MAYBE, result=_TEXT)),
}
_PARTNER = _MATCH | {
    "kind": {"enum": ["peer", "mentor", "role", "exchange"]},
    "for_them": _list(_ref("Reason")),
}


_INSTRUMENT = _MATCH | {"rules": _list(_ref("Rule"))}
_SEAT = _MATCH | {"covers": _list(_TEXT), "alternatives": _list(_ref("Row"))}
_GROUP = _MATCH | {"members": _list(_ref("Member"))}


def _answer(match: dict[str, Json], **more: Json) -> Json:
    return _object(
        query=_object(lang=_TEXT, notes=_list(_TEXT)),
        matches=_list(_object(**match)),
        abstained=_YES
        | {"description": "There is no good match; what is listed is the least bad."},
        stamp=_object(
            data=_WHOLE, model=_TEXT, text={"type": ["integer", "string"]}, weights=_TEXT
        ),
        **more,
    )


SCHEMAS: Json = {
    "Reason": _object(criterion=_TEXT, text=_TEXT, evidence=_list(_ref("Triple"))),
    "Triple": {
        "type": "array", "items": _TEXT, "minItems": 3, "maxItems": 3,
        "description": "Subject, predicate and object in N-Triples notation.",
    },
    "Criterion": _object(
        value={"type": ["number", "null"]}, weight={"type": "number"}, known=_SHARE, text=_TEXT
    ),
    "Gate": _object(
        criterion=_TEXT, status={"enum": ["passed", "failed", "gap", "unknown"]}, text=_TEXT
    ),
    "Warning": _object(
        kind={"enum": [
            "uninformed", "incomplete", "inappropriate", "failed-before", "there-already",
        ]},
        text=_TEXT,
    ),
    "Row": _object(**_ROW),
    "Adaptation": _object(
        criterion=_TEXT, condition=_TEXT, text=_TEXT, needs=_list(_TEXT), who=_list(_ref("Row")),
        evidence=_list(_ref("Triple")),
    ),
    "Change": _object(
        change=_TEXT, criterion=_TEXT, fit_before=_SHARE, fit_after=_SHARE, text=_TEXT
    ),
    "WhatIf": _object(
        fit_before=_SHARE, fit_after=_SHARE, score_before=_SHARE, score_after=_SHARE, text=_TEXT
    ),
    "Missing": _object(
        field=_TEXT, criterion=_TEXT, entry=_MAYBE, value={"type": "number"}, text=_TEXT
    ),
    "WhyNot": _object(
        **_ROW, rank=_WHOLE, of=_WHOLE, score=_SHARE, fit=_SHARE, listed=_YES,
        because=_list(_object(kind=_TEXT, name=_TEXT, text=_TEXT)),
    ),
    "Rule": _object(rule=_TEXT, status={"enum": ["met", "failed", "unknown"]}, text=_TEXT),
    "Instrument": _object(**_ROW, rules=_list(_ref("Rule"))),
    "Member": _object(**_ROW, teaches=_list(_ref("Row")), learns=_list(_ref("Row"))),
    "Finding": _object(
        path=_TEXT, value=_MAYBE, message=_TEXT, hint=_MAYBE, shape=_MAYBE,
        severity={"enum": ["violation", "warning"]},
    ),
    "Problem": _object(
        type=_TEXT, title=_TEXT, status=_WHOLE, detail=_TEXT, limit=_TEXT,
        problems=_list(_ref("Finding")),
    ),
    "Entries": _object(entries=_list(_object(**_ROW)), next=_MAYBE, total=_WHOLE),
    "Counted": _object(
        counted=_object(
            kind=_TEXT, candidate=_TEXT, about=_TEXT, territory=_TEXT, decision=_TEXT
        )
    ),
    "Stored": _object(entry=_TEXT, version=_WHOLE, problems=_list(_ref("Finding"))),
    "Report": _object(entry=_MAYBE, conforms=_YES, problems=_list(_ref("Finding"))),
    "Stats": _object(
        entries={"type": "object", "additionalProperties": _WHOLE},
        data_version=_WHOLE, index_lag=_WHOLE, failed=_WHOLE, model=_TEXT,
    ),
    "State": _object(status=_TEXT, index_lag=_WHOLE, failed=_WHOLE),
    "Any": {"type": "object"},
    "SimilarMatches": _answer(_MATCH),
    "TransferMatches": _answer(
        _TRANSFER, territory=_TEXT, missing=_list(_ref("Missing")), why_not=_ref("WhyNot")
    ),
    "PartnersMatches": _answer(_PARTNER),
    "InstrumentsMatches": _answer(
        _INSTRUMENT, territory=_TEXT, gap=_MAYBE, excluded=_list(_ref("Instrument"))
    ),
    "ConsortiumMatches": _answer(
        _SEAT, rules={"type": "object"}, covered=_list(_TEXT), uncovered=_list(_TEXT),
        infeasible=_list(_object(rule=_MAYBE, text=_TEXT)), candidates=_WHOLE,
    ),
    "GroupsMatches": _answer(_GROUP, members=_WHOLE),
}  # fmt: skip
