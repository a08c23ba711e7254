"""How short the list of candidates may be before an answer changes.

Each question is answered twice: all entries scored, and those of a short list only. Counted is how
often the first ten are not the same entries in the same order.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from unittest.mock import patch

from benchmarks.generated import practices, static_model
from benchmarks.quality.judged import DEPTH, read_questions, starter_matcher
from kg import starter
from kg.entry import Entry
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from matcher.encoding import text
from matcher.encoding.embedder import Embedder, SentenceEmbedder
from matcher.evaluation import susy
from matcher.evaluation.collection import indexed
from matcher.matcher import Matcher
from matcher.model.filters import Filters
from matcher.search import ranking
from matcher.search.index import Index, Progress
from matcher.search.ranking import Ranking, Sought, by_entry, by_text

SIZES = (25, 50, 100, 200, 400, 800)
#: of SUSY's documents and of the made-up practices every so-manieth asks
STEP, GENERATED = 6, 5_000
#: from whether all are scored to a ranking
Asked = Callable[[bool], Ranking]


def evaluate(
    embedder: Embedder, home: Path, documents: Path | None, progress: Progress | None = None
) -> dict[str, object]:
    """The number of questions whose first ten change, by collection and length of the list."""
    report: dict[str, object] = {"collection": "shortlist", "short": ranking.SHORT}
    with starter_matcher(embedder, progress) as matcher:
        report["judged"] = changed(list(_judged(matcher)))
    if documents:
        texts = susy.read(documents)
        with indexed(texts, embedder, home, progress) as index:
            entries = [index.store.get(document.iri) for document in texts[::STEP]]
            report["susy"] = changed([*_by_entry(index, entries), *_by_words(index, entries)])
    with _generated(home, progress) as index:
        numbers = range(0, GENERATED, 5 * STEP)
        entries = [index.store.get(f"{index.store.base}id/practice/generated-{n}") for n in numbers]
        report["generated"] = changed([*_by_entry(index, entries), *_by_words(index, entries)])
    return report | {"stamp": {"model": embedder.name, "text": text.VERSION}}


def changed(questions: Sequence[Asked]) -> dict[str, int]:
    """How many questions there are, and of how many the first ten change with each length."""
    full = [ask(True).best(DEPTH) for ask in questions]
    counts = {"questions": len(questions)}
    for size in SIZES:
        with patch.object(ranking, "SHORT", size):
            pairs = zip(questions, full, strict=True)
            counts[str(size)] = sum(ask(False).best(DEPTH) != best for ask, best in pairs)
    return counts


def _judged(matcher: Matcher) -> Iterator[Asked]:
    """The judged questions, asked of all kinds of entries, as there are few practices."""
    index, base = matcher.index, f"{matcher.store.base}id/practice/"
    for question in read_questions():
        if question.kind == "entry":
            yield from _by_entry(index, [matcher.store.get(base + question.about)])
        elif question.kind == "similar":
            for lang, words in question.texts.items():
                yield _worded(index, words, lang[:2])


def _by_entry(index: Index, entries: Sequence[Entry]) -> Iterator[Asked]:
    for entry in entries:

        def ask(whole: bool, entry: Entry = entry) -> Ranking:
            picture = index.corpus.whole if whole else None
            return by_entry(index, entry, Sought(Filters()), picture=picture)

        yield ask


def _by_words(index: Index, entries: Sequence[Entry]) -> Iterator[Asked]:
    for entry in entries:
        first = text.facets(entry)[0]
        yield _worded(index, first.text[:300], first.lang)


def _worded(index: Index, words: str, lang: str) -> Asked:
    def ask(whole: bool) -> Ranking:
        picture = index.corpus.whole if whole else None
        return by_text(index, words, lang, Sought(Filters()), picture=picture)

    return ask


@contextmanager
def _generated(home: Path, progress: Progress | None) -> Iterator[Index]:
    """An index of made-up practices, by the made-up model."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = static_model(home, Path(scratch) / "model")
        store = EmbeddedStore(starter.FILES_BASE)
        entries = [*starter.entries(store.base), *practices(store.base, GENERATED)]
        store.write([Change(e.iri, e) for e in entries], "evaluation", "import")
        embedder = SentenceEmbedder(str(folder), home)
        with closing(Matcher(store, embedder, Path(scratch))) as matcher:
            matcher.catch_up(progress)
            yield matcher.index
