"""One table says who may use what; every route and command is walked as every role."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from flask import Flask
from flask.testing import FlaskClient

from service.cli.commands import main
from service.core.rights import ROLES, Principal, Role
from service.core.runtime import Runtime
from service.http.permissions import COMMANDS, ROUTES, Needs, install
from tests.service.conftest import ANY, BASE, never_was, practice

TURTLE = "text/turtle"
CENTRE = f"{BASE}id/actor/city-hr-split"


def bearer(runtime: Runtime, label: str, role: Role = "curator", **scope: object) -> dict[str, str]:
    secret = runtime.tokens.create(label, role, **scope)  # type: ignore[arg-type]
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture(scope="module")
def tokens(runtime: Runtime) -> dict[str | None, dict[str, str]]:
    """What each role sends, and who has none."""
    made: dict[str | None, dict[str, str]] = {
        role: bearer(runtime, f"walking-{role}", role, organisation=CENTRE) for role in ROLES
    }
    return made | {None: {}}


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Every route with each of its methods, and an address of it."""
    for rule in app.url_map.iter_rules():
        address = rule.rule.replace("<path:filename>", "logo.svg")
        address = address.replace("<path>", "practice").replace("<slug>", "never-was")
        address = address.replace("<scheme>", "theme")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            yield rule.endpoint, method, address


def test_every_route_is_declared_and_nothing_else(app: Flask) -> None:
    there = {(endpoint, method) for endpoint, method, _ in routes(app)}
    assert {(name, method) for name, some in ROUTES.items() for method in some} == there


def test_a_route_that_nobody_declared_stops_the_start(app: Flask) -> None:
    bare = Flask("bare")
    bare.add_url_rule("/new", "new", lambda: "", methods=["POST"])
    with pytest.raises(LookupError, match="new"):
        install(bare)


def test_every_route_keeps_out_whoever_may_not(
    app: Flask, client: FlaskClient, tokens: dict[str | None, dict[str, str]]
) -> None:
    wrong: list[tuple[str, str, str | None, int]] = []
    for endpoint, method, address in routes(app):
        needs = ROUTES[endpoint][method]
        for role, headers in tokens.items():
            with client.open(address, method=method, headers=headers) as answer:
                status = answer.status_code
            if needs in {Needs.NOTHING, Needs.SIGNING}:
                kept_out = status == 403 or (status == 401 and endpoint not in SIGNING)
                expected = False
            elif needs is Needs.METRICS:
                kept_out, expected = status in {403, 404}, role != "administrator"
            else:
                kept_out = status in {401, 403}
                expected = role is None or ROLES.index(role) < ROLES.index(needs.value)
                if role is None and status != 401:
                    wrong.append((endpoint, method, role, status))
            if kept_out != expected:
                wrong.append((endpoint, method, role, status))
    assert wrong == []


#: what asks who it is in its own page, or counts a visitor with a session
SIGNING = {
    "contribute.sign_in", "contribute.create", "contribute.change", "contribute.remove",
    "matching.receive_feedback",
}  # fmt: skip


