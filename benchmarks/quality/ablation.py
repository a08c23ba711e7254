"""What each part of the matcher adds on the judged questions."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.quality.judged import (
    DEPTH,
    PRACTICES,
    SPLITS,
    Way,
    ndcg_of,
    plain_ways,
    read_questions,
    recipe_way,
    starter_matcher,
)
from matcher.encoding.embedder import Embedder
from matcher.encoding.text import VERSION
from matcher.evaluation.collection import Interval, estimate
from matcher.search.index import Index, Progress
from matcher.search.ranking import RECIPE, Recipe, by_entry

SIMILAR = {
    "passerelle": RECIPE,
    "without_letters": replace(RECIPE, letters=0.0),
    "without_feedback": replace(RECIPE, share=0.0),
    "without_context": replace(RECIPE, facets=RECIPE.facets[:2]),
    "problem_only": replace(RECIPE, facets=RECIPE.facets[:1]),
    "solution_only": replace(RECIPE, facets=RECIPE.facets[1:2]),
}
ENTRY = {
    "passerelle": RECIPE,
    "without_concepts": replace(RECIPE, concepts=0.0),
    "without_letters": replace(RECIPE, letters=0.0),
    "without_feedback": replace(RECIPE, share=0.0),
    "without_context": replace(RECIPE, facets=RECIPE.facets[:2]),
}


def evaluate(
    embedder: Embedder, *, seed: int = 1, samples: int = 1000, progress: Progress | None = None
) -> dict[str, object]:
    """nDCG@10 of *similar* and *entry*, the matcher's and without each of its parts."""
    questions = read_questions()
    with starter_matcher(embedder, progress) as matcher:
        index = matcher.index
        recipes = {name: recipe_way(index, recipe) for name, recipe in SIMILAR.items()}
        ways = {
            "similar": recipes | plain_ways(index, seed),
            "entry": {name: entry_way(index, recipe) for name, recipe in ENTRY.items()},
        }
        parts: dict[str, dict[str, dict[str, Interval]]] = {split: {} for split in SPLITS}
        for kind, named in ways.items():
            for name, way in named.items():
                for split in SPLITS:
                    chosen = [q for q in questions if (q.kind, q.split) == (kind, split)]
                    figure = estimate(ndcg_of(way, chosen), seed, samples)
                    parts[split].setdefault(name, {})[f"ndcg10_{kind}"] = figure
    test = parts["test"]
    return {
        "collection": "ablation",
        "queries": sum(q.kind in ways and q.split == "test" for q in questions),
        "overall": test["passerelle"],
        "baselines": {name: figures for name, figures in test.items() if name != "passerelle"},
        "development": parts["development"],
        "stamp": {"model": embedder.name, "text": VERSION, "seed": seed, "samples": samples},
    }


def entry_way(index: Index, recipe: Recipe = RECIPE) -> Way:
    """The matcher's own ranking of a question about an entry, by another recipe."""
    base = f"{index.store.base}id/practice/"
    return lambda question, _lang: by_entry(
        index, index.store.get(base + question.about), PRACTICES, recipe
    ).best(DEPTH)
