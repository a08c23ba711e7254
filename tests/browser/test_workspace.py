"""The transfer workspace in a real browser: judge, weigh, suppose, compare and print."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import watch
from tests.browser.test_pages import faults

pytestmark = pytest.mark.browser
ASKED = "/transfer?challenge=loneliness&place=HR035"


def titles(page: Page) -> list[str]:
    return page.locator(".card h3 a").all_inner_texts()


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_policy_lab_goes_from_a_challenge_to_a_brief(
    browser: Browser, address: str, width: int, scripts: bool
) -> None:
    seen = watch(browser, address, width=width, scripts=scripts)
    page = seen.page
    page.goto(address)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Transfer").click()
    page.get_by_label("Or choose a challenge").select_option(label="Loneliness")
    page.get_by_label("Your place").fill("Splitsko-dalmatinska županija (HR035)")
    page.get_by_text("What is known of the place").click()
    page.get_by_label("Budget per head (EUR a year)").fill("120")
    page.get_by_role("button", name="Judge").click()
    expect(page.get_by_role("heading", name=re.compile("What could work in"))).to_be_visible()
    expect(page.get_by_role("heading", name="Shortlist and brief")).to_be_in_viewport()
    expect(page.get_by_label("Budget per head (EUR a year)")).to_have_value("120")
    for number in (0, 1):
        page.get_by_role("checkbox", name=re.compile("^Shortlist")).nth(number).check()
    if not scripts:
        page.get_by_role("button", name="Judge").click()
    expect(page.get_by_role("heading", name="Side by side")).to_be_visible()
    expect(page.locator("table.compare thead th")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    compared = page.locator("table.compare thead th").nth(1).inner_text()
    page.get_by_role("link", name="Brief to print").click()
    page.wait_for_load_state()
    expect(page.get_by_role("heading", level=2)).to_have_count(2)
    expect(page.get_by_role("heading", level=2).first).to_contain_text(compared[3:20])
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    with page.context.expect_event("request", lambda asked: "brief.pdf" in asked.url):
        page.get_by_role("link", name="As PDF").click(no_wait_after=True)
    assert (seen.complaints, seen.elsewhere) == ([], [])


def test_a_slider_shows_its_effect_at_once(browser: Browser, address: str) -> None:
    seen = watch(browser, address)
    page = seen.page
    page.goto(address + ASKED)
    before = titles(page)
    page.get_by_text("What counts how much").click()
    slider = page.get_by_label("Need", exact=True)
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator("#w_P1-now")).to_have_text("0")
    page.get_by_label("Simplicity").focus()
    page.keyboard.press("End")
    expect(page).to_have_url(re.compile("w_P1=0&.*w_I4=50"))
    expect(page.locator(".stamp")).not_to_contain_text("6bf58cd8")
    expect(page.get_by_label("Simplicity")).to_be_focused()
    expect(page.get_by_role("status")).to_contain_text("First: ")
    after = titles(page)
    assert after != before
    page.reload()
    assert titles(page) == after
    page.get_by_role("link", name="Back to the usual").click()
    expect(page.get_by_label("Need", exact=True)).to_have_value("20")
    assert titles(page) == before
    assert "w_P1" not in page.url
    assert (seen.complaints, seen.elsewhere) == ([], [])


def test_a_change_is_supposed_and_taken_back(browser: Browser, address: str) -> None:
    seen = watch(browser, address)
    page = seen.page
    page.goto(address + ASKED)
    page.get_by_text("Reasons, changes, all criteria").first.click()
    page.get_by_role("link", name="Suppose it").first.click()
    expect(page.locator(".then").first).to_contain_text("Fit goes from")
    expect(page.locator(".card details").first).to_have_attribute("open", "")
    expect(page.get_by_role("status")).to_contain_text("What you suppose changes the fit of")
    page.get_by_text("What if …").click()
    page.locator("#supposed input[type=checkbox]").uncheck()
    expect(page.locator(".then")).to_have_count(0)
    page.get_by_label("This organisation joins").select_option(label="University")
    expect(page.get_by_role("checkbox", name=re.compile("University"))).to_be_checked()
    assert "if_actor_type=university" in page.url
    assert (seen.complaints, seen.elsewhere) == ([], [])


def test_what_is_wrong_is_said_at_its_field_at_once(browser: Browser, address: str) -> None:
    page = watch(browser, address).page
    page.goto(address + ASKED)
    page.get_by_text("What is known of the place").click()
    field = page.get_by_label("Budget per head (EUR a year)")
    field.fill("1,200")
    page.keyboard.press("Tab")
    expect(page.locator("#budget-wrong")).to_contain_text("number")
    expect(field).to_have_attribute("aria-invalid", "true")
    assert faults(page) == []
    field.fill("1200")
    page.keyboard.press("Tab")
    expect(page.locator("#budget-wrong")).to_be_empty()
    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator(".card").first).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_what_would_help_to_judge_leads_to_its_field(
    browser: Browser, address: str, scripts: bool
) -> None:
    page = watch(browser, address, scripts=scripts).page
    page.goto(address + ASKED)
    expect(page.get_by_role("group", name="Powers that the place holds").first).to_be_hidden()
    page.locator("a[href='#competence']").click()
    expect(page.locator("#competence")).to_be_in_viewport()


def test_it_can_all_be_done_by_keyboard(browser: Browser, address: str) -> None:
    page = watch(browser, address).page
    page.goto(f"{address}/transfer")
    page.get_by_label("What is the challenge?").focus()
    page.keyboard.type("older people are lonely")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Your place")).to_be_focused()
    page.keyboard.type("HR035")
    page.keyboard.press("Enter")
    first = page.get_by_role("checkbox", name=re.compile("^Shortlist")).first
    first.focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("With a second one they are compared")).to_be_visible()
    expect(first).to_be_focused()
    for key in ("Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".card details").first).to_have_attribute("open", "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_five_on_the_shortlist_and_a_missed_practice_are_in_nobodys_way(
    browser: Browser, address: str, scheme: str
) -> None:
    page = watch(browser, address).page
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(address + ASKED)
    picks = page.locator("input[name=pick]").evaluate_all("all => all.map(one => one.value)")[:5]
    missed = "Dom mladih"
    title = page.locator(f'#practices option[value*="{missed}"]').first.get_attribute("value")
    query = "".join(f"&pick={slug}" for slug in picks)
    page.goto(f"{address}{ASKED}{query}&if_budget=90")
    page.get_by_text("Why is a practice not there?").click()
    page.get_by_label("The practice that you miss").fill(title or "")
    page.keyboard.press("Tab")
    expect(page.get_by_role("heading", name="Why is it not there?")).to_be_visible()
    expect(page.locator("table.compare thead th")).to_have_count(5)
    page.locator("input[name=compare]").first.uncheck()
    expect(page.locator("table.compare thead th")).to_have_count(4)
    for part in page.locator("details").all():
        part.evaluate("part => part.open = true")
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_window_is_named_after_the_place(browser: Browser, address: str) -> None:
    page = watch(browser, address).page
    page.goto(address + ASKED)
    page.get_by_label("Your place").fill("Italy")
    page.get_by_label("Your place").press("Tab")
    expect(page).to_have_title(re.compile("^What could work in Ital"))
