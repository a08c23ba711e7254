"""The lists of others: small invented samples, and the whole files where they are at hand."""

import tomllib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest

import kg.imports.sources
from kg.entries.intake import Intake
from kg.entries.reading import entry_of
from kg.entries.validation import Validator
from kg.errors import ImportFailed, Refused
from kg.imports.importing import ImportReport, import_file
from kg.imports.sources import READERS, ImportedRow, mappings, read
from kg.imports.sources.mapping import load
from kg.imports.sources.transforms import TRANSFORMS, Cell
from kg.starter import FILES_BASE, territories
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from kg.text.language import detect_surely
from kg.vocabulary import DCT, GEO, PSR, RDF_TYPE, SCHEMA, VOC, vocabulary

SAMPLES = Path(__file__).parents[1] / "data" / "sources"
WHOLE = Path(__file__).parents[3] / "shared" / "data" / "sources"
BASE = FILES_BASE
SUSY, ESIF = SAMPLES / "susy.geojson", SAMPLES / "esif.csv"
CODES = {"AT", "DE", "HR", "UK", "HR035", "HR036", "HR050", "HR065"}
INSTRUMENTS = ("esf-2014-2020", "erdf")


def stub(path: str, slug: str, kind: str) -> Change:
    """A thing to link to: a type is all that the shapes ask of it."""
    node = ox.NamedNode(f"{BASE}id/{path}/{slug}")
    triples = [ox.Triple(node, RDF_TYPE, ox.NamedNode(PSR + kind))]
    if kind == "Territory":
        code = ox.NamedNode(PSR + "countryCode")
        triples.append(ox.Triple(node, code, ox.Literal(slug[:2])))
    return Change(node.value, entry_of(triples, BASE))


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator()


@pytest.fixture
def intake(validator: Validator) -> Intake:
    store = EmbeddedStore(BASE)
    stubs = [stub("territory", code, "Territory") for code in sorted(CODES)]
    stubs += [stub("instrument", slug, "Instrument") for slug in INSTRUMENTS]
    store.write(stubs, "test", "create")
    return Intake(store, validator)


def rows(name: str, path: Path) -> list[ImportedRow]:
    return list(read(name, path, BASE, CODES))


def row(name: str, path: Path, number: int) -> ImportedRow:
    return next(r for r in rows(name, path) if r.number == number)


def said(found: ImportedRow) -> list[str]:
    return [p.message for p in found.problems]


# What becomes of a row


def test_initiative_becomes_a_practice() -> None:
    entry = row("susy", SUSY, 1).entry
    assert entry is not None
    assert entry.iri == f"{BASE}id/practice/susy-aa01"
    assert [(t.value, t.lang) for t in entry.texts(DCT + "title")] == [
        ("Example tool library", "en")
    ]
    assert {t.lang for t in entry.texts(PSR + "solution")} == {"en", "el"}
    assert entry.links(DCT + "spatial") == [f"{BASE}id/territory/AT"]
    assert entry.links(DCT + "source") == ["https://example.org/place/aa01"]
    assert entry.links(DCT + "subject") == [VOC + "theme/circular-economy"]
    assert entry.links(PSR + "approach") == [VOC + "approach/reuse-and-repair"]
    assert entry.text(PSR + "checkedOn") == "2017-09-19"
    assert entry.text(DCT + "identifier") == "aa01"
    assert entry.text(GEO + "long") == "15.433333"


def test_tags_of_the_source_are_kept_as_they_are() -> None:
    entry = row("susy", SUSY, 1).entry
    assert entry is not None
    tags = {t.value for t in entry.texts(PSR + "sourceTag")}
    assert tags == {"lending_central", "repair_cafe", "something_else"}


def test_contact_data_never_enters() -> None:
    entry = row("susy", SUSY, 1).entry
    assert entry is not None
    assert not any(part in entry.n_triples() for part in ("nobody@", '"000"', "Graz"))


