"""The transfer workspace: what its page shows and refuses, and the brief as HTML and PDF."""

from __future__ import annotations

import html
import io
import re
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pypdf
import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from matcher.model.answer import Answer
from service import create_app
from service.core.runtime import Runtime
from service.pages.parts.components import Field, Piece
from service.pages.transfer.brief import Brief, Sheet, as_pdf
from service.pages.transfer.form import read
from tests.service.conftest import BASE
from tests.service.pagetools import page, words

NEED = "older people are lonely"
ASKED: dict[str, Any] = {"q": NEED, "place": "HR035"}
ATTACK = '= Heading #read("/etc/passwd") *bold* $x$ <script>alert(1)</script> @ref "quoted" \\'


def slugs(text: str, name: str = "pick") -> list[str]:
    return re.findall(rf'name="{name}" value="([^"]+)" id=', text)


def fits(text: str) -> list[str]:
    return re.findall(r"fit (\d\.\d\d), judged", words(text))


def pdf_text(data: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(data)).pages
    return " ".join(" ".join(p.extract_text() for p in pages).split())


class TestForm:
    def test_opens_empty_without_complaints(self, client: FlaskClient) -> None:
        text = page(client, "/transfer")
        assert 'role="alert"' not in text
        assert '<option value="loneliness">' in text
        assert '<a href="/transfer" aria-current="page">Transfer</a>' in text

    def test_asks_about_a_practice_or_a_challenge_of_an_entry_page(
        self, client: FlaskClient
    ) -> None:
        link = "/transfer?entry=practice/dom-mladih-split"
        assert f'href="{link}"' in page(client, "/id/practice/dom-mladih-split")
        seen = page(client, link)
        assert 'name="entry" value="practice/dom-mladih-split"' in seen
        assert 'role="alert"' not in seen
        seen = page(client, "/transfer?entry=challenge/loneliness")
        assert '<a href="/id/challenge/loneliness" dir="auto">Loneliness</a>' in seen

    def test_is_reached_from_an_answer_of_the_first_page(self, client: FlaskClient) -> None:
        text = page(client, "/", mode="transfer", **ASKED)
        link = re.search(r'href="([^"]+)">Compare, weigh and print', text)
        assert link
        assert "What could work in" in words(page(client, html.unescape(link[1])))

    def test_keeps_everything_typed_when_something_is_wrong(self, client: FlaskClient) -> None:
        text = page(
            client, "/transfer", 422, q=NEED, place="Nowhere at all", budget="1,200",
            actor_type="university", if_competence="health", why_not="A practice of mine",
            w_P1="many",
        )  # fmt: skip
        for kept in (NEED, "Nowhere at all", "1,200", "A practice of mine", "many"):
            assert kept in text
        assert 'name="actor_type" value="university" checked' in text
        assert 'name="if_competence" value="health" checked' in text
        assert "No place is called “Nowhere at all” here." in words(text)
        assert "Nothing of this kind is called “A practice of mine” here." in words(text)
        assert text.count('aria-invalid="true"') == 3

    def test_names_the_field_of_a_number_that_is_none(self, client: FlaskClient) -> None:
        for field in ("budget", "if_budget", "w_P1"):
            for typed in ("many", "1,200", "1.200", "-1", "nan", "inf"):
                text = page(client, "/transfer", 422, **ASKED, **{field: typed})
                wrong = re.search(rf'id="{field}-wrong" data-swap>(.*?)</span>', text)
                assert wrong, field
                assert "<strong>" in wrong[1], (field, typed)

    def test_says_both_readings_of_a_number(self, client: FlaskClient) -> None:
        text = words(page(client, "/transfer", 422, **ASKED, budget="1,200"))
        assert "This number can be read as 1200 or as 1.2. Write it as one of the two." in text

    @pytest.mark.parametrize("typed", ["12.5", "12,5", " 1 200 ", "1.200,50 €", "EUR 1'200"])
    def test_reads_numbers_as_people_write_them(self, client: FlaskClient, typed: str) -> None:
        assert fits(page(client, "/transfer", **ASKED, budget=typed))

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ({"place": "HR"}, "The question is empty."),
            ({"q": "  ", "place": ""}, "Say in which place it should work."),
            ({"q": "x" * 20_001, "place": "HR"}, "has 20,001 characters"),
            ({**ASKED, "challenge": "loneliness"}, "A challenge is chosen and another one"),
            ({"challenge": "no-such", "place": "HR"}, "There is no such entry."),
            ({"entry": "practice/no-such", "place": "HR"}, "There is no such entry."),
            ({"entry": "actor/city-hr-split", "place": "HR"}, "The entry is of the class actor."),
            ({"entry": "../../etc", "place": "HR"}, "There is no such entry."),
            ({**ASKED, "competence": "magic"}, "'magic' is not in the list."),
            (
                {**ASKED, "actor_type": "university", "if_actor_type": "university"},
                "The target says that it is there.",
            ),
            ({**ASKED, "budget": "50", "if_budget": "20"}, "20 would not be more"),
            ({**ASKED, **{f"w_{c}": "0" for c in
              "P1 P2 P3 I1 I2 I3 I4 I5 E1 E2 E3 E4 T1 T2".split()}}, "All weights are 0"),
        ],
    )  # fmt: skip
    def test_says_what_is_wrong(
        self, client: FlaskClient, query: dict[str, Any], said: str
    ) -> None:
        for path in ("/transfer", "/transfer/brief", "/transfer/brief.pdf"):
            assert said in words(page(client, path, 422, **query))

    def test_takes_any_text(self, client: FlaskClient) -> None:
        for text in ("x " * 9_990, "😀 عنوان עברית", ATTACK, "a\x00b\u202e"):
            seen = page(client, "/transfer", q=text, place="HR")
            assert "<script>alert" not in seen
            assert fits(seen)

    def test_says_that_the_matcher_is_starting(
        self, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Runtime, "ready", False)
        client = create_app(runtime).test_client()
        for path in ("/transfer", "/transfer/brief", "/transfer/brief.pdf"):
            answer = client.get(path, query_string=ASKED, headers={"Accept": "text/html"})
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "10"
            assert "The matcher is still starting." in answer.text
        assert NEED in client.get("/transfer", query_string=ASKED).text


