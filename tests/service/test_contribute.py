"""Writing by forms: made from the shapes, checked, guarded, and nothing typed is lost."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pyoxigraph as ox
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from kg.catalogue.rows import LISTED
from kg.entry import Entry, make
from kg.errors import NotFound
from kg.text.i18n import available
from kg.text.number_formats import day
from kg.vocabulary import CLASSES, DCT, PSR, VOC
from service.core.runtime import Runtime
from service.http.language import COOKIE
from service.pages.contribute.shacl_form import Reader, asks, filled
from service.pages.entry.layout import written
from tests.languages import speaking
from tests.service.conftest import never_was, practice
from tests.service.pagetools import page, words

ATTACK = '"><script>alert(1)</script>'
TYPED = {
    "dct:title": "A library of things on the quay",
    "dct:title@": "en",
    "psr:problem": "Few people on the quay own a drill.",
    "psr:problem@": "en",
    "psr:solution": "Neighbours lend each other tools from one shed.",
    "psr:solution@": "en",
    "dct:spatial": "Split",
    "dct:subject": VOC + "theme/housing",
    "psr:addresses": "Loneliness (loneliness)",
    "schema:startDate": "2019",
    "psr:budget": "1500.50",
    "psr:hasOutcome": "outcome-1",
    "outcome-1/dct:description": "Drills lent",
    "outcome-1/dct:description@": "en",
    "outcome-1/psr:value": "12",
}
IRI = "https://passerelle.example/id/practice/a-library-of-things-on-the-quay"
AT = "/contribute/practice"


def secret(client: FlaskClient, path: str = AT) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page(client, path))
    assert found is not None
    return found[1]


@pytest.fixture
def member(client: FlaskClient, token: str) -> FlaskClient:
    answer = client.post("/contribute/sign-in", data={"token": token})
    assert answer.status_code == 303
    return client


@pytest.fixture
def gone(runtime: Runtime) -> Iterator[None]:
    """Remove what the test stores."""
    yield
    never_was(runtime, IRI)


class TestForm:
    @pytest.mark.parametrize("path", LISTED)
    def test_every_class_has_one(self, client: FlaskClient, path: str) -> None:
        text = page(client, f"/contribute/{path}")
        assert 'name="dct:title"' in text
        assert "Title (needed)" in words(text)

    def test_no_field_takes_more_than_can_be_stored(self, client: FlaskClient) -> None:
        text = page(client, AT)
        assert re.search(r'name="psr:problem" [^>]*maxlength="10000"', text)
        assert re.search(r'name="schema:url" [^>]*maxlength="\d+"', text)

    def test_places_have_none(self, client: FlaskClient) -> None:
        assert client.get("/contribute/territory").status_code == 404
        assert client.get("/contribute/practice/nowhere").status_code == 404

    def test_it_asks_what_the_shapes_ask(self, runtime: Runtime) -> None:
        fields = {a.name: a for a in asks(runtime.intake.validator.shapes, PSR + "Practice")}
        assert fields["psr:problem"].spoken
        assert fields["psr:problem"].kind == "long"
        assert (fields["psr:targetGroup"].kind, fields["psr:targetGroup"].source) == (
            "choice", "target-group",
        )  # fmt: skip
        assert (fields["psr:addresses"].kind, fields["psr:addresses"].source) == (
            "entry", "challenge",
        )  # fmt: skip
        assert fields["psr:staff"].kind == "number"
        assert fields["schema:startDate"].kind == "date"
        assert fields["schema:url"].kind == "link"
        assert not fields["schema:url"].many
        outcome = fields["psr:hasOutcome"]
        assert outcome.kind == "part"
        assert [a.name for a in outcome.parts if a.required] == ["dct:description"]

    @pytest.mark.parametrize("path", LISTED)
    def test_an_entry_comes_through_its_form_unchanged(
        self, app: Flask, runtime: Runtime, path: str
    ) -> None:
        fields = asks(runtime.intake.validator.shapes, CLASSES[path])
        entry = next(iter(runtime.store.entries(path)))
        reader = Reader(runtime.store.base, runtime.places, lambda path, text: None)
        made = reader.triples(
            ox.NamedNode(entry.iri), CLASSES[path], fields, filled(entry, fields, {})
        )
        assert reader.problems == []
        shown = {a.prop for a in fields} | {p.prop for a in fields for p in a.parts}
        kept = {t for t in entry.triples if t.predicate.value not in shown}
        assert set(made) | kept == set(entry.triples)


class TestFigures:
    """What the pages and the form itself show in a language, the form takes in that language."""

    FIGURES = (
        ("psr:budget", "1500.5"), ("psr:costPerHead", "46.16"), ("psr:staff", "1.125"),
        ("psr:durationMonths", "1200"), ("schema:startDate", "2015-06-18"),
        ("schema:endDate", "2018"),
    )  # fmt: skip

    @pytest.mark.parametrize("lang", available())
    def test_they_come_back_as_they_were(self, runtime: Runtime, lang: str) -> None:
        fields = asks(runtime.intake.validator.shapes, PSR + "Practice")
        reader = Reader(runtime.store.base, runtime.places, lambda path, text: None)
        node = ox.NamedNode(IRI)

        def read(typed: MultiDict[str, str]) -> Entry:
            return make(IRI, reader.triples(node, PSR + "Practice", fields, typed))

        entry = read(MultiDict(self.FIGURES))
        with speaking(lang):
            shown = filled(entry, fields, {})
            for name, text in self.FIGURES:
                if text.count("-") == 2:
                    shown[name] = day(text)
                if name in {"psr:budget", "psr:costPerHead", "psr:durationMonths"}:
                    shown[name] = written(PSR + name[4:], float(text))
            assert read(shown) == entry
            assert shown["psr:budget"] != "1500.5"
            reader.notes.clear()
            assert read(filled(entry, fields, {})) == entry
        assert (reader.problems, reader.notes) == ([], [])

    @pytest.mark.parametrize(
        ("lang", "value", "other"), [("de", "1500", "1,5"), ("en", "1.5", "1500")]
    )
    def test_a_number_of_two_readings_is_told(
        self, client: FlaskClient, lang: str, value: str, other: str
    ) -> None:
        client.set_cookie(COOKIE, lang)
        text = client.post(AT, data={**TYPED, "psr:budget": "1.500", "do": "check"}).text
        (note,) = re.findall('<a href="#psr:budget">(.*?)</a>', text)
        assert re.findall("[0-9.,]*[0-9]", note) == ["1.500", value, other]
        assert words(text).count(note) == 2  # on top and at the field

    def test_one_wrong_value_is_told_once(self, client: FlaskClient) -> None:
        typed = {**TYPED, "dct:language": "no such language", "do": "check"}
        text = words(client.post(AT, data=typed).text)
        assert text.count("A language is given by its code") == 2  # on top and at the field


class TestSending:
    def test_it_is_checked_before_it_is_sent(self, client: FlaskClient, runtime: Runtime) -> None:
        text = html.unescape(client.post(AT, data={**TYPED, "do": "check"}).text)
        assert "It can be stored like this" in text
        assert "Much like it, and here already" in text
        assert "No source is given" in text
        with pytest.raises(NotFound):
            runtime.store.get(IRI)

    @pytest.mark.usefixtures("gone")
    def test_who_is_signed_in_stores_it(self, member: FlaskClient, runtime: Runtime) -> None:
        data = {**TYPED, "do": "send", "csrf": secret(member)}
        answer = member.post(AT, data=data)
        assert (answer.status_code, answer.location) == (303, "/id/practice/" + IRI[-31:])
        entry = runtime.store.get(IRI)
        assert entry.links(DCT + "spatial") == ["https://passerelle.example/id/territory/hr-split"]
        assert entry.links(PSR + "addresses")[0].endswith("/challenge/loneliness")
        assert entry.text(PSR + "value", node=IRI + "#outcome-1") == "12"
        seen = runtime.store.provenance(IRI)
        assert seen is not None
        assert seen.agent == "test-organisation"

    @pytest.mark.usefixtures("gone")
    def test_a_token_in_the_form_is_enough(self, client: FlaskClient, token: str) -> None:
        assert client.post(AT, data={**TYPED, "do": "send", "token": token}).status_code == 303
        assert "signed in as test-organisation" in words(page(client, "/contribute"))

    @pytest.mark.parametrize("extra", [{}, {"token": "wrong"}, {"csrf": "forged"}])
    def test_without_a_login_nothing_is_stored_and_nothing_lost(
        self, client: FlaskClient, runtime: Runtime, extra: dict[str, str]
    ) -> None:
        answer = client.post(AT, data={**TYPED, "do": "send"} | extra)
        assert answer.status_code == 401
        assert "nothing of what you typed is lost" in answer.text
        assert TYPED["psr:solution"] in answer.text
        assert 'name="token"' in answer.text
        with pytest.raises(NotFound):
            runtime.store.get(IRI)

    def test_a_form_of_another_site_is_refused(self, member: FlaskClient) -> None:
        assert member.post(AT, data={**TYPED, "do": "send", "csrf": "x"}).status_code == 401

    def test_a_revoked_token_ends_the_session(self, client: FlaskClient, runtime: Runtime) -> None:
        made = runtime.tokens.create("for-a-day")
        client.post("/contribute/sign-in", data={"token": made})
        data = {**TYPED, "do": "send", "csrf": secret(client)}
        runtime.tokens.revoke("for-a-day")
        assert client.post(AT, data=data).status_code == 401

    def test_the_cookie_is_kept_from_scripts_and_other_sites(
        self, client: FlaskClient, token: str
    ) -> None:
        answer = client.post("/contribute/sign-in", data={"token": token})
        cookie = answer.headers["Set-Cookie"]
        assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/"))
        assert token not in cookie
        assert client.post("/contribute/sign-in", data={"token": "no"}).status_code == 401

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("dct:title", "", "An entry needs a title"),
            ("dct:spatial", "Zagrb", "No place is called “Zagrb” here."),
            ("psr:budget", "a lot", "This is not a number. Write it like €12.50."),
            ("psr:budget", "£999.269,00", "“£” is not the unit of this field."),
            ("psr:durationMonths", "1.5", "This is not a whole number. Write it like 12 months."),
            ("outcome-1/psr:value", "12-13", "This is not a number. Write it like 12.5."),
            ("schema:url", "javascript:alert(1)", "are not accepted"),
            ("schema:url", "no address", "This is not an address. Write a full http"),
            (
                "schema:url",
                "www.example.org",
                "The address 'www.example.org' is not complete. Write",
            ),
            ("psr:addresses", "Something nobody knows", "This cannot be read."),
            (
                "schema:startDate",
                "long ago",
                "This is not a day of the calendar. Write it like 31 May",
            ),
            ("schema:startDate", "31.02.2019", "This is not a day of the calendar."),
            ("outcome-1/dct:description", "", "An outcome needs a description"),
        ],
    )
    def test_what_is_wrong_stands_at_its_field(
        self, client: FlaskClient, field: str, value: str, message: str
    ) -> None:
        answer = client.post(AT, data={**TYPED, field: value, "do": "check"})
        assert answer.status_code == 422
        found = re.search(rf'id="{field}-wrong">(.*?)</span>', answer.text, re.DOTALL)
        assert found is not None
        assert message in words(found[1])

    def test_how_to_mend_it_stands_on_top_and_at_the_field(self, client: FlaskClient) -> None:
        answer = client.post(AT, data={**TYPED, "dct:spatial": "Zagrb", "do": "check"})
        assert words(answer.text).count("Did you mean Zagreb") == 1
        assert words(answer.text).count("Which one do you mean? Zagreb") == 1

    def test_hostile_texts_stay_texts(self, client: FlaskClient) -> None:
        data = dict.fromkeys(TYPED, ATTACK)
        assert ATTACK not in client.post(AT, data={**data, "do": "check"}).text

    def test_an_entry_that_is_there_is_not_overwritten(self, member: FlaskClient) -> None:
        title = {"dct:title": "Dom mladih Split"}
        data = {**TYPED, **title, "do": "send", "csrf": secret(member)}
        answer = member.post(AT, data=data)
        assert answer.status_code == 409
        assert "There is an entry" in answer.text


class TestChanging:
    @pytest.fixture(autouse=True)
    def entry(self, client: FlaskClient, auth: dict[str, str], runtime: Runtime) -> Iterator[None]:
        more = '; psr:unheardOf "kept" ; dct:title "Autobus"@hr'
        body = practice("to-change", title="A bus", more=more)
        client.post("/api/entries", data=body, headers=auth, content_type="text/turtle")
        yield
        never_was(runtime, "https://passerelle.example/id/practice/to-change")

    def version(self, runtime: Runtime, path: str = "practice/to-change") -> str:
        seen = runtime.store.provenance(f"https://passerelle.example/id/{path}")
        return str(seen.number) if seen else ""

    def form(self, client: FlaskClient) -> MultiDict[str, str]:
        """Return what a browser would send of the form as it is."""
        text = page(client, AT + "/to-change")
        fields = re.findall(r'name="([^"]+)"(?: value="([^"]*)")[^>]*>', text)
        typed = MultiDict((n, html.unescape(v)) for n, v in fields if n in {"csrf", "version"})
        typed.update(TYPED)
        typed.setlist("dct:title", ["A longer bus", "Autobus"])
        typed.setlist("dct:title@", ["en", "hr"])
        return typed

    def test_what_the_form_does_not_show_is_kept(
        self, member: FlaskClient, runtime: Runtime
    ) -> None:
        typed = self.form(member)
        typed["do"] = "send"
        assert member.post(AT + "/to-change", data=typed).status_code == 303
        entry = runtime.store.get("https://passerelle.example/id/practice/to-change")
        assert entry.text(PSR + "unheardOf") == "kept"
        assert sorted(t.value for t in entry.texts(DCT + "title")) == ["A longer bus", "Autobus"]

    def test_a_change_by_somebody_else_is_not_undone(self, member: FlaskClient) -> None:
        typed = self.form(member)
        typed["do"], typed["version"] = "send", "1"
        answer = member.post(AT + "/to-change", data=typed)
        assert answer.status_code == 412
        assert "was changed since" in answer.text
        assert "A longer bus" in answer.text

    def test_removing_needs_a_tick(self, member: FlaskClient, runtime: Runtime) -> None:
        data = {"csrf": secret(member, AT + "/to-change")}
        where = AT + "/to-change/delete"
        assert member.post(where).status_code == 401
        assert member.post(where, data=data).status_code == 422
        data |= {"sure": "yes", "version": "1"}
        late = member.post(where, data=data)
        assert (late.status_code, "was changed since" in words(late.text)) == (412, True)
        data["version"] = self.version(runtime)
        answer = member.post(where, data=data)
        assert answer.status_code == 303
        assert "The entry was removed." in words(page(member, answer.location))
        assert member.get("/id/practice/to-change").status_code == 410

    def test_a_removal_that_fails_keeps_the_form(self, member: FlaskClient) -> None:
        text = member.post(AT + "/to-change/delete", data=self.form(member)).text
        assert f'action="{AT}/to-change"' in text
        assert f'data-draft="{AT}/to-change"' in text
        assert 'value="A longer bus"' in text
        assert "Not removed" in text
        assert "Not stored yet" not in text

    def test_what_others_link_to_stays(self, member: FlaskClient, runtime: Runtime) -> None:
        version = self.version(runtime, "challenge/loneliness")
        data = {"csrf": secret(member), "sure": "yes", "version": version}
        answer = member.post("/contribute/challenge/loneliness/delete", data=data)
        assert answer.status_code == 409
        assert "is linked from" in answer.text

    def test_signing_out_ends_it(self, member: FlaskClient) -> None:
        data = {"csrf": secret(member)}
        assert member.post("/contribute/sign-out", data=data).status_code == 303
        assert "Sign in" in words(page(member, "/contribute"))

    def test_no_later_answer_opens_it_again(self, member: FlaskClient) -> None:
        secret(member)
        for path in ("/static/passerelle.css", "/", AT):
            with member.get(path) as answer:
                assert "Set-Cookie" not in answer.headers


# What is too large or absurd


def test_a_version_of_thousands_of_digits_is_only_another_version(
    member: FlaskClient, runtime: Runtime
) -> None:
    csrf = secret(member, f"{AT}/repair-cafe")
    for version in ("9" * 5_000, "9" * 400, "١٢", "²", "-1", "1e3", "x", ""):
        typed = {"csrf": csrf, "do": "send", "version": version, "dct:spatial": "Split", **TYPED}
        answer = member.post(f"{AT}/repair-cafe", data=typed)
        assert answer.status_code == 412, version
        assert "was changed since" in words(answer.text)


def test_a_form_with_more_parts_than_can_be_shown_is_refused(client: FlaskClient) -> None:
    parts = [f"outcome-{n}" for n in range(1, 1_700)]
    for do in ("check", "send"):
        answer = client.post(
            AT, data=MultiDict([*TYPED.items(), ("do", do)]) | {"psr:hasOutcome": parts}
        )
        assert answer.status_code == 422
        assert "more parts than a form can show" in html.unescape(answer.text)
