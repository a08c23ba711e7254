"""All entries as lists, filters, counts and searches need them: a cache that follows the graph.

* A row number is given once. What replaces an entry gets a new row, and the old one is retired;
  nothing of a row ever changes, so a reader needs no lock and no transaction: it holds a
  ``CatalogueSnapshot``, the sets of rows that count at one number of the graph.
* One transaction carries a change and the number of the graph that the catalogue then stands at.
* It is made anew where it is damaged, or does not belong to this graph.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
import sqlite3
import tempfile
import threading
import time
import uuid
import weakref
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from pyroaring import BitMap, FrozenBitMap

from kg.catalogue.orders import Order
from kg.catalogue.rows import FACETS, LISTED, WORD, Derived, Row, derive, stronger
from kg.catalogue.territories import Territories
from kg.entry import Text
from kg.errors import Overloaded
from kg.stores.protocol import Store
from kg.text.folding import fold
from kg.text.i18n import available, gettext
from kg.text.stems import stems
from kg.vocabulary import CLASSES, graphs, local_name

#: change it when rows are worked out otherwise, and every catalogue is made anew
VERSION = "1"
#: entries that are read and written at a time
BATCH = 500
#: seconds after which a retired row is swept out: no question takes so long
KEPT = 60.0
#: rows that are swept out at a time, and pages of the index of words that are merged
SWEPT, MERGED = 2_000, 500
#: rows that are ranked by their words at most
COMMON = 20_000
#: the rarest words of a text that are looked for
RAREST = 16
NOTHING = FrozenBitMap()
Conditions = Mapping[str, Sequence[str]]
Progress = Callable[[int, int], None]
Rows = FrozenBitMap
log = logging.getLogger("passerelle")

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE value (code INTEGER PRIMARY KEY, facet TEXT, value TEXT, UNIQUE (facet, value));
CREATE TABLE entry (row INTEGER PRIMARY KEY, iri TEXT NOT NULL, retired REAL, codes BLOB NOT NULL,
    body TEXT NOT NULL, passed TEXT NOT NULL, age TEXT, weakness TEXT, words TEXT, names TEXT,
    title TEXT NOT NULL{titles});
CREATE INDEX entry_iri ON entry (iri);
CREATE INDEX entry_retired ON entry (retired) WHERE retired IS NOT NULL;
CREATE TABLE title (row INTEGER, path TEXT, plain TEXT, value TEXT);
CREATE INDEX title_plain ON title (plain, path);
CREATE INDEX title_row ON title (row);
CREATE TABLE need (iri TEXT, row INTEGER, PRIMARY KEY (iri, row)) WITHOUT ROWID;
CREATE INDEX need_row ON need (row);
CREATE VIRTUAL TABLE by_word USING fts5 (words, content = 'entry', content_rowid = 'row',
    tokenize = "unicode61 remove_diacritics 0");
CREATE VIRTUAL TABLE by_name USING fts5 (names, content = 'entry', content_rowid = 'row',
    tokenize = 'trigram');
CREATE VIRTUAL TABLE frequency USING fts5vocab (by_word, 'row');
INSERT INTO by_word (by_word, rank) VALUES ('automerge', 0), ('crisismerge', 64);
INSERT INTO by_name (by_name, rank) VALUES ('automerge', 0), ('crisismerge', 64);
"""
_KEYS = {"checked": "age", "evidence": "weakness"}
_TEXTS = ("titles", "summaries")
#: the indexes of words and of runs of three letters, and the column that each is of
_INDEXES = {"by_word": "words", "by_name": "names"}
_COUNT = (
    "SELECT (COUNT(DISTINCT ?e) AS ?n) { GRAPH ?e { ?e a ?class } VALUES ?class {"
    + " ".join(f" <{iri}>" for iri in CLASSES.values())
    + " } }"
)
#: what is wrong for a while, and not with the file
_PASSING = ("full", "locked", "disk I/O", "readonly", "unable to open")
_NEWEST_FIRST = str.maketrans("0123456789", "9876543210")


