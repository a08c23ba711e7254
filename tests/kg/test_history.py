"""The way back: former states, merges and undone changes; the guard holds for all of them."""

from __future__ import annotations

import pytest

from kg.entries import history
from kg.entries.intake import Intake
from kg.errors import Changed, Exists, Merged, NotFound, Refused, Removed
from kg.ledger.ledger import Note
from kg.vocabulary import DCT, PSR
from tests.kg.helpers import ACTOR, BASE, CHALLENGE, ID, PRACTICE, practice, turtle

A, B = f"{ID}practice/a", f"{ID}practice/b"
WHY = Note("by mistake")


def challenge(slug: str, title: str) -> str:
    text = f'<id/challenge/{slug}> a psr:Challenge ; dct:title "{title}"@en ;'
    return text + ' dct:description "It is hard."@en .'


def facing(slug: str, name: str) -> dict[str, str]:
    return {"link": f"psr:addresses <id/challenge/{name}>"}


# Restore


def test_a_former_state_becomes_a_new_version(intake: Intake) -> None:
    first = practice("a")
    intake.create(first, "ana")
    intake.replace(practice("a", problem='psr:problem "Spoilt."@en'), "bob")
    accepted = history.restore(intake, A, 2, "eve", WHY)
    assert (accepted.version, intake.store.get(A)) == (4, first)
    newest = history.versions(intake.store, A)[0]
    assert (newest.version, newest.by, newest.reason) == (4, "eve", "by mistake")


def test_a_removed_entry_comes_back_by_history_only(intake: Intake) -> None:
    first = practice("a")
    intake.create(first, "ana")
    intake.delete(A, "bob")
    for write in (intake.create, intake.replace):
        with pytest.raises(Removed) as error:
            write(first, "ana")
        assert (error.value.iri, error.value.version) == (A, 3)
    assert intake.gone(A)
    with pytest.raises(NotFound, match="is its removal"):
        history.restore(intake, A, 3, "eve", WHY)
    assert history.restore(intake, A, 2, "eve", WHY).version == 4
    assert intake.store.get(A) == first
    assert not intake.gone(A)
    with pytest.raises(Exists):
        intake.create(first, "ana")


def test_a_state_whose_links_are_gone_is_refused(intake: Intake) -> None:
    intake.create(turtle(challenge("tools", "Tools")), "ana")
    intake.create(practice("a", **facing("a", "tools")), "ana")
    intake.replace(practice("a"), "ana")
    intake.delete(f"{ID}challenge/tools", "ana")
    with pytest.raises(Refused) as error:
        history.restore(intake, A, 3, "eve", WHY)
    assert f"{ID}challenge/tools" in {problem.value for problem in error.value.problems}
    assert intake.store.get(A) == practice("a")


def test_a_restore_minds_the_version_that_was_seen(intake: Intake) -> None:
    intake.create(practice("a"), "ana")
    intake.replace(practice("a", problem='psr:problem "Spoilt."@en'), "bob")
    with pytest.raises(Changed):
        history.restore(intake, A, 2, "eve", WHY, expected=2)
    for version in (1, 99):
        with pytest.raises(NotFound):
            history.restore(intake, A, version, "eve", WHY)


# Merge


def test_two_entries_become_one_and_part_again(intake: Intake) -> None:
    store = intake.store
    intake.create(turtle(challenge("tools", "Tools")), "ana")
    intake.create(turtle(challenge("devices", "Devices")[:-2] + ' ; dct:identifier "d-7" .'), "ana")
    intake.create(practice("a", **facing("a", "devices")), "ana")
    old, kept = f"{ID}challenge/devices", f"{ID}challenge/tools"
    before = {iri: store.get(iri) for iri in (old, kept, A)}
    accepted = history.merge(intake, old, kept, "eve", WHY)
    assert store.get(kept).text(DCT + "identifier") == "d-7"
    assert store.get(A).links(PSR + "addresses") == [kept]
    with pytest.raises(NotFound):
        store.get(old)
    same = f"ASK {{ <{kept}> <http://www.w3.org/2002/07/owl#sameAs> <{old}> }}"
    assert store.select(same.replace("ASK", "SELECT (1 AS ?yes)"), {})
    fate = store.ledger.fate(old)
    assert fate is not None
    assert (fate.target, fate.version) == (kept, accepted.version)
    for write in (intake.create, intake.replace):
        with pytest.raises(Merged) as error:
            write(before[old], "ana")
        assert error.value.target == kept
    report = history.unmerge(intake, old, "eve", Note())
    assert set(report.restored) == {old, kept, A}
    assert {iri: store.get(iri) for iri in before} == before
    assert not store.select(same.replace("ASK", "SELECT (1 AS ?yes)"), {})
    with pytest.raises(NotFound, match="not merged"):
        history.unmerge(intake, old, "eve", Note())


