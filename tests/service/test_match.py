from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from matcher.encoding.reranker import Reranker
from matcher.judging.criteria import WEIGHTS
from service.core.runtime import Runtime
from tests.service.conftest import BASE

DOM = f"{BASE}id/practice/dom-mladih-split"
QUESTIONS: dict[str, dict[str, Any]] = {
    "similar": {"text": "A half-built youth centre is run together with a city"},
    "transfer": {"text": "Old people live alone in villages", "territory": "HR035"},
    "partners": {"text": "Old people live alone in villages", "territory": "HR035"},
    "instruments": {"text": "Old people live alone in villages", "territory": "HR035"},
    "consortium": {"text": "Old people live alone in villages", "rules": {"seats": 3}},
    "groups": {"community": f"{BASE}id/community/urbact-re-gen"},
}
FIELDS = {"entry", "type", "title", "country", "score", "level", "reasons"}
MORE = {
    "similar": set[str](),
    "transfer": {"fit", "coverage", "criteria", "gates", "adaptations", "warnings"},
    "partners": {"kind", "for_them"},
    "instruments": {"rules"},
    "consortium": {"covers", "alternatives"},
    "groups": {"members"},
}


def ask(client: FlaskClient, kind: str, **body: object) -> TestResponse:
    return client.post(f"/api/match/{kind}", json=body)


@pytest.mark.parametrize("kind", QUESTIONS)
def test_answers_have_the_fields_of_the_contract(client: FlaskClient, kind: str) -> None:
    answer = ask(client, kind, **QUESTIONS[kind], limit=5)
    assert answer.status_code == 200, answer.text
    assert set(answer.get_json()) >= {"query", "matches", "abstained", "stamp"}
    assert set(answer.get_json()["stamp"]) == {"data", "statistics", "model", "text", "weights"}
    assert answer.get_json()["query"]["lang"] == "en"
    assert 0 < len(answer.get_json()["matches"]) <= 5
    for match in answer.get_json()["matches"]:
        assert set(match) >= FIELDS | MORE[kind]
        assert 0 <= match["score"] <= 1
        assert match["level"] in {"strong", "fair", "weak"}
        assert all(set(r) == {"criterion", "text", "evidence"} for r in match["reasons"])


def test_an_entry_may_be_what_is_asked_about(client: FlaskClient) -> None:
    similar = ask(client, "similar", entry=DOM)
    assert DOM not in [m["entry"] for m in similar.get_json()["matches"]]
    transfer = ask(client, "transfer", entry=DOM, territory="LV")
    assert transfer.get_json()["matches"]
    challenge = f"{BASE}id/challenge/loneliness"
    assert ask(client, "transfer", challenge=challenge, territory="IT").get_json()["matches"]
    actor = f"{BASE}id/actor/platforma-doma-mladih"
    assert ask(client, "partners", actor=actor, kinds=["peer"]).status_code == 200


def test_matches_are_narrowed_by_all_that_lists_are(client: FlaskClient, runtime: Runtime) -> None:
    wrong = []
    for name, value in (
        ("urban_rural", "rural"), ("coast", "inland"), ("led_by", "municipality"),
        ("participation", "co-designed"), ("evidence", "anecdote"), ("challenge", "loneliness"),
        ("instrument", "esf-plus"), ("esf_objective", "eso4-1"), ("mountain", "non-mountain"),
    ):  # fmt: skip
        answer = ask(client, "similar", text="people alone", limit=100, filters={name: [value]})
        shown = runtime.catalogue.snapshot()
        rows = shown.passing({"type": ["practice"], name: [value]})
        matched = {m["entry"] for m in answer.get_json().get("matches", ())}
        if answer.status_code != 200 or matched != set(shown.iris(rows).values()):
            wrong.append((name, answer.status_code, len(matched), len(rows)))
    assert wrong == []


