"""The index follows the store, survives failures and answers exactly."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest

from kg.catalogue.catalogue import Catalogue
from kg.entries.reading import read_entry
from kg.errors import Overloaded, Refused
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from matcher.encoding import text
from matcher.encoding.centring import Means, for_model
from matcher.encoding.embedder import Matrix
from matcher.encoding.ngrams import cosines, count, weigh
from matcher.matcher import Matcher
from matcher.model.filters import Filters
from matcher.search.index import Index
from matcher.search.ranking import RECIPE, by_entry, by_text
from tests.conftest import BASE
from tests.fake_embedder import HashingEmbedder

THEME = "https://w3id.org/passerelle/voc/theme/"


def turtle(name: str, problem: str, extra: str = "") -> bytes:
    """Return a practice in Turtle."""
    return f"""
    @prefix psr: <https://w3id.org/passerelle/ns#> . @prefix dct: <http://purl.org/dc/terms/> .
    @base <{BASE}> .
    <id/practice/{name}> a psr:Practice ; dct:title "{name}"@en ; psr:problem "{problem}"@en ;
      psr:solution "What {name} does"@en ; dct:spatial <id/territory/HR035> {extra} .
    """.encode()


def put(store: EmbeddedStore, name: str, problem: str, extra: str = "") -> str:
    """Store a practice and return its IRI."""
    entry = read_entry(turtle(name, problem, extra), "text/turtle", BASE)
    store.write([Change(entry.iri, entry)], "tests", "create")
    return entry.iri


@pytest.fixture
def store() -> EmbeddedStore:
    store = EmbeddedStore(BASE)
    for code, parent in (("HR", None), ("HR035", "HR")):
        part = f"; dct:isPartOf <{BASE}id/territory/{parent}>" if parent else ""
        data = f"""@prefix psr: <https://w3id.org/passerelle/ns#> .
        @prefix dct: <http://purl.org/dc/terms/> .
        <{BASE}id/territory/{code}> a psr:Territory ; psr:countryCode "HR" {part} ;
            dct:title "{code}"@en ."""
        entry = read_entry(data.encode(), "text/turtle", BASE)
        store.write([Change(entry.iri, entry)], "tests", "create")
    return store


@pytest.fixture
def means(tmp_path: Path) -> Means:
    return for_model(HashingEmbedder(), tmp_path)


@pytest.fixture
def catalogue(store: EmbeddedStore, tmp_path: Path) -> Iterator[Catalogue]:
    with closing(Catalogue(store, tmp_path / "catalogue")) as catalogue:
        yield catalogue


@pytest.fixture
def index(store: EmbeddedStore, means: Means, catalogue: Catalogue, tmp_path: Path) -> Index:
    return Index(store, HashingEmbedder(), means, tmp_path / "index", catalogue)


class Counting(HashingEmbedder):
    """Counts the texts that it is asked for, and fails when told to."""

    def __init__(self) -> None:
        self.texts = 0
        self.broken = False

    def encode(self, texts: Sequence[str]) -> Matrix:
        if self.broken:
            raise RuntimeError("no memory left")
        self.texts += len(texts)
        return super().encode(texts)


def test_lag_counts_what_was_written_and_catching_up_ends_it(
    store: EmbeddedStore, index: Index
) -> None:
    put(store, "rides", "No bus comes to the village")
    put(store, "meals", "Children eat badly at school")
    assert index.lag() == 2
    assert index.catch_up() == 2
    assert index.lag() == 0
    assert index.catch_up() == 0
    assert index.corpus.version == store.version()


def test_a_changed_text_is_found_and_an_old_one_gone(store: EmbeddedStore, index: Index) -> None:
    iri = put(store, "rides", "No bus comes to the village")
    index.catch_up()
    put(store, "rides", "Empty houses decay in the old town")
    index.catch_up()
    best = by_text(index, "Empty houses decay in the old town", "en", Filters())
    assert best.best(1) == [iri]
    question = weigh(count(["village"]), index.corpus.statistics.rarity)
    assert not cosines(question, index.corpus.whole.letters).any()


def test_a_deleted_entry_is_found_no_more(store: EmbeddedStore, index: Index) -> None:
    iri = put(store, "rides", "No bus comes to the village")
    index.catch_up()
    store.write([Change(iri, None)], "tests", "delete")
    assert index.lag() == 1
    index.catch_up()
    assert index.corpus.whole.iris == []


def test_if_embedding_fails_the_index_stays_behind_and_catches_up_later(
    store: EmbeddedStore, means: Means, catalogue: Catalogue, tmp_path: Path
) -> None:
    embedder = Counting()
    index = Index(store, embedder, means, tmp_path / "index", catalogue)
    put(store, "rides", "No bus comes to the village")
    embedder.broken = True
    with pytest.raises(RuntimeError):
        index.catch_up()
    assert index.lag() == 1
    embedder.broken = False
    assert index.catch_up() == 1


class Picky(Counting):
    """Fails at every text with a certain word in it, or gives no numbers for it."""

    kind = "raises"

    def encode(self, texts: Sequence[str]) -> Matrix:
        found = super().encode(texts)
        bad = [number for number, text in enumerate(texts) if "poison" in text]
        if bad and self.kind == "raises":
            raise RuntimeError(f"cannot read {texts[bad[0]]}")
        found[bad] = np.nan
        return found


@pytest.fixture(params=["raises", "nan"])
def picky(request: pytest.FixtureRequest) -> Picky:
    found = Picky()
    found.kind = request.param
    return found


def test_one_entry_that_cannot_be_embedded_stops_no_other(
    store: EmbeddedStore, means: Means, catalogue: Catalogue, tmp_path: Path, picky: Picky,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr("matcher.search.index.BATCH", 4)
    index = Index(store, picky, means, tmp_path / "index", catalogue)
    good = [put(store, f"p{n}", f"No bus comes to village {n}") for n in (0, 1, 3, 4, 6, 7, 8, 9)]
    bad = [put(store, f"p{n}", f"The well has poison {n}") for n in (2, 5)]
    assert index.catch_up() == 10
    assert index.corpus.whole.iris == good
    assert index.failed == {*bad}
    assert index.lag() == 0
    assert all(sum(iri in r.getMessage() for r in caplog.records) == 1 for iri in bad)
    assert "poison" not in caplog.text
    assert by_text(index, "No bus comes to village 7", "en", Filters()).best(1) == [good[5]]


def test_what_failed_is_tried_again_when_it_changes_and_at_the_next_start_only(
    store: EmbeddedStore, means: Means, catalogue: Catalogue, tmp_path: Path, picky: Picky
) -> None:
    index = Index(store, picky, means, tmp_path / "index", catalogue)
    bad, other = put(store, "a", "There is poison"), put(store, "b", "More poison")
    index.catch_up()
    before = picky.texts
    assert index.catch_up() == 0
    late = put(store, "c", "No bus")
    assert index.catch_up() == 1
    assert picky.texts == before + 2
    put(store, "a", "The well is clean")
    index.catch_up()
    assert ({*index.failed}, index.corpus.whole.iris) == ({other}, [bad, late])
    put(store, "a", "Again there is poison")
    index.catch_up()
    assert ({*index.failed}, index.corpus.whole.iris) == ({bad, other}, [late])
    index.close()
    again = Index(store, picky, means, tmp_path / "index", catalogue)
    assert ({*again.failed}, again.lag()) == ({bad, other}, 0)
    assert again.catch_up() == 2
    assert again.failed == {bad, other}
    assert again.catch_up() == 0
    again.close()
    healed = Index(store, HashingEmbedder(), means, tmp_path / "index", catalogue)
    assert healed.catch_up() == 2
    assert ({*healed.failed}, healed.corpus.whole.iris) == (set(), [bad, other, late])
    store.write([Change(bad, None)], "tests", "delete")
    healed.catch_up()
    assert healed.corpus.whole.iris == [other, late]


def test_a_failed_entry_that_is_deleted_is_failed_no_more(
    store: EmbeddedStore, means: Means, catalogue: Catalogue, tmp_path: Path, picky: Picky
) -> None:
    index = Index(store, picky, means, tmp_path / "index", catalogue)
    bad = put(store, "a", "There is poison")
    index.catch_up()
    assert index.failed == {bad}
    store.write([Change(bad, None)], "tests", "delete")
    assert index.catch_up() == 1
    assert index.failed == set()
    put(store, "b", "More poison")
    index.rebuild()
    assert len(index.failed) == 1


def test_a_question_that_the_model_cannot_read_is_refused(
    store: EmbeddedStore, means: Means, catalogue: Catalogue, tmp_path: Path, picky: Picky
) -> None:
    index = Index(store, picky, means, tmp_path / "index", catalogue)
    bad = store.get(put(store, "a", "There is poison"))
    put(store, "b", "No bus")
    index.catch_up()
    with pytest.raises(Refused, match="cannot read") as refusal:
        by_text(index, "Is there poison?", "en", Filters())
    assert refusal.value.problems[0].path == "text"
    with pytest.raises(Refused, match="cannot read"):
        by_entry(index, bad, Filters())
    picky.broken = True
    with pytest.raises(Overloaded, match="does not answer"):
        by_text(index, "Is there a bus?", "en", Filters())


def test_a_write_that_changes_nothing_indexed_reads_nothing_again(
    store: EmbeddedStore, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "rides", "No bus comes to the village")
    index.catch_up()
    before = index.corpus
    monkeypatch.setattr(index, "_take", lambda *_: pytest.fail("entries were read again"))
    place = store.get(f"{BASE}id/territory/HR")
    store.write([Change(place.iri, place)], "tests", "replace")
    assert index.catch_up() == 0
    assert index.lag() == 0
    assert index.corpus.version == store.version() == before.version + 1
    assert index.corpus.statistics is before.statistics


def test_a_batch_that_fails_halfway_leaves_the_index_as_it_was(
    store: EmbeddedStore, means: Means, catalogue: Catalogue, tmp_path: Path
) -> None:
    index = Index(store, HashingEmbedder(), means, tmp_path / "index", catalogue)
    put(store, "a", "No bus comes to the village")
    put(store, "b", "Children eat badly at school")
    held = index._held
    held.db.execute(
        "CREATE TRIGGER full BEFORE INSERT ON text WHEN new.place > 2"
        " BEGIN SELECT RAISE(FAIL, 'disk full'); END"
    )
    with pytest.raises(sqlite3.DatabaseError, match="disk full"):
        index._take(
            [f"{BASE}id/practice/{name}" for name in "ab"],
            {f"{BASE}id/practice/{name}": n for n, name in enumerate("ab")},
        )
    assert held.db.execute("SELECT iri FROM entry").fetchall() == []
    held.db.execute("DROP TRIGGER full")
    assert index.catch_up() == 2
    assert len(index.corpus.whole.iris) == 2


def test_a_text_is_embedded_once_and_the_file_is_kept(
    store: EmbeddedStore, means: Means, catalogue: Catalogue, tmp_path: Path
) -> None:
    embedder = Counting()
    put(store, "rides", "No bus comes to the village")
    index = Index(store, embedder, means, tmp_path / "index", catalogue)
    index.catch_up()
    first = embedder.texts
    index.close()
    again = Index(store, embedder, means, tmp_path / "index", catalogue)
    assert again.lag() == 0
    put(store, "rides", "No bus comes to the village", f"; dct:subject <{THEME}mobility>")
    again.catch_up()
    assert embedder.texts == first
    assert again.rebuild() == 1
    assert embedder.texts == 2 * first


def test_filters_hold_inside_the_search(store: EmbeddedStore, index: Index) -> None:
    put(store, "a", "No bus comes", f"; dct:subject <{THEME}mobility>")
    level = "<https://w3id.org/passerelle/voc/evidence-level/comparison>"
    more = f"; dct:subject <{THEME}housing> ; psr:evidenceLevel {level}"
    put(store, "b", "No house is free", more)
    index.catch_up()
    for filters, expected in (
        (Filters(), ["a", "b"]),
        (Filters(theme=(THEME + "environment",)), ["a"]),
        (Filters(theme=(THEME + "mobility", THEME + "housing")), ["a", "b"]),
        (Filters(country=("HR",)), ["a", "b"]),
        (Filters(not_country=("HR",)), []),
        (Filters(territory=(BASE + "id/territory/HR",)), ["a", "b"]),
        (Filters(language=("hr",)), []),
        (Filters(evidence_min="https://w3id.org/passerelle/voc/evidence-level/monitored"), ["b"]),
        (Filters(type=("actor",)), []),
    ):
        best = by_text(index, "No", "en", filters).best(10)
        assert sorted(i.rsplit("/", 1)[1] for i in best) == expected, filters


def test_ties_are_broken_by_iri(store: EmbeddedStore, index: Index) -> None:
    for name in ("c", "a", "b"):
        entry = read_entry(
            turtle(name, "The same")
            .replace(f'"{name}"'.encode(), b'"x"')
            .replace(f"What {name} does".encode(), b"x"),
            "text/turtle",
            BASE,
        )
        store.write([Change(entry.iri, entry)], "tests", "create")
    index.catch_up()
    best = by_text(index, "The same", "en", Filters()).best(3)
    assert best == sorted(best)


def test_the_scan_is_exact(starter_matcher: Matcher) -> None:
    found = starter_matcher.index.corpus.whole
    rows = found.facets[text.SOLUTION]
    scores = found.cosines(text.SOLUTION, rows.matrix[7:9])
    for number in (0, 50, 100):
        for n in (0, 1):
            own = [float(rows.matrix[r] @ rows.matrix[7 + n]) for r in range(len(rows.entry))
                   if rows.entry[r] == number]  # fmt: skip
            best = max(own, default=np.nan)
            assert np.isclose(scores[n, number], best, atol=1e-5, equal_nan=True)


def test_a_filter_does_not_change_a_score(starter_matcher: Matcher) -> None:
    index, words = starter_matcher.index, "Older people in villages have no bus"
    everywhere = by_text(index, words, "en", Filters(type=("practice",)))
    there = by_text(index, words, "en", Filters(type=("practice",), country=("SI", "HU")))
    assert there.best(9) == [i for i in everywhere.best(99) if there.allows(i)][:9]
    for iri in there.best(9):
        assert there.probability(iri) == pytest.approx(everywhere.probability(iri), abs=1e-6)
        assert there.scores[there.picture.position[iri]] == pytest.approx(
            everywhere.scores[there.picture.position[iri]]
        )


def test_letters_count_however_unicode_writes_them() -> None:
    whole, apart = (count([normalize(form, "Šibenik und Málaga")]) for form in ("NFC", "NFD"))
    assert (whole != apart).nnz == 0


def test_feedback_lifts_what_is_like_the_best(store: EmbeddedStore, index: Index) -> None:
    put(store, "a", "Nobody drives old people to the surgery by minibus")
    near = put(store, "b", "A minibus for the surgery and the market")
    put(store, "c", "Concerts in empty churches")
    index.catch_up()
    asked = "Nobody drives old people"
    alone, helped = (
        by_text(index, asked, "en", Filters(), recipe=replace(RECIPE, share=share))
        for share in (0.0, 0.4)
    )
    at = index.corpus.whole.position[near]
    assert helped.scores[at] > alone.scores[at]
    assert helped.best(1) == alone.best(1)


def test_shared_concepts_lift_an_entry_and_none_stated_is_no_zero(
    store: EmbeddedStore, index: Index
) -> None:
    """Four texts alike: the same theme is nearest, none stated between, another one farthest."""
    themes = {"asked": "food", "same": "food", "other": "health", "silent": ""}
    iris = {
        name: put(store, name, "no words", f"; dct:subject <{THEME}{theme}>" if theme else "")
        for name, theme in themes.items()
    }
    index.catch_up()
    plain, full = (
        by_entry(index, store.get(iris["asked"]), Filters(), replace(RECIPE, concepts=share))
        for share in (0.0, 0.3)
    )
    at = index.corpus.whole.position
    gains = {name: full.scores[at[iri]] - plain.scores[at[iri]] for name, iri in iris.items()}
    assert gains["same"] > gains["silent"] > gains["other"]


def test_an_entry_that_is_not_indexed_yet_asks_as_a_text(
    store: EmbeddedStore, index: Index
) -> None:
    near = put(store, "a", "No bus comes to the village")
    index.catch_up()
    late = store.get(put(store, "b", "No bus comes to our village"))
    assert by_entry(index, late, Filters()).best(1) == [near]


def test_an_index_of_an_older_kind_is_made_anew(
    store: EmbeddedStore, means: Means, catalogue: Catalogue, index: Index, tmp_path: Path
) -> None:
    put(store, "a", "No bus comes to the village")
    index.catch_up()
    index._held.stand(replace(index._held.standing, text="1"))
    index.close()
    again = Index(store, HashingEmbedder(), means, tmp_path / "index", catalogue)
    assert again.lag() == 1
    assert again.catch_up() == 1
    again.close()


def test_an_entry_is_not_like_itself(store: EmbeddedStore, index: Index) -> None:
    iri = put(store, "a", "No bus comes")
    put(store, "b", "No bus comes either")
    index.catch_up()
    assert iri not in by_entry(index, store.get(iri), Filters()).best(5)


def test_a_question_without_known_words_or_entries_is_answered(index: Index) -> None:
    ranking = by_text(index, "!?", "en", Filters())
    assert ranking.best(3) == []
    assert ranking.nothing_good()
