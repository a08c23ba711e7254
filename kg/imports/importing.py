"""Import a list of others: read it, check it, store it, and report on every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from kg.catalogue.places import Places
from kg.entries.intake import BATCH, Intake
from kg.entry import Entry
from kg.errors import Problem
from kg.imports.sources import ImportedRow, read
from kg.ledger.ledger import Note
from kg.vocabulary import local_name


@dataclass
class ImportReport:
    """What became of the rows of a file: each is counted in one of these, and only one.

    ``accepted`` (``accepted_with_warnings`` says how many of them), ``unchanged`` (stored
    before, the same), ``kept`` (somebody edited or deleted it here), ``merged`` (says the
    same as an earlier row) or ``refused``.
    """

    source: str
    file: str
    rows: int = 0
    accepted: int = 0
    accepted_with_warnings: int = 0
    unchanged: int = 0
    kept: int = 0
    merged: int = 0
    refusals: list[tuple[ImportedRow, Sequence[Problem]]] = field(default_factory=list)
    warnings: Counter[str] = field(default_factory=Counter)
    #: what ``passerelle undo`` knows it by
    job: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The report as a JSON object."""
        counts = ("rows", "accepted", "accepted_with_warnings", "unchanged", "kept", "merged")
        return {
            "source": self.source,
            "file": self.file,
            "job": self.job,
            **{name: getattr(self, name) for name in counts},
            "refused": len(self.refusals),
            "refusals": [
                {
                    "row": row.number,
                    "identifier": row.identifier,
                    "problems": [problem.as_dict() for problem in problems],
                }
                for row, problems in self.refusals
            ],
            "warnings_by_message": dict(sorted(self.warnings.items())),
        }


def import_file(
    intake: Intake,
    name: str,
    path: Path,
    *,
    places: Places | None = None,
    limit: int | None = None,
    progress: Callable[[int], None] = lambda rows: None,
) -> ImportReport:
    """Store the rows of a file of the list ``name``, at most ``limit``, and report on each.

    A refused row stops nobody; an entry that somebody else wrote last is kept as it is,
    and what is stored already is not written again. ``places`` finds the places that rows
    name; ``progress`` is told the number of rows done. Raises ImportFailed, before anything is
    stored, if the file cannot be read.
    """
    report = ImportReport(name, path.name)
    store = intake.store
    recorded = store.select("SELECT ?t { ?t psr:countryCode ?c }", {})
    territories = frozenset(local_name(row["t"]) for row in recorded)
    rows = islice(read(name, path, store.base, territories, store.noted, places), limit)
    seen: list[tuple[ImportedRow, str]] = []

    def entries() -> Iterator[Entry]:
        """Yield the entries of all rows, and note of each row all but its entry."""
        for row in rows:
            seen.append((replace(row, entry=None), row.entry.iri if row.entry else ""))
            if row.entry:
                yield row.entry
            if len(seen) % BATCH == 0:
                progress(len(seen))

    agent = f"import-{name}"
    report.job = store.ledger.begin_job("import", agent)
    done = intake.submit_many(entries(), agent, keep_others=True, note=Note(job=report.job))
    unchanged, kept = set(done.unchanged), set(done.kept)
    for row, iri in seen:
        against = done.refused.get(iri) or [p for p in row.problems if p.severity == "violation"]
        report.rows += 1
        if against:
            report.refusals.append((row, against))
        elif not iri:
            report.merged += 1
        elif iri in unchanged:
            report.unchanged += 1
        elif iri in kept:
            report.kept += 1
        else:
            warnings = [*row.problems, *done.warned.get(iri, [])]
            report.accepted += 1
            report.accepted_with_warnings += bool(warnings)
            report.warnings.update({p.message for p in warnings})
    counts = {name: value for name, value in report.as_dict().items() if isinstance(value, int)}
    store.ledger.end_job(report.job, counts | {"file": report.file})
    progress(report.rows)
    return report
