"""The ledger of changes: one number a change, who made it, when, why, and exactly what it did.

A change is written here first, as an intention with its number and its difference, and flushed.
Then the graph is updated on the condition that it still stands at the number before. Then the
change is closed. What is found open was left by a writer that has ended: whoever has the turn
carries it out again, which does nothing where it is in the graph already.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from kg.entry import Entry
from kg.errors import NotFound, StoreUnusable
from kg.ledger.database import Database
from kg.ledger.difference import Difference, Lines, entry_in, lines
from kg.ledger.tables import changes, jobs, parts, values
from kg.text.i18n import gettext

IDENTITY = "store identity"
#: changes that lead back to what was; a version of them is called so, whatever it does to the entry
BACK = ("restore", "undo")


@dataclass(frozen=True)
class Note:
    """What is noted with a change beside who made it: why, in which job, by which account."""

    reason: str | None = None
    job: str | None = None
    person: str | None = None


NOTHING = Note()


@dataclass(frozen=True)
class Change:
    """A write of one entry; no entry means that it is deleted, or merged into ``target``."""

    iri: str
    entry: Entry | None
    target: str | None = None


@dataclass(frozen=True)
class Recorded:
    """A change as it stands in the ledger, with the difference of each entry.

    ``mark`` tells it from another that was given its number. ``states`` are the entries after it
    where these were noted, and ``targets`` what entries were merged into.
    """

    number: int
    at: str
    agent: str
    action: str
    note: Note
    mark: str
    differences: Mapping[str, Difference]
    targets: Mapping[str, str]
    states: Mapping[str, Lines]


@dataclass(frozen=True)
class PastVersion:
    """A version of an entry; ``added`` and ``removed`` count statements.

    ``known`` is False where history began with it: what it changed is not known.
    """

    version: int
    at: str
    by: str
    action: str
    reason: str | None
    added: int
    removed: int
    person: str | None = None
    target: str | None = None
    known: bool = True


@dataclass(frozen=True)
class Fate:
    """What became of an entry that is no more: removed, or merged into ``target``."""

    iri: str
    at: str
    version: int
    reason: str | None
    target: str | None


class Ledger:
    """Changes of one graph in a database; safe from several threads and processes."""

    def __init__(self, database: Database | None = None) -> None:
        self.database = database or Database()

    # ------------------------------------------------------------------ identity

    @property
    def identity(self) -> str | None:
        """Which graph this is the ledger of; None for none yet."""
        return self.value(IDENTITY)

    def value(self, name: str) -> str | None:
        """A single value that was kept under a name."""
        with self.database.begin(writing=False) as connection:
            return connection.scalar(sa.select(values.c.value).where(values.c.name == name))

    def keep(self, name: str, value: str) -> str:
        """Keep a value unless there is one under this name, and give the one that is kept."""
        with self.database.begin() as connection:
            self.keep_in(connection, name, value)
        return self.value(name) or value

    @staticmethod
    def keep_in(connection: sa.Connection, name: str, value: str) -> bool:
        """Keep a value in a transaction; False where there is one under this name."""
        if connection.scalar(sa.select(values.c.value).where(values.c.name == name)) is not None:
            return False
        connection.execute(sa.insert(values), {"name": name, "value": value})
        return True

    def put(self, name: str, value: str) -> None:
        """Keep a value in the place of what was kept under its name."""
        with self.database.begin() as connection:
            connection.execute(sa.delete(values).where(values.c.name == name))
            connection.execute(sa.insert(values), {"name": name, "value": value})

    # ------------------------------------------------------------------ changes

    def last(self) -> int:
        """The number of the last closed change, 0 before the first."""
        query = sa.select(sa.func.max(changes.c.number)).where(changes.c.closed.is_not(None))
        with self.database.begin(writing=False) as connection:
            return connection.scalar(query) or 0

    def intend(
        self,
        number: int,
        now: Sequence[Change],
        before: Mapping[str, Entry],
        agent: str,
        action: str,
        note: Note,
        *,
        whole: bool = False,
    ) -> Recorded:
        """Write a change before it is made; ``before`` holds the entries as they are.

        With ``whole`` the entries after it are noted until it is closed, for an engine that may
        carry out a part of an update.
        """
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        differences = {c.iri: Difference.between(before.get(c.iri), c.entry) for c in now}
        targets = {c.iri: c.target for c in now if c.target}
        mark = uuid.uuid4().hex
        states = {c.iri: lines(c.entry) for c in now} if whole else {}
        change = Recorded(number, at, agent, action, note, mark, differences, targets, states)
        rows = [
            {
                "number": number,
                "entry": c.iri,
                "action": (
                    ("replace" if c.iri in before else "create")
                    if c.entry
                    else ("merge" if c.target else "delete")
                ),
                "target": c.target,
                "added": len(differences[c.iri].added),
                "removed": len(differences[c.iri].removed),
                "difference": differences[c.iri].pack(),
                "state": Difference(states[c.iri], frozenset()).pack() if whole else None,
            }
            for c in now
        ]
        with self.database.begin() as connection:
            row = {"number": number, "at": at, "agent": agent, "action": action, "mark": mark}
            more = {"reason": note.reason, "job": note.job, "person": note.person}
            connection.execute(sa.insert(changes), row | more | {"opened": time.time()})
            connection.execute(sa.insert(parts), rows)
        return change

    def close(self, number: int) -> None:
        """Note that a change is in the graph."""
        done = sa.update(changes).where(changes.c.number == number, changes.c.closed.is_(None))
        noted = sa.update(parts).where(parts.c.number == number, parts.c.state.is_not(None))
        with self.database.begin() as connection:
            connection.execute(done, {"closed": time.time()})
            connection.execute(noted, {"state": None})

    def is_closed(self, change: Recorded) -> bool:
        """Whether it is known that this very change is in the graph."""
        same = changes.c.number == change.number, changes.c.mark == change.mark
        query = sa.select(changes.c.number).where(*same, changes.c.closed.is_not(None))
        with self.database.begin(writing=False) as connection:
            return connection.scalar(query) is not None

    def void(self, change: Recorded) -> None:
        """Close a change that was given up: it has its number and does nothing."""
        with self.database.begin() as connection:
            connection.execute(sa.delete(parts).where(parts.c.number == change.number))
            connection.execute(
                sa.update(changes).where(changes.c.number == change.number),
                {"action": change.action, "mark": change.mark, "closed": time.time()},
            )

    def withdraw(self, number: int) -> None:
        """Forget an open change that is certain never to reach the graph."""
        with self.database.begin() as connection:
            still = changes.c.number == number, changes.c.closed.is_(None)
            if connection.execute(sa.delete(changes).where(*still)).rowcount:
                connection.execute(sa.delete(parts).where(parts.c.number == number))

    def open(self, seconds: float = 0.0) -> list[Recorded]:
        """The changes that have been open for so long, in their order."""
        since = time.time() - seconds
        # A clock that went back must not keep a change open.
        late = sa.or_(changes.c.opened <= since, changes.c.opened > time.time() + 1)
        return self._recorded(changes.c.closed.is_(None), late)

    def after(self, number: int, limit: int = 200) -> list[Recorded]:
        """The closed changes after a number, in their order, at most so many at a time."""
        return self._recorded(changes.c.closed.is_not(None), changes.c.number > number, limit=limit)

    def entries_since(self, number: int, *, opened: bool = False) -> list[tuple[str, bool]]:
        """The entries that changes after a number touched, by IRI, and whether each is there.

        Of changes that are not closed yet only where ``opened``.
        """
        numbers = sa.select(parts.c.entry, sa.func.max(parts.c.number).label("number"))
        if not opened:
            numbers = numbers.join(changes, changes.c.number == parts.c.number).where(
                changes.c.closed.is_not(None)
            )
        last = numbers.where(parts.c.number > number).group_by(parts.c.entry).subquery()
        same = sa.and_(last.c.entry == parts.c.entry, last.c.number == parts.c.number)
        query = sa.select(parts.c.entry, parts.c.action).join(last, same).order_by(parts.c.entry)
        with self.database.begin(writing=False) as connection:
            rows = connection.execute(query).all()
        return [(iri, action not in {"delete", "merge"}) for iri, action in rows]

    def mark(self, number: int) -> str:
        """What tells a closed change from another of its number; empty for none."""
        query = sa.select(changes.c.mark).where(
            changes.c.number == number, changes.c.closed.is_not(None)
        )
        with self.database.begin(writing=False) as connection:
            return connection.scalar(query) or ""

    def of_job(self, job: str) -> list[int]:
        """The numbers of the changes of a job."""
        return self._numbers(changes.c.job == job)

    def of_agent(self, agent: str, since: str) -> list[int]:
        """The numbers of the changes that somebody made since a time (ISO 8601, UTC)."""
        return self._numbers(changes.c.agent == agent, changes.c.at >= since)

    def entries_of(self, numbers: Iterable[int]) -> list[str]:
        """The entries that changes touched, by IRI."""
        of, entries = list(numbers), set[str]()
        with self.database.begin(writing=False) as connection:
            for start in range(0, len(of), 1_000):  # a statement takes so many values
                some = parts.c.number.in_(of[start : start + 1_000])
                entries |= set(connection.scalars(sa.select(parts.c.entry).where(some)))
        return sorted(entries)

    def _numbers(self, *which: sa.ColumnElement[bool]) -> list[int]:
        closed = changes.c.closed.is_not(None)
        query = sa.select(changes.c.number).where(closed, *which).order_by(changes.c.number)
        with self.database.begin(writing=False) as connection:
            return list(connection.scalars(query))

    def _recorded(self, *which: sa.ColumnElement[bool], limit: int | None = None) -> list[Recorded]:
        query = sa.select(changes).where(*which).order_by(changes.c.number).limit(limit)
        recorded = []
        with self.database.begin(writing=False) as connection:
            for row in connection.execute(query).all():
                of_row = sa.select(parts).where(parts.c.number == row.number)
                own = connection.execute(of_row).all()
                if any(part.difference is None for part in own):
                    raise StoreUnusable(
                        f"The ledger does not know what change {row.number} did: it is from before"
                        " there was a ledger. Restore the graph and the ledger of the same backup."
                    )
                change = Recorded(
                    number=row.number,
                    at=row.at,
                    agent=row.agent,
                    action=row.action,
                    note=Note(row.reason, row.job, row.person),
                    mark=row.mark,
                    differences={p.entry: Difference.unpack(p.difference) for p in own},
                    targets={p.entry: p.target for p in own if p.target},
                    states={
                        p.entry: Difference.unpack(p.state).added
                        for p in own
                        if p.state is not None
                    },
                )
                recorded.append(change)
        return recorded

    def adopt(self, rows: Iterable[tuple[int, str, str, str, str, str]]) -> None:
        """Begin with what is known of a graph from before there was a ledger.

        Each row is a number, a time, an agent, an action, an entry and its own last action.
        """
        whole: dict[int, dict[str, Any]] = {}
        own = []
        for number, at, agent, action, entry, done in rows:
            mark = uuid.uuid4().hex
            fields = {"number": number, "at": at, "agent": agent, "action": action, "mark": mark}
            whole.setdefault(number, fields | {"opened": time.time(), "closed": time.time()})
            own.append({"number": number, "entry": entry, "action": done, "added": 0, "removed": 0})
        if own:
            with self.database.begin() as connection:
                connection.execute(sa.insert(changes), list(whole.values()))
                connection.execute(sa.insert(parts), own)

    # ------------------------------------------------------------------ jobs

    def begin_job(self, kind: str, agent: str) -> str:
        """Note that something longer begins, and give its name."""
        name = f"{kind}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
        row = {"id": name, "kind": kind, "agent": agent, "started": time.time()}
        with self.database.begin() as connection:
            connection.execute(sa.insert(jobs), row)
        return name

    def end_job(self, name: str, report: Mapping[str, Any]) -> None:
        """Note what a job came to."""
        done = sa.update(jobs).where(jobs.c.id == name)
        with self.database.begin() as connection:
            connection.execute(done, {"ended": time.time(), "report": dict(report)})

    def has_job(self, name: str) -> bool:
        """Whether there was a job of this name."""
        with self.database.begin(writing=False) as connection:
            return connection.scalar(sa.select(jobs.c.id).where(jobs.c.id == name)) is not None

    # ------------------------------------------------------------------ history

    def history(self, iri: str) -> list[PastVersion]:
        """Every version of an entry, the newest first; none of what never was."""
        query = (
            sa.select(
                changes.c.number,
                changes.c.at,
                changes.c.agent,
                sa.case((changes.c.action.in_(BACK), changes.c.action), else_=parts.c.action).label(
                    "action"
                ),
                changes.c.reason,
                parts.c.added,
                parts.c.removed,
                changes.c.person,
                parts.c.target,
                parts.c.difference.is_not(None),
            )
            .join(changes, changes.c.number == parts.c.number)
            .where(parts.c.entry == iri, changes.c.closed.is_not(None))
            .order_by(parts.c.number.desc())
        )
        with self.database.begin(writing=False) as connection:
            return [PastVersion(*row) for row in connection.execute(query)]

    def fate(self, iri: str) -> Fate | None:
        """What became of an entry that was removed or merged; None of any other name."""
        return self.fates([iri]).get(iri)

    def fates(self, iris: Sequence[str]) -> dict[str, Fate]:
        """What became of those entries that were removed or merged."""
        last = (
            sa.select(parts.c.entry, sa.func.max(parts.c.number).label("number"))
            .join(changes, changes.c.number == parts.c.number)
            .where(parts.c.entry.in_(iris), changes.c.closed.is_not(None))
            .group_by(parts.c.entry)
            .subquery()
        )
        query = (
            sa.select(parts.c.entry, changes.c.at, parts.c.number, changes.c.reason, parts.c.target)
            .join(last, sa.and_(last.c.entry == parts.c.entry, last.c.number == parts.c.number))
            .join(changes, changes.c.number == parts.c.number)
            .where(parts.c.action.in_(["delete", "merge"]))
        )
        with self.database.begin(writing=False) as connection:
            return {row.entry: Fate(*row) for row in connection.execute(query)}

    def state(self, iri: str, version: int, now: Entry | None) -> Entry | None:
        """An entry as it was after one of its versions, None where that removed it.

        ``now`` is the entry as it is. Raises NotFound for what is no version of it, or for one
        that is not known any more.
        """
        return entry_in(iri, self._state(iri, version, now))

    def compared(self, iri: str, older: int, newer: int, now: Entry | None) -> Difference:
        """What is in one version of an entry and not in another; raises what ``state`` raises."""
        before, after = (self._state(iri, version, now) for version in (older, newer))
        return Difference(after - before, before - after)

    def before(self, iri: str, version: int, now: Entry | None) -> Entry | None:
        """An entry as it was before one of its versions, None where that made it."""
        return entry_in(iri, self.difference(iri, version).back(self._state(iri, version, now)))

    def difference(self, iri: str, version: int) -> Difference:
        """What a version of an entry changed; NotFound where that is not known."""
        query = (
            sa.select(parts.c.difference)
            .join(changes, changes.c.number == parts.c.number)
            .where(parts.c.entry == iri, parts.c.number == version)
            .where(changes.c.closed.is_not(None))
        )
        with self.database.begin(writing=False) as connection:
            packed = connection.scalar(query)
        if packed is None:
            raise _unknown(iri, version)
        return Difference.unpack(packed)

    def _state(self, iri: str, version: int, now: Entry | None) -> Lines:
        query = (
            sa.select(parts.c.number, parts.c.difference)
            .join(changes, changes.c.number == parts.c.number)
            .where(parts.c.entry == iri, parts.c.number >= version)
            .where(changes.c.closed.is_not(None))
            .order_by(parts.c.number.desc())
        )
        with self.database.begin(writing=False) as connection:
            rows = connection.execute(query).all()
        if not rows or rows[-1].number != version:
            raise _unknown(iri, version)
        state = lines(now)
        for row in rows[:-1]:
            if row.difference is None:
                raise _unknown(iri, version)
            state = Difference.unpack(row.difference).back(state)
        return state


def _unknown(iri: str, version: int) -> NotFound:
    return NotFound(
        gettext("There is no version %(version)s of %(entry)s.", version=version, entry=iri)
    )
