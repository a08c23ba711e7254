"""The look-up of places: what is taken, what is asked about, what is offered to who mistypes."""

from __future__ import annotations

import csv
import os
import sqlite3
from pathlib import Path

import pytest

from benchmarks.pack_places import pruned, typed
from kg.catalogue.catalogue import Catalogue
from kg.catalogue.gazetteer import Gazetteer, key
from kg.catalogue.places import MAX_CANDIDATES, MAX_TYPED, Atlas, NamedPlace, Places, UnclearPlace
from kg.errors import NoSpace, Refused
from kg.imports.sources.transforms import TRANSFORMS, Cell
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from kg.text.i18n import set_language
from matcher.model.answer import plain
from tests.conftest import BASE
from tests.kg.helpers import CROATIA, ID, SPLIT, turtle

NAMES = Path(__file__).resolve().parent.parent / "data" / "places.tsv"


@pytest.fixture(scope="session")
def places(starter_store: EmbeddedStore, gazetteer: Path) -> Places:
    return Atlas.of(starter_store, gazetteer).places


def refusal(places: Places, text: str) -> UnclearPlace:
    with pytest.raises(Refused) as refused:
        places.meant(text)
    (problem,) = refused.value.problems
    assert isinstance(problem, UnclearPlace)
    return problem


def answer(places: Places, text: str) -> tuple[bool, list[str]]:
    """Whether a place is taken, and its code or those of the candidates."""
    try:
        return True, [places.meant(text).code]
    except Refused:
        return False, [place.code for place in refusal(places, text).candidates]


def test_names_of_many_kinds_are_right_or_offered_first_and_never_wrong_in_silence(
    places: Places,
) -> None:
    with NAMES.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    missed, silent = [], []
    for row in rows:
        taken, codes = answer(places, row["typed"])
        right = row["codes"].split()
        if taken and (row["how"] == "asked" or codes != right):
            silent.append((row["typed"], right, codes))
        elif row["how"] == "is" and codes[:1] != right:
            missed.append((row["typed"], right, codes))
        elif row["how"] == "asked" and not (codes and set(right) <= set(codes)):
            missed.append((row["typed"], right, codes))
    assert silent == []
    assert len(missed) <= len(rows) * 0.05, missed
    countries = {places.territories.known(c).country for row in rows for c in row["codes"].split()}
    assert len(rows) >= 200
    assert len(countries) >= 25


def test_what_a_place_is_called_where_it_can_be_chosen_means_it(places: Places) -> None:
    offered = [places.of(territory) for territory in places.territories.values()]
    for letters in ("ne", "sa", "ko", "wi", "ma", "os", "li"):
        offered += places.beginning(letters, 100)
    offered += [p for name in ("neustadt", "santa maria", "bergen") for p in places.likely(name)]
    wrong = [(p.label, p.code) for p in offered if answer(places, p.label) != (True, [p.code])]
    assert len(offered) > 2_800
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("HR", "HR"), ("hr035", "HR035"), ("GR", "EL"), ("gb", "UK"), ("EL", "EL"),
        ("Croatia (HR)", "HR"), (" hrvatska ", "HR"), ("RIGA", "LV006"), ("Rīga", "LV006"),
        ("luxembourg", "LU"), ("Berlin", "DE300"), ("split", "hr-split"), ("hr-split", "hr-split"),
        (f"{ID}territory/HR035", "HR035"), ("Split (hr-split)", "hr-split"),
    ],
)  # fmt: skip
def test_codes_and_names_are_found(places: Places, text: str, code: str) -> None:
    assert places.meant(text).code == code


