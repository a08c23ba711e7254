"""The figures of ``passerelle evaluate``. What is heavy is imported inside, as in ``cli``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from service.cli.output import Progress
from service.core.settings import Settings


def susy_report(settings: Settings, file: Path) -> dict[str, Any]:
    """How well the initiatives of a file are found from each other."""
    from matcher.evaluation import susy
    from service.core.runtime import make_embedder

    progress = Progress()
    embedder = make_embedder(settings, progress)

    def embedding(done: int, total: int) -> None:
        progress.counted("Embedding", done, total)

    return susy.evaluate(file, embedder, settings.home, progress=embedding)


def outcomes(settings: Settings, write: Path | None) -> dict[str, Any]:
    """What results and decisions say of the weights; written to a file where one is named."""
    from matcher.graph.view import World
    from matcher.judging.criteria import WEIGHTS
    from matcher.judging.fit import read_weights
    from matcher.judging.learned_weights import report
    from service.core.runtime import open_graph
    from service.core.votes import Votes

    store = open_graph(settings, Progress()).store
    world = World(store)
    learnt = report(world, read_weights(settings.weights) if settings.weights else WEIGHTS)
    learnt["votes"] = Votes(store.ledger).decisions()  # reported, never learnt from
    if write:
        write.write_text(json.dumps(learnt, indent=1), "utf-8")
    return learnt
