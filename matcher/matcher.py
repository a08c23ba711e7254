"""The matcher: one object with all questions, over a store and an index that follows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kg.stores.protocol import Store
from matcher.engine import Desk, only
from matcher.graph.view import surviving
from matcher.kinds import KINDS, resolve
from matcher.model.answer import Answer
from matcher.question import Question
from matcher.questions import similar
from matcher.search.ranking import Ranking, level

#: how many entries a search puts in order, where there are more
SEARCHED = 500


@dataclass(frozen=True)
class Search:
    """What is nearest to a text, nothing said of it but when asked."""

    store: Store
    ranking: Ranking
    lang: str
    order: Sequence[str]
    nothing_good: bool

    def level(self, iri: str) -> str:
        """Return how good a match an entry is; always weak if there is no good match."""
        if iri not in self.ranking.picture.position or self.nothing_good:
            return "weak"
        return level(self.ranking.probability(iri))

    def reason(self, iri: str) -> str:
        """Say why an entry is near; empty if the index has not reached it or it is gone."""
        if not self.ranking.allows(iri):
            return ""
        question = Question(lang=self.lang)

        def nearest(iri: str) -> str:
            return similar.reasons(self.store, self.ranking, iri, question)[0].text

        return next(surviving([iri], nearest), "")


@dataclass(frozen=True)
class Nearest:
    """Entries with their scores, best first; ``version`` is that of the index they are from."""

    scores: Sequence[tuple[str, float]]
    nothing_good: bool
    version: int


class Matcher(Desk):
    """Answers every kind of question; safe to use from several threads."""

    def question(self, kind: str, raw: Mapping[str, Any]) -> Question:
        """Resolve a request of a kind; Refused names all that is wrong in it."""
        return resolve(kind, raw, self.snapshot())

    def ask(self, kind: str, raw: Mapping[str, Any], also: tuple[str, ...] = ()) -> Answer:
        """Resolve and answer a request of a kind, both on one snapshot; Refused as above.

        ``also`` are practices that *transfer* shows beyond the limit.
        """
        snapshot = self.snapshot()
        question = replace(resolve(kind, raw, snapshot), also=also)
        return KINDS[kind].answer(snapshot, question)

    def nearest(self, question: Question) -> Nearest:
        """Find the entries and scores of *similar* without the reasons, which cost the most."""
        snapshot = self.snapshot()
        count = similar.looked_at(question)
        ranking = snapshot.rank(question, only(question.filters, "practice"), count)
        reranker = None if question.entry else self.reranker
        order = similar.chosen(self.store, ranking, question, reranker)
        scores = [(iri, round(ranking.probability(iri), 4)) for iri in order]
        return Nearest(scores, ranking.nothing_good(), snapshot.corpus.version)

    def search(self, question: Question) -> Search:
        """Order what is nearest of the types asked for by closeness to a text."""
        ranking = self.snapshot().rank(question, question.filters, SEARCHED)
        order = ranking.best(len(ranking.picture.iris))
        return Search(self.store, ranking, question.lang, order, ranking.nothing_good())
