"""Places by name: the look-up of the API, and names instead of codes in requests."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.conftest import BASE

MEMBERS = {
    "name", "territory", "entry", "within", "country", "lat", "long", "kind", "exact",
}  # fmt: skip
QUESTION = "Older people in villages cannot reach a doctor."


def ask(client: FlaskClient, kind: str, **body: object) -> tuple[int, Any]:
    answer = client.post(f"/api/match/{kind}", json={"text": QUESTION, "limit": 2, **body})
    return answer.status_code, answer.get_json()


def test_places_are_found_by_what_was_typed(client: FlaskClient) -> None:
    answer = client.get("/api/places?q=karlov&limit=5&lang=de").get_json()
    assert answer["credit"].startswith("Names: GeoNames, CC BY 4.0")
    assert 0 < len(answer["places"]) <= 5
    assert all(place.keys() == MEMBERS and not place["exact"] for place in answer["places"])
    (first,) = client.get("/api/places?q=Kroatien&lang=de&limit=1").get_json()["places"]
    assert first == {
        "name": "Kroatien",
        "territory": "HR",
        "entry": f"{BASE}id/territory/HR",
        "within": "",
        "country": "HR",
        "lat": None,
        "long": None,
        "kind": "country",
        "exact": True,
    }
    town = client.get("/api/places?q=Split").get_json()["places"][0]
    assert (town["territory"], town["entry"]) == ("HR035", f"{BASE}id/territory/hr-split")
    assert town["kind"] == "municipality"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "q"), ("q=", "q"), ("q=%20", "q"), (f"q={'a' * 201}", "q"),
        ("q=a&limit=0", "limit"), ("q=a&limit=51", "limit"), ("q=a&limit=x", "limit"),
        ("q=a&lang=../x", "lang"), ("q=a&colour=red", "colour"),
    ],
)  # fmt: skip
def test_what_cannot_be_looked_up_is_refused_by_field(
    client: FlaskClient, query: str, field: str
) -> None:
    answer = client.get(f"/api/places?{query}")
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert [problem["path"] for problem in answer.get_json()["problems"]] == [field]


@pytest.mark.parametrize("kind", ["transfer", "instruments", "partners", "consortium"])
def test_a_question_takes_the_name_of_a_place(client: FlaskClient, kind: str) -> None:
    status, named = ask(client, kind, place="Grad Karlovac")
    assert status == 200
    assert "The place is read as: Karlovac, Karlovačka županija." in named["query"]["notes"]
    _, coded = ask(client, kind, territory="HR027")
    assert named["matches"] == coded["matches"]


def test_a_name_that_is_not_plain_is_answered_with_those_that_it_may_mean(
    client: FlaskClient,
) -> None:
    status, refusal = ask(client, "transfer", place="Nova Vas")
    (problem,) = refusal["problems"]
    assert (status, problem["path"], problem["value"]) == (422, "place", "Nova Vas")
    assert "Nova Vas, Istarska županija" in problem["hint"]
    assert all(candidate.keys() == MEMBERS for candidate in problem["candidates"])
    assert [candidate["territory"] for candidate in problem["candidates"]] == ["HR036", "SI038"]
    for label in ("Nova Vas, Istarska županija", "Nova Vas (SI038)"):
        assert ask(client, "transfer", place=label)[0] == 200


def test_a_place_is_named_once(client: FlaskClient) -> None:
    status, refusal = ask(client, "transfer", place="Split", territory="HR")
    assert (status, [problem["path"] for problem in refusal["problems"]]) == (422, ["place"])
    status, refusal = ask(client, "transfer")
    assert (status, [problem["path"] for problem in refusal["problems"]]) == (422, ["territory"])


def test_filters_take_names_of_places(client: FlaskClient) -> None:
    _, named = ask(client, "similar", filters={"place": ["Croatia"]})
    _, coded = ask(client, "similar", filters={"territory": ["HR"]})
    assert named["matches"] == coded["matches"]
    status, refusal = ask(client, "similar", filters={"place": ["Nowhereland"]})
    (problem,) = refusal["problems"]
    assert (status, problem["path"]) == (422, "filters.place")
    assert "candidates" in problem


def test_entries_are_listed_by_the_name_of_a_place(client: FlaskClient) -> None:
    named = client.get("/api/entries?place=Splitsko-dalmatinska županija").get_json()
    assert named["total"] == client.get("/api/entries?territory=HR035").get_json()["total"] > 0
    refusal = client.get("/api/entries?place=Nova Vas")
    assert refusal.status_code == 422
    assert refusal.get_json()["problems"][0]["candidates"]
