"""What a stranger may send as an entry, and every guard against what may not come in."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pyoxigraph as ox
import pytest
from rdflib import Graph

from kg.entries.jsonld import MAX_DEPTH, prepare
from kg.entries.reading import (
    MAX_ENTRY,
    MAX_LITERAL,
    MAX_TRIPLES,
    entry_of,
    parse,
    read_entry,
    slug_of,
)
from kg.entries.validation import Validator
from kg.entry import Entry, make
from kg.errors import KgError, Malformed, Refused, TooLarge, UnknownFormat
from kg.vocabulary import DCT, PSR, RDF_TYPE, SCHEMA, XSD, context
from tests.kg.conftest import Listener
from tests.kg.helpers import (
    BASE,
    HEADER,
    ID,
    JSONLD,
    NTRIPLES,
    PRACTICE,
    TURTLE,
    serialized,
    turtle,
    world,
)

THING = "<id/practice/x> a psr:Practice ; dct:title 'X'@en"
LIBRARY: dict[str, Any] = {"type": "Practice", "title": {"en": "Tool library"}}
TITLE = {"@value": "Tool library", "@language": "en"}


def thing(said: str) -> Entry:
    return turtle(f"{THING} ; {said} .")


def from_json(document: object) -> Entry:
    return read_entry(json.dumps(document).encode(), JSONLD, BASE)


def library(**extra: object) -> Entry:
    return from_json(LIBRARY | extra)


def problem_of(error: pytest.ExceptionInfo[Refused]) -> tuple[str, str]:
    problem = error.value.problems[0]
    return problem.path, problem.message


# What is read


@pytest.mark.parametrize("media", [TURTLE, NTRIPLES])
def test_written_entries_read_the_same(media: str) -> None:
    for entry in world().values():
        assert read_entry(entry.n_triples().encode(), media, BASE) == entry


def test_json_with_our_context_reads_like_turtle() -> None:
    entry = library(
        id=f"{ID}practice/x",
        title={"en": "X"},
        alternative={"en": ["A", "B"], "@none": "C"},
        subject=["voc:theme/energy"],
        budget=3.5,
        willingToMentor=True,
        year=2019,
        startDate={"type": "xsd:gYear", "@value": "2018"},
        hasOutcome={"type": "Outcome", "value": 3, "description": {"hr": "Nešto"}},
    )
    assert entry == thing(
        "dct:alternative 'A'@en, 'B'@en, 'C' ; dct:subject theme:energy ; psr:budget 3.5 ;"
        " psr:willingToMentor true ; psr:year '2019'^^xsd:gYear ;"
        " schema:startDate '2018'^^xsd:gYear ;"
        " psr:hasOutcome [ a psr:Outcome ; psr:value 3.0 ; dct:description 'Nešto'@hr ]"
    )


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (3.5, "3.5"),
        (3, "3"),
        (3.0, "3"),
        (1500, "1500"),
        (0, "0"),
        (-0.5, "-0.5"),
        (1e-7, "0.0000001"),
        (1e17, "100000000000000000"),
        (45.123456789, "45.123456789"),
        ("3.50", "3.5"),
        ({"type": "xsd:decimal", "@value": 3.5}, "3.5"),
    ],
)
def test_json_numbers_keep_their_value(number: object, written: str) -> None:
    (found,) = library(budget=number).values(PSR + "budget")
    assert found == ox.Literal(written, datatype=ox.NamedNode(XSD + "decimal"))


def test_whole_numbers_are_decimals_where_decimals_are_asked_for() -> None:
    assert thing("psr:budget 5 ; psr:durationMonths 5") == thing(
        "psr:budget 5.0 ; psr:durationMonths 5"
    )


def test_bare_texts_stay_without_a_language_for_the_shapes_to_see() -> None:
    entry = library(title="X", alternative=["A", "B"])
    assert [t.lang for t in entry.texts(DCT + "title")] == ["und"]
    assert [t.value for t in entry.texts(DCT + "alternative")] == ["A", "B"]


@pytest.mark.parametrize("reference", [None, "/context.jsonld", BASE + "context.jsonld"])
def test_a_reference_to_our_context_is_replaced_by_it(reference: str | None) -> None:
    sent = {"@context": reference} | LIBRARY if reference else LIBRARY
    assert json.loads(prepare(json.dumps(sent)))["@context"] == context()
    assert from_json(sent).iri == f"{ID}practice/tool-library"


def test_literals_are_read_as_a_store_writes_them() -> None:
    entry = thing("psr:budget 1.50 ; psr:durationMonths '007'^^xsd:nonNegativeInteger")
    assert entry == thing("psr:budget 1.5 ; psr:durationMonths 7")
    assert turtle("<id/actor/x> a psr:Actor ; dct:title 'X'@EN-gb .").texts(DCT + "title")[
        0
    ].lang == ("en-gb")


def test_escapes_in_texts_are_kept_as_texts() -> None:
    text = 'a "b" \\ \\u0041 \\\\u0041 \t\r\n <&> \u2028 \x85 😀'
    (found,) = library(identifier=text).texts(DCT + "identifier")
    assert found.value == text


# Names


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Tool library", "tool-library"),
        ("  Łódź & Besançon – Ærø! ", "lodz-besancon-ro"),
        ("Straße đ", "strase-d"),
        ("Αθήνα", "entry"),
        ("", "entry"),
        ("x" * 200, "x" * 80),
    ],
)
def test_slug_of_a_title_is_short_ascii(title: str, slug: str) -> None:
    assert slug_of(title) == slug


def test_blank_entry_is_named_by_its_class_and_title() -> None:
    assert turtle("[] a psr:ActionPlan ; dct:title 'My plan'@en, 'Zplan'@hr .").iri == (
        f"{ID}plan/my-plan"
    )


def test_blank_entry_takes_the_name_of_the_address() -> None:
    entry = turtle("[] a psr:Practice ; dct:title 'X'@en .", iri=f"{ID}practice/other")
    assert entry.iri == f"{ID}practice/other"


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("[] a psr:Practice .", "title", "no title"),
        ("<http://other.example/id/practice/x> a psr:Practice .", "id", "not a name"),
        ("<id/nothing/x> a psr:Practice .", "id", "not a name"),
        ("<id/practice/x#y> a psr:Practice .", "id", "not a name"),
        ("<id/practice/-x> a psr:Practice .", "id", "not a name"),
        (f"<id/practice/{'x' * 121}> a psr:Practice .", "id", "not a name"),
        ("<id/practice/x/y> a psr:Practice .", "id", "not a name"),
        ("<id/practice/x> dct:title 'X'@en .", "type", "what it is"),
        ("", "type", "what it is"),
        ("<id/practice/x> a psr:Outcome .", "type", "what it is"),
        ("<id/practice/x> a psr:Actor .", "type", "of the class Practice"),
        ("<id/practice/x> a psr:Practice, psr:Actor .", "type", "of the class Practice"),
        ("[] a psr:Practice, psr:Actor ; dct:title 'X'@en .", "type", "of the class"),
        ("[] a psr:Practice . [] a psr:Practice .", "type", "One entry"),
        ("<id/practice/x> a psr:Practice . <id/actor/y> a psr:Actor .", "type", "One entry"),
        ("<id/practice/x> a psr:Practice . <id/actor/y> psr:offers 'X'@en .", "id", "another"),
        ("<id/practice/x> a psr:Practice . [] psr:offers 'X'@en .", "id", "another"),
        ("<id/practice/x> a psr:Practice . _:a psr:p _:b . _:b psr:p _:a .", "id", "another"),
    ],
)
def test_one_entry_with_a_name_and_class_of_ours_is_expected(
    text: str, path: str, message: str
) -> None:
    with pytest.raises(Refused) as error:
        turtle(text)
    assert problem_of(error)[0] == path
    assert message in problem_of(error)[1]


def test_the_address_and_the_document_must_agree() -> None:
    with pytest.raises(Refused, match="names itself"):
        turtle(THING + " .", iri=f"{ID}practice/y")


def test_an_entry_without_class_at_its_address_is_told_the_class() -> None:
    with pytest.raises(Refused, match="of the class Practice"):
        turtle("<id/practice/x> dct:title 'X'@en .", iri=f"{ID}practice/x")


# Nested parts


def test_nested_parts_are_fragments_named_by_property_and_content() -> None:
    entry = thing("psr:hasOutcome [ psr:value 2 ], [ psr:value 1 ] ; psr:extra [ psr:unit 'a' ]")
    assert entry.nodes() == [
        f"{ID}practice/x{end}" for end in ("", "#extra-1", "#outcome-1", "#outcome-2")
    ]
    assert entry.number(PSR + "value", f"{ID}practice/x#outcome-1") == 1


def test_names_in_use_are_not_given_out_again() -> None:
    entry = thing(
        "psr:hasOutcome <id/practice/x#outcome-1>, [ psr:value 2 ] ."
        " <id/practice/x#outcome-1> psr:value 1"
    )
    assert [entry.number(PSR + "value", f"{entry.iri}#outcome-{n}") for n in (1, 2)] == [1, 2]


def test_parts_of_named_parts_are_named_too() -> None:
    entry = thing(
        "psr:hasAction <id/practice/x#a> . <id/practice/x#a> psr:hasActivity [ psr:unit 'b' ]"
    )
    assert entry.values(PSR + "unit", f"{entry.iri}#activity-1") == [ox.Literal("b")]


def test_equal_properties_of_different_vocabularies_do_not_merge_parts() -> None:
    entry = thing("psr:hasOutcome [ psr:unit 'a' ] ; <http://e/outcome> [ psr:unit 'b' ]")
    assert len(entry.nodes()) == 3


def test_a_part_used_twice_is_refused() -> None:
    with pytest.raises(Refused, match="two places"):
        thing("psr:hasOutcome _:a ; psr:hasEvidence _:a . _:a psr:value 1")


@pytest.mark.parametrize(
    "text",
    [
        "[] a psr:Practice ; dct:title 'X'@en ; psr:hasOutcome [ psr:p _:a ] .",
        "_:r a psr:Practice ; dct:title 'X'@en ; psr:hasOutcome _:r .",
        "_:r a psr:Practice ; dct:title 'X'@en ; psr:hasOutcome _:a . _:a psr:p _:r .",
        "<id/practice/x> a psr:Practice ; psr:p _:n0 . "
        + " ".join(f"_:n{n} psr:p _:n{n + 1} ." for n in range(3_000)),
    ],
)
def test_cycles_and_long_chains_end(text: str) -> None:
    """Only the first is a tree of a reasonable height; the rest must not recurse for ever."""
    if "[ psr:p" in text:
        assert len(turtle(text).nodes()) == 2
    else:
        with pytest.raises(Malformed, match="nested"):
            turtle(text)


def test_a_list_is_a_chain_of_parts() -> None:
    assert len(thing("psr:extra (1 2 3)").nodes()) == 4


class Story:
    """Makes valid nested content from a seed, and says it in any order."""

    PROPS = ("hasOutcome", "hasEvidence", "hasInvolvement", "extra")

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.root = ox.BlankNode()
        title = ox.Literal("Story", language="en")
        self.triples = [
            self._triple(self.root, DCT + "title", title),
            ox.Triple(self.root, RDF_TYPE, ox.NamedNode(PSR + "Practice")),
        ]
        self._grow(self.root, 4)

    @staticmethod
    def _triple(node: ox.BlankNode, prop: str, obj: ox.BlankNode | ox.Literal) -> ox.Triple:
        return ox.Triple(node, ox.NamedNode(prop), obj)

    def _grow(self, node: ox.BlankNode, height: int) -> None:
        for _ in range(self.random.randrange(4)):
            value = ox.Literal(self.random.choice("abc"), language=self.random.choice(["en", "hr"]))
            self.triples.append(self._triple(node, DCT + "description", value))
        for _ in range(self.random.randrange(4) if height else 0):
            child = ox.BlankNode()
            prop = PSR + self.random.choice(self.PROPS)
            self.triples.append(self._triple(node, prop, child))
            self._grow(child, height - 1)

    def told(self, seed: int) -> list[ox.Triple]:
        """The same with other names of blank nodes and in another order."""
        other = random.Random(seed)
        names: dict[str, ox.BlankNode] = {}

        def renamed(node: Any) -> Any:  # noqa: ANN401
            if not isinstance(node, ox.BlankNode):
                return node
            return names.setdefault(node.value, ox.BlankNode(f"n{other.randrange(10**12)}"))

        found = [
            ox.Triple(renamed(t.subject), t.predicate, renamed(t.object)) for t in self.triples
        ]
        other.shuffle(found)
        return found


@pytest.mark.parametrize("seed", range(25))
def test_names_of_parts_do_not_depend_on_order_or_blank_node_names(seed: int) -> None:
    story = Story(seed)
    entries = {entry_of(story.told(number), BASE).n_triples() for number in range(4)}
    assert len(entries) == 1


@pytest.mark.parametrize("seed", range(25))
def test_any_entry_survives_being_written_and_read_again(seed: int) -> None:
    entry = entry_of(Story(seed).triples, BASE)
    assert read_entry(entry.n_triples().encode(), NTRIPLES, BASE) == entry
    assert make(entry.iri, list(entry.triples)) == entry


# Size and depth


def test_formats_are_few() -> None:
    for media in ("application/rdf+xml", "application/trig", "application/n-quads", ""):
        with pytest.raises(UnknownFormat):
            parse(b"", media)


@pytest.mark.parametrize("media", [TURTLE, NTRIPLES, JSONLD])
def test_size_is_limited(media: str) -> None:
    with pytest.raises(TooLarge):
        parse(b" " * (MAX_ENTRY + 1), media)


def test_number_of_triples_is_limited() -> None:
    with pytest.raises(TooLarge):
        thing("psr:extra " + ", ".join(map(str, range(MAX_TRIPLES))))


@pytest.mark.parametrize("pair", ["[]", "()", "{}"])
@pytest.mark.parametrize("times", [MAX_DEPTH + 1, 20_000])
def test_depth_of_turtle_is_limited(pair: str, times: int) -> None:
    part = " psr:p " if pair == "[]" else " "
    with pytest.raises(Malformed, match="nested"):
        thing("psr:p" + (pair[0] + part) * times + "1" + pair[1] * times)


def test_depth_of_turtle_cannot_hide_behind_an_escape() -> None:
    with pytest.raises(Malformed, match="nested"):
        thing("psr:q <http://e/\\u0041#> ; psr:p " + "[ psr:p " * 100 + "1" + " ]" * 100)


@pytest.mark.parametrize("pair", ["[]", "{}"])
@pytest.mark.parametrize("times", [MAX_DEPTH + 1, 50_000])
def test_depth_of_json_is_limited(pair: str, times: int) -> None:
    opening = '{"hasOutcome":' if pair == "{}" else "["
    with pytest.raises(Malformed, match="nested"):
        parse((opening * times + "1" + pair[1] * times).encode(), JSONLD)


@pytest.mark.parametrize(
    "text", ['{"a": "' + '\\"' * 200_000, '"' * 200_001, '{"a": "' + "\\" * 200_001]
)
def test_hostile_json_strings_come_to_an_end(text: str) -> None:
    with pytest.raises(Malformed):
        prepare(text)


def test_brackets_in_json_strings_are_not_depth() -> None:
    assert library(identifier='[[{"' * 50).slug == "tool-library"


# Encoding


@pytest.mark.parametrize("media", [TURTLE, NTRIPLES, JSONLD])
@pytest.mark.parametrize("data", [b"\xff", "\ud800".encode("utf-8", "surrogatepass"), b"a\x80"])
def test_bytes_that_are_no_utf8_are_malformed(media: str, data: bytes) -> None:
    with pytest.raises(Malformed, match="UTF-8"):
        parse(data, media)


@pytest.mark.parametrize(
    "text", ["<", "a b c", "@prefix", "<a> <b>", "<id/x> a 'open .", "GRAPH <http://g> { }", "\0"]
)
def test_broken_turtle_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        turtle(text)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "1", '"a"', "null", "{'a': 1}", "\ufeff\ufeff{}", "[[]]", "[1]",
     '{"a": NaN}', '{"a": -Infinity}',
     '{"a": ' + "1" * 5_000 + "}", '{"type": "Practice", "type": "Practice"}'],
)  # fmt: skip
def test_broken_json_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text.encode(), JSONLD)


@pytest.mark.parametrize("media", [TURTLE, NTRIPLES])
@pytest.mark.parametrize("escape", ["\\ud800", "\\udfff", "\\uD83D\\uDE00", "\\UFFFFFFFF"])
def test_surrogate_escapes_in_turtle_are_malformed(media: str, escape: str) -> None:
    with pytest.raises(Malformed):
        parse(f'<http://e/a> <http://e/b> "{escape}" .'.encode(), media)


@pytest.mark.parametrize(
    "said",
    [
        '"title": {"en": "\\ud800"}',
        '"title": {"en": ["a", "\\udc00"]}',
        '"title": {"\\ud800": "a"}',
        '"title": "\\ud800"',
        '"alternative": ["\\ud800"]',
        '"identifier": "\\ud800"',
        '"identifier": [["\\ud800"]]',
        '"identifier": {"@value": "\\ud800"}',
        '"identifier": {"@value": "a", "@language": "\\ud800"}',
        '"source": "http://e/\\ud800"',
        '"id": "\\ud800"',
        '"hasOutcome": {"id": "_:\\ud800"}',
        '"type": "\\ud800"',
        '"\\ud800": "a"',
    ],
)
def test_lone_surrogates_in_json_are_refused_and_can_be_told(said: str) -> None:
    with pytest.raises(Refused) as error:
        parse(f"{{{said}}}".encode(), JSONLD)
    for problem in error.value.problems:
        json.dumps(problem.as_dict(), ensure_ascii=False).encode("utf-8")


def test_a_pair_of_surrogates_is_a_character() -> None:
    data = b'{"type": "Practice", "title": {"en": "\\ud83d\\ude00"}}'
    assert read_entry(data, JSONLD, BASE).text(DCT + "title") == "😀"


# JSON-LD: contexts, keys and values


@pytest.mark.parametrize("place", ["own", "inner", "list", "twice"])
def test_a_remote_context_is_refused_and_never_fetched(place: str, listener: Listener) -> None:
    remote: Any = listener.url + "c"
    sent: dict[str, dict[str, Any]] = {
        "own": {"@context": remote},
        "inner": {"hasOutcome": {"@context": remote}},
        "list": {"hasOutcome": [[{"@context": remote}]]},
        "twice": {"@context": ["/context.jsonld", remote]},
    }
    with pytest.raises(Refused):
        library(**sent[place])


def test_a_foreign_context_with_the_name_of_ours_is_not_fetched(listener: Listener) -> None:
    assert library(**{"@context": listener.url + "context.jsonld"}).slug == "tool-library"


@pytest.mark.parametrize(
    "inline",
    [{"@import": "http://e/c"}, {"@vocab": "http://e/"}, {"@base": "http://e/"}, 1, "", {"a": "x"},
     "http://e/c", ["/context.jsonld", "http://e/c"], {"a": None}, {"a": 5}, {"": "http://e/a"},
     {"@a": "http://e/a"}, {"@language": "en"}, {"a": "@graph"}, {"a": "@reverse"}, {"a": {}},
     {"a": {"@id": "http://e/a", "@context": "http://e/c"}}, {"a": {"@reverse": "http://e/a"}},
     {"a": {"@id": "http://e/a", "@type": "@json"}}, {"a": {"@id": "http://e/a", "@prefix": True}},
     {"a": {"@id": "http://e/a", "@container": "@index"}}, {"a": "nowhere:b"}, {"a": ["http://e/"]},
     {"a": "b:c", "b": "a:d"}, {"a": "b:c", "b": "dct:d/"}, {"a": "http://e/" + "x" * 2_000},
     {"a": "http://exa mple/"}, {"a": "urn:x:"}, {"\ud800": "x"}, {"a": "\ud800"}, [[]]],
)  # fmt: skip
def test_a_context_that_is_fetched_or_does_more_than_declare_names_is_refused(
    inline: object,
) -> None:
    with pytest.raises(Refused, match="context") as error:
        library(**{"@context": inline})
    assert problem_of(error)[0].startswith("@context")
    for problem in error.value.problems:
        json.dumps(problem.as_dict(), ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize(
    ("inline", "said"),
    [
        ({}, {"title": {"en": "Tool library"}}),
        ([], {"title": {"en": "Tool library"}}),
        ({"dcterms": DCT}, {"dcterms:title": TITLE}),
        ({"dct": "http://e/", "d": DCT}, {"d:title": [TITLE]}),
        ({"name": DCT + "title"}, {"name": TITLE}),
        ({"n": {"@id": "dct:title", "@container": "@language"}}, {"n": {"en": "Tool library"}}),
        (["/context.jsonld", {"t": "dct:title"}], {"t": TITLE}),
        ({"@version": 1.1, "t": "dct:title"}, {"t": TITLE}),
        (context(), {"title": {"en": "Tool library"}}),
    ],
)
def test_a_context_in_the_document_may_declare_prefixes_and_terms(
    inline: object, said: dict[str, object]
) -> None:
    assert from_json({"@context": inline, "@type": "Practice"} | said) == from_json(LIBRARY)


def test_a_declared_term_hides_ours_and_its_own_rules_hold() -> None:
    own: dict[str, object] = {
        "budget": {"@id": "http://e/budget", "@type": "xsd:integer"},
        "place": {"@id": "dct:spatial", "@type": "@id"},
    }
    entry = library(**{"@context": own, "budget": 5, "place": "http://e/"})
    assert entry.values("http://e/budget") == [ox.Literal(5)]
    assert entry.links(DCT + "spatial") == ["http://e/"]
    for said in ({"place": "no address"}, {"colour": "red"}, {"e:budget": 5}):
        with pytest.raises(Refused):
            library(**{"@context": own}, **said)


def test_numbers_of_properties_without_rules_keep_their_digits() -> None:
    entry = library(**{"psr:budget": 1500, PSR + "staff": 2.5, "psr:durationMonths": [7]})
    assert entry.number(PSR + "budget") == 1500
    assert entry.values(PSR + "staff") == [
        ox.Literal("2.5", datatype=ox.NamedNode(XSD + "decimal"))
    ]
    assert entry.values(PSR + "durationMonths") == [ox.Literal(7)]
    assert library(budget=1500, staff=2.5, durationMonths=7) == entry


def rdflib_graph(entry: Entry) -> Graph:
    graph = Graph()
    graph.bind("psr", PSR)
    graph.bind("dct", DCT, override=True)
    return graph.parse(data=entry.n_triples(), format="nt")


def without_names(entry: Entry) -> str:
    """The entry in N-Triples with its nested parts as blank nodes, as other tools keep them."""
    return re.sub(rf"<{re.escape(entry.iri)}#([a-z]+)-(\d)>", r"_:\1\2", entry.n_triples())


def test_json_ld_of_other_tools_is_read() -> None:
    """Expanded by rdflib and by the engine, with rdflib's own prefixes, parts listed apart."""
    for entry in world().values():
        plain = without_names(entry)
        nodes = rdflib_graph(read_entry(plain.encode(), NTRIPLES, BASE))
        blank = Graph().parse(data=plain, format="nt")
        said = [
            nodes.serialize(format="json-ld"),
            nodes.serialize(format="json-ld", auto_compact=True),
            blank.serialize(format="json-ld"),
            blank.serialize(format="json-ld", auto_compact=True),
            serialized(entry.triples, ox.RdfFormat.JSON_LD),
            serialized(ox.parse(plain, format=ox.RdfFormat.N_TRIPLES), ox.RdfFormat.JSON_LD),
        ]  # fmt: skip
        for number, text in enumerate(said):
            assert read_entry(text.encode(), JSONLD, BASE) == entry, number


