"""Each criterion on its own: known values, unknown, gates and what would have to change."""

from __future__ import annotations

from typing import Any

import pytest

from kg.entries.reading import read_entry
from kg.entry import Entry
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from matcher.graph.view import World
from matcher.judging.criteria import CRITERIA, WEIGHTS
from matcher.judging.fit import Anticipated, weigh
from matcher.judging.fit import anticipate as judge
from matcher.judging.verdict import Scene, Verdict
from matcher.model.filters import Target
from matcher.questions.transfer import gates, warnings
from tests.conftest import BASE

VOC = "https://w3id.org/passerelle/voc/"
HEAD = f"""
@prefix psr: <https://w3id.org/passerelle/ns#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix schema: <https://schema.org/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@base <{BASE}> .
"""
WORLD = {
    "territory/AA": """a psr:Territory ; psr:countryCode "AA" ; dct:title "Aland"@en ;
        psr:territoryLevel <VOCterritory-level/country> ; psr:gdpPerHead 100.0 ;
        psr:unemploymentRate 5.0 ; psr:municipalCompetence <VOCcompetence/social-housing> ;
        psr:nationalCompetence <VOCcompetence/employment-services>""",
    "territory/AA1": """a psr:Territory ; psr:countryCode "AA" ; dct:isPartOf <id/territory/AA> ;
        dct:title "Cityland"@en ; psr:territoryLevel <VOCterritory-level/nuts3> ;
        psr:urbanRural <VOCurban-rural/urban> ; psr:population 100000""",
    "territory/AA2": """a psr:Territory ; psr:countryCode "AA" ; dct:isPartOf <id/territory/AA> ;
        dct:title "Farmland"@en ; psr:territoryLevel <VOCterritory-level/nuts3> ;
        psr:urbanRural <VOCurban-rural/rural> ; psr:population 100000 ; psr:gdpPerHead 50.0 ;
        psr:unemploymentRate 15.0""",
    "challenge/top": 'a psr:Challenge ; dct:title "Exclusion"@en',
    "challenge/old": """a psr:Challenge ; dct:title "Old age alone"@en ;
        skos:broader <id/challenge/top> ; psr:targetGroup <VOCtarget-group/older-people>""",
    "challenge/young": """a psr:Challenge ; dct:title "Young"@en ;
        skos:broader <id/challenge/top>""",
    "actor/city": """a psr:Actor ; dct:title "City"@en ; dct:spatial <id/territory/AA2> ;
        psr:actorType <VOCactor-type/municipality> ; psr:willingToMentor true""",
    "instrument/fund": """a psr:Instrument ; dct:title "Fund"@en ; dct:subject <VOCtheme/housing> ;
        psr:eligibleTerritory <id/territory/AA>""",
    "instrument/old": """a psr:Instrument ; dct:title "Old fund"@en ;
        dct:subject <VOCtheme/energy> ; psr:eligibleTerritory <id/territory/AA> ;
        schema:endDate "2020"^^xsd:gYear""",
    "practice/done": 'a psr:Practice ; dct:title "Done"@en ; psr:problem "x"@en',
    "transfer/good": """a psr:Transfer ; psr:sourcePractice <id/practice/done> ;
        psr:result <VOCtransfer-result/adopted>""",
    "transfer/bad": """a psr:Transfer ; psr:sourcePractice <id/practice/done> ;
        psr:result <VOCtransfer-result/not-adopted>""",
    "transfer/open": """a psr:Transfer ; psr:sourcePractice <id/practice/done> ;
        psr:result <VOCtransfer-result/not-known>""",
    "challenge/day": """a psr:Challenge ; dct:title "Checked"@en ;
        psr:checkedOn "2026-06-01"^^xsd:date""",
}


def read(name: str, body: str) -> Entry:
    """Return an entry from the short form used here."""
    text = f"{HEAD} <id/{name}> {body} .".replace("<VOC", f"<{VOC}")
    return read_entry(text.encode(), "text/turtle", BASE)


def practice(body: str = "") -> Entry:
    """Return a practice in Cityland with more to say."""
    return read(
        "practice/p",
        'a psr:Practice ; dct:title "P"@en ; dct:spatial <id/territory/AA1> ;'
        f' psr:problem "x"@en {body}',
    )


@pytest.fixture(scope="module")
def store() -> EmbeddedStore:
    store = EmbeddedStore(BASE)
    entries = [read(name, body) for name, body in WORLD.items()]
    store.write([Change(e.iri, e) for e in entries], "tests", "create")
    return store


def here(
    store: EmbeddedStore,
    code: str = "AA2",
    challenge: str | None = None,
    target: Target | None = None,
) -> Scene:
    """Return the scene of a place."""
    asked = store.get(f"{BASE}id/challenge/{challenge}") if challenge else None
    world = World(store)
    place = world.place(f"{BASE}id/territory/{code}")
    return Scene(world, place, target or Target(), 0.0, asked)


