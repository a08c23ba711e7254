"""Places are offered while one is typed, to the mouse and to the keys."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import watch

pytestmark = pytest.mark.browser


def test_a_place_is_taken_from_those_offered(browser: Browser, address: str) -> None:
    seen = watch(browser, address)
    page = seen.page
    page.goto(address)
    field, offered = page.locator("#place"), page.get_by_role("option")
    field.press_sequentially("munche")
    town = page.get_by_role("option", name="München", exact=False).first
    expect(town).to_be_visible()
    below, around = page.get_by_role("listbox").bounding_box(), field.bounding_box()
    assert below is not None
    assert around is not None
    assert below["y"] >= around["y"] + around["height"] - 1
    assert (below["x"], below["width"]) == pytest.approx((around["x"], around["width"]), abs=1)
    assert len(set(offered.all_text_contents())) == offered.count()
    field.press("ArrowDown")
    expect(offered.first).to_have_attribute("aria-selected", "true")
    field.press("Enter")
    expect(page.get_by_role("listbox")).to_be_hidden()
    assert field.input_value().startswith("München")
    field.fill("")
    field.press_sequentially("karlovac")
    page.get_by_role("option", name="Karlovac, Karlovačka županija").click()
    expect(field).to_have_value("Karlovac, Karlovačka županija")
    field.fill("x")
    field.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    assert (seen.complaints, seen.elsewhere) == ([], [])


def test_a_name_of_several_places_is_asked_about(browser: Browser, address: str) -> None:
    page = watch(browser, address).page
    page.goto(f"{address}/transfer?q=buses&place=Nova+Vas")
    page.get_by_role("link", name="Nova Vas, Istarska županija").click()
    expect(page.get_by_role("heading", level=2).first).to_be_visible()
    expect(page.locator("#place")).to_have_value("Nova Vas, Istarska županija")