def test_a_town_that_is_no_entry_stands_for_its_municipality_or_its_region(places: Places) -> None:
    karlovac = places.meant("karlovac")
    assert (karlovac.name, karlovac.within) == ("Karlovac", "Karlovačka županija")
    assert (karlovac.code, karlovac.territory, karlovac.kind) == ("HR027", "HR027", "settlement")
    assert karlovac.label == "Karlovac, Karlovačka županija"
    assert plain(karlovac) == {
        "name": "Karlovac",
        "territory": "HR027",
        "entry": f"{BASE}id/territory/HR027",
        "within": "Karlovačka županija",
        "country": "HR",
        "lat": 45.4917,
        "long": 15.55,
        "kind": "settlement",
        "exact": True,
    }
    ghent = places.meant("Gand")
    assert (ghent.name, ghent.code, ghent.territory) == ("Gand", "be-ghent", "BE234")
    assert ghent.kind == "municipality"


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("Dalmacija", {"Splitsko-dalmatinska županija (HR035)", "Zadarska županija (HR033)"}),
        ("Nova Vas", {"Nova Vas, Istarska županija", "Nova Vas, Primorsko-notranjska"}),
        ("Germany (DE); Austria (AT)", {"Germany (DE)", "Austria (AT)"}),
        ("Salzburg", {"Salzburg, Salzburg und Umgebung", "Salzburg (AT32)"}),
        ("Andorra", {"Andorra, Teruel"}),
        ("Zagreb, France", {"Zagreb (HR050)"}),
        ("Paris (Texas)", {"Paris (FR101)"}),
        ("Karlovatz", {"Karlovac, Karlovačka županija"}),
    ],
)
def test_what_is_not_plain_is_asked_about(places: Places, text: str, labels: set[str]) -> None:
    problem = refusal(places, text)
    assert problem.path == "place"
    offered = [candidate.label for candidate in problem.candidates]
    assert labels <= set(offered)
    assert len(set(offered)) == len(offered) <= MAX_CANDIDATES
    assert offered[0] in (problem.hint or "")


def test_a_place_that_far_more_people_live_in_is_taken_and_told(places: Places) -> None:
    assert places.meant("Paris").label == "Paris (FR101)"
    assert len(places.likely("Schöneberg")) > 1
    assert places.meant("Schöneberg").label == "Schöneberg, Berlin"


def test_suggestions_come_from_where_the_hint_says_first(places: Places) -> None:
    first = refusal(places, "Neustat, Austria").candidates[0]
    assert first.country == "AT"
    assert refusal(places, "Rijjeka, HR").candidates[0].label.startswith("Rijeka, ")
    assert refusal(places, "Qqqqxy").candidates == ()


def test_typing_brings_names_that_begin_so(places: Places) -> None:
    def labels(text: str, limit: int = 5) -> list[str]:
        return [place.label for place in places.beginning(text, limit)]

    assert labels("kar")[0].startswith("Kar")
    assert "Karlovac, Karlovačka županija" in labels("karlov", 10)
    assert labels("Cro")[0] == "Croatia (HR)"
    assert labels("Općina Draganić", 1) == ["Draganić, Karlovačka županija"]
    assert labels("HR035")[0] == "Splitsko-dalmatinska županija (HR035)"
    assert labels("karlovatz") != []
    assert len(labels("s", 20)) == 20
    assert [p.exact for p in places.beginning("Split", 3)][:2] == [True, False]


def test_countries_are_called_as_the_reader_has_it(places: Places) -> None:
    set_language("de")
    try:
        assert places.meant("HR").label == "Kroatien (HR)"
        assert places.meant("Kroatien (HR)").code == "HR"
        assert places.meant("Split, Kroatien").code == "hr-split"
    finally:
        set_language("en")


@pytest.mark.parametrize(
    "text", ['"', "*", "a OR b", "key:x", "%", "_", "NEAR(a b)", "(((", "-", "\x00", "' OR 1=1 --"]
)
def test_operators_are_letters_like_any_other(places: Places, text: str) -> None:
    assert isinstance(places.beginning(text, 5), list)
    assert isinstance(refusal(places, text).message, str)


