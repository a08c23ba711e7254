"""The index: SQLite is the durable truth, an exact scan in memory answers (``picture``).

It is a cache of the graph. Vectors are kept by the hash of their text, so a text is embedded
once; if the file is lost or the model changes, ``catch_up`` makes it anew. An entry that the model
cannot read is noted and left out; it is tried again when it changes and after the next start.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kg.entry import Entry
from kg.errors import KgError, Overloaded, refused
from kg.stores.protocol import Store
from kg.text.i18n import gettext as _
from matcher.encoding import ngrams, text
from matcher.encoding.centring import QUESTION, Means
from matcher.encoding.embedder import Embedder, Matrix, embed, works
from matcher.search.filter_values import attributes
from matcher.search.snapshot import Asked, Found

BATCH = 256
Progress = Callable[[int, int], None]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS entry (iri TEXT PRIMARY KEY, attributes TEXT NOT NULL,
    places BLOB, counts BLOB);
CREATE TABLE IF NOT EXISTS facet (iri TEXT, facet TEXT, lang TEXT, hash TEXT,
    PRIMARY KEY (iri, facet, lang));
CREATE TABLE IF NOT EXISTS vector (hash TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS failed (iri TEXT PRIMARY KEY);
"""
_TABLES = ("entry", "facet", "vector", "failed", "meta")
log = logging.getLogger("passerelle")


