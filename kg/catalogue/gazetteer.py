"""The names of 92,735 places of Europe (GeoNames, CC BY 4.0) and of its regions (EuroVoc).

They come packed with the program. At first use they are written into a SQLite file of the home,
which is read where it lies, so that they cost neither memory nor time at a start. The file is
named after what was packed: another release makes another, and removes the former one.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import re
import sqlite3
import tempfile
import threading
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from kg.errors import NoSpace
from kg.text.folding import fold
from kg.text.i18n import gettext

PLACES, REGIONS, KNOWN = "places.tsv.xz", "region_names.tsv", "known_regions.tsv"
CREDIT = "Names: GeoNames, CC BY 4.0, and EuroVoc, © European Union; codes: Eurostat, NUTS 2021"
#: what a name counts that is not the usual one, against the people who live there
OTHER_NAME = 0.05
#: how many people are taken to live where that is not known: places have 500 or more
UNKNOWN = 500
#: how the file is laid out; another number makes another file
_LAYOUT = 2
#: how many groups of letters are compared
_GROUPS = 10
_MAPPED = 64 * 2**20
_TABLES = """
CREATE TABLE place (id INTEGER PRIMARY KEY, name TEXT, region TEXT, lat REAL, long REAL,
  people INT);
CREATE TABLE name (id INTEGER PRIMARY KEY, key TEXT, weight INT, place INT, name TEXT);
CREATE TEMP TABLE unsorted (key TEXT, weight INT, place INT, name TEXT);
CREATE VIRTUAL TABLE likeness USING fts5(key, tokenize='trigram', content='', detail=none);
"""
#: by key, in which order the index of groups of letters is made in a tenth of the time
_INDEX = """
INSERT INTO name SELECT NULL, * FROM unsorted ORDER BY key, weight DESC, place;
CREATE INDEX name_key ON name (key, weight DESC, place);
INSERT INTO likeness (rowid, key) SELECT MIN(id), key FROM name GROUP BY key ORDER BY key;
"""
_MARKS = re.compile(r"[\W_]+")
_UMLAUTS = re.compile(r"(?<=[aou])e")
_COLUMNS = "name.name, place.name, region, lat, long, people, weight"


def key(text: str) -> str:
    """What names are compared by: folded, and without marks between words."""
    return _MARKS.sub(" ", fold(text)).strip()


def without_umlauts(plain: str) -> str:
    """A key in which ä, ö and ü are no longer written ae, oe and ue."""
    return _UMLAUTS.sub("", plain)


@dataclass(frozen=True)
class Toponym:
    """A place under one of its names; ``region`` is a NUTS 3 code.

    ``weight`` is how many people live there, or OTHER_NAME of them if ``name`` is not ``usual``.
    """

    name: str
    usual: str
    region: str
    lat: float
    long: float
    people: int
    weight: int


class Gazetteer:
    """The places of the file in a folder, which is made at first use; for several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self._open: sqlite3.Connection | None = None
        self._renewed = False

    @cached_property
    def path(self) -> Path:
        """The file of this release."""
        packed = (files("kg.catalogue") / PLACES).read_bytes()
        release = hashlib.sha256(packed + bytes([_LAYOUT])).hexdigest()[:12]
        return self._folder / f"places-{release}.sqlite"

    def named(self, plain: str) -> list[Toponym]:
        """Places with a name of this key, the heaviest first."""
        return self._places("key = ? ORDER BY weight DESC, place", plain)

    def beginning(self, plain: str, limit: int) -> list[Toponym]:
        """Places with a name that begins so, the heaviest first; some twice, by several names."""
        return self._places(
            "key >= ? AND key < ? ORDER BY weight DESC, place LIMIT ?",
            plain,
            f"{plain}\U0010ffff",
            limit,
        )

    def like(self, plain: str, limit: int) -> list[Toponym]:
        """Places with a name that shares the most groups of three letters, of like length."""
        groups = dict.fromkeys(plain[at : at + 3] for at in range(min(len(plain) - 2, _GROUPS)))
        each = " UNION ALL ".join(
            ["SELECT rowid AS id FROM likeness WHERE likeness MATCH ?"] * len(groups)
        )
        if not groups:
            return []
        return self._places(
            f"name.key IN (SELECT key FROM ({each}) JOIN name USING (id) GROUP BY id"
            " ORDER BY 3.0 * COUNT(*) - abs(length(key) - ?) DESC, id LIMIT ?)"
            " ORDER BY weight DESC, place",
            *(f'"{group}"' for group in groups),
            len(plain),
            limit,
        )

    def _places(self, condition: str, *values: object) -> list[Toponym]:
        query = f"SELECT {_COLUMNS} FROM name JOIN place ON place.id = place WHERE {condition}"
        with self._lock:
            try:
                rows = self._file().execute(query, values).fetchall()
            except sqlite3.DatabaseError:  # damaged; made anew once, whatever is wrong with it
                if self._renewed:
                    raise
                self._renewed = True
                self._open = None
                self.path.unlink(missing_ok=True)
                rows = self._file().execute(query, values).fetchall()
        return [Toponym(*row) for row in rows]

    def _file(self) -> sqlite3.Connection:
        if self._open is not None:
            return self._open
        if not self.path.exists():
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                for former in self._folder.glob("places-*.sqlite"):
                    former.unlink(missing_ok=True)
                # Under another name first: another process may be doing the same.
                with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
                    fresh = Path(scratch) / self.path.name
                    with closing(sqlite3.connect(fresh)) as database:
                        database.execute("PRAGMA synchronous = OFF")
                        database.execute("PRAGMA journal_mode = OFF")
                        fill(database)
                    fresh.replace(self.path)
            except (OSError, sqlite3.OperationalError) as error:
                text = gettext("There is no space left to write. Try again later.")
                raise NoSpace(text) from error
        self._open = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?immutable=1", uri=True, check_same_thread=False
        )
        self._open.execute(f"PRAGMA mmap_size = {_MAPPED}")
        return self._open


def fill(database: sqlite3.Connection) -> None:
    """Write the places that come with the program into an empty file; takes some seconds."""
    database.executescript(_TABLES)
    with (files("kg.catalogue") / PLACES).open("rb") as packed, lzma.open(packed) as lines:
        for number, line in enumerate(io.TextIOWrapper(lines, "utf-8")):
            usual, region, lat, long, people, others = line.rstrip("\n").split("\t")
            place = (number, usual, region, float(lat), float(long), int(people))
            database.execute("INSERT INTO place VALUES (?, ?, ?, ?, ?, ?)", place)
            weight = max(int(people), UNKNOWN)
            weights = dict.fromkeys(others.split("|") if others else (), weight * OTHER_NAME)
            database.executemany(
                "INSERT INTO unsorted VALUES (?, ?, ?, ?)",
                (
                    (key(name), int(weight), number, name)
                    for name, weight in ({**weights, usual: weight}).items()
                ),
            )
    database.executescript(_INDEX)
    database.commit()
