"""SPARQL 1.1 Protocol, query operation, line by line: what is sent and what must come back.

Sections: https://www.w3.org/TR/sparql11-protocol/ . A row is the section, what it says, the
request and the status and media type (or header) that must come back.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast
from urllib.parse import quote, urlencode

FORM, QUERY = "application/x-www-form-urlencoded", "application/sparql-query"
UPDATE = "application/sparql-update"
JSON, XML = "application/sparql-results+json", "application/sparql-results+xml"
PROBLEM, TURTLE = "application/problem+json", "text/turtle"
TSV, NT = "text/tab-separated-values", "application/n-triples"
RDFXML, JSONLD = "application/rdf+xml", "application/ld+json"
BOM = "\ufeff"
ASK = "ASK {}"
SELECT = "SELECT ?s { ?s a <https://w3id.org/passerelle/ns#Call> } ORDER BY ?s LIMIT 2"
CONSTRUCT = "CONSTRUCT { ?s a ?t } WHERE { ?s a ?t } LIMIT 2"
CALLS = "SELECT DISTINCT ?c { ?s a ?c }"
ENTRY = "https://passerelle.example/id/territory/HR"
THEMES = "https://w3id.org/passerelle/voc/theme"
IN_SCHEME = "http://www.w3.org/2004/02/skos/core#inScheme"
TERRITORY = "https://w3id.org/passerelle/ns#Territory"


class Case(NamedTuple):
    """One row of the table; ``sent`` are arguments of the test client's ``open``."""

    section: str
    says: str
    sent: dict[str, Any]
    status: int
    media: str | None = None
    headers: dict[str, str] = {}  # noqa: RUF012
    holds: str = ""


def get(accept: str = "*/*", method: str = "GET", **query: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"method": method, "query_string": urlencode(query, doseq=True),
            "headers": {"Accept": accept}}  # fmt: skip


def post(body: str | bytes, kind: str, accept: str = "*/*", **query: Any) -> dict[str, Any]:  # noqa: ANN401
    return get(accept, "POST", **query) | {"data": body, "content_type": kind}


def raw(query: str) -> dict[str, Any]:
    return {"method": "GET", "query_string": query}


