"""The lists behind search and browse: what they hold, count and follow."""

from __future__ import annotations

import pytest

from kg.catalogue.facets import Shelf, bits_of
from kg.entry import Text
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from kg.vocabulary import DCT, PSR
from tests.kg.helpers import (
    ACTOR,
    CHALLENGE,
    CROATIA,
    ID,
    INSTRUMENT,
    PRACTICE,
    SPLIT,
    practice,
    turtle,
)


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


def test_entries_and_places_have_titles(shelf: Shelf) -> None:
    known = {
        (PRACTICE, "hr"): ("Popravljaonica", "hr"),
        (CHALLENGE, "hr"): ("Waste", "en"),
        (SPLIT, "de"): ("Split-Dalmatia", "en"),
        (CROATIA, "de"): ("Kroatien", "de"),
    }
    for (iri, lang), expected in known.items():
        title = shelf.title(iri, lang)
        assert title
        assert (title.value, title.lang) == expected
    assert shelf.title(ID + "practice/none", "hr") is None


def test_a_title_without_a_language_is_undetermined(store: EmbeddedStore) -> None:
    entry = practice(title="dct:title 'Bare'")
    store.write([Change(entry.iri, entry)], "tester", "create")
    assert Shelf(store).title(entry.iri, "en") == Text("Bare", "und", DCT + "title")


def test_places_have_their_names_and_what_contains_them(shelf: Shelf) -> None:
    split, croatia = shelf.territories[SPLIT], shelf.territories[CROATIA]
    assert (split.label, split.level, split.parent) == ("Split-Dalmatia (HR035)", "nuts3", CROATIA)
    assert (croatia.label, croatia.level, croatia.parent) == ("Croatia (HR)", "country", None)
    assert shelf.territories.above(SPLIT) == [SPLIT, CROATIA]
    assert shelf.territories.above(PRACTICE) == []


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
    assert after.territories.name("HR035", "lv") == "Split"
    assert after.territories.name("HR", "en") == "Croatia"
    assert after.territories.name("ZZ", "en") == "ZZ"


def _located(starter_store: EmbeddedStore) -> dict[str, tuple[float, float]]:
    """The towns that have coordinates of their own."""
    rows = starter_store.select("SELECT ?t ?lat ?long { ?t geo:lat ?lat ; geo:long ?long }", {})
    return {row["t"]: (float(row["lat"]), float(row["long"])) for row in rows}


def test_what_names_a_town_lies_there_and_nothing_in_the_middle_of_a_region(
    starter_store: EmbeddedStore,
) -> None:
    shelf, towns = Shelf(starter_store), _located(starter_store)
    wrong, placed = [], 0
    for row in shelf.rows:
        entry = starter_store.get(row.iri)
        links = entry.links(DCT + "spatial") or entry.links(PSR + "targetTerritory")
        there = [towns[iri] for iri in links if iri in towns]
        placed += bool(there)
        if row.point not in there and (row.point or there):
            wrong.append((row.iri, row.point, there))
    assert wrong == []
    assert placed > 300
    pula = shelf.rows[shelf.position[ID + "actor/city-hr-pula"]]
    assert pula.point == (44.8683, 13.8481)
    assert shelf.spot(starter_store.get(ID + "territory/HR036")) == (None, "HR")


@pytest.mark.parametrize("named", [("AA", "ZZ"), ("ZZ", "AA"), ("HR035", "ZZ", "HR")])
def test_of_several_places_the_most_local_counts_whatever_the_order(
    store: EmbeddedStore, named: tuple[str, ...]
) -> None:
    levels = {"AA": ("nuts2", 41), "ZZ": ("municipality", 42), "HR": ("country", 43)}
    for code, (level, lat) in levels.items():
        text = (
            f'<id/territory/{code}> a psr:Territory ; dct:title "{code}"@en ;'
            f' psr:countryCode "HR" ; psr:territoryLevel level:{level} ;'
            f" geo:lat {lat}.5 ; geo:long 16.5 ."
        )
        store.write([Change(f"{ID}territory/{code}", turtle(text))], "tester", "replace")
    links = ", ".join(f"<id/territory/{code}>" for code in named)
    entry = practice("library", spatial=f"dct:spatial {links}")
    store.write([Change(entry.iri, entry)], "tester", "create")
    shelf = Shelf(store)
    assert shelf.spot(entry) == ((42.5, 16.5), "HR")


def test_a_town_without_coordinates_is_not_at_those_of_its_neighbours(
    store: EmbeddedStore,
) -> None:
    for slug, extra in (("here", ""), ("there", "geo:lat 43.5 ; geo:long 16.4 ;")):
        text = (
            f'<id/territory/{slug}> a psr:Territory ; dct:title "{slug}"@en ;'
            f' psr:countryCode "HR" ; psr:territoryLevel level:municipality ; {extra}'
            f" dct:isPartOf <id/territory/HR035> ."
        )
        store.write([Change(f"{ID}territory/{slug}", turtle(text))], "tester", "create")
    entry = practice("library", spatial="dct:spatial <id/territory/HR035>, <id/territory/here>")
    store.write([Change(entry.iri, entry)], "tester", "create")
    shelf = Shelf(store)
    assert shelf.rows[shelf.position[entry.iri]].point is None
    assert shelf.spot(store.get(SPLIT)) == (None, "HR")


def test_bits() -> None:
    assert bits_of([]) == 0
    assert bits_of([0, 3, 17]) == 1 + 8 + 2**17
