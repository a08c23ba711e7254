"""What the shapes say of an entry, in words a person can act on."""

from __future__ import annotations

import pytest

from kg.entries.validation import MAX_PARTS, MAX_PROBLEMS, MAX_STATEMENTS, Report, Validator
from kg.entry import Entry
from kg.errors import Problem
from kg.stores.embedded import EmbeddedStore
from kg.vocabulary import PSH
from tests.kg.helpers import ID, PRACTICE, practice, turtle, world


@pytest.fixture(scope="module")
def check(still_store: EmbeddedStore, validator: Validator) -> Check:
    return Check(still_store, validator)


class Check:
    """Validates against the small world."""

    def __init__(self, store: EmbeddedStore, validator: Validator) -> None:
        self.store, self.validator = store, validator

    def __call__(self, entry: Entry) -> Report:
        return self.validator.validate(entry, self.store.kinds)

    def violation(self, entry: Entry) -> Problem:
        (found,) = self(entry).violations
        return found


@pytest.mark.parametrize("iri", list(world()))
def test_the_small_world_conforms(check: Check, iri: str) -> None:
    report = check(world()[iri])
    assert report.violations == []
    assert report.conforms


@pytest.mark.parametrize(
    ("lines", "path", "message"),
    [
        ({"title": ""}, "dct:title", "An entry needs a title"),
        ({"title": "dct:title 'Bare'"}, "dct:title", "says its language"),
        ({"title": "dct:title 'A'@en, 'B'@en"}, "dct:title", "one per language"),
        ({"title": "dct:title ' '@en"}, "dct:title", "needs a title"),
        ({"title": f"dct:title '{'x' * 201}'@en"}, "dct:title", "at most 200"),
        ({"spatial": ""}, "dct:spatial", "needs the country"),
        ({"spatial": "dct:spatial <id/territory/XX>"}, "dct:spatial", "needs the country"),
        ({"spatial": "dct:spatial <id/actor/menders>"}, "dct:spatial", "needs the country"),
        ({"a": "psr:addresses <id/practice/repair-cafe>"}, "psr:addresses", "as a challenge"),
        ({"a": "psr:checkedOn '31.02.2019'^^xsd:date"}, "psr:checkedOn", "one date"),
        ({"a": "psr:checkedOn '2019-02-31'^^xsd:date"}, "psr:checkedOn", "one date"),
        ({"a": "psr:checkedOn '31.02.2019'"}, "psr:checkedOn", "one date"),
        ({"a": "schema:startDate '31.02.2019'^^xsd:date"}, "schema:startDate", "one year"),
        ({"a": "dct:subject theme:nothing"}, "dct:subject", "list of themes"),
        ({"a": "dct:subject role:lead"}, "dct:subject", "list of themes"),
        ({"a": "dct:subject <http://elsewhere.example/>"}, "dct:subject", "list of themes"),
        ({"a": "dct:subject true"}, "dct:subject", "list of themes"),
        ({"a": "psr:adaptedFrom <id/actor/menders>"}, "psr:adaptedFrom", "practice"),
    ],
)
def test_a_fault_is_told_once_with_its_field_and_a_hint(
    check: Check, lines: dict[str, str], path: str, message: str
) -> None:
    found = {(p.path, p.message): p for p in check(practice(**lines)).violations}
    assert [p for p, _ in found] == [path]
    (problem,) = found.values()
    assert message in problem.message
    assert problem.hint
    assert str(problem.shape).startswith(PSH)


def test_the_value_at_fault_is_told(check: Check) -> None:
    found = check.violation(practice(spatial="dct:spatial <id/territory/XX>"))
    assert found.value == f"{ID}territory/XX"
    assert found.as_dict() == {
        "path": "dct:spatial",
        "value": f"{ID}territory/XX",
        "message": "A practice needs the country, region or municipality where it takes place.",
        "hint": "Choose at least one country, region or municipality from the list of territories.",
        "shape": f"{PSH}Practice-spatial",
        "severity": "violation",
    }


def test_a_long_value_is_shortened(check: Check) -> None:
    found = check.violation(practice(title=f"dct:title '{'x' * 2_000}'@en"))
    assert found.value == "x" * 500


@pytest.mark.parametrize(
    ("part", "path"),
    [
        (
            "psr:hasInvolvement [ a psr:Involvement ; psr:role role:lead ]",
            "involvement-1/psr:actor",
        ),
        (
            "psr:hasInvolvement [ a psr:Involvement ; psr:role role:lead ;"
            " psr:actor <id/practice/repair-cafe> ]",
            "involvement-1/psr:actor",
        ),
        (
            "psr:hasOutcome [ a psr:Outcome ; dct:description 'Bare' ]",
            "outcome-1/dct:description",
        ),
    ],
)
def test_faults_of_nested_parts_name_the_part(check: Check, part: str, path: str) -> None:
    paths = [p.path for p in check(practice(part=part)).violations]
    assert path in paths
    assert set(paths) <= {path, "psr:hasInvolvement", "psr:hasOutcome"}


def test_an_alternative_of_two_fields_is_told_by_the_shape(check: Check) -> None:
    assert check.violation(practice(solution="")).path == f"{PSH}Practice-text"


