"""Each person's way from the first page to the goal, with the real model and in two languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from kg.text.i18n import gettext
from tests.browser.conftest import Watched, watch
from tests.conftest import installed, settled
from tests.languages import speaking

pytestmark = pytest.mark.browser
WIDTHS = pytest.mark.parametrize("width", [360, 1280])
LANGUAGES = pytest.mark.parametrize(("lang", "own"), [("en", "English"), ("hr", "hrvatski")])
#: where each run leaves its pictures; not part of the repository
SHOTS = Path(__file__).resolve().parents[2] / "screenshots"
RIDES = re.compile("Sopotniki|Bummelbus|Falugondnok|village caretaker", re.IGNORECASE)
NEEDS = {
    "en": "Older people in villages have no bus and cannot get to the doctor.",
    "hr": "Stariji ljudi na selu nemaju autobus i ne mogu do liječnika.",
}


@pytest.fixture(scope="module")
def real(prepared_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the program as it is installed answers, with the model that comes with it."""
    home = settled(prepared_model, tmp_path_factory.mktemp("real") / "home")
    with installed(home) as address:
        yield address


def arrive(browser: Browser, address: str, own: str, width: int) -> Watched:
    """Open the first page and choose a language by its own name."""
    seen = watch(browser, address, width=width)
    seen.page.goto(address)
    seen.page.locator(".languages summary").click()
    seen.page.get_by_role("link", name=own, exact=True).click()
    return seen


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Callable[[Page], object]:
    """What keeps a picture of a page under the name of the test, for people to look at."""
    name = re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")
    return lambda page: page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def menu(page: Page, name: str) -> None:
    page.get_by_role("navigation").first.get_by_role("link", name=name, exact=True).click()


@WIDTHS
@LANGUAGES
def test_a_practitioner_finds_who_does_it_and_whom_to_call(
    browser: Browser, real: str, lang: str, own: str, width: int,
    pictures: Callable[[Page], object],
) -> None:  # fmt: skip
    seen = arrive(browser, real, own, width)
    page = seen.page
    with speaking(lang):
        page.get_by_label(gettext("What do you do or need?")).fill(NEEDS[lang])
        page.get_by_role("button", name=gettext("Find matches")).click()
        page.locator(".card h3 a").filter(has_text=RIDES).first.click()
        page.get_by_role("link", name=gettext("How to reach the organisation")).first.click()
        reach = page.get_by_role("heading", name=gettext("How to reach the organisation"))
        expect(reach).to_be_in_viewport()
    pictures(page)
    assert (seen.complaints, seen.elsewhere) == ([], [])


@WIDTHS
@LANGUAGES
def test_a_policy_lab_prints_what_would_have_to_change(
    browser: Browser, real: str, lang: str, own: str, width: int,
    pictures: Callable[[Page], object],
) -> None:  # fmt: skip
    seen = arrive(browser, real, own, width)
    page = seen.page
    with speaking(lang):
        menu(page, gettext("Transfer"))
        page.get_by_label(gettext("What is the challenge?")).fill(NEEDS[lang])
        page.get_by_label(gettext("Your place")).fill("HR035")
        page.get_by_role("button", name=gettext("Judge")).click()
        expect(page.locator(".card h3 a").filter(has_text=RIDES).first).to_be_visible()
        pictures(page)
        page.get_by_role("link", name=gettext("Brief to print")).click()
        sheets = page.locator(".brief section")
        expect(sheets).to_have_count(3)
        expect(page.get_by_role("heading", name=gettext("Who could help")).first).to_be_visible()
        sources = page.get_by_role("heading", name=gettext("Where this comes from"))
        expect(sources).to_have_count(3)
    assert (seen.complaints, seen.elsewhere) == ([], [])


@WIDTHS
@LANGUAGES
def test_a_competence_centre_finds_counts_and_takes_away(
    browser: Browser, real: str, lang: str, own: str, width: int,
    pictures: Callable[[Page], object],
) -> None:  # fmt: skip
    seen = arrive(browser, real, own, width)
    page = seen.page
    with speaking(lang):
        menu(page, gettext("Browse"))
        page.get_by_role("searchbox").fill(NEEDS[lang])
        page.get_by_role("searchbox").press("Enter")
        expect(page.get_by_role("link", name=RIDES).first).to_be_visible()
        pictures(page)
        with page.expect_download() as started:
            page.get_by_role("link", name="CSV").click()
    assert RIDES.search(started.value.path().read_text("utf-8-sig"))
    menu(page, "SPARQL")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert seen.elsewhere == []


@LANGUAGES
def test_an_engineer_finds_the_api(browser: Browser, real: str, lang: str, own: str) -> None:
    seen = arrive(browser, real, own, 1280)
    menu(seen.page, "API")
    expect(seen.page.get_by_text("/api/match/transfer").first).to_be_visible()
    assert (seen.complaints, seen.elsewhere) == ([], [])
