"""The index: SQLite is the durable truth, an exact scan in memory answers (``snapshot``).

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

from kg.errors import KgError, Overloaded, refused
from kg.stores.protocol import Store
from kg.text.i18n import gettext as _
from matcher.encoding import ngrams, text
from matcher.encoding.centring import QUESTION, Means
from matcher.encoding.embedder import Embedder, embed, works
from matcher.search.filter_values import attributes
from matcher.search.snapshot import Picture, QueryVectors

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
        self._write_lock = threading.Lock()
        self._db = db = sqlite3.connect(
            folder / f"{name}.sqlite", isolation_level=None, check_same_thread=False
        )
        db.execute("PRAGMA journal_mode = wal")
        db.execute("PRAGMA synchronous = normal")
        db.executescript(_SCHEMA)
        known = dict(db.execute("SELECT name, value FROM meta"))
        if known.get("text") != text.VERSION or int(known.get("version", 0)) > store.version():
            db.executescript("".join(f"DROP TABLE IF EXISTS {t};" for t in _TABLES) + _SCHEMA)
            db.execute("INSERT INTO meta VALUES ('text', ?)", (text.VERSION,))
        self._picture = self._read()
        self._again = self._picture.failed
        self._last: tuple[str, str, Picture, QueryVectors] | None = None

    @property
    def picture(self) -> Picture:
        """The present picture; take it once for each question."""
        return self._picture

    @property
    def failed(self) -> frozenset[str]:
        """The entries that the model cannot read; they are in no picture."""
        return self._picture.failed

    def lag(self, picture: Picture | None = None) -> int:
        """How many entries were written since the index, or a picture of it, was made."""
        version = (picture or self._picture).version
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
            if version == self._picture.version and not again:
                return 0
            written = {iri for iri, _ in self.store.changes_since(self._picture.version)}
            changed = sorted(filter(_indexed, written | again))
            for start in range(0, len(changed), BATCH):
                self._take(changed[start : start + BATCH])
                if progress:
                    progress(min(start + BATCH, len(changed)), len(changed))
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('version', ?)", (str(version),))
            self._picture = self._read() if changed else replace(self._picture, version=version)
            self._again = frozenset()
        return len(changed)

    def rebuild(self, progress: Progress | None = None) -> int:
        """Forget everything, also the vectors, and index the whole store again."""
        with self._write_lock:
            self._db.executescript(
                "DELETE FROM entry; DELETE FROM facet; DELETE FROM vector; DELETE FROM failed;"
                "DELETE FROM meta WHERE name = 'version';"
            )
            self._picture = self._read()
        return self.catch_up(progress)

    def _take(self, iris: Sequence[str]) -> None:
        """Write a batch of entries, or remove those that are gone, in one transaction.

        If the model fails at one of them, the batch is halved until that one is alone. It is left
        out then; the error's own words may quote its text and are not logged.
        """
        entries = self.store.several(iris)
        failed, vectors = [], list[tuple[str, bytes]]()
        try:
            texts = {e.iri: text.facets(e) for e in entries}
            by_hash = {_hash(facet.text): facet.text for own in texts.values() for facet in own}
            known = "SELECT 1 FROM vector WHERE hash = ?"
            new = [h for h in by_hash if not self._db.execute(known, (h,)).fetchone()]
            new.sort(key=lambda h: len(by_hash[h]))
            rows = embed(self.embedder, [by_hash[h] for h in new]) if new else ()
            vectors = [(h, row.tobytes()) for h, row in zip(new, rows, strict=True)]
        except Exception as error:  # whatever a model throws at a text
            if isinstance(error, sqlite3.Error) or not works(self.embedder):
                raise
            if len(iris) > 1:
                self._take(iris[: len(iris) // 2])
                self._take(iris[len(iris) // 2 :])
                return
            kind = type(error).__name__
            log.warning("%s cannot be read by the model (%s) and is not matched.", iris[0], kind)
            failed, entries = [(iris[0],)], []
        with self._db as db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT OR REPLACE INTO vector VALUES (?, ?)", vectors)
            for table in ("entry", "facet", "failed"):
                db.executemany(f"DELETE FROM {table} WHERE iri = ?", [(iri,) for iri in iris])
            db.executemany("INSERT INTO failed VALUES (?)", failed)
            for entry in entries:
                counts = ngrams.count([text.everything(entry)])
                gathered = json.dumps(attributes(entry, self.store))
                db.execute(
                    "INSERT INTO entry VALUES (?, ?, ?, ?)",
                    (entry.iri, gathered, counts.indices.tobytes(), counts.data.tobytes()),
                )
                db.executemany(
                    "INSERT INTO facet VALUES (?, ?, ?, ?)",
                    [(entry.iri, f.facet, f.lang, _hash(f.text)) for f in texts[entry.iri]],
                )

    def _read(self) -> Picture:
        """Read the whole index into memory and centre it."""
        version = self._db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
        entries = self._db.execute(
            "SELECT iri, attributes, places, counts FROM entry ORDER BY iri"
        ).fetchall()
        rows = self._db.execute(
            "SELECT iri, facet, lang, value FROM facet JOIN vector USING (hash)"
            " ORDER BY iri, facet, lang"
        ).fetchall()
        return Picture.of(
            int(version[0]) if version else 0,
            {iri: json.loads(gathered) for iri, gathered, _places, _counts in entries},
            rows,
            ngrams.Grams.of(ngrams.stored([(places, counts) for *_, places, counts in entries])),
            self._means,
            frozenset(iri for (iri,) in self._db.execute("SELECT iri FROM failed")),
        )

    def question(self, words: str, lang: str, picture: Picture) -> QueryVectors:
        """Turn a question in words into what is compared with every facet of a picture.

        The last one is kept: *partners* compares it three times, a page asks it again and again.
        Refused for a text that the model cannot read, Overloaded while it reads nothing.
        """
        last = self._last
        if last and last[:2] == (words, lang) and last[2] is picture:
            return last[3]
        try:
            raw = embed(self.embedder, [words])
        except KgError:
            raise
        except Exception as error:  # whatever a model throws at a text
            if not works(self.embedder):
                log.error("The model cannot be asked: %s", type(error).__name__)
                raise Overloaded(_("The model does not answer. Try again soon."), 10) from error
            raise refused(
                "text", _("The model cannot read this text."), hint=_("Say it in other words.")
            ) from error
        query = QueryVectors(
            dict.fromkeys(text.FACETS, self._means.centre(raw, [lang], QUESTION * picture.shift)),
            ngrams.weigh(ngrams.count([words]), picture.grams.rarity),
            plain=self._means.centre(raw, [lang]),
        )
        self._last = (words, lang, picture, query)
        return query

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _indexed(iri: str) -> bool:
    return iri.rsplit("/", 2)[-2] in text.INDEXED


def _hash(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()
