"""What is exported can be imported again, and a person's own file of entries too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kg.errors import ImportFailed
from kg.importing import import_file
from kg.intake import Intake
from kg.sources import read
from kg.stores.embedded import EmbeddedStore
from kg.validation import Validator
from service.export import export_all
from tests.conftest import BASE

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
    import_file(intake, "rdf", turtle)
    _, body = export_all(intake.store, form, lambda done, total: None)
    file = write(tmp_path, f"all.{suffix}", body.decode())
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