def test_a_list_of_nodes_is_one_entry_and_as_strict() -> None:
    node = {"@id": "_:a", "@type": [PSR + "Practice"]}
    title = {DCT + "title": [{"@value": "X", "@language": "en"}]}
    assert from_json([node, {"@id": "_:a"} | title]).slug == "x"
    assert from_json({"@graph": [node | title]}).slug == "x"
    for bad in ([node | title, node | title | {"@id": "_:b"}], [node | {"colour": "red"}]):
        with pytest.raises(Refused):
            from_json(bad)
    with pytest.raises(Refused, match="cannot be read"):
        from_json({"@id": "http://e/", "@graph": [node | title]})


def test_sets_and_lists_keep_the_rules_of_their_property() -> None:
    assert library(subject={"@set": ["voc:theme/energy"]}) == library(subject="voc:theme/energy")
    assert library(budget={"@set": [3.5]}) == library(budget=3.5)
    for bad in (
        {"source": {"@set": ["no address"]}},
        {"source": {"@list": ["http://exa mple/"]}},
        {"identifier": {"@set": ["x"], "@id": "http://e/"}},
        {"identifier": {"@list": ["x"], "unit": "y"}},
        {"@set": ["x"]},
        {"@list": ["x"]},
        {"@included": "x"},
        {"@included": [5]},
    ):
        with pytest.raises(Refused):
            library(**bad)


