"""Check entries against the shapes, one by one or many in one graph, with pySHACL."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass

import pyoxigraph as ox
import pyshacl
from pyshacl.pytypes import SHACLExecutor
from rdflib import RDF, BNode, Graph, Literal, URIRef
from rdflib.namespace import SH
from rdflib.term import Node

from kg.entry import Entry, field_name
from kg.errors import Problem
from kg.text.i18n import gettext, mark
from kg.text.number_formats import number
from kg.vocabulary import RDF_TYPE, SKOS, turtle_files

XSD_STRING = ox.NamedNode("http://www.w3.org/2001/XMLSchema#string")
#: parts of one entry, and statements that are no texts, that are checked at most
MAX_PARTS, MAX_STATEMENTS = 300, 2_000
#: problems of one entry that are told
MAX_PROBLEMS = 500
_PARTS = mark("The entry has %(count)s parts; at most %(most)s are checked.")
_STATEMENTS = mark("The entry makes %(count)s statements; at most %(most)s are checked.")
#: what an IRI is: its classes, and the scheme if it is a concept
Kinds = Callable[[Iterable[str]], dict[str, list[str]]]
#: what shapes say that demands nothing
NOTED = (SH.name, SH.description, SH.message, SH.severity, SH.order, SH.group)
SEVERITY: dict[Node, str] = {SH.Violation: "violation", SH.Warning: "warning", SH.Info: "warning"}


@dataclass(frozen=True)
class Report:
    """The result of validating one entry."""

    problems: tuple[Problem, ...]

    @property
    def conforms(self) -> bool:
        """Whether there is no violation; warnings do not count."""
        return not self.violations

    @property
    def violations(self) -> list[Problem]:
        """The problems for which an entry is refused."""
        return [p for p in self.problems if p.severity == "violation"]

    @property
    def warnings(self) -> list[Problem]:
        """The problems that an entry is accepted with."""
        return [p for p in self.problems if p.severity == "warning"]


class Validator:
    """The shapes, parsed once. ``kinds`` says what the things are that an entry links to."""

    def __init__(self) -> None:
        self.shapes = _Graph()
        self._lock = threading.Lock()
        # The shapes say what is wrong with a date; rdflib would log each with a traceback.
        logging.getLogger("rdflib.term").setLevel(logging.ERROR)
        for file in turtle_files("shapes"):
            if file.name != "ontology.ttl":
                quads = ox.parse(file.read_bytes(), format=ox.RdfFormat.TURTLE)
                self.shapes.take(quad.triple for quad in quads)
        self._targets: dict[Node, list[Node]] = defaultdict(list)
        for shape, kind in list(self.shapes.subject_objects(SH.targetClass)):
            self._targets[kind].append(shape)
            self.shapes.remove((shape, SH.targetClass, kind))
        self._rules = _read(self.shapes)

    def twin(self) -> Validator:
        """A validator of the same shapes with a lock of its own."""
        twin = copy(self)
        twin._rules, twin._lock = _read(self.shapes), threading.Lock()
        return twin

    def validate(self, entry: Entry, kinds: Kinds) -> Report:
        """The report on one entry; some 10 ms."""
        return self.validate_many([entry], kinds)[entry.iri]

    def validate_many(self, entries: list[Entry], kinds: Kinds) -> dict[str, Report]:
        """The report on each entry by its IRI, all checked in one graph.

        Entries of one batch may link to each other. One that is too large to be checked in
        reasonable time is not, and its report says so.
        """
        too_large = {e.iri: Report((p,)) for e in entries if (p := _size_problem(e))}
        entries = [entry for entry in entries if entry.iri not in too_large]
        if not entries:
            return too_large
        data = _Graph()
        data.take(triple for entry in entries for triple in entry.triples)
        here = {node for entry in entries for node in entry.nodes()}
        for iri, classes in kinds({i for entry in entries for i in entry.linked()} - here).items():
            for kind in classes:
                predicate = SKOS + "inScheme" if kind.startswith("scheme:") else RDF_TYPE.value
                data.add((URIRef(iri), URIRef(predicate), URIRef(kind.removeprefix("scheme:"))))
        problems = self._problems(self._run(data, [URIRef(node) for node in here]))
        return too_large | {
            e.iri: _report([p for n in e.nodes() for p in problems.get(n, [])]) for e in entries
        }

    def _run(self, data: Graph, nodes: list[URIRef]) -> Graph:
        """Validate these nodes only, each against the shapes of its classes.

        pySHACL's own ``focus_nodes`` silently skips nested shapes, target classes would also
        check the stubs, and ``pyshacl.validate`` reads all shapes anew each time.
        """
        targets: dict[Node, list[URIRef]] = defaultdict(list)
        for node in nodes:
            kinds = data.objects(node, RDF.type)
            for shape in {shape for kind in kinds for shape in self._targets.get(kind, ())}:
                targets[shape].append(node)
        with self._lock:
            verdicts = [
                self._rules.lookup_shape_from_node(shape).validate(SHACLExecutor(), data, focus)
                for shape, focus in targets.items()
            ]
            report: Graph
            report, _ = pyshacl.Validator.create_validation_report(
                self._rules,
                all(conforms for conforms, _ in verdicts),
                [result for _, results in verdicts for result in results],
            )
        return report

    def _problems(self, results: Graph) -> dict[str, list[Problem]]:
        problems: dict[str, list[Problem]] = defaultdict(list)
        for result in results.subjects(RDF.type, SH.ValidationResult):
            known = dict(results.predicate_objects(result))
            focus, shape = str(known[SH.focusNode]), known[SH.sourceShape]
            prop = known.get(SH.resultPath)
            hint = self.shapes.value(shape, SH.description)
            problem = Problem(
                path=field_name(focus, str(prop if isinstance(prop, URIRef) else shape)),
                value=str(known[SH.value])[:500] if SH.value in known else None,
                message=gettext(str(known[SH.resultMessage])),
                hint=None if hint is None else gettext(str(hint)),
                shape=str(shape),
                severity=SEVERITY.get(known[SH.resultSeverity], "violation"),
            )
            problems[focus].append(problem)

        def order(p: Problem) -> tuple[str, ...]:
            return p.severity, p.path, p.shape or "", p.value or "", p.message

        return {node: sorted(set(some), key=order) for node, some in problems.items()}


def _read(shapes: Graph) -> pyshacl.ShapesGraph:
    """The shapes as pySHACL keeps them.

    It compares each statement of a shape with all that could be demanded, whenever it runs: what
    it has noted when it read the shapes is then left out.
    """
    rules = pyshacl.ShapesGraph(_Graph())
    for triple in shapes:
        rules.graph.add(triple)
    assert rules.shapes  # which reads them
    for noted in NOTED:
        rules.graph.remove((None, noted, None))
    return rules


class _Graph(Graph):
    """A graph with rdflib's plainest store, which takes half the time of its usual one.

    It is true, empty or not: pySHACL asks with each result, and this store counts one by one.
    """

    def __init__(self) -> None:
        super().__init__("SimpleMemory", bind_namespaces="none")

    def __bool__(self) -> bool:
        return True

    def take(self, triples: Iterable[ox.Triple]) -> None:
        """Add triples of the engine, which parses much faster."""
        for triple in triples:
            subject, predicate = _term(triple.subject), URIRef(triple.predicate.value)
            self.add((subject, predicate, _term(triple.object)))


def _term(term: ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple) -> Node:
    """A term of the store as rdflib has it."""
    match term:
        case ox.NamedNode():
            return URIRef(term.value)
        case ox.BlankNode():
            return BNode(term.value)
        case ox.Literal():
            plain = term.language or term.datatype == XSD_STRING
            return Literal(term.value, term.language, None if plain else term.datatype.value)
    raise ValueError(term)


def _size_problem(entry: Entry) -> Problem | None:
    """A problem of an entry that would keep the shapes busy for seconds."""
    parts = len(entry.nodes())
    objects = [triple.object for triple in entry.triples]
    statements = sum(not (isinstance(o, ox.Literal) and o.language) for o in objects)
    sizes = [(parts, MAX_PARTS, _PARTS), (statements, MAX_STATEMENTS, _STATEMENTS)]
    for count, most, text in sizes:
        if count > most:
            message = gettext(text, count=number(count), most=number(most))
            hint = gettext("Describe it in several entries that link to each other.")
            return Problem("", message, hint=hint)
    return None


def _report(problems: list[Problem]) -> Report:
    """Keep the worst MAX_PROBLEMS, and say how many there are besides."""
    if (more := len(problems) - MAX_PROBLEMS) <= 0:
        return Report(tuple(problems))
    kept = sorted(problems, key=lambda problem: problem.severity)[:MAX_PROBLEMS]
    left = gettext("%(count)s more problems are not listed.", count=number(more))
    return Report((*kept, Problem("", left, severity=kept[-1].severity)))
