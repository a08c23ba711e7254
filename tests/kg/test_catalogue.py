"""The catalogue behind lists and filters: what it holds and counts, and how it follows writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kg.catalogue.catalogue import Catalogue, CatalogueSnapshot
from kg.catalogue.rows import Row
from kg.entry import Text
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from kg.vocabulary import DCT, PSR, VOC
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
def still(
    still_store: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory
) -> CatalogueSnapshot:
    return Catalogue(still_store, tmp_path_factory.mktemp("catalogue")).snapshot()


@pytest.fixture
def catalogue(store: EmbeddedStore, tmp_path: Path) -> Catalogue:
    return Catalogue(store, tmp_path / "catalogue")


def listed(snapshot: CatalogueSnapshot) -> list[str]:
    return [row.iri for row in snapshot.read(snapshot.page(snapshot.listed, "iri", 0, 5_000))]


def row_of(snapshot: CatalogueSnapshot, iri: str) -> Row:
    (row,) = snapshot.entries([iri])
    return row


def test_places_are_not_listed(still: CatalogueSnapshot) -> None:
    assert listed(still) == [ACTOR, CHALLENGE, INSTRUMENT, PRACTICE]
    assert len(still.live) == 6


def test_an_entry_lies_in_all_that_contains_its_place(still: CatalogueSnapshot) -> None:
    row = row_of(still, PRACTICE)
    assert row.values["country"] == ("HR",)
    assert row.values["territory"] == ("HR", "HR035")
    assert row.values["instrument"] == ("erdf",)
    assert row.values["language"] == ("en",)
    assert "circular-economy" in row.values["theme"]


def test_titles_come_in_the_language_asked_for_else_in_english(still: CatalogueSnapshot) -> None:
    row = row_of(still, PRACTICE)
    assert row.title("hr").value == "Popravljaonica"
    assert row.title("lv").value == "Repair café"
    summary = row.summary("lv")
    assert summary is not None
    assert summary.value.startswith("Volunteers mend")


def test_entries_and_places_have_titles(still: CatalogueSnapshot) -> None:
    known = {
        (PRACTICE, "hr"): ("Popravljaonica", "hr"),
        (CHALLENGE, "hr"): ("Waste", "en"),
        (SPLIT, "de"): ("Split-Dalmatia", "en"),
        (CROATIA, "de"): ("Kroatien", "de"),
    }
    for (iri, lang), expected in known.items():
        title = still.titles([iri], lang)[iri]
        assert (title.value, title.lang) == expected
    assert still.titles([ID + "practice/none"], "hr") == {}


def test_a_title_without_a_language_is_undetermined(
    store: EmbeddedStore, catalogue: Catalogue
) -> None:
    entry = practice(title="dct:title 'Bare'")
    store.write([Change(entry.iri, entry)], "tester", "create")
    titles = catalogue.snapshot().titles([entry.iri], "en")
    assert titles[entry.iri] == Text("Bare", "und", DCT + "title")


def test_places_have_their_names_and_what_contains_them(still: CatalogueSnapshot) -> None:
    split, croatia = still.territories[SPLIT], still.territories[CROATIA]
    assert (split.label, split.level, split.parent) == ("Split-Dalmatia (HR035)", "nuts3", CROATIA)
    assert (croatia.label, croatia.level, croatia.parent) == ("Croatia (HR)", "country", None)
    assert still.territories.above(SPLIT) == [SPLIT, CROATIA]
    assert still.territories.above(PRACTICE) == []


def test_values_of_one_filter_add_up_and_filters_narrow(still: CatalogueSnapshot) -> None:
    both = still.passing({"type": ["practice", "actor"]})
    assert listed(replace(still, live=both)) == [ACTOR, PRACTICE]
    assert still.counts("type", both) == {"actor": 1, "practice": 1}
    assert still.counts("country", both) == {"HR": 2}
    assert not still.passing({"type": ["actor"], "theme": ["housing"]})
    assert still.passing({"type": [], "theme": [VOC + "theme/circular-economy"]}) == (
        still.passing({"theme": ["circular-economy"]})
    )
    assert not still.passing({"country": ["HR"], "not_country": ["HR"]})
    assert len(still.passing({"type": ["practice"], "not_country": ["FR", "SI"]})) == 1
    assert not still.passing({"nothing": ["like this"]})


def test_a_place_that_moves_takes_its_entries_along(
    store: EmbeddedStore, catalogue: Catalogue
) -> None:
    assert row_of(catalogue.snapshot(), PRACTICE).point is None
    text = (
        '<id/territory/HR035> a psr:Territory ; dct:title "Split"@en ; psr:countryCode "HR" ;'
        " psr:territoryLevel level:nuts3 ; geo:lat 43.5 ; geo:long 16.4 ;"
        " dct:isPartOf <id/territory/HR> ."
    )
    store.write([Change(SPLIT, turtle(text))], "tester", "replace")
    after = catalogue.snapshot()
    assert row_of(after, PRACTICE).point == (43.5, 16.4)
    assert after.territories.name("HR035", "lv") == "Split"
    assert after.territories.name("HR", "en") == "Croatia"
    assert after.territories.name("ZZ", "en") == "ZZ"


def _located(starter_store: EmbeddedStore) -> dict[str, tuple[float, float]]:
    """The towns that have coordinates of their own."""
    rows = starter_store.select("SELECT ?t ?lat ?long { ?t geo:lat ?lat ; geo:long ?long }", {})
    return {row["t"]: (float(row["lat"]), float(row["long"])) for row in rows}


def test_what_names_a_town_lies_there_and_nothing_in_the_middle_of_a_region(
    starter_store: EmbeddedStore, tmp_path: Path
) -> None:
    starter, towns = Catalogue(starter_store, tmp_path).snapshot(), _located(starter_store)
    wrong, placed = [], 0
    for row in starter.read(starter.listed):
        entry = starter_store.get(row.iri)
        links = entry.links(DCT + "spatial") or entry.links(PSR + "targetTerritory")
        there = [towns[iri] for iri in links if iri in towns]
        placed += bool(there)
        if row.point not in there and (row.point or there):
            wrong.append((row.iri, row.point, there))
    assert wrong == []
    assert placed > 300
    assert row_of(starter, ID + "actor/city-hr-pula").point == (44.8683, 13.8481)
    assert row_of(starter, ID + "territory/HR036").point is None
    assert row_of(starter, ID + "territory/HR036").values["country"] == ("HR",)


@pytest.mark.parametrize("named", [("AA", "ZZ"), ("ZZ", "AA"), ("HR035", "ZZ", "HR")])
def test_of_several_places_the_most_local_counts_whatever_the_order(
    store: EmbeddedStore, catalogue: Catalogue, named: tuple[str, ...]
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
    row = row_of(catalogue.snapshot(), entry.iri)
    assert (row.point, row.values["country"]) == ((42.5, 16.5), ("HR",))


def test_a_town_without_coordinates_is_not_at_those_of_its_neighbours(
    store: EmbeddedStore, catalogue: Catalogue
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
    assert row_of(catalogue.snapshot(), entry.iri).point is None
    assert row_of(catalogue.snapshot(), SPLIT).point is None