def test_a_target_and_filters_are_taken(client: FlaskClient) -> None:
    target = {
        "budget_per_head": 100, "competences": ["social-services"], "actor_types": ["ngo"],
        "languages": ["hr"], "target_groups": ["older-people"],
    }  # fmt: skip
    filters = {"not_country": ["HR"], "evidence_min": "anecdote"}
    answer = ask(client, "transfer", **QUESTIONS["transfer"], target=target, filters=filters)
    assert answer.status_code == 200, answer.text
    assert "HR" not in [m["country"] for m in answer.get_json()["matches"]]


@pytest.mark.parametrize(
    ("kind", "body", "path"),
    [
        ("similar", {"text": "x", "lmit": 3}, "lmit"),
        ("similar", {"text": "x", "quota": 0}, "quota"),
        ("similar", {"text": "x", "quota": 101}, "quota"),
        ("similar", {"text": "x", "quota": 4, "limit": 3}, "quota"),
        ("similar", {"text": "x", "limit": 0}, "limit"),
        ("similar", {"text": "x", "limit": 101}, "limit"),
        ("similar", {"text": "x", "limit": "3"}, "limit"),
        ("similar", {"text": "x", "limit": True}, "limit"),
        ("similar", {"text": "x", "lang": "croatian language"}, "lang"),
        ("similar", {"text": "x", "filters": {"colour": ["red"]}}, "filters.colour"),
        ("similar", {"text": "x", "filters": {"country": "HR"}}, "filters.country"),
        ("similar", {"text": "x", "filters": {"country": ["XX"]}}, "filters.country"),
        ("similar", {"text": "x", "filters": {"theme": ["nothing"]}}, "filters.theme"),
        ("similar", {"text": "x", "filters": {"evidence_min": "much"}}, "filters.evidence_min"),
        ("similar", {"text": "x", "filters": []}, "filters"),
        ("similar", {"text": "x" * 20_001}, "text"),
        ("similar", {"text": "a\u0000b"}, "text"),
        ("similar", {"text": "  "}, "text"),
        ("similar", {"text": 5}, "text"),
        ("similar", {}, "text"),
        ("similar", {"text": "x", "entry": DOM}, "text"),
        ("similar", {"entry": f"{BASE}id/practice/none"}, "entry"),
        ("similar", {"entry": "a b"}, "entry"),
        ("transfer", {"text": "x"}, "territory"),
        ("transfer", {"text": "x", "territory": "HR", "filters": {"type": ["actor"]}},
         "filters.type"),
        ("partners", {"text": "x", "territory": "HR", "filters": {"type": ["actor"]}},
         "filters.type"),
        ("instruments", {"text": "x", "territory": "HR", "filters": {"type": ["actor"]}},
         "filters.type"),
        ("instruments", {"text": "x", "territory": "HR", "filters": {"territory": ["HR"]}},
         "filters.territory"),
        ("consortium", {"text": "x", "filters": {"type": ["actor"]}}, "filters.type"),
        ("groups", {"community": DOM, "filters": {"country": ["HR"]}}, "filters"),
        ("partners", {"text": "x", "territory": "HR", "kinds": []}, "kinds"),
        ("transfer", {"text": "x", "territory": "HR", "target": {"languages": ["banana"]}},
         "target.languages"),
        ("transfer", {"text": "x", "territory": "HR", "target": {"x": 1}}, "target.x"),
        ("transfer", {"challenge": DOM + "x", "territory": "HR"}, "challenge"),
        ("transfer", {"challenge": DOM, "territory": "HR"}, "challenge"),
        (
            "transfer",
            {"text": "x", "territory": "HR", "target": {"budget_per_head": -1}},
            "target.budget_per_head",
        ),
        ("partners", {"text": "x"}, "territory"),
        ("partners", {"text": "x", "territory": "HR", "kinds": ["friend"]}, "kinds.0"),
        ("partners", {"actor": DOM}, "actor"),
        (
            "transfer",
            {"text": "x", "territory": "HR", "weights": dict.fromkeys(WEIGHTS, 0)},
            "weights",
        ),
        ("transfer", {"text": "x", "territory": "HR", "weights": {"P1": -1}}, "weights.P1"),
        ("transfer", {"text": "x", "territory": "HR", "weights": {"P1": "NaN"}}, "weights.P1"),
        ("transfer", {"text": "x", "territory": "HR", "what_if": {}}, "what_if"),
        ("transfer", {"text": "x", "territory": "HR", "what_if": {"magic": 1}}, "what_if.magic"),
        ("transfer", {"text": "x", "territory": "HR", "why_not": "nobody"}, "why_not"),
        ("instruments", {"text": "x"}, "territory"),
        ("instruments", {"text": "x", "territory": "HR", "actor_types": ["elf"]}, "actor_types"),
        ("instruments", {"text": "x", "territory": "HR", "amount": -5}, "amount"),
        ("consortium", {}, "text"),
        ("consortium", {"call": DOM}, "call"),
        ("consortium", {"text": "x", "rules": {"seats": 0}}, "rules.seats"),
        ("consortium", {"text": "x", "rules": {"must": ["nobody"]}}, "rules.must"),
        ("consortium", {"text": "x", "rules": {"countries": ["XX"]}}, "rules.countries"),
        ("consortium", {"text": "x", "rules": {"actor_types": ["elf"]}}, "rules.actor_types"),
        ("groups", {}, "community"),
        ("groups", {"community": DOM}, "community"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    client: FlaskClient, kind: str, body: dict[str, object], path: str
) -> None:
    answer = ask(client, kind, **body)
    assert answer.status_code == 422, answer.text
    assert path in [p["path"] for p in answer.get_json()["problems"]]


def test_a_key_that_has_no_effect_is_refused_with_those_that_have(client: FlaskClient) -> None:
    body = {**QUESTIONS["instruments"], "filters": {"territory": ["HR"]}}
    (problem,) = ask(client, "instruments", **body).get_json()["problems"]
    assert problem["message"] == "This key is not known."
    assert "theme" in problem["hint"]
    assert "territory" not in problem["hint"]
    (problem,) = ask(client, "partners", text="x", territory="HR", kinds=[]).get_json()["problems"]
    assert (problem["message"], problem["hint"]) == (
        "The list is empty.", "Name at least one, or leave it out.",
    )  # fmt: skip


def test_the_limit_of_a_text_is_said_as_it_is(client: FlaskClient) -> None:
    for body, most in (({"territory": "x" * 3_000}, "2,000"), ({"text": "x" * 20_001}, "20,000")):
        (problem,) = ask(client, "transfer", **QUESTIONS["transfer"] | body).get_json()["problems"]
        assert problem["hint"] == f"Send at most {most} characters of text."


@pytest.mark.parametrize("code", ["hr035", " HR035 "])
def test_codes_of_places_are_taken_as_they_are_typed(client: FlaskClient, code: str) -> None:
    answer = ask(client, "transfer", **QUESTIONS["transfer"] | {"territory": code})
    assert answer.get_json()["territory"] == f"{BASE}id/territory/HR035"
    filters = {"territory": [code], "country": [" hr "]}
    assert ask(client, "similar", **QUESTIONS["similar"], filters=filters).status_code == 200


@pytest.mark.slow  # it imports torch
def test_a_damaged_re_ranking_model_is_told_and_only_a_text_needs_it(
    app: Flask, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    matcher = app.extensions["passerelle"].matcher
    monkeypatch.setattr(matcher, "reranker", Reranker(str(tmp_path)))
    answer = ask(client, "similar", **QUESTIONS["similar"])
    assert answer.status_code == 503
    assert "PASSERELLE_RERANKER" in answer.get_json()["detail"]
    assert ask(client, "similar", entry=DOM).status_code == 200


def test_a_question_is_not_logged(
    client: FlaskClient,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    app: Flask,
) -> None:
    caplog.set_level(logging.DEBUG)
    client = app.test_client()
    question = "a very " + "private" + " sentence"
    ask(client, "similar", text=question)

    def fail(*_: object) -> None:
        raise RuntimeError(question)

    monkeypatch.setattr(app.extensions["passerelle"].matcher, "ask", fail)
    answer = ask(client, "similar", text=question)
    assert answer.status_code == 500
    assert "private" not in answer.text
    assert "RuntimeError" in caplog.text
    assert "private" not in caplog.text
