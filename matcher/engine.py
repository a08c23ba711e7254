"""Where a question is taken in: what it is about, what it is answered from, the stamp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kg.catalogue.lists import territory_iri
from kg.entry import Entry
from kg.errors import refused
from kg.stores.protocol import Store
from kg.text.i18n import gettext as _
from kg.text.i18n import language, ngettext
from kg.text.language import primary, settle
from kg.vocabulary import LEVELS
from matcher.answer import Json
from matcher.encoding import centring, ngrams, text
from matcher.encoding.centring import for_model
from matcher.encoding.embedder import Embedder
from matcher.encoding.reranker import Reranker
from matcher.graph.place import Place
from matcher.graph.view import World
from matcher.judging import fit
from matcher.judging.criteria import WEIGHTS
from matcher.judging.weights import Weights, weighed, weights_hash
from matcher.model.question import Filters, Question, read
from matcher.query_notes import told
from matcher.search import ranking as rankings
from matcher.search import snapshot as snapshots
from matcher.search.index import Index, Progress
from matcher.search.ranking import Ranking, by_entry, by_text
from matcher.search.snapshot import Found

#: how many rankings for challenges are kept
KEPT = 64


class Desk:
    """A store, an index that follows it, and what all questions share."""

    def __init__(
        self, store: Store, embedder: Embedder, home: Path, weights: Weights = WEIGHTS,
        reranker: Reranker | None = None,
    ) -> None:  # fmt: skip
        self.store, self.embedder, self.reranker = store, embedder, reranker
        self.weights = weighed(weights)
        self.means = for_model(embedder, home)
        self.index = Index(store, embedder, self.means, home / "index")
        self._world = World(store)

    @property
    def model_name(self) -> str:
        """Return the model as ``name@hash``."""
        return self.embedder.name

    def version(self) -> int:
        """Return the data version that the index has reached."""
        return self.index.found.version

    @property
    def world(self) -> World:
        """Return what follows from the graph at its present version."""
        world = self._world
        if world.version != self.store.version():
            world = self._world = World(self.store)
        return world

    def snapshot(self) -> Snapshot:
        """Return what a question that is asked now is answered from."""
        return Snapshot(self, self.index.found, self.world)

    def catch_up(self, progress: Progress | None = None) -> int:
        """Index what was written since; return how many entries that were."""
        return self.index.catch_up(progress)

    def rebuild(self, progress: Progress | None = None) -> int:
        """Make the whole index anew; return the number of entries."""
        return self.index.rebuild(progress)

    def lag(self) -> int:
        """Return how many entries the index is behind the store."""
        return self.index.lag()

    @property
    def failed(self) -> int:
        """Return how many entries the model cannot read."""
        return len(self.index.failed)

    def close(self) -> None:
        """Close the index."""
        self.index.close()


@dataclass(frozen=True)
class Snapshot:
    """One picture of the index, taken once for a question, and the graph that goes with it.

    All that an answer says comes from this picture, and its stamp names it, however often the
    index catches up meanwhile. Entries are read as they are then: see ``World``.
    """

    desk: Desk
    picture: Found
    world: World

    @property
    def store(self) -> Store:
        """Return the store that entries are read from."""
        return self.desk.store

    @property
    def weights(self) -> Weights:
        """Return the weights of this installation."""
        return self.desk.weights

    def asked(self, question: Question, *paths: str) -> tuple[Entry | None, str]:
        """Return the entry asked about, if any, and the question's language.

        Of an entry that is the reader's language if it has texts in it, else English.
        """
        if question.entry is not None:
            entry = read(self.store, question.entry, *paths)
            if question.lang:
                return entry, primary(question.lang)
            words = text.preferred(text.facets(entry), language())
            return entry, words.lang if words else "en"
        if not question.text or not question.text.strip():
            raise refused(
                "text",
                _("The question is empty."),
                hint=_("Describe a problem or a practice, or send an entry."),
            )
        return None, settle(question.text, question.lang)

    def rank(self, question: Question, asked: Entry | None, lang: str, filters: Filters) -> Ranking:
        """Return the scores of all entries for what is asked about."""
        if asked is not None and asked.path == "challenge":
            return self._rank_challenge(asked, lang, filters)
        if asked is not None:
            index, picture = self.desk.index, self.picture
            return self.standing(by_entry(index, asked, filters, picture=picture, lang=lang))
        assert question.text is not None
        return self.rank_text(question.text, lang, filters)

    def rank_text(
        self, words: str, lang: str, filters: Filters, facets: Sequence[str] = text.FACETS
    ) -> Ranking:
        """Return the scores of all entries for a text, compared with the facets named."""
        index, picture = self.desk.index, self.picture
        return self.standing(by_text(index, words, lang, filters, facets, picture=picture))

    def _rank_challenge(self, challenge: Entry, lang: str, filters: Filters) -> Ranking:
        """Return the scores for a challenge, kept for the next who asks about it.

        A challenge is a need in words: the scores of questions are those that fit.
        """
        worded = text.preferred(text.facets(challenge), lang)
        if worded is None:
            return self.rank_text("", lang, filters)
        kept, key = self.world.kept("challenges"), f"{challenge.iri} {worded.lang} {filters}"
        ranking: Ranking | None = kept.get(key)
        if ranking is None or ranking.found is not self.picture:
            index, picture = self.desk.index, self.picture
            ranking = by_text(index, worded.text, worded.lang, filters, picture=picture)
            if len(kept) >= KEPT:
                kept.clear()
            kept[key] = ranking
        return self.standing(ranking)

    def standing(self, ranking: Ranking) -> Ranking:
        """Return a ranking without entries that were deleted since the picture was made."""
        if ranking.found.version == self.store.version():
            return ranking
        position = ranking.found.position
        changes = self.store.changes_since(ranking.found.version)
        gone = [position[iri] for iri, alive in changes if not alive and iri in position]
        if not gone:
            return ranking
        allowed = ranking.allowed.copy()
        allowed[gone] = False
        return replace(ranking, allowed=allowed)

    def place(self, question: Question, asked: Entry | None = None) -> Place | None:
        """Return the territory of the question, else the largest known place of the asker.

        A municipality has few figures of its own; its region has those of both.
        """
        if question.territory:
            return self.world.place(territory_iri(self.store, question.territory))
        found = self.world.places(asked) if asked else []
        regions = [p for p in found if LEVELS.index(p.level or "country") > 0]
        return max(regions or found, key=lambda p: (p.level or "", p.iri), default=None)

    def territory(self, question: Question) -> Place:
        """Return the territory of a question that needs one, or raise Refused."""
        found = self.place(question)
        if found is None:
            raise refused(
                "territory",
                _("The territory is missing."),
                hint=_("Say where it should work, for example HR035."),
            )
        return found

    def answer(
        self,
        matches: Sequence[Json],
        lang: str,
        abstained: bool,
        notes: Sequence[str] = (),
        weights: Weights | None = None,
        asked: str | None = None,
        reranker: Reranker | None = None,
    ) -> Json:
        """Return an answer with the stamp of what it rests on."""
        if abstained:
            matches = [m | {"level": "weak"} for m in matches]
        said = told(asked, lang, self.desk.means)
        if behind := self.desk.index.lag(self.picture):
            late = ngettext(
                "{count} entry was written since and is not searched yet.",
                "{count} entries were written since and are not searched yet.",
                behind,
            )
            said.append(late.format(count=behind))
        return {
            "query": {"lang": lang, "notes": [*said, *notes]},
            "matches": list(matches),
            "abstained": abstained,
            "stamp": self.stamp(weights, reranker),
        }

    def stamp(self, weights: Weights | None = None, reranker: Reranker | None = None) -> Json:
        """Return what an answer rests on: data, models, the way of reading texts, weights."""
        return {
            "data": self.picture.version,
            "model": " ".join([self.desk.model_name, *([reranker.name] if reranker else [])]),
            "text": text.VERSION,
            "weights": weights_hash({**(weights or self.weights), **numbers()}),
        }


def only(filters: Filters, default: str) -> Filters:
    """Return the filters narrowed to a class where they name none."""
    return filters if filters.type else replace(filters, type=(default,))


def numbers() -> dict[str, float]:
    """Return the named numbers of rankings and fit, for the stamp; partners add their own."""
    logits = zip("abcdef", (*rankings.QUESTION_LOGIT, *rankings.ENTRY_LOGIT), strict=True)
    recipe = rankings.RECIPE
    rest = {n: getattr(recipe, n) for n in ("letters", "concepts", "feedback", "share")}
    shift = {n: getattr(centring, n) for n in ("STRENGTH", "PRIOR", "QUESTION")}
    other = {"COMMON": ngrams.COMMON, "UNSTATED": snapshots.UNSTATED, "NEUTRAL": fit.NEUTRAL}
    return dict(recipe.facets) | rest | dict(logits) | shift | other
