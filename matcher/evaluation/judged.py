"""How well the judged questions are answered; see docs/judging.md for how they were judged.

The matcher answers as it answers anybody, over the starter graph of this release. Intervals
are bootstrapped over questions, not over their translations, which are not independent.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from kg import starter
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from kg.text.language import detect
from matcher.encoding.embedder import Embedder
from matcher.encoding.text import VERSION
from matcher.evaluation.measures import ece, estimate, graded_ndcg, reliability
from matcher.matcher import Matcher
from matcher.model import answer as answers
from matcher.model.question import Question
from matcher.search.index import Progress

LANGUAGES = ("en", "hr", "lv", "pl", "hu", "el", "fi", "de")
REWORDED = "en2"
DEPTH = 10
#: a match of this grade counts as right where only right and wrong are told apart
RIGHT = 2
KINDS = ("similar", "entry", "transfer", "partner")


@dataclass(frozen=True)
class Judged:
    """A question: what it is about (a territory or a practice), its grades and its wordings."""

    number: int
    split: str
    kind: str
    about: str
    grades: Mapping[str, int]
    texts: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What the matcher answered to one wording: slugs with scores, and whether it abstained."""

    asked: Judged
    lang: str
    matches: tuple[tuple[str, float], ...]
    abstained: bool

    @property
    def slugs(self) -> list[str]:
        """Return the slugs, best first."""
        return [slug for slug, _ in self.matches]

    @property
    def ndcg(self) -> float:
        """Return nDCG@10 with gains 2^grade - 1; what is not judged counts 0."""
        return graded_ndcg([self.asked.grades.get(s, 0) for s in self.slugs], self.ideal, DEPTH)

    @property
    def ideal(self) -> list[int]:
        """Return all grades of the question."""
        return list(self.asked.grades.values())


def questions() -> list[Judged]:
    """Return the packaged questions."""
    lines = (files("matcher.evaluation") / "judged.tsv").read_text("utf-8").splitlines()
    return [_judged(row) for row in csv.DictReader(lines, delimiter="\t")]


def _judged(row: dict[str, str]) -> Judged:
    pairs = (g.rpartition(":") for g in row["grades"].split())
    texts = {lang: row[lang] for lang in (*LANGUAGES, REWORDED) if row[lang]}
    return Judged(
        int(row["id"]), row["split"], row["kind"], row["about"],
        {slug: int(grade) for slug, _, grade in pairs}, texts or {"": ""},
    )  # fmt: skip


def evaluate(
    embedder: Embedder, home: Path, *, seed: int = 1, samples: int = 1000,
    progress: Progress | None = None,
) -> dict[str, object]:  # fmt: skip
    """Return the report on the starter graph of this release, whatever the home holds."""
    from matcher.evaluation.ablation import ablation

    store = EmbeddedStore(starter.FILES_BASE)
    entries = starter.entries(starter.FILES_BASE)
    store.write([Change(e.iri, e) for e in entries], "evaluation", "import")
    with tempfile.TemporaryDirectory() as scratch:
        matcher = Matcher(store, embedder, Path(scratch))
        matcher.catch_up(progress)
        answers = list(ask(matcher, questions()))
        parts = ablation(matcher.index, questions(), seed, samples)
        matcher.close()
    stamp = {"model": embedder.name, "text": VERSION, "seed": seed, "samples": samples}
    return report(answers, seed, samples) | {"ablation": parts, "stamp": stamp}


def ask(matcher: Matcher, asked: Iterable[Judged]) -> Iterator[Answer]:
    """Yield the matcher's answer to each wording of each question."""
    for question in asked:
        for lang, worded in question.texts.items():
            yield _answer(matcher, question, lang, worded)


def _answer(matcher: Matcher, asked: Judged, lang: str, worded: str) -> Answer:
    base = matcher.store.base
    put = Question(text=worded, lang=lang[:2] or None, limit=DEPTH)
    if asked.kind == "entry":
        put = Question(entry=f"{base}id/practice/{asked.about}", limit=DEPTH)
    elif asked.kind in {"transfer", "partner"}:
        put = Question(text=worded, lang=lang[:2], limit=2 * DEPTH, territory=asked.about)
    kinds: dict[str, Callable[[Question], answers.Answer]] = {
        "transfer": matcher.transfer, "partner": matcher.partners,
    }  # fmt: skip
    found = kinds.get(asked.kind, matcher.similar)(put)
    scores: dict[str, float] = {}
    for match in found.matches:
        scores.setdefault(match.entry.rpartition("/")[2], match.score)
    return Answer(asked, lang, tuple(scores.items())[:DEPTH], found.abstained)


