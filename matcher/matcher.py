"""The matcher: one object with all questions, over a store and an index that follows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kg.stores.protocol import Store
from matcher.answer import match
from matcher.encoding import text
from matcher.engine import Desk, only
from matcher.graph.view import surviving
from matcher.model.answer import (
    ConsortiumAnswer,
    GroupsAnswer,
    InstrumentsAnswer,
    Match,
    PartnersAnswer,
    SimilarAnswer,
    TransferAnswer,
)
from matcher.model.question import Question
from matcher.questions import consortium, groups, instruments, partners, similar, transfer
from matcher.search.ranking import Ranking, level


@dataclass(frozen=True)
class Search:
    """All entries by closeness to a text, nothing said of them but when asked."""

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
        """Return why an entry is near, empty if the index has not reached it or it is gone."""
        if not self.ranking.allows(iri):
            return ""

        def nearest(iri: str) -> str:
            return similar.reasons(self.store, self.ranking, iri, None, self.lang, None)[0].text

        return next(surviving([iri], nearest), "")


@dataclass(frozen=True)
class Nearest:
    """Entries with their scores, best first; ``version`` is that of the index they are from."""

    scores: Sequence[tuple[str, float]]
    nothing_good: bool
    version: int


class Matcher(Desk):
    """Answers every kind of question; safe to use from several threads."""

    def similar(self, question: Question) -> SimilarAnswer:
        """Return entries like a text or an entry, practices unless a type is asked for.

        Where there is a re-ranking model it gives the order for a text; scores stay the same.
        """
        snapshot = self.snapshot()
        asked, lang = snapshot.asked(question, *text.INDEXED)
        ranking = snapshot.rank(question, asked, lang, only(question.filters, "practice"))
        reranker = None if asked else self.reranker

        def matched(iri: str) -> Match:
            reasons = similar.reasons(self.store, ranking, iri, question.text, lang, asked)
            return match(snapshot.world, iri, ranking.probability(iri), lang, reasons, Match)

        chosen = similar.chosen(self.store, ranking, question, lang, reranker)
        return snapshot.answer(
            SimilarAnswer,
            surviving(chosen, matched),
            lang,
            ranking.nothing_good(),
            asked=question.text,
            reranker=reranker,
        )

    def nearest(self, question: Question) -> Nearest:
        """Return the entries and scores of ``similar`` without the reasons, which cost the most."""
        snapshot = self.snapshot()
        asked, lang = snapshot.asked(question, *text.INDEXED)
        ranking = snapshot.rank(question, asked, lang, only(question.filters, "practice"))
        reranker = None if asked else self.reranker
        order = similar.chosen(self.store, ranking, question, lang, reranker)
        scores = [(iri, round(ranking.probability(iri), 4)) for iri in order]
        return Nearest(scores, ranking.nothing_good(), ranking.picture.version)

    def search(self, question: Question) -> Search:
        """Return all entries of the types asked for by closeness to a text."""
        snapshot = self.snapshot()
        lang = snapshot.asked(question)[1]
        ranking = snapshot.rank(question, None, lang, question.filters)
        order = ranking.best(len(ranking.picture.iris))
        return Search(self.store, ranking, lang, order, ranking.nothing_good())

    def transfer(self, question: Question) -> TransferAnswer:
        """Return practices that could work in a territory, with criteria and reasons."""
        return transfer.answer(self.snapshot(), question)

    def partners(self, question: Question) -> PartnersAnswer:
        """Return possible partners of the kinds asked for, with both sides' reasons."""
        return partners.answer(self.snapshot(), question)

    def instruments(self, question: Question) -> InstrumentsAnswer:
        """Return instruments that could pay for or enable it in a territory; a gap is said."""
        return instruments.answer(self.snapshot(), question)

    def consortium(self, question: Question) -> ConsortiumAnswer:
        """Return a set of actors under a call's rules, with alternatives for each seat."""
        return consortium.answer(self.snapshot(), question)

    def groups(self, question: Question) -> GroupsAnswer:
        """Return groups of a community's members that can learn from each other."""
        return groups.answer(self.snapshot(), question)
