"""What the index keeps on disk: it outlasts a kill, is compacted, and forgets what is gone."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kg.catalogue.catalogue import Catalogue
from kg.entry import Entry
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from matcher.encoding.centring import for_model
from matcher.model.filters import Filters
from matcher.search import holdings, statistics
from matcher.search import index as indexing
from matcher.search.corpus import Corpus
from matcher.search.holdings import Reading
from matcher.search.index import Index
from matcher.search.ranking import by_text
from tests.conftest import BASE
from tests.fake_embedder import HashingEmbedder
from tests.matcher.test_index import put

WORDS = ("bus", "meals", "houses", "care", "garden", "music", "repair", "school", "work", "river")
Open = Callable[..., Index]


@pytest.fixture
def store(tmp_path: Path) -> EmbeddedStore:
    return EmbeddedStore(BASE, tmp_path / "store")


@pytest.fixture
def opened(store: EmbeddedStore, tmp_path: Path) -> Iterator[Open]:
    """Open the index of a folder; the last one that was opened there is closed before."""
    known: dict[str, ExitStack] = {}

    def open_index(folder: str = "home", graph: EmbeddedStore = store) -> Index:
        if folder in known:
            known.pop(folder).close()
        known[folder] = stack = ExitStack()
        catalogue = Catalogue(graph, tmp_path / folder / "catalogue")
        stack.callback(catalogue.close)
        means = for_model(HashingEmbedder(), tmp_path)
        index = Index(graph, HashingEmbedder(), means, tmp_path / folder / "index", catalogue)
        stack.callback(index.close)
        return index

    yield open_index
    for stack in known.values():
        stack.close()


def fill(store: EmbeddedStore, count: int) -> list[str]:
    dice = random.Random(count)
    return [put(store, f"p{n:03}", " ".join(dice.choices(WORDS, k=6))) for n in range(count)]


def different(one: Corpus, other: Corpus) -> list[str]:
    """What two corpora do not hold alike."""
    left, right = one.whole, other.whole
    wrong = [] if left.iris == right.iris else ["iris"]
    if not wrong:
        for name, rows in left.facets.items():
            if not np.allclose(rows.matrix, right.facets[name].matrix, atol=1e-6):
                wrong.append(name)
        if abs(left.letters - right.letters).max() > 1e-6:
            wrong.append("letters")
        if (left.concepts != right.concepts).nnz:
            wrong.append("concepts")
        if abs(left.gists - right.gists).max() > 1.1 / 256:
            wrong.append("gists")
    return wrong


CHILD = """
    import random, sys
    from pathlib import Path
    from kg.catalogue.catalogue import Catalogue
    from kg.stores.embedded import EmbeddedStore
    from kg.stores.protocol import Change
    from matcher.encoding.centring import for_model
    from matcher.search import holdings, index as indexing
    from tests.conftest import BASE
    from tests.fake_embedder import HashingEmbedder
    from tests.matcher.test_index import put
    home, seed = Path(sys.argv[1]), int(sys.argv[2])
    indexing.FEW, indexing.GONE = 3, 0.0
    dice = random.Random(seed)
    store = EmbeddedStore(BASE, home / "store")
    catalogue = Catalogue(store, home / "home" / "catalogue")
    means = for_model(HashingEmbedder(), home)
    index = indexing.Index(store, HashingEmbedder(), means, home / "home" / "index", catalogue)
    while True:
        name = f"p{dice.randrange(30):03}"
        if dice.random() < 0.3 and store.several([f"{BASE}id/practice/{name}"]):
            store.write([Change(f"{BASE}id/practice/{name}", None)], "tests", "delete")
        else:
            put(store, name, " ".join(dice.choices(("bus", "care", "meals", "work"), k=6)))
        index.catch_up()
        print(index.corpus.version, flush=True)
