"""The one way in: check an entry, store it, and say who did it and when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pyoxigraph as ox

from kg.catalogue.lists import links_to
from kg.entries.reading import entry_of
from kg.entries.validation import Report, Validator
from kg.entry import Entry
from kg.errors import Changed, Exists, InUse, Merged, Problem, Refused, Removed
from kg.ledger.ledger import NOTHING, Fate, Note
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
#: asked in the turn to write whether one state of an entry may become another
Allow = Callable[[Entry | None, Entry | None], None]


def anything(before: Entry | None, after: Entry | None) -> None:
    """Allow every change."""


@dataclass(frozen=True)
class Accepted:
    """A stored entry, the data version of its write and what would make it better."""

    entry: Entry
    version: int
    warnings: tuple[Problem, ...]
    #: what the entry was before, None where there was none
    before: Entry | None = None


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

    version: int
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

    def create(
        self, entry: Entry, agent: str, note: Note = NOTHING, *, allow: Allow = anything
    ) -> Accepted:
        """Store a new entry.

        Raises Exists, Removed, Merged, Refused with the report, or what ``allow`` raises.
        """
        checked = self._validated(entry)
        with self.store.exclusive():
            self.check_name(entry.iri)
            if self.present(entry.iri):
                raise Exists(
                    gettext(
                        "There is an entry %(entry)s already; replace it with PUT.", entry=entry.iri
                    )
                )
            return self._store(checked, agent, "create", note, None, allow)

    def replace(
        self,
        entry: Entry,
        agent: str,
        expected: int | None = None,
        note: Note = NOTHING,
        *,
        allow: Allow = anything,
    ) -> Accepted:
        """Store a new state of an entry, or the entry itself if it is new.

        ``expected`` is the version that the caller last saw; Changed if it is another. Raises
        Removed or Merged for a name that is not given again.
        """
        checked = self._validated(entry)
        with self.store.exclusive():
            self.check_version(entry.iri, expected)
            self.check_name(entry.iri)
            before = self.present(entry.iri)
            action = "replace" if before else "create"
            return self._store(checked, agent, action, note, before, allow)

    def add(
        self,
        iri: str,
        triples: list[ox.Triple],
        agent: str,
        expected: int | None = None,
        note: Note = NOTHING,
        *,
        allow: Allow = anything,
    ) -> Accepted:
        """Add triples to an entry, or store a new one that they describe.

        Raises Changed if ``expected`` is not the version there is, Removed, Merged, or Refused.
        """
        checked = self._validated(self._grown(iri, triples))
        with self.store.exclusive():
            self.check_version(iri, expected)
            self.check_name(iri)
            if (grown := self._grown(iri, triples)) != checked.entry:
                checked = self._validated(grown)  # somebody else added to it meanwhile
            before = self.present(iri)
            action = "replace" if before else "create"
            return self._store(checked, agent, action, note, before, allow)

    def _grown(self, iri: str, triples: list[ox.Triple]) -> Entry:
        known = before.triples if (before := self.present(iri)) else ()
        return entry_of([*known, *triples], self.store.base, iri=iri, noted=self.store.noted)

    def delete(
        self,
        iri: str,
        agent: str,
        expected: int | None = None,
        note: Note = NOTHING,
        *,
        allow: Allow = anything,
    ) -> int:
        """Remove an entry and return the data version.

        Raises NotFound, Changed, or InUse while other entries link to it.
        """
        with self.store.exclusive():
            before = self.store.get(iri)
            self.check_version(iri, expected)
            allow(before, None)
            self.check_unlinked(iri)
            return self.store.write([Change(iri, None)], agent, "delete", note)

    def check_name(self, iri: str) -> None:
        """Raise Removed or Merged for the name of an entry that is no more."""
        if self.present(iri) is None and (fate := self.store.ledger.fate(iri)):
            raise no_more(fate)

    def gone(self, iri: str) -> bool:
        """Whether this was the name of an entry that is no more."""
        return self.present(iri) is None and self.store.ledger.fate(iri) is not None

    def submit(
        self,
        changes: Sequence[Change],
        agent: str,
        action: str,
        note: Note,
        allow: Allow = anything,
    ) -> int:
        """Make several changes that stand or fall together, and return the data version.

        Entries may link to each other. Raises Refused for what does not conform, links that lead
        nowhere included, and InUse where another entry links to one that is to go.
        """
        checked = self._check_together(changes)
        with self.store.exclusive():
            if self.store.version() != checked:  # somebody wrote meanwhile
                self._check_together(changes)
            for change in changes:
                allow(self.present(change.iri), change.entry)
            return self.store.write(changes, agent, action, note)

    def _check_together(self, changes: Sequence[Change]) -> int:
        """Raise Refused or InUse for changes that cannot be made; else the version looked at."""
        version = self.store.version()
        gone = {change.iri for change in changes if change.entry is None}
        entries = [change.entry for change in changes if change.entry]
        verdicts = self.validate_together(entries, gone)
        if problems := [p for report in verdicts.values() for p in report.violations]:
            raise Refused(gettext("The entry does not conform to the shapes."), problems)
        for iri in sorted(gone):
            self.check_unlinked(iri, {change.iri for change in changes})
        return version

    def check_unlinked(self, iri: str, but: Collection[str] = ()) -> None:
        """Raise InUse while entries other than ``but`` link to one."""
        links = {link.entry for link in links_to(self.store, iri)}
        # What was decided on a match binds nobody.
        matches = f"{self.store.base}id/match/"
        if users := sorted(u for u in links if u not in but and not u.startswith(matches)):
            names = ", ".join(users[:SHOWN]) + (" …" if len(users) > SHOWN else "")
            raise InUse(
                gettext(
                    "%(entry)s is linked from %(names)s; change these first.",
                    entry=iri,
                    names=names,
                )
            )

    def submit_many(
        self, entries: Iterable[Entry], agent: str, *, keep_others: bool, note: Note = NOTHING
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
                    self.store.write(outcome.changes, agent, "import", note)
            report.add(outcome.report)
            held.update(outcome.waiting)

        for batch in _batches(entries):
            for entry in batch:
                held.pop(entry.iri, None)
            submit(batch, hold=True)
        for batch in after_their_links(held):
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
        gone = self.store.ledger.fates([e.iri for e in changed if e.iri not in known])
        report.refused |= {
            iri: [Problem("id", str(no_more(fate)), value=iri)]
            for iri, fate in gone.items()
            if iri not in report.kept
        }
        fresh = [e for e in changed if e.iri not in report.kept and e.iri not in gone]
        waiting = self._waiting(fresh) if hold else {}
        verdicts = self.validate_together([e for e in fresh if e.iri not in waiting])
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

    def validate_together(
        self, fresh: list[Entry], gone: Collection[str] = ()
    ) -> dict[str, Report]:
        """Validate entries; those that link to a refused one are validated again.

        ``gone`` are stored entries that are to be removed with the same change.
        """
        standing = {entry.iri: entry for entry in fresh}
        users: dict[str, list[str]] = defaultdict(list)
        for entry in fresh:
            for iri in self._own_links(entry):
                users[iri].append(entry.iri)

        def kinds(iris: Iterable[str]) -> dict[str, list[str]]:
            """The kinds of what is stored, and of what is to be stored with it."""
            names = {iri for iri in iris if iri.partition("#")[0] not in gone}
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

    def present(self, iri: str) -> Entry | None:
        """An entry as it is, None where there is none."""
        return next(iter(self.store.several([iri])), None)

    def check_version(self, iri: str, expected: int | None) -> None:
        """Raise Changed where an entry is not at the version that its writer has seen."""
        if expected is None:
            return
        seen = self.store.provenance(iri)
        if seen is None or seen.number != expected:
            raise Changed(
                gettext(
                    "%(entry)s was changed since version %(version)s; read it again first.",
                    entry=iri,
                    version=expected,
                )
            )

    def _validated(self, entry: Entry) -> _Validated:
        version, kinds = self.store.version(), self.store.kinds(entry.linked())
        report = self.validator.validate(entry, lambda _: dict(kinds))
        return _Validated(version, entry, kinds, report)

    def _store(
        self,
        checked: _Validated,
        agent: str,
        action: str,
        note: Note,
        before: Entry | None,
        allow: Allow,
    ) -> Accepted:
        """Write a validated entry; validate it again if what it links to changed since."""
        entry = checked.entry
        allow(before, entry)
        changed = self.store.version() != checked.version  # somebody wrote meanwhile
        if changed and self.store.kinds(entry.linked()) != checked.kinds:
            checked = self._validated(entry)
        report = checked.report
        if not report.conforms:
            raise Refused(
                gettext("The entry does not conform to the shapes."), list(report.problems)
            )
        version = self.store.write([Change(entry.iri, entry)], agent, action, note)
        return Accepted(entry, version, tuple(report.warnings), before)


def no_more(fate: Fate) -> Removed | Merged:
    """The error that tells what became of an entry."""
    if fate.target:
        text = gettext("%(entry)s was merged into %(target)s.", entry=fate.iri, target=fate.target)
        return Merged(text, fate.iri, fate.target)
    text = gettext("%(entry)s was removed; its name is not given again.", entry=fate.iri)
    return Removed(text, fate.iri, fate.at, fate.version, fate.reason)


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


def after_their_links(entries: Mapping[str, Entry]) -> Iterator[list[Entry]]:
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