class TestJudging:
    def test_shows_fit_coverage_conditions_and_changes(self, client: FlaskClient) -> None:
        text = page(client, "/transfer", challenge="loneliness", place="HR035")
        seen = words(text)
        assert len(slugs(text)) == len(fits(text)) == 12
        assert "What could work in Splitsko-dalmatinska županija (HR035)" in seen
        assert "Governance and law: " in seen
        assert "To adapt first: " in seen
        assert "What would help to judge" in seen
        assert 'href="#competence">Say it' in text
        assert 'id="competence"' in text

    def test_a_practice_asked_about_comes_first(self, client: FlaskClient) -> None:
        text = page(client, "/transfer", entry="practice/dom-mladih-split", place="LV")
        assert slugs(text)[0] == "dom-mladih-split"

    def test_weights_change_the_order_and_the_stamp(self, client: FlaskClient) -> None:
        before = page(client, "/transfer", **ASKED)
        after = page(client, "/transfer", **ASKED, w_P1="0", w_I1="50", w_E2="0")
        assert slugs(before) != slugs(after)
        assert fits(before) != fits(after)
        stamp = re.compile(r"weights (\w{8})")
        assert stamp.findall(words(before)) != stamp.findall(words(after))

    def test_a_slider_left_where_it_was_changes_nothing(self, client: FlaskClient) -> None:
        text = page(client, "/transfer", **ASKED)
        usual = dict(re.findall(r'name="(w_\w\d)"[^>]* value="([\d.]+)"', text))
        assert len(usual) == 14
        assert fits(page(client, "/transfer", **ASKED, **usual)) == fits(text)

    def test_one_criterion_can_be_left_out(self, client: FlaskClient) -> None:
        assert fits(page(client, "/transfer", **ASKED, w_P1="0"))

    def test_a_change_that_would_help_can_be_supposed(self, client: FlaskClient) -> None:
        text = page(client, "/transfer", **ASKED)
        links = [html.unescape(x) for x in re.findall(r'href="([^"]+)" data-ask', text)]
        assert links
        after = page(client, links[0])
        assert re.search(r"Fit goes from \d\.\d\d to \d\.\d\d\.", words(after))
        assert "What you suppose changes the fit of" in words(after)
        added = parse_qs(urlsplit(links[0]).query).keys() - ASKED.keys()
        assert len(added) == 1
        assert next(iter(added)).startswith("if_")

    def test_says_why_a_practice_is_not_there(self, client: FlaskClient) -> None:
        text = page(client, "/transfer", **ASKED)
        offered = re.findall(r'<option value="([^"]+) \((\S+)\)"></option>', text)
        title, slug = next((t, s) for t, s in offered if s not in slugs(text) and "-" in s)
        iri = f"https://passerelle.example/id/practice/{slug}"
        part = html.unescape(title)[5:40]
        for typed in (part, html.unescape(title).upper(), f"{html.unescape(title)} ({slug})", iri):
            seen = words(page(client, "/transfer", **ASKED, why_not=typed))
            assert re.search(r"It stands at place \d+ of \d+ for this question, with", seen)
            assert "What keeps it from the top of the list:" in seen

    def test_says_that_several_practices_are_called_so(self, client: FlaskClient) -> None:
        text = page(client, "/transfer", 422, **ASKED, why_not="a")
        assert "Several entries are called so." in words(text)
        assert '<a href="#why_not">' in text

    def test_keeps_the_language_of_the_reader(self, client: FlaskClient) -> None:
        answer = client.get("/transfer", query_string=ASKED)
        assert "Accept-Language" in answer.headers["Vary"]
        assert answer.cache_control.private