def test_warnings_do_not_stop_an_entry(check: Check) -> None:
    report = check(practice(extra="psr:misspelt 'x'@en"))
    assert report.conforms
    assert {"psr:misspelt", "dct:source"} <= {p.path for p in report.warnings}
    assert all(p.severity == "warning" for p in report.warnings)
    assert len(report.problems) == len(report.warnings)


def test_problems_come_in_a_stable_order(check: Check) -> None:
    entry = practice(title="", spatial="", extra="psr:misspelt 'x'")
    reports = [check(entry) for _ in range(3)]
    assert reports[0] == reports[1] == reports[2]
    kinds = [p.severity for p in reports[0].problems]
    assert kinds == sorted(kinds)


def test_an_entry_may_not_vouch_for_what_it_links_to(check: Check) -> None:
    """Only the store says what a thing is; here the link points to the practice itself."""
    entry = practice(spatial="dct:spatial <id/practice/library>")
    assert check.violation(entry).path == "dct:spatial"


def test_stubs_are_not_checked_themselves(check: Check) -> None:
    paths = {p.path for p in check(world()[PRACTICE]).problems}
    assert not paths & {"psr:countryCode", "psr:actorType", "psr:territoryLevel"}


# Many at once


def test_many_entries_get_the_reports_they_get_alone(check: Check) -> None:
    entries = [
        practice("good"),
        practice("bare", title="dct:title 'Bare'"),
        practice("lost", spatial="dct:spatial <id/territory/XX>"),
        *world().values(),
    ]
    together = check.validator.validate_many(entries, check.store.kinds)
    assert together == {entry.iri: check(entry) for entry in entries}
    assert [e.slug for e in entries if not together[e.iri].conforms] == ["bare", "lost"]


def test_entries_of_one_batch_may_link_to_each_other(check: Check) -> None:
    new = turtle(
        '<id/territory/new> a psr:Territory ; dct:title "New"@en ; psr:countryCode "HR" ;'
        " psr:territoryLevel level:municipality ; dct:isPartOf <id/territory/HR035> ."
    )
    there = practice(spatial="dct:spatial <id/territory/new>")
    assert not check(there).conforms
    reports = check.validator.validate_many([there, new], check.store.kinds)
    assert all(report.conforms for report in reports.values())


def test_no_entries_have_no_reports(check: Check) -> None:
    assert check.validator.validate_many([], check.store.kinds) == {}


def test_the_shapes_are_as_before_after_a_run(check: Check) -> None:
    before = len(check.validator.shapes)
    check(practice())
    assert len(check.validator.shapes) == before


# Bounds


def large(parts: int = 0, links: int = 0, texts: int = 0) -> Entry:
    sees = ", ".join(f"<http://e.example/{n}>" for n in range(links))
    names = ", ".join(f"'a{n}'@en" for n in range(texts))
    return practice(
        outcomes="; ".join(["psr:hasOutcome [ a psr:Outcome ]"] * parts),
        links=f"rdfs:seeAlso {sees}" if links else "",
        texts=f"dct:alternative {names}" if texts else "",
    )


@pytest.mark.parametrize(
    ("entry", "count"),
    [
        (large(parts=MAX_PARTS), "301 parts; at most 300"),
        (large(links=MAX_STATEMENTS), "at most 2,000"),
    ],
)
def test_an_entry_that_is_too_large_is_refused_without_a_run(
    check: Check, entry: Entry, count: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("the shapes were run")

    with monkeypatch.context() as patched:
        patched.setattr("pyshacl.Shape.validate", forbidden)
        report = check.validator.validate(entry, check.store.kinds)
    assert not report.conforms
    assert count in report.problems[0].message
    assert report.problems[0].hint
    both = check.validator.validate_many([entry, practice("small")], check.store.kinds)
    assert [r.conforms for r in both.values()] == [False, True]


def test_no_graph_is_counted(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """With each result it would take time that grows with the square of an entry's size."""

    def forbidden(*_: object) -> int:
        raise AssertionError("all statements were counted")

    monkeypatch.setattr("rdflib.plugins.stores.memory.SimpleMemory.__len__", forbidden)
    assert check(large(links=3, texts=3)).warnings


def test_as_many_parts_and_texts_as_are_allowed_are_checked(check: Check) -> None:
    assert check(large(texts=2_500)).conforms
    report = check(large(parts=MAX_PARTS - 1))
    assert {p.path.partition("/")[2] for p in report.violations} >= {"dct:description"}


def test_no_more_problems_are_told_than_anybody_reads(check: Check) -> None:
    report = check(large(links=1_500))
    assert len(report.problems) == MAX_PROBLEMS + 1
    assert "more problems are not listed" in report.problems[-1].message
    assert report.conforms
    worse = check(practice(stage=f"psr:stage {', '.join(f'<id/x{n}>' for n in range(900))}"))
    assert not worse.conforms
    assert {p.severity for p in worse.problems} == {"violation"}


def test_a_twin_has_the_same_shapes_and_a_lock_of_its_own(check: Check) -> None:
    twin = check.validator.twin()
    assert twin.validate(practice(), check.store.kinds) == check(practice())
    assert not twin.validate(practice(spatial=""), check.store.kinds).conforms
    with check.validator._lock:  # held by a writer: the twin goes on
        assert twin.validate(practice(), check.store.kinds).conforms