def report(answers: Sequence[Answer], seed: int, samples: int) -> dict[str, object]:
    """Return nDCG by part, kind and language, stability, abstention and calibration."""
    real = [a for a in answers if a.asked.kind != "idle"]
    asked = [a for a in real if a.lang != REWORDED]
    test = [a for a in asked if a.asked.split == "test"]

    def mean(chosen: Iterable[Answer]) -> dict[str, float]:
        return estimate(by_question(chosen), seed, samples).as_dict()

    by_language = {lang: mean(a for a in test if a.lang == lang) for lang in LANGUAGES}
    shown = [a for a in test if a.asked.kind == "similar"]
    worst = min(LANGUAGES, key=lambda lang: by_language[lang]["value"])
    middle = np.mean([found["value"] for found in by_language.values()])
    return {
        "collection": "judged",
        "questions": len({a.asked.number for a in real}),
        "ndcg10": {
            split: {"all": mean(part)}
            | {kind: mean(a for a in part if a.asked.kind == kind) for kind in KINDS}
            for split in ("development", "test")
            for part in [[a for a in asked if a.asked.split == split]]
        },
        "test_by_language": by_language,
        "both_by_language": {
            lang: mean(a for a in real if a.lang == lang) for lang in (*LANGUAGES, REWORDED)
        },
        "worst_language": {
            "lang": worst, "below_mean": round(1 - by_language[worst]["value"] / middle, 3),
        },
        "overlap10_with_english": overlaps(real),
        "abstention": {
            split: abstention([a for a in answers if a.asked.split == split])
            for split in ("development", "test")
        },
        "language_detected": np.mean(
            [detect(a.asked.texts[a.lang]) == a.lang[:2] for a in answers if a.lang]
        ).round(3).item(),
        "calibration": {
            kind: calibration([a for a in test if a.asked.kind == kind])
            for kind in ("similar", "entry")
        },
        "examples": {
            "best": _examples(sorted(shown, key=lambda a: -a.ndcg)),
            "worst": _examples(sorted(shown, key=lambda a: a.ndcg)),
        },
        "answers": [_example(a) for a in answers],
    }  # fmt: skip


def _examples(answers: Iterable[Answer]) -> list[dict[str, object]]:
    """Return the first answers to three different questions."""
    first: dict[int, Answer] = {}
    for answer in answers:
        first.setdefault(answer.asked.number, answer)
    return [_example(a) for a in list(first.values())[:3]]


def _example(answer: Answer) -> dict[str, object]:
    return {
        "question": answer.asked.number,
        "lang": answer.lang,
        "text": answer.asked.texts.get(answer.lang, ""),
        "ndcg10": round(answer.ndcg, 3),
        "abstained": answer.abstained,
        "matches": [f"{slug} {answer.asked.grades.get(slug, 0)}" for slug in answer.slugs],
    }


def by_question(answers: Iterable[Answer]) -> list[float]:
    """Return each question's mean nDCG over its wordings."""
    found: dict[int, list[float]] = {}
    for answer in answers:
        found.setdefault(answer.asked.number, []).append(answer.ndcg)
    return [float(np.mean(values)) for values in found.values()]


def overlaps(answers: Sequence[Answer]) -> dict[str, float]:
    """Return the mean share of the first ten that English and another wording have in common."""
    english = {a.asked.number: set(a.slugs) for a in answers if a.lang == "en"}
    found = {}
    for lang in (*LANGUAGES[1:], REWORDED):
        shared = [
            len(english[a.asked.number] & set(a.slugs)) / max(len(a.slugs), 1)
            for a in answers
            if a.lang == lang
        ]
        found[lang] = round(float(np.mean(shared)), 3)
    return found


def abstention(answers: Sequence[Answer]) -> dict[str, float]:
    """Return how often an idle question was answered, and a real one was told *no good match*."""
    idle = [not a.abstained for a in answers if a.asked.kind == "idle"]
    real = [a.abstained for a in answers if a.asked.kind in {"similar", "transfer"}]
    return {
        "false_alarms": round(float(np.mean(idle)), 3),
        "missed": round(float(np.mean(real)), 3),
    }


def calibration(answers: Sequence[Answer]) -> dict[str, object]:
    """Return how far scores are from the share of right matches, over the first ten of each."""
    scored = [(s, a.asked.grades.get(slug, 0) >= RIGHT) for a in answers for slug, s in a.matches]
    values = np.array([s for s, _ in scored])
    right = np.array([r for _, r in scored])
    return {"matches": len(scored), "ece": ece(values, right), "bins": reliability(values, right)}