def test_second_web_page_stands_in_for_a_bad_first_one() -> None:
    found = row("susy", SUSY, 1)
    assert found.entry is not None
    assert found.entry.links(SCHEMA + "url") == ["https://example.org/a%7Cb"]
    assert [(p.path, p.severity) for p in found.problems] == [("website", "warning")]


def test_name_takes_the_language_of_the_description() -> None:
    entry = row("susy", SUSY, 2).entry
    assert entry is not None
    assert entry.texts(DCT + "title")[0].lang == "de"


def test_same_text_is_a_warning_that_names_the_row() -> None:
    found = row("susy", SUSY, 3)
    assert found.entry is not None
    assert found.entry.links(DCT + "spatial") == [f"{BASE}id/territory/UK"]
    assert [(p.message, p.value, p.severity) for p in found.problems] == [
        ("Another row of the file has the same text.", "2", "warning")
    ]


@pytest.mark.parametrize(
    ("number", "path", "message"),
    [
        (4, "description", "There is no description, so nothing can be matched."),
        (5, "addr:country", "There is no country."),
        (6, "addr:country", "'Atlantis' is not known here."),
        (7, "_id", "Row 1 has the same identifier."),
        (8, "row", "This is not a GeoJSON feature with properties."),
    ],
)
def test_initiative_is_refused_with_the_reason(number: int, path: str, message: str) -> None:
    found = row("susy", SUSY, number)
    assert found.entry is None
    assert [(p.path, p.message, p.severity) for p in found.problems] == [
        (path, message, "violation")
    ]


def test_operation_becomes_a_practice() -> None:
    entry = row("esif", ESIF, 2).entry
    assert entry is not None
    assert entry.slug.startswith("esif-hr-")
    assert len(entry.slug) == len("esif-hr-") + 12
    assert entry.texts(PSR + "solution")[0].lang == "hr"
    assert entry.text(SCHEMA + "startDate") == "2015-06-18"
    assert entry.text(SCHEMA + "endDate") == "2016-06-17"
    assert entry.number(PSR + "budget") == 1000
    assert entry.links(PSR + "usesInstrument") == [f"{BASE}id/instrument/esf-2014-2020"]


def test_rows_of_one_operation_become_one_practice_in_all_its_counties() -> None:
    entry, repeated = row("esif", ESIF, 2).entry, row("esif", ESIF, 5)
    assert entry is not None
    assert entry.links(DCT + "spatial") == [f"{BASE}id/territory/{c}" for c in ("HR035", "HR036")]
    assert repeated.entry is None
    assert said(repeated) == ["This row says the same as row 2; its Županija is added there."]


def test_beneficiaries_never_enter() -> None:
    for found in rows("esif", ESIF):
        assert found.entry is None or "0000" not in found.entry.n_triples()
        assert found.entry is None or "Izmišljeni obrt" not in found.entry.n_triples()


def test_amount_in_euros_is_taken_as_it_is() -> None:
    entry = row("esif", ESIF, 4).entry
    assert entry is not None
    assert entry.text(PSR + "budget") == "1234567.89"


@pytest.mark.parametrize(
    ("number", "path", "value", "message"),
    [
        (7, "Datum ugovaranja", "31.02.2019", "This is not a day of the calendar."),
        (8, "Ukupno prihvatljivi troškovi", "oko 5000", "This is not an amount."),
        (9, "schema:endDate", "2018-02-01", "The end is before the start."),
        (11, "row", None, "This row has 2 cells, the header has 12."),
        (12, "Naziv projekta", None, "Row 4 has the same identifier."),
    ],
)
def test_operation_is_refused_with_column_value_and_reason(
    number: int, path: str, value: str | None, message: str
) -> None:
    found = row("esif", ESIF, number)
    assert found.entry is None
    assert [(p.path, p.value, p.message) for p in found.problems] == [(path, value, message)]
    assert number == 11 or found.problems[0].hint


def test_unknown_county_links_the_country_and_says_so() -> None:
    found = row("esif", ESIF, 10)
    assert found.entry is not None
    assert found.entry.links(DCT + "spatial") == [f"{BASE}id/territory/HR"]
    assert said(found) == ["'ATLANTIDA' is not known here.", "'Nepoznati fond' is not known here."]


