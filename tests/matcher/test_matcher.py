"""The three questions over the starter graph, with vectors that know letters only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pyoxigraph as ox
import pytest

from kg.catalogue.lists import links_to
from kg.catalogue.places import Atlas
from kg.errors import Refused
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from matcher import question as resolved
from matcher.encoding import centring
from matcher.judging import fit
from matcher.matcher import Matcher
from matcher.model.answer import plain
from matcher.model.filters import Filters, Target, check_filters
from matcher.questions import batch, partners, similar
from matcher.search import picture
from matcher.search import ranking as retrieval
from tests.conftest import BASE, settled
from tests.fake_embedder import HashingEmbedder
from tests.matcher.asking import Question, put

TEXT = "Older people in villages have no bus and cannot get to the doctor or the shop."
ADDRESSES = "https://w3id.org/passerelle/ns#addresses"
PRACTICE = BASE + "id/practice/sopotniki-rural-rides"
CHALLENGE = BASE + "id/challenge/rural-mobility-gap"
QUESTIONS = {
    "similar": [Question(text=TEXT), Question(entry=PRACTICE), Question(entry=CHALLENGE)],
    "transfer": [
        Question(text=TEXT, territory="HR035"),
        Question(entry=CHALLENGE, territory="LV"),
        Question(entry=PRACTICE, territory="DE300"),
    ],
    "partners": [
        Question(text=TEXT, territory="SI"),
        Question(entry=BASE + "id/actor/city-hr-split"),
        Question(entry=BASE + "id/actor/european-competence-centre-for-social-innovation"),
    ],
}
ALL = [(kind, question) for kind, questions in QUESTIONS.items() for question in questions]


def ask(matcher: Matcher, kind: str, question: Question) -> dict[str, object]:
    """Return an answer, as JSON would carry it."""
    found: dict[str, object] = json.loads(json.dumps(plain(put(matcher, kind, question))))
    return found


def matches(answer: dict[str, object]) -> list[dict[str, object]]:
    """Return the matches of an answer."""
    found = answer["matches"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(("kind", "question"), ALL)
def test_an_answer_has_the_fields_of_the_contract(
    starter_matcher: Matcher, kind: str, question: Question
) -> None:
    answer = ask(starter_matcher, kind, question)
    assert set(answer) >= {"query", "matches", "abstained", "stamp"}
    assert set(answer["stamp"]) == {  # type: ignore[call-overload]
        "data", "statistics", "model", "text", "weights",
    }  # fmt: skip
    assert matches(answer)
    for match in matches(answer):
        assert set(match) >= {"entry", "type", "title", "country", "score", "level", "reasons"}
        assert 0 <= float(str(match["score"])) <= 1
        assert match["reasons"]


@pytest.mark.parametrize(("kind", "question"), ALL)
def test_matches_fall_in_score_and_the_answer_is_the_same_again(
    starter_matcher: Matcher, kind: str, question: Question
) -> None:
    answer = ask(starter_matcher, kind, question)
    scores = [m["score"] for m in matches(answer)]
    assert scores == sorted(scores, reverse=True)  # type: ignore[type-var]
    assert ask(starter_matcher, kind, question) == answer


@pytest.mark.parametrize(("kind", "question"), ALL)
def test_every_cited_triple_stands_in_the_graph(
    starter_matcher: Matcher, starter_store: EmbeddedStore, kind: str, question: Question
) -> None:
    cited = [
        triple
        for match in matches(ask(starter_matcher, kind, question))
        for reason in [*match["reasons"], *match.get("for_them", [])]  # type: ignore[misc]
        for triple in reason["evidence"]
    ]
    assert cited
    for subject, predicate, value in cited:
        rows = starter_store.select(
            f"SELECT (COUNT(*) AS ?n) {{ {subject} {predicate} {value} }}", {}
        )
        assert rows[0]["n"] == "1", (subject, predicate, value)


def test_transfer_says_fit_coverage_gates_and_what_would_change(starter_matcher: Matcher) -> None:
    for match in matches(ask(starter_matcher, "transfer", QUESTIONS["transfer"][0])):
        assert set(match["criteria"]) == {  # type: ignore[call-overload]
            "P1", "P2", "P3", "I1", "I2", "I3", "I4", "I5", "E1", "E2", "E3", "E4", "T1", "T2",
        }  # fmt: skip
        assert 0 <= float(str(match["fit"])) <= 1
        assert 0 < float(str(match["coverage"])) < 1
        assert {g["criterion"] for g in match["gates"]} == {"E1", "E4"}  # type: ignore[attr-defined]
        for row in match["criteria"].values():  # type: ignore[attr-defined]
            assert row["value"] is None or 0 <= row["value"] <= 1
            assert row["text"]


def test_knowing_more_of_the_place_covers_more(starter_matcher: Matcher) -> None:
    bare = Question(entry=PRACTICE, territory="HR035")
    told = Question(
        entry=PRACTICE, territory="HR035",
        target=Target(actor_types=("ngo", "municipality"), target_groups=("older-people",)),
    )  # fmt: skip
    before, after = (matches(ask(starter_matcher, "transfer", q))[0] for q in (bare, told))
    assert before["entry"] == after["entry"] == PRACTICE
    assert float(str(after["coverage"])) > float(str(before["coverage"]))


def test_what_addresses_a_challenge_is_judged_whatever_its_words(starter_matcher: Matcher) -> None:
    question = Question(entry=BASE + "id/challenge/declining-places", territory="HR", limit=60)
    found = {m["entry"]: m for m in matches(ask(starter_matcher, "transfer", question))}
    for practice in starter_matcher.store.entries("practice"):
        if BASE + "id/challenge/rural-depopulation" in practice.links(ADDRESSES):
            assert found[practice.iri]["criteria"]["P1"]["value"] >= 0.5  # type: ignore[index]


def test_a_named_practice_comes_with_its_alternatives(starter_matcher: Matcher) -> None:
    found = [
        m["entry"] for m in matches(ask(starter_matcher, "transfer", QUESTIONS["transfer"][2]))
    ]
    assert PRACTICE in found
    assert len(found) == 10


@pytest.mark.parametrize("kind", ["peer", "mentor", "role", "exchange"])
def test_only_the_kinds_asked_for_come_back(starter_matcher: Matcher, kind: str) -> None:
    entry = BASE + "id/actor/european-competence-centre-for-social-innovation"
    question = {
        "exchange": Question(entry=entry),
        "peer": Question(entry=BASE + "id/actor/city-hr-split"),
    }.get(kind, Question(text=TEXT, territory="HR035"))
    found = matches(ask(starter_matcher, "partners", replace(question, kinds=(kind,), limit=50)))
    assert {m["kind"] for m in found} == {kind}
    assert all(m["type"] == "actor" for m in found)
    assert entry not in [m["entry"] for m in found] or kind != "exchange"


def test_filters_reach_every_question(starter_matcher: Matcher) -> None:
    for kind, question in (
        ("similar", Question(text=TEXT, filters=Filters(country=("SI",)))),
        ("transfer", Question(text=TEXT, territory="HR", filters=Filters(country=("SI",)))),
        ("partners", Question(text=TEXT, territory="HR", filters=Filters(country=("SI",)))),
    ):
        assert {m["country"] for m in matches(ask(starter_matcher, kind, question))} == {"SI"}


@pytest.mark.parametrize(
    ("kind", "question", "path"),
    [
        ("similar", Question(), "text"),
        ("similar", Question(text="  "), "text"),
        ("similar", Question(entry=BASE + "id/practice/none"), "entry"),
        ("similar", Question(entry="not an iri"), "entry"),
        ("similar", Question(entry=BASE + "id/territory/HR"), "entry"),
        ("transfer", Question(text=TEXT), "territory"),
        ("transfer", Question(text=TEXT, territory="XX99"), "territory"),
        ("transfer", Question(text=TEXT, territory="bad <iri>"), "territory"),
        ("transfer", Question(entry=BASE + "id/actor/city-hr-split", territory="HR"), "entry"),
        (
            "transfer",
            Question(text=TEXT, territory="HR", target=Target(competences=("flying",))),
            "target.competences",
        ),
        ("partners", Question(entry=PRACTICE), "actor"),
    ],
)
def test_a_bad_question_is_refused_with_its_field(
    starter_matcher: Matcher, kind: str, question: Question, path: str
) -> None:
    with pytest.raises(Refused) as caught:
        put(starter_matcher, kind, question)
    assert [p.path for p in caught.value.problems] == [path]


@pytest.mark.parametrize(
    "text", ["😀" * 50, "مساعدة كبار السن في القرى", "x" * 20_000, '"; DROP TABLE words', "?"]
)
def test_odd_texts_are_answered(starter_matcher: Matcher, text: str) -> None:
    assert "abstained" in ask(starter_matcher, "similar", Question(text=text))


def test_filters_are_checked_one_by_one(starter_store: EmbeddedStore, gazetteer: Path) -> None:
    places = Atlas.of(starter_store, gazetteer).places
    raw = {
        "country": ["EL"],
        "theme": ["housing"],
        "territory": ["HR035"],
        "place": ["Karlovac"],
        "evidence_min": "monitored",
    }
    found = check_filters(places, raw)
    assert found.country == ("GR",)
    assert found.theme == ("https://w3id.org/passerelle/voc/theme/housing",)
    assert found.territory == (BASE + "id/territory/HR035", BASE + "id/territory/HR027")
    with pytest.raises(Refused) as caught:
        check_filters(
            places,
            {
                "colour": ["red"],
                "theme": ["magic"],
                "country": ["ZZ"],
                "stage": ["x"],
                "type": ["y"],
                "place": ["Nova Vas"],
            },
        )
    assert sorted(p.path for p in caught.value.problems) == [
        "filters.colour", "filters.country", "filters.place", "filters.stage", "filters.theme",
        "filters.type",
    ]  # fmt: skip


def test_evidence_is_written_as_n_triples(starter_matcher: Matcher) -> None:
    for match in matches(ask(starter_matcher, "similar", Question(entry=PRACTICE))):
        for reason in match["reasons"]:  # type: ignore[attr-defined]
            for triple in reason["evidence"]:
                line = " ".join(triple) + " ."
                assert list(ox.parse(line, format=ox.RdfFormat.N_TRIPLES))


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("village bus", "So few words"),
        ("bus " * 10_000, "first 1,600 words"),
        ("مساعدة كبار السن في القرى النائية", "Latin, Greek and Cyrillic"),
        (
            "Stariji ljudi u našim selima nemaju auto ni autobus. "
            "Viele Menschen sind seit Jahren arbeitslos und niemand stellt sie ein.",
            "several languages (German, Croatian)",
        ),
    ],
)
def test_an_asker_is_told_how_the_question_was_read(
    starter_matcher: Matcher, text: str, note: str
) -> None:
    query = ask(starter_matcher, "similar", Question(text=text))["query"]
    assert any(note in said for said in query["notes"])  # type: ignore[index]


def test_a_plain_question_is_told_nothing(starter_matcher: Matcher) -> None:
    query = ask(starter_matcher, "similar", Question(text=TEXT))["query"]
    assert query == {"lang": "en", "notes": []}


def test_answers_can_be_spread_over_countries(starter_matcher: Matcher) -> None:
    plain, spread = (
        matches(ask(starter_matcher, "similar", Question(text=TEXT, diversity=name)))
        for name in (None, "country")
    )
    assert plain[0]["entry"] == spread[0]["entry"]
    assert len({m["country"] for m in spread}) > len({m["country"] for m in plain})
    assert len(spread) == len(plain)


def test_a_quota_lets_small_languages_be_seen(
    starter_matcher: Matcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = starter_matcher.snapshot()
    ranking = snapshot.rank(resolved.Question("en", TEXT), Filters(type=("practice",)))
    order = ranking.best(len(ranking.picture.iris))
    least = retrieval.NEARLY * ranking.probability(order[4])
    near = [iri for iri in order if ranking.probability(iri) >= least]
    assert 10 < len(near) < len(order)
    latvian = [near[9], near[-1], order[len(near)]]
    spoken = {
        ranking.picture.position[iri]: {"en", "lv"} if iri in latvian else {"en"} for iri in order
    }
    monkeypatch.setattr(
        picture.Picture, "values", lambda _self, _name, at: {n: spoken[n] for n in at}
    )

    def shown(quota: int, lang: str = "en", diversity: str | None = None) -> list[str]:
        question = resolved.Question(lang, limit=5, quota=quota, diversity=diversity)
        return similar.chosen(starter_matcher.store, ranking, question)

    assert shown(0) == order[:5]
    assert shown(1) == [*order[:4], near[9]]
    assert shown(2) == shown(5) == [*order[:3], near[9], near[-1]]
    assert shown(2, "lv") == order[:5]
    assert {near[9], near[-1]} < set(shown(2, diversity="language"))
    ranking = replace(ranking, fit=0.0)
    assert shown(2) == order[:5]


@pytest.fixture
def own_matcher(prepared: Path, tmp_path: Path) -> Iterator[Matcher]:
    """A matcher over a starter graph that a test may write to."""
    home = settled(prepared, tmp_path / "home")
    store = EmbeddedStore(BASE, home / "store")
    with closing(Matcher(store, HashingEmbedder(), home)) as matcher:
        yield matcher


def test_answers_are_the_same_bytes_again_and_after_a_rebuild(own_matcher: Matcher) -> None:
    def everything() -> str:
        return json.dumps([plain(put(own_matcher, kind, question)) for kind, question in ALL])

    before = everything()
    assert everything() == before
    own_matcher.index.rebuild()
    assert everything() == before


@pytest.mark.parametrize(
    ("module", "name", "kind"),
    [
        (fit, "NEUTRAL", "transfer"), (picture, "UNSTATED", "similar"),
        (centring, "STRENGTH", "similar"), (partners, "CONCERN", "partners"),
        (partners, "TIES", "partners"), (partners, "TAKEN_OVER", "partners"),
    ],
)  # fmt: skip
def test_the_stamp_changes_with_a_number_of_its_kind(
    starter_matcher: Matcher, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str,
    kind: str,
) -> None:  # fmt: skip
    question = QUESTIONS[kind][0]
    before = ask(starter_matcher, kind, question)["stamp"]
    monkeypatch.setattr(module, name, 0.37)
    assert ask(starter_matcher, kind, question)["stamp"] != before


def test_the_stamp_changes_with_the_numbers_of_the_retrieval(
    starter_matcher: Matcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = Question(text=TEXT)
    before = ask(starter_matcher, "similar", question)["stamp"]
    monkeypatch.setattr(retrieval, "RECIPE", replace(retrieval.RECIPE, share=0.1))
    after = ask(starter_matcher, "similar", question)["stamp"]
    assert before["weights"] != after["weights"]  # type: ignore[index]


def test_an_index_behind_the_graph_is_said_and_what_is_gone_is_not_shown(
    own_matcher: Matcher,
) -> None:
    store = own_matcher.store
    unused = [
        next(e.iri for e in store.entries(path) if not links_to(store, e.iri))
        for path in ("practice", "actor")
    ]
    store.write([Change(iri, None) for iri in unused], "tests", "delete")
    for kind, question in (
        ("similar", Question(text=TEXT, limit=100)),
        ("transfer", Question(text=TEXT, territory="HR", limit=100)),
        ("partners", Question(text=TEXT, territory="HR", limit=100)),
        ("consortium", Question(text=TEXT)),
    ):
        answer = ask(own_matcher, kind, question)
        entries = {m["entry"] for m in matches(answer)}
        assert entries
        assert not entries & set(unused)
        assert any("not searched yet" in n for n in answer["query"]["notes"])  # type: ignore[index]


@pytest.mark.parametrize("short", [40, 100])
def test_a_batch_says_what_one_question_after_the_other_says(
    starter_matcher: Matcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: int
) -> None:
    """A short list of 40 leaves practices out, one of 100 does not."""
    assert 40 < starter_matcher.index.corpus.whole.mask(batch.PRACTICES).sum() < 100
    monkeypatch.setattr(retrieval, "SHORT", short)
    output = tmp_path / "it.jsonl"
    batch.run(starter_matcher, "IT", output, 4)
    head, *lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert {line["entry"].rsplit("/", 2)[1] for line in lines} >= {"practice"}
    for line in lines:
        answer = ask(starter_matcher, "similar", Question(entry=line["entry"], limit=4))
        told = [{key: m[key] for key in ("entry", "score")} for m in matches(answer)]
        assert (line["matches"], line["abstained"]) == (told, answer["abstained"])
        stamp = answer["stamp"]
        assert isinstance(stamp, dict)
        assert stamp == {key: head[key] for key in stamp}


def test_a_batch_asks_of_challenges_as_one_question_does(starter_matcher: Matcher) -> None:
    rankings = dict(batch.rankings(starter_matcher.snapshot(), [CHALLENGE, PRACTICE], 10))
    for iri in (CHALLENGE, PRACTICE):
        told = matches(ask(starter_matcher, "similar", Question(entry=iri)))
        best = rankings[iri].best(10)
        assert best == [m["entry"] for m in told]
        assert [round(rankings[iri].probability(i), 4) for i in best] == [m["score"] for m in told]


def test_a_batch_is_begun_anew_with_other_numbers(
    starter_matcher: Matcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "si.jsonl"
    first = batch.run(starter_matcher, "SI", output, 3)
    before = output.read_text()
    monkeypatch.setattr(retrieval, "DOUBTFUL", 2.0)
    assert batch.run(starter_matcher, "SI", output, 3) == first
    assert output.read_text() == before
    monkeypatch.setattr(retrieval, "RECIPE", replace(retrieval.RECIPE, share=0.1))
    assert batch.run(starter_matcher, "SI", output, 3)["entries"] == first["entries"]
    assert json.loads(output.read_text().splitlines()[0])["weights"] != first["weights"]
