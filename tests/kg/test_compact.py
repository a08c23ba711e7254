"""Our JSON-LD is what a JSON-LD processor makes of the same triples, and loses none of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
from pyld import jsonld

from kg.entries.jsonld_writer import MAX_NESTED, entry_object, flat
from kg.entries.reading import read_entry
from kg.entry import Entry, make, name_of
from kg.stores.embedded import EmbeddedStore
from kg.vocabulary import PSR, RDF_TYPE, XSD, context, graphs
from tests.kg.helpers import BASE, ID, JSONLD, turtle, world

OPTIONS = {"embed": "@always", "omitGraph": True}
DATA = Path(__file__).parents[1] / "data"
EXAMPLES = Path(__file__).parents[2] / "ontology" / "examples"
#: every character that cuts a line somewhere, or vanishes, or is no letter of its own
ODD = "\t\n\r \x80\x85\x9f\xa0\xad\u0301\u061c\u200b\u200e\u2028\u2029\u202e\u2066\ufeff\ufffd"
FURTHER = "\U0001f600\U0001f468\u200d\U0001f469\U000e0001\U0010fffd\\\"'<>&{}[]@_:"


def parsed(document: dict[str, Any]) -> set[str]:
    """The triples of a document without its context, as another parser reads them."""
    data = json.dumps({"@context": context()} | document, ensure_ascii=False).encode()
    return {str(quad.triple) for quad in ox.parse(data, format=ox.RdfFormat.JSON_LD)}


def written(triples: Iterable[ox.Triple]) -> set[str]:
    return {str(triple) for triple in triples}


def framed(entry: Entry) -> dict[str, Any]:
    """What PyLD makes of an entry: the oracle."""
    expanded = jsonld.from_rdf(entry.n_triples(), {"format": "application/n-quads"})
    found = jsonld.frame(expanded, {"@context": context(), "@id": entry.iri}, OPTIONS)
    return {key: value for key, value in found.items() if key != "@context"}


def features(entry: Entry) -> Iterator[tuple[str, ...]]:
    """What may be written in a way of its own: properties with the kinds of their values."""
    for triple in entry.triples:
        part = "part" if name_of(triple.subject) != entry.iri else "root"
        value = triple.object
        kind = value.datatype.value if isinstance(value, ox.Literal) else "link"
        known = sum(triple.predicate == t.predicate for t in entry.triples)
        yield part, triple.predicate.value, kind, "many" if known > 1 else "one"


def telling(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries that show something which those before did not."""
    seen: set[tuple[str, ...]] = set()
    for entry in entries:
        shown = set(features(entry))
        if not shown <= seen:
            seen |= shown
            yield entry


def data_entries() -> Iterator[Entry]:
    for file in [*sorted(DATA.glob("*/*.ttl")), *sorted(EXAMPLES.glob("*.ttl"))]:
        triples = [q.triple for q in ox.parse(file.read_bytes(), format=ox.RdfFormat.TURTLE)]
        names = sorted({name_of(t.subject).partition("#")[0] for t in triples})
        for name in filter(lambda name: "/id/" in name, names):
            own = [t for t in triples if name_of(t.subject).partition("#")[0] == name]
            plain = all(not isinstance(n, ox.BlankNode) for t in own for n in (t.subject, t.object))
            if plain and own and isinstance(own[0].subject, ox.NamedNode):
                yield make(name, own)


def test_entries_are_as_pyld_writes_them(starter_store: EmbeddedStore) -> None:
    entries = [*telling([*starter_store.entries(), *data_entries()]), *world().values()]
    assert len(entries) > 60
    assert [e.iri for e in entries if entry_object(e) != framed(e)] == []


def test_vocabularies_are_as_pyld_writes_them() -> None:
    for name, triples in [*graphs()][::-5]:
        text = "".join(f"{triple} .\n" for triple in triples)
        expanded = jsonld.from_rdf(text, {"format": "application/n-quads"})
        found = jsonld.compact(expanded, context(), {"graph": True})
        assert flat(triples) == {"@graph": found["@graph"]}, name


def test_no_triple_of_the_starter_graph_is_lost(starter_store: EmbeddedStore) -> None:
    entries = list(starter_store.entries())
    document = {"@graph": [entry_object(entry) for entry in entries]}
    assert parsed(document) == written(t for entry in entries for t in entry.triples)


EVERYTHING = """<id/practice/x> a psr:Practice, psr:Foo, <http://e/> ; dct:title "X"@en, "Y" ;
    dct:alternative "A"@en, "B"@en, "C", "D"@hr ; dct:description <http://a/b>, "5"^^xsd:date ;
    dct:identifier "x", <http://c/d>, "z"@en, 5 ; psr:budget 4, "x", "y"@en, <http://e/f> ;
    psr:addresses "link", <id/challenge/y>, "l"@en, <https://w3id.org/passerelle/voc/> ;
    dct:subject theme:energy, <https://w3id.org/passerelle/voc///theme>, <https://schema.org/> ;
    owl:sameAs <http://x/y>, "text" ; schema:startDate "2018"^^xsd:gYear, "2018-01-01"^^xsd:date ;
    psr:durationMonths "7" ; psr:solution "a"@en, "b"@en ; psr:abstained true, false ;
    psr:extra (1 2 3), () ; psr:willingToMentor "x", true ; <http://e/p#> "" ; psr: "no name" ;
    <https://w3id.org/passerelle/ns#//p> 1 ; <http://e/title> "other"@en ;
    psr:hasOutcome [ a psr:Outcome ; psr:value 2 ], [ psr:value 1 ], <id/practice/x#me>,
        <id/practice/x> ; psr:actor <id/practice/x#me>, <id/practice/x#nothing> .
    <id/practice/x#me> psr:unit "t" ; psr:actor <id/practice/x>, <id/practice/x#me> .
    <id/practice/x#a> psr:actor <id/practice/x#b> . <id/practice/x#b> psr:actor <id/practice/x#a> .
    <id/practice/x#stray> psr:unit "s"@sr-Latn ."""


