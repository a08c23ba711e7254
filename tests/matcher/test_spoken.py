"""Every text is centred in the language that it is written in, and the reader's goes first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kg.entries.reading import read_entry
from kg.entry import Entry, Text
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from matcher.encoding.text import preferred
from matcher.matcher import Matcher
from matcher.model.answer import plain
from matcher.questions import batch
from matcher.search.corpus import Corpus
from matcher.search.index import Index
from matcher.search.picture import QueryVectors
from tests.conftest import BASE
from tests.fake_embedder import HashingEmbedder
from tests.languages import speaking
from tests.matcher.asking import Question, put

#: entries with texts that name their language
WORLD = {
    "territory/BG": """a psr:Territory ; dct:title "Bulgaria"@en ; psr:countryCode "BG" ;
        psr:territoryLevel <https://w3id.org/passerelle/voc/territory-level/country>""",
    "challenge/asked": """a psr:Challenge ; dct:title "zagl-bg"@bg, "title-en"@en, "titel-sv"@sv ;
        dct:description "opis-bg"@bg, "words-en"@en, "ord-sv"@sv""",
    "actor/asker": """a psr:Actor ; dct:title "name-bg"@bg, "name-en"@en ;
        psr:seeks "need-bg"@bg, "need-en"@en, "need-sv"@sv ;
        psr:offers "offer-de"@de, "offer-en"@en ; dct:spatial <id/territory/BG>""",
    "actor/foreign": """a psr:Actor ; dct:title "name-de"@de ; psr:seeks "need-de"@de ;
        psr:offers "offer-pl"@pl ; dct:spatial <id/territory/BG>""",
    "actor/other": """a psr:Actor ; dct:title "name-fr"@fr ; psr:seeks "need-fr"@fr ;
        psr:offers "offer-fr"@fr ; dct:spatial <id/territory/BG>""",
    "practice/known": """a psr:Practice ; dct:title "name-en"@en ; psr:problem "problem-en"@en ;
        psr:solution "solution-en"@en ; dct:spatial <id/territory/BG>""",
}
LATE = """a psr:Practice ; dct:title "late-bg"@bg, "late-en"@en ; psr:problem "late-bg"@bg,
    "late-en"@en ; psr:solution "late-bg"@bg, "late-en"@en ; dct:spatial <id/territory/BG>"""


def entry(name: str, body: str) -> Entry:
    head = f"""@base <{BASE}> . @prefix psr: <https://w3id.org/passerelle/ns#> .
        @prefix dct: <http://purl.org/dc/terms/> . """
    return read_entry(f"{head} <id/{name}> {body} .".encode(), "text/turtle", BASE)


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matcher]:
    store = EmbeddedStore(BASE)
    entries = [entry(name, body) for name, body in WORLD.items()]
    store.write([Change(e.iri, e) for e in entries], "tests", "create")
    with closing(Matcher(store, HashingEmbedder(), tmp_path_factory.mktemp("home"))) as matcher:
        matcher.catch_up()
        late = entry("practice/late", LATE)
        store.write([Change(late.iri, late)], "tests", "create")
        yield matcher


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What is compared as a text, with the language that it is centred as."""
    seen: list[tuple[str, str]] = []
    question = Index.question

    def noted(self: Index, words: str, lang: str, corpus: Corpus) -> QueryVectors:
        seen.append((words, lang))
        return question(self, words, lang, corpus)

    monkeypatch.setattr(Index, "question", noted)
    return seen


def langs(asked: list[tuple[str, str]]) -> set[str]:
    """Return the languages that texts were taken for; each of these texts ends with its own."""
    assert [(w, lang) for w, lang in asked if {x[-2:] for x in w.split()} != {lang}] == []
    return {lang for _words, lang in asked}


#: about whom, by which kind of question; reader's language, the request's -> what it is read in
CASES = [
    ("partners", "actor/asker", "en", None, {"en"}),
    ("partners", "actor/asker", "bg", None, {"bg", "en"}),
    ("partners", "actor/asker", "sv", None, {"sv", "en"}),
    ("partners", "actor/asker", "en", "de-AT", {"en", "de"}),
    ("partners", "actor/asker", "bg", "sv", {"sv", "en"}),
    ("partners", "actor/foreign", "en", None, {"de", "pl"}),
    ("partners", "actor/foreign", "hr", "fr", {"de", "pl"}),
    ("similar", "challenge/asked", "en", None, {"en"}),
    ("similar", "challenge/asked", "lv", None, {"en"}),
    ("similar", "challenge/asked", "bg", None, {"bg"}),
    ("similar", "challenge/asked", "en", "sv", {"sv"}),
    ("transfer", "challenge/asked", "en", None, {"en"}),
    ("transfer", "challenge/asked", "en", "bg", {"bg"}),
    ("instruments", "challenge/asked", "sv", None, {"sv"}),
    ("consortium", "challenge/asked", "fr", None, {"en"}),
    ("similar", "practice/late", "en", None, {"en"}),
    ("similar", "practice/late", "bg", None, {"bg"}),
    ("transfer", "practice/late", "en", None, {"en"}),
    ("instruments", "practice/late", "de", None, {"en"}),
    ("consortium", "practice/late", "en", "bg", {"bg"}),
]


def test_a_text_is_read_in_its_own_language_the_reader_s_first(
    matcher: Matcher, asked: list[tuple[str, str]]
) -> None:
    wrong = []
    for kind, about, reader, lang, read in CASES:
        asked.clear()
        matcher.world.kept("challenges").clear()
        question = Question(entry=f"{BASE}id/{about}", territory="BG", lang=lang)
        with speaking(reader):
            answer: Any = put(matcher, kind, question)
        told = (lang or "").partition("-")[0]
        if langs(asked) != read or (told and answer.query.lang != told):
            wrong.append((kind, about, reader, lang, asked[:]))
    assert wrong == []


def test_the_answer_says_the_language_that_an_entry_was_read_in(matcher: Matcher) -> None:
    asked = {"actor/asker": "en", "actor/foreign": "de", "actor/other": "fr"}
    for about, lang in asked.items():
        answer: Any = plain(put(matcher, "partners", Question(entry=f"{BASE}id/{about}")))
        assert answer["query"]["lang"] == lang


def test_a_batch_reads_challenges_in_english_where_they_have_it(
    matcher: Matcher, asked: list[tuple[str, str]], tmp_path: Path
) -> None:
    matcher.world.kept("challenges").clear()
    assert dict(batch.rankings(matcher.snapshot(), [f"{BASE}id/challenge/asked"], 3))
    assert langs(asked) == {"en"}


def test_the_first_of_some_texts_in_the_language_else_in_english_else_any() -> None:
    texts = [Text(f"{n}", lang, "") for n, lang in enumerate(("de", "en-gb", "en", "sv", "sv-fi"))]
    chosen = {lang: preferred(texts, lang) for lang in ("sv", "sv-SE", "en", "fr", "de")}
    assert {lang: t.value for lang, t in chosen.items() if t} == {
        "sv": "3", "sv-SE": "3", "en": "1", "fr": "1", "de": "0",
    }  # fmt: skip
    assert preferred(texts[:1], "fr") == texts[0]
    assert preferred([], "fr") is None
