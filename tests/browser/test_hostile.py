"""Markup in every text that an entry can hold, and in every field of a question, stays text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import pyoxigraph as ox
import pytest
from playwright.sync_api import Browser, Dialog

from kg.catalogue.rows import LISTED
from kg.entries.intake import Intake
from kg.entries.validation import Validator
from kg.entry import Entry, make
from kg.stores.embedded import EmbeddedStore
from kg.vocabulary import CLASSES
from service.pages.contribute.shacl_form import Ask, asks
from tests.browser.conftest import Watched, watch
from tests.conftest import settled
from tests.service.conftest import BASE, serve

pytestmark = pytest.mark.browser
SLUG = "hostile-words"
WORDS = "</title></textarea><script>alert(1)</script>\"'><img src=nothing onerror=alert(2)>{{7*7}}"
LINK = "https://example.org/?q='onerror='alert(5)'"
#: codes and links to entries, which the shapes hold to a form
CODES = {"dct:language", "org:memberOf", "skos:notation", "psr:countryCode"}
PATHS = (*LISTED, "territory")
FOUND = f"q={quote('alert nothing onerror')}"
SEEN = """() => [
  ...document.querySelectorAll("script:not([src]):not([type='application/ld+json'])"),
  ...[...document.querySelectorAll("*")].filter(
    (e) => [...e.attributes].some((a) => a.name.startsWith("on") || a.value === "nothing")),
].map((e) => e.outerHTML)"""


def texts(fields: Sequence[Ask]) -> dict[str, Ask]:
    """Return the fields that take words or web addresses, by property."""
    taken = (a for a in fields if a.kind in {"text", "long", "link"} and a.name not in CODES)
    return {ask.prop: ask for ask in taken}


def term(ask: Ask) -> ox.Literal | ox.NamedNode:
    if ask.kind == "link":
        return ox.NamedNode(LINK)
    if ask.spoken:
        return ox.Literal(WORDS, language="en")
    return ox.Literal(WORDS, datatype=ox.NamedNode(ask.datatype))


def poisoned(entry: Entry, fields: Sequence[Ask]) -> Entry:
    """Return an entry with markup in every text of its own and of its parts."""
    iri = f"{BASE}id/{entry.path}/{SLUG}"
    parts = {ask.prop: texts(ask.parts) for ask in fields if ask.kind == "part"}
    known: dict[object, dict[str, Ask]] = {ox.NamedNode(iri): texts(fields)}
    moved = list(renamed(entry, iri))
    for triple in moved:
        if triple.predicate.value in parts and isinstance(triple.object, ox.NamedNode):
            known[triple.object] = parts[triple.predicate.value]
    kept = [t for t in moved if t.predicate.value not in known.get(t.subject, {})]
    made = [
        ox.Triple(node, ox.NamedNode(prop), term(ask))
        for node, fields_of in known.items()
        if isinstance(node, ox.NamedNode)
        for prop, ask in fields_of.items()
    ]
    return make(iri, [*kept, *made])


def renamed(entry: Entry, iri: str) -> Iterator[ox.Triple]:
    lines = "".join(f"{triple} .\n" for triple in entry.triples)
    for end in "#>":
        lines = lines.replace(f"<{entry.iri}{end}", f"<{iri}{end}")
    for quad in ox.parse(lines, format=ox.RdfFormat.N_TRIPLES):
        yield quad.triple


@pytest.fixture(scope="module")
def hostile(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a service answers that holds an entry of each class full of markup."""
    home = settled(prepared, tmp_path_factory.mktemp("hostile") / "home")
    intake = Intake(store := EmbeddedStore(BASE, home / "store"), Validator())
    for path in PATHS:
        fullest = max(store.entries(path), key=lambda e: (len(e.triples), e.iri))
        fields = asks(intake.validator.shapes, CLASSES[path])
        intake.create(poisoned(fullest, fields), "test")
    del store, intake
    with serve(home) as process:
        assert process.stdout
        yield process.stdout.readline().split()[-1]
        process.kill()