@pytest.mark.parametrize("media", [TURTLE, NTRIPLES, JSONLD, "application/json"])
def test_a_byte_order_mark_is_skipped_and_kept_in_texts(media: str) -> None:
    mark = "\ufeff"
    known = library(identifier=f"{mark}a{mark}")
    text = json.dumps(LIBRARY | {"identifier": f"{mark}a{mark}"}) if "json" in media else ""
    data = (mark + (text or known.n_triples())).encode()
    assert read_entry(data, media, BASE) == known
    assert known.text(DCT + "identifier") == f"{mark}a{mark}"


@pytest.mark.parametrize(
    "key",
    ["@context", "@import", "@graph", "@reverse", "@nest", "@index", "@version", "@base", "@vocab",
     "@direction", "@json", "unknown", "", "psr", "en", "title ", "javascript:x", "no:title",
     "psr:", "psr://x", "http://exa mple/", "urn:x:y"],
)  # fmt: skip
@pytest.mark.parametrize("inner", [False, True])
def test_unknown_keys_are_refused_by_name(key: str, inner: bool) -> None:
    said: dict[str, object] = {key: "x"}
    with pytest.raises(Refused) as error:
        library(**({"hasOutcome": [said]} if inner else said))
    if key != "@context" or inner:
        assert problem_of(error) == (
            f"hasOutcome.{key}" if inner else key,
            f"The key {key!r} is not known.",
        )


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("title", {"en": 5}, "title.en"),
        ("title", {"en": None}, "title.en"),
        ("title", {"en": {"@value": "x"}}, "title.en"),
        ("title", {"en": [["x"]]}, "title.en"),
        ("title", {"no language": "x"}, "title"),
        ("title", {"": "x"}, "title"),
        ("title", {"@value": "x", "@language": "en"}, "title"),
        ("title", {"abcdefghij": "x"}, "title"),
        ("title", None, "title"),
        ("title", 5, "title"),
        ("alternative", [["x"]], "alternative"),
        ("alternative", [{"en": "x"}], "alternative.en"),
        ("identifier", [["x"]], "identifier"),
        ("identifier", {"@value": "x", "@language": "a b"}, "identifier.@language"),
        ("identifier", {"@value": [1], "@type": "@json"}, "identifier.@type"),
        ("identifier", {"@value": {"a": 1}, "@type": "@json"}, "identifier.@value.a"),
        ("source", "http://exa mple/", "source"),
        ("source", "http://e/{x}", "source"),
        ("source", "http://[e", "source"),
        ("source", "http://e/%zz", "source"),
        ("source", ["http://e/a", "no address"], "source"),
        ("subject", "@json", "subject"),
        ("type", ["Practice", "@json"], "type"),
        ("id", "a b", "id"),
    ],
)
def test_what_a_processor_would_drop_in_silence_is_told(
    field: str, value: object, path: str
) -> None:
    with pytest.raises(Refused) as error:
        library(**{field: value})
    assert problem_of(error)[0] == path


