"""What became of a suggestion: by token or page session, through the guard, as RDF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.runtime import Runtime
from service.session import COOKIE, Sessions
from tests.service.conftest import BASE, practice, until

PRACTICE = f"{BASE}id/practice/sopotniki-rural-rides"
PSR = "https://w3id.org/passerelle/ns#"
TOLD: dict[str, Any] = {
    "kind": "transfer", "entry": PRACTICE, "about": f"{BASE}id/challenge/rural-mobility-gap",
    "territory": "HR035", "decision": "accepted", "score": 0.5,
    "stamp": {"data": 1, "model": "m@1", "text": "1", "weights": "abc"},
}  # fmt: skip


def tell(client: FlaskClient, auth: dict[str, str] | None = None, **more: object) -> TestResponse:
    return client.post("/api/match/feedback", json=TOLD | more, headers=auth or {})


def test_a_decision_is_stored_with_who_and_is_found_by_sparql(
    client: FlaskClient, auth: dict[str, str], runtime: Runtime
) -> None:
    answer = tell(client, auth)
    assert answer.status_code == 201, answer.text
    iri = answer.get_json()["entry"]
    assert iri.startswith(f"{BASE}id/match/")
    entry = runtime.store.get(iri)
    assert entry.links(PSR + "decision") == ["https://w3id.org/passerelle/voc/decision/accepted"]
    assert entry.number(PSR + "score") == 0.5
    for name, value in (("model", "m@1"), ("data", "1"), ("weights", "abc"), ("text", "1")):
        assert entry.text(f"{PSR}{name}Version") == value
    seen = runtime.store.provenance(iri)
    assert seen
    assert seen.agent == "test-organisation"
    query = f"SELECT ?d {{ <{iri}> <{PSR}decision> ?d }}"
    found = client.post("/sparql", data={"query": query}, headers={"Accept": "text/csv"})
    assert "decision/accepted" in found.text


def test_a_later_decision_replaces_the_earlier_and_another_teller_adds_one(
    client: FlaskClient, auth: dict[str, str], runtime: Runtime
) -> None:
    first = tell(client, auth).get_json()["entry"]
    assert tell(client, auth, decision="worked").get_json()["entry"] == first
    assert runtime.store.get(first).links(PSR + "decision")[0].endswith("/worked")
    other = {"Authorization": f"Bearer {runtime.tokens.create('another-organisation')}"}
    assert tell(client, other).get_json()["entry"] != first


def test_a_page_session_may_tell_and_says_nothing_of_a_person(app: Flask, runtime: Runtime) -> None:
    client = app.test_client()
    assert tell(client).status_code == 401
    page = client.get("/?q=old+people+in+villages&mode=similar")
    cookie = page.headers["Set-Cookie"]
    assert all(part in cookie for part in (COOKIE, "HttpOnly", "SameSite=Strict"))
    answer = tell(client)
    assert answer.status_code == 201, answer.text
    seen = runtime.store.provenance(answer.get_json()["entry"])
    assert seen
    assert seen.agent.startswith("session-")
    assert "Set-Cookie" not in client.get("/?q=old+people+in+villages&mode=similar").headers


@pytest.mark.parametrize("value", ["", "forged", "IjEi.aaaa.bbbb"])
def test_a_forged_session_is_none(app: Flask, value: str) -> None:
    client = app.test_client()
    client.set_cookie(COOKIE, value)
    assert tell(client).status_code == 401
    assert tell(client, {"Authorization": "Bearer wrong"}).status_code == 403


def test_a_session_of_another_home_is_none(app: Flask, runtime: Runtime, tmp_path: Path) -> None:
    other = Sessions(tmp_path / "session.key")._serializer.dumps("1")
    client = app.test_client()
    client.set_cookie(COOKIE, str(other))
    assert tell(client).status_code == 401


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"decision": "liked"}, "decision"),
        ({"entry": f"{BASE}id/practice/none"}, "entry"),
        ({"entry": f"{BASE}id/territory/HR"}, "entry"),
        ({"entry": f"{BASE}id/actor/city-hr-split"}, "entry"),
        ({"kind": "groups", "entry": f"{BASE}id/call/esf-si-2023-ncc-01"}, "entry"),
        ({"kind": "partners"}, "entry"),
        ({"kind": "instruments"}, "entry"),
        ({"kind": "consortium"}, "entry"),
        ({"kind": "similar", "entry": f"{BASE}id/transfer/none"}, "entry"),
        ({"about": f"{BASE}id/practice/none"}, "about"),
        ({"territory": "XX99"}, "territory"),
        ({"score": 2}, "score"),
        ({"text": "my own words"}, "text"),
        ({"stamp": {"data": "1"}}, "stamp.data"),
    ],
)
def test_what_is_wrong_is_named(
    client: FlaskClient, auth: dict[str, str], more: dict[str, object], path: str
) -> None:
    answer = tell(client, auth, **more)
    assert answer.status_code == 422, answer.text
    assert path in [p["path"] for p in answer.get_json()["problems"]]


def test_a_practice_that_was_decided_on_can_still_be_deleted(
    client: FlaskClient, auth: dict[str, str], runtime: Runtime
) -> None:
    body, iri = practice("short-lived"), f"{BASE}id/practice/short-lived"
    headers = auth | {"Content-Type": "text/turtle"}
    assert client.post("/api/entries", data=body, headers=headers).status_code == 201
    assert tell(client, auth, entry=iri).status_code == 201
    assert client.delete("/api/entries/practice/short-lived", headers=auth).status_code == 204
    assert until(lambda: runtime.matcher.lag() == 0)


def test_a_reader_of_the_page_tells_by_a_button(app: Flask, runtime: Runtime) -> None:
    client = app.test_client()
    page = client.get("/?q=old+people+in+villages&mode=transfer&place=HR035").text
    assert 'action="/feedback"' in page
    form = {"kind": "transfer", "entry": PRACTICE, "territory": "HR035", "about": ""}
    answer = client.post("/feedback", data=form | {"decision": "accepted"})
    assert answer.status_code == 303, answer.text
    shown = client.get(answer.headers["Location"], headers={"Accept": "text/html"})
    assert shown.status_code == 200
    assert "Accepted" in shown.text
    entry = runtime.store.get(BASE + answer.headers["Location"].lstrip("/"))
    assert entry.links(PSR + "candidate") == [PRACTICE]
    assert client.post("/feedback", data=form).status_code == 422
    assert app.test_client().post("/feedback", data=form | {"decision": "tried"}).status_code == 401
