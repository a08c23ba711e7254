"""What the command line shows: progress on standard error, answers on standard output."""

from __future__ import annotations

import json
import sys
from typing import Any

import click


class Progress:
    """Shows what is being done and how far it is; one line at the start where nobody watches.

    Not by click.progressbar: it hides the cursor until a block ends, and here callbacks tell.
    """

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._shown = ""

    def __call__(self, what: str, share: float) -> None:
        """Show ``what`` with a bar of the share done, 0 to 1."""
        if self._watched:
            bar = ("#" * int(share * 30)).ljust(30, ".")
            click.echo(f"\r{what} [{bar}] {share:4.0%}", err=True, nl=share >= 1)
        elif what != self._shown:
            click.echo(f"{what} ...", err=True)
        self._shown = what

    def counted(self, what: str, done: int, total: int) -> None:
        """Show how many of how many are done."""
        self(what, done / max(total, 1))


def show(body: Any, as_json: bool, text: str) -> None:  # noqa: ANN401
    """Print one JSON document, or a text for a person."""
    shown = json.dumps(body, ensure_ascii=False, indent=1) if as_json else text
    # Half a character, as a file may hold one, is shown by its number.
    click.echo(shown.encode("utf-8", "backslashreplace").decode())


def problem_lines(problems: list[dict[str, Any]]) -> list[str]:
    """Problems as lines for a person; a message of several lines stays several."""
    lines = []
    for row in problems:
        text = f"{row['severity']}: {row['path']}: {row['message']}"
        lines += (f"{text} {row['hint']}" if row["hint"] else text).splitlines()
    return lines


def import_report(report: dict[str, Any]) -> str:
    """The counts of an import and why rows were refused, as lines."""
    counts = {k: v for k, v in report.items() if isinstance(v, int)}
    lines = [f"{key.replace('_', ' ')}: {value}" for key, value in counts.items()]
    for row in report["refusals"]:
        lines.append(f"row {row['row']} ({row['identifier']}) refused:")
        lines += ["  " + line for line in problem_lines(row["problems"])]
    return "\n".join([f"{report['file']} from {report['source']}", *lines])


def undo_report(report: dict[str, Any], dry_run: bool) -> str:
    """What became of the entries that were to be taken back, as lines."""
    would = "would be " if dry_run else ""
    lines = [
        f"changes: {report['changes']}",
        f"{would}made what they were: {len(report['restored'])}",
        f"{would}removed: {len(report['removed'])}",
        f"left: {len(report['left'])}",
        *(f"  {iri}: {why}" for iri, why in sorted(report["left"].items())),
    ]
    return "\n".join(lines + ([f"job: {report['job']}"] if report["job"] else []))


def figures(report: dict[str, Any], under: str = "") -> str:
    """The figures of an evaluation, a line each, with intervals where there are some."""
    lines = []
    for name, value in report.items():
        if isinstance(value, dict) and "low" in value and "value" in value:
            interval = f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
            lines.append(f"{under + name:44} {interval}")
        elif isinstance(value, dict):
            lines.append(figures(value, f"{under}{name} "))
        elif not isinstance(value, list):
            lines.append(f"{under + name:44} {value}")
    return "\n".join(lines)


def query_rows(rows: list[dict[str, Any]]) -> str:
    """The log of queries as lines: when, milliseconds, rows, hash, what became of it."""
    lines = [
        f"{row['when'][:19]}  {row['milliseconds']:>9.1f} ms  {row['rows'] or 0:>7} rows"
        f"  {row['hash']}  {row['limit'] or row['outcome']}"
        for row in rows
    ]
    return "\n".join(lines) or "No query was noted yet."
