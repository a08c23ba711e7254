"""Consortia, working groups and instruments: sets and hard rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kg.errors import Refused
from matcher.matcher import Matcher
from matcher.model.answer import plain
from matcher.model.filters import Filters
from matcher.question import Rules
from matcher.questions.consortium import Candidate, broken, choose, worth
from tests.conftest import BASE
from tests.matcher.asking import Question, put

CALL = BASE + "id/call/esf-si-2023-ncc-01"
PRACTICE = BASE + "id/practice/sopotniki-rural-rides"
TEXT = "Older people in villages have no bus and cannot get to the doctor or the shop."


def crowd(size: int, seed: int = 1) -> list[Candidate]:
    """Return candidates of a few countries and kinds that cover random items."""
    random = np.random.default_rng(seed)
    return [
        Candidate(
            f"actor-{n:03}",
            float(random.random()),
            f"C{random.integers(8)}",
            frozenset({f"kind-{random.integers(6)}"}),
            frozenset({f"place-{random.integers(9)}"}),
            frozenset(f"item-{i}" for i in random.integers(0, 12, 3)),
        )
        for n in range(size)
    ]


ITEMS = tuple(f"item-{n}" for n in range(12))


@pytest.mark.parametrize(
    "rules",
    [
        Rules(seats=3),
        Rules(seats=3, minimum_countries=3),
        Rules(seats=3, maximum_per_country=1, actor_types=("kind-1", "kind-2")),
        Rules(seats=3, must=("actor-004",), exclude=("actor-001", "actor-002")),
        Rules(seats=3, eligible_types=("kind-0", "kind-3"), eligible_territories=("place-1",)),
    ],
)
def test_the_choice_is_the_best_of_all_sets(rules: Rules) -> None:
    """Compared with every set of three of fourteen."""
    from itertools import combinations

    pool = crowd(14)
    good = [set_ for set_ in combinations(pool, rules.seats) if not broken(set_, rules)]
    chosen = choose(pool, rules, ITEMS)
    if not good:
        assert chosen is None
        return
    assert chosen is not None
    assert not broken(chosen, rules)
    best = max(worth(set_) for set_ in good)
    assert worth(chosen) == pytest.approx(best, abs=1e-6)


def test_six_of_five_hundred_keep_the_rules_and_come_out_the_same_again() -> None:
    rules = Rules(seats=6, minimum_countries=4, maximum_per_country=2, actor_types=("kind-5",))
    chosen = choose(crowd(500), rules, ITEMS)
    assert chosen is not None
    assert not broken(chosen, rules)
    assert {i for c in chosen for i in c.covers} == set(ITEMS)
    assert choose(crowd(500), rules, ITEMS) == chosen


def consortium(matcher: Matcher, **more: object) -> dict[str, Any]:
    return plain(put(matcher, "consortium", Question(**{"entry": CALL} | more)))  # type: ignore[arg-type]


def test_a_call_is_answered_by_its_rules_with_alternatives(starter_matcher: Matcher) -> None:
    answer = consortium(starter_matcher)
    assert len(answer["matches"]) == answer["rules"]["seats"] == 6
    assert len({m["country"] for m in answer["matches"]}) >= 3
    assert not answer["infeasible"]
    for seat in answer["matches"]:
        others = {m["entry"] for m in answer["matches"]}
        assert not {a["entry"] for a in seat["alternatives"]} & others
    assert any(seat["alternatives"] for seat in answer["matches"])
    assert consortium(starter_matcher) == answer


def test_a_transfer_seats_somebody_of_the_place_and_an_owner(starter_matcher: Matcher) -> None:
    answer = consortium(starter_matcher, entry=PRACTICE, territory="HR", rules={"seats": 5})
    assert "somebody who has done it" in answer["covered"]
    assert "HR" in {m["country"] for m in answer["matches"]}
    assert answer["rules"]["seats"] == 5


@pytest.mark.parametrize(
    ("rules", "blamed"),
    [
        ({"seats": 3, "minimum_countries": 4}, {"minimum_countries"}),
        ({"seats": 4, "countries": ["MT"]}, {"countries"}),
        ({"seats": 6, "actor_types": ["volunteer-centre"], "countries": ["FI"]},
         {"countries"}),
        ({"seats": 3, "must": ["id/actor/city-hr-split"], "countries": ["SI"]},
         {"must", "countries"}),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_met_are_named(
    starter_matcher: Matcher, rules: dict[str, Any], blamed: set[str]
) -> None:
    rules["must"] = [BASE + iri for iri in rules.get("must", [])]
    answer = consortium(starter_matcher, entry=None, text=TEXT, rules=rules)
    assert answer["abstained"]
    assert answer["matches"] == []
    assert {row["rule"] for row in answer["infeasible"]} == blamed
    assert all(row["text"] for row in answer["infeasible"])


@pytest.mark.parametrize(
    ("filters", "blamed"),
    [
        (Filters(country=("MT",)), {"filters.country"}),
        (
            Filters(country=("MT",), stage=("systemic-change",)),
            {"filters.country", "filters.stage"},
        ),
        (Filters(country=("SI", "HR"), stage=("systemic-change",)), {"filters.stage"}),
    ],
)
def test_filters_that_leave_too_few_are_named(
    starter_matcher: Matcher, filters: Filters, blamed: set[str]
) -> None:
    answer = consortium(starter_matcher, entry=None, text=TEXT, filters=filters)
    assert answer["matches"] == []
    assert {row["rule"] for row in answer["infeasible"]} == blamed


def test_of_two_numbers_the_stricter_holds(starter_matcher: Matcher) -> None:
    for asked, kept in ((1, 3), (4, 4)):
        answer = consortium(starter_matcher, rules={"minimum_countries": asked})
        assert answer["rules"]["minimum_countries"] == kept
        assert len({m["country"] for m in answer["matches"]}) >= kept


def test_a_consortium_for_nonsense_is_no_good_match(starter_matcher: Matcher) -> None:
    answer = consortium(starter_matcher, entry=None, text="asdf qwer zxcv")
    assert answer["abstained"]
    assert {m["level"] for m in answer["matches"]} == {"weak"}
    assert not consortium(starter_matcher)["abstained"]


def test_fewer_seats_than_the_call_asks_for_are_refused(starter_matcher: Matcher) -> None:
    with pytest.raises(Refused) as caught:
        consortium(starter_matcher, rules={"seats": 1})
    assert caught.value.problems[0].path == "rules.seats"


def test_members_who_did_it_teach_those_who_did_not(starter_matcher: Matcher) -> None:
    communities = [c.iri for c in starter_matcher.store.entries("community")]
    answers: list[Any] = [
        plain(put(starter_matcher, "groups", Question(entry=c))) for c in communities
    ]
    groups = [g for a in answers for g in a["matches"]]
    assert len(groups) > 10
    for group in groups:
        assert group["type"] == "challenge"
        assert 2 <= len(group["members"]) <= 8
        taught = {p["entry"] for m in group["members"] for p in m["teaches"]}
        learnt = {p["entry"] for m in group["members"] for p in m["learns"]}
        assert taught & learnt
        for member in group["members"]:
            ours = {p["entry"] for p in member["teaches"]}
            assert not ours & {p["entry"] for p in member["learns"]}


def test_a_group_cites_what_addresses_its_challenge_and_no_other(starter_matcher: Matcher) -> None:
    world, seen = starter_matcher.world, 0
    for community in starter_matcher.store.entries("community"):
        answer: Any = plain(put(starter_matcher, "groups", Question(entry=community.iri)))
        for group in answer["matches"]:
            (reason,) = group["reasons"]
            addressed = [t[2] for t in reason["evidence"] if t[1].endswith("addresses>")]
            assert addressed
            assert all(group["entry"] in world.broader(c[1:-1]) for c in addressed)
            seen += len(addressed)
    assert seen > 10


def test_a_community_without_members_has_no_groups(starter_matcher: Matcher) -> None:
    from kg.vocabulary import ORG

    empty = next(
        c.iri for c in starter_matcher.store.entries("community")
        if not c.links(ORG + "hasMember") and not starter_matcher.world.members.get(c.iri)
    )  # fmt: skip
    answer: Any = plain(put(starter_matcher, "groups", Question(entry=empty)))
    assert answer["abstained"]
    assert answer["query"]["notes"]


def instruments(matcher: Matcher, **more: object) -> dict[str, Any]:
    asked = Question(**{"entry": PRACTICE, "territory": "HR035", "limit": 50} | more)  # type: ignore[arg-type]
    return plain(put(matcher, "instruments", asked))


def test_no_instrument_that_is_offered_breaks_a_rule(starter_matcher: Matcher) -> None:
    answer = instruments(starter_matcher, actor_types=("ngo",), amount=50_000.0)
    assert answer["matches"]
    for match in answer["matches"]:
        assert {r["rule"] for r in match["rules"]} == {
            "territory", "theme", "actor type", "size", "dates",
        }  # fmt: skip
        assert "failed" not in {r["status"] for r in match["rules"]}
        assert match["reasons"]
    for out in answer["excluded"]:
        assert {r["status"] for r in out["rules"]} == {"failed"}


def test_an_instrument_that_has_ended_is_excluded(starter_matcher: Matcher) -> None:
    answer = instruments(starter_matcher, entry=None, text="grants for social innovation")
    rules = {o["entry"]: o["rules"] for o in answer["excluded"]}
    for name in ("esf-2014-2020", "urbact-iii"):
        (rule,) = rules[f"{BASE}id/instrument/{name}"]
        assert (rule["rule"], rule["text"]) == ("dates", "It has ended: 2020.")


def test_a_gap_is_said(starter_matcher: Matcher) -> None:
    assert instruments(starter_matcher)["gap"] is None
    world, practices = starter_matcher.world, starter_matcher.store.entries("practice")
    from matcher.judging.criteria import CRITERIA
    from matcher.judging.verdict import Scene

    scene = Scene(world, world.place(BASE + "id/territory/AL"))
    gap = next(p for p in practices if CRITERIA["E4"](p, scene).gate == "gap")
    answer = instruments(starter_matcher, entry=gap.iri, territory="AL")
    assert "No instrument" in answer["gap"]


def test_a_gap_is_not_claimed_where_no_theme_is_asked_for(starter_matcher: Matcher) -> None:
    text = {"entry": None, "text": "grant for social innovation projects"}
    answer = instruments(starter_matcher, **text, territory="FR")
    assert answer["gap"] is None
    assert any("No theme is given" in note for note in answer["query"]["notes"])
    answer = instruments(starter_matcher, territory="FR")
    assert not any("No theme is given" in note for note in answer["query"]["notes"])


def test_a_theme_that_is_asked_for_goes_before_those_of_the_entry(
    starter_matcher: Matcher,
) -> None:
    theme = "https://w3id.org/passerelle/voc/theme/employment"
    plain = instruments(starter_matcher)
    other = instruments(starter_matcher, filters=Filters(theme=(theme,)))
    assert [m["entry"] for m in plain["matches"]] != [m["entry"] for m in other["matches"]]


def test_partners_are_tied_through_the_graph(starter_matcher: Matcher) -> None:
    asked = Question(entry=BASE + "id/actor/city-hr-split", kinds=("peer",), limit=100)
    answer: Any = plain(put(starter_matcher, "partners", asked))
    reasons = {r["criterion"] for m in answer["matches"] for r in m["reasons"]}
    assert reasons & {"network", "ties"}
    for match in answer["matches"]:
        assert match["reasons"]
        assert match["for_them"]
    only = replace(asked, filters=Filters(country=("HR",)))
    narrowed: Any = plain(put(starter_matcher, "partners", only))
    assert {m["country"] for m in narrowed["matches"]} <= {"HR"}
