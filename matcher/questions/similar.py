"""Which entries are like a text or an entry, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kg.entry import Entry, Text, best
from kg.stores.protocol import Store
from kg.text.i18n import gettext as _
from kg.text.stems import stems
from kg.vocabulary import DCT, PSR
from matcher.encoding import text
from matcher.encoding.reranker import SHORT, Reranker
from matcher.engine import Namer, Snapshot, only
from matcher.graph.view import surviving, title, word
from matcher.model.answer import Match, SimilarAnswer
from matcher.model.reasons import Reason, Triple, cite, excerpt
from matcher.question import Question
from matcher.search.ranking import POOL, Ranking

_MAIN_PROPERTY = {
    text.PROBLEM: (PSR + "problem", PSR + "seeks", PSR + "objective", DCT + "description"),
    text.SOLUTION: (PSR + "solution", PSR + "offers", DCT + "description", DCT + "title"),
    text.CONTEXT: (PSR + "context",),
}


def answer(snapshot: Snapshot, question: Question) -> SimilarAnswer:
    """Find entries like a text or an entry, practices unless a type is asked for.

    Where there is a re-ranking model it gives the order for a text; scores stay the same.
    """
    filters = only(question.filters, "practice")
    ranking = snapshot.rank(question, filters, looked_at(question))
    reranker = None if question.entry else snapshot.desk.reranker
    namer = Namer(snapshot.world, question.lang)

    def matched(iri: str) -> Match:
        why = reasons(snapshot.world.store, ranking, iri, question)
        return namer.match(Match, iri, ranking.probability(iri), why)

    matches = surviving(chosen(snapshot.world.store, ranking, question, reranker), matched)
    nothing = ranking.nothing_good()
    return snapshot.answer(SimilarAnswer, question, matches, nothing, reranker=reranker)


def looked_at(question: Question) -> int:
    """How far down the list a question looks."""
    return POOL * question.limit if question.diversity or question.quota else question.limit


def chosen(
    store: Store, ranking: Ranking, question: Question, reranker: Reranker | None = None
) -> list[str]:
    """Choose the entries to show, in order.

    A quota keeps places for entries of small languages, as far as there are any: they replace
    the last of the others, and stand where their score puts them. A ``reranker``
    re-orders the SHORT best by text; of a spread answer only what is shown.
    """
    limit, quota = question.limit, question.quota
    short = max(limit, SHORT) if reranker and not question.diversity else limit
    spread = question.diversity
    order = ranking.spread(short, spread) if spread else ranking.best(short)
    if reranker and question.text and (read := store.several(order)):
        places = reranker.order(question.text, [text.everything(entry) for entry in read])
        order = [read[n].iri for n in places]
    if quota:
        order += [iri for iri in ranking.best(len(ranking.picture.iris)) if iri not in order]
        must = ranking.small(order, question.lang, limit)[:quota]
        rest = [iri for iri in order if iri not in must][: limit - len(must)]
        order = [iri for iri in order if iri in {*must, *rest}]
    return order[:limit]


def reasons(store: Store, ranking: Ranking, iri: str, question: Question) -> list[Reason]:
    """Say why an entry is near: the nearest facet, shared words, shared concepts."""
    entry, facet, lang = store.get(iri), ranking.nearest_facet(iri), question.lang
    sentence = {
        text.PROBLEM: _("Its problem is close to yours: {words}"),
        text.SOLUTION: _("What it does is close to what you describe: {words}"),
        text.CONTEXT: _("Its setting is close to yours: {words}"),
    }[facet]
    texts = (best(entry.texts(prop), lang) for prop in _MAIN_PROPERTY[facet])
    main = next((t for t in texts if t), None)
    words = excerpt(main.value) if main else title(entry)
    cited = _cited(entry, main) if main else cite(entry, DCT + "title")
    why = [Reason(facet, sentence.format(words=words), cited)]
    if question.text and (shared := _shared_words(entry, question.text, lang)):
        why.append(shared)
    if question.entry is not None:
        why += _shared_concepts(store, entry, question.entry)
    return why


def _cited(entry: Entry, words: Text) -> tuple[Triple, ...]:
    """The triple of one text, not that of the same words in another language."""
    literals = zip(cite(entry, words.prop), entry.values(words.prop), strict=True)
    return tuple(
        triple
        for triple, o in literals
        if Text(o.value, (getattr(o, "language", None) or "und").lower(), words.prop) == words
    )


def _shared_words(entry: Entry, question: str, lang: str) -> Reason | None:
    """The question's longer words that stand in the entry's texts of one language.

    Each text that is cited has a word that those before it lack; the one with most comes first.
    """
    stem_of = {w.lower(): s for w in re.findall(r"\w{4,}", question) for s in stems(w, lang)}
    for spoken, texts in text.stated(entry).items():
        there = {t: set(stems(t.value, spoken)) for t in texts}
        left = [w for w, s in stem_of.items() if any(s in held for held in there.values())][:6]
        if len(left) < 2:
            continue
        sentence = _("It uses the same words: {words}.").format(words=", ".join(left))
        cited: tuple[Triple, ...] = ()
        while left:
            best = max(texts, key=lambda t: sum(stem_of[w] in there[t] for w in left))
            cited += _cited(entry, best)
            left = [w for w in left if stem_of[w] not in there[best]]
        return Reason("words", sentence, cited)
    return None


def _shared_concepts(store: Store, entry: Entry, about: Entry) -> Iterator[Reason]:
    def label(iri: str) -> str:
        return title(store.get(iri)) if iri.startswith(store.base) else word(iri)

    sentences = (
        ("challenge", PSR + "addresses", _("Same challenge: {names}.")),
        ("theme", DCT + "subject", _("Same theme: {names}.")),
        ("target group", PSR + "targetGroup", _("For the same people: {names}.")),
        ("approach", PSR + "approach", _("Same approach: {names}.")),
    )
    for name, prop, sentence in sentences:
        if shared := sorted(set(entry.links(prop)) & set(about.links(prop))):
            labels = ", ".join(surviving(shared, label))
            cited = cite(entry, prop, shared) + cite(about, prop, shared)
            yield Reason(name, sentence.format(names=labels), cited)
