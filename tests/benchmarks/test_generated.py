"""Made-up practices are what the guard lets in, in all languages, and the same each time."""

from __future__ import annotations

from benchmarks.generated import LANGUAGES, practices
from kg.entries.intake import Intake
from kg.entries.validation import Validator
from kg.stores.embedded import EmbeddedStore
from matcher.encoding import text
from tests.conftest import BASE


def test_generated_practices_pass_the_shapes_and_are_the_same_again(
    starter_store: EmbeddedStore,
) -> None:
    intake = Intake(starter_store, Validator())
    entries = list(practices(BASE, len(LANGUAGES), first=90))
    problems = [p for entry in entries for p in intake.check(entry).problems]
    assert [p for p in problems if p.severity != "warning"] == []
    assert {facet.lang for entry in entries for facet in text.facets(entry)} == {*LANGUAGES}
    assert [e.n_triples() for e in practices(BASE, 2, first=92)] == [
        entry.n_triples() for entry in entries[2:4]
    ]
