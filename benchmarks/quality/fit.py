"""Fit every fitted number again: what the code has, what the data give now, and which data.

Numbers of the ranking are scanned one by one, the others staying as they are; where two sets
of questions bear on one, the sum of both measures decides. Only development parts are looked
at: odd judged questions, the first half of SUSY, Horizon projects before 2019.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from benchmarks.quality import coparticipation, sdg
from benchmarks.quality.ablation import entry_way
from benchmarks.quality.adoption import starter_world
from benchmarks.quality.judged import (
    DEPTH,
    LANGUAGES,
    PRACTICES,
    RIGHT,
    Floats,
    JudgedQuestion,
    answered,
    by_question,
    ndcg_of,
    read_questions,
    recipe_way,
    starter_matcher,
)
from matcher.encoding import centring
from matcher.encoding.centring import Means
from matcher.encoding.embedder import Embedder, Matrix, embed, unit
from matcher.evaluation import susy
from matcher.evaluation.collection import Bools, indexed, reciprocal_rank
from matcher.graph import ties
from matcher.judging.criteria import WEIGHTS
from matcher.judging.learned_weights import report as outcomes
from matcher.matcher import Matcher
from matcher.model.filters import Filters
from matcher.questions import partners
from matcher.search import picture as pictures
from matcher.search import ranking
from matcher.search.corpus import Corpus
from matcher.search.index import Index, Progress
from matcher.search.ranking import RECIPE, Ranking, Recipe, by_entry, by_text

#: the languages of the UN's texts that are official in the EU
TARGET_LANGUAGES = ("cs", "de", "en", "es", "fr", "it", "ro")
JUDGED, ABSENT = "judged questions, development part", "not there: "
#: what is tried for each number
GRIDS: Mapping[str, Sequence[float]] = {
    "letters": (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.6),
    "share": (0.0, 0.2, 0.3, 0.4, 0.5, 0.6),
    "feedback": (1, 2, 3, 5, 8),
    "concepts": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8),
    "context": (0.0, 0.05, 0.1, 0.2, 0.3, 0.4),
    "QUESTION": (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 1.0),
    "STRENGTH": (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    "YEARS": (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0),
    "CONCERN": (0.0, 0.25, 0.5, 0.75, 1.0),
    "TAKEN_OVER": (0.0, 0.5, 0.7, 0.8, 0.9, 1.0),
}
#: numbers that were set by hand, and why they are as they are
BY_HAND = {
    "matcher.encoding.centring.PRIOR": "a corpus of 100 texts counts as much as the packaged mean",
    "matcher.encoding.embedder.PASSAGE": "200 words; whole texts were compared, no other length",
    "matcher.encoding.embedder.PASSAGES": "how much of a long text is read at all",
    "matcher.encoding.ngrams.LENGTH": "runs of four letters, compared with words and stems only",
    "matcher.encoding.ngrams.COMMON": "for speed: runs of half of all entries cost most",
    "matcher.encoding.reranker.SHORT": "what a reader waits for",
    "matcher.search.ranking.STRONG, FAIR": "read off the calibration table of docs/quality.md",
    "matcher.search.ranking.DISCOUNT, POOL": "a choice of how fast languages take turns",
    "matcher.search.ranking.NEARLY": "one half; a third was looked at on SUSY and costs 0.002",
    "matcher.search.ranking.NEAREST": "three, as many as ask along",
    "matcher.search.ranking.UNLIKE": "an entry has no match below one in twenty",
    "matcher.judging.criteria": "the formulas and scales of the fourteen criteria",
    "matcher.judging.fit.NEUTRAL": "unknown is half",
    "matcher.judging.learned_weights.SPREAD, OFFSET, STEEP": "priors",
    "matcher.graph.place.likeness": "the scales of size, wealth and unemployment",
    "matcher.questions.partners.ALIKE, TIES": "what a likeness of texts and a tie must and can do",
    "matcher.questions.transfer.INFORMED, ALIKE": "when a warning is given",
    "lengths of lists (SHORT_LIST, NEAREST, PAYING, BLOCK ...)": "time and room on a page",
}
Value = float | tuple[float, ...] | None


@dataclass(frozen=True)
class FittedNumber:
    """A number in the code beside the one that the data give now; None without the data."""

    name: str
    code: Value
    fitted: Value
    data: str
    #: what was measured for each value that was tried, where values were tried
    tried: Mapping[str, float] | None = None


class RememberingEmbedder:
    """A model that reads each text once: the same questions are asked by many recipes."""

    def __init__(self, embedder: Embedder) -> None:
        self.name, self._embedder = embedder.name, embedder
        self._known: dict[str, Matrix] = {}

    def encode(self, texts: Sequence[str]) -> Matrix:
        """One unit vector a text, as rows of float32."""
        if new := [t for t in dict.fromkeys(texts) if t not in self._known]:
            self._known |= zip(new, self._embedder.encode(new), strict=True)
        return np.stack([self._known[t] for t in texts])


def evaluate(
    embedder: Embedder, home: Path, data: Path, progress: Progress | None = None
) -> dict[str, object]:
    """Every fitted number with its value in the code and now; ``data`` may lack some files."""
    model = RememberingEmbedder(embedder)
    susy_file = data.parent / "sources" / "susy_initiatives.geojson"
    reference = data.parent / "reference"
    with starter_matcher(model, progress) as matcher:
        numbers = [
            *from_recipe(susy_file, model, home, matcher.index, progress),
            *from_judged(matcher),
            from_texts(
                data / "sdg" / "benchmark.csv",
                reference / "sdg" / "sdg_texts.tsv",
                model,
                home,
                matcher.index,
            ),
            from_targets(reference / "sdg" / "sdg_texts.tsv", model, home),
            from_eurovoc(reference / "eurovoc" / "eurovoc_tc.tsv", model, home),
            from_projects(data / "coparticipation" / "participations_sc6_swafs.tsv"),
            *from_transfers(),
        ]
    return {
        "collection": "fit",
        "numbers": [asdict(number) for number in numbers],
        "by_hand": BY_HAND,
        "stamp": {"model": embedder.name},
    }


def table(report: Mapping[str, Any]) -> str:
    """The numbers as lines for a person."""
    lines = [f"{'number':44} {'code':>22} {'fitted now':>22}  data"]
    for number in report["numbers"]:
        code, fitted = _shown(number["code"]), _shown(number["fitted"])
        lines.append(f"{number['name']:44} {code:>22} {fitted:>22}  {number['data']}")
    lines.append("\nSet by hand:")
    lines += [f"{name:60} {why}" for name, why in report["by_hand"].items()]
    return "\n".join(lines)


def _shown(value: Value | list[float]) -> str:
    if value is None:
        return "-"
    return ", ".join(f"{v:.3g}" for v in (value if isinstance(value, list | tuple) else [value]))


def scan(
    name: str, code: float, data: str, values: Sequence[float], measure: Callable[[float], float]
) -> FittedNumber:
    """Try values; the best wins, and of equals the one that is nearest to the code's."""
    tried = {value: round(measure(value), 4) for value in values}
    best = max(values, key=lambda value: (tried[value], -abs(value - code)))
    return FittedNumber(name, code, best, data, {f"{v:g}": m for v, m in tried.items()})


