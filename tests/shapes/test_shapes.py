"""Every property shape tells what it should, found by the files it owns.

``tests/data/Practice/title-invalid.ttl`` would belong to ``psh:Practice-title``: in its valid file
a shape is silent, in its invalid file it is reported and no other shape reports a violation.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from itertools import product
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
#: the shape that says it, and how bad it is
Verdict = tuple[Node, Node]
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


def results(data: Graph, shapes_graph: Graph) -> dict[Node, set[Verdict]]:
    """What is said of each node.

    The option ``focus_nodes`` of pySHACL is not used: with it, 0.40 skips sh:node and sh:or for
    every value that is not a focus node itself, so that a concept of the wrong scheme passes.
    """
    _, report, _ = pyshacl.validate(
        data, shacl_graph=shapes_graph, inference="none", advanced=False
    )
    assert isinstance(report, Graph)
    of_nodes: dict[Node, set[Verdict]] = defaultdict(set)
    for result in report.objects(None, SH.result):
        known = dict(report.predicate_objects(result))
        of_nodes[known[SH.focusNode]].add((known[SH.sourceShape], known[SH.resultSeverity]))
    return of_nodes


def apart(file: Path, number: int) -> Graph:
    """What a file says, with names of its own for what it describes."""
    graph, other = parsed([file]), Graph()
    names: dict[Node, Node] = {
        s: URIRef("#".join([f"{entry}-{number}", *fragment]))
        for s in graph.subjects()
        if isinstance(s, URIRef)
        for entry, *fragment in [s.split("#")]
    }
    for s, p, o in graph:
        other.add((names.get(s, s), p, names.get(o, o)))
    return other


@cache
def verdicts(kind: str) -> dict[Path, set[Verdict]]:
    """What is said of each file; in one graph, for pySHACL reads the shapes anew each time.

    A helper without a target is applied to what the file describes.
    """
    data, targeted, focus = Graph(), shapes() + Graph(), {}
    for number, file in enumerate(data_files(kind)):
        data += (own := apart(file, number))
        owners = set(shapes().subjects(SH.property, shape_of(file)))
        if any((owner, SH.targetClass, None) in shapes() for owner in owners):
            focus[file] = entries(own)
        else:
            focus[file] = set(own.subjects())
            for owner, node in product(owners, focus[file]):
                targeted.add((owner, SH.targetNode, node))
    of_nodes = results(data, targeted)
    return {file: {v for node in nodes for v in of_nodes[node]} for file, nodes in focus.items()}


def with_stubs(graph: Graph) -> Graph:
    """The graph, and a type for every entry that it links to without describing it."""
    known = set(graph.subjects(RDF.type, None))
    for node in set(graph.objects()) - known:
        if isinstance(node, URIRef) and node.startswith(ENTRIES) and "#" not in node:
            graph.add((node, RDF.type, CLASSES[node.removeprefix(ENTRIES).split("/")[0]]))
    return graph


def test_valid_files_are_not_reported() -> None:
    assert [
        label(file)
        for file, told in verdicts("valid").items()
        if any(shape == shape_of(file) or severity == SH.Violation for shape, severity in told)
    ] == []


def test_invalid_files_are_reported_by_their_shapes_alone() -> None:
    wrong = []
    for file, told in verdicts("invalid").items():
        shape = shape_of(file)
        others = {s for s, severity in told if severity == SH.Violation} - {shape}
        if others or (shape, shapes().value(shape, SH.severity)) not in told:
            wrong.append((label(file), told))
    assert wrong == []


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


def test_a_misspelt_property_is_told_as_a_warning() -> None:
    data, focus, told_before = Graph(), {}, []
    for number, shape in enumerate(closed_shapes()):
        target = shapes().value(shape, SH.targetClass)
        name = str(target).removeprefix(PSR)
        file = next(f for f in data_files("valid") if f.parent.name == name)
        data += (own := apart(file, number))
        focus[shape] = next(s for s in entries(own) if (s, RDF.type, target) in own)
        data.add((focus[shape], PSR.tittle, Literal("Repair café", lang="en")))
        told_before += [shape] if (shape, SH.Warning) in verdicts("valid")[file] else []
    of_nodes = results(data, shapes())
    silent = [s for s, node in focus.items() if (s, SH.Warning) not in of_nodes[node]]
    assert (told_before, silent) == ([], [])


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="no examples in this checkout")
def test_examples_conform() -> None:
    examples = parsed(EXAMPLES.glob("*.ttl"))
    assert entries(examples)
    data = with_stubs(examples + parsed((ROOT / "ontology" / "schemes").glob("*.ttl")))
    of_nodes = results(data, shapes())
    told = {verdict for node in entries(examples) for verdict in of_nodes[node]}
    assert {s for s, severity in told if severity == SH.Violation} == set()
