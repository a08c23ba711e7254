"""The catalogue beside a graph that changes: it follows, survives, and never belongs elsewhere."""

from __future__ import annotations

import logging
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pyoxigraph as ox
import pytest
from pyroaring import BitMap, FrozenBitMap

from kg.catalogue import catalogue as module
from kg.catalogue.catalogue import Catalogue, CatalogueSnapshot
from kg.catalogue.orders import BLOCK, Order
from kg.catalogue.rows import FACETS, Row, derive
from kg.entry import Entry, make
from kg.errors import Overloaded
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from tests.kg.helpers import (
    ACTOR,
    BASE,
    CHALLENGE,
    ID,
    INSTRUMENT,
    PRACTICE,
    TEXTS,
    practice,
    turtle,
    world,
)

ORDERS = ("iri", "checked", "evidence", "title-en", "title-hr", "title-xx")
Kept = Callable[[], EmbeddedStore]


@pytest.fixture
def catalogue(store: EmbeddedStore, tmp_path: Path) -> Catalogue:
    return Catalogue(store, tmp_path / "catalogue")


def put(store: EmbeddedStore, text: str) -> None:
    entry = turtle(text)
    store.write([Change(entry.iri, entry)], "tester", "replace")


def row_of(snapshot: CatalogueSnapshot, iri: str) -> Row:
    (row,) = snapshot.entries([iri])
    return row


def contents(snapshot: CatalogueSnapshot) -> dict[str, object]:
    """All that a snapshot answers, without the numbers of rows."""
    names = snapshot.iris(snapshot.live)
    searches = {text: snapshot.holding(text) for text in ("mend", "vol", "library", "bicycle")}
    searches |= {f"in {text}": snapshot.named(text) for text in ("ra", "repair", "popravl", "li")}
    rare = snapshot.words("volunteers mend a bicycle in the library", "en", snapshot.live, 5)
    return {
        "version": snapshot.version,
        "rows": sorted(snapshot.read(snapshot.live), key=lambda row: row.iri),
        "counts": {name: snapshot.counts(name, snapshot.live) for name in FACETS},
        "orders": {
            name: [names[n] for n in snapshot.page(snapshot.live, name, 0, 1_000)]
            for name in ORDERS
        },
        "searches": {text: sorted(names[n] for n in found) for text, found in searches.items()},
        "rare": {names[n] for n in rare},
    }


def anew(store: EmbeddedStore, folder: Path) -> dict[str, object]:
    shutil.rmtree(folder, ignore_errors=True)
    rebuilt = Catalogue(store, folder)
    found = contents(rebuilt.snapshot())
    rebuilt.close()
    return found


