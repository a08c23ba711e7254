"""What the endpoint and its data are: SPARQL Service Description and VoID, truly counted.

https://www.w3.org/TR/sparql11-service-description/ and https://www.w3.org/TR/void/
"""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pyoxigraph as ox

from kg.sparql.query import QueryEngine
from kg.sparql.scan import check_query
from kg.sparql.similar_to import SIMILAR
from kg.stores.protocol import Store
from kg.vocabulary import CLASSES, ONTOLOGY, PREFIXES, PSR, VOC

LICENCE = "http://creativecommons.org/licenses/by/4.0/"
_TOTALS = (
    "SELECT (COUNT(*) AS ?triples) (COUNT(DISTINCT ?s) AS ?subjects)"
    " (COUNT(DISTINCT ?p) AS ?properties) (COUNT(DISTINCT ?o) AS ?objects) { ?s ?p ?o }"
)
_CLASSES = "SELECT ?name (COUNT(DISTINCT ?s) AS ?n) { ?s a ?name } GROUP BY ?name ORDER BY ?name"
_GRAPHS = (
    "SELECT ?name (COUNT(*) AS ?n) { GRAPH ?name { ?s ?p ?o } }"
    " GROUP BY ?name HAVING (!STRSTARTS(STR(?name), %s)) ORDER BY ?name"
)
_NAMESPACES = PREFIXES | {
    "sd": "http://www.w3.org/ns/sparql-service-description#",
    "void": "http://rdfs.org/ns/void#",
    "fmt": "http://www.w3.org/ns/formats/",
}
_PREFIXES = "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in _NAMESPACES.items())
_FORMATS = (
    "fmt:SPARQL_Results_JSON , fmt:SPARQL_Results_XML , fmt:SPARQL_Results_CSV ,"
    " fmt:SPARQL_Results_TSV , fmt:Turtle , fmt:N-Triples , fmt:JSON-LD , fmt:RDF_XML"
)


@dataclass(frozen=True)
class Counts:
    """Totals by name, instances by class, and triples by graph other than entries."""

    totals: dict[str, int]
    classes: dict[str, int]
    graphs: dict[str, int]


class Describer:
    """Counts the graph once for each data version, by public queries."""

    def __init__(self, store: Store, queries: QueryEngine) -> None:
        self._store, self._queries = store, queries
        self._lock = threading.Lock()
        self._known: tuple[int, Counts] | None = None

    def counts(self) -> Counts:
        """Count what there is; raises what a query raises."""
        with self._lock:
            if self._known is None or self._known[0] != self._store.version():
                version = self._store.version()
                graphs = _GRAPHS % ox.Literal(self._store.base + "id/")
                counts = Counts(
                    {name: int(value) for name, value in next(self._rows(_TOTALS)).items()},
                    {row["name"]: int(row["n"]) for row in self._rows(_CLASSES)},
                    {row["name"]: int(row["n"]) for row in self._rows(graphs)},
                )
                self._known = (version, counts)
            return self._known[1]

    def _rows(self, query: str) -> Iterator[dict[str, str]]:
        body = self._queries.run(check_query(query), "csv").body.decode()
        yield from csv.DictReader(io.StringIO(body, newline=""))

    def service(self, endpoint: str) -> list[ox.Triple]:
        """The Service Description of the endpoint at this address."""
        counts, base = self.counts(), self._store.base
        contents = dict.fromkeys(counts.graphs, "Other statements of this installation.")
        contents |= {name: "A concept scheme." for name in contents if name.startswith(VOC)}
        contents |= {
            ONTOLOGY: "The ontology and its alignments.",
            base + "graph/provenance": "Who wrote which entry, when.",
        }
        named = " , ".join(
            f'[ a sd:NamedGraph ; sd:name {_iri(name)} ; dct:description "{contents[name]}"@en ;'
            f" sd:graph [ a sd:Graph ; void:triples {count} ] ]"
            for name, count in counts.graphs.items()
        )
        return _read(
            f"""
            {_iri(endpoint)} a sd:Service ; sd:endpoint {_iri(endpoint)} ;
                sd:supportedLanguage sd:SPARQL11Query ;
                sd:feature sd:UnionDefaultGraph ;
                sd:propertyFeature <{SIMILAR}> ;
                sd:resultFormat {_FORMATS} ;
                sd:defaultDataset [ a sd:Dataset ;
                    dct:description "Each entry is a named graph, named by the entry's IRI. The
 default graph is the union of these, of provenance, ontology and vocabularies."@en ;
                    sd:defaultGraph [ a sd:Graph ; void:triples {counts.totals["triples"]} ] ;
                    sd:namedGraph {named} ] .
            <{SIMILAR}> a sd:Feature .
            """
        )

    def dataset(self, host: str) -> list[ox.Triple]:
        """The VoID description of the data behind the service at this address."""
        counts, base = self.counts(), self._store.base
        parts = " , ".join(
            f"[ void:class {_iri(name)} ; void:entities {count} ]"
            for name, count in counts.classes.items()
        )
        entries = sum(counts.classes.get(iri, 0) for iri in CLASSES.values())
        return _read(
            f"""
            {_iri(host + ".well-known/void")} a void:DatasetDescription ;
                foaf:primaryTopic {_iri(base + "dataset")} .
            {_iri(base + "dataset")} a void:Dataset ;
                dct:title "Passerelle: social innovation in Europe"@en ;
                dct:license <{LICENCE}> ;
                void:sparqlEndpoint {_iri(host + "sparql")} ;
                void:uriSpace "{base}id/" ;
                void:vocabulary <{PSR}> , <{PREFIXES["dct"]}> , <{PREFIXES["skos"]}> ,
                    <{PREFIXES["prov"]}> , <{PREFIXES["org"]}> , <{PREFIXES["schema"]}> ;
                void:feature fmt:Turtle , fmt:N-Triples , fmt:JSON-LD ;
                void:triples {counts.totals["triples"]} ;
                void:distinctSubjects {counts.totals["subjects"]} ;
                void:distinctObjects {counts.totals["objects"]} ;
                void:properties {counts.totals["properties"]} ;
                void:classes {len(counts.classes)} ;
                void:entities {entries} ;
                void:classPartition {parts} .
            """
        )


def _iri(text: str) -> str:
    return str(ox.NamedNode(text))


def _read(turtle: str) -> list[ox.Triple]:
    quads = ox.parse(_PREFIXES + turtle.replace("\n", " "), format=ox.RdfFormat.TURTLE)
    return [ox.Triple(q.subject, q.predicate, q.object) for q in quads]
