"""The pages in a real browser: whole tasks, by keyboard, with and without scripts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from kg.text.i18n import gettext
from tests.browser.conftest import Watched, watch
from tests.languages import speaking
from tests.service.pagetools import ENTRIES

pytestmark = pytest.mark.browser
AXE = Path(__file__).parents[2] / "service/web/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NEED = "We want to turn an empty building into a place that residents run."
PAGES = [
    "/",
    "/?q=work+for+young+people&mode=transfer&place=HR",
    "/?q=older+people+are+lonely&mode=partners&place=HR035",
    "/?q=&mode=similar",
    "/search",
    "/search?q=older+people+are+lonely&type=practice",
    "/search?country=IT&country=ES&view=map",
    "/search?type=practice&view=table",
    "/search?theme=nothing",
    "/search?place=nowhere",
    "/transfer",
    "/transfer?challenge=loneliness&place=HR035&pick=repair-cafe&pick=sallbo-helsingborg&w_P1=5",
    "/transfer?q=&place=nowhere&budget=many&if_budget=few&why_not=nothing",
    "/transfer/brief?challenge=loneliness&place=HR035",
    "/numbers",
    "/contribute",
    "/contribute/practice",
    *ENTRIES,
    "/voc/theme",
    "/ns",
    "/api/docs",
]


def faults(page: Page) -> list[str]:
    """Return what axe-core finds wrong on a page."""
    if not AXE.is_file():
        pytest.skip("axe-core is not there; run make assets")
    page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES
    )
    return [
        f"{v['id']}: {node['target']} {node['failureSummary']}"
        for v in found["violations"]
        for node in v["nodes"][:3]
    ]


@pytest.fixture(scope="module", params=["light", "dark"])
def seen(request: pytest.FixtureRequest, browser: Browser, address: str) -> Watched:
    found = watch(browser, address)
    found.page.emulate_media(color_scheme=request.param)
    return found


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_in_the_way(seen: Watched, address: str, path: str) -> None:
    seen.page.set_viewport_size({"width": 1280, "height": 900})
    seen.page.goto(address + path)
    assert faults(seen.page) == []
    seen.page.set_viewport_size({"width": 360, "height": 800})
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert faults(seen.page) == []
    errors = [c for c in seen.complaints if "the server responded with a status of 4" not in c]
    assert errors == []
    assert seen.elsewhere == []


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_practitioner_goes_from_a_problem_to_somebody_to_call(
    browser: Browser, address: str, width: int, scripts: bool
) -> None:
    seen = watch(browser, address, width=width, scripts=scripts)
    page = seen.page
    page.goto(address)
    page.get_by_label("What do you do or need?").fill(NEED)
    page.get_by_label("Your place").fill("Croatia")
    page.get_by_label("Could it work in my place?").check()
    page.get_by_role("button", name="Find matches").click()
    expect(page.get_by_role("heading", name=re.compile("What could work|No good"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"fit \d\.\d\d")).first).to_be_visible()
    page.locator(".card h3 a").first.click()
    page.get_by_role("link", name="How to reach the organisation").first.click()
    expect(page.get_by_role("heading", name="How to reach the organisation")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (seen.complaints, seen.elsewhere) == ([], [])


def test_an_answer_on_a_telephone_is_short(browser: Browser, address: str) -> None:
    page = watch(browser, address, width=360).page
    page.goto(f"{address}/?q=work+for+young+people&mode=transfer&place=HR")
    assert page.evaluate("document.documentElement.scrollHeight") < 9_000
    card = page.locator(".card").first
    expect(card.locator(".lines li:visible")).to_have_count(1)
    card.get_by_text("Reasons, changes, all criteria").click()
    expect(card.get_by_role("heading", name="Conditions")).to_be_visible()
    assert page.get_by_role("navigation", name="Main").evaluate("e => e.offsetHeight") < 70


def test_who_tells_by_keyboard_hears_thanks_and_stays(browser: Browser, address: str) -> None:
    page = watch(browser, address).page
    page.goto(f"{address}/?q=work+for+young+people&mode=similar")
    button = page.get_by_role("button", name="Not useful").nth(1)
    button.focus()
    button.press("Enter")
    thanks = page.get_by_role("status")
    expect(thanks).to_have_text("Thank you, your answer is stored.")
    expect(thanks).to_be_focused()
    expect(thanks).to_be_in_viewport()
    expect(page.locator(".card").nth(1).get_by_role("status")).to_have_count(1)
    assert faults(page) == []


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_competence_centre_takes_its_entries_away(
    browser: Browser, address: str, width: int, scripts: bool
) -> None:
    seen = watch(browser, address, width=width, scripts=scripts)
    page = seen.page
    page.goto(address)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Browse").click()
    page.get_by_role("link", name=re.compile(r"^Practice \d+$")).click()
    page.get_by_role("link", name=re.compile(r"^Italy \d+$")).click()
    expect(page.get_by_role("list", name="Active filters")).to_contain_text("Country: Italy")
    page.get_by_role("link", name="Table").click()
    expect(page.locator("table.list tbody tr")).to_have_count(7)
    with page.expect_download() as started:
        page.get_by_role("link", name="CSV").click()
    assert started.value.suggested_filename == "passerelle.csv"
    assert len(started.value.path().read_text("utf-8-sig").splitlines()) == 8
    page.get_by_role("link", name="Remove: Country: Italy").click()
    expect(page.get_by_role("list", name="Active filters")).not_to_contain_text("Italy")
    assert (seen.complaints, seen.elsewhere) == ([], [])


def test_the_first_page_can_be_used_by_keyboard(browser: Browser, address: str) -> None:
    page = watch(browser, address).page
    page.goto(address)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("What do you do or need?")).to_be_focused()
    page.keyboard.type("older people are lonely")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Similar practices")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Your place")).to_be_focused()
    page.keyboard.type("HR")
    page.keyboard.press("Enter")
    expect(page.locator(".card").first).to_be_visible()


@pytest.mark.parametrize(
    ("path", "target", "shaded"),
    [("/numbers#main", "#main", False), ("/ns#Practice", "#Practice", True)],
)
def test_only_a_row_that_was_linked_to_is_shaded(
    browser: Browser, address: str, path: str, target: str, shaded: bool
) -> None:
    page = watch(browser, address).page
    page.goto(address + path)
    colour = page.locator(target).evaluate("e => getComputedStyle(e).backgroundColor")
    assert (colour != "rgba(0, 0, 0, 0)") is shaded


def test_titles_in_a_table_have_room(browser: Browser, address: str) -> None:
    page = watch(browser, address).page
    page.context.add_cookies([{"name": "passerelle_language", "value": "de", "url": address}])
    page.goto(f"{address}/search?type=practice&view=table")
    cells = page.locator("table.list th[scope=row]")
    assert cells.first.evaluate("e => e.clientWidth") >= 16 * 16
    days = page.locator("table.list time")
    assert all(re.fullmatch(r"\d\d\.\d\d\.\d{4}", day) for day in days.all_inner_texts())


@pytest.mark.parametrize(
    ("graph", "count"), [("address", r"^\d\d practices"), ("large", r"^5.\d{3} practices")]
)
def test_the_first_page_is_small(
    request: pytest.FixtureRequest, browser: Browser, graph: str, count: str
) -> None:
    seen = watch(browser, address := request.getfixturevalue(graph))
    asked: list[Request] = []
    seen.page.on("requestfinished", lambda one: asked.append(one))
    seen.page.goto(address)
    seen.page.wait_for_load_state("networkidle")
    expect(seen.page.get_by_role("link", name=re.compile(count))).to_be_visible()
    sizes = {one.url.removeprefix(address): one.sizes() for one in asked}
    sent = {
        url: size["responseBodySize"] + size["responseHeadersSize"] for url, size in sizes.items()
    }
    assert {"/", "/static/passerelle.css", "/static/passerelle.js"} < set(sent)
    assert len(asked) <= 5, sent
    assert sum(sent.values()) < 150_000, sent
    blocking = "s => s.filter(s => !s.defer && !s.async && s.type !== 'application/ld+json').length"
    assert seen.page.eval_on_selector_all("script", blocking) == 0
    assert seen.elsewhere == []


def describe(page: Page, title: str) -> None:
    page.get_by_label("Title (needed)", exact=True).fill(title)
    page.get_by_label("Territory (needed)", exact=True).fill("Split")
    page.get_by_label("Solution", exact=True).fill("Neighbours lend tools from one shed.")
    page.get_by_label("Housing", exact=True).check()


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [360, 1280])
def test_an_entry_is_written_checked_and_removed(
    browser: Browser, address: str, key: str, width: int, scripts: bool
) -> None:
    seen = watch(browser, address, width=width, scripts=scripts)
    page, title = seen.page, f"A shed of tools {width} {scripts}"
    page.goto(f"{address}/contribute")
    page.get_by_label("Token").fill(key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("You are signed in as browser-test.")).to_be_visible()
    page.get_by_role("link", name="Practice", exact=True).click()
    describe(page, title)
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("heading", name="It can be stored like this")).to_be_visible()
    page.get_by_role("button", name="Store").click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    page.get_by_role("link", name="Edit this entry").click()
    expect(page.get_by_label("Solution", exact=True)).to_have_value(re.compile("Neighbours"))
    page.get_by_label("I am sure").check()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("heading", name="Contribute")).to_be_visible()
    assert (seen.complaints, seen.elsewhere) == ([], [])


def test_a_login_that_expires_meanwhile_loses_nothing(
    browser: Browser, address: str, key: str
) -> None:
    page = watch(browser, address).page
    page.goto(f"{address}/contribute")
    page.get_by_label("Token").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{address}/contribute/practice")
    describe(page, "Tools after hours")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("heading", name="It can be stored like this")).to_be_visible()
    page.context.clear_cookies()
    page.get_by_role("button", name="Store").click()
    expect(page.get_by_role("alert")).to_contain_text("Sign in with your token below")
    assert faults(page) == []
    expect(page.get_by_label("Solution", exact=True)).to_have_value(re.compile("Neighbours"))
    expect(page.get_by_label("Housing", exact=True)).to_be_checked()
    page.get_by_label("Token").fill(key)
    page.get_by_role("button", name="Store").click()
    expect(page.get_by_role("heading", name="Tools after hours", level=1)).to_be_visible()


def test_what_was_typed_is_there_after_the_window_was_closed(
    browser: Browser, address: str
) -> None:
    page = watch(browser, address).page
    page.goto(f"{address}/contribute/practice")
    describe(page, "Tools that were forgotten")
    page.goto(f"{address}/numbers")
    page.goto(f"{address}/contribute/practice")
    expect(page.get_by_label("Title (needed)", exact=True)).to_have_value(re.compile("forgotten"))
    expect(page.get_by_label("Housing", exact=True)).to_be_checked()
    page.get_by_role("button", name="Start afresh").click()
    expect(page.get_by_label("Title (needed)", exact=True)).to_have_value("")


def test_values_typed_into_further_fields_are_there_again(browser: Browser, address: str) -> None:
    page = watch(browser, address).page
    page.goto(f"{address}/contribute/practice")
    describe(page, "Tools of many names")
    page.get_by_text("More fields").click()
    page.locator("summary", has_text="Add: Outcome").click()
    page.locator('[name="outcome-1/dct:description"]').fill("Drills lent")
    page.get_by_role("button", name="Check").click()
    page.get_by_label("Title 2", exact=True).fill("Alat mnogih imena")
    page.get_by_label("Language of: Title").nth(1).select_option("hr")
    page.locator("summary", has_text="Add: Outcome").click()
    page.locator('[name="outcome-2/dct:description"]').fill("Friends made")
    page.goto(f"{address}/numbers")
    page.goto(f"{address}/contribute/practice")
    expect(page.get_by_label("Title 2", exact=True)).to_have_value("Alat mnogih imena")
    expect(page.get_by_label("Language of: Title").nth(1)).to_have_value("hr")
    expect(page.locator('[name="outcome-1/dct:description"]')).to_have_value("Drills lent")
    expect(page.locator('[name="outcome-2/dct:description"]')).to_have_value("Friends made")
    assert page.evaluate("new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size") == (
        page.locator("[id]").count()
    )
    page.get_by_label("Solution", exact=True).fill("Another sentence.")
    page.goto(f"{address}/contribute/practice")
    expect(page.get_by_label("Title 2", exact=True)).to_have_value("Alat mnogih imena")


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize(
    ("lang", "own", "need", "place"),
    [
        ("de", "Deutsch", "Wie finden Langzeitarbeitslose wieder Arbeit?", "Kroatien"),
        ("lv", "latviešu", "Jauniešiem bez darba trūkst prasmju un kontaktu.", "Horvātija"),
    ],
)
def test_each_first_step_can_be_taken_in_another_language(
    browser: Browser, address: str, lang: str, own: str, need: str, place: str, width: int
) -> None:
    """Ask, look for entries of a country, and have a first entry checked."""
    seen = watch(browser, address, width=width)
    page, calm = seen.page, list[str]()
    page.goto(address)
    page.locator(".languages summary").click()
    page.get_by_role("link", name=own).click()
    with speaking(lang):
        page.get_by_label(gettext("What do you do or need?")).fill(need)
        page.get_by_label(gettext("Your place")).fill(place)
        page.get_by_label(gettext("Could it work in my place?")).check()
        page.get_by_role("button", name=gettext("Find matches")).click()
        expect(page.get_by_text(re.compile(r"0,\d\d")).first).to_be_visible()
        calm += faults(page)
        page.get_by_role("link", name=gettext("Browse"), exact=True).click()
        page.get_by_role("link", name=re.compile(f"^{place} \\d+$")).click()
        chip = gettext("%(name)s: %(value)s", name=gettext("Country"), value=place)
        expect(page.get_by_role("list", name=gettext("Active filters"))).to_contain_text(chip)
        calm += faults(page)
        page.goto(f"{address}/contribute/practice")
        page.get_by_role("button", name=gettext("Check, and show what is like it")).click()
        expect(page.get_by_role("heading", name=gettext("Not stored yet"))).to_be_visible()
        calm += faults(page)
    assert page.get_attribute("html", "lang") == lang
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert calm == []
    assert seen.elsewhere == []