def anticipate(entry: Entry, scene: Scene, need: float) -> Anticipated:
    """Return the judgement by the packaged weights."""
    return judge(entry, scene, need, WEIGHTS)


def test_weights_are_whole_and_every_criterion_has_one() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)
    assert set(WEIGHTS) == set(CRITERIA)


@pytest.mark.parametrize("name", [n for n in CRITERIA if n not in {"P1", "I2", "E2", "E4"}])
def test_what_is_not_stated_is_unknown(store: EmbeddedStore, name: str) -> None:
    verdict = CRITERIA[name](practice(), here(store))
    assert verdict.value is None
    assert verdict.text


@pytest.mark.parametrize(
    ("challenge", "expected"), [("old", 1.0), ("top", 0.5), ("young", 1 / 3), (None, 0.25)]
)
def test_need_is_nearness_of_the_challenge_or_likeness_of_the_text(
    store: EmbeddedStore, challenge: str | None, expected: float
) -> None:
    from dataclasses import replace

    scene_ = replace(here(store, challenge=challenge), need=0.25)
    verdict = CRITERIA["P1"](practice("; psr:addresses <id/challenge/old>"), scene_)
    assert verdict.value == pytest.approx(expected)


CASES: list[tuple[str, str, dict[str, Any], float]] = [
    ("P3", "; psr:participation <VOCparticipation/co-designed>", {}, 0.75),
    ("I1", "; psr:evidenceLevel <VOCevidence-level/randomised>", {}, 1.0),
    ("I1", "; psr:evidenceLevel <VOCevidence-level/anecdote>", {}, 0.0),
    ("I2", "; psr:stage <VOCstage/scaling>", {}, 0.9),
    ("I2", '; schema:startDate "2020"^^xsd:gYear ; schema:endDate "2022"^^xsd:gYear', {}, 0.4),
    ("I3", '; psr:corePart "a"@en ; psr:adaptablePart "b"@en', {}, 0.25),
    ("I3", '; dct:language "hr" ; psr:toolkit <https://k.example/>', {"languages": ("hr",)}, 0.5),
    ("I4", '; psr:corePart "a"@en, "b"@en ; psr:requiresActorType <VOCactor-type/ngo>', {}, 2 / 3),
    ("I5", "; psr:costPerHead 100.0", {"budget_per_head": 25.0}, 0.5),
    ("I5", "; psr:costPerHead 100.0", {"budget_per_head": 500.0}, 1.0),
    ("E1", "; psr:requiresCompetence <VOCcompetence/social-housing>", {}, 1.0),
    ("E1", "; psr:requiresCompetence <VOCcompetence/employment-services>", {}, 0.0),
    ("E3", "; psr:requiresActorType <VOCactor-type/municipality>, <VOCactor-type/ngo>", {}, 1.0),
    ("E4", "; dct:subject <VOCtheme/affordable-housing>", {}, 1.0),
    ("T1", "; psr:toolkit <https://kit.example/>", {}, 1 / 4),
]


@pytest.mark.parametrize(("name", "body", "known", "expected"), CASES)
def test_a_criterion_has_the_value_of_its_formula(
    store: EmbeddedStore, name: str, body: str, known: dict[str, Any], expected: float
) -> None:
    verdict = CRITERIA[name](practice(body), here(store, target=Target(**known)))
    assert verdict.value == pytest.approx(expected)
    assert verdict.evidence


@pytest.mark.parametrize(("name", "body", "known", "expected"), CASES)
def test_without_the_cited_triples_the_value_is_gone(
    store: EmbeddedStore, name: str, body: str, known: dict[str, Any], expected: float
) -> None:
    whole = practice(body)
    verdict = CRITERIA[name](whole, here(store, target=Target(**known)))
    cited = {
        t
        for t in whole.triples
        if tuple(map(str, (t.subject, t.predicate, t.object))) in verdict.evidence
    }
    assert cited
    kept = Entry(whole.iri, tuple(t for t in whole.triples if t not in cited))
    assert CRITERIA[name](kept, here(store, target=Target(**known))).value != pytest.approx(
        expected
    )


def test_target_groups_compare_in_the_hierarchy(store: EmbeddedStore) -> None:
    near = practice("; psr:targetGroup <VOCtarget-group/older-people>")
    far = practice("; psr:targetGroup <VOCtarget-group/refugees>")
    asked = here(store, challenge="old")
    assert CRITERIA["P2"](near, asked).value == 1.0
    assert CRITERIA["P2"](far, asked).value == 0.0
    said = here(store, target=Target(target_groups=(VOC + "target-group/migrants",)))
    assert CRITERIA["P2"](far, said).value == pytest.approx(2 / 3)


