"""The lists that all pages share: made once a data version, whoever asks, however many do."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import kg.text.folding
import service.core.lists
from kg.catalogue.facets import Shelf
from kg.catalogue.places import Atlas
from kg.errors import Refused
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change, Store
from service.core.lists import Lists, Titles
from tests.kg.helpers import BASE, ID, practice, world

THREADS = 6


@pytest.fixture
def store() -> EmbeddedStore:
    store = EmbeddedStore(BASE)
    store.write([Change(iri, entry) for iri, entry in world().items()], "tester", "create")
    return store


def test_lists_are_made_once_however_many_ask_and_again_after_a_write(
    store: EmbeddedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, start = list[str](), threading.Barrier(THREADS)
    all_ask = threading.Event()

    class SlowShelf(Shelf):
        def __init__(self, store: Store, before: Shelf | None = None) -> None:
            made.append("shelf")
            assert all_ask.wait(20)
            super().__init__(store, before)

    monkeypatch.setattr(service.core.lists, "Shelf", SlowShelf)
    lists = Lists(store, Atlas(store, tmp_path))

    def ask(_: int) -> tuple[int, int, int]:
        if start.wait(20) == 0:
            all_ask.set()
        return id(lists.shelf), id(lists.titles), id(lists.places)

    with ThreadPoolExecutor(THREADS) as pool:
        seen = set(pool.map(ask, range(THREADS)))
    assert len(seen) == 1
    assert made == ["shelf"]
    store.write([Change(practice("later").iri, practice("later"))], "tester", "create")
    assert practice("later").iri in lists.shelf.position
    assert made == ["shelf", "shelf"]


def test_titles_are_folded_once_and_not_for_each_who_asks(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    folded = list[str]()
    fold = kg.text.folding.fold

    def counting(text: str) -> str:
        folded.append(text)
        return fold(text)

    monkeypatch.setattr(service.core.lists, "fold", counting)
    titles = Titles(Shelf(store))
    for typed in ("repair cafe", "Repair Café", "Popravljaonica", "repair-cafe"):
        assert titles.meant(typed, ("practice",)) == ID + "practice/repair-cafe"
    first = len(folded)
    for typed in ("REPAIR CAFÉ", "Repair cafe (repair-cafe)"):
        assert titles.meant(typed, ("practice", "actor")).endswith("repair-cafe")
    assert len(folded) <= first + 2


def test_a_title_without_accents_that_could_be_several_is_asked_about(
    store: EmbeddedStore,
) -> None:
    for slug, title in (("one", "Resume"), ("two", "Résumé"), ("three", "Résumés of all")):
        entry = practice(slug, title=f'dct:title "{title}"@en')
        store.write([Change(entry.iri, entry)], "tester", "create")
    twin = practice("zero", title='dct:title "Résumés of all"@en')
    store.write([Change(twin.iri, twin)], "tester", "create")
    titles = Titles(Shelf(store))
    assert titles.meant("of all", ("practice",)) == ID + "practice/three"
    assert titles.meant("resume", ("practice",)) == ID + "practice/one"
    assert titles.meant("RÉSUMÉ", ("practice",)) == ID + "practice/two"
    with pytest.raises(Refused) as refusal:
        titles.meant("resumé", ("practice",))
    hint = str(refusal.value.problems[0].hint)
    assert "Resume (one)" in hint
    assert "Résumé (two)" in hint
    assert "three" not in hint
