"""The query page in a real browser: the editor, a sample, and the form without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from service.sparql.samples import samples
from tests.browser.conftest import watch

pytestmark = pytest.mark.browser
FAILED = next(s for s in samples() if s.name.endswith("transfers-that-failed"))


@pytest.mark.parametrize("width", [360, 1280])
def test_a_sample_is_run_in_the_editor(browser: Browser, address: str, width: int) -> None:
    seen = watch(browser, address, width=width)
    page = seen.page
    page.goto(f"{address}/sparql")
    expect(page.locator(".yasqe .CodeMirror")).to_contain_text("PREFIX psr:")
    expect(page.locator("#plain")).to_be_hidden()
    page.get_by_role("link", name=FAILED.title).click()
    expect(page.get_by_role("heading", name=FAILED.title)).to_be_visible()
    expect(page.locator(".yasqe .CodeMirror")).to_contain_text("result:not-adopted")
    page.locator(".yasqe_queryButton").click()
    expect(page.locator(".yasr_results table")).to_contain_text("Not adopted")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.complaints == []
    assert seen.elsewhere == []


def test_what_is_wrong_is_shown(browser: Browser, address: str) -> None:
    seen = watch(browser, address)
    page = seen.page
    page.goto(f"{address}/sparql")
    page.locator(".yasqe .CodeMirror").click()
    page.keyboard.press("Control+A")
    page.keyboard.type("SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o }")
    page.locator(".yasqe_queryButton").click()
    expect(page.locator(".yasr")).to_contain_text("SERVICE is refused")
    assert seen.elsewhere == []


def test_without_scripts_there_is_a_form(browser: Browser, address: str) -> None:
    seen = watch(browser, address, scripts=False)
    page = seen.page
    page.goto(f"{address}/sparql?sample={FAILED.name}")
    expect(page.locator("#query")).to_contain_text("result:not-adopted")
    expect(page.locator("#editor")).to_be_hidden()
    page.locator("#format").select_option("json")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("body")).to_contain_text("Not adopted")
    assert seen.elsewhere == []