@pytest.fixture(scope="module")
def seen(browser: Browser, hostile: str) -> Watched:
    """A page that counts dialogs among the complaints."""
    found = watch(browser, hostile)

    def opened(dialog: Dialog) -> None:
        found.complaints.append(dialog.message)
        dialog.dismiss()

    found.page.on("dialog", opened)
    return found


def check(seen: Watched, address: str, *, shown: bool) -> None:
    """Open an address; find the words as text if they are to be seen, and nothing come alive."""
    page = seen.page
    page.goto(address)
    assert page.evaluate(SEEN) == []
    assert not shown or page.get_by_text("<script>alert(1)</script>").count() > 0
    complaints = [c for c in seen.complaints if "the server responded with a status of 4" not in c]
    assert (complaints, seen.elsewhere) == ([], [])


@pytest.mark.parametrize("path", PATHS)
def test_an_entry_full_of_markup_is_shown_as_text(seen: Watched, hostile: str, path: str) -> None:
    check(seen, f"{hostile}/id/{path}/{SLUG}", shown=True)


@pytest.mark.parametrize("path", LISTED)
def test_its_form_and_what_is_found_show_text(seen: Watched, hostile: str, path: str) -> None:
    check(seen, f"{hostile}/contribute/{path}/{SLUG}", shown=False)
    title = seen.page.get_by_label("Title (needed)", exact=True)
    assert title.input_value() == WORDS
    check(seen, f"{hostile}/search?{FOUND}&type={path}", shown=False)
    for view in ("list", "table", "map"):
        check(seen, f"{hostile}/search?type={path}&view={view}&sort=checked", shown=False)


@pytest.mark.parametrize("address", [
    f"/?{FOUND}", f"/?{FOUND}&mode=transfer&place=HR", f"/?{FOUND}&mode=partners&place=HR",
    f"/?entry=practice/{SLUG}&mode=transfer&place=HR",
    f"/transfer?entry=practice/{SLUG}&place=HR", f"/transfer/brief?challenge={SLUG}&place=HR",
    f"/partners?actor=actor/{SLUG}", f"/partners?actor=actor/{SLUG}&view=graph",
    f"/consortium?about=call/{SLUG}&must=actor/{SLUG}",
    f"/consortium?about=practice/{SLUG}&must=actor/{SLUG}&view=graph",
    f"/groups?community=community/{SLUG}",
])  # fmt: skip
def test_answers_about_it_show_text(seen: Watched, hostile: str, address: str) -> None:
    check(seen, hostile + address, shown=True)


@pytest.mark.parametrize("address", [
    "/?q={}&place={}&mode=transfer", "/?entry={}&mode={}", "/search?q={}&place={}&theme={}&sort={}",
    "/transfer?q={}&place={}", "/transfer?challenge={}&place=HR&budget={}&why_not={}&pick={}",
    "/partners?actor={}&place={}&kind={}&view={}", "/partners?q={}&place=HR",
    "/consortium?about={}&place={}&seats={}&countries={}&must={}&exclude={}&actor_types={}",
    "/consortium?q={}&view=graph", "/groups?community={}&size={}", "/sparql?sample={}", "/id/{}",
])  # fmt: skip
def test_a_question_full_of_markup_is_shown_as_text(
    seen: Watched, hostile: str, address: str
) -> None:
    check(seen, hostile + address.replace("{}", quote(WORDS, safe="")), shown=False)


def test_an_exported_file_is_never_a_page(seen: Watched, hostile: str) -> None:
    for address in ("/search?format=csv", "/search?format=geojson", "/search?format=turtle",
                    f"/id/practice/{SLUG}?format=jsonld"):  # fmt: skip
        answer = seen.page.request.get(hostile + address)
        assert "<script>alert(1)</script>" in answer.text().replace("\\/", "/")
        assert "html" not in answer.headers["content-type"]
        assert answer.headers["x-content-type-options"] == "nosniff"