def test_a_power_held_elsewhere_fails_the_gate_and_says_what_to_do(store: EmbeddedStore) -> None:
    needs = practice("; psr:requiresCompetence <VOCcompetence/employment-services>")
    verdict = CRITERIA["E1"](needs, here(store))
    assert verdict.gate == "failed"
    assert "employment" in verdict.adaptations[0].text
    assert verdict.adaptations[0].who == (BASE + "id/territory/AA",)
    assert CRITERIA["E1"](needs, here(store, "AA")).gate == "passed"
    said = here(store, target=Target(competences=(VOC + "competence/employment-services",)))
    assert CRITERIA["E1"](needs, said).gate == "passed"


def test_a_place_is_like_itself_and_less_like_another(store: EmbeddedStore) -> None:
    same = CRITERIA["E2"](practice(), here(store, "AA1"))
    other = CRITERIA["E2"](practice(), here(store, "AA2"))
    assert same.value == pytest.approx(1.0)
    assert other.value is not None
    assert other.value < 0.5
    assert "urban or rural" in other.text
    assert other.adaptations


def test_an_organisation_not_in_the_graph_is_unknown_unless_the_asker_knows(
    store: EmbeddedStore,
) -> None:
    needs = practice("; psr:requiresActorType <VOCactor-type/municipality>, <VOCactor-type/ngo>")
    open_world = CRITERIA["E3"](needs, here(store))
    assert open_world.score == (1.0, 1 / 3)
    told = CRITERIA["E3"](
        needs, here(store, target=Target(actor_types=(VOC + "actor-type/company",)))
    )
    assert told.score == (0.5, 2 / 3)
    assert told.adaptations[0].needs == (VOC + "actor-type/ngo",)


def test_no_instrument_is_a_gap_and_not_a_zero(store: EmbeddedStore) -> None:
    verdict = CRITERIA["E4"](practice("; dct:subject <VOCtheme/culture>"), here(store))
    assert (verdict.value, verdict.gate) == (None, "gap")


def test_an_instrument_that_has_ended_does_not_count(store: EmbeddedStore) -> None:
    """The data of this world speak of 1 June 2026; the old fund ended in 2020."""
    asked = "; dct:subject <VOCtheme/energy>"
    assert CRITERIA["E4"](practice(asked), here(store)).gate == "gap"
    assert CRITERIA["E4"](practice(asked + ", <VOCtheme/housing>"), here(store)).gate == "passed"


def test_failures_lower_the_record_and_are_counted(store: EmbeddedStore) -> None:
    verdict = CRITERIA["T2"](store.get(BASE + "id/practice/done"), here(store))
    assert verdict.value == pytest.approx(0.5)
    assert "failed: 1." in verdict.text


def test_support_counts_a_mentor_a_kit_and_a_page(store: EmbeddedStore) -> None:
    body = """; schema:url <https://p.example/> ; psr:toolkit <https://kit.example/> ;
        psr:hasInvolvement [ a psr:Involvement ; psr:actor <id/actor/city> ]"""
    assert CRITERIA["T1"](practice(body), here(store)).value == pytest.approx(0.75)


def test_coverage_is_the_known_weight_and_unknown_is_not_in_the_fit() -> None:
    verdicts = {
        "P1": Verdict(1.0, ""),
        "I1": Verdict(0.0, ""),
        "E1": Verdict(None, ""),
        "E3": Verdict(1.0, "", known=0.5),
    }
    fit, coverage = weigh(verdicts, WEIGHTS)
    known = 0.20 + 0.10 + 0.03
    assert coverage == pytest.approx(known / (0.20 + 0.10 + 0.08 + 0.06))
    assert fit == pytest.approx((0.20 + 0.03) / known)
    assert weigh({"P1": Verdict(None, "")}, WEIGHTS) == (0.0, 0.0)


def test_a_failed_gate_costs_rank_and_is_warned_of(store: EmbeddedStore) -> None:
    needs = "; psr:requiresCompetence <VOCcompetence/{}>"
    bad = anticipate(practice(needs.format("employment-services")), here(store), 0.9)
    good = anticipate(practice(needs.format("social-housing")), here(store), 0.9)
    assert bad.score < good.score / 1.5
    assert [g.status for g in gates(bad)] == ["failed", "gap"]
    assert {w.kind for w in warnings(bad)} == {"uninformed", "incomplete", "inappropriate"}
    assert "incomplete" not in {w.kind for w in warnings(good)}


def test_a_fact_that_speaks_for_it_never_lowers_the_score(store: EmbeddedStore) -> None:
    base = anticipate(practice(), here(store), 0.8)
    for body in (
        "; psr:evidenceLevel <VOCevidence-level/randomised>",
        "; psr:stage <VOCstage/systemic-change>",
    ):
        assert anticipate(practice(body), here(store), 0.8).score > base.score
