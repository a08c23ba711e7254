"""The index: vectors and letters of the store's entries, which follow it change by change.

It is a cache of the graph, in a folder of its own (``holdings``). A text is embedded once, as
vectors are known by the hash of their text. An entry that the model cannot read is noted and left
out; it is tried again when it changes and after the next start.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
import sqlite3
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from pyroaring import FrozenBitMap

from kg.catalogue.catalogue import Catalogue, CatalogueSnapshot
from kg.entry import Entry
from kg.errors import KgError, Overloaded, refused
from kg.stores.protocol import Store
from kg.text.i18n import gettext as _
from matcher.encoding import ngrams, text
from matcher.encoding.centring import QUESTION, Means
from matcher.encoding.embedder import Embedder, embed, works
from matcher.search.corpus import NOWHERE, Corpus, holders_of
from matcher.search.holdings import Damaged, Holdings, Reading, Standing
from matcher.search.picture import QueryVectors
from matcher.search.statistics import SMALL, Statistics

BATCH = 256
#: the files are written anew without what is gone when so much of them is, but not for a few
GONE, FEW = 0.2, 64
Progress = Callable[[int, int], None]
log = logging.getLogger("passerelle")


class Index:
    """Keeps vectors and letters of the store's entries for one model.

    A second process on the same folder works with a copy of its own.
    """

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        means: Means,
        folder: Path,
        catalogue: Catalogue,
    ) -> None:
        self.store, self.embedder, self._means = store, embedder, means
        self.catalogue, self._identity = catalogue, store.ledger.identity or ""
        name = hashlib.sha256(embedder.name.encode()).hexdigest()[:12]
        self._folder = folder / name
        self._folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob("*.sqlite*"):  # what version 0.1 kept
            file.unlink(missing_ok=True)
        guard = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        self._let_go: list[Callable[[], object]] = [weakref.finalize(self, os.close, guard)]
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._folder = _copy(self._folder)
            self._let_go.append(weakref.finalize(self, _remove, self._folder))
        self._write_lock = threading.Lock()
        self._last: tuple[str, str, Statistics, QueryVectors] | None = None
        self._published: list[weakref.ref[Corpus]] = []
        self._open()

    def _open(self) -> None:
        """Open what is there; begin anew where it is damaged or of another way to read texts."""
        current = self._folder / "CURRENT"
        try:
            self._held = Holdings(self._folder / current.read_text("ascii"), self._means)
        except (OSError, UnicodeDecodeError, Damaged) as error:
            if current.exists():
                kind = type(error.__cause__ or error).__name__
                log.warning("The index is damaged (%s) and is made anew.", kind)
            self._begin_anew()
        if self._held.standing.text != text.VERSION:
            log.warning("Texts are read in another way now; the index is made anew.")
            self._held.close()
            self._begin_anew()
        for other in self._folder.glob("*/"):
            if other != self._held.folder:
                shutil.rmtree(other)
        self._corpus: Corpus | None = None
        self._rows = self._held.rows
        self._again = bool(self._held.failed)

    def _begin_anew(self) -> None:
        number = 1 + max((int(f.name) for f in self._folder.glob("[0-9]*/")), default=0)
        self._held = Holdings(self._folder / str(number), self._means)
        self._make_current()

    def _make_current(self) -> None:
        scratch = self._folder / "NEXT"
        scratch.write_text(self._held.folder.name, "ascii")
        os.replace(scratch, self._folder / "CURRENT")

    @property
    def corpus(self) -> Corpus:
        """What the index holds now; take it once for each question."""
        if (corpus := self._corpus) is None:
            with self._write_lock:
                catalogue = self.catalogue.snapshot()
                self._adopt(catalogue)
                corpus = self._corpus or self._publish(catalogue)
        return corpus

    @property
    def failed(self) -> frozenset[str]:
        """The entries that the model cannot read; they are in no answer."""
        return frozenset(self._held.failed)

    def lag(self, corpus: Corpus | None = None) -> int:
        """How many entries were written since the index, or a corpus of it, stood there."""
        version = (corpus or self._corpus or self._held.standing).version
        if version == self.store.version():
            return 0
        return sum(_indexed(iri) for iri, _alive in self.store.changes_since(version))

    def catch_up(self, progress: Progress | None = None) -> int:
        """Index what was written since, in batches; return the number of entries done.

        An entry that the model cannot read is noted as failed, and the others go on. If the model
        reads nothing the entries stay in the graph and the index stays behind.
        """
        with self._write_lock:
            catalogue = self.catalogue.snapshot()
            try:
                return self._follow(catalogue, progress)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                log.warning("The index is damaged (%s) and is made anew.", type(error).__name__)
                self._forget()
                return self._follow(catalogue, progress)

    def rebuild(self, progress: Progress | None = None) -> int:
        """Forget everything, also the vectors, and index the whole store again."""
        with self._write_lock:
            self._forget()
        return self.catch_up(progress)

    def _forget(self) -> None:
        old = self._held
        old.close()
        self._begin_anew()
        self._rows = self._held.rows
        shutil.rmtree(old.folder, ignore_errors=True)
        self._corpus = None

    def _follow(self, catalogue: CatalogueSnapshot, progress: Progress | None) -> int:
        """Hold what the catalogue holds: its new rows are read, and those that it lost go."""
        self._adopt(catalogue)
        held = self._held
        if self._corpus and not self._again:
            known = self._corpus.catalogue
            if (known.generation, known.version) == (catalogue.generation, catalogue.version):
                return 0
        there = catalogue.passing({"type": text.INDEXED})
        failed = {} if self._again else held.failed
        new = there - self._rows - FrozenBitMap(row for row in failed.values() if row in there)
        rows = {iri: row for row, iri in catalogue.iris(new).items()}
        lost = [iri for iri, row in failed.items() if row not in there]
        changed = sorted({*rows, *lost, *held.iris_at([*(self._rows - there), NOWHERE])})
        for start in range(0, len(changed), BATCH):
            self._take(changed[start : start + BATCH], rows)
            if progress:
                progress(min(start + BATCH, len(changed)), len(changed))
        self._rows = self._rows & there
        mark = self.store.ledger.mark(catalogue.version)
        held.stand(Standing(self._identity, catalogue.version, mark, catalogue.generation))
        self._again = False
        if len(self._rows) >= SMALL:
            self._publish(catalogue)  # what follows takes seconds, and the change need not wait
        if held.counts["slots"] - len(self._rows) > max(FEW, GONE * held.counts["slots"]):
            self._compact()
        if self._held.statistics.stale(self._held.changed, len(self._rows)):
            self._held.count_anew(catalogue.version, holders_of(catalogue, self._rows))
        self._publish(catalogue)
        if not any(self._read_by()):
            self._held.scrub()
        return len(changed)

    def _adopt(self, catalogue: CatalogueSnapshot) -> None:
        """Take over the rows of another generation, where an entry did not change meanwhile."""
        held, ledger = self._held, self.store.ledger
        now, store = held.standing, self._identity
        if (now.generation, now.store) == (catalogue.generation, store):
            return
        iris = [*held.select("SELECT json_group_array(iri) FROM entry"), *held.failed]
        if now.store == store and ledger.mark(now.version) == now.mark:
            touched = {iri for iri, _ in self.store.changes_since(now.version)}
        else:
            touched, now = set(iris), Standing()
            if iris:
                log.warning("The index is of another state of the graph; it is made anew.")
        rows = catalogue.rows(iri for iri in iris if iri not in touched)
        held.renumber(rows, replace(now, store=store, generation=catalogue.generation))
        self._rows = held.rows

    def _compact(self) -> None:
        """Write what is held into a new folder, and go on there."""
        old = self._held
        self._held = old.compacted(self._folder / str(int(old.folder.name) + 1))
        self._make_current()
        old.close()
        shutil.rmtree(old.folder, ignore_errors=True)

    def _read_by(self) -> Iterator[Corpus]:
        """What earlier questions still read."""
        self._published = [ref for ref in self._published if ref()]
        corpora = (ref() for ref in self._published)
        return (corpus for corpus in corpora if corpus and corpus is not self._corpus)

    def _publish(self, catalogue: CatalogueSnapshot) -> Corpus:
        held = self._held
        slots, texts, letters = held.counts.values()
        self._corpus = corpus = Corpus(
            version=held.standing.version,
            catalogue=catalogue,
            statistics=held.statistics,
            means=self._means,
            slot_of=held.slot_of,
            row_of=held.row_of,
            ends=held.ends.view[:slots],
            texts=held.texts.view[:texts],
            vectors=held.vectors.view[:texts],
            letters=held.letters.view[:letters],
            gists=held.gists.view[:slots],
        )
        self._published.append(weakref.ref(corpus))
        return corpus

    def _take(self, iris: Sequence[str], rows: Mapping[str, int]) -> None:
        """Read a batch of entries, or remove those that are gone, in one transaction.

        If the model fails at one of them, the batch is halved until that one is alone. It is left
        out then; the error's own words may quote its text and are not logged.
        """
        entries = self.store.several([iri for iri in iris if iri in rows])
        failed = dict[str, int]()
        try:
            readings = self._read(entries, rows)
        except Exception as error:  # whatever a model throws at a text
            if isinstance(error, sqlite3.Error) or not works(self.embedder):
                raise
            if len(iris) > 1:
                self._take(iris[: len(iris) // 2], rows)
                self._take(iris[len(iris) // 2 :], rows)
                return
            kind = type(error).__name__
            log.warning("%s cannot be read by the model (%s) and is not matched.", iris[0], kind)
            readings, failed = [], {iris[0]: rows[iris[0]]}
        self._held.replace(iris, readings, failed)
        self._rows = self._rows | FrozenBitMap(r.row for r in readings)

    def _read(self, entries: Sequence[Entry], rows: Mapping[str, int]) -> list[Reading]:
        """What is kept of entries; texts that are known are not embedded again."""
        texts = {e.iri: sorted(text.facets(e), key=lambda t: (t.facet, t.lang)) for e in entries}
        by_hash = {_hash(facet.text): facet.text for own in texts.values() for facet in own}
        view = self._held.vectors.view
        vectors = {h: view[place] for h, place in self._held.known(by_hash).items()}
        new = sorted((h for h in by_hash if h not in vectors), key=lambda h: len(by_hash[h]))
        embedded = [*embed(self.embedder, [by_hash[h] for h in new])] if new else []
        vectors |= dict(zip(new, embedded, strict=True))
        readings = list[Reading]()
        if not entries:
            return readings
        counted = ngrams.count([text.everything(entry) for entry in entries])
        for number, entry in enumerate(entries):
            own = texts[entry.iri]
            hashes = [_hash(facet.text) for facet in own]
            size = (len(own), view.shape[1])
            stacked = np.array([vectors[h] for h in hashes], np.float32).reshape(size)
            letters = counted[[number]]
            readings.append(Reading(entry.iri, rows[entry.iri], own, hashes, stacked, letters))
        return readings

    def question(self, words: str, lang: str, corpus: Corpus) -> QueryVectors:
        """Turn a question in words into what is compared with every facet of the corpus.

        The last one is kept: *partners* compares it three times, a page asks it again and again.
        Refused for a text that the model cannot read, Overloaded while it reads nothing.
        """
        last, statistics = self._last, corpus.statistics
        if last and last[:2] == (words, lang) and last[2] is statistics:
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
        centred = self._means.centre(raw, [lang], QUESTION * statistics.shift)
        query = QueryVectors(
            dict.fromkeys(text.FACETS, centred),
            ngrams.weigh(ngrams.count([words]), statistics.rarity),
            gist=centred[0],
            plain=self._means.centre(raw, [lang]),
        )
        self._last = (words, lang, statistics, query)
        return query

    def close(self) -> None:
        """Close the files, and let another process have them."""
        self._held.close()
        for let_go in self._let_go:
            let_go()


def _copy(folder: Path) -> Path:
    """A copy of an index that another process has; an empty folder where that cannot be had."""
    copy = Path(tempfile.mkdtemp(prefix="passerelle-index-"))
    try:
        current = folder / (folder / "CURRENT").read_text("ascii")
        (copy / "1").mkdir()
        there = sqlite3.connect(f"file:{current / 'index.sqlite'}?mode=ro", uri=True)
        here = sqlite3.connect(copy / "1" / "index.sqlite")
        with closing(there), closing(here):
            there.backup(here)
        # Rows behind those that the tables count are of nobody, so the order does not matter.
        for file in current.iterdir():
            if not file.name.startswith("index.sqlite"):
                shutil.copyfile(file, copy / "1" / file.name)
        (copy / "CURRENT").write_text("1", "ascii")
    except (OSError, sqlite3.Error) as error:
        log.info("The index of another process could not be copied: %s", type(error).__name__)
    return copy


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _indexed(iri: str) -> bool:
    return iri.rsplit("/", 2)[-2] in text.INDEXED


def _hash(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()
