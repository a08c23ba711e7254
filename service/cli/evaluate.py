"""The figures of ``passerelle evaluate``. What is heavy is imported inside, as in ``cli``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from service.cli.output import Progress
from service.core.settings import Settings


def measured(
    settings: Settings, name: str, file: Path | None, goals: Path | None
) -> dict[str, Any]:
    """Return what a collection says of the matcher; ``file`` holds it where it is not ours."""
    from matcher.evaluation import adoption, coparticipation, judged, sdg, susy
    from service.core.runtime import make_embedder

    if name == "adoption":
        return adoption.evaluate()
    if name == "coparticipation" and file is not None:
        return coparticipation.evaluate(file)
    progress = Progress()
    embedder = make_embedder(settings, progress)

    def tell(done: int, total: int) -> None:
        progress.counted("Embedding", done, total)

    if file is None:
        return judged.evaluate(embedder, settings.home, progress=tell)
    if name == "sdg":
        return sdg.evaluate(file, goals, embedder, settings.home, progress=tell)
    return susy.evaluate(file, embedder, settings.home, progress=tell)


def outcomes(settings: Settings, write: Path | None) -> dict[str, Any]:
    """Report what results and decisions say of the weights; write them where asked to."""
    from matcher.graph.view import World
    from matcher.judging.criteria import WEIGHTS
    from matcher.judging.learned_weights import report
    from matcher.judging.weights import read_weights
    from service.core.runtime import VOTES, open_graph
    from service.core.votes import Votes

    world = World(open_graph(settings, Progress()).store)
    found = report(world, read_weights(settings.weights) if settings.weights else WEIGHTS)
    found["votes"] = Votes(settings.home / VOTES).decisions()  # told, and never learnt from
    if write:
        write.write_text(json.dumps(found, indent=1), "utf-8")
    return found
