"""Questions of every kind with the answers that were given to them, to show what a change moves.

``questions.jsonl`` holds a question a line: its kind, the body that is sent and, where it is not
English, the reader's language. Line n of ``answers-hashing.jsonl`` and of ``answers-model.jsonl``
answers line n of it. ``python -m benchmarks.recorded --write`` records both anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from matcher.encoding.embedder import Embedder
from service import create_app
from service.core.runtime import Runtime
from service.core.settings import DEFAULT_BASE, Settings
from tests.fake_embedder import HashingEmbedder

FOLDER = Path(__file__).parent
HASHING, MODEL = "hashing", "model"
EMBEDDERS = (HASHING, MODEL)
#: how many more matches the model is asked for, so that those about the limit have neighbours
FURTHER = 2
READY_SECONDS, UNLIMITED = 3_600, 10**6


@dataclass(frozen=True)
class Question:
    """A request to ``POST /api/match/KIND``."""

    kind: str
    body: Mapping[str, Any]
    reader: str = "en"

    def further(self) -> Question:
        """The question with a limit that is FURTHER away; a consortium has seats instead."""
        if self.kind == "consortium":
            return self
        return replace(self, body={**self.body, "limit": self.body.get("limit", 10) + FURTHER})


@dataclass(frozen=True)
class Match:
    """An entry that was matched, its score, and what belongs to the match by its kind.

    ``more`` is the kind of a partner, or the members of a group.
    """

    entry: str
    score: float
    more: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.entry, f"{self.score:g}", *self.more])


@dataclass(frozen=True)
class Answer:
    """What was matched, best first.

    ``beside`` are entries that an answer names apart: instruments that a rule keeps out, and the
    practice of a *why not* with its rank.
    """

    matches: tuple[Match, ...]
    no_good_match: bool = False
    beside: tuple[str, ...] = ()

    def __str__(self) -> str:
        ending = ["no good match"] if self.no_good_match else []
        return "; ".join([*map(str, self.matches), *ending, *self.beside])

    def as_line(self) -> str:
        line: dict[str, object] = {"matches": [[m.entry, m.score, *m.more] for m in self.matches]}
        if self.no_good_match:
            line["no_good_match"] = True
        if self.beside:
            line["beside"] = self.beside
        return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


def questions(embedder: str) -> list[Question]:
    """The questions as an embedder is asked them."""
    lines = [Question(**line) for line in _lines(FOLDER / "questions.jsonl")]
    return [question.further() for question in lines] if embedder == MODEL else lines


def answers(embedder: str, home: Path, step: int = 1) -> list[Answer]:
    """What is answered now by a service in a home, which is made if it is not there.

    One in ``step`` of the questions is asked.
    """
    with service(home, HashingEmbedder() if embedder == HASHING else None) as client:
        return [ask(client, question) for question in questions(embedder)[::step]]


def recorded(embedder: str) -> list[Answer]:
    """The answers on record, in the order of the questions; none before the first record."""
    path = _answers(embedder)
    return [
        Answer(
            tuple(Match(entry, score, tuple(more)) for entry, score, *more in line["matches"]),
            line.get("no_good_match", False),
            tuple(line.get("beside", ())),
        )
        for line in (_lines(path) if path.exists() else ())
    ]


def record(embedder: str, given: Iterable[Answer]) -> None:
    _answers(embedder).write_text("".join(answer.as_line() for answer in given), "utf-8")


@contextmanager
def service(home: Path, embedder: Embedder | None = None) -> Iterator[FlaskClient]:
    """A client of a service over the starter graph that refuses no number of questions."""
    settings = Settings(home=home, rate=UNLIMITED, burst=UNLIMITED)
    with Runtime(settings, embedder) as runtime:
        assert runtime.wait_ready(READY_SECONDS)
        yield create_app(runtime).test_client()


def ask(client: FlaskClient, question: Question) -> Answer:
    """The answer over HTTP; fails for what is not answered with 200."""
    address, headers = f"/api/match/{question.kind}", {"Accept-Language": question.reader}
    response = client.post(address, json=question.body, headers=headers)
    assert response.status_code == 200, f"{question}: {response.text}"
    body = response.get_json()
    matches = tuple(Match(_short(m["entry"]), m["score"], _more(m)) for m in body["matches"])
    return Answer(matches, body["abstained"], _beside(body))


def _more(match: Mapping[str, Any]) -> tuple[str, ...]:
    kind = [match["kind"]] if "kind" in match else []
    members = [_short(member["entry"]) for member in match.get("members", ())]
    return (*kind, *members)


def _beside(body: Mapping[str, Any]) -> tuple[str, ...]:
    excluded = [_short(row["entry"]) for row in body.get("excluded", ())]
    missed = body.get("why_not")
    return (*excluded, *([f"{_short(missed['entry'])} {missed['rank']}"] if missed else ()))


def _short(iri: str) -> str:
    return iri.removeprefix(f"{DEFAULT_BASE}id/")


def _answers(embedder: str) -> Path:
    return FOLDER / f"answers-{embedder}.jsonl"


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
