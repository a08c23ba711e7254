"""What all questions are answered from, and what all answers have: names, notes and a stamp."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from kg.catalogue.catalogue import Catalogue
from kg.catalogue.places import Atlas
from kg.stores.protocol import Store
from kg.text.i18n import gettext as _
from kg.text.i18n import ngettext
from kg.text.language import UNKNOWN, detect_surely
from kg.text.number_formats import language_name, number
from kg.vocabulary import DCT
from matcher.encoding import centring, ngrams, text
from matcher.encoding.centring import Means, for_model
from matcher.encoding.embedder import BREAK, PASSAGE, PASSAGES, Embedder
from matcher.encoding.reranker import Reranker
from matcher.graph.view import World, surviving
from matcher.judging import fit
from matcher.judging.criteria import WEIGHTS
from matcher.judging.fit import Weights, weighed, weights_hash
from matcher.model.answer import Answer, Match, NamedEntry, ReadAs, Stamp
from matcher.model.filters import Filters
from matcher.model.reasons import Reason
from matcher.question import Question
from matcher.search import picture as pictures
from matcher.search import ranking as rankings
from matcher.search.corpus import Corpus
from matcher.search.index import Index, Progress
from matcher.search.ranking import Ranking, Sought, by_entry, by_text, level

#: how many rankings for challenges are kept
KEPT = 64
#: words of a question at most that say little, and of a sentence at least whose language tells
SHORT, TELLING = 2, 5
_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
A = TypeVar("A", bound=Answer)
M = TypeVar("M", bound=Match)
N = TypeVar("N", bound=NamedEntry)


class Desk:
    """A store, an index that follows it, and what all questions share."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        home: Path,
        weights: Weights = WEIGHTS,
        reranker: Reranker | None = None,
    ) -> None:
        self.store, self.embedder, self.reranker = store, embedder, reranker
        self.weights = weighed(weights)
        self.catalogue = Catalogue(store, home / "catalogue")
        self.means = for_model(embedder, home)
        self.index = Index(store, embedder, self.means, home / "index", self.catalogue)
        self._world, self._turn = World(store), threading.Lock()
        self.atlas = Atlas(lambda: self.catalogue.snapshot().territories, home)

    @property
    def world(self) -> World:
        """What follows from the graph at its present version."""
        with self._turn:
            if self._world.version != self.store.version():
                self._world = self._world.following()
            return self._world

    def snapshot(self) -> Snapshot:
        """What a question that is asked now is answered from."""
        return Snapshot(self, self.index.corpus, self.world)

    def catch_up(self, progress: Progress | None = None) -> int:
        """Index what was written since; the number of entries."""
        return self.index.catch_up(progress)

    @property
    def failed(self) -> int:
        """How many entries the model cannot read."""
        return len(self.index.failed)

    def close(self) -> None:
        """Close the index and the catalogue."""
        self.index.close()
        self.catalogue.close()


@dataclass(frozen=True)
class Snapshot:
    """What the index held when a question was asked, and the graph that goes with it.

    All that an answer says comes from this corpus, and its stamp names it, however often the
    index catches up meanwhile. Entries are read as they are then: see ``World``.
    """

    desk: Desk
    corpus: Corpus
    world: World

    def rank(
        self, question: Question, filters: Filters, count: int = 0, also: Iterable[str] = ()
    ) -> Ranking:
        """Score what is nearest to what is asked about, and in any case ``also``.

        ``count`` is how many are looked at in the end, where they are many. A challenge is a need
        in words: the scores of questions are those that fit. They are kept for the next who asks
        about it.
        """
        entry, lang, index, corpus = question.entry, question.lang, self.desk.index, self.corpus
        sought = Sought(filters, max(count, question.limit), tuple(also))
        if entry is None:
            return self.rank_text(question.text or "", lang, sought)
        if entry.path != "challenge":
            return self.standing(by_entry(index, entry, sought, lang=lang, corpus=corpus))
        worded = text.preferred(text.facets(entry), lang)
        if worded is None:
            return self.rank_text("", lang, sought)
        sought = replace(sought, challenge=entry.slug)
        kept, key = self.world.kept("challenges"), f"{entry.iri} {worded.lang} {sought}"
        known: tuple[tuple[int, ...], Ranking] | None = kept.get(key)
        if known is None or known[0] != corpus.state:
            known = corpus.state, by_text(index, worded.text, worded.lang, sought, corpus=corpus)
            if len(kept) >= KEPT:
                kept.clear()
            kept[key] = known
        return self.standing(known[1])

    def rank_text(
        self, words: str, lang: str, sought: Sought, facets: Sequence[str] = text.FACETS
    ) -> Ranking:
        """Score what is nearest to a text, compared with the facets named."""
        index, corpus = self.desk.index, self.corpus
        return self.standing(by_text(index, words, lang, sought, facets, corpus=corpus))

    def passing(self, filters: Filters, iris: Iterable[str]) -> set[str]:
        """Those of some entries that are indexed and pass filters."""
        catalogue = self.corpus.catalogue
        through, rows = catalogue.passing(filters.conditions), catalogue.rows(iris)
        return {iri for iri, row in rows.items() if row in through and self.corpus.holds(row)}

    def all_passing(self, filters: Filters) -> list[str]:
        """All entries that are indexed and pass filters, by IRI."""
        through = self.corpus.catalogue.passing(filters.conditions)
        return sorted(self.corpus.catalogue.iris(filter(self.corpus.holds, through)).values())

    def standing(self, ranking: Ranking) -> Ranking:
        """Leave out what was deleted since the index stood there."""
        version, position = self.corpus.version, ranking.picture.position
        if version == self.world.store.version():
            return ranking
        changes = self.world.store.changes_since(version)
        gone = [position[iri] for iri, alive in changes if not alive and iri in position]
        allowed = ranking.allowed.copy()
        allowed[gone] = False
        return replace(ranking, allowed=allowed)

    def answer(
        self,
        kind: type[A],
        question: Question,
        matches: Iterable[Match],
        abstained: bool,
        notes: Sequence[str] = (),
        weights: Weights | None = None,
        reranker: Reranker | None = None,
        **more: Any,  # noqa: ANN401
    ) -> A:
        """Make an answer of a kind, with the stamp of what it rests on."""
        if abstained:
            matches = [replace(match, level="weak") for match in matches]
        remarks = notes_on(question.text, question.lang, self.desk.means)
        if question.named_place:
            remarks.append(_("The place is read as: {place}.").format(place=question.named_place))
        if behind := self.desk.index.lag(self.corpus):
            late = ngettext(
                "{count} entry was written since and is not searched yet.",
                "{count} entries were written since and are not searched yet.",
                behind,
            )
            remarks.append(late.format(count=behind))
        return kind(
            query=ReadAs(question.lang, (*remarks, *notes)),
            matches=tuple(matches),
            abstained=abstained,
            stamp=self.stamp(weights, reranker),
            **more,
        )

    def stamp(self, weights: Weights | None = None, reranker: Reranker | None = None) -> Stamp:
        """Name what an answer rests on."""
        return Stamp(
            data=self.corpus.version,
            statistics=self.corpus.statistics.number,
            model=" ".join([self.desk.embedder.name, *([reranker.name] if reranker else [])]),
            text=text.VERSION,
            weights=weights_hash({**(weights or self.desk.weights), **numbers()}),
        )


