"""The way back: a former state made the present one, two entries made one, changes undone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile

import pyoxigraph as ox

from kg.catalogue.lists import links_to
from kg.entries.intake import Accepted, Allow, Intake, after_their_links, anything
from kg.entry import Entry, make
from kg.errors import InUse, NotFound, Refused, refused
from kg.ledger.ledger import Change, Note, PastVersion
from kg.stores.protocol import Store
from kg.text.i18n import gettext
from kg.vocabulary import DCT


@dataclass(frozen=True)
class UndoReport:
    """What became of the entries that changes touched; ``left`` says why, by entry.

    ``job`` names the undoing, so that it can be undone itself; None where nothing was done.
    """

    changes: int
    restored: tuple[str, ...]
    removed: tuple[str, ...]
    left: dict[str, str]
    job: str | None = None


def versions(store: Store, iri: str) -> list[PastVersion]:
    """Every version of an entry, the newest first; raises NotFound for what never was."""
    if past := store.ledger.history(iri):
        return past
    raise NotFound(gettext("There is no entry %(entry)s.", entry=iri))


def state(intake: Intake, iri: str, version: int) -> Entry:
    """A former state of an entry; raises NotFound where there is none of this number."""
    if entry := intake.store.ledger.state(iri, version, intake.present(iri)):
        return entry
    raise NotFound(
        gettext("Version %(version)s of %(entry)s is its removal.", version=version, entry=iri)
    )


def restore(
    intake: Intake,
    iri: str,
    version: int,
    agent: str,
    note: Note,
    expected: int | None = None,
    *,
    allow: Allow = anything,
) -> Accepted:
    """Make a former state of an entry the present one, as a new version.

    Raises NotFound, Changed where ``expected`` is not the present version, or Refused where the
    state does not conform any more, as when what it links to is gone.
    """
    with intake.store.exclusive():
        intake.check_version(iri, expected)
        entry, before = state(intake, iri, version), intake.present(iri)
        number = intake.submit([Change(iri, entry)], agent, "restore", note, allow)
    return Accepted(entry, number, (), before)


def merge(
    intake: Intake, iri: str, into: str, agent: str, note: Note, *, allow: Allow = anything
) -> Accepted:
    """Make two entries one: links to ``iri`` lead to ``into``, which takes over its identifiers.

    Raises NotFound, Removed, Merged, InUse where somebody links to a part of the entry, or
    Refused for an entry and itself or of another class.
    """
    store = intake.store
    if iri == into:
        raise refused("into", gettext("An entry cannot be merged into itself."), value=into)
    with store.exclusive():
        for name in (iri, into):
            intake.check_name(name)
        old, kept = store.get(iri), store.get(into)
        if old.path != kept.path:
            raise refused(
                "into",
                gettext("Only entries of the same class can be merged."),
                value=into,
                hint=gettext("Name another %(path)s.", path=old.path),
            )
        identifiers = [
            ox.Triple(ox.NamedNode(into), t.predicate, t.object)
            for t in old.triples
            if t.predicate.value == DCT + "identifier" and t.subject == ox.NamedNode(iri)
        ]
        former, target = ox.NamedNode(iri), ox.NamedNode(into)
        own = [t for t in kept.triples if t.object != former]
        whole = make(into, [*own, *identifiers])
        users = sorted({link.entry for link in links_to(store, iri)} - {into})
        changes = [Change(into, whole), Change(iri, None, into)]
        for user in store.several(users):
            led = [
                ox.Triple(t.subject, t.predicate, target) if t.object == former else t
                for t in user.triples
            ]
            changes.append(Change(user.iri, make(user.iri, led)))
        number = intake.submit(changes, agent, "merge", note, allow)
    return Accepted(whole, number, (), kept)


def unmerge(
    intake: Intake, iri: str, agent: str, note: Note, *, allow: Allow = anything
) -> UndoReport:
    """Take back the merge of an entry: it is itself again, and what linked to it does so again.

    What was edited since is left. Raises NotFound for an entry that is not merged.
    """
    fate = intake.store.ledger.fate(iri)
    if fate is None or fate.target is None:
        raise NotFound(gettext("%(entry)s is not merged into another.", entry=iri))
    return undo(intake, [fate.version], agent, note, allow=allow)


def undo(
    intake: Intake,
    numbers: Collection[int],
    agent: str,
    note: Note,
    *,
    dry_run: bool = False,
    allow: Allow = anything,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> UndoReport:
    """Take back what changes did to entries that nobody has changed since.

    Each such entry becomes what it was before the last of these changes that follow upon each
    other. What somebody changed since, is linked to by others, or would not conform is left.
    """
    store, left = intake.store, {}
    changes: dict[str, Change] = {}
    for iri in store.ledger.entries_of(numbers):
        past = store.ledger.history(iri)
        taken = list(takewhile(lambda version: version.version in numbers, past))
        if not taken:
            left[iri] = gettext("%(agent)s changed it since.", agent=past[0].by)
            continue
        try:
            before = store.ledger.before(iri, taken[-1].version, intake.present(iri))
        except NotFound as error:
            left[iri] = str(error)
            continue
        if before != intake.present(iri):  # else there is nothing left of them
            changes[iri] = Change(iri, before)
    _leave_impossible(intake, changes, left)
    kept = [change.iri for change in changes.values() if change.entry]
    gone = [change.iri for change in changes.values() if change.entry is None]
    report = UndoReport(len(numbers), tuple(kept), tuple(gone), left)
    if dry_run or not changes:
        return report
    job = store.ledger.begin_job("undo", agent)
    done = 0
    for batch in _batches(store, changes):
        try:
            intake.submit(batch, agent, "undo", replace(note, job=job), allow)
        except (Refused, InUse) as error:  # somebody wrote meanwhile
            left |= {change.iri: str(error) for change in batch}
        done += len(batch)
        progress(done, len(changes))
    report = UndoReport(
        len(numbers),
        tuple(iri for iri in kept if iri not in left),
        tuple(iri for iri in gone if iri not in left),
        left,
        job,
    )
    store.ledger.end_job(
        job, {"restored": report.restored, "removed": report.removed, "left": left}
    )
    return report


def _leave_impossible(intake: Intake, changes: dict[str, Change], left: dict[str, str]) -> None:
    """Take away changes that the guard would refuse, and what depends on them."""
    while True:
        gone = {change.iri for change in changes.values() if change.entry is None}
        entries = [change.entry for change in changes.values() if change.entry]
        verdicts = intake.validate_together(entries, gone)
        why = {
            iri: f"{report.violations[0].path}: {report.violations[0].message}"
            for iri, report in verdicts.items()
            if not report.conforms
        }
        for iri in gone:
            try:
                intake.check_unlinked(iri, changes)
            except InUse as error:
                why[iri] = str(error)
        if not why:
            return
        left |= why
        for iri in why:
            del changes[iri]


def _batches(store: Store, changes: dict[str, Change]) -> Iterator[list[Change]]:
    """Yield changes in lists of some 200 in which no link leads nowhere in between.

    What comes back is before what links to it; what goes is last, before what it links to.
    """
    entries = {iri: change.entry for iri, change in changes.items() if change.entry}
    for batch in after_their_links(entries):
        yield [changes[entry.iri] for entry in batch]
    going = store.several([iri for iri, change in changes.items() if change.entry is None])
    for batch in reversed(list(after_their_links({entry.iri: entry for entry in going}))):
        yield [changes[entry.iri] for entry in batch]
