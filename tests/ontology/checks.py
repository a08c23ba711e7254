"""Checks of Turtle and of the JSON-LD context; each returns what is wrong, sorted."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pyshacl
from rdflib import OWL, RDF, RDFS, SH, XSD, Graph, URIRef
from rdflib.namespace import DCTERMS, FOAF, ORG, PROV, SDO, SKOS, WGS, DefinedNamespace
from rdflib.term import Node

ONTOLOGY = "https://w3id.org/passerelle/ns"
PSR = ONTOLOGY + "#"
VOC = "https://w3id.org/passerelle/voc/"
LANGUAGES = {"en", "de", "fr", "it", "es", "pl", "hr", "lv"}

FOREIGN: dict[str, type[DefinedNamespace]] = {
    "http://purl.org/dc/terms/": DCTERMS,
    "http://www.w3.org/2004/02/skos/core#": SKOS,
    "https://schema.org/": SDO,
    "http://www.w3.org/ns/org#": ORG,
    "http://www.w3.org/ns/prov#": PROV,
    "http://xmlns.com/foaf/0.1/": FOAF,
    "http://www.w3.org/2003/01/geo/wgs84_pos#": WGS,
    "http://www.w3.org/ns/shacl#": SH,
    "http://www.w3.org/2002/07/owl#": OWL,
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": RDF,
    "http://www.w3.org/2000/01/rdf-schema#": RDFS,
    "http://www.w3.org/2001/XMLSchema#": XSD,
}


def triples(turtle: str) -> list[ox.Triple]:
    """Parse Turtle, with the base that files of the project use."""
    quads = ox.parse(turtle, format=ox.RdfFormat.TURTLE, base_iri="https://passerelle.example/")
    return [q.triple for q in quads]


def iris(turtle: str) -> set[str]:
    """Every IRI of a text, those of datatypes included."""
    return {iri for triple in triples(turtle) for part in triple for iri in _iris(part)}


def _iris(part: object) -> Iterator[str]:
    if isinstance(part, ox.NamedNode):
        yield part.value
    elif isinstance(part, ox.Literal):
        yield part.datatype.value


def is_own(iri: str) -> bool:
    """Whether an IRI is a term, a concept or a scheme of ours."""
    return iri.startswith((PSR, VOC)) or iri == ONTOLOGY


def declared(turtles: Iterable[str]) -> set[str]:
    """Our IRIs that some text gives a type."""
    found = {t.subject for text in turtles for t in triples(text) if _is_type(t)}
    return {s.value for s in found if isinstance(s, ox.NamedNode) and is_own(s.value)}


def _is_type(triple: ox.Triple) -> bool:
    return triple.predicate.value == str(RDF.type)


def undefined(turtle: str, known: set[str]) -> list[str]:
    """Our IRIs that a text uses and nobody declares."""
    return sorted(iri for iri in iris(turtle) if is_own(iri) and iri not in known)


def redeclared(turtle: str) -> list[str]:
    """Subjects that are not ours: an ontology says nothing about the terms of others."""
    return sorted({str(t.subject) for t in triples(turtle) if not _own_node(t.subject)})


def _own_node(node: object) -> bool:
    return isinstance(node, ox.NamedNode) and is_own(node.value)


def misspelt(turtle: str) -> list[str]:
    """IRIs in a well-known namespace that has no such term."""
    return sorted(iri for iri in iris(turtle) if not _known_term(iri))


def _known_term(iri: str) -> bool:
    for namespace, terms in FOREIGN.items():
        name = iri.removeprefix(namespace)
        if name not in (iri, "") and not (terms is RDF and name.startswith("_")):
            return name in terms
    return True


def strange_predicates(turtle: str) -> list[str]:
    """Predicates in a namespace that the project does not use."""
    known = (PSR, *FOREIGN)
    return sorted(
        {p for t in triples(turtle) if not (p := t.predicate.value).startswith(known)},
    )


def violations(data: Graph, shapes: Graph) -> set[tuple[Node, Node]]:
    """(shape, focus node) of everything that the shapes report."""
    _, report, _ = pyshacl.validate(data, shacl_graph=shapes, inference="none", advanced=False)
    assert isinstance(report, Graph)
    return {
        (shape, focus)
        for result in report.objects(None, SH.result)
        for shape in report.objects(result, SH.sourceShape)
        for focus in report.objects(result, SH.focusNode)
    }


def misplaced(graph: Graph) -> list[str]:
    """Concepts below one of another scheme or below themselves, or not named on top."""
    found = {str(c) for c in graph.subjects(RDF.type, SKOS.Concept) if not _well_placed(graph, c)}
    tops = set(graph.subject_objects(SKOS.topConceptOf))
    named = {(concept, scheme) for scheme, concept in graph.subject_objects(SKOS.hasTopConcept)}
    return sorted(found | {str(concept) for concept, _ in tops ^ named})


def _well_placed(graph: Graph, concept: Node) -> bool:
    parents = set(graph.transitive_objects(concept, SKOS.broader)) - {concept}
    schemes = {graph.value(node, SKOS.inScheme) for node in {concept, *parents}}
    looped = any((parent, SKOS.broader, concept) in graph for parent in parents)
    return len(schemes) == 1 and not looped and (concept, SKOS.broader, concept) not in graph


def untranslated(graph: Graph) -> list[str]:
    """Terms and concepts that lack a label in one of the project's languages."""
    found = []
    for node in set(graph.subjects(RDF.type, None)) - set(graph.subjects(DCTERMS.title, None)):
        labels = {*graph.objects(node, RDFS.label), *graph.objects(node, SKOS.prefLabel)}
        spoken = {getattr(label, "language", None) for label in labels}
        if not spoken >= LANGUAGES:
            found.append(str(node))
    return sorted(found)


def repeated_exact_matches(graph: Graph) -> list[str]:
    """Foreign concepts that two of ours claim to be: they would then be the same."""
    targets = list(graph.objects(None, SKOS.exactMatch))
    return sorted({str(t) for t in targets if targets.count(t) > 1})


def read_context(file: Path) -> dict[str, Any]:
    """The terms of a JSON-LD context."""
    terms: dict[str, Any] = json.loads(file.read_text("utf-8"))["@context"]
    return terms


def context_iris(terms: dict[str, Any]) -> dict[str, str]:
    """Key -> full IRI, for the keys that stand for one."""
    found = {}
    for key, value in terms.items():
        short = value.get("@id", "") if isinstance(value, dict) else str(value)
        prefix, colon, name = short.partition(":")
        if colon and prefix in terms:
            found[key] = f"{terms[prefix]}{name}"
    return found


def missing_in_context(terms: dict[str, Any], graph: Graph) -> list[str]:
    """Our classes and properties without a key of their own name."""
    keys = context_iris(terms)
    own = {str(s) for s in graph.subjects(RDFS.isDefinedBy, URIRef(ONTOLOGY))}
    return sorted(iri for iri in own if keys.get(iri.removeprefix(PSR)) != iri)


def context_errors(terms: dict[str, Any], known: set[str]) -> list[str]:
    """What a context must not have: defaults, remote contexts, terms that do not exist."""
    keys = context_iris(terms)
    wrong: list[str] = [k for k in ("@vocab", "@base", "@import", "@language") if k in terms]
    wrong += [k for k, v in terms.items() if isinstance(v, dict) and "@context" in v]
    wrong += [k for k, iri in keys.items() if is_own(iri) and iri not in known]
    wrong += [k for k, iri in keys.items() if not _known_term(iri)]
    return sorted(wrong)
