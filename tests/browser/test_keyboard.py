"""Search and contribute without a mouse: every step by the keys that a browser has."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import tab_to, watch

pytestmark = pytest.mark.browser


def test_a_result_is_narrowed_paged_and_shown_otherwise(browser: Browser, address: str) -> None:
    seen = watch(browser, address)
    page = seen.page
    page.goto(address)
    tab_to(page.get_by_role("link", name="Browse", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Search and browse")).to_be_visible()
    tab_to(page.get_by_role("link", name=re.compile(r"^Practice \d+$")))
    page.keyboard.press("Enter")
    chips = page.get_by_role("list", name="Active filters")
    expect(chips).to_contain_text("Kind of entry: Practice")
    tab_to(page.get_by_role("link", name=re.compile(r"^Next$")))
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("Page 2 of"))).to_be_visible()
    tab_to(page.get_by_role("link", name="Table", exact=True))
    page.keyboard.press("Enter")
    expect(page.locator("table.list")).to_be_visible()
    expect(chips).to_contain_text("Kind of entry: Practice")
    tab_to(page.get_by_role("link", name="Remove: Kind of entry: Practice"))
    page.keyboard.press("Enter")
    expect(chips).to_have_count(0)
    assert (seen.complaints, seen.elsewhere) == ([], [])


def test_the_focus_can_be_seen(browser: Browser, address: str) -> None:
    page = watch(browser, address).page
    page.goto(f"{address}/search")
    for target in (page.get_by_label("Place"), page.get_by_role("link", name="Map", exact=True)):
        tab_to(target)
        expect(target).to_have_css("outline-style", "solid")
        expect(target).to_have_css("outline-width", "3px")


def write(page: Page, label: str, text: str) -> None:
    tab_to(page.get_by_label(label, exact=True).first)
    page.keyboard.type(text)


def test_an_entry_is_written_mended_and_sent(browser: Browser, address: str, key: str) -> None:
    seen = watch(browser, address)
    page, title = seen.page, "A shed of tools by keyboard"
    page.goto(f"{address}/contribute")
    write(page, "Token", key)
    page.keyboard.press("Enter")
    expect(page.get_by_text("You are signed in as browser-test.")).to_be_visible()
    tab_to(page.get_by_role("link", name="Practice", exact=True))
    page.keyboard.press("Enter")
    write(page, "Title (needed)", title)
    write(page, "Territory (needed)", "Nowhereland")
    check = page.get_by_role("button", name=re.compile("^Check"))
    tab_to(check)
    page.keyboard.press("Enter")
    wrong = page.get_by_role("alert").get_by_role("link", name=re.compile("Nowhereland"))
    tab_to(wrong)
    page.keyboard.press("Enter")
    place = page.get_by_label("Territory (needed)", exact=True)
    expect(place).to_have_attribute("aria-invalid", "true")
    expect(place).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("Split")
    write(page, "Solution", "Neighbours lend tools from one shed.")
    tab_to(page.get_by_label("Housing", exact=True))
    page.keyboard.press("Space")
    tab_to(check)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="It can be stored like this")).to_be_visible()
    tab_to(page.get_by_role("link", name=re.compile("where it is stored")))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Store")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    errors = [c for c in seen.complaints if "the server responded with a status of 4" not in c]
    assert (errors, seen.elsewhere) == ([], [])