def test_what_is_too_long_is_refused_unread(places: Places) -> None:
    assert refusal(places, "a" * (MAX_TYPED + 1)).candidates == ()
    assert isinstance(places.beginning("a b, c" * 500, 5), list)
    assert refusal(places, "a(" * (MAX_TYPED // 2)).candidates == ()


class TestAtlas:
    @pytest.fixture
    def atlas(self, store: EmbeddedStore, gazetteer: Path, tmp_path: Path) -> Atlas:
        catalogue = Catalogue(store, tmp_path / "catalogue")
        return Atlas(lambda: catalogue.snapshot().territories, gazetteer)

    def test_only_a_write_of_a_territory_makes_the_places_anew(
        self, store: EmbeddedStore, atlas: Atlas
    ) -> None:
        before = atlas.places
        assert atlas.places is before
        assert before.meant("Split-Dalmatia").entry == SPLIT
        text = (
            '<id/territory/HR035> a psr:Territory ; dct:title "Coast"@en ; psr:countryCode "HR" ;'
            f" psr:territoryLevel level:nuts3 ; dct:isPartOf <{CROATIA}> ."
        )
        store.write([Change(SPLIT, turtle(text))], "tester", "replace")
        assert atlas.places.meant("Coast").entry == SPLIT

    def test_places_in_regions_that_the_graph_lacks_are_unknown(self, atlas: Atlas) -> None:
        assert atlas.places.meant("Makarska").label == "Makarska, Split-Dalmatia"
        assert refusal(atlas.places, "Rijeka").candidates == ()


class TestGazetteer:
    @pytest.fixture
    def copy(self, gazetteer: Path, tmp_path: Path) -> Path:
        packed = Gazetteer(gazetteer / "places").path
        os.link(packed, tmp_path / packed.name)
        return tmp_path / packed.name

    def test_names_fold_marks_and_accents(self) -> None:
        assert key("Reggio nell’Emilia") == key("REGGIO NELL'EMILIA") == "reggio nell emilia"

    @pytest.mark.parametrize("damage", ["cut", "other"])
    def test_a_damaged_file_is_made_anew(self, copy: Path, damage: str) -> None:
        content = copy.read_bytes()
        copy.unlink()
        copy.write_bytes(content[: len(content) // 3] if damage == "cut" else b"x" * 9_000)
        former = copy.with_name("places-000000000000.sqlite")
        former.write_bytes(b"")
        assert Gazetteer(copy.parent).named("karlovac")[0].region == "HR027"
        assert copy.stat().st_size == len(content)
        assert not former.exists()

    def test_without_space_it_says_so_and_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(database: sqlite3.Connection) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr("kg.catalogue.gazetteer.fill", full)
        with pytest.raises(NoSpace):
            Gazetteer(tmp_path / "catalogue").named("split")
        assert list((tmp_path / "catalogue").iterdir()) == []

    def test_it_holds_all_places(self, copy: Path) -> None:
        with sqlite3.connect(copy) as database:
            assert database.execute("SELECT COUNT(*) FROM place").fetchone() == (92_735,)
        database.close()


def test_names_that_nobody_types_are_left_out() -> None:
    others = (
        "TIA|ZAG|Agram|Zagabria|Lungsod ng Zagreb|sa ge lei bu|Загреб|זאגרב|Zágreb|ZAGREB|Zagreb'"
    )
    assert pruned("Zagreb", others.split("|")) == ["Agram", "Zagabria", "Загреб"]
    assert typed("'s-Gravenhage")
    assert not typed("de la na")


def test_places_know_their_kind(places: Places) -> None:
    kinds = {text: places.meant(text).kind for text in ("HR", "Bavaria", "split", "Karlovac")}
    assert [*kinds.values()] == ["country", "region", "municipality", "settlement"]
    assert isinstance(places.offered()[0], NamedPlace)
    assert [p.kind for p in places.offered()[:2]] == ["country", "country"]


def test_rows_of_a_list_name_places_in_the_same_way(places: Places) -> None:
    def linked(value: str, **options: object) -> list[str]:
        cell = Cell("place", value, "en", options, {}, BASE, (), places)
        return [term.value.rpartition("/")[2] for term in TRANSFORMS["place"](cell)]

    assert linked("213 - Unterkärnten (NUTS)") == ["AT213"]
    assert linked("HR035; Karlovac", separator=";") == ["HR035", "HR027"]
    assert linked("Nova Vas", within="Slovenia") == ["SI038"]
    with pytest.raises(Refused) as refused:
        linked("Nova Vas")
    (problem,) = refused.value.problems
    assert (problem.path, problem.value) == ("place", "Nova Vas")
    assert "Nova Vas, Istarska županija" in (problem.hint or "")
