"""History over HTTP and on its page: read, compare, restore, merge; and requests sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.core.runtime import Runtime
from tests.service.conftest import ANY, BASE, never_was, practice
from tests.service.pagetools import page, words

TURTLE = "text/turtle"
SLUGS = ("past", "past-2", "past-twin")


@pytest.fixture(autouse=True)
def _free(runtime: Runtime) -> Iterator[None]:
    yield
    for slug in SLUGS:
        never_was(runtime, f"{BASE}id/practice/{slug}")


def put(
    client: FlaskClient, auth: dict[str, str], title: str, slug: str = "past", **more: str
) -> TestResponse:
    path = f"/api/entries/practice/{slug}"
    there = ANY if client.get(path).status_code == 200 else {}
    return client.put(
        path,
        data=practice(slug, title=title),
        content_type=TURTLE,
        headers=auth | there,
        query_string=more,
    )


def versions(client: FlaskClient, slug: str = "past", **headers: str) -> list[dict[str, object]]:
    answer = client.get(f"/api/entries/practice/{slug}/history", headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.get_json()["versions"]
    return found


def test_a_history_is_told_compared_and_restored(client: FlaskClient, auth: dict[str, str]) -> None:
    made = put(client, auth, "First").get_json()["version"]
    changed = put(client, auth, "Second", reason="a better name").get_json()["version"]
    rows = versions(client)
    assert [{k: row[k] for k in ("version", "action", "reason", "by")} for row in rows] == [
        {"version": changed, "action": "replace", "reason": "a better name",
         "by": "test-organisation"},
        {"version": made, "action": "create", "reason": None, "by": "test-organisation"},
    ]  # fmt: skip
    assert (rows[0]["added"], rows[0]["removed"]) == (1, 1)
    path = "/api/entries/practice/past"
    between = client.get(f"{path}/history?from={made}&to={changed}").get_json()
    assert [line.split(" ", 2)[2] for line in between["added"]] == ['"Second"@en']
    assert [line.split(" ", 2)[2] for line in between["removed"]] == ['"First"@en']
    old = client.get(f"{path}?version={made}")
    assert old.get_json()["title"] == {"en": "First"}
    assert old.headers["ETag"] == f'"{made}-jsonld"'
    tag = {"If-Match": client.get(path).headers["ETag"]}
    body = {"version": made, "reason": "it was right"}
    restored = client.post(f"{path}/restore", json=body, headers=auth | tag)
    assert restored.status_code == 200, restored.text
    assert client.get(path).get_json()["title"] == {"en": "First"}
    assert versions(client)[0]["reason"] == "it was right"
    assert client.post(f"{path}/restore", json=body, headers=auth | tag).status_code == 412


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("from=1", 422), ("to=1", 422), ("from=x&to=2", 422), ("from=1&to=²", 422), ("page=2", 422),
        ("from=999999&to=1", 404), ("from=" + "9" * 400 + "&to=1", 422),
    ],
)  # fmt: skip
def test_what_is_no_version_is_told(client: FlaskClient, query: str, status: int) -> None:
    answer = client.get(f"/api/entries/practice/repair-cafe/history?{query}")
    assert answer.status_code == status, answer.text


def test_odd_restores_and_merges_are_told(client: FlaskClient, auth: dict[str, str]) -> None:
    path = "/api/entries/practice/repair-cafe"
    for name, body, status in (
        ("restore", {}, 422),
        ("restore", {"version": "1"}, 422),
        ("restore", {"version": True}, 422),
        ("restore", {"version": 10**30}, 422),
        ("restore", {"version": 10**12}, 404),
        ("restore", {"version": 1, "more": 1}, 422),
        ("restore", {"version": 1, "reason": "x" * 501}, 422),
        ("merge", {}, 422),
        ("merge", {"into": 5}, 422),
        ("merge", {"into": "http://e.example/x"}, 404),
        ("merge", {"into": f"{BASE}id/practice/repair-cafe"}, 422),
        ("merge", {"into": f"{BASE}id/challenge/loneliness"}, 422),
        ("unmerge", {}, 404),
    ):
        answer = client.post(f"{path}/{name}", json=body, headers=auth)
        assert answer.status_code == status, (name, body, answer.text)
        assert answer.mimetype == "application/problem+json"
    assert client.post(f"{path}/restore", data="{", headers=auth).status_code == 415


def test_a_removed_entry_is_a_tombstone(
    client: FlaskClient, auth: dict[str, str], runtime: Runtime
) -> None:
    made = put(client, auth, "First").get_json()["version"]
    path = "/api/entries/practice/past"
    assert (
        client.delete(path, headers=auth | ANY, query_string={"reason": "ended"}).status_code == 204
    )
    for address in (
        path,
        f"{path}?version={made}",
        "/id/practice/past",
        f"{path}/history?from=1&to=2",
    ):
        answer = client.get(address, headers={"Accept": "application/ld+json"})
        assert answer.status_code == 410, address
        assert answer.get_json()["removed"]["entry"] == f"{BASE}id/practice/past"
    gone = client.get("/id/practice/past", headers={"Accept": "text/html"})
    assert (gone.status_code, "This entry was removed" in words(gone.text)) == (410, True)
    (public,) = versions(client)
    assert (public["action"], public["reason"]) == ("delete", None)
    assert [row["reason"] for row in versions(client, **auth)] == ["ended", None]
    for method, data in (("PUT", practice("past")), ("DELETE", b"")):
        answer = client.open(path, method=method, data=data, content_type=TURTLE, headers=auth)
        assert answer.status_code == 410
    unnamed = practice("past", title="Past").replace(b"<id/practice/past>", b"[]")
    minted = client.post("/api/entries", data=unnamed, content_type=TURTLE, headers=auth)
    assert minted.get_json()["entry"] == f"{BASE}id/practice/past-2", minted.text
    restored = client.post(f"{path}/restore", json={"version": made}, headers=auth)
    assert restored.status_code == 200
    assert client.get(path).status_code == 200


def test_a_merged_entry_leads_to_the_other(client: FlaskClient, auth: dict[str, str]) -> None:
    put(client, auth, "First")
    put(client, auth, "Twin", "past-twin")
    twin, old = f"{BASE}id/practice/past-twin", "/api/entries/practice/past"
    merged = client.post(f"{old}/merge", json={"into": twin, "reason": "twice"}, headers=auth)
    assert merged.status_code == 200, merged.text
    for address, there in (
        (old, "/api/entries/practice/past-twin"),
        ("/id/practice/past", "/id/practice/past-twin"),
        ("/id/practice/past?format=ttl", "/id/practice/past-twin?format=ttl"),
        (f"/api/entries?iri={BASE}id/practice/past", f"/api/entries?iri={twin}"),
        ("/id/practice/past/history", "/id/practice/past-twin/history"),
    ):
        answer = client.get(address)
        assert (answer.status_code, answer.location) == (301, there)
    taken = client.put(old, data=practice("past"), content_type=TURTLE, headers=auth)
    assert (taken.status_code, twin in taken.get_json()["detail"]) == (409, True)
    parted = client.post(f"{old}/unmerge", headers=auth)
    assert parted.status_code == 200, parted.text
    assert parted.get_json()["left"] == {}
    assert client.get(old).get_json()["title"] == {"en": "First"}


# The page


def test_the_page_tells_a_history_in_words_and_restores(
    client: FlaskClient, auth: dict[str, str], token: str
) -> None:
    made = put(client, auth, "First").get_json()["version"]
    put(client, auth, "Second", reason="a <better> name")
    assert "/id/practice/past/history" in page(client, "/id/practice/past")
    text = words(page(client, "/id/practice/past/history"))
    assert "removed: Title : First" in text
    assert "added: Title : Second" in text
    assert "Reason: a <better> name" in text
    assert "Place : Splitsko-dalmatinska" in text
    assert "Make version" not in text
    old = words(page(client, f"/id/practice/past?version={made}"))
    assert "not the entry as it is now" in old
    client.post("/contribute/sign-in", data={"token": token})
    text = page(client, "/id/practice/past/history")
    csrf = text.split('name="csrf" value="')[1].split('"')[0]
    seen = text.split('name="seen" value="')[1].split('"')[0]
    form = {"csrf": csrf, "version": str(made), "seen": seen}
    where = "/contribute/practice/past/restore"
    assert client.post(where, data=form | {"csrf": "x"}).status_code == 303
    assert client.get("/api/entries/practice/past").get_json()["title"] == {"en": "Second"}
    assert client.post(where, data=form | {"seen": "1"}).status_code == 412
    assert client.post(where, data=form).status_code == 303
    assert client.get("/api/entries/practice/past").get_json()["title"] == {"en": "First"}


# Lost updates and requests sent twice


@pytest.mark.parametrize("many", [16, pytest.param(80, marks=pytest.mark.slow)])
def test_no_edit_of_many_is_lost(
    app: Flask, auth: dict[str, str], client: FlaskClient, many: int
) -> None:
    """Four clients at a time who each add a word: read, change, write what was read."""
    put(client, auth, "Start")
    path = "/api/entries/practice/past"

    def edit(number: int) -> int:
        own, tries = app.test_client(), 0
        while True:
            tries += 1
            read = own.get(path)
            said = read.get_json().get("context", {"en": "Start"})["en"] + f" {number}"
            sent = own.put(
                path,
                data=practice("past", more=f'; psr:context "{said}"@en'),
                content_type=TURTLE,
                headers=auth | {"If-Match": read.headers["ETag"]},
            )
            if sent.status_code == 200:
                return tries
            assert sent.status_code == 412, sent.text

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(edit, range(many)))
    said = client.get(path).get_json()["context"]["en"].split()
    assert sorted(said[1:], key=int) == [str(number) for number in range(many)]


def test_a_write_that_does_not_say_what_it_saw_is_asked(
    client: FlaskClient, auth: dict[str, str]
) -> None:
    put(client, auth, "First")
    body = practice("past", title="Blind")
    name = {"graph": f"{BASE}id/practice/past"}
    for method, address, query in (
        ("PUT", "/api/entries/practice/past", {}),
        ("PUT", "/api/entries", {"iri": name["graph"]}),
        ("PUT", "/id/practice/past", {}),
        ("PUT", "/graph-store", name),
        ("DELETE", "/api/entries/practice/past", {}),
        ("DELETE", "/id/practice/past", {}),
        ("DELETE", "/graph-store", name),
    ):
        answer = client.open(address, method=method, query_string=query, data=body,
                             content_type=TURTLE, headers=auth)  # fmt: skip
        assert answer.status_code == 428, (method, address, answer.text)
        assert "If-Match" in answer.get_json()["detail"]
    assert client.get("/api/entries/practice/past").get_json()["title"] == {"en": "First"}


def test_a_request_sent_twice_is_carried_out_once(
    client: FlaskClient, auth: dict[str, str], runtime: Runtime
) -> None:
    headers = auth | {"Idempotency-Key": "7f1c"}
    body = practice("past")
    before = runtime.store.version()
    answers = [
        client.post("/api/entries", data=body, content_type=TURTLE, headers=headers)
        for _ in range(3)
    ]
    assert [a.status_code for a in answers] == [201, 201, 201]
    assert len({(a.text, a.headers["ETag"], a.headers["Location"]) for a in answers}) == 1
    assert runtime.store.version() == before + 1
    other = client.post(
        "/api/entries", data=practice("past-2"), content_type=TURTLE, headers=headers
    )
    assert (other.status_code, other.get_json()["problems"][0]["path"]) == (422, "Idempotency-Key")
    another = {"Authorization": f"Bearer {runtime.tokens.create('somebody-else')}"}
    theirs = client.post("/api/entries", data=body, content_type=TURTLE, headers=headers | another)
    assert theirs.status_code == 409
    for key in ("", "x" * 256, "a\tb"):
        odd = client.post("/api/entries", data=body, content_type=TURTLE,
                          headers=auth | {"Idempotency-Key": key})  # fmt: skip
        assert odd.status_code == 422, key


def test_what_failed_may_be_sent_again_and_a_second_while_the_first_runs_waits(
    client: FlaskClient, auth: dict[str, str], runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = auth | {"Idempotency-Key": "again"}

    def send(body: bytes = practice("past")) -> TestResponse:
        return client.post("/api/entries", data=body, content_type=TURTLE, headers=headers)

    assert send(practice("past", title="")).status_code == 422
    create, seen = runtime.intake.create, []

    def slow(*arguments: object, **more: object) -> object:
        seen.append(send())
        return create(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(runtime.intake, "create", slow)
    assert send().status_code == 201
    (second,) = seen
    assert (second.status_code, second.headers["Retry-After"]) == (409, "2")
