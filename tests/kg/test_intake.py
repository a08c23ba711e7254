"""The one way in: what is accepted is stored with who did it, what is refused leaves no trace."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import pairwise
from typing import cast

import pyoxigraph as ox
import pytest

from kg.entries.intake import BATCH, VISITORS, BatchReport, Intake
from kg.entries.validation import Kinds, Report, Validator
from kg.entry import Entry
from kg.errors import Changed, Exists, InUse, NotFound, Overloaded, Problem, Refused, Removed
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Binding, Change, Values
from kg.vocabulary import DCT, PSR, RDF_TYPE, SKOS
from tests.kg.helpers import (
    ACTOR,
    BASE,
    CHALLENGE,
    CROATIA,
    ID,
    PRACTICE,
    SPLIT,
    practice,
    turtle,
    world,
)

BAD = practice("bad", title="dct:title 'No language'")
NEW = f"{ID}practice/library"


@contextmanager
def untouched(intake: Intake) -> Iterator[None]:
    """Nothing in the store, not even its version, may change in the block."""
    store = intake.store
    assert isinstance(store, EmbeddedStore)
    before = store.version(), store.dump()
    yield
    assert (store.version(), store.dump()) == before


def stored(intake: Intake, iri: str) -> bool:
    try:
        intake.store.get(iri)
    except NotFound:
        return False
    return True


def bring(
    intake: Intake, *entries: Entry, agent: str = "import-x", keep: bool = True
) -> BatchReport:
    return intake.submit_many(entries, agent, keep_others=keep)


def actor(slug: str, description: str = "Mends things.") -> Entry:
    return turtle(
        f'<id/actor/{slug}> a psr:Actor ; dct:title "{slug}"@en ; dct:description'
        f' "{description}"@en ; psr:actorType actortype:civil-society ;'
        " dct:spatial <id/territory/HR035> ."
    )


def led_by(slug: str, leader: str) -> Entry:
    return practice(
        slug,
        lead="psr:hasInvolvement [ a psr:Involvement ;"
        f" psr:actor <id/actor/{leader}> ; psr:role role:lead ]",
    )


# One entry


def test_a_new_entry_is_stored_with_its_author(intake: Intake) -> None:
    accepted = intake.create(practice(), "alice")
    assert accepted.entry == intake.store.get(NEW)
    assert accepted.version == intake.store.version() == 2
    assert "dct:source" in {p.path for p in accepted.warnings}
    seen = intake.store.provenance(NEW)
    assert seen is not None
    assert (seen.number, seen.agent, seen.action) == (2, "alice", "create")


def test_an_entry_that_is_there_is_not_created_again(intake: Intake) -> None:
    with untouched(intake), pytest.raises(Exists, match="PUT"):
        intake.create(world()[PRACTICE], "alice")


@pytest.mark.parametrize("how", ["create", "replace"])
def test_a_refused_entry_leaves_the_store_as_it_was(intake: Intake, how: str) -> None:
    write: Callable[[Entry, str], object] = getattr(intake, how)
    with untouched(intake), pytest.raises(Refused) as error:
        write(BAD, "alice")
    (found,) = (p for p in error.value.problems if p.severity == "violation")
    assert found.path == "dct:title"


def test_a_refused_replacement_leaves_the_old_entry(intake: Intake) -> None:
    with untouched(intake), pytest.raises(Refused):
        intake.replace(turtle(f"<{PRACTICE}> a psr:Practice ."), "alice")


def test_checking_stores_nothing(intake: Intake) -> None:
    with untouched(intake):
        assert intake.check(practice()).conforms
        assert not intake.check(BAD).conforms


def test_replacing_says_create_for_a_new_entry(intake: Intake) -> None:
    for action in ("create", "replace"):
        intake.replace(practice(), "alice")
        seen = intake.store.provenance(NEW)
        assert seen is not None
        assert seen.action == action


# Versions


def test_the_expected_version_must_be_the_last(intake: Intake) -> None:
    first = intake.create(practice(), "alice").version
    second = intake.replace(practice(problem=""), "bob", first).version
    for expected in (first, second + 1, 0):
        with untouched(intake):
            with pytest.raises(Changed):
                intake.replace(practice(), "alice", expected)
            with pytest.raises(Changed):
                intake.delete(NEW, "alice", expected)
    assert intake.delete(NEW, "alice", second) == second + 1


def test_a_version_of_an_entry_that_never_was_is_refused(intake: Intake) -> None:
    with untouched(intake), pytest.raises(Changed):
        intake.replace(practice(), "alice", 1)


def test_other_entries_do_not_change_the_version_of_one(intake: Intake) -> None:
    version = intake.create(practice(), "alice").version
    intake.create(practice("other"), "bob")
    assert intake.replace(practice(problem=""), "alice", version).version == version + 2


def test_of_two_who_saw_the_same_version_one_wins(intake: Intake) -> None:
    version = intake.create(practice(), "alice").version
    states = [practice(problem=f'psr:problem "State {n}"@en') for n in range(4)]

    def write(state: Entry) -> bool:
        try:
            intake.replace(state, "someone", version)
        except Changed:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        won = list(threads.map(write, states))
    assert won.count(True) == 1
    assert intake.store.get(NEW) == states[won.index(True)]


# Deleting


def test_an_unused_entry_can_be_deleted(intake: Intake) -> None:
    assert intake.delete(PRACTICE, "alice") == 2
    assert not stored(intake, PRACTICE)
    seen = intake.store.provenance(PRACTICE)
    assert seen is not None
    assert (seen.agent, seen.action) == ("alice", "delete")


def test_what_is_not_there_cannot_be_deleted(intake: Intake) -> None:
    for iri in (NEW, "no address", ""):
        with untouched(intake), pytest.raises(NotFound):
            intake.delete(iri, "alice")


@pytest.mark.parametrize("iri", [CHALLENGE, ACTOR, CROATIA])
def test_an_entry_in_use_cannot_be_deleted(intake: Intake, iri: str) -> None:
    with untouched(intake), pytest.raises(InUse, match="is linked from"):
        intake.delete(iri, "alice")


def test_many_users_are_told_in_part(intake: Intake) -> None:
    fresh = [practice(f"p{n}", challenge="psr:addresses <id/challenge/waste>") for n in range(6)]
    bring(intake, *fresh)
    with pytest.raises(InUse, match="p4 …"):
        intake.delete(CHALLENGE, "alice")


def test_the_name_of_a_deleted_entry_is_not_given_again(intake: Intake) -> None:
    intake.delete(PRACTICE, "alice")
    with pytest.raises(Removed, match="its name is not given again"):
        intake.create(world()[PRACTICE], "bob")


# Many entries


def test_a_refused_entry_stops_nobody(intake: Intake) -> None:
    report = bring(intake, practice("a"), BAD, practice("b"))
    assert report.added == [f"{ID}practice/a", f"{ID}practice/b"]
    assert list(report.refused) == [BAD.iri]
    assert [p.path for p in report.refused[BAD.iri]] == ["dct:title"]
    assert set(report.warned) == set(report.added)
    assert not stored(intake, BAD.iri)
    assert intake.store.version() == 2


def test_the_same_again_is_not_written_again(intake: Intake) -> None:
    entries = [practice("a"), practice("b")]
    bring(intake, *entries)
    with untouched(intake):
        report = bring(intake, *entries)
    assert report == BatchReport(unchanged=[e.iri for e in entries])


def test_only_what_changed_is_written(intake: Intake) -> None:
    bring(intake, practice("a"), practice("b"))
    report = bring(intake, practice("a"), practice("b", problem=""))
    assert (report.unchanged, report.replaced) == ([f"{ID}practice/a"], [f"{ID}practice/b"])
    numbers = [
        v.number for iri in ("a", "b") if (v := intake.store.provenance(f"{ID}practice/{iri}"))
    ]
    assert numbers == [2, 3]


@pytest.mark.parametrize("change", ["edited", "deleted"])
def test_what_somebody_else_changed_is_kept(intake: Intake, change: str) -> None:
    bring(intake, practice())
    if change == "edited":
        intake.replace(practice(problem='psr:problem "Edited"@en'), "alice")
    else:
        intake.delete(NEW, "alice")
    with untouched(intake):
        report = bring(intake, practice(), practice("library", problem=""))
    assert report == BatchReport(kept=[NEW, NEW])
    forced = bring(intake, practice(), keep=False)
    if change == "edited":
        assert forced.replaced == [NEW]
        assert intake.store.get(NEW) == practice()
    else:
        assert "its name is not given again" in forced.refused[NEW][0].message


def test_what_was_deleted_is_a_refused_row(intake: Intake) -> None:
    bring(intake, practice())
    intake.delete(NEW, "import-x")
    report = bring(intake, practice(), practice("other"))
    assert report.added == [f"{ID}practice/other"]
    assert [(p.path, p.value) for p in report.refused[NEW]] == [("id", NEW)]


def test_entries_may_link_to_each_other_in_any_order(intake: Intake, short_lots: int) -> None:
    between = [actor(f"a{n}") for n in range(short_lots)]
    report = bring(intake, led_by("led", "late"), *between, actor("late"))
    assert report.refused == {}
    assert len(report.added) == short_lots + 2


def test_entries_may_link_to_each_other_in_a_circle(intake: Intake, short_lots: int) -> None:
    circle = [
        turtle(
            f'<id/challenge/c{n}> a psr:Challenge ; dct:title "C"@en ; dct:description "C"@en ;'
            f" skos:broader <id/challenge/c{1 - n}> ."
        )
        for n in range(2)
    ]
    between = [actor(f"a{n}") for n in range(short_lots)]
    assert bring(intake, circle[0], *between, circle[1]).refused == {}


def test_nobody_links_to_an_entry_that_is_refused(intake: Intake) -> None:
    bad = actor("bad", description=" ")
    report = bring(intake, bad, led_by("led", "bad"), practice())
    assert set(report.refused) == {bad.iri, f"{ID}practice/led"}
    assert [p.path for p in report.refused[f"{ID}practice/led"]] == ["involvement-1/psr:actor"]
    assert report.added == [NEW]


def test_a_link_to_a_stored_entry_holds_though_its_change_is_refused(intake: Intake) -> None:
    bring(intake, actor("good"))
    bad = actor("good", description=" ")
    report = bring(intake, bad, led_by("led", "good"))
    assert list(report.refused) == [bad.iri]
    assert intake.store.get(bad.iri) == actor("good")


def test_two_states_of_one_entry_are_stored_one_after_the_other(intake: Intake) -> None:
    report = bring(intake, practice(), practice(problem='psr:problem "Second"@en'))
    assert (report.added, report.replaced, report.refused) == ([NEW], [NEW], {})
    assert intake.store.get(NEW) == practice(problem='psr:problem "Second"@en')


def test_batches_are_written_whole(intake: Intake, short_lots: int) -> None:
    report = bring(intake, *[actor(f"a{n}") for n in range(short_lots + 1)])
    assert len(report.added) == short_lots + 1
    assert intake.store.version() == 3
    with untouched(intake):
        assert bring(intake) == BatchReport()


def test_threads_create_an_entry_once(intake: Intake) -> None:
    def create(number: int) -> bool:
        try:
            intake.create(practice(), f"agent-{number}")
        except Exists:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(create, range(4))) == 1


def test_the_store_is_not_asked_to_keep_what_nobody_wrote(intake: Intake) -> None:
    intake.store.write([Change(NEW, practice())], "import-x", "import")
    assert bring(intake, practice()).unchanged == [NEW]


# Checks and writers at the same time


class Watched(Validator):
    """Notes at each run whether another thread could write; ``then`` happens after the first."""

    def __init__(self, store: EmbeddedStore) -> None:
        super().__init__()
        self.store = store
        self.writable: list[bool] = []
        self.then: Callable[[], object] | None = None

    def validate(self, entry: Entry, kinds: Kinds) -> Report:
        report = super().validate(entry, kinds)
        with ThreadPoolExecutor(1) as other:
            self.writable.append(other.submit(self._try).result(20))
            if then := self.then:
                self.then = None
                other.submit(then).result(20)
        return report

    def _try(self) -> bool:
        taken = self.store._writing.acquire(blocking=False)
        if taken:
            self.store._writing.release()
        return taken


def called(name: str) -> list[ox.Triple]:
    title = ox.NamedNode(DCT + "alternative")
    return [ox.Triple(ox.NamedNode(NEW), title, ox.Literal(name, language="en"))]


@pytest.fixture
def watched(store: EmbeddedStore) -> Watched:
    return Watched(store)


def test_nothing_is_validated_while_writers_wait(watched: Watched) -> None:
    intake = Intake(watched.store, watched)
    intake.create(practice(), "alice")
    intake.replace(practice(problem=""), "alice")
    intake.add(NEW, called("L"), "alice")
    with pytest.raises(Refused):
        intake.create(BAD, "alice")
    with pytest.raises(Exists):
        intake.create(practice(), "alice")
    assert watched.writable == [True] * 5


def test_links_are_looked_up_once_where_nobody_wrote_meanwhile(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries: list[str] = []
    select = EmbeddedStore.select

    def noted(store: EmbeddedStore, query: str, values: Values) -> list[Binding]:
        queries.append(query)
        return select(store, query, values)

    monkeypatch.setattr(EmbeddedStore, "select", noted)
    intake.replace(practice(), "ana")
    assert len(queries) == 2  # what it links to, and where the graph stands afterwards
    intake.replace(practice(problem='psr:problem "Other"@en'), "ana", expected=2)
    assert len(queries) == 5


def test_what_is_unlinked_between_check_and_write_is_noticed(watched: Watched) -> None:
    intake = Intake(watched.store, watched)
    intake.create(turtle(
        "<id/challenge/brief> a psr:Challenge ; dct:title 'Brief'@en ;"
        " dct:description 'It is there for a moment.'@en ; dct:subject theme:housing ."
    ), "alice")  # fmt: skip
    watched.then = lambda: intake.delete(f"{ID}challenge/brief", "bob")
    with pytest.raises(Refused) as error:
        intake.create(practice(a="psr:addresses <id/challenge/brief>"), "alice")
    assert {p.path for p in error.value.problems if p.severity == "violation"} == {"psr:addresses"}
    assert not stored(intake, NEW)


def test_two_who_add_to_one_entry_lose_nothing(watched: Watched) -> None:
    intake = Intake(watched.store, watched)
    intake.create(practice(), "alice")
    watched.then = lambda: intake.add(NEW, called("two"), "bob")
    intake.add(NEW, called("one"), "alice")
    titles = {t.value for t in intake.store.get(NEW).texts(DCT + "alternative")}
    assert titles >= {"one", "two"}


def test_visitors_checks_keep_no_writer_waiting(intake: Intake) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def read() -> Entry:
        inside.set()
        assert go_on.wait(20)
        return practice("visited")

    with ThreadPoolExecutor(1) as visitor:
        check = visitor.submit(intake.examine, read)
        assert inside.wait(20)
        assert intake.create(practice("written"), "alice").version == intake.store.version()
        assert intake.delete(f"{ID}practice/written", "alice") == intake.store.version()
        go_on.set()
        assert check.result(20)[1].conforms


def test_visitors_beyond_a_few_are_sent_away(intake: Intake) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def read() -> Entry:
        inside.set()
        assert go_on.wait(20)
        return practice("visited")

    with ThreadPoolExecutor(VISITORS.queue + 2) as visitors:
        first = visitors.submit(intake.examine, read)
        assert inside.wait(20)
        others = [
            visitors.submit(intake.examine, practice, str(n)) for n in range(VISITORS.queue + 1)
        ]
        done, _ = wait(others, 20, FIRST_COMPLETED)
        error = next(iter(done)).exception()
        assert isinstance(error, Overloaded)
        assert "Too many checks" in str(error)
        go_on.set()
        assert first.result(20)[1].conforms
        assert sum(other.exception(20) is None for other in others) == VISITORS.queue


# Links in any order and number


class Strict:
    """Says of an entry only whether all that it links to is there; notes how many at a time."""

    def __init__(self, *bad: str) -> None:
        self.bad = set(bad)
        self.sizes: list[int] = []
        self.validated: Counter[str] = Counter()

    def twin(self) -> Strict:
        return self

    def validate_many(self, entries: list[Entry], kinds: Kinds) -> dict[str, Report]:
        self.sizes.append(len(entries))
        self.validated.update(entry.iri for entry in entries)
        here = {node for entry in entries for node in entry.nodes()}
        return {entry.iri: self._report(entry, here, kinds) for entry in entries}

    def _report(self, entry: Entry, here: set[str], kinds: Kinds) -> Report:
        linked = {iri for iri in entry.linked() if iri.startswith(ID)} - here
        problems = [
            Problem("link", "not there", iri) for iri in sorted(linked - set(kinds(linked)))
        ]
        own = [Problem("own", "its own fault")] if entry.iri in self.bad else []
        return Report((*own, *problems))


def link(name: str, *targets: str) -> Entry:
    """A small challenge that links to others, made without a parser."""
    node = ox.NamedNode(f"{ID}challenge/{name}")
    broader = ox.NamedNode(SKOS + "broader")
    links = [ox.Triple(node, broader, ox.NamedNode(f"{ID}challenge/{t}")) for t in targets]
    kind = ox.Triple(node, RDF_TYPE, ox.NamedNode(PSR + "Challenge"))
    return Entry(node.value, tuple(sorted([kind, *links], key=str)))


def shapes_of_links(count: int) -> dict[str, list[Entry]]:
    """Ways in which the rows of a file may link to each other."""
    names = [f"c{n:05}" for n in range(count)]
    return {
        "forwards": [link(names[0]), *(link(b, a) for a, b in pairwise(names))],
        "backwards": [*(link(a, b) for a, b in pairwise(names)), link(names[-1])],
        "to the last": [*(link(n, names[-1]) for n in names[:-1]), link(names[-1])],
        "from the first": [link(names[0], *names[1:]), *map(link, names[1:])],
        "one circle": [link(a, b) for a, b in pairwise([*names, names[0]])],
        "first and last in a circle": [
            link(names[0], names[-1]), *map(link, names[1:-1]), link(names[-1], names[0])
        ],
        "small circles far apart": [
            link(n, names[-1 - at]) for at, n in enumerate(names)
        ],
        "shuffled": random.Random(1).sample(
            [link(n, names[at // 2]) if at else link(n) for at, n in enumerate(names)], count
        ),
    }  # fmt: skip


@pytest.mark.parametrize("count", [3, 250, pytest.param(5_000, marks=pytest.mark.slow)])
def test_nobody_is_refused_for_the_order_of_rows(count: int) -> None:
    """Each is looked at once, in lots, and what it links to is stored no later than itself."""
    shapes = shapes_of_links(count)
    for name in ["backwards", "one circle"] if count > 1_000 else shapes:
        entries = shapes[name]
        intake = Intake(EmbeddedStore(BASE), cast(Validator, guard := Strict()))
        report = bring(intake, *entries)
        assert (report.refused, len(report.added)) == ({}, count), name
        assert set(guard.validated.values()) == {1}, name
        assert max(guard.sizes) <= BATCH, name
        assert len(guard.sizes) <= 2 * count // BATCH + 2, name
        if count <= 250:
            with untouched(intake):
                again = bring(intake, *entries)
            assert len(again.unchanged) == count, name


def test_what_links_to_a_refused_entry_is_refused_with_it_and_nothing_else_is() -> None:
    names = [f"c{n:03}" for n in range(500)]
    circle = [link(a, b) for a, b in pairwise([*names, names[0]])]
    bad = f"{ID}challenge/c250"
    user, missing, free = link("u", "c100"), link("m", "nothing"), link("f")
    intake = Intake(EmbeddedStore(BASE), cast(Validator, Strict(bad)))
    report = bring(intake, user, *circle, missing, free)
    assert report.added == [free.iri]
    assert len(report.refused) == 502
    assert [p.message for p in report.refused[bad]] == ["its own fault"]
    assert [p.value for p in report.refused[user.iri]] == [f"{ID}challenge/c100"]
    assert [p.value for p in report.refused[missing.iri]] == [f"{ID}challenge/nothing"]
    assert [e.iri for e in intake.store.entries()] == [free.iri]


def test_only_what_waits_for_another_is_held_back() -> None:
    """A list without such links streams: a lot is stored before the next is read."""
    intake = Intake(EmbeddedStore(BASE), cast(Validator, Strict()))
    before: list[int] = []

    def rows() -> Iterator[Entry]:
        for number in range(5 * BATCH):
            if number % BATCH == 1:  # the row after a full lot was asked for
                before.append(len(intake.store.changes_since(0)))
            yield link(f"c{number}")

    intake.submit_many(rows(), "import-x", keep_others=True)
    assert before == [BATCH * number for number in range(5)]


class Interrupted(Strict):
    """Lets somebody else write while an import looks at its rows; notes if none could."""

    then: Callable[[], object] | None = None

    def validate_many(self, entries: list[Entry], kinds: Kinds) -> dict[str, Report]:
        reports = super().validate_many(entries, kinds)
        if then := self.then:
            self.then = None
            with ThreadPoolExecutor(1) as other:
                other.submit(then).result(20)
        return reports


@pytest.mark.parametrize("what", ["edited", "unlinked"])
def test_what_others_write_while_an_import_looks_is_noticed(what: str) -> None:
    """Nobody waits for the look at 200 rows; what it rests on may be otherwise then."""
    store, guard = EmbeddedStore(BASE), Interrupted()
    intake = Intake(store, cast(Validator, guard))
    mine, target = link("mine", "target"), link("target")
    bring(intake, target, link("mine"))
    edited = Change(mine.iri, link("mine", "mine"))
    gone = Change(target.iri, None)
    change = edited if what == "edited" else gone
    guard.then = lambda: store.write([change], "alice", "replace")
    report = bring(intake, mine, link("other"))
    if what == "edited":
        assert (report.kept, report.added) == ([mine.iri], [f"{ID}challenge/other"])
        assert store.get(mine.iri) == edited.entry
    else:
        assert (list(report.refused), report.added) == ([mine.iri], [f"{ID}challenge/other"])
        assert store.get(mine.iri) == link("mine")


def test_a_later_state_of_what_was_held_back_is_the_one_that_stays() -> None:
    intake = Intake(EmbeddedStore(BASE), cast(Validator, Strict()))
    first, second, end = link("a", "z"), link("a"), link("z")
    report = bring(intake, first, second, end)
    assert (report.refused, report.added) == ({}, [second.iri, end.iri])
    assert intake.store.get(second.iri) == second


def test_more_than_a_lot_and_what_they_all_link_to_in_circles(
    validator: Validator, short_lots: int
) -> None:
    """With the real shapes: regions far away in the file, practices adapted from each other."""
    intake = Intake(EmbeddedStore(BASE), validator)
    count = 2 * short_lots + 3
    rows = [
        practice(f"p{n:03}", adapted=f"psr:adaptedFrom <id/practice/p{(n + 1) % count:03}>")
        for n in range(count)
    ]
    places = [world()[SPLIT], world()[CROATIA]]
    report = bring(intake, *rows, *places)
    assert (report.refused, len(report.added)) == ({}, count + 2)
    with untouched(intake):
        assert len(bring(intake, *rows, *places).unchanged) == count + 2