@dataclass(frozen=True)
class CatalogueSnapshot:
    """The catalogue at one number of the graph; it stays as it is while changes are followed.

    ``generation`` changes when the catalogue is made anew: row numbers of another one mean nothing.
    ``live`` are the rows of all entries, ``postings`` those that have each value of a facet, by the
    numbers that ``codes`` gives to values and ``facets`` takes back.
    """

    version: int
    generation: str
    base: str
    live: Rows
    territories: Territories
    postings: Mapping[int, Rows]
    codes: Mapping[str, Mapping[str, int]]
    facets: Sequence[tuple[str, str]]
    file: _File
    orders: _Orders

    @property
    def listed(self) -> Rows:
        """The rows that browsing shows: of all entries but places and matches."""
        return self.passing({"type": LISTED})

    # ------------------------------------------------------------------ sets

    def passing(self, conditions: Conditions) -> Rows:
        """The rows that have one of the values of each filter; IRIs stand for their ends.

        A filter without values asks for nothing. ``filters.OTHERS`` are known too.
        """
        left = self.live
        for name, values in conditions.items():
            if not values:
                continue
            if name == "evidence_min":
                name, values = "evidence", [v for level in values for v in stronger(level)]
            codes = self.codes.get(name.removeprefix("not_"), {})
            known = (codes.get(local_name(value), -1) for value in values)
            some = NOTHING.union(*(self.postings.get(code, NOTHING) for code in known))
            left = left - some if name.startswith("not_") else left & some
        return left

    def counts(self, name: str, among: Rows) -> dict[str, int]:
        """How many rows of a set have each value of a facet; values that none has are left out."""
        count = among.intersection_cardinality
        counts = {value: count(self.postings[code]) for value, code in self._known(name)}
        return {value: number for value, number in counts.items() if number}

    def values(self, name: str, rows: Iterable[int]) -> dict[int, set[str]]:
        """The values of a facet that each of some rows has."""
        few = BitMap(rows)
        values: dict[int, set[str]] = {row: set() for row in few}
        for value, code in self._known(name):
            for row in self.postings[code] & few:
                values[row].add(value)
        return values

    def _known(self, name: str) -> Iterator[tuple[str, int]]:
        known = self.codes.get(name, {})
        return ((value, code) for value, code in known.items() if code in self.postings)

    # ------------------------------------------------------------------ words and names

    def holding(self, text: str) -> Rows:
        """The rows that have each longer word of a text, or one that begins with it.

        They may be in the texts, titles, and the names of themes, target groups and the like, in
        any language.
        """
        typed = WORD.findall(fold(text).replace("_", " "))
        if not typed:
            return NOTHING
        return self._matching("by_word", " ".join(f'"{word}"*' for word in typed))

    def named(self, text: str) -> Rows:
        """The rows with a text in one of their titles or other names, however it is written."""
        plain = fold(text)
        if len(plain) >= 3:  # a shorter one has no run of three letters to look up
            return self._matching("by_name", _quoted(plain))
        sql = "SELECT group_concat(row) FROM entry WHERE instr(names, ?)"
        return self._set(self.file.read(sql, plain))

    def called(self, path: str, text: str) -> list[tuple[int, str]]:
        """The rows of a class with a title that folds to the same as a text, and these titles."""
        sql = (
            "SELECT json_group_array(json_array(row, value)) FROM title"
            " WHERE plain = ? AND path = ?"
        )
        pairs = json.loads(self.file.read(sql, fold(text), path))
        return [(row, value) for row, value in pairs if row in self.live]

    def alike(self, text: str, limit: int = 200) -> Rows:
        """Some rows whose names share runs of three letters with a text, the nearest ones."""
        plain = fold(text)
        runs = dict.fromkeys(plain[at : at + 3] for at in range(len(plain) - 2))
        if not runs:
            return NOTHING
        sql = (
            "SELECT group_concat(rowid) FROM (SELECT rowid FROM by_name WHERE by_name MATCH ?"
            f" ORDER BY rank LIMIT {limit})"
        )
        return self._set(self.file.read(sql, " OR ".join(map(_quoted, runs))))

    def words(self, text: str, lang: str, among: Rows, limit: int) -> list[int]:
        """The rows of a set that share the rarest words of a text, the best by BM25 first.

        Words are compared by their stems. What very many entries have is left out.
        """
        tokens = sorted({fold(stem) for stem in stems(text, lang)})
        sql = (
            "SELECT json_group_array(json_array(term, doc)) FROM frequency"
            " WHERE term IN (SELECT value FROM json_each(?))"
        )
        known = json.loads(self.file.read(sql, json.dumps(tokens)))
        rare, together = list[str](), 0
        for number, term in sorted((number, term) for term, number in known)[:RAREST]:
            together += number
            if together <= COMMON:
                rare.append(_quoted(term))
        if not rare:
            return []
        sql = (
            "SELECT json_group_array(rowid) FROM (SELECT rowid FROM by_word WHERE by_word MATCH ?"
            " ORDER BY rank, rowid)"
        )
        best = json.loads(self.file.read(sql, " OR ".join(rare)))
        return [row for row in best if row in among][:limit]

    def _matching(self, table: str, expression: str) -> Rows:
        sql = f"SELECT group_concat(rowid) FROM {table} WHERE {table} MATCH ?"
        return self._set(self.file.read(sql, expression))

    def _set(self, numbers: str | None) -> Rows:
        return FrozenBitMap(map(int, numbers.split(","))) & self.live if numbers else NOTHING

    # ------------------------------------------------------------------ rows

    def page(
        self, among: Rows, order: str, offset: int, limit: int, after: str | None = None
    ) -> list[int]:
        """A page of a set by ``iri``, ``checked`` (newest first), ``evidence`` or ``title-LANG``.

        By IRI it may begin behind one instead of at an offset.
        """
        return self.orders(order).page(among, offset, limit, after)

    def read(self, rows: Iterable[int]) -> list[Row]:
        """What lists show of rows, in the order given."""
        numbers = list(rows)
        sql = (
            "SELECT json_group_array(json_array(row, hex(codes), json(body))) FROM entry"
            " WHERE row IN (SELECT value FROM json_each(?))"
        )
        stored = json.loads(self.file.read(sql, json.dumps(numbers)))
        read: dict[int, Row] = {}
        for row, codes, body in stored:
            values: dict[str, list[str]] = {name: [] for name in FACETS}
            for code in array("I", bytes.fromhex(codes)):
                name, value = self.facets[code]
                values[name].append(value)
            texts = {name: tuple(Text(*text) for text in body[name]) for name in _TEXTS}
            point = body["point"]
            read[row] = Row(
                iri=body["iri"],
                path=body["path"],
                titles=texts["titles"],
                summaries=texts["summaries"],
                values={name: tuple(sorted(some)) for name, some in values.items()},
                point=(point[0], point[1]) if point else None,
                checked=body["checked"],
                source=body["source"],
                licence=body["licence"],
                evidence=body["evidence"],
            )
        return [read[row] for row in numbers if row in read]

    def rows(self, iris: Iterable[str]) -> dict[str, int]:
        """The row of each entry; those that are not here are left out."""
        sql = (
            "SELECT json_group_array(json_array(iri, row)) FROM entry"
            " WHERE iri IN (SELECT value FROM json_each(?))"
        )
        pairs = json.loads(self.file.read(sql, json.dumps(list(iris))))
        return {iri: row for iri, row in pairs if row in self.live}

    def iris(self, rows: Iterable[int]) -> dict[int, str]:
        """The IRI of each row."""
        sql = (
            "SELECT json_group_array(json_array(row, iri)) FROM entry"
            " WHERE row IN (SELECT value FROM json_each(?))"
        )
        return dict(json.loads(self.file.read(sql, json.dumps(list(rows)))))

    def entries(self, iris: Iterable[str]) -> list[Row]:
        """What lists show of entries, in the order given; those that are not here are left out."""
        names = list(iris)
        rows = self.rows(names)
        return self.read(rows[iri] for iri in names if iri in rows)

    def __contains__(self, iri: object) -> bool:
        return isinstance(iri, str) and bool(self.rows([iri]))

    def titles(self, iris: Iterable[str], lang: str) -> dict[str, Text]:
        """What entries and places are called in a language; those that are not here are left out.

        A country is called as the language has it.
        """
        names = list(dict.fromkeys(iris))
        rows = {row.iri: row.title(lang) for row in self.entries(names)}
        return rows | {i: self.territories[i].title(lang) for i in names if i in self.territories}


