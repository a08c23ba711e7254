"""The pages of partners, consortia and working groups: what is asked, shown and refused."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from kg.ledger.database import Database
from kg.ledger.ledger import Ledger
from service.core.runtime import Runtime
from service.core.votes import Votes
from tests.service.conftest import BASE
from tests.service.pagetools import page, words

CHOOSE = "Choose from the list as you type."
NOTHING = "Nothing of this kind is called “%s” here. " + CHOOSE
KIND = "This value is not known. Use 'peer', 'mentor', 'role' or 'exchange'."
SEA4NEB = "SEA4NEB - Social Economy Actors for New European Bauhaus"
LONELY = "q=older+people+are+lonely&%splace=HR"
SPLIT = "actor/city-hr-split"
CLUB = "community/sea4neb"
CALL = "call/esf-si-2023-ncc-01"
YOUTH_CENTRE = "practice/dom-mladih-split"


def errors(text: str) -> dict[str, str]:
    """Return what is said at each field that is wrong."""
    found = re.findall(r'<span class="wrong" id="(\w+)-wrong\d*" dir="auto">(.*?)</span>', text)
    return {name: words(said) for name, said in found}


def rows(text: str) -> list[list[str]]:
    """Return the cells of the table that says what the graph shows."""
    body = re.search(r'<table class="list stacked".*?<tbody>(.*?)</tbody>', text, re.DOTALL)
    assert body
    return [
        [words(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for row in re.findall(r"<tr.*?</tr>", body[1], re.DOTALL)
    ]


@pytest.mark.parametrize("path", ["/partners", "/consortium", "/groups"])
def test_a_page_without_a_question_is_a_form(client: FlaskClient, path: str) -> None:
    text = page(client, path)
    assert "<form" in text
    assert errors(text) == {}
    assert 'id="results"' not in text
    assert "cytoscape" not in text


@pytest.mark.parametrize("name", [SPLIT, "City of Split", "city of split (city-hr-split)",
                                  f"{BASE}id/{SPLIT}", "  Multimedia cultural "])  # fmt: skip
def test_an_organisation_is_found_by_its_name(client: FlaskClient, name: str) -> None:
    text = page(client, "/partners", actor=name)
    expected = "Multimedia Cultural Centre Split" if "Multi" in name else "City of Split"
    assert f"Partners for {expected}" in text
    assert "Works on the same challenge" in text


def test_partners_come_kind_by_kind_with_both_sides_reasons(client: FlaskClient) -> None:
    text = page(client, "/partners", actor=SPLIT)
    kinds = re.findall(r'<h2 class="kind tie-(\w+)"', text)
    assert kinds == ["peer", "mentor", "role"]
    assert text.count("What speaks for them") == text.count("What they would gain") > 5
    only = page(client, "/partners", actor=SPLIT, kind=["mentor"])
    assert re.findall(r'<h2 class="kind tie-(\w+)"', only) == ["mentor"]


def test_the_table_says_what_ties_partners(client: FlaskClient) -> None:
    table = rows(page(client, "/partners", actor=SPLIT, view="graph"))
    first = table[0]
    assert first[:3] == ["CEDRA Split Croatian", "Peer: the same concern", "Croatia"]
    assert "Unused shared spaces" in first[3]
    assert "Works on the same challenge" in first[4]
    assert first[5] == "They would meet somebody with the same concern."
    mentors = [row for row in table if row[1].startswith("Mentor")]
    assert all("City of Split" not in row[3] for row in table)
    assert mentors
    assert not any("Dom mladih" in row[3] for row in mentors), "Split runs that one itself"


def test_list_and_graph_show_the_same_partners(client: FlaskClient) -> None:
    listed = page(client, "/partners", q="older people are lonely", place="HR")
    drawn = page(client, "/partners", q="older people are lonely", place="HR", view="graph")
    titles = re.findall(r'<h3><a href="(/id/actor/[^"]+)"', listed)
    in_table = re.findall(r'<th scope="row"><a href="(/id/actor/[^"]+)"', drawn)
    assert titles == in_table
    assert titles
    assert "vendor/cytoscape.min.js" in drawn
    assert "vendor/cytoscape.min.js" not in listed


def test_the_place_of_an_answer_is_kept_as_a_label(client: FlaskClient) -> None:
    text = page(client, "/partners", q="older people are lonely", place="hr")
    assert 'data-place="Croatia (HR)"' in text


@pytest.mark.parametrize(("asked", "field", "told"), [
    ({"q": ""}, "q", "The question is empty. Describe in a sentence or two what you do or need."),
    ({"q": "help"}, "place", "This field is missing. Say where the text is from."),
    ({"actor": "Atlantis Society"}, "actor", NOTHING % "Atlantis Society"),
    ({"actor": CALL}, "actor", NOTHING % CALL),
    ({"actor": SPLIT, "q": "x"}, "q", "Name an organisation, or describe what you need: not both."),
    ({"actor": SPLIT, "kind": "friend"}, "kind", KIND),
])  # fmt: skip
def test_what_is_wrong_with_partners_is_said_at_the_field(
    client: FlaskClient, asked: dict[str, Any], field: str, told: str
) -> None:
    text = page(client, "/partners", 422, **asked)
    assert errors(text) == {field: told}
    assert f'href="#{field}"' in text
    assert f'id="{field}"' in text


def test_a_name_of_several_names_them(client: FlaskClient) -> None:
    said = errors(page(client, "/partners", 422, actor="Split"))["actor"]
    assert said.startswith("Several entries are called so. Did you mean")
    assert "City of Split (city-hr-split)" in said


def test_nothing_typed_is_lost(client: FlaskClient) -> None:
    long = "ó" * 20_001
    text = page(client, "/partners", 422, q=long, place="Nowhereland", kind=["mentor"])
    assert long in text
    assert 'value="Nowhereland"' in text
    assert 'value="mentor" checked' in text
    assert set(errors(text)) == {"q", "place"}


def test_a_consortium_for_a_call_keeps_its_rules(client: FlaskClient) -> None:
    text = page(client, "/consortium", about=CALL)
    shown = words(text)
    assert "6 organisations together" in shown
    assert re.search(r"\d{3} organisations were looked at", shown)
    assert shown.count("What they bring") == 6
    assert 'placeholder="3"' in text
    assert re.search(r"Countries at least 3\b", shown)


def test_a_consortium_for_nonsense_is_told_to_be_no_good_match(client: FlaskClient) -> None:
    said = "No good match; the nearest are:"
    assert said in words(page(client, "/consortium", q="asdf qwer zxcv"))
    assert said not in words(page(client, "/consortium", about=CALL))


def test_who_could_take_any_seat_is_named_once(client: FlaskClient) -> None:
    seen = words(page(client, "/consortium", about=CALL))
    assert seen.count("SYNTHESIS Center (Cyprus)") == 1
    assert "Who could take any of these seats instead" in seen
    assert "Who could take the seat instead" not in seen


def test_an_entry_is_known_by_its_name_and_a_blank_is_none(client: FlaskClient) -> None:
    assert "Working groups in European Local" in page(client, "/groups", community="elif")
    blank = page(client, "/groups", 422, community="")
    assert errors(blank) == {"community": CHOOSE}


def test_a_consortium_for_a_practice_covers_what_it_needs(client: FlaskClient) -> None:
    asked: dict[str, Any] = {
        "about": YOUTH_CENTRE,
        "place": "Latvia",
        "seats": "4",
        "view": "graph",
    }
    table = rows(page(client, "/consortium", **asked))
    assert len(table) == 4
    brought = " ".join(row[2] for row in table)
    assert "somebody from Latvia" in brought
    assert "organisation: municipality" in brought
    with_roccavaldina = page(
        client, "/consortium", **asked | {"must": "Municipality of Roccavaldina", "exclude": SPLIT}
    )
    names = [row[0] for row in rows(with_roccavaldina)]
    assert "Municipality of Roccavaldina" in names
    assert "City of Split" not in names


def test_what_nobody_covers_is_a_row_of_the_table(client: FlaskClient) -> None:
    asked: dict[str, Any] = {
        "about": YOUTH_CENTRE,
        "seats": "1",
        "place": "Finland",
        "view": "graph",
    }
    table = rows(page(client, "/consortium", **asked))
    assert [row[0] for row in table] == [table[0][0], "Nobody yet"]
    assert table[1][2]


def test_rules_that_cannot_be_met_are_named_with_a_way_out(client: FlaskClient) -> None:
    text = page(client, "/consortium", about=CALL, countries="Malta")
    assert "No set keeps all the rules" in text
    assert "There are not enough fitting actors in: MT." in text
    way = re.search(r'<a href="(\?[^"]*)">Ask without this rule', text)
    assert way
    assert "6 organisations together" in words(page(client, "/consortium" + way[1]))


def test_all_that_is_wrong_with_rules_is_said_at_once(client: FlaskClient) -> None:
    text = page(
        client, "/consortium", 422, q="x", seats="many", minimum_countries="0",
        maximum_per_country="99", countries="Malta, Atlantis", must="City of Split",
        exclude=SPLIT, place="Nowhereland", actor_types="wizard",
    )  # fmt: skip
    said = errors(text)
    assert said["seats"] == "This is not a whole number. Write it in digits, such as 6."
    assert said["minimum_countries"] == "The number is too small. Send 1 or more."
    assert said["maximum_per_country"] == "The number is too large. Send 50 at most."
    assert said["exclude"] == "City of Split must be in and must not be in: choose one."
    assert {"countries", "place"} < set(said)
    for kept in ("many", "Malta, Atlantis", "City of Split", SPLIT, "Nowhereland"):
        assert f'value="{kept}"' in text


@pytest.mark.parametrize(("asked", "field"), [
    ({"about": CALL, "seats": "2"}, "seats"),
    ({"about": CALL, "actor_types": "wizard"}, "actor_types"),
    ({"about": CALL, "must": "Nobody at all"}, "must"),
    ({"about": CALL, "countries": "Split"}, "countries"),
    ({"about": SPLIT}, "about"),
    ({"about": "", "q": " "}, "q"),
    ({"about": CALL, "q": "both"}, "q"),
])  # fmt: skip
def test_a_refused_rule_is_said_at_its_field(
    client: FlaskClient, asked: dict[str, Any], field: str
) -> None:
    assert set(errors(page(client, "/consortium", 422, **asked))) == {field}


@pytest.mark.parametrize("asked", [{"must": ["City of Split"] * 51}, {"countries": "HR," * 51}])
def test_more_names_than_can_be_looked_up_are_refused(
    client: FlaskClient, asked: dict[str, Any]
) -> None:
    said = errors(page(client, "/consortium", 422, about=CALL, **asked))
    assert said == {name: "At most 50 can be named here." for name in asked}


def test_members_of_a_community_who_can_teach_each_other(client: FlaskClient) -> None:
    text = page(client, "/groups", community=SEA4NEB)
    assert "2 working groups" in words(text)
    assert rows(text)[0][0] == "CEDRA Split"
    assert "Dom mladih" in rows(text)[0][1]
    small = page(client, "/groups", community=CLUB, size="4")
    assert (text.count('<th scope="row">'), small.count('<th scope="row">')) == (3 + 7, 3 + 4)
    none = page(client, "/groups", community="community/elif")
    assert "0 working groups" in words(none)
    assert "No members are known who could teach each other something." in none


@pytest.mark.parametrize(("asked", "field"), [
    ({"community": ""}, "community"), ({"community": "nobody's club"}, "community"),
    ({"community": CLUB, "size": "x"}, "size"),
    ({"community": CLUB, "size": "1"}, "size"),
])  # fmt: skip
def test_a_refused_group_is_said_at_its_field(
    client: FlaskClient, asked: dict[str, Any], field: str
) -> None:
    assert set(errors(page(client, "/groups", 422, **asked))) == {field}


@pytest.mark.parametrize(("path", "link"), [
    ("/", "/partners"),
    ("/?" + LONELY % "mode=partners&", "/partners?" + LONELY % ""),
    (f"/id/{SPLIT}", f"/partners?actor={SPLIT}"),
    (f"/id/{CALL}", f"/consortium?about={CALL}"),
    ("/id/community/sea4neb", "/groups?community=community/sea4neb"),
    ("/partners", "/consortium"),
    ("/consortium", "/partners"),
])  # fmt: skip
def test_other_pages_lead_there(client: FlaskClient, path: str, link: str) -> None:
    text = page(client, path).replace("%2F", "/").replace("&amp;", "&")
    assert f'href="{link}"' in text
    assert client.get(link, headers={"Accept": "text/html"}).status_code == 200


def test_a_decision_on_a_partner_is_counted(
    client: FlaskClient, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        runtime, "votes", Votes(Ledger(Database.in_file(tmp_path / "votes.sqlite")))
    )
    text = page(client, "/partners", actor=SPLIT, kind=["mentor"])
    form = re.search(r'<form class="told".*?</form>', text, re.DOTALL)
    assert form
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[0].split("<button")[0]))
    fields["asked"] = html.unescape(fields["asked"])
    assert fields["kind"] == "partners"
    assert fields["about"] == f"{BASE}id/{SPLIT}"
    answer = client.post("/feedback", data=fields | {"decision": "tried"})
    assert answer.status_code == 303
    asked = f"/partners?actor={SPLIT.replace('/', '%2F')}&kind=mentor"
    assert answer.location == f"{asked}&told=mentor-1#told"
    assert "Thank you" in page(client, answer.location)
    ((_, vote, count),) = runtime.votes.rows()
    assert (vote.kind, vote.about, count) == ("partners", f"{BASE}id/{SPLIT}", 1)


@pytest.mark.parametrize(("path", "name"), [
    ("/partners?actor=", SPLIT), ("/consortium?about=", CALL), ("/groups?community=", CLUB),
])  # fmt: skip
def test_a_matcher_that_starts_is_said_and_nothing_is_lost(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, path: str, name: str
) -> None:
    monkeypatch.setattr(Runtime, "ready", property(lambda self: False))
    text = page(client, path + name, 503)
    assert "The matcher is still starting. Try again in a minute; nothing is lost." in text
    assert f'value="{name}"' in text
