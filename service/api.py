"""The JSON API: entries, validation, matches, and how the service is."""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from kg import catalogue
from kg.errors import Changed, Exists, NotFound, Overloaded, Problem, Refused, UnknownFormat
from kg.intake import Accepted
from kg.reading import read_entry
from service import schemas
from service.answers import as_json, check_iri, entry_answer, entry_iri
from service.negotiate import DATA, choose
from service.runtime import current

api = Blueprint("api", __name__)
_FILTERS = ("type", "country", "territory", "theme", "q")
_PARAMETERS = {*_FILTERS, "limit", "cursor", "lang"}


@api.get("/health")
def health() -> Response:
    """Say that the process lives."""
    return as_json({"status": "alive"})


@api.get("/ready")
def ready() -> Response:
    """Say whether questions can be answered, or raise Overloaded."""
    if not current().ready:
        raise Overloaded("The model is being loaded and the index filled. Try again soon.", 2)
    return as_json({"status": "ready", "index_lag": current().matcher.lag()})


@api.get("/api/stats")
def stats() -> Response:
    """Return entries by class, data version, index lag and model."""
    runtime = current()
    return as_json(
        {
            "entries": catalogue.class_counts(runtime.store),
            "data_version": runtime.store.version(),
            "index_lag": runtime.matcher.lag(),
            "model": runtime.matcher.model_name,
        }
    )


@api.get("/api/entries")
def list_or_read() -> Response:
    """Return a page of entries, or the one that ``?iri=`` names."""
    if "iri" in request.args:
        return _read(check_iri(request.args["iri"]))
    _check_parameters()
    wanted = {name: request.args[name] for name in _FILTERS if request.args.get(name)}
    page = catalogue.list_entries(
        current().store,
        catalogue.Filter(**wanted),
        limit=_limit(),
        cursor=request.args.get("cursor"),
        lang=request.args.get("lang", "en"),
    )
    return as_json({"entries": page.rows, "next": page.next, "total": page.total})


def _check_parameters() -> None:
    hint = f"Use {', '.join(sorted(_PARAMETERS))}."
    unknown = sorted(set(request.args) - _PARAMETERS)
    if unknown:
        problems = [Problem(n, "This parameter is not known.", value=n, hint=hint) for n in unknown]
        raise Refused("The list cannot be narrowed like this.", problems)


def _limit() -> int:
    text = request.args.get("limit", "50")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1


@api.get("/api/entries/<path>/<slug>")
def read(path: str, slug: str) -> Response:
    """Return one entry."""
    return _read(entry_iri(path, slug))


def _read(iri: str) -> Response:
    media, form = choose(DATA)
    return entry_answer(current().store.get(iri), media, form)


@api.post("/api/entries")
def create() -> Response:
    """Store a new entry and say where it is."""
    agent, runtime = _writer(), current()
    entry = read_entry(request.get_data(), request.mimetype, runtime.store.base)
    return _stored(runtime.intake.create(entry, agent), 201)


@api.put("/api/entries")
def replace_by_iri() -> Response:
    """Replace the entry that ``?iri=`` names."""
    return _replace(check_iri(request.args.get("iri", "")))


@api.put("/api/entries/<path>/<slug>")
def replace(path: str, slug: str) -> Response:
    """Replace an entry, or store a new one under this name."""
    return _replace(entry_iri(path, slug))


def _replace(iri: str) -> Response:
    agent, intake = _writer(), current().intake
    expected = _expected(iri)
    entry = read_entry(request.get_data(), request.mimetype, intake.store.base, iri=iri)
    if not request.if_none_match.star_tag:
        accepted = intake.replace(entry, agent, expected)
        seen = intake.store.provenance(iri)
        return _stored(accepted, 201 if seen and seen.action == "create" else 200)
    try:
        return _stored(intake.create(entry, agent), 201)
    except Exists as error:
        raise Changed(f"There is an entry {iri} already.") from error


@api.delete("/api/entries")
def delete_by_iri() -> Response:
    """Delete the entry that ``?iri=`` names."""
    return _delete(check_iri(request.args.get("iri", "")))


@api.delete("/api/entries/<path>/<slug>")
def delete(path: str, slug: str) -> Response:
    """Delete an entry that no other links to."""
    return _delete(entry_iri(path, slug))


def _delete(iri: str) -> Response:
    agent, runtime = _writer(), current()
    runtime.store.get(iri)
    runtime.intake.delete(iri, agent, _expected(iri))
    runtime.written()
    return Response(status=204)


def _writer() -> str:
    """Return who holds the token of the request; 401 without one, 403 with a wrong one."""
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        raise Unauthorized(
            "Writing needs a token: send 'Authorization: Bearer TOKEN'.",
            www_authenticate=WWWAuthenticate("bearer", {"realm": "passerelle"}),
        )
    holder = current().tokens.holder(given.token)
    if holder is None:
        raise Forbidden("This token is not known, or was revoked.")
    return holder


def _expected(iri: str) -> int | None:
    """Return the version that If-Match asks for, None without it; raises Changed."""
    if "If-Match" not in request.headers:
        return None
    seen = current().store.provenance(iri)
    try:
        current().store.get(iri)
    except NotFound:
        seen = None
    versions = {str(tag).partition("-")[0] for tag in request.if_match.as_set()}
    if seen is None or not (request.if_match.star_tag or str(seen.number) in versions):
        raise Changed(f"{iri} is not what you last saw; read it again first.")
    return seen.number


def _stored(accepted: Accepted, status: int) -> Response:
    current().written()
    entry = accepted.entry
    body = {
        "entry": entry.iri,
        "version": accepted.version,
        "problems": [problem.as_dict() for problem in accepted.warnings],
    }
    answer = as_json(body, status)
    answer.set_etag(f"{accepted.version}-jsonld")
    answer.headers["Location"] = f"{request.host_url}api/entries/{entry.path}/{entry.slug}"
    return answer


@api.post("/api/validate")
def validate() -> Response:
    """Return what the shapes say of an entry, without storing it."""
    intake = current().intake
    try:
        entry = read_entry(request.get_data(), request.mimetype, intake.store.base)
    except Refused as error:
        problems = [problem.as_dict() for problem in error.problems]
        return as_json({"entry": None, "conforms": False, "problems": problems})
    report = intake.check(entry)
    problems = [problem.as_dict() for problem in report.problems]
    return as_json({"entry": entry.iri, "conforms": report.conforms, "problems": problems})


@api.post("/api/match/similar")
def similar() -> Response:
    """Return entries like an entry or a text."""
    return _match("similar")


@api.post("/api/match/transfer")
def transfer() -> Response:
    """Return practices that could be carried over to a territory."""
    return _match("transfer")


@api.post("/api/match/partners")
def partners() -> Response:
    """Return actors to work with."""
    return _match("partners")


def _match(kind: str) -> Response:
    if request.mimetype != "application/json":
        raise UnknownFormat(f"Send application/json; {request.mimetype or 'nothing'} is not read.")
    return as_json(schemas.ask(kind, schemas.read_json(request.get_data()), current().matcher))