@pytest.mark.parametrize(
    "said",
    [
        {"@id": 5},
        {"id": "a", "@id": "b"},
        {"@id": ["a"]},
        {"identifier": {"@value": {}}},
        {"identifier": {"@value": "x", "value": 3}},
        {"budget": {"@value": 1e400}},
    ],
)
def test_json_ld_that_contradicts_itself_is_malformed(said: dict[str, object]) -> None:
    with pytest.raises(KgError):
        library(**said)


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "1e300", "1" * 40, "1e-30", "true", '"NaN"', '"1e3"', '"١"']
)
def test_numbers_out_of_reach_are_refused(number: str) -> None:
    data = f'{{"type": "Practice", "title": {{"en": "X"}}, "budget": {number}}}'
    with pytest.raises(Refused, match="cannot stand") as error:
        read_entry(data.encode(), JSONLD, BASE)
    assert problem_of(error) == ("psr:budget", "This is not a number in plain digits.")


# Terms


@pytest.mark.parametrize(
    "iri",
    ["x", "", "/x", "#x", "?x", "../x", "//evil.example/x", "javascript:alert(1)", "mailto:a@b.c",
     "data:text/html,x", "file:///etc/passwd", "urn:x:y", "ftp://e/x", "http:x", "theme:energy",
     "http://e/" + "x" * 2_000, "http://e/\u3000x", "http://e/\u00a0", "http://e/\u2028",
     "http://e/\u202ex", "http://e/\u200b"],
)  # fmt: skip
@pytest.mark.parametrize("media", [TURTLE, JSONLD])
def test_addresses_are_complete_and_of_the_web(iri: str, media: str) -> None:
    header = HEADER.partition("\n")[2]
    body = f"<{ID}practice/x> a psr:Practice ; dct:title 'X'@en ; schema:url <{iri}> ."
    data = header + body if media == TURTLE else json.dumps(LIBRARY | {"url": iri})
    with pytest.raises(Refused) as error:
        read_entry(data.encode(), media, BASE)
    problem = error.value.problems[0]
    assert problem.path == "schema:url"
    assert problem.value in {iri[:200], iri.lstrip("./")}


