"""How well the judged questions are answered; see docs/judging.md for how they were judged.

The matcher answers as it answers anybody, over the starter graph of this release. Intervals
are bootstrapped over questions, not over their translations, which are not independent.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer

from kg import starter
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from kg.text.language import detect
from matcher.encoding import text
from matcher.encoding.embedder import Embedder
from matcher.evaluation.collection import Bools, Interval, estimate, ndcg
from matcher.matcher import Matcher
from matcher.model.filters import Filters
from matcher.search.corpus import Corpus
from matcher.search.index import Index, Progress
from matcher.search.picture import Scores
from matcher.search.ranking import RECIPE, Recipe, by_text

LANGUAGES = ("en", "hr", "lv", "pl", "hu", "el", "fi", "de")
REWORDED = "en2"
DEPTH = 10
#: a match of this grade counts as right where only right and wrong are told apart
RIGHT = 2
KINDS = ("similar", "entry", "transfer", "partner")
SPLITS = ("development", "test")
PRACTICES = Filters(type=("practice",))
Floats = npt.NDArray[np.floating]
#: the score of every entry for a text and its language
Score = Callable[[str, str], Scores]


@dataclass(frozen=True)
class JudgedQuestion:
    """A question: what it is about (a territory or a practice), its grades and its wordings."""

    number: int
    split: str
    kind: str
    about: str
    grades: Mapping[str, int]
    texts: Mapping[str, str]


#: from a question and a language to the IRIs of the first ten
Way = Callable[[JudgedQuestion, str], list[str]]


@dataclass(frozen=True)
class JudgedAnswer:
    """The answer to one wording: slugs with scores, best first, and whether it abstained."""

    question: JudgedQuestion
    lang: str
    matches: tuple[tuple[str, float], ...]
    abstained: bool

    @property
    def grades(self) -> list[int]:
        """The grades of the matches, best first; what is not judged has 0."""
        return [self.question.grades.get(slug, 0) for slug, _score in self.matches]

    @property
    def ndcg(self) -> float:
        """nDCG@10 with gains 2^grade - 1."""
        return ndcg(self.grades, list(self.question.grades.values()), DEPTH)


def read_questions() -> list[JudgedQuestion]:
    """The questions of judged.tsv; those about an entry have one empty wording."""
    questions = []
    with Path(__file__).with_name("judged.tsv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            pairs = (grade.rpartition(":") for grade in row["grades"].split())
            grades = {slug: int(grade) for slug, _, grade in pairs}
            texts = {lang: row[lang] for lang in (*LANGUAGES, REWORDED) if row[lang]}
            texts = texts or {"": ""}
            number, split, kind, about = row["id"], row["split"], row["kind"], row["about"]
            questions.append(JudgedQuestion(int(number), split, kind, about, grades, texts))
    return questions


@contextmanager
def starter_matcher(embedder: Embedder, progress: Progress | None = None) -> Iterator[Matcher]:
    """Yield a matcher over the starter graph of this release, whatever the home holds."""
    store = EmbeddedStore(starter.FILES_BASE)
    entries = starter.entries(starter.FILES_BASE)
    store.write([Change(e.iri, e) for e in entries], "evaluation", "import")
    with tempfile.TemporaryDirectory() as scratch:
        matcher = Matcher(store, embedder, Path(scratch))
        matcher.catch_up(progress)
        yield matcher
        matcher.close()


def evaluate(
    embedder: Embedder, *, seed: int = 1, samples: int = 1000, progress: Progress | None = None
) -> dict[str, object]:
    """The report on the test part, with baselines on those of its questions that are *similar*."""
    questions = read_questions()
    with starter_matcher(embedder, progress) as matcher:
        answers = list(answered(matcher, questions))
        similar = [q for q in questions if (q.kind, q.split) == ("similar", "test")]
        baselines = {
            name: {"ndcg10_similar": estimate(ndcg_of(way, similar), seed, samples)}
            for name, way in plain_ways(matcher.index, seed).items()
        }
    stamp = {"model": embedder.name, "text": text.VERSION, "seed": seed, "samples": samples}
    return report(answers, seed, samples) | {"baselines": baselines, "stamp": stamp}


def answered(matcher: Matcher, questions: Iterable[JudgedQuestion]) -> Iterator[JudgedAnswer]:
    """Yield the matcher's answer to each wording of each question."""
    base = matcher.store.base
    for question in questions:
        kind = {"transfer": "transfer", "partner": "partners"}.get(question.kind, "similar")
        for lang, worded in question.texts.items():
            raw: dict[str, object] = {"text": worded, "lang": lang[:2] or None, "limit": DEPTH}
            if question.kind == "entry":
                raw = {"entry": f"{base}id/practice/{question.about}", "limit": DEPTH}
            elif kind != "similar":
                raw |= {"limit": 2 * DEPTH, "territory": question.about}
            answer = matcher.ask(kind, raw)
            scores: dict[str, float] = {}
            for match in answer.matches:
                scores.setdefault(match.entry.rpartition("/")[2], match.score)
            best = tuple(scores.items())[:DEPTH]
            yield JudgedAnswer(question, lang, best, answer.abstained)


