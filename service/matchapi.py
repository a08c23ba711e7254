"""The JSON API of matching: one route for each kind of question."""

from __future__ import annotations

from flask import Blueprint, Response, request

from kg.errors import UnknownFormat
from service import schemas
from service.answers import as_json
from service.runtime import current

matching = Blueprint("matching", __name__, url_prefix="/api/match")


def _match(kind: str) -> Response:
    """Answer one question."""
    return as_json(schemas.ask(kind, _body(), current().matcher))


def _body() -> dict[str, object]:
    if request.mimetype != "application/json":
        raise UnknownFormat(f"Send application/json; {request.mimetype or 'nothing'} is not read.")
    return schemas.read_json(request.get_data())


for name in schemas.REQUESTS:
    matching.add_url_rule(f"/{name}", name, _match, methods=["POST"], defaults={"kind": name})
