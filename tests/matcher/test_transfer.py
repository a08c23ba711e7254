"""What an answer about a transfer says besides the criteria: what would change it, and why not."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kg.entry import Entry
from kg.errors import Refused
from kg.vocabulary import PSR
from matcher.engine import numbers
from matcher.graph.view import World
from matcher.judging.criteria import CRITERIA, WEIGHTS
from matcher.judging.fit import Anticipated, anticipate, read_weights, weighed, weights_hash
from matcher.judging.verdict import Scene, Verdict
from matcher.matcher import Matcher
from matcher.model.answer import plain
from matcher.model.filters import Filters, Target
from matcher.questions import transfer
from matcher.questions.transfer import missing
from matcher.questions.what_if import changes
from tests.conftest import BASE
from tests.matcher.asking import Question, put

VOC = "https://w3id.org/passerelle/voc/"
TEXT = "Older people in villages have no bus and cannot get to the doctor or the shop."
PRACTICE = BASE + "id/practice/sopotniki-rural-rides"
ASKED = Question(text=TEXT, territory="HR035")
KIND, POWER = "health-provider", "employment-services"


def ask(matcher: Matcher, **more: object) -> dict[str, Any]:
    return plain(put(matcher, "transfer", replace(ASKED, **more)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("what_if", "target", "path"),
    [
        ({}, Target(), "what_if"),
        ({"budget_per_head": 5.0}, Target(budget_per_head=5.0), "what_if.budget_per_head"),
        ({"actor_types": (KIND,)}, Target(actor_types=(KIND,)), "what_if.actor_types"),
        ({"competences": (POWER,)}, Target(competences=(POWER,)), "what_if.competences"),
        ({"actor_types": ("wizard",)}, Target(), "what_if.actor_types"),
    ],
)
def test_a_supposition_that_contradicts_or_says_nothing_is_refused(
    starter_matcher: Matcher, what_if: dict[str, object], target: Target, path: str
) -> None:
    with pytest.raises(Refused) as caught:
        ask(starter_matcher, what_if=what_if, target=target)
    assert [p.path for p in caught.value.problems] == [path]


def test_what_cannot_come_in_is_not_judged_and_nothing_else_is_missed(
    starter_matcher: Matcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks why a practice is not in the list makes all of them be judged."""
    judged: list[str] = []

    def noted(practice: Entry, *rest: Any) -> Anticipated:  # noqa: ANN401
        judged.append(practice.iri)
        return anticipate(practice, *rest)

    monkeypatch.setattr(transfer, "anticipate", noted)
    wrong, counts = [], []
    for weights in ({}, {"P1": 0}, {"P1": 1}):
        for limit in (1, 5, 20):
            few = ask(starter_matcher, limit=limit, weights=weights)
            counts.append(len(judged))
            judged.clear()
            every = ask(starter_matcher, limit=limit, weights=weights, why_not=PRACTICE)
            counts.append(len(judged))
            judged.clear()
            if any(few[part] != every[part] for part in ("matches", "missing")):
                wrong.append((weights, limit))
    assert wrong == []
    assert min(counts) < max(counts)


def test_a_supposition_is_answered_beside_the_present(starter_matcher: Matcher) -> None:
    kinds = tuple({k for p in starter_matcher.store.entries("practice")
                   for k in p.links(PSR + "requiresActorType")})  # fmt: skip
    plain = ask(starter_matcher)
    answer = ask(starter_matcher, what_if={"actor_types": kinds})
    assert [m["entry"] for m in answer["matches"]] == [m["entry"] for m in plain["matches"]]
    rises = [m["what_if"]["fit_after"] - m["what_if"]["fit_before"] for m in answer["matches"]]
    assert all(m["fit"] == m["what_if"]["fit_before"] for m in answer["matches"])
    assert max(rises) > 0
    assert min(rises) >= 0