# Transforms


def cell(value: str, table: dict[str, list[str]] | None = None, **options: Any) -> Cell:  # noqa: ANN401
    return Cell("column", value, "en", options, table or {}, BASE, CODES)


@pytest.mark.parametrize(
    ("value", "euros"),
    [
        ("5.172.338,50 kn", "686487.29"),
        ("0,01 €", "0.01"),
        ("12 €", "12.00"),
        ("1234,5€", "1234.50"),
    ],
)
def test_amount(value: str, euros: str) -> None:
    rates = {"kn": "7.53450", "€": "1"}
    assert TRANSFORMS["amount"](cell(value, per_euro=rates))[0].value == euros


@pytest.mark.parametrize(
    "value", ["5,172,338.50 kn", "12", "1.23,45 €", "12 USD", "-5,00 €", "٣ €"]
)
def test_wrong_amount_is_refused(value: str) -> None:
    with pytest.raises(Refused) as caught:
        TRANSFORMS["amount"](cell(value, per_euro={"kn": "7.53450", "€": "1"}))
    assert caught.value.problems[0].value == value


@pytest.mark.parametrize(
    ("value", "iri"),
    [
        ("https://example.org/ä b.html", None),
        ("http://example.org/{x}", "http://example.org/%7Bx%7D"),
        ("http://example.org ; http://example.com", "http://example.org"),
        ("http://example.org http://example.com", "http://example.org"),
        ("www.example.org", None),
        ("javascript:alert(1)", None),
        ("http://[", None),
        ("http://nodot", None),
    ],
)
def test_address(value: str, iri: str | None) -> None:
    if iri:
        assert TRANSFORMS["address"](cell(value))[0].value == iri
    else:
        with pytest.raises(Refused, match="not a web address"):
            TRANSFORMS["address"](cell(value))


def test_long_title_is_shortened_and_kept_whole_beside() -> None:
    long = "word " * 50
    assert len(TRANSFORMS["title"](cell(long, maximum=200))[0].value) <= 200
    assert TRANSFORMS["overlong"](cell(long, maximum=200))[0].value == long.strip()
    assert TRANSFORMS["overlong"](cell("short", maximum=200)) == []


@pytest.mark.parametrize("value", ["x", "9" * 30])
def test_wrong_milliseconds_are_refused(value: str) -> None:
    with pytest.raises(Refused, match="calendar"):
        TRANSFORMS["day"](cell(value, format="milliseconds", example="1"))


@pytest.mark.parametrize("value", ["north", "NaN", "1e999999"])
def test_wrong_degrees_are_refused(value: str) -> None:
    with pytest.raises(Refused, match="degrees"):
        TRANSFORMS["degrees"](cell(value))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Neighbours borrow tools from one another and mend what is broken.", "en"),
        ("Susjedi posuđuju alat jedni drugima i popravljaju pokvarene stvari.", "hr"),
        ("Oma Maa", "und"),
    ],
)
def test_language_is_detected_or_left_open(text: str, language: str) -> None:
    assert detect_surely(text) == language


# Mappings


@pytest.mark.parametrize("name", mappings())
def test_mapping_names_only_what_exists(name: str) -> None:
    mapping = load(name)
    assert mapping.reader in READERS
    codes = {entry.slug for entry in territories(BASE)}
    for rule in mapping.rules:
        assert rule["transform"] in TRANSFORMS
        targets = [
            s for slugs in mapping.tables.get(rule.get("table", ""), {}).values() for s in slugs
        ]
        scheme = rule.get("into", "").removeprefix("voc:").strip("/")
        for slug in targets:
            if rule["into"].startswith("voc:"):
                assert vocabulary().find(scheme, slug), slug
            else:
                assert slug in codes | set(INSTRUMENTS), slug
    for table in mapping.tables.values():
        assert all(word == word.casefold() for word in table)


def test_unknown_list_is_told() -> None:
    with pytest.raises(ImportFailed, match="known are esif, rdf, susy"):
        rows("kohesio", ESIF)


