"""What is exported can be imported again, and a person's own file of entries too."""

from __future__ import annotations

import json
from pathlib import Path

import pyoxigraph as ox
import pytest
from rdflib import Graph

from kg.entries.intake import Intake
from kg.entries.validation import Validator
from kg.errors import ImportFailed
from kg.imports.importing import import_file
from kg.imports.sources import read
from kg.stores.embedded import EmbeddedStore
from service.core.export import export_all
from tests.conftest import BASE
from tests.kg.helpers import serialized

HEAD = f"""@prefix psr: <https://w3id.org/passerelle/ns#> .
@prefix dct: <http://purl.org/dc/terms/> .
@base <{BASE}> .
"""
TERRITORY = """<id/territory/HR> a psr:Territory ; dct:title "Croatia"@en ; psr:countryCode "HR" ;
  psr:territoryLevel <https://w3id.org/passerelle/voc/territory-level/country> .
"""
PRACTICE = """<id/practice/rides> a psr:Practice ; dct:title "Rides"@en ; psr:problem "No bus."@en ;
  psr:solution "Volunteers drive."@en ; dct:spatial <id/territory/HR> ;
  psr:hasOutcome [ a psr:Outcome ; dct:description "Trips"@en ; psr:value 4500.0 ] .
"""


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator()


@pytest.fixture
def intake(validator: Validator) -> Intake:
    return Intake(EmbeddedStore(BASE), validator)


def write(folder: Path, name: str, text: str) -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.fixture
def turtle(tmp_path: Path) -> Path:
    return write(tmp_path, "mine.ttl", HEAD + TERRITORY + PRACTICE)


def test_a_file_of_entries_is_imported_once(intake: Intake, turtle: Path) -> None:
    first = import_file(intake, "rdf", turtle)
    assert (first.rows, first.accepted, first.refusals) == (2, 2, [])
    practice = intake.store.get(BASE + "id/practice/rides")
    assert practice.nodes() == [practice.iri, practice.iri + "#outcome-1"]
    version = intake.store.version()
    again = import_file(intake, "rdf", turtle)
    assert (again.unchanged, intake.store.version()) == (2, version)


@pytest.mark.parametrize(
    ("form", "suffix"), [("nquads", "nq"), ("turtle", "ttl"), ("jsonld", "jsonld")]
)
def test_an_export_comes_back_the_same(
    intake: Intake, validator: Validator, turtle: Path, tmp_path: Path, form: str, suffix: str
) -> None:
    """Whatever characters its texts hold, the parts too that no way leads to."""
    odd = "No bus.\\r\\nNone\u2028at\u2029all\u0085\ufeff\u200b\u0301 \\t\U0001f68c"
    stray = '<id/practice/rides#stray> psr:unit "x" .'
    turtle.write_text(HEAD + TERRITORY + PRACTICE.replace("No bus.", odd) + stray, "utf-8")
    import_file(intake, "rdf", turtle)
    body = export_all(intake.store, form, lambda done, total: None)
    file = tmp_path / f"all.{suffix}"
    file.write_bytes(body)
    other = Intake(EmbeddedStore(BASE), validator)
    report = import_file(other, "rdf", file)
    assert (report.accepted, report.refusals) == (2, [])
    assert list(other.store.entries()) == list(intake.store.entries())


def test_a_bad_entry_is_told_and_stops_nobody(intake: Intake, tmp_path: Path) -> None:
    bad = '<id/practice/bad> a psr:Practice ; dct:title "No language" .\n'
    odd = '<id/actor/odd> a psr:Practice ; dct:title "Wrong class"@en .\n'
    report = import_file(
        intake, "rdf", write(tmp_path, "x.ttl", HEAD + TERRITORY + PRACTICE + bad + odd)
    )
    assert (report.rows, report.accepted) == (4, 2)
    refused = {row.identifier: problems for row, problems in report.refusals}
    assert set(refused) == {BASE + "id/practice/bad", BASE + "id/actor/odd"}
    assert all(problems for problems in refused.values())