def test_changes_are_the_best_first_and_each_raises_the_fit(starter_matcher: Matcher) -> None:
    rows = [m["counterfactuals"] for m in ask(starter_matcher)["matches"]]
    assert any(rows)
    for row in rows:
        gains = [c["fit_after"] - c["fit_before"] for c in row]
        assert gains == sorted(gains, reverse=True)
        assert all(gain > 0 for gain in gains)
        for change in row:
            said = [float(n) for n in re.findall(r"\d\.\d\d", change["text"])[:2]]
            assert said == pytest.approx([change["fit_before"], change["fit_after"]], abs=0.0051)


@pytest.mark.parametrize("code", ["HR035", "LV", "DE300"])
def test_what_is_met_never_lowers_the_fit(starter_matcher: Matcher, code: str) -> None:
    """Counterfactual monotonicity, over every practice and every single change of each."""
    world = starter_matcher.world
    scene = Scene(world, world.place(f"{BASE}id/territory/{code}"))
    for practice in world.store.entries("practice"):
        now = anticipate(practice, scene, 0.8, WEIGHTS)
        kinds = practice.links(PSR + "requiresActorType")
        powers = practice.links(PSR + "requiresCompetence")
        targets = [Target(joined=(kind,)) for kind in kinds]
        targets += [Target(competences=(power,)) for power in powers]
        for target in targets:
            after = anticipate(practice, replace(scene, target=target), 0.8, WEIGHTS)
            assert after.fit >= now.fit - 1e-12, (practice.iri, target)
            assert after.score >= now.score - 1e-12, (practice.iri, target)


def test_a_larger_budget_never_lowers_the_fit(starter_matcher: Matcher) -> None:
    from tests.matcher.test_criteria import practice

    world = starter_matcher.world
    costly = practice("; psr:costPerHead 100.0")
    place = world.place(BASE + "id/territory/HR035")
    scene = Scene(replace_places(world), place)
    fits = [
        anticipate(costly, replace(scene, target=Target(budget_per_head=b)), 0.8, WEIGHTS).fit
        for b in (1.0, 10.0, 50.0, 99.0, 100.0, 500.0)
    ]
    assert fits == sorted(fits)
    assert fits[0] < fits[-1]


def replace_places(world: World) -> World:
    """Return a world in which the place of the test practice is Croatia."""
    found = World(world.store)
    found._places[BASE + "id/territory/AA1"] = world.place(BASE + "id/territory/HR")
    return found


def test_what_is_missing_could_change_the_order(starter_matcher: Matcher) -> None:
    rows = ask(starter_matcher)["missing"]
    assert rows
    assert [r["value"] for r in rows] == sorted((r["value"] for r in rows), reverse=True)
    for row in rows:
        assert row["field"].startswith(("target.", "psr:"))
        assert (row["entry"] is None) == row["field"].startswith("target.")


def test_the_value_of_knowing_is_the_expected_number_of_swaps(starter_matcher: Matcher) -> None:
    """Two practices with scores 0.30 and 0.29; a coin moves the second up or down by 0.025."""
    world = starter_matcher.world
    scene = Scene(world, world.place(BASE + "id/territory/HR035"))
    practices = list(world.store.entries("practice"))
    one, two = [anticipate(p, scene, 0.8, WEIGHTS) for p in practices[:2]]
    known = {name: Verdict(0.5, "", known=1.0) for name in CRITERIA}
    first = replace(one, verdicts=known, score=0.30)
    unknown = known | {"P1": Verdict(1.0, ""), "P3": Verdict(None, "")}
    rows = missing([first, replace(two, verdicts=unknown, score=0.29)])
    assert [(r.field, r.entry, r.value) for r in rows] == [
        ("psr:participation", two.practice.iri, 0.5)
    ]
    assert missing([first, replace(two, verdicts=unknown, score=0.20)]) == ()


def test_why_not_names_rank_filter_and_criteria(starter_matcher: Matcher) -> None:
    whole = ask(starter_matcher, limit=100)
    order = [m["entry"] for m in whole["matches"]]
    last = order[-1]
    told = ask(starter_matcher, limit=5, why_not=last)["why_not"]
    assert (told["rank"], told["of"]) == (len(order), len(order))
    assert not told["listed"]
    assert {c["kind"] for c in told["because"]} <= {"criterion", "gate"}
    assert told["because"]
    filtered = ask(starter_matcher, why_not=PRACTICE, filters=Filters(not_country=("SI",)))
    assert [c["name"] for c in filtered["why_not"]["because"]][:1] == ["not_country"]
    assert ask(starter_matcher, why_not=order[0])["why_not"]["listed"]
    with pytest.raises(Refused) as caught:
        ask(starter_matcher, why_not=BASE + "id/actor/city-hr-split")
    assert caught.value.problems[0].path == "why_not"


