"""What is noted of a query: how long, how much, which limit; never what or by whom."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from kg.errors import LimitExceeded
from kg.sparql.query import Result
from service import create_app
from service.cli.commands import main
from service.core import query_log
from service.core.metrics import Metrics
from service.core.query_log import QueryLog, read
from service.core.runtime import Runtime
from service.core.settings import Settings
from tests.fake_embedder import HashingEmbedder
from tests.service.conftest import practice, until

SECRET = "SELECT ?x { BIND('a very private question' AS ?x) }"


def test_an_answer_is_noted_without_its_text(client: FlaskClient, runtime: Runtime) -> None:
    client.get("/sparql", query_string={"query": SECRET})
    runtime.query_log.flush()
    seen = next(read(runtime.settings.home))
    assert seen.hash == hashlib.sha256(SECRET.encode()).hexdigest()[:16]
    assert (seen.outcome, seen.form, seen.format, seen.rows) == ("answered", "SELECT", "json", 1)
    assert seen.milliseconds > 0
    text = (runtime.settings.home / query_log.FILE).read_text()
    assert "private" not in text
    assert "127.0.0.1" not in text


@pytest.mark.parametrize(
    ("query", "outcome"),
    [("SELEC", "Malformed"), ("DROP ALL", "QueryRefused"), ("ASK { ?s ?p }", "Malformed")],
)
def test_what_is_refused_is_noted(
    client: FlaskClient, runtime: Runtime, query: str, outcome: str
) -> None:
    client.get("/sparql", query_string={"query": query})
    runtime.query_log.flush()
    assert next(read(runtime.settings.home)).outcome == outcome


def test_the_log_can_be_read_soon(client: FlaskClient, runtime: Runtime) -> None:
    query = "ASK { <urn:soon> ?p ?o }"
    client.get("/sparql", query_string={"query": query})
    wanted = hashlib.sha256(query.encode()).hexdigest()[:16]
    assert until(lambda: wanted in {seen.hash for seen in read(runtime.settings.home)}, 5)


def test_a_limit_is_noted_and_counted(tmp_path: Path) -> None:
    metrics = Metrics()
    log = QueryLog(tmp_path, metrics)
    with pytest.raises(LimitExceeded), log.watch("ASK {}"):
        raise LimitExceeded("too slow", "time")
    with log.watch("ASK {}") as seen:
        seen.answered("ASK", "json", Result("boolean", 1, b"{}", 7), similar=True)
    log.close()
    latest, first = read(tmp_path)
    assert (first.outcome, first.limit) == ("LimitExceeded", "time")
    assert (latest.bytes, latest.version, latest.similar) == (2, 7, True)
    text = metrics.text().decode()
    assert 'passerelle_sparql_queries_total{limit="time",outcome="LimitExceeded"} 1.0' in text
    assert "passerelle_sparql_seconds_count 2.0" in text


def test_the_log_is_bounded_and_read_latest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_log, "SIZE", 1_000)
    log = QueryLog(tmp_path, Metrics())
    for number in range(60):
        with log.watch(str(number)):
            pass
        log.flush()
    log.close()
    files = list((tmp_path / "log").iterdir())
    assert len(files) == query_log.KEPT + 1
    assert sum(file.stat().st_size for file in files) < 1_300 * (query_log.KEPT + 1)
    hashes = [seen.hash for seen in read(tmp_path)]
    wanted = [hashlib.sha256(str(n).encode()).hexdigest()[:16] for n in range(59, -1, -1)]
    assert hashes == wanted[: len(hashes)]
    assert len(hashes) > 20


def note(log: QueryLog, text: str = "ASK {}") -> None:
    with log.watch(text) as seen:
        seen.answered("ASK", "json", Result("boolean", 1, b"{}", 7), similar=False)


def _full(path: Path) -> None:
    """Put a file there that can be read and never be written."""
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/full")


def _without_folder(path: Path) -> None:
    path.parent.unlink()


#: what is wrong with the place of the log, and how that is mended
SPOILED: list[tuple[Callable[[Path], None], Callable[[Path], None]]] = [
    (lambda path: path.mkdir(parents=True), Path.rmdir),
    (lambda path: path.parent.touch(), _without_folder),
    (_full, Path.unlink),
]


def test_no_query_fails_for_a_log_that_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever stands in its place: it is said once, and it goes on when there is room again."""
    for number, (spoil, mend) in enumerate(SPOILED):
        home = tmp_path / str(number)
        home.mkdir()
        caplog.clear()
        spoil(home / query_log.FILE)
        log = QueryLog(home, Metrics())
        for _ in range(3):
            note(log)
            log.flush()
        assert len(caplog.records) == 1, caplog.text
        assert "cannot be written" in caplog.text
        mend(home / query_log.FILE)
        note(log, "ASK { ?a ?b ?c }")
        log.close()
        assert [seen.hash for seen in read(home)] == ["956984da698b240d"]


def test_a_log_that_was_removed_is_begun_again(tmp_path: Path) -> None:
    log = QueryLog(tmp_path, Metrics())
    note(log)
    log.flush()
    shutil.rmtree(tmp_path / "log")
    note(log)
    log.close()
    assert len(list(read(tmp_path))) == 1


def test_a_full_disk_costs_no_answer_and_no_follower(home: Path) -> None:
    _full(home / query_log.FILE)
    settings = Settings(home=home, rate=10.0**6, burst=10**6)
    with Runtime(settings, HashingEmbedder()) as runtime:
        assert runtime.wait_ready(60)
        client = create_app(runtime).test_client()
        for _ in range(150):  # more than the buffer of the file holds
            answer = client.get("/sparql", query_string={"query": "ASK {}"})
            assert answer.status_code == 200
        runtime.query_log.flush()
        entry = practice("a-bus-again")
        headers = {"Authorization": f"Bearer {runtime.tokens.create('test')}"}
        client.post("/api/entries", data=entry, content_type="text/turtle", headers=headers)
        assert until(lambda: runtime.matcher.index.lag() == 0)


def test_broken_lines_are_left_out(tmp_path: Path) -> None:
    log = QueryLog(tmp_path, Metrics())
    note(log)
    log.close()
    path = tmp_path / query_log.FILE
    whole = path.read_bytes()
    broken = [whole[:40], b"\xff\xfe", b"[]", b"{}", b'"text"', b"null", b'{"when": 1}', b"\0" * 9]
    path.write_bytes(whole + b"\n".join(broken) + b"\n" + whole)
    (tmp_path / (query_log.FILE + ".1")).write_bytes(b"{")
    assert len(list(read(tmp_path))) == 2
    result = CliRunner().invoke(main, ["queries", "--home", str(tmp_path), "--json"])
    assert (result.exit_code, json.loads(result.output)["total"]) == (0, 2)


def test_the_figures_are_given_to_prometheus(
    client: FlaskClient, runtime: Runtime, auth: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get("/sparql", query_string={"query": "ASK {}"})
    statuses = [client.get("/metrics", headers=headers).status_code for headers in ({}, auth)]
    assert statuses == [404, 403]
    token = runtime.tokens.create("prometheus", "administrator")
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    monkeypatch.setattr(runtime, "settings", replace(runtime.settings, metrics=True))
    assert client.get("/metrics").status_code == 200
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    for name in ("sparql_queries_total", "http_requests_total", "data_version", "index_lag"):
        assert f"\npasserelle_{name}" in answer.text
    assert json.dumps(SECRET) not in answer.text
