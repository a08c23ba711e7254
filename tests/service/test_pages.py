"""The pages for people: what they show, what they escape, and how they fail."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pyoxigraph as ox
import pytest
from flask.testing import FlaskClient

from kg.catalogue.lists import class_counts
from kg.entry import make
from kg.errors import Overloaded
from kg.stores.protocol import Change
from kg.text.i18n import gettext, ngettext, own_name
from matcher.model.answer import Answer
from service import create_app
from service.core.runtime import Runtime
from service.core.settings import Settings
from service.pages.entry.contacts import report
from service.pages.parts.forms import MAX_QUESTION
from service.pages.parts.match_cards import fit_text
from tests.conftest import settled
from tests.fake_embedder import HashingEmbedder
from tests.languages import speaking
from tests.service.pagetools import ENTRIES, page, words

HOSTILE = "practice/hostile"
ATTACK = "<script>alert(1)</script>"
TURTLE = f"""
@base <https://passerelle.example/> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix psr: <https://w3id.org/passerelle/ns#> .
@prefix schema: <https://schema.org/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<id/{HOSTILE}> a psr:Practice ;
  dct:title "{ATTACK}"@en , "Ein böser Titel"@de , "عنوان"@ar ;
  psr:problem "A \\"quoted\\" <img src=x onerror=alert(2)> problem."@en ;
  psr:solution "Rješenje na hrvatskom."@hr ;
  dct:spatial <id/territory/HR035> ;
  dct:source <https://example.org/source?a=1&b=2> ;
  dct:license <https://creativecommons.org/licenses/by/4.0/> ;
  schema:creditText "Example <b>Agency</b>" ;
  schema:url <javascript:alert(3)> ;
  dct:identifier "ORIGINAL-7" ;
  psr:population 5 ;
  psr:checkedOn "2024-05-01"^^xsd:date ;
  psr:hasOutcome <id/{HOSTILE}#outcome-1> .
<id/{HOSTILE}#outcome-1> a psr:Outcome ;
  dct:description "Meals saved"@en ; psr:value 12500.50 ;
  psr:unit "kg" ; psr:year "2022"^^xsd:gYear .
"""


@pytest.fixture(scope="module")
def runtime(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    home = settled(prepared, tmp_path_factory.mktemp("pages") / "home")
    with Runtime(Settings(home=home), HashingEmbedder()) as runtime:
        triples = [q.triple for q in ox.parse(TURTLE, format=ox.RdfFormat.TURTLE)]
        iri = f"{runtime.store.base}id/{HOSTILE}"
        runtime.store.write([Change(iri, make(iri, triples))], "mallory", "create")
        assert runtime.wait_ready(120)
        runtime.matcher.catch_up()
        yield runtime


@pytest.fixture(scope="module")
def client(runtime: Runtime) -> FlaskClient:
    runtime.settings = dataclasses.replace(runtime.settings, rate=10_000, burst=10_000)
    return create_app(runtime).test_client()


class Audit(HTMLParser):
    """Collects what a strict content security policy would block, and headings."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.headings: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.html_lang = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.faults += [f"{tag} {k}" for k in found if k == "style" or k.startswith("on")]
        if tag == "style" or (
            tag == "script" and "src" not in found and found.get("type") != "application/ld+json"
        ):
            self.faults.append(f"inline {tag}")
        if tag in {"script", "img", "link"}:
            source = found.get("src") or found.get("href") or ""
            self.faults += [source] if "://" in source or source.startswith("//") else []
        if tag == "html":
            self.html_lang = found.get("lang") or ""
        if tag in {"h1", "h2", "h3"}:
            self.headings.append(tag)
        if tag == "a":
            self.links.append(found.get("href") or "")
        if found.get("id"):
            self.ids.append(found["id"] or "")


def audit(text: str) -> Audit:
    found = Audit()
    found.feed(text)
    return found