def test_why_not_weighs_as_asked_where_nothing_passes_the_filters(
    starter_matcher: Matcher,
) -> None:
    weights = {"P1": 0.0, "I1": 2.0}
    listed = ask(starter_matcher, limit=100, weights=weights, why_not=PRACTICE)["why_not"]
    none = Filters(country=("MT",))
    answer = ask(starter_matcher, weights=weights, why_not=PRACTICE, filters=none)
    assert answer["matches"] == []
    assert answer["why_not"]["score"] == listed["score"]


def test_why_not_says_what_is_known_of_both(starter_matcher: Matcher) -> None:
    answer = ask(starter_matcher, limit=100)
    first, last = answer["matches"][0], answer["matches"][-1]
    told = ask(starter_matcher, limit=1, why_not=last["entry"])["why_not"]
    causes = [c for c in told["because"] if c["kind"] == "criterion" and c["name"] != "P1"]
    assert causes
    for cause in causes:
        for match in (first, last):
            said = match["criteria"][cause["name"]]["text"]
            assert f"{match['title']}: {said}" in cause["text"]


def test_a_practice_that_is_there_already_is_said_to_be(starter_matcher: Matcher) -> None:
    answer = plain(put(starter_matcher, "transfer", Question(entry=PRACTICE, territory="SI")))
    matches: Any = answer["matches"]
    own = next(match for match in matches if match["entry"] == PRACTICE)
    assert "there-already" in {warning["kind"] for warning in own["warnings"]}


def test_filters_hold_for_the_practice_asked_about_too(starter_matcher: Matcher) -> None:
    asked = Question(entry=PRACTICE, territory="HR035")
    for filters in (Filters(country=("LV",)), Filters(not_country=("SI",))):
        answer: Any = plain(put(starter_matcher, "transfer", replace(asked, filters=filters)))
        assert answer["matches"]
        assert PRACTICE not in [match["entry"] for match in answer["matches"]]
    own: Any = plain(
        put(starter_matcher, "transfer", replace(asked, filters=Filters(country=("SI",))))
    )
    assert own["matches"][0]["entry"] == PRACTICE


def test_what_a_practice_is_compared_by_is_cited(starter_matcher: Matcher) -> None:
    """Asked about a practice its concepts count for the need, asked by text they do not."""
    cited = {}
    for asked in (Question(entry=PRACTICE, territory="SI"), Question(text=TEXT, territory="SI")):
        matches: Any = plain(put(starter_matcher, "transfer", asked))["matches"]
        needs = [r for m in matches for r in m["reasons"] if r["criterion"] == "P1"]
        cited[asked.text] = {t[1] for r in needs for t in r["evidence"]}
    assert f"<{PSR}problem>" in cited[None] & cited[TEXT]
    assert f"<{PSR}targetGroup>" in cited[None] - cited[TEXT]


def test_failures_are_shown_and_warned_of(starter_matcher: Matcher) -> None:
    failed = [m for m in starter_matcher.world.all_moved() if m.result == "not-adopted"]
    assert failed
    for moved in failed:
        question = Question(entry=moved.practice, territory="LV", limit=100)
        answer = plain(put(starter_matcher, "transfer", question))
        found = next(m for m in answer["matches"] if m["entry"] == moved.practice)
        assert found["transfers"][0]["result"] == "not-adopted"
        assert moved.iri in [t["transfer"] for t in found["transfers"]]
        assert "failed-before" in {w["kind"] for w in found["warnings"]}


