"""Finding an entry by what people type for its title."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg.catalogue.catalogue import Catalogue
from kg.catalogue.titles import find, meant
from kg.errors import Refused
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from tests.kg.helpers import ID, practice


@pytest.fixture
def catalogue(store: EmbeddedStore, tmp_path: Path) -> Catalogue:
    return Catalogue(store, tmp_path / "catalogue")


def test_a_title_its_name_and_both_are_found_however_they_are_typed(catalogue: Catalogue) -> None:
    snapshot = catalogue.snapshot()
    ways = ["repair cafe", "Repair Café", "POPRAVLJAONICA", "Repair cafe (repair-cafe)", "pair ca"]
    ways += ["repair-cafe", "practice/repair-cafe", ID + "practice/repair-cafe"]
    found = {typed: meant(snapshot, typed, ("actor", "practice")) for typed in ways}
    assert set(found.values()) == {ID + "practice/repair-cafe"}
    assert find(snapshot, "practice", "Repair café (library)") is None
    assert find(snapshot, "actor", "Repair café") is None


def test_what_nothing_is_called_leads_to_the_closest_titles(catalogue: Catalogue) -> None:
    snapshot = catalogue.snapshot()
    with pytest.raises(Refused, match="Nothing of this kind") as refusal:
        meant(snapshot, "Repare kafé", ("practice",))
    assert refusal.value.problems[0].hint == "Did you mean Repair café (repair-cafe)?"
    for typed in ("", "zz", "x" * 10_000, '"} OR NOT *', "\x00"):
        with pytest.raises(Refused) as refusal:
            meant(snapshot, typed, ("practice",))
        assert refusal.value.problems[0].hint or not typed


def test_a_title_without_accents_that_could_be_several_is_asked_about(
    store: EmbeddedStore, catalogue: Catalogue
) -> None:
    for slug, title in (("one", "Resume"), ("two", "Résumé"), ("three", "Résumés of all")):
        entry = practice(slug, title=f'dct:title "{title}"@en')
        store.write([Change(entry.iri, entry)], "tester", "create")
    twin = practice("zero", title='dct:title "Résumés of all"@en')
    store.write([Change(twin.iri, twin)], "tester", "create")
    snapshot = catalogue.snapshot()
    assert meant(snapshot, "of all", ("practice",)) == ID + "practice/three"
    assert meant(snapshot, "resume", ("practice",)) == ID + "practice/one"
    assert meant(snapshot, "RÉSUMÉ", ("practice",)) == ID + "practice/two"
    with pytest.raises(Refused) as refusal:
        meant(snapshot, "resumé", ("practice",))
    hint = str(refusal.value.problems[0].hint)
    assert "Resume (one)" in hint
    assert "Résumé (two)" in hint
    assert "three" not in hint