def test_relative_names_are_told_as_they_were_sent() -> None:
    with pytest.raises(Refused) as error:
        library(id="id/practice/x")
    assert error.value.problems[0].value == "id/practice/x"


def test_addresses_in_other_scripts_are_kept() -> None:
    assert thing("schema:url <http://münchen.example/ä?ö#ü>").links(SCHEMA + "url") == [
        "http://münchen.example/ä?ö#ü"
    ]


@pytest.mark.parametrize("place", ["<javascript:x> psr:p 1", "<id/practice/x#a> <javascript:x> 1"])
def test_subjects_and_properties_are_addresses_too(place: str) -> None:
    with pytest.raises(Refused):
        turtle(f"{THING} . {place} .")


@pytest.mark.parametrize(
    ("literal", "message"),
    [
        ("'NaN'^^xsd:double", "plain digits"),
        ("'INF'^^xsd:float", "plain digits"),
        ("1e400", "plain digits"),
        ("1" * 19, "plain digits"),
        ("1." + "1" * 19, "plain digits"),
        ("'" + "1" * 100_000 + "'^^xsd:integer", "plain digits"),
        ("'" + "1" * 100_000 + "'^^xsd:double", "plain digits"),
        ("'x'^^xsd:integer", "plain digits"),
        ("'٣'^^xsd:integer", "plain digits"),
        ("'maybe'^^xsd:boolean", "true nor false"),
        ("'" + "x" * (MAX_LITERAL + 1) + "'", "longer than"),
        ("'\\u0000'", "control"),
        ("'\\b'", "control"),
        ("'\\u001f'", "control"),
        ("'\\u007f'", "control"),
        ("'\\uffff'", "control"),
        ("'x'@en--ltr", "direction"),
        ("'x'^^<javascript:x>", "kind"),
        ("'x'^^<y>", "kind"),
        ("'<a/>'^^rdf:XMLLiteral", "kind"),
        ("'<a>'^^rdf:HTML", "kind"),
        ("'{}'^^rdf:JSON", "kind"),
        ("'P1Y'^^xsd:duration", "kind"),
    ],
)
def test_literals_that_a_reader_may_choke_on_are_refused(literal: str, message: str) -> None:
    with pytest.raises(Refused) as error:
        thing(f"psr:extra {literal}")
    assert problem_of(error)[0] == "psr:extra"
    assert message in problem_of(error)[1]


