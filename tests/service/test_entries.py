from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kg.entries.reading import read_entry
from service.core.runtime import Runtime
from tests.service.conftest import ANY, BASE, practice, until

TURTLE = "text/turtle"
DOM = "practice/dom-mladih-split"


def put(client: FlaskClient, slug: str, auth: dict[str, str], **headers: str) -> TestResponse:
    return client.put(
        f"/api/entries/practice/{slug}",
        data=practice(slug, title=headers.pop("title", "A bus that comes when called")),
        content_type=TURTLE,
        headers=auth | {k.replace("_", "-"): v for k, v in headers.items()},
    )


def test_the_list_is_paged_without_gaps(client: FlaskClient) -> None:
    whole = client.get("/api/entries?type=practice&limit=200").get_json()
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"type": "practice", "limit": "20", "cursor": cursor}
        page = client.get("/api/entries", query_string=query).get_json()
        seen += [row["entry"] for row in page["entries"]]
        cursor = page["next"]
    assert seen == [row["entry"] for row in whole["entries"]]
    assert len(seen) == whole["total"] >= 55
    assert set(whole["entries"][0]) == {"entry", "type", "title", "country"}


def test_the_list_is_narrowed(client: FlaskClient) -> None:
    found = client.get("/api/entries?type=practice&country=HR&q=DOM").get_json()
    assert [row["entry"] for row in found["entries"]] == [f"{BASE}id/{DOM}"]
    assert found["entries"][0]["country"] == "HR"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=201", "limit=many", "limit=-1", "limit=99999999999999999999",
        "type=thing", "country=XX", "territory=ZZ999", "territory=a%20b", "theme=nothing",
        "themes=culture",
    ],
)  # fmt: skip
def test_an_unknown_filter_or_value_is_refused(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/api/entries?{query}")
    assert answer.status_code == 422
    assert answer.get_json()["problems"][0]["path"] == query.partition("=")[0]


def test_odd_texts_in_the_list_find_nothing(client: FlaskClient) -> None:
    for text in ["%00", "%FF", "$q", '"} UNION {', "\\u0022"]:
        answer = client.get(f"/api/entries?q={text}")
        assert (answer.status_code, answer.get_json()["total"]) == (200, 0), text


def test_an_entry_is_created_read_replaced_and_deleted(
    client: FlaskClient, auth: dict[str, str], runtime: Runtime
) -> None:
    made = client.post("/api/entries", data=practice("life"), content_type=TURTLE, headers=auth)
    assert made.status_code == 201, made.text
    assert made.get_json()["entry"] == f"{BASE}id/practice/life"
    assert {p["severity"] for p in made.get_json()["problems"]} == {"warning"}
    version = int(made.headers["Passerelle-Data-Version"])
    assert made.get_json()["version"] == version
    read = client.get(made.headers["Location"])
    assert read.get_json()["title"] == {"en": "A bus that comes when called"}
    seen = runtime.store.provenance(made.get_json()["entry"])
    assert seen is not None
    assert (seen.agent, seen.action) == ("test-organisation", "create")

    replaced = put(client, "life", auth, title="Another name", If_Match=read.headers["ETag"])
    assert (replaced.status_code, replaced.get_json()["version"]) == (200, version + 1)
    assert client.get("/api/entries/practice/life").get_json()["title"] == {"en": "Another name"}

    iri = {"iri": f"{BASE}id/practice/life"}
    assert client.delete("/api/entries", query_string=iri, headers=auth | ANY).status_code == 204
    gone = client.get("/api/entries", query_string=iri)
    assert gone.status_code == 410
    tomb = {key: gone.get_json()["removed"][key] for key in ("entry", "type", "version")}
    assert tomb == {"entry": iri["iri"], "type": "practice", "version": version + 2}


def test_an_entry_is_stored_once(client: FlaskClient, auth: dict[str, str]) -> None:
    answers = [
        client.post("/api/entries", data=practice("once"), content_type=TURTLE, headers=auth)
        for _ in range(2)
    ]
    assert [a.status_code for a in answers] == [201, 409]


def test_put_creates_and_if_none_match_keeps_what_is_there(
    client: FlaskClient, auth: dict[str, str]
) -> None:
    assert put(client, "named", auth, If_None_Match="*").status_code == 201
    assert put(client, "named", auth, If_None_Match="*").status_code == 412
    assert put(client, "named", auth, If_Match="*").status_code == 200


@pytest.mark.parametrize("tag", ['"0-turtle"', '"x"', 'W/"1-turtle"', '""'])
def test_another_version_is_never_overwritten(
    client: FlaskClient, auth: dict[str, str], tag: str
) -> None:
    put(client, "kept", auth)
    before = client.get("/api/entries/practice/kept").data
    assert put(client, "kept", auth, title="Lost", If_Match=tag).status_code == 412
    answer = client.delete("/api/entries/practice/kept", headers=auth | {"If-Match": tag})
    assert answer.status_code == 412
    assert client.get("/api/entries/practice/kept").data == before


def test_if_match_takes_any_format_of_the_version_and_the_star(
    client: FlaskClient, auth: dict[str, str]
) -> None:
    assert put(client, "formats", auth, If_Match="*").status_code == 412
    put(client, "formats", auth)
    for form in ("ttl", "nt", "jsonld"):
        tag = client.get(f"/api/entries/practice/formats?format={form}").headers["ETag"]
        assert put(client, "formats", auth, If_Match=f'"0", {tag}').status_code == 200
    answer = client.delete("/api/entries/practice/formats", headers=auth | {"If-Match": "*"})
    assert answer.status_code == 204


def test_an_entry_in_use_is_not_deleted(client: FlaskClient, auth: dict[str, str]) -> None:
    path = "/api/entries/challenge/rural-mobility-gap"
    answer = client.delete(path, headers=auth | ANY)
    assert answer.status_code == 409
    assert f"{BASE}id/" in answer.get_json()["detail"]
    assert "change these first" in answer.get_json()["detail"]
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["practice/none", "thing/none", "practice/a%20b", "practice/%3E", "practice/..%2f"]
)
def test_what_is_not_there_is_not_found(
    client: FlaskClient, auth: dict[str, str], path: str
) -> None:
    for answer in (
        client.get(f"/api/entries/{path}"),
        client.get(f"/id/{path}?format=ttl"),
        client.delete(f"/api/entries/{path}", headers=auth | ANY),
    ):
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


