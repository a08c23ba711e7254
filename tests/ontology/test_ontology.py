"""Rules about the ontology itself; each check is also shown to fail where it should."""

import re
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pyld import jsonld
from rdflib import OWL, RDFS, SH, SKOS, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from tests.ontology import checks

ROOT = Path(__file__).parents[2]
ONTOLOGY = ROOT / "ontology"
SCHEMES = sorted((ONTOLOGY / "schemes").glob("*.ttl"))
EXAMPLES = sorted((ONTOLOGY / "examples").glob("*.ttl"))
OWN = [ONTOLOGY / "core.ttl", *SCHEMES]
SAYING = [*OWN, ONTOLOGY / "alignments.ttl"]
SHAPES = sorted((ROOT / "shapes").glob("*.ttl"))
STARTER = sorted((ROOT / "kg" / "starter").glob("*.ttl"))
EVERYTHING = [*SAYING, *EXAMPLES, *SHAPES, *STARTER]
DATA = ROOT / "tests" / "data"
REFERENCE = ROOT.parent / "shared" / "data" / "reference"
PSH = Namespace("https://w3id.org/passerelle/shapes#")

PREFIXES = """
@prefix dct: <http://purl.org/dc/terms/> .
@prefix psr: <https://w3id.org/passerelle/ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix schema: <https://schema.org/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix theme: <https://w3id.org/passerelle/voc/theme/> .
"""


def name(file: object) -> str:
    return "/".join(file.parts[-2:]) if isinstance(file, Path) else str(file)


def read(file: Path) -> str:
    return file.read_text("utf-8")


def graph_of(turtle: str) -> Graph:
    return Graph().parse(data=PREFIXES + turtle, format="turtle")


@cache
def own() -> Graph:
    graph = Graph()
    for file in OWN:
        graph.parse(file)
    return graph


@cache
def declared() -> frozenset[str]:
    return frozenset(checks.declared(map(read, OWN)))


@cache
def shapes() -> Graph:
    return Graph().parse(ROOT / "shapes" / "ontology.ttl")


def property_shapes() -> list[URIRef]:
    return sorted(s for s in shapes().objects(None, SH.property) if isinstance(s, URIRef))


def shape_of(file: Path) -> URIRef:
    return PSH[f"{file.parent.name}-{re.sub('-(in)?valid$', '', file.stem)}"]


def test_there_are_twenty_one_schemes_and_an_example_of_every_class() -> None:
    assert len(SCHEMES) == 21
    assert {f.stem for f in EXAMPLES} == {
        "practice", "challenge", "actor", "instrument", "transfer", "plan", "community", "call",
        "territory", "match",
    }  # fmt: skip


def test_the_ontology_conforms_to_its_shapes() -> None:
    assert checks.violations(own(), shapes()) == set()


@pytest.mark.parametrize("shape", property_shapes(), ids=lambda s: s.removeprefix(PSH))
def test_a_shape_is_explained_and_reports_its_invalid_file_alone(shape: URIRef) -> None:
    assert str(shapes().value(shape, SH.name))
    assert str(shapes().value(shape, SH.message)).endswith(".")
    assert shapes().value(shape, SH.severity) == SH.Violation
    folder, _, constraint = shape.removeprefix(PSH).partition("-")
    found: dict[str, set[Node]] = {}
    for kind in ("valid", "invalid"):
        data = Graph().parse(DATA / folder / f"{constraint}-{kind}.ttl")
        found[kind] = {reported for reported, _ in checks.violations(data, shapes())}
    assert found == {"valid": set(), "invalid": {shape}}


def test_no_test_file_is_without_a_shape() -> None:
    files = DATA.glob("Ontology*/*.ttl")
    assert [f for f in files if shape_of(f) not in property_shapes()] == []


@pytest.mark.parametrize("file", EVERYTHING, ids=name)
def test_every_own_term_is_declared(file: Path) -> None:
    assert checks.undefined(read(file), set(declared())) == []


@pytest.mark.parametrize("file", EVERYTHING, ids=name)
def test_no_term_of_others_is_misspelt(file: Path) -> None:
    assert checks.misspelt(read(file)) == []
    assert checks.strange_predicates(read(file)) == []


@pytest.mark.parametrize("file", SAYING, ids=name)
def test_nothing_is_said_about_terms_of_others(file: Path) -> None:
    assert checks.redeclared(read(file)) == []


@pytest.mark.parametrize("file", SCHEMES, ids=name)
def test_a_scheme_is_in_the_file_of_its_name(file: Path) -> None:
    scheme = checks.VOC + file.stem
    assert {i for i in checks.declared([read(file)]) if not i.startswith(scheme + "/")} == {scheme}


def test_concepts_are_well_placed() -> None:
    assert checks.misplaced(own()) == []


def test_every_label_exists_in_every_language() -> None:
    assert checks.untranslated(own()) == []


