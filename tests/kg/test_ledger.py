"""The ledger and its protocol: whatever breaks off where, graph and ledger tell the same."""

from __future__ import annotations

import multiprocessing
import shutil
import sqlite3
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from kg.errors import EngineRefused, NoSpace, NotFound, StoreUnusable
from kg.ledger import database
from kg.ledger.database import Database
from kg.ledger.difference import Difference, entry_in, lines
from kg.ledger.ledger import Change, Ledger, Note
from kg.ledger.tables import REVISION, changes, metadata, parts
from kg.stores.embedded import EmbeddedStore
from tests.kg.conftest import filled
from tests.kg.helpers import ACTOR, BASE, ID, PRACTICE, practice, world

SPEECH = 'psr:problem "A line.\\nAnother \\u2028 with \\"quotes\\", \\\\ and é."@en'


def put(store: EmbeddedStore, slug: str, **extra: str) -> int:
    entry = practice(slug, **extra)
    return store.write([Change(entry.iri, entry)], "x", "replace", Note("because", "job-1"))


def same(store: EmbeddedStore) -> bool:
    """Whether the graph is what all differences of the ledger make of nothing."""
    state: dict[str, frozenset[str]] = {}
    for change in store.ledger.after(0, limit=10_000):
        for iri, difference in change.differences.items():
            state[iri] = difference.forward(state.get(iri, frozenset()))
    told = {iri: entry_in(iri, known) for iri, known in state.items() if known}
    return told == {entry.iri: entry for entry in store.entries()}


# Differences


def test_a_difference_leads_both_ways() -> None:
    one, two = practice("a"), practice("a", problem=SPEECH)
    there = Difference.unpack(Difference.between(one, two).pack())
    assert there == Difference.between(one, two)
    assert entry_in(one.iri, there.forward(lines(one))) == two
    assert entry_in(one.iri, there.back(lines(two))) == one
    nothing = Difference.between(two, None)
    assert entry_in(one.iri, nothing.forward(lines(two))) is None
    assert entry_in(one.iri, Difference.unpack(nothing.pack()).back(frozenset())) == two


# What is noted


def test_every_change_is_noted_with_who_when_why_and_what(store: EmbeddedStore) -> None:
    assert put(store, "a") == 2
    assert put(store, "a", problem=SPEECH) == 3
    store.write([Change(f"{ID}practice/a", None)], "eve", "delete", Note("twice there"))
    rows = store.ledger.history(f"{ID}practice/a")
    assert [(r.version, r.by, r.action, r.reason, r.added, r.removed) for r in rows] == [
        (4, "eve", "delete", "twice there", 0, 5),
        (3, "x", "replace", "because", 1, 1),
        (2, "x", "create", "because", 5, 0),
    ]
    assert all(row.at.endswith("Z") for row in rows)
    assert same(store)


def test_every_version_can_be_read_and_compared(store: EmbeddedStore) -> None:
    iri = f"{ID}practice/a"
    states = [practice("a", problem=f'psr:problem "State {n}"@en') for n in range(30)]
    for entry in states:
        store.write([Change(iri, entry)], "x", "replace")
    store.write([Change(iri, None)], "x", "delete")
    for number, entry in enumerate(states):
        assert store.ledger.state(iri, number + 2, None) == entry
    assert store.ledger.state(iri, 32, None) is None
    assert store.ledger.before(iri, 32, None) == states[-1]
    assert store.ledger.before(iri, 2, None) is None
    difference = store.ledger.compared(iri, 2, 5, None)
    assert [line.split(" ", 2)[2] for line in difference.added] == ['"State 3"@en']
    assert [line.split(" ", 2)[2] for line in difference.removed] == ['"State 0"@en']
    for version in (1, 33):
        with pytest.raises(NotFound, match=f"no version {version}"):
            store.ledger.state(iri, version, None)


def test_the_fate_of_an_entry_is_known(store: EmbeddedStore) -> None:
    put(store, "a")
    put(store, "b")
    iri, other = f"{ID}practice/a", f"{ID}practice/b"
    assert store.ledger.fate(iri) is None
    store.write([Change(iri, None, other)], "x", "merge", Note("the same"))
    store.write([Change(other, None)], "x", "delete")
    fates = store.ledger.fates([iri, other, PRACTICE, f"{ID}practice/never"])
    assert {name: (fate.target, fate.reason) for name, fate in fates.items()} == {
        iri: (other, "the same"),
        other: (None, None),
    }