@pytest.mark.parametrize("iri", ["", "x", "javascript:1", f"{BASE}id/a", f"{BASE}graph/provenance"])
def test_an_iri_that_names_no_entry_is_not_found(client: FlaskClient, iri: str) -> None:
    assert client.get("/api/entries", query_string={"iri": iri}).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_writing_needs_a_token(client: FlaskClient, method: str) -> None:
    path = "/api/entries" if method == "post" else "/api/entries/practice/unsigned"
    send = getattr(client, method)
    answer = send(path, data=practice("unsigned"), content_type=TURTLE)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for value in ("Bearer wrong", "Bearer é"):
        wrong = send(path, data=b"", headers={"Authorization": value})
        assert wrong.status_code == 401
        assert "invalid_token" in wrong.headers["WWW-Authenticate"]
    assert send(path, headers={"Authorization": "Basic YTpi"}).status_code == 401


def test_validation_reports_and_stores_nothing(client: FlaskClient, runtime: Runtime) -> None:
    version = runtime.store.version()
    good = client.post("/api/validate", data=practice("tried"), content_type=TURTLE)
    assert (good.status_code, good.get_json()["conforms"]) == (200, True)
    bad = client.post(
        "/api/validate", data=practice("tried", more="; psr:stage <id/x>"), content_type=TURTLE
    )
    assert bad.get_json()["conforms"] is False
    assert set(bad.get_json()["problems"][0]) == {
        "path", "value", "message", "hint", "shape", "severity",
    }  # fmt: skip
    unread = client.post("/api/validate", json={"type": "Practice", "colour": "red"})
    assert (unread.status_code, unread.get_json()["conforms"]) == (200, False)
    assert runtime.store.version() == version