def test_what_no_framing_keeps_is_kept() -> None:
    """Parts that nothing leads to, circles, named lists, values of the wrong kind."""
    entry = turtle(EVERYTHING)
    assert parsed(entry_object(entry)) == written(entry.triples)
    assert parsed(flat(entry.triples)) == written(entry.triples)


def test_what_is_written_is_read_again() -> None:
    for entry in [turtle(EVERYTHING), *world().values()]:
        data = json.dumps(entry_object(entry), ensure_ascii=False).encode()
        assert read_entry(data, JSONLD, BASE) == entry


def chained(count: int, links: int = 1) -> Entry:
    """An entry whose parts lead from one to the next, by one property or by several."""
    parts = " ".join(
        f"<id/practice/x#n{n}> psr:p{link} <id/practice/x#n{n + 1}> ."
        for n in range(count)
        for link in range(links)
    )
    return turtle(
        f"<id/practice/x> a psr:Practice ; psr:p0 <id/practice/x#n0> . {parts}"
        f" <id/practice/x#n{count}> psr:unit 'end' ."
    )


@pytest.mark.parametrize("entry", [chained(4_900), chained(1_000, 4)], ids=["long", "manifold"])
def test_a_chain_of_parts_is_neither_too_deep_nor_told_twice(entry: Entry) -> None:
    tree = entry_object(entry)
    assert parsed(tree) == written(entry.triples)
    text = json.dumps(tree)
    assert text.count('"end"') == 1
    # Within the depth that is read: a level is an object, perhaps in a list.
    depth = max(text[:at].count("{") - text[:at].count("}") for at in range(0, 20_000, 7))
    assert depth <= MAX_NESTED + 3


def test_every_character_that_may_be_stored_is_kept() -> None:
    """PyLD reads N-Quads line by line as Python cuts lines: at U+0085, U+2028 and U+2029 too."""
    texts = [f"a{c}b" for c in ODD + FURTHER] + [ODD, FURTHER, FURTHER[::-1], "e\u0301 \u0301"]
    every = "".join(chr(c) for c in range(0x80, 0x3100) if chr(c) not in "\x7f")
    node, prop = ox.NamedNode(f"{ID}practice/x"), ox.NamedNode(PSR + "solution")
    plain = ox.NamedNode("http://purl.org/dc/terms/identifier")
    entry = make(
        node.value,
        [
            ox.Triple(node, RDF_TYPE, ox.NamedNode(PSR + "Practice")),
            *(ox.Triple(node, prop, ox.Literal(t, language="en")) for t in [*texts, every]),
            *(ox.Triple(node, plain, ox.Literal(t)) for t in [*texts, every]),
        ],
    )
    assert read_entry(entry.n_triples().encode(), "application/n-triples", BASE) == entry
    assert parsed(entry_object(entry)) == written(entry.triples)
    assert parsed(flat(entry.triples)) == written(entry.triples)
    document = json.dumps(entry_object(entry), ensure_ascii=False)
    assert read_entry(document.encode(), JSONLD, BASE) == entry


def test_a_large_entry_is_written_in_one_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Framing took 14 s for 4,900 texts: every value is looked at once."""
    looked: list[object] = []
    texts = ", ".join(f'"Text {n}"@en' for n in range(4_900))
    entry = turtle(f"<id/practice/x> a psr:Practice ; psr:lesson {texts} .")
    import kg.entries.jsonld_writer

    plainly = kg.entries.jsonld_writer._add

    def counted(body: Any, key: str, value: Any, *, many: bool = False) -> None:  # noqa: ANN401
        looked.append(value)
        plainly(body, key, value, many=many)

    monkeypatch.setattr(kg.entries.jsonld_writer, "_add", counted)
    assert len(entry_object(entry)["lesson"]["en"]) == 4_900
    assert len(looked) == len(entry.triples)


def test_blank_nodes_and_repeated_triples_of_an_answer_are_written_flat() -> None:
    a, b = ox.BlankNode("a"), ox.BlankNode("b")
    prop, number = ox.NamedNode(PSR + "hasReason"), ox.NamedNode(XSD + "integer")
    triples = [ox.Triple(a, prop, b), ox.Triple(b, prop, ox.Literal("1", datatype=number))] * 2
    assert [node["id"] for node in flat(triples)["@graph"]] == ["_:a", "_:b"]
    assert len(parsed(flat(triples))) == 2


def test_our_context_can_be_turned_round() -> None:
    """Each property has one key: which of two would be taken is nobody's guess."""
    addresses = [d["@id"] if isinstance(d, dict) else d for d in context().values()]
    assert len(addresses) == len({str(a) for a in addresses})
