"""What commands do to a graph that is open: here, or in the service that holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kg.catalogue.lists import class_counts
from kg.catalogue.places import Atlas
from kg.entries.history import undo
from kg.entries.intake import Intake
from kg.errors import NotFound, refused
from kg.imports.importing import import_file
from kg.ledger.ledger import Note
from service.core.export import export_all
from service.core.rights import OPERATOR

#: told how many of how many are done
Counted = Callable[[int, int], None]
#: what a piece of an export holds at most
PIECE = 1024 * 1024


class Operations:
    """The commands that work beside a running service, on a graph that this process has open."""

    def __init__(self, intake: Intake, atlas: Atlas) -> None:
        self._intake, self._atlas = intake, atlas

    def import_file(
        self, name: str, file: str, limit: int | None, counted: Counted
    ) -> dict[str, Any]:
        """Import a file of the list ``name`` and report on each row."""
        report = import_file(
            self._intake,
            name,
            Path(file),
            places=self._atlas.places,
            limit=limit,
            progress=lambda rows: counted(rows, 0),
        )
        return report.as_dict()

    def export(self, form: str, counted: Counted) -> Iterator[str]:
        """Yield all entries as text; ``nquads`` with provenance and vocabularies."""
        body = export_all(self._intake.store, form, counted).decode()
        for start in range(0, len(body), PIECE):
            yield body[start : start + PIECE]

    def entry_count(self, counted: Counted) -> int:
        """How many entries there are."""
        return sum(class_counts(self._intake.store).values())

    def undo(
        self,
        job: str | None,
        token: str | None,
        since: str | None,
        dry_run: bool,
        reason: str | None,
        counted: Counted,
    ) -> dict[str, Any]:
        """Take back what a job did, or what was written under a token's label since a time."""
        ledger = self._intake.store.ledger
        if job:
            if not ledger.has_job(job):
                raise NotFound(f"There was no job {job!r}.")
            numbers = ledger.of_job(job)
        else:
            numbers = ledger.of_agent(token or "", moment(since or ""))
        report = undo(
            self._intake,
            numbers,
            OPERATOR.name,
            Note(reason),
            dry_run=dry_run,
            progress=counted,
        )
        return asdict(report)


def moment(text: str) -> str:
    """A time as the ledger writes it, UTC where nothing else is said; raises Refused."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise refused(
            "since",
            f"{text!r} is no time.",
            hint="Write it as 2026-11-29 or 2026-11-29T14:30+01:00.",
        ) from error
    when = when.replace(tzinfo=when.tzinfo or UTC).astimezone(UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
