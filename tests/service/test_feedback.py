"""What became of a suggestion: by token as an entry, by a reader of the pages as a count."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kg.catalogue.places import Atlas
from kg.ledger.database import Database
from kg.ledger.ledger import Ledger
from kg.ledger.tables import values, voters
from kg.stores.base import VISITORS
from matcher.graph.view import World
from matcher.judging.learned_weights import decided
from service.api import feedback
from service.core.runtime import Runtime, open_graph
from service.core.settings import Settings
from service.core.upgrade import bring_over
from service.core.votes import HOUR, VOTES_AN_HOUR, Vote, Votes
from service.http.login import COOKIE
from tests.service.conftest import ANY, BASE, practice, until

PRACTICE = f"{BASE}id/practice/sopotniki-rural-rides"
PSR = "https://w3id.org/passerelle/ns#"
TOLD: dict[str, Any] = {
    "kind": "transfer", "entry": PRACTICE, "about": f"{BASE}id/challenge/rural-mobility-gap",
    "territory": "HR035", "decision": "accepted", "score": 0.5,
    "stamp": {"data": 1, "statistics": 1, "model": "m@1", "text": "1", "weights": "abc"},
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
    stamp = {"model": "m@1", "data": "1", "statistics": "1", "weights": "abc", "text": "1"}
    for name, value in stamp.items():
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


QUESTION = "/?q=old+people+in+villages&mode=similar"


@pytest.fixture
def votes(runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Votes:
    """A file of its own, and nothing counted yet from any address."""
    ledger = Ledger(Database.in_file(tmp_path / "votes.sqlite"))
    monkeypatch.setattr(runtime, "votes", Votes(ledger))
    return runtime.votes


@pytest.fixture
def reader(app: Flask) -> FlaskClient:
    """Somebody who has a page with results open."""
    client = app.test_client()
    client.get(QUESTION)
    return client


def test_a_page_session_votes_and_says_nothing_of_a_person(app: Flask, votes: Votes) -> None:
    client = app.test_client()
    assert tell(client).status_code == 401
    cookie = client.get(QUESTION).headers["Set-Cookie"]
    assert all(part in cookie for part in (COOKIE, "HttpOnly", "SameSite=Lax"))
    counted = {
        "kind": "transfer", "candidate": PRACTICE, "decision": "accepted",
        "about": f"{BASE}id/challenge/rural-mobility-gap",
        "territory": f"{BASE}id/territory/HR035",
    }  # fmt: skip
    for count in (1, 2):
        answer = tell(client)
        assert (answer.status_code, answer.get_json()) == (200, {"counted": counted})
        today = datetime.now(UTC).date().isoformat()
        assert votes.rows() == [(today, Vote(**counted), count)]
    assert "Set-Cookie" not in client.get(QUESTION).headers


def test_a_vote_leaves_the_graph_as_it_was(
    reader: FlaskClient, votes: Votes, runtime: Runtime
) -> None:
    before = runtime.store.version(), runtime.store.dump()
    assert tell(reader).status_code == 200
    form = FORM | {"decision": "rejected"}
    assert reader.post("/feedback", data=form).status_code == 303
    assert votes.decisions() == {"accepted": 1, "rejected": 1}
    assert (runtime.store.version(), runtime.store.dump()) == before


def test_one_address_votes_thirty_times_an_hour_whatever_its_cookies(
    app: Flask, votes: Votes
) -> None:
    statuses = []
    for number in range(VOTES_AN_HOUR + 3):
        client = app.test_client()
        client.get(QUESTION)
        statuses.append(tell(client, decision=("tried", "worked")[number % 2]).status_code)
    assert statuses == [200] * VOTES_AN_HOUR + [429] * 3
    refused = tell(client)
    assert (refused.get_json()["limit"], int(refused.headers["Retry-After"]) > 0) == ("rate", True)
    assert client.post("/feedback", data=FORM | {"decision": "tried"}).status_code == 429
    elsewhere = {"REMOTE_ADDR": "198.51.100.7"}
    assert client.post("/api/match/feedback", json=TOLD, environ_base=elsewhere).status_code == 200
    assert sum(votes.decisions().values()) == VOTES_AN_HOUR + 1


def test_what_is_refused_takes_no_vote_away(reader: FlaskClient, votes: Votes) -> None:
    for _ in range(VOTES_AN_HOUR + 1):
        assert tell(reader, decision="liked").status_code == 422
    assert tell(reader).status_code == 200
    assert votes.decisions() == {"accepted": 1}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:8000.evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost:81"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_page_of_another_site_cannot_vote_or_sign_in(
    reader: FlaskClient, votes: Votes, headers: dict[str, str], token: str
) -> None:
    assert tell(reader, headers).status_code == 403
    sent = reader.post("/feedback", data=FORM | {"decision": "tried"}, headers=headers)
    assert sent.status_code == 403
    signed = reader.post("/contribute/sign-in", data={"token": token}, headers=headers)
    assert signed.status_code == 403
    assert votes.rows() == []
    assert tell(reader, {"Origin": "http://localhost"}).status_code == 200


def test_two_at_once_are_both_counted(votes: Votes) -> None:
    vote = Vote("similar", PRACTICE, "", "", "worked")
    with ThreadPoolExecutor(4) as several:
        list(several.map(votes.add, [vote] * 40, map(str, range(40))))
    assert votes.decisions() == {"worked": 40}


def test_the_limit_holds_for_all_copies_together_and_for_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vote, now = Vote("similar", PRACTICE, "", "", "worked"), 1_000_000.0
    file = tmp_path / "votes.sqlite"
    copies = [Votes(Ledger(Database.in_file(file))) for _ in range(2)]
    monkeypatch.setattr("service.core.votes.time.time", lambda: now)
    for number in range(VOTES_AN_HOUR):
        now += 1
        assert copies[number % 2].add(vote, "198.51.100.7") == 0
    now += 100
    assert [copy.add(vote, "198.51.100.7") for copy in copies] == [
        HOUR - 100 - VOTES_AN_HOUR + 1
    ] * 2
    assert copies[1].add(vote, "198.51.100.8") == 0
    now += HOUR - 100 - VOTES_AN_HOUR + 1  # the first of them is an hour old
    assert [copy.add(vote, "198.51.100.7") > 0 for copy in copies] == [False, True]
    now -= 10 * HOUR  # a clock that goes back bars nobody
    assert copies[0].add(vote, "198.51.100.7") == 0
    with copies[0]._database.begin(writing=False) as connection:
        assert len(connection.execute(sa.select(voters)).all()) == 1
    assert b"198.51" not in b"".join(part.read_bytes() for part in tmp_path.iterdir())


def test_votes_that_cannot_be_written_are_one_sentence(
    reader: FlaskClient, votes: Votes, tmp_path: Path
) -> None:
    votes._database.close()
    (tmp_path / "votes.sqlite").write_bytes(b"no database" * 100)
    answer = tell(reader)
    assert answer.status_code == 503
    assert "ledger cannot be used" in answer.get_json()["detail"]
    assert str(tmp_path) not in answer.text


def test_what_visitors_decided_before_becomes_counts_once(home: Path) -> None:
    settings = Settings(home=home)
    intake = open_graph(settings)
    places = Atlas.of(intake.store, home).places
    decisions = [("session-1", "tried"), ("session-2", "tried"), ("session-2", "worked")]
    for agent, decision in [*decisions, ("a-centre", "worked")]:
        feedback.record(intake, places, TOLD | {"decision": decision, "about": PRACTICE}, agent)
    feedback.record(intake, places, TOLD | {"decision": "tried"}, "session-3")
    assert b"agent/session-1" in intake.store.dump()
    before, votes = intake.store.version(), Votes(intake.store.ledger)
    assert len(intake.store.written_by(VISITORS)) == 3
    with intake.store.ledger.database.begin() as connection:  # as it was before version 1.0
        connection.execute(sa.delete(values).where(values.c.name.startswith("votes of entries")))
    bring_over(intake.store, home)
    assert votes.decisions() == {"tried": 2, "worked": 1}
    assert [row[1].candidate for row in votes.rows()] == [PRACTICE] * 3
    assert intake.store.version() == before + 1
    assert b"session-" not in intake.store.dump()
    (kept,) = intake.store.entries("match")
    assert kept.links(PSR + "decision")[0].endswith("/worked")
    told, counts = decided(World(intake.store))
    assert (len(told), counts) == (1, {"worked": 1})
    bring_over(intake.store, home)
    assert intake.store.version() == before + 1
    assert votes.decisions() == {"tried": 2, "worked": 1}


def test_a_fold_that_is_broken_off_counts_nothing_twice(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = open_graph(Settings(home=home))
    votes = Votes(intake.store.ledger)
    places = Atlas.of(intake.store, home).places
    feedback.record(intake, places, TOLD | {"decision": "tried"}, "session-1")
    with intake.store.ledger.database.begin() as connection:
        connection.execute(sa.delete(values).where(values.c.name.startswith("votes of entries")))

    def breaks(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(intake.store, "forget_agents", breaks)
    with pytest.raises(KeyboardInterrupt):
        bring_over(intake.store, home)
    monkeypatch.undo()
    bring_over(intake.store, home)
    assert votes.decisions() == {"tried": 1}
    assert b"session-" not in intake.store.dump()


def test_only_results_begin_a_session_and_no_cache_shares_them(app: Flask, votes: Votes) -> None:
    client = app.test_client()
    for path in ("/", "/partners", "/search", "/sparql", "/api/stats", "/openapi.json"):
        assert "Set-Cookie" not in client.get(path, headers={"Accept": "text/html"}).headers, path
    results = client.get(QUESTION)
    assert "Set-Cookie" in results.headers
    assert results.cache_control.private
    assert "cookie" in results.vary


@pytest.mark.parametrize("value", ["", "forged", "IjEi.aaaa.bbbb"])
def test_a_forged_session_is_none(app: Flask, value: str) -> None:
    client = app.test_client()
    client.set_cookie(COOKIE, value)
    assert tell(client).status_code == 401
    assert tell(client, {"Authorization": "Bearer wrong"}).status_code == 401


def test_a_session_of_another_home_is_none(app: Flask, votes: Votes) -> None:
    elsewhere = Flask("elsewhere")
    elsewhere.secret_key = "of another home"
    for home, status in ((elsewhere, 401), (app, 200)):
        signer = SecureCookieSessionInterface().get_signing_serializer(home)
        assert signer
        client = app.test_client()
        client.set_cookie(COOKIE, str(signer.dumps({"_permanent": True})))
        assert tell(client).status_code == status
    assert votes.decisions() == {"accepted": 1}


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
    assert client.delete("/api/entries/practice/short-lived", headers=auth | ANY).status_code == 204
    assert until(lambda: runtime.matcher.index.lag() == 0)


ASKED = "/?q=old+people+in+villages&mode=transfer&place=HR035"
FORM = {
    "kind": "transfer", "entry": PRACTICE, "territory": "HR035", "about": "",
    "asked": ASKED, "card": "card-2",
}  # fmt: skip


def test_a_reader_of_the_page_tells_by_a_button(app: Flask, votes: Votes) -> None:
    client = app.test_client()
    text = html.unescape(client.get(ASKED).text)
    assert 'action="/feedback"' in text
    assert f'name="asked" value="{ASKED}"' in text
    answer = client.post("/feedback", data=FORM | {"decision": "accepted"})
    assert (answer.status_code, answer.location) == (303, f"{ASKED}&told=card-2#told")
    shown = client.get(answer.location, headers={"Accept": "text/html"}).text
    assert shown.count("Thank you") == 1
    cards = shown.split('<article class="card">')
    assert 'role="status" id="told" tabindex="-1"' in cards[2]
    ((_, vote, count),) = votes.rows()
    assert (vote.candidate, vote.decision, count) == (PRACTICE, "accepted", 1)
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