class Index:
    """Keeps vectors and words of the store's entries for one model."""

    def __init__(self, store: Store, embedder: Embedder, means: Means, folder: Path) -> None:
        self.store, self.embedder, self._means = store, embedder, means
        folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(embedder.name.encode()).hexdigest()[:12]
        self._path = folder / f"{name}.sqlite"
        self._write_lock = threading.Lock()
        self._db = self._open()
        self._found = self._read()
        self._again = self._found.failed
        self._last: tuple[str, str, Found, Asked] | None = None

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode = wal")
        db.execute("PRAGMA synchronous = normal")
        db.executescript(_SCHEMA)
        known = dict(db.execute("SELECT name, value FROM meta"))
        if known.get("text") != text.VERSION or int(known.get("version", 0)) > self.store.version():
            db.executescript("".join(f"DROP TABLE IF EXISTS {t};" for t in _TABLES) + _SCHEMA)
            db.execute("INSERT INTO meta VALUES ('text', ?)", (text.VERSION,))
        return db

    @property
    def model_name(self) -> str:
        """Return the model as ``name@hash``."""
        return self.embedder.name

    @property
    def found(self) -> Found:
        """Return the present picture."""
        return self._found

    @property
    def failed(self) -> frozenset[str]:
        """Return the entries that the model cannot read; they are in no picture."""
        return self._found.failed

    def lag(self, picture: Found | None = None) -> int:
        """Return how many entries were written since the index, or a picture of it, was made."""
        version = (picture or self._found).version
        if version == self.store.version():
            return 0
        return sum(_indexed(iri) for iri, _alive in self.store.changes_since(version))

    def catch_up(self, progress: Progress | None = None) -> int:
        """Index what was written since, in batches; return the number of entries done.

        An entry that the model cannot read is noted as failed, and the others go on. If the model
        reads nothing the entries stay in the graph and the index stays behind.
        """
        with self._write_lock:
            version, again = self.store.version(), self._again
            if version == self._found.version and not again:
                return 0
            written = {iri for iri, _ in self.store.changes_since(self._found.version)}
            changed = sorted(filter(_indexed, written | again))
            for start in range(0, len(changed), BATCH):
                self._take(changed[start : start + BATCH])
                if progress:
                    progress(min(start + BATCH, len(changed)), len(changed))
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('version', ?)", (str(version),))
            self._found = self._read() if changed else replace(self._found, version=version)
            self._again = frozenset()
        return len(changed)

    def rebuild(self, progress: Progress | None = None) -> int:
        """Forget everything, also the vectors, and index the whole store again."""
        with self._write_lock:
            self._db.executescript(
                "DELETE FROM entry; DELETE FROM facet; DELETE FROM vector; DELETE FROM failed;"
                "DELETE FROM meta WHERE name = 'version';"
            )
            self._found = self._read()
        return self.catch_up(progress)

    def _take(self, iris: Sequence[str]) -> None:
        """Write a batch of entries, or remove those that are gone, in one transaction.

        If the model fails at one of them, the batch is halved until that one is alone.
        """
        entries = self.store.several(iris)
        try:
            texts = {e.iri: text.facets(e) for e in entries}
            fresh = self._embed([facet.text for own in texts.values() for facet in own])
        except Exception as error:  # whatever a model throws at a text
            if isinstance(error, sqlite3.Error) or not works(self.embedder):
                raise
            if len(iris) == 1:
                self._note_failed(iris[0], error)
                return
            for half in (iris[: len(iris) // 2], iris[len(iris) // 2 :]):
                self._take(half)
            return
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR REPLACE INTO vector VALUES (?, ?)", fresh)
            for iri in iris:
                self._forget(iri)
            for entry in entries:
                self._put(entry, texts[entry.iri])

    def _note_failed(self, iri: str, error: Exception) -> None:
        """Leave an entry out; the error's own words may quote its text and are not logged."""
        kind = type(error).__name__
        log.warning("%s cannot be read by the model (%s) and is not matched.", iri, kind)
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._forget(iri)
            self._db.execute("INSERT INTO failed VALUES (?)", (iri,))

    def _embed(self, texts: Sequence[str]) -> list[tuple[str, bytes]]:
        """Return the vectors of texts that are not known yet."""
        by_hash = {_hash(t): t for t in texts}
        new = [
            h
            for h in by_hash
            if not self._db.execute("SELECT 1 FROM vector WHERE hash = ?", (h,)).fetchone()
        ]
        new.sort(key=lambda h: len(by_hash[h]))
        if not new:
            return []
        vectors = embed(self.embedder, [by_hash[h] for h in new])
        return [(h, v.tobytes()) for h, v in zip(new, vectors, strict=True)]

    def _forget(self, iri: str) -> None:
        for table in ("entry", "facet", "failed"):
            self._db.execute(f"DELETE FROM {table} WHERE iri = ?", (iri,))

    def _put(self, entry: Entry, facets: list[text.FacetText]) -> None:
        gathered = json.dumps(attributes(entry, self.store))
        found = ngrams.count([text.everything(entry)])
        self._db.execute(
            "INSERT INTO entry VALUES (?, ?, ?, ?)",
            (entry.iri, gathered, found.indices.tobytes(), found.data.tobytes()),
        )
        self._db.executemany(
            "INSERT INTO facet VALUES (?, ?, ?, ?)",
            [(entry.iri, f.facet, f.lang, _hash(f.text)) for f in facets],
        )

    def _read(self) -> Found:
        """Read the whole index into memory and centre it."""
        version = self._db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
        entries = self._db.execute(
            "SELECT iri, attributes, places, counts FROM entry ORDER BY iri"
        ).fetchall()
        rows = self._db.execute(
            "SELECT iri, facet, lang, value FROM facet JOIN vector USING (hash)"
            " ORDER BY iri, facet, lang"
        ).fetchall()
        failed = frozenset(iri for (iri,) in self._db.execute("SELECT iri FROM failed"))
        return Found.of(
            int(version[0]) if version else 0,
            {e[0]: json.loads(e[1]) for e in entries},
            rows,
            ngrams.Grams.of(ngrams.stored([(e[2], e[3]) for e in entries])),
            self._means,
            failed,
        )

    def question(self, asked: str, lang: str, picture: Found) -> Asked:
        """Return a question in words as what is compared with every facet of a picture.

        The last one is kept: *partners* compares it three times, a page asks it again and again.
        Refused for a text that the model cannot read, Overloaded while it reads nothing.
        """
        last = self._last
        if last is None or last[:2] != (asked, lang) or last[2] is not picture:
            raw = self._embed_question(asked)
            shifted = self._means.centre(raw, [lang], QUESTION * picture.shift)
            made = Asked(
                dict.fromkeys(text.FACETS, shifted),
                picture.grams.weigh(ngrams.count([asked])),
                plain=self._means.centre(raw, [lang]),
            )
            self._last = last = (asked, lang, picture, made)
        return last[3]

    def _embed_question(self, asked: str) -> Matrix:
        try:
            return embed(self.embedder, [asked])
        except KgError:
            raise
        except Exception as error:  # whatever a model throws at a text
            if not works(self.embedder):
                log.error("The model cannot be asked: %s", type(error).__name__)
                raise Overloaded(_("The model does not answer. Try again soon."), 10) from error
            raise refused(
                "text", _("The model cannot read this text."), hint=_("Say it in other words.")
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _indexed(iri: str) -> bool:
    return iri.rsplit("/", 2)[-2] in text.INDEXED


def _hash(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()
