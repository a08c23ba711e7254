"""``python -m benchmarks quality NAME [--data DIR] [--json]``: measure one part and print it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click

from benchmarks.common import DATA
from benchmarks.quality import ablation, adoption, coparticipation, fit, judged, sdg, shortlist
from kg.errors import KgError
from matcher.encoding.embedder import Embedder
from service.cli.commands import _set_up_models
from service.cli.output import Progress, figures, show
from service.core.runtime import make_embedder
from service.core.settings import BadSetting, read

BENCHMARKS = DATA.parent / "benchmarks"
Report = dict[str, object]


@dataclass(frozen=True)
class Bench:
    """What a measurement may need: the folder of data, and the model of the environment."""

    data: Path
    home: Path
    progress: Progress

    @cached_property
    def embedder(self) -> Embedder:
        """The model that ``PASSERELLE_MODEL`` names, or the packaged one."""
        settings = read(os.environ, self.home)
        _set_up_models(settings)
        return make_embedder(settings, self.progress)

    def embedding(self, done: int, total: int) -> None:
        """Show how many texts are embedded."""
        self.progress.counted("Embedding", done, total)

    def file(self, *path: str) -> Path:
        """A file of the data; click.UsageError where it is not there."""
        file = self.data.joinpath(*path)
        if not file.is_file():
            raise click.UsageError(f"{file} is not there; name the folder of data by --data.")
        return file


def _sdg(bench: Bench) -> Report:
    rows = bench.file("sdg", "benchmark.csv")
    goals = bench.data.parent / "reference" / "sdg" / "sdg_texts.tsv"
    return sdg.evaluate(
        rows,
        goals if goals.is_file() else None,
        bench.embedder,
        bench.home,
        progress=bench.embedding,
    )


def _shortlist(bench: Bench) -> Report:
    published = DATA / "susy_initiatives.geojson"
    documents = published if published.is_file() else None
    return shortlist.evaluate(bench.embedder, bench.home, documents, bench.embedding)


NAMES: dict[str, tuple[str, Callable[[Bench], Report]]] = {
    "judged": (
        "the judged questions over the starter graph",
        lambda bench: judged.evaluate(bench.embedder, progress=bench.embedding),
    ),
    "ablation": (
        "the judged questions without each part of the matcher",
        lambda bench: ablation.evaluate(bench.embedder, progress=bench.embedding),
    ),
    "sdg": ("which of the 17 goals a text concerns", _sdg),
    "coparticipation": (
        "who will work together, by the ties of the graph",
        lambda bench: coparticipation.evaluate(
            bench.file("coparticipation", "participations_sc6_swafs.tsv")
        ),
    ),
    "shortlist": ("how short the list of candidates may be", _shortlist),
    "adoption": (
        "whether fit foretells who adopts a practice",
        lambda bench: adoption.evaluate(),
    ),
    "fit": (
        "each fitted number: what the code has and what the data give now",
        lambda bench: fit.evaluate(bench.embedder, bench.home, bench.data, bench.embedding),
    ),
}


@click.command()
@click.argument("name", type=click.Choice([*NAMES]), required=False)
@click.option("--data", type=click.Path(path_type=Path), default=BENCHMARKS, help="The data.")
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="For the model.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def quality(name: str | None, data: Path, home: Path | None, as_json: bool) -> None:
    """Measure how good the answers are; without a NAME list what there is."""
    if name is None:
        click.echo("\n".join(f"{n:16} {about}" for n, (about, _run) in NAMES.items()))
        return
    report = NAMES[name][1](Bench(data, read(os.environ, home).home, Progress()))
    show(report, as_json, fit.table(report) if name == "fit" else figures(report))


def main(words: Sequence[str]) -> None:
    """Run the command; what cannot be done is one sentence and exit code 2."""
    try:
        quality.main([*words], "python -m benchmarks quality", standalone_mode=False)
    except click.UsageError as error:
        sentence = error.format_message()
    except (KgError, BadSetting, OSError) as error:
        sentence = str(error)
    else:
        return
    click.echo(sentence, err=True)
    sys.exit(2)