def commands(group: click.Group, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        else:
            yield before + name


def test_every_command_is_declared() -> None:
    assert set(commands(main)) == set(COMMANDS)
    assert set(COMMANDS.values()) == {Needs.HOME}


# Scopes


@pytest.fixture
def entry(runtime: Runtime) -> Iterator[str]:
    yield "scoped"
    never_was(runtime, f"{BASE}id/practice/scoped")


def put(client: FlaskClient, headers: dict[str, str], slug: str, place: str = "HR035") -> int:
    body = practice(slug).replace(b"territory/HR035", f"territory/{place}".encode())
    path = f"/api/entries/practice/{slug}"
    there = client.get(path).status_code == 200
    more = headers | (ANY if there else {})
    return client.put(path, data=body, content_type=TURTLE, headers=more).status_code


def test_a_curator_writes_in_their_countries_only(
    client: FlaskClient, runtime: Runtime, entry: str
) -> None:
    here, elsewhere = (bearer(runtime, f"centre-{c}", countries=(c,)) for c in ("hr", "si"))
    assert put(client, elsewhere, entry) == 403
    assert put(client, here, entry) == 201
    assert put(client, elsewhere, entry) == 403
    assert put(client, here, entry, "SI03") == 403  # out of their own country
    assert put(client, elsewhere, entry, "SI03") == 403  # into theirs, from another's
    assert put(client, here, entry) == 200
    path = f"/api/entries/practice/{entry}"
    assert client.delete(path, headers=elsewhere | ANY).status_code == 403
    history = client.get(f"{path}/history").get_json()["versions"]
    body = {"version": history[-1]["version"]}
    assert client.post(f"{path}/restore", json=body, headers=elsewhere).status_code == 403
    assert client.delete(path, headers=here | ANY).status_code == 204


def test_territories_are_for_administrators(client: FlaskClient, runtime: Runtime) -> None:
    path, auth = "/api/entries/territory/HR035", bearer(runtime, "everything")
    body = client.get(path, headers={"Accept": TURTLE}).data
    refused = client.put(path, data=body, content_type=TURTLE, headers=auth | ANY)
    assert refused.status_code == 403
    assert "administrators only" in refused.get_json()["detail"]
    auth = bearer(runtime, "the-team", "administrator")
    assert client.put(path, data=body, content_type=TURTLE, headers=auth | ANY).status_code == 200


def test_a_contributor_edits_what_their_organisation_leads(
    client: FlaskClient, runtime: Runtime, entry: str, auth: dict[str, str]
) -> None:
    mine = bearer(runtime, "city-of-split", "contributor", organisation=CENTRE)
    path = f"/api/entries/practice/{entry}"
    lead = (
        "; psr:hasInvolvement [ a psr:Involvement ; psr:actor <id/actor/city-hr-split> ;"
        " psr:role <https://w3id.org/passerelle/voc/role/lead> ]"
    )

    def send(headers: dict[str, str], more: str, title: str = "A bus") -> int:
        body = practice(entry, more=more, title=title)
        there = ANY if client.get(path).status_code == 200 else {}
        return client.put(path, data=body, content_type=TURTLE, headers=headers | there).status_code

    assert send(mine, lead) == 403  # a new one is proposed
    assert send(auth, "") == 201
    assert send(mine, lead) == 403  # not yet theirs
    assert send(auth, lead) == 200
    assert send(mine, lead, "A longer bus") == 200
    assert send(mine, "") == 403  # nor given away
    assert client.delete(path, headers=mine | ANY).status_code == 403


def test_a_community_is_a_scope(client: FlaskClient, runtime: Runtime) -> None:
    name = f"{BASE}id/community/sea4neb"
    inside = bearer(runtime, "sea", communities=(name,))
    path = "/api/entries/community/sea4neb"
    body = client.get(path, headers={"Accept": TURTLE}).data
    assert client.put(path, data=body, content_type=TURTLE, headers=inside | ANY).status_code == 200
    outside = bearer(runtime, "land", communities=(f"{BASE}id/community/other",))
    answer = client.put(path, data=body, content_type=TURTLE, headers=outside | ANY)
    assert answer.status_code == 403


# What changes meanwhile


def test_a_token_that_is_revoked_in_the_middle_of_a_request_writes_nothing(
    client: FlaskClient, runtime: Runtime, entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth, validate = bearer(runtime, "leaving"), runtime.intake.validator.validate

    def revokes(*arguments: object) -> object:
        runtime.tokens.revoke("leaving")
        return validate(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(runtime.intake.validator, "validate", revokes)
    answer = client.post("/api/entries", data=practice(entry), content_type=TURTLE, headers=auth)
    assert answer.status_code == 403
    assert "revoked meanwhile" in answer.get_json()["detail"]
    assert client.get(f"/api/entries/practice/{entry}").status_code == 404


def test_a_session_ends_with_the_rights_it_was_opened_for(
    app: Flask, client: FlaskClient, runtime: Runtime
) -> None:
    secret = runtime.tokens.create("signed")
    assert client.post("/contribute/sign-in", data={"token": secret}).status_code == 303
    assert "signed in as signed" in client.get("/contribute").text
    runtime.tokens.revoke("signed")
    assert "signed in as" not in client.get("/contribute").text
    runtime.accounts.tie("https://id.example", "7", "person-of-hr", "curator")
    principal = runtime.accounts.sign_in("https://id.example", {"sub": "7"}, ())
    assert principal is not None
    cookie = runtime.sessions.begin(principal)
    assert runtime.sessions.find(cookie) is not None
    runtime.accounts.tie("https://id.example", "7", "person-of-hr", "contributor")
    assert runtime.sessions.find(cookie) is None
    assert runtime.sessions.find(cookie) is None


def test_a_session_is_another_after_each_sign_in_and_over_after_signing_out(
    client: FlaskClient, runtime: Runtime
) -> None:
    secret = runtime.tokens.create("rotating")
    cookies = []
    for _ in range(2):
        client.post("/contribute/sign-in", data={"token": secret})
        kept = client.get_cookie("passerelle_sign_in")
        assert kept is not None
        cookies.append(kept.value)
    assert cookies[0] != cookies[1]
    assert runtime.sessions.find(cookies[0]) is None
    signed = runtime.sessions.find(cookies[1])
    assert signed is not None
    assert client.post("/contribute/sign-out", data={"csrf": "wrong"}).status_code == 303
    assert runtime.sessions.find(cookies[1]) is not None
    client.post("/contribute/sign-out", data={"csrf": signed.csrf})
    assert runtime.sessions.find(cookies[1]) is None


@pytest.mark.parametrize(("hours", "over"), [(0.9, False), (1.1, True), (-0.9, True), (-2.0, True)])
def test_a_session_ends_by_itself(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, hours: float, over: bool
) -> None:
    import time

    secret = runtime.tokens.create("timed")
    holder = runtime.tokens.holder(secret)
    assert isinstance(holder, Principal)
    cookie, now = runtime.sessions.begin(holder), time.time()
    monkeypatch.setattr(time, "time", lambda: now + hours * 3600)
    assert (runtime.sessions.find(cookie) is None) == over


def test_a_session_that_is_used_ends_after_twelve_hours(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    holder = runtime.tokens.holder(runtime.tokens.create("working"))
    assert holder is not None
    cookie, now = runtime.sessions.begin(holder), time.time()
    for step in (*range(1, 24), 25):
        monkeypatch.setattr(time, "time", lambda step=step: now + step * 1800)
        known = runtime.sessions.find(cookie) is not None
        assert known == (step < 24), step


# Wrong tokens


def test_ten_wrong_tokens_a_minute_are_looked_at_and_a_right_one_always(
    client: FlaskClient, runtime: Runtime, auth: dict[str, str]
) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    statuses = [client.post("/api/entries", headers=wrong).status_code for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    late = client.post("/contribute/sign-in", data={"token": "wrong"})
    assert (late.status_code, int(late.headers["Retry-After"]) > 0) == (429, True)
    assert client.post("/api/entries", headers=auth, data=b"").status_code == 415
    lines = [line for line in runtime.audit.lines(20) if line.event == "refused token"]
    assert len(lines) >= 10
    assert "wrong" not in str(lines)