PAGES = [
    "/",
    "/?q=jobs+for+long-term+unemployed+people&mode=transfer&place=HR",
    "/?q=older+people+are+lonely&mode=partners&place=HR035",
    "/?q=",
    f"/id/{HOSTILE}",
    *ENTRIES,
    "/search",
    "/search?q=homeless+people&country=FI&view=map",
    "/search?type=practice&view=table&page=2",
    "/search?place=nowhere+at+all",
    "/transfer",
    "/transfer?challenge=loneliness&place=HR035&pick=repair-cafe&pick=sallbo-helsingborg",
    "/transfer?q=&place=nowhere&budget=many",
    "/transfer/brief?challenge=loneliness&place=HR035",
    "/numbers",
    "/voc/theme",
    "/ns",
    "/sparql",
    "/api/docs",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_strict_and_accessible(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/html"})
    found = audit(answer.text)
    assert found.faults == []
    assert found.html_lang == "en"
    assert found.headings.count("h1") == 1
    assert found.headings[0] == "h1"
    assert len(found.ids) == len(set(found.ids))
    assert {"#main"} <= set(found.links)
    assert not [link for link in found.links if link.startswith("javascript:")]
    assert re.search(r"<title>[^<]+– Passerelle</title>", answer.text)
    assert re.search(r'<meta name="description" content="[^"]{20,}', answer.text)
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    # The embedded query editor sets style attributes; no page of our own may.
    assert ("unsafe-inline" in policy) is (path == "/sparql")


class TestHome:
    def test_shows_form_examples_and_counts(self, client: FlaskClient, runtime: Runtime) -> None:
        text = page(client, "/")
        assert 'name="q"' in text
        assert '<option value="Croatia (HR)">' in text
        assert '<span class="question" lang="lv">Jauniešiem bez darba' in text
        assert f"{class_counts(runtime.store)['practice']} practices" in words(text)
        assert "2,169 places" in words(text)

    def test_the_examples_can_be_followed(self, client: FlaskClient) -> None:
        examples = [link for link in audit(page(client, "/")).links if link.startswith("/?q=")]
        assert len(examples) == 6
        for link in examples:
            assert 'class="card"' in page(client, link)

    def test_similar_practices_come_with_links_and_reasons(self, client: FlaskClient) -> None:
        text = page(client, "/", q="A youth centre run by associations and the city together")
        assert re.search(r'<h3>\s*<a href="/id/practice/dom-mladih-split" lang="en"', text)
        assert "Its problem is close to yours" in words(text) or "What it does" in words(text)
        assert "The question was read as English." in words(text)
        assert "model hashing@00000001" in words(text)
        assert "\nA youth centre run by associations and the city together</textarea>" in text

    def test_a_transfer_shows_fit_criteria_and_gates(self, client: FlaskClient) -> None:
        text = page(client, "/", q="work for unemployed people", mode="transfer", place="croatia")
        seen = words(text)
        assert "What could work in Croatia (HR)" in seen or "No good match" in seen
        assert re.search(r"fit \d\.\d\d, judged on \d+% of what matters", seen)
        assert "Governance and law:" in seen
        assert "All 14 criteria" in seen
        assert '<rect class="bar-fill" width="' in text
        assert "not known" in seen

    def test_partners_show_both_sides(self, client: FlaskClient) -> None:
        seen = words(page(client, "/", q="bus on call", mode="partners", place="Split"))
        assert "Mentor: has done it" in seen
        assert "What they would gain" in seen

    def test_no_good_match_is_an_answer(
        self, client: FlaskClient, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = runtime.matcher.ask

        def answers(**changes: Any) -> None:  # noqa: ANN401
            def changed(kind: str, raw: dict[str, object], also: tuple[str, ...]) -> Answer:
                return dataclasses.replace(real(kind, raw, also), **changes)

            monkeypatch.setattr(runtime.matcher, "ask", changed)

        answers(abstained=True)
        seen = words(page(client, "/", q="quantum chromodynamics"))
        assert "No good match; the nearest are:" in seen
        answers(matches=())
        assert "Nothing was found" in words(page(client, "/", q="quantum chromodynamics"))

    def test_an_entry_can_be_the_question(self, client: FlaskClient) -> None:
        entry = "practice/dom-mladih-split"
        text = page(client, "/", entry=entry, mode="transfer", place="LV")
        assert "Could it work in Latvia (LV)?" in words(text)
        assert f'<input type="hidden" name="entry" value="{entry}">' in text
        assert "Similar practices that could work there" in words(text)
        assert 'value="transfer" checked' in text
        assert 'value="partners"' not in text
        first = text[text.index("<h3>") :]
        assert first.startswith(f'<h3><a href="/id/{entry}"')
        assert text.count(f'<h3><a href="/id/{entry}"') == 1

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ({"q": "  \n "}, "The question is empty."),
            ({"q": "x" * 20_001}, "The question has 20,001 characters; at most 20,000"),
            ({"q": "jobs", "mode": "transfer"}, "Say in which place it should work."),
            (
                {"q": "jobs", "mode": "transfer", "place": "Zagrb"},
                "No place is called “Zagrb” here.",
            ),
            ({"q": "jobs", "mode": "partners", "place": "Aland Isles"}, "No place is called"),
            ({"entry": "practice/nowhere"}, "There is no such entry to ask about."),
            ({"entry": "actor/city-hr-split", "mode": "transfer", "place": "HR"}, "no such entry"),
            ({"entry": "../../etc"}, "There is no such entry to ask about."),
        ],
    )
    def test_what_is_wrong_is_said_at_the_form(
        self, client: FlaskClient, query: dict[str, str], message: str
    ) -> None:
        text = page(client, "/", 422, **query)
        assert message in words(text)
        assert 'role="alert"' in text
        if query.get("q", "").strip():
            assert f"\n{query['q']}</textarea>" in text
        assert f'value="{query.get("place", "")}"' in text

    def test_an_unknown_place_comes_with_the_closest_names(self, client: FlaskClient) -> None:
        seen = words(page(client, "/", 422, q="jobs", mode="transfer", place="Zagrb"))
        assert "Which one do you mean? Zagreb" in seen
        assert "Zagreb (" in seen

    @pytest.mark.parametrize(
        "question",
        ["👩‍🌾🚌🏘️", "كيف نساعد كبار السن؟", "x" * 20_000, "a\x00b \x1f c", "%s {{ 7*7 }} 100 %"],
    )
    def test_odd_questions_are_answered(self, client: FlaskClient, question: str) -> None:
        text = page(client, "/", q=question)
        assert '<textarea id="q" name="q" rows="3" maxlength="20000" dir="auto"' in text
        assert "\x00" not in text
        assert "49" not in re.findall(r"<textarea[^>]*>([^<]*)", text)[0]

    def test_what_is_typed_is_shown_as_text(self, client: FlaskClient) -> None:
        text = page(client, "/", 422, q=ATTACK, mode="transfer", place=f'"><{ATTACK}')
        assert ATTACK not in text
        assert html.escape(ATTACK) in text

    def test_a_place_is_never_passed_over(self, client: FlaskClient) -> None:
        wrong = client.get(
            "/?q=lonely+people&place=Atlantis&mode=similar", headers={"Accept": "text/html"}
        )
        assert wrong.status_code == 422
        assert "No place is called" in wrong.text
        found = page(client, "/?q=lonely+people&place=Croatia&mode=similar")
        assert "Could it work in Croatia (HR)?</a>" in found


def test_what_is_english_only_says_so(client: FlaskClient) -> None:
    for path, english in (("/api/docs", "The API of Passerelle"), ("/sparql", "SELECT")):
        text = client.get(path, headers={"Accept": "text/html", "Accept-Language": "de"}).text
        assert '<html lang="de">' in text
        assert re.search(rf'lang="en"[^>]*>\s*(<h1>)?[^<]*{english}', text), path


@pytest.mark.parametrize("path", ["/", "/search", "/transfer", "/partners", "/consortium"])
def test_no_question_can_be_typed_that_is_too_long(client: FlaskClient, path: str) -> None:
    assert re.search(rf'name="q" [^>]*maxlength="{MAX_QUESTION}"', page(client, path))


class TestEntry:
    def test_hostile_texts_are_shown_as_texts(self, client: FlaskClient) -> None:
        text = page(client, f"/id/{HOSTILE}")
        assert ATTACK not in text
        assert f">{html.escape(ATTACK)}</h1>" in text
        assert "<img src=x" not in text
        assert 'href="javascript' not in text
        assert "javascript:alert(3)" in words(text)

    def test_each_text_says_its_language(self, client: FlaskClient) -> None:
        text = page(client, f"/id/{HOSTILE}")
        assert '<p class="prose" lang="hr" dir="auto">Rješenje na hrvatskom.</p>' in text
        assert '<span lang="de" dir="auto">Ein böser Titel</span>' in text
        assert '<span lang="ar" dir="auto">عنوان</span>' in text
        assert '<h1 lang="en" dir="auto">' in text

    def test_source_licence_credit_and_dates_are_shown(self, client: FlaskClient) -> None:
        text = page(client, f"/id/{HOSTILE}")
        assert 'href="https://example.org/source?a=1&amp;b=2"' in text
        for fact in (
            "CC BY 4.0",
            "Example <b>Agency</b>",
            "ORIGINAL-7",
            "2024-05-01",
            "by mallory",
        ):
            assert html.escape(fact) in text or fact in words(text)
        assert "Last checked 1 May 2024" in words(text)

    def test_nothing_that_is_known_is_left_out(self, client: FlaskClient) -> None:
        seen = words(page(client, f"/id/{HOSTILE}"))
        assert "12,500.5 kg Year 2022" in seen
        assert "More facts" in seen

    def test_a_practice_shows_its_parts_and_both_directions(self, client: FlaskClient) -> None:
        text = page(client, "/id/practice/dom-mladih-split")
        seen = words(text)
        order = ["Problem", "Solution", "Context", "What it takes", "What came of it", "Who did it"]
        places = [text.index(f"<h2>{heading}</h2>") for heading in order]
        assert places == sorted(places)
        assert "Role Lead" in seen
        assert "Action plans that build on it SEA4NEB local action plan Split" in seen
        assert 'href="/voc/theme#youth"' in text
        assert 'href="/id/territory/hr-split"' in text
        assert "Practice · Croatia" in seen

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("practice/buurtzorg-neighbourhood-nursing", "Transfers to other places Buurtzorg"),
            ("challenge/exclusion-from-work", "Narrower challenges"),
            ("challenge/loneliness", "Practices that address it"),
            ("actor/city-hr-split", "Practices it takes part in"),
            ("community/elif", "Communities within it"),
            ("territory/HR", "Instruments that cover it"),
        ],
    )
    def test_links_from_others_are_shown(
        self, client: FlaskClient, path: str, expected: str
    ) -> None:
        assert expected in words(page(client, f"/id/{path}"))

    def test_the_organisation_can_be_reached(self, client: FlaskClient) -> None:
        text = page(client, "/id/practice/dom-mladih-split")
        assert 'id="reach">How to reach the organisation' in text
        assert 'href="https://pdm.hr/platforma-doma-mladih/"' in text
        unknown = words(page(client, "/id/actor/multimedijalni-kulturni-centar-split"))
        assert "No contact page is known. The source may lead to the organisation:" in unknown
        assert "How to reach" not in words(page(client, "/id/challenge/loneliness"))

    def test_a_report_quotes_the_entry(self, client: FlaskClient) -> None:
        seen = words(page(client, "/id/practice/dom-mladih-split"))
        assert "Report what is wrong or outdated" in seen
        assert "This installation has named no contact of its own." in seen
        assert "https://passerelle.example/id/practice/dom-mladih-split Last checked:" in seen

    def test_a_contact_of_the_installation_gets_the_report(
        self, client: FlaskClient, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings = SimpleNamespace(contact="mailto:desk@example.org")
        monkeypatch.setattr(runtime, "settings", settings)
        text = page(client, f"/id/{HOSTILE}")
        link = next(x for x in audit(text).links if x.startswith("mailto:"))
        assert link.startswith("mailto:desk@example.org?subject=Passerelle")
        assert ATTACK in unquote(link)

    def test_similar_practices_stand_beside_it(self, client: FlaskClient) -> None:
        text = page(client, "/id/practice/dom-mladih-split")
        assert text.count('class="reason"') == 3

    def test_a_broken_matcher_does_not_break_the_page(
        self, client: FlaskClient, runtime: Runtime, monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:  # fmt: skip
        def fail(kind: str, question: object) -> None:
            raise Overloaded("the model is gone")

        monkeypatch.setattr(runtime.matcher, "ask", fail)
        text = page(client, "/id/practice/dom-mladih-split")
        assert 'class="reason"' not in text
        assert "Solution" in text
        assert "dom-mladih-split: Overloaded" in caplog.text
        assert "the model is gone" not in caplog.text

    def test_what_is_not_in_the_readers_language_is_marked(self, client: FlaskClient) -> None:
        text = page(client, f"/id/{HOSTILE}")
        assert 'Rješenje na hrvatskom.</p> <span class="foreign">Croatian</span>' in text
        assert '<span class="foreign">English' not in text

    def test_it_lies_on_a_map_and_can_be_cited(self, client: FlaskClient) -> None:
        text = page(client, "/id/practice/dom-mladih-split")
        assert re.search(r'<svg class="map" viewBox="\d+ \d+ 360 360"', text)
        assert '<circle class="dot"' in text
        seen = words(text)
        assert "Cite this entry" in seen
        assert re.search(r"Data version [\d,]+, \d+ [A-Z][a-z]+ \d{4}\.", seen)
        assert '<svg class="map"' not in page(client, "/id/challenge/loneliness")

    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            (HOSTILE, "Project"),
            ("actor/city-hr-split", "Organization"),
            ("territory/hr-split", "Place"),
            ("call/elif-clsi-2024", "Event"),
            ("transfer/buurtzorg-to-sweden", "Action"),
        ],
    )
    def test_search_engines_can_read_it(self, client: FlaskClient, path: str, kind: str) -> None:
        text = page(client, f"/id/{path}")
        data = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text)
        found = json.loads(data[0])
        assert found["@type"] == kind
        assert found["@id"] == f"https://passerelle.example/id/{path}"
        assert found["name"]
        if kind in {"Organization", "Place"}:
            assert "latitude" in json.dumps(found)

    def test_the_data_are_linked(self, client: FlaskClient) -> None:
        text = page(client, f"/id/{HOSTILE}")
        for form in ("turtle", "nt", "jsonld"):
            assert f'href="?format={form}"' in text
            assert client.get(f"/id/{HOSTILE}?format={form}").status_code == 200

    def test_an_unknown_entry_gets_a_friendly_page(self, client: FlaskClient) -> None:
        seen = words(page(client, "/id/practice/nowhere", 404))
        assert "This footbridge leads nowhere" in seen
        assert "Search the graph" in seen


