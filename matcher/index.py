"""The index: SQLite is the durable truth, an exact scan in memory answers.

It is a cache of the graph. Vectors are kept by the hash of their text, so a text is embedded
once; if the file is lost or the model changes, ``catch_up`` makes it anew.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kg.entry import Entry
from kg.errors import NotFound
from kg.store import Store
from matcher import text
from matcher.attributes import Attributes, attributes, wanted
from matcher.centring import Means
from matcher.embedder import Embedder, Matrix
from matcher.question import Filters
from matcher.words import stems

BATCH = 256
#: different words of a question that are looked at, and how many of them are searched for
MAX_WORDS, MAX_TERMS = 256, 48
Progress = Callable[[int, int], None]
Scores = npt.NDArray[np.float32]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS entry (iri TEXT PRIMARY KEY, attributes TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS facet (iri TEXT, facet TEXT, lang TEXT, hash TEXT,
    PRIMARY KEY (iri, facet, lang));
CREATE TABLE IF NOT EXISTS vector (hash TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (iri UNINDEXED, body, tokenize = 'unicode61');
CREATE VIRTUAL TABLE IF NOT EXISTS terms USING fts5vocab (words, 'row');
"""


@dataclass(frozen=True)
class FacetRows:
    """The rows of one facet: whose they are, and their vectors centred in two ways.

    ``matrix`` is centred on the corpus, to rank; ``plain`` on the packaged mean, to tell
    whether anything fits at all.
    """

    entry: npt.NDArray[np.int32]
    raw: Matrix
    matrix: Matrix
    plain: Matrix


@dataclass(frozen=True)
class Found:
    """An immutable picture of the index that one question is answered from."""

    version: int
    iris: list[str]
    facets: dict[str, FacetRows]
    shift: Matrix
    postings: dict[tuple[str, str], npt.NDArray[np.int32]]
    position: dict[str, int]

    def scores(self, facet: str, vector: Matrix, *, plain: bool = False) -> Scores:
        """Return the best cosine of each entry's facet with a vector; NaN without one."""
        rows = self.facets[facet]
        best = np.full(len(self.iris), np.nan, np.float32)
        np.fmax.at(best, rows.entry, (rows.plain if plain else rows.matrix) @ vector)
        return best

    def vectors(self, iri: str, facet: str) -> Matrix:
        """Return the centred vectors of an entry's facet, one a language."""
        rows = self.facets[facet]
        chosen: Matrix = rows.matrix[rows.entry == self.position.get(iri, -1)]
        return chosen

    def mask(self, filters: Filters) -> npt.NDArray[np.bool_]:
        """Return which entries pass all filters."""
        must, not_country = wanted(filters)
        keep = np.ones(len(self.iris), bool)
        for name, values in must:
            keep &= self._any(name, values)
        return keep & ~self._any("country", not_country)

    def _any(self, name: str, values: Iterable[str]) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(self.iris), bool)
        for value in values:
            found[self.postings.get((name, value), np.empty(0, np.int32))] = True
        return found


