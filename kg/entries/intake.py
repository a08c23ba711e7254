"""The one way in: check an entry, store it, and say who did it and when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pyoxigraph as ox

from kg.catalogue.lists import links_to
from kg.entries.reading import entry_of
from kg.entries.validation import Report, Validator
from kg.entry import Entry
from kg.errors import Changed, Exists, InUse, NotFound, Problem, Refused
from kg.sparql.query import Limits, Slots
from kg.stores.protocol import Change, Store
from kg.text.i18n import gettext
from kg.vocabulary import RDF_TYPE

BATCH = 200
SHOWN = 5
#: checks for visitors: one at a time, others wait
VISITORS = Limits(seconds=10, concurrent=1, queue=12)
#: checks of one visitor that run or wait at a time
EACH = 4


@dataclass(frozen=True)
class Accepted:
    """A stored entry, the data version of its write and what would make it better."""

    entry: Entry
    version: int
    warnings: tuple[Problem, ...]


@dataclass
class BatchReport:
    """The IRIs of many entries by what was done with them."""

    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    warned: dict[str, list[Problem]] = field(default_factory=dict)
    refused: dict[str, list[Problem]] = field(default_factory=dict)

    def add(self, later: BatchReport) -> None:
        """Add a later report; of an entry in both the later one counts."""
        self.added += later.added
        self.replaced += later.replaced
        self.unchanged += later.unchanged
        self.kept += later.kept
        for iri in (*later.added, *later.replaced):
            self.refused.pop(iri, None)
        self.warned |= later.warned
        self.refused |= later.refused


@dataclass(frozen=True)
class _Outcome:
    """Entries that were validated together, at a version of the store."""

    version: int
    changes: list[Change]
    waiting: dict[str, Entry]
    report: BatchReport


@dataclass(frozen=True)
class _Validated:
    """A validated entry, and the classes of its links that the report depends on."""

    entry: Entry
    kinds: Mapping[str, list[str]]
    report: Report


class Intake:
    """Lets into a store what conforms to the shapes; safe to use from several threads.

    Nothing is validated while writers wait: an entry is looked at before its turn to be written,
    and what visitors only want checked has shapes and turns of its own.
    """

    def __init__(self, store: Store, validator: Validator) -> None:
        self.store = store
        self.validator = validator
        self._turns = Slots(VISITORS, "checks", EACH)

    @cached_property
    def _visitors(self) -> Validator:
        return self.validator.twin()

    def check(self, entry: Entry) -> Report:
        """Validate an entry without storing it."""
        return self.examine(lambda: entry)[1]

    def examine(self, read: Callable[[], Entry], visitor: str = "") -> tuple[Entry, Report]:
        """Read and validate what a visitor sent, one at a time.

        Raises Overloaded where too many wait, in all or of this visitor, and whatever ``read``
        raises.
        """
        with self._turns.turn(visitor):
            entry = read()
            return entry, self._visitors.validate(entry, self.store.kinds)

    def create(self, entry: Entry, agent: str) -> Accepted:
        """Store a new entry. Raises Exists, or Refused with the report."""
        checked = self._validated(entry)
        with self.store.exclusive():
            if self._exists(entry.iri):
                raise Exists(
                    gettext(
                        "There is an entry %(entry)s already; replace it with PUT.", entry=entry.iri
                    )
                )
            return self._store(checked, agent, "create")

    def replace(self, entry: Entry, agent: str, expected: int | None = None) -> Accepted:
        """Store a new state of an entry, or the entry itself if it is new.

        ``expected`` is the version that the caller last saw; Changed if it is another.
        """
        checked = self._validated(entry)
        with self.store.exclusive():
            self._check_version(entry.iri, expected)
            action = "replace" if self._exists(entry.iri) else "create"
            return self._store(checked, agent, action)

    def add(
        self, iri: str, triples: list[ox.Triple], agent: str, expected: int | None = None
    ) -> Accepted:
        """Add triples to an entry, or store a new one that they describe.

        Raises Changed if ``expected`` is not the version there is, or Refused.
        """
        checked = self._validated(self._grown(iri, triples))
        with self.store.exclusive():
            self._check_version(iri, expected)
            if (grown := self._grown(iri, triples)) != checked.entry:
                checked = self._validated(grown)  # somebody else added to it meanwhile
            return self._store(checked, agent, "replace" if self._exists(iri) else "create")

    def _grown(self, iri: str, triples: list[ox.Triple]) -> Entry:
        known = self.store.get(iri).triples if self._exists(iri) else ()
        return entry_of([*known, *triples], self.store.base, iri=iri, noted=self.store.noted)

    def delete(self, iri: str, agent: str, expected: int | None = None) -> int:
        """Remove an entry and return the data version.

        Raises NotFound, Changed, or InUse while other entries link to it.
        """
        with self.store.exclusive():
            self.store.get(iri)
            self._check_version(iri, expected)
            links = {link.entry for link in links_to(self.store, iri)}
            # What was decided on a match binds nobody.
            if users := sorted(u for u in links if not u.startswith(f"{self.store.base}id/match/")):
                names = ", ".join(users[:SHOWN]) + (" …" if len(users) > SHOWN else "")
                raise InUse(
                    gettext(
                        "%(entry)s is linked from %(names)s; change these first.",
                        entry=iri,
                        names=names,
                    )
                )
            return self.store.write([Change(iri, None)], agent, "delete")

    def submit_many(
        self, entries: Iterable[Entry], agent: str, *, keep_others: bool
    ) -> BatchReport:
        """Store entries that an import or a release brings; refused ones stop nobody.

        With ``keep_others`` an entry that somebody else wrote or deleted last is left as
        it is and listed in ``kept``. What is the same already is not written again. Entries
        may link to each other in any order: those whose links lead to nothing yet are held
        back, and stored at the end after what they link to.
        """
        report = BatchReport()
        held: dict[str, Entry] = {}

        def submit(batch: list[Entry], *, hold: bool) -> None:
            """Validate entries before the exclusive turn, and store them in it."""
            outcome = self._sort(batch, agent, keep_others=keep_others, hold=hold)
            with self.store.exclusive():
                if self.store.version() != outcome.version:  # somebody wrote meanwhile
                    outcome = self._sort(batch, agent, keep_others=keep_others, hold=hold)
                if outcome.changes:
                    self.store.write(outcome.changes, agent, "import")
            report.add(outcome.report)
            held.update(outcome.waiting)

        for batch in _batches(entries):
            for entry in batch:
                held.pop(entry.iri, None)
            submit(batch, hold=True)
        for batch in _after_their_links(held):
            submit(batch, hold=False)
        return report

    def _sort(self, batch: list[Entry], agent: str, *, keep_others: bool, hold: bool) -> _Outcome:
        """Sort a batch into what is written, waits for its links, is refused or kept."""
        version, report = self.store.version(), BatchReport()
        known = {e.iri: e for e in self.store.several([e.iri for e in batch])}
        report.unchanged = [e.iri for e in batch if known.get(e.iri) == e]
        changed = [e for e in batch if known.get(e.iri) != e]
        if keep_others:
            seen = {e.iri: self.store.provenance(e.iri) for e in changed}
            report.kept = [iri for iri, last in seen.items() if last and last.agent != agent]
        fresh = [e for e in changed if e.iri not in report.kept]
        waiting = self._waiting(fresh) if hold else {}
        verdicts = self._validate_together([e for e in fresh if e.iri not in waiting])
        changes = []
        for entry in fresh:
            if (verdict := verdicts.get(entry.iri)) is None:
                continue
            if not verdict.conforms:
                report.refused[entry.iri] = verdict.violations
                continue
            if verdict.warnings:
                report.warned[entry.iri] = verdict.warnings
            (report.replaced if entry.iri in known else report.added).append(entry.iri)
            changes.append(Change(entry.iri, entry))
        return _Outcome(version, changes, waiting, report)

    def _waiting(self, fresh: list[Entry]) -> dict[str, Entry]:
        """The entries that link to what does not exist yet, directly or through others."""
        links = {e.iri: self._own_links(e) for e in fresh}
        here = {node for entry in fresh for node in entry.nodes()}
        stored = self.store.kinds({*here, *(iri for some in links.values() for iri in some)})
        lost = {iri for some in links.values() for iri in some} - here - stored.keys()
        waiting: dict[str, Entry] = {}
        while more := [e for e in fresh if e.iri not in waiting and links[e.iri] & lost]:
            waiting |= {e.iri: e for e in more}
            lost |= {node for e in more for node in e.nodes() if node not in stored}
        return waiting

    def _own_links(self, entry: Entry) -> set[str]:
        return {iri for iri in entry.linked() if iri.startswith(f"{self.store.base}id/")}

    def _validate_together(self, fresh: list[Entry]) -> dict[str, Report]:
        """Validate entries; those that link to a refused one are validated again."""
        standing = {entry.iri: entry for entry in fresh}
        users: dict[str, list[str]] = defaultdict(list)
        for entry in fresh:
            for iri in self._own_links(entry):
                users[iri].append(entry.iri)

        def kinds(iris: Iterable[str]) -> dict[str, list[str]]:
            """The kinds of what is stored, and of what is to be stored with it."""
            names = set(iris)
            classes = self.store.kinds(names)
            owners = {iri.partition("#")[0] for iri in names} & standing.keys()
            for node in {n for o in owners for n in standing[o].nodes()} & names:
                new = standing[node.partition("#")[0]].links(RDF_TYPE.value, node)
                classes[node] = sorted({*classes.get(node, []), *new})
            return classes

        verdicts: dict[str, Report] = {}
        unsure = list(standing)
        while unsure:
            for start in range(0, len(unsure), BATCH):
                some = [standing[iri] for iri in unsure[start : start + BATCH]]
                verdicts |= self.validator.validate_many(some, kinds)
            lost = [standing.pop(iri) for iri in unsure if not verdicts[iri].conforms]
            linking = {user for entry in lost for node in entry.nodes() for user in users[node]}
            unsure = sorted(linking & standing.keys())
        return verdicts

    def _exists(self, iri: str) -> bool:
        try:
            self.store.get(iri)
        except NotFound:
            return False
        return True

    def _check_version(self, iri: str, expected: int | None) -> None:
        seen = self.store.provenance(iri)
        if expected is not None and (seen is None or seen.number != expected):
            raise Changed(
                gettext(
                    "%(entry)s was changed since version %(version)s; read it again first.",
                    entry=iri,
                    version=expected,
                )
            )

    def _validated(self, entry: Entry) -> _Validated:
        kinds = self.store.kinds(entry.linked())
        return _Validated(entry, kinds, self.validator.validate(entry, lambda _: dict(kinds)))

    def _store(self, checked: _Validated, agent: str, action: str) -> Accepted:
        """Write a validated entry; validate it again if what it links to changed since."""
        entry = checked.entry
        if self.store.kinds(entry.linked()) != checked.kinds:
            checked = self._validated(entry)
        report = checked.report
        if not report.conforms:
            raise Refused(
                gettext("The entry does not conform to the shapes."), list(report.problems)
            )
        version = self.store.write([Change(entry.iri, entry)], agent, action)
        return Accepted(entry, version, tuple(report.warnings))


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield the entries in lists of at most 200 in which none comes twice."""
    batch: dict[str, Entry] = {}
    for entry in entries:
        if len(batch) == BATCH or entry.iri in batch:
            yield list(batch.values())
            batch = {}
        batch[entry.iri] = entry
    if batch:
        yield list(batch.values())


