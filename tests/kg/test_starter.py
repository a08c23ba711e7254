"""The starter graph: true to the shapes, whole, sourced, and without anybody's contact data."""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg import starter
from kg.entries.reading import read_entry
from kg.entries.validation import Validator
from kg.entry import Entry, top_class
from kg.stores.embedded import EmbeddedStore
from kg.vocabulary import CLASSES, DCT, PSR, SCHEMA, VOC, vocabulary
from tests.kg.helpers import BASE, ID, NTRIPLES

OTHER = "https://graph.other.example/si/"
E_MAIL = re.compile(r"[\w.+-]+(?:@|\s*[\[(]at[\])]\s*)[\w-]+\.[a-z]{2,}", re.IGNORECASE)
PHONE = re.compile(
    r"(?:\+|\b00)\d{1,3}[\s()/.-]*\d(?:[\s()/.-]*\d){5,}|\b(?:tel|phone)\b\.?:?\s*\d", re.I
)


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return list(starter.entries(BASE))


@pytest.fixture(scope="module")
def others(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.path != "territory"]


@pytest.fixture(scope="module")
def practices(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.path == "practice"]


def territories(entries: list[Entry]) -> list[Entry]:
    """Every tenth territory, and all countries."""
    found = [entry for entry in entries if entry.path == "territory"]
    countries = [
        e for e in found if e.links(PSR + "territoryLevel") == [VOC + "territory-level/country"]
    ]
    return list({e.iri: e for e in [*found[::10], *countries]}.values())


def violations(entries: list[Entry], store: EmbeddedStore, validator: Validator) -> list[str]:
    found = []
    for start in range(0, len(entries), 200):
        reports = validator.validate_many(entries[start : start + 200], store.kinds)
        found += [f"{iri}: {p}" for iri, r in reports.items() for p in r.violations]
    return found


@pytest.mark.slow
def test_no_entry_violates_a_shape(
    others: list[Entry], starter_store: EmbeddedStore, validator: Validator
) -> None:
    assert violations(others, starter_store, validator) == []


@pytest.mark.slow
def test_no_territory_violates_a_shape(
    entries: list[Entry], starter_store: EmbeddedStore, validator: Validator
) -> None:
    chosen = territories(entries)
    assert len(chosen) > 220
    assert violations(chosen, starter_store, validator) == []


@pytest.mark.parametrize(
    ("path", "least"),
    [("practice", 55), ("actor", 180), ("transfer", 140), ("instrument", 30), ("challenge", 30),
     ("territory", 2_000), ("plan", 1), ("community", 2), ("call", 1)],
)  # fmt: skip
def test_there_are_enough(entries: list[Entry], path: str, least: int) -> None:
    assert sum(entry.path == path for entry in entries) >= least


def test_every_entry_comes_once_under_the_path_of_its_class(entries: list[Entry]) -> None:
    twice = [iri for iri, times in Counter(e.iri for e in entries).items() if times > 1]
    assert twice == []
    assert [e.iri for e in entries if top_class(e) != e.path or e.path not in CLASSES] == []
    assert [e.iri for e in entries if not e.iri.startswith(ID)] == []


def test_no_link_leads_nowhere(entries: list[Entry]) -> None:
    known = {node for entry in entries for node in entry.nodes()} | set(vocabulary().scheme)
    lost = {
        (entry.iri, triple.object.value)
        for entry in entries
        for triple in entry.triples
        if isinstance(triple.object, ox.NamedNode)
        and triple.object.value.startswith((BASE, VOC))
        and triple.object.value not in known
    }
    assert lost == set()


def test_every_nested_part_is_linked(entries: list[Entry]) -> None:
    for entry in entries:
        linked = {t.object.value for t in entry.triples if isinstance(t.object, ox.NamedNode)}
        assert set(entry.nodes()) - {entry.iri} <= linked, entry.iri


def words(entry: Entry) -> int:
    return sum(
        len((entry.text(PSR + name) or "").split()) for name in ("problem", "solution", "context")
    )


def test_practices_are_told_in_100_to_250_words(practices: list[Entry]) -> None:
    assert {e.iri: words(e) for e in practices if not 100 <= words(e) <= 250} == {}