def test_what_cannot_be_merged_is_told(intake: Intake) -> None:
    for entry in (practice("a"), practice("b"), practice("c")):
        intake.create(entry, "ana")
    with pytest.raises(Refused, match="into itself"):
        history.merge(intake, A, A, "eve", WHY)
    with pytest.raises(Refused, match="same class"):
        history.merge(intake, A, CHALLENGE, "eve", WHY)
    with pytest.raises(NotFound):
        history.merge(intake, A, f"{ID}practice/none", "eve", WHY)
    history.merge(intake, A, B, "eve", WHY)
    for iri, into in (
        (B, A),
        (A, B),
        (f"{ID}practice/c", A),
    ):  # in a circle, twice, into what is no more
        with pytest.raises(Merged) as error:
            history.merge(intake, iri, into, "eve", WHY)
        assert error.value.target == B
    intake.delete(B, "eve")
    with pytest.raises(Removed):
        history.merge(intake, f"{ID}practice/c", B, "eve", WHY)


# Undo


def test_a_job_is_undone_but_for_what_was_edited_since(intake: Intake) -> None:
    store, job = intake.store, Note(job="import-1")
    intake.create(practice("a"), "ana")
    spoilt = [practice(n, problem=f'psr:problem "Spoilt {n}."@en') for n in ("a", "b", "c")]
    intake.submit_many(spoilt, "import-x", keep_others=False, note=job)
    edited = practice("c", problem='psr:problem "Mended."@en')
    intake.replace(edited, "bob")
    numbers = store.ledger.of_job("import-1")
    before = store.version()
    planned = history.undo(intake, numbers, "operator", WHY, dry_run=True)
    assert (store.version(), planned.job) == (before, None)
    report = history.undo(intake, numbers, "operator", WHY)
    assert (report.restored, report.removed) == (planned.restored, planned.removed) == ((A,), (B,))
    assert report.left == planned.left == {f"{ID}practice/c": "bob changed it since."}
    assert store.get(A) == practice("a")
    assert intake.gone(B)
    assert store.get(f"{ID}practice/c") == edited
    assert report.job
    again = history.undo(
        intake, store.ledger.of_job(report.job), "operator", Note()
    )  # an undo of it
    assert set(again.restored) == {A, B}
    assert [store.get(entry.iri) for entry in spoilt[:2]] == spoilt[:2]


def test_what_a_token_did_since_a_time_is_undone(intake: Intake) -> None:
    store = intake.store
    intake.create(practice("a"), "thief")
    intake.delete(A, "thief")
    intake.create(practice("b"), "thief")
    intake.create(practice("c"), "ana")
    assert store.ledger.of_agent("thief", "2999-01-01") == []
    numbers = store.ledger.of_agent("thief", "2000-01-01")
    assert numbers == [2, 3, 4]
    report = history.undo(intake, numbers, "operator", WHY)
    assert (report.restored, report.removed, report.left) == ((), (B,), {})
    assert store.get(f"{ID}practice/c")
    report = history.undo(intake, numbers, "operator", WHY)
    assert (report.restored, report.removed) == ((), ())
    assert set(report.left) == {B}  # taken back before


def test_what_others_link_to_is_left(intake: Intake) -> None:
    intake.create(turtle(challenge("tools", "Tools")), "thief")
    intake.create(practice("a", **facing("a", "tools")), "ana")
    intake.create(practice("b", **facing("b", "tools")), "thief")
    numbers = intake.store.ledger.of_agent("thief", "2000-01-01")
    report = history.undo(intake, numbers, "operator", WHY)
    assert report.removed == (B,)
    assert "is linked from" in report.left[f"{ID}challenge/tools"]
    assert intake.store.get(A)


def test_more_than_a_lot_of_entries_are_undone_in_order(intake: Intake, short_lots: int) -> None:
    slugs = [f"n{number:03}" for number in range(3 * short_lots + 1)]
    entries = [turtle(challenge("root", "Root"))]
    entries += [practice(slug, **facing(slug, "root")) for slug in slugs]
    done = intake.submit_many(entries, "import-x", keep_others=False, note=Note(job="j"))
    assert len(done.added) == len(entries)
    report = history.undo(intake, intake.store.ledger.of_job("j"), "operator", WHY)
    assert (len(report.removed), report.left) == (len(entries), {})
    assert [e.iri for e in intake.store.entries("practice")] == [PRACTICE]
    assert ACTOR.startswith(BASE)