CASES = [
    # 2.1.1 query via GET
    Case("2.1.1", "query via GET", get(query=ASK), 200, JSON, holds='"boolean":true'),
    Case("2.1.1", "HEAD is GET without a body", get(method="HEAD", query=ASK), 200, JSON),
    Case("2.1.1", "no body is needed, none is read", get(query=SELECT), 200, JSON),
    Case("2.1.1", "exactly one query", raw("query=ASK%7B%7D&query=ASK%7B%7D"), 400, PROBLEM),
    Case("2.1.1", "an empty query is none", get(query=" "), 400, PROBLEM, holds="empty"),
    Case("2.1.1", "percent-encoding is UTF-8", raw("query=ASK%7B%7D%23%C5%A1"), 200, JSON),
    Case("2.1.1", "a byte that is not UTF-8", raw("query=ASK%7B%7D%23%ff"), 400, PROBLEM,
         holds="UTF-8"),
    Case("2.1.1", "a NUL", raw("query=ASK%7B%7D%00"), 400, PROBLEM, holds="NUL"),
    # 2.1.2 query via POST with URL-encoded parameters
    Case("2.1.2", "urlencoded POST", post(urlencode({"query": ASK}), FORM), 200, JSON),
    Case("2.1.2", "charset may be said", post(urlencode({"query": ASK}), FORM + "; charset=UTF-8"),
         200, JSON),
    Case("2.1.2", "no query in the form", post("", FORM), 400, PROBLEM),
    Case("2.1.2", "a byte that is not UTF-8", post(b"query=ASK+%7B%7D+%23%ff", FORM), 400, PROBLEM),
    Case("2.1.2", "two queries", post(urlencode([("query", ASK), ("query", ASK)]), FORM),
         400, PROBLEM),
    Case("2.1.2", "a query in the address and one in the form",
         post(urlencode({"query": ASK}), FORM, query=ASK), 400, PROBLEM),
    Case("2.1.2", "a dataset in the form",
         post(urlencode({"query": CALLS, "default-graph-uri": ENTRY}), FORM), 200, JSON,
         holds=TERRITORY),
    # 2.1.3 query via POST directly
    Case("2.1.3", "direct POST", post(ASK, QUERY), 200, JSON),
    Case("2.1.3", "a dataset in the address",
         post(CALLS, QUERY, **{"default-graph-uri": ENTRY}), 200, JSON, holds=TERRITORY),
    Case("2.1.3", "another charset is not read", post(ASK, QUERY + "; charset=latin-1"),
         415, PROBLEM),
    Case("2.1.3", "a byte that is not UTF-8", post(b"ASK {} #\xff", QUERY), 400, PROBLEM),
    Case("2.1.3", "an empty body", post("", QUERY), 400, PROBLEM),
    Case("2.1.3", "another media type", post(ASK, "text/plain"), 415, PROBLEM),
    Case("2.1.3", "multipart is no form of the protocol", post(ASK, "multipart/form-data"),
         415, PROBLEM),
    # 2.1.4 RDF dataset
    Case("2.1.4", "default-graph-uri", get(query=CALLS, **{"default-graph-uri": ENTRY}), 200, JSON,
         holds=TERRITORY),
    Case("2.1.4", "several default graphs are merged",
         get(query=f"ASK {{ <{ENTRY}> a ?t . ?s <{IN_SCHEME}> ?v }}",
             **cast(dict[str, Any], {"default-graph-uri": [ENTRY, THEMES]})), 200, JSON,
         holds='"boolean":true'),
    Case("2.1.4", "only named graphs: the default graph is empty",
         get(query="ASK { ?s ?p ?o }", **{"named-graph-uri": ENTRY}), 200, JSON,
         holds='"boolean":false'),
    Case("2.1.4", "a named graph can be asked",
         get(query="ASK { GRAPH ?g { ?s ?p ?o } }", **{"named-graph-uri": ENTRY}), 200, JSON,
         holds='"boolean":true'),
    Case("2.1.4", "the protocol's dataset goes before FROM",
         get(query="SELECT DISTINCT ?c FROM <https://w3id.org/passerelle/voc/theme> { ?s a ?c }",
             **{"default-graph-uri": ENTRY}), 200, JSON, holds=TERRITORY),
    Case("2.1.4", "FROM is honoured",
         get(query=f"SELECT (COUNT(DISTINCT ?s) AS ?n) FROM <{ENTRY}> {{ ?s a ?c }}"), 200, JSON,
         holds='"value":"1"'),
    Case("2.1.4", "a graph that is not there is empty, and not fetched",
         get(query="ASK { ?s ?p ?o }", **{"default-graph-uri": "http://127.0.0.1:9/x"}), 200, JSON,
         holds='"boolean":false'),
    Case("2.1.4", "a graph that is no IRI", get(query=ASK, **{"default-graph-uri": "no iri"}),
         400, PROBLEM),
    *(Case("2.1.4", f"an empty parameter names no graph: {sent}",
           raw(f"query={quote('ASK { ?s ?p ?o }')}&{sent}"), 200, JSON, holds='"boolean":true')
      for sent in ("default-graph-uri=", "named-graph-uri=", "default-graph-uri=+",
                   "default-graph-uri=&named-graph-uri=&default-graph-uri=")),
    Case("2.1.4", "an empty parameter beside a graph",
         raw(f"query={quote(CALLS)}&default-graph-uri=&default-graph-uri={quote(ENTRY)}"), 200,
         JSON, holds=TERRITORY),
    *(Case("2.1.4", f"a graph that is no IRI is told: {name}={value[:9]}",
           get(query=ASK, **{name: value}), 400, PROBLEM, holds=name)
      for name in ("default-graph-uri", "named-graph-uri")
      for value in ("x", "../x", "<http://e/>", "http://e/a b", "a:" + "x" * 60_000)),
    Case("2.1.4", "very many graphs", post(urlencode({"query": ASK, "default-graph-uri": [
         f"http://e/{n}/{'x' * 990}" for n in range(90)]}, doseq=True), FORM), 413, PROBLEM),
    # 4.1.1.2 of the query language: the base is the address of the endpoint
    *(Case("2.1", f"relative IRIs: {query[:50]}", sent, 200, media, holds=iri)
      for query, media, iri in [
          ("CONSTRUCT { <s> <p> <#o> } {}", TURTLE, "/sparql#o>"),
          ("SELECT (<x> AS ?x) {}", JSON, "/x\""),
          ("BASE <http://e/a/> SELECT (<../x> AS ?x) {}", JSON, "http://e/x"),
          ("BASE <deep/> SELECT (<x> AS ?x) {}", JSON, "/deep/x\""),
          ("PREFIX p: <#> SELECT (p:x AS ?x) {}", JSON, "/sparql#x\"")]
      for sent in (get(query=query), post(query, QUERY), post(urlencode({"query": query}), FORM))),
    # a byte order mark, as Windows' editors write it
    *(Case("2.1", "a byte order mark before the query", sent, 200, JSON, holds='"boolean":true')
      for sent in (get(query=BOM + ASK), post((BOM + ASK).encode(), QUERY),
                   post(urlencode({"query": BOM + ASK}), FORM),
                   post(BOM.encode() + urlencode({"query": ASK}).encode(), FORM))),
    Case("2.1", "nothing but a byte order mark", get(query=BOM + " "), 400, PROBLEM, holds="empty"),
    # absurd lengths
    *(Case("2.1.7", f"absurdly long: {sent['query_string'][:60]}", sent, 400, PROBLEM)
      for query in [
          *(f"SELECT * {{}} {word} {sign}{'9' * digits}" for word in ("LIMIT", "OFFSET")
            for sign in ("", "-") for digits in (25, 4_000, 5_001)),
          f"ASK {{ ?s ?p {'9' * 6_000} }}", f"ASK {{ ?s ?p <a:{'x' * 60_000}> }}",
          f"ASK {{ GRAPH <a:{'x' * 60_000}> {{}} }}", f"ASK FROM <a:{'x' * 60_000}> {{}}",
          f"PREFIX a: <a:> ASK {{ ?s a:{'x' * 60_000} 1 }}", f"ASK {{ ?{'x' * 60_000} ?p 1 }}"]
      for sent in (get(query=query),)),
    *(Case("2.1.7", f"a parameter that nobody reads: {name}",
           post(urlencode({"query": ASK, name: "9" * 60_000}), FORM), 200, JSON)
      for name in ("timeout", "limit", "maxrows", "x")),
    *(Case("2.1.7", f"a format of absurd length: {name[:9]}",
           post(urlencode({"query": ASK, "format": name * 20_000}), FORM), 406, PROBLEM)
      for name in ("9", "json", "/", "é")),
    # 2.1.5 content negotiation
    Case("2.1.5", "SELECT as JSON", get(JSON, query=SELECT), 200, JSON),
    Case("2.1.5", "SELECT as XML", get(XML, query=SELECT), 200, XML),
    Case("2.1.5", "SELECT as CSV", get("text/csv", query=SELECT), 200, "text/csv"),
    Case("2.1.5", "SELECT as TSV", get("text/tab-separated-values", query=SELECT), 200,
         "text/tab-separated-values"),
    Case("2.1.5", "q-values decide", get(f"{JSON};q=0.2, {XML};q=0.9", query=SELECT), 200, XML),
    Case("2.1.5", "q=0 excludes", get(f"{JSON};q=0, */*;q=0.1", query=SELECT), 200,
         "application/json"),
    Case("2.1.5", "parameters of a media type do not matter",
         get(f"{JSON}; charset=utf-8", query=SELECT), 200, JSON),
    Case("2.1.5", "a wildcard of a type", get("text/*", query=SELECT), 200, "text/csv"),
    Case("2.1.5", "no Accept", {"method": "GET", "query_string": {"query": SELECT}}, 200, JSON),
    Case("2.1.5", "ASK as XML", get(XML, query=ASK), 200, XML, holds="<boolean>true</boolean>"),
    Case("2.1.5", "CONSTRUCT as Turtle", get(query=CONSTRUCT), 200, TURTLE),
    Case("2.1.5", "CONSTRUCT as N-Triples", get("application/n-triples", query=CONSTRUCT), 200,
         "application/n-triples"),
    Case("2.1.5", "CONSTRUCT as JSON-LD", get("application/ld+json", query=CONSTRUCT), 200,
         "application/ld+json"),
    Case("2.1.5", "CONSTRUCT as RDF/XML", get("application/rdf+xml", query=CONSTRUCT), 200,
         "application/rdf+xml"),
    Case("2.1.5", "DESCRIBE is a graph", get(query=f"DESCRIBE <{ENTRY}>"), 200, TURTLE),
    Case("2.1.5", "a table is no graph", get(TURTLE, query=SELECT), 406, PROBLEM),
    Case("2.1.5", "a graph is no table", get("text/csv", query=CONSTRUCT), 406, PROBLEM),
    Case("2.1.5", "format goes before Accept", get(JSON, query=SELECT, format="csv"), 200,
         "text/csv"),
    Case("2.1.5", "format in the form", post(urlencode({"query": ASK, "format": "xml"}), FORM),
         200, XML),
    Case("2.1.5", "an unknown format", get(query=SELECT, format="pdf"), 406, PROBLEM),
    Case("2.1.5", "the answer varies", get(query=ASK), 200, headers={"Vary": "Accept"}),
    *(Case("2.1.5", f"format={name} of a table", raw(f"query={quote(SELECT)}&format={name}"), 200,
           media)
      for name, media in [
          ("application/sparql-results+json", JSON), ("sparql-results+json", JSON),
          ("application/sparql-results%2Bxml", XML), ("application/sparql-results+xml", XML),
          ("SRJ", JSON), ("srx", XML), ("JSON", JSON), ("CSV", "text/csv"), ("Tsv", TSV),
          ("text/csv", "text/csv"), ("text%2Ftab-separated-values;charset=utf-8", TSV), ("", JSON),
          ("+", JSON), ("json&format=csv", JSON)]),
    *(Case("2.1.5", f"format={name} of a graph", raw(f"query={quote(CONSTRUCT)}&format={name}"),
           200, media)
      for name, media in [
          ("rdf+xml", RDFXML), ("application/rdf+xml", RDFXML), ("rdf%2Bxml", RDFXML),
          ("RDF", RDFXML), ("xml", RDFXML), ("rdf/xml", RDFXML), ("n-triples", NT),
          ("ntriples", NT), ("nt", NT), ("N-Triples", NT), ("application/n-triples", NT),
          ("ttl", TURTLE), ("Turtle", TURTLE), ("n3", TURTLE), ("text/turtle", TURTLE),
          ("json-ld", JSONLD), ("jsonld", JSONLD), ("ld+json", JSONLD),
          ("application/ld+json", JSONLD),
          ("json", JSONLD)]),
    Case("2.1.5", "a form's + in a format", post("format=application/sparql-results+json&query="
         + quote(ASK), FORM), 200, JSON),
    Case("2.1.5", "CSV of a named format has a file name", get(query=SELECT, format="csv"), 200,
         headers={"Content-Disposition": "attachment; filename=passerelle.csv"}),
    Case("2.1.5", "TSV of a named format has a file name", get(query=SELECT, format="tsv"), 200,
         headers={"Content-Disposition": "attachment; filename=passerelle.tsv"}),
    Case("2.1.5", "JSON of a named format has a file name", get(query=SELECT, format="json"), 200,
         headers={"Content-Disposition": "inline; filename=passerelle.json"}),
    # 2.1.6 and 2.1.7 success and failure
    Case("2.1.7", "a syntax error, with its place", get(query="SELECT *\n{ ?s ?p }"), 400, PROBLEM,
         holds="line 2, column 3, where it says ?s ?p }"),
    Case("2.1.7", "no query form", get(query="SELEC"), 400, PROBLEM),
    Case("2.1.7", "too long", get(query=ASK + "#" + "x" * 65_536), 413, PROBLEM),
    Case("2.1.7", "too many parameters", raw("query=ASK%7B%7D" + "&a=b" * 1_001), 400, PROBLEM),
    Case("2.1.7", "another method", {"method": "PUT", "data": ASK}, 405, PROBLEM,
         headers={"Allow": "GET"}),
    Case("2.1.7", "DELETE", {"method": "DELETE"}, 405, PROBLEM, headers={"Allow": "POST"}),
    Case("2.1.7", "OPTIONS", {"method": "OPTIONS"}, 200, headers={"Allow": "HEAD"}),
    # 2.2 update operation: refused, whatever its form
    Case("2.2.1", "update by form", post(urlencode({"update": "DROP ALL"}), FORM), 403, PROBLEM),
    Case("2.2.2", "update directly", post("DROP ALL", UPDATE), 403, PROBLEM),
    Case("2.2", "an update in the query", get(query="DROP ALL"), 403, PROBLEM),
    Case("2.2", "LOAD in the query", get(query="LOAD <http://127.0.0.1:9/>"), 403, PROBLEM),
    Case("2.2", "both query and update",
         post(urlencode({"query": ASK, "update": "DROP ALL"}), FORM), 403, PROBLEM),
    Case("2.2.3", "using-graph-uri belongs to updates",
         get(query=ASK, **{"using-graph-uri": ENTRY}), 403, PROBLEM),
    # 4 policy: security
    Case("4.1", "SERVICE", get(query="SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }"),
         403, PROBLEM, holds="SERVICE is refused"),
    Case("4.1", "SERVICE SILENT",
         get(query="SELECT * { SERVICE SILENT <http://127.0.0.1:9/> {} }"), 403, PROBLEM),
    Case("4.1", "SERVICE in EXISTS",
         get(query="ASK { FILTER EXISTS { { SERVICE <http://127.0.0.1:9/> {} } } }"), 403, PROBLEM),
    # HTTP and the open web
    Case("HTTP", "no sniffing", get(query=ASK), 200, headers={"X-Content-Type-Options": "nosniff"}),
    Case("CORS", "any origin may read", get(query=ASK), 200,
         headers={"Access-Control-Allow-Origin": "*"}),
    Case("CORS", "also an error", get(query="SELEC"), 400,
         headers={"Access-Control-Allow-Origin": "*"}),
    Case("CORS", "preflight", {"method": "OPTIONS", "headers": {
        "Origin": "https://lab.example", "Access-Control-Request-Method": "POST"}}, 200,
        headers={"Access-Control-Allow-Methods": "POST"}),
    Case("limits", "the limits are said", get(query=ASK), 200,
         headers={"Passerelle-Limits": "time=10, memory=1073741824, rows=100000"}),
]  # fmt: skip
