"""All pairs for a country, overnight: one matrix product after the other, resumable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from matcher.desk import Desk
from matcher.embedder import Matrix
from matcher.index import Progress
from matcher.picture import Found
from matcher.question import Filters
from matcher.retrieval import ENTRY_LOGIT, RECIPE, chance

#: entries compared at once; 1,024 rows against 100,000 take 400 MB
BLOCK, GROUP = 1024, 64
Indices = npt.NDArray[np.int64]
Json = dict[str, object]


def nearest(queries: Matrix, documents: Matrix, limit: int) -> tuple[Indices, Matrix]:
    """Return row numbers and dot products of the ``limit`` nearest documents, best first.

    Exact: the best lie in the groups of 64 documents with the largest maxima. Ties go to the
    earlier document.
    """
    limit = min(limit, len(documents))
    scores = np.full((len(queries), -(-len(documents) // GROUP) * GROUP), -np.inf, np.float32)
    np.matmul(queries, documents.T, out=scores[:, : len(documents)])
    groups = scores.reshape(len(queries), -1, GROUP).max(axis=2)
    # One group more than asked for would not help: each of the best has a group of its own.
    best = _largest(groups, min(limit, groups.shape[1]))
    inside = (best[:, :, None] * GROUP + np.arange(GROUP)).reshape(len(queries), -1)
    inside.sort(axis=1)
    held = np.take_along_axis(scores, inside, axis=1)
    order = np.argsort(-held, axis=1, kind="stable")[:, :limit]
    found = np.take_along_axis(inside, order, axis=1)
    return found, np.take_along_axis(held, order, axis=1)


def _largest(values: Matrix, count: int) -> Indices:
    """Return the columns of the largest values of each row; of equal ones the earlier."""
    return np.argsort(-values, axis=1, kind="stable")[:, :count]


def run(
    desk: Desk, country: str, output: Path, limit: int, progress: Progress | None = None
) -> Json:
    """Write the practices like each practice and challenge of a country, one JSON line each.

    Scores are of the vectors alone, without letters and feedback, so they are lower. What the
    file holds already for the same data, model and limit is kept; otherwise it is
    begun anew. An interrupted run goes on where it stopped.
    """
    found = desk.index.found
    head = {"data": found.version, "model": desk.model_name, "country": country, "limit": limit}
    done = _done(output, head)
    mask = found.mask(Filters(type=("practice", "challenge"), country=(country,)))
    rows = [int(n) for n in np.flatnonzero(mask) if found.iris[n] not in done]
    with output.open("a", encoding="utf-8") as stream:
        for block in _blocks(found, rows, limit):
            stream.write("".join(json.dumps(line) + "\n" for line in block))
            stream.flush()
            if progress:
                progress(min(int(mask.sum()), len(done) + len(block)), int(mask.sum()))
            done |= {str(line["entry"]) for line in block}
    return head | {"entries": len(done), "output": str(output)}


def _done(output: Path, head: Json) -> set[str]:
    """Return what a file holds already; a file of another run is begun anew."""
    lines = output.read_text("utf-8").splitlines(keepends=True) if output.is_file() else []
    whole = [line for line in lines if line.endswith("\n")]
    if not whole or json.loads(whole[0]) != head:
        whole = [json.dumps(head) + "\n"]
    output.write_text("".join(whole), "utf-8")
    return {str(json.loads(line)["entry"]) for line in whole[1:]}


def _blocks(found: Found, rows: list[int], limit: int) -> Iterator[list[Json]]:
    vectors = _joined(found)
    open_ = np.flatnonzero(found.mask(Filters(type=("practice",))))
    documents = vectors[open_]
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        # One more than asked for: an entry is its own nearest.
        numbers, scores = nearest(vectors[block], documents, limit + 1)
        yield [
            _line(found, row, open_[near], score, limit)
            for row, near, score in zip(block, numbers, scores, strict=True)
        ]


def _line(found: Found, row: int, near: Indices, scores: Matrix, limit: int) -> Json:
    pairs = [(int(n), float(s)) for n, s in zip(near, scores, strict=True) if n != row][:limit]
    return {
        "entry": found.iris[row],
        "matches": [
            {"entry": found.iris[n], "score": round(chance(s, 0.0, ENTRY_LOGIT), 4)}
            for n, s in pairs
        ],
    }


def _joined(found: Found) -> Matrix:
    """Return one vector an entry, so that dot products are weighted means of facets' cosines.

    A facet in several languages counts by the mean of its vectors.
    """
    parts = []
    known = np.zeros((len(found.iris), len(RECIPE.facets)), np.float32)
    for column, (facet, weight) in enumerate(RECIPE.facets):
        rows = found.facets[facet]
        total = np.zeros((len(found.iris), rows.matrix.shape[1]), np.float32)
        np.add.at(total, rows.entry, rows.matrix)
        norm = np.linalg.norm(total, axis=1, keepdims=True)
        known[:, column] = weight * (norm[:, 0] > 0)
        parts.append(np.sqrt(weight) * total / np.maximum(norm, 1e-9))
    joined = np.concatenate(parts, axis=1)
    return np.asarray(joined / np.sqrt(np.maximum(known.sum(axis=1), 1e-9))[:, None], np.float32)
