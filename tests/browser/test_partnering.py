"""Partners, consortia and working groups in a real browser: whole tasks, the graph, its table."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Watched, tab_to, watch
from tests.browser.test_pages import faults

pytestmark = pytest.mark.browser
PAGES = [
    "/partners",
    "/partners?actor=actor/city-hr-split",
    "/partners?actor=actor/city-hr-split&view=graph",
    "/partners?actor=Nobody&place=nowhere&kind=friend",
    "/consortium",
    "/consortium?about=practice/dom-mladih-split&place=Latvia&seats=4&view=graph",
    "/consortium?about=call/esf-si-2023-ncc-01&countries=Malta",
    "/consortium?q=x&seats=many&must=City+of+Split&exclude=City+of+Split",
    "/groups?community=community/sea4neb",
]
DRAWN = "/partners?actor=actor/city-hr-split&view=graph"


@pytest.fixture(scope="module", params=["light", "dark"])
def seen(request: pytest.FixtureRequest, browser: Browser, address: str) -> Watched:
    found = watch(browser, address)
    found.page.emulate_media(color_scheme=request.param)
    return found


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_in_the_way(seen: Watched, address: str, path: str) -> None:
    for width in (1280, 360):
        seen.page.set_viewport_size({"width": width, "height": 900})
        seen.page.goto(address + path)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        assert faults(seen.page) == []
    errors = [c for c in seen.complaints if "the server responded with a status of 4" not in c]
    assert (errors, seen.elsewhere) == ([], [])


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [360, 1280])
def test_an_organisation_finds_a_mentor(
    browser: Browser, address: str, width: int, scripts: bool
) -> None:
    seen = watch(browser, address, width=width, scripts=scripts)
    page = seen.page
    page.goto(address)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Partners").click()
    page.get_by_label("Your organisation").fill("city of split")
    page.get_by_label("Mentor: has done it").check()
    page.get_by_role("button", name="Find partners").click()
    expect(page.get_by_role("heading", name="Mentor: has done it")).to_be_visible()
    expect(page.get_by_role("heading", name="City of Bologna")).to_be_visible()
    page.get_by_role("link", name="Graph and table").click()
    row = page.get_by_role("row", name=re.compile("City of Bologna")).or_(
        page.locator("tr", has_text="City of Bologna")
    )
    expect(row.first).to_contain_text("Has done it: Bologna regulation")
    expect(page.locator(".web")).to_be_visible(visible=scripts)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (seen.complaints, seen.elsewhere) == ([], [])


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_consortium_is_put_together_for_a_call(
    browser: Browser, address: str, width: int, scripts: bool
) -> None:
    seen = watch(browser, address, width=width, scripts=scripts)
    page = seen.page
    page.goto(f"{address}/id/call/esf-si-2023-ncc-01")
    page.get_by_role("link", name="Put a consortium together for this call").click()
    expect(page.get_by_role("heading", name="6 organisations together")).to_be_visible()
    page.locator("summary", has_text=re.compile("^Rules$")).click()
    page.get_by_label("Seats").fill("4")
    page.get_by_label("Only from these countries").fill("Malta")
    page.get_by_role("button", name="Put it together").click()
    expect(page.get_by_role("heading", name="No set keeps all the rules")).to_be_visible()
    expect(page.get_by_label("Seats")).to_have_value("4")
    page.get_by_role("link", name="Ask without this rule").last.click()
    expect(page.get_by_role("heading", name="4 organisations together")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (seen.complaints, seen.elsewhere) == ([], [])


def test_the_graph_says_what_the_table_says_and_always_the_same(
    browser: Browser, address: str
) -> None:
    seen = watch(browser, address)
    pictures = []
    for _ in range(2):
        seen.page.goto(address + DRAWN)
        picture = seen.page.get_by_role("img", name=re.compile("the table below says the same"))
        expect(picture).to_be_visible()
        pictures.append(picture.screenshot())
    assert pictures[0] == pictures[1]
    assert seen.page.locator(".web canvas").count() > 0
    assert seen.page.locator("head style").count() == 0
    assert (seen.complaints, seen.elsewhere) == ([], [])


@pytest.mark.parametrize("width", [360, 1280])
def test_the_graph_follows_the_window_and_the_colours(
    browser: Browser, address: str, width: int
) -> None:
    page = watch(browser, address, width=width).page
    page.goto(address + DRAWN)
    box = page.locator(".web")
    light, height = box.screenshot(), size(page)[1]
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body")).to_have_css("background-color", "rgb(17, 25, 27)")
    assert box.screenshot() != light
    page.set_viewport_size({"width": 1280 if width == 360 else 360, "height": 900})
    expect(box).not_to_have_css("height", f"{height}px")
    assert size(page)[0] <= page.evaluate("document.documentElement.clientWidth")


def size(page: Page) -> tuple[float, float]:
    found = page.locator(".web").bounding_box()
    assert found
    return found["width"], found["height"]


def test_partners_are_found_and_read_by_keyboard(browser: Browser, address: str) -> None:
    page = watch(browser, address).page
    page.goto(f"{address}/partners?actor=actor/city-hr-split")
    tab_to(page.get_by_role("link", name="Graph and table"))
    page.keyboard.press("Enter")
    expect(page.locator(".web")).to_be_visible()
    tab_to(page.get_by_role("link", name="CEDRA Split").first)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="CEDRA Split", level=1)).to_be_visible()