"""


@pytest.mark.parametrize("seed", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 3))])
def test_nothing_is_lost_by_a_kill_while_it_follows_and_compacts(tmp_path: Path, seed: int) -> None:
    """Killed a little after some change, at another moment of it each time."""
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path), str(seed)]
    seen = 0
    for kill in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout
            for line in child.stdout:
                seen = int(line)
                if seen >= 12 * (kill + 1) + seed:
                    break
            child.send_signal(signal.SIGKILL)
    store = EmbeddedStore(BASE, tmp_path / "store")
    assert store.version() >= seen
    means = for_model(HashingEmbedder(), tmp_path)
    with ExitStack() as stack:
        corpora = []
        for folder in ("home", "fresh"):
            catalogue = Catalogue(store, tmp_path / folder / "catalogue")
            stack.callback(catalogue.close)
            index = Index(store, HashingEmbedder(), means, tmp_path / folder / "index", catalogue)
            stack.callback(index.close)
            index.catch_up()
            corpora.append(index.corpus)
        assert different(*corpora) == []


def test_what_is_gone_is_compacted_away_and_scores_stay(
    store: EmbeddedStore, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "SMALL", 0)
    monkeypatch.setattr(statistics, "STALE", 9.0)
    index, iris = opened(), fill(store, 40)
    index.catch_up()
    store.write([Change(iri, None) for iri in iris[:9]], "tests", "delete")
    index.catch_up()
    before, folder = index.corpus, index._held.folder
    scores = by_text(index, "a bus to the river", "en", Filters()).probabilities(40)
    monkeypatch.setattr(indexing, "FEW", 5)
    same = store.get(iris[20])
    store.write([Change(same.iri, same)], "tests", "replace")
    index.catch_up()
    after = index.corpus
    assert (len(before.ends), len(after.ends)) == (40, 31)
    assert not folder.exists()
    assert after.statistics.number == before.statistics.number < after.version
    again = by_text(index, "a bus to the river", "en", Filters()).probabilities(40)
    assert again == pytest.approx(scores)
    assert different(opened().corpus, after) == []


def test_the_vectors_of_a_removed_entry_leave_the_disk_at_once(
    store: EmbeddedStore, opened: Open
) -> None:
    index, iris = opened(), fill(store, 5)
    index.catch_up()
    vectors = index._held.folder / "vectors"
    kept, gone = (index.corpus.whole.facets["problem"].raw[n].tobytes() for n in (0, 2))
    assert gone in vectors.read_bytes()
    store.write([Change(iris[2], None)], "tests", "delete")
    reader = index.corpus
    index.catch_up()
    assert gone in vectors.read_bytes()  # a question that began before still reads it
    del reader
    put(store, "p000", "another bus")
    index.catch_up()
    assert gone not in vectors.read_bytes()
    assert kept in vectors.read_bytes()
    assert opened().corpus.whole.iris == [iri for iri in iris if iri != iris[2]]


def test_the_same_number_gives_the_same_statistics_whatever_the_order(
    store: EmbeddedStore, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, iris = opened(), fill(store, 12)
    index.catch_up()
    for name in ("p003", "p001"):
        put(store, name, "school meals")
    store.write([Change(iris[7], None)], "tests", "delete")
    index.catch_up()
    monkeypatch.setattr(holdings, "AT_ONCE", 3)
    fresh = opened("fresh")
    fresh.catch_up()
    one, other = index.corpus.statistics, fresh.corpus.statistics
    assert (one.number, one.size) == (other.number, other.size) == (store.version(), 11)
    assert (one.shift == other.shift).all()
    assert (one.holders == other.holders).all()
    assert one.concepts == other.concepts
    assert different(index.corpus, fresh.corpus) == []


def test_statistics_stay_until_the_corpus_has_changed_by_a_share(
    store: EmbeddedStore, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "SMALL", 10)
    index = opened()
    fill(store, 40)
    index.catch_up()
    first = index.corpus.statistics
    asked = by_text(index, "a river", "en", Filters())
    other = BASE + "id/practice/p009"
    put(store, "p001", "the river")
    index.catch_up()
    assert index.corpus.statistics is first
    assert first.number == store.version() - 1
    again = by_text(index, "a river", "en", Filters())
    raw = [r.scores[r.picture.position[other]] for r in (asked, again)]
    assert index.corpus.statistics.number < index.corpus.version
    assert opened().corpus.statistics.number == first.number
    index = opened()
    put(store, "p002", "the river")
    index.catch_up()
    assert index.corpus.statistics.number == store.version()
    assert raw[0] is not raw[1]


@pytest.mark.parametrize("file", ["vectors", "index.sqlite", "ends", "gists", "statistics"])
def test_a_damaged_file_is_told_and_made_anew(
    store: EmbeddedStore, opened: Open, caplog: pytest.LogCaptureFixture, file: str
) -> None:
    index, iris = opened(), fill(store, 5)
    index.catch_up()
    folder = index._held.folder
    index.close()
    path = next(p for p in (*folder.parent.glob(file + "*"), *folder.glob(file + "*")))
    path.write_bytes(b"no such thing")
    again = opened()
    assert again.catch_up() == 5
    assert again.corpus.whole.iris == iris
    assert [r for r in caplog.records if "is damaged" in r.getMessage()]


def test_another_history_is_read_again_and_texts_are_not_embedded_again(
    store: EmbeddedStore, opened: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    index = opened()
    fill(store, 6)
    index.catch_up()
    (tmp_path / "restored").mkdir()
    other = EmbeddedStore(BASE, tmp_path / "restored" / "store")
    kept = [store.get(f"{BASE}id/practice/p{n:03}") for n in range(4)]
    other.write([Change(entry.iri, entry) for entry in kept], "tests", "create")
    monkeypatch.setattr(
        HashingEmbedder, "encode", lambda *_: pytest.fail("a known text was embedded")
    )
    again = opened(graph=other)
    assert again.catch_up() == 6
    assert again.corpus.whole.iris == [entry.iri for entry in kept]
    assert "of another state of the graph" in caplog.text


def test_a_catalogue_that_is_made_anew_costs_no_reading(
    store: EmbeddedStore, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, iris = opened(), fill(store, 6)
    index.catch_up()
    before = index.corpus
    index.close()
    index.catalogue.close()
    for file in (tmp_path / "home" / "catalogue").glob("*.sqlite*"):
        file.unlink()
    put(store, "p003", "a garden")
    again = opened()
    read: list[Entry] = []
    reading = Index._read

    def noted(self: Index, entries: Sequence[Entry], rows: Mapping[str, int]) -> list[Reading]:
        read.extend(entries)
        return reading(self, entries, rows)

    monkeypatch.setattr(Index, "_read", noted)
    assert again.catch_up() == 1
    assert [entry.iri for entry in read] == [iris[3]]
    assert again.corpus.catalogue.generation != before.catalogue.generation
    assert again.corpus.whole.iris == iris


def test_after_a_loss_of_power_what_was_not_synced_is_read_again(
    store: EmbeddedStore, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, iris = opened(), fill(store, 4)
    index.catch_up()
    index._held.sync()
    put(store, "p001", "another river")
    fill(store, 6)
    index.catch_up()
    held = index._held
    count = held.counts["slots"]
    held.vectors.write(held.counts["texts"] - 8, np.zeros((8, 256), np.float32))
    monkeypatch.setattr(holdings, "_boot", lambda: "another")
    again = opened()
    assert again._held.counts["slots"] < count
    again.catch_up()
    assert again.corpus.whole.iris == [*iris, *(f"{BASE}id/practice/p00{n}" for n in (4, 5))]
    assert (np.linalg.norm(again.corpus.whole.facets["problem"].raw, axis=1) > 0.9).all()


def test_a_reader_keeps_what_it_began_with(store: EmbeddedStore, opened: Open) -> None:
    index = opened()
    fill(store, 8)
    index.catch_up()
    corpus = index.corpus
    before = by_text(index, "a bus", "en", Filters(), corpus=corpus).probabilities(8)
    fill(store, 300)
    store.write([Change(BASE + "id/practice/p002", None)], "tests", "delete")
    index.catch_up()
    corpus.kept.clear()
    again = by_text(index, "a bus", "en", Filters(), corpus=corpus).probabilities(8)
    assert again == pytest.approx(before)
    assert replace(corpus, kept={}).whole.iris == corpus.whole.iris


def test_a_database_that_breaks_on_the_way_is_made_anew(
    store: EmbeddedStore, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, iris = opened(), fill(store, 3)
    broken = [sqlite3.DatabaseError("database disk image is malformed")]
    replacing = holdings.Holdings.replace

    def once(*arguments: object) -> None:
        if broken:
            raise broken.pop()
        replacing(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(holdings.Holdings, "replace", once)
    assert index.catch_up() == 3
    assert index.corpus.whole.iris == iris


def test_the_file_of_the_first_version_is_removed(opened: Open, tmp_path: Path) -> None:
    opened().catch_up()
    old = tmp_path / "home" / "index" / "0123456789ab.sqlite"
    old.write_bytes(b"vectors")
    opened()
    assert not old.exists()


def test_a_second_process_works_with_a_copy(
    store: EmbeddedStore, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, iris = opened(), fill(store, 5)
    index.catch_up()
    monkeypatch.setattr(
        HashingEmbedder, "encode", lambda *_: pytest.fail("a known text was embedded")
    )
    with ExitStack() as stack:
        catalogue = Catalogue(store, tmp_path / "home" / "catalogue")
        stack.callback(catalogue.close)
        means = for_model(HashingEmbedder(), tmp_path)
        second = Index(store, HashingEmbedder(), means, tmp_path / "home" / "index", catalogue)
        stack.callback(second.close)
        second.catch_up()
        assert second.corpus.whole.iris == index.corpus.whole.iris == iris
        copy = second._held.folder
        assert copy.is_dir()
        assert copy != index._held.folder
    assert not copy.exists()
    assert opened().catch_up() == 0