def test_mapping_files_are_plain_data() -> None:
    for name in mappings():
        assert tomllib.loads((files("kg.imports.sources") / f"{name}.toml").read_text("utf-8"))


# Files that cannot be read


def changed(tmp_path: Path, source: Path, old: str, new: str) -> Path:
    text = source.read_text("utf-8")
    assert old in text
    path = tmp_path / source.name
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def failure(name: str, path: Path) -> str:
    with pytest.raises(ImportFailed) as caught:
        rows(name, path)
    assert str(caught.value).count(". ") == 0
    return str(caught.value)


def written(tmp_path: Path, data: bytes, name: str = "file") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.95, 0.999])
def test_truncated_geojson_says_where(tmp_path: Path, share: float) -> None:
    data = SUSY.read_bytes()
    text = failure("susy", written(tmp_path, data[: int(len(data) * share)].rstrip(b"\n]} ")))
    assert "line" in text
    assert "after feature" in text


@pytest.mark.parametrize(
    "data",
    [
        b'{"type": "Feature", "properties": {}}',
        b'{"features": []}',
        b'{"type": "FeatureCollection"}',
        b"[]",
        b'{"type": "Topology", "features": []}',
    ],
)
def test_other_json_is_told(tmp_path: Path, data: bytes) -> None:
    assert "not a GeoJSON FeatureCollection" in failure("susy", written(tmp_path, data))


def test_deeply_nested_json_is_told(tmp_path: Path) -> None:
    data = b'{"type": "FeatureCollection", "features": [' + b"[" * 100_000
    assert "damaged" in failure("susy", written(tmp_path, data))


def test_empty_collection_has_no_rows(tmp_path: Path) -> None:
    data = b'{"features" : [ ], "type": "FeatureCollection"}'
    assert rows("susy", written(tmp_path, data)) == []


def test_half_a_character_refuses_the_row(tmp_path: Path) -> None:
    path = changed(tmp_path, SUSY, "Example tool library", r"\ud800")
    assert said(row("susy", path, 1))[:1] == ["The text holds half a character (a surrogate)."]


@pytest.mark.parametrize("encoding", ["cp1250", "utf-16", "iso8859-2"])
def test_other_encoding_is_told(tmp_path: Path, encoding: str) -> None:
    text = ESIF.read_text("utf-8").replace("€", "kn")
    path = written(tmp_path, text.encode(encoding))
    assert "save it again with the encoding UTF-8" in failure("esif", path)


def test_utf8_with_a_mark_is_read(tmp_path: Path) -> None:
    assert len(rows("esif", written(tmp_path, b"\xef\xbb\xbf" + ESIF.read_bytes()))) == 9


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_other_delimiter_is_told(tmp_path: Path, mark: str, name: str) -> None:
    path = changed(tmp_path, ESIF, ",", mark)
    assert f"separated by {name}" in failure("esif", path)


def test_missing_column_is_named(tmp_path: Path) -> None:
    assert "no column 'Fond'" in failure("esif", changed(tmp_path, ESIF, ",Fond,", ",Fund,"))


def test_unknown_column_is_named(tmp_path: Path) -> None:
    path = changed(tmp_path, ESIF, ",Fond,", ",Fond,OIB,")
    assert "a column 'OIB'" in failure("esif", path)


def test_open_quote_is_told(tmp_path: Path) -> None:
    path = changed(tmp_path, ESIF, "Drugi opis istog vrta.", '"Drugi opis')
    assert "check the quotation marks" in failure("esif", path)


def test_empty_missing_and_large_files_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "is empty" in failure("esif", written(tmp_path, b""))
    assert "There is no file" in failure("esif", tmp_path / "nothing.csv")
    assert "There is no file" in failure("esif", tmp_path)
    monkeypatch.setattr(kg.imports.sources, "MAX_FILE", 10)
    assert "larger than 200 MB" in failure("esif", ESIF)


# Imports


