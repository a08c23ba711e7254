"""Lists of entries: filters, and pages that stay stable while entries come and go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kg.catalogue.catalogue import Catalogue
from kg.catalogue.filters import check
from kg.catalogue.gazetteer import Gazetteer
from kg.catalogue.lists import (
    MAX_LIMIT,
    Link,
    class_counts,
    countries,
    links_to,
    list_entries,
    summary,
)
from kg.catalogue.places import Places
from kg.catalogue.territories import Territories
from kg.errors import Refused
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change, Page, Store
from kg.vocabulary import CLASSES, PSR, VOC
from tests.engines import ENGINES
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
    world,
)

TYPED = {
    "malaga": "Málaga", "MALAGA": "Málaga", "MÁLAGA": "málaga", "ma\u0301laga": "Málaga",
    "málaga": "Ma\u0301laga", "lodz": "Łódź", "ŁÓDŹ": "Łódź", "strasse": "Kurze Straße",
    "STRASSE": "Kurze Straße", "straße": "STRASSE", "arhus": "Århus", "sibenik": "Šibenik",
    "dakovo": "Đakovo", "αθηνα": "Αθήνα", "ΑΘΗΝΑΣ": "Οι δρόμοι της Αθήνας", "Αθήνα": "ΑΘΗΝΑ",
    "елка": "Ёлка", "ёлка": "ЕЛКА", "иод": None, "l'aquila": "L’Aquila", "a  bus ": "A bus",
    "a bus": "A \u00a0bus", "nord-est": "Nord–Est", "collectiu": "Col·lectiu", "xxx": None,
    "mala ga": None,
}  # fmt: skip

Listing = Callable[..., Page]


@pytest.fixture(params=["embedded", *ENGINES])
def store(request: pytest.FixtureRequest, store: EmbeddedStore) -> Store:
    """The small world, in the embedded store and in other engines."""
    return bring(request, store)


@pytest.fixture(params=["embedded", *ENGINES])
def still_store(request: pytest.FixtureRequest, still_store: EmbeddedStore) -> Store:
    """The same for tests that only read."""
    return bring(request, still_store)


def bring(request: pytest.FixtureRequest, embedded: EmbeddedStore) -> Store:
    if request.param == "embedded":
        return embedded
    found: Store = request.getfixturevalue("served")(request.param).filled()
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("catalogues")


@pytest.fixture
def listing(store: Store, tmp_path: Path, gazetteer: Path) -> Listing:
    """List the entries of a store that is written to."""
    return of(Catalogue(store, tmp_path), gazetteer)


@pytest.fixture
def still(
    still_store: Store, folder: Path, gazetteer: Path, request: pytest.FixtureRequest
) -> Listing:
    """List the entries of a store that nobody writes to, with one catalogue for each engine."""
    engine = request.node.callspec.params["still_store"]
    return of(Catalogue(still_store, folder / engine), gazetteer)


def of(catalogue: Catalogue, gazetteer: Path) -> Listing:
    def list_(q: str = "", limit: int = 50, cursor: str | None = None, **wanted: str) -> Page:
        territories = catalogue.snapshot().territories
        places = Places(territories, Gazetteer(gazetteer / "places"))
        chosen = check(places, {name: [v] for name, v in wanted.items() if v})
        return list_entries(catalogue.snapshot(), chosen, q=q, limit=limit, cursor=cursor)

    return list_


def found(listing: Listing, **wanted: str) -> list[str]:
    page = listing(**wanted)
    assert page.total == len(page.rows)
    assert page.next is None
    return [str(row["entry"]) for row in page.rows]


def put(store: Store, *slugs: str) -> None:
    changes = [Change((entry := practice(slug)).iri, entry) for slug in slugs]
    store.write(changes, "tester", "create")


def remove(store: Store, slug: str) -> None:
    store.write([Change(f"{ID}practice/{slug}", None)], "tester", "delete")


# Filters


def test_everything_is_listed_by_iri(still: Listing) -> None:
    assert found(still) == sorted(world())


@pytest.mark.parametrize(
    ("wanted", "iris"),
    [
        ({"type": "territory"}, [CROATIA, SPLIT]),
        ({"type": "instrument"}, [INSTRUMENT]),
        ({"type": "call"}, []),
        ({"country": "HR"}, [ACTOR, PRACTICE, CROATIA, SPLIT]),
        ({"country": "hr", "type": "actor"}, [ACTOR]),
        ({"territory": "HR"}, [ACTOR, PRACTICE]),
        ({"territory": "HR035"}, [ACTOR, PRACTICE]),
        ({"territory": SPLIT, "type": "practice"}, [PRACTICE]),
        ({"theme": "circular-economy"}, [PRACTICE]),
        ({"theme": VOC + "theme/circular-economy"}, [PRACTICE]),
        ({"theme": "energy"}, []),
        ({"q": "CAFÉ"}, [PRACTICE]),
        ({"q": "popravl"}, [PRACTICE]),
        ({"q": "croat"}, [CROATIA]),
        ({"q": '"} #\\'}, []),
        ({"q": "mend", "type": "practice"}, []),
        ({"country": "", "theme": "", "q": ""}, sorted(world())),
    ],
)
def test_filters_narrow_the_list(still: Listing, wanted: dict[str, str], iris: list[str]) -> None:
    assert found(still, **wanted) == iris


def test_a_theme_brings_the_narrower_ones(still_store: Store, still: Listing) -> None:
    (row,) = still_store.select(
        "SELECT ?t { <https://w3id.org/passerelle/voc/theme/circular-economy> skos:broader ?t }", {}
    )
    assert found(still, theme=row["t"]) == [PRACTICE]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "Practice"),
        ("type", "nothing"),
        ("country", "XX"),
        ("country", "Croatia"),
        ("country", '"'),
        ("territory", "XX"),
        ("territory", "HR9"),
        ("territory", "../actor/menders"),
        ("territory", "a b"),
        ("territory", ACTOR),
        ("territory", "https://elsewhere.example/"),
        ("theme", "nothing"),
        ("theme", VOC + "role/lead"),
        ("theme", "http://elsewhere.example/"),
    ],
)
def test_unknown_values_are_refused_by_name(still: Listing, field: str, value: str) -> None:
    with pytest.raises(Refused) as error:
        still(**{field: value})
    (problem,) = error.value.problems
    assert (problem.path, problem.value) == (field, value)
    assert problem.hint


@pytest.mark.parametrize("limit", [0, -1, MAX_LIMIT + 1])
def test_the_limit_has_limits(still: Listing, limit: int) -> None:
    with pytest.raises(Refused, match="from 1 to 200"):
        still(limit=limit)


def test_codes_of_greece_and_the_united_kingdom_are_known_by_both_names(
    store: Store, listing: Listing
) -> None:
    for code, iso in (("EL", "GR"), ("UK", "GB")):
        entry = turtle(
            f'<id/territory/{code}> a psr:Territory ; dct:title "X"@en ; psr:countryCode "{iso}" ;'
            " psr:territoryLevel level:country ."
        )
        store.write([Change(entry.iri, entry)], "tester", "create")
        for name in (code, iso):
            assert Territories(store).known(name).iri == entry.iri
            assert Territories(store).country(name) == iso
            assert found(listing, country=name) == [entry.iri]


# Pages


def test_pages_put_together_are_the_list(store: Store, listing: Listing) -> None:
    put(store, *(f"p{n:02}" for n in range(25)))
    seen: list[str] = []
    cursor = None
    for size in (10, 10, 6):
        page = listing(type="practice", limit=10, cursor=cursor)
        assert (page.total, len(page.rows)) == (26, size)
        seen += [str(row["entry"]) for row in page.rows]
        cursor = page.next
    assert cursor is None
    assert seen == [*(f"{ID}practice/p{n:02}" for n in range(25)), PRACTICE]


def test_a_page_of_the_very_last_row_has_no_next(store: Store, listing: Listing) -> None:
    put(store, "a", "b")
    page = listing(type="practice", limit=3)
    assert (len(page.rows), page.next) == (3, None)


def test_pages_stay_stable_while_entries_come_and_go(store: Store, listing: Listing) -> None:
    put(store, *(f"p{n}" for n in range(6)))
    first = listing(type="practice", limit=3)
    assert first.next == f"{ID}practice/p2"
    put(store, "p0a", "p4a")
    remove(store, "p0")
    remove(store, "p2")
    second = listing(type="practice", limit=3, cursor=first.next)
    assert [row["entry"] for row in second.rows] == [
        f"{ID}practice/{p}" for p in ("p3", "p4", "p4a")
    ]


@pytest.mark.parametrize("cursor", ["", "zzz", '"} #', "\\"])
def test_any_text_may_be_a_cursor(still: Listing, cursor: str) -> None:
    page = still(cursor=cursor)
    assert len(page.rows) in {0, len(world())}


# Rows


def test_a_row_says_what_the_contract_asks(still_store: Store, folder: Path) -> None:
    snapshot = Catalogue(still_store, folder / "rows").snapshot()
    repair, waste = snapshot.entries([PRACTICE, CHALLENGE, ID + "practice/none"])
    assert summary(repair, "hr") == {
        "entry": PRACTICE,
        "type": "practice",
        "title": "Popravljaonica",
        "country": "HR",
    }
    assert summary(repair, "de")["title"] == "Repair café"
    assert summary(waste)["country"] is None


def test_countries_of_an_entry_and_of_a_territory(still_store: Store) -> None:
    assert [countries(still_store, iri) for iri in (PRACTICE, SPLIT, CHALLENGE)] == [
        ["HR"],
        ["HR"],
        [],
    ]


def test_links_name_who_and_how(still_store: Store) -> None:
    assert links_to(still_store, ACTOR) == [Link(PRACTICE, PSR + "actor", VOC + "role/lead")]
    assert links_to(still_store, CHALLENGE) == [Link(PRACTICE, PSR + "addresses", None)]
    assert [link.entry for link in links_to(still_store, SPLIT)] == [ACTOR, PRACTICE]
    assert links_to(still_store, PRACTICE) == []


def test_every_class_is_counted(still_store: Store) -> None:
    counted = class_counts(still_store)
    assert counted.keys() == CLASSES.keys()
    assert counted["territory"] == 2
    assert sum(counted.values()) == len(world())


def test_a_title_is_found_however_it_is_typed(store: Store, listing: Listing) -> None:
    titles = sorted({t for t in TYPED.values() if t} | {"Йод"})
    entries = [
        practice(f"typed-{n}", title=f'dct:title "{title}"@en, "Naslov {n}"@hr')
        for n, title in enumerate(titles)
    ]
    store.write([Change(entry.iri, entry) for entry in entries], "tester", "create")
    named = {entry.iri: title for entry, title in zip(entries, titles, strict=True)}
    wrong = []
    for typed, title in TYPED.items():
        listed = {named.get(str(row["entry"])) for row in listing(q=typed).rows}
        if title not in listed if title else listed:
            wrong.append((typed, listed))
    assert wrong == []


def test_pages_of_a_search_follow_each_other_and_count_each_entry_once(
    store: Store, listing: Listing
) -> None:
    """Each has two titles that hold the words, and an alternative one."""
    more = 'dct:title "Málaga"@es, "Malaga"@en ; dct:alternative "MALAGA {}"@en'
    entries = [practice(f"p-{n}", title=more.format(n)) for n in range(5)]
    store.write([Change(entry.iri, entry) for entry in entries], "tester", "create")
    cursor, seen = None, list[str]()
    for _ in range(3):
        answer = listing(q="malaga", limit=2, cursor=cursor)
        assert answer.total == 5
        seen += [str(row["entry"]) for row in answer.rows]
        cursor = answer.next
    assert cursor is None
    assert seen == [entry.iri for entry in entries]
    assert listing(q="malaga", type="actor").total == 0
    assert listing(q="4", country="hr").total == 1