def _after_their_links(entries: Mapping[str, Entry]) -> Iterator[list[Entry]]:
    """Yield entries in lists of some 200, none before what it links to.

    What links to each other in a circle is in one list, whatever its number.
    """
    links = {
        iri: sorted({i.partition("#")[0] for i in entry.linked()} & entries.keys())
        for iri, entry in entries.items()
    }
    users: dict[str, list[str]] = {iri: [] for iri in links}
    for iri, targets in links.items():
        for target in targets:
            users[target].append(iri)
    # Kosaraju's algorithm: it finds circles with those that link to them first.
    last_first = list(_walk(links, links, set()))[::-1]
    seen: set[str] = set()
    circles = [c for iri in last_first if (c := list(_walk([iri], users, seen)))][::-1]
    batch: list[Entry] = []
    for circle in circles:
        if batch and len(batch) + len(circle) > BATCH:
            yield batch
            batch = []
        batch += [entries[iri] for iri in circle]
    if batch:
        yield batch


def _walk(starts: Iterable[str], ways: Mapping[str, list[str]], seen: set[str]) -> Iterator[str]:
    """Yield what can be reached and was not seen, each after all that it leads to."""
    for start in starts:
        if start in seen:
            continue
        seen.add(start)
        open_ = [(start, iter(ways[start]))]
        while open_:
            iri, further = open_[-1]
            if (step := next((i for i in further if i not in seen), None)) is None:
                open_.pop()
                yield iri
            else:
                seen.add(step)
                open_.append((step, iter(ways[step])))
