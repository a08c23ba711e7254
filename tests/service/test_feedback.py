"""What became of a suggestion: by token or page session, through the guard, as RDF."""

from __future__ import annotations

import html
import re
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
    assert tell(client, {"Authorization": "Bearer wrong"}).status_code == 401


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


ASKED = "/?q=old+people+in+villages&mode=transfer&place=HR035"
FORM = {
    "kind": "transfer", "entry": PRACTICE, "territory": "HR035", "about": "",
    "asked": ASKED, "card": "card-2",
}  # fmt: skip


def test_a_reader_of_the_page_tells_by_a_button(app: Flask, runtime: Runtime) -> None:
    client = app.test_client()
    text = html.unescape(client.get(ASKED).text)
    assert 'action="/feedback"' in text
    assert f'name="asked" value="{ASKED}"' in text
    before = {e.iri for e in runtime.store.entries("match")}
    answer = client.post("/feedback", data=FORM | {"decision": "accepted"})
    assert (answer.status_code, answer.location) == (303, f"{ASKED}&told=card-2#told")
    shown = client.get(answer.location, headers={"Accept": "text/html"}).text
    assert shown.count("Thank you") == 1
    cards = shown.split('<article class="card">')
    assert 'role="status" id="told" tabindex="-1"' in cards[2]
    (iri,) = {e.iri for e in runtime.store.entries("match")} - before
    assert runtime.store.get(iri).links(PSR + "candidate") == [PRACTICE]
    stored = client.get(f"/{iri.removeprefix(BASE)}", headers={"Accept": "text/html"}).text
    assert "by a reader of the page" in stored
    assert client.post("/feedback", data=FORM).status_code == 422


def test_a_decision_is_read_in_the_language_of_its_reader(
    client: FlaskClient, auth: dict[str, str]
) -> None:
    address = tell(client, auth).get_json()["entry"].removeprefix(BASE)
    shown = client.get(f"/{address}", headers={"Accept": "text/html", "Accept-Language": "de"})
    assert re.search(r"<h1[^>]*>[^<]*(<span[^>]*>)?[^<]*: Angenommen", shown.text)


def test_who_tells_too_late_is_told_so_and_can_tell_again(app: Flask) -> None:
    client = app.test_client()
    answer = client.post("/feedback", data=FORM | {"decision": "tried"})
    assert answer.location == f"{ASKED}&told=late#told"
    assert "Nothing was stored" in client.get(answer.location).text
    again = client.post("/feedback", data=FORM | {"decision": "tried"})
    assert again.location.endswith("told=card-2#told")


@pytest.mark.parametrize(
    "asked", ["https://evil.example/", "//evil.example/?q=1", "/\\evil.example", "/search", "\n//x"]
)
def test_a_decision_leads_to_no_other_site(app: Flask, asked: str) -> None:
    client = app.test_client()
    client.get(ASKED)
    answer = client.post("/feedback", data=FORM | {"decision": "tried", "asked": asked})
    assert answer.status_code == 303
    assert answer.location.startswith("/?")