def test_json_ld_is_read_as_either_media_type(client: FlaskClient, auth: dict[str, str]) -> None:
    put(client, "as-json", auth)
    body = json.dumps(client.get("/api/entries/practice/as-json").get_json())
    for media in ("application/json", "application/ld+json", "application/ld+json; charset=utf-8"):
        answer = client.put(
            "/api/entries/practice/as-json", data=body, content_type=media, headers=auth | ANY
        )
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("each", [12, pytest.param(1, marks=pytest.mark.slow)])
def test_what_is_read_as_json_ld_can_be_sent_back(
    client: FlaskClient, runtime: Runtime, each: int
) -> None:
    entries = [entry for entry in runtime.store.entries() if entry.path != "territory"]
    for entry in entries[::each]:
        answer = client.get("/api/entries", query_string={"iri": entry.iri})
        assert read_entry(answer.data, "application/ld+json", BASE) == entry


def test_a_write_is_seen_by_get_at_once_and_soon_by_sparql_and_matching(
    client: FlaskClient, auth: dict[str, str]
) -> None:
    title = "Zeppelins over Zagora"
    made = put(client, "soon", auth, title=title)
    version = int(made.headers["Passerelle-Data-Version"])
    assert client.get("/api/entries/practice/soon").status_code == 200

    def asked() -> bool:
        answer = client.get("/sparql", query_string={"query": f'ASK {{ ?s ?p "{title}"@en }}'})
        return bool(answer.get_json()["boolean"])

    def matched() -> bool:
        answer = client.post(
            "/api/match/similar", json={"text": "hamlets of soon, nobody can get out"}
        )
        found = [match["entry"] for match in answer.get_json()["matches"]]
        return (
            int(answer.get_json()["stamp"]["data"]) >= version and made.get_json()["entry"] in found
        )

    assert until(asked)
    assert until(matched)


def test_what_a_query_describes_is_read_back_without_what_is_noted_of_it(
    client: FlaskClient, auth: dict[str, str], runtime: Runtime
) -> None:
    kinds = ("practice", "actor", "transfer", "plan", "community", "call", "instrument")
    wrong = []
    for iri in [next(iter(runtime.store.entries(kind))).iri for kind in kinds]:
        for media in ("application/ld+json", TURTLE, "application/n-triples"):
            query = {"query": f"DESCRIBE <{iri}>"}
            described = client.post("/sparql", data=query, headers={"Accept": media})
            assert b"wasGeneratedBy" in described.data
            report = client.post("/api/validate", data=described.data, content_type=media)
            if not report.get_json()["conforms"]:
                wrong.append((iri, media, report.text[:300]))
    assert wrong == []


def test_of_an_entry_only_what_is_truly_noted_may_be_sent(
    client: FlaskClient, auth: dict[str, str], runtime: Runtime
) -> None:
    iri, headers = f"{BASE}id/practice/noted", auth | {"Content-Type": TURTLE}
    first = client.put("/api/entries/practice/noted", data=practice("noted"), headers=headers)
    version, entry = first.get_json()["version"], runtime.store.get(iri)
    true = (
        f"; <https://w3id.org/passerelle/ns#dataVersion> {version} ;"
        f" <http://www.w3.org/ns/prov#wasGeneratedBy> <activity/{version}>"
    )
    for more, status in (
        (true.replace(f" {version} ", f" {version + 1} "), 422),
        (true.replace(f"activity/{version}", "activity/1"), 422),
        (true, 200),
    ):
        sent = practice("noted", more=more)
        answer = client.put("/api/entries/practice/noted", data=sent, headers=headers | ANY)
        assert answer.status_code == status, answer.text
        assert runtime.store.get(iri) == entry
    assert client.delete("/api/entries/practice/noted", headers=auth | ANY).status_code == 204