class Index:
    """Keeps vectors and words of the store's entries for one model."""

    def __init__(self, store: Store, embedder: Embedder, means: Means, folder: Path) -> None:
        self.store, self._embedder, self._means = store, embedder, means
        folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(embedder.name.encode()).hexdigest()[:12]
        self._path = folder / f"{name}.sqlite"
        self._write_lock = threading.Lock()
        self._db = self._open()
        self._found = self._read()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode = wal")
        db.execute("PRAGMA synchronous = normal")
        db.executescript(_SCHEMA)
        known = dict(db.execute("SELECT name, value FROM meta"))
        if known.get("text") != text.VERSION or int(known.get("version", 0)) > self.store.version():
            db.executescript(
                "DELETE FROM entry; DELETE FROM facet; DELETE FROM words; DELETE FROM meta;"
            )
            db.execute("INSERT INTO meta VALUES ('text', ?)", (text.VERSION,))
        return db

    @property
    def model_name(self) -> str:
        """Return the model as ``name@hash``."""
        return self._embedder.name

    @property
    def found(self) -> Found:
        """Return the present picture."""
        return self._found

    def lag(self) -> int:
        """Return how many entries were written since the index last caught up."""
        if self._found.version == self.store.version():
            return 0
        return sum(_indexed(iri) for iri, _ in self.store.changes_since(self._found.version))

    def catch_up(self, progress: Progress | None = None) -> int:
        """Index what was written since, in batches; return the number of entries done.

        If embedding fails the entries stay in the graph and the index stays behind.
        """
        with self._write_lock:
            version = self.store.version()
            if version == self._found.version:
                return 0
            changed = [c for c in self.store.changes_since(self._found.version) if _indexed(c[0])]
            for start in range(0, len(changed), BATCH):
                self._take([iri for iri, _ in changed[start : start + BATCH]])
                if progress:
                    progress(min(start + BATCH, len(changed)), len(changed))
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('version', ?)", (str(version),))
            self._found = self._read()
        return len(changed)

    def rebuild(self, progress: Progress | None = None) -> int:
        """Forget everything, also the vectors, and index the whole store again."""
        with self._write_lock:
            self._db.executescript(
                "DELETE FROM entry; DELETE FROM facet; DELETE FROM words; DELETE FROM vector;"
                "DELETE FROM meta WHERE name = 'version';"
            )
            self._found = self._read()
        return self.catch_up(progress)

    def _take(self, iris: Sequence[str]) -> None:
        """Write a batch of entries, or remove those that are gone, in one transaction."""
        entries = [e for iri in iris if (e := self._entry(iri))]
        texts = {e.iri: text.facets(e) for e in entries}
        fresh = self._embed([f.text for found in texts.values() for f in found])
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR REPLACE INTO vector VALUES (?, ?)", fresh)
            for iri in iris:
                self._forget(iri)
            for entry in entries:
                self._put(entry, texts[entry.iri])

    def _entry(self, iri: str) -> Entry | None:
        try:
            return self.store.get(iri)
        except NotFound:
            return None

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
        vectors = self._embedder.encode([by_hash[h] for h in new], "document")
        return [(h, v.astype(np.float32).tobytes()) for h, v in zip(new, vectors, strict=True)]

    def _forget(self, iri: str) -> None:
        for table in ("entry", "facet", "words"):
            self._db.execute(f"DELETE FROM {table} WHERE iri = ?", (iri,))

    def _put(self, entry: Entry, facets: list[text.FacetText]) -> None:
        gathered = json.dumps(attributes(entry, self.store))
        self._db.execute("INSERT INTO entry VALUES (?, ?)", (entry.iri, gathered))
        self._db.executemany(
            "INSERT INTO facet VALUES (?, ?, ?, ?)",
            [(entry.iri, f.facet, f.lang, _hash(f.text)) for f in facets],
        )
        self._db.executemany(
            "INSERT INTO words VALUES (?, ?)",
            [(entry.iri, " ".join(stems(w.text, w.lang))) for w in text.words(entry)],
        )

    def _read(self) -> Found:
        """Read the whole index into memory and centre it."""
        entries = self._db.execute("SELECT iri, attributes FROM entry ORDER BY iri").fetchall()
        position = {iri: n for n, (iri, _) in enumerate(entries)}
        rows = self._db.execute(
            "SELECT iri, facet, lang, value FROM facet JOIN vector USING (hash)"
            " ORDER BY iri, facet, lang"
        ).fetchall()
        size = len(self._means.vectors["document", "*"])
        raw = np.frombuffer(b"".join(r[3] for r in rows), np.float32).reshape(-1, size)
        langs = [r[2] for r in rows]
        shift = self._means.shift(raw, langs)
        version = self._db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
        owner = np.array([position[r[0]] for r in rows], np.int32)
        kind = np.array([r[1] for r in rows])
        return Found(
            version=int(version[0]) if version else 0,
            iris=list(position),
            facets={f: self._facet_rows(kind == f, owner, raw, langs, shift) for f in text.FACETS},
            shift=shift,
            postings=_postings([json.loads(a) for _, a in entries]),
            position=position,
        )

    def _facet_rows(
        self, mine: npt.NDArray[np.bool_], owner: npt.NDArray[np.int32], raw: Matrix,
        langs: list[str], shift: Matrix,
    ) -> FacetRows:  # fmt: skip
        """Return the rows of one facet, centred."""
        chosen = raw[mine]
        spoken = [lang for lang, keep in zip(langs, mine, strict=True) if keep]
        centre = self._means.centre
        return FacetRows(
            owner[mine],
            chosen,
            centre(chosen, spoken, "document", shift),
            centre(chosen, spoken, "document"),
        )

    def question_vectors(self, question: str, lang: str, found: Found) -> tuple[Matrix, Matrix]:
        """Return a question's vector centred on the corpus, and on the packaged mean."""
        raw = self._embedder.encode([question], "query")
        centre = self._means.centre
        return centre(raw, [lang], "query", found.shift)[0], centre(raw, [lang], "query")[0]

    def words(self, question: str, lang: str, found: Found, skip: str | None = None) -> Scores:
        """Return BM25 of each entry, divided by the highest; 0 where no word is shared.

        ``skip`` is the entry that asks: its own text would outdo all others.
        """
        scores = np.zeros(len(found.iris), np.float32)
        with closing(sqlite3.connect(self._path)) as db:
            rows = db.execute(
                "SELECT iri, -bm25(words) FROM words WHERE words MATCH ?",
                (_expression(db, stems(question, lang), len(found.iris)),),
            ).fetchall()
        for iri, score in rows:
            if iri in found.position and iri != skip:
                at = found.position[iri]
                scores[at] = max(scores[at], score)
        top = float(scores.max(initial=0.0))
        return scores / top if top > 0 else scores

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _indexed(iri: str) -> bool:
    return iri.rsplit("/", 2)[-2] in text.INDEXED


def _expression(db: sqlite3.Connection, asked: list[str], entries: int) -> str:
    """Return an FTS5 expression of the rarest words asked for.

    Words of more than a quarter of all entries tell nothing and cost most of the time.
    """
    different = list(dict.fromkeys(asked))[:MAX_WORDS]
    marks = ",".join("?" * len(different))
    counted = dict(db.execute(f"SELECT term, doc FROM terms WHERE term IN ({marks})", different))
    telling = [w for w in different if 0 < counted.get(w, 0) <= max(entries / 4, 3)]
    rarest = sorted(telling, key=lambda w: counted[w])[:MAX_TERMS]
    return " OR ".join(f'"{word}"' for word in rarest) or '""'


def _hash(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()


def _postings(rows: list[Attributes]) -> dict[tuple[str, str], npt.NDArray[np.int32]]:
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        for name, values in row.items():
            for value in values:
                found[name, value].append(number)
    return {key: np.array(numbers, np.int32) for key, numbers in found.items()}
