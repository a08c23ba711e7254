"""Entries as values: what is read from their triples."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from kg.entry import SLUG, Entry, Text, make, name_of, top_class, year
from kg.vocabulary import DCT, PSR, SCHEMA, XSD
from tests.kg.helpers import ACTOR, CHALLENGE, ID, INSTRUMENT, PRACTICE, SPLIT, practice, world

CAFE = world()[PRACTICE]


def test_parts_of_the_name() -> None:
    assert (CAFE.path, CAFE.slug) == ("practice", "repair-cafe")


@pytest.mark.parametrize(
    ("slug", "fits"),
    [("a", True), ("A-b.c_d9", True), ("x" * 120, True), ("x" * 121, False), ("", False),
     ("-a", False), ("a-", False), ("a/b", False), ("ä", False), ("a#b", False), ("a b", False),
     ("..", False), ("a\n", False)],
)  # fmt: skip
def test_slugs(slug: str, fits: bool) -> None:
    assert bool(SLUG.fullmatch(slug)) is fits


def test_texts_with_their_languages() -> None:
    title = DCT + "title"
    assert set(CAFE.texts(title)) == {
        Text("Repair café", "en", title),
        Text("Popravljaonica", "hr", title),
    }
    assert CAFE.text(title, "hr") == "Popravljaonica"
    assert CAFE.text(title, "de") == "Repair café"
    assert CAFE.text(DCT + "nothing") is None
    outcome = PRACTICE + "#outcome-1"
    assert CAFE.text(DCT + "description", node=outcome) == "Things mended"


def test_a_text_without_a_language_comes_last_but_comes() -> None:
    entry = practice(title="dct:title 'Bare', 'Naslov'@hr")
    assert entry.text(DCT + "title", "de") == "Naslov"
    assert practice(title="dct:title 'Bare'").texts(DCT + "title")[0].lang == "und"


def test_numbers() -> None:
    assert CAFE.number(PSR + "budget") == 1500.5
    assert CAFE.number(PSR + "value", PRACTICE + "#outcome-1") == 120
    assert CAFE.number(DCT + "title") is None
    assert CAFE.number(PSR + "nothing") is None


def test_links_leave_out_own_parts() -> None:
    assert CAFE.links(PSR + "hasOutcome") == [PRACTICE + "#outcome-1"]
    outside = {iri for iri in CAFE.linked() if iri.startswith(ID)}
    assert outside == {ACTOR, CHALLENGE, INSTRUMENT, SPLIT}


def test_nodes_are_the_entry_and_its_parts() -> None:
    assert CAFE.nodes() == [PRACTICE, PRACTICE + "#involvement-1", PRACTICE + "#outcome-1"]
    assert CAFE.values(PSR + "unit", PRACTICE + "#outcome-1") == [ox.Literal("things")]


def test_classes() -> None:
    assert top_class(CAFE) == "practice"
    assert top_class(world()[INSTRUMENT]) == "instrument"
    assert len(world()[INSTRUMENT].types) == 2
    assert top_class(make(PRACTICE, [])) == ""


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("schema:startDate '1994'^^xsd:gYear", 1994),
        ("schema:startDate '2019-05-01'^^xsd:date", 2019),
        ("schema:startDate 'long ago'", None),
        ("", None),
    ],
)
def test_years(line: str, found: int | None) -> None:
    assert year(practice(start=line), SCHEMA + "startDate") == found


def test_triples_are_sorted_and_written_as_in_a_store() -> None:
    node, prop = ox.NamedNode(PRACTICE), ox.NamedNode(PSR + "budget")
    kind = ox.NamedNode(XSD + "decimal")
    forms = [ox.Triple(node, prop, ox.Literal(text, datatype=kind)) for text in ("1.50", "1.5")]
    assert make(PRACTICE, forms[:1]) == make(PRACTICE, forms[1:])
    assert len(make(PRACTICE, forms).triples) == 1
    shuffled = list(CAFE.triples)[::-1]
    assert make(PRACTICE, shuffled) == CAFE


def test_entries_are_values() -> None:
    assert CAFE == world()[PRACTICE]
    assert hash(CAFE) == hash(world()[PRACTICE])
    assert CAFE != Entry(PRACTICE, CAFE.triples[1:])


def test_n_triples_are_read_by_a_standard_parser() -> None:
    found = ox.parse(CAFE.n_triples(), format=ox.RdfFormat.N_TRIPLES)
    assert [q.triple for q in found] == list(CAFE.triples)


def test_names_of_terms() -> None:
    triple = CAFE.triples[0]
    assert name_of(ox.NamedNode("http://e/")) == "http://e/"
    assert name_of(ox.Literal("x")) == "x"
    assert name_of(ox.BlankNode("b")) == "b"
    assert name_of(triple) == str(triple)
