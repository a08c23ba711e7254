from __future__ import annotations

import gc
import json
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from kg import starter
from kg.entries import history
from kg.entries.reading import read_entry
from kg.errors import NotFound, StoreUnusable
from kg.ledger.ledger import Note
from matcher.encoding.embedder import Matrix, ModelUnusable
from service import create_app
from service.core.runtime import STARTER, Runtime, open_graph
from service.core.settings import Settings
from tests.fake_embedder import HashingEmbedder
from tests.service.conftest import BASE, practice, until

DOM = f"{BASE}id/practice/dom-mladih-split"


def test_the_first_start_loads_the_starter_graph_in_one_write(home: Path) -> None:
    store = open_graph(Settings(home=home)).store
    assert store.version() == 1
    assert sum(1 for _ in store.entries()) == sum(1 for _ in starter.entries(BASE))
    seen = store.provenance(DOM)
    assert seen is not None
    assert seen.agent == "starter"
    assert json.loads(store.ledger.value(STARTER) or "")["digest"] == starter.digest()


def test_a_changed_starter_graph_keeps_what_was_edited_and_tells(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = open_graph(Settings(home=home))
    slug = "dom-mladih-split"
    edited = read_entry(practice(slug, title="Edited"), "text/turtle", BASE)
    first.replace(edited, "city-of-split")
    twin, kept = (f"{BASE}id/challenge/{name}" for name in ("food-waste", "food-poverty"))
    history.merge(first, twin, kept, "city-of-split", Note())
    unused = read_entry(practice("unused"), "text/turtle", BASE)
    first.create(unused, "starter")
    first.delete(unused.iri, "city-of-split")
    fresh = read_entry(practice("fresh"), "text/turtle", BASE)
    others = [e for e in starter.entries(BASE) if e.path in {"practice", "challenge"}]
    given = [*others, unused, fresh]
    moved = [e.iri for e in first.store.several([e.iri for e in given]) if kept in e.linked()]
    del first
    gc.collect()
    monkeypatch.setattr(starter, "digest", lambda: "another")
    monkeypatch.setattr(starter, "entries", lambda base: iter(given))
    second = open_graph(Settings(home=home)).store
    assert second.get(DOM) == edited
    assert second.get(fresh.iri) == fresh
    for iri in (twin, unused.iri):  # merged and removed here
        with pytest.raises(NotFound):
            second.get(iri)
    note = json.loads(second.ledger.value(STARTER) or "")
    assert (note["digest"], note["refused"]) == ("another", [])
    assert {DOM, twin, unused.iri, *moved} <= set(note["kept"])
    assert moved
    assert f"{len(note['kept'])} edited" in caplog.text
    assert all(kept in second.get(iri).linked() for iri in moved)


def test_a_home_of_another_base_is_refused(home: Path) -> None:
    with pytest.raises(StoreUnusable, match="PASSERELLE_BASE"):
        open_graph(Settings(home=home, base="https://other.example/"))


def test_a_home_in_use_is_refused(runtime: Runtime) -> None:
    with pytest.raises(StoreUnusable, match="another process"):
        open_graph(runtime.settings)


class SlowEmbedder(HashingEmbedder):
    """Waits until it may answer; fails as long as it is told to."""

    words = "the disk is full"

    def __init__(self) -> None:
        self.may = threading.Event()
        self.fails = False

    def encode(self, texts: object) -> Matrix:
        assert self.may.wait(30)
        if self.fails:
            raise OSError(self.words)
        return super().encode(texts)  # type: ignore[arg-type]


def test_ready_waits_for_the_model(home: Path) -> None:
    model = SlowEmbedder()
    with Runtime(Settings(home=home), model) as runtime:
        client = create_app(runtime).test_client()
        answer = client.get("/ready")
        assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
        assert answer.headers["Retry-After"]
        assert client.get("/health").status_code == 200
        model.may.set()
        assert until(lambda: client.get("/ready").status_code == 200)


def test_a_write_stays_when_embedding_fails_and_the_index_catches_up(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("service.core.runtime.RETRY", 0.01)
    model = SlowEmbedder()
    model.may.set()
    with Runtime(Settings(home=home), model) as runtime:
        assert runtime.wait_ready(30)
        model.fails = True
        entry = read_entry(practice("stays"), "text/turtle", BASE)
        runtime.intake.create(entry, "someone")
        runtime.written()
        assert until(lambda: "could not follow" in caplog.text)
        assert runtime.ready
        assert runtime.store.get(entry.iri) == entry
        assert runtime.matcher.index.lag() == 1
        model.fails = False
        assert until(lambda: runtime.matcher.index.lag() == 0)
        assert runtime.matcher.failed == 0
    assert not runtime.ready
    assert "OSError" in caplog.text
    assert "the disk is full" not in caplog.text


class PickyEmbedder(HashingEmbedder):
    """Fails at every text with a certain word in it, quoting it."""

    def encode(self, texts: Sequence[str]) -> Matrix:
        if bad := [text for text in texts if "poisonous" in text]:
            raise RuntimeError(f"cannot read {bad[0]}")
        return super().encode(texts)


def test_an_entry_that_cannot_be_embedded_keeps_nothing_else_back(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Runtime(Settings(home=home), PickyEmbedder()) as runtime:
        assert runtime.wait_ready(30)
        client = create_app(runtime).test_client()
        names = {"bad": "A poisonous title", "good": "Rides for all", "worse": "Very poisonous"}
        for slug, title in names.items():
            entry = read_entry(practice(slug, title=title), "text/turtle", BASE)
            runtime.intake.create(entry, "someone")
        runtime.written()
        assert until(lambda: runtime.matcher.index.lag() == 0)
        state = {"status": "ready", "index_lag": 0, "failed": 2}
        assert client.get("/ready").get_json() == state
        assert client.get("/api/stats").get_json()["failed"] == 2
        assert b"passerelle_index_failed 2" in runtime.metrics.text()
        asked = {"text": "Rides for all", "limit": 3}
        found = client.post("/api/match/similar", json=asked).get_json()["matches"]
        assert f"{BASE}id/practice/good" in {m["entry"] for m in found}
        assert client.get("/id/practice/bad", headers={"Accept": "text/html"}).status_code == 200
        asked = {"entry": f"{BASE}id/practice/bad"}
        refusal = client.post("/api/match/similar", json=asked)
        assert (refusal.status_code, refusal.get_json()["problems"][0]["path"]) == (422, "text")
    for slug in ("bad", "worse"):
        assert f"{BASE}id/practice/{slug} cannot be read by the model" in caplog.text
    assert "poisonous" not in caplog.text


class NoModel(HashingEmbedder):
    """A model whose folder is damaged; counts how often it was tried."""

    tried = 0

    def encode(self, texts: Sequence[str]) -> Matrix:
        NoModel.tried += 1
        raise ModelUnusable("The model /m cannot be loaded; download it anew.")


def test_a_model_that_can_never_be_used_is_said_and_not_tried_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.core.runtime.RETRY", 0.01)
    with Runtime(Settings(home=home), NoModel()) as runtime:
        assert not runtime.wait_ready(30)
        runtime._thread.join(30)
        assert not runtime._thread.is_alive()
        assert NoModel.tried == 1
        client = create_app(runtime).test_client()
        answer = client.get("/ready")
        assert answer.status_code == 503
        assert answer.get_json()["detail"] == "The model /m cannot be loaded; download it anew."
        assert client.get("/health").status_code == 200
