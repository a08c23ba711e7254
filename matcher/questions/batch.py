"""All pairs for a country, overnight: one matrix product after the other, resumable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kg.errors import Malformed
from matcher.encoding.embedder import Matrix
from matcher.engine import Desk, Snapshot
from matcher.model.filters import Filters
from matcher.question import Question
from matcher.search.index import Progress
from matcher.search.ranking import RECIPE, Ranking, by_entry
from matcher.search.snapshot import Picture

#: entries compared at once; 512 rows against 100,000 take 200 MB, three times over
BLOCK, GROUP = 512, 64
#: TIMES x limit of the nearest at first sight are scored in full, but no fewer than LEAST
TIMES, LEAST = 5, 100
PRACTICES = Filters(type=("practice",))
#: the keys by which a file of a run is known: of its first line, and of the others
HEAD = {"data", "model", "text", "weights", "country", "limit"}
LINE = {"entry", "abstained", "matches"}
Indices = npt.NDArray[np.int64]
Json = dict[str, object]


def nearest(
    queries: Matrix, documents: Matrix, limit: int, more: Matrix | float = 0.0
) -> tuple[Indices, Matrix]:
    """Row numbers and dot products of the ``limit`` nearest documents, best first.

    ``more`` is added to the products. Exact: the best lie in the groups of 64 documents with the
    largest maxima. Ties go to the earlier document.
    """
    limit = min(limit, len(documents))
    scores = np.full((len(queries), -(-len(documents) // GROUP) * GROUP), -np.inf, np.float32)
    np.matmul(queries, documents.T, out=scores[:, : len(documents)])
    scores[:, : len(documents)] += more
    groups = scores.reshape(len(queries), -1, GROUP).max(axis=2)
    # One group more than asked for would not help: each of the best has a group of its own.
    best = np.argsort(-groups, axis=1, kind="stable")[:, : min(limit, groups.shape[1])]
    inside = (best[:, :, None] * GROUP + np.arange(GROUP)).reshape(len(queries), -1)
    inside.sort(axis=1)
    held = np.take_along_axis(scores, inside, axis=1)
    order = np.argsort(-held, axis=1, kind="stable")[:, :limit]
    rows = np.take_along_axis(inside, order, axis=1)
    return rows, np.take_along_axis(held, order, axis=1)


def run(
    desk: Desk, country: str, output: Path, limit: int, progress: Progress | None = None
) -> Json:
    """Write the practices like each practice and challenge of a country, one JSON line each.

    What the file holds already with the same stamp, country and limit is kept; otherwise it is
    begun anew. An interrupted run goes on where it stopped. Malformed for a file of others.
    """
    snapshot = desk.snapshot()
    picture = snapshot.picture
    head = asdict(snapshot.stamp()) | {"country": country, "limit": limit}
    done = _done(output, head)
    mask = picture.mask(Filters(type=("practice", "challenge"), country=(country,)))
    rows = [int(n) for n in np.flatnonzero(mask) if picture.iris[n] not in done]
    with output.open("a", encoding="utf-8") as stream:
        for iri, ranking in _rankings(snapshot, rows, limit):
            matches = [
                {"entry": other, "score": round(ranking.probability(other), 4)}
                for other in ranking.best(limit)
            ]
            row = {"entry": iri, "abstained": ranking.nothing_good(), "matches": matches}
            stream.write(json.dumps(row) + "\n")
            stream.flush()
            done.add(iri)
            if progress:
                progress(len(done), int(mask.sum()))
    return head | {"entries": len(done), "output": str(output)}


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


def _rankings(snapshot: Snapshot, rows: list[int], limit: int) -> Iterator[tuple[str, Ranking]]:
    """Yield each entry with the ranking of practices for it, challenges first.

    For a challenge all practices are ranked, as for a single question; for a practice only its
    nearest at first sight, which are found for a whole block at once.
    """
    picture, index = snapshot.picture, snapshot.desk.index
    at = np.flatnonzero(picture.mask(PRACTICES))
    for entry in snapshot.world.several([picture.iris[row] for row in np.setdiff1d(rows, at)]):
        yield entry.iri, snapshot.rank(Question(lang="en", entry=entry), PRACTICES)
    practices, mine = picture.only(at), np.flatnonzero(np.isin(at, rows))
    vectors = _joined(practices)
    for start in range(0, len(mine), BLOCK):
        block = mine[start : start + BLOCK]
        # One more than asked for: an entry is its own nearest.
        most = max(TIMES * limit, LEAST) + 1
        # What shared letters and concepts add to the cosines, a row an entry of the block.
        more = practices.grams.cosines(practices.grams.rows[block])
        more *= RECIPE.letters
        more += RECIPE.concepts * practices.shared(practices.concepts.rows[block])
        near, _scores = nearest(vectors[block], vectors, most, more)
        for row, others in zip(block, near, strict=True):
            short = practices.only(np.union1d(others, [row]))
            for entry in snapshot.world.several([practices.iris[row]]):
                yield entry.iri, by_entry(index, entry, Filters(), picture=short)


def _joined(picture: Picture) -> Matrix:
    """One vector an entry, so that dot products are weighted means of facets' cosines.

    A facet in several languages counts by the mean of its vectors.
    """
    parts = []
    known = np.zeros((len(picture.iris), len(RECIPE.facets)), np.float32)
    for column, (facet, weight) in enumerate(RECIPE.facets):
        rows = picture.facets[facet]
        total = np.zeros((len(picture.iris), rows.matrix.shape[1]), np.float32)
        np.add.at(total, rows.entry, rows.matrix)
        norm = np.linalg.norm(total, axis=1, keepdims=True)
        known[:, column] = weight * (norm[:, 0] > 0)
        parts.append(np.sqrt(weight) * total / np.maximum(norm, 1e-9))
    joined = np.concatenate(parts, axis=1)
    return np.asarray(joined / np.sqrt(np.maximum(known.sum(axis=1), 1e-9))[:, None], np.float32)