class TestWords:
    @pytest.mark.parametrize(
        ("contact", "href", "by_mail"),
        [
            (None, "", False),
            ("https://example.org/contact", "https://example.org/contact", False),
            ("javascript:alert(1)", "", False),
            ("desk@example.org", "mailto:desk@example.org?subject=", True),
        ],
    )
    def test_reports_go_only_to_web_and_mail(
        self, contact: str | None, href: str, by_mail: bool
    ) -> None:
        found = report(contact, "Title", "https://passerelle.example/id/practice/x", "")
        assert found.href.startswith(href)
        assert bool(found.href) == bool(href)
        assert found.by_mail == by_mail
        assert "Last checked: not stated" in found.body

    def test_fit_is_said_in_words_and_numbers(self) -> None:
        said = "fit 0.58, judged on 71% of what matters."
        assert fit_text(0.58, 0.71) == f"It could fit with changes: {said}"
        assert fit_text(0.9, 1).startswith("It would probably fit: fit 0.90")
        assert fit_text(0.1, 0.5).startswith("It would hardly fit as it is")
        assert fit_text(0.0, 0.0) == "Nothing is known yet of how it would fit."

    def test_a_language_without_a_catalogue_speaks_english(self) -> None:
        with speaking("xx"):
            assert gettext("practice") == "practice"
            assert ngettext("practice", "practices", 2) == "practices"
        assert gettext("") == ""
        assert own_name("HR") == "hrvatski"
        assert own_name("tlh") == "tlh"
