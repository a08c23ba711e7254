"""The matcher: one object with all questions, over a store and an index that follows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matcher import consortium, groups, instruments, partners, similar, text, transfer
from matcher.answer import Json, match
from matcher.desk import Desk, only
from matcher.question import Question
from matcher.retrieval import Ranking, level


@dataclass(frozen=True)
class Search:
    """All entries by closeness to a text, nothing said of them but when asked."""

    desk: Desk
    ranking: Ranking
    lang: str
    order: Sequence[str]
    nothing_good: bool

    def level(self, iri: str) -> str:
        """Return how good a match an entry is; always weak if there is no good match."""
        if iri not in self.ranking.found.position or self.nothing_good:
            return "weak"
        return level(self.ranking.probability(iri))

    def reason(self, iri: str) -> str:
        """Return why an entry is near, empty if the index has not reached it."""
        if not self.ranking.allows(iri):
            return ""
        return similar.reasons(self.desk.store, self.ranking, iri, None, self.lang, None)[0].text


@dataclass(frozen=True)
class Nearest:
    """Entries with their scores, best first; ``version`` is that of the index they are from."""

    scores: Sequence[tuple[str, float]]
    nothing_good: bool
    version: int


class Matcher(Desk):
    """Answers every kind of question; safe to use from several threads."""

    def similar(self, question: Question) -> Json:
        """Return entries like a text or an entry, practices unless a type is asked for.

        Where there is a re-ranking model it gives the order for a text; scores stay the same.
        """
        asked, lang = self.asked(question, *text.INDEXED)
        ranking = self.rank(question, asked, lang, only(question.filters, "practice"))
        reranker = None if asked else self.reranker
        matches = [
            match(
                self.world, iri, ranking.probability(iri), lang,
                similar.reasons(self.store, ranking, iri, question.text, lang, asked),
            )
            for iri in similar.chosen(self.store, ranking, question, lang, reranker)
        ]  # fmt: skip
        return self.answer(
            matches, lang, ranking.nothing_good(), asked=question.text, reranker=reranker
        )

    def nearest(self, question: Question) -> Nearest:
        """Return the entries and scores of ``similar`` without the reasons, which cost the most."""
        asked, lang = self.asked(question, *text.INDEXED)
        ranking = self.rank(question, asked, lang, only(question.filters, "practice"))
        reranker = None if asked else self.reranker
        order = similar.chosen(self.store, ranking, question, lang, reranker)
        scores = [(iri, round(ranking.probability(iri), 4)) for iri in order]
        return Nearest(scores, ranking.nothing_good(), ranking.found.version)

    def search(self, question: Question) -> Search:
        """Return all entries of the types asked for by closeness to a text."""
        lang = self.asked(question)[1]
        ranking = self.rank(question, None, lang, question.filters)
        order = ranking.best(len(ranking.found.iris))
        return Search(self, ranking, lang, order, ranking.nothing_good())

    def transfer(self, question: Question) -> Json:
        """Return practices that could work in a territory, with criteria and reasons."""
        return transfer.answer(self, question)

    def partners(self, question: Question) -> Json:
        """Return possible partners of the kinds asked for, with both sides' reasons."""
        return partners.answer(self, question)

    def instruments(self, question: Question) -> Json:
        """Return instruments that could pay for or enable it in a territory; a gap is said."""
        return instruments.answer(self, question)

    def consortium(self, question: Question) -> Json:
        """Return a set of actors under a call's rules, with alternatives for each seat."""
        return consortium.answer(self, question)

    def groups(self, question: Question) -> Json:
        """Return groups of a community's members that can learn from each other."""
        return groups.answer(self, question)