def changes(seed: int, count: int) -> list[Change]:
    """Changes of a few entries, back and forth."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        slug = draw.choice(["library", "bicycles", "kitchen", "orchard"])
        title = (
            f'dct:title "{draw.choice("ABČÉZ")} {slug} {number % 7}"@{draw.choice(["en", "hr"])}'
        )
        entry = practice(slug, title=title, more='psr:checkedOn "2026-01-02"^^xsd:date')
        made.append(Change(entry.iri, entry if draw.random() < 0.75 else None))
    return made


def renamed(entry: Entry, slug: str) -> Entry:
    """A copy of an entry under another name."""
    other = f"{entry.iri.rpartition('/')[0]}/{slug}"
    lines = "".join(f"{t} .\n" for t in entry.triples).replace(f"<{entry.iri}", f"<{other}")
    return make(other, [q.triple for q in ox.parse(lines, format=ox.RdfFormat.N_TRIPLES)])


def write(store: EmbeddedStore, change: Change) -> None:
    if change.entry or store.several([change.iri]):
        store.write([change], "tester", "replace")


def test_following_comes_to_what_is_made_anew(
    store: EmbeddedStore, catalogue: Catalogue, tmp_path: Path
) -> None:
    contents(catalogue.snapshot())  # which reads the orders
    for number, change in enumerate(changes(1, 60)):
        write(store, change)
        if number % 3 == 0:
            catalogue.snapshot()
    followed = contents(catalogue.snapshot())
    assert followed == anew(store, tmp_path / "other")
    catalogue.close()
    assert contents(Catalogue(store, tmp_path / "catalogue").snapshot()) == followed


def test_a_snapshot_stays_as_it_is_while_changes_are_followed(
    store: EmbeddedStore, catalogue: Catalogue
) -> None:
    before = catalogue.snapshot()
    was = contents(before)
    for change in changes(2, 30):
        write(store, change)
        catalogue.snapshot()
    store.write([Change(PRACTICE, None)], "tester", "delete")
    assert PRACTICE not in catalogue.snapshot()
    assert contents(before) == was


def test_what_a_change_did_not_touch_is_not_read_again(
    store: EmbeddedStore, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue.snapshot()
    read = list[str]()

    def noting(store: object, territories: object, entries: list[object]) -> object:
        read.extend(entry.iri for entry in entries)  # type: ignore[attr-defined]
        return derive(store, territories, entries)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "derive", noting)
    put(store, TEXTS[ACTOR].replace("Menders", "Menders of Split"))
    catalogue.snapshot()
    assert read == [ACTOR]


def test_rows_follow_what_they_are_made_from(store: EmbeddedStore, catalogue: Catalogue) -> None:
    assert row_of(catalogue.snapshot(), PRACTICE).values["led_by"] == ("civil-society",)
    put(store, TEXTS[ACTOR].replace("actortype:civil-society", "actortype:municipality"))
    led = row_of(catalogue.snapshot(), PRACTICE).values["led_by"]
    assert led == ("municipality", "public-authority")
    principle = "<https://w3id.org/passerelle/voc/pillar-principle/principle-14>"
    put(store, "<id/challenge/above> a psr:Challenge ; dct:title 'Poverty'@en ;"
        f" dct:description 'Too little.'@en ; psr:pillarPrinciple {principle} .")  # fmt: skip
    put(store, TEXTS[CHALLENGE][:-1] + "; skos:broader <id/challenge/above> .")
    row = row_of(catalogue.snapshot(), PRACTICE)
    assert row.values["principle"] == ("principle-14",)
    assert row.values["challenge"] == ("above", "waste")
    objective = "<https://w3id.org/passerelle/voc/esf-objective/eso4-1>"
    put(store, TEXTS[INSTRUMENT][:-1] + f"; psr:specificObjective {objective} .")
    after = catalogue.snapshot()
    assert row_of(after, PRACTICE).values["esf_objective"] == ("eso4-1",)
    assert PRACTICE in after.iris(after.passing({"esf_objective": ["eso4-1"]})).values()


def test_many_that_read_and_one_that_writes_are_never_torn(
    store: EmbeddedStore, catalogue: Catalogue
) -> None:
    """Each practice has the number of its write in its title; a snapshot holds whole states."""
    stop, wrong = threading.Event(), list[str]()

    def read() -> None:
        while not stop.is_set():
            seen = catalogue.snapshot()
            rows = seen.read(seen.page(seen.passing({"type": ["practice"]}), "title-en", 0, 50))
            titles = [row.title("en").value for row in rows if "orchard" in row.iri]
            if len(titles) != len(set(titles)) or len(rows) != seen.counts("type", seen.live).get(
                "practice"
            ):
                wrong.append(str(titles))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(60):
        slugs = [f"orchard-{n}" for n in range(number % 4)]
        entries = [practice(s, title=f'dct:title "{s} {number}"@en') for s in slugs]
        store.write([Change(e.iri, e) for e in entries], "tester", "replace")
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_number_is_not_given_again_after_its_row_was_swept_out(
    store: EmbeddedStore, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest entry is removed and swept out before the next one comes."""
    monkeypatch.setattr(module, "KEPT", -1.0)
    gone, late = (renamed(next(store.entries("practice")), name) for name in ("gone", "late"))
    store.write([Change(gone.iri, gone)], "tester", "create")
    row = catalogue.snapshot().rows([gone.iri])[gone.iri]
    store.write([Change(gone.iri, None)], "tester", "delete")
    catalogue.snapshot()
    catalogue.tidy()
    store.write([Change(late.iri, late)], "tester", "create")
    assert catalogue.snapshot().rows([late.iri])[late.iri] > row


def test_retired_rows_are_swept_out_with_their_words(
    store: EmbeddedStore, catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, TEXTS[ACTOR].replace("Menders", "Xylophonists of Split"))
    contents(catalogue.snapshot())
    put(store, TEXTS[ACTOR])
    before = contents(catalogue.snapshot())
    monkeypatch.setattr(module, "KEPT", -1.0)
    catalogue.tidy()
    assert contents(catalogue.snapshot()) == before
    catalogue.close()
    (file,) = (tmp_path / "catalogue").glob("*.sqlite")
    with sqlite3.connect(file) as db:
        db.execute("VACUUM")
    assert b"ylophonist" not in file.read_bytes()
    assert contents(Catalogue(store, tmp_path / "catalogue").snapshot()) == before


def damage(file: Path) -> None:
    file.write_bytes(b"no database" * 1_000)


