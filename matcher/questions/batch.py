"""All pairs for a country, overnight: one entry after the other, resumable."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from kg.errors import Malformed
from matcher.engine import Desk, Snapshot
from matcher.model.filters import Filters
from matcher.question import Question
from matcher.search.index import Progress
from matcher.search.ranking import Ranking

#: how many entries are read at once
BLOCK = 500
PRACTICES = Filters(type=("practice",))
#: the keys by which a file of a run is known: of its first line, and of the others
HEAD = {"data", "statistics", "model", "text", "weights", "country", "limit"}
LINE = {"entry", "abstained", "matches"}
Json = dict[str, object]


def run(
    desk: Desk, country: str, output: Path, limit: int, progress: Progress | None = None
) -> Json:
    """Write the practices like each practice and challenge of a country, one JSON line each.

    What the file holds already with the same stamp, country and limit is kept; otherwise it is
    begun anew. An interrupted run goes on where it stopped. Malformed for a file of others.
    """
    snapshot = desk.snapshot()
    head = asdict(snapshot.stamp()) | {"country": country, "limit": limit}
    done = _done(output, head)
    iris = snapshot.all_passing(Filters(type=("practice", "challenge"), country=(country,)))
    with output.open("a", encoding="utf-8") as stream:
        for iri, ranking in rankings(snapshot, [i for i in iris if i not in done], limit):
            matches = [
                {"entry": other, "score": round(ranking.probability(other), 4)}
                for other in ranking.best(limit)
            ]
            row = {"entry": iri, "abstained": ranking.nothing_good(), "matches": matches}
            stream.write(json.dumps(row) + "\n")
            stream.flush()
            done.add(iri)
            if progress:
                progress(len(done), len(iris))
    return head | {"entries": len(done), "output": str(output)}


def rankings(snapshot: Snapshot, iris: Sequence[str], limit: int) -> Iterator[tuple[str, Ranking]]:
    """Yield each entry that is still there with the ranking of practices for it."""
    for start in range(0, len(iris), BLOCK):
        for entry in snapshot.world.several(iris[start : start + BLOCK]):
            question = Question(lang="en", entry=entry, limit=limit)
            yield entry.iri, snapshot.rank(question, PRACTICES)


def _done(output: Path, head: Json) -> set[str]:
    """The entries that a file holds already; a file of another run is begun anew.

    Malformed for a file that is not of ours.
    """
    try:
        text = output.read_text("utf-8") if output.is_file() else ""
        rows: list[Json] = [json.loads(line) for line in text.split("\n")[:-1]]
        ours = not text or [{*row.keys()} for row in rows] == [HEAD, *[LINE] * (len(rows) - 1)]
    except (ValueError, AttributeError):
        ours = False
    if not ours:
        raise Malformed(f"{output} is not a file of an earlier batch; name another.")
    if not rows or rows[0] != head:
        rows = [head]
    output.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return {str(row["entry"]) for row in rows[1:]}
