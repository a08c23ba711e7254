"""A home of version 0.1 is brought over once: history, tokens and votes; and never back."""

from __future__ import annotations

import gc
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kg.errors import NotFound, StoreUnusable
from service.core.runtime import LEDGER, STARTER, open_graph
from service.core.settings import Settings
from service.core.tokens import Tokens
from service.core.votes import Vote, Votes
from tests.kg.helpers import ID, practice, world
from tests.service.home_of_old import Write, make

A, B = f"{ID}practice/a", f"{ID}practice/b"
SECRET = "a token of version 0.1"
VOTE = ("2026-05-01", "similar", A, "", "", "tried")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    writes: list[Write] = [
        ("starter", "create", entry, iri) for iri, entry in list(world().items())[:3]
    ]
    writes += [
        ("city-of-split", "create", practice("a"), A),
        ("city-of-split", "replace", practice("a", problem='psr:problem "Later."@en'), A),
        ("city-of-split", "create", practice("b"), B),
        ("another", "delete", None, B),
    ]
    make(tmp_path / "home", writes, SECRET, [VOTE])
    return tmp_path / "home"


def test_what_is_known_is_brought_over_and_goes_on(old: Path) -> None:
    for _ in range(2):  # what is brought over once is not brought over twice
        intake = open_graph(Settings(home=old))
        store, ledger = intake.store, intake.store.ledger
        assert store.version() == ledger.last() == 7
        (first,) = ledger.history(A)
        assert (first.version, first.by, first.action, first.at) == (
            5, "city-of-split", "replace", "2026-05-01T10:00:00Z",
        )  # fmt: skip
        fate = ledger.fate(B)
        assert fate is not None
        assert (fate.version, intake.gone(B)) == (7, True)
        holder = Tokens(ledger.database).holder(SECRET)
        assert holder is not None
        assert (holder.name, holder.role, holder.countries) == ("city-of-split", "curator", ())
        assert Votes(ledger).rows() == [(VOTE[0], Vote(*VOTE[1:]), 2)]
        assert "digest" in json.loads(ledger.value(STARTER) or "")
        del intake, store
        gc.collect()
    assert sorted(path.name for path in old.glob("*.before-1.0")) == [
        "session.key.before-1.0", "starter.json.before-1.0", "tokens.json.before-1.0",
        "votes.sqlite.before-1.0",
    ]  # fmt: skip
    intake = open_graph(Settings(home=old))
    before = intake.store.get(A)
    accepted = intake.replace(practice("a", problem='psr:problem "Now."@en'), "city-of-split")
    assert accepted.version == 8
    assert intake.store.ledger.state(A, 5, intake.store.get(A)) == before
    with pytest.raises(NotFound):
        intake.store.ledger.state(B, 6, None)


@pytest.mark.parametrize("name", ["tokens.json", "starter.json", "votes.sqlite"])
def test_a_damaged_file_is_told_and_left_alone(old: Path, name: str) -> None:
    (old / name).write_bytes(b"[{")
    settings = Settings(home=old, starter=False)
    with pytest.raises(StoreUnusable, match=name):
        open_graph(settings)
    assert (old / name).read_bytes() == b"[{"
    gc.collect()
    (old / name).unlink()
    assert open_graph(settings).store.version() == 7


def test_a_home_of_a_newer_release_is_refused(old: Path) -> None:
    intake = open_graph(Settings(home=old))
    intake.store.ledger.database.close()
    del intake
    gc.collect()
    with closing(sqlite3.connect(old / LEDGER)) as file, file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnusable, match="newer release"):
        open_graph(Settings(home=old))


def test_no_starter_graph_is_brought_where_none_is_wanted(tmp_path: Path) -> None:
    store = open_graph(Settings(home=tmp_path, starter=False)).store
    assert (store.version(), list(store.entries())) == (0, [])