@pytest.mark.parametrize(
    "literal",
    ["'\\t\\n\\r'", "1", "-1.5", "1e3", "'1.5'^^xsd:float", "true", "'2019'^^xsd:gYear",
     "'2019-02-28'^^xsd:date", "'2019-02-28T00:00:00Z'^^xsd:dateTime", "'http://e'^^xsd:anyURI",
     "'x'@de-1996", "'" + "x" * MAX_LITERAL + "'", "''"],
)  # fmt: skip
def test_literals_of_known_kinds_are_read_and_can_be_validated(
    literal: str, validator: Validator
) -> None:
    entry = thing(f"psr:extra {literal}")
    assert len(entry.values(PSR + "extra")) == 1
    paths = {p.path for p in validator.validate(entry, lambda _: {}).violations}
    assert "psr:extra" not in paths


@pytest.mark.parametrize(
    "text",
    [
        "GRAPH <http://e/g> { <id/practice/x> a psr:Practice . }",
        "<http://e/g> { <id/practice/x> a psr:Practice . }",
        "{ <id/practice/x> a psr:Practice . }",
        THING + " ; psr:p <<( <http://a> <http://b> <http://c> )>> .",
        THING + " ; psr:p << <http://a> <http://b> <http://c> >> .",
        THING + " ; psr:p 1 {| psr:q 2 |} .",
        THING + " ; psr:p 1 ~ <http://e/r> .",
    ],
)
def test_named_graphs_and_statements_about_statements_are_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        turtle(text)