def test_a_small_change_takes_little_room(disk_store: EmbeddedStore, tmp_path: Path) -> None:
    def size() -> int:
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as file, file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return (tmp_path / "ledger.sqlite").stat().st_size

    put(disk_store, "a")
    before = size()
    for number in range(200):
        put(disk_store, "a", problem=f'psr:problem "Few people own tool {number}."@en')
    assert (size() - before) / 200 < 2_048


# Breaking off


class Off(Exception):
    """The process ends here."""


@pytest.mark.parametrize("point", ["before", "after"])
def test_what_breaks_off_is_settled_by_the_next(
    disk_store: EmbeddedStore, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = EmbeddedStore._update

    def breaks(store: EmbeddedStore, text: str) -> None:
        if point == "after":
            update(store, text)
        raise Off

    monkeypatch.setattr(EmbeddedStore, "_update", breaks)
    with pytest.raises(Off):
        put(disk_store, "a")
    monkeypatch.setattr(EmbeddedStore, "_update", update)
    assert [change.number for change in disk_store.ledger.open()] == [2]
    assert disk_store.ledger.history(f"{ID}practice/a") == []  # only what is closed
    assert put(disk_store, "b") == 3
    assert disk_store.get(f"{ID}practice/a") == practice("a")
    assert disk_store.ledger.open() == []
    assert same(disk_store)


def test_what_breaks_off_is_settled_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled(tmp_path / "store")
    update = EmbeddedStore._update
    monkeypatch.setattr(EmbeddedStore, "_update", lambda store, text: exec("raise Off", globals()))
    with pytest.raises(Off):
        put(store, "a")
    monkeypatch.setattr(EmbeddedStore, "_update", update)
    del store
    again = EmbeddedStore(BASE, tmp_path / "store")
    assert again.version() == 2
    assert again.get(f"{ID}practice/a") == practice("a")
    assert same(again)


def test_nothing_is_settled_that_is_younger(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_update", lambda text: exec("raise Off", globals()))
    with pytest.raises(Off):
        put(store, "a")
    monkeypatch.undo()
    store.settle(10.0)
    assert store.version() == 1
    later = time.time() + 11
    monkeypatch.setattr(time, "time", lambda: later)
    store.settle(10.0)
    assert store.version() == 2
    assert store.get(f"{ID}practice/a") == practice("a")


def test_a_clock_that_went_back_keeps_nothing_open(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_update", lambda text: exec("raise Off", globals()))
    with pytest.raises(Off):
        put(store, "a")
    monkeypatch.undo()
    earlier = time.time() - 1_000_000
    monkeypatch.setattr(time, "time", lambda: earlier)
    store.settle(10.0)
    assert store.version() == 2
    put(store, "b")
    assert [version.version for version in store.ledger.history(f"{ID}practice/b")] == [3]


def test_a_full_disk_leaves_nothing_behind(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "_update", full)
    with pytest.raises(NoSpace, match="no space"):
        put(store, "a")
    monkeypatch.undo()
    assert store.ledger.open() == []
    assert put(store, "b") == 2
    with pytest.raises(NotFound):
        store.get(f"{ID}practice/a")
    assert same(store)


def test_what_an_engine_refuses_takes_a_number_and_does_nothing(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = store._update
    late: list[str] = []

    def refuses(text: str) -> None:
        if "INSERT" in text and "practice/a" in text:
            late.append(text)
            raise EngineRefused("The SPARQL engine failed (500).")
        update(text)

    monkeypatch.setattr(store, "_update", refuses)
    with pytest.raises(EngineRefused):
        put(store, "a")
    monkeypatch.undo()
    update(late[0])  # it was carried out after all, much later
    with pytest.raises(NotFound):
        store.get(f"{ID}practice/a")
    assert put(store, "b") == 3
    assert same(store)


def test_an_update_that_comes_twice_or_late_does_nothing(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    update = store._update

    def keeps(text: str) -> None:
        seen.append(text)
        update(text)

    monkeypatch.setattr(store, "_update", keeps)
    for number in range(3):
        put(store, "a", problem=f'psr:problem "State {number}"@en')
    monkeypatch.undo()
    before = store.dump()
    for text in seen:
        update(text)
    assert sorted(store.dump().splitlines()) == sorted(before.splitlines())


# Several writers


def write(folder: Path, name: str) -> list[int]:
    """Take numbers in a ledger that two processes have open."""
    ledger = Ledger(Database.in_file(folder / "ledger.sqlite"))
    numbers = []
    for index in range(15):
        with ledger.database.turn():
            number = ledger.last() + 1
            entry = practice(f"{name}-{index}")
            ledger.intend(number, [Change(entry.iri, entry)], {}, name, "create", Note())
            ledger.close(number)
        numbers.append(number)
    return numbers


def test_processes_take_turns(tmp_path: Path) -> None:
    write(tmp_path, "first")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, spawn) as processes:
        numbers = [*processes.map(write, [tmp_path] * 2, ["ana", "bob"])]
    assert sorted(numbers[0] + numbers[1]) == list(range(16, 46))


def test_two_who_settle_the_same_change_do_it_once(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_update", lambda text: exec("raise Off", globals()))
    with pytest.raises(Off):
        put(store, "a")
    monkeypatch.undo()
    barrier = threading.Barrier(4)

    def settle(_: int) -> None:
        barrier.wait()
        store.settle(0.0)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(settle, range(4)))
    assert store.version() == 2
    assert [v.version for v in store.ledger.history(f"{ID}practice/a")] == [2]
    assert same(store)


def test_who_waits_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAIT", 0.1)
    one, two = (Database.in_file(tmp_path / "ledger.sqlite") for _ in range(2))
    with one.turn(), pytest.raises(Exception, match="Somebody else is writing"), two.turn():
        pass


# The start


def test_a_graph_behind_its_ledger_is_brought_forward(tmp_path: Path) -> None:
    store = filled(tmp_path / "store")
    put(store, "a")
    del store
    shutil.copytree(tmp_path / "store", tmp_path / "old")
    store = EmbeddedStore(BASE, tmp_path / "store")
    put(store, "a", problem=SPEECH)
    put(store, "b")
    store.write([Change(ACTOR, None), Change(PRACTICE, None)], "x", "delete")
    expected = {entry.iri: entry for entry in store.entries()}
    when = store.provenance(f"{ID}practice/b")
    del store
    shutil.rmtree(tmp_path / "store")
    (tmp_path / "old").rename(tmp_path / "store")
    again = EmbeddedStore(BASE, tmp_path / "store")
    assert again.version() == 5
    assert {entry.iri: entry for entry in again.entries()} == expected
    assert again.provenance(f"{ID}practice/b") == when
    assert same(again)


def test_a_graph_ahead_of_its_ledger_is_refused(tmp_path: Path) -> None:
    store = filled(tmp_path / "store")
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as file, file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ledger = (tmp_path / "ledger.sqlite").read_bytes()
    put(store, "a")
    store.ledger.database.close()
    del store
    for name in ("ledger.sqlite-wal", "ledger.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "ledger.sqlite").write_bytes(ledger)
    with pytest.raises(StoreUnusable, match="stands at change 2, its ledger at 1"):
        EmbeddedStore(BASE, tmp_path / "store")


def test_a_ledger_or_a_graph_of_another_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        filled(tmp_path / name / "store")
    ledger = Ledger(Database.in_file(tmp_path / "two" / "ledger.sqlite"))
    with pytest.raises(StoreUnusable, match="do not belong together"):
        EmbeddedStore(BASE, tmp_path / "one" / "store", ledger)
    with pytest.raises(StoreUnusable, match="do not belong together"):
        EmbeddedStore(BASE, tmp_path / "one" / "store", Ledger())
    with pytest.raises(StoreUnusable, match="graph of this ledger is missing"):
        EmbeddedStore(BASE, tmp_path / "empty" / "store", ledger)


def test_a_ledger_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    filled(tmp_path / "store").ledger.database.close()
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as file, file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnusable, match="newer release"):
        EmbeddedStore(BASE, tmp_path / "store")


def test_what_is_no_ledger_is_told(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreUnusable, match="ledger cannot be used"):
        Database.in_file(tmp_path / "ledger.sqlite")
    with pytest.raises(StoreUnusable, match="no database URL"):
        Database("nonsense")


# From before there was a ledger


def of_old(path: Path) -> None:
    """Make a store as version 0.1 left it: provenance in the graph and nothing else."""
    store = filled(path)
    put(store, "a")
    put(store, "b")
    store.write([Change(f"{ID}practice/b", None)], "y", "delete")
    store._update(
        "DELETE { GRAPH ?g { ?s psr:storeIdentity ?i ; psr:change ?c } }"
        " WHERE { GRAPH ?g { ?s psr:storeIdentity ?i ; psr:change ?c } }"
    )
    store.ledger.database.close()
    for file in path.parent.glob("ledger.sqlite*"):
        file.unlink()


def test_history_begins_with_what_is_known(tmp_path: Path) -> None:
    of_old(tmp_path / "store")
    store = EmbeddedStore(BASE, tmp_path / "store")
    assert store.version() == 4
    iri, gone = f"{ID}practice/a", f"{ID}practice/b"
    first = store.ledger.history(iri)
    assert [(v.version, v.by, v.known) for v in first] == [(2, "x", False)]
    assert [(v.version, v.action) for v in store.ledger.history(gone)] == [(4, "delete")]
    assert put(store, "a", problem=SPEECH) == 5
    assert store.ledger.state(iri, 2, store.get(iri)) == practice("a")
    assert store.ledger.fate(gone) is not None
    with pytest.raises(NotFound):
        store.ledger.before(gone, 4, None)
    del store
    assert EmbeddedStore(BASE, tmp_path / "store").version() == 5


def test_the_migrations_make_the_tables(tmp_path: Path) -> None:
    from alembic import command
    from alembic.autogenerate import compare_metadata
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "kg/ledger/migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == REVISION
    with sa.create_engine(f"sqlite:///{tmp_path / 'x.sqlite'}").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_ledger_of_an_earlier_release_is_brought_up_to_date(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config, file = Config(), tmp_path / "ledger.sqlite"
    config.set_main_option("script_location", "kg/ledger/migrations")
    with sa.create_engine(f"sqlite:///{file}").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    database = Database.in_file(file)
    with database.begin(writing=False) as connection:
        names = set(sa.inspect(connection).get_table_names())
        at = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    assert (at, names) == (REVISION, {*metadata.tables, "alembic_version"})


def test_tables_hold_no_change_twice(store: EmbeddedStore) -> None:
    with store.ledger.database.begin(writing=False) as connection:
        counted = [
            connection.scalar(sa.select(sa.func.count()).select_from(t)) for t in (changes, parts)
        ]
    assert counted == [1, len(world())]


def test_no_older_state_is_read_beside_a_version_that_is_being_closed(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads a version and then the entry must not write what they never saw."""
    put(store, "a")
    store.get(f"{ID}practice/a")
    seen = []

    def close(number: int) -> None:
        last = store.provenance(f"{ID}practice/a")
        assert last is not None
        seen.append((last.number, store.get(f"{ID}practice/a")))

    monkeypatch.setattr(store.ledger, "close", close)
    put(store, "a", problem=SPEECH)
    assert seen == [(3, practice("a", problem=SPEECH))]


def test_an_update_that_broke_off_in_the_middle_is_made_whole(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Virtuoso keeps the operations that were done before the one that failed."""
    put(store, "a")
    update = store._update

    def breaks(text: str) -> None:
        update(text.partition(";\n")[0])
        raise Off

    monkeypatch.setattr(store, "whole_updates", False)
    monkeypatch.setattr(store, "_update", breaks)
    with pytest.raises(Off):
        put(store, "a", problem=SPEECH)
    monkeypatch.setattr(store, "_update", update)
    assert put(store, "b") == 4
    assert store.get(f"{ID}practice/a") == practice("a", problem=SPEECH)
    assert same(store)
    with store.ledger.database.begin(writing=False) as connection:
        noted = sa.select(sa.func.count()).select_from(parts).where(parts.c.state.is_not(None))
        assert connection.scalar(noted) == 0
