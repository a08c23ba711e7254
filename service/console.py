"""What the command line shows: progress on standard error, answers on standard output."""

from __future__ import annotations

import json
import sys
from typing import Any

import click


class Progress:
    """Shows what is being done and how far it is; one line at the start where nobody watches."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._shown = ""

    def __call__(self, what: str, share: float) -> None:
        """Show ``what`` with a bar of the share done, 0 to 1."""
        if self._watched:
            done = int(share * 30)
            click.echo(
                f"\r{what} [{'#' * done}{'.' * (30 - done)}] {share:4.0%}", err=True, nl=False
            )
            if share >= 1:
                click.echo("", err=True)
        elif what != self._shown:
            click.echo(f"{what} ...", err=True)
        self._shown = what

    def counted(self, what: str, done: int, total: int) -> None:
        """Show how many of how many are done."""
        self(what, done / max(total, 1))


def show(body: Any, as_json: bool, text: str) -> None:  # noqa: ANN401
    """Print one JSON document, or a text for a person."""
    click.echo(json.dumps(body, ensure_ascii=False, indent=1) if as_json else text)


def matches(answer: dict[str, Any], most: int) -> str:
    """Return the first matches of an answer with their reasons, as lines for a person."""
    lines = [f"Language of the question: {answer['query']['lang']}"]
    if answer["abstained"]:
        lines.append("There is no good match; the nearest are:")
    for number, match in enumerate(answer["matches"][:most], 1):
        lines.append("")
        lines.append(f"{number}. {match['title']} ({match['country'] or 'no country'})")
        lines.append(f"   {match['level']}, score {match['score']:.2f}{_fit(match)}")
        lines.append(f"   {match['entry']}")
        lines += [f"   - {reason['text']}" for reason in match["reasons"]]
        lines += [f"   To adapt: {_words(item)}" for item in match.get("adaptations", [])]
        lines += [f"   {c['text']}" for c in match.get("counterfactuals", [])]
        if "what_if" in match:
            lines.append(f"   As supposed: {match['what_if']['text']}")
        lines += [f"   Instead: {a['title']}" for a in match.get("alternatives", [])]
        lines += [f"   Member: {m['title']}" for m in match.get("members", [])]
    lines += [f"\nNot known: {_words(item)}" for item in answer.get("missing", [])]
    lines += [f"\nThe rules cannot be met: {_words(i)}" for i in answer.get("infeasible", [])]
    lines += [f"\nNot covered: {text}" for text in answer.get("uncovered", [])]
    lines += [f"\n{text}" for text in (answer.get("gap"), *_why_not(answer)) if text]
    return "\n".join(lines)


def _why_not(answer: dict[str, Any]) -> list[str]:
    found = answer.get("why_not")
    if not found:
        return []
    said = f"{found['title']} is number {found['rank']} of {found['of']}."
    return [said, *(cause["text"] for cause in found["because"])]


def _fit(match: dict[str, Any]) -> str:
    if "fit" not in match:
        return ""
    return f", fit {match['fit']:.2f} over {match['coverage']:.0%} of the criteria"


def _words(item: object) -> str:
    return str(item.get("text", item)) if isinstance(item, dict) else str(item)


def problems(found: list[dict[str, Any]]) -> str:
    """Return problems as lines for a person."""
    return "\n".join(
        f"{p['severity']}: {p['path']}: {p['message']}" + (f" {p['hint']}" if p["hint"] else "")
        for p in found
    )


def import_report(report: dict[str, Any]) -> str:
    """Return the counts of an import and why rows were refused, as lines."""
    counts = {k: v for k, v in report.items() if isinstance(v, int)}
    lines = [f"{key.replace('_', ' ')}: {value}" for key, value in counts.items()]
    for row in report["refusals"]:
        lines.append(f"row {row['row']} ({row['identifier']}) refused:")
        lines += ["  " + line for line in problems(row["problems"]).splitlines()]
    return "\n".join([f"{report['file']} from {report['source']}", *lines])


def evaluation(report: dict[str, Any]) -> str:
    """Return the figures of an evaluation, as lines for a person."""
    shown = {
        "susy": susy_figures, "questions": question_figures, "adoption": adoption_figures,
        "coparticipation": tie_figures, "outcomes": outcome_figures,
    }  # fmt: skip
    return shown[report["collection"]](report)


def tie_figures(report: dict[str, Any]) -> str:
    """Return MRR and recall of the ties and their baselines, with intervals."""
    lines = [f"coparticipation, {report['queries']} organisations; MRR and recall at 20"]
    for name, row in ({"passerelle": report} | report["baselines"]).items():
        lines.append(f"{name:15} " + "  ".join(_interval(row[m]) for m in ("mrr", "recall20")))
    return "\n".join(lines)


def adoption_figures(report: dict[str, Any]) -> str:
    """Return the AUC of the context criteria, together and one by one."""
    lines = [f"adoption, {report['transfers']} transfers, {report['others']} other places each"]
    return "\n".join([*lines, *(f"{n:15} {_interval(f)}" for n, f in report["auc"].items())])


def outcome_figures(report: dict[str, Any]) -> str:
    """Return what results and decisions there are, and the weights before and after."""
    lines = [
        f"{report['transfers']} transfers, {report['with_result']} with a known result,"
        f" {report['successes']} successes",
        "decisions: " + (", ".join(f"{k} {n}" for k, n in report["decisions"].items()) or "none"),
        f"loss {report['loss']['prior']:.4f} before, {report['loss']['posterior']:.4f} after;"
        f" the weight that moved most moved by {report['moved_most']:.1%}",
        "criterion  before  after   95 % interval",
    ]
    return "\n".join(
        [
            *lines,
            *(
                f"{name:9} {row['prior']:7.4f} {row['posterior']:7.4f}"
                f"  [{row['low']:.4f}, {row['high']:.4f}]"
                for name, row in report["criteria"].items()
            ),
        ]
    )


def susy_figures(report: dict[str, Any]) -> str:
    """Return nDCG@10 and MRR of the matcher and its baselines, with intervals."""
    lines = [f"{report['collection']}, {report['queries']} queries; nDCG@10 and MRR"]
    for name, row in ({"passerelle": report} | report["baselines"]).items():
        for part in ("overall", "cross"):
            figures = "  ".join(_interval(row[part][m]) for m in ("ndcg10", "mrr"))
            lines.append(f"{name:15} {part:8} {figures}")
    return "\n".join(lines)


def question_figures(report: dict[str, Any]) -> str:
    """Return hits and abstention, by split and language, with intervals."""
    lines = [f"{report['collection']}, {report['queries']} questions; hit@1, hit@3 and MRR"]
    rows = {"all": report["all"], "test half": report["test"]} | report["by_language"]
    for name, row in rows.items():
        lines.append(f"{name:18} " + "  ".join(_interval(row[m]) for m in ("hit1", "hit3", "mrr")))
    for name in ("false_alarms", "missed", "language_detected"):
        lines.append(f"{name.replace('_', ' '):18} {_interval(report[name])}")
    return "\n".join(lines)


def _interval(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def query_rows(rows: list[dict[str, Any]]) -> str:
    """Return the log of queries as lines: when, milliseconds, rows, hash, what became of it."""
    lines = [
        f"{row['when'][:19]}  {row['milliseconds']:>9.1f} ms  {row['rows'] or 0:>7} rows"
        f"  {row['hash']}  {row['limit'] or row['outcome']}"
        for row in rows
    ]
    return "\n".join(lines) or "No query was noted yet."
