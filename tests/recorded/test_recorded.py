"""No question of the record gets other matches than it got when it was recorded.

Who means to change a match records anew: ``python -m benchmarks.recorded --write``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from matcher.kinds import KINDS
from tests.conftest import settled
from tests.recorded.recording import (
    FURTHER,
    HASHING,
    MODEL,
    Answer,
    Match,
    Question,
    answers,
    questions,
    recorded,
)

#: how near the scores of two neighbours are whose order another processor may turn round,
#: how much it may change a score, and what rounding in another order may change
NEIGHBOURS, ANOTHER_PROCESSOR, ROUNDING = 0.005, 0.01, 1e-6
Compare = Callable[[Question, Answer, Answer], bool]


@pytest.mark.parametrize("step", [2, pytest.param(1, marks=pytest.mark.slow)])
def test_vectors_of_letters_match_what_they_matched(
    prepared: Path, tmp_path: Path, step: int
) -> None:
    moved = differences(HASHING, settled(prepared, tmp_path / "home"), the_same, step)
    assert not moved, f"{len(moved)} questions moved\n" + "\n".join(moved)


@pytest.mark.model
def test_the_model_matches_what_it_matched(prepared_model: Path, tmp_path: Path) -> None:
    moved = differences(MODEL, settled(prepared_model, tmp_path / "home"), about_the_same)
    assert not moved, f"{len(moved)} questions moved\n" + "\n".join(moved)


def test_every_kind_of_question_is_asked_often_and_answered_well() -> None:
    kinds = Counter(question.kind for question in questions(HASHING))
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) >= 15
    assert sum(kinds.values()) >= 200
    assert len({question.reader for question in questions(HASHING)}) == 8
    doubtful = [answer for answer in recorded(MODEL) if answer.no_good_match]
    assert 5 <= len(doubtful) <= 40


def test_neighbours_may_change_places_and_others_may_not() -> None:
    near, far = Match("a", 0.604), Match("c", 0.5)
    question, before = Question("similar", {}), Answer((near, Match("b", 0.6), far))
    for now, expected in (
        (before, True),
        (Answer((Match("b", 0.603), Match("a", 0.602), far)), True),
        (Answer((Match("new", 0.7), near, far)), False),
        (Answer((far, near, Match("b", 0.6))), False),
        (Answer((near, Match("b", 0.6), Match("c", 0.52))), False),
        (Answer((near, Match("b", 0.6, ("peer",)), far)), False),
        (Answer((near, Match("b", 0.6))), False),
        (Answer(before.matches, no_good_match=True), False),
    ):
        assert about_the_same(question, before, now) is expected, now


def differences(embedder: str, home: Path, same: Compare, step: int = 1) -> list[str]:
    """What differs from the record: the line, what was expected, what came."""
    numbered = list(enumerate(zip(questions(embedder), recorded(embedder), strict=True), 1))
    lines = zip(numbered[::step], answers(embedder, home, step), strict=True)
    return [
        f"line {number}: {question.kind} {dict(question.body)}\n  {before}\n  {now}"
        for (number, (question, before)), now in lines
        if not same(question, before, now)
    ]


def the_same(question: Question, before: Answer, now: Answer) -> bool:
    """The same entries in the same order, with scores that differ by rounding only."""
    return (
        [(m.entry, m.more) for m in before.matches] == [(m.entry, m.more) for m in now.matches]
        and (before.no_good_match, before.beside) == (now.no_good_match, now.beside)
        and all(_near(b, n, ROUNDING) for b, n in zip(before.matches, now.matches, strict=True))
    )


def about_the_same(question: Question, before: Answer, now: Answer) -> bool:
    """The same first entries, but for neighbours that changed places, with scores about the same.

    The further ones that the model was asked for are no places: they tell how near those were
    that come in.
    """
    if len(before.matches) != len(now.matches) or before.no_good_match != now.no_good_match:
        return False
    known = {(match.entry, match.more): match for match in before.matches}
    places = question.body.get("limit", 10 + FURTHER) - FURTHER
    for expected, came in list(zip(before.matches, now.matches, strict=True))[:places]:
        # Who is new was behind the last one on record.
        then = known.get((came.entry, came.more), before.matches[-1])
        if not _near(then, came, ANOTHER_PROCESSOR):
            return False
        if (then.entry, then.more) != (expected.entry, expected.more):
            if not _near(then, expected, NEIGHBOURS):
                return False
    return True


def _near(one: Match, other: Match, most: float) -> bool:
    return abs(one.score - other.score) <= most + 1e-9