def test_quads_are_not_n_triples() -> None:
    with pytest.raises(Malformed):
        parse(b"<http://a> <http://b> <http://c> <http://g> .", NTRIPLES)


def test_the_shared_world_is_what_it_says() -> None:
    assert world()[PRACTICE].nodes() == [
        PRACTICE,
        PRACTICE + "#involvement-1",
        PRACTICE + "#outcome-1",
    ]


# Languages, and what only we can know


@pytest.mark.parametrize(
    "tag",
    ["en", "EN", "pt-BR", "sr-Latn", "sr-Latn-RS", "cnr", "gsw", "yue", "rmy", "de-1996", "und",
     "ca-valencia", "en-x-easy", "hbs", "nb", "iw", "lld", "zh-Hant"],
)  # fmt: skip
def test_tags_of_languages_are_kept(tag: str) -> None:
    written = thing(f"psr:problem 'X'@{tag}")
    assert [t.lang for t in written.texts(PSR + "problem")] == [tag.lower()]
    assert library(problem={tag: "X"}).texts(PSR + "problem") == written.texts(PSR + "problem")


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ("english", '"en", "pt-BR"'), ("xx", '"en"'), ("zz", '"en"'), ("mul", '"en"'),
        ("zxx", '"en"'), ("mis", '"en"'), ("qaa", '"en"'), ("x-klingon", '"en"'), ("root", '"en"'),
        ("i-klingon", '"en"'), ("deu", "Write de."), ("ger", "Write de."), ("hrv", "Write hr."),
        ("ENG", "Write en."), ("deu-AT", "Write de-AT."), ("ron", "Write ro."),
        ("gre", "Write el."),
    ],
)  # fmt: skip
def test_a_tag_that_names_no_language_is_refused_with_what_to_write(tag: str, hint: str) -> None:
    """In Turtle, N-Triples and JSON-LD alike, and in each way in which JSON-LD may say it."""
    triple = f'<{ID}practice/x> <{PSR}problem> "X"@{tag} .'
    said: list[tuple[bytes, str]] = [
        ((HEADER + THING + " . " + triple).encode(), TURTLE),
        (f"<{ID}practice/x> <{RDF_TYPE.value}> <{PSR}Practice> .\n{triple}".encode(), NTRIPLES),
        (json.dumps(LIBRARY | {"problem": {tag: "X"}}).encode(), JSONLD),
        (json.dumps(LIBRARY | {"psr:problem": {"@value": "X", "@language": tag}}).encode(), JSONLD),
    ]
    for data, media in said:
        with pytest.raises(Refused) as error:
            read_entry(data, media, BASE)
        (problem,) = error.value.problems
        assert problem.path.rpartition(":")[2].rpartition("#")[2].startswith("problem"), media
        assert problem.value is not None
        assert problem.value.lower() == tag.lower()
        assert hint.lower() in str(problem.hint).lower()