def test_practices_have_sources_and_places(practices: list[Entry]) -> None:
    for entry in practices:
        sources = entry.links(DCT + "source")
        assert sources, entry.iri
        assert all(source.startswith("http") for source in sources)
        assert entry.links(DCT + "spatial"), entry.iri


def test_every_entry_has_a_source(entries: list[Entry]) -> None:
    bare = [e.iri for e in entries if not e.links(DCT + "source")]
    assert bare == []


def test_titles_say_their_language(entries: list[Entry]) -> None:
    assert [e.iri for e in entries if e.text(DCT + "title") is None] == []
    assert [t for e in entries for t in e.texts(DCT + "title") if t.lang == "und"] == []


def test_nobody_can_be_reached_by_what_is_written(entries: list[Entry]) -> None:
    found = [
        (entry.iri, triple.object.value)
        for entry in entries
        for triple in entry.triples
        if isinstance(triple.object, ox.Literal | ox.NamedNode)
        and (E_MAIL.search(triple.object.value) or PHONE.search(triple.object.value))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "pattern"),
    [("write to a.b@c.eu", E_MAIL), ("a [at] c.eu", E_MAIL), ("+385 (0)21 123-456", PHONE),
     ("Tel. 021 123456", PHONE), ("0038521123456", PHONE)],
)  # fmt: skip
def test_the_patterns_see_contact_data(text: str, pattern: re.Pattern[str]) -> None:
    assert pattern.search(text)


def test_the_base_is_rewritten_everywhere(others: list[Entry]) -> None:
    moved = [entry for entry in starter.entries(OTHER) if entry.path != "territory"]
    assert len(moved) == len(others)
    for old, new in zip(others, moved, strict=True):
        text = new.n_triples()
        assert BASE not in text
        assert new.iri == old.iri.replace(BASE, OTHER)
        lines = text.replace(OTHER, BASE).splitlines()
        assert sorted(lines) == sorted(old.n_triples().splitlines()), old.iri


def test_territories_of_another_base(entries: list[Entry]) -> None:
    first = next(starter.territories(OTHER))
    assert first.iri.startswith(f"{OTHER}id/territory/")
    assert BASE not in first.n_triples()


def test_entries_can_be_sent_back_as_they_are(entries: list[Entry]) -> None:
    """Who edits a starter entry sends it through the guard for strangers."""
    for entry in islice(entries, 0, None, 7):
        assert read_entry(entry.n_triples().encode(), NTRIPLES, BASE, iri=entry.iri) == entry


def test_territories_form_one_tree_per_country(entries: list[Entry]) -> None:
    places = {e.iri: e for e in entries if e.path == "territory"}
    for entry in places.values():
        iri, steps = entry.iri, 0
        while parents := places[iri].links(DCT + "isPartOf"):
            (iri,) = parents
            steps += 1
            assert steps < 6, entry.iri
        assert places[iri].links(PSR + "territoryLevel") == [VOC + "territory-level/country"]
        assert places[iri].texts(PSR + "countryCode") == entry.texts(PSR + "countryCode")


def test_territories_name_whom_the_facts_are_from(entries: list[Entry]) -> None:
    for entry in territories(entries):
        assert entry.texts(SCHEMA + "creditText")[0].value.startswith(
            ("Source: Eurostat", "GeoNames")
        )


def test_challenges_form_a_hierarchy_tied_to_principles_and_goals(entries: list[Entry]) -> None:
    found = [e for e in entries if e.path == "challenge"]
    tops = [e for e in found if not e.links("http://www.w3.org/2004/02/skos/core#broader")]
    assert 0 < len(tops) < len(found)
    for top in tops:
        assert top.links(PSR + "pillarPrinciple") or top.links(PSR + "goal"), top.iri


def test_the_digest_follows_the_files() -> None:
    assert re.fullmatch("[0-9a-f]{16}", starter.digest())
    assert starter.digest() == starter.digest()


def test_every_file_is_read(entries: list[Entry]) -> None:
    folder = Path(starter.__file__).parent
    names = {entry.iri.removeprefix(BASE) for entry in entries}
    for file in folder.glob("*.ttl"):
        (first, *_) = re.findall(r"^<(id/[^>#]+)>", file.read_text("utf-8"), re.MULTILINE)
        assert first in names, file.name