class TestComparing:
    def test_two_of_the_shortlist_stand_side_by_side(self, client: FlaskClient) -> None:
        two = slugs(page(client, "/transfer", **ASKED))[:2]
        text = page(client, "/transfer", **ASKED, pick=two)
        table = text[text.index('<table class="list compare">') : text.index("</table>")]
        assert table.count('<th scope="col"') == 3
        assert table.count("<tr>") == 20
        assert text.count('class="tone-2"') > 1
        chart = text[text.index('<div class="chart"') : text.index("Longer is better")]
        unknown = chart.count('<line class="unknown"')
        assert unknown == table.count("not known")
        assert unknown > 0

    def test_of_more_than_four_the_marked_are_compared(self, client: FlaskClient) -> None:
        six = slugs(page(client, "/transfer", **ASKED))[:6]
        text = page(client, "/transfer", **ASKED, pick=six)
        assert slugs(text, "compare") == six
        assert text.count('<th scope="col"') == 5
        text = page(client, "/transfer", **ASKED, pick=six, compare=six[4:])
        assert text.count('<th scope="col"') == 3
        text = page(client, "/transfer", **ASKED, pick=six, compare=six[:5])
        assert text.count('<th scope="col"') == 5
        assert "4 practices can stand side by side; the first ones are shown." in words(text)

    def test_a_shortlisted_practice_far_down_the_list_is_shown(self, client: FlaskClient) -> None:
        near = slugs(page(client, "/transfer", **ASKED))
        text = page(client, "/transfer", **ASKED)
        offered = [s for s in re.findall(r' \((\S+)\)"></option>', text) if "-" in s]
        far = next(s for s in offered if s not in near)
        seen = page(client, "/transfer", **ASKED, pick=[near[0], far])
        assert slugs(seen) == [*near, far]

    def test_the_matcher_is_asked_once_however_far_a_pick_is(
        self, client: FlaskClient, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[tuple[dict[str, Any], tuple[str, ...]]] = []
        ask = runtime.matcher.ask

        def counted(kind: str, raw: dict[str, Any], also: tuple[str, ...] = ()) -> Answer:
            asked.append((raw, also))
            return ask(kind, raw, also)

        monkeypatch.setattr(runtime.matcher, "ask", counted)
        far = slugs(page(client, "/transfer", **ASKED, pick=["no-such-practice"]))
        asked.clear()
        page(client, "/transfer", **ASKED, pick=[far[0], "buurtzorg", "no-such-practice"])
        assert len(asked) == 1
        raw, also = asked[0]
        assert (raw["limit"], len(also)) == (12, 3)
        found = ask("transfer", raw | {"limit": 2}, (f"{BASE}id/practice/{far[5]}",))
        assert [match.entry.rpartition("/")[2] for match in found.matches] == [
            *far[:2], far[5]
        ]  # fmt: skip

    def test_says_what_is_left_out_of_a_shortlist(self, client: FlaskClient) -> None:
        picks = [*(f"no-such-{n}" for n in range(13)), ATTACK]
        seen = words(page(client, "/transfer", **ASKED, pick=picks))
        assert "“no-such-1” is not among the 100 nearest and is left out." in seen
        assert "A shortlist has room for 12 practices" in seen


class TestBrief:
    def test_holds_what_a_meeting_needs(self, client: FlaskClient) -> None:
        picks = ["repair-cafe", "sallbo-helsingborg"]
        query: dict[str, Any] = {
            "challenge": "loneliness",
            "place": "HR035",
            "speaks": "hr",
            "w_P1": "5",
        }
        text = page(client, "/transfer/brief", pick=picks, if_actor_type="university", **query)
        seen = words(text)
        for part in (
            "What could work in Splitsko-dalmatinska županija (HR035)", "Question Loneliness",
            "Languages spoken there hrvatski", "This organisation joins University",
            "Weights, of 100 Need 6, ", "Data version", "Fit is the weighted mean",
            "Repair Café", "Problem", "Conditions", "What would have to be adapted",
            "What is not known", "Who could help", "Has done it: ",
            "What could pay", "Where this comes from", "Licence: not stated", "November 2026",
        ):  # fmt: skip
            assert part in seen, part
        assert text.count("<h2>") == 2
        data = client.get(
            "/transfer/brief.pdf",
            query_string={**query, "pick": picks, "if_actor_type": "university"},
        ).data
        printed = pdf_text(data)
        for part in ("Loneliness", "hrvatski", "Repair Café", "SällBo", "Last checked: 22"):
            assert part in printed, part

    def test_names_who_is_there_and_who_is_in_the_country(self, client: FlaskClient) -> None:
        query: dict[str, Any] = {"challenge": "loneliness", "place": "HR035"}
        picks = slugs(page(client, "/transfer", **query))
        seen = words(page(client, "/transfer/brief", pick=picks, **query))
        assert "Is in your place: City of Split" in seen
        assert "Is in your country: " in seen

    def test_has_the_best_three_without_a_shortlist(self, client: FlaskClient) -> None:
        best = slugs(page(client, "/transfer", **ASKED))[:3]
        text = page(client, "/transfer/brief", **ASKED)
        assert re.findall(r'<h2><a href="/id/practice/([^"]+)"', text) == best

    def test_is_the_same_for_the_same_data(self, client: FlaskClient) -> None:
        for path in ("/transfer/brief", "/transfer/brief.pdf"):
            assert (
                client.get(path, query_string=ASKED).data
                == client.get(path, query_string=ASKED).data
            )

    def test_the_pdf_is_tagged_and_names_title_and_language(self, client: FlaskClient) -> None:
        answer = client.get("/transfer/brief.pdf", query_string=ASKED)
        assert answer.content_type == "application/pdf"
        root = cast(Any, pypdf.PdfReader(io.BytesIO(answer.data)).root_object)
        assert root["/MarkInfo"]["/Marked"]
        assert root["/Lang"] == "en"
        assert b"pdfuaid:part" in root["/Metadata"].get_object().get_data()
        title = cast(Any, pypdf.PdfReader(io.BytesIO(answer.data)).metadata)["/Title"]
        assert title == "What could work in Splitsko-dalmatinska županija (HR035)"

    def test_shows_the_letters_of_europe(self) -> None:
        letters = "čćžšđ āčēģīķļņšūž ąćęłńóśźż αβγάέήίόύώς абвгдежзийъьюя ăâîșț őű ġħż ð"
        assert letters in pdf_text(as_pdf(brief(letters)))

    @pytest.mark.parametrize(
        "text",
        [
            ATTACK,
            "#" * 500,
            "x" * 20_000,
            "😀 日本",
            "عنوان עברית",
            "\u202eevil",
            "$",
            "",
            "https://example.org/" + "x" * 20_000,
        ],
    )
    def test_no_text_can_break_it(self, text: str) -> None:
        data = as_pdf(brief(text, lang="x-" + text[:3], href=text))
        found = pypdf.PdfReader(io.BytesIO(data))
        assert cast(Any, found.root_object)["/MarkInfo"]["/Marked"]

    def test_markup_is_printed_as_it_was_typed(self) -> None:
        printed = pdf_text(as_pdf(brief(ATTACK)))
        assert '#read("/etc/passwd") *bold* $x$ <script>alert(1)</script>' in printed
        assert "root:" not in printed

    def test_links_lead_to_web_pages_only(self) -> None:
        for href, count in (("https://example.org/", 3), ("javascript:alert(1)", 0)):
            found = pypdf.PdfReader(io.BytesIO(as_pdf(brief("x", href=href))))
            links = [a for p in found.pages for a in p.get("/Annots", ())]
            assert len(links) == count


def brief(text: str, *, lang: str = "", href: str = "") -> Brief:
    piece = Piece(text, href, lang, note=href)
    sheet = Sheet(piece, text, text, text, ((text, text, text),), (Field(text, (piece, piece)),))
    words_ = dict.fromkeys(("criterion", "value", "rests", "criteria", "meaning"), text)
    return Brief("en", "Title", ((text, text),), (sheet,), (text,), words_)


def test_an_address_keeps_only_what_it_knows() -> None:
    wanted = read(MultiDict([("q", " a\x00b "), ("pick", "x"), ("pick", "x"), ("other", "1")]))
    assert dict(wanted.values) == {"q": ("a b",), "pick": ("x",)}
    assert wanted.query(pick=()) == "q=a+b"
    assert not wanted.asked
