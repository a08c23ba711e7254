"""Places by name: the look-up of the API, and names instead of codes in requests."""

from __future__ import annotations

import html
import json
import re
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


class TestPages:
    """A name that is not plain leads to the same page with the places that it may mean."""

    LABEL = "Nova Vas, Istarska županija"

    @pytest.mark.parametrize(
        "address",
        [
            "/?q=rides&mode=transfer&place=Nova+Vas",
            "/transfer?q=rides&place=Nova+Vas",
            "/search?place=Nova+Vas&type=practice",
            "/partners?q=rides&place=Nova+Vas",
            "/consortium?q=rides&place=Nova+Vas",
        ],
    )
    def test_a_choice_goes_on_with_what_was_asked(self, client: FlaskClient, address: str) -> None:
        answer = client.get(address)
        assert answer.status_code == 422
        (choice,) = re.findall(rf'<a href="([^"]*)"[^>]*>{self.LABEL}</a>', answer.text)
        choice = html.unescape(choice)
        assert "rides" in choice or "type=practice" in choice
        chosen = client.get(address.partition("?")[0] + choice)
        assert chosen.status_code == 200
        assert "Istarska županija" in chosen.text

    def test_a_form_takes_a_choice_instead_of_what_was_typed(self, client: FlaskClient) -> None:
        typed = {"dct:title": "Rides", "dct:title@": "en", "dct:spatial": ["Nova Vas", "Split"]}
        page = client.post("/contribute/practice", data=typed).text
        instead = json.dumps(["dct:spatial", "Nova Vas", self.LABEL])
        assert html.escape(json.dumps(self.LABEL)[1:-1]) in page
        again = client.post("/contribute/practice", data={**typed, "instead": instead}).text
        assert f'value="{self.LABEL}"' in again
        assert 'value="Nova Vas"' not in again
        assert "Which one do you mean?" not in again

    @pytest.mark.parametrize("choice", ["", "[", "[1, 2, 3]", "{}", '["a"]', "[" * 9_000])
    def test_what_is_no_choice_changes_nothing(self, client: FlaskClient, choice: str) -> None:
        typed = {"dct:spatial": "Nova Vas", "instead": choice}
        assert "Which one do you mean?" in client.post("/contribute/practice", data=typed).text

    @pytest.mark.parametrize(
        "path", ["/", "/transfer", "/search", "/partners", "/consortium", "/contribute/practice"]
    )
    def test_places_are_offered_while_they_are_typed(self, client: FlaskClient, path: str) -> None:
        page = client.get(path).text
        assert 'data-places="/api/places"' in page
        assert "static/passerelle.js" in page
