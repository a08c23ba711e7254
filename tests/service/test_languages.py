"""Which language a reader gets: what was chosen, what the browser prefers, else English."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from kg.text.i18n import available
from service.http.language import COOKIE

EIGHT = {"en", "de", "es", "fr", "hr", "it", "lv", "pl"}


def told(client: FlaskClient, path: str = "/numbers", **headers: str) -> str:
    """Return the language that a page says it is in."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.get(path, headers={"Accept": "text/html"} | named)
    lang = answer.headers["Content-Language"]
    assert f'<html lang="{lang}">' in answer.text
    assert {"accept-language", "cookie"} <= set(answer.vary.as_set())
    return lang


def test_there_are_eight_languages() -> None:
    assert set(available()) == EIGHT


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT", "de"),
        ("LV-lv", "lv"),
        ("pl;q=0.2, hr;q=0.9", "hr"),
        ("de-AT, en;q=0.5", "de"),
        ("fi, it;q=0.3", "it"),
        ("pt-BR", "en"),
        ("fr;q=0, es;q=0.1", "es"),
        ("*", "en"),
        ("x" * 5000, "en"),
        ("de;q=often", "en"),
        ("\xff\xfe", "en"),
    ],
)
def test_the_browser_says_what_its_reader_prefers(
    client: FlaskClient, header: str, lang: str
) -> None:
    assert told(client, Accept_Language=header) == lang


def test_a_choice_goes_before_what_the_browser_says(client: FlaskClient) -> None:
    client.set_cookie(COOKIE, "pl")
    assert told(client, Accept_Language="de") == "pl"


@pytest.mark.parametrize("value", ["xx", "", "../../etc/passwd", "de; path=/", "DE", "zh-Hant"])
def test_what_is_no_language_of_ours_is_not_chosen(client: FlaskClient, value: str) -> None:
    client.set_cookie(COOKIE, value)
    assert told(client, Accept_Language="it") == "it"
    answer = client.get("/search", query_string={"ui": value}, headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert "Set-Cookie" not in answer.headers


def test_every_page_offers_each_language_by_its_own_name(client: FlaskClient) -> None:
    for path in ("/", "/search?q=a+%26+b&theme=health", "/id/practice/none", "/contribute"):
        text = client.get(path, headers={"Accept": "text/html"}).text
        for lang in EIGHT:
            assert f'ui={lang}" lang="{lang}" hreflang="{lang}"' in text, path
        assert 'lang="en" hreflang="en" rel="nofollow" aria-current="true">English</a>' in text


@pytest.mark.parametrize(
    ("path", "status", "back"),
    [
        ("/contribute/sign-in", 401, "/contribute"),
        ("/contribute/practice/repair-cafe/delete", 401, "/contribute/practice/repair-cafe"),
        ("/contribute/practice", 422, ""),
        ("/feedback", 422, "/"),
    ],
)
def test_what_was_sent_offers_languages_of_a_page_that_is_there(
    client: FlaskClient, path: str, status: int, back: str
) -> None:
    client.get("/?q=old+people+in+villages")
    answer = client.post(path, data={"do": "check"}, headers={"Accept": "text/html"})
    assert answer.status_code == status
    assert f'href="{back}?ui=de"' in answer.text
    after = client.get(f"{back or path}?ui=de", headers={"Accept": "text/html"})
    assert client.get(after.location, headers={"Accept": "text/html"}).status_code == 200


def test_a_choice_is_kept_for_a_year_and_leads_back(client: FlaskClient) -> None:
    path = "/search?q=a+%26+b&theme=health&theme=housing"
    answer = client.get(f"{path}&ui=lv", headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == path
    kept = answer.headers["Set-Cookie"]
    assert kept.startswith(f"{COOKIE}=lv;")
    for part in ("Max-Age=31536000", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in kept
    assert told(client, path, Accept_Language="de") == "lv"
    assert 'href="?q=a+%26amp%3B+b' not in client.get(path).text


@pytest.mark.parametrize(
    "path", ["//example.org/", "/%2Fexample.org", "/\\example.org", "/%5Cexample.org", "///x.org"]
)
def test_a_choice_never_leads_to_another_host(client: FlaskClient, path: str) -> None:
    answer = client.get(f"{path}?ui=de", headers={"Accept": "text/html"})
    where = answer.headers.get("Location", "/")
    assert where.startswith("/")
    assert not where.startswith(("//", "/\\"))


def test_data_is_not_asked_for_a_language(client: FlaskClient) -> None:
    assert client.get("/api/entries?ui=de").status_code == 422
    answer = client.get("/id/practice/dom-mladih-split?ui=de", headers={"Accept": "text/turtle"})
    assert answer.status_code == 200
    assert "Content-Language" not in answer.headers


def test_answers_in_json_follow_the_reader_and_not_the_question(client: FlaskClient) -> None:
    asked = {"text": "Ältere Menschen sind einsam", "lang": "de", "territory": "HR035"}
    answer = client.post("/api/match/transfer", json=asked, headers={"Accept-Language": "fr"})
    assert answer.headers["Content-Language"] == "fr"
    assert answer.get_json()["query"]["lang"] == "de"
    assert {"accept-language", "cookie"} <= set(answer.vary.as_set())
    refused = client.post("/api/match/transfer", json={}, headers={"Accept-Language": "hr"})
    assert refused.headers["Content-Language"] == "hr"
    assert refused.status_code == 422


def test_countries_are_known_and_shown_in_each_language(client: FlaskClient) -> None:
    for word, lang, shown in (
        ("Horvātija", "lv", "Horvātija (HR)"),
        ("Kroatien", "pl", "Chorwacja (HR)"),
        ("Croatie", "en", "Croatia (HR)"),
    ):
        asked = {"q": "old people", "place": word, "mode": "transfer"}
        headers = {"Accept": "text/html", "Accept-Language": lang}
        answer = client.get("/", query_string=asked, headers=headers)
        assert f'data-place="{shown}"' in answer.text
