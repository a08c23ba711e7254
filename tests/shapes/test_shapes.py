"""Every property shape tells what it should, found by the files it owns.

``tests/data/Practice/title-invalid.ttl`` would belong to ``psh:Practice-title``: in its valid file
a shape is silent, in its invalid file it is reported and no other shape reports a violation.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pyshacl
import pytest
from rdflib import RDF, SH, BNode, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
EXAMPLES = ROOT / "ontology" / "examples"
PSH = Namespace("https://w3id.org/passerelle/shapes#")
PSR = Namespace("https://w3id.org/passerelle/ns#")
ENTRIES = "https://passerelle.example/id/"
CLASSES = {
    "practice": PSR.Practice,
    "challenge": PSR.Challenge,
    "actor": PSR.Actor,
    "instrument": PSR.Instrument,
    "territory": PSR.Territory,
    "transfer": PSR.Transfer,
    "plan": PSR.ActionPlan,
    "community": PSR.Community,
    "call": PSR.Call,
    "match": PSR.Match,
}
NOT_CORE = (SH.sparql, SH.js, SH.rule, SH.target, SH.select, SH.ask)


def parsed(files: Iterable[Path]) -> Graph:
    graph = Graph()
    for file in sorted(files):
        graph.parse(file, format="turtle")
    return graph


@cache
def shapes() -> Graph:
    """The shapes about entries; those about the ontology itself are tested elsewhere."""
    return parsed(f for f in (ROOT / "shapes").glob("*.ttl") if f.name != "ontology.ttl")


@cache
def shapes_of_ontology() -> Graph:
    return parsed((ROOT / "shapes").glob("ontology.ttl"))


def property_shapes() -> list[Node]:
    """Whatever is declared as, or used as, a property shape."""
    found = set(shapes().subjects(RDF.type, SH.PropertyShape))
    found |= set(shapes().objects(None, SH.property)) | set(shapes().subjects(SH.path, None))
    return sorted(found, key=str)


def closed_shapes() -> list[Node]:
    return sorted(shapes().subjects(SH.closed, Literal(True)), key=str)


def shape_of(file: Path) -> URIRef:
    return PSH[f"{file.parent.name}-{re.sub('-(in)?valid$', '', file.stem)}"]


def data_files(kind: str) -> list[Path]:
    files = sorted(DATA.glob(f"*/*-{kind}.ttl"))
    return [f for f in files if (shape_of(f), None, None) not in shapes_of_ontology()]


def file_of(shape: Node, kind: str) -> Path:
    folder, _, constraint = str(shape).removeprefix(PSH).partition("-")
    return DATA / folder / f"{constraint}-{kind}.ttl"


def label(value: object) -> str:
    """The name of a parametrised case: the last two parts of a file, or a shape's own name."""
    return "/".join(value.parts[-2:]) if isinstance(value, Path) else str(value).removeprefix(PSH)


def entries(graph: Graph) -> set[Node]:
    """The entries a graph describes and their fragments, not the stubs of what they link to."""
    described = {s for s, p in graph.subject_predicates() if p != RDF.type or "#" in str(s)}
    return {s for s in described if str(s).startswith(ENTRIES)}


def results(data: Graph, focus: set[Node], shapes_graph: Graph) -> set[tuple[Node, Node]]:
    """(source shape, severity) of every result about the focus nodes.

    The option ``focus_nodes`` of pySHACL is not used: with it, 0.40 skips sh:node and sh:or for
    every value that is not a focus node itself, so that a concept of the wrong scheme passes.
    """
    _, report, _ = pyshacl.validate(
        data, shacl_graph=shapes_graph, inference="none", advanced=False
    )
    assert isinstance(report, Graph)
    return {
        (shape, severity)
        for result in report.objects(None, SH.result)
        if report.value(result, SH.focusNode) in focus
        for shape in report.objects(result, SH.sourceShape)
        for severity in report.objects(result, SH.resultSeverity)
    }


def check(file: Path) -> set[tuple[Node, Node]]:
    """Results for a test file; a helper without a target is applied to what the file describes."""
    data = parsed([file])
    owners = set(shapes().subjects(SH.property, shape_of(file)))
    if any((owner, SH.targetClass, None) in shapes() for owner in owners):
        return results(data, entries(data), shapes())
    targeted = shapes() + Graph()
    for node in set(data.subjects()):
        for owner in owners:
            targeted.add((owner, SH.targetNode, node))
    return results(data, set(data.subjects()), targeted)