def test_json_items_are_told_apart(intake: Intake, tmp_path: Path, turtle: Path) -> None:
    import_file(intake, "rdf", turtle)
    good = {
        "type": "Challenge",
        "id": BASE + "id/challenge/a",
        "title": {"en": "A"},
        "description": {"en": "B"},
    }
    items = [good, {"type": "Practice", "colour": "red"}, 5]
    file = write(tmp_path, "x.jsonld", json.dumps({"@graph": items}))
    report = import_file(intake, "rdf", file)
    assert (report.accepted, len(report.refusals)) == (1, 2)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("x.ttl", "<a> <b", "cannot be read"),
        ("x.nq", "nonsense", "cannot be read"),
        ("x.ttl", HEAD, "no entry"),
        ("x.ttl", "[" * 50, "deep"),
        ("x.jsonld", "{", "not JSON"),
        ("x.jsonld", '{"@context": "https://evil.example/c", "@graph": []}', "context"),
        ("x.doc", "x", "no kind"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    with pytest.raises(ImportFailed, match=told):
        list(read("rdf", write(tmp_path, name, text), BASE, set()))


def test_another_encoding_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.ttl").write_bytes("é".encode("latin-1"))
    with pytest.raises(ImportFailed, match="UTF-8"):
        list(read("rdf", tmp_path / "x.ttl", BASE, set()))


def report_of(intake: Intake, folder: Path, name: str, text: str) -> tuple[list[str], list[str]]:
    """The entries that are stored of a file, and what is said of those that are not."""
    report = import_file(intake, "rdf", write(folder, name, text))
    told = [f"{p.path}: {p.message}" for _, problems in report.refusals for p in problems]
    assert report.rows == report.accepted + len(report.refusals) + report.unchanged
    return [e.iri.removeprefix(BASE + "id/") for e in intake.store.entries()], told


HEADER = "[] a <http://www.w3.org/2002/07/owl#Ontology> ; dct:title 'Mine'@en .\n"


def test_a_nameless_thing_at_the_top_of_a_file_is_passed_over(
    intake: Intake, tmp_path: Path
) -> None:
    text = f"{HEAD}{HEADER}[] a [] . (1 2) dct:title 'A list'@en . {TERRITORY}{PRACTICE}"
    assert report_of(intake, tmp_path, "x.ttl", text) == (["practice/rides", "territory/HR"], [])


def test_an_entry_without_a_name_gets_one_as_over_http(intake: Intake, tmp_path: Path) -> None:
    nameless = PRACTICE.replace("<id/practice/rides>", "[]")
    text = f"{HEAD}{TERRITORY}{nameless}"
    stored, told = report_of(intake, tmp_path, "x.ttl", text)
    assert (stored, told) == (["practice/rides", "territory/HR"], [])
    version = intake.store.version()
    assert import_file(intake, "rdf", tmp_path / "x.ttl").unchanged == 2
    assert intake.store.version() == version


def test_two_entries_of_one_name_are_not_one(intake: Intake, tmp_path: Path) -> None:
    nameless = PRACTICE.replace("<id/practice/rides>", "[]")
    second = nameless.replace("No bus", "No train")
    text = f"{HEAD}{TERRITORY}{nameless}{second}"
    stored, told = report_of(intake, tmp_path, "x.ttl", text)
    assert stored == ["practice/rides", "territory/HR"]
    assert told == ["id: An earlier row of the file has the same name."]


ODD = {
    "a circle of nameless parts": "_:a dct:relation _:b . _:b dct:relation _:a .",
    "an entry in a circle": "_:a a psr:Practice ; psr:p _:b . _:b psr:p _:a .",
    "an entry that is its own part": "_:a a psr:Practice ; psr:hasOutcome _:a .",
    "a triple term": "<id/practice/t> a psr:Practice ; psr:p <<( <http://e/> psr:p 1 )>> .",
    "a note on a statement": "<http://e/s> psr:p 1 {| psr:unit 'x' |} .",
    "a reifier": "<< <http://e/s> psr:p 1 >> dct:creator 'x' .",
    "a relative name": "<practice/y> a psr:Practice ; dct:title 'Y'@en .",
    "a relative link": "<id/practice/z> a psr:Practice ; dct:spatial <x> .",
    "a foreign name": "<https://other.example/id/practice/x> a psr:Practice .",
    "a foreign thing": "<https://other.example/x> a dct:Thing .",
    "another scheme": "<urn:x:y> a psr:Practice .",
    "a blank list of thousands": "_:l dct:relation (" + "1 " * 3_000 + ") .",
    "two entries that share a part": "<id/actor/a> psr:p _:s . <id/actor/b> psr:p _:s .",
    "a part of nothing": "<id/practice/rides#stray> psr:unit 'x' .",
    "only a part": "<id/practice/nothing#part> psr:unit 'x' .",
    "no name at all": "[] a psr:Practice .",
    "two classes": "[] a psr:Practice, psr:Actor ; dct:title 'X'@en .",
    "a class of texts": "<id/actor/c> a 'Actor' .",
    "a long name": f"<id/practice/{'x' * 60_000}> a psr:Practice .",
    "a long link": f"<id/practice/w> a psr:Practice ; dct:source <http://e/{'x' * 60_000}> .",
    "a long number": f"<id/practice/n> a psr:Practice ; psr:durationMonths {'1' * 5_000} .",
    "a long property": f"<id/practice/p> a psr:Practice ; <http://e/{'x' * 60_000}> 1 .",
}


@pytest.mark.parametrize("suffix", ["ttl", "nt", "jsonld"])
def test_odd_things_are_told_or_passed_over_and_stop_nobody(
    intake: Intake, tmp_path: Path, suffix: str
) -> None:
    wrong = []
    for name, text in ODD.items():
        if suffix == "jsonld" and ("<<" in text or "{|" in text):
            continue  # JSON-LD has no such thing
        quads = list(ox.parse(f"{HEAD}{TERRITORY}{PRACTICE}{text}", format=ox.RdfFormat.TURTLE))
        forms = {"nt": ox.RdfFormat.N_TRIPLES, "jsonld": ox.RdfFormat.JSON_LD}
        body = f"{HEAD}{TERRITORY}{PRACTICE}{text}"
        if suffix in forms:
            body = serialized((q.triple for q in quads), forms[suffix])
        try:
            stored, told = report_of(intake, tmp_path, f"x.{suffix}", body)
        except Exception as error:
            wrong.append(f"{name}: {error!r}")
            continue
        if stored != ["practice/rides", "territory/HR"] and name != "a part of nothing":
            wrong.append(f"{name}: {stored}")
        if "psr:Practice" in text and not told:
            wrong.append(f"{name}: nothing is said")
    assert wrong == []


def test_turtle_without_a_base_is_told_row_by_row(intake: Intake, tmp_path: Path) -> None:
    head = HEAD.replace(f"@base <{BASE}> .", "")
    text = f"{head}<id/practice/x> a psr:Practice . <{BASE}id/territory/HR>{TERRITORY[17:]}"
    stored, told = report_of(intake, tmp_path, "X.TTL", text)
    assert stored == ["territory/HR"]
    assert told == ["id: This is not a name for an entry here."]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.ttl", HEAD + HEADER),
        ("x.ttl", HEAD + "_:a dct:relation _:b . _:b dct:relation _:a ."),
        ("x.nq", "<http://e/> <http://e/> <http://e/> <http://e/> .\n"),
        ("x.nt", "_:a <http://e/> _:b .\n"),
    ],
)
def test_a_file_without_entries_says_so(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(ImportFailed, match="holds no entry"):
        list(read("rdf", write(tmp_path, name, text), BASE, set()))


def test_a_public_ontology_holds_no_entry(tmp_path: Path, shared: Path) -> None:
    eurio = shared / "reference" / "ontologies" / "eurio.ttl"
    with pytest.raises(ImportFailed, match="holds no entry"):
        list(read("rdf", eurio, BASE, set()))


@pytest.mark.parametrize("suffix", ["ttl", "nt", "nq", "jsonld"])
def test_a_byte_order_mark_is_skipped(intake: Intake, tmp_path: Path, suffix: str) -> None:
    text = f"{HEAD}{TERRITORY}{PRACTICE}"
    if suffix != "ttl":
        form = {"nt": ox.RdfFormat.N_TRIPLES, "nq": ox.RdfFormat.N_QUADS}.get(suffix)
        quads = list(ox.parse(text, format=ox.RdfFormat.TURTLE))
        text = serialized(quads, form or ox.RdfFormat.JSON_LD)
    assert report_of(intake, tmp_path, f"x.{suffix}", "\ufeff" + text) == (
        ["practice/rides", "territory/HR"],
        [],
    )


@pytest.mark.parametrize("compact", [False, True])
def test_json_ld_of_other_tools_is_read_entry_by_entry(
    intake: Intake, tmp_path: Path, compact: bool
) -> None:
    """rdflib lists every node beside the others, with contexts of prefixes in the file."""
    graph = Graph().parse(data=f"{HEAD}{HEADER}{TERRITORY}{PRACTICE}", format="turtle")
    text = graph.serialize(format="json-ld", auto_compact=compact)
    stored, told = report_of(intake, tmp_path, "x.jsonld", text)
    assert stored == ["practice/rides", "territory/HR"]
    assert told == [], "the ontology is no entry"
    practice = intake.store.get(BASE + "id/practice/rides")
    assert practice.nodes() == [practice.iri, practice.iri + "#outcome-1"]


def test_a_fault_in_one_json_row_is_told_of_that_row(intake: Intake, tmp_path: Path) -> None:
    own = {"@context": {"d": "http://purl.org/dc/terms/"}}
    good = {"type": "Challenge", "d:title": {"@value": "A", "@language": "en"},
            "description": {"en": "B"}}  # fmt: skip
    items = [good, good | {"colour": "red"}, {"@id": "_:x", "type": "Nothing"}]
    stored, told = report_of(intake, tmp_path, "x.json", json.dumps(own | {"@graph": items}))
    assert stored == ["challenge/a"]
    assert [t.partition(":")[0] for t in told] == ["colour", "type"]


def test_rows_link_over_any_distance(
    intake: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Practices before the territory that all of them are in, and one that is nowhere."""
    monkeypatch.setattr("kg.entries.intake.BATCH", 4)
    rows = [PRACTICE.replace("rides", f"p{n:03}") for n in range(20)]
    lost = PRACTICE.replace("rides", "lost").replace("territory/HR", "territory/XX")
    text = HEAD + "".join(rows) + lost + TERRITORY
    stored, told = report_of(intake, tmp_path, "x.ttl", text)
    assert len(stored) == 21
    assert len(told) == 1
    assert told[0].startswith("dct:spatial")


def test_what_is_no_entry_is_passed_over_in_json_as_in_turtle(tmp_path: Path) -> None:
    file = tmp_path / "f.json"
    header = {"@id": "_:o", "@type": "http://www.w3.org/2002/07/owl#Ontology"}
    entry = {"@id": f"{BASE}id/challenge/x", "type": "Challenge", "title": {"en": "X"},
             "description": {"en": "It is there."}}  # fmt: skip
    file.write_text(json.dumps({"@graph": [header, entry]}))
    assert [row.identifier for row in read("rdf", file, BASE, ())] == [entry["@id"]]
    for nothing in ([], [header]):
        file.write_text(json.dumps(nothing))
        with pytest.raises(ImportFailed, match="holds no entry"):
            list(read("rdf", file, BASE, ()))