def development(kind: str) -> list[JudgedQuestion]:
    """The judged questions of a kind that numbers may be fitted on."""
    return [q for q in read_questions() if (q.kind, q.split) == (kind, "development")]


def with_part(name: str, value: float) -> Recipe:
    """The recipe with one of its parts, or the weight of the context, set otherwise."""
    if name == "context":
        weights = ((1 - value) / 2, (1 - value) / 2, value)
        facets = zip((facet for facet, _ in RECIPE.facets), weights, strict=True)
        return replace(RECIPE, facets=tuple(facets))
    changed: dict[str, Any] = {name: int(value) if name == "feedback" else value}
    return replace(RECIPE, **changed)


def of_recipe(
    index: Index, kind: str, questions: Sequence[JudgedQuestion], recipe: Recipe
) -> float:
    """The mean nDCG@10 of *similar* or *entry* by a recipe."""
    way = (entry_way if kind == "entry" else recipe_way)(index, recipe)
    return float(np.mean(ndcg_of(way, questions)))


@contextmanager
def susy_half(
    path: Path, embedder: Embedder, home: Path, progress: Progress | None
) -> Iterator[Callable[[Recipe], float]]:
    """Yield the nDCG@10 of a recipe on the first half of SUSY; 0 for all where it is not there."""
    if not path.is_file():
        yield lambda recipe: 0.0
        return
    documents = susy.read(path)
    relevant = susy.relevance(documents)
    half = slice(len(documents) // 2)
    with indexed(documents, embedder, home, progress) as index:
        order = [index.corpus.whole.position[d.iri] for d in documents]
        yield lambda recipe: susy.mean_ndcg(
            susy.first_ten(susy.own_scores(index, order, recipe, half)), relevant[half]
        )


def from_recipe(
    path: Path, embedder: Embedder, home: Path, starter: Index, progress: Progress | None
) -> Iterator[FittedNumber]:
    """The parts of the recipe that SUSY and the judged questions bear on together."""
    similar = development("similar")
    data = f"SUSY, first half{'' if path.is_file() else ' (' + ABSENT + path.name + ')'}; {JUDGED}"
    with susy_half(path, embedder, home, progress) as of_susy:
        for name in ("letters", "share", "feedback"):
            yield scan(
                f"matcher.search.ranking.RECIPE.{name}",
                getattr(RECIPE, name),
                data,
                GRIDS[name],
                lambda value, name=name: (  # type: ignore[misc]
                    of_susy(recipe := with_part(name, value))
                    + of_recipe(starter, "similar", similar, recipe)
                ),
            )


def from_judged(matcher: Matcher) -> Iterator[FittedNumber]:
    """What the development part of the judged set alone says."""
    index, similar, entries = matcher.index, development("similar"), development("entry")
    both = {"similar": similar, "entry": entries}
    yield scan(
        "matcher.search.ranking.RECIPE.facets, context",
        RECIPE.facets[-1][1],
        JUDGED,
        GRIDS["context"],
        lambda value: sum(
            of_recipe(index, *part, with_part("context", value)) for part in both.items()
        ),
    )
    yield scan(
        "matcher.search.ranking.RECIPE.concepts",
        RECIPE.concepts,
        f"{JUDGED}, entries",
        GRIDS["concepts"],
        lambda value: of_recipe(index, "entry", entries, with_part("concepts", value)),
    )
    yield from question_scales(index)
    yield from entry_scales(index, entries)
    for name in ("CONCERN", "TAKEN_OVER"):
        yield scan(
            f"matcher.questions.partners.{name}",
            getattr(partners, name),
            f"{JUDGED}, partners",
            GRIDS[name],
            lambda value, name=name: of_partners(matcher, name, value),  # type: ignore[misc]
        )


def of_partners(matcher: Matcher, name: str, value: float) -> float:
    """The mean nDCG@10 of *partner* with a number of ``partners`` set otherwise."""
    with mock.patch.object(partners, name, value):
        answers = answered(matcher, development("partner"))
        return float(np.mean(by_question(a for a in answers if a.lang in LANGUAGES)))


@contextmanager
def sdg_precision(
    path: Path, goals: Path, embedder: Embedder, home: Path
) -> Iterator[Callable[[float], float]]:
    """Yield the average precision on the SDG texts by QUESTION; 0 where they are not there."""
    if not path.is_file():
        yield lambda share: 0.0
        return
    task = sdg.read_task(path, goals if goals.is_file() else None)
    with indexed(sdg.documents_of(task.texts), embedder, home, None) as index:

        def precision(share: float) -> float:
            whole, corpus = index.corpus.whole, shifted(index.corpus, share)
            scores = task.scores(
                lambda words: (
                    by_text(index, words, "en", Filters(), picture=whole, corpus=corpus).scores
                )
            )
            return float(average_precision_score(task.right, scores[task.at, task.goal]))

        yield precision


def shifted(corpus: Corpus, share: float) -> Corpus:
    """A corpus from whose questions another share of its shift is taken out."""
    statistics = corpus.statistics
    shift = statistics.shift * np.float32(share / centring.QUESTION)
    return replace(corpus, statistics=replace(statistics, shift=shift))


def from_texts(
    path: Path, goals: Path, embedder: Embedder, home: Path, starter: Index
) -> FittedNumber:
    """How much of the corpus' shift is taken out of questions."""
    similar = development("similar")
    data = f"SDG texts{'' if path.is_file() else ' (' + ABSENT + path.name + ')'}; {JUDGED}"
    with sdg_precision(path, goals, embedder, home) as precision:

        def measure(share: float) -> float:
            way = recipe_way(starter, corpus=shifted(starter.corpus, share))
            return precision(share) + float(np.mean(ndcg_of(way, similar)))

        name = "matcher.encoding.centring.QUESTION"
        return scan(name, centring.QUESTION, data, GRIDS["QUESTION"], measure)


def question_scales(index: Index) -> Iterator[FittedNumber]:
    """The logit of questions, and when nothing is a good match."""
    rankings = [
        (question, by_text(index, words, lang[:2], PRACTICES))
        for kind in ("similar", "transfer", "idle")
        for question in development(kind)
        for lang, words in question.texts.items()
    ]
    yield FittedNumber(
        "matcher.search.ranking.QUESTION_LOGIT",
        ranking.QUESTION_LOGIT,
        logit(rankings, DEPTH),
        f"{JUDGED}, with idle ones: the first ten",
    )
    rankings = [(q, r) for q, r in rankings if q.kind != "transfer"]
    near = np.array([r.fit for _q, r in rankings], float)
    yield FittedNumber(
        "matcher.search.ranking.DOUBTFUL",
        ranking.DOUBTFUL,
        threshold(near, np.array([q.kind != "idle" for q, _r in rankings])),
        f"{JUDGED}, similar and idle ones",
    )


def threshold(values: Floats, real: Bools) -> float:
    """The middle of the best gap between idle and real questions, both kinds counting the same."""
    order = np.sort(values)
    cuts = (order[1:] + order[:-1]) / 2
    wrong = [(values[~real] >= cut).mean() + (values[real] < cut).mean() for cut in cuts]
    return round(float(cuts[int(np.argmin(wrong))]), 3)


def entry_scales(index: Index, entries: Sequence[JudgedQuestion]) -> Iterator[FittedNumber]:
    """The logit of entries, and what stands in for concepts that an entry does not have."""
    picture, base = index.corpus.whole, f"{index.store.base}id/practice/"
    asking = [index.store.get(base + question.about) for question in entries]
    rankings = [by_entry(index, entry, PRACTICES) for entry in asking]
    yield FittedNumber(
        "matcher.search.ranking.ENTRY_LOGIT",
        ranking.ENTRY_LOGIT,
        logit(list(zip(entries, rankings, strict=True)), len(picture.iris)),
        f"{JUDGED}, entries: all practices",
    )
    shared = []
    for entry in asking:
        best = by_entry(index, entry, PRACTICES, replace(RECIPE, concepts=0.0)).best(DEPTH)
        likeness = picture.shared([picture.position[entry.iri]])[0]
        shared.append(likeness[[picture.position[iri] for iri in best]].mean())
    yield FittedNumber(
        "matcher.search.picture.UNSTATED",
        pictures.UNSTATED,
        round(float(np.mean(shared)), 3),
        f"{JUDGED}, entries: the mean of the ten nearest by their texts",
    )


def logit(
    rankings: Sequence[tuple[JudgedQuestion, Ranking]], depth: int
) -> tuple[float, float, float]:
    """a, b, c of a logistic regression over the first of each, right being grade 2 or 3."""
    rows = [
        (r.scores[r.picture.position[iri]], r.fit or 0.0, q.grades.get(iri.rpartition("/")[2], 0))
        for q, r in rankings
        for iri in r.best(depth)
    ]
    table = np.array(rows)
    model = LogisticRegression(C=np.inf, max_iter=1000).fit(table[:, :2], table[:, 2] >= RIGHT)
    a, b = model.coef_[0]
    return round(float(a), 2), round(float(b), 2), round(float(model.intercept_[0]), 2)


def from_targets(path: Path, embedder: Embedder, home: Path) -> FittedNumber:
    """How much of a language's offset is taken out: the UN's 169 targets find themselves."""
    name, code = "matcher.encoding.centring.STRENGTH", centring.STRENGTH
    if not path.is_file():
        return FittedNumber(name, code, None, ABSENT + path.name)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [
            row
            for row in csv.DictReader(stream, delimiter="\t")
            if row["kind"] == "target" and row["lang"] in TARGET_LANGUAGES
        ]
    keys = np.array([row["key"] for row in rows])
    langs = [row["lang"] for row in rows]
    vectors = embed(embedder, [row["text"] for row in rows])
    means = centring.for_model(embedder, home)
    centre = means.vectors[centring.ALL]

    def precision(strength: float) -> float:
        scaled = Means(
            {n: centre + strength / code * (v - centre) for n, v in means.vectors.items()}, ""
        )
        centred = scaled.centre(vectors, langs)
        cosines = centred @ centred.T
        np.fill_diagonal(cosines, -np.inf)
        nearest = np.argsort(-cosines, axis=1)[:, : len(TARGET_LANGUAGES) - 1]
        return float((keys[nearest] == keys[:, None]).mean())

    data = f"{len(set(keys))} targets of the SDGs in {len(TARGET_LANGUAGES)} languages"
    return scan(name, code, data, GRIDS["STRENGTH"], precision)


def from_eurovoc(
    path: Path, embedder: Embedder, home: Path, groups: int = 120, size: int = 6
) -> FittedNumber:
    """The mean cosine of the packaged offsets with those of groups of labels, measured anew."""
    name = "matcher.data, offsets of languages (cosine)"
    if not path.is_file():
        return FittedNumber(name, 1.0, None, ABSENT + path.name)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream, delimiter="\t") if all(row.values())]
    chosen = rows[:: len(rows) // (groups * size)][: groups * size]
    langs = [lang for lang in chosen[0] if lang != "id"]
    texts = {
        lang: [
            "; ".join(row[lang] for row in chosen[start : start + size])
            for start in range(0, len(chosen), size)
        ]
        for lang in langs
    }
    packaged, again = centring.for_model(embedder, home), centring.measure(embedder, texts, "")
    known = [lang for lang in langs if packaged.knows(lang)]

    def offsets(means: Means) -> Matrix:
        return unit(np.stack([means.vectors[lang] - means.vectors[centring.ALL] for lang in known]))

    cosine = float((offsets(packaged) * offsets(again)).sum(axis=1).mean())
    data = f"{groups} groups of {size} EuroVoc labels in {len(known)} languages"
    return FittedNumber(name, 1.0, round(cosine, 3), data)


def from_projects(path: Path) -> FittedNumber:
    """How fast ties fade: learnt to 2015, 2016 and 2017, measured on the two years after."""
    name = "matcher.graph.ties.YEARS"
    if not path.is_file():
        return FittedNumber(name, ties.YEARS, None, ABSENT + path.name)
    rows = coparticipation.read(path)

    def mrr(years: float) -> float:
        tasks = [
            coparticipation.task(rows, learnt, min(learnt + 2, coparticipation.LEARNT), years)
            for learnt in (2015, 2016, 2017)
        ]
        rows_of = [coparticipation.hits(task, task.ties.scores(task.actors)) for task in tasks]
        return float(np.mean([np.mean([*map(reciprocal_rank, hits)]) for hits in rows_of]))

    return scan(name, ties.YEARS, "Horizon 2020 projects before 2019", GRIDS["YEARS"], mrr)


def from_transfers() -> Iterator[FittedNumber]:
    """The criteria's weights are a judgement; what recorded transfers would make of them."""
    learnt: Any = outcomes(starter_world(), WEIGHTS)
    data = f"{learnt['with_result']} transfers with a result; the code's are set by hand"
    for name, weight in WEIGHTS.items():
        yield FittedNumber(
            f"matcher.judging.criteria.WEIGHTS.{name}",
            weight,
            round(learnt["weights"][name], 4),
            data,
        )