def cut(file: Path) -> None:
    with file.open("rb+") as stream:
        stream.truncate(file.stat().st_size // 2)


def lose_a_table(file: Path) -> None:
    with sqlite3.connect(file) as db:
        db.execute("DROP TABLE title")


def lose_the_numbers(file: Path) -> None:
    with sqlite3.connect(file) as db:
        db.execute("DELETE FROM meta")


@pytest.mark.parametrize("harm", [damage, cut, lose_a_table, lose_the_numbers])
def test_a_damaged_catalogue_is_made_anew_and_says_so(
    store: EmbeddedStore,
    catalogue: Catalogue,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    harm: Callable[[Path], None],
) -> None:
    expected = contents(catalogue.snapshot())
    catalogue.close()
    (file,) = (tmp_path / "catalogue").glob("*.sqlite")
    harm(file)
    with caplog.at_level(logging.INFO, "passerelle"):
        mended = Catalogue(store, tmp_path / "catalogue")
        put(store, TEXTS[ACTOR])
        found = contents(mended.snapshot())
    assert found == expected | {"version": store.version()}
    assert len([r for r in caplog.messages if "made anew" in r]) == 1


def test_damage_that_a_reader_meets_is_told_and_mended(
    store: EmbeddedStore, catalogue: Catalogue, tmp_path: Path
) -> None:
    before = catalogue.snapshot()
    (file,) = (tmp_path / "catalogue").glob("*.sqlite")
    damage(file)
    with pytest.raises(Overloaded, match="being made anew"):
        before.read(before.live)
    assert len(catalogue.snapshot().read(catalogue.snapshot().live)) == len(world())


def test_a_disk_that_is_full_is_told_and_loses_nothing(
    store: EmbeddedStore, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(catalogue.snapshot())

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    put(store, TEXTS[ACTOR].replace("Menders", "Others"))
    with monkeypatch.context() as patch:
        patch.setattr(module._Writer, "add", full)
        with pytest.raises(Overloaded):
            catalogue.snapshot()
    put(store, TEXTS[ACTOR])
    assert contents(catalogue.snapshot()) == before | {"version": store.version()}


def test_another_graph_and_a_restored_one_are_told_apart(tmp_path: Path) -> None:
    """The number alone says nothing: a restored graph that was written to has the same one."""
    (tmp_path / "home").mkdir()
    store = EmbeddedStore(BASE, tmp_path / "home" / "store")
    store.write([Change(iri, entry) for iri, entry in world().items()], "tester", "create")
    del store
    shutil.copytree(tmp_path / "home", tmp_path / "backup")
    for home, title in (("home", "First"), ("backup", "Second")):
        store = EmbeddedStore(BASE, tmp_path / home / "store")
        put(store, TEXTS[ACTOR].replace("Menders", title))
        catalogue = Catalogue(store, tmp_path / "catalogue")
        seen = catalogue.snapshot()
        assert (seen.version, row_of(seen, ACTOR).title("en").value) == (2, title)
        catalogue.close()
        del store
    other = EmbeddedStore(BASE)
    other.write([Change(practice().iri, practice())] * 1, "tester", "create")
    other.write([Change(practice("b").iri, practice("b"))], "tester", "create")
    seen = Catalogue(other, tmp_path / "catalogue").snapshot()
    assert sorted(seen.iris(seen.live).values()) == [ID + "practice/b", ID + "practice/library"]


def test_a_second_process_works_with_a_catalogue_of_its_own(
    store: EmbeddedStore, catalogue: Catalogue, tmp_path: Path
) -> None:
    first = contents(catalogue.snapshot())
    second = Catalogue(store, tmp_path / "catalogue")
    assert contents(second.snapshot()) == first
    put(store, TEXTS[ACTOR].replace("Menders", "Others"))
    assert contents(second.snapshot()) == contents(catalogue.snapshot()) != first
    own = second._folder
    second.close()
    assert not own.exists()


KILLED = """
import sys
from pathlib import Path
from kg.catalogue.catalogue import Catalogue
from kg.stores.embedded import EmbeddedStore
from tests.kg.helpers import BASE
from tests.kg.test_following import changes, write
home = Path(sys.argv[1])
store = EmbeddedStore(BASE, home / "store")
catalogue = Catalogue(store, home / "catalogue")
for change in changes(int(sys.argv[2]), 1_000):
    write(store, change)
    catalogue.snapshot()
    catalogue._tidied = -1e9
    catalogue.tidy()
    print(store.version(), flush=True)
"""


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_a_follower_that_is_killed_is_caught_up(tmp_path: Path, seed: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), str(seed)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": "."},
    )
    assert process.stdout
    seen = 0
    for line in process.stdout:
        seen = int(line)
        if seen % 10 == 5 + seed:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    store = EmbeddedStore(BASE, tmp_path / "store")
    assert store.version() >= seen > 0
    catalogue = Catalogue(store, tmp_path / "catalogue")
    assert contents(catalogue.snapshot()) == anew(store, tmp_path / "other")
    catalogue.close()


def test_an_order_is_the_sorted_list_of_what_was_added() -> None:
    draw = random.Random(3)
    pairs = sorted((f"{draw.random():.12f}", row) for row in range(3 * BLOCK))
    order = Order(pairs)
    for row in range(3 * BLOCK, 6 * BLOCK):
        pair = (f"{draw.random():.12f}", row)
        pairs.append(pair)
        order.add(*pair)
    pairs.sort()
    gone = BitMap(draw.sample(range(6 * BLOCK), 500))
    order.sweep(gone)
    for share in (0.001, 0.1, 1.0):
        among = FrozenBitMap(
            row for row in range(6 * BLOCK) if draw.random() < share and row not in gone
        )
        expected = [row for _, row in pairs if row in among]
        for offset in (0, 1, 19, len(expected) // 2, len(expected)):
            assert order.page(among, offset, 20) == expected[offset : offset + 20]
        key = pairs[len(pairs) // 2][0]
        behind = [row for k, row in pairs if k > key and row in among]
        assert order.page(among, 0, 20, key) == behind[:20]