def test_no_two_concepts_claim_to_be_the_same_foreign_concept() -> None:
    alignments = Graph().parse(ONTOLOGY / "alignments.ttl")
    assert checks.repeated_exact_matches(alignments) == []


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]
    header = URIRef(checks.ONTOLOGY)
    assert own().value(header, OWL.versionIRI) == header + "/" + project["version"]
    assert str(own().value(header, OWL.versionInfo)) == project["version"]


def test_the_context_covers_every_class_and_property() -> None:
    terms = checks.read_context(ONTOLOGY / "context.jsonld")
    assert checks.missing_in_context(terms, own()) == []
    assert checks.context_errors(terms, set(declared())) == []


def compacted(graph: Graph, terms: dict[str, Any]) -> dict[str, Any]:
    """The graph as JSON-LD with the given context, every node beside the others."""
    expanded = jsonld.from_rdf(graph.serialize(format="nt"), {"useNativeTypes": False})
    found: dict[str, Any] = jsonld.compact(expanded, {"@context": terms}, {"graph": True})
    return found


@pytest.mark.parametrize("file", EXAMPLES, ids=name)
def test_an_example_is_the_same_in_json_ld_and_has_readable_keys(file: Path) -> None:
    graph = Graph().parse(file)
    document = compacted(graph, checks.read_context(ONTOLOGY / "context.jsonld"))
    keys = {key for node in document["@graph"] for key in node}
    assert {key for key in keys if not re.fullmatch(r"[a-z][A-Za-z0-9]*", key)} == set()
    quads = jsonld.to_rdf(document, {"format": "application/n-quads"})
    again = Graph().parse(data=quads, format="nt")
    assert set(again) == set(graph)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the shared reference data is not here")
def test_every_eurovoc_concept_exists() -> None:
    rows = read(REFERENCE / "eurovoc" / "eurovoc_tc.tsv").splitlines()
    known = {"http://eurovoc.europa.eu/" + row.split("\t")[0] for row in rows}
    used = {i for i in checks.iris(read(ONTOLOGY / "alignments.ttl")) if "eurovoc" in i}
    assert used
    assert used - known == set()


@pytest.mark.parametrize(
    ("check", "turtle", "expected"),
    [
        (checks.misspelt, "psr:a dct:titel 'A' .", "http://purl.org/dc/terms/titel"),
        (checks.misspelt, "psr:a skos:preflabel 'A' .", str(SKOS) + "preflabel"),
        (checks.misspelt, "psr:a a schema:Evnt .", "https://schema.org/Evnt"),
        (checks.strange_predicates, "psr:a <http://schema.org/url> 1 .", "http://schema.org/url"),
        (checks.redeclared, "skos:note rdfs:label 'Note' .", f"<{SKOS}note>"),
    ],
)
def test_a_wrong_term_is_found(
    check: Callable[[str], list[str]], turtle: str, expected: str
) -> None:
    assert check(PREFIXES + turtle) == [expected]


def test_an_undefined_own_term_is_found() -> None:
    turtle = PREFIXES + "psr:Practice psr:adresses theme:housing , theme:housng ."
    expected = [checks.PSR + "adresses", checks.VOC + "theme/housng"]
    assert checks.undefined(turtle, set(declared())) == expected


def test_a_missing_label_is_found() -> None:
    term = URIRef(checks.PSR + "Practice")
    without = Graph()
    for triple in own().triples((term, None, None)):
        without.add(triple)
    assert checks.violations(without, shapes()) == set()
    without.remove((term, RDFS.label, Literal("Practice", lang="en")))
    assert checks.violations(without, shapes()) == {(PSH["OntologyTerm-label"], term)}
    assert checks.untranslated(without) == [str(term)]


@pytest.mark.parametrize(
    "turtle",
    [
        "theme:a a skos:Concept ; skos:broader theme:a .",
        "theme:a a skos:Concept ; skos:inScheme theme:x ; skos:broader theme:b ."
        "theme:b skos:inScheme theme:y .",
        "theme:a a skos:Concept ; skos:topConceptOf theme:x .",
    ],
    ids=["below itself", "below another scheme", "not named on top"],
)
def test_a_misplaced_concept_is_found(turtle: str) -> None:
    assert checks.misplaced(graph_of(turtle)) == [checks.VOC + "theme/a"]


def test_two_concepts_that_claim_the_same_are_found() -> None:
    graph = graph_of("theme:a skos:exactMatch skos:c . theme:b skos:exactMatch skos:c .")
    assert checks.repeated_exact_matches(graph) == [str(SKOS) + "c"]


def test_a_gap_and_a_default_in_the_context_are_found() -> None:
    terms: dict[str, Any] = checks.read_context(ONTOLOGY / "context.jsonld")
    del terms["problem"]
    terms |= {"@vocab": checks.PSR, "titel": "dct:titel", "wrong": "psr:wrong"}
    assert checks.missing_in_context(terms, own()) == [checks.PSR + "problem"]
    assert checks.context_errors(terms, set(declared())) == ["@vocab", "titel", "wrong"]
