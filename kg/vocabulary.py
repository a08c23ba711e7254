"""Namespaces, concept schemes and labels; the one place that finds the Turtle folders."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import pyoxigraph as ox

PSR = "https://w3id.org/passerelle/ns#"
VOC = "https://w3id.org/passerelle/voc/"
PSH = "https://w3id.org/passerelle/shapes#"
DCT = "http://purl.org/dc/terms/"
SKOS = "http://www.w3.org/2004/02/skos/core#"
SCHEMA = "https://schema.org/"
ORG = "http://www.w3.org/ns/org#"
PROV = "http://www.w3.org/ns/prov#"
GEO = "http://www.w3.org/2003/01/geo/wgs84_pos#"
XSD = "http://www.w3.org/2001/XMLSchema#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
FOAF = "http://xmlns.com/foaf/0.1/"

PREFIXES = {
    "psr": PSR,
    "voc": VOC,
    "dct": DCT,
    "skos": SKOS,
    "schema": SCHEMA,
    "org": ORG,
    "prov": PROV,
    "geo": GEO,
    "xsd": XSD,
    "rdf": RDF,
    "rdfs": RDFS,
    "owl": OWL,
    "foaf": FOAF,
}
RDF_TYPE = ox.NamedNode(RDF + "type")
#: the countries that NUTS writes otherwise than ISO 3166, and back
ISO = {"EL": "GR", "UK": "GB"}
NUTS = {iso: nuts for nuts, iso in ISO.items()}

#: class path in an entry's IRI -> its top class
CLASSES = {
    "practice": PSR + "Practice",
    "challenge": PSR + "Challenge",
    "actor": PSR + "Actor",
    "instrument": PSR + "Instrument",
    "transfer": PSR + "Transfer",
    "plan": PSR + "ActionPlan",
    "community": PSR + "Community",
    "call": PSR + "Call",
    "territory": PSR + "Territory",
    "match": PSR + "Match",
}
#: the levels of a territory, the most local first
LEVELS = ("municipality", "nuts3", "nuts2", "nuts1", "country")
ONTOLOGY = PSR.rstrip("#")


def local_name(iri: str) -> str:
    """The end of an IRI, behind its last / or #."""
    return iri.rsplit("/", 1)[-1].rsplit("#", 1)[-1]


def curie(iri: str) -> str:
    """Shorten an IRI by a prefix of ours, or leave it as it is."""
    for prefix, namespace in PREFIXES.items():
        if iri.startswith(namespace):
            return f"{prefix}:{iri.removeprefix(namespace)}"
    return iri


def folder(name: str) -> Traversable:
    """The folder ``ontology`` or ``shapes``, installed or in a checkout."""
    installed = files("kg") / name
    if installed.is_dir():
        return installed
    return Path(__file__).resolve().parent.parent / name


def turtle_files(name: str) -> list[Traversable]:
    """The Turtle files of a folder, and of ``schemes`` in it, by name."""
    folders = [f for f in (folder(name), folder(name) / "schemes") if f.is_dir()]
    turtle = (f for inside in folders for f in inside.iterdir() if f.name.endswith(".ttl"))
    return sorted(turtle, key=lambda f: f.name)


@lru_cache(maxsize=1)
def context() -> dict[str, Any]:
    """The JSON-LD context as a plain object."""
    document = json.loads((folder("ontology") / "context.jsonld").read_text("utf-8"))
    return dict(document["@context"])


@lru_cache(maxsize=1)
def decimals() -> frozenset[str]:
    """The properties whose values are decimal numbers."""
    terms = (term for term in context().values() if isinstance(term, dict))
    names = (term["@id"].split(":") for term in terms if term.get("@type") == "xsd:decimal")
    return frozenset(PREFIXES[prefix] + local for prefix, local in names)


@lru_cache(maxsize=1)
def graphs() -> tuple[tuple[str, list[ox.Triple]], ...]:
    """The graph name and triples of every scheme and of the ontology, parsed once."""
    schemes: list[tuple[str, list[ox.Triple]]] = []
    core: list[ox.Triple] = []
    for file in turtle_files("ontology"):
        triples = [
            ox.Triple(q.subject, q.predicate, q.object)
            for q in ox.parse(file.read_bytes(), format=ox.RdfFormat.TURTLE)
        ]
        if file.name in {"core.ttl", "alignments.ttl"}:
            core += triples
        else:
            schemes.append((VOC + file.name.removesuffix(".ttl"), triples))
    return (*schemes, (ONTOLOGY, core))


@dataclass
class Vocabulary:
    """Concepts with labels, schemes, parents and ranks; the labels of our own terms too."""

    labels: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    definitions: dict[str, str] = field(default_factory=dict)
    scheme: dict[str, str] = field(default_factory=dict)
    broader: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    rank: dict[str, int] = field(default_factory=dict)

    def label(self, iri: str, lang: str = "en") -> str:
        """The label in ``lang``, else English, else the end of the IRI."""
        known = self.labels.get(iri, {})
        return known.get(lang) or known.get("en") or local_name(iri)

    def names(self, iri: str) -> list[str]:
        """The labels of a concept in all languages."""
        return list(self.labels.get(iri, {}).values())

    def concepts(self, scheme: str) -> list[str]:
        """The concepts of a scheme (by its short name), by IRI."""
        return sorted(c for c, s in self.scheme.items() if s == VOC + scheme)

    def ancestors(self, iri: str) -> list[str]:
        """The concept and everything broader, nearest first."""
        chain = [iri]
        for concept in chain:  # which grows meanwhile
            chain += [c for c in sorted(self.broader.get(concept, ())) if c not in chain]
        return chain

    def find(self, scheme: str, value: str) -> str | None:
        """The concept that ``value`` (a slug or IRI) names in a scheme, if any."""
        iri = value if value.startswith(VOC) else f"{VOC}{scheme}/{value}"
        return iri if self.scheme.get(iri) == VOC + scheme else None


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """Read the ontology and the schemes once; about 50 ms."""
    words = Vocabulary()
    for _, triples in graphs():
        for triple in triples:
            subject, value = triple.subject, triple.object
            if not isinstance(subject, ox.NamedNode) or isinstance(value, ox.BlankNode | ox.Triple):
                continue
            language = value.language if isinstance(value, ox.Literal) else None
            match triple.predicate.value.removeprefix(SKOS).removeprefix(PSR).removeprefix(RDFS):
                case "prefLabel" | "label":
                    words.labels[subject.value][language or "en"] = value.value
                case "definition":
                    words.definitions[subject.value] = value.value
                case "rank":
                    words.rank[subject.value] = int(value.value)
                case "inScheme":
                    words.scheme[subject.value] = value.value
                case "broader":
                    words.broader[subject.value].add(value.value)
    return words