@dataclass(frozen=True)
class Namer:
    """Entries by class, title and country, the title in the language of a question."""

    world: World
    lang: str

    def named(self, kind: type[N], iri: str, /, **more: Any) -> N:  # noqa: ANN401
        """Name an entry, with the other fields of ``kind``."""
        entry = self.world.get(iri)
        country = next(iter(self.world.countries(entry)), None)
        title = entry.text(DCT + "title", self.lang)
        return kind(entry=iri, type=entry.path, title=title, country=country, **more)

    def entry(self, iri: str) -> NamedEntry:
        """Name an entry and say no more of it."""
        return self.named(NamedEntry, iri)

    def entries(self, iris: Iterable[str]) -> tuple[NamedEntry, ...]:
        """Name those that are still there."""
        return tuple(surviving(iris, self.entry))

    def match(
        self, kind: type[M], iri: str, score: float, reasons: Iterable[Reason], /, **more: object
    ) -> M:
        """Make a match with its score, level and reasons, and the other fields of ``kind``."""
        own = {"score": round(score, 4), "level": level(score), "reasons": tuple(reasons)}
        return self.named(kind, iri, **own | more)


def notes_on(question: str | None, lang: str, means: Means) -> list[str]:
    """Write a sentence for each thing that may make the answer worse than it could be."""
    notes = []
    if not means.knows(lang):
        unknown = _("No mean is known for {lang}; the one of all languages is used.")
        notes.append(unknown.format(lang=language_name(lang)))
    if not question:
        return notes
    letters = [c for c in question[:2000] if c.isalpha()]
    if sum(unicodedata.name(c, "").startswith(_SCRIPTS) for c in letters) < len(letters) / 2:
        notes.append(
            _("The model knows Latin, Greek and Cyrillic letters; most of these are others.")
        )
    words = len(question.split())
    if words <= SHORT:
        notes.append(_("So few words say little; a sentence or two finds more."))
    if words > PASSAGE * PASSAGES:
        long = _("Only about the first {count} words were read.")
        notes.append(long.format(count=number(PASSAGE * PASSAGES)))
    sentences = [s for s in BREAK.split(question)[:20] if len(s.split()) >= TELLING]
    spoken = sorted({detect_surely(s) for s in sentences} - {UNKNOWN})
    if len(spoken) > 1:
        mixed = _("The question is in several languages ({langs}); it was read as {lang}.")
        langs = ", ".join(map(language_name, spoken))
        notes.append(mixed.format(langs=langs, lang=language_name(lang)))
    return notes


def only(filters: Filters, default: str) -> Filters:
    """Narrow filters to a class where they name none."""
    return filters if filters.type else replace(filters, type=(default,))


def numbers() -> dict[str, float]:
    """The named numbers of rankings and fit, for the stamp; partners add their own."""
    logits = zip("abcdef", (*rankings.QUESTION_LOGIT, *rankings.ENTRY_LOGIT), strict=True)
    recipe = rankings.RECIPE
    rest = {n: getattr(recipe, n) for n in ("letters", "concepts", "feedback", "share")}
    shift = {n: getattr(centring, n) for n in ("STRENGTH", "PRIOR", "QUESTION")}
    other = {"COMMON": ngrams.COMMON, "UNSTATED": pictures.UNSTATED, "NEUTRAL": fit.NEUTRAL}
    return dict(recipe.facets) | rest | dict(logits) | shift | other