def test_what_a_list_cannot_say_of_its_language_can_be_imported_again() -> None:
    assert thing("psr:problem 'X'@und").texts(PSR + "problem")[0].lang == "und"


CLAIMS = {
    "prov:wasGeneratedBy <http://e/a>": "wasGeneratedBy",
    "prov:wasAttributedTo 'me'": "wasAttributedTo",
    "prov:generatedAtTime '2020-01-01T00:00:00Z'^^xsd:dateTime": "generatedAtTime",
    "<http://www.w3.org/ns/prov#anything> 1": "anything",
    "psr:dataVersion 999999": "dataVersion",
    "psr:action 'create'": "action",
    "dct:creator 'Me'": "creator",
    "dct:creator <http://e/me>": "creator",
    "psr:hasOutcome [ prov:wasGeneratedBy <http://e/a> ]": "wasGeneratedBy",
    "psr:hasOutcome [ psr:unit 'x' ; dct:creator 'Me' ]": "creator",
    "owl:sameAs <id/practice/y>": "sameAs",
    "owl:sameAs <http://elsewhere.example/id/actor/y>": "sameAs",
    "owl:sameAs 'http://elsewhere.example/id/actor/y'": "sameAs",
    "owl:sameAs <https://elsewhere.example/graph/id/Actor/y#part>": "sameAs",
}


@pytest.mark.parametrize("said", CLAIMS)
def test_nobody_says_who_wrote_an_entry_or_which_is_which(said: str) -> None:
    with pytest.raises(Refused) as error:
        thing(said)
    (problem,) = error.value.problems
    assert problem.path.endswith(f"{CLAIMS[said]}")
    assert "cannot be sent" in problem.message
    assert problem.hint


def test_links_to_what_is_described_elsewhere_are_kept() -> None:
    entry = thing(
        "owl:sameAs <http://www.wikidata.org/entity/Q1>, <https://e.example/?x=/id/practice/y> ;"
        " dct:source <http://elsewhere.example/id/practice/y> ; dct:contributor 'Me'"
    )
    assert len(entry.links("http://www.w3.org/2002/07/owl#sameAs")) == 2


def test_a_decision_says_which_data_it_rests_on() -> None:
    entry = turtle("<id/match/x> a psr:Match ; psr:dataVersion 12 .")
    assert entry.number(PSR + "dataVersion") == 12
    with pytest.raises(Refused):
        turtle("<id/match/x> a psr:Match ; prov:wasGeneratedBy <http://e/a> .")