class Catalogue:
    """The one writer, and where everybody gets the present ``CatalogueSnapshot``.

    A second process on the same home works with a catalogue of its own.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        self._store, self._lock = store, threading.RLock()
        folder.mkdir(parents=True, exist_ok=True)
        guard = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        self._let_go: list[Callable[[], object]] = [weakref.finalize(self, os.close, guard)]
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            folder = Path(tempfile.mkdtemp(prefix="passerelle-catalogue-"))
            self._let_go.append(weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True))
        self._folder = folder
        self._present: CatalogueSnapshot | None = None
        self._db: sqlite3.Connection | None = None
        self._tidied = time.monotonic()

    def snapshot(self, progress: Progress | None = None) -> CatalogueSnapshot:
        """The catalogue at the present number of the graph; what it lacks is followed first.

        Raises Overloaded where it cannot be written, and what the store raises.
        """
        present = self._present
        if present and not present.file.damaged and present.version == self._store.version():
            return present
        with self._lock:
            try:
                return self._brought_up(progress)
            except sqlite3.DatabaseError as error:
                self._present = None
                if any(text in str(error) for text in _PASSING):
                    raise Overloaded(
                        gettext("The lists cannot be brought up to date. Try again soon."), 5
                    ) from error
                log.warning("The catalogue was damaged (%s) and is made anew.", error)
                self._discard()
                return self._brought_up(progress)

    def _brought_up(self, progress: Progress | None) -> CatalogueSnapshot:
        if self._present and self._present.file.damaged:
            raise sqlite3.DatabaseError(self._present.file.damaged)
        present = self._present or self._opened(progress)
        # A change that another copy has not closed yet is in the graph, and in no list of changes.
        version = self._store.ledger.last()
        if present.version != version:
            # Where anything goes wrong on the way, the sets are read from the file again.
            self._present = None
            changed = [iri for iri, _ in self._store.changes_since(present.version)]
            present = self._follow(present, changed, version, progress)
        self._present = present
        return present

    def tidy(self) -> None:
        """What no change should wait for: sweep out retired rows, merge the index of words.

        It does so once a minute, however often it is called.
        """
        with self._lock:
            if self._present is None or self._db is None or time.monotonic() < self._tidied + KEPT:
                return
            self._tidied = time.monotonic()
            gone = _Writer(self._db).sweep(time.time() - KEPT)
            if gone:
                self._present.orders.sweep(gone)
            for table in _INDEXES:
                # A negative number merges until words that were swept out are gone for good.
                self._db.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('merge', {-MERGED})")
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close the file, and let another process have it."""
        with self._lock:
            if self._db:
                self._db.close()
            self._db = self._present = None
            for let_go in self._let_go:
                let_go()

    # ------------------------------------------------------------------ the file

    @property
    def _writer(self) -> sqlite3.Connection:
        assert self._db
        return self._db

    def _opened(self, progress: Progress | None) -> CatalogueSnapshot:
        """Open the file, or make it anew where it is not this graph's."""
        files = sorted(self._folder.glob("*.sqlite"), key=lambda file: file.stat().st_mtime)
        if files and self._db is None:
            self._db = _connected(files[-1])
        if self._db:
            meta = dict(self._db.execute("SELECT name, value FROM meta"))
            version = int(meta.get("version", -1))
            mark = self._store.ledger.mark(version)
            if (meta.get("signature"), meta.get("mark")) == (self._signature(), mark):
                return self._read(version, str(meta["generation"]))
            log.info("The catalogue is made anew: it was of another graph or release.")
            self._discard()
        return self._build(progress)

    def _signature(self) -> str:
        """Which graph a catalogue is of, and how it was made."""
        words = hashlib.sha256()
        for name, triples in graphs():
            words.update("\n".join([name, *sorted(map(str, triples))]).encode())
        identity = self._store.ledger.identity
        made = (VERSION, identity, self._store.base, words.hexdigest()[:16], *available())
        return " ".join(map(str, made))

    def _discard(self) -> None:
        """Throw the file away; who still reads it may go on."""
        if self._db:
            self._db.close()
        self._db = self._present = None
        for file in self._folder.glob("*.sqlite*"):
            file.unlink()

    def _build(self, progress: Progress | None) -> CatalogueSnapshot:
        """Make the catalogue of the whole graph, aside, and put it in its place."""
        version, store = self._store.ledger.last(), self._store
        for file in self._folder.glob("*.new*"):
            file.unlink()
        generation = uuid.uuid4().hex
        aside = self._folder / f"{generation}.new"
        db = sqlite3.connect(aside, isolation_level=None)
        db.execute("PRAGMA journal_mode = off")
        db.execute("PRAGMA synchronous = off")
        db.executescript(_SCHEMA.format(titles="".join(f", {_title(t)} TEXT" for t in available())))
        meta = {
            "signature": self._signature(),
            "generation": generation,
            "version": str(version),
            "mark": store.ledger.mark(version),
        }
        db.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        territories, writer = Territories(store), _Writer(db)
        total = int(store.select(_COUNT, {})[0]["n"]) if progress else 0
        entries, done = store.entries(), 0
        while batch := list(islice(entries, BATCH)):
            with db:
                db.execute("BEGIN")
                writer.add(derive(store, territories, batch))
            done += len(batch)
            if progress:
                progress(done, total)
        for table in _INDEXES:
            db.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")
        db.close()
        self._db = _connected(aside.replace(self._folder / f"{generation}.sqlite"))
        return self._read(version, generation, territories)

    def _read(
        self, version: int, generation: str, territories: Territories | None = None
    ) -> CatalogueSnapshot:
        """Read the sets of rows from the file."""
        db, writer = self._writer, _Writer(self._writer)
        owners: dict[int, array[int]] = defaultdict(lambda: array("I"))
        live = array("I")
        for row, blob in db.execute("SELECT row, codes FROM entry WHERE retired IS NULL"):
            live.append(row)
            for code in array("I", blob):
                owners[code].append(row)
        return CatalogueSnapshot(
            version=version,
            generation=generation,
            base=self._store.base,
            live=FrozenBitMap(live),
            territories=territories or Territories(self._store),
            postings={code: FrozenBitMap(rows) for code, rows in owners.items()},
            codes=writer.codes,
            facets=writer.facets,
            file=_File(self._folder / f"{generation}.sqlite"),
            orders=_Orders(db, self._lock),
        )

    # ------------------------------------------------------------------ following

    def _follow(
        self,
        present: CatalogueSnapshot,
        iris: Sequence[str],
        version: int,
        progress: Progress | None,
    ) -> CatalogueSnapshot:
        """Make the rows of entries anew, and those that are made from them."""
        store, db = self._store, self._writer
        territories, waiting = present.territories, dict.fromkeys(iris)
        if places := [iri for iri in iris if iri.startswith(f"{store.base}id/territory/")]:
            territories = Territories(store)
            # Where only its names are others, nothing that lies in a place has changed.
            before, after = (
                {i: replace(place, names={}, others={}) for i in places if (place := known.get(i))}
                for known in (present.territories, territories)
            )
            moved = [iri for iri in places if before.get(iri) != after.get(iri)]
            inside = present.passing({"territory": moved}) if moved else NOTHING
            waiting |= dict.fromkeys(present.iris(inside).values())
        writer = _Writer(db, present.codes, present.facets)
        postings, live, done = dict(present.postings), present.live, set[str]()
        while batch := list(islice((iri for iri in waiting if iri not in done), BATCH)):
            derived = derive(store, territories, store.several(batch))
            with db:
                db.execute("BEGIN IMMEDIATE")
                gone = writer.retire(batch)
                come = writer.add(derived)
                waiting |= dict.fromkeys(writer.needing(gone.values(), derived))
            done |= set(batch)
            live = (live - FrozenBitMap(gone)) | FrozenBitMap(come)
            for code, some in _by_code((row, old.codes) for row, old in gone.items()).items():
                postings[code] = postings.get(code, NOTHING) - FrozenBitMap(some)
            for code, some in _by_code(come.items()).items():
                postings[code] = postings.get(code, NOTHING) | FrozenBitMap(some)
            present.orders.add(zip(come, derived, strict=True))
            if progress:
                progress(len(done), len(waiting))
        with db:
            db.execute("BEGIN IMMEDIATE")
            standing = {"version": str(version), "mark": store.ledger.mark(version)}
            db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", standing.items())
        return replace(
            present,
            version=version,
            live=live,
            territories=territories,
            postings=postings,
            codes=writer.codes,
            facets=writer.facets,
        )


