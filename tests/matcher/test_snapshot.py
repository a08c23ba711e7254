"""A question is answered from one state, however much is written while it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from copy import copy
from dataclasses import FrozenInstanceError
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import Stemmer

from kg import starter
from kg.entry import Entry, make
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from kg.text import stems
from matcher.engine import Snapshot
from matcher.graph.view import World
from matcher.judging.verdict import Scene
from matcher.matcher import Matcher
from matcher.model.answer import plain
from matcher.model.filters import Filters, Target
from matcher.questions import batch
from matcher.search.ranking import Ranking
from tests.conftest import BASE
from tests.fake_embedder import HashingEmbedder
from tests.matcher.asking import Question, put

TEXT = "Older people in villages have no bus to the doctor"
CHALLENGE = BASE + "id/challenge/long-term-unemployment"
Happening = Callable[[Callable[[], None]], None]
QUESTIONS = {
    "similar": Question(text=TEXT),
    "transfer": Question(text=TEXT, territory="HR035"),
    "partners": Question(text=TEXT, territory="HR035"),
    "instruments": Question(text=TEXT, territory="HR035"),
    "consortium": Question(text=TEXT, territory="HR035"),
    "groups": Question(entry=BASE + "id/community/urbact-com-unity-lab"),
}


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matcher]:
    """A matcher over the starter graph that the tests take entries away from, one after another."""
    store = EmbeddedStore(BASE)
    store.write([Change(e.iri, e) for e in starter.entries(BASE)], "starter", "import")
    home = tmp_path_factory.mktemp("home")
    with closing(Matcher(store, HashingEmbedder(), home)) as matcher:
        yield matcher


@pytest.fixture(autouse=True)
def caught_up(matcher: Matcher) -> None:
    matcher.catch_up()


def ask(matcher: Matcher, kind: str) -> Any:  # noqa: ANN401
    return plain(put(matcher, kind, QUESTIONS[kind]))


def answer(snapshot: Snapshot, kind: str) -> Any:  # noqa: ANN401
    """Return the answer to a question from a snapshot that was taken before."""
    then = type("Then", (Matcher,), {"snapshot": lambda self: snapshot})
    asked = copy(snapshot.desk)
    asked.__class__ = then
    return ask(asked, kind)  # type: ignore[arg-type]


def delete(matcher: Matcher, *iris: str) -> None:
    matcher.store.write([Change(iri, None) for iri in iris], "tests", "delete")


def entries(answer: object) -> set[str]:
    """Return all entries that an answer names anywhere but in its evidence."""
    if isinstance(answer, dict):
        named = {answer["entry"]} if isinstance(answer.get("entry"), str) else set()
        return named.union(*(entries(v) for k, v in answer.items() if k != "evidence"))
    return set().union(*map(entries, answer)) if isinstance(answer, list) else set()


@pytest.fixture
def after_ranking(monkeypatch: pytest.MonkeyPatch) -> Happening:
    """Return what lets something happen, in another thread, when a question was first ranked."""

    standing = Snapshot.standing

    def install(happen: Callable[[], None]) -> None:
        done = threading.Event()

        def ranked(self: Snapshot, ranking: Ranking) -> Ranking:
            found = standing(self, ranking)
            if not done.is_set():
                done.set()
                thread = threading.Thread(target=happen)
                thread.start()
                thread.join(60)
            return found

        monkeypatch.setattr(Snapshot, "standing", ranked)

    return install


def test_an_entry_deleted_while_a_question_is_answered_is_left_out(
    matcher: Matcher, after_ranking: Happening
) -> None:
    """Every second of what would be shown goes."""
    wrong = []
    for kind in sorted(QUESTIONS.keys() - {"groups"}):
        shown = [m["entry"] for m in ask(matcher, kind)["matches"]]
        gone, kept = {*shown[::2]}, {*shown[1::2]}
        assert kept
        after_ranking(partial(delete, matcher, *gone))
        named = entries(ask(matcher, kind))
        # A consortium of others may be better than one of those that are left.
        if named & gone or (kind != "consortium" and not kept <= named):
            wrong.append((kind, named & gone, kept - named))
        matcher.catch_up()
    assert wrong == []


def test_the_index_may_catch_up_while_a_question_is_answered(
    matcher: Matcher, after_ranking: Happening
) -> None:
    """New entries come before all others, so every row of the new picture is another's."""
    wrong = []
    for number, kind in enumerate(sorted(QUESTIONS.keys() - {"groups"})):
        before, version = ask(matcher, kind), matcher.index.corpus.version
        fresh = [
            renamed(entry, f"0{9 - number}")
            for path in ("actor", "practice", "instrument")
            for entry in [*matcher.store.entries(path)][-1:]
        ]

        def write(changes: Sequence[Change]) -> None:
            matcher.store.write(changes, "tests", "create")
            assert matcher.catch_up() == len(changes)

        after_ranking(partial(write, [Change(e.iri, e) for e in fresh]))
        answer = ask(matcher, kind)
        assert answer["stamp"]["data"] == version < matcher.index.corpus.version
        assert "3 entries were written since" in " ".join(answer["query"]["notes"])
        if (answer["stamp"], answer["matches"]) != (before["stamp"], before["matches"]):
            wrong.append((kind, answer["matches"]))
    assert wrong == []


def renamed(entry: Entry, slug: str) -> Entry:
    """Return a copy of an entry under another name."""
    other = f"{entry.iri.rpartition('/')[0]}/{slug}"
    lines = "".join(f"{t} .\n" for t in entry.triples)
    return parsed(other, lines.replace(f"<{entry.iri}", f"<{other}"))