def counts(report: ImportReport) -> dict[str, Any]:
    found = report.as_dict()
    return {k: found[k] for k in ("rows", "accepted", "unchanged", "kept", "merged", "refused")}


def test_import_counts_every_row_once(intake: Intake) -> None:
    seen: list[int] = []
    report = import_file(intake, "esif", ESIF, progress=seen.append)
    assert counts(report) == {
        "rows": 9, "accepted": 3, "unchanged": 0, "kept": 0, "merged": 1, "refused": 5,
    }  # fmt: skip
    found = report.as_dict()
    assert (found["source"], found["file"]) == ("esif", "esif.csv")
    assert [r["row"] for r in found["refusals"]] == [7, 8, 9, 11, 12]
    assert found["refusals"][0]["problems"][0]["value"] == "31.02.2019"
    assert found["accepted_with_warnings"] == 3
    assert found["warnings_by_message"]["'ATLANTIDA' is not known here."] == 1
    assert seen == [9]


def test_second_import_changes_nothing(intake: Intake) -> None:
    import_file(intake, "susy", SUSY)
    version = intake.store.version()
    report = import_file(intake, "susy", SUSY)
    assert (report.accepted, report.unchanged, len(report.refusals)) == (0, 3, 5)
    assert intake.store.version() == version


def test_changed_row_replaces_its_entry_alone(intake: Intake, tmp_path: Path) -> None:
    import_file(intake, "susy", SUSY)
    path = changed(tmp_path, SUSY, "Beispielgarten", "Mustergarten")
    report = import_file(intake, "susy", path)
    assert (report.accepted, report.unchanged) == (1, 2)


def test_entry_that_somebody_edited_is_kept(intake: Intake) -> None:
    import_file(intake, "susy", SUSY)
    entry = intake.store.get(f"{BASE}id/practice/susy-aa02")
    fewer = [t for t in entry.triples if t.predicate.value != PSR + "sourceTag"]
    intake.replace(replace(entry, triples=tuple(fewer)), "editor")
    report = import_file(intake, "susy", SUSY)
    assert (report.kept, report.unchanged) == (1, 2)
    assert intake.store.get(entry.iri).texts(PSR + "sourceTag") == []


def test_limit_stops_early(intake: Intake) -> None:
    assert import_file(intake, "susy", SUSY, limit=2).rows == 2


def test_broken_file_stores_nothing(intake: Intake, tmp_path: Path) -> None:
    version = intake.store.version()
    with pytest.raises(ImportFailed):
        import_file(intake, "susy", written(tmp_path, SUSY.read_bytes()[:2000]))
    assert intake.store.version() == version


def test_missing_territory_is_refused_by_the_shapes(validator: Validator) -> None:
    report = import_file(Intake(EmbeddedStore(BASE), validator), "esif", ESIF)
    assert report.accepted == 0
    messages = {p.message for _, problems in report.refusals for p in problems}
    assert any("territor" in message or "region" in message for message in messages)


# The whole files as published


@pytest.fixture(scope="module")
def whole(validator: Validator) -> Intake:
    if not WHOLE.is_dir():
        pytest.skip("the published files are not in ../shared/data/sources")
    store = EmbeddedStore(BASE)
    entries = [Change(e.iri, e) for e in territories(BASE)]
    store.write(
        [*entries, *(stub("instrument", s, "Instrument") for s in INSTRUMENTS)], "t", "create"
    )
    return Intake(store, validator)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "file", "expected"),
    [
        ("susy", "susy_initiatives.geojson", (1794, 1553, 0, 241)),
        ("esif", "esif_croatia.csv", (2532, 1215, 1317, 0)),
    ],
)
def test_whole_file(whole: Intake, name: str, file: str, expected: tuple[int, ...]) -> None:
    report = import_file(whole, name, WHOLE / file)
    assert (report.rows, report.accepted, report.merged, len(report.refusals)) == expected
    version = whole.store.version()
    again = import_file(whole, name, WHOLE / file)
    assert (again.accepted, again.unchanged) == (0, report.accepted)
    assert whole.store.version() == version