@dataclass(frozen=True)
class _Retired:
    """What has to be known of a row that is retired."""

    iri: str
    codes: Sequence[int]
    passed: str


class _Writer:
    """Writes rows within a transaction of somebody else's.

    ``codes`` numbers the values of facets; they are copied when a new one comes, because
    snapshots hold them. ``facets`` is the same by number.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        codes: Mapping[str, Mapping[str, int]] | None = None,
        facets: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._db = db
        self.facets = list(facets)
        self.codes = {name: dict(some) for name, some in (codes or {}).items()}
        if codes is None:
            sql = "SELECT code, facet, value FROM value ORDER BY code"
            for code, name, value in db.execute(sql):
                self._note(code, name, value)
        columns = (row[1] for row in db.execute("PRAGMA table_info (entry)"))
        self._titles = [name for name in columns if name.startswith("title_")]

    def _note(self, code: int, name: str, value: str) -> None:
        self.facets += [("", "")] * (code + 1 - len(self.facets))
        self.facets[code] = (name, value)
        self.codes.setdefault(name, {})[value] = code

    def retire(self, iris: Sequence[str]) -> dict[int, _Retired]:
        """Retire the rows of entries, as far as there are any."""
        rows = self._db.execute(
            "UPDATE entry SET retired = ? WHERE retired IS NULL"
            " AND iri IN (SELECT value FROM json_each(?)) RETURNING row, iri, codes, passed",
            (time.time(), json.dumps(iris)),
        ).fetchall()
        return {row: _Retired(iri, array("I", blob), text) for row, iri, blob, text in rows}

    def add(self, derived: Sequence[Derived]) -> dict[int, Sequence[int]]:
        """Add a row for each entry, in their order; the codes of each."""
        (last,) = self._db.execute("SELECT COALESCE(MAX(row), 0) FROM entry").fetchone()
        rows = dict(enumerate(derived, last + 1))
        stated = {
            row: [(name, v) for name, values in one.row.values.items() for v in values]
            for row, one in rows.items()
        }
        for name, value in dict.fromkeys(pair for pairs in stated.values() for pair in pairs):
            if value not in self.codes.get(name, {}):
                sql = "INSERT INTO value (facet, value) VALUES (?, ?)"
                code = self._db.execute(sql, (name, value)).lastrowid
                assert code is not None
                self._note(code, name, value)
        codes = {
            row: array("I", sorted(self.codes[name][value] for name, value in pairs))
            for row, pairs in stated.items()
        }
        marks = ", ".join("?" * (10 + len(self._titles)))
        self._db.executemany(
            "INSERT INTO entry (row, iri, codes, body, passed, age, weakness, words, names, title"
            f"{''.join(f', {name}' for name in self._titles)}) VALUES ({marks})",
            [(row, *self._cells(one, codes[row])) for row, one in rows.items()],
        )
        for table, column in _INDEXES.items():
            texts = [(row, getattr(one, column)) for row, one in rows.items()]
            self._db.executemany(f"INSERT INTO {table} (rowid, {column}) VALUES (?, ?)", texts)
        titles = [
            (row, one.row.path, fold(title.value), title.value)
            for row, one in rows.items()
            for title in one.row.titles
        ]
        self._db.executemany("INSERT INTO title VALUES (?, ?, ?, ?)", titles)
        needs = [(iri, row) for row, one in rows.items() for iri in sorted(one.needs)]
        self._db.executemany("INSERT INTO need VALUES (?, ?)", needs)
        return dict(codes)

    def _cells(self, derived: Derived, codes: array[int]) -> tuple[object, ...]:
        row = derived.row
        body = {
            "iri": row.iri,
            "path": row.path,
            "point": row.point,
            "checked": row.checked,
            "source": row.source,
            "licence": row.licence,
            "evidence": row.evidence,
            **{name: [[t.value, t.lang, t.prop] for t in getattr(row, name)] for name in _TEXTS},
        }
        title = fold(row.title("en").value)
        others = [fold(row.title(name.removeprefix("title_")).value) for name in self._titles]
        return (
            row.iri,
            codes.tobytes(),
            json.dumps(body, ensure_ascii=False),
            derived.passed,
            row.checked.translate(_NEWEST_FIRST) or "~",
            str(9 - row.evidence),
            derived.words,
            derived.names,
            title,
            *(None if other == title else other for other in others),
        )

    def needing(self, gone: Iterable[_Retired], come: Sequence[Derived]) -> list[str]:
        """The entries whose rows are made from what has changed."""
        before = {old.iri: old.passed for old in gone}
        after = {new.row.iri: new.passed for new in come}
        changed = [i for i in {**before, **after} if before.get(i, "") != after.get(i, "")]
        rows = self._db.execute(
            "SELECT DISTINCT entry.iri FROM need JOIN entry USING (row) WHERE retired IS NULL"
            " AND need.iri IN (SELECT value FROM json_each(?)) ORDER BY entry.iri",
            (json.dumps(changed),),
        )
        return [iri for (iri,) in rows]

    def sweep(self, before: float) -> BitMap:
        """Remove rows that were retired before a time, with all their words."""
        # The newest row stays: its number would be given again.
        newest = "(SELECT MAX(row) FROM entry)"
        sql = f"SELECT row, words, names FROM entry WHERE retired < ? AND row < {newest} LIMIT ?"
        with self._db as db:
            db.execute("BEGIN IMMEDIATE")
            old = db.execute(sql, (before, SWEPT)).fetchall()
            for at, (table, column) in enumerate(_INDEXES.items(), 1):
                db.executemany(
                    f"INSERT INTO {table} ({table}, rowid, {column}) VALUES ('delete', ?, ?)",
                    [(row[0], row[at]) for row in old],
                )
            for table in ("entry", "title", "need"):
                db.executemany(f"DELETE FROM {table} WHERE row = ?", [(row[0],) for row in old])
        return BitMap(row[0] for row in old)


class _Orders:
    """The orders of one file, each read when it is first asked for."""

    def __init__(self, db: sqlite3.Connection, lock: threading.RLock) -> None:
        self._db, self._lock = db, lock
        self._orders: dict[str, Order] = {}

    def __call__(self, name: str) -> Order:
        """The order by a name."""
        if name not in self._orders:
            with self._lock:
                sql = f"SELECT {_key(name)} AS key, row FROM entry ORDER BY key, row"
                self._orders.setdefault(name, Order(self._db.execute(sql)))
        return self._orders[name]

    def add(self, rows: Iterable[tuple[int, Derived]]) -> None:
        """Put new rows into the orders that were read."""
        new = [row for row, _ in rows]
        for name, order in self._orders.items():
            sql = (
                f"SELECT {_key(name)}, row FROM entry WHERE row IN (SELECT value FROM json_each(?))"
            )
            for key, row in self._db.execute(sql, (json.dumps(new),)):
                order.add(key, row)

    def sweep(self, gone: BitMap) -> None:
        """Leave rows out of all orders."""
        for order in self._orders.values():
            order.sweep(gone)


def _key(order: str) -> str:
    """What an order sorts by, in SQL; ties are broken by IRI."""
    if order == "iri":
        return "iri"
    if order in _KEYS:
        return f"{_KEYS[order]} || char(9) || iri"
    lang = order.removeprefix("title-")
    own = f"COALESCE({_title(lang)}, title)" if lang in available() else "title"
    return f"{own} || char(9) || iri"


class _File:
    """A catalogue's file for readers: a connection for each thread, answers of one row.

    sqlite3 gives up the interpreter's lock for each row that it fetches, and may wait long for
    it beside a busy thread.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._local = path, threading.local()
        #: what was wrong with it when it was read last, if anything
        self.damaged = ""

    def read(self, sql: str, *values: object) -> Any:  # noqa: ANN401
        """The one value of the answer. Raises Overloaded where the file cannot be read."""
        try:
            if not hasattr(self._local, "db"):
                address = f"{self._path.absolute().as_uri()}?mode=ro"
                self._local.db = sqlite3.connect(address, uri=True, isolation_level=None)
                self._local.db.execute("PRAGMA mmap_size = 1073741824")
            return self._local.db.execute(sql, values).fetchone()[0]
        except sqlite3.DatabaseError as error:
            self.damaged = str(error)
            raise Overloaded(
                gettext("The lists are being made anew. Try again soon."), 2
            ) from error


def _connected(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode = wal", "synchronous = normal", "wal_autocheckpoint = 20000"):
        db.execute(f"PRAGMA {pragma}")
    return db


def _by_code(rows: Iterable[tuple[int, Iterable[int]]]) -> dict[int, list[int]]:
    """The rows that have each code."""
    owners: dict[int, list[int]] = defaultdict(list)
    for row, codes in rows:
        for code in codes:
            owners[code].append(row)
    return owners


def _title(lang: str) -> str:
    """The column of the titles in a language."""
    return f"title_{lang}"


def _quoted(text: str) -> str:
    """A text as FTS5 looks for it: nothing in it is an operator."""
    return '"' + text.replace('"', '""') + '"'
