"""A real browser, Debian's Chromium, and a served home for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyoxigraph as ox
import pytest
from playwright.sync_api import Browser, Locator, Page, Request, sync_playwright

from kg.entry import Entry, make
from kg.ledger.database import Database
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from kg.vocabulary import DCT, RDF_TYPE
from service.core.runtime import LEDGER
from service.core.tokens import Tokens
from tests.conftest import settled
from tests.service.conftest import BASE, serve

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window, or a skip that says what is missing."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed (Debian: chromium)")
    with sync_playwright() as player:
        found = player.chromium.launch(executable_path=path, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(autouse=True)
def closed(browser: Browser) -> Iterator[None]:
    """Close what a test opened: a browser with a hundred open pages is slow."""
    kept = browser.contexts
    yield
    for context in browser.contexts:
        if context not in kept:
            context.close()


@pytest.fixture(scope="session")
def home(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return settled(prepared, tmp_path_factory.mktemp("browser") / "home")


@pytest.fixture(scope="session")
def address(home: Path, key: str) -> Iterator[str]:
    """Where a service over the starter graph answers."""
    with serve(home) as process:
        assert process.stdout
        yield process.stdout.readline().split()[-1]
        process.kill()


@pytest.fixture(scope="session")
def large(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a service over the starter graph and 5,000 more practices answers."""
    home = settled(prepared, tmp_path_factory.mktemp("large") / "home")
    store = EmbeddedStore(BASE, home / "store")
    starter = list(store.entries("practice"))
    more = [_copy(starter[number % len(starter)], number) for number in range(5_000)]
    store.write([Change(entry.iri, entry) for entry in more], "test", "import")
    del store
    with serve(home) as process:
        assert process.stdout
        yield process.stdout.readline().split()[-1]
        process.kill()


def _copy(entry: Entry, number: int) -> Entry:
    """Return an entry of another name in the same place with the same title and themes."""
    iri = f"{BASE}id/practice/copy-{number}"
    kept = {RDF_TYPE.value, *(DCT + name for name in ("title", "spatial", "subject"))}
    node = ox.NamedNode(iri)
    triples = [
        ox.Triple(node, triple.predicate, triple.object)
        for triple in entry.triples
        if triple.predicate.value in kept and str(triple.subject) == f"<{entry.iri}>"
    ]
    return make(iri, triples)


@pytest.fixture(scope="session")
def key(home: Path) -> str:
    """A token of the served home."""
    return Tokens(Database.in_file(home / LEDGER)).create("browser-test")


@dataclass
class Watched:
    """A page, what its console complained about and which other hosts it asked."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


def watch(browser: Browser, address: str, *, width: int = 1280, scripts: bool = True) -> Watched:
    """Open an empty page that notes errors and requests to other hosts."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, java_script_enabled=scripts
    )
    context.set_default_timeout(30_000)  # other tests use the processor at the same time
    found = Watched(context.new_page())

    def asked(request: Request) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            found.elsewhere.append(request.url)

    found.page.on("request", asked)
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    found.page.on(
        "console",
        lambda said: found.complaints.append(said.text) if said.type == "error" else None,
    )
    return found


def tab_to(target: Locator, presses: int = 250) -> None:
    """Press the tab key until something has the focus, as a person without a mouse would."""
    for _ in range(presses):
        target.page.keyboard.press("Tab")
        if target.evaluate("e => e === document.activeElement"):
            return
    raise AssertionError(f"{target} cannot be reached by the tab key")
