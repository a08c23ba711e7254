"""Concept schemes, labels and the JSON-LD context, as the rest of the code sees them."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from kg.vocabulary import (
    CLASSES,
    DCT,
    GEO,
    ONTOLOGY,
    PREFIXES,
    PSR,
    VOC,
    Vocabulary,
    context,
    decimals,
    folder,
    graphs,
    turtle_files,
    vocabulary,
)

SCHEMES = {
    "actor-type", "approach", "coast", "community-type", "competence", "decision",
    "esf-objective",
    "evidence-level", "instrument-type", "mountain", "participation", "pillar-principle", "role",
    "sdg", "stage", "target-group", "territory-level", "theme", "transfer-phase",
    "transfer-result", "urban-rural",
}  # fmt: skip


def test_both_folders_are_found() -> None:
    for name, file in (("ontology", "core.ttl"), ("shapes", "practice.ttl")):
        assert (folder(name) / file).is_file()
        assert file in [f.name for f in turtle_files(name)]
    names = [f.name for f in turtle_files("ontology")]
    assert names == sorted(names)
    assert "theme.ttl" in names


def test_graphs_are_the_ontology_and_every_scheme() -> None:
    found = dict(graphs())
    assert found.keys() == {ONTOLOGY} | {VOC + name for name in SCHEMES}
    assert all(found.values())
    subjects = {t.subject for triples in found.values() for t in triples}
    assert not any(isinstance(subject, ox.BlankNode) for subject in subjects)


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_schemes_have_concepts_with_labels(scheme: str) -> None:
    words = vocabulary()
    concepts = words.concepts(scheme)
    assert concepts == sorted(concepts)
    assert len(concepts) >= 2
    for iri in concepts:
        assert words.labels[iri]["en"]
        assert words.definitions[iri]


def test_sizes_of_schemes_that_others_fixed() -> None:
    assert len(vocabulary().concepts("pillar-principle")) == 20
    assert len(vocabulary().concepts("sdg")) == 17
    assert vocabulary().concepts("nothing") == []


def test_labels_fall_back_to_english_and_to_the_name() -> None:
    words = vocabulary()
    lead = VOC + "role/lead"
    assert words.label(lead, "hr") == words.labels[lead]["hr"]
    assert words.label(lead, "mt") == words.labels[lead]["en"]
    assert words.label("http://e/a/some-thing") == "some-thing"
    assert words.label("http://e/a#other") == "other"
    assert words.label(PSR + "Practice")


def test_concepts_are_found_by_slug_and_iri_in_their_scheme_only() -> None:
    words = vocabulary()
    energy = VOC + "theme/energy"
    assert words.find("theme", "energy") == energy
    assert words.find("theme", energy) == energy
    for value in ("", "nothing", VOC + "role/lead", "role/lead", "../role/lead"):
        assert words.find("theme", value) is None


def test_ancestors_are_nearest_first_and_end_in_circles() -> None:
    words = Vocabulary()
    for narrow, broad in (("a", "b"), ("a", "c"), ("b", "d"), ("d", "a")):
        words.broader[narrow].add(broad)
    assert words.ancestors("a") == ["a", "b", "c", "d"]
    assert words.ancestors("x") == ["x"]


def test_broader_concepts_are_in_the_same_scheme() -> None:
    words = vocabulary()
    for iri in [c for scheme in SCHEMES for c in words.concepts(scheme)]:
        assert {words.scheme.get(parent) for parent in words.broader.get(iri, ())} <= {
            words.scheme[iri]
        }


def test_evidence_levels_are_ranked() -> None:
    ranks = [vocabulary().rank[c] for c in vocabulary().concepts("evidence-level")]
    assert sorted(ranks) == list(range(min(ranks), min(ranks) + len(ranks)))


def test_the_context_knows_our_classes_and_prefixes() -> None:
    names = context()
    for iri in CLASSES.values():
        assert names[iri.removeprefix(PSR)] == "psr:" + iri.removeprefix(PSR)
    for name, iri in PREFIXES.items():
        assert names.get(name, iri) == iri


def test_terms_of_the_context_are_written_with_known_prefixes() -> None:
    for name, term in context().items():
        target = term["@id"] if isinstance(term, dict) else term
        if name in PREFIXES or name.startswith("@") or str(target).startswith("@"):
            continue
        assert target.partition(":")[0] in PREFIXES


def test_decimals_are_properties_of_numbers() -> None:
    assert {PSR + "budget", PSR + "value", GEO + "lat"} <= decimals()
    assert not {PSR + "population", DCT + "title"} & decimals()
