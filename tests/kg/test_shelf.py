"""The lists behind search and browse: what they hold, count and follow."""

from __future__ import annotations

import pytest

from kg.shelf import Shelf, bits_of
from kg.store import Change
from kg.stores.embedded import EmbeddedStore
from tests.kg.helpers import ACTOR, CHALLENGE, INSTRUMENT, PRACTICE, SPLIT, practice, turtle


@pytest.fixture(scope="module")
def shelf(still_store: EmbeddedStore) -> Shelf:
    return Shelf(still_store)


def test_places_are_not_listed(shelf: Shelf) -> None:
    assert [row.iri for row in shelf.rows] == [ACTOR, CHALLENGE, INSTRUMENT, PRACTICE]


def test_an_entry_lies_in_all_that_contains_its_place(shelf: Shelf) -> None:
    row = shelf.rows[shelf.position[PRACTICE]]
    assert row.values["country"] == ("HR",)
    assert row.values["territory"] == ("HR", "HR035")
    assert row.values["instrument"] == ("erdf",)
    assert row.values["language"] == ("en",)
    assert "circular-economy" in row.values["theme"]


def test_titles_come_in_the_language_asked_for_else_in_english(shelf: Shelf) -> None:
    row = shelf.rows[shelf.position[PRACTICE]]
    assert row.title("hr").value == "Popravljaonica"
    assert row.title("lv").value == "Repair café"
    summary = row.summary("lv")
    assert summary is not None
    assert summary.value.startswith("Volunteers mend")


def test_counts_apply_the_other_filters_only(shelf: Shelf) -> None:
    chosen = {"type": ["practice"], "country": ["HR"]}
    assert dict(shelf.counts("type", chosen, shelf.all)) == {"actor": 1, "practice": 1}
    assert shelf.counts("country", chosen, shelf.all) == [("HR", 1)]
    assert shelf.counts("type", {"country": ["FR"]}, shelf.all) == []
    assert shelf.counts("type", {}, shelf.set_of([ACTOR, SPLIT])) == [("actor", 1)]


def test_values_of_one_filter_add_up_and_filters_narrow(shelf: Shelf) -> None:
    both = shelf.narrowed({"type": ["practice", "actor"]}, shelf.all)
    assert [row.path for row in shelf.members(both)] == ["actor", "practice"]
    assert shelf.members(shelf.narrowed({"type": ["actor"], "theme": ["housing"]}, both)) == []


def test_what_is_written_is_followed(store: EmbeddedStore) -> None:
    before = Shelf(store)
    store.write([Change(practice("library").iri, practice("library"))], "tester", "create")
    after = Shelf(store, before)
    assert len(after.rows) == len(before.rows) + 1
    assert after.rows[after.position[ACTOR]] is before.rows[before.position[ACTOR]]
    store.write([Change(practice("library").iri, None)], "tester", "delete")
    assert [r.iri for r in Shelf(store, after).rows] == [r.iri for r in before.rows]


def test_a_place_that_moves_takes_its_entries_along(store: EmbeddedStore) -> None:
    before = Shelf(store)
    assert before.rows[before.position[PRACTICE]].point is None
    text = (
        '<id/territory/HR035> a psr:Territory ; dct:title "Split"@en ; psr:countryCode "HR" ;'
        " psr:territoryLevel level:nuts3 ; geo:lat 43.5 ; geo:long 16.4 ;"
        " dct:isPartOf <id/territory/HR> ."
    )
    store.write([Change(SPLIT, turtle(text))], "tester", "replace")
    after = Shelf(store, before)
    assert after.rows[after.position[PRACTICE]].point == (43.5, 16.4)
    assert after.place_name("HR035", "lv") == "Split"
    assert after.place_name("HR", "en") == "Croatia"
    assert after.place_name("ZZ", "en") == "ZZ"


def test_bits() -> None:
    assert bits_of([]) == 0
    assert bits_of([0, 3, 17]) == 1 + 8 + 2**17