def plain_ways(index: Index, seed: int) -> dict[str, Way]:
    """Simpler ways to answer a question in words: chance, words, the model by itself."""
    picture = index.corpus.whole
    random = np.random.default_rng(seed)
    rows = np.flatnonzero(picture.mask(PRACTICES))
    vectorizer = TfidfVectorizer()
    documents = vectorizer.fit_transform(
        [text.everything(index.store.get(iri)) for iri in picture.iris]
    )

    def chance(_words: str, _lang: str) -> Scores:
        return random.random(len(picture.iris)).astype(np.float32)

    def tfidf(words: str, _lang: str) -> Scores:
        return np.asarray((documents @ vectorizer.transform([words]).T).todense(), "f4").ravel()

    def raw(words: str, _lang: str) -> Scores:
        vector = index.embedder.encode([words])[0]
        total = np.zeros(len(picture.iris), np.float32)
        for facet in (picture.facets[text.PROBLEM], picture.facets[text.SOLUTION]):
            np.maximum.at(best := np.zeros_like(total), facet.entry, facet.raw @ vector)
            total += best
        return total

    def first_ten(score: Score) -> Way:
        def way(question: JudgedQuestion, lang: str) -> list[str]:
            scores = score(question.texts[lang], lang)[rows]
            order = np.argsort(-scores.round(6), kind="stable")
            return [picture.iris[n] for n in rows[order][:DEPTH]]

        return way

    return {
        "model_centred": recipe_way(index, Recipe(letters=0.0, share=0.0)),
        "model_raw": first_ten(raw),
        "tfidf": first_ten(tfidf),
        "random": first_ten(chance),
    }


def recipe_way(index: Index, recipe: Recipe = RECIPE, corpus: Corpus | None = None) -> Way:
    """The matcher's own ranking of a question in words, by another recipe or corpus."""
    whole = index.corpus.whole
    return lambda question, lang: by_text(
        index, question.texts[lang], lang, PRACTICES, recipe=recipe, picture=whole, corpus=corpus
    ).best(DEPTH)


def ndcg_of(way: Way, questions: Iterable[JudgedQuestion]) -> list[float]:
    """Each question's mean nDCG@10 by another way than the whole matcher."""
    return by_question(
        JudgedAnswer(q, lang, tuple((iri.rpartition("/")[2], 0.0) for iri in way(q, lang)), False)
        for q in questions
        for lang in (LANGUAGES if q.kind == "similar" else q.texts)
    )


def by_question(answers: Iterable[JudgedAnswer]) -> list[float]:
    """Each question's mean nDCG@10 over its wordings."""
    values: dict[int, list[float]] = {}
    for answer in answers:
        values.setdefault(answer.question.number, []).append(answer.ndcg)
    return [float(np.mean(row)) for row in values.values()]