def test_a_place_without_figures_is_said_to_have_none(starter_matcher: Matcher) -> None:
    bare = [
        t for t in starter_matcher.store.entries("territory")
        if starter_matcher.world.place(t.iri).level == "municipality"
        and not any(t.values(PSR + n) for n in ("population", "gdpPerHead", "urbanRural"))
    ]  # fmt: skip
    assert bare
    answer: Any = plain(put(starter_matcher, "transfer", replace(ASKED, territory=bare[0].iri)))
    assert answer["matches"]
    assert "No figures" in " ".join(answer["query"]["notes"])


@pytest.mark.parametrize(
    "raw",
    [
        dict.fromkeys(WEIGHTS, 0),
        {"P1": 1e7},
        {"P1": -0.1},
        {"P1": math.nan},
        {"P1": math.inf},
        {"P9": 0.5},
        {"P1": "much"},
    ],
)
def test_weights_that_cannot_be_are_refused(starter_matcher: Matcher, raw: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        ask(starter_matcher, weights=raw)
    assert all(p.path.startswith("weights") for p in caught.value.problems)


def test_the_bounds_of_a_weight_are_said() -> None:
    with pytest.raises(Refused) as caught:
        weighed({"P1": 1e7})
    assert caught.value.problems[0].message == "A weight is a number from 0 to 1,000,000."


def test_a_single_criterion_can_be_left_out(starter_matcher: Matcher) -> None:
    for match in ask(starter_matcher, weights={"T1": 0})["matches"]:
        weights = {name: row["weight"] for name, row in match["criteria"].items()}
        assert weights.pop("T1") == 0
        assert min(weights.values()) > 0


def test_the_weight_of_the_need_counts_in_the_order(starter_matcher: Matcher) -> None:
    world = starter_matcher.world
    scene = Scene(world, world.place(BASE + "id/territory/HR035"))
    practice = world.get(PRACTICE)

    def score(need: float, **weights: float) -> float:
        return anticipate(practice, scene, need, weighed(weights)).score

    assert score(0.5) / score(1.0) == pytest.approx(0.5)
    assert score(0.5, P1=0.0) == score(1.0, P1=0.0) > 0
    ratios = [score(0.5, P1=w) / score(1.0, P1=w) for w in (0.0, 0.1, 0.2, 0.5, 1.0)]
    assert ratios == sorted(ratios, reverse=True)
    assert len({round(ratio, 6) for ratio in ratios}) == len(ratios)


def test_a_need_without_weight_does_not_choose_the_first(starter_matcher: Matcher) -> None:
    weights = {"P1": 0.0}
    orders = {
        text: [m["entry"] for m in ask(starter_matcher, text=text, weights=weights)["matches"]]
        for text in (TEXT, "Young people are looking for work and for a flat.")
    }
    first, second = orders.values()
    assert first[:5] == second[:5]


def test_weights_of_a_question_count_and_are_stamped(starter_matcher: Matcher) -> None:
    plain, asked = ask(starter_matcher), ask(starter_matcher, weights={"E2": 2.0})
    assert plain["stamp"]["weights"] != asked["stamp"]["weights"]
    weights = {n: c["weight"] for n, c in asked["matches"][0]["criteria"].items()}
    assert sum(weights.values()) == pytest.approx(1.0, abs=0.001)
    assert weights["E2"] == max(weights.values())
    counted = {**weighed({"E2": 2.0}), **numbers()}
    assert weights_hash(counted) == asked["stamp"]["weights"]


def test_weights_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "weights.json"
    file.write_text('{"weights": {"P1": 1, "E2": 1}}')
    assert read_weights(file) == weighed({"P1": 1.0, "E2": 1.0})
    for text in ("[1]", "{", '{"P1": "x"}'):
        file.write_text(text)
        with pytest.raises(Refused, match="weights"):
            read_weights(file)


def test_changes_need_not_be_there(starter_matcher: Matcher) -> None:
    world = starter_matcher.world
    scene = Scene(world, world.place(BASE + "id/territory/HR035"))
    practice = world.get(PRACTICE)
    met = {n: Verdict(1.0, "") for n in CRITERIA}
    assert changes(replace(anticipate(practice, scene, 1.0, WEIGHTS), verdicts=met, fit=1.0)) == []