def with_stubs(graph: Graph) -> Graph:
    """The graph, and a type for every entry that it links to without describing it."""
    known = set(graph.subjects(RDF.type, None))
    for node in set(graph.objects()) - known:
        if isinstance(node, URIRef) and node.startswith(ENTRIES) and "#" not in node:
            graph.add((node, RDF.type, CLASSES[node.removeprefix(ENTRIES).split("/")[0]]))
    return graph


@pytest.mark.parametrize("file", data_files("valid"), ids=label)
def test_valid_file_is_not_reported(file: Path) -> None:
    found = check(file)
    assert shape_of(file) not in {shape for shape, _ in found}
    assert SH.Violation not in {severity for _, severity in found}


@pytest.mark.parametrize("file", data_files("invalid"), ids=label)
def test_invalid_file_is_reported_by_its_shape_alone(file: Path) -> None:
    found = check(file)
    shape = shape_of(file)
    severity = shapes().value(shape, SH.severity)
    assert (shape, severity) in found
    assert {s for s, level in found if level == SH.Violation} <= {shape}


@pytest.mark.parametrize("shape", property_shapes(), ids=label)
def test_property_shape_is_named_and_explained(shape: Node) -> None:
    assert isinstance(shape, URIRef)
    assert re.fullmatch(r"[A-Z][A-Za-z]+(-[A-Za-z0-9]+)+", str(shape).removeprefix(PSH))
    for text in (SH.name, SH.message, SH.description):
        languages = [getattr(o, "language", None) for o in shapes().objects(shape, text)]
        assert languages.count("en") == 1, text
    assert shapes().value(shape, SH.severity) in (SH.Violation, SH.Warning)
    assert shapes().value(shape, SH.order) is not None


@pytest.mark.parametrize("kind", ["valid", "invalid"])
def test_every_property_shape_owns_a_file(kind: str) -> None:
    assert [s for s in property_shapes() if not file_of(s, kind).is_file()] == []


def test_no_file_is_without_a_shape() -> None:
    known = set(property_shapes())
    assert [
        f for f in data_files("valid") + data_files("invalid") if shape_of(f) not in known
    ] == []


def test_every_property_shape_is_used() -> None:
    assert [s for s in property_shapes() if (None, SH.property, s) not in shapes()] == []


def test_every_helper_is_defined_and_used() -> None:
    helpers = {s for s in shapes().subjects() if str(s).startswith(f"{PSH}ConceptOf-")}
    helpers -= set(property_shapes())
    assert set(shapes().objects(None, SH.node)) == helpers


def test_recommendations_warn_and_nothing_else_does() -> None:
    for shape in property_shapes():
        expected = SH.Warning if str(shape).endswith("-recommended") else SH.Violation
        assert shapes().value(shape, SH.severity) == expected, shape


def test_shapes_are_core_only() -> None:
    assert [p for p in NOT_CORE if (None, p, None) in shapes()] == []


def test_every_pattern_has_a_length_limit() -> None:
    patterned = set(shapes().subjects(SH.pattern, None))
    assert [s for s in patterned if (s, SH.maxLength, None) not in shapes()] == []


def test_no_named_shape_is_declared_twice() -> None:
    files = [f for f in (ROOT / "shapes").glob("*.ttl") if f.name != "ontology.ttl"]
    declared = [s for f in files for s in set(parsed([f]).subjects(RDF.type, None))]
    named = [s for s in declared if not isinstance(s, BNode)]
    assert len(named) == len(set(named))


@pytest.mark.parametrize("shape", closed_shapes(), ids=label)
def test_misspelt_property_is_told_as_a_warning(shape: Node) -> None:
    target = shapes().value(shape, SH.targetClass)
    file = next(f for f in data_files("valid") if f.parent.name == str(target).removeprefix(PSR))
    data = parsed([file])
    focus = next(s for s in entries(data) if (s, RDF.type, target) in data)
    assert (shape, SH.Warning) not in results(data, {focus}, shapes())
    data.add((focus, PSR.tittle, Literal("Repair café", lang="en")))
    assert (shape, SH.Warning) in results(data, {focus}, shapes())


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="no examples in this checkout")
def test_examples_conform() -> None:
    examples = parsed(EXAMPLES.glob("*.ttl"))
    assert entries(examples)
    data = with_stubs(examples + parsed((ROOT / "ontology" / "schemes").glob("*.ttl")))
    found = results(data, entries(examples), shapes())
    assert {s for s, severity in found if severity == SH.Violation} == set()
