"""The matcher: one object with the three questions, over a store and an index that follows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kg.catalogue import territory_iri
from kg.entry import Entry
from kg.errors import refused
from kg.language import primary, settle
from kg.store import Store
from kg.vocabulary import DCT, PSR
from matcher import partners, similar, text, transfer
from matcher.answer import Json, match, weights_hash
from matcher.centring import for_model
from matcher.criteria import WEIGHTS
from matcher.criteria.population import addressing
from matcher.criteria.verdict import scene
from matcher.embedder import Embedder
from matcher.index import Index, Progress
from matcher.notes import told
from matcher.partners import Asker, Partner
from matcher.place import Place
from matcher.question import KINDS, Filters, Question, check_target, read
from matcher.retrieval import Ranking, by_entry, by_text, level, numbers
from matcher.transfer import Anticipated

#: how many practices are judged by all criteria, and actors compared with the asker
SHORT_LIST = 40
#: how many of the nearest practices the search for partners looks at
NEAREST = 10


class Matcher:
    """Answers *similar*, *transfer* and *partners*; safe to use from several threads."""

    def __init__(self, store: Store, embedder: Embedder, home: Path) -> None:
        self.store, self.embedder = store, embedder
        self.means = for_model(embedder, home)
        self.index = Index(store, embedder, self.means, home / "index")

    @property
    def model_name(self) -> str:
        """Return the model as ``name@hash``."""
        return self.embedder.name

    def version(self) -> int:
        """Return the data version that the index has reached."""
        return self.index.found.version

    def catch_up(self, progress: Progress | None = None) -> int:
        """Index what was written since; return how many entries that were."""
        return self.index.catch_up(progress)

    def rebuild(self, progress: Progress | None = None) -> int:
        """Make the whole index anew; return the number of entries."""
        return self.index.rebuild(progress)

    def lag(self) -> int:
        """Return how many entries the index is behind the store."""
        return self.index.lag()

    def close(self) -> None:
        """Close the index."""
        self.index.close()

    def similar(self, question: Question) -> Json:
        """Return entries like a text or an entry, practices unless a type is asked for."""
        filters = _only(question.filters, "practice")
        asked, lang = self._asked(question, *text.INDEXED)
        ranking = self._rank(question, asked, lang, filters)
        matches = [
            match(
                self.store, iri, ranking.probability(iri), lang,
                similar.reasons(self.store, ranking, iri, question.text, lang, asked),
            )
            for iri in ranking.chosen(question.limit, question.diversity)
        ]  # fmt: skip
        return self._answer(matches, lang, ranking.nothing_good(), question.text)

    def transfer(self, question: Question) -> Json:
        """Return practices that could work in a territory, with criteria and reasons."""
        if question.territory is None:
            raise refused(
                "territory",
                "The territory is missing.",
                hint="Say where it should work, for example HR035.",
            )
        place = Place(self.store, territory_iri(self.store, question.territory))
        asked, lang = self._asked(question, "challenge", "practice")
        challenge = asked if asked is not None and asked.path == "challenge" else None
        here = scene(self.store, place, check_target(question.target), challenge)
        here = replace(here, languages=(primary(lang),))
        filters = replace(question.filters, type=("practice",))
        ranking = self._rank(question, asked, lang, filters)
        chosen = ranking.best(max(SHORT_LIST, question.limit))
        if challenge is not None:
            chosen += [p for p in addressing(self.store, challenge.iri) if ranking.allows(p)]
        needs = {iri: ranking.probability(iri) for iri in chosen}
        if asked is not None and asked.path == "practice":
            needs[asked.iri] = 1.0
        found = [transfer.anticipate(self.store.get(i), here, need) for i, need in needs.items()]
        found.sort(key=lambda a: (-round(a.score, 6), a.practice.iri))
        matches = [self._transfer_match(a, lang) for a in found[: question.limit]]
        nothing = asked is None and ranking.nothing_good()
        return self._answer(matches, lang, nothing, question.text) | {"territory": place.iri}

    def _transfer_match(self, found: Anticipated, lang: str) -> Json:
        base = match(self.store, found.practice.iri, found.score, lang, transfer.reasons(found))
        return base | {
            "level": level(found.verdicts["P1"].value or 0.0),
            "fit": round(found.fit, 4),
            "coverage": round(found.coverage, 4),
            "criteria": transfer.criteria_table(found),
            "gates": transfer.gates(found),
            "adaptations": transfer.adaptations(found),
            "warnings": transfer.warnings(found),
        }

    def partners(self, question: Question) -> Json:
        """Return possible partners of the kinds asked for, with both sides' reasons."""
        asked, lang = self._asked(question, "actor")
        asker = self._asker(question, asked, lang)
        kinds = question.kinds or KINDS
        found: list[Partner] = []
        if "peer" in kinds:
            found += partners.peers(self.store, asker, self._actor_scores(question, asked, lang))
        if "mentor" in kinds:
            found += partners.mentors(self.store, asker)
        if "role" in kinds:
            found += partners.missing_roles(self.store, asker)
        if "exchange" in kinds:
            found += partners.exchanges(
                self.store, asker, *self._exchange_scores(question, asked, lang)
            )
        allowed = self._allowed(question.filters, asked)
        best = partners.best_of((p for p in found if p.actor.iri in allowed), question.limit)
        matches = [self._partner_match(p, lang) for p in best]
        nothing = asked is None and asker.doubtful
        return self._answer(matches, lang, nothing or not matches, question.text)

    def _partner_match(self, partner: Partner, lang: str) -> Json:
        base = match(self.store, partner.actor.iri, partner.score, lang, partner.reasons)
        return base | {"kind": partner.kind, "for_them": [r.as_dict() for r in partner.for_them]}

    def _allowed(self, filters: Filters, asked: Entry | None) -> set[str]:
        found = self.index.found
        mask = found.mask(replace(filters, type=("actor",)))
        return {iri for iri, keep in zip(found.iris, mask, strict=True) if keep} - {
            asked.iri if asked else ""
        }

    def _asker(self, question: Question, asked: Entry | None, lang: str) -> Asker:
        ranking = self._rank(question, asked, lang, Filters(type=("practice",)))
        nearest = [(self.store.get(i), ranking.probability(i)) for i in ranking.best(NEAREST)]
        return Asker(asked, self._place(question, asked), tuple(nearest), ranking.nothing_good())

    def _place(self, question: Question, asked: Entry | None) -> Place | None:
        if question.territory:
            return Place(self.store, territory_iri(self.store, question.territory))
        places = sorted(asked.links(DCT + "spatial")) if asked else []
        found = [Place(self.store, iri) for iri in places]
        # A municipality has few figures of its own; its region has those of both.
        return max(found, key=lambda p: (p.level != "municipality", p.level, p.iri), default=None)

    def _actor_scores(self, question: Question, asked: Entry | None, lang: str) -> dict[str, float]:
        ranking = self._rank(question, asked, lang, Filters(type=("actor",)))
        return {iri: ranking.probability(iri) for iri in ranking.best(SHORT_LIST)}

    def _exchange_scores(
        self, question: Question, asked: Entry | None, lang: str
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Return how well others' offers meet the need, and others' needs the offer."""
        needs, offers = question.text, question.text
        if asked is not None:
            needs, offers = asked.text(PSR + "seeks"), asked.text(PSR + "offers")
        only = Filters(type=("actor",))
        wanted = self._facet(needs, lang, only, text.SOLUTION)
        return wanted, (self._facet(offers, lang, only, text.PROBLEM) if asked is not None else {})

    def _facet(
        self, words: str | None, lang: str, filters: Filters, facet: str
    ) -> dict[str, float]:
        if not words:
            return {}
        ranking = by_text(self.index, words, settle(words, lang), filters, (facet,))
        return {iri: ranking.probability(iri) for iri in ranking.best(SHORT_LIST)}

    def _asked(self, question: Question, *paths: str) -> tuple[Entry | None, str]:
        """Return the entry asked about, if any, and the question's language."""
        if question.entry is not None:
            entry = read(self.store, question.entry, *paths)
            texts = text.facets(entry)
            return entry, primary(question.lang) if question.lang else (
                texts[0].lang if texts else "en"
            )
        if not question.text or not question.text.strip():
            raise refused(
                "text",
                "The question is empty.",
                hint="Describe a problem or a practice, or send an entry.",
            )
        return None, settle(question.text, question.lang)

    def _rank(
        self, question: Question, asked: Entry | None, lang: str, filters: Filters
    ) -> Ranking:
        if asked is not None and asked.path == "challenge":
            # A challenge is a need in words: the scores of questions are those that fit.
            worded = text.facets(asked)[0]
            return by_text(self.index, worded.text, worded.lang, filters)
        if asked is not None:
            return by_entry(self.index, asked, filters)
        assert question.text is not None
        return by_text(self.index, question.text, lang, filters)

    def _answer(self, matches: list[Json], lang: str, abstained: bool, asked: str | None) -> Json:
        if abstained:
            matches = [m | {"level": "weak"} for m in matches]
        notes = (
            []
            if self.means.knows(lang)
            else [f"No mean is known for {lang}; the one of all languages is used."]
        )
        return {
            "query": {"lang": lang, "notes": [*notes, *told(asked, lang)]},
            "matches": matches,
            "abstained": abstained,
            "stamp": {
                "data": self.index.found.version,
                "model": self.model_name,
                "text": text.VERSION,
                "weights": weights_hash(WEIGHTS | numbers()),
            },
        }


def _only(filters: Filters, default: str) -> Filters:
    return filters if filters.type else replace(filters, type=(default,))