def report(answers: Sequence[JudgedAnswer], seed: int, samples: int) -> dict[str, object]:
    """nDCG@10 by kind, language and part, stability, abstention and calibration."""
    real = [a for a in answers if a.question.kind != "idle"]
    parts = {
        split: [a for a in real if a.question.split == split and a.lang != REWORDED]
        for split in SPLITS
    }
    test = parts["test"]
    similar = [a for a in test if a.question.kind == "similar"]

    def mean(chosen: Iterable[JudgedAnswer]) -> Interval:
        return estimate(by_question(chosen), seed, samples)

    by_part = {
        split: {"ndcg10": mean(part)}
        | {f"ndcg10_{kind}": mean(a for a in part if a.question.kind == kind) for kind in KINDS}
        for split, part in parts.items()
    }
    by_language = {lang: mean(a for a in test if a.lang == lang) for lang in LANGUAGES}
    worst = min(LANGUAGES, key=lambda lang: by_language[lang]["value"])
    middle = np.mean([figure["value"] for figure in by_language.values()])
    spoken = [detect(a.question.texts[a.lang]) == a.lang[:2] for a in answers if a.lang]
    return {
        "collection": "judged",
        "queries": len({a.question.number for a in test}),
        "overall": by_part["test"] | {f"ndcg10_{lang}": v for lang, v in by_language.items()},
        "questions": len({a.question.number for a in real}),
        "development": by_part["development"],
        "both_by_language": {
            lang: mean(a for a in real if a.lang == lang) for lang in (*LANGUAGES, REWORDED)
        },
        "worst_language": {
            "lang": worst,
            "below_mean": round(1 - by_language[worst]["value"] / middle, 3),
        },
        "overlap10_with_english": overlaps(real),
        "abstention": {
            split: abstention([a for a in answers if a.question.split == split]) for split in SPLITS
        },
        "language_detected": round(float(np.mean(spoken)), 3),
        "calibration": {
            kind: calibration([a for a in test if a.question.kind == kind])
            for kind in ("similar", "entry")
        },
        "examples": {
            "best": _examples(sorted(similar, key=lambda a: -a.ndcg)),
            "worst": _examples(sorted(similar, key=lambda a: a.ndcg)),
        },
        "answers": [_example(a) for a in answers],
    }


def _examples(answers: Iterable[JudgedAnswer]) -> list[dict[str, object]]:
    """The first answers to three different questions."""
    first: dict[int, JudgedAnswer] = {}
    for answer in answers:
        first.setdefault(answer.question.number, answer)
    return [_example(a) for a in list(first.values())[:3]]


def _example(answer: JudgedAnswer) -> dict[str, object]:
    slugs = (slug for slug, _score in answer.matches)
    return {
        "question": answer.question.number,
        "lang": answer.lang,
        "text": answer.question.texts.get(answer.lang, ""),
        "ndcg10": round(answer.ndcg, 3),
        "abstained": answer.abstained,
        "matches": [f"{s} {grade}" for s, grade in zip(slugs, answer.grades, strict=True)],
    }


def overlaps(answers: Sequence[JudgedAnswer]) -> dict[str, float]:
    """The mean share of the first ten that English and another wording have in common."""
    slugs = {(a.question.number, a.lang): {slug for slug, _ in a.matches} for a in answers}
    shares: dict[str, list[float]] = {lang: [] for lang in (*LANGUAGES[1:], REWORDED)}
    for (number, lang), own in slugs.items():
        if lang in shares:
            shares[lang].append(len(slugs[number, "en"] & own) / max(len(own), 1))
    return {lang: round(float(np.mean(row)), 3) for lang, row in shares.items()}


def abstention(answers: Sequence[JudgedAnswer]) -> dict[str, float]:
    """How often an idle question was answered, and a real one was told *no good match*."""
    idle = [not a.abstained for a in answers if a.question.kind == "idle"]
    real = [a.abstained for a in answers if a.question.kind in {"similar", "transfer"}]
    return {
        "false_alarms": round(float(np.mean(idle)), 3),
        "missed": round(float(np.mean(real)), 3),
    }


def calibration(answers: Sequence[JudgedAnswer]) -> dict[str, object]:
    """How far scores are from the share of right matches, over the first ten of each."""
    scores = np.array([score for a in answers for _slug, score in a.matches])
    right = np.array([grade >= RIGHT for a in answers for grade in a.grades])
    rows = reliability(scores, right)
    return {"matches": len(scores), "ece": ece(rows), "bins": rows}


def reliability(scores: Floats, right: Bools, bins: int = 10) -> list[dict[str, float]]:
    """For each tenth of the scale that is used: how many scores, their mean, the share right."""
    place = np.minimum((scores * bins).astype(int), bins - 1)
    return [
        {
            "from": n / bins,
            "count": int(here.sum()),
            "mean_score": round(float(scores[here].mean()), 3),
            "right": round(float(right[here].mean()), 3),
        }
        for n in range(bins)
        if (here := place == n).any()
    ]


def ece(rows: Sequence[Mapping[str, float]]) -> float:
    """The expected calibration error (Naeini, Cooper and Hauskrecht 2015) of ``reliability``."""
    gaps = [row["count"] * abs(row["mean_score"] - row["right"]) for row in rows]
    return round(sum(gaps) / max(sum(row["count"] for row in rows), 1), 4)