def parsed(iri: str, lines: str) -> Entry:
    import pyoxigraph as ox

    return make(iri, [q.triple for q in ox.parse(lines, format=ox.RdfFormat.N_TRIPLES)])


def test_many_ask_while_one_writes(matcher: Matcher) -> None:
    """All get an answer from a state that there was, and each is that of its stamp."""
    kinds = ["groups", "partners", "similar", "transfer"]
    start, stop = threading.Barrier(5), threading.Event()
    practices = [e.iri for e in matcher.store.entries("practice")]
    first = matcher.index.corpus.version

    def write() -> None:
        start.wait(30)
        for iri in practices[:6]:
            delete(matcher, iri)
            matcher.catch_up()
        stop.set()

    def read(number: int) -> list[Any]:
        start.wait(30)
        answers: list[Any] = []
        while not stop.is_set() or not answers:
            answers += [ask(matcher, kind) for kind in kinds[number % 2 :: 2]]
        return answers

    with ThreadPoolExecutor(5) as pool:
        writing = pool.submit(write)
        answers = [
            a for found in [pool.submit(read, n) for n in range(4)] for a in found.result(60)
        ]
        writing.result(60)
    assert len({a["stamp"]["data"] for a in answers}) > 1
    states = {first + number: {*practices[number:]} for number in range(7)}
    for answer in answers:
        named = {iri for iri in entries(answer["matches"]) if "/practice/" in iri}
        assert named <= states[answer["stamp"]["data"]]


def test_one_thread_may_clear_what_another_reads(matcher: Matcher) -> None:
    """Rankings of challenges are kept in a dictionary that all share, and cleared when full."""

    class Cleared(dict[str, Ranking]):
        """Another thread clears it as soon as one has looked whether a key is there."""

        def __contains__(self, key: object) -> bool:
            there = super().__contains__(key)
            self.clear()
            return there

    matcher.world._kept["challenges"] = Cleared()
    question = Question(entry=CHALLENGE)
    assert put(matcher, "similar", question) == put(matcher, "similar", question)


def test_a_kept_ranking_is_never_written_to(matcher: Matcher) -> None:
    question = matcher.question("similar", {"entry": CHALLENGE, "lang": "en"})
    snapshot, practices = matcher.snapshot(), Filters(type=("practice",))
    kept = snapshot.rank(question, practices)
    allowed, best = kept.allowed.copy(), kept.best(1)[0]
    assert snapshot.rank(question, practices) is kept
    delete(matcher, best)
    left = snapshot.rank(question, practices)
    assert best not in left.best(500)
    assert (kept.allowed == allowed).all()
    assert kept.best(1) == [best]


def test_a_scene_for_another_need_leaves_the_first_as_it_is(matcher: Matcher) -> None:
    world = World(matcher.store)
    scene = Scene(world, world.place(BASE + "id/territory/HR035"))
    before = dict(vars(scene))
    other = scene.but(need=0.5, target=Target(budget_per_head=3.0))
    assert (other.need, other.target.budget_per_head, scene.need) == (0.5, 3.0, 0.0)
    assert {k: v for k, v in vars(scene).items() if k in before} == before
    assert other.here is scene.here
    assert other.but(need=0.7).here.present is scene.here.present
    with pytest.raises(FrozenInstanceError):
        other.need = 1.0  # type: ignore[misc]


def test_each_thread_stems_with_its_own_stemmer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PyStemmer object must be used by one thread only."""
    inside, users, real = threading.Barrier(4), dict[int, set[int]](), Stemmer.Stemmer

    class Watched:
        def __init__(self, name: str) -> None:
            self._stemmer = real(name)
            users[id(self)] = set()

        def stemWords(self, found: list[str]) -> list[str]:
            users[id(self)].add(threading.get_ident())
            inside.wait(30)
            return list(self._stemmer.stemWords(found))

    monkeypatch.setattr(Stemmer, "Stemmer", Watched)
    stems._stemmer.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        stemmed = list(pool.map(lambda _: stems.stems("Villages need", "en"), range(4)))
    assert stemmed == [["villag", "need"]] * 4
    stems._stemmer.cache_clear()
    assert sorted(map(len, users.values())) == [1, 1, 1, 1]


def test_a_batch_leaves_out_what_is_gone(matcher: Matcher, tmp_path: Path) -> None:
    snapshot = matcher.snapshot()
    asking = snapshot.all_passing(Filters(type=("practice", "challenge"), country=("HR",)))
    gone = {*asking[::2]}
    delete(matcher, *gone)
    ranked = dict(batch.rankings(snapshot, asking, 3))
    assert ranked.keys() == {*asking} - gone != set()


def test_what_others_are_tied_to_may_go_as_well(matcher: Matcher) -> None:
    """The graph was worked out before: practices, transfers and challenges go all the same.

    This test comes last, it leaves little.
    """
    snapshot, graph = matcher.snapshot(), matcher.store
    for kind in QUESTIONS:
        answer(snapshot, kind)
    gone = {e.iri for path in ("transfer", "challenge") for e in graph.entries(path)}
    gone |= {e.iri for path in ("practice", "actor") for e in [*graph.entries(path)][::3]}
    delete(matcher, *sorted(gone))
    assert [k for k in QUESTIONS if entries(answer(snapshot, k)) & gone] == []
