"""What the index keeps on disk: tables in SQLite, and columns that are only added to.

What is added is written behind the rows that count, and one transaction counts it. So an end of
the process at any moment leaves what was before or what is after. A loss of power may take what
was not synced; entries since then are forgotten and read again.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap, FrozenBitMap

from matcher.encoding import ngrams, text
from matcher.encoding.centring import Means
from matcher.encoding.embedder import Matrix
from matcher.search.columns import Column
from matcher.search.corpus import END, LETTER, NOWHERE, TEXT, gists, quantised
from matcher.search.statistics import Concept, Statistics

#: so many entries are read at once where all are
AT_ONCE = 8_192
#: after so many new entries the columns are made to outlast a loss of power
UNSYNCED = 256
_SCHEMA = """
BEGIN;
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE entry (slot INTEGER PRIMARY KEY, iri TEXT UNIQUE NOT NULL, row INTEGER NOT NULL);
CREATE TABLE text (place INTEGER PRIMARY KEY, hash TEXT NOT NULL,
    slot INTEGER NOT NULL REFERENCES entry ON DELETE CASCADE);
CREATE INDEX entry_row ON entry (row);
CREATE INDEX text_hash ON text (hash);
CREATE INDEX text_slot ON text (slot);
CREATE TABLE failed (iri TEXT PRIMARY KEY, row INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE gone (slot INTEGER PRIMARY KEY);
COMMIT;
"""
Slots = npt.NDArray[np.int64]


class Damaged(Exception):
    """The files of the index do not go together."""


@dataclass(frozen=True)
class Standing:
    """At which change of which store the index stands.

    ``mark`` is that change's own, ``generation`` the catalogue's whose rows are noted.
    """

    store: str = ""
    version: int = 0
    mark: str = ""
    generation: str = ""
    text: str = text.VERSION


@dataclass(frozen=True)
class Reading:
    """What is kept of an entry: its texts with their hashes and vectors, and its letters."""

    iri: str
    row: int
    texts: Sequence[text.FacetText]
    hashes: Sequence[str]
    vectors: Matrix
    letters: ngrams.Sparse


class Holdings:
    """One folder; one thread writes. Damaged where its parts do not go together."""

    def __init__(self, folder: Path, means: Means) -> None:
        self.folder, self.means = folder, means
        folder.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(
            folder / "index.sqlite", isolation_level=None, check_same_thread=False
        )
        try:
            self._open()
        except (sqlite3.DatabaseError, OSError, ValueError, KeyError, TypeError) as error:
            self.db.close()
            raise Damaged(type(error).__name__) from error

    def _open(self) -> None:
        for pragma in ("journal_mode = wal", "synchronous = normal", "foreign_keys = on"):
            self.db.execute(f"PRAGMA {pragma}")
        if not self.db.execute("SELECT 1 FROM sqlite_master").fetchone():
            self.db.executescript(_SCHEMA)
        meta = dict(self.db.execute("SELECT name, value FROM meta"))
        self.standing = Standing(**json.loads(meta.get("standing", "{}")))
        self.counts = dict.fromkeys(("slots", "texts", "letters"), 0)
        self.counts |= json.loads(meta.get("counts", "{}"))
        self.changed = int(meta.get("changed", 0))
        self._synced = self.counts["slots"]
        if meta.get("boot", _boot()) != _boot():
            self._fall_back(json.loads(meta.get("synced", "{}")))
        width = np.dtype(("<f4", (len(self.means.vectors["*"]),)))
        slots, texts, letters = self.counts.values()
        self.ends = Column(self.folder / "ends", END, slots)
        self.texts = Column(self.folder / "texts", TEXT, texts)
        self.vectors = Column(self.folder / "vectors", width, texts)
        self.letters = Column(self.folder / "letters", LETTER, letters)
        number = int(meta.get("statistics", -1))
        self.statistics = Statistics.none(self.means)
        if number >= 0:
            self.statistics = Statistics.load(self.folder / f"statistics.{number}")
        self.gists = Column(self.folder / f"gists.{number}", self._gist, slots)
        self._read_rows()
        self._gone = True
        self.scrub()

    @property
    def _gist(self) -> np.dtype[Any]:
        return np.dtype(("i1", (len(self.means.vectors["*"]),)))

    def _fall_back(self, synced: Mapping[str, int]) -> None:
        """After a loss of power, forget what came after the last time that all was synced."""
        self.counts |= {name: synced.get(name, 0) for name in self.counts}
        with self._transaction():
            self.db.execute("DELETE FROM entry WHERE slot >= ?", (self.counts["slots"],))
            self.db.execute("DELETE FROM gone WHERE slot >= ?", (self.counts["slots"],))
            self._note(counts=json.dumps(self.counts), boot=_boot())

    def _read_rows(self) -> None:
        """Read which slot stands for which row of the catalogue, and what could not be read."""
        failed = "SELECT json_group_array(json_array(iri, row)) FROM failed"
        #: the entries that the model could not read, with their rows
        self.failed: dict[str, int] = dict(self.select(failed))
        slots, rows = self.db.execute(
            "SELECT group_concat(slot), group_concat(row) FROM"
            " (SELECT slot, row FROM entry ORDER BY slot)"
        ).fetchone()
        taken, named = (np.fromstring(t or "", np.int64, sep=",") for t in (slots, rows))
        self._taken = BitMap(taken.tolist())
        self.row_of = np.full(self.counts["slots"] + 1024, NOWHERE, np.int32)
        self.row_of[taken] = named
        self.slot_of = np.full(int(named.max(initial=0)) + 1024, NOWHERE, np.int64)
        self.slot_of[named[named >= 0]] = taken[named >= 0]

    @property
    def live(self) -> Slots:
        """The slots of the entries that are held and have a row, rising."""
        slots = np.asarray(self._taken.to_array(), np.int64)
        return np.asarray(slots[self.row_of[slots] != NOWHERE])

    @property
    def rows(self) -> FrozenBitMap:
        """The rows of the catalogue whose entries are held."""
        return FrozenBitMap(self.row_of[self.live].tolist())

    # ------------------------------------------------------------------ tables

    def select(self, query: str, *values: object) -> list[Any]:
        """What one query aggregates into JSON: one row, as each fetched one may wait its turn."""
        rows = []
        listed = [json.dumps(value) if isinstance(value, list) else value for value in values]
        rows = json.loads(self.db.execute(query, listed).fetchone()[0])
        return list(rows)

    def known(self, hashes: Iterable[str]) -> dict[str, int]:
        """The rows of the vectors of texts that were embedded before, by hash."""
        query = (
            "SELECT json_group_array(json_array(hash, place)) FROM text"
            " WHERE hash IN (SELECT value FROM json_each(?))"
        )
        return dict(self.select(query, list(hashes)))

    def iris_at(self, rows: Iterable[int]) -> list[str]:
        """The entries that stand for rows of the catalogue."""
        at = "SELECT json_group_array(iri) FROM entry WHERE row IN (SELECT value FROM json_each(?))"
        return self.select(at, list(rows))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def _note(self, **values: object) -> None:
        self.db.execute(
            "INSERT OR REPLACE INTO meta SELECT key, value FROM json_each(?)", (json.dumps(values),)
        )

    def stand(self, standing: Standing) -> None:
        """Note at which change the index stands."""
        self._note(standing=json.dumps(asdict(standing)))
        self.standing = standing

    def renumber(self, rows: Mapping[str, int], standing: Standing) -> None:
        """Note the rows of another generation; entries that have none are to be read again."""
        numbers = json.dumps(rows)
        with self._transaction():
            for table in ("entry", "failed"):
                self.db.execute(
                    f"UPDATE {table} SET row = coalesce((SELECT value FROM json_each(?1) AS numbers"
                    f" WHERE numbers.key = {table}.iri), {NOWHERE})",
                    (numbers,),
                )
            self.stand(standing)
        self._read_rows()

    # ------------------------------------------------------------------ following

    def replace(
        self, iris: Sequence[str], readings: Sequence[Reading], failed: Mapping[str, int]
    ) -> None:
        """Hold readings in the place of what was held of entries, in one transaction."""
        first = dict(self.counts)
        counts = self._write(readings)
        texts = [
            (place, digest, slot)
            for place, (digest, slot) in enumerate(
                (
                    (digest, slot)
                    for slot, reading in enumerate(readings, first["slots"])
                    for digest in reading.hashes
                ),
                first["texts"],
            )
        ]
        entries = [(slot, r.iri, r.row) for slot, r in enumerate(readings, first["slots"])]
        removed = [iri for iri in iris if iri not in {r.iri for r in readings}]
        three = (
            "json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')"
        )
        old = "IN (SELECT value FROM json_each(?))"
        with self._transaction():
            slots = self.select(
                f"SELECT json_group_array(slot) FROM entry WHERE iri {old}", [*iris]
            )
            if removed and slots:
                gone = f"INSERT INTO gone SELECT slot FROM entry WHERE iri {old}"
                self.db.execute(gone, (json.dumps(removed),))
            if slots:
                self.db.execute(f"DELETE FROM entry WHERE iri {old}", (json.dumps(iris),))
            if not self.failed.keys().isdisjoint(iris):
                self.db.execute(f"DELETE FROM failed WHERE iri {old}", (json.dumps(iris),))
            for table, values in (("entry", entries), ("text", texts)):
                columns = "place, hash, slot" if table == "text" else "slot, iri, row"
                self.db.execute(
                    f"INSERT INTO {table} ({columns}) SELECT {three} FROM json_each(?)",
                    (json.dumps(values),),
                )
            if failed:
                self.db.executemany("INSERT INTO failed VALUES (?, ?)", failed.items())
            self._note(counts=json.dumps(counts), changed=self.changed + len(iris), boot=_boot())
        self.counts, self.changed = counts, self.changed + len(iris)
        self.failed = {i: row for i, row in self.failed.items() if i not in iris} | {**failed}
        self._taken -= BitMap(slots)
        self._gone |= bool(removed)
        for slot, _iri, row in entries:
            self._name(slot, row)
        if counts["slots"] - self._synced >= UNSYNCED:
            self.sync()

    def _write(self, readings: Sequence[Reading]) -> dict[str, int]:
        """Write readings behind the rows that count; the counts with them."""
        if not readings:
            return self.counts
        counts = self.counts
        ends = np.zeros(len(readings), END)
        ends["texts"] = counts["texts"] + np.cumsum([len(r.texts) for r in readings])
        ends["letters"] = counts["letters"] + np.cumsum([r.letters.nnz for r in readings])
        texts = np.array(
            [(text.FACETS.index(t.facet), t.lang.encode()) for r in readings for t in r.texts], TEXT
        )
        letters = np.empty(int(ends["letters"][-1]) - counts["letters"], LETTER)
        letters["place"] = np.concatenate([r.letters.indices for r in readings])
        letters["count"] = np.concatenate([r.letters.data for r in readings]).clip(0, 65_535)
        vectors = np.concatenate([r.vectors for r in readings])
        owner = np.repeat(np.arange(len(readings)), [len(r.texts) for r in readings])
        self.ends.write(counts["slots"], ends)
        self.texts.write(counts["texts"], texts)
        self.vectors.write(counts["texts"], vectors)
        self.letters.write(counts["letters"], letters)
        self.gists.write(
            counts["slots"], self._gists(len(readings), owner, texts, vectors, self.statistics)
        )
        return {
            "slots": counts["slots"] + len(readings),
            "texts": int(ends["texts"][-1]),
            "letters": int(ends["letters"][-1]),
        }

    def _gists(
        self, size: int, owner: Slots, texts: npt.NDArray[Any], raw: Matrix, by: Statistics
    ) -> npt.NDArray[np.int8]:
        centred = self.means.centre(raw, texts["lang"], by.shift)
        return quantised(gists(size, owner, texts["facet"], centred))

    def _name(self, slot: int, row: int) -> None:
        """Let a slot stand for a row, of which readers' bitmaps know nothing yet."""
        if slot >= len(self.row_of):
            self.row_of = np.append(self.row_of, np.full(len(self.row_of), NOWHERE, np.int32))
        if row >= len(self.slot_of):
            more = row + 1024 + len(self.slot_of) // 4 - len(self.slot_of)
            self.slot_of = np.append(self.slot_of, np.full(more, NOWHERE, np.int64))
        self.row_of[slot] = row
        self.slot_of[row] = slot
        self._taken.add(slot)

    def scrub(self) -> None:
        """Overwrite what was kept of entries that are gone; nobody may be reading it."""
        if not self._gone:
            return
        for slot in self.select("SELECT json_group_array(slot) FROM gone"):
            begin = self.ends.view[slot - 1] if slot else np.zeros((), END)
            end = self.ends.view[slot]
            for name, columns in (
                ("texts", (self.texts, self.vectors)),
                ("letters", (self.letters,)),
            ):
                for column in columns:
                    rows = (int(end[name] - begin[name]), *column.dtype.shape)
                    column.write(int(begin[name]), np.zeros(rows, column.dtype.base))
            self.gists.write(slot, np.zeros((1, *self.gists.dtype.shape), np.int8))
        self.db.execute("DELETE FROM gone")
        self._gone = False

    def sync(self) -> None:
        """Have all that is held outlast a loss of power."""
        for column in (self.ends, self.texts, self.vectors, self.letters, self.gists):
            column.sync()
        self._note(synced=json.dumps(self.counts), boot=_boot())
        self._synced = self.counts["slots"]

    # ------------------------------------------------------------------ statistics

    def count_anew(self, number: int, concepts: Mapping[Concept, int]) -> None:
        """Make the statistics of what is held, and the gists by them, and use them from now on."""
        for old in {*self.folder.glob("gists.*"), *self.folder.glob("statistics.*")}:
            if old.suffix != self.gists.path.suffix:
                old.unlink(missing_ok=True)
        live = np.zeros(self.counts["slots"], bool)
        live[self.live] = True
        total = np.zeros(len(self.means.vectors["*"]))
        holders, size = np.zeros(ngrams.PLACES, np.int64), 0
        for some, owner, texts in self._portions():
            keep = live[some][owner]
            vectors, langs = self.vectors.view[texts][keep], self.texts.view[texts]["lang"][keep]
            if len(vectors):
                total += self.means.take_out(vectors, langs).sum(axis=0, dtype=np.float64)
                size += len(vectors)
            runs = self._span("letters", some)
            lengths = np.diff(self.ends.view["letters"][some], prepend=runs.start)
            places = self.letters.view[runs]["place"][np.repeat(live[some], lengths)]
            holders += np.bincount(places, minlength=ngrams.PLACES)
        shift = self.means.shift(total, size)
        made = Statistics(number, int(live.sum()), shift, holders.astype(np.int32), dict(concepts))
        path = self.folder / f"gists.{number}"
        column = Column(path.with_suffix(".part"), self._gist)
        for some, owner, texts in self._portions():
            about, raw = self.texts.view[texts], self.vectors.view[texts]
            column.write(some.start, self._gists(some.stop - some.start, owner, about, raw, made))
        column.sync()
        made.save(self.folder / f"statistics.{number}")
        os.replace(column.path, path)
        column.path = path
        self._note(statistics=number, changed=0)
        self.statistics, self.gists, self.changed = made, column, 0

    def _span(self, name: str, slots: slice) -> slice:
        """The rows of neighbouring entries in another column."""
        ends = self.ends.view[name]
        return slice(int(ends[slots.start - 1]) if slots.start else 0, int(ends[slots.stop - 1]))

    def _portions(self) -> Iterator[tuple[slice, Slots, slice]]:
        """All slots in portions, with each text's owner in the portion and the texts' rows."""
        for start in range(0, self.counts["slots"], AT_ONCE):
            some = slice(start, min(start + AT_ONCE, self.counts["slots"]))
            texts = self._span("texts", some)
            lengths = np.diff(self.ends.view["texts"][some], prepend=texts.start)
            yield some, np.repeat(np.arange(len(lengths)), lengths), texts

    # ------------------------------------------------------------------ compacting

    def compacted(self, folder: Path) -> Holdings:
        """Write what is held into another folder, without what is gone."""
        shutil.rmtree(folder, ignore_errors=True)
        fresh = Holdings(folder, self.means)
        number = self.statistics.number
        if (kept := self.folder / f"statistics.{number}").exists():
            shutil.copyfile(kept, folder / kept.name)
            fresh.gists = Column(folder / f"gists.{number}", self._gist)
            fresh.statistics = self.statistics
        live, counts = self.live, fresh.counts
        new_place = np.full(self.counts["texts"], NOWHERE, np.int64)
        for start in range(0, len(live), AT_ONCE):
            slots = live[start : start + AT_ONCE]
            ends, spans = np.zeros(len(slots), END), {}
            for name in ("texts", "letters"):
                own = self.ends.view[name]
                begin = np.where(slots > 0, own[slots - 1], 0)
                lengths = own[slots] - begin
                first = np.cumsum(lengths) - lengths
                spans[name] = np.arange(lengths.sum()) + np.repeat(begin - first, lengths)
                ends[name] = counts[name] + np.cumsum(lengths)
            at = spans["texts"]
            new_place[at] = counts["texts"] + np.arange(len(at))
            fresh.ends.write(counts["slots"], ends)
            fresh.texts.write(counts["texts"], self.texts.view[at])
            fresh.vectors.write(counts["texts"], self.vectors.view[at])
            fresh.letters.write(counts["letters"], self.letters.view[spans["letters"]])
            fresh.gists.write(counts["slots"], self.gists.view[slots])
            counts["slots"] += len(slots)
            counts["texts"] += len(at)
            counts["letters"] += len(spans["letters"])
        new_slot = np.full(self.counts["slots"], NOWHERE, np.int64)
        new_slot[live] = np.arange(len(live))
        with fresh._transaction():
            entries = self.db.execute("SELECT slot, iri, row FROM entry").fetchall()
            held = ((int(new_slot[s]), i, r) for s, i, r in entries if new_slot[s] != NOWHERE)
            fresh.db.executemany("INSERT INTO entry VALUES (?, ?, ?)", held)
            texts = self.db.execute("SELECT place, hash, slot FROM text").fetchall()
            known = (
                (int(new_place[p]), h, int(new_slot[s]))
                for p, h, s in texts
                if new_slot[s] != NOWHERE
            )
            fresh.db.executemany("INSERT INTO text VALUES (?, ?, ?)", known)
            fresh.db.executemany("INSERT INTO failed VALUES (?, ?)", self.failed.items())
            fresh._note(counts=json.dumps(counts), changed=self.changed)
            fresh._note(standing=json.dumps(asdict(self.standing)))
            if kept.exists():
                fresh._note(statistics=number)
        fresh.sync()
        fresh.close()
        return Holdings(folder, self.means)

    def close(self) -> None:
        """Close the tables."""
        self.db.close()


def _boot() -> str:
    """What tells one start of the machine from another; where it is not known, the same."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
